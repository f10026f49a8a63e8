//! Scenarios through the resolver, packse's and our own, each answer proved by the checker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pinsmith_resolver::{
    Asked, MemoryRelease, MemorySource, Options, Platform, PrereleasePolicy, Request, Resolution,
    ResolutionMode, ResolveError, Target, parse_requirement, resolve_all,
};
use serde::Deserialize;

use crate::checker;

#[derive(Deserialize)]
struct Scenario {
    name: String,
    root: Root,
    #[serde(default)]
    packages: BTreeMap<String, Project>,
    expected: Expected,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    resolver_options: ResolverOptions,
}

#[derive(Deserialize)]
struct Root {
    requires: Vec<String>,
    /// Versions of an existing lock; not part of packse's format, as what follows.
    #[serde(default)]
    preferences: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Project {
    versions: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Release {
    requires: Vec<String>,
    requires_python: Option<String>,
    extras: BTreeMap<String, Vec<String>>,
    sdist: bool,
    wheel: bool,
    yanked: bool,
    wheel_tags: Vec<String>,
    /// A day, such as `2026-01-31`; not part of packse's format.
    uploaded: Option<String>,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            requires: Vec::new(),
            requires_python: Some(">=3.12".to_owned()),
            extras: BTreeMap::new(),
            sdist: true,
            wheel: true,
            yanked: false,
            wheel_tags: Vec::new(),
            uploaded: None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Expected {
    satisfiable: bool,
    packages: BTreeMap<String, String>,
    /// `package version` by target, where targets are listed.
    by_target: BTreeMap<String, Vec<String>>,
    /// What the answer says of preferences that it could not keep.
    not_kept: Vec<String>,
    /// What holds pins back, as `package: reasons`.
    held_back: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Environment {
    python: Option<String>,
    /// `3.11 linux-x86_64`.
    targets: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResolverOptions {
    universal: bool,
    python: Option<String>,
    python_platform: Option<String>,
    prereleases: Option<bool>,
    no_build: Vec<String>,
    no_binary: Vec<String>,
}

/// Scenarios whose expectation is not ours, each with its reason.
#[derive(Deserialize)]
struct Deviations {
    deviation: BTreeMap<String, String>,
}

#[test]
fn scenarios_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let text = std::fs::read_to_string(folder.join("deviations.toml")).unwrap();
    let deviations = toml::from_str::<Deviations>(&text).unwrap().deviation;
    let mut files = Vec::new();
    collect(&folder.join("packse"), &mut files);
    assert_eq!(files.len(), 147);
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut scenario: Scenario = toml::from_str(&text).unwrap();
        let newest = run(&scenario, ResolutionMode::Newest);
        // the coherent answer may be another one, but there must be one in the same cases
        scenario.expected.packages.clear();
        let satisfiable = run(&scenario, ResolutionMode::Newest).is_ok();
        if satisfiable != run(&scenario, ResolutionMode::Coherent).is_ok() {
            wrong.push(format!("{}: coherent differs", scenario.name));
        }
        match (newest, deviations.contains_key(&scenario.name)) {
            (Err(difference), false) => wrong.push(format!("{}: {difference}", scenario.name)),
            (Ok(()), true) => wrong.push(format!(
                "{}: agrees, yet is listed as a deviation",
                scenario.name
            )),
            _ => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Our own scenarios: what the coherent answer is, where the greedy one is another.
#[test]
fn coherent_answers_have_the_least_lag() {
    own_scenarios("coherent");
}

/// Pins of an existing lock stay where they hold, and what cannot stay says why.
#[test]
fn preferences_are_kept_where_they_hold() {
    own_scenarios("keep");
}

/// The targets of one lock have equal versions where that costs little.
#[test]
fn targets_agree_where_it_costs_little() {
    own_scenarios("several");
}

fn own_scenarios(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let folder = folder.join(name);
    let mut files = Vec::new();
    collect(&folder, &mut files);
    assert!(!files.is_empty());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario: Scenario = toml::from_str(&text).unwrap();
        if let Err(difference) = run(&scenario, ResolutionMode::Coherent) {
            panic!("{}: {difference}", scenario.name);
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            collect(&entry, files);
        } else {
            files.push(entry);
        }
    }
}

/// Solves for every target of a scenario and compares; a difference is described.
fn run(scenario: &Scenario, mode: ResolutionMode) -> Result<(), String> {
    let source = world(scenario);
    let roots = scenario.root.requires.iter();
    let request = Request {
        roots: roots
            .map(|text| parse_requirement(text).unwrap().requirement)
            .collect(),
        preferences: scenario
            .root
            .preferences
            .iter()
            .map(|(name, version)| (name.parse().unwrap(), version.parse().unwrap()))
            .collect(),
        ..Request::default()
    };
    let options = Options {
        mode,
        prereleases: match scenario.resolver_options.prereleases {
            Some(true) => PrereleasePolicy::Allow,
            _ => PrereleasePolicy::IfNecessary,
        },
        ..Options::default()
    };
    let mut answers = Vec::new();
    let asked: Vec<Asked> = targets(scenario)
        .into_iter()
        .map(|target| Asked {
            target,
            request: request.clone(),
        })
        .collect();
    let all = resolve_all(&asked, &source, &options);
    for (Asked { target, .. }, answer) in asked.iter().zip(all) {
        match answer {
            Ok(resolution) => {
                checker::check(&scenario.name, &request, &resolution, &source);
                answers.push(resolution);
            }
            Err(ResolveError::Unsatisfiable(_)) if !scenario.expected.satisfiable => return Ok(()),
            Err(error) => return Err(format!("expected an answer for {target}, got:\n{error}")),
        }
    }
    if !scenario.expected.satisfiable {
        return Err("expected no answer".to_owned());
    }
    answers
        .iter()
        .try_for_each(|answer| expected_versions(scenario, answer))?;
    expected_of_targets(scenario, &answers)
}

/// What the scenarios of our own say beyond packse's.
fn expected_of_targets(scenario: &Scenario, answers: &[Resolution]) -> Result<(), String> {
    let expected = &scenario.expected;
    for answer in answers {
        let target = format!("{} {}", answer.target.python, answer.target.platform);
        let pins = answer.packages.iter();
        let pins: Vec<String> = pins.map(|p| format!("{} {}", p.name, p.version)).collect();
        match expected.by_target.get(&target) {
            Some(expected) if *expected != pins => {
                return Err(format!("{target}: expected {expected:?}, got {pins:?}"));
            }
            None if !expected.by_target.is_empty() => {
                return Err(format!("{target} is not listed"));
            }
            _ => {}
        }
    }
    let not_kept = answers.iter().flat_map(|answer| &answer.not_kept);
    let not_kept: Vec<String> = not_kept
        .map(|lost| format!("{} {}: {}", lost.name, lost.version, lost.reason))
        .collect();
    let held_back = answers.iter().flat_map(|answer| &answer.packages);
    let held_back: Vec<String> = held_back
        .filter(|package| !package.held_back_by.is_empty())
        .map(|package| {
            let reasons = package.held_back_by.iter().map(ToString::to_string);
            format!(
                "{}: {}",
                package.name,
                reasons.collect::<Vec<_>>().join("; ")
            )
        })
        .collect();
    for (what, expected, found) in [
        ("not kept", &expected.not_kept, not_kept),
        ("held back", &expected.held_back, held_back),
    ] {
        let listed = !scenario.root.preferences.is_empty() || !expected.is_empty();
        if listed && *expected != found {
            return Err(format!("{what}: expected {expected:?}, got {found:?}"));
        }
    }
    Ok(())
}

fn expected_versions(scenario: &Scenario, resolution: &Resolution) -> Result<(), String> {
    for (name, version) in &scenario.expected.packages {
        let pin = resolution
            .packages
            .iter()
            .find(|p| p.name.to_string() == *name);
        let found = pin.map(|pin| pin.version.to_string());
        if found.as_ref() != Some(version) {
            return Err(format!("expected {name} {version}, got {found:?}"));
        }
    }
    Ok(())
}

fn targets(scenario: &Scenario) -> Vec<Target> {
    let listed = &scenario.environment.targets;
    if !listed.is_empty() {
        let target = |text: &String| {
            let (python, platform) = text.split_once(' ').unwrap();
            Target::new(python.parse().unwrap(), platform.parse().unwrap())
        };
        return listed.iter().map(target).collect();
    }
    let options = &scenario.resolver_options;
    let python = options
        .python
        .as_ref()
        .or(scenario.environment.python.as_ref());
    let python = python.map_or("3.12", String::as_str).parse().unwrap();
    let platforms = match options.python_platform.as_deref() {
        Some("macos") => vec![Platform::MacosArm64],
        Some("windows") => vec![Platform::WindowsX86_64],
        _ if options.universal => Platform::ALL.to_vec(),
        _ => vec![Platform::LinuxX86_64],
    };
    platforms
        .into_iter()
        .map(|platform| Target::new(python, platform))
        .collect()
}

fn world(scenario: &Scenario) -> MemorySource {
    let mut source = MemorySource::default();
    let options = &scenario.resolver_options;
    for (name, project) in &scenario.packages {
        for (version, release) in &project.versions {
            let mut requires = release.requires.clone();
            for (extra, lines) in &release.extras {
                requires.extend(lines.iter().map(|line| with_extra(line, extra)));
            }
            let requires: Vec<&str> = requires.iter().map(String::as_str).collect();
            let extras: Vec<&str> = release.extras.keys().map(String::as_str).collect();
            let tags: Vec<&str> = match (&release.wheel, release.wheel_tags.as_slice()) {
                (false, _) => vec![],
                (true, []) => vec!["py3-none-any"],
                (true, tags) => tags.iter().map(String::as_str).collect(),
            };
            let tags = if options.no_binary.contains(name) {
                vec![]
            } else {
                tags
            };
            let uploaded = release
                .uploaded
                .as_ref()
                .map(|day| format!("{day}T00:00:00Z"));
            source.add_release(
                name,
                version,
                &MemoryRelease {
                    requires: &requires,
                    requires_python: release.requires_python.as_deref().filter(|t| !t.is_empty()),
                    wheels: &tags,
                    sdist: release.sdist && !options.no_build.contains(name),
                    yanked: release.yanked,
                    extras: &extras,
                    uploaded: uploaded.as_deref(),
                },
            );
        }
    }
    source
}

fn with_extra(line: &str, extra: &str) -> String {
    match line.split_once(';') {
        Some((head, marker)) => format!("{head} ; ({marker}) and extra == '{extra}'"),
        None => format!("{line} ; extra == '{extra}'"),
    }
}
