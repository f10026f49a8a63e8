//! The arrows between modules, and what must be absent: see `docs/architecture.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each module may know; whatever is not listed it must not know.
const ARROWS: &[(&str, &[&str])] = &[
    ("diagnostic", &[]),
    ("escape", &[]),
    ("scan", &["diagnostic"]),
    ("config", &["diagnostic", "escape", "scan"]),
    ("requirements", &["diagnostic", "scan"]),
    ("api", &["diagnostic", "requirements", "scan"]),
    ("host", &["accelerator", "diagnostic"]),
    ("auto", &["accelerator", "diagnostic", "host"]),
    ("git", &[]),
    ("era", &["api", "diagnostic", "git", "requirements", "scan"]),
    ("accelerator", &["diagnostic", "escape"]),
    ("index", &["accelerator", "diagnostic", "host"]),
    (
        "lock",
        &["diagnostic", "escape", "git", "requirements", "scan"],
    ),
    (
        "direct",
        &["diagnostic", "git", "index", "lock", "requirements", "scan"],
    ),
    (
        "environment",
        &[
            "accelerator",
            "diagnostic",
            "escape",
            "lock",
            "requirements",
            "scan",
        ],
    ),
    (
        "render",
        &[
            "diagnostic",
            "environment",
            "escape",
            "lock",
            "requirements",
            "scan",
        ],
    ),
    (
        "check",
        &[
            "diagnostic",
            "environment",
            "escape",
            "lock",
            "render",
            "requirements",
            "scan",
        ],
    ),
    ("failure", &["escape", "requirements"]),
    (
        "generate",
        &["diagnostic", "escape", "requirements", "scan"],
    ),
    (
        "install",
        &["diagnostic", "escape", "failure", "host", "lock", "render"],
    ),
    (
        "verify",
        &[
            "escape",
            "failure",
            "install",
            "lock",
            "requirements",
            "scan",
        ],
    ),
    (
        "repair",
        &[
            "era",
            "api",
            "diagnostic",
            "escape",
            "failure",
            "requirements",
            "scan",
        ],
    ),
    (
        "write",
        &[
            "diagnostic",
            "environment",
            "escape",
            "render",
            "requirements",
        ],
    ),
];

/// Words that only some modules may use, with the modules.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("Command::new", &["git", "host", "install"]),
    ("reqwest", &["index"]),
    ("TcpStream", &["index"]),
    ("tokio", &["index"]),
    ("SystemTime::now", &["index", "cli"]),
    ("Timestamp::now", &["index", "cli"]),
    ("Instant::now", &["index", "install", "cli", "host", "git"]),
    ("clap", &["cli"]),
];

/// What the resolver must not even name.
const NOT_IN_RESOLVER: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "println!",
    "eprintln!",
    "unsafe ",
];

#[test]
fn arrows_point_one_way() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, file, code) in sources("src") {
        let Some(known) = arrows.get(module.as_str()) else {
            assert!(
                ["cli", "fuzz", "lib", "main"].contains(&module.as_str()),
                "{module} is missing in ARROWS"
            );
            continue;
        };
        for other in mentioned(&code) {
            if other != module && !known.contains(&other.as_str()) {
                wrong.push(format!("{} knows {other}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_world_is_touched_in_few_places() {
    let mut wrong = Vec::new();
    for (module, file, code) in sources("src") {
        for (word, modules) in ONLY_IN {
            if code.contains(word) && !modules.contains(&module.as_str()) {
                wrong.push(format!("{} uses {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_resolver_knows_no_world() {
    let mut wrong = Vec::new();
    for (_, file, code) in sources("resolver/src") {
        for word in NOT_IN_RESOLVER {
            if code.contains(word) {
                wrong.push(format!("{} uses {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Module, file and code (without comments and inline tests) of every source file below a folder.
fn sources(folder: &str) -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(!files.is_empty());
    files
        .into_iter()
        .filter(|file| !file.ends_with("tests.rs"))
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let code: Vec<&str> = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let inside = file.strip_prefix(&root).unwrap();
            let first = inside.iter().next().unwrap().to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            (module, inside.to_owned(), code.join("\n"))
        })
        .collect()
}

/// The top-level modules that code names, in paths and in nested imports.
fn mentioned(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        let rest = &code[start + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split("};").next().unwrap_or_default();
            let mut depth = 0;
            for part in list.split_inclusive(['{', '}', ',']) {
                if depth == 0 {
                    names.push(first_word(part));
                }
                depth += i32::from(part.ends_with('{')) - i32::from(part.ends_with('}'));
            }
        } else {
            names.push(first_word(rest));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_word(text: &str) -> String {
    let word = text.trim_start().chars();
    word.take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
