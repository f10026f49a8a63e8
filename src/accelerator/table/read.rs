//! Reading the table, and what it must keep to.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::super::UNUSABLE_TABLE;
use super::{AcceleratorPattern, Table};
use crate::diagnostic::Diagnostic;

/// The table that pinsmith carries.
const BUILT_IN: &str = include_str!("../accelerators.toml");

/// The layout that this pinsmith reads.
const SCHEMA: u32 = 1;

/// Largest table that is read.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A text that is no accelerator table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no accelerator table: {reason}")]
pub struct TableError {
    /// What is wrong and where, in lower case.
    pub reason: String,
}

impl TableError {
    /// The error as a diagnostic that names the file.
    pub fn diagnostic(&self, file: &str) -> Diagnostic {
        let file = crate::escape::visible(file);
        let reason = crate::escape::visible(&self.reason);
        Diagnostic::error(UNUSABLE_TABLE, format!("`{file}` is no accelerator table: {reason}"))
            .help("docs/accelerator-table.md explains every key; leave --accelerator-table out to use the built-in table")
    }
}

impl Table {
    /// The table that pinsmith carries.
    ///
    /// # Panics
    ///
    /// Never: a test reads it.
    pub fn built_in() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        #[expect(
            clippy::expect_used,
            reason = "it is part of the program, and a test reads it"
        )]
        TABLE.get_or_init(|| Self::parse(BUILT_IN).expect("the built-in table can be read"))
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`TableError`] with the place when the text is not TOML, has unknown keys or values, another
    /// schema, or addresses with unknown variables.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let wrong = |reason: String| TableError { reason };
        if text.len() > MAX_BYTES {
            return Err(wrong("it is too large".to_owned()));
        }
        let table: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or(text);
                before.matches('\n').count() + 1
            });
            let message = error.message();
            wrong(match line {
                Some(line) => format!("line {line}: {message}"),
                None => message.to_owned(),
            })
        })?;
        if table.schema != SCHEMA {
            let schema = table.schema;
            return Err(wrong(format!("its schema is {schema}, not {SCHEMA}")));
        }
        table.check().map_err(wrong)?;
        Ok(table)
    }

    /// What the types cannot say.
    fn check(&self) -> Result<(), String> {
        let indexes = self
            .index
            .iter()
            .map(|index| (&index.name, &index.url, &["accelerator"][..]));
        let pages = self.pages.iter();
        let pages = pages.map(|page| {
            (
                &page.name,
                &page.url,
                &["accelerator", "torch", "version"][..],
            )
        });
        let mut names = BTreeSet::new();
        for (name, address, known) in indexes.chain(pages) {
            if !names.insert(name) {
                return Err(format!("there are two places with the name `{name}`"));
            }
            let variables: Vec<&str> = variables(address);
            if let Some(unknown) = variables.iter().find(|variable| !known.contains(variable)) {
                return Err(format!(
                    "`{name}`: the address has an unknown variable `{{{unknown}}}`"
                ));
            }
            let parsed = url::Url::parse(address).map_err(|error| format!("`{name}`: {error}"))?;
            if !matches!(parsed.scheme(), "https" | "http" | "file") {
                return Err(format!("`{name}`: the address is not https"));
            }
        }
        for page in &self.pages {
            let variables = variables(&page.url);
            for (variable, empty) in [
                ("torch", page.torch.is_empty()),
                ("version", page.versions.is_empty()),
            ] {
                if variables.contains(&variable) == empty {
                    let name = &page.name;
                    return Err(format!(
                        "`{name}`: `{{{variable}}}` of the address and its values do not go together"
                    ));
                }
            }
        }
        for family in &self.suffixes {
            if !family.name.contains("{major}") && !family.name.contains("{cuda}") {
                return Err(format!("`{}` has no place for CUDA", family.name));
            }
        }
        for group in &self.exclusive {
            for key in group.keep.0.keys() {
                if key != "otherwise" && key.parse::<AcceleratorPattern>().is_err() {
                    return Err(format!(
                        "`{}`: `{key}` is no kind of accelerator",
                        group.module
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The names in braces.
fn variables(address: &str) -> Vec<&str> {
    let parts = address.split('{').skip(1);
    parts.filter_map(|part| part.split('}').next()).collect()
}
