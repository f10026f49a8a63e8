//! A [`Scan`](crate::scan::Scan) and the declared files become a [`Manifest`].
//!
//! Declared requirements win over inferred ones; a hard import that nobody declared is added and
//! reported. Every requirement keeps where it came from, and nothing is guessed silently.

pub mod codes;

mod assemble;
mod declared;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod modules;
mod stdlib;
mod suggest;
mod table;

pub use crate::scan::{GENERATED_HEADER_PREFIX, is_generated};
pub use assemble::{AssembleOptions, assemble, read_requirement_files};
pub use codes::DYNAMIC as DYNAMIC_REQUIREMENTS;
pub use declared::load::{Reader, read_project};
pub use declared::pep723::read_script;
pub use declared::pyproject::read_pyproject;
pub use declared::requirements_txt::read_requirements_txt;
pub use declared::{
    Declared, DeclaredIndex, DeclaredPath, DeclaredRequirement, EntryPoint, Include, IndexKind,
};
pub use modules::{
    Availability, Lookup, Provider, distribution_like, distribution_of_repository, host_beside,
    is_known_distribution, lookup,
};
pub use stdlib::{StdlibRange, is_stdlib};
pub use suggest::{Enquiry, Holding, MAX_MODULES, Suggestion, names_of_module, settled};

use std::collections::BTreeSet;

use pinsmith_resolver::{PackageName, Requirement, VersionSpecifiers};
use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::scan::{ImportContext, Label, ModuleName, Site};

/// What is needed, from where, and how sure that is.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// Every imported module with its kind and distribution, ordered by module.
    pub imports: Vec<MappedImport>,
    /// Requirements, ordered by group and name.
    pub requirements: Vec<ManifestRequirement>,
    /// Constraints (`-c`): they bound versions but ask for nothing.
    pub constraints: Vec<Requirement>,
    /// `requires-python` as declared, with its site.
    pub requires_python: Option<(VersionSpecifiers, Site)>,
    /// Pythons that are named without being required (`python=3.8` of a conda environment).
    pub python_hints: Vec<(VersionSpecifiers, Site)>,
    /// Indexes that the tree names; evidence, the user decides which are used.
    pub indexes: Vec<DeclaredIndex>,
    /// The name of the project itself.
    pub name: Option<PackageName>,
    /// Commands that the project declares, in order.
    pub entry_points: Vec<EntryPoint>,
    /// Groups that are extras of the project (`optional-dependencies`).
    pub extras: BTreeSet<String>,
    /// Groups that are dependency groups (PEP 735); a name can be both.
    pub dependency_groups: BTreeSet<String>,
    /// What a person should know.
    pub diagnostics: Vec<Diagnostic>,
}

/// One module with everything known about it; `scan --format json` shows exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MappedImport {
    /// The module, at the depth that decides the distribution (`google.cloud.storage`).
    pub module: ModuleName,
    /// Whose it is.
    pub kind: ModuleKind,
    /// Strongest context over all sites.
    pub context: ImportContext,
    /// Labels that hold at every site.
    pub labels: Vec<Label>,
    /// PEP 508 marker, when every site stands under one.
    pub marker: Option<String>,
    /// The distribution that provides it.
    pub distribution: Option<PackageName>,
    /// How sure that is.
    pub confidence: Confidence,
    /// Other distributions that provide the module.
    pub alternatives: Vec<String>,
    /// Why this distribution and none of the alternatives, where the code tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What a look at the index found for it, if one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<Suggestion>,
    /// Every place, in order.
    pub sites: Vec<Site>,
}

/// Whose a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleKind {
    /// A distribution provides it.
    ThirdParty,
    /// The standard library.
    Stdlib,
    /// The tree itself.
    Local,
    /// The program that the code runs in (Colab, Blender, ComfyUI).
    Host,
    /// Nobody knows; reported, never guessed.
    Unresolved,
}

/// How a module came to its distribution, from surest to least sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The tree declares a distribution that provides it.
    Declared,
    /// The curated policy names it.
    Curated,
    /// The popularity-ranked table names it.
    Table,
    /// The index was asked, and the wheel contains the module.
    Verified,
    /// Nothing names it.
    None,
}

/// A requirement with its origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestRequirement {
    /// The requirement.
    pub requirement: Requirement,
    /// The group it belongs to (PEP 735, an extra, or `optional`, `test`, `notebook`); `None` is runtime.
    pub group: Option<String>,
    /// Where it came from: declarations, imports, install lines, each in order; install lines before imports, which cannot
    /// have said so, where the requirement has more than a name.
    pub origins: Vec<Origin>,
}

impl ManifestRequirement {
    /// Brings the origins into their order, each once.
    pub(crate) fn order_origins(&mut self) {
        let says_more = self.requirement.version_or_url.is_some();
        self.origins.sort_by(|a, b| {
            let late = |origin: &Origin| says_more && origin.kind == OriginKind::Import;
            (late(a), a).cmp(&(late(b), b))
        });
        self.origins.dedup();
    }
}

/// Where a requirement came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// What kind of evidence it is.
    pub kind: OriginKind,
    /// Where it stands.
    #[serde(flatten)]
    pub site: Site,
}

/// What kind of evidence stands behind a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OriginKind {
    /// A declared file or the user's own words.
    Declared,
    /// An import.
    Import,
    /// An install line in a notebook.
    InstallLine,
    /// A call pattern that needs a distribution no import shows.
    Implied,
}
