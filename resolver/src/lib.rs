//! Resolves Python requirements into one set of pins for an exact [`Target`].
//!
//! This crate knows packages, not the world: it has no network, files, clock, environment or
//! threads. What exists on an index is asked through one trait, [`PackageSource`]; the instant
//! and the host are arguments.
//!
//! ```
//! use pinsmith_resolver::{MemorySource, Options, Request, Target, parse_requirement, resolve};
//!
//! let mut source = MemorySource::default();
//! source.add("app", "1.0", &["lib>=2"]);
//! source.add("lib", "2.1", &[]);
//! let request = Request {
//!     roots: vec![parse_requirement("app")?.requirement],
//!     ..Request::default()
//! };
//! let target = Target::linux_x86_64((3, 11));
//! let resolution = resolve(&request, &target, &source, &Options::default())?;
//! let pins: Vec<String> = resolution.packages.iter().map(|p| p.to_string()).collect();
//! assert_eq!(pins, ["app==1.0", "lib==2.1"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod resolve;

mod abi;
mod accelerator;
mod candidate;
mod chosen;
mod coherent;
mod core_metadata;
mod direct;
mod eligible;
mod engine;
mod error;
mod explain;
mod generated;
mod held_back;
mod keep;
mod lookahead;
mod memory;
mod objective;
mod package;
mod project;
mod provider;
mod remedy;
mod requirement;
mod resolution;
mod rest;
mod roots;
mod search;
mod several;
mod source;
mod specifier;
mod tags;
mod target;
mod universe;
mod what_if;
mod wheel_name;
mod world;

pub use abi::AbiRule;
pub use accelerator::{Accelerator, AcceleratorFamily, CudaVersion, RocmVersion, cuda_package};
pub use candidate::{CoreMetadataHint, FileKind, ReleaseFile, Sha256, Sha256Error, Yanked};
pub use core_metadata::{CoreMetadata, Trust};
pub use direct::DirectRelease;
pub use error::ResolveError;
pub use explain::{Exclusion, Fact, Span, Subject, Unsatisfiable, range_text};
pub use generated::{GeneratedWorld, HardShape};
pub use memory::{MemoryRelease, MemorySource};
pub use objective::LagSummary;
pub use project::{Project, Release};
pub use remedy::{Remedy, remedies, worked_as_of};
pub use requirement::{
    DirectUrl, ParsedRequirement, Requirement, RequirementError, parse_marker, parse_requirement,
    specifiers_of, url_of, usual_form,
};
pub use resolution::{Edge, HeldBackBy, NotKept, Resolution, ResolvedPackage};
pub use resolve::{Options, PrereleasePolicy, Request, ResolutionMode, resolve};
pub use several::{Asked, resolve_all};
pub use source::{Lookahead, MetadataAnswer, PackageSource, ReleasesAnswer, SourceError};
pub use specifier::{ArbitraryEquality, parse_specifiers, to_ranges};
pub use tags::{TagRank, TagSet};
pub use target::{Platform, PythonVersion, Target, TargetParseError};
pub use universe::{Recorder, Universe, UniverseError, pin_lines};
pub use what_if::{WhatIf, with_version};
pub use wheel_name::{WheelName, WheelNameError, sdist_version};

pub use jiff::Timestamp;
pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{ExtraName, MarkerEnvironment, MarkerTree, PackageName};
pub use version_ranges::Ranges;
