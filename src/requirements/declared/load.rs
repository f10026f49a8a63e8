//! Which files declare, in which group, and everything that they include.

use std::collections::{BTreeSet, VecDeque};

use super::line::{Role, group_name, parse};
use super::text::{decode, shown};
use super::{
    Declared, DeclaredPath, DeclaredRequirement, Include, cog, environment_yml, locked, pep723,
    pipfile, pyproject, requirements_txt, setup_cfg, setup_py,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::requirements::codes;
use crate::scan::{ReadError, Site, Tree, says_requirements};

/// Most files that are read, includes counted.
const MOST_FILES: usize = 500;

/// Reads a file of the tree by its root-relative path.
pub type Reader<'a> = dyn FnMut(&str) -> Result<Vec<u8>, ReadError> + 'a;

/// Reads declaration files with their includes.
pub(crate) struct Loader<'a> {
    read: &'a mut Reader<'a>,
    seen: BTreeSet<(String, Role)>,
    waiting: VecDeque<(String, Role, Option<Site>)>,
    /// What was read.
    pub(crate) out: Declared,
    /// Generated and compiled files count as declared only when the user names them.
    pub(crate) named_by_user: bool,
    /// Whether a project inside the tree is read: where its own folders are is not followed further.
    is_nested: bool,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(read: &'a mut Reader<'a>) -> Self {
        Self {
            read,
            seen: BTreeSet::new(),
            waiting: VecDeque::new(),
            out: Declared::default(),
            named_by_user: false,
            is_nested: false,
        }
    }

    /// Reads one file and what it includes; true when it declares something.
    pub(crate) fn load(&mut self, path: &str, role: Role) -> bool {
        let before = self.out.requirements.len();
        self.waiting.push_back((path.to_owned(), role, None));
        while let Some((path, role, from)) = self.waiting.pop_front() {
            if self.seen.len() >= MOST_FILES {
                self.note(
                    codes::INCLUDE_REFUSED,
                    &path,
                    "too many files include each other",
                );
                self.waiting.clear();
            } else if self.seen.insert((path.clone(), role.clone())) {
                self.one(&path, &role, from);
            }
        }
        self.out.requirements.len() > before
    }

    /// Reads the lock of another tool.
    pub(crate) fn lock(&mut self, path: &str) {
        if let Ok(bytes) = (self.read)(path) {
            self.out
                .locked
                .extend(locked::names(&decode(&bytes).0, path));
        }
    }

    fn one(&mut self, path: &str, role: &Role, from: Option<Site>) {
        let bytes = match (self.read)(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let severity = if self.named_by_user {
                    Severity::Error
                } else {
                    Severity::Warning
                };
                let message = shown(&error.to_string());
                let mut diagnostic = Diagnostic::warning(codes::UNREADABLE, message);
                diagnostic.severity = severity;
                diagnostic.site = Some(from.unwrap_or_else(|| whole(path)));
                self.out.diagnostics.push(diagnostic);
                return;
            }
        };
        let (text, bad) = decode(&bytes);
        if bad {
            self.note(
                codes::UNREADABLE,
                path,
                "this is no UTF-8; odd characters are read as Latin-1",
            );
        }
        if requirements_txt::is_generated(&text) && !self.named_by_user && from.is_none() {
            let message = "pinsmith wrote this file: it is output, not a declaration";
            let diagnostic = Diagnostic::info(codes::FILE_SKIPPED, message).at(whole(path));
            self.out.diagnostics.push(diagnostic);
            return;
        }
        let mut declared = read_text(&text, path, role);
        for include in std::mem::take(&mut declared.includes) {
            self.include(path, include, role);
        }
        for asked in std::mem::take(&mut declared.paths) {
            match self.folder(path, &asked) {
                Ok(requirement) => declared.requirements.push(requirement),
                Err(diagnostic) => declared.diagnostics.push(diagnostic),
            }
        }
        self.out.merge(declared);
    }

    fn include(&mut self, from: &str, include: Include, role: &Role) {
        let path = include.path.as_str();
        let refused = if path.contains("://") {
            Some(format!("`{}` is not on this machine", shown(path)))
        } else {
            None
        };
        let target = match refused {
            Some(message) => Err(message),
            None => Tree::join(from, path).map_err(|error| shown(&error.to_string())),
        };
        match target {
            Ok(target) => {
                let role = Role {
                    group: include.group.or_else(|| role.group.clone()),
                    constraint: include.constraint || role.constraint,
                };
                self.waiting.push_back((target, role, Some(include.site)));
            }
            Err(message) => {
                let diagnostic = Diagnostic::warning(codes::INCLUDE_REFUSED, message)
                    .at(include.site)
                    .help("copy the file into the tree");
                self.out.diagnostics.push(diagnostic);
            }
        }
    }

    /// A folder of the tree as a requirement on the project in it.
    fn folder(
        &mut self,
        from: &str,
        asked: &DeclaredPath,
    ) -> Result<DeclaredRequirement, Diagnostic> {
        let left_out = |why: &str| {
            let message = format!("local path `{}` is not locked{why}", shown(&asked.path));
            Diagnostic::info(codes::LOCAL_PATH, message).at(asked.site.clone())
        };
        let inside = Tree::join(from, &asked.path)
            .map_err(|_| left_out(": it lies outside of the scanned folder"))?;
        if inside.is_empty() {
            let help = "its own declared requirements are read where they stand in this tree";
            return Err(left_out("").help(help));
        }
        if inside.contains(|c: char| c.is_whitespace() || "#;[]%".contains(c)) {
            return Err(left_out(": its name cannot stand in a requirement"));
        }
        let name = match &asked.name {
            Some(name) => Some(name.clone()),
            None if self.is_nested => None,
            None => read_project(&inside, self.read).name,
        };
        let name = name.ok_or_else(|| {
            left_out(": no project with a name is there").help("give its pyproject.toml a name")
        })?;
        let editable = if asked.editable { "#editable" } else { "" };
        let mut text = format!("{name}{} @ file:./{inside}{editable}", asked.extras);
        if !asked.marker.is_empty() {
            text = format!("{text} ; {}", asked.marker);
        }
        let parsed = parse(&text).map_err(|reason| left_out(&format!(": {}", shown(&reason))))?;
        Ok(DeclaredRequirement {
            requirement: parsed.requirement,
            group: asked.group.clone(),
            site: asked.site.clone(),
        })
    }

    fn note(&mut self, code: crate::diagnostic::Code, path: &str, message: &str) {
        let diagnostic = Diagnostic::warning(code, message).at(whole(path));
        self.out.diagnostics.push(diagnostic);
    }
}

/// What the files of a project folder say about it; nothing of it is run.
///
/// `folder` is root-relative, empty for the root. What is single comes from the first of
/// pyproject.toml, setup.cfg and setup.py that says it.
pub fn read_project(folder: &str, read: &mut Reader<'_>) -> Declared {
    let mut all = Declared::default();
    for name in ["pyproject.toml", "setup.cfg", "setup.py"] {
        let path = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        if read(&path).is_err() {
            continue;
        }
        let mut loader = Loader::new(read);
        loader.is_nested = true;
        loader.load(&path, Role::default());
        all.merge(loader.out);
    }
    all
}

fn whole(path: &str) -> Site {
    Site {
        file: path.to_owned(),
        line: 0,
        cell: None,
    }
}

/// Reads a text by the format that its name tells.
fn read_text(text: &str, path: &str, role: &Role) -> Declared {
    match Format::of(path) {
        Some(Format::Pyproject) => pyproject::read_pyproject(text, path),
        Some(Format::SetupCfg) => setup_cfg::read(text, path),
        Some(Format::SetupPy) => setup_py::read(text, path),
        Some(Format::Environment) => environment_yml::read(text, path),
        Some(Format::Cog) => cog::read(text, path),
        Some(Format::Pipfile) => pipfile::read(text, path),
        Some(Format::Script) => pep723::read_script(text, path, role.group.as_deref()),
        Some(Format::Requirements) | None => requirements_txt::read(text, path, role),
    }
}

/// A kind of declaration file; the order is that of precedence among contradicting pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    Pyproject,
    SetupCfg,
    SetupPy,
    Requirements,
    Environment,
    Cog,
    Pipfile,
    Script,
}

impl Format {
    /// The format of a file by its name.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let lower = name.to_ascii_lowercase();
        let (stem, ending) = lower.rsplit_once('.').unwrap_or((&lower, ""));
        match (lower.as_str(), ending) {
            ("pyproject.toml", _) => Some(Self::Pyproject),
            ("setup.cfg", _) => Some(Self::SetupCfg),
            ("setup.py", _) => Some(Self::SetupPy),
            ("pipfile", _) => Some(Self::Pipfile),
            ("cog.yaml" | "cog.yml", _) => Some(Self::Cog),
            (_, "yml" | "yaml") if stem.contains("env") || stem.contains("conda") => {
                Some(Self::Environment)
            }
            (_, "txt" | "in" | "pip") => {
                let folder = folder.rsplit('/').next().unwrap_or_default();
                let mut words = stem.split(|c: char| !c.is_alphanumeric());
                let counts = words.any(says_requirements) || is_requirements_folder(folder);
                counts.then_some(Self::Requirements)
            }
            (_, "py") => Some(Self::Script),
            _ => None,
        }
    }
}

fn is_requirements_folder(folder: &str) -> bool {
    matches!(folder, "requirements" | "reqs" | "requires")
}

/// Whether a file counts at once: in the root or in a `requirements/` folder of the root.
pub(crate) fn is_root_level(path: &str) -> bool {
    match path.rsplit_once('/') {
        None => true,
        Some((folder, _)) => is_requirements_folder(folder),
    }
}

/// The group that a requirements file's name stands for: `requirements-dev.txt` is `dev`.
///
/// ```text
/// requirements.txt, requirements/base.txt -> runtime     requirements/tests.txt -> tests
/// ```
pub(crate) fn group_of(path: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    let words = stem
        .split(['-', '_', '.'])
        .filter(|word| !word.is_empty() && !says_requirements(word));
    let rest: Vec<&str> = words.collect();
    let runtime = [
        "base",
        "main",
        "core",
        "common",
        "runtime",
        "prod",
        "production",
        "default",
        "install",
        "minimal",
        "min",
        "all",
        "full",
        "frozen",
        "lock",
        "pip",
        "app",
    ];
    match rest.as_slice() {
        [] => None,
        words if words.iter().all(|word| runtime.contains(word)) => None,
        words => Some(group_name(&words.join("-"))),
    }
}

/// Whether a name stands for work on the project rather than for its use.
pub(crate) fn is_development(group: &str) -> bool {
    let words = [
        "dev",
        "develop",
        "development",
        "test",
        "tests",
        "testing",
        "doc",
        "docs",
        "lint",
        "format",
        "quality",
        "style",
        "typing",
        "types",
        "mypy",
        "ci",
        "build",
        "readthedocs",
        "benchmark",
        "release",
        "precommit",
    ];
    group.split('-').any(|word| words.contains(&word))
}
