//! The file as TOML has it: types checked, nothing understood yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::value::Datetime;

use super::newer_minor;
use crate::diagnostic::Diagnostic;
use crate::escape;
use crate::lock::LockError;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawLock {
    pub(super) created_by: String,
    #[serde(default)]
    pub(super) environments: Vec<String>,
    pub(super) requires_python: Option<String>,
    #[serde(default)]
    pub(super) extras: Vec<String>,
    #[serde(default)]
    pub(super) dependency_groups: Vec<String>,
    pub(super) packages: Vec<RawPackage>,
    pub(super) tool: Option<RawTool<RawOwnLock>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawPackage {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) marker: Option<String>,
    pub(super) requires_python: Option<String>,
    #[serde(default)]
    pub(super) dependencies: Vec<RawDependency>,
    pub(super) index: Option<String>,
    pub(super) sdist: Option<RawFile>,
    #[serde(default)]
    pub(super) wheels: Vec<RawFile>,
    pub(super) vcs: Option<toml::Table>,
    pub(super) directory: Option<toml::Table>,
    pub(super) archive: Option<toml::Table>,
    pub(super) tool: Option<RawTool<RawOwnPackage>>,
}

impl RawPackage {
    /// The key that says that the package does not come from an index.
    pub(super) fn direct_source(&self) -> Option<&'static str> {
        [
            ("vcs", &self.vcs),
            ("directory", &self.directory),
            ("archive", &self.archive),
        ]
        .into_iter()
        .find_map(|(key, table)| table.is_some().then_some(key))
    }
}

#[derive(Deserialize)]
pub(super) struct RawDependency {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub(super) name: Option<String>,
    pub(super) upload_time: Option<Datetime>,
    pub(super) url: Option<String>,
    pub(super) path: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) hashes: toml::Table,
}

#[derive(Deserialize)]
pub(super) struct RawTool<T> {
    pub(super) pinsmith: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawOwnLock {
    #[serde(default)]
    pub(super) targets: Vec<RawTarget>,
    pub(super) as_of: Option<Datetime>,
    #[serde(default)]
    pub(super) as_of_packages: BTreeMap<String, Datetime>,
}

#[derive(Deserialize)]
pub(super) struct RawTarget {
    pub(super) python: String,
    pub(super) platform: String,
    pub(super) floor: Option<String>,
    pub(super) accelerator: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawOwnPackage {
    #[serde(default)]
    pub(super) root: bool,
    #[serde(default)]
    pub(super) extras: Vec<String>,
    #[serde(default)]
    pub(super) origins: Vec<RawOrigin>,
    pub(super) lag_days: Option<u32>,
    pub(super) newest: Option<String>,
    #[serde(default)]
    pub(super) held_back_by: Vec<RawHeldBackBy>,
    pub(super) metadata: Option<String>,
    #[serde(default)]
    pub(super) explicit_index: bool,
}

#[derive(Deserialize)]
pub(super) struct RawOrigin {
    pub(super) kind: String,
    pub(super) file: String,
    #[serde(default)]
    pub(super) line: u32,
    pub(super) cell: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawHeldBackBy {
    pub(super) package: Option<String>,
    pub(super) version: Option<String>,
    pub(super) specifier: Option<String>,
    pub(super) requires: Option<String>,
    pub(super) same_as: Option<String>,
    pub(super) reason: Option<String>,
}

/// Parses text into one of the types above; the error names the line.
pub(super) fn parse<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, LockError> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        let place = line.map_or("lock file".to_owned(), |line| format!("line {line}"));
        let reason = error.message().replace('\n', ", ");
        LockError::invalid(place, escape::visible(&reason))
    })
}

/// Checks `lock-version` before anything else, so that another major version is named as such.
pub(super) fn check_version(text: &str) -> Result<Option<Diagnostic>, LockError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Versioned {
        lock_version: String,
    }
    let found = parse::<Versioned>(text)?.lock_version;
    let parts: Option<Vec<u64>> = found.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([1, 0] | [1]) => Ok(None),
        Some([1, _]) => Ok(Some(newer_minor(&found))),
        _ => Err(LockError::UnsupportedVersion {
            found: escape::visible(&found).into_owned(),
        }),
    }
}
