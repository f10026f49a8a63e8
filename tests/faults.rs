//! What networks, servers and disks do wrong, and what the user sees of it.
//!
//! A fault is an entry of `fixtures/faults.toml`: an index in this process that goes wrong in one way, and one
//! command against it. Either the answer is that of a sound index, or the transcript
//! `fixtures/faults/NAME.txt` shows a code, what went wrong and the remedy.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;

use crate::support::case::{Case, Place, Step};
use crate::support::index::{Form, serve, serve_with};
use crate::support::server::{Answer, Asked, Server};

#[derive(Deserialize)]
struct Faults {
    fault: Vec<Fault>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Fault {
    name: String,
    /// What goes wrong, in a sentence; heads the transcript.
    about: String,
    does: Option<Does>,
    cache: Option<CacheFault>,
    /// Beginning of the paths that are hit.
    at: String,
    /// How many requests for a path are hit; all when absent.
    times: Option<usize>,
    html: bool,
    /// A sound run before fills the cache.
    warm: bool,
    flags: String,
    env: BTreeMap<String, String>,
    /// The answer is that of a sound index.
    same: bool,
    exit: i32,
}

/// What an index does wrong.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Does {
    Reset,
    CutOff,
    Drip,
    InternalError,
    TooManyRequests,
    Unauthorized,
    LengthTooLong,
    LengthTooShort,
    GarbageGzip,
    RedirectLoop,
    HtmlError,
    OtherContent,
    Certificate,
}

/// What is wrong with the folder of the cache.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum CacheFault {
    /// Every write fails, as on a full disk.
    Full,
    ReadOnly,
    /// Four processes at once.
    Shared,
    /// Every byte at the end of an entry is another one.
    Flipped,
    /// Every entry is cut in half.
    Cut,
}

const RUN: &str = "compile requirements.in {target}";

#[test]
fn every_fault_is_survived_or_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let text = std::fs::read_to_string(folder.join("faults.toml")).unwrap();
    let faults: Faults = toml::from_str(&text).unwrap();
    let assert = snapbox::Assert::new()
        .normalize_paths(false)
        .action_env("SNAPSHOTS");
    let [json, html] = [Form::Json, Form::Html].map(|form| {
        let output = place()
            .command(&Step::of(RUN, &serve(form).url("/simple/")))
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    });
    let wrong = std::thread::scope(|scope| {
        let runs = faults.fault.iter().filter(|fault| fault.fits());
        let runs = runs.map(|fault| {
            let sound = if fault.html { &html } else { &json };
            (fault, scope.spawn(|| fault.transcript(sound)))
        });
        let runs: Vec<_> = runs.collect();
        let outcomes = runs.into_iter().filter_map(|(fault, run)| {
            let outcome = run.join().unwrap().and_then(|transcript| {
                let file = folder.join("faults").join(format!("{}.txt", fault.name));
                let expected =
                    snapbox::Data::read_from(&file, Some(snapbox::data::DataFormat::Text));
                let compared = assert.try_eq(Some(&fault.name), transcript.into(), expected);
                compared.map_err(|difference| difference.to_string())
            });
            outcome.err().map(|why| format!("{}: {why}", fault.name))
        });
        outcomes.collect::<Vec<String>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn place() -> Place {
    Case::of_files(&[("requirements.in", "pandas\ntqdm>=4\n")]).place()
}

impl Fault {
    /// Whether this machine can have it.
    fn fits(&self) -> bool {
        let needs_unix = [Some(CacheFault::Full), Some(CacheFault::ReadOnly)];
        cfg!(unix) || !needs_unix.contains(&self.cache)
    }

    /// Runs the command; what is shown, or what must not be.
    fn transcript(&self, sound: &str) -> Result<String, String> {
        let place = place();
        let active = Arc::new(AtomicBool::new(!self.warm));
        let (server, pem) = self.server(Arc::clone(&active));
        let url = server.url("/simple/");
        let certificate = place.path("authority.pem");
        std::fs::write(&certificate, pem).unwrap();
        let fill = |value: &String| value.replace("{pem}", certificate.to_str().unwrap());
        let env = self
            .env
            .iter()
            .map(|(name, value)| (name.clone(), fill(value)));
        let run = format!("{RUN} {}", self.flags);
        let step = env.fold(Step::of(run.trim(), &url), |step, (name, value)| {
            step.with_env(&name, &value)
        });
        if self.warm {
            place.command(&step).output().unwrap();
            active.store(true, Ordering::Relaxed);
        }
        let output = self.run(&place, &step)?;
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        );
        if output.status.code() != Some(self.exit) {
            return Err(format!("ends with {}\n{stdout}{stderr}", output.status));
        }
        if self.same != (stdout == sound) || self.same && stdout.is_empty() {
            return Err(format!("another answer than expected\n{stdout}{stderr}"));
        }
        let mut text = format!("{}\n\n$ pinsmith {}\n", self.about, run.trim());
        let shown =
            without_cause(&place.shown(&stderr.replace(&url, "https://index.test/simple/")));
        match (self.same, stdout.is_empty()) {
            (true, _) => text.push_str("(the answer of a sound index)\n"),
            (false, true) => {}
            (false, false) => return Err(format!("half an answer is given\n{stdout}{stderr}")),
        }
        let explained = shown.contains("help: ") && shown.contains("error[IDX");
        if !self.same && !explained {
            return Err(format!("no code or no remedy is shown\n{stderr}"));
        }
        if !shown.is_empty() {
            write!(text, "--- stderr\n{shown}").unwrap();
        }
        Ok(text)
    }

    fn run(&self, place: &Place, step: &Step) -> Result<Output, String> {
        let cache = place.path("cache");
        match self.cache {
            None => Ok(place.command(step).output().unwrap()),
            Some(CacheFault::Full) => Ok(without_disk(&place.command(step)).output().unwrap()),
            Some(CacheFault::ReadOnly) => {
                set_writable(&cache, false);
                let output = place.command(step).output().unwrap();
                set_writable(&cache, true);
                Ok(output)
            }
            Some(CacheFault::Shared) => {
                let start = || {
                    let mut command = place.command(step);
                    command.stdout(Stdio::piped()).stderr(Stdio::piped());
                    command.spawn().unwrap()
                };
                let children = [start(), start(), start(), start()];
                let outputs = children.map(|child| child.wait_with_output().unwrap());
                let [first, others @ ..] = outputs;
                match others.iter().find(|other| other.stdout != first.stdout) {
                    Some(other) => Err(String::from_utf8_lossy(&other.stderr).into_owned()),
                    None => Ok(first),
                }
            }
            Some(damage @ (CacheFault::Flipped | CacheFault::Cut)) => {
                for (path, mut bytes) in entries(&cache) {
                    match damage {
                        CacheFault::Cut => bytes.truncate(bytes.len() / 2),
                        _ => *bytes.last_mut().unwrap() ^= 1,
                    }
                    std::fs::write(path, bytes).unwrap();
                }
                Ok(place.command(step).output().unwrap())
            }
        }
    }

    fn server(&self, active: Arc<AtomicBool>) -> (Server, String) {
        let form = if self.html { Form::Html } else { Form::Json };
        if self.does == Some(Does::Certificate) {
            return Server::start_tls(crate::support::index::answers(form));
        }
        let (does, at, times) = (self.does, self.at.clone(), self.times);
        let alter = move |asked: &Asked, answer: Answer| match does {
            Some(does)
                if active.load(Ordering::Relaxed)
                    && asked.path.starts_with(&at)
                    && times.is_none_or(|times| asked.before < times) =>
            {
                does.to(asked, answer)
            }
            _ => answer,
        };
        (serve_with(form, alter), String::new())
    }
}

impl Does {
    /// What goes out in place of a sound answer.
    fn to(self, asked: &Asked, answer: Answer) -> Answer {
        let body = answer.bytes().to_vec();
        let of_length = |length: usize| {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.pypi.simple.v1+json\r\ncontent-length: {length}\r\n\r\n"
            );
            Answer::Raw([head.as_bytes(), &body].concat())
        };
        match self {
            Self::Reset => Answer::Reset,
            Self::CutOff => Answer::CutOff(body[..body.len() / 2].to_vec()),
            Self::Drip => Answer::Drip(Duration::from_millis(20)),
            Self::InternalError => Answer::status(500),
            Self::TooManyRequests => Answer::status(429).header("retry-after", "1"),
            Self::Unauthorized => Answer::status(401),
            Self::LengthTooLong => of_length(body.len() + 100),
            Self::LengthTooShort => of_length(body.len() - 100),
            Self::GarbageGzip => answer.header("content-encoding", "gzip"),
            Self::RedirectLoop => Answer::status(302).header("location", &asked.path),
            Self::HtmlError => Answer::html("<title>Sign in to the proxy</title>"),
            Self::OtherContent => {
                Answer::ok("text/plain", [&body[..], b"Requires-Dist: evil\n"].concat())
            }
            Self::Certificate => answer,
        }
    }
}

/// The same command where no file can grow.
fn without_disk(command: &Command) -> Command {
    let mut limited = Command::new("/bin/sh");
    limited
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"")
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        limited.env(name, value.unwrap());
    }
    limited
}

/// The files of a cache with what they hold.
fn entries(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(entries(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.extend((!bytes.is_empty()).then_some((path, bytes)));
        }
    }
    assert!(!found.is_empty() || folder.ends_with("host"));
    found
}

fn set_writable(folder: &Path, writable: bool) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut permissions = folder.metadata().unwrap().permissions();
        #[cfg(unix)]
        std::os::unix::fs::PermissionsExt::set_mode(
            &mut permissions,
            if writable { 0o755 } else { 0o555 },
        );
        #[cfg(not(unix))]
        permissions.set_readonly(!writable);
        std::fs::set_permissions(&folder, permissions).unwrap();
        let inside = std::fs::read_dir(&folder).unwrap().flatten();
        folders.extend(
            inside
                .map(|entry| entry.path())
                .filter(|path| path.is_dir()),
        );
    }
}

/// How a connection ended is said in the words of the system, and depends on a race.
fn without_cause(text: &str) -> String {
    let mut parts = text.split("the connection broke (");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = [")\n", "); "].map(|end| part.find(end));
        let rest = ends
            .into_iter()
            .flatten()
            .min()
            .map_or("", |end| &part[end..]);
        write!(shown, "the connection broke ([CAUSE]{rest}").unwrap();
    }
    shown
}
