//! Resolves recorded and made-up universes; see `benches/record.rs` and `benches/optimum.py`.
//!
//! ```text
//! usage: universe solve [--runs N] [--each] FILE...    what an answer costs, one line a universe; the least of N times
//!        universe pins FILE                            the universe with the pins and the rules of this build
//!        universe hard SHAPE SIZE                      how long a world that is hard to solve takes
//!        universe tight|usual SEED PROJECTS            writes a made-up universe with its pins
//! ```

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "that is what it does: measuring and printing"
)]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use pinsmith_resolver::{
    GeneratedWorld, HardShape, Options, PackageSource, Recorder, ReleasesAnswer, ResolveError,
    Target, Universe, pin_lines, remedies, resolve,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["tight", seed, projects] => {
            generated(&GeneratedWorld::new(seed.parse()?, projects.parse()?))
        }
        ["usual", seed, projects] => {
            generated(&GeneratedWorld::usual(seed.parse()?, projects.parse()?))
        }
        ["hard", shape, size] => hard(shape, size.parse()?),
        ["pins", file] => pins(file),
        ["solve", "--runs", runs, "--each", ref files @ ..] => solve(files, runs.parse()?, true),
        ["solve", "--runs", runs, ref files @ ..] => solve(files, runs.parse()?, false),
        ["solve", "--each", ref files @ ..] => solve(files, 1, true),
        ["solve", ref files @ ..] => solve(files, 5, false),
        _ => Err("usage: see the first lines of resolver/benches/universe.rs".into()),
    }
}

fn generated(world: &GeneratedWorld) -> Outcome<()> {
    let target = Target::linux_x86_64((3, 12));
    let recorder = Recorder::new(&world.source);
    for name in world.source.names() {
        if let ReleasesAnswer::Found(project) = recorder.releases(name)? {
            for release in project.releases() {
                recorder.read(name, &release.version, &target, &Options::default())?;
            }
        }
    }
    print!(
        "{}",
        recorder.text(&world.request, &target, &Options::default())
    );
    let answer = resolve(&world.request, &target, &world.source, &Options::default());
    print!("{}", answer.as_ref().map(pin_lines).unwrap_or_default());
    Ok(())
}

fn hard(shape: &str, size: usize) -> Outcome<()> {
    let known = HardShape::ALL.into_iter().find(|one| one.as_str() == shape);
    let world = GeneratedWorld::hard(known.ok_or("no such shape")?, size);
    let target = Target::linux_x86_64((3, 12));
    let recorder = Recorder::new(&world.source);
    let started = Instant::now();
    let answer = resolve(&world.request, &target, &recorder, &Options::default());
    let solved = started.elapsed();
    let what = match &answer {
        Ok(answer) => format!("{} packages", answer.packages.len()),
        Err(ResolveError::Unsatisfiable(proof)) => {
            format!("no answer, {} facts", proof.facts.len())
        }
        Err(other) => other.to_string(),
    };
    let mut tried = String::new();
    if let Err(ResolveError::Unsatisfiable(proof)) = &answer {
        let found = remedies(proof, &world.request, &world.source, &Options::default());
        tried = format!(
            "; {} remedies after {:.2} s",
            found.len(),
            started.elapsed().as_secs_f64()
        );
    }
    println!(
        "{shape:16} {size:6}: {what} after {:.2} s, {} read{tried}",
        solved.as_secs_f64(),
        recorder.releases_read()
    );
    if let Err(error) = &answer {
        let text = error.to_string();
        println!(
            "{}",
            text.lines()
                .take(12)
                .map(|line| &line[..line.len().min(200)])
                .collect::<Vec<_>>()
                .join("\n")
        );
    }
    Ok(())
}

fn open(file: &str) -> Outcome<Universe> {
    Ok(Universe::parse(&std::fs::read_to_string(file)?)?)
}

fn print_lines(needs: &[String]) {
    for need in needs {
        println!("needs {need}");
    }
}

fn pins(file: &str) -> Outcome<()> {
    let text = std::fs::read_to_string(file)?;
    let universe = Universe::parse(&text)?;
    let (mut project, mut needs) = (None, Vec::new());
    for line in text.lines() {
        let (kind, words) = line.split_once(' ').unwrap_or((line, ""));
        if matches!(kind, "pin" | "needs") {
            continue;
        }
        if kind != "requires" {
            print_lines(&std::mem::take(&mut needs));
        }
        match (kind, words.split_once(' '), &project) {
            ("project", ..) => project = Some(words.parse()?),
            ("release", Some((version, _)), Some(name)) => {
                needs = universe.needs(name, &version.parse()?);
            }
            _ => {}
        }
        println!("{line}");
    }
    print_lines(&needs);
    let Universe {
        request,
        target,
        source,
    } = &universe;
    let answer = resolve(request, target, source, &Options::default());
    print!("{}", answer.as_ref().map(pin_lines).unwrap_or_default());
    Ok(())
}

fn solve(files: &[&str], runs: usize, each: bool) -> Outcome<()> {
    println!(
        "{:28} {:>8} {:>8} {:>8} {:>8} {:>8} {:>6} {:>6} {:>9}",
        "universe", "packages", "rootmax", "rootsum", "allsum", "read", "ratio", "solves", "ms"
    );
    for file in files {
        let Universe {
            request,
            target,
            source,
        } = &open(file)?;
        let recorder = Recorder::new(source);
        let name = Path::new(file)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let answer = match resolve(request, target, &recorder, &Options::default()) {
            Ok(answer) => answer,
            Err(error) => {
                println!("{name:28} {error:.60}");
                continue;
            }
        };
        let mut times = Vec::new();
        for _ in 0..runs {
            let started = Instant::now();
            std::hint::black_box(resolve(request, target, source, &Options::default())).ok();
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        let (count, read) = (answer.packages.len(), recorder.releases_read());
        println!(
            "{name:28} {count:8} {:8} {:8} {:8} {read:8} {:6.2} {:6} {:9.1}",
            answer.lag.root_max_days,
            answer.lag.root_sum_days,
            answer.lag.all_sum_days,
            as_f64(read) / as_f64(count),
            answer.solves,
            times.first().copied().unwrap_or(0.0),
        );
        if each {
            for package in answer
                .packages
                .iter()
                .filter(|package| package.lag_days != Some(0))
            {
                let root = if package.root { "root" } else { "" };
                println!(
                    "    {} {} {:?} {root}",
                    package.name, package.version, package.lag_days
                );
            }
        }
    }
    Ok(())
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::NAN, f64::from)
}
