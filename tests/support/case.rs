//! Cases of the command line: a tree, commands, and a transcript that is compared as a whole.
//!
//! A case is an entry of `fixtures/cli/SUBJECT.toml`; its transcript is `fixtures/cli/SUBJECT/NAME.txt`.
//! `SNAPSHOTS=overwrite cargo test --test main cli` writes transcripts anew; read the difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use pinsmith::escape::visible;
use serde::Deserialize;

use super::index::{self, Form};
use super::server::{Answer, Server};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    pub(crate) case: Vec<Case>,
}

/// A tree and what is done with it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What is shown by it, in a sentence; heads the transcript.
    about: String,
    /// A folder of `fixtures/repos` that is copied.
    repo: Option<String>,
    /// Files of the tree with their text; `{evil}`, `{tmp}` and `{tree}` are filled in.
    files: BTreeMap<String, String>,
    /// Files that are not text, in hexadecimal.
    hex: BTreeMap<String, String>,
    /// Files of a start, an opening repeated, a middle, and a closing repeated.
    nested: BTreeMap<String, [String; 4]>,
    /// Symbolic links with what they point to.
    links: BTreeMap<String, String>,
    folders: Vec<String>,
    executable: Vec<String>,
    /// Only where file names and links are those of unix.
    unix: bool,
    pub(crate) step: Vec<Step>,
}

/// One command.
#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    /// The command line after `pinsmith`; `{target}`, `{tree}`, `{tmp}` are filled in.
    run: String,
    /// `json`, `html`, `down` or `none`; it is named by `PINSMITH_INDEX_URL`.
    index: Option<String>,
    pub(crate) env: BTreeMap<String, String>,
    /// Where it is run, below the temporary folder.
    within: Option<String>,
    exit: i32,
    /// Files that are written before it is run, with their text.
    writes: BTreeMap<String, String>,
    /// Files in which a text is replaced everywhere before it is run.
    replaces: BTreeMap<String, [String; 2]>,
    /// Files that are removed before it is run.
    removes: Vec<String>,
    /// What a person changes by hand before: for each file, texts and what replaces them.
    edit: BTreeMap<String, Vec<(String, String)>>,
    /// Files whose text is part of the transcript.
    shows: Vec<String>,
    /// Text that may stand nowhere in the outputs and in written files.
    never: Vec<String>,
}

/// A case on disk.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    evil: Server,
}

static JSON: LazyLock<Server> = LazyLock::new(|| index::serve(Form::Json));
static HTML: LazyLock<Server> = LazyLock::new(|| index::serve(Form::Html));

const TARGET: &str = "--python 3.11 --platform linux-x86_64 --glibc 2.35";

impl Step {
    /// A command against the index at an address.
    pub(crate) fn of(run: &str, index: &str) -> Self {
        Self {
            run: run.to_owned(),
            index: Some(index.to_owned()),
            ..Self::default()
        }
    }

    /// The same with a variable of the environment.
    pub(crate) fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A command whose answer is no.
    pub(crate) fn failing(run: &str, index: &str) -> Self {
        Self {
            exit: 1,
            ..Self::of(run, index)
        }
    }
}

impl Step {
    /// The `pinsmith check` that goes with a `pinsmith lock` of the tree that writes into it.
    pub(crate) fn check_after_lock(&self) -> Option<Self> {
        let words: Vec<&str> = self.run.split_whitespace().collect();
        let elsewhere = ["-o", "--dry-run", "--output-dir"];
        if words.first() != Some(&"lock") || words.iter().any(|word| elsewhere.contains(word)) {
            return None;
        }
        let mut run = "check".to_owned();
        for pair in words.windows(2) {
            if ["--map", "--accept", "--exclude"].contains(&pair[0]) {
                write!(run, " {} {}", pair[0], pair[1]).unwrap();
            }
        }
        let path = words.get(1).filter(|word| word.contains("{tree}"));
        if let Some(path) = path {
            write!(run, " {path}").unwrap();
        }
        Some(Self {
            run,
            index: Some("none".to_owned()),
            within: self.within.clone(),
            ..Self::default()
        })
    }
}

impl Case {
    /// A tree of a few files.
    pub(crate) fn of_files(files: &[(&str, &str)]) -> Self {
        let files = files.iter();
        Self {
            files: files
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    /// A copy of an example repository.
    pub(crate) fn of_repo(name: &str) -> Self {
        Self {
            repo: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// Runs all steps; the transcript, or what must never happen.
    pub(crate) fn transcript(&self) -> Result<String, String> {
        let place = self.place();
        let mut text = format!("{}\n", self.about);
        for step in &self.step {
            place.edit(step);
            let before = place.snapshot();
            let output = place.run(step);
            let after = place.snapshot();
            let (stdout, stderr) = (
                place.shown(&String::from_utf8_lossy(&output.stdout)),
                place.shown(&String::from_utf8_lossy(&output.stderr)),
            );
            write!(text, "\n$ pinsmith {}\n", step.run).unwrap();
            section(&mut text, "stdout", &stdout);
            section(&mut text, "stderr", &stderr);
            let changes = changes(&before, &after);
            section(&mut text, "files", &changes);
            let mut contents = String::new();
            for name in &step.shows {
                let bytes = fs::read(place.path("tree").join(name));
                let content = bytes.map_err(|error| format!("{name}: {error}\n{stderr}"))?;
                let content = place.shown(&String::from_utf8_lossy(&content));
                section(&mut text, name, &content);
                contents.push_str(&content);
            }
            if output.status.code() != Some(step.exit) {
                return Err(format!(
                    "`pinsmith {}` ends with {}, expected {}\n{stdout}{stderr}",
                    step.run, output.status, step.exit
                ));
            }
            let all = [stdout.as_str(), &stderr, &changes, &contents].concat();
            place.check(step, &all)?;
        }
        Ok(text)
    }

    /// Whether this machine can have such a tree.
    pub(crate) fn fits(&self) -> bool {
        cfg!(unix) || !self.unix
    }

    pub(crate) fn place(&self) -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
            evil: Server::start(|_| Answer::status(404)),
        };
        let tree = place.path("tree");
        for folder in ["tree", "home", "bin"] {
            fs::create_dir(place.path(folder)).unwrap();
        }
        if let Some(repo) = &self.repo {
            let repos = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos");
            copy(&repos.join(repo), &tree);
        }
        for folder in &self.folders {
            fs::create_dir_all(tree.join(folder)).unwrap();
        }
        for (name, text) in &self.files {
            write_file(&tree.join(name), place.filled(text).as_bytes());
        }
        for (name, hex) in &self.hex {
            let bytes = hex.split_whitespace();
            let bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap());
            write_file(&tree.join(name), &bytes.collect::<Vec<u8>>());
        }
        for (name, [start, open, middle, close]) in &self.nested {
            let text = [start, &open.repeat(10_000), middle, &close.repeat(10_000)];
            write_file(
                &tree.join(name),
                text.map(String::as_str).concat().as_bytes(),
            );
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            for (name, target) in &self.links {
                std::os::unix::fs::symlink(place.filled(target), tree.join(name)).unwrap();
            }
            for name in &self.executable {
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(tree.join(name), mode).unwrap();
            }
        }
        place
    }
}

impl Place {
    /// A path of this case's temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// The command of a step in an environment that holds nothing of this machine.
    pub(crate) fn command(&self, step: &Step) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinsmith"));
        let line = step.run.replace("{target}", TARGET);
        for word in line.split_whitespace() {
            command.arg(
                self.filled(word)
                    .replace("{space}", " ")
                    .replace("{newline}", "\n"),
            );
        }
        command
            .current_dir(self.path(step.within.as_deref().unwrap_or("tree")))
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.path("home"))
            .env("PINSMITH_CACHE_DIR", self.path("cache"))
            // no case asks a real host
            .env("PINSMITH_NO_ARTIFACTS", "1")
            .stdin(Stdio::null());
        // Windows cannot open sockets without this
        if let Some(root) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", root);
        }
        let index = match step.index.as_deref() {
            None | Some("json") => Some(JSON.url("/simple/")),
            Some("html") => Some(HTML.url("/simple/")),
            Some("down") => Some(nobody()),
            Some("none") => None,
            Some(other) => Some(other.to_owned()),
        };
        if let Some(url) = index {
            command.env("PINSMITH_INDEX_URL", url);
        }
        for (name, value) in &step.env {
            command.env(name, self.filled(value));
        }
        command
    }

    /// What a person does before the command.
    pub(crate) fn edit(&self, step: &Step) {
        let tree = self.path("tree");
        for (name, text) in &step.writes {
            write_file(&tree.join(name), self.filled(text).as_bytes());
        }
        for (name, [old, new]) in &step.replaces {
            let text = fs::read_to_string(tree.join(name)).unwrap();
            assert!(text.contains(old.as_str()), "{name} does not have `{old}`");
            fs::write(tree.join(name), text.replace(old.as_str(), new)).unwrap();
        }
        for name in &step.removes {
            fs::remove_file(tree.join(name)).unwrap();
        }
    }

    pub(crate) fn run(&self, step: &Step) -> Output {
        for (name, changes) in &step.edit {
            let path = self.path("tree").join(name);
            let mut text = fs::read_to_string(&path).unwrap();
            for (before, after) in changes {
                assert!(text.contains(before), "{name} has no {before:?}");
                text = text.replace(before, after);
            }
            fs::write(&path, text).unwrap();
        }
        self.command(step).output().unwrap()
    }

    fn filled(&self, text: &str) -> String {
        text.replace("{evil}", &self.evil.url("/simple/"))
            .replace("{tree}", self.path("tree").to_str().unwrap())
            .replace(
                "{tmp}",
                self.path("").to_str().unwrap().trim_end_matches('/'),
            )
    }

    /// An output with nothing of this machine and this run in it.
    pub(crate) fn shown(&self, text: &str) -> String {
        let mut text = text.replace(&self.evil.url("/simple/"), "https://evil.test/simple/");
        for server in [&*JSON, &*HTML] {
            text = text
                .replace(&server.url("/simple/"), "https://index.test/simple/")
                .replace(&server.url("/files/"), "https://files.test/");
        }
        let tmp = self.path("");
        let tmp = tmp.to_str().unwrap().trim_end_matches('/');
        text = text
            .replace(&format!("{tmp}/tree"), "[TREE]")
            .replace(tmp, "[TMP]")
            .replace(
                concat!("pinsmith ", env!("CARGO_PKG_VERSION")),
                "pinsmith [VERSION]",
            );
        text = replace_number(&text, "http://127.0.0.1:", "https://down.test");
        // the lock has the port of the index in it, and the spec the digest of the lock
        for (before, after) in [("\nlock-sha256 = \"", '"'), ("env.toml (sha256:", ')')] {
            let mut parts = text.split(before);
            let mut shown = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let tail = part.split_once(after).map_or("", |(_, tail)| tail);
                write!(shown, "{before}[DIGEST]{after}{tail}").unwrap();
            }
            text = shown;
        }
        replace_number(&text, "os error ", "os error [N]")
    }

    /// What holds for every command.
    fn check(&self, step: &Step, all: &str) -> Result<(), String> {
        let control = |c: char| c.is_control() && c != '\n' && c != '\u{1b}';
        let coloured = step.run.contains("--color always");
        let faults = [
            (all.contains("panicked"), "it panics"),
            (all.contains(control), "a control character is shown"),
            (
                all.contains('\u{1b}') && !coloured,
                "an escape sequence is shown",
            ),
            (all.contains(".pinsmith-tmp"), "a temporary file is left"),
            (self.path("ran").exists(), "something of the tree was run"),
            (
                !self.evil.asked().is_empty(),
                "an address of the tree was asked",
            ),
        ];
        for (fault, what) in faults {
            if fault {
                return Err(format!("`pinsmith {}`: {what}\n{all}", step.run));
            }
        }
        for never in &step.never {
            if all.contains(never.as_str()) {
                return Err(format!("`pinsmith {}` shows `{never}`\n{all}", step.run));
            }
        }
        Ok(())
    }

    /// All files of the tree and beside it, without home and cache.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let path = entry.path();
                let name = path.strip_prefix(self.path("")).unwrap();
                let name = name.to_string_lossy().replace('\\', "/");
                let kind = entry.file_type().unwrap();
                if kind.is_dir() && !["home", "cache"].contains(&name.as_str()) {
                    folders.push(path);
                } else if kind.is_file() {
                    files.insert(name, fs::read(&path).unwrap_or_default());
                }
            }
        }
        files
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::env::var_os("PINSMITH_KEEP_LOCKS").is_some() && self.path("tree").exists() {
            let files = self.snapshot();
            let files = files.iter();
            super::keep_locks(files.map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        }
    }
}

/// The address of an index where nobody listens: no system hands out the first port, as it does
/// with one that another test has just given back.
fn nobody() -> String {
    "http://127.0.0.1:1/simple/".to_owned()
}

fn changes(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> String {
    let mut text = String::new();
    for (name, bytes) in after {
        match before.get(name) {
            None => writeln!(text, "new     {}", visible(name)).unwrap(),
            Some(old) if old != bytes => writeln!(text, "changed {}", visible(name)).unwrap(),
            Some(_) => {}
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        writeln!(text, "removed {}", visible(name)).unwrap();
    }
    text
}

fn section(text: &mut String, title: &str, content: &str) {
    if content.is_empty() {
        return;
    }
    writeln!(text, "--- {title}").unwrap();
    text.push_str(content);
    if !content.ends_with('\n') {
        text.push_str("\n(no newline at the end)\n");
    }
}

/// Replaces a prefix and the digits after it.
fn replace_number(text: &str, prefix: &str, with: &str) -> String {
    let mut parts = text.split(prefix);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(with);
        shown.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    shown
}

fn write_file(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
