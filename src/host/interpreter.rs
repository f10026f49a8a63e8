//! Asking one installed Python what it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use pinsmith_resolver::PythonVersion;
use serde::Deserialize;

use super::Memory;
use super::process::run;

/// An installed Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Absolute path of the program.
    pub path: PathBuf,
    /// Version with its patch release.
    pub version: PythonVersion,
    /// `cpython`, `pypy`.
    pub implementation: String,
    /// `sys.platform`.
    pub(super) platform: String,
    /// `platform.machine()`.
    pub(super) machine: String,
    /// `glibc 2.36`, empty where there is none.
    pub(super) libc: String,
    /// macOS version, empty elsewhere.
    pub(super) macos: String,
}

/// Only the standard library, no `site`, and nothing that a folder could shadow.
const PROBE: &str = "\
import sys, os, json
def libc():
    try: return os.confstr('CS_GNU_LIBC_VERSION') or ''
    except Exception: return ''
import platform
implementation = getattr(sys, 'implementation', None)
name = implementation.name if implementation else platform.python_implementation().lower()
print(json.dumps({'version': list(sys.version_info[:3]), 'implementation': name,
 'platform': sys.platform.replace('linux2', 'linux'), 'machine': platform.machine(), 'libc': libc(), 'macos': platform.mac_ver()[0]}))
";

#[derive(Deserialize)]
struct Answer {
    version: (u8, u8, u16),
    implementation: String,
    platform: String,
    machine: String,
    libc: String,
    macos: String,
}

impl Interpreter {
    /// Runs the program at an absolute path; the reason, in lower case, when it is no Python of
    /// this major version.
    ///
    /// What an interpreter said counts until its file changes.
    pub(super) fn ask(
        path: &Path,
        major: u8,
        limit: Duration,
        memory: Option<&dyn Memory>,
    ) -> Result<Self, String> {
        let memory = memory.zip(identity(path));
        if let Some((memory, key)) = &memory
            && let Some(known) = memory.recall(key)
            && let Ok(found) = Self::read(path, major, &known)
        {
            return Ok(found);
        }
        let mut arguments = isolation(major).to_vec();
        arguments.extend(["-S", "-c", PROBE]);
        let output = run(path, &arguments, limit)?;
        let found = Self::read(path, major, &output)?;
        if let Some((memory, key)) = &memory {
            memory.remember(key, &output);
        }
        Ok(found)
    }

    fn read(path: &Path, wanted: u8, output: &str) -> Result<Self, String> {
        let answer: Answer =
            serde_json::from_str(output.trim()).map_err(|_| format!("it is no Python {wanted}"))?;
        let (major, minor, patch) = answer.version;
        if major != wanted {
            return Err(format!("it is Python {major}"));
        }
        Ok(Self {
            path: path.to_path_buf(),
            version: PythonVersion {
                major,
                minor,
                patch: Some(patch),
            },
            implementation: answer.implementation,
            platform: answer.platform,
            machine: answer.machine,
            libc: answer.libc,
            macos: answer.macos,
        })
    }

    /// What a one-line program prints, run in isolation (no environment, an empty folder);
    /// the reason, in lower case, when it fails.
    pub fn answer(&self, program: &str, limit: Duration) -> Result<String, String> {
        let mut arguments = isolation(self.version.major).to_vec();
        arguments.extend(["-c", program]);
        run(&self.path, &arguments, limit)
    }

    /// Whether this is a CPython of the wanted version, to the precision that is given.
    pub(super) fn fits(&self, wanted: Option<PythonVersion>) -> bool {
        self.implementation == "cpython"
            && wanted.is_none_or(|wanted| {
                wanted.minor_pair() == self.version.minor_pair()
                    && (wanted.patch.is_none() || wanted.patch == self.version.patch)
            })
    }
}

/// What keeps environment, user's site and script folder out. `-I` came with Python 3.4; without it
/// the working folder counts, which is an empty one.
fn isolation(major: u8) -> &'static [&'static str] {
    if major < 3 { &["-E", "-s"] } else { &["-I"] }
}

/// Path, size and time of change of a program, through links.
pub(super) fn identity(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let (path, size, changed) = (path.display(), about.len(), changed.as_nanos());
    Some(format!("python {path} {size} {changed}"))
}
