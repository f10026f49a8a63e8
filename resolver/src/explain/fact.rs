//! What a proof rests on, as values: true of the index, the target and the request at that time.

use std::fmt;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, PackageName};
use version_ranges::Ranges;

use crate::package::Package;
use crate::{AbiRule, Platform, Requirement};

/// One fact of a proof that there is no answer.
///
/// Facts speak of the releases that count: yanked releases and pre-releases that nobody admitted
/// are left out unless a fact names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The user asks for a project; overrides are already applied.
    Asked {
        /// As it counts.
        requirement: Requirement,
        /// The versions that satisfy it.
        range: Ranges<Version>,
    },
    /// Releases of one project require another.
    Requires {
        /// Who requires.
        by: Subject,
        /// In which releases.
        span: Span,
        /// What is required.
        on: Subject,
        /// The versions that satisfy it; when the releases differ, those that satisfy any of them.
        range: Ranges<Version>,
        /// Whether the range is that of the user's override.
        overridden: bool,
        /// The rule of pinsmith's own that says so, where no metadata does.
        rule: Option<AbiRule>,
    },
    /// Releases that cannot be taken.
    Excluded {
        /// The project.
        name: PackageName,
        /// Which of its releases.
        span: Span,
        /// Why, in the details of the newest of them.
        because: Exclusion,
    },
    /// No release of the project is in a range.
    Missing {
        /// The project.
        name: PackageName,
        /// Where there is none.
        range: Ranges<Version>,
        /// The oldest and the newest release of the index.
        offered: Option<(Version, Version)>,
        /// Whether the one release is that of the user's direct reference.
        direct: bool,
    },
    /// The user gives the project two addresses.
    TwoAddresses {
        /// The project.
        name: PackageName,
    },
    /// No index has the project.
    NotOnIndex {
        /// The project.
        name: PackageName,
    },
    /// The project is not in the cache, and the network is off.
    NotInCache {
        /// The project.
        name: PackageName,
    },
}

impl Fact {
    /// The project that the fact is about; `None` for what the user asks.
    pub fn about(&self) -> Option<&PackageName> {
        match self {
            Self::Asked { .. } => None,
            Self::Requires { by, .. } => Some(&by.name),
            Self::Excluded { name, .. }
            | Self::Missing { name, .. }
            | Self::TwoAddresses { name }
            | Self::NotOnIndex { name }
            | Self::NotInCache { name } => Some(name),
        }
    }
}

/// A project, or one of its extras.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The project.
    pub name: PackageName,
    /// The extra, if one is meant.
    pub extra: Option<ExtraName>,
}

impl Subject {
    pub(crate) fn of(package: &Package) -> Option<Self> {
        Some(Self {
            name: package.name()?.clone(),
            extra: match package {
                Package::Extra(_, extra) => Some(extra.clone()),
                _ => None,
            },
        })
    }

    pub(crate) fn package(&self) -> Package {
        match &self.extra {
            None => Package::Project(self.name.clone()),
            Some(extra) => Package::Extra(self.name.clone(), extra.clone()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.package())
    }
}

/// Some releases of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The versions meant; they reach as far as no other release that counts lies in them.
    pub versions: Ranges<Version>,
    /// Whether releases in the range that this target cannot take are left out.
    pub usable_only: bool,
    /// The releases meant: each run of neighbours by its oldest and newest, ascending.
    pub runs: Vec<(Version, Version)>,
    /// How many releases are meant.
    pub count: usize,
}

impl Span {
    /// The oldest release meant.
    pub fn first(&self) -> Option<&Version> {
        self.runs.first().map(|(first, _)| first)
    }

    /// The newest release meant.
    pub fn last(&self) -> Option<&Version> {
        self.runs.last().map(|(_, last)| last)
    }
}

/// Why releases cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// Their `Requires-Python` does not admit the target's Python.
    RequiresPython(VersionSpecifiers),
    /// They have wheels, but none that fits, and no sdist.
    NoMatchingWheel {
        /// Pythons with a fitting wheel on this platform, ascending.
        pythons: Vec<(u8, u8)>,
        /// Platforms with a fitting wheel for this Python.
        platforms: Vec<Platform>,
        /// The glibc that a wheel for this Python and platform needs, when that is all.
        glibc: Option<(u16, u16)>,
    },
    /// Every file was uploaded after the day that counts, or at an unknown time.
    TooNew,
    /// Yanked by their authors, and nobody pinned them.
    Yanked {
        /// Why, in the authors' words; may be empty.
        reason: String,
    },
    /// Pre-releases that nobody admitted.
    Prerelease,
    /// The user's constraint does not admit them.
    Constraint(Requirement),
    /// Spelled otherwise than a `===` requirement asks for.
    Spelling,
    /// Only source distributions, although the project has wheels.
    SourceOnly,
    /// Their metadata cannot be had, or forbids them.
    Unusable {
        /// Why, lower case.
        reason: String,
        /// Whether only since the network is off.
        offline: bool,
    },
}

impl Exclusion {
    /// Whether two exclusions are the same but for details of single releases.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Constraint(one), Self::Constraint(other)) => one == other,
            (Self::Unusable { reason: one, .. }, Self::Unusable { reason: other, .. }) => {
                one == other
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
