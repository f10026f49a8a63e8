//! The coherent answer on generated worlds, against what does not share its search.

use std::collections::BTreeMap;

use pep508_rs::PackageName;

use crate::{
    GeneratedWorld, MemoryRelease, MemorySource, Options, Request, Resolution, ResolutionMode,
    ResolveError, Target, Timestamp, Version, VersionSpecifiers, parse_requirement, resolve,
};

fn answer(world: &GeneratedWorld) -> Result<Resolution, ResolveError> {
    answer_in(world, ResolutionMode::Coherent)
}

fn answer_in(world: &GeneratedWorld, mode: ResolutionMode) -> Result<Resolution, ResolveError> {
    let options = Options {
        mode,
        ..Options::default()
    };
    let target = Target::linux_x86_64((3, 12));
    resolve(&world.request, &target, &world.source, &options)
}

fn pins(resolution: &Resolution) -> BTreeMap<String, Version> {
    let packages = resolution.packages.iter();
    packages
        .map(|package| (package.name.to_string(), package.version.clone()))
        .collect()
}

/// Name and specifiers of a generated requirement.
fn split(line: &str) -> (&str, VersionSpecifiers) {
    let end = line.find(['=', '>', '<']).unwrap_or(line.len());
    (&line[..end], line[end..].parse().unwrap())
}

/// Whether pins satisfy the roots and every requirement of what is pinned.
fn holds(world: &GeneratedWorld, pins: &BTreeMap<String, Version>) -> bool {
    let fits = |line: &String| {
        let (name, specifiers) = split(line);
        pins.get(name).is_some_and(|pin| specifiers.contains(pin))
    };
    let roots = world.request.roots.iter();
    roots
        .clone()
        .all(|root| pins.contains_key(root.name.as_ref()))
        && world.releases.iter().all(|(release, requires)| {
            let mut words = release.split(' ');
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            let pinned = pins.get(name).is_some_and(|pin| pin.to_string() == version);
            !pinned || requires.iter().all(fits)
        })
}

fn worlds() -> impl Iterator<Item = GeneratedWorld> {
    (0..8).map(|seed| GeneratedWorld::new(seed, 8 + 3 * usize::try_from(seed).unwrap()))
}

#[test]
fn there_is_an_answer_when_pubgrub_has_one() {
    let (mut solved, mut total) = (0, 0);
    for world in worlds() {
        total += 1;
        let coherent = answer(&world);
        assert_eq!(
            coherent.is_ok(),
            answer_in(&world, ResolutionMode::Newest).is_ok()
        );
        if let Ok(resolution) = coherent {
            solved += 1;
            assert!(holds(&world, &pins(&resolution)));
        }
    }
    assert!(
        solved > total / 2,
        "{solved} of {total} worlds tell anything"
    );
}

#[test]
fn the_order_of_requirements_does_not_matter() {
    for mode in [ResolutionMode::Coherent, ResolutionMode::Newest] {
        for mut world in worlds() {
            let Ok(first) = answer_in(&world, mode) else {
                continue;
            };
            for turn in 0..world.request.roots.len() {
                world.request.roots.rotate_left(1);
                if turn == 0 {
                    world.request.roots.reverse();
                }
                assert_eq!(pins(&first), pins(&answer_in(&world, mode).unwrap()));
            }
        }
    }
}

/// The world without releases that the answer does without: the answer that was is still there, so the new one
/// holds and its roots are no older. The newest releases stay, for lag is counted from them.
#[test]
fn unused_releases_can_go() {
    for (seed, world) in worlds().enumerate() {
        let Ok(before) = answer(&world) else { continue };
        let used = pins(&before);
        let newest: BTreeMap<&str, &str> = world
            .releases
            .iter()
            .filter_map(|(release, _)| release.split_once(' '))
            .collect();
        let mut source = MemorySource::default();
        for (number, (release, requires)) in world.releases.iter().enumerate() {
            let (name, rest) = release.split_once(' ').unwrap();
            let (version, day) = rest.split_once(' ').unwrap();
            let pinned = used.get(name).is_some_and(|pin| pin.to_string() == version);
            if pinned || newest[name] == rest || (number + seed) % 3 > 0 {
                let lines: Vec<&str> = requires.iter().map(String::as_str).collect();
                let days: i64 = day.parse().unwrap();
                let uploaded = Timestamp::from_second(days * 86_400).unwrap().to_string();
                let release = MemoryRelease {
                    requires: &lines,
                    uploaded: Some(&uploaded),
                    ..MemoryRelease::default()
                };
                source.add_release(name, version, &release);
            }
        }
        let thinner = GeneratedWorld { source, ..world };
        let after = answer(&thinner).unwrap();
        assert!(holds(&thinner, &pins(&after)));
        let roots = |answer: &Resolution| {
            let lag = &answer.lag;
            (lag.root_max_days.div_ceil(90), lag.root_sum_days)
        };
        assert!(roots(&after) <= roots(&before), "world {seed}");
    }
}

/// Whether the roots can be at least these versions, by PubGrub.
fn is_possible(world: &GeneratedWorld, least: &BTreeMap<PackageName, Version>) -> bool {
    let mut world = world.clone();
    let least = least.iter().map(|(name, version)| {
        parse_requirement(&format!("{name}>={version}"))
            .unwrap()
            .requirement
    });
    world.request.constraints.extend(least);
    answer_in(&world, ResolutionMode::Newest).is_ok()
}

/// Every combination of root versions with a smaller sum of lags within the same window is tried.
#[test]
fn no_sum_of_root_lags_is_smaller() {
    let mut compared = 0;
    for seed in 0..12 {
        let world = GeneratedWorld::new(1_000 + seed, 12);
        let Ok(found) = answer(&world) else { continue };
        if found.lag.root_sum_days == 0 {
            continue;
        }
        compared += 1;
        let ladders: Vec<Vec<(PackageName, Version, u32)>> = world
            .request
            .roots
            .iter()
            .map(|root| ladder(&world, &root.name))
            .collect();
        let mut combinations: Vec<Vec<&(PackageName, Version, u32)>> = vec![Vec::new()];
        for ladder in &ladders {
            combinations = combinations
                .iter()
                .flat_map(|head| {
                    ladder
                        .iter()
                        .map(|rung| [head.clone(), vec![rung]].concat())
                })
                .filter(|rungs| {
                    rungs.iter().map(|rung| rung.2).sum::<u32>() < found.lag.root_sum_days
                })
                .collect();
        }
        let window = found.lag.root_max_days.div_ceil(90) * 90;
        for rungs in combinations {
            if rungs.iter().all(|rung| rung.2 <= window) {
                let least = rungs
                    .iter()
                    .map(|(n, v, _)| (n.clone(), v.clone()))
                    .collect();
                assert!(
                    !is_possible(&world, &least),
                    "world {seed}: {least:?} is possible"
                );
            }
        }
    }
    assert!(compared > 3, "only {compared} worlds tell anything");
}

/// The lags that a project can have, each with the lowest version that has it.
fn ladder(world: &GeneratedWorld, name: &PackageName) -> Vec<(PackageName, Version, u32)> {
    let mut releases: Vec<(Version, u32)> = world
        .releases
        .iter()
        .filter_map(|(release, _)| {
            let words: Vec<&str> = release.split(' ').collect();
            (words[0] == name.as_ref())
                .then(|| (words[1].parse().unwrap(), words[2].parse().unwrap()))
        })
        .collect();
    releases.sort();
    let newest = releases.last().unwrap().1;
    let mut rungs = BTreeMap::new();
    for (index, (version, _)) in releases.iter().enumerate() {
        let effective = releases[index..].iter().map(|(_, day)| day).min().unwrap();
        rungs
            .entry(newest - effective)
            .or_insert_with(|| version.clone());
    }
    rungs
        .into_iter()
        .map(|(lag, version)| (name.clone(), version, lag))
        .collect()
}

/// Pins that contradict each other in each of hundreds of releases.
#[test]
fn a_hopeless_set_ends_soon() {
    let mut source = MemorySource::default();
    for number in 0..100 {
        let pin = |offset: u32| format!("shared=={}", (number * 2 + offset) % 200);
        source.add("left", &number.to_string(), &[&pin(0)]);
        source.add("right", &number.to_string(), &[&pin(1)]);
    }
    for number in 0..200 {
        source.add("shared", &number.to_string(), &[]);
    }
    let roots = ["left", "right"];
    let request = Request {
        roots: roots
            .map(|name| parse_requirement(name).unwrap().requirement)
            .to_vec(),
        ..Request::default()
    };
    let target = Target::linux_x86_64((3, 12));
    let failure = resolve(&request, &target, &source, &Options::default()).unwrap_err();
    assert!(failure.to_string().contains("left"), "{failure}");
}
