//! What is resolved for, and which pins are kept: flags, the lock that is there, this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use pinsmith_resolver::{
    Accelerator, Asked, NotKept, PackageName, Platform, PythonVersion, Request, Requirement,
    Resolution, Sha256, Target, Version, VersionSpecifiers,
};

use super::Failure;
use super::args::{AcceleratorArg, TargetArgs, UpgradeArgs};
use crate::accelerator::Table;
use crate::diagnostic::Diagnostic;
use crate::environment::EnvironmentSpec;
use crate::escape::visible;
use crate::host::Host;
use crate::lock::{self, DirectSource, NOT_KEPT, Preferences};
use crate::write::existing;

/// The Pythons of `--universal`: those that are supported upstream and have been out for a year.
const SUPPORTED: [(u8, u8); 4] = [(3, 11), (3, 12), (3, 13), (3, 14)];

/// A platform as a flag names it, with the floor that some of its names carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlatformArg {
    platform: Platform,
    floor: Option<(u16, u16)>,
}

impl From<Platform> for PlatformArg {
    fn from(platform: Platform) -> Self {
        Self {
            platform,
            floor: None,
        }
    }
}

impl PlatformArg {
    /// The platform.
    pub(super) fn platform(self) -> Platform {
        self.platform
    }

    /// The floor that the name carries, else the usual one.
    pub(super) fn usual_floor(self) -> (u16, u16) {
        self.floor.unwrap_or_else(|| self.platform.default_floor())
    }
}

impl FromStr for PlatformArg {
    type Err = String;

    /// Our names, and those of `uv pip compile --python-platform`.
    fn from_str(text: &str) -> Result<Self, String> {
        let exactly = |platform, floor| Ok(Self { platform, floor });
        if let Ok(platform) = text.parse() {
            return exactly(platform, None);
        }
        match text {
            "linux" | "x86_64-unknown-linux-gnu" => exactly(Platform::LinuxX86_64, None),
            "aarch64-unknown-linux-gnu" => exactly(Platform::LinuxAarch64, None),
            "macos" | "aarch64-apple-darwin" => exactly(Platform::MacosArm64, None),
            "x86_64-apple-darwin" => exactly(Platform::MacosX86_64, None),
            "windows" | "x86_64-pc-windows-msvc" => exactly(Platform::WindowsX86_64, None),
            "aarch64-pc-windows-msvc" => exactly(Platform::WindowsArm64, None),
            _ => manylinux(text).ok_or_else(|| {
                "it is none of linux-x86_64, linux-aarch64, macos-arm64, macos-x86_64, \
                 windows-x86_64, windows-arm64, or uv's names for them, such as x86_64-manylinux_2_28"
                    .to_owned()
            }),
        }
    }
}

/// `x86_64-manylinux_2_28`, `aarch64-manylinux2014`.
fn manylinux(text: &str) -> Option<PlatformArg> {
    let (machine, tag) = text.split_once("-manylinux")?;
    let platform = match machine {
        "x86_64" => Platform::LinuxX86_64,
        "aarch64" => Platform::LinuxAarch64,
        _ => return None,
    };
    let minor = match tag {
        "2014" => 17,
        _ => tag.strip_prefix("_2_")?.parse().ok()?,
    };
    Some(PlatformArg {
        platform,
        floor: Some((2, minor)),
    })
}

impl std::fmt::Display for PlatformArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.platform, self.floor) {
            (Platform::LinuxX86_64, Some((2, minor))) => write!(f, "x86_64-manylinux_2_{minor}"),
            (Platform::LinuxAarch64, Some((2, minor))) => write!(f, "aarch64-manylinux_2_{minor}"),
            (platform, _) => platform.fmt(f),
        }
    }
}

/// The targets that flags, an existing lock and this machine make, in order and without repetition.
///
/// Flags come first; where none names a target, those of the existing lock stay.
pub(super) fn targets(
    args: &TargetArgs,
    host: &Host,
    locked: &[Target],
    table: &Table,
) -> Result<Vec<Target>, Failure> {
    if args.accelerator.contains(&AcceleratorArg::Auto) {
        return Err(Failure::new(
            "`--accelerator auto` is for lock, compile and generate",
            "name the accelerator; `pinsmith doctor` shows what runs here",
        ));
    }
    if args.is_empty() && !locked.is_empty() {
        return Ok(locked.to_vec());
    }
    let pythons: Vec<Option<PythonVersion>> = match (args.python.as_slice(), args.universal) {
        ([], true) => SUPPORTED.iter().map(|&pair| Some(minor(pair))).collect(),
        ([], false) => vec![None],
        (named, _) => named.iter().copied().map(Some).collect(),
    };
    let every = || Platform::ALL.map(PlatformArg::from);
    let platforms: Vec<Option<PlatformArg>> = match (args.platform.as_slice(), args.universal) {
        ([], true) => every().into_iter().map(Some).collect(),
        ([], false) => vec![None],
        (named, _) => named.iter().copied().map(Some).collect(),
    };
    let mut places = Vec::new();
    for platform in &platforms {
        for python in &pythons {
            let target = target(*python, *platform, args, host)?;
            if !places.contains(&target) {
                places.push(target);
            }
        }
    }
    Ok(with_accelerators(&places, &args.accelerators(), table))
}

/// Every accelerator on every platform that has builds for it.
///
/// A platform for which none of several is made keeps all of them, so that it is refused with what
/// there is; so is the one accelerator that was named for it.
fn with_accelerators(
    places: &[Target],
    accelerators: &[Accelerator],
    table: &Table,
) -> Vec<Target> {
    if accelerators.is_empty() {
        return places.to_vec();
    }
    let mut targets = Vec::new();
    for accelerator in accelerators {
        for place in places {
            let with = |accelerator| Target {
                accelerator,
                ..place.clone()
            };
            let target = with(*accelerator);
            let elsewhere = places.len() > 1 || accelerators.len() > 1;
            let served = accelerators.iter().any(|one| table.exists(&with(*one)));
            if !table.exists(&target) && elsewhere && served {
                continue;
            }
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    targets
}

fn minor((major, minor): (u8, u8)) -> PythonVersion {
    PythonVersion {
        major,
        minor,
        patch: None,
    }
}

/// One target: this machine, with whatever the flags say instead.
fn target(
    python: Option<PythonVersion>,
    platform: Option<PlatformArg>,
    args: &TargetArgs,
    host: &Host,
) -> Result<Target, Failure> {
    let mut target = match (platform, python) {
        // a named platform means the same on every machine, so this one's libc does not count
        (Some(platform), Some(python)) => Target::new(python, platform.platform),
        (Some(platform), None) => {
            let own = host.python.as_ref().map(|found| found.version);
            let python = own.ok_or_else(|| {
                Failure::new(
                    "no Python was found on this machine, and none is named",
                    "name one, such as --python 3.11",
                )
            })?;
            Target::new(python.without_patch(), platform.platform)
        }
        (None, python) => host.target(python)?,
    };
    if python.is_some_and(|python| python.patch.is_none()) {
        // `--python 3.11` means 3.11.0, whatever patch release this machine has
        target.python = target.python.without_patch();
    }
    let linux = [Platform::LinuxX86_64, Platform::LinuxAarch64];
    let macos = [Platform::MacosArm64, Platform::MacosX86_64];
    let of_flags = match target.platform {
        platform if linux.contains(&platform) => args.glibc,
        platform if macos.contains(&platform) => args.macos,
        _ => None,
    };
    let of_name = platform.and_then(|platform| platform.floor);
    target.floor = of_flags.or(of_name).unwrap_or(target.floor);
    Ok(target)
}

/// Of `--universal` without `--python`: only the Pythons that the project admits.
pub(super) fn admitted(
    mut targets: Vec<Target>,
    args: &TargetArgs,
    requires_python: Option<&VersionSpecifiers>,
) -> Result<Vec<Target>, Failure> {
    if let Some(specifiers) = requires_python
        && args.universal
        && args.python.is_empty()
    {
        targets.retain(|target| {
            let full: Option<Version> = target.python.full().parse().ok();
            full.is_some_and(|full| specifiers.contains(&full))
        });
        if targets.is_empty() {
            return Err(Failure::new(
                format!("no supported Python is admitted by requires-python {specifiers}"),
                "name the Pythons, as in `--universal --python 3.9`",
            ));
        }
    }
    Ok(targets)
}

/// The lock that is there before: its targets, and the pins to keep.
#[derive(Debug, Clone, Default)]
pub(super) struct Before {
    /// The file that the pins are from.
    pub(super) file: String,
    /// The targets of pinsmith's own lock.
    pub(super) targets: Vec<Target>,
    /// The pins of each lock file with its targets; several when accelerators have a file each.
    preferences: Vec<(Vec<Target>, Preferences)>,
    /// What was locked at addresses.
    archives: Vec<LockedArchive>,
}

/// A file that a lock has at an address.
#[derive(Debug, Clone)]
pub(super) struct LockedArchive {
    pub(super) name: PackageName,
    pub(super) url: String,
    pub(super) sha256: Sha256,
}

impl Before {
    /// Looks into the folder that is written to, then into the repository.
    pub(super) fn of_folders(folders: &[&Path]) -> Self {
        for folder in folders {
            if let Some(before) = Self::of_spec(folder) {
                return before;
            }
            let pyproject = existing(folder, "pyproject.toml").unwrap_or_default();
            for file in lock::preference_files(&String::from_utf8_lossy(&pyproject)) {
                let Some(bytes) = existing(folder, file) else {
                    continue;
                };
                let before = Self::of_text(file, &String::from_utf8_lossy(&bytes));
                // a requirements.txt that a person wrote is input, not a lock
                let written = !file.starts_with("requirements") || is_ours(&bytes);
                if let Some(before) = before.filter(|_| written) {
                    return before;
                }
            }
        }
        Self::default()
    }

    /// The locks that the spec names, where there is one an accelerator.
    fn of_spec(folder: &Path) -> Option<Self> {
        let spec = existing(folder, EnvironmentSpec::FILE_NAME)?;
        let spec = EnvironmentSpec::read(&String::from_utf8_lossy(&spec)).ok()?;
        let names: BTreeSet<&String> = spec.targets.iter().map(|target| &target.lock).collect();
        if names.len() < 2 {
            return None;
        }
        let mut all = Self::default();
        for name in names {
            let bytes = existing(folder, name)?;
            let own = Self::of_text(name, &String::from_utf8_lossy(&bytes))?;
            all.targets.extend(own.targets);
            all.preferences.extend(own.preferences);
            all.archives.extend(own.archives);
        }
        "the locks".clone_into(&mut all.file);
        Some(all)
    }

    /// The pins of one file.
    pub(super) fn of_text(file: &str, text: &str) -> Option<Self> {
        let preferences = Preferences::read(file, text)?;
        let own = lock::read(text).ok().map(|read| read.lock);
        let packages = own.iter().flat_map(|lock| &lock.packages);
        let archives = packages.filter_map(|package| match &package.direct.as_ref()?.source {
            DirectSource::Archive { url, sha256, .. } => Some(LockedArchive {
                name: package.name.clone(),
                url: url.clone(),
                sha256: *sha256,
            }),
            _ => None,
        });
        let archives = archives.collect();
        let targets = own.map(|lock| lock.targets).unwrap_or_default();
        Some(Self {
            file: file.to_owned(),
            archives,
            preferences: vec![(targets.clone(), preferences)],
            targets,
        })
    }

    /// What is asked for on each target, with the pins to keep there.
    pub(super) fn asked(
        &self,
        request: &Request,
        targets: &[Target],
        upgrade: &UpgradeArgs,
    ) -> Vec<Asked> {
        let bounds = upgrade.bounds().cloned();
        let constraints: Vec<Requirement> =
            request.constraints.iter().cloned().chain(bounds).collect();
        let asked = targets.iter().map(|target| Asked {
            target: target.clone(),
            request: Request {
                preferences: self.kept_on(target, upgrade),
                constraints: constraints.clone(),
                ..request.clone()
            },
        });
        asked.collect()
    }

    /// The files at addresses that stay what they were.
    pub(super) fn archives(&self, upgrade: &UpgradeArgs) -> impl Iterator<Item = &LockedArchive> {
        let kept = |one: &&LockedArchive| !upgrade.renews(&one.name);
        self.archives.iter().filter(kept)
    }

    /// The versions to keep on a target.
    pub(super) fn kept_on(
        &self,
        target: &Target,
        upgrade: &UpgradeArgs,
    ) -> BTreeMap<PackageName, Version> {
        if upgrade.upgrade {
            return BTreeMap::new();
        }
        let of_target = self
            .preferences
            .iter()
            .find(|(targets, _)| targets.contains(target));
        let Some((_, preferences)) = of_target.or(self.preferences.first()) else {
            return BTreeMap::new();
        };
        let mut pins = preferences.on(target);
        pins.retain(|name, _| !upgrade.renews(name));
        pins
    }

    /// Which pins could not be kept, one finding each whatever the number of targets.
    pub(super) fn not_kept(&self, resolutions: &[Resolution]) -> Vec<Diagnostic> {
        let mut lost = BTreeMap::<(&PackageName, &Version), (&NotKept, &Target)>::new();
        for resolution in resolutions {
            for one in &resolution.not_kept {
                lost.entry((&one.name, &one.version))
                    .or_insert((one, &resolution.target));
            }
        }
        let findings = lost.into_values().map(|(one, target)| {
            let place = match resolutions {
                [_] => String::new(),
                _ => format!(" on {target}"),
            };
            let message = format!(
                "`{} {}` of {} is not kept{place} but {}: {}",
                one.name, one.version, self.file, one.pinned, one.reason
            );
            Diagnostic::warning(NOT_KEPT, visible(&message))
        });
        findings.collect()
    }
}

fn is_ours(bytes: &[u8]) -> bool {
    crate::requirements::is_generated(&String::from_utf8_lossy(bytes))
}
