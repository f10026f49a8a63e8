//! Programs that install.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process::run;
use super::search::program;
use super::{Host, HostOptions, Interpreter};

const LIMIT: Duration = Duration::from_secs(10);

/// A program that installs packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// `uv`, `pip`.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// The program; of pip the Python that it belongs to.
    pub path: PathBuf,
}

impl Host {
    /// The installers of this machine: uv, and the pip of the Python that is used.
    pub fn installers(&self, options: &HostOptions, scanned_root: &Path) -> Vec<Tool> {
        let path = options.path.as_deref().unwrap_or_default();
        let uv = program("uv", path, scanned_root).and_then(|path| {
            // `uv 0.13.8 (...)`
            let said = run(&path, &["--version"], LIMIT).ok()?;
            let version = said.split_whitespace().nth(1)?.to_owned();
            Some(Tool {
                name: "uv",
                version,
                path,
            })
        });
        let pip = self.python.as_ref().or(self.interpreters.first());
        uv.into_iter().chain(pip.and_then(pip_of)).collect()
    }
}

fn pip_of(python: &Interpreter) -> Option<Tool> {
    let said = python.answer("import pip; print(pip.__version__)", LIMIT);
    Some(Tool {
        name: "pip",
        version: said.ok()?.trim().to_owned(),
        path: python.path.clone(),
    })
}
