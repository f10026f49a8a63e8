//! The program gives over HTTP what the library gives in memory.

use std::collections::BTreeMap;

use pinsmith_resolver::{ResolutionMode, ResolveError, resolve};

use super::format::{Scenario, index, options, request, targets};
use crate::support::case::{Case, Step};
use crate::support::index::{self as indexes, serve_worlds};

/// All of packse's scenarios and the traps again, each on its first target, through the program and over
/// HTTP: the same pins, or the same requirements that have no answer.
#[test]
fn the_program_agrees_with_the_library() {
    let mut scenarios = super::scenarios("packse");
    scenarios.extend(super::scenarios("traps"));
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
