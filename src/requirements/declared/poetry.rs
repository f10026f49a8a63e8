//! Poetry's tables, with its version constraints translated to PEP 440.

use std::collections::BTreeMap;
use std::str::FromStr;

use pinsmith_resolver::{PackageName, Version};
use toml_edit::{Item, TableLike};

use super::line::{Collector, Role, group_name};
use super::text::shown;
use super::toml::Toml;
use super::uv::url_of;
use crate::requirements::codes;

/// Reads `[tool.poetry]`.
pub(super) fn read(toml: &Toml<'_>, collector: &mut Collector) {
    let base = ["tool", "poetry"];
    let extras = extras_of(toml);
    let lists = [("dependencies", None), ("dev-dependencies", Some("dev"))];
    for (key, group) in lists {
        if let Some(table) = toml.table(&[&base[..], &[key]].concat()) {
            dependencies(toml, table, group, &extras, collector);
        }
    }
    if let Some(groups) = toml.table(&[&base[..], &["group"]].concat()) {
        for (group, item) in groups.iter() {
            let table = item.get("dependencies").and_then(Item::as_table_like);
            if let Some(table) = table {
                dependencies(toml, table, Some(group), &extras, collector);
            }
        }
    }
}

/// Which extras ask for an optional dependency.
type Extras = BTreeMap<String, Vec<String>>;

fn extras_of(toml: &Toml<'_>) -> Extras {
    let mut extras = Extras::new();
    let table = toml.table(&["tool", "poetry", "extras"]);
    for (extra, item) in table.into_iter().flat_map(TableLike::iter) {
        for (name, _) in toml.strings(item) {
            extras
                .entry(name.to_lowercase())
                .or_default()
                .push(extra.to_owned());
        }
    }
    extras
}

fn dependencies(
    toml: &Toml<'_>,
    table: &dyn TableLike,
    group: Option<&str>,
    extras: &Extras,
    collector: &mut Collector,
) {
    for (name, item) in table.iter() {
        let line = toml.key_line(table, name);
        if name.eq_ignore_ascii_case("python") {
            if let Some(text) = item.as_str().filter(|_| group.is_none()) {
                let range = translate(text, line, collector);
                collector.requires_python(&range, line);
            }
            continue;
        }
        let optional = item.get("optional").and_then(Item::as_bool) == Some(true);
        let roles = match group {
            Some(group) => vec![Role::group(group)],
            None if optional => {
                let named = extras.get(&name.to_lowercase()).cloned();
                let named = named.unwrap_or_else(|| vec!["optional".to_owned()]);
                let names = named.iter().map(|extra| group_name(extra));
                collector.out.extras.extend(names);
                named.iter().map(|extra| Role::group(extra)).collect()
            }
            None => vec![Role::default()],
        };
        for role in roles {
            entry(name, item, &role, line, collector);
        }
    }
}

/// One dependency: a version, a table, or a list of tables for different markers.
pub(super) fn entry(name: &str, item: &Item, role: &Role, line: u32, collector: &mut Collector) {
    if let Some(version) = item.as_str() {
        let version = translate(version, line, collector);
        collector.requirement(&format!("{name}{version}"), role, line);
    } else if let Some(table) = item.as_table_like() {
        table_entry(name, table, role, line, collector);
    } else {
        for value in item.as_array().into_iter().flatten() {
            if let Some(table) = value.as_inline_table() {
                table_entry(name, table, role, line, collector);
            }
        }
    }
}

fn table_entry(
    name: &str,
    table: &dyn TableLike,
    role: &Role,
    line: u32,
    collector: &mut Collector,
) {
    let string = |key: &str| table.get(key).and_then(Item::as_str);
    if let Some(path) = string("path") {
        collector.editable = table.get("develop").and_then(Item::as_bool) == Some(true);
        collector.path(path, PackageName::from_str(name).ok(), role, line);
        collector.editable = false;
        return;
    }
    let extras = table.get("extras").and_then(Item::as_array);
    let extras: Vec<&str> = extras
        .into_iter()
        .flatten()
        .filter_map(|e| e.as_str())
        .collect();
    let mut text = name.to_owned();
    if !extras.is_empty() {
        text = format!("{text}[{}]", extras.join(","));
    }
    if let Some(url) = url_of(table) {
        text = format!("{text} @ {url}");
    } else if let Some(version) = string("version") {
        text.push_str(&translate(version, line, collector));
    }
    let markers = [
        string("python").map(|range| python_marker(&translate(range, line, collector))),
        string("platform").map(|name| format!("sys_platform == \"{}\"", name.replace('"', ""))),
        string("markers").map(|marker| format!("({marker})")),
    ];
    let markers: Vec<String> = markers
        .into_iter()
        .flatten()
        .filter(|m| !m.is_empty())
        .collect();
    if !markers.is_empty() {
        text = format!("{text} ; {}", markers.join(" and "));
    }
    collector.requirement(&text, role, line);
}

/// `>=3.8,<4` as `python_version >= "3.8" and python_version < "4"`.
fn python_marker(range: &str) -> String {
    let clauses: Vec<String> = range
        .split(',')
        .filter_map(|clause| {
            let clause = clause.trim();
            let start = clause.find(|c: char| c.is_ascii_digit())?;
            let (operator, version) = clause.split_at(start);
            let plain = version
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".*".contains(c));
            plain.then(|| format!("python_version {operator} \"{version}\""))
        })
        .collect();
    clauses.join(" and ")
}

/// Translates a constraint, and says so when alternatives (`||`) become one range.
pub(super) fn translate(text: &str, line: u32, collector: &mut Collector) -> String {
    let (range, exact) = to_pep440(text);
    if !exact {
        let message = format!("`{}` is read as `{}`", shown(text), shown(&range));
        collector.info(codes::INEXACT, line, message, "");
    }
    range
}

/// Poetry's constraint as PEP 440 specifiers, and whether they mean the same.
///
/// Alternatives become the range from the lowest to the highest of them.
fn to_pep440(text: &str) -> (String, bool) {
    let alternatives: Vec<&str> = text.split("||").flat_map(|part| part.split('|')).collect();
    let alternatives: Vec<&str> = alternatives
        .into_iter()
        .filter(|a| !a.trim().is_empty())
        .collect();
    match alternatives.as_slice() {
        [] => (String::new(), true),
        [one] => (clauses(one), true),
        [first, .., last] => {
            let lower = clauses(first);
            let upper = clauses(last);
            let lower = lower.split(',').find(|clause| clause.starts_with('>'));
            let upper = upper.split(',').find(|clause| clause.starts_with('<'));
            let hull: Vec<&str> = lower.into_iter().chain(upper).collect();
            (hull.join(","), false)
        }
    }
}

/// Clauses joined by commas or blanks; a blank after an operator belongs to it.
fn clauses(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut operator = String::new();
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        if word.chars().all(|c| "<>=!~^".contains(c)) {
            word.clone_into(&mut operator);
        } else {
            words.push(format!("{}{word}", std::mem::take(&mut operator)));
        }
    }
    let translated: Vec<String> = words
        .iter()
        .map(|word| clause(word))
        .filter(|clause| !clause.is_empty())
        .collect();
    translated.join(",")
}

fn clause(word: &str) -> String {
    if let Some(version) = word.strip_prefix('^') {
        caret(version).unwrap_or_else(|| word.to_owned())
    } else if let Some(version) = word.strip_prefix('~').filter(|v| !v.starts_with('=')) {
        tilde(version).unwrap_or_else(|| word.to_owned())
    } else if word == "*" {
        String::new()
    } else if word.starts_with(|c: char| c.is_ascii_digit()) {
        format!("=={word}")
    } else if word.starts_with('=') && !word.starts_with("==") {
        format!("={word}")
    } else {
        word.to_owned()
    }
}

/// `^1.2.3` keeps the first number that is not zero: `>=1.2.3,<2`.
fn caret(text: &str) -> Option<String> {
    let version = Version::from_str(text.trim_end_matches(".*")).ok()?;
    let numbers = version.release().to_vec();
    let fixed = numbers.iter().position(|&n| n != 0);
    let at = fixed.unwrap_or(numbers.len().checked_sub(1)?);
    Some(format!(">={version},<{}", bump(&numbers, at)?))
}

/// `~1.2.3` and `~1.2` keep major and minor, `~1` the major.
fn tilde(text: &str) -> Option<String> {
    let version = Version::from_str(text.trim_end_matches(".*")).ok()?;
    let numbers = version.release().to_vec();
    let at = numbers.len().checked_sub(1)?.min(1);
    Some(format!(">={version},<{}", bump(&numbers, at)?))
}

/// The numbers up to and with `at`, that one raised.
fn bump(numbers: &[u64], at: usize) -> Option<String> {
    let mut kept = numbers.get(..=at)?.to_vec();
    let last = kept.last_mut()?;
    *last = last.saturating_add(1);
    let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
    Some(kept.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_become_pep_440() {
        for (text, expected) in [
            ("^1.2.3", ">=1.2.3,<2"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^0.0", ">=0.0,<0.1"),
            ("^0", ">=0,<1"),
            ("~1.2.3", ">=1.2.3,<1.3"),
            ("~1.2", ">=1.2,<1.3"),
            ("~1", ">=1,<2"),
            ("*", ""),
            ("1.2.3", "==1.2.3"),
            ("1.2.*", "==1.2.*"),
            ("=1.2", "==1.2"),
            (">=3.8,<4.0", ">=3.8,<4.0"),
            (">= 3.8 < 4", ">=3.8,<4"),
            ("~=2.1", "~=2.1"),
            ("^1.2 || ^2.0", ">=1.2,<3"),
        ] {
            assert_eq!(to_pep440(text).0, expected, "{text}");
        }
        assert!(!to_pep440("^1 || ^2").1);
    }
}
