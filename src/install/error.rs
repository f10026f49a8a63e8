//! Why there is no environment.

use std::io;
use std::path::{Path, PathBuf};

use super::Cause;
use crate::diagnostic::Code;
use crate::lock::LockError;

/// The lock file cannot be read.
pub const UNREADABLE_LOCK: Code = Code("SYNC001");
/// No installer was found.
pub const NO_INSTALLER: Code = Code("SYNC002");
/// The folder exists and is no virtual environment.
pub const NOT_A_VENV: Code = Code("SYNC003");
/// The folder is a virtual environment that pinsmith did not make.
pub const UNKNOWN_VENV: Code = Code("SYNC004");
/// The Python is not one that the lock is good for.
pub const OTHER_PYTHON: Code = Code("SYNC005");
/// The lock has packages that cannot be installed from it.
pub const NOT_INSTALLABLE: Code = Code("SYNC006");
/// The installer failed.
pub const INSTALL_FAILED: Code = Code("SYNC007");
/// The run was interrupted.
pub const CANCELLED: Code = Code("SYNC008");
/// The chosen installer cannot work without a network.
pub const NEEDS_NETWORK: Code = Code("SYNC009");
/// A file or program could not be read, written or started.
pub const SYNC_IO: Code = Code("SYNC010");
/// The Python to use lies in the tree, or is not named by an absolute path.
pub const PYTHON_OF_TREE: Code = Code("SYNC011");

/// The lock has packages that are built from a repository, a folder or a source archive.
pub const NEEDS_BUILD: Code = Code("SYNC012");

/// What an old Python needs besides cannot be had.
pub const NO_TOOL: Code = Code("SYNC013");

/// Why `sync` did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The lock file is no valid lock.
    #[error("cannot use `{path}`: {source}")]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LockError,
    },
    /// uv was asked for and is not there.
    #[error("uv is not on PATH")]
    NoUv,
    /// uv does not know such an old Python.
    #[error("uv makes no environment for Python {0}")]
    TooOldForUv(String),
    /// A wheel that this Python needs is nowhere.
    #[error("Python {python} needs `{tool}`: {reason}")]
    NoTool {
        /// The file.
        tool: &'static str,
        /// The Python.
        python: String,
        /// Why it cannot be had.
        reason: String,
    },
    /// The folder is something else.
    #[error("`{path}` is {what} and not a virtual environment")]
    NotAVenv {
        /// The folder.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Its Python may have come with the tree.
    #[error("`{0}` is a virtual environment that pinsmith did not make")]
    UnknownVenv(PathBuf),
    /// It could be anything.
    #[error("the Python `{0}` lies in the repository or is no absolute path")]
    PythonOfTree(PathBuf),
    /// The lock was made for others.
    #[error("the lock is not good for Python {found}: it wants {wanted}")]
    OtherPython {
        /// What the Python is.
        found: String,
        /// What the lock says.
        wanted: String,
    },
    /// A package is not from an index, or needs groups to be chosen.
    #[error("cannot install `{package}`: {reason}")]
    NotInstallable {
        /// The package.
        package: String,
        /// Why.
        reason: String,
    },
    /// Building would run its code.
    #[error("`{package}` has to be built, which runs its code")]
    NeedsBuild {
        /// The package with its address.
        package: String,
    },
    /// A command ended with an error.
    #[error("{command} failed{}", .cause.as_ref().map(|cause| format!(": {}", cause.what)).unwrap_or_default())]
    Failed {
        /// What was run, in short: `pip install`.
        command: String,
        /// Its last lines.
        output: Vec<String>,
        /// What probably went wrong.
        cause: Option<Cause>,
    },
    /// Interrupted.
    #[error("interrupted; the environment may be incomplete")]
    Cancelled,
    /// pip has no offline mode.
    #[error("pip cannot install without a network")]
    NeedsNetwork,
    /// The operating system said no.
    #[error("cannot use `{path}`: {source}")]
    Io {
        /// The file, folder or program.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl SyncError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Lock { .. } => UNREADABLE_LOCK,
            Self::NoUv | Self::TooOldForUv(_) => NO_INSTALLER,
            Self::NoTool { .. } => NO_TOOL,
            Self::NotAVenv { .. } => NOT_A_VENV,
            Self::UnknownVenv(_) => UNKNOWN_VENV,
            Self::PythonOfTree(_) => PYTHON_OF_TREE,
            Self::OtherPython { .. } => OTHER_PYTHON,
            Self::NotInstallable { .. } => NOT_INSTALLABLE,
            Self::NeedsBuild { .. } => NEEDS_BUILD,
            Self::Failed { .. } => INSTALL_FAILED,
            Self::Cancelled => CANCELLED,
            Self::NeedsNetwork => NEEDS_NETWORK,
            Self::Io { .. } => SYNC_IO,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &str {
        match self {
            Self::Lock { source, .. } => source.help(),
            Self::NoUv => "install uv, or use pip with `--installer pip`",
            Self::TooOldForUv(_) => "use pip with `--installer pip`",
            Self::NoTool { .. } => {
                "use an index that has it; once fetched it is kept in pinsmith's cache"
            }
            Self::NotAVenv { .. } => "choose another folder with `--venv DIR`",
            Self::UnknownVenv(_) => {
                "remove it and run again, choose another with `--venv DIR`, or allow it with \
                 `--trust-venv`"
            }
            Self::PythonOfTree(_) => "choose a Python of your own with `--python`",
            Self::OtherPython { .. } => {
                "choose another Python with `--python`, remove the old environment, or lock again \
                 for this one"
            }
            Self::NeedsBuild { .. } => "run again with `--allow-build` if you trust that code",
            Self::NotInstallable { .. } => "lock again with `pinsmith lock`, or install it by hand",
            Self::Failed { cause, .. } => cause
                .as_ref()
                .map_or("read the installer's last lines above", |cause| {
                    cause.remedy
                }),
            Self::Cancelled => "run `pinsmith sync` again to complete it",
            Self::NeedsNetwork => "install uv, which can install from its cache alone",
            Self::Io { .. } => "check that it exists and may be read, written and run",
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}
