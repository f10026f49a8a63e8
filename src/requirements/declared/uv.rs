//! `[tool.uv.sources]` and the indexes that uv and pdm tables name.

use std::collections::BTreeMap;
use std::str::FromStr;

use pinsmith_resolver::PackageName;
use toml_edit::{Item, TableLike};

use super::IndexKind;
use super::line::{Collector, Role, parse};
use super::text::shown;
use super::toml::Toml;
use crate::requirements::codes;

/// Where single distributions come from instead of an index.
#[derive(Debug, Default)]
pub(super) struct Sources {
    by_name: BTreeMap<PackageName, Source>,
}

#[derive(Debug)]
enum Source {
    Url(String),
    /// A folder, and whether it is editable.
    Path(String, bool),
    /// Another member of the workspace.
    Local,
}

impl Sources {
    /// Reads the sources, and notes the indexes.
    pub(super) fn read(toml: &Toml<'_>, collector: &mut Collector) -> Self {
        let indexes = [
            &["tool", "uv", "index"][..],
            &["tool", "pdm", "source"],
            &["tool", "poetry", "source"],
        ];
        for path in indexes {
            read_indexes(toml, path, collector);
        }
        for (key, kind) in [
            ("index-url", IndexKind::Default),
            ("extra-index-url", IndexKind::Extra),
            ("find-links", IndexKind::FindLinks),
        ] {
            if let Some(item) = toml.get(&["tool", "uv", key]) {
                let mut urls = toml.strings(item);
                urls.extend(item.as_str().map(|url| (url, toml.line(item))));
                for (url, line) in urls {
                    collector.index(url, kind, line);
                }
            }
        }
        let table = toml.table(&["tool", "uv", "sources"]);
        let by_name = table.into_iter().flat_map(TableLike::iter);
        Self {
            by_name: by_name
                .filter_map(|(name, item)| Some((PackageName::from_str(name).ok()?, source(item)?)))
                .collect(),
        }
    }

    /// Collects a requirement, from its source where it has one.
    pub(super) fn requirement(
        &self,
        text: &str,
        role: &Role,
        line: u32,
        collector: &mut Collector,
    ) {
        let stem = text.trim_start();
        let end = stem
            .find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            .unwrap_or(stem.len());
        let name = stem
            .get(..end)
            .and_then(|name| PackageName::from_str(name).ok());
        match name.as_ref().and_then(|name| self.by_name.get(name)) {
            None => collector.requirement(text, role, line),
            Some(Source::Path(path, editable)) => {
                collector.editable = *editable;
                collector.path(&at_path(text, path), name, role, line);
                collector.editable = false;
            }
            Some(Source::Local) => collector.info(
                codes::LOCAL_PATH,
                line,
                format!(
                    "`{}` comes from a local path and is not locked",
                    shown(text)
                ),
                "its own declared requirements are read where they stand in this tree",
            ),
            Some(Source::Url(url)) => match with_url(text, url) {
                Some(text) => collector.requirement(&text, role, line),
                None => collector.requirement(text, role, line),
            },
        }
    }
}

/// The path with the extras and the marker of a requirement.
fn at_path(text: &str, path: &str) -> String {
    let Ok(parsed) = parse(text) else {
        return path.to_owned();
    };
    let requirement = parsed.requirement;
    let extras: Vec<_> = requirement.extras.iter().map(ToString::to_string).collect();
    let mut out = path.to_owned();
    if !extras.is_empty() {
        out = format!("{out}[{}]", extras.join(","));
    }
    match requirement.marker.contents() {
        Some(marker) => format!("{out} ; {marker}"),
        None => out,
    }
}

/// The same requirement as a direct reference: `name[extra] @ url ; marker`.
fn with_url(text: &str, url: &str) -> Option<String> {
    let requirement = parse(text).ok()?.requirement;
    let extras: Vec<_> = requirement.extras.iter().map(ToString::to_string).collect();
    let mut out = requirement.name.to_string();
    if !extras.is_empty() {
        out = format!("{out}[{}]", extras.join(","));
    }
    out = format!("{out} @ {url}");
    if let Some(marker) = requirement.marker.contents() {
        out = format!("{out} ; {marker}");
    }
    Some(out)
}

/// One source; of a list by markers the first one that says something.
fn source(item: &Item) -> Option<Source> {
    if let Some(list) = item.as_array() {
        let tables = list.iter().filter_map(|value| value.as_inline_table());
        return tables.into_iter().find_map(|table| table_source(table));
    }
    table_source(item.as_table_like()?)
}

/// The URL of a table with `git`, `url`, `path` or `workspace`; poetry and Pipfile share the keys.
fn table_source(table: &dyn TableLike) -> Option<Source> {
    if let Some(path) = table.get("path").and_then(Item::as_str) {
        let editable = table.get("editable").and_then(Item::as_bool);
        return Some(Source::Path(path.to_owned(), editable == Some(true)));
    }
    if table.contains_key("path") || table.contains_key("workspace") {
        return Some(Source::Local);
    }
    url_of(table).map(Source::Url)
}

/// The direct reference that a table with `git` or `url` stands for.
pub(super) fn url_of(table: &dyn TableLike) -> Option<String> {
    let string = |key: &str| table.get(key)?.as_str();
    if let Some(url) = string("url").or_else(|| string("file").filter(|f| f.contains("://"))) {
        return Some(url.to_owned());
    }
    let git = string("git")?;
    let mut url = match git.strip_prefix("git+") {
        Some(_) => git.to_owned(),
        None if git.contains("://") => format!("git+{git}"),
        // scp form: git@host:owner/name
        None => format!("git+ssh://{}", git.replacen(':', "/", 1)),
    };
    let revision = ["rev", "tag", "branch", "ref"].into_iter().find_map(string);
    if let Some(revision) = revision {
        url = format!("{url}@{revision}");
    }
    if let Some(folder) = string("subdirectory") {
        url = format!("{url}#subdirectory={folder}");
    }
    Some(url)
}

/// `[[tool.uv.index]]`, `[[tool.poetry.source]]`: evidence only.
fn read_indexes(toml: &Toml<'_>, path: &[&str], collector: &mut Collector) {
    let Some(list) = toml.get(path).and_then(Item::as_array_of_tables) else {
        return;
    };
    for table in list {
        if let Some(item) = table.get("url") {
            let default = table
                .get("default")
                .and_then(Item::as_bool)
                .unwrap_or_default();
            let kind = if default {
                IndexKind::Default
            } else {
                IndexKind::Extra
            };
            collector.index(item.as_str().unwrap_or_default(), kind, toml.line(item));
        }
    }
}
