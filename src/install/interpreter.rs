//! What a Python is, asked of itself without running anything of its site.

use std::path::{Path, PathBuf};

use pep508_rs::MarkerEnvironmentBuilder;
use pinsmith_resolver::{MarkerEnvironment, Version};

use super::process::{Surroundings, run};
use super::tools::isolation;
use super::{CommandLine, SyncError};
use crate::lock::{Lock, Selection};

/// Prints one fact a line. `-I -S` leaves out the current folder, the user's site and every
/// `.pth` file.
const QUESTION: &str = "\
import os, platform, sys
name = getattr(sys, 'implementation', None)
for fact in (getattr(sys, '_base_executable', None) or sys.executable,
             '%d.%d.%d' % sys.version_info[:3], name.name if name else '',
             platform.python_implementation(), os.name, sys.platform,
             platform.system(), platform.machine()):
    print(fact)
";

/// A Python that was asked.
#[derive(Debug, Clone)]
pub struct Interpreter {
    /// The real program, behind shims and virtual environments.
    pub base: PathBuf,
    /// Its full version.
    pub version: String,
    /// Its markers (PEP 508).
    pub markers: MarkerEnvironment,
}

impl Interpreter {
    /// Asks a Python that is not of the tree.
    pub(super) fn ask(python: &Path, surroundings: &Surroundings<'_>) -> Result<Self, SyncError> {
        let ask = |flags: &[&str]| {
            let words = flags.iter().chain(&["-c", QUESTION]);
            let command = CommandLine {
                title: "python",
                program: python.to_owned(),
                arguments: words.map(Into::into).collect(),
            };
            run(&command, surroundings, &mut |_| {})
        };
        // Python 2 does not know `-I`, and says so before it does anything; its virtual environments
        // find the standard library through `site`
        let facts = match ask(&["-I", "-S"]) {
            Err(SyncError::Failed { .. }) => ask(isolation((2, 7)))?,
            other => other?,
        };
        Self::from_facts(&facts).ok_or_else(|| SyncError::Failed {
            command: "python".to_owned(),
            output: facts,
            cause: None,
        })
    }

    fn from_facts(facts: &[String]) -> Option<Self> {
        let [
            base,
            version,
            name,
            implementation,
            os,
            platform,
            system,
            machine,
        ] = facts
        else {
            return None;
        };
        let (short, _) = version.rsplit_once('.')?;
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: name,
            // what pip takes where Python does not say it
            implementation_version: if name.is_empty() { "0" } else { version },
            os_name: os,
            platform_machine: machine,
            platform_python_implementation: implementation,
            platform_release: "",
            platform_system: system,
            platform_version: "",
            python_full_version: version,
            python_version: short,
            sys_platform: platform,
        });
        Some(Self {
            base: base.into(),
            version: version.clone(),
            markers: markers.ok()?,
        })
    }

    /// Its major and minor version.
    pub(super) fn minor(&self) -> (u8, u8) {
        minor_of(&self.version)
    }

    /// Checks `requires-python` and `environments` of a lock, as PEP 751 demands.
    pub(super) fn check(&self, lock: &Lock) -> Result<(), SyncError> {
        let other = |wanted: String| SyncError::OtherPython {
            found: format!(
                "{} on {} {}",
                self.version,
                self.markers.sys_platform(),
                self.markers.platform_machine()
            ),
            wanted,
        };
        let version: Option<Version> = self.version.parse().ok();
        if let Some(specifiers) = &lock.requires_python
            && !version.is_some_and(|version| specifiers.contains(&version))
        {
            return Err(other(format!("Python {specifiers}")));
        }
        let mut environments = lock.environments.iter();
        if lock.environments.is_empty()
            || environments.any(|marker| marker.holds(&self.markers, &Selection::Default))
        {
            return Ok(());
        }
        let wanted: Vec<&str> = lock
            .environments
            .iter()
            .map(crate::lock::LockMarker::as_str)
            .collect();
        Err(other(wanted.join(" or ")))
    }
}

/// `(3, 11)` of `3.11.7`.
pub(super) fn minor_of(version: &str) -> (u8, u8) {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(3), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::testing::example;

    fn interpreter(version: &str, platform: &str) -> Interpreter {
        let facts = [
            "/usr/bin/python3",
            version,
            "cpython",
            "CPython",
            "posix",
            platform,
            "Linux",
            "x86_64",
        ];
        Interpreter::from_facts(&facts.map(str::to_owned)).unwrap()
    }

    #[test]
    fn a_lock_is_only_good_for_its_targets() {
        let lock = example().lock();
        assert!(interpreter("3.11.7", "linux").check(&lock).is_ok());
        insta::assert_snapshot!(interpreter("3.12.1", "linux").check(&lock).unwrap_err(),
            @"the lock is not good for Python 3.12.1 on linux x86_64: it wants Python ==3.11.*");
        let error = interpreter("3.11.7", "darwin").check(&lock).unwrap_err();
        assert_eq!(error.code(), crate::install::OTHER_PYTHON);
    }
}
