//! Scenarios through the resolver, packse's and our own, each answer proved by the checker.

mod format;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinsmith_resolver::{
    Asked, Exclusion, Fact, MemoryRelease, MemorySource, MetadataAnswer, Options, PackageName,
    PackageSource, Platform, ReleaseFile, ReleasesAnswer, Request, Resolution, ResolutionMode,
    ResolveError, SourceError, Target, Unsatisfiable, parse_requirement, resolve, resolve_all,
};
use serde::Deserialize;

use self::format::{Scenario, index, options, request, targets};
use crate::support::case::{Case, Step};
use crate::support::index::{self as indexes, serve_worlds};
use crate::{checker, proof};

/// Scenarios whose expectation is not ours, by kind, each with its reason.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Deviations {
    /// A pre-release is taken where no final release fits.
    pre_release: BTreeMap<String, String>,
    /// No single lock is for all targets, but every target has an answer.
    every_target: BTreeMap<String, String>,
    /// Upper bounds of requires-python count.
    requires_python: BTreeMap<String, String>,
    /// The answer exists from a later Python on.
    later_python: BTreeMap<String, String>,
    /// Newest-first answers otherwise; the coherent answer is what is expected.
    only_coherent: BTreeMap<String, String>,
}

impl Deviations {
    /// Whether the scenario deviates in the way that the table says.
    fn is_as_described(&self, scenario: &Scenario) -> Option<Result<(), String>> {
        let name = &scenario.name;
        let newest = || answers(scenario, ResolutionMode::Newest);
        let is = |found: bool, otherwise: &str| {
            Some(if found {
                Ok(())
            } else {
                Err(otherwise.to_owned())
            })
        };
        if self.pre_release.contains_key(name) {
            let mut pins = newest()
                .ok()?
                .into_iter()
                .flat_map(|answer| answer.packages);
            let taken = pins.any(|pin| pin.version.any_prerelease());
            return is(taken, "listed under pre-release, yet none is taken");
        }
        if self.every_target.contains_key(name) {
            let all = newest().is_ok();
            return is(all, "listed under every-target, yet one has no answer");
        }
        if self.requires_python.contains_key(name) {
            let proof = newest().err();
            let only = proof.is_some_and(|proof| {
                proof.facts.iter().all(|fact| match fact {
                    Fact::Excluded { because, .. } => {
                        matches!(because, Exclusion::RequiresPython(_))
                    }
                    Fact::Asked { .. } => true,
                    _ => false,
                })
            });
            return is(
                only,
                "listed under requires-python, which is not the reason",
            );
        }
        if self.later_python.contains_key(name) {
            let mut later = scenario.clone();
            later.resolver_options.python = Some("3.13".to_owned());
            later.resolver_options.universal = false;
            return Some(run(&later, ResolutionMode::Newest));
        }
        let coherent = self.only_coherent.contains_key(name);
        coherent.then(|| run(&scenario.dated(), ResolutionMode::Coherent))
    }
}

#[test]
fn scenarios_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let text = std::fs::read_to_string(folder.join("deviations.toml")).unwrap();
    let deviations: Deviations = toml::from_str(&text).unwrap();
    let scenarios = packse();
    let mut wrong = Vec::new();
    for scenario in &scenarios {
        let newest = run(scenario, ResolutionMode::Newest);
        // the coherent answer may be another one, but there must be one in the same cases
        let mut any = scenario.clone();
        any.expected.packages.clear();
        let satisfiable = run(&any, ResolutionMode::Newest).is_ok();
        if satisfiable != run(&any, ResolutionMode::Coherent).is_ok() {
            wrong.push(format!("{}: coherent differs", scenario.name));
        }
        match (newest, deviations.is_as_described(scenario)) {
            (Ok(()), Some(_)) => wrong.push(format!(
                "{}: agrees, yet is listed as a deviation",
                scenario.name
            )),
            (Err(difference), None) | (_, Some(Err(difference))) => {
                wrong.push(format!("{}: {difference}", scenario.name));
            }
            (Ok(()), None) => {
                // which versions are best is another question there
                let satisfiable = answers(scenario, ResolutionMode::Coherent).is_ok();
                if satisfiable != scenario.expected.satisfiable {
                    wrong.push(format!("{}: coherent does not agree", scenario.name));
                }
            }
            (Err(_), Some(Ok(()))) => {}
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn packse() -> Vec<Scenario> {
    let scenarios = scenarios("packse");
    assert_eq!(scenarios.len(), 147);
    scenarios
}

fn scenarios(folder: &str) -> Vec<Scenario> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let mut files = Vec::new();
    collect(&root.join(folder), &mut files);
    assert!(!files.is_empty());
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    files.iter().map(read).collect()
}

/// Scenarios of traps (docs/traps.md) that packse does not have.
#[test]
fn traps_are_avoided() {
    for scenario in scenarios("traps") {
        for mode in [ResolutionMode::Newest, ResolutionMode::Coherent] {
            if let Err(difference) = run(&scenario.dated(), mode) {
                panic!("{}: {mode:?}: {difference}", scenario.name);
            }
        }
    }
}

/// Wheels of one release that require different things (trap T18).
struct Disagreeing(MemorySource);

impl PackageSource for Disagreeing {
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        self.0.releases(name)
    }

    fn metadata(
        &self,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        let answer = self.0.metadata(name, file)?;
        let MetadataAnswer::Found(metadata) = answer else {
            return Ok(answer);
        };
        let mut own = (*metadata).clone();
        let system = if file.filename.contains("win") {
            "win-lib"
        } else {
            "linux-lib"
        };
        own.requires_dist
            .retain(|one| one.name.to_string() == system);
        Ok(MetadataAnswer::Found(Arc::new(own)))
    }
}

#[test]
fn the_wheel_that_is_installed_is_read() {
    let mut source = MemorySource::default();
    let wheels = ["cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-win_amd64"];
    source.add_release(
        "engine",
        "1.0",
        &MemoryRelease {
            requires: &["win-lib", "linux-lib"],
            wheels: &wheels,
            ..MemoryRelease::default()
        },
    );
    source.add("win-lib", "1.0", &[]);
    source.add("linux-lib", "1.0", &[]);
    let source = Disagreeing(source);
    let request = Request {
        roots: vec![parse_requirement("engine").unwrap().requirement],
        ..Request::default()
    };
    for (platform, expected) in [
        (Platform::LinuxX86_64, "engine==1.0 linux-lib==1.0"),
        (Platform::WindowsX86_64, "engine==1.0 win-lib==1.0"),
    ] {
        let target = Target::new("3.12".parse().unwrap(), platform);
        let answer = resolve(&request, &target, &source, &Options::default()).unwrap();
        let pins: Vec<String> = answer.packages.iter().map(ToString::to_string).collect();
        assert_eq!(pins.join(" "), expected);
    }
}

/// All of packse's scenarios and the traps again, each on its first target, through the program and over
/// HTTP: the same pins, or the same requirements that have no answer.
#[test]
fn the_program_agrees_with_the_library() {
    let mut scenarios = packse();
    scenarios.extend(self::scenarios("traps"));
    let worlds = scenarios.iter();
    let worlds = worlds.map(|scenario| (scenario.name.clone(), index(scenario)));
    let server = serve_worlds(&worlds.collect());
    let server = &server;
    let per_thread = scenarios.len().div_ceil(4);
    std::thread::scope(|scope| {
        for some in scenarios.chunks(per_thread) {
            scope.spawn(move || {
                for scenario in some {
                    let url = server.url(&format!("/{}/simple/", scenario.name));
                    assert_eq!(
                        over_http(scenario, &url),
                        in_this_process(scenario),
                        "{}",
                        scenario.name
                    );
                }
            });
        }
    });
}

/// Pins, or the requirements that have no answer.
type Outcome = Result<BTreeMap<String, String>, Vec<String>>;

fn in_this_process(scenario: &Scenario) -> Outcome {
    let target = &targets(scenario)[0];
    let source = indexes::in_memory(&index(scenario));
    let options = options(scenario, ResolutionMode::Newest);
    match resolve(&request(scenario), target, &source, &options) {
        Ok(resolution) => {
            let pins = resolution.packages.into_iter();
            Ok(pins
                .map(|pin| (pin.name.to_string(), pin.version.to_string()))
                .collect())
        }
        Err(ResolveError::Unsatisfiable(proof)) => {
            let mut names: Vec<String> = proof
                .requirements()
                .iter()
                .map(ToString::to_string)
                .collect();
            names.sort();
            Err(names)
        }
        Err(error) => panic!("{}: {error}", scenario.name),
    }
}

fn over_http(scenario: &Scenario, url: &str) -> Outcome {
    let target = &targets(scenario)[0];
    let prerelease = match scenario.resolver_options.prereleases {
        Some(true) => "--prerelease allow",
        _ => "",
    };
    let line = format!(
        "compile requirements.in --format json --resolution newest --python {} --platform {} {prerelease}",
        target.python, target.platform
    );
    let text = scenario.root.requires.join("\n");
    let place = Case::of_files(&[("requirements.in", &text)]).place();
    let output = place.command(&Step::of(&line, url)).output().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        panic!("{}: {error}\n{stderr}", scenario.name)
    });
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    if let Some(requirements) = value["unsatisfiable"]["requirements"].as_array() {
        assert_eq!(output.status.code(), Some(1));
        let mut names: Vec<String> = requirements.iter().map(text).collect();
        names.sort();
        return Err(names);
    }
    let packages = value["targets"][0]["packages"].as_array().unwrap().iter();
    Ok(packages
        .map(|pin| (text(&pin["name"]), text(&pin["version"])))
        .collect())
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
    for scenario in scenarios(name) {
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
    match answers(scenario, mode) {
        Err(_) if !scenario.expected.satisfiable => Ok(()),
        Err(proof) => {
            let story = proof.story(&|_| None).join("\n");
            Err(format!("expected an answer, got:\n{story}"))
        }
        Ok(_) if !scenario.expected.satisfiable => Err("expected no answer".to_owned()),
        Ok(answers) => {
            answers
                .iter()
                .try_for_each(|answer| expected_versions(scenario, answer))?;
            expected_of_targets(scenario, &answers)
        }
    }
}

/// The answers for every target, or the first proof that there is none; all of them are checked.
fn answers(scenario: &Scenario, mode: ResolutionMode) -> Result<Vec<Resolution>, Unsatisfiable> {
    let source = indexes::in_memory(&index(scenario));
    let (request, options) = (request(scenario), options(scenario, mode));
    let mut answers = Vec::new();
    let asked: Vec<Asked> = targets(scenario)
        .into_iter()
        .map(|target| Asked {
            target,
            request: request.clone(),
        })
        .collect();
    let all = resolve_all(&asked, &source, &options);
    for answer in all {
        match answer {
            Ok(resolution) => {
                checker::check(&scenario.name, &request, &resolution, &source);
                answers.push(resolution);
            }
            Err(ResolveError::Unsatisfiable(found)) => {
                proof::check(&scenario.name, &found, &request, &source);
                return Err(*found);
            }
            Err(error) => panic!("{}: {error}", scenario.name),
        }
    }
    Ok(answers)
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
