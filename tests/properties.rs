//! What holds of every answer, whatever the world and however it answers.

use std::collections::BTreeSet;
use std::time::Duration;

use pinsmith_resolver::{
    GeneratedWorld, MemoryRelease, MemorySource, Options, Request, Resolution, ResolutionMode,
    Target, resolve,
};

use crate::checker;
use crate::support::case::{Case, Step};
use crate::support::index::{Form, serve, serve_with};

const MODES: [ResolutionMode; 2] = [ResolutionMode::Coherent, ResolutionMode::Newest];

fn target() -> Target {
    Target::linux_x86_64((3, 12))
}

fn answer(request: &Request, source: &MemorySource, mode: ResolutionMode) -> Resolution {
    let options = Options {
        mode,
        ..Options::default()
    };
    resolve(request, &target(), source, &options).unwrap()
}

/// The world without some of its releases.
fn without(world: &GeneratedWorld, left_out: &BTreeSet<String>) -> MemorySource {
    let mut source = MemorySource::default();
    for (line, requires) in &world.releases {
        let [name, version, day] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        if left_out.contains(&format!("{name}=={version}")) {
            continue;
        }
        let seconds = day.parse::<i64>().unwrap() * 86_400;
        let uploaded = pinsmith_resolver::Timestamp::from_second(seconds).unwrap();
        let requires: Vec<&str> = requires.iter().map(String::as_str).collect();
        let release = MemoryRelease {
            requires: &requires,
            uploaded: Some(&uploaded.to_string()),
            ..MemoryRelease::default()
        };
        source.add_release(name, version, &release);
    }
    source
}

#[test]
fn a_release_that_nobody_uses_can_go() {
    for seed in 0..2 {
        let world = GeneratedWorld::new(seed, 40);
        assert_eq!(
            answer(&world.request, &without(&world, &BTreeSet::new()), MODES[0]).packages,
            answer(&world.request, &world.source, MODES[0]).packages,
        );
        for mode in MODES {
            let before = answer(&world.request, &world.source, mode);
            let used: BTreeSet<String> = before.packages.iter().map(ToString::to_string).collect();
            for part in 0..2 {
                let unused = world
                    .releases
                    .iter()
                    .enumerate()
                    .filter_map(|(number, (line, _))| {
                        let mut words = line.split(' ');
                        let pin = format!("{}=={}", words.next()?, words.next()?);
                        (number % 2 == part && !used.contains(&pin)).then_some(pin)
                    });
                let fewer = without(&world, &unused.collect());
                // what was an answer is one still, so there is one
                checker::check("before", &world.request, &before, &fewer);
                let after = answer(&world.request, &fewer, mode);
                checker::check("after", &world.request, &after, &fewer);
            }
        }
    }
}

#[test]
fn the_order_of_requirements_does_not_matter() {
    for seed in 0..4 {
        let world = GeneratedWorld::new(seed, 40);
        for mode in MODES {
            let expected = answer(&world.request, &world.source, mode).packages;
            let mut request = world.request.clone();
            request.roots.reverse();
            let reversed = answer(&request, &world.source, mode).packages;
            assert_eq!(reversed, expected, "seed {seed}, {mode:?}");
            let middle = request.roots.len() / 2;
            request.roots.rotate_left(middle);
            let rotated = answer(&request, &world.source, mode).packages;
            assert_eq!(rotated, expected, "seed {seed}, {mode:?}");
        }
    }
}

/// Answers come in another order with every run, and what is looked at ahead with them.
#[test]
fn the_order_of_answers_does_not_matter() {
    let requirements = "pandas\nscikit-learn\ntqdm>=4\nsix\n";
    let place = || Case::of_files(&[("requirements.in", requirements)]).place();
    let run = |index: &str| {
        let step = Step::of(
            "lock {target} -o out --format json --as-of 2026-11-01",
            index,
        );
        let place = place();
        let output = place.command(&step).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let written = place.snapshot();
        let shown = place.shown(&String::from_utf8_lossy(&output.stdout));
        (
            shown.replace(index.trim_end_matches("/simple/"), "INDEX"),
            written.len(),
        )
    };
    let expected = run(&serve(Form::Json).url("/simple/"));
    std::thread::scope(|scope| {
        for seed in 1..=6_u64 {
            let expected = &expected;
            scope.spawn(move || {
                let server = serve_with(Form::Json, move |asked, answer| {
                    let dice = asked.path.bytes().fold(seed, |dice, byte| {
                        dice.wrapping_mul(6_364_136_223_846_793_005) ^ u64::from(byte)
                    });
                    std::thread::sleep(Duration::from_millis((dice >> 40) % 60));
                    answer
                });
                assert_eq!(run(&server.url("/simple/")), *expected, "seed {seed}");
            });
        }
    });
}
