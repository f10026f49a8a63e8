//! Asking one installed Python what it is.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use pinsmith_resolver::PythonVersion;
use serde::Deserialize;

use super::Memory;

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
print(json.dumps({'version': list(sys.version_info[:3]), 'implementation': sys.implementation.name,
 'platform': sys.platform, 'machine': platform.machine(), 'libc': libc(), 'macos': platform.mac_ver()[0]}))
";

/// More than this an interpreter has no reason to say.
const MAX_OUTPUT: u64 = 64 * 1024;

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
    /// Runs the program at an absolute path; the reason, in lower case, when it is no Python 3.
    ///
    /// What an interpreter said counts until its file changes.
    pub(super) fn ask(
        path: &Path,
        limit: Duration,
        memory: Option<&dyn Memory>,
    ) -> Result<Self, String> {
        let memory = memory.zip(identity(path));
        if let Some((memory, key)) = &memory
            && let Some(known) = memory.recall(key)
            && let Ok(found) = Self::read(path, &known)
        {
            return Ok(found);
        }
        let output = run(path, &["-I", "-S", "-c", PROBE], limit)?;
        let found = Self::read(path, &output)?;
        if let Some((memory, key)) = &memory {
            memory.remember(key, &output);
        }
        Ok(found)
    }

    fn read(path: &Path, output: &str) -> Result<Self, String> {
        let answer: Answer =
            serde_json::from_str(output.trim()).map_err(|_| "it is no Python 3".to_owned())?;
        let (major, minor, patch) = answer.version;
        if major < 3 {
            return Err("it is Python 2".to_owned());
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

    /// What a one-line program prints, run in isolation (`-I`, no environment, an empty folder);
    /// the reason, in lower case, when it fails.
    pub fn answer(&self, program: &str, limit: Duration) -> Result<String, String> {
        run(&self.path, &["-I", "-c", program], limit)
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

/// Path, size and time of change of a program, through links.
pub(super) fn identity(path: &Path) -> Option<String> {
    let about = std::fs::metadata(path).ok()?;
    let changed = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let (path, size, changed) = (path.display(), about.len(), changed.as_nanos());
    Some(format!("python {path} {size} {changed}"))
}

/// Runs a program in isolation and returns what it printed; the reason, in lower case, if it fails.
///
/// Empty temporary working folder, no environment but the locale, no input, at most `limit` and
/// [`MAX_OUTPUT`].
pub(super) fn run(program: &Path, arguments: &[&str], limit: Duration) -> Result<String, String> {
    if !program.is_absolute() {
        return Err("its path is relative".to_owned());
    }
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Windows cannot load its own libraries without this
    if let Some(root) = std::env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let output = child.stdout.take();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = output.map(|pipe| pipe.take(MAX_OUTPUT).read_to_string(&mut text));
        read.is_some_and(|read| read.is_ok()).then_some(text)
    });
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if started.elapsed() < limit => thread::sleep(Duration::from_millis(2)),
            _ => {
                // both only fail when it has ended by itself
                let _ = child.kill();
                let _ = child.wait();
                return Err("it does not answer in time".to_owned());
            }
        }
    };
    let text = reader.join().ok().flatten();
    match text {
        Some(text) if status.success() => Ok(text),
        _ => Err(format!("it fails with {status}")),
    }
}
