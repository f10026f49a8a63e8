//! The resolver's only view of the world.

use std::ops::Deref;
use std::sync::Arc;

use pep508_rs::PackageName;

use crate::{CoreMetadata, Project, ReleaseFile, Requirement, Target};

/// Where projects and metadata come from: an index over the network, or a [`crate::MemorySource`].
///
/// "Not there" is an answer, not an error; an error means that the world failed and solving
/// cannot go on. Answers must not change during one resolution.
pub trait PackageSource {
    /// Everything known about a project. Asked once per project and resolution.
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError>;

    /// Core metadata of one file. Asked at most once per file and resolution.
    fn metadata(
        &self,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError>;

    /// Says that these requirements are about to be looked at, so that a source over a network can
    /// fetch their projects, the likely metadata and what follows from it at once. May be ignored,
    /// and never changes an answer.
    fn look_ahead(&self, _requirements: Vec<Requirement>, _guess: &Arc<dyn Lookahead>) {}

    /// Says that the metadata of this file is about to be asked for, so that a source over a network
    /// can fetch several at once. May be ignored, and never changes an answer.
    fn expect(&self, _name: &PackageName, _file: &ReleaseFile) {}

    /// The source as one target sees it, where targets see different ones: accelerators have builds
    /// on indexes of their own. `None` is this source as it is.
    ///
    /// What the target's builds have in common may be said with [`crate::cuda_package`].
    fn for_target<'s>(&'s self, _target: &Target) -> Option<Box<dyn PackageSource + 's>> {
        None
    }
}

/// A source, or what one target sees of it.
pub(crate) enum Seen<'s> {
    Whole(&'s dyn PackageSource),
    ByTarget(Box<dyn PackageSource + 's>),
}

impl<'s> Seen<'s> {
    pub(crate) fn by(target: &Target, source: &'s dyn PackageSource) -> Self {
        let own = source.for_target(target);
        own.map_or(Self::Whole(source), Self::ByTarget)
    }
}

impl<'s> Deref for Seen<'s> {
    type Target = dyn PackageSource + 's;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Whole(source) => *source,
            Self::ByTarget(source) => source.as_ref(),
        }
    }
}

/// The resolver's guess at its own next questions; a source may call it from any thread.
pub trait Lookahead: Send + Sync {
    /// The file whose metadata is asked for first when only this requirement is on the project.
    fn likely_file(&self, requirement: &Requirement, project: &Project) -> Option<ReleaseFile>;

    /// The requirements that come up when a project is taken in this way.
    fn likely_requirements(
        &self,
        requirement: &Requirement,
        metadata: &CoreMetadata,
    ) -> Vec<Requirement>;
}

/// Answer to [`PackageSource::releases`].
#[derive(Debug, Clone)]
pub enum ReleasesAnswer {
    /// The project exists.
    Found(Arc<Project>),
    /// No index has a project of this name.
    NotFound,
    /// The project is not in the cache, and the network is switched off.
    Offline,
}

/// Answer to [`PackageSource::metadata`].
#[derive(Debug, Clone)]
pub enum MetadataAnswer {
    /// The metadata.
    Found(Arc<CoreMetadata>),
    /// The metadata cannot be had without running foreign code or is broken; the reason, lower case.
    Unavailable(String),
    /// Not in the cache, and the network is switched off.
    Offline,
}

/// The world failed: the network is down, a hash does not match, the disk is full.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// The source's own stable code for failures of this kind, such as `IDX018`.
    pub code: Option<&'static str>,
    /// What failed, on which project or file, in lower case.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
