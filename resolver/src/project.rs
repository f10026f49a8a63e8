//! What an index says about a project, as one compact table.
//!
//! Popular projects have thousands of files of which a resolution looks at a handful, so a
//! [`Project`] keeps its files as bytes in the layout of [`packed`] and makes a [`ReleaseFile`] only
//! where somebody wants one. The same bytes are what a cache keeps: reading them back costs a
//! check, no parsing.

mod packed;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::{Version, VersionSpecifiers};

use crate::ReleaseFile;
use packed::Packed;
pub(crate) use packed::WheelTags;

/// Everything one index says about a project (PEP 503/691), releases in ascending order.
///
/// ```
/// use pinsmith_resolver::Project;
/// let project = Project::from_files("https://index.test/simple/".into(), []);
/// let copy = Project::from_bytes("https://index.test/simple/".into(), project.as_bytes().to_vec());
/// assert_eq!(copy, Some(project));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Project {
    /// The index that answered, with credentials removed, such as `https://index.test/simple/`.
    pub index: Arc<str>,
    packed: Packed,
}

/// One version of a project; its files are asked of the [`Project`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The version as the index spells it, parsed (PEP 440).
    pub version: Version,
    /// When the first file of this release was uploaded; `None` when the index tells no times.
    pub uploaded: Option<Timestamp>,
    /// Position of its first file among those of the project.
    first: u32,
    /// Number of its files.
    count: u32,
}

impl Release {
    /// How many wheels and sdists it has.
    pub fn file_count(&self) -> usize {
        self.count as usize
    }
}

/// What decides whether a file counts, without its names and digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileSummary {
    /// Position among [`Project::wheel_tags`]; `None` for an sdist.
    pub(crate) wheel: Option<u32>,
    /// Position among [`Project::required_pythons`].
    pub(crate) requires_python: Option<u32>,
    pub(crate) uploaded: Option<Timestamp>,
    pub(crate) yanked: bool,
}

impl Project {
    /// Sorts releases by version and files by name, joining releases of equal version.
    ///
    /// Whether a file is a wheel is told by its name. Times are kept to the microsecond.
    pub fn from_files(
        index: Arc<str>,
        files: impl IntoIterator<Item = (Version, ReleaseFile)>,
    ) -> Self {
        let packed = Packed::of(files.into_iter().collect());
        Self { index, packed }
    }

    /// The project that [`Self::as_bytes`] came from; `None` when the bytes are of another layout.
    ///
    /// Damage within the layout is not always noticed: who keeps the bytes also keeps a checksum.
    pub fn from_bytes(index: Arc<str>, bytes: Vec<u8>) -> Option<Self> {
        let packed = Packed::from_bytes(bytes)?;
        Some(Self { index, packed })
    }

    /// The releases and files in a form that can be kept; the index's name is not part of it.
    pub fn as_bytes(&self) -> &[u8] {
        self.packed.bytes()
    }

    /// The releases in ascending order of their version.
    pub fn releases(&self) -> &[Release] {
        &self.packed.releases
    }

    /// The release with this exact version, local part included.
    pub fn release(&self, version: &Version) -> Option<&Release> {
        let found = self
            .releases()
            .binary_search_by(|release| release.version.cmp(version));
        found.ok().map(|index| &self.releases()[index])
    }

    /// The files of a release, ordered by name.
    pub fn files(&self, release: &Release) -> impl ExactSizeIterator<Item = ReleaseFile> {
        (release.first..release.first + release.count).map(|index| self.packed.file(index))
    }

    /// One file of a release by its position.
    pub fn file(&self, release: &Release, position: usize) -> Option<ReleaseFile> {
        let position = u32::try_from(position).ok()?;
        (position < release.count).then(|| self.packed.file(release.first + position))
    }

    /// What counts of the files of a release, in the order of [`Self::files`].
    pub(crate) fn summaries(
        &self,
        release: &Release,
    ) -> impl ExactSizeIterator<Item = FileSummary> {
        (release.first..release.first + release.count).map(|index| self.packed.summary(index))
    }

    /// The distinct wheel tags of this project's files.
    pub(crate) fn wheel_tags(&self) -> impl Iterator<Item = WheelTags<'_>> {
        self.packed.wheel_tags()
    }

    /// The distinct `Requires-Python` of this project's files.
    pub(crate) fn required_pythons(&self) -> &[VersionSpecifiers] {
        &self.packed.pythons
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let releases = self.releases().iter();
        let releases: Vec<_> = releases
            .map(|release| (release, self.files(release).collect::<Vec<_>>()))
            .collect();
        f.debug_struct("Project")
            .field("index", &self.index)
            .field("releases", &releases)
            .finish_non_exhaustive()
    }
}
