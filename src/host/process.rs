//! Running a program for what it prints: no input, a time limit, and a limit on what it may say.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// More than this none of them has a reason to say.
const MAX_OUTPUT: u64 = 64 * 1024;

/// Runs a program in isolation and returns what it printed; the reason, in lower case, if it fails.
///
/// Empty temporary working folder, no environment but the locale, no input, at most `limit` and
/// [`MAX_OUTPUT`].
pub(super) fn run(program: &Path, arguments: &[&str], limit: Duration) -> Result<String, String> {
    run_in(
        &[("LANG".into(), "C.UTF-8".into())],
        program,
        arguments,
        limit,
    )
}

/// As [`run`], with this environment.
pub(super) fn run_in(
    environment: &[(std::ffi::OsString, std::ffi::OsString)],
    program: &Path,
    arguments: &[&str],
    limit: Duration,
) -> Result<String, String> {
    if !program.is_absolute() {
        return Err("its path is relative".to_owned());
    }
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(environment.iter().cloned())
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
