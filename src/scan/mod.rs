//! A source tree becomes a [`Scan`]: what is imported where, what is declared, what else is needed.
//!
//! Scanning never fails as a whole: a bad file is a diagnostic and the rest of the work goes on.
//! Nothing of the tree is executed, and nothing outside its root is read.

mod import;
mod tree;

pub use import::{Import, ImportContext, Label, ModuleName, Site};
pub use tree::{ReadError, Tree};

use crate::diagnostic::Diagnostic;

/// What a source tree needs, with the evidence for it.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// How many files were read.
    pub files: FileCounts,
    /// Every import, in the order of files and lines; nothing is merged or mapped yet.
    pub imports: Vec<Import>,
    /// `pip install` and similar lines in notebooks: evidence, never an import by itself.
    pub install_lines: Vec<InstallLine>,
    /// Files that declare requirements, root-relative with `/`, in order.
    pub declaration_files: Vec<String>,
    /// Models, datasets and files that the code loads.
    pub artifacts: Vec<Artifact>,
    /// What went wrong on the way.
    pub diagnostics: Vec<Diagnostic>,
}

/// How many files were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileCounts {
    /// Python files.
    pub python: usize,
    /// Notebooks.
    pub notebook: usize,
    /// Files that could not be read at all.
    pub unreadable: usize,
}

/// A requirement that a notebook installs on the way, such as `!pip install einops==0.6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallLine {
    /// The requirement as written, without options: `einops==0.6`, `git+https://...`.
    pub requirement: String,
    /// Where it stands.
    pub site: Site,
    /// True when it stands under a condition or after a shell operator, hence weak evidence.
    pub weak: bool,
}

/// Something that the code loads at run time: a model, a dataset, a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Artifact {
    /// `model`, `dataset`, `file`, `git`, `nltk`, `spacy`.
    pub kind: &'static str,
    /// Identifier as written in the code, such as `openai/clip-vit-base-patch32`.
    pub id: String,
    /// The call that loads it, such as `from_pretrained`.
    pub call: &'static str,
    /// Revision, if the code gives one.
    pub revision: Option<String>,
    /// Where.
    #[serde(flatten)]
    pub site: Site,
}
