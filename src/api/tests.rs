//! Stories of `fixtures/api/usage.toml`: what code uses, what that bounds, and what is written instead.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::scan::cases::Notes;
use crate::scan::{Memory, ScanOptions, scan};

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The file that the code stands in.
    #[serde(default = "main_file")]
    file: String,
    code: String,
    /// Other files of the tree.
    #[serde(default)]
    beside: BTreeMap<String, String>,
    /// `line symbol`, with `guarded` or `likely` when it is.
    #[serde(default)]
    finds: Vec<String>,
    /// `line symbol` of what is new.
    #[serde(default)]
    news: Vec<String>,
    /// `line >=3.6 what`
    #[serde(default)]
    python: Option<Vec<String>>,
    /// `numpy <1.24.0`
    #[serde(default)]
    bounds: Option<Vec<String>>,
    /// The code after all fixes; the same when there is none.
    #[serde(default)]
    fixed: Option<String>,
}

fn main_file() -> String {
    "main.py".to_owned()
}

fn usage_of(files: &BTreeMap<String, String>) -> Usage {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let tree = Tree::new(folder.path()).unwrap();
    let scan = scan(&tree, &ScanOptions::default());
    let usage = usage(&tree, &scan);
    // what concerns Python alone is the same when it is read alone, kept, and remembered
    let mut of_python = usage.clone();
    let is_python = |owner: &Owner| *owner == Owner::Python;
    of_python
        .findings
        .retain(|one| is_python(&one.removal.owner));
    of_python.findings.iter_mut().for_each(|one| one.fix = None);
    of_python.news.retain(|one| is_python(&one.addition.owner));
    let notes = Notes::default();
    for memory in [None, Some(&notes), Some(&notes)] {
        let memory = memory.map(|notes| (notes as &dyn Memory, "one"));
        let again = usage_of_python(&tree, &scan, memory);
        assert_eq!(format!("{again:?}"), format!("{of_python:?}"));
    }
    assert!(notes.recall().is_some(), "something is kept");
    usage
}

fn place(site: &Site) -> String {
    match site.cell {
        Some(cell) => format!("{cell}:{}", site.line),
        None => site.line.to_string(),
    }
}

impl Case {
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = self.beside.clone();
        files.insert(self.file.clone(), self.code.clone());
        files
    }

    /// What is otherwise than it should be.
    fn check(&self) -> Vec<String> {
        let name = &self.name;
        let mut wrong = Vec::new();
        let mut compare = |what: &str, found: Vec<String>, expected: &[String]| {
            if found != expected {
                wrong.push(format!(
                    "{name}, {what}: {found:#?} instead of {expected:#?}"
                ));
            }
        };
        let usage = usage_of(&self.files());
        let own = |site: &Site| site.file == self.file;
        let findings: Vec<&Finding> = usage
            .findings
            .iter()
            .filter(|found| own(&found.site))
            .collect();
        let found = findings.iter().map(|finding| {
            let how = match finding.certainty {
                Certainty::Certain => "",
                Certainty::Guarded => " guarded",
                Certainty::Likely => " likely",
            };
            format!("{} {}{how}", place(&finding.site), finding.removal.symbol)
        });
        compare("found", found.collect(), &self.finds);
        let news = usage.news.iter().filter(|news| own(&news.site));
        let news = news.map(|news| {
            let guarded = if news.certainty == Certainty::Certain {
                ""
            } else {
                " guarded"
            };
            format!("{} {}{guarded}", place(&news.site), news.addition.symbol)
        });
        compare("news", news.collect(), &self.news);
        if let Some(expected) = &self.python {
            let facts = usage.python.iter().map(|fact| {
                let (sign, version) = match fact.claim {
                    Claim::Since(version) => (">=", version),
                    Claim::Before(version) => ("<", version),
                };
                format!(
                    "{} {sign}{}.{} {}",
                    place(&fact.site),
                    version.0,
                    version.1,
                    fact.what
                )
            });
            compare("facts", facts.collect(), expected);
        }
        if let Some(expected) = &self.bounds {
            let all = bounds(&usage, Needs::Notebooks);
            let all = all.iter().map(|bound| {
                let conflict = if bound.conflict.is_some() {
                    " conflict"
                } else {
                    ""
                };
                format!("{} {}{conflict}", bound.owner, bound.specifier)
            });
            compare("all", all.collect(), expected);
        }
        let edits: Vec<Edit> = findings
            .iter()
            .filter_map(|found| found.fix.clone())
            .flatten()
            .collect();
        let fixed =
            apply(self.code.as_bytes(), &edits).unwrap_or_else(|| panic!("{name}: {edits:?}"));
        let fixed = String::from_utf8(fixed).unwrap();
        let expected = self.fixed.as_ref().unwrap_or(&self.code);
        compare("fixed", vec![fixed.clone()], std::slice::from_ref(expected));
        self.settles(&fixed);
        wrong
    }

    /// What was fixed parses, and there is nothing more to fix.
    fn settles(&self, fixed: &str) {
        let mut files = self.files();
        files.insert(self.file.clone(), fixed.to_owned());
        let again = usage_of(&files);
        let left: Vec<_> = again
            .findings
            .iter()
            .filter(|found| found.fix.is_some())
            .collect();
        assert!(left.is_empty(), "{}: {left:?}", self.name);
        if self.file == "a.ipynb" {
            serde_json::from_str::<serde_json::Value>(fixed).unwrap();
        } else {
            let errors = |text: &str| parse(text).unwrap().errors().len();
            assert_eq!(errors(&self.code), errors(fixed), "{}", self.name);
        }
    }
}

#[test]
fn stories() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/api/usage.toml");
    let cases: Cases = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.case.len() > 20);
    let wrong: Vec<String> = cases.case.iter().flat_map(Case::check).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every row can be found by code that uses it, and every rewrite makes code that parses and is not found again.
#[test]
fn every_row_is_found_and_rewritten() {
    for removal in removals() {
        let sample = sample(removal).filter(|code| parse(code).unwrap().has_valid_syntax());
        let Some(code) = sample else { continue };
        let case = BTreeMap::from([("main.py".to_owned(), code.clone())]);
        let usage = usage_of(&case);
        let mut found = usage
            .findings
            .iter()
            .filter(|found| found.removal == removal);
        let first = found.next();
        assert!(
            first.is_some(),
            "{} is not found in\n{code}{:?}",
            removal.symbol,
            usage.findings
        );
        let edits: Vec<Edit> = usage
            .findings
            .iter()
            .filter_map(|found| found.fix.clone())
            .flatten()
            .collect();
        let fixed = apply(code.as_bytes(), &edits).unwrap();
        let fixed = String::from_utf8(fixed).unwrap();
        assert!(parse(&fixed).unwrap().has_valid_syntax(), "{fixed}");
        if removal.rewrite.is_some()
            && removal.then.is_empty()
            && removal.kind != RemovalKind::Method
        {
            assert_ne!(fixed, code, "nothing is rewritten");
            let again = usage_of(&BTreeMap::from([("main.py".to_owned(), fixed.clone())]));
            let same = again.findings.iter().find(|found| found.removal == removal);
            assert!(same.is_none(), "{fixed}");
        }
    }
}

/// Code that uses a removed name as plainly as can be; methods have their own stories.
fn sample(removal: &Removal) -> Option<String> {
    let symbol = removal.symbol;
    if !removal.when.conditions.is_empty() {
        return None;
    }
    match removal.kind {
        RemovalKind::Module => Some(match symbol.rsplit_once('.') {
            Some((parent, name)) => format!("from {parent} import {name}\n"),
            None => format!("import {symbol}\n"),
        }),
        RemovalKind::Attribute => {
            let (parent, name) = symbol.rsplit_once('.')?;
            Some(match parent {
                "builtins" => format!("x = {name}(1)\n"),
                parent => format!("import {parent} as m\nx = m.{name}\n"),
            })
        }
        RemovalKind::Argument => {
            let (callable, keyword) = symbol.split_once('(')?;
            let (module, _) = callable.rsplit_once('.')?;
            let keyword = keyword.strip_suffix("=)")?;
            Some(format!("import {module}\n{callable}({keyword}=1)\n"))
        }
        RemovalKind::Method | RemovalKind::Call | RemovalKind::Behaviour => None,
    }
}
