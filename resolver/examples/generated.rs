//! Prints a generated world and pinsmith's answer to it, for `benches/optimum.py`.
//!
//! usage: generated SEED PROJECTS

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "that is what it does"
)]

use std::process::ExitCode;

use pinsmith_resolver::{GeneratedWorld, Options, Target, resolve};

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let [seed, projects] = numbers[..] else {
        eprintln!("usage: generated SEED PROJECTS");
        return ExitCode::from(2);
    };
    let world = GeneratedWorld::new(seed, usize::try_from(projects).unwrap_or(usize::MAX));
    let target = Target::linux_x86_64((3, 12));
    for root in &world.request.roots {
        println!("root {}", root.name);
    }
    for (release, requires) in &world.releases {
        println!("release {release} {}", requires.join(" "));
    }
    if let Ok(resolution) = resolve(&world.request, &target, &world.source, &Options::default()) {
        for package in &resolution.packages {
            println!("pin {} {}", package.name, package.version);
        }
    }
    ExitCode::SUCCESS
}
