//! One answer a target, with equal versions wherever that costs little.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;
use pep508_rs::PackageName;

use crate::keep::{Versions, same_release};
use crate::resolve::Solver;
use crate::world::Known;
use crate::{
    Options, PackageSource, Request, Resolution, ResolutionMode, ResolveError, SourceError, Target,
};

/// How much lag a package may gain by having the version that another target has, in days.
const EQUAL_VERSIONS_MAY_COST_DAYS: u32 = 30;

/// A target with what is asked for on it; the requests of one lock differ in their preferences.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is solved for.
    pub target: Target,
    /// What is asked for.
    pub request: Request,
}

/// Resolves for several targets, each exactly, with equal versions where they cost at most 30
/// days of lag.
///
/// Each target is solved for itself first. Then it takes the versions that the targets before it
/// have, as far as they hold together and no direct requirement gets more than 30 days older by it; in the end
/// every target is tried once more against all others. The answers come in the order of the
/// targets; one without an answer does not keep the others from theirs.
///
/// ```
/// use pinsmith_resolver::*;
///
/// let mut source = MemorySource::default();
/// source.add_release("six", "1.17.0", &MemoryRelease::default());
/// let request = Request { roots: vec!["six".parse()?], ..Request::default() };
/// let asked = [(3, 11), (3, 12)].map(|python| Asked {
///     target: Target::linux_x86_64(python),
///     request: request.clone(),
/// });
/// let answers = resolve_all(&asked, &source, &Options::default());
/// assert!(answers.iter().all(|answer| answer.as_ref().unwrap().packages.len() == 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn resolve_all(
    asked: &[Asked],
    source: &dyn PackageSource,
    options: &Options,
) -> Vec<Result<Resolution, ResolveError>> {
    let mut places: Vec<Place<'_>> = asked
        .iter()
        .map(|asked| {
            let solver = Solver::new(&asked.request, &asked.target, source, options);
            let own = solver.solve(&Versions::new());
            let answer = own.clone();
            Place {
                solver,
                own,
                answer,
            }
        })
        .collect();
    if options.mode == ResolutionMode::Coherent || options.mode == ResolutionMode::Newest {
        for index in 1..places.len() {
            join(&mut places, index, index);
        }
        for index in 0..places.len().saturating_sub(1) {
            let everything = places.len();
            join(&mut places, index, everything);
        }
    }
    explain_differences(&mut places);
    places.into_iter().map(|place| place.answer).collect()
}

/// Says of every target that has an older version than another one why that is so.
fn explain_differences(places: &mut [Place<'_>]) {
    let mut newest = Versions::new();
    for package in places
        .iter()
        .filter_map(|place| place.answer.as_ref().ok())
        .flat_map(|answer| &answer.packages)
    {
        let known = newest
            .entry(package.name.clone())
            .or_insert_with(|| package.version.clone());
        if package.version > *known {
            known.clone_from(&package.version);
        }
    }
    for place in places {
        if let Ok(answer) = &mut place.answer {
            let differs = place.solver.differs(answer, &newest);
            // the reasons are for people; without them the answer is as good
            answer.differs = differs.unwrap_or_default();
        }
    }
}

/// One target while the answers are joined.
struct Place<'a> {
    solver: Solver<'a>,
    /// The best answer of the target alone.
    own: Result<Resolution, ResolveError>,
    answer: Result<Resolution, ResolveError>,
}

/// Gives a target the versions of the first `others` targets, where the price is right and the
/// targets then differ in fewer packages.
fn join(places: &mut [Place<'_>], index: usize, others: usize) {
    let theirs: Vec<&Resolution> = (0..others)
        .filter(|other| *other != index)
        .filter_map(|other| places[other].answer.as_ref().ok())
        .collect();
    if let Some(joined) = joined(&places[index], &theirs) {
        places[index].answer = Ok(joined);
    }
}

fn joined(place: &Place<'_>, theirs: &[&Resolution]) -> Option<Resolution> {
    let own = place.own.as_ref().ok()?;
    let answer = place.answer.as_ref().ok()?;
    let wanted = wanted(&place.solver, own, theirs);
    let equal = |name: &PackageName, version: &Version| {
        let package = answer.package(name);
        package.is_none_or(|package| same_release(&package.version, version))
    };
    if wanted.iter().all(|(name, version)| equal(name, version)) {
        return None;
    }
    let mut fewer = wanted.clone();
    fewer.retain(|name, version| {
        equal(name, version) || own.package(name).is_some_and(|package| package.root)
    });
    let before = distance(answer, theirs);
    [wanted, fewer].iter().find_map(|wanted| {
        let joined = place.solver.solve(wanted).ok()?;
        (affordable(own, &joined) && distance(&joined, theirs) < before).then_some(joined)
    })
}

/// How often an answer has another version of a package than one of the others.
fn distance(answer: &Resolution, others: &[&Resolution]) -> usize {
    let differs = |other: &&Resolution| {
        let packages = answer.packages.iter();
        let found = packages.filter(|package| {
            let same = other.package(&package.name);
            same.is_some_and(|same| !same_release(&same.version, &package.version))
        });
        found.count()
    };
    others.iter().map(differs).sum()
}

/// The version that most of the others have, of those that cost little here.
fn wanted(solver: &Solver<'_>, own: &Resolution, theirs: &[&Resolution]) -> Versions {
    let mut wanted = Versions::new();
    let names: BTreeSet<&PackageName> = theirs
        .iter()
        .flat_map(|other| other.packages.iter().map(|package| &package.name))
        .collect();
    for name in names {
        // builds of one release are one version here
        let mut counts = BTreeMap::<Version, usize>::new();
        for package in theirs.iter().filter_map(|other| other.package(name)) {
            let public = package.version.clone().without_local();
            *counts.entry(public).or_default() += 1;
        }
        let mut versions: Vec<(usize, Version)> = counts
            .into_iter()
            .map(|(version, count)| (count, version))
            .collect();
        versions.sort();
        let cheap = |version: &Version| cheap(solver, own, name, version).unwrap_or(false);
        let found = versions
            .into_iter()
            .rev()
            .find(|(_, version)| cheap(version));
        wanted.extend(found.map(|(_, version)| (name.clone(), version)));
    }
    wanted
}

/// Whether a version can be taken on this target without falling far behind its own answer.
fn cheap(
    solver: &Solver<'_>,
    own: &Resolution,
    name: &PackageName,
    version: &Version,
) -> Result<bool, SourceError> {
    // what its own answer does not need may be needed by another one; then it is decided there
    let Some(package) = own.package(name) else {
        return Ok(true);
    };
    let Known::Found(candidates) = solver.world.whole_project(name)? else {
        return Ok(false);
    };
    let candidate = candidates
        .same_release(version)
        .filter(|found| solver.world.admits(name, found));
    Ok(candidate.is_some_and(|candidate| within_price(package.lag_days, candidate.lag)))
}

fn within_price(own: Option<u32>, other: Option<u32>) -> bool {
    match (own, other) {
        (Some(own), Some(other)) => other <= own.saturating_add(EQUAL_VERSIONS_MAY_COST_DAYS),
        _ => true,
    }
}

/// Whether no direct requirement of the target's own answer has got much older; what these pin
/// exactly follows them.
fn affordable(own: &Resolution, joined: &Resolution) -> bool {
    let mut roots = joined.packages.iter().filter(|package| package.root);
    roots.all(|package| {
        own.package(&package.name)
            .is_none_or(|alone| within_price(alone.lag_days, package.lag_days))
    })
}
