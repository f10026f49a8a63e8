//! What a project says about itself: `pinsmith.toml`, or `[tool.pinsmith]` in `pyproject.toml`.
//!
//! The schema is in `docs/configuration.md`. The file belongs to the scanned tree, which is not
//! trusted: it states wishes about its own environment, as its requirements do, and has no word
//! about indexes, commands, credentials and permissions. Flags win over all of it.

mod as_of;
pub mod codes;
mod read;

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, Platform, PythonVersion};

pub use self::as_of::{AS_OF_FORMS, AsOf, as_of_at};
pub use self::read::read_config;
use crate::diagnostic::{Diagnostic, Site};
use crate::scan::{ModuleName, ReadError, Tree};

/// The file that holds nothing else; it wins over `pyproject.toml`.
pub const CONFIG_FILE: &str = "pinsmith.toml";
const PYPROJECT: &str = "pyproject.toml";

/// The configuration of a project; empty where it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The file that it was read from, root-relative.
    pub file: Option<&'static str>,
    /// Pythons to lock for (`python`), each once, as written.
    pub python: Vec<PythonVersion>,
    /// Where `python` stands.
    pub python_site: Option<Site>,
    /// Platforms to lock for (`platforms`).
    pub platforms: Vec<Platform>,
    /// Accelerators to lock for (`accelerators`): `cpu`, `cu128`, `rocm6.4`, `xpu`, `mps`, `auto` or
    /// `index`; the form is checked, not whether there are wheels.
    pub accelerators: Vec<String>,
    /// Only files uploaded up to then count (`as-of`); a form that [`as_of_at`] reads.
    pub as_of: Option<String>,
    /// Patterns of files to leave out of the scan (`exclude`).
    pub exclude: Vec<String>,
    /// Distribution of a module (`modules`), with its place.
    pub modules: BTreeMap<ModuleName, (PackageName, Site)>,
    /// Modules that ask for nothing (`ignore`).
    pub ignore: BTreeSet<ModuleName>,
    /// Modules whose names no index is asked about (`private`).
    pub private: Vec<ModulePattern>,
    /// Groups to lock along (`groups`).
    pub groups: Vec<String>,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
}

impl Config {
    /// Reads the configuration in the root of a tree.
    ///
    /// ```
    /// # use pinsmith::{config::Config, scan::Tree};
    /// # let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("pinsmith.toml"), "python = '3.11'\n")?;
    /// let config = Config::of_tree(&Tree::new(folder.path())?);
    /// assert_eq!(config.python[0].to_string(), "3.11");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn of_tree(tree: &Tree) -> Self {
        let text = |file| match tree.read(file) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            // what else is wrong with a pyproject.toml is said where its requirements are read
            Err(error) => (file == CONFIG_FILE && !is_missing(&error)).then(String::new),
        };
        let (own, pyproject) = (text(CONFIG_FILE), text(PYPROJECT));
        let of_pyproject = pyproject.map(|text| read_config(&text, PYPROJECT));
        let Some(own) = own else {
            return of_pyproject.unwrap_or_default();
        };
        let mut config = read_config(&own, CONFIG_FILE);
        if let Some(shadowed) = of_pyproject.filter(|other| other.file.is_some()) {
            let message = format!("`[tool.pinsmith]` is not used beside `{CONFIG_FILE}`");
            let note = Diagnostic::warning(codes::SHADOWED, message).help("keep one of them");
            config.diagnostics.push(match shadowed.site() {
                Some(site) => note.at(site),
                None => note,
            });
        }
        config
    }

    fn site(&self) -> Option<Site> {
        let file = self.file?.to_owned();
        Some(Site {
            file,
            line: 0,
            cell: None,
        })
    }
}

fn is_missing(error: &ReadError) -> bool {
    matches!(error, ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

/// Modules by name: one with everything below it, or all whose names begin so (`corp_*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModulePattern(String);

impl ModulePattern {
    /// Takes a dotted module name, at whose end a `*` may stand.
    ///
    /// ```
    /// use pinsmith::{config::ModulePattern, scan::ModuleName};
    /// let pattern = ModulePattern::new("corp_*").unwrap();
    /// assert!(pattern.matches(&ModuleName::new("corp_models.heads").unwrap()));
    /// assert!(!pattern.matches(&ModuleName::new("corporate").unwrap()));
    /// assert!(ModulePattern::new("*").is_none());
    /// ```
    pub fn new(text: &str) -> Option<Self> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        ModuleName::new(stem.trim_end_matches('.'))?;
        Some(Self(text.to_owned()))
    }

    /// Whether a module is among those that are meant.
    pub fn matches(&self, module: &ModuleName) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => module.as_str().starts_with(start),
            None => module.prefixes().any(|prefix| prefix == self.0),
        }
    }
}

#[cfg(test)]
mod tests;
