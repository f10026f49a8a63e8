//! The answer of a resolution: pins for one target, each with its reasons.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName};
use serde::{Deserialize, Serialize};

use crate::{LagSummary, ReleaseFile, Target, Trust};

/// One coherent set of pins for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// What was solved for.
    pub target: Target,
    /// Pins, ordered by name.
    pub packages: Vec<ResolvedPackage>,
    /// How far the pins are behind the newest eligible releases.
    pub lag: LagSummary,
    /// Pins whose floor on freshness had to be lowered to find an answer, ordered; see
    /// [`crate::ResolutionMode::Coherent`].
    pub relaxed: Vec<PackageName>,
    /// Preferences on packages of the answer that could not be kept, ordered by name.
    pub not_kept: Vec<NotKept>,
    /// Newer versions that other targets of the same lock have, and why this one has not.
    pub differs: Vec<NotKept>,
    /// How often the solver ran.
    pub solves: u32,
}

/// A version that was wanted and is not in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotKept {
    /// The package.
    pub name: PackageName,
    /// The version that was wanted.
    pub version: Version,
    /// The version that the answer has.
    pub pinned: Version,
    /// Why it could not be, as a sentence about the wanted version: `it needs Python >=3.12`.
    pub reason: String,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedPackage {
    /// Normalised project name (PEP 503).
    pub name: PackageName,
    /// The chosen version, local part included.
    pub version: Version,
    /// Extras that are switched on, ordered.
    pub extras: Vec<ExtraName>,
    /// Those of them that the user asks for and the release does not have, which is no failure.
    pub unknown_extras: Vec<ExtraName>,
    /// Files of the release that this target can install, best first.
    pub files: Vec<ReleaseFile>,
    /// The index that served them.
    pub index: Arc<str>,
    /// First upload of any file of the release.
    pub uploaded: Option<Timestamp>,
    /// Whole days behind the newest eligible release (design, section Objective); `None` without dates.
    pub lag_days: Option<u32>,
    /// The newest eligible release when it is not the chosen one.
    pub newest: Option<Version>,
    /// What keeps this pin from the newest eligible release.
    pub held_back_by: Vec<HeldBackBy>,
    /// Packages of this resolution that require this one, ordered.
    pub required_by: Vec<PackageName>,
    /// Packages of this resolution that this one requires, ordered.
    pub requires: Vec<PackageName>,
    /// The same with the extras on both sides, ordered.
    pub edges: Vec<Edge>,
    /// Whether the user asked for it directly.
    pub root: bool,
    /// How far the metadata behind this pin can be trusted.
    pub trust: Trust,
}

/// A requirement of a pin that holds on the target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// The extra of the requiring package that it belongs to; `None` is the package itself.
    pub extra: Option<ExtraName>,
    /// The required package.
    pub name: PackageName,
    /// The extras of it that are wanted, ordered.
    pub extras: Vec<ExtraName>,
}

/// A reason why a pin is not the newest eligible release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HeldBackBy {
    /// The user's own requirement or constraint, such as `<5`.
    User {
        /// The specifier that excludes the newest release.
        specifier: String,
    },
    /// The requirement of another pin.
    Requirement {
        /// The requiring package.
        package: PackageName,
        /// Its version.
        version: Version,
        /// The specifier that excludes the newest release.
        specifier: String,
    },
    /// The newest release requires what another pin is not.
    OwnRequirement {
        /// The requirement of the newest release, such as `numpy<2`.
        requires: String,
        /// The package that is pinned otherwise.
        package: PackageName,
        /// The version that is pinned.
        version: Version,
    },
    /// The existing lock has this version, and it still holds.
    Lock,
    /// Another target of the same lock has this version, and having it here too costs little.
    OtherTargets,
    /// The newest release cannot be used.
    Unusable {
        /// What is in its way, as the end of "held back by".
        reason: String,
    },
}

impl fmt::Display for HeldBackBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { specifier } => write!(f, "your requirement {specifier}"),
            Self::Requirement {
                package, version, ..
            } => write!(f, "{package} {version}"),
            Self::OwnRequirement {
                requires,
                package,
                version,
            } => write!(f, "{package} {version} (the newest requires {requires})"),
            Self::Lock => f.write_str("the existing lock"),
            Self::OtherTargets => f.write_str("the other targets of this lock"),
            Self::Unusable { reason } => f.write_str(reason),
        }
    }
}

impl fmt::Display for ResolvedPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=={}", self.name, self.version)
    }
}

impl Resolution {
    /// The pin of a package, if it is part of the answer.
    pub fn package(&self, name: &PackageName) -> Option<&ResolvedPackage> {
        let found = self
            .packages
            .binary_search_by(|package| package.name.cmp(name));
        found.ok().map(|index| &self.packages[index])
    }
}
