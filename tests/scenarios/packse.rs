//! packse's scenarios, and where our answers are others (`fixtures/scenarios/deviations.toml`).

use std::collections::BTreeMap;
use std::path::Path;

use pinsmith_resolver::{Exclusion, Fact, Resolution, ResolutionMode};
use serde::Deserialize;

use super::format::Scenario;
use super::{answers, run, scenarios};

/// Scenarios whose expectation is not ours, by kind.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Deviations {
    /// A pre-release is taken where no final release fits.
    pre_release: BTreeMap<String, Deviation>,
    /// No single lock is for all targets, but every target has an answer.
    every_target: BTreeMap<String, Deviation>,
    /// Upper bounds of requires-python count.
    requires_python: BTreeMap<String, Deviation>,
    /// The answer exists for a later Python.
    later_python: BTreeMap<String, Deviation>,
    /// Newest-first answers otherwise; the coherent answer is what is expected.
    only_coherent: BTreeMap<String, Deviation>,
}

/// What is answered instead, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deviation {
    reason: String,
    /// Pins of the newest-first answer as `a==1.0 b==2.0`, for each set of targets that has its own; none where
    /// there is no answer.
    #[serde(default)]
    answers: Vec<String>,
}

impl Deviations {
    fn of(&self, name: &str) -> Option<&Deviation> {
        let kinds = [
            &self.pre_release,
            &self.every_target,
            &self.requires_python,
            &self.later_python,
            &self.only_coherent,
        ];
        let mut found = kinds.iter().filter_map(|kind| kind.get(name));
        let first = found.next();
        assert!(found.next().is_none(), "{name} deviates in two ways");
        first
    }

    fn count(&self) -> usize {
        [
            &self.pre_release,
            &self.every_target,
            &self.requires_python,
            &self.later_python,
            &self.only_coherent,
        ]
        .iter()
        .map(|kind| kind.len())
        .sum()
    }

    /// Whether the scenario, which deviates, does so in the way that the table says.
    fn is_as_described(&self, scenario: &Scenario, deviation: &Deviation) -> Result<(), String> {
        let name = &scenario.name;
        let newest = answers(scenario, ResolutionMode::Newest);
        let mut found: Vec<String> = newest.iter().flatten().map(pins).collect();
        found.sort();
        found.dedup();
        if found != deviation.answers {
            let told = &deviation.answers;
            return Err(format!("listed with the answers {told:?}, got {found:?}"));
        }
        let holds = |holds: bool, otherwise: &str| holds.then_some(()).ok_or(otherwise.to_owned());
        if self.pre_release.contains_key(name) {
            let strict = answers(&scenario.without_prereleases(), ResolutionMode::Newest);
            return holds(
                newest.is_ok() && strict.is_err(),
                "listed under pre-release, which is not the reason",
            );
        }
        if self.every_target.contains_key(name) {
            return holds(
                newest.is_ok(),
                "listed under every-target, yet one has no answer",
            );
        }
        if self.requires_python.contains_key(name) {
            let only = newest.err().is_some_and(|proof| {
                proof.facts.iter().all(|fact| match fact {
                    Fact::Excluded { because, .. } => {
                        matches!(because, Exclusion::RequiresPython(_))
                    }
                    Fact::Asked { .. } => true,
                    _ => false,
                })
            });
            return holds(
                only,
                "listed under requires-python, which is not the reason",
            );
        }
        if self.later_python.contains_key(name) {
            let mut later = scenario.clone();
            later.resolver_options.python = Some("3.13".to_owned());
            later.resolver_options.universal = false;
            return run(&later, ResolutionMode::Newest);
        }
        run(&scenario.dated(), ResolutionMode::Coherent)
    }
}

fn pins(answer: &Resolution) -> String {
    let pins = answer.packages.iter().map(ToString::to_string);
    pins.collect::<Vec<_>>().join(" ")
}

/// Newest-first agrees in satisfiability and versions, coherent in satisfiability, with release dates and without;
/// where it does not, the table says how and why.
#[test]
fn scenarios_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/scenarios");
    let text = std::fs::read_to_string(folder.join("deviations.toml")).unwrap();
    let deviations: Deviations = toml::from_str(&text).unwrap();
    let scenarios = scenarios("packse");
    assert_eq!(scenarios.len(), 147);
    let mut wrong = Vec::new();
    let mut deviating = 0;
    for scenario in &scenarios {
        let mut note = |what: String| wrong.push(format!("{}: {what}", scenario.name));
        let newest = run(scenario, ResolutionMode::Newest);
        match (newest, deviations.of(&scenario.name)) {
            (Ok(()), Some(_)) => note("agrees, yet is listed as a deviation".to_owned()),
            (Err(difference), None) => note(difference),
            (Ok(()), None) => {}
            (Err(_), Some(deviation)) => {
                deviating += 1;
                assert!(!deviation.reason.is_empty());
                if let Err(difference) = deviations.is_as_described(scenario, deviation) {
                    note(difference);
                }
            }
        }
        // the coherent answer may be another one, but there must be one in the same cases
        let satisfiable = answers(scenario, ResolutionMode::Newest).is_ok();
        for scenario in [scenario, &scenario.dated()] {
            if satisfiable != answers(scenario, ResolutionMode::Coherent).is_ok() {
                note("coherent differs".to_owned());
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(deviating, deviations.count(), "a deviation of no scenario");
}
