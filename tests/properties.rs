//! The order in which an index answers decides nothing; what holds of the resolver alone is tested beside it.

use std::time::Duration;

use crate::support::case::{Case, Step};
use crate::support::index::{Form, serve, serve_with};

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
