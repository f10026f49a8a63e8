//! Running one command: its lines are handed on, and it ends when the user or a limit says so.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::{CommandLine, SyncError, likely_cause};

/// How many last lines are kept for the report of a failure.
const TAIL: usize = 40;
/// Longest line that is kept, in bytes.
const MAX_LINE: u64 = 64 * 1024;
/// Most output of an installer that is kept, in bytes.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;
/// Lines that may wait to be handed on.
const QUEUE: usize = 1024;
/// How long an installer gets to end by itself after Ctrl-C, which the terminal sends to it too.
const GRACE: Duration = Duration::from_secs(2);
/// How long the last lines may take once a command has ended.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Where and how commands run.
pub(crate) struct Surroundings<'a> {
    pub(crate) environment: &'a BTreeMap<OsString, OsString>,
    pub(crate) folder: &'a Path,
    pub(crate) cancel: &'a AtomicBool,
}

/// How long a command may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) time: Duration,
    /// Whether the time begins anew with every line of standard output.
    pub(crate) per_line: bool,
}

/// Where a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By itself, or by a signal.
    Status(ExitStatus),
    /// By its limit.
    TimedOut,
}

/// Runs a command to its end and returns what it wrote to standard output.
pub(super) fn run(
    command: &CommandLine,
    surroundings: &Surroundings<'_>,
    line: &mut dyn FnMut(&str),
) -> Result<Vec<String>, SyncError> {
    let mut tail = VecDeque::with_capacity(TAIL);
    let mut output = Vec::new();
    let mut kept = 0;
    let ending = execute(command, surroundings, None, &mut |stream, text| {
        line(text);
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text.to_owned());
        kept += text.len();
        if stream == Stream::Output && kept < MAX_OUTPUT {
            output.push(text.to_owned());
        }
    })?;
    if matches!(ending, Ending::Status(status) if status.success()) {
        return Ok(output);
    }
    let output: Vec<String> = tail.into();
    Err(SyncError::Failed {
        command: command.title.to_owned(),
        cause: likely_cause(&output),
        output,
    })
}

/// Runs a command to its end, or to its limit, and hands its lines on; control characters are
/// made visible.
///
/// With a limit it gets a process group of its own, which is ended as a whole.
pub(crate) fn execute(
    command: &CommandLine,
    surroundings: &Surroundings<'_>,
    limit: Option<Limit>,
    line: &mut dyn FnMut(Stream, &str),
) -> Result<Ending, SyncError> {
    if surroundings.cancel.load(Ordering::Relaxed) {
        return Err(SyncError::Cancelled);
    }
    let mut child = Running {
        child: start(command, surroundings, limit.is_some())?,
        group: limit.is_some(),
    };
    let receiver = child.lines();
    let mut since = Instant::now();
    let mut ended: Option<(ExitStatus, Instant)> = None;
    loop {
        match receiver.recv_timeout(Duration::from_millis(20)) {
            Ok((stream, text)) => {
                line(stream, &crate::escape::visible(&text));
                if stream == Stream::Output && limit.is_some_and(|limit| limit.per_line) {
                    since = Instant::now();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // both streams are closed, so the end is near
            Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(5)),
        }
        if surroundings.cancel.load(Ordering::Relaxed) {
            child.end(GRACE);
            return Err(SyncError::Cancelled);
        }
        if ended.is_none() {
            let status = child.child.try_wait();
            let status = status.map_err(|source| SyncError::io(&command.program, source))?;
            ended = status.map(|status| (status, Instant::now()));
        }
        match ended {
            Some((status, at)) if finished(&receiver, line) || at.elapsed() > LAST_LINES => {
                // what it started may still run, and hold the streams open
                child.end(Duration::ZERO);
                return Ok(Ending::Status(status));
            }
            None if limit.is_some_and(|limit| since.elapsed() > limit.time) => {
                child.end(Duration::ZERO);
                return Ok(Ending::TimedOut);
            }
            _ => {}
        }
    }
}

fn start(
    command: &CommandLine,
    surroundings: &Surroundings<'_>,
    group: bool,
) -> Result<Child, SyncError> {
    let mut process = Command::new(&command.program);
    process
        .args(&command.arguments)
        .env_clear()
        .envs(surroundings.environment)
        .current_dir(surroundings.folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    if group {
        use std::os::unix::process::CommandExt as _;
        process.process_group(0);
    }
    #[cfg(not(unix))]
    let _ = group;
    process
        .spawn()
        .map_err(|source| SyncError::io(&command.program, source))
}

type Line = (Stream, String);

/// Whether everything that a command wrote has been handed on.
fn finished(receiver: &Receiver<Line>, line: &mut dyn FnMut(Stream, &str)) -> bool {
    loop {
        match receiver.try_recv() {
            Ok((stream, text)) => line(stream, &crate::escape::visible(&text)),
            Err(error) => return error == std::sync::mpsc::TryRecvError::Disconnected,
        }
    }
}

/// A started command.
struct Running {
    child: Child,
    /// Whether it leads a process group of its own.
    group: bool,
}

impl Running {
    fn lines(&mut self) -> Receiver<Line> {
        let (sender, receiver) = sync_channel(QUEUE);
        if let Some(stdout) = self.child.stdout.take() {
            read_lines(stdout, sender.clone(), Stream::Output);
        }
        if let Some(stderr) = self.child.stderr.take() {
            read_lines(stderr, sender, Stream::Error);
        }
        receiver
    }

    /// Gives the child a moment, then ends it, and whatever it started when that can be told.
    fn end(&mut self, grace: Duration) {
        let start = Instant::now();
        let mut gone = matches!(self.child.try_wait(), Ok(Some(_)));
        while !gone && start.elapsed() < grace {
            thread::sleep(Duration::from_millis(20));
            gone = matches!(self.child.try_wait(), Ok(Some(_)));
        }
        #[cfg(unix)]
        if self.group {
            let group = rustix::process::Pid::from_child(&self.child);
            // fails when nobody is left
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = self.group;
        if !gone {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Reads to the end in a thread of its own; a line that is too long is cut into several.
fn read_lines(stream: impl Read + Send + 'static, sender: SyncSender<Line>, kind: Stream) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while let Ok(1..) = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut bytes) {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            if sender.send((kind, text)).is_err() {
                break;
            }
            bytes.clear();
        }
    });
}
