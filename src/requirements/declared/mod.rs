//! Readers of declared requirements, one a format: text in, values and diagnostics out.
//!
//! A reader opens nothing itself. What a file includes (`-r`, `-c`, `dynamic`) comes back as an
//! [`Include`], and [`load`] reads it through the tree.

mod cog;
pub(super) mod conda;
pub(super) mod environment_yml;
pub(super) mod line;
pub(super) mod load;
pub(super) mod locked;
pub(super) mod pep723;
pub(super) mod pipfile;
pub(super) mod poetry;
pub(super) mod pyproject;
mod reason;
pub(super) mod requirements_txt;
pub(super) mod setup_cfg;
pub(super) mod setup_py;
pub(super) mod text;
pub(super) mod toml;
pub(super) mod uv;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use pinsmith_resolver::{PackageName, Requirement, VersionSpecifiers, to_ranges};
use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::requirements::codes;
use crate::scan::Site;

/// What one or several declaration files say.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Requirements, in the order of the file.
    pub requirements: Vec<DeclaredRequirement>,
    /// Constraints (`-c`, `constraint-dependencies`): they ask for nothing.
    pub constraints: Vec<DeclaredRequirement>,
    /// `requires-python` of the project.
    pub requires_python: Option<(VersionSpecifiers, Site)>,
    /// Pythons that are named without being required, as in `python=3.8` of a conda environment.
    pub python_hints: Vec<(VersionSpecifiers, Site)>,
    /// Files to read as well.
    pub includes: Vec<Include>,
    /// Indexes that the tree names.
    pub indexes: Vec<DeclaredIndex>,
    /// The name of the project itself.
    pub name: Option<PackageName>,
    /// Groups that are extras of the project.
    pub extras: BTreeSet<String>,
    /// Groups that are dependency groups (PEP 735).
    pub dependency_groups: BTreeSet<String>,
    /// Commands that installing the project would make.
    pub entry_points: Vec<EntryPoint>,
    /// Its version as written, where it is written out.
    pub version: Option<String>,
    /// Folders that are asked for as projects; loading turns them into requirements.
    pub paths: Vec<DeclaredPath>,
    /// Distributions that lock files of other tools name: evidence of what a module comes from.
    pub locked: BTreeSet<PackageName>,
    /// What a person should know.
    pub diagnostics: Vec<Diagnostic>,
}

impl Declared {
    /// Adds everything that another file says; what is single stays with the first.
    pub fn merge(&mut self, other: Self) {
        self.requirements.extend(other.requirements);
        self.constraints.extend(other.constraints);
        if let (Some((kept, site)), Some((dropped, at))) =
            (&self.requires_python, &other.requires_python)
            && to_ranges(kept).intersection(&to_ranges(dropped)).is_empty()
        {
            let message =
                format!("Python `{dropped}` contradicts `{kept}` of {site}, which counts");
            let diagnostic = Diagnostic::warning(codes::CONTRADICTION, message).at(at.clone());
            self.diagnostics.push(diagnostic.help("make the two agree"));
        }
        self.requires_python = self.requires_python.take().or(other.requires_python);
        self.python_hints.extend(other.python_hints);
        self.includes.extend(other.includes);
        self.indexes.extend(other.indexes);
        self.name = self.name.take().or(other.name);
        self.extras.extend(other.extras);
        self.dependency_groups.extend(other.dependency_groups);
        self.entry_points.extend(other.entry_points);
        self.version = self.version.take().or(other.version);
        self.paths.extend(other.paths);
        self.locked.extend(other.locked);
        self.diagnostics.extend(other.diagnostics);
    }
}

/// A requirement that a file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredRequirement {
    /// The requirement.
    pub requirement: Requirement,
    /// Extra or dependency group (PEP 735); `None` is runtime.
    pub group: Option<String>,
    /// Where.
    pub site: Site,
}

/// A command that a project declares (`[project.scripts]`, `console_scripts`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPoint {
    /// Its name: `demo`.
    pub name: String,
    /// The module: `pkg.cli`.
    pub module: String,
    /// What is called in it: `main`, `App.run`.
    pub object: String,
    /// Where.
    pub site: Site,
}

impl EntryPoint {
    /// Reads `pkg.cli:main` or `pkg.cli:main [extra]`; `None` when it is not of that form.
    pub(super) fn parse(name: &str, reference: &str, site: Site) -> Option<Self> {
        let reference = reference.split('[').next().unwrap_or(reference).trim();
        let (module, object) = reference.split_once(':')?;
        let dotted = |text: &str| {
            text.split('.').all(|part| {
                let inside = |c: char| c.is_alphanumeric() || c == '_';
                !part.is_empty() && !part.starts_with(char::is_numeric) && part.chars().all(inside)
            })
        };
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = name.trim();
        let good = dotted(module.trim()) && dotted(object.trim());
        (good && !name.is_empty() && name.chars().all(named)).then(|| Self {
            name: name.to_owned(),
            module: module.trim().to_owned(),
            object: object.trim().to_owned(),
            site,
        })
    }
}

/// A folder that is asked for as a project, such as `-e ./libs/pose[gpu]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredPath {
    /// Path as written, relative to the declaring file.
    pub path: String,
    /// The project's name where the declaration gives it.
    pub name: Option<PackageName>,
    /// `[extra,...]`, or empty.
    pub extras: String,
    /// The marker, or empty.
    pub marker: String,
    /// Whether its files are to be used where they are.
    pub editable: bool,
    /// The group that asks for it.
    pub group: Option<String>,
    /// Where.
    pub site: Site,
}

/// A file that another one includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Path as written, relative to the including file.
    pub path: String,
    /// The group that its requirements belong to.
    pub group: Option<String>,
    /// True for `-c`: nothing in it is asked for.
    pub constraint: bool,
    /// Where the include stands.
    pub site: Site,
}

/// An index that the tree names. It is evidence: the user decides which index is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeclaredIndex {
    /// Address without credentials.
    pub url: String,
    /// In which role.
    pub kind: IndexKind,
    /// Where.
    #[serde(flatten)]
    pub site: Site,
}

/// The role in which the tree names an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IndexKind {
    /// Instead of the default one.
    Default,
    /// Beside the default one.
    Extra,
    /// A page or folder of links (`--find-links`).
    FindLinks,
}
