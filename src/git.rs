//! git, run so that nothing of a repository decides anything: the only place that starts it.
//!
//! A repository's own configuration can name programs (hooks, filters, `core.fsmonitor`,
//! `core.sshCommand`, a partial clone's remote). So git never runs inside a repository of somebody
//! else: it runs in a bare one of our own, made without templates, which borrows or fetches objects.
//! Nothing is checked out, so there is no filter, no submodule and no hook. The user's and the
//! system's git configuration do not count either.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pinsmith_resolver::Timestamp;

mod history;

pub use history::{Change, History};

/// Variables of the caller that git may see: proxies and certificates.
const HANDED_ON: [&str; 12] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SYSTEMROOT",
    "TMPDIR",
];

/// Longest output that is read, in bytes.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

/// Longest that reading history may take.
const HISTORY_TIME: Duration = Duration::from_secs(20);

/// Longest that a fetch may take.
const FETCH_TIME: Duration = Duration::from_mins(3);

/// A git program that can be trusted, with the environment that it runs in.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    environment: BTreeMap<OsString, OsString>,
}

/// Why git gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GitError(pub String);

impl Git {
    /// The first git of an absolute `PATH` folder outside the tree.
    pub fn find(caller: &BTreeMap<OsString, OsString>, tree: &Path) -> Option<Self> {
        let path = caller.get(OsStr::new("PATH"))?;
        let name = if cfg!(windows) { "git.exe" } else { "git" };
        let trusted = |folder: &PathBuf| {
            let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            folder.is_absolute() && !real.starts_with(tree) && !folder.starts_with(tree)
        };
        let folders: Vec<PathBuf> = std::env::split_paths(path).filter(trusted).collect();
        let program = folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())?;
        let mut environment: BTreeMap<OsString, OsString> = HANDED_ON
            .iter()
            .filter_map(|name| Some(((*name).into(), caller.get(OsStr::new(name))?.clone())))
            .collect();
        let nothing = if cfg!(windows) { "nul" } else { "/dev/null" };
        let own = [
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", nothing),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("LC_ALL", "C"),
        ];
        environment.extend(own.map(|(name, value)| (name.into(), value.into())));
        environment.insert("PATH".into(), std::env::join_paths(folders).ok()?);
        Some(Self {
            program,
            environment,
        })
    }

    /// When the first commit of a working copy's history was made; `None` where that is not known,
    /// such as in a shallow clone.
    ///
    /// Whatever stands in the tree came in at that time or later.
    pub fn first_commit(&self, tree: &Path) -> Option<Timestamp> {
        let (bare, environment, head) = self.borrowing(tree)?;
        let arguments = ["rev-list", "--max-parents=0", "--timestamp", &head];
        let output = self
            .run_in(bare.path(), &environment, &arguments, HISTORY_TIME)
            .ok()?;
        let text = String::from_utf8(output).ok()?;
        let times = text
            .lines()
            .map(|line| line.split(' ').next()?.parse().ok());
        let times: Option<Vec<i64>> = times.collect();
        Timestamp::from_second(times?.into_iter().min()?).ok()
    }

    /// A file as it was committed last; `None` when it is not, or when there is no repository.
    pub fn committed(&self, tree: &Path, path: &str) -> Option<Vec<u8>> {
        let (bare, environment, head) = self.borrowing(tree)?;
        let object = format!("{head}:{path}");
        let arguments = ["cat-file", "blob", &object];
        self.run_in(bare.path(), &environment, &arguments, HISTORY_TIME)
            .ok()
    }

    /// A repository of our own that borrows the objects of a working copy, and its commit.
    fn borrowing(
        &self,
        tree: &Path,
    ) -> Option<(tempfile::TempDir, BTreeMap<OsString, OsString>, String)> {
        let folder = tree.join(".git");
        let objects = folder.join("objects");
        if !objects.is_dir() || folder.join("shallow").exists() {
            return None;
        }
        let head = head_commit(&folder)?;
        let bare = self.bare().ok()?;
        let mut environment = self.environment.clone();
        environment.insert("GIT_OBJECT_DIRECTORY".into(), objects.into());
        Some((bare, environment, head))
    }

    /// The last commit of a repository up to an instant: on a branch or tag, else on its default
    /// branch.
    ///
    /// # Errors
    /// What git says, or that there is no commit that old.
    pub fn commit_before(
        &self,
        url: &str,
        revision: Option<&str>,
        instant: Timestamp,
        certificate: Option<&Path>,
    ) -> Result<String, GitError> {
        let wanted = plain_revision(revision)?;
        let environment = self.for_address(url, certificate);
        let folder = self.bare()?;
        // history without the files; a server that cannot do that sends all
        let fetch = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--filter=tree:0",
            "--",
            url,
            wanted,
        ];
        self.run_in(folder.path(), &environment, &fetch, FETCH_TIME)?;
        let before = format!("--before={}", instant.as_second());
        let list = ["rev-list", "-1", &before, "FETCH_HEAD"];
        let output = self.run_in(folder.path(), &environment, &list, HISTORY_TIME)?;
        let commit = String::from_utf8_lossy(&output).trim().to_owned();
        if is_commit(&commit) {
            Ok(commit)
        } else {
            let day = &instant.to_string()[..10];
            Err(GitError(format!("it has no commit of {day} or before")))
        }
    }

    /// The environment for talking to one address: no other protocol is spoken.
    fn for_address(&self, url: &str, certificate: Option<&Path>) -> BTreeMap<OsString, OsString> {
        let scheme = url.split_once("://").map_or("file", |(scheme, _)| scheme);
        let mut environment = self.environment.clone();
        environment.insert("GIT_ALLOW_PROTOCOL".into(), scheme.into());
        if let Some(path) = certificate {
            environment.insert("GIT_SSL_CAINFO".into(), path.into());
        }
        environment
    }

    /// Fetches one commit into an empty repository of our own; nothing is checked out.
    ///
    /// Only the protocol of the address is spoken, redirects included, and that is https unless the
    /// address is another one. `certificate` is a bundle that stands for the system's.
    ///
    /// # Errors
    /// What git says, or that the revision cannot be one.
    pub fn fetch(
        &self,
        url: &str,
        revision: Option<&str>,
        certificate: Option<&Path>,
    ) -> Result<Checkout, GitError> {
        let wanted = plain_revision(revision)?;
        let environment = self.for_address(url, certificate);
        let folder = self.bare()?;
        let run =
            |arguments: &[&str]| self.run_in(folder.path(), &environment, arguments, FETCH_TIME);
        let shallow = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--depth=1",
            "--",
            url,
            wanted,
        ];
        let all = [
            "fetch",
            "--quiet",
            "--",
            url,
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ];
        let name = match run(&shallow) {
            Ok(_) => "FETCH_HEAD",
            // an abbreviated commit, or a server that serves whole histories only
            Err(error) if revision.is_none() => return Err(error),
            Err(first) => {
                run(&all).map_err(|_| first)?;
                wanted
            }
        };
        let commit = run(&[
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{name}^{{commit}}"),
        ]);
        let commit = commit.map_err(|_| GitError(format!("there is no revision `{wanted}`")))?;
        let commit = String::from_utf8_lossy(&commit).trim().to_owned();
        if !is_commit(&commit) {
            return Err(GitError(format!("`{wanted}` is no commit")));
        }
        Ok(Checkout {
            git: self.clone(),
            folder,
            commit,
        })
    }

    /// An empty bare repository in a temporary folder.
    fn bare(&self) -> Result<tempfile::TempDir, GitError> {
        let folder = tempfile::tempdir()
            .map_err(|error| GitError(format!("no temporary folder can be made: {error}")))?;
        let arguments = ["init", "--quiet", "--bare", "--template="];
        self.run_in(folder.path(), &self.environment, &arguments, HISTORY_TIME)?;
        Ok(folder)
    }

    /// Runs git in one of our own repositories and gives its standard output.
    fn run_in(
        &self,
        folder: &Path,
        environment: &BTreeMap<OsString, OsString>,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Vec<u8>, GitError> {
        let failed = |error: std::io::Error| GitError(format!("git cannot be run: {error}"));
        let mut child = Command::new(&self.program)
            .args(["-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"])
            .args(arguments)
            .env_clear()
            .envs(environment)
            .env("HOME", folder)
            .env("GIT_DIR", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let reader = std::thread::spawn(move || read_all(stdout));
        let complaints = std::thread::spawn(move || read_all(stderr));
        let started = Instant::now();
        let status = loop {
            match child.try_wait().map_err(failed)? {
                Some(status) => break status,
                None if started.elapsed() > limit => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(GitError(format!(
                        "git did not end within {} s",
                        limit.as_secs()
                    )));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let output = reader.join().unwrap_or_default();
        if status.success() {
            return Ok(output);
        }
        let complaints = complaints.join().unwrap_or_default();
        let text = String::from_utf8_lossy(&complaints);
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let said = last.unwrap_or("it said nothing").trim();
        Err(GitError(format!("git says: {said}")))
    }
}

/// One commit of a repository, without a working copy.
#[derive(Debug)]
pub struct Checkout {
    git: Git,
    folder: tempfile::TempDir,
    commit: String,
}

impl Checkout {
    /// The commit, 40 hexadecimal digits.
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// The content of a file as it was committed, without any filter; `None` when it is not there.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let object = format!("{}:{path}", self.commit);
        let arguments = ["cat-file", "blob", &object];
        let environment = &self.git.environment;
        let output = self
            .git
            .run_in(self.folder.path(), environment, &arguments, HISTORY_TIME);
        output.ok()
    }
}

fn read_all(stream: Option<impl std::io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let _ = stream.take(MAX_OUTPUT).read_to_end(&mut bytes);
    }
    bytes
}

/// A revision that git cannot take for anything else; `HEAD` when none is named.
fn plain_revision(revision: Option<&str>) -> Result<&str, GitError> {
    let wanted = revision.unwrap_or("HEAD");
    let odd = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    if wanted.starts_with('-') || wanted.contains(odd) || wanted.contains("..") {
        return Err(GitError(format!("`{wanted}` is no revision")));
    }
    Ok(wanted)
}

/// The commit that `HEAD` stands for, read without git.
fn head_commit(folder: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let head = read("HEAD")?;
    let commit = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(name) if is_plain_ref(name) => {
            let packed = || {
                let all = read("packed-refs")?;
                let mut lines = all.lines().filter_map(|line| line.split_once(' '));
                let found = lines.find(|(_, own)| *own == name);
                found.map(|(commit, _)| commit.to_owned())
            };
            read(name).or_else(packed)?.trim().to_owned()
        }
        Some(_) => return None,
    };
    is_commit(&commit).then_some(commit)
}

fn is_plain_ref(name: &str) -> bool {
    name.starts_with("refs/") && name.split('/').all(|part| !part.is_empty() && part != "..")
}

/// Whether this is a whole commit id.
///
/// ```
/// assert!(pinsmith::git::is_commit("2b3c6ba9b8f1ac5fd3a5c1f0e8f4c1d3b6a7e9f0"));
/// assert!(!pinsmith::git::is_commit("main"));
/// ```
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
