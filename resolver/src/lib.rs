//! Resolves Python requirements into one set of pins for an exact [`Target`].
//!
//! This crate knows packages, not the world: it has no network, files, clock, environment or
//! threads. What exists on an index is asked through one trait, [`PackageSource`]; the instant
//! and the host are arguments.

mod candidate;
mod core_metadata;
mod objective;
mod requirement;
mod resolution;
mod source;
mod specifier;
mod target;
mod wheel_name;

pub use candidate::{
    CoreMetadataHint, FileKind, Project, Release, ReleaseFile, Sha256, Sha256Error, Yanked,
};
pub use core_metadata::{CoreMetadata, Trust};
pub use objective::{LagSummary, lag_days};
pub use requirement::{
    DirectUrl, ParsedRequirement, Requirement, RequirementError, parse_requirement, specifiers_of,
    url_of,
};
pub use resolution::{HeldBackBy, Resolution, ResolvedPackage};
pub use source::{MetadataAnswer, PackageSource, ReleasesAnswer, SourceError};
pub use specifier::{ArbitraryEquality, parse_specifiers, to_ranges};
pub use target::{Accelerator, Platform, PythonVersion, Target, TargetParseError};
pub use wheel_name::{WheelName, WheelNameError, sdist_version};

pub use jiff::Timestamp;
pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{ExtraName, MarkerEnvironment, MarkerTree, PackageName};
