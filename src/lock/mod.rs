//! A lock as a value: what is written, and how it is read back.
//!
//! A [`Lock`] holds the pins of one or several targets with the evidence for each. It is
//!
//! - **complete**: every file is named with its sha256; what cannot be hashed cannot be locked;
//! - **ordered**: equal inputs give equal values, whatever order they came in;
//! - **free of this machine**: no credentials, no local paths, no time but `as_of`;
//! - **plain**: names and addresses hold no control characters, so no rendering of them can be
//!   broken by a hostile index or file name.
//!
//! [`Lock::from_resolutions`] makes one, [`read`](read()) reads a `pylock.toml` (PEP 751) back, and
//! [`crate::render`] turns it into text. Nothing here reads or writes files.

mod address;
mod build;
mod direct;
mod error;
mod marker;
mod preferences;
mod read;
#[cfg(test)]
pub(crate) mod testing;

pub use address::without_credentials;
pub use build::{LockOptions, Locked, MAX_TARGETS};
pub use direct::{Direct, DirectSource, DirectSources};
pub use error::{
    DIRECT_SOURCE, DUPLICATE_PACKAGE, FILES_LEFT_OUT, INVALID_LOCK, LockError, MISSING_HASH,
    NEWER_MINOR, NO_TARGET, NOT_KEPT, TARGETS_ALIKE, TOO_MANY_TARGETS, UNFIT_PYTHON, UNSAFE_NAME,
    UNSAFE_PATH, UNSUPPORTED_VERSION,
};
pub use marker::{LockMarker, LockMarkerError, Selection, environment_marker};
pub use preferences::{Preferences, preference_files};
pub use read::{MAX_LOCK_BYTES, MAX_LOCK_PACKAGES, ReadLock, file_name_of, read};

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pinsmith_resolver::{
    ExtraName, HeldBackBy, PackageName, Platform, Sha256, TagSet, Target, Timestamp, Trust,
    Version, VersionSpecifiers, WheelName,
};

use crate::requirements::{Origin, OriginKind};

/// Pins of one or several targets, each with its files and its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What was solved for, ordered. Empty for a lock that another tool made.
    pub targets: Vec<Target>,
    /// The environments (PEP 751 `environments`) that the lock is good for, in the order of the
    /// targets.
    pub environments: Vec<LockMarker>,
    /// Which Pythons the lock is good for.
    pub requires_python: Option<VersionSpecifiers>,
    /// Extras that were locked besides the runtime requirements, by their normal names, ordered.
    pub extras: Vec<String>,
    /// Dependency groups (PEP 735) that were locked besides them, ordered.
    pub groups: Vec<String>,
    /// The instant that the index was seen at, when one was given.
    pub as_of: Option<Timestamp>,
    /// The instants of single packages, in place of that one.
    pub as_of_packages: BTreeMap<PackageName, Timestamp>,
    /// Pins, ordered by name, then version, then marker.
    pub packages: Vec<LockedPackage>,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPackage {
    /// Normalised project name (PEP 503).
    pub name: PackageName,
    /// The version, local part included. Always known in a lock of pinsmith's own.
    pub version: Version,
    /// Where it is installed; `None` is everywhere the lock is good for.
    pub marker: Option<LockMarker>,
    /// `Requires-Python`, when all files agree on it.
    pub requires_python: Option<VersionSpecifiers>,
    /// What it requires within the lock, ordered.
    pub dependencies: Vec<Dependency>,
    /// The index that served it, without credentials.
    pub index: Option<String>,
    /// Where it comes from when it comes from no index.
    pub direct: Option<Direct>,
    /// Files that a target can install, ordered by name; at least one, but for a repository or folder.
    pub files: Vec<LockedFile>,
    /// Why it is there, and why in this version.
    pub evidence: Evidence,
}

/// What pinsmith knows about a pin beyond PEP 751; kept in `[packages.tool.pinsmith]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Whether the user's code or files ask for it directly.
    pub root: bool,
    /// Extras that are switched on, ordered.
    pub extras: Vec<ExtraName>,
    /// Files and lines that need it, ordered; empty for what only other packages need.
    pub origins: Vec<Origin>,
    /// Whole days behind the newest eligible release; `None` when unknown.
    pub lag_days: Option<u32>,
    /// The newest eligible release when it is not the pinned one.
    pub newest: Option<Version>,
    /// What keeps the pin from the newest eligible release, ordered.
    pub held_back_by: Vec<HeldBackBy>,
    /// How far the metadata behind the pin can be trusted.
    pub trust: Trust,
    /// Whether its index serves some packages only, such as builds for an accelerator: requirements
    /// files name the addresses of its files, so that nothing else is taken from it.
    pub explicit_index: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            root: false,
            extras: Vec::new(),
            origins: Vec::new(),
            lag_days: None,
            newest: None,
            held_back_by: Vec::new(),
            trust: Trust::Static,
            explicit_index: false,
        }
    }
}

/// An edge of the lock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// The required package.
    pub name: PackageName,
    /// Its version, when the lock pins several versions of that package.
    pub version: Option<Version>,
}

/// One file of a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedFile {
    /// File name as the index spells it; plain and without path separators.
    pub filename: String,
    /// Wheel or sdist.
    pub kind: LockedFileKind,
    /// Where it lies.
    pub location: FileLocation,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Upload time.
    pub uploaded: Option<Timestamp>,
    /// Digest of the file.
    pub sha256: Sha256,
}

/// What a locked file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockedFileKind {
    /// A wheel, with its parsed name.
    Wheel(WheelName),
    /// A source distribution.
    Sdist,
}

/// Where a locked file lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileLocation {
    /// An address without credentials.
    Url(String),
    /// A path relative to the lock file, with `/` and without `..`. Only other tools write these.
    Path(String),
}

impl Lock {
    /// All entries of one package; several when targets differ in its version.
    pub fn entries(&self, name: &PackageName) -> &[LockedPackage] {
        let start = self
            .packages
            .partition_point(|package| package.name < *name);
        let end = self
            .packages
            .partition_point(|package| package.name <= *name);
        &self.packages[start..end]
    }

    /// Whether an extra or a dependency group of this name was locked.
    pub fn has_group(&self, name: &str) -> bool {
        let mut names = self.extras.iter().chain(&self.groups);
        names.any(|known| known == name)
    }

    /// Where an entry is installed, whatever extras and groups are chosen: what a requirements file
    /// can say. `None` is everywhere the lock is good for.
    pub fn place_of(&self, entry: &LockedPackage) -> Option<LockMarker> {
        let marker = entry.marker.as_ref()?;
        if !marker.selects_groups() {
            return Some(marker.clone());
        }
        let targets = self.targets.iter().enumerate();
        let mask = targets
            .filter(|(_, target)| {
                marker.holds(&target.marker_environment(), &Selection::Everything)
            })
            .fold(0, |mask, (position, _)| mask | 1 << position);
        marker::separating(mask, &self.targets)
    }

    /// Names of the packages that require this entry, ordered and without repetition.
    pub fn required_by(&self, entry: &LockedPackage) -> Vec<&PackageName> {
        let needs = |package: &&LockedPackage| {
            package.dependencies.iter().any(|dependency| {
                dependency.name == entry.name
                    && dependency
                        .version
                        .as_ref()
                        .is_none_or(|version| *version == entry.version)
            })
        };
        let mut names: Vec<&PackageName> = self
            .packages
            .iter()
            .filter(needs)
            .map(|package| &package.name)
            .collect();
        names.dedup();
        names
    }
}

impl LockedPackage {
    /// The wheels, ordered by file name.
    pub fn wheels(&self) -> impl Iterator<Item = (&LockedFile, &WheelName)> {
        self.files.iter().filter_map(|file| match &file.kind {
            LockedFileKind::Wheel(name) => Some((file, name)),
            LockedFileKind::Sdist => None,
        })
    }

    /// The source distribution, if the lock has one.
    pub fn sdist(&self) -> Option<&LockedFile> {
        self.files
            .iter()
            .find(|file| file.kind == LockedFileKind::Sdist)
    }

    /// The file that a target installs: the wheel whose tags fit best, else the source distribution.
    pub fn file_for(&self, target: &Target) -> Option<&LockedFile> {
        let tags = TagSet::of(target);
        let fitting = self.wheels().filter_map(|(file, wheel)| {
            let rank = tags.rank(wheel)?;
            Some(((rank, Reverse(&wheel.build), &file.filename), file))
        });
        let best = fitting.min_by(|(a, _), (b, _)| a.cmp(b));
        best.map(|(_, file)| file).or_else(|| self.sdist())
    }

    /// Whether installing it means building it.
    pub fn only_sdist(&self) -> bool {
        self.wheels().next().is_none()
    }

    /// `name==version`, or the name with the address that it comes from.
    pub fn pin(&self) -> String {
        match &self.direct {
            Some(direct) => format!("{} @ {}", self.name, direct.source.address()),
            None => format!("{}=={}", self.name, self.version),
        }
    }
}

/// The marker that holds on the targets at these positions of `all` and on no other of them;
/// `None` when that is all of them.
///
/// ```
/// use pinsmith::lock::targets_marker;
/// use pinsmith_resolver::Target;
/// let all = [(3, 10), (3, 11), (3, 12)].map(Target::linux_x86_64);
/// let marker = targets_marker([0, 1].into_iter(), &all).unwrap();
/// assert_eq!(marker.as_str(), "python_version < '3.12'");
/// ```
pub fn targets_marker(some: impl Iterator<Item = usize>, all: &[Target]) -> Option<LockMarker> {
    let mask = some.fold(0, |mask, position| mask | 1 << position);
    marker::separating(mask, all)
}

/// One name per target for files and sections: `<platform>-<accelerator>`, dots to `-`.
///
/// The accelerator `index` is not named, and the Python only where targets differ in it.
///
/// ```
/// use pinsmith::lock::target_names;
/// use pinsmith_resolver::Target;
/// assert_eq!(target_names(&[Target::linux_x86_64((3, 11))]), ["linux-x86_64"]);
/// assert_eq!(
///     target_names(&[Target::linux_x86_64((3, 11)), Target::linux_x86_64((3, 12))]),
///     ["linux-x86_64-py3-11", "linux-x86_64-py3-12"],
/// );
/// ```
pub fn target_names(targets: &[Target]) -> Vec<String> {
    let pythons_differ = targets
        .windows(2)
        .any(|pair| pair[0].python != pair[1].python);
    let name = |target: &Target| {
        let mut name = target.platform.to_string();
        let accelerator = target.accelerator.to_string();
        if accelerator != "index" {
            name = format!("{name}-{accelerator}");
        }
        if pythons_differ {
            name = format!("{name}-py{}", target.python);
        }
        name.replace('.', "-")
    };
    targets.iter().map(name).collect()
}

/// Whether the platform's floor is a glibc, a macOS or nothing.
pub(crate) fn floor_kind(platform: Platform) -> Option<&'static str> {
    match platform {
        Platform::LinuxX86_64 | Platform::LinuxAarch64 => Some("glibc"),
        Platform::MacosArm64 | Platform::MacosX86_64 => Some("macos"),
        Platform::WindowsX86_64 | Platform::WindowsArm64 => None,
    }
}

/// Every kind of origin, for reading a name back.
pub(crate) const ORIGIN_KINDS: [OriginKind; 4] = [
    OriginKind::Declared,
    OriginKind::Import,
    OriginKind::InstallLine,
    OriginKind::Implied,
];

/// The name of a kind of origin in every file format; the same as in JSON.
pub(crate) fn origin_kind_name(kind: OriginKind) -> &'static str {
    match kind {
        OriginKind::Declared => "declared",
        OriginKind::Import => "import",
        OriginKind::InstallLine => "install-line",
        OriginKind::Implied => "implied",
    }
}
