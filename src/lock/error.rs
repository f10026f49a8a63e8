//! Why there is no lock, and the codes of everything that locking reports.

use std::fmt::Write as _;

use crate::diagnostic::{Code, Diagnostic};

/// No file of a package has a sha256, so the package cannot be locked.
pub const MISSING_HASH: Code = Code("LOCK001");
/// Some files of a package were left out because the index gives no sha256 for them.
pub const FILES_LEFT_OUT: Code = Code("LOCK002");
/// A name or address that an index gave holds characters that could break an output.
pub const UNSAFE_NAME: Code = Code("LOCK003");
/// Two targets of one lock cannot be told apart by markers.
pub const TARGETS_ALIKE: Code = Code("LOCK004");
/// One lock is asked to hold too many targets.
pub const TOO_MANY_TARGETS: Code = Code("LOCK006");
/// Nothing was resolved.
pub const NO_TARGET: Code = Code("LOCK005");
/// A pin of the lock that was there does not hold any more.
pub const NOT_KEPT: Code = Code("LOCK020");
/// The code does not run on a Python that is locked for.
pub const UNFIT_PYTHON: Code = Code("LOCK021");
/// A lock file is no valid `pylock.toml` (PEP 751).
pub const INVALID_LOCK: Code = Code("LOCK010");
/// A lock file has a `lock-version` that pinsmith does not know.
pub const UNSUPPORTED_VERSION: Code = Code("LOCK011");
/// A lock file has a newer minor `lock-version`; what is new in it is not seen.
pub const NEWER_MINOR: Code = Code("LOCK012");
/// A lock file names a path outside its own folder.
pub const UNSAFE_PATH: Code = Code("LOCK013");
/// A lock file has a package from version control, a folder or a plain archive.
pub const DIRECT_SOURCE: Code = Code("LOCK014");
/// A lock file has two entries of one package that cannot be told apart.
pub const DUPLICATE_PACKAGE: Code = Code("LOCK015");

/// Why a lock cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// The index gives no sha256 for any file of these pins.
    #[error("no sha256 is known for any file of {}", .pins.join(", "))]
    MissingHash {
        /// The pins, `name==version`, ordered.
        pins: Vec<String>,
    },
    /// An index gave a name or an address that holds control characters or separators.
    #[error("{what} of `{package}` holds characters that do not belong there: `{text}`")]
    UnsafeName {
        /// The package.
        package: String,
        /// What it is: `a file name`, `the address of a file`, `the index`.
        what: &'static str,
        /// The text, made visible.
        text: String,
    },
    /// Two targets have the same marker environment.
    #[error("the targets `{first}` and `{second}` cannot be told apart by markers")]
    TargetsAlike {
        /// One target.
        first: String,
        /// The other.
        second: String,
    },
    /// There are more targets than a lock can hold.
    #[error(
        "{number} targets are too many for one lock, which can hold {}",
        super::MAX_TARGETS
    )]
    TooManyTargets {
        /// How many there are.
        number: usize,
    },
    /// There was no resolution.
    #[error("there is nothing to lock: no target was resolved")]
    NoTarget,
    /// The text is no valid `pylock.toml`.
    #[error("{place}: {reason}")]
    Invalid {
        /// Where: a key such as `packages[3].wheels[0]`, or `line 7`.
        place: String,
        /// What is wrong, in lower case.
        reason: String,
    },
    /// The major `lock-version` is unknown.
    #[error("lock-version `{found}` is not supported; this pinsmith reads 1.0")]
    UnsupportedVersion {
        /// The version as written, made visible.
        found: String,
    },
    /// A path leaves the folder of the lock file.
    #[error("{place}: the path `{path}` leaves the folder of the lock file")]
    UnsafePath {
        /// Where.
        place: String,
        /// The path, made visible.
        path: String,
    },
    /// Two entries of one package cannot be told apart.
    #[error("`{package}` is pinned twice without a marker that separates the two")]
    DuplicatePackage {
        /// The package.
        package: String,
    },
}

impl LockError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::MissingHash { .. } => MISSING_HASH,
            Self::UnsafeName { .. } => UNSAFE_NAME,
            Self::TargetsAlike { .. } => TARGETS_ALIKE,
            Self::TooManyTargets { .. } => TOO_MANY_TARGETS,
            Self::NoTarget => NO_TARGET,
            Self::Invalid { .. } => INVALID_LOCK,
            Self::UnsupportedVersion { .. } => UNSUPPORTED_VERSION,
            Self::UnsafePath { .. } => UNSAFE_PATH,
            Self::DuplicatePackage { .. } => DUPLICATE_PACKAGE,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::MissingHash { .. } => {
                "use an index that states sha256 digests (PEP 503 `#sha256=`, PEP 691 `hashes`), \
                 or exclude these versions"
            }
            Self::UnsafeName { .. } => "this index is broken or hostile: use another one",
            Self::TargetsAlike { .. } => "lock the accelerators into one file each",
            Self::TooManyTargets { .. } => "name fewer Pythons or platforms",
            Self::NoTarget => "give at least one target with `--python` and `--platform`",
            Self::Invalid { .. } | Self::DuplicatePackage { .. } => {
                "make the lock again with the tool that wrote it, `pinsmith lock` for instance"
            }
            Self::UnsupportedVersion { .. } => "use a newer pinsmith, or make the lock again",
            Self::UnsafePath { .. } => "do not install from this file unless you know its author",
        }
    }

    /// The error as a finding.
    pub fn to_diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.code(), self.to_string()).help(self.help())
    }

    pub(crate) fn invalid(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            place: place.into(),
            reason: reason.into(),
        }
    }
}

/// The warning that some files of a pin were left out for want of a sha256.
pub(super) fn files_left_out(pin: &str, files: &[String]) -> Diagnostic {
    let mut message = format!("left out of the lock for want of a sha256: {pin}, ");
    let _ = match files {
        [file] => write!(message, "{file}"),
        files => write!(message, "{} files", files.len()),
    };
    Diagnostic::warning(FILES_LEFT_OUT, message)
        .help("use an index that states sha256 digests to lock them as well")
}
