//! What is said to hold a pin back does: on generated worlds, without it the newest release fits.

use pinsmith_resolver::{
    HeldBackBy, MemoryRelease, MemorySource, Options, PackageName, Request, Resolution,
    ResolutionMode, ResolvedPackage, Target, parse_requirement, resolve,
};

use crate::{checker, proof};

/// Projects `p0`, `p1`, ... with releases 1, 2, ... and their requirements.
struct World {
    projects: Vec<Vec<Vec<Line>>>,
    roots: Vec<Line>,
}

/// A requirement on a project; its text is a specifier.
#[derive(Clone)]
struct Line {
    on: usize,
    specifier: String,
}

impl Line {
    fn text(&self) -> String {
        format!("p{}{}", self.on, self.specifier)
    }
}

/// Numbers that are the same on every machine (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

impl World {
    fn generate(seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let count = 4 + numbers.below(6);
        let line = |numbers: &mut Numbers, on: usize| {
            let bound = 1 + numbers.below(5);
            let specifier = match numbers.below(5) {
                0 => String::new(),
                1 => format!(">={bound}"),
                2 => format!("<{}", bound + 1),
                3 => format!("=={bound}"),
                _ => format!("!={bound}"),
            };
            Line { on, specifier }
        };
        let mut projects = Vec::new();
        for _ in 0..count {
            let mut releases = Vec::new();
            for _ in 0..=numbers.below(5) {
                let some = numbers.below(3);
                let requires = (0..some).map(|_| {
                    let on = numbers.below(count);
                    line(&mut numbers, on)
                });
                releases.push(requires.collect());
            }
            projects.push(releases);
        }
        let roots = (0..=numbers.below(3)).map(|_| {
            let on = numbers.below(count);
            line(&mut numbers, on)
        });
        let roots = roots.collect();
        Self { projects, roots }
    }

    fn source(&self) -> MemorySource {
        let mut source = MemorySource::default();
        for (project, releases) in self.projects.iter().enumerate() {
            for (release, lines) in releases.iter().enumerate() {
                let texts: Vec<String> = lines
                    .iter()
                    // a release that requires itself otherwise can never be installed
                    .filter(|line| line.on != project)
                    .map(Line::text)
                    .collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let month = (release * 5 + project) % 60;
                let day = format!("{}-{:02}-01T00:00:00Z", 2021 + month / 12, 1 + month % 12);
                source.add_release(
                    &format!("p{project}"),
                    &(release + 1).to_string(),
                    &MemoryRelease {
                        requires: &texts,
                        uploaded: Some(&day),
                        ..MemoryRelease::default()
                    },
                );
            }
        }
        source
    }

    fn request(&self) -> Request {
        let roots = self.roots.iter();
        Request {
            roots: roots
                .map(|line| parse_requirement(&line.text()).unwrap().requirement)
                .collect(),
            ..Request::default()
        }
    }

    /// The world without the requirements that are said to hold a pin back.
    fn without(&self, held: &ResolvedPackage) -> Self {
        let index = |name: &PackageName| name.to_string()[1..].parse::<usize>().unwrap();
        let own = index(&held.name);
        let newest = held.newest.as_ref().unwrap().release()[0];
        let mut projects = self.projects.clone();
        let mut roots = self.roots.clone();
        for holder in &held.held_back_by {
            match holder {
                HeldBackBy::User { .. } => {
                    for root in roots.iter_mut().filter(|root| root.on == own) {
                        root.specifier.clear();
                    }
                }
                HeldBackBy::Requirement {
                    package, version, ..
                } => {
                    let release = usize::try_from(version.release()[0]).unwrap() - 1;
                    projects[index(package)][release].retain(|line| line.on != own);
                }
                HeldBackBy::OwnRequirement { requires, .. } => {
                    let release = usize::try_from(newest).unwrap() - 1;
                    let named = requires.trim_start_matches('p');
                    let digits = named
                        .find(|c: char| !c.is_ascii_digit())
                        .unwrap_or(named.len());
                    let on: usize = named[..digits].parse().unwrap();
                    projects[own][release].retain(|line| line.on != on);
                }
                HeldBackBy::Unusable { .. } | HeldBackBy::Lock | HeldBackBy::OtherTargets => {}
            }
        }
        Self { projects, roots }
    }
}

/// Whether the newest release fits beside what the user asks for, whatever the other pins are.
fn can_be_had(world: &World, held: &ResolvedPackage) -> bool {
    let nothing = Resolution {
        target: Target::linux_x86_64((3, 11)),
        packages: Vec::new(),
        lag: pinsmith_resolver::LagSummary::default(),
        relaxed: Vec::new(),
        solves: 0,
        not_kept: Vec::new(),
        differs: Vec::new(),
    };
    newest_fits(world, held, &nothing)
}

/// Whether the newest release requires a package that has no pin yet.
fn brings_packages(world: &World, held: &ResolvedPackage, answer: &Resolution) -> bool {
    let newest = usize::try_from(held.newest.as_ref().unwrap().release()[0]).unwrap();
    let own: usize = held.name.to_string()[1..].parse().unwrap();
    let mut lines = world.projects[own][newest - 1].iter();
    lines.any(|line| {
        let name = format!("p{}", line.on);
        !answer
            .packages
            .iter()
            .any(|pin| pin.name.to_string() == name)
    })
}

/// Whether the newest release fits beside the other pins.
fn newest_fits(world: &World, held: &ResolvedPackage, answer: &Resolution) -> bool {
    let mut request = world.request();
    let exactly = |name: &PackageName, version: &pinsmith_resolver::Version| {
        let text = format!("{name}=={version}");
        parse_requirement(&text).unwrap().requirement
    };
    let newest = held.newest.as_ref().unwrap();
    request.roots.push(exactly(&held.name, newest));
    for pin in answer.packages.iter().filter(|pin| pin.name != held.name) {
        request.constraints.push(exactly(&pin.name, &pin.version));
    }
    let options = Options {
        mode: ResolutionMode::Newest,
        ..Options::default()
    };
    let target = Target::linux_x86_64((3, 11));
    resolve(&request, &target, &world.source(), &options).is_ok()
}

#[test]
fn what_holds_a_pin_back_is_named_and_true() {
    let target = Target::linux_x86_64((3, 11));
    let (mut answers, mut refusals, mut held_back, mut unexplained) = (0, 0, 0, 0);
    for seed in 0..500 {
        let world = World::generate(seed);
        let (request, source) = (world.request(), world.source());
        let name = format!("world {seed}");
        let answer = match resolve(&request, &target, &source, &Options::default()) {
            Ok(answer) => answer,
            Err(pinsmith_resolver::ResolveError::Unsatisfiable(found)) => {
                proof::check(&name, &found, &request, &source);
                refusals += 1;
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        checker::check(&name, &request, &answer, &source);
        answers += 1;
        for pin in answer.packages.iter().filter(|pin| pin.newest.is_some()) {
            let holders = &pin.held_back_by;
            assert!(!holders.is_empty(), "{name}: nothing holds {pin} back");
            let reason = holders.iter().find_map(|one| match one {
                HeldBackBy::Unusable { reason } => Some(reason),
                _ => None,
            });
            if let Some(reason) = reason {
                if reason.contains("would fit too") {
                    assert!(newest_fits(&world, pin, &answer), "{name}: {pin}: {reason}");
                    unexplained += 1;
                } else {
                    assert!(!can_be_had(&world, pin), "{name}: {pin}: {reason}");
                }
                continue;
            }
            held_back += 1;
            assert!(
                !newest_fits(&world, pin, &answer),
                "{name}: {pin} is not held back by {holders:?}"
            );
            assert!(
                newest_fits(&world.without(pin), pin, &answer)
                    || brings_packages(&world.without(pin), pin, &answer),
                "{name}: {pin} is also held back by something else than {holders:?}"
            );
        }
    }
    assert!(answers > 100 && refusals > 30 && held_back > 100);
    assert!(
        unexplained * 10 < held_back,
        "{unexplained} pins without a holder beside {held_back} with one"
    );
}
