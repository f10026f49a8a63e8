//! What this machine is: its Python, platform and libc, found without running anything of a tree.
//!
//! Besides `install` the only place that starts a process: an installed Python, by its absolute
//! path, in isolated mode, with an empty environment and working folder, a time limit and a limit on
//! what it may say; the programs of GPU drivers in the same way; and the user's `keyring` command
//! where pip is told to ask it. Nothing below the scanned tree is ever started.

mod gpu;
mod interpreter;
mod keyring;
mod process;
mod search;
mod system;
mod tool;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pinsmith_resolver::{Platform, PythonVersion, Target};

use crate::diagnostic::{Code, Diagnostic};

pub use gpu::{Device, Gfx, Gpus, Nvidia, NvidiaGpu, Source as GpuSource, Vendor};
pub use interpreter::Interpreter;
pub use keyring::keyring_password;
pub use tool::Tool;

/// No usable Python was found.
pub const NO_PYTHON: Code = Code("HOST001");
/// A Python was left out, since it lies below the scanned tree.
pub const PYTHON_IN_TREE: Code = Code("HOST002");
/// The machine uses musl, for which no target exists.
pub const MUSL: Code = Code("HOST003");
/// The operating system or processor is none that a lock can be made for.
pub const UNKNOWN_PLATFORM: Code = Code("HOST004");
/// A Python did not answer in time or not sensibly.
pub const PYTHON_SILENT: Code = Code("HOST005");

/// What [`Host::detect`] looks for, and the values of the environment that it uses.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// The wanted Python, such as 3.11; without it the first one on `PATH`.
    pub python: Option<PythonVersion>,
    /// Ask every interpreter, not only until one fits (for `doctor`).
    pub all: bool,
    /// Look for GPUs and their drivers.
    pub gpus: bool,
    /// Value of `PATH`; relative entries never count.
    pub path: Option<String>,
    /// Value of `PYENV_ROOT`.
    pub pyenv_root: Option<PathBuf>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// How long one interpreter may take to answer; ten seconds when `None`.
    pub time_limit: Option<Duration>,
    /// Where answers of interpreters are kept, so that an unchanged one is asked once.
    pub memory: Option<Arc<dyn Memory>>,
}

/// Keeps short texts from one run to the next.
pub trait Memory: fmt::Debug + Send + Sync {
    /// What was kept under this key, unless it is too old.
    fn recall(&self, key: &str) -> Option<String>;
    /// Keeps a text; failures are of no consequence.
    fn remember(&self, key: &str, text: &str);
}

impl HostOptions {
    /// Options out of an environment, such as that of the process.
    pub fn from_env(env: &dyn Fn(&str) -> Option<String>, python: Option<PythonVersion>) -> Self {
        Self {
            python,
            all: false,
            gpus: false,
            path: env("PATH"),
            pyenv_root: env("PYENV_ROOT").map(PathBuf::from),
            home: etcetera::home_dir().ok(),
            time_limit: None,
            memory: None,
        }
    }
}

/// This machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The interpreters that were asked, in the order in which they were found.
    pub interpreters: Vec<Interpreter>,
    /// The interpreter that fits the wanted version, else the first that was found.
    pub python: Option<Interpreter>,
    /// The platform; `None` when it is none that a lock can be made for.
    pub platform: Option<Platform>,
    /// glibc or macOS version; the platform's usual floor when it is not known.
    pub floor: (u16, u16),
    /// Whether the C library is musl, for which there are few wheels.
    pub musl: bool,
    /// GPUs and their drivers; empty when nobody looked.
    pub gpus: Gpus,
    /// What a person should know.
    pub diagnostics: Vec<Diagnostic>,
}

impl Host {
    /// Looks at this machine; the tree at `scanned_root` is out of bounds.
    ///
    /// Never fails: what is not known is `None`, and a diagnostic says so.
    pub fn detect(options: &HostOptions, scanned_root: &Path) -> Self {
        let mut diagnostics = Vec::new();
        let root = scanned_root
            .canonicalize()
            .unwrap_or_else(|_| scanned_root.to_path_buf());
        let candidates = search::candidates(options, &root, &mut diagnostics);
        let limit = options.time_limit.unwrap_or(Duration::from_secs(10));
        let mut interpreters = Vec::new();
        // a Python 2 is only asked when one is wanted
        let major = options.python.map_or(3, |python| python.major);
        for path in candidates {
            match Interpreter::ask(&path, major, limit, options.memory.as_deref()) {
                Ok(found) => interpreters.push(found),
                Err(problem) => diagnostics.push(Diagnostic::info(
                    PYTHON_SILENT,
                    format!("`{}` is left out: {problem}", path.display()),
                )),
            }
            let fits = |found: &Interpreter| found.fits(options.python);
            if !options.all && interpreters.last().is_some_and(fits) {
                break;
            }
        }
        let python = interpreters
            .iter()
            .find(|found| found.fits(options.python))
            .cloned();
        if python.is_none() {
            diagnostics.push(no_python(options.python));
        }
        let gpus = if options.gpus {
            Gpus::detect(gpu::Asking {
                path: options.path.as_deref().unwrap_or_default(),
                scanned_root: &root,
            })
        } else {
            Gpus::default()
        };
        let system = system::System::detect(python.as_ref().or(interpreters.first()));
        diagnostics.extend(system.diagnostic());
        Self {
            platform: system.platform(),
            floor: system.floor(),
            musl: system.is_musl(),
            gpus,
            interpreters,
            python,
            diagnostics,
        }
    }

    /// This machine as a target, with its Python's exact patch release unless `python` names one.
    ///
    /// # Errors
    /// A diagnostic when the platform is none that a lock can be made for, or when no Python is
    /// known and none is named.
    pub fn target(&self, python: Option<PythonVersion>) -> Result<Target, Diagnostic> {
        let platform = self.platform.ok_or_else(|| {
            Diagnostic::error(
                UNKNOWN_PLATFORM,
                "no lock can be made for this machine's own platform",
            )
            .help("name a platform, such as --platform linux-x86_64")
        })?;
        let own = self.python.as_ref().map(|found| found.version);
        let version = match (python, own) {
            (None, Some(own)) => own,
            (Some(wanted), Some(own)) if wanted.patch.is_none() && same_minor(wanted, own) => own,
            (Some(wanted), _) => wanted,
            (None, None) => return Err(no_python(None)),
        };
        Ok(Target {
            floor: self.floor,
            ..Target::new(version, platform)
        })
    }
}

fn same_minor(a: PythonVersion, b: PythonVersion) -> bool {
    a.minor_pair() == b.minor_pair()
}

fn no_python(wanted: Option<PythonVersion>) -> Diagnostic {
    let what = wanted.map_or_else(
        || "no Python 3 was found on this machine".to_owned(),
        |version| format!("no Python {version} was found on this machine"),
    );
    let help = match wanted {
        None => "name the Python to lock for, such as --python 3.11",
        Some(_) => "locking needs none; `pinsmith sync` will",
    };
    Diagnostic::info(NO_PYTHON, what).help(help)
}

#[cfg(test)]
mod tests;
