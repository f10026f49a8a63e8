//! What an artifact was when the lock was made: enough to get the same bytes again.

use std::collections::BTreeMap;

use pinsmith_resolver::Sha256;

/// Most files of one artifact that a spec lists; datasets can have very many.
pub const MAX_ARTIFACT_FILES: usize = 500;

/// An artifact as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactPin {
    /// Its commit, 40 hexadecimal digits; `None` for a plain file.
    pub commit: Option<String>,
    /// Its files, ordered by path, at most [`MAX_ARTIFACT_FILES`].
    pub files: Vec<ArtifactFile>,
    /// How many more files there are; the commit fixes them too.
    pub more_files: usize,
}

/// One file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactFile {
    /// Its path within the artifact.
    pub path: String,
    /// In bytes.
    pub size: Option<u64>,
    /// Digest of its content.
    pub sha256: Option<Sha256>,
    /// The id that git gives its content: what a hub states of small files.
    pub git_blob: Option<String>,
}

/// Which artifact: its kind, its name and the revision that the code gives.
pub type ArtifactKey = (String, String, Option<String>);

/// What is known about artifacts.
pub type ArtifactPins = BTreeMap<ArtifactKey, ArtifactPin>;
