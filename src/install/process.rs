//! Running one command: its lines are handed on, and it ends when the user says so.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{CommandLine, SyncError, likely_cause};

/// How many last lines are kept for the report of a failure.
const TAIL: usize = 40;
/// Longest line that is kept, in bytes.
const MAX_LINE: u64 = 64 * 1024;
/// How long an installer gets to end by itself after Ctrl-C, which the terminal sends to it too.
const GRACE: Duration = Duration::from_secs(2);

/// Where and how commands run.
pub(super) struct Surroundings<'a> {
    pub(super) environment: &'a BTreeMap<OsString, OsString>,
    pub(super) folder: &'a Path,
    pub(super) cancel: &'a AtomicBool,
}

/// Runs a command to its end and returns what it wrote to standard output.
pub(super) fn run(
    command: &CommandLine,
    surroundings: &Surroundings<'_>,
    line: &mut dyn FnMut(&str),
) -> Result<Vec<String>, SyncError> {
    if surroundings.cancel.load(Ordering::Relaxed) {
        return Err(SyncError::Cancelled);
    }
    let failed = |source| SyncError::io(&command.program, source);
    let mut child = Command::new(&command.program)
        .args(&command.arguments)
        .env_clear()
        .envs(surroundings.environment)
        .current_dir(surroundings.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let (sender, receiver) = channel();
    if let Some(stdout) = child.stdout.take() {
        read_lines(stdout, sender.clone(), true);
    }
    if let Some(stderr) = child.stderr.take() {
        read_lines(stderr, sender.clone(), false);
    }
    drop(sender);
    let mut tail = VecDeque::with_capacity(TAIL);
    let mut output = Vec::new();
    loop {
        match receiver.recv_timeout(Duration::from_millis(50)) {
            Ok((is_output, text)) => {
                let text = crate::escape::visible(&text).into_owned();
                line(&text);
                if tail.len() == TAIL {
                    tail.pop_front();
                }
                tail.push_back(text.clone());
                if is_output {
                    output.push(text);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if surroundings.cancel.load(Ordering::Relaxed) {
            end(&mut child);
            return Err(SyncError::Cancelled);
        }
    }
    let status = wait(&mut child, surroundings.cancel)?.ok_or(SyncError::Cancelled)?;
    if status.success() {
        return Ok(output);
    }
    let output: Vec<String> = tail.into();
    Err(SyncError::Failed {
        command: command.title.to_owned(),
        cause: likely_cause(&output),
        output,
    })
}

/// Reads to the end in a thread of its own; a line that is too long is cut into several.
fn read_lines(stream: impl Read + Send + 'static, sender: Sender<(bool, String)>, output: bool) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while let Ok(1..) = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes) {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            if sender.send((output, text)).is_err() {
                break;
            }
            bytes.clear();
        }
    });
}

/// Both streams are closed, so the end is near; `None` when interrupted.
fn wait(child: &mut Child, cancel: &AtomicBool) -> Result<Option<ExitStatus>, SyncError> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if cancel.load(Ordering::Relaxed) => {
                end(child);
                return Ok(None);
            }
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Err(source) => return Err(SyncError::io(Path::new("installer"), source)),
        }
    }
}

/// Gives the child a moment, then ends it.
fn end(child: &mut Child) {
    let start = Instant::now();
    while start.elapsed() < GRACE {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}
