//! The answer of a resolution: pins for one target, each with its reasons.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName};

use crate::{LagSummary, ReleaseFile, Target, Trust};

/// One coherent set of pins for one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// What was solved for.
    pub target: Target,
    /// Pins, ordered by name.
    pub packages: Vec<ResolvedPackage>,
    /// How far the pins are behind the newest eligible releases.
    pub lag: LagSummary,
    /// How often the solver ran.
    pub solves: u32,
}

/// One pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPackage {
    /// Normalised project name (PEP 503).
    pub name: PackageName,
    /// The chosen version, local part included.
    pub version: Version,
    /// Extras that are switched on, ordered.
    pub extras: Vec<ExtraName>,
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
    /// Whether the user asked for it directly.
    pub root: bool,
    /// How far the metadata behind this pin can be trusted.
    pub trust: Trust,
}

/// A reason why a pin is not the newest release: the requirement `specifier` of `name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldBackBy {
    /// The requiring package and its version; `None` is the user's own requirement.
    pub package: Option<(PackageName, Version)>,
    /// The specifier that excludes the newest release, such as `<5`.
    pub specifier: String,
}

impl fmt::Display for HeldBackBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.package {
            Some((name, version)) => write!(f, "{name} {version}"),
            None => write!(f, "your requirement {}", self.specifier),
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
