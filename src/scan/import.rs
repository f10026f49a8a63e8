//! An import statement, or what amounts to one.

use std::collections::BTreeSet;
use std::fmt;

use crate::diagnostic::Site;

use serde::{Deserialize, Serialize};

/// A dotted module name, such as `google.cloud.storage`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ModuleName(String);

impl ModuleName {
    /// Takes an absolute dotted name; `None` unless every part is a Python identifier.
    ///
    /// ```
    /// use pinsmith::scan::ModuleName;
    /// assert_eq!(ModuleName::new("google.cloud.storage").unwrap().top_level(), "google");
    /// assert!(ModuleName::new("..sibling").is_none());
    /// ```
    pub fn new(name: impl Into<String>) -> Option<Self> {
        let name = name.into();
        let identifier = |part: &str| {
            let mut chars = part.chars();
            chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
                && chars.all(|c| c == '_' || c.is_alphanumeric())
        };
        name.split('.').all(identifier).then_some(Self(name))
    }

    /// The whole dotted name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first dot.
    pub fn top_level(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }

    /// The name itself, then each shorter prefix: `a.b.c`, `a.b`, `a`.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |name| {
            name.rsplit_once('.').map(|(head, _)| head)
        })
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Under which circumstances an import runs; the order is from strongest to weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportContext {
    /// Runs unconditionally or inside a function of a program or library file.
    Runtime,
    /// Imported by notebooks only.
    NotebookOnly,
    /// Guarded by `ImportError`, `contextlib.suppress` or a probe.
    Optional,
    /// In test files or doctests.
    Test,
    /// In `setup.py` and its like.
    Build,
    /// Under `TYPE_CHECKING`.
    Typing,
}

/// Finer circumstances, which do not change what is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// By a call with a literal name: `import_module("x")`, `__import__("x")`, a probe.
    Dynamic,
    /// Inside a function.
    Deferred,
    /// Under a condition that is no guard.
    Conditional,
}

/// One import of one module at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module as imported: `google.cloud` for `from google.cloud import storage`.
    pub module: ModuleName,
    /// Names taken from it by `from ... import`; each may be a submodule or an attribute.
    pub names: Vec<String>,
    /// Circumstances.
    pub context: ImportContext,
    /// Finer circumstances.
    pub labels: BTreeSet<Label>,
    /// Whether the tree itself provides the module, seen from this file.
    pub local: bool,
    /// PEP 508 marker when the import stands under a version or platform test.
    pub marker: Option<String>,
    /// Where.
    pub site: Site,
}
