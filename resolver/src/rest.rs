//! Level 3 of the objective: the packages that nobody asked for directly.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::PackageName;

use crate::SourceError;
use crate::coherent::{Answer, Bounds, STEP_DAYS};
use crate::engine::Run;
use crate::resolve::Chosen;
use crate::search::{Floors, Search};
use crate::world::{Facts, Known};

/// Runs that may be spent on lowering the sum of lags.
const BUDGET: u32 = 300;

/// Releases whose metadata one of these runs may read. Packages that nobody asked for are not worth
/// a walk down hundreds of releases, as of a pair that pins each other (boto3 and botocore).
const READS_OF_ONE: usize = 40;

/// Rounds over all packages: each can free others.
const ROUNDS: u32 = 3;

/// Lowers first the largest lag, then the sum of lags of the other packages, with those of the
/// roots held.
pub(crate) fn least_rest(
    search: &mut Search<'_, '_>,
    roots: &[PackageName],
    answer: &mut Answer,
) -> Result<(), SourceError> {
    let lag = |root: &PackageName| (root.clone(), Some(search.lag(&answer.chosen, root)));
    let held: Bounds = roots.iter().map(lag).collect();
    // all of them together as many as the answer has packages
    let known = search.world.facts_known();
    let reads = (READS_OF_ONE, known + answer.chosen.versions.len());
    let window = least_largest(search, &held, reads, answer)?;
    let end = search.solves + BUDGET;
    for _ in 0..ROUNDS {
        if !lower_sum(search, &held, window, (end, reads), answer)? {
            break;
        }
    }
    Ok(())
}

/// The smallest window for all other packages, in days; the answer is moved into it.
fn least_largest(
    search: &mut Search<'_, '_>,
    held: &Bounds,
    reads: (usize, usize),
    answer: &mut Answer,
) -> Result<u32, SourceError> {
    let mut steps = Measure::of(search, held, &answer.chosen).steps;
    let mut too_small = None;
    while too_small.map_or(0, |low: u32| low + 1) < steps {
        let middle = too_small.map_or(0, |low: u32| low.midpoint(steps));
        let floors = rest_floors(search, held, middle * STEP_DAYS, &answer.chosen);
        match search.within_reads(&floors, Some(&answer.chosen), reads)? {
            Run::Solved(chosen) => {
                let better = Measure::of(search, held, &chosen);
                // a package that is fixed by a root now need not be so in the new answer
                if better.steps >= steps {
                    too_small = Some(middle);
                    continue;
                }
                steps = better.steps;
                answer.chosen = chosen;
            }
            Run::Failed(_) | Run::TooLong => too_small = Some(middle),
        }
    }
    Ok(steps * STEP_DAYS)
}

/// Floors for every package but those that the roots fix.
fn rest_floors(search: &Search<'_, '_>, held: &Bounds, window: u32, chosen: &Chosen) -> Floors {
    let mut own: Bounds = fixed_by(search, held, chosen)
        .into_iter()
        .map(|name| (name, None))
        .collect();
    own.extend(held.clone());
    Floors {
        rest: Some(window),
        own,
    }
}

/// Tries a smaller lag for each package in turn, the furthest behind first; whether any helped.
fn lower_sum(
    search: &mut Search<'_, '_>,
    held: &Bounds,
    window: u32,
    (end, reads): (u32, (usize, usize)),
    answer: &mut Answer,
) -> Result<bool, SourceError> {
    let mut improved = false;
    for name in furthest_behind(search, held, &answer.chosen) {
        let mut aims = search.smaller_lags(&name, search.lag(&answer.chosen, &name));
        // the whole way first, then half the way, until nothing is left to gain
        while !aims.is_empty() && search.solves < end {
            let mut floors = rest_floors(search, held, window, &answer.chosen);
            floors.own.insert(name.clone(), Some(aims[0]));
            let run = search.within_reads(&floors, Some(&answer.chosen), reads)?;
            if let Run::Solved(chosen) = run
                && Measure::of(search, held, &chosen) < Measure::of(search, held, &answer.chosen)
            {
                answer.chosen = chosen;
                improved = true;
                break;
            }
            let half = aims.len().div_ceil(2);
            aims.drain(..half);
        }
    }
    Ok(improved && search.solves < end)
}

/// What is compared: the largest lag in steps, the sum of lags in days, the number of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Measure {
    steps: u32,
    sum: u64,
    packages: usize,
}

impl Measure {
    fn of(search: &Search<'_, '_>, held: &Bounds, chosen: &Chosen) -> Self {
        let lags = rest_lags(search, held, chosen);
        Self {
            steps: lags.values().max().map_or(0, |lag| lag.div_ceil(STEP_DAYS)),
            sum: lags.values().map(|lag| u64::from(*lag)).sum(),
            packages: chosen.versions.len(),
        }
    }
}

/// The lags that count: those of roots and of what roots fix do not.
fn rest_lags(
    search: &Search<'_, '_>,
    held: &Bounds,
    chosen: &Chosen,
) -> BTreeMap<PackageName, u32> {
    let fixed = fixed_by(search, held, chosen);
    let names = chosen.versions.keys();
    let rest = names.filter(|name| !held.contains_key(name) && !fixed.contains(*name));
    rest.map(|name| (name.clone(), search.lag(chosen, name)))
        .collect()
}

fn furthest_behind(search: &Search<'_, '_>, held: &Bounds, chosen: &Chosen) -> Vec<PackageName> {
    let lags = rest_lags(search, held, chosen).into_iter();
    let mut behind: Vec<_> = lags.filter(|(_, lag)| *lag > 0).collect();
    behind.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    behind.into_iter().map(|(name, _)| name).collect()
}

/// Projects of which a root requires exactly the release that was chosen, such as torch's
/// `nvidia-*`: their lag is the root's doing.
fn fixed_by(search: &Search<'_, '_>, held: &Bounds, chosen: &Chosen) -> BTreeSet<PackageName> {
    let world = search.world;
    let mut fixed = BTreeSet::new();
    for root in held.keys() {
        let Some(version) = chosen.versions.get(root) else {
            continue;
        };
        let Some(Facts::Found(metadata)) = world.known_facts(root, version) else {
            continue;
        };
        for edge in world.edges_of(&metadata, None) {
            let Some(Known::Found(candidates)) = world.known_project(edge.name()) else {
                continue;
            };
            let eligible = candidates.eligible.iter();
            let fitting = eligible.filter(|candidate| edge.ranges.contains(&candidate.version));
            if fitting.take(2).count() == 1 {
                fixed.insert(edge.name().clone());
            }
        }
    }
    fixed
}
