//! Where a target takes a package from.

use pep440_rs::LocalSegment;
use pinsmith_resolver::{Accelerator, AcceleratorFamily, PackageName, Platform, Target, Version};

use super::{AcceleratorPattern, Index, MinorVersion, Pages, Table, WheelLocal};

/// Where a target takes a package from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The indexes that everything comes from.
    Main,
    /// An index that serves it for the target's accelerator.
    Index {
        /// Its address, with a final slash.
        url: String,
        /// Whether the main index is asked where this one has no such package.
        optional: bool,
    },
    /// Pages that list wheels of it, beside the main index.
    Pages {
        /// Them, in the order of the table.
        pages: Vec<Page>,
    },
}

/// A page that lists wheels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its address.
    pub url: String,
    /// The release of torch that its wheels are built for, where the address says so.
    pub torch: Option<MinorVersion>,
}

impl Table {
    /// Where a target takes a package from.
    ///
    /// ```
    /// use pinsmith::accelerator::{Route, Table};
    /// use pinsmith_resolver::Target;
    /// let mut target = Target::linux_x86_64((3, 12));
    /// target.accelerator = "cu128".parse()?;
    /// let route = Table::built_in().route(&"torch".parse()?, &target);
    /// let url = "https://download.pytorch.org/whl/cu128/".to_owned();
    /// assert_eq!(route, Route::Index { url, optional: false });
    /// assert_eq!(Table::built_in().route(&"requests".parse()?, &target), Route::Main);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn route(&self, name: &PackageName, target: &Target) -> Route {
        for index in &self.index {
            let optional = index.optional.contains(name);
            if (optional || index.packages.contains(name))
                && let Some(url) = index.address(target)
            {
                return Route::Index { url, optional };
            }
        }
        let pages = self.pages.iter();
        let pages = pages.filter(|pages| pages.packages.contains(name));
        let pages: Vec<Page> = pages.flat_map(|pages| pages.addresses(target)).collect();
        if pages.is_empty() {
            Route::Main
        } else {
            Route::Pages { pages }
        }
    }

    /// Whether builds for the target's accelerator exist for its platform at all.
    pub fn exists(&self, target: &Target) -> bool {
        let platforms = self.platforms_for(target.accelerator.family());
        platforms.is_none_or(|platforms| platforms.contains(&target.platform))
    }

    /// The platforms that builds of a kind are for; `None` is all.
    pub fn platforms_for(&self, family: AcceleratorFamily) -> Option<&[Platform]> {
        self.families.get(&family).map(Vec::as_slice)
    }

    /// The CUDA that the wheel of a release on the main index is built for, as a specifier such as
    /// `==12.8` or `==13.*`; `None` when it is not built for CUDA or that is not known.
    pub fn cuda_of_main(
        &self,
        name: &PackageName,
        version: &Version,
        platform: Platform,
    ) -> Option<String> {
        if name.as_ref() == "torch" {
            let release = self.torch(MinorVersion::of(version))?;
            let built_for = release.main_index.get(&platform)?.one()?;
            return Some(format!("=={}", built_for.cuda()?));
        }
        let rows = self.cuda.iter().filter(|row| row.package == *name);
        let public = version.clone().without_local();
        let mut rows = rows.filter(|row| row.versions.contains(&public));
        Some(format!("=={}.*", rows.next()?.cuda))
    }

    /// What a wheel of some page asks for by its local version, as requirements without names of
    /// packages other than torch: the release of torch, and the CUDA.
    pub fn asked_by(&self, local: &WheelLocal) -> (Option<String>, Option<String>) {
        let torch = local.torch.map(|torch| format!("torch=={}.*", torch.minor));
        let cuda = local.cuda.map(|cuda| format!("=={}.*", cuda.major));
        (torch, cuda)
    }

    /// The version under which a wheel of a page stands for choice. Files of several pages have one name and
    /// are built for one torch each (`mmcv-2.2.0-...whl`): then what the page says is added to the local
    /// version, and `torch==2.4.*` follows from it.
    pub fn on_page(version: &Version, page: &Page) -> Version {
        let Some(torch) = page
            .torch
            .filter(|_| WheelLocal::of(version).torch.is_none())
        else {
            return version.clone();
        };
        let mut local = version.local().to_vec();
        local.push(LocalSegment::String(format!("torch{}", torch.major)));
        local.push(LocalSegment::Number(torch.minor.into()));
        version.clone().with_local(local)
    }

    /// Whether a wheel of some page can count for a target, as far as its local version says.
    pub fn fits(&self, local: &WheelLocal, target: &Target) -> bool {
        if !local.serves(target.accelerator) {
            return false;
        }
        // the two C++ ABIs differ on Linux only
        let linux = matches!(
            target.platform,
            Platform::LinuxX86_64 | Platform::LinuxAarch64
        );
        let torch = local.torch.and_then(|torch| self.torch(torch.minor));
        match (local.cxx11_abi, torch) {
            (Some(abi), Some(torch)) if linux => abi == torch.cxx11_abi,
            _ => true,
        }
    }
}

/// What Macs take: `mps` builds are the usual ones, which is what indexes call `cpu`.
fn served_as(patterns: &[AcceleratorPattern], accelerator: Accelerator) -> Option<Accelerator> {
    let serves = |wanted| patterns.iter().any(|pattern| pattern.matches(wanted));
    if serves(accelerator) {
        return Some(accelerator);
    }
    (accelerator == Accelerator::Mps && serves(Accelerator::Cpu)).then_some(Accelerator::Cpu)
}

impl Index {
    /// Its address for a target; `None` when it does not serve the target.
    pub fn address(&self, target: &Target) -> Option<String> {
        if !self.platforms.contains(&target.platform) {
            return None;
        }
        let served = served_as(&self.accelerators, target.accelerator);
        let served = served.or_else(|| self.nearest_to(target.accelerator))?;
        let own = served.to_string();
        let path = self.paths.get(&own).unwrap_or(&own);
        let mut url = self.url.replace("{accelerator}", path);
        if !url.ends_with('/') {
            url.push('/');
        }
        Some(url)
    }

    /// The highest CUDA of the same major version not above the wanted one.
    fn nearest_to(&self, accelerator: Accelerator) -> Option<Accelerator> {
        let wanted = accelerator.cuda().filter(|_| self.nearest)?;
        let served = self.accelerators.iter().filter_map(|one| one.one()?.cuda());
        let below = served.filter(|cuda| cuda.major == wanted.major && *cuda <= wanted);
        below.max().map(Accelerator::Cuda)
    }
}

impl Pages {
    /// The pages for a target; none when they do not serve the target.
    pub fn addresses(&self, target: &Target) -> Vec<Page> {
        if !self.platforms.contains(&target.platform) {
            return Vec::new();
        }
        let Some(served) = served_as(&self.accelerators, target.accelerator) else {
            return Vec::new();
        };
        let url = self.url.replace("{accelerator}", &served.to_string());
        let of_torch: Vec<Page> = if url.contains("{torch}") {
            let each = self.torch.iter();
            let page = |torch: &MinorVersion| Page {
                url: url.replace("{torch}", &torch.to_string()),
                torch: Some(*torch),
            };
            each.map(page).collect()
        } else {
            vec![Page { url, torch: None }]
        };
        if !self.url.contains("{version}") {
            return of_torch;
        }
        let each = of_torch.iter().flat_map(|page| {
            let versions = self.versions.iter();
            versions.map(|version| Page {
                url: page.url.replace("{version}", &version.to_string()),
                torch: page.torch,
            })
        });
        each.collect()
    }
}
