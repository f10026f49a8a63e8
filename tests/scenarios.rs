//! Scenarios through the resolver, packse's and our own, each answer proved by the checker.

mod format;
mod packse;
mod program;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinsmith_resolver::{
    Asked, MemoryRelease, MemorySource, MetadataAnswer, Options, PackageName, PackageSource,
    Platform, ReleaseFile, ReleasesAnswer, Request, Resolution, ResolutionMode, ResolveError,
    SourceError, Target, Unsatisfiable, parse_requirement, resolve, resolve_all,
};

use self::format::{Scenario, index, options, request, targets};
use crate::support::index as indexes;
use crate::{checker, proof};

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

/// The versions that are expected, and no package besides.
fn expected_versions(scenario: &Scenario, resolution: &Resolution) -> Result<(), String> {
    let expected = &scenario.expected.packages;
    let named = |name: &PackageName| expected.contains_key(name.as_ref());
    let mut others = resolution.packages.iter().filter(|pin| !named(&pin.name));
    if let (false, Some(other)) = (expected.is_empty(), others.next()) {
        return Err(format!("{other} is not expected"));
    }
    for (name, version) in expected {
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
