//! Real-life requirements without an answer: what is said of them, and that it is a proof.
//!
//! A case is `fixtures/scenarios/failures/NAME.toml`; what the program says is `NAME.txt`.
//! `SNAPSHOTS=overwrite cargo test --test main failures` writes it anew; read the difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pinsmith::requirements::read_requirement_files;
use pinsmith_resolver::{
    Options, PrereleasePolicy, Request, ResolutionMode, ResolveError, Target, resolve,
};
use serde::Deserialize;

use crate::proof;
use crate::support::case::{Case, Step};
use crate::support::index::{Projects, in_memory, serve_worlds};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Failure {
    /// What is wrong, in a sentence; heads the transcript.
    about: String,
    python: String,
    #[serde(default = "linux")]
    platform: String,
    as_of: Option<String>,
    prerelease: Option<String>,
    glibc: Option<String>,
    /// `requirements.in` and what it names; `constraints.txt` and `overrides.txt` count too.
    files: BTreeMap<String, String>,
    packages: Projects,
}

fn linux() -> String {
    "linux-x86_64".to_owned()
}

#[test]
fn real_life_failures_read_well() {
    let failures = failures();
    assert!(failures.len() >= 25, "{} failures", failures.len());
    let worlds = failures.iter();
    let worlds = worlds.map(|(name, failure)| (name.clone(), failure.packages.clone()));
    let server = serve_worlds(&worlds.collect());
    let mut wrong = Vec::new();
    for (name, failure) in &failures {
        let url = server.url(&format!("/{name}/simple/"));
        let texts = failure.files.iter();
        let texts: Vec<(&str, &str)> = texts.map(|(n, t)| (n.as_str(), t.as_str())).collect();
        let mut case = Case::of_files(&texts);
        case.step = vec![Step::failing(&failure.command(), &url)];
        let text = match case.transcript() {
            Ok(text) => format!("{}\n{text}", failure.about),
            Err(trouble) => panic!("{name}: {trouble}"),
        };
        let path = folder().join(format!("{name}.txt"));
        if std::env::var("SNAPSHOTS").as_deref() == Ok("overwrite") {
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(format!("{}: another text\n{text}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_failure_is_proved() {
    for (name, failure) in failures() {
        let source = in_memory(&failure.packages);
        let request = failure.request();
        for mode in [ResolutionMode::Coherent, ResolutionMode::Newest] {
            let options = failure.options(mode);
            match resolve(&request, &failure.target(), &source, &options) {
                Err(ResolveError::Unsatisfiable(found)) => {
                    proof::check(&name, &found, &request, &source);
                }
                other => panic!("{name}: expected no answer, got {other:?}"),
            }
        }
    }
}

impl Failure {
    fn command(&self) -> String {
        let mut command = format!(
            "compile requirements.in --python {} --platform {}",
            self.python, self.platform
        );
        for (file, flag) in [("constraints.txt", "-c"), ("overrides.txt", "--override")] {
            if self.files.contains_key(file) {
                write!(command, " {flag} {file}").unwrap();
            }
        }
        let flags = [
            ("as-of", &self.as_of),
            ("prerelease", &self.prerelease),
            ("glibc", &self.glibc),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                write!(command, " --{flag} {value}").unwrap();
            }
        }
        command
    }

    fn request(&self) -> Request {
        let read = |name: &str| {
            let names: Vec<String> = self.files.keys().filter(|n| *n == name).cloned().collect();
            read_requirement_files(&names, &mut |path| {
                Ok(self.files.get(path).unwrap().clone().into_bytes())
            })
        };
        let plain = |name: &str| -> Vec<_> {
            let read = read(name).requirements.into_iter();
            read.map(|one| one.requirement).collect()
        };
        Request {
            roots: plain("requirements.in"),
            constraints: [
                read("requirements.in").constraints,
                plain("constraints.txt"),
            ]
            .concat(),
            overrides: plain("overrides.txt"),
            ..Request::default()
        }
    }

    fn target(&self) -> Target {
        let platform = self.platform.parse().unwrap();
        let mut target = Target::new(self.python.parse().unwrap(), platform);
        let floor = self.glibc.as_ref().and_then(|text| text.split_once('.'));
        if let Some((major, minor)) = floor {
            target.floor = (major.parse().unwrap(), minor.parse().unwrap());
        }
        target
    }

    fn options(&self, mode: ResolutionMode) -> Options {
        Options {
            mode,
            prereleases: match self.prerelease.as_deref() {
                Some("disallow") => PrereleasePolicy::Disallow,
                Some("allow") => PrereleasePolicy::Allow,
                _ => PrereleasePolicy::IfNecessary,
            },
            as_of: self
                .as_of
                .as_ref()
                .map(|day| format!("{day}T23:59:59Z").parse().unwrap()),
            ..Options::default()
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios/failures")
}

fn failures() -> BTreeMap<String, Failure> {
    let mut failures = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let failure = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            failures.insert(name, failure);
        }
    }
    failures
}
