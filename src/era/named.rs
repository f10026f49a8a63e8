//! Pythons that files name without requiring them: base images, services, classifiers.

use pinsmith_resolver::Ranges;

use super::python::{Fact, FactSource, exactly, minor};
use crate::diagnostic::Site;
use crate::scan::{Scan, Tree};

/// Files at the root that may name a Python, and how they do.
const FILES: [(&str, Form); 14] = [
    ("runtime.txt", Form::Whole),
    (".python-version", Form::Whole),
    (".tool-versions", Form::Key("python ")),
    ("Dockerfile", Form::Image),
    (".travis.yml", Form::List("python")),
    (".gitlab-ci.yml", Form::Image),
    (".circleci/config.yml", Form::Image),
    (".readthedocs.yml", Form::Key("python:")),
    (".readthedocs.yaml", Form::Key("python:")),
    ("azure-pipelines.yml", Form::Key("versionSpec:")),
    ("tox.ini", Form::Environments),
    ("setup.py", Form::Classifiers),
    ("setup.cfg", Form::Classifiers),
    ("pyproject.toml", Form::Classifiers),
];

/// Where the jobs of GitHub are.
const WORKFLOWS: &str = ".github/workflows";

/// How a file names a Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// It holds nothing else: `python-3.6.9`.
    Whole,
    /// `FROM python:3.6-slim`, `image: python:3.6`.
    Image,
    /// After a key: `python-version: [3.6, "3.7"]`.
    Key(&'static str),
    /// After a key or in the list below it.
    List(&'static str),
    /// `envlist = py36, py37`.
    Environments,
    /// `Programming Language :: Python :: 3.6`.
    Classifiers,
}

/// Reads the files of a tree that name a Python.
pub(super) fn facts(tree: &Tree, scan: &Scan) -> Vec<Fact> {
    let mut files: Vec<(String, Form)> = FILES
        .iter()
        .map(|(file, form)| ((*file).to_owned(), *form))
        .collect();
    files.extend(workflows(tree));
    let images = scan
        .declaration_files
        .iter()
        .chain(scan.install_lines.iter().map(|line| &line.site.file));
    let images = images.filter(|file| {
        let name = file.rsplit('/').next().unwrap_or(file);
        name.to_ascii_lowercase().contains("dockerfile")
    });
    files.extend(images.map(|file| (file.clone(), Form::Image)));
    files.sort_by(|left, right| left.0.cmp(&right.0));
    files.dedup_by(|left, right| left.0 == right.0);
    let read = files.iter().filter_map(|(file, form)| {
        let bytes = tree.read(file).ok()?;
        Some(of_text(&String::from_utf8_lossy(&bytes), file, *form))
    });
    read.flatten().collect()
}

/// The workflow files, in order of their names.
fn workflows(tree: &Tree) -> Vec<(String, Form)> {
    /// More are not read.
    const MAX_FILES: usize = 50;
    let Ok(entries) = std::fs::read_dir(tree.root().join(WORKFLOWS)) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let is_yaml = |name: &String| {
        let extension = name.rsplit('.').next().unwrap_or_default();
        extension == "yml" || extension == "yaml"
    };
    let mut names: Vec<String> = names.filter(is_yaml).collect();
    names.sort();
    names.truncate(MAX_FILES);
    let files = names.into_iter();
    files
        .map(|name| (format!("{WORKFLOWS}/{name}"), Form::Key("python-version:")))
        .collect()
}

fn of_text(text: &str, file: &str, form: Form) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut in_list = false;
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim();
        let found: Vec<(u8, u8)> = match form {
            Form::Whole => versions(code.trim_start_matches("python-"))
                .take(1)
                .collect(),
            Form::Image => image(code).into_iter().collect(),
            Form::Key(key) => match code.trim_start_matches("- ").strip_prefix(key) {
                Some(rest) => versions(rest).collect(),
                None => Vec::new(),
            },
            Form::List(key) => {
                let after = code
                    .strip_prefix(key)
                    .and_then(|rest| rest.trim_start().strip_prefix(':'));
                in_list = match after {
                    Some(_) => true,
                    None => in_list && code.starts_with('-'),
                };
                let here = after.or(Some(code).filter(|_| in_list));
                here.map(|rest| versions(rest).collect())
                    .unwrap_or_default()
            }
            Form::Environments => environments(code),
            Form::Classifiers => classifier(code).into_iter().collect(),
        };
        let source = match form {
            Form::Whole | Form::Image => FactSource::Environment,
            _ => FactSource::Tested,
        };
        if found.is_empty() {
            continue;
        }
        let all = found.iter().fold(Ranges::empty(), |all, version| {
            all.union(&exactly(*version))
        });
        facts.push(Fact {
            versions: all,
            source,
            what: code.chars().filter(|c| !c.is_control()).take(80).collect(),
            site: Site {
                file: file.to_owned(),
                line: number,
                cell: None,
            },
        });
    }
    facts
}

/// Versions of Python in a text: `[3.6, "3.7.1"]`.
fn versions(text: &str) -> impl Iterator<Item = (u8, u8)> {
    let text = text.split('#').next().unwrap_or_default();
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'));
    words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(minor)
}

/// The Python of a base image.
fn image(line: &str) -> Option<(u8, u8)> {
    let is_image = ["FROM ", "from ", "image:", "- image:"]
        .iter()
        .any(|start| line.starts_with(start));
    if !is_image {
        return None;
    }
    let (before, after) = line.split_once("python:")?;
    let is_name = before.is_empty() || before.ends_with([' ', '/', '"', '\'']);
    let tag = after
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .next()?;
    minor(tag).filter(|_| is_name)
}

/// `py27, py36` of an environment list.
fn environments(line: &str) -> Vec<(u8, u8)> {
    if !line.starts_with("envlist") && !line.starts_with("env_list") && !line.starts_with("py") {
        return Vec::new();
    }
    let words = line.split(|c: char| !c.is_ascii_alphanumeric());
    let versions = words.filter_map(|word| {
        let digits = word.strip_prefix("py")?;
        let (major, rest) = digits.split_at_checked(1)?;
        minor(&format!("{major}.{rest}"))
    });
    versions.collect()
}

/// The version of a trove classifier.
fn classifier(line: &str) -> Option<(u8, u8)> {
    let (_, version) = line.split_once("Programming Language :: Python :: ")?;
    minor(
        version
            .split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .next()?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    type Versions = &'static [(u8, u8)];

    #[test]
    fn files_name_pythons() {
        let cases: [(&str, Form, Versions); 14] = [
            ("python-3.6.9\n", Form::Whole, &[(3, 6)]),
            ("FROM python:3.7-slim AS base", Form::Image, &[(3, 7)]),
            (
                "FROM docker.test/library/python:3.8.1",
                Form::Image,
                &[(3, 8)],
            ),
            ("FROM mypython:3.8", Form::Image, &[]),
            ("# FROM python:3.8", Form::Image, &[]),
            (
                "    python-version: ['3.7', 3.10, \"3.9.1\"] # 3.6",
                Form::Key("python-version:"),
                &[(3, 7), (3, 9), (3, 10)],
            ),
            (
                "    python-version: ${{ matrix.python }}",
                Form::Key("python-version:"),
                &[],
            ),
            (
                "python:\n  - 2.7\n  - \"3.6\"\ninstall:\n  - pip 3.8",
                Form::List("python"),
                &[(2, 7), (3, 6)],
            ),
            (
                "envlist = py27,py36-torch, lint",
                Form::Environments,
                &[(2, 7), (3, 6)],
            ),
            ("pytest 3.6", Form::Environments, &[]),
            (
                "'Programming Language :: Python :: 3.6',",
                Form::Classifiers,
                &[(3, 6)],
            ),
            (
                "'Programming Language :: Python :: 3',",
                Form::Classifiers,
                &[],
            ),
            ("python 3.11.4", Form::Key("python "), &[(3, 11)]),
            ("versionSpec: '3.x'", Form::Key("versionSpec:"), &[]),
        ];
        for (text, form, expected) in cases {
            let facts = of_text(text, "a", form);
            let all = facts
                .iter()
                .fold(Ranges::empty(), |all, fact| all.union(&fact.versions));
            let wanted = expected.iter().fold(Ranges::empty(), |all, version| {
                all.union(&exactly(*version))
            });
            assert_eq!(all, wanted, "{text}");
        }
    }
}
