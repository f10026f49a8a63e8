//! The part of a distribution's core metadata that resolving needs.

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{ExtraName, PackageName};
use serde::{Deserialize, Serialize};

use crate::Requirement;

/// Core metadata of one file (the core metadata specification, fields of PEP 345 to 685).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreMetadata {
    /// `Name`, normalised.
    pub name: PackageName,
    /// `Version`.
    pub version: Version,
    /// `Requires-Dist`, in file order; lines that cannot be read are in [`Self::unreadable`].
    pub requires_dist: Vec<Requirement>,
    /// `Requires-Python`.
    pub requires_python: Option<VersionSpecifiers>,
    /// `Provides-Extra`; some files use extras without listing them.
    pub provides_extra: Vec<ExtraName>,
    /// `Requires-Dist` lines that are no requirement even after the known repairs.
    pub unreadable: Vec<String>,
    /// How far these fields can be trusted.
    pub trust: Trust,
}

impl CoreMetadata {
    /// Of a release that requires nothing.
    pub fn bare(name: PackageName, version: Version) -> Self {
        Self {
            name,
            version,
            requires_dist: Vec::new(),
            requires_python: None,
            provides_extra: Vec::new(),
            unreadable: Vec::new(),
            trust: Trust::Static,
        }
    }
}

/// Where metadata came from, hence how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trust {
    /// A wheel's METADATA, or an sdist's fields that are declared static (PEP 643).
    Static,
    /// What building an sdist gave on one machine; another may give something else.
    Built,
    /// An sdist's fields that a build could change: egg-info `requires.txt` or old `PKG-INFO`.
    Guessed,
}
