//! What a person should know about an answer: what writes the same files, and which CUDA meet.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{
    Accelerator, AcceleratorFamily, CudaVersion, PackageName, Platform, Resolution,
    ResolvedPackage, Target, Version,
};

use super::table::{Exclusive, Keep};
use super::{
    DRIVER_FLOOR, OTHER_ACCELERATOR, Route, SAME_MODULE, TWO_CUDA, Table, UNCHECKED, WheelLocal,
};
use crate::diagnostic::Diagnostic;

impl Table {
    /// The conflicts in an answer that its metadata does not know of, and what it needs of the host.
    pub fn findings(&self, answer: &Resolution) -> Vec<Diagnostic> {
        let cuda = self.cuda_of(answer);
        let mut found: Vec<Diagnostic> = Vec::new();
        found.extend(
            self.exclusive
                .iter()
                .filter_map(|group| same_module(group, answer, cuda)),
        );
        found.extend(self.two_cuda(answer));
        found.extend(self.unchecked(answer));
        found.extend(self.for_others(answer));
        found.extend(self.driver_floor(answer, cuda));
        found
    }

    /// The CUDA that the accelerated packages of an answer are built for.
    pub fn cuda_of(&self, answer: &Resolution) -> Option<CudaVersion> {
        let target = &answer.target;
        let package = |name: &str| {
            answer
                .packages
                .iter()
                .find(move |one| one.name.as_ref() == name)
        };
        if let Some(cuda) = target.accelerator.cuda() {
            let accelerated = |one: &ResolvedPackage| {
                self.route(&one.name, target) != Route::Main || self.major_of(one, target).is_some()
            };
            return answer.packages.iter().any(accelerated).then_some(cuda);
        }
        if target.accelerator != Accelerator::Index {
            return None;
        }
        let torch = package("torch")?;
        let text = self.cuda_of_main(&torch.name, &torch.version, target.platform)?;
        text.trim_start_matches('=').parse().ok()
    }

    /// The CUDA major version of one package, by its name, local version or release.
    fn major_of(&self, package: &ResolvedPackage, target: &Target) -> Option<u8> {
        let (name, version) = (&package.name, &package.version);
        if let Some(major) = self.major_of_library(name, version) {
            return Some(major);
        }
        if let Some(cuda) = WheelLocal::of(version).cuda {
            return Some(cuda.major);
        }
        let fixed = self.cuda_of_main(name, version, target.platform)?;
        let major = fixed
            .trim_start_matches('=')
            .split('.')
            .next()?
            .parse()
            .ok();
        major.filter(|_| self.route(name, target) == Route::Main)
    }

    /// The CUDA major version that the name of a distribution has in it, or that a release of CUDA's own
    /// libraries is of.
    pub fn major_of_library(&self, name: &PackageName, version: &Version) -> Option<u8> {
        for family in &self.suffixes {
            if let Some((_, major)) = family.names().find(|(member, _)| member == name) {
                return Some(major);
            }
        }
        if let Some((_, major)) = suffixed(name) {
            return Some(major);
        }
        if name.as_ref() == "cuda-toolkit" || is_unsuffixed_library(name.as_ref()) {
            let major = version.release().first().copied();
            return major
                .and_then(|major| u8::try_from(major).ok())
                .filter(|major| *major >= 11);
        }
        None
    }

    /// What is meant to be there for several CUDAs: `nvidia-cutlass-dsl-libs-cu12` and `-cu13`, which one
    /// package requires both.
    pub fn for_several_cudas(&self, answer: &Resolution) -> BTreeSet<PackageName> {
        let of_one = |package: &&ResolvedPackage| {
            let Some((stem, major)) = suffixed(&package.name) else {
                return false;
            };
            let mut all = answer.packages.iter();
            all.any(|other| {
                let same =
                    suffixed(&other.name).is_some_and(|(own, of)| own == stem && of != major);
                let mut by = other.required_by.iter();
                same && by.any(|name| package.required_by.contains(name))
            })
        };
        let found = answer.packages.iter().filter(of_one);
        found.map(|package| package.name.clone()).collect()
    }

    /// Whether an answer has libraries of two CUDA major versions that nobody meant to have both.
    pub fn mixes_cuda(&self, answer: &Resolution) -> bool {
        self.owners_by_cuda(answer).len() > 1
    }

    fn owners_by_cuda<'a>(
        &self,
        answer: &'a Resolution,
    ) -> BTreeMap<u8, BTreeSet<&'a PackageName>> {
        let meant = self.for_several_cudas(answer);
        let mut owners = BTreeMap::<u8, BTreeSet<&PackageName>>::new();
        for package in &answer.packages {
            if let Some(major) = self.major_of(package, &answer.target)
                && !meant.contains(&package.name)
            {
                owners
                    .entry(major)
                    .or_default()
                    .extend(owners_of(package, answer));
            }
        }
        owners
    }

    /// Libraries of two CUDA major versions: they work side by side, and are large.
    fn two_cuda(&self, answer: &Resolution) -> Option<Diagnostic> {
        let owners = self.owners_by_cuda(answer);
        if owners.len() < 2 {
            return None;
        }
        let shown: Vec<String> = owners
            .iter()
            .rev()
            .map(|(major, names)| {
                let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
                format!("CUDA {major} ({})", names.join(", "))
            })
            .collect();
        let message = format!("{} libraries in one environment", shown.join(" and "));
        Some(Diagnostic::warning(TWO_CUDA, message).help(
            "this can work, at twice the download; choose releases of one CUDA, or separate environments",
        ))
    }

    fn unchecked(&self, answer: &Resolution) -> Vec<Diagnostic> {
        let find = |name: &PackageName| answer.packages.iter().find(|one| one.name == *name);
        let rows = self.companions.iter().filter_map(|row| {
            let (package, with) = (find(&row.package)?, find(&row.with)?);
            row.versions
                .contains(&package.version.clone().without_local())
                .then(|| {
                    let message = format!(
                        "{} {} {}; here it stands beside {} {}: pairing unchecked",
                        package.name, package.version, row.note, with.name, with.version
                    );
                    Diagnostic::info(UNCHECKED, message)
                })
        });
        rows.collect()
    }

    /// Builds for CUDA on a target that has none.
    fn for_others(&self, answer: &Resolution) -> Vec<Diagnostic> {
        let target = &answer.target;
        let other = matches!(
            target.accelerator.family(),
            AcceleratorFamily::Cpu | AcceleratorFamily::Rocm | AcceleratorFamily::Xpu
        );
        let packages = answer
            .packages
            .iter()
            .filter(|_| other && !is_macos(target.platform));
        let found = packages.filter_map(|package| {
            if package.name.as_ref().starts_with("nvidia-") {
                return None;
            }
            let major = self.major_of(package, target)?;
            let (name, version, accelerator) = (&package.name, &package.version, target.accelerator);
            let message = format!("{name} {version} is built for CUDA {major}, and the target is {accelerator}");
            let groups = self.exclusive.iter();
            let mut groups = groups.filter(|group| group.packages.contains(name));
            let instead = groups.next().and_then(|group| group.keep.on(accelerator, None));
            let help = match instead.filter(|instead| instead != name.as_ref()) {
                Some(instead) => format!("take {instead} there, or lock for a CUDA target"),
                None => "it may fail to import there: leave it out for this target, or lock for a CUDA target".to_owned(),
            };
            Some(Diagnostic::warning(OTHER_ACCELERATOR, message).help(help))
        });
        found.collect()
    }

    /// The driver that an answer needs.
    pub fn driver_floor(
        &self,
        answer: &Resolution,
        cuda: Option<CudaVersion>,
    ) -> Option<Diagnostic> {
        let cuda = cuda?;
        let driver = self.driver(cuda)?;
        let floor = if answer.target.platform.as_str().starts_with("windows") {
            &driver.windows
        } else {
            &driver.linux
        };
        let message = format!("CUDA {cuda} needs NVIDIA driver {floor} or later");
        Some(Diagnostic::info(DRIVER_FLOOR, message))
    }
}

impl Keep {
    /// The distribution to keep on a target.
    pub fn on(&self, accelerator: Accelerator, cuda: Option<CudaVersion>) -> Option<String> {
        let family = match (accelerator.family(), cuda) {
            (AcceleratorFamily::Index, Some(_)) => AcceleratorFamily::Cuda,
            (family, _) => family,
        };
        let name = self
            .0
            .get(family.as_str())
            .or_else(|| self.0.get("otherwise"))?;
        match cuda.or_else(|| accelerator.cuda()) {
            Some(cuda) => Some(name.replace("{major}", &cuda.major.to_string())),
            None => Some(name.clone()).filter(|name| !name.contains('{')),
        }
    }
}

/// Two distributions of an answer that write the same module.
fn same_module(
    group: &Exclusive,
    answer: &Resolution,
    cuda: Option<CudaVersion>,
) -> Option<Diagnostic> {
    let members: Vec<&ResolvedPackage> = answer
        .packages
        .iter()
        .filter(|package| group.packages.contains(&package.name))
        .collect();
    if members.len() < 2 {
        return None;
    }
    let shown: Vec<String> = members
        .iter()
        .map(|package| with_requirers(package))
        .collect();
    let (last, rest) = shown.split_last()?;
    let count = if members.len() == 2 {
        "two".to_owned()
    } else {
        members.len().to_string()
    };
    let message = format!(
        "{count} distributions own the module {}: {} and {last}",
        group.module,
        rest.join(", ")
    );
    let wanted = group.keep.on(answer.target.accelerator, cuda);
    let is_there = |wanted: &String| members.iter().any(|one| one.name.as_ref() == wanted);
    // what the target's own torch requires is meant for it
    let of_torch = members
        .iter()
        .find(|one| one.required_by.iter().any(|by| by.as_ref() == "torch"));
    let keep = wanted
        .filter(is_there)
        .or_else(|| Some(of_torch?.name.to_string()));
    let help = match keep {
        Some(keep) => format!(
            "the one that is installed last wins; keep {keep}, and drop the others or replace them by an override"
        ),
        None => "the one that is installed last wins; keep one of them".to_owned(),
    };
    Some(Diagnostic::warning(SAME_MODULE, message).help(help))
}

fn with_requirers(package: &ResolvedPackage) -> String {
    if package.root || package.required_by.is_empty() {
        return package.name.to_string();
    }
    let by: Vec<&str> = package.required_by.iter().map(AsRef::as_ref).collect();
    format!("{} (required by {})", package.name, by.join(", "))
}

/// Who brings a library in: the packages above it that are no libraries themselves.
fn owners_of<'a>(
    package: &'a ResolvedPackage,
    answer: &'a Resolution,
) -> BTreeSet<&'a PackageName> {
    let mut owners = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut stack = vec![package];
    while let Some(package) = stack.pop() {
        if !seen.insert(&package.name) {
            continue;
        }
        if !is_library(package.name.as_ref()) || package.required_by.is_empty() {
            owners.insert(&package.name);
            continue;
        }
        let above = answer.packages.iter();
        stack.extend(above.filter(|other| package.required_by.contains(&other.name)));
    }
    owners
}

/// `nvidia-nccl-cu13`: the name without its end, and the CUDA major version.
fn suffixed(name: &PackageName) -> Option<(&str, u8)> {
    let (stem, suffix) = name.as_ref().rsplit_once("-cu")?;
    let major = suffix.parse().ok()?;
    stem.starts_with("nvidia-").then_some((stem, major))
}

fn is_library(name: &str) -> bool {
    name.starts_with("nvidia-") || name.starts_with("cuda-")
}

/// The CUDA libraries that have their major version in the version, not in the name, since 13.
fn is_unsuffixed_library(name: &str) -> bool {
    [
        "nvidia-cuda-runtime",
        "nvidia-cuda-nvrtc",
        "nvidia-cublas",
        "nvidia-cuda-cupti",
    ]
    .contains(&name)
}

fn is_macos(platform: Platform) -> bool {
    matches!(platform, Platform::MacosArm64 | Platform::MacosX86_64)
}
