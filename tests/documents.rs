//! The documents say what the program does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every code of the sources is explained in `docs/diagnostics.md`, and the reverse.
#[test]
fn every_diagnostic_code_is_explained() {
    let mut in_sources = BTreeSet::new();
    for (folder, start) in [("src", "Code(\""), ("resolver/src", "code: Some(\"")] {
        for (_, text) in sources(&[folder]) {
            for part in text.split(start).skip(1) {
                in_sources.extend(part.split('"').next().map(str::to_owned));
            }
        }
    }
    let document = read("docs/diagnostics.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let explained: BTreeSet<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    assert_eq!(explained.len(), rows.len(), "a code is explained twice");
    assert_eq!(in_sources, explained);
}

/// Each rule of `docs/security.md` names what holds it: functions of tests, or cases as
/// `SUBJECT/NAME`.
#[test]
fn every_rule_of_trust_has_its_tests() {
    let tests = names_of_tests();
    let document = read("docs/security.md");
    let rules: Vec<&str> = document.split("\n## ").skip(1).collect();
    assert!(rules.len() >= 8);
    for rule in rules {
        let title = rule.lines().next().unwrap_or_default();
        let (_, held) = rule
            .split_once("Held by")
            .unwrap_or_else(|| panic!("{title} names no test"));
        let names: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{title}");
        for name in names {
            let known = match name.split_once('/') {
                Some((subject, case)) => read(&format!("fixtures/cli/{subject}.toml"))
                    .contains(&format!("name = \"{case}\"")),
                None => tests.contains(name),
            };
            assert!(known, "{title}: there is no test {name}");
        }
    }
}

/// The schema of the environment spec knows every key of the specs among the fixtures, and no other.
#[test]
fn the_schema_of_the_spec_is_its_keys() {
    let schema = read("docs/environment-spec.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let mut known = BTreeSet::new();
    keys_of_schema(&schema, "", &mut known);
    let mut used = BTreeSet::new();
    for name in ["environment", "lock"] {
        let spec = read(&format!("fixtures/{name}/pinsmith.env.toml"));
        keys_of_spec(&toml::Value::Table(spec.parse().unwrap()), "", &mut used);
    }
    assert_eq!(known, used);
}

/// Every key of the accelerator table is explained, and no other.
#[test]
fn the_accelerator_table_is_explained() {
    let table = read("src/accelerator/accelerators.toml");
    let mut used = BTreeSet::new();
    let free = ["families", "keep", "main-index", "paths"];
    keys_of_table(
        &toml::Value::Table(table.parse().unwrap()),
        &free,
        &mut used,
    );
    let document = read("docs/accelerator-table.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let keys = rows.filter_map(|row| row.split(" | ").next());
    let mut explained: BTreeSet<String> = keys
        .flat_map(|keys| {
            keys.split('`')
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|key| !key.is_empty() && key != ", ")
        .collect();
    explained.extend(
        document
            .lines()
            .filter(|line| line.starts_with("## "))
            .flat_map(|line| {
                let names = line.split('`').skip(1).step_by(2);
                names
                    .map(|name| name.trim_matches(['[', ']']).to_owned())
                    .collect::<Vec<_>>()
            }),
    );
    assert_eq!(used, explained);
}

/// Keys at every depth; what stands below `free` ones is data.
fn keys_of_table(value: &toml::Value, free: &[&str], keys: &mut BTreeSet<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                keys.insert(key.clone());
                if !free.contains(&key.as_str()) {
                    keys_of_table(value, free, keys);
                }
            }
        }
        toml::Value::Array(all) => all.iter().for_each(|one| keys_of_table(one, free, keys)),
        _ => {}
    }
}

fn keys_of_schema(schema: &serde_json::Value, path: &str, keys: &mut BTreeSet<String>) {
    if let Some(items) = schema.get("items") {
        keys_of_schema(items, path, keys);
    }
    let properties = schema.get("properties").and_then(|it| it.as_object());
    for (key, value) in properties.into_iter().flatten() {
        let path = format!("{path}/{key}");
        keys_of_schema(value, &path, keys);
        keys.insert(path);
    }
}

fn keys_of_spec(value: &toml::Value, path: &str, keys: &mut BTreeSet<String>) {
    // whose keys are a person's
    if path == "/env/set" {
        return;
    }
    for item in value.as_array().into_iter().flatten() {
        keys_of_spec(item, path, keys);
    }
    for (key, value) in value.as_table().into_iter().flatten() {
        let path = format!("{path}/{key}");
        keys_of_spec(value, &path, keys);
        keys.insert(path);
    }
}

/// Every trap of `docs/traps.md` is held by something that exists.
#[test]
fn every_trap_is_held() {
    let mut names = names_of_tests();
    let rows_of_accelerators = read("fixtures/accelerators/acceptance.jsonl");
    let scenarios = ["packse", "coherent", "traps", "failures"];
    for path in files_below(&scenarios.map(|folder| format!("fixtures/scenarios/{folder}"))) {
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        names.insert(format!("failures/{stem}"));
        let text = std::fs::read_to_string(&path).unwrap();
        let name = text.lines().find_map(|line| line.strip_prefix("name = "));
        names.insert(name.unwrap_or(&stem).trim_matches('"').to_owned());
    }
    let document = read("docs/traps.md");
    let rows: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| T"))
        .collect();
    assert_eq!(rows.len(), 65);
    for (number, row) in rows.iter().enumerate() {
        assert!(row.starts_with(&format!("| T{} |", number + 1)), "{row}");
        let held = row.split('|').nth(3).unwrap();
        if held.contains("nothing yet") {
            continue;
        }
        let mut held_by = held.split('`').skip(1).step_by(2).peekable();
        assert!(held_by.peek().is_some(), "nothing holds {row}");
        for name in held_by {
            let known = match name.split_once('/') {
                Some(("acceptance", row)) => {
                    rows_of_accelerators.contains(&format!("{{\"id\":\"{row}\""))
                }
                Some((subject, case)) if subject != "failures" => {
                    read(&format!("fixtures/cli/{subject}.toml"))
                        .contains(&format!("name = \"{case}\""))
                }
                _ => names.contains(name),
            };
            assert!(known, "there is no `{name}` in {row}");
        }
    }
}

/// The examples of `docs/json.md` are what the cases of the command line get.
#[test]
fn examples_of_json_are_real() {
    let document = read("docs/json.md");
    let mut examples = 0;
    for part in document.split("<!-- from ").skip(1) {
        let (case, rest) = part.split_once(" -->").unwrap();
        let example = rest.split("```json\n").nth(1).unwrap();
        let example = example.split("```").next().unwrap();
        let transcript = read(&format!("fixtures/cli/{case}.txt"));
        assert!(transcript.contains(example), "{case} says something else");
        examples += 1;
    }
    assert!(examples >= 3);
}

/// The functions that are marked as tests.
fn names_of_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, text) in sources(&["src", "tests", "resolver/src"]) {
        for part in text.split("#[test]").skip(1) {
            let name = part.split("fn ").nth(1).unwrap_or_default();
            names.extend(name.split('(').next().map(str::to_owned));
        }
    }
    names
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files_below(folders: &[String]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stack: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = stack.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

fn sources(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stack: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(folder) = stack.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("documents.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}
