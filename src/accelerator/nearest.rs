//! What there is instead of what cannot be had.

use std::collections::BTreeSet;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};
use pinsmith_resolver::{
    Accelerator, PackageName, Platform, Project, ReleaseFile, Requirement, TagSet, Target, Version,
    specifiers_of,
};

use super::{AcceleratorPattern, MinorVersion, Table, WheelLocal};

/// glibc versions that wheels name, upwards.
const GLIBCS: [u16; 12] = [5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 39, 41];

/// macOS versions that wheels name, upwards.
const MACOS: [(u16, u16); 8] = [
    (10, 9),
    (10, 13),
    (11, 0),
    (12, 0),
    (13, 0),
    (14, 0),
    (15, 0),
    (26, 0),
];

/// More releases than these are not looked at.
const MAX_RELEASES: usize = 400;

impl Table {
    /// What there is instead of releases of a package that a target cannot have.
    ///
    /// `project` is what the target is offered; `None` when its index has no such package.
    pub fn nearest(
        &self,
        requirement: &Requirement,
        target: &Target,
        project: Option<&Project>,
    ) -> Option<String> {
        let name = &requirement.name;
        let specifiers = specifiers_of(requirement);
        let listing = project.map(|project| Listing { project, target });
        let trap = self.known_trap(requirement);
        let mut said = Vec::new();
        if let Some(listing) = &listing {
            if listing.has_fitting(&specifiers) {
                return trap;
            }
            said.extend(listing.floors(&specifiers));
            said.extend(listing.last_for_platform(&specifiers));
        }
        said.extend(self.other_builds(name, &specifiers, target));
        let no_wheel = listing
            .as_ref()
            .is_none_or(|listing| listing.newest_fitting().is_none());
        if no_wheel {
            said.extend(self.other_distribution(name, target));
            said.extend(self.source_build(name));
        }
        said.extend(trap);
        if said.is_empty() {
            return None;
        }
        let (python, platform, accelerator) = (target.python, target.platform, target.accelerator);
        let message = match accelerator {
            Accelerator::Index => {
                format!("no wheel of `{requirement}` for Python {python} on {platform}")
            }
            _ => format!(
                "no wheel of `{requirement}` for Python {python} on {platform} with {accelerator}"
            ),
        };
        Some(format!("{message}: {}", said.join("; ")))
    }

    /// Which other accelerators have the wanted release of torch for the platform.
    fn other_builds(
        &self,
        name: &PackageName,
        wanted: &VersionSpecifiers,
        target: &Target,
    ) -> Vec<String> {
        if name.as_ref() != "torch" {
            return Vec::new();
        }
        if let Some(local) = local_pin(wanted)
            && target.accelerator == Accelerator::Index
        {
            let (version, build) = local;
            return vec![format!(
                "--accelerator {build} has builds such as {version}"
            )];
        }
        if target.accelerator == Accelerator::Index {
            return Vec::new();
        }
        let fits = |version: &Version| wanted.contains(version);
        let own: Vec<_> = self
            .builds
            .iter()
            .filter(|build| build.platform == target.platform)
            .collect();
        let mut said = Vec::new();
        let newest = own
            .iter()
            .filter(|build| fits(&build.torch))
            .max_by(|a, b| a.torch.cmp(&b.torch));
        if let Some(build) = newest {
            let mut others: Vec<Accelerator> = build
                .accelerators
                .iter()
                .filter_map(|pattern| pattern.one())
                .filter(|one| *one != target.accelerator && *one != Accelerator::Index)
                .collect();
            others.sort_by_key(|other| (other.family() != target.accelerator.family(), *other));
            for (position, other) in others.iter().enumerate() {
                said.push(match position {
                    0 => format!("{other} has {} for {}", build.torch, build.platform),
                    _ => format!("{other} has {}", build.torch),
                });
            }
        }
        let has_own = own.iter().filter(|build| {
            let wanted = AcceleratorPattern::One(target.accelerator);
            build.accelerators.contains(&wanted)
        });
        if let Some(newest) = has_own.max_by(|a, b| a.torch.cmp(&b.torch))
            && !fits(&newest.torch)
        {
            let (accelerator, torch) = (target.accelerator, &newest.torch);
            said.push(format!(
                "the newest torch that is known with {accelerator} is {torch}"
            ));
        }
        if said.is_empty() {
            said.extend(self.official(wanted, target));
        }
        said
    }

    /// What the makers of torch build a release for.
    fn official(&self, wanted: &VersionSpecifiers, target: &Target) -> Option<String> {
        let pinned = wanted
            .iter()
            .map(|clause| MinorVersion::of(clause.version()))
            .next()?;
        let release = self.torch(pinned)?;
        let cuda: Vec<String> = release.cuda.iter().map(ToString::to_string).collect();
        let own = target.accelerator.cuda();
        own.is_none_or(|own| !release.cuda.contains(&own))
            .then(|| format!("torch {pinned} is built for CUDA {}", cuda.join(", ")))
    }

    /// The distribution of the same module that is for this target.
    fn other_distribution(&self, name: &PackageName, target: &Target) -> Option<String> {
        let group = self
            .exclusive
            .iter()
            .find(|group| group.packages.contains(name))?;
        let keep = group
            .keep
            .on(target.accelerator, None)
            .or_else(|| group.keep.0.get("otherwise").cloned())?;
        // on a platform without CUDA the build for it is no choice
        (keep != name.as_ref()).then(|| format!("{keep} has the module {} there", group.module))
    }

    /// What is known of a pinned release that cannot be had.
    pub fn known_trap(&self, requirement: &Requirement) -> Option<String> {
        let specifiers = specifiers_of(requirement);
        let pinned = |trap: &&super::Trap| {
            let mut clauses = specifiers.iter().map(VersionSpecifier::version);
            trap.package == requirement.name
                && clauses.any(|version| trap.versions.contains(version))
        };
        self.traps.iter().find(pinned).map(|trap| trap.note.clone())
    }

    fn source_build(&self, name: &PackageName) -> Option<String> {
        let row = self.source_only.iter().find(|row| row.package == *name)?;
        Some(format!("source build needs {}", row.needs))
    }
}

/// A pin with a local version that is the name of an accelerator.
fn local_pin(wanted: &VersionSpecifiers) -> Option<(Version, Accelerator)> {
    wanted.iter().find_map(|clause| {
        let version = clause.version();
        let local = WheelLocal::of(version);
        let text = version.to_string();
        let (_, name) = text.split_once('+')?;
        let build = name.parse().ok().filter(|_| local.torch.is_none())?;
        Some((version.clone(), build))
    })
}

/// The releases that a target is offered, with their wheels.
struct Listing<'p> {
    project: &'p Project,
    target: &'p Target,
}

impl Listing<'_> {
    /// Final releases, newest last, with their wheels.
    fn releases(&self) -> Vec<(Version, Vec<ReleaseFile>)> {
        let releases = self.project.releases().iter();
        let finals = releases.filter(|release| !release.version.any_prerelease());
        let mut all: Vec<_> = finals
            .map(|release| {
                let files = self.project.files(release);
                let wheels = files.filter(|file| file.wheel().is_some() && file.yanked.is_none());
                (release.version.clone(), wheels.collect())
            })
            .collect();
        let surplus = all.len().saturating_sub(MAX_RELEASES);
        all.drain(..surplus);
        all
    }

    fn fits(target: &Target, files: &[ReleaseFile]) -> bool {
        let tags = TagSet::of(target);
        let mut wheels = files.iter().filter_map(ReleaseFile::wheel);
        wheels.any(|wheel| tags.rank(wheel).is_some())
    }

    fn has_fitting(&self, wanted: &VersionSpecifiers) -> bool {
        let releases = self.releases();
        let mut meant = releases
            .iter()
            .filter(|(version, _)| wanted.contains(version));
        meant.any(|(_, files)| Self::fits(self.target, files))
    }

    fn newest_fitting(&self) -> Option<Version> {
        let releases = self.releases().into_iter().rev();
        let mut fitting = releases.filter(|(_, files)| Self::fits(self.target, files));
        fitting.next().map(|(version, _)| version)
    }

    /// The lowest glibc or macOS that a release runs on.
    fn floor(&self, files: &[ReleaseFile]) -> Option<(u16, u16)> {
        let mut floors = match self.target.platform {
            Platform::LinuxX86_64 | Platform::LinuxAarch64 => {
                GLIBCS.map(|minor| (2, minor)).to_vec()
            }
            Platform::MacosArm64 | Platform::MacosX86_64 => MACOS.to_vec(),
            Platform::WindowsX86_64 | Platform::WindowsArm64 => return None,
        }
        .into_iter();
        floors.find(|floor| {
            let target = Target {
                floor: *floor,
                ..self.target.clone()
            };
            Self::fits(&target, files)
        })
    }

    /// What the wanted releases need of the system, and the nearest releases that need less.
    fn floors(&self, wanted: &VersionSpecifiers) -> Vec<String> {
        let system = match self.target.platform {
            Platform::MacosArm64 | Platform::MacosX86_64 => "macOS",
            _ => "glibc",
        };
        let all: Vec<(Version, (u16, u16))> = self
            .releases()
            .into_iter()
            .filter_map(|(version, files)| Some((version, self.floor(&files)?)))
            .collect();
        let mut runs: Vec<(Vec<Version>, (u16, u16))> = Vec::new();
        for (version, floor) in all {
            match runs.last_mut() {
                Some((versions, known)) if *known == floor => versions.push(version),
                _ => runs.push((vec![version], floor)),
            }
        }
        let Some(own) = runs
            .iter()
            .rposition(|(versions, _)| versions.iter().any(|one| wanted.contains(one)))
        else {
            return Vec::new();
        };
        let text = |(major, minor): (u16, u16)| format!("{major}.{minor}");
        let meant: Vec<&Version> = runs[own]
            .0
            .iter()
            .filter(|one| wanted.contains(one))
            .collect();
        let shown = match (minor_of(&runs[own].0), meant.as_slice()) {
            (Some(minor), _) => minor,
            (None, [only]) => only.to_string(),
            (None, [.., last]) => last.to_string(),
            (None, []) => return Vec::new(),
        };
        let mut said = vec![format!("{shown} needs {system} {}", text(runs[own].1))];
        let older = runs[..own]
            .iter()
            .rev()
            .find(|(_, floor)| *floor <= self.target.floor);
        if let Some((versions, floor)) = older
            && let Some(last) = versions.last()
        {
            said.push(match system {
                "macOS" => format!("{last} runs on {}", text(*floor)),
                _ => format!("{last} needs {}", text(*floor)),
            });
        }
        if let Some((versions, floor)) = runs[own + 1..]
            .last()
            .filter(|(_, floor)| *floor <= self.target.floor)
        {
            said.extend(
                versions
                    .first()
                    .map(|first| format!("{first} and later need {}", text(*floor))),
            );
        }
        said
    }

    /// The last release that has a wheel for the platform, where the wanted ones are newer and have none.
    fn last_for_platform(&self, wanted: &VersionSpecifiers) -> Option<String> {
        let releases = self.releases();
        let platform = self.target.platform;
        let has = |files: &[ReleaseFile]| {
            let wheels = files.iter().filter_map(ReleaseFile::wheel);
            let mut tags = wheels.flat_map(|wheel| &wheel.platforms);
            tags.any(|tag| is_for(tag, platform))
        };
        let meant = |version: &Version| wanted.contains(version);
        let mut wanted = releases
            .iter()
            .filter(|(version, _)| meant(version))
            .peekable();
        let (oldest, _) = wanted.peek()?;
        let (last, _) = releases.iter().rev().find(|(_, files)| has(files))?;
        if last > oldest || wanted.any(|(_, files)| has(files)) {
            return None;
        }
        let version = last.clone().without_local();
        Some(format!("{version} is the last for {platform}"))
    }
}

/// Whether a platform tag is one of a platform, whatever it needs of the system.
fn is_for(tag: &str, platform: Platform) -> bool {
    let linux = |machine: &str| tag.contains("linux") && tag.ends_with(machine);
    let macos = |machine: &str| {
        tag.starts_with("macosx") && (tag.ends_with(machine) || tag.ends_with("universal2"))
    };
    tag == "any"
        || match platform {
            Platform::LinuxX86_64 => linux("_x86_64"),
            Platform::LinuxAarch64 => linux("_aarch64"),
            Platform::MacosArm64 => macos("_arm64"),
            Platform::MacosX86_64 => macos("_x86_64"),
            Platform::WindowsX86_64 => tag == "win_amd64",
            Platform::WindowsArm64 => tag == "win_arm64",
        }
}

/// `0.20.x` when all versions are of one minor release and several.
fn minor_of(versions: &[Version]) -> Option<String> {
    let minors: BTreeSet<MinorVersion> = versions.iter().map(MinorVersion::of).collect();
    let only = minors
        .first()
        .filter(|_| minors.len() == 1 && versions.len() > 1)?;
    Some(format!("{only}.x"))
}
