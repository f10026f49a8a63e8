//! Which files of a tree count.

use std::ffi::OsStr;
use std::path::{Component, Path};
use std::sync::{Arc, Mutex};

use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder};

use super::ignored::Ignored;
use super::{ScanOptions, Site, Tree, codes};
use crate::diagnostic::Diagnostic;

/// The files of a tree, each list in order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files to read.
    pub(super) sources: Vec<Source>,
    /// Files that can be imported but not read as Python: stubs, Cython, built extensions.
    pub(super) other_modules: Vec<String>,
    /// Files that declare requirements.
    pub(super) declarations: Vec<String>,
    /// Files in which somebody installs things.
    pub(super) scripts: Vec<Script>,
    /// Configuration files, which may name modules.
    pub(super) configs: Vec<String>,
    /// Symlinks that stay inside, with what they point to.
    pub(super) links: Vec<(String, String)>,
    /// How many could not be read.
    pub(super) unreadable: usize,
    /// What went wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A file to read.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// Root-relative path with `/`.
    pub(super) path: String,
    /// What it is.
    pub(super) kind: SourceKind,
}

/// What kind of source a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SourceKind {
    /// Python text.
    Python,
    /// A Jupyter notebook.
    Notebook,
}

/// A file with commands of a shell.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Script {
    /// Root-relative path with `/`.
    pub(super) path: String,
    /// How the commands stand in it.
    pub(super) kind: ScriptKind,
}

/// How the commands of a shell stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ScriptKind {
    /// Every line.
    Shell,
    /// The recipes of rules.
    Makefile,
    /// Items of lists.
    Yaml,
    /// After `RUN`, `CMD` and `ENTRYPOINT`.
    Dockerfile,
    /// Among prose.
    Prose,
}

/// Lists the files of a tree.
///
/// Ignore files are honoured with or without git, but never for what git tracks; hidden files, virtual environments, build
/// results and run logs are left out; symlinks are noted but not followed.
pub(super) fn list(tree: &Tree, options: &ScanOptions) -> Listing {
    let mut listing = Listing::default();
    let overrides = excludes(tree.root(), &options.exclude, &mut listing.diagnostics);
    let doubtful = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&doubtful);
    let ignored = Ignored::new(tree);
    let root = tree.root().to_owned();
    let mut builder = WalkBuilder::new(tree.root());
    builder
        // The user's own and the parents' ignore files would make the answer depend on the host.
        .parents(false)
        .git_global(false)
        .git_ignore(false)
        .require_git(false)
        .follow_links(false)
        .overrides(overrides)
        .filter_entry(move |entry| {
            let folder = judge(entry);
            if let (Folder::Doubtful, Ok(mut doubtful)) = (&folder, noted.lock()) {
                doubtful.push(entry.path().to_owned());
            }
            let path = entry.path().strip_prefix(&root).ok();
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let path = path.and_then(root_relative).filter(|path| !path.is_empty());
            folder == Folder::Kept && path.is_none_or(|path| !ignored.leaves_out(&path, is_folder))
        })
        .sort_by_file_name(OsStr::cmp);
    for entry in builder.build() {
        match entry {
            Ok(entry) => listing.add(tree, &entry),
            Err(error) => listing.unreadable(tree, &error),
        }
    }
    if let Ok(doubtful) = doubtful.lock() {
        doubtful
            .iter()
            .for_each(|path| listing.doubtful(tree, path));
    }
    listing.sources.sort();
    listing.declarations.sort();
    listing.scripts.sort();
    listing.configs.sort();
    listing.other_modules.sort();
    listing
}

fn excludes(root: &Path, patterns: &[String], diagnostics: &mut Vec<Diagnostic>) -> Override {
    let mut builder = OverrideBuilder::new(root);
    for pattern in patterns {
        // In this crate a leading `!` is what excludes.
        if let Err(error) = builder.add(&format!("!{pattern}")) {
            let message = format!(
                "the exclude pattern `{}` is not valid: {error}",
                pattern.escape_debug()
            );
            diagnostics.push(
                Diagnostic::warning(codes::BAD_PATTERN, message)
                    .help("patterns are those of .gitignore, such as `data/**`"),
            );
        }
    }
    builder.build().unwrap_or_else(|_| Override::empty())
}

/// What to do with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folder {
    Kept,
    /// Copies, results or other people's code.
    Skipped,
    /// Skipped by its name alone, but there are Python files in it.
    Doubtful,
}

fn judge(entry: &DirEntry) -> Folder {
    if entry.depth() == 0 || !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return Folder::Kept;
    }
    let path = entry.path();
    let has = |name: &str| path.join(name).symlink_metadata().is_ok();
    if has("pyvenv.cfg") || has("conda-meta") {
        return Folder::Skipped;
    }
    let skipped = match entry.file_name().to_str().unwrap_or_default() {
        "node_modules" | "__pycache__" | "site-packages" | "__pypackages__" | "mlruns"
        | "lightning_logs" => true,
        // Reinforcement learning has packages of the name `env`.
        "venv" | "env" | "build" | "dist" if has("__init__.py") => false,
        "venv" | "env" | "build" | "dist" => {
            let is_source = |name: &str| name.rsplit_once('.').is_some_and(|(_, end)| end == "py");
            if has_entry(path, is_source) {
                return Folder::Doubtful;
            }
            true
        }
        "wandb" => {
            let is_run = |name: &str| name.starts_with("run-") || name.starts_with("offline-run-");
            !has("__init__.py") && (has("latest-run") || has_entry(path, is_run))
        }
        name => name.ends_with(".egg-info") || name.ends_with(".dist-info"),
    };
    if skipped {
        Folder::Skipped
    } else {
        Folder::Kept
    }
}

/// Whether a folder holds something with such a name.
fn has_entry(path: &Path, fits: impl Fn(&str) -> bool) -> bool {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| name.to_str().is_some_and(&fits))
}

impl Listing {
    fn add(&mut self, tree: &Tree, entry: &DirEntry) {
        let Some(kind) = entry.file_type() else {
            return;
        };
        let Ok(relative) = entry.path().strip_prefix(tree.root()) else {
            return;
        };
        if relative.as_os_str().is_empty() || (kind.is_dir() && is_plain_name(entry.file_name())) {
            return;
        }
        let Some(path) = root_relative(relative) else {
            // What lies in a folder with such a name goes with it.
            if !is_plain_name(entry.file_name()) {
                self.unsafe_name(relative);
            }
            return;
        };
        if kind.is_symlink() {
            self.link(tree, entry.path(), path);
        } else if kind.is_file() {
            self.file(tree, path);
        }
    }

    fn file(&mut self, tree: &Tree, path: String) {
        if is_declaration(&path) {
            self.declarations.push(path.clone());
        }
        if let Some(kind) = script_kind(&path) {
            let path = path.clone();
            self.scripts.push(Script { path, kind });
        }
        let name = path.rsplit('/').next().unwrap_or(&path);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        let kind = match extension {
            Some("py" | "pyw") => SourceKind::Python,
            Some("ipynb") => SourceKind::Notebook,
            Some("yaml" | "yml") => return self.configs.push(path),
            Some("pyi" | "pyx" | "so" | "pyd") => return self.other_modules.push(path),
            None if is_python_script(&tree.root().join(&path)) => SourceKind::Python,
            _ => return,
        };
        self.sources.push(Source { path, kind });
    }

    fn link(&mut self, tree: &Tree, full: &Path, path: String) {
        let target = full.canonicalize().ok();
        let inside =
            target.and_then(|target| root_relative(target.strip_prefix(tree.root()).ok()?));
        match inside {
            Some(target) => self.links.push((path, target)),
            None if is_declaration(&path) || is_source(&path) => self.stray_link(path),
            None => {}
        }
    }

    fn stray_link(&mut self, file: String) {
        self.unreadable += 1;
        let message = format!("the link `{file}` leads nowhere or out of the scanned folder");
        let site = Site {
            file,
            line: 0,
            cell: None,
        };
        let diagnostic = Diagnostic::warning(codes::UNREADABLE, message).at(site);
        self.diagnostics
            .push(diagnostic.help("it was left out; put the file itself in its place"));
    }

    fn unsafe_name(&mut self, path: &Path) {
        let shown = path.to_string_lossy();
        let message = format!(
            "the name `{}` is not UTF-8 or holds control characters",
            shown.escape_debug()
        );
        let diagnostic = Diagnostic::warning(codes::UNSAFE_NAME, message);
        self.diagnostics
            .push(diagnostic.help("it was left out; rename it"));
    }

    fn doubtful(&mut self, tree: &Tree, path: &Path) {
        let relative = path.strip_prefix(tree.root()).ok();
        let Some(file) = relative.and_then(root_relative) else {
            return;
        };
        let message = format!("the folder `{file}` was left out because of its name");
        let site = Site {
            file,
            line: 0,
            cell: None,
        };
        let diagnostic = Diagnostic::info(codes::SKIPPED_FOLDER, message).at(site);
        self.diagnostics
            .push(diagnostic.help("if it is source code, add an `__init__.py` or rename it"));
    }

    fn unreadable(&mut self, tree: &Tree, error: &ignore::Error) {
        self.unreadable += 1;
        let (path, what) = match path_of(error) {
            Some((path, inner)) => (path.strip_prefix(tree.root()).ok(), inner.to_string()),
            None => (None, error.to_string()),
        };
        let path = path.and_then(root_relative).filter(|path| !path.is_empty());
        let shown = path.as_deref().unwrap_or("a folder");
        let what = what.replace(char::is_control, " ");
        let diagnostic =
            Diagnostic::warning(codes::UNREADABLE, format!("cannot read `{shown}`: {what}"))
                .help("it was left out; check its permissions");
        self.diagnostics.push(match path {
            Some(file) => diagnostic.at(Site {
                file,
                line: 0,
                cell: None,
            }),
            None => diagnostic,
        });
    }
}

/// The path that an error is about, and what is wrong with it.
fn path_of(error: &ignore::Error) -> Option<(&Path, &ignore::Error)> {
    match error {
        ignore::Error::WithPath { path, err } => Some((path, err)),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            path_of(err)
        }
        _ => None,
    }
}

/// A relative path with `/`; `None` when a name could do harm in a report or a lock file.
fn root_relative(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) if is_plain_name(name) => parts.push(name.to_str()?),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

fn is_plain_name(name: &OsStr) -> bool {
    // Line separators and direction marks deceive readers as control characters do.
    let deceives =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.to_str().is_some_and(|name| !name.contains(deceives))
}

/// Whether a file without extension starts with a line that makes it a Python script.
fn is_python_script(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 128];
    let Ok(length) = std::fs::File::open(path).and_then(|mut file| file.read(&mut head)) else {
        return false;
    };
    let head = head.get(..length).unwrap_or_default();
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!") && memchr::memmem::find(line, b"python").is_some()
}

fn is_source(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("py" | "pyw" | "ipynb"))
}

/// Whether somebody may install things in a file, judging by its name alone.
fn script_kind(path: &str) -> Option<ScriptKind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_dockerfile(name) {
        return Some(ScriptKind::Dockerfile);
    }
    let lower = name.to_ascii_lowercase();
    if matches!(lower.as_str(), "makefile" | "gnumakefile") {
        return Some(ScriptKind::Makefile);
    }
    if matches!(name, "cog.yaml" | "cog.yml") {
        return Some(ScriptKind::Yaml);
    }
    let (stem, extension) = lower.rsplit_once('.')?;
    match extension {
        "mk" => Some(ScriptKind::Makefile),
        "sh" | "bash" => Some(ScriptKind::Shell),
        "md" | "rst" | "txt" if !path.contains('/') => {
            let counts = ["readme", "install", "get_started", "getting_started"];
            let counts = counts.iter().any(|start| stem.starts_with(start));
            counts.then_some(ScriptKind::Prose)
        }
        _ => None,
    }
}

fn is_dockerfile(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name == "Containerfile" || name.starts_with("Dockerfile") || lower.ends_with(".dockerfile")
}

/// Whether a word of a file name stands for requirements; `requirments_win.txt` and
/// `requierments.txt` exist.
pub(crate) fn says_requirements(word: &str) -> bool {
    let starts = ["requir", "requier", "requri", "reqs"];
    word == "req" || starts.iter().any(|start| word.starts_with(start))
}

/// Whether a file declares requirements, judging by its name alone.
fn is_declaration(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(
        name,
        "pyproject.toml"
            | "setup.py"
            | "setup.cfg"
            | "Pipfile"
            | "Pipfile.lock"
            | "poetry.lock"
            | "uv.lock"
            | "pdm.lock"
            | "cog.yaml"
            | "cog.yml"
    ) {
        return true;
    }
    if is_dockerfile(name) {
        return true;
    }
    let lower = name.to_ascii_lowercase();
    let Some((stem, extension)) = lower.rsplit_once('.') else {
        return false;
    };
    let folder = folder
        .rsplit('/')
        .next()
        .unwrap_or(folder)
        .to_ascii_lowercase();
    match extension {
        "txt" | "in" => {
            stem.split(|c: char| !c.is_alphanumeric())
                .any(says_requirements)
                || matches!(folder.as_str(), "requirements" | "reqs" | "requires")
        }
        "yml" | "yaml" => {
            stem.starts_with("environment")
                || stem.ends_with("environment")
                || stem.starts_with("conda")
                || stem == "env"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_by_name() {
        let yes = [
            "requirements.txt",
            "a/requirements-dev.txt",
            "requirments_win.txt",
            "dev-requirements.in",
            "requirements/base.txt",
            "pyproject.toml",
            "setup.py",
            "environment.yaml",
            "environment-gpu.yml",
            "conda_env.yml",
            "Pipfile",
            "uv.lock",
            "Dockerfile.gpu",
            "docker/Dockerfile",
            "cog.yaml",
        ];
        let no = [
            "notes.txt",
            "config.yaml",
            "README.md",
            "data/a.txt",
            "setup.sh",
        ];
        assert!(yes.iter().all(|path| is_declaration(path)));
        assert!(!no.iter().any(|path| is_declaration(path)));
    }
}
