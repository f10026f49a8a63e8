//! Configurations and what is read of them, as data.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{CONFIG_FILE, Config, PYPROJECT, read_config};
use crate::scan::Tree;

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Keys with what is left of their values.
    #[serde(default)]
    read: BTreeMap<String, String>,
    /// `CODE site message`, the message as far as it is given.
    #[serde(default)]
    diagnostics: Vec<String>,
}

#[test]
fn configurations_are_read_as_written() {
    let cases = include_str!("../../fixtures/config.toml");
    let cases: Cases = toml::from_str(cases).unwrap();
    for case in cases.case {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in &case.files {
            std::fs::write(folder.path().join(file), text).unwrap();
        }
        let config = Config::of_tree(&Tree::new(folder.path()).unwrap());
        assert_eq!(read(&config), case.read, "{}", case.name);
        let found: Vec<String> = config
            .diagnostics
            .iter()
            .map(|found| {
                let site = found.site.as_ref().unwrap();
                format!("{} {site} {}", found.code.0, found.message)
            })
            .collect();
        assert_eq!(found, case.diagnostics, "{}", case.name);
    }
}

fn read(config: &Config) -> BTreeMap<String, String> {
    let list = |items: Vec<String>| items.join(" ");
    let modules = config.modules.iter();
    let modules = modules.map(|(module, (name, site))| format!("{module}={name}@{site}"));
    let private = config.private.iter().map(|pattern| pattern.0.clone());
    let platforms = config.platforms.iter().map(ToString::to_string);
    let mut read: BTreeMap<String, String> = [
        (
            "python",
            list(config.python.iter().map(ToString::to_string).collect()),
        ),
        ("platforms", list(platforms.collect())),
        ("accelerators", list(config.accelerators.clone())),
        ("as-of", config.as_of.clone().unwrap_or_default()),
        ("exclude", list(config.exclude.clone())),
        ("modules", list(modules.collect())),
        (
            "ignore",
            list(config.ignore.iter().map(ToString::to_string).collect()),
        ),
        ("private", list(private.collect())),
        ("groups", list(config.groups.clone())),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    read.retain(|_, value| !value.is_empty());
    read
}

/// Every key of the schema is in the table of `docs/configuration.md`, and no other.
#[test]
fn the_keys_are_documented() {
    let document = include_str!("../../docs/configuration.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut keys: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    keys.sort_unstable();
    assert_eq!(keys, super::read::KEYS);
}

#[test]
fn no_bytes_break_the_reader() {
    for text in ["", "[", "tool = 1", "[tool]\npinsmith = 1", "python.x = 1"] {
        read_config(text, CONFIG_FILE);
        read_config(text, PYPROJECT);
    }
}
