//! Lock files of other tools, read for the names of the distributions in them.
//!
//! They are evidence of what an environment of the project held, not of what it asks for.

use std::collections::BTreeSet;
use std::str::FromStr;

use pinsmith_resolver::PackageName;

/// Whether a file is a lock of Poetry, uv, PDM or Pipenv, by its name.
pub(crate) fn is_lock(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(
        name,
        "poetry.lock" | "uv.lock" | "pdm.lock" | "Pipfile.lock"
    )
}

/// The distributions that a lock names.
pub(crate) fn names(text: &str, path: &str) -> BTreeSet<PackageName> {
    if path.ends_with("Pipfile.lock") {
        return pipfile(text);
    }
    // `[[package]]` and then `name = "x"`: a lock is large, and this is all that is asked
    let mut names = BTreeSet::new();
    let mut in_package = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            in_package = line == "[[package]]";
        } else if let (true, Some(value)) = (in_package, line.strip_prefix("name")) {
            let value = value.trim_start().strip_prefix('=').map(str::trim);
            let name = value.map(|value| value.trim_matches(['"', '\'']));
            names.extend(name.and_then(|name| PackageName::from_str(name).ok()));
        }
    }
    names
}

fn pipfile(text: &str) -> BTreeSet<PackageName> {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let sections = ["default", "develop"];
    let tables = sections
        .iter()
        .filter_map(|section| value.get(section)?.as_object());
    let names = tables.flat_map(|table| table.keys());
    names
        .filter_map(|name| PackageName::from_str(name).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let toml = "version = 1\n[[package]]\nname = \"Foo_Bar\"\n[package.extras]\nname = \"x\"\n\
            [[package]]\nname='b'\n";
        let json = r#"{"_meta": {}, "default": {"a": {"version": "==1"}}, "develop": {"b": {}}}"#;
        let shown = |text, path| {
            names(text, path)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(toml, "x/uv.lock"), ["b", "foo-bar"]);
        assert_eq!(shown(json, "Pipfile.lock"), ["a", "b"]);
        assert_eq!(shown("{", "Pipfile.lock"), [""; 0]);
    }
}
