//! What an answer costs when everything that it needs is in memory.
//!
//! `cargo bench -p pinsmith-resolver` measures made-up worlds of 50 to 800 projects and the universes that
//! `PINSMITH_UNIVERSES` names (a folder of files that `benches/record.rs` wrote).

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark is told by its environment what to measure"
)]

use divan::{Bencher, black_box};
use pinsmith_resolver::{GeneratedWorld, Options, Target, Universe, resolve};

fn main() {
    divan::main();
}

/// Worlds whose projects require each other as those of a real index do.
#[divan::bench(args = [50, 100, 200, 400, 800])]
fn usual_world(bencher: Bencher<'_, '_>, projects: usize) {
    let world = GeneratedWorld::usual(1, projects);
    bench(
        bencher,
        &Universe {
            request: world.request,
            target: Target::linux_x86_64((3, 12)),
            source: world.source,
        },
    );
}

/// Worlds full of exact pins, where most of the newest releases do not fit together.
#[divan::bench(args = [50, 100, 200], sample_count = 3)]
fn tight_world(bencher: Bencher<'_, '_>, projects: usize) {
    let world = GeneratedWorld::new(1, projects);
    bench(
        bencher,
        &Universe {
            request: world.request,
            target: Target::linux_x86_64((3, 12)),
            source: world.source,
        },
    );
}

#[divan::bench(args = recorded())]
fn recorded_universe(bencher: Bencher<'_, '_>, path: &str) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    if let Ok(universe) = Universe::parse(&text) {
        bench(bencher, &universe);
    }
}

fn recorded() -> Vec<String> {
    let folder = std::env::var("PINSMITH_UNIVERSES").ok();
    let entries = folder.and_then(|folder| std::fs::read_dir(folder).ok());
    let paths = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut paths: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .map(|path| path.display().to_string())
        .collect();
    paths.sort();
    paths
}

fn bench(bencher: Bencher<'_, '_>, universe: &Universe) {
    let Universe {
        request,
        target,
        source,
    } = universe;
    // pages are made on the first look
    let answer = || resolve(request, target, source, &Options::default());
    assert!(answer().is_ok(), "it has an answer");
    bencher.bench_local(|| black_box(answer()));
}
