//! Pins that come from an address instead of an index (PEP 751 `vcs`, `directory`, `archive`).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pinsmith_resolver::{PackageName, Sha256, Target, WheelName};

use super::file_name_of;

/// Where the pins of each target come from that come from no index.
///
/// Markers can give a project other places on other targets.
pub type DirectSources = BTreeMap<Target, BTreeMap<PackageName, Direct>>;

/// Where a pin comes from when it comes from no index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Direct {
    /// The place.
    pub source: DirectSource,
    /// Whether the version is known without building; where it is not, the one of the pin is made up
    /// and stands in no file.
    pub version_known: bool,
}

/// A place that is no index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirectSource {
    /// A git repository at a commit.
    Git {
        /// Its address, without `git+` and without credentials.
        url: String,
        /// The branch, tag or commit that was asked for.
        requested_revision: Option<String>,
        /// 40 hexadecimal digits.
        commit: String,
        /// The folder of the project within it.
        subdirectory: Option<String>,
    },
    /// A wheel, a source distribution or another archive.
    Archive {
        /// Its address without credentials and fragment.
        url: String,
        /// Digest of the file.
        sha256: Sha256,
        /// Size in bytes.
        size: Option<u64>,
        /// The folder of the project within it.
        subdirectory: Option<String>,
    },
    /// A folder beside the lock.
    Directory {
        /// Relative to the lock file, with `/` and without `..`; `.` is the lock's own folder.
        path: String,
        /// Whether its files are used where they are.
        editable: bool,
    },
}

impl DirectSource {
    /// The line of a requirements file that asks for it, without hash and marker; `extras` as in
    /// `[one,two]`.
    ///
    /// ```
    /// use pinsmith::lock::DirectSource;
    /// let folder = DirectSource::Directory { path: "libs/pose".to_owned(), editable: true };
    /// assert_eq!(folder.requirement(&"pose".parse().unwrap(), ""), "-e ./libs/pose");
    /// ```
    pub fn requirement(&self, name: &PackageName, extras: &str) -> String {
        match self {
            Self::Git { .. } | Self::Archive { .. } => {
                format!("{name}{extras} @ {}", self.address())
            }
            Self::Directory { path, editable } => {
                let flag = if *editable { "-e " } else { "" };
                match path.as_str() {
                    "." => format!("{flag}.{extras}"),
                    path => format!("{flag}./{path}{extras}"),
                }
            }
        }
    }

    /// The address as a direct reference has it (PEP 440); for a folder its path.
    pub fn address(&self) -> String {
        let (mut text, folder) = match self {
            Self::Git {
                url,
                commit,
                subdirectory,
                ..
            } => (format!("git+{url}@{commit}"), subdirectory),
            Self::Archive {
                url, subdirectory, ..
            } => (url.clone(), subdirectory),
            Self::Directory { path, .. } => (format!("./{path}"), &None),
        };
        if let Some(folder) = folder {
            let _ = write!(text, "#subdirectory={folder}");
        }
        text
    }

    /// Whether installing it means building it.
    pub fn is_built(&self) -> bool {
        match self {
            Self::Archive { url, .. } => file_name_of(url).parse::<WheelName>().is_err(),
            Self::Git { .. } | Self::Directory { .. } => true,
        }
    }
}
