//! The cases of `fixtures/scan/cases.toml`: small trees and everything that the scan says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

use serde::Deserialize;

use super::{
    ImpliedNeed, Import, InstallLine, InstallTool, Memory, Scan, ScanOptions, Tree, scan,
    scan_again,
};

#[derive(Deserialize)]
pub(crate) struct Cases {
    pub(crate) case: Vec<Case>,
}

impl Cases {
    pub(crate) fn all() -> Self {
        toml::from_str(include_str!("../../fixtures/scan/cases.toml")).unwrap()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Row of the acceptance list, if it is one.
    pub(crate) row: Option<String>,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    /// Text by path.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Bytes by path, in hexadecimal.
    #[serde(default)]
    bytes: BTreeMap<String, String>,
    /// Sources of the code cells by path, written as nbformat 4.
    #[serde(default)]
    notebooks: BTreeMap<String, Vec<String>>,
    /// Symlinks by path.
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default)]
    installs: Vec<String>,
    /// `SITE CONTEXT NEED,NEED <- USE`
    #[serde(default)]
    implied: Vec<String>,
    #[serde(default)]
    uses: Vec<String>,
    #[serde(default)]
    artifacts: Vec<String>,
    #[serde(default)]
    declarations: Vec<String>,
    #[serde(default)]
    diagnostics: Vec<String>,
    /// What is needed in the end, `GROUP: REQUIREMENT`, and every module that no distribution has
    /// with its kind; in rows of the acceptance list.
    pub(crate) needs: Option<Vec<String>>,
}

/// A memory for one test.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Option<Vec<u8>>>);

impl Memory for Notes {
    fn recall(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }

    fn keep(&self, bytes: &[u8]) {
        *self.0.lock().unwrap() = Some(bytes.to_vec());
    }

    fn least(&self) -> usize {
        0
    }
}

/// What is remembered counts for the same content and the same program only.
#[test]
fn another_content_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.py");
    std::fs::write(&file, "import torch\n").unwrap();
    let tree = Tree::new(folder.path()).unwrap();
    let memory = Notes::default();
    let module = |program: &str| {
        let found = scan_again(&tree, &ScanOptions::default(), Some((&memory, program)));
        found.imports[0].module.to_string()
    };
    assert_eq!(module("one"), "torch");
    let forged = memory.recall().unwrap();
    let forged = String::from_utf8(forged)
        .unwrap()
        .replace("torch", "forged");
    memory.keep(forged.as_bytes());
    assert_eq!(module("one"), "forged", "it is not parsed again");
    assert_eq!(module("two"), "torch", "another program reads for itself");
    memory.keep(forged.as_bytes());
    std::fs::write(&file, "import numpy\n").unwrap();
    assert_eq!(module("one"), "numpy");
    memory.keep(b"{");
    assert_eq!(module("one"), "numpy");
}

#[test]
fn every_case() {
    let cases = Cases::all();
    let mut wrong = String::new();
    let mut rows = BTreeSet::new();
    for case in &cases.case {
        rows.extend(case.row.clone());
        let folder = tempfile::tempdir().unwrap();
        write_tree(folder.path(), case);
        let options = ScanOptions {
            exclude: case.exclude.clone(),
        };
        let tree = Tree::new(folder.path()).unwrap();
        let found = scan(&tree, &options);
        let memory = Notes::default();
        for run in ["first", "second"] {
            let again = scan_again(&tree, &options, Some((&memory, "this")));
            assert_eq!(format!("{again:?}"), format!("{found:?}"), "{run} run");
        }
        for (what, expected, found) in compare(case, &found) {
            if *expected != found {
                writeln!(
                    wrong,
                    "{} {what}:\n  expected {expected:#?}\n  found    {found:#?}",
                    case.name
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for row in (1..=40).map(|number| format!("E{number}")) {
        assert!(rows.contains(&row), "no case for {row}");
    }
}

fn compare<'a>(case: &'a Case, scan: &Scan) -> [(&'static str, &'a Vec<String>, Vec<String>); 7] {
    let installs = scan.install_lines.iter().map(install);
    let artifacts = scan.artifacts.iter().map(|artifact| {
        let revision = artifact.revision.as_deref();
        let revision = revision.map_or(String::new(), |revision| format!("@{revision}"));
        format!(
            "{} {} {}{revision}",
            artifact.site, artifact.kind, artifact.id
        )
    });
    let diagnostics = scan.diagnostics.iter().map(|diagnostic| {
        let site = diagnostic.site.as_ref().map(ToString::to_string);
        format!("{} {}", diagnostic.code.0, site.unwrap_or_default())
            .trim()
            .to_owned()
    });
    [
        (
            "imports",
            &case.imports,
            scan.imports.iter().map(import).collect(),
        ),
        ("installs", &case.installs, installs.collect()),
        (
            "uses",
            &case.uses,
            scan.uses
                .iter()
                .map(|found| format!("{} {}", found.site, found.what))
                .collect(),
        ),
        (
            "implied",
            &case.implied,
            scan.implied.iter().map(implied).collect(),
        ),
        ("artifacts", &case.artifacts, artifacts.collect()),
        (
            "declarations",
            &case.declarations,
            scan.declaration_files.clone(),
        ),
        ("diagnostics", &case.diagnostics, diagnostics.collect()),
    ]
}

fn import(import: &Import) -> String {
    let mut text = format!("{} {}", import.site, import.module);
    if !import.names.is_empty() {
        write!(text, "({})", import.names.join(",")).unwrap();
    }
    let context = serde_json::to_value(import.context).unwrap();
    write!(text, " {}", context.as_str().unwrap()).unwrap();
    for label in &import.labels {
        let label = serde_json::to_value(label).unwrap();
        write!(text, " {}", label.as_str().unwrap()).unwrap();
    }
    if import.local {
        text.push_str(" local");
    }
    if let Some(marker) = &import.marker {
        write!(text, " [{marker}]").unwrap();
    }
    text
}

fn implied(need: &ImpliedNeed) -> String {
    let context = serde_json::to_value(need.context).unwrap();
    let needs = need.needs.join(",");
    let marker = need.marker.as_ref();
    let marker = marker.map_or(String::new(), |marker| format!(" [{marker}]"));
    format!(
        "{} {} {needs} <- {}{marker}",
        need.site,
        context.as_str().unwrap(),
        need.used
    )
}

fn install(line: &InstallLine) -> String {
    let weak = if line.weak { " weak" } else { "" };
    let conda = match line.tool {
        InstallTool::Pip => "",
        InstallTool::Conda => " conda",
        InstallTool::Clone => " clone",
    };
    format!("{} {}{weak}{conda}", line.site, line.requirement)
}

pub(crate) fn write_tree(root: &Path, case: &Case) {
    let write = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for (path, text) in &case.files {
        write(path, text.as_bytes());
    }
    for (path, hexadecimal) in &case.bytes {
        let digits: Vec<char> = hexadecimal.chars().filter(|c| !c.is_whitespace()).collect();
        let bytes = digits.chunks(2).map(|pair| {
            let pair: String = pair.iter().collect();
            u8::from_str_radix(&pair, 16).unwrap()
        });
        write(path, &bytes.collect::<Vec<_>>());
    }
    for (path, cells) in &case.notebooks {
        let cells = cells.iter().map(|source| {
            let lines: Vec<&str> = source.split_inclusive('\n').collect();
            serde_json::json!({"cell_type": "code", "metadata": {}, "outputs": [], "source": lines})
        });
        let notebook = serde_json::json!({
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": "python"}},
            "cells": cells.collect::<Vec<_>>(),
        });
        write(path, notebook.to_string().as_bytes());
    }
    for (path, target) in &case.links {
        link(&root.join(path), target);
    }
}

#[cfg(unix)]
fn link(path: &Path, target: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[cfg(not(unix))]
fn link(_: &Path, _: &str) {}
