//! A lock becomes an environment, through uv or pip.
//!
//! Installing runs third-party code by its nature (a `.pth` file, a build), so everything around
//! it is narrow: hashes are required, the index is the user's and never the tree's, no
//! configuration of the tree is read, the environment holds only what [`scrub`] lets through,
//! HOME and the working directory are temporary, and no program or virtual environment that the
//! tree brought along is run.
//!
//! [`sync`] is the door; [`plan`] says as values which commands it will run.

mod build;
mod cause;
mod check;
mod chosen;
mod command;
mod environment;
mod error;
mod interpreter;
mod process;
mod sync;
mod tools;
mod venv;

pub use build::{BuildOptions, build_metadata};
pub use cause::{Cause, likely_cause};
pub(crate) use check::pip_check;
pub(crate) use command::venv_python;
pub use command::{CommandLine, Means, Plan, plan};
pub use environment::{scrub, trusted_path};
pub use error::{
    CANCELLED, INSTALL_FAILED, NEEDS_BUILD, NEEDS_NETWORK, NO_INSTALLER, NO_TOOL, NOT_A_VENV,
    NOT_INSTALLABLE, OTHER_PYTHON, PYTHON_OF_TREE, SYNC_IO, SyncError, UNKNOWN_VENV,
    UNREADABLE_LOCK,
};
pub use interpreter::Interpreter;
pub(crate) use process::{Ending, Limit, Stream, Surroundings, execute};
pub use sync::{SyncEvent, SyncReport, sync};
pub use tools::{Tool, Tools, tool_for};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::lock::Selection;

/// What `sync` is asked to do.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line that stands by itself"
)]
pub struct SyncOptions {
    /// The virtual environment to make or to change.
    pub venv: PathBuf,
    /// The Python to make it with: an absolute path outside the tree.
    pub python: PathBuf,
    /// Which installer to use.
    pub installer: Installer,
    /// The index to install from, without credentials. It is the user's; the index that a lock
    /// names is evidence only, the hashes decide what is taken.
    pub index: String,
    /// Further indexes that the user or the accelerator rules name, without credentials.
    pub extra_indexes: Vec<String>,
    /// Pages and folders with files that the user names (`--find-links`), without credentials.
    pub links: Vec<String>,
    /// Use only what is in the cache.
    pub offline: bool,
    /// Pinsmith's cache: the installer's own cache and the record of environments lie under it.
    pub cache_dir: PathBuf,
    /// The repository; nothing in it is run.
    pub tree: PathBuf,
    /// Whether a virtual environment may be changed that pinsmith did not make, which runs its
    /// Python (`--trust-venv`).
    pub trust_venv: bool,
    /// Whether it is made for one run only, so that nobody will ask whose it was.
    pub temporary: bool,
    /// Whether what the lock takes from repositories, folders and source archives may be built, which
    /// runs its code (`--allow-build`).
    pub allow_build: bool,
    /// Certificates and proxy, when the index settings name them.
    pub network: Network,
    /// The caller's environment; [`scrub`] chooses from it.
    pub environment: BTreeMap<OsString, OsString>,
    /// Which of the lock's extras and groups are installed besides the runtime.
    pub selection: Selection,
    /// Gets what old Pythons need besides.
    pub tools: Arc<dyn Tools>,
    /// Set by a signal handler: the running installer is ended.
    pub cancel: Arc<AtomicBool>,
}

/// Which program installs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Installer {
    /// uv when it is on PATH, else pip.
    #[default]
    Auto,
    /// uv.
    Uv,
    /// The pip that the virtual environment brings along.
    Pip,
}

/// How the network is reached, as the user's own configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// A bundle of certificate authorities (pip's `cert`).
    pub ca_bundle: Option<PathBuf>,
    /// A client certificate with its key (pip's `client-cert`).
    pub client_certificate: Option<PathBuf>,
    /// A proxy, which may hold credentials; handed over in the environment, never as an argument.
    pub proxy: Option<String>,
}

#[cfg(test)]
mod tests;
