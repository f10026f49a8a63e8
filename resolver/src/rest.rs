//! Level 3 of the objective: the packages that nobody asked for directly.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;
use pep508_rs::PackageName;

use crate::SourceError;
use crate::chosen::Chosen;
use crate::coherent::{Answer, Bounds, STEP_DAYS};
use crate::engine::Run;
use crate::search::{Floors, Search};
use crate::world::{Facts, Known};

/// Runs that may be spent on lowering the sum of lags.
const BUDGET: u32 = 300;

/// Releases whose metadata one of these runs may read at least. Packages that nobody asked for are not worth
/// a walk down hundreds of releases, as of a pair that pins each other (boto3 and botocore).
const READS_OF_ONE: usize = 40;

/// Where the roots alone needed many reads, one of these runs may read this part of them.
const PART_OF_ONE: usize = 10;

/// The same for all of these runs together.
const PART_OF_ALL: usize = 2;

/// Where the roots took so many reads for each package of the answer, the runs for the largest lag are bounded by what all runs
/// may read alone: they are few, and each of them spares the others a whole step.
const TANGLED: usize = 5;

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
    let known = search.world.facts_known();
    let mut rest = Rest {
        held: roots.iter().map(lag).collect(),
        reads: reads(known, answer.chosen.versions.len()),
        is_tangled: known > TANGLED * answer.chosen.versions.len(),
        fixed: None,
    };
    let window = rest.least_largest(search, answer)?;
    let end = search.solves + BUDGET;
    for _ in 0..ROUNDS {
        if !rest.lower_sum(search, window, end, answer)? {
            break;
        }
    }
    Ok(())
}

/// How many more releases one run may read, and how many may be known at the end: of all runs together as many more as
/// the answer has packages. Where versions fit together so badly that the roots alone took a walk through many releases, the
/// rest is as tangled, and the same bounds would stop at once.
fn reads(known: usize, packages: usize) -> (usize, usize) {
    let one = READS_OF_ONE.max(known / PART_OF_ONE);
    (one, known + packages.max(known / PART_OF_ALL))
}

/// Lags by project.
type Lags = BTreeMap<PackageName, u32>;

struct Rest {
    /// The lags of the roots.
    held: Bounds,
    reads: (usize, usize),
    is_tangled: bool,
    /// What the roots fix, with the versions of the roots.
    fixed: Option<(Vec<Option<Version>>, BTreeSet<PackageName>)>,
}

impl Rest {
    /// The smallest window for all other packages, in days; the answer is moved into it.
    fn least_largest(
        &mut self,
        search: &mut Search<'_, '_>,
        answer: &mut Answer,
    ) -> Result<u32, SourceError> {
        let mut steps = self.measure(search, &answer.chosen).steps;
        let mut too_small = None;
        while too_small.map_or(0, |low: u32| low + 1) < steps {
            let middle = too_small.map_or(0, |low: u32| low.midpoint(steps));
            let floors = self.floors(search, middle * STEP_DAYS, &answer.chosen);
            let own = Bounds::new();
            let near = Some(&answer.chosen);
            let run = if self.is_tangled {
                search.within_all_reads(&floors, &own, near, self.reads.1)
            } else {
                search.within_reads(&floors, &own, near, self.reads)
            };
            match run? {
                Run::Solved(chosen) => {
                    let better = self.measure(search, &chosen);
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
    fn floors(&mut self, search: &Search<'_, '_>, window: u32, chosen: &Chosen) -> Floors {
        let fixed = self.fixed_by(search, chosen).iter();
        let mut own: Bounds = fixed.map(|name| (name.clone(), None)).collect();
        own.extend(self.held.clone());
        Floors {
            rest: Some(window),
            few: false,
            own,
        }
    }

    /// Tries a smaller lag for each package in turn, the furthest behind first; whether any helped.
    fn lower_sum(
        &mut self,
        search: &mut Search<'_, '_>,
        window: u32,
        end: u32,
        answer: &mut Answer,
    ) -> Result<bool, SourceError> {
        let mut improved = false;
        let mut best = self.measure(search, &answer.chosen);
        let mut floors = self.floors(search, window, &answer.chosen);
        for name in furthest_behind(self.lags(search, &answer.chosen)) {
            let lag = search.lag(&answer.chosen, &name);
            let mut aims = search.smaller_lags_within(&floors, &name, lag);
            // the whole way first, then half the way, until nothing is left to gain
            while !aims.is_empty() && search.solves < end {
                let own = Bounds::from([(name.clone(), Some(aims[0]))]);
                let run = search.within_reads(&floors, &own, Some(&answer.chosen), self.reads)?;
                if let Run::Solved(chosen) = run {
                    let found = self.measure(search, &chosen);
                    if found < best {
                        best = found;
                        floors = self.floors(search, window, &chosen);
                        answer.chosen = chosen;
                        improved = true;
                        break;
                    }
                }
                let half = aims.len().div_ceil(2);
                aims.drain(..half);
            }
        }
        Ok(improved && search.solves < end)
    }

    fn measure(&mut self, search: &Search<'_, '_>, chosen: &Chosen) -> Measure {
        let lags = self.lags(search, chosen);
        Measure {
            steps: lags.values().max().map_or(0, |lag| lag.div_ceil(STEP_DAYS)),
            sum: lags.values().map(|lag| u64::from(*lag)).sum(),
            packages: chosen.versions.len(),
        }
    }

    /// The lags that count: those of roots and of what roots fix do not.
    fn lags(&mut self, search: &Search<'_, '_>, chosen: &Chosen) -> Lags {
        let fixed = self.fixed_by(search, chosen).clone();
        let names = chosen.versions.keys();
        let rest = names.filter(|name| !self.held.contains_key(name) && !fixed.contains(*name));
        rest.map(|name| (name.clone(), search.lag(chosen, name)))
            .collect()
    }

    /// Projects of which a root requires exactly the release that was chosen, such as torch's
    /// `nvidia-*`: their lag is the root's doing.
    fn fixed_by(&mut self, search: &Search<'_, '_>, chosen: &Chosen) -> &BTreeSet<PackageName> {
        let roots = self.held.keys();
        let versions: Vec<_> = roots
            .map(|root| chosen.versions.get(root).cloned())
            .collect();
        let known = self.fixed.take().filter(|(of, _)| *of == versions);
        let (_, fixed) = self.fixed.insert(known.unwrap_or_else(|| {
            let roots = self.held.keys().zip(&versions);
            let roots = roots.filter_map(|(root, version)| Some((root, version.as_ref()?)));
            let fixed = roots.flat_map(|(root, version)| fixed_by(search, root, version));
            let fixed = fixed.collect();
            (versions, fixed)
        }));
        fixed
    }
}

/// What is compared: the largest lag in steps, the sum of lags in days, the number of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Measure {
    steps: u32,
    sum: u64,
    packages: usize,
}

fn furthest_behind(lags: Lags) -> Vec<PackageName> {
    let mut behind: Vec<_> = lags.into_iter().filter(|(_, lag)| *lag > 0).collect();
    behind.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    behind.into_iter().map(|(name, _)| name).collect()
}

/// What one release requires exactly.
fn fixed_by(search: &Search<'_, '_>, name: &PackageName, version: &Version) -> Vec<PackageName> {
    let world = search.world;
    let Some(Facts::Found(metadata)) = world.known_facts(name, version) else {
        return Vec::new();
    };
    let edges = world.edges_of(&metadata, None).into_iter();
    let fixed = edges.filter(|edge| {
        let Some(Known::Found(candidates)) = world.known_project(edge.name()) else {
            return false;
        };
        let eligible = candidates.eligible.iter();
        let fitting = eligible.filter(|candidate| edge.ranges.contains(&candidate.version));
        fitting.take(2).count() == 1
    });
    fixed.map(|edge| edge.name().clone()).collect()
}
