//! Level 2 of the objective: the least sum of lags over the direct requirements.
//!
//! Every failed run names direct requirements that cannot all be as young as asked: one of them has to
//! be older. The cheapest lags that respect all such conflicts are a lower bound, so when a run
//! within them succeeds, its answer is the optimum. This is the scheme of implicit hitting sets.

use std::collections::BTreeMap;

use pep508_rs::PackageName;

use crate::SourceError;
use crate::coherent::{Answer, Bounds, Within, solve_with};
use crate::search::Search;

/// Runs that may be spent on the way to the least sum.
const BUDGET: u32 = 200;

/// Steps of the search for the cheapest lags, in all.
const HITTING_STEPS: u32 = 200_000;

/// Projects of which one must have more than the given lag; by position among the roots.
type Conflict = BTreeMap<usize, u32>;

/// Finds the least sum of root lags within the answer's window.
pub(crate) fn least_sum(
    search: &mut Search<'_, '_>,
    roots: &[PackageName],
    answer: &mut Answer,
) -> Result<(), SourceError> {
    let mut sums = Sums {
        ladders: ladders(search, roots, answer.window),
        roots,
        conflicts: Vec::new(),
    };
    let end = search.solves + BUDGET;
    while search.solves < end {
        let best = sums.sum_of(search, answer);
        let Some(aims) = sums.cheapest(best) else {
            return Ok(());
        };
        let mut soft = answer.soft.clone();
        match solve_with(search, &sums.bounds(&aims), &mut soft, Some(&answer.chosen))? {
            Within::Solved(chosen) => {
                (answer.chosen, answer.soft) = (chosen, soft);
                return Ok(());
            }
            Within::Impossible => return Ok(()),
            Within::TooSmall(named) => {
                let named = (0..roots.len()).filter(|root| named.contains(&roots[*root]));
                let conflict = named.map(|root| (root, aims[root])).collect();
                sums.generalise(search, answer, conflict)?;
            }
        }
    }
    Ok(())
}

/// The lags that each root can have within the window, ascending.
fn ladders(search: &Search<'_, '_>, roots: &[PackageName], window: u32) -> Vec<Vec<u32>> {
    let ladders = roots.iter().map(|root| {
        let mut lags = search.smaller_lags(root, window + 1);
        if lags.is_empty() {
            lags.push(0);
        }
        lags
    });
    ladders.collect()
}

struct Sums<'r> {
    roots: &'r [PackageName],
    ladders: Vec<Vec<u32>>,
    conflicts: Vec<Conflict>,
}

impl Sums<'_> {
    fn sum_of(&self, search: &Search<'_, '_>, answer: &Answer) -> u64 {
        let lags = self.roots.iter();
        lags.map(|root| u64::from(search.lag(&answer.chosen, root)))
            .sum()
    }

    fn bounds(&self, aims: &[u32]) -> Bounds {
        let pairs = self.roots.iter().cloned().zip(aims);
        pairs.map(|(root, aim)| (root, Some(*aim))).collect()
    }

    /// Finds how much older the conflict's projects may be for it to persist, and keeps that.
    ///
    /// The others are only held to the window, so what is found holds whatever they are.
    fn generalise(
        &mut self,
        search: &mut Search<'_, '_>,
        answer: &mut Answer,
        mut conflict: Conflict,
    ) -> Result<(), SourceError> {
        let members: Vec<usize> = conflict.keys().copied().collect();
        for member in members {
            let ladder = self.ladders[member].clone();
            // below: the conflict persists; at and above: unknown, then an answer
            let mut persists = ladder.partition_point(|lag| *lag <= conflict[&member]) - 1;
            let mut dissolves = ladder.len();
            let mut step = ladder.len() - persists;
            while persists + 1 < dissolves {
                let middle = persists + step.clamp(1, dissolves - persists - 1);
                step = step.div_ceil(2).min((dissolves - persists) / 2);
                let mut wider = conflict.clone();
                wider.insert(member, ladder[middle]);
                if self.holds(search, answer, &wider)? {
                    persists = middle;
                } else {
                    dissolves = middle;
                }
            }
            if persists + 1 == ladder.len() && conflict.len() > 1 {
                conflict.remove(&member);
            } else {
                conflict.insert(member, ladder[persists]);
            }
        }
        self.conflicts.push(conflict);
        Ok(())
    }

    /// Whether a conflict holds; an answer that refutes it and is better is kept.
    fn holds(
        &self,
        search: &mut Search<'_, '_>,
        answer: &mut Answer,
        conflict: &Conflict,
    ) -> Result<bool, SourceError> {
        let tops = self.ladders.iter().map(|l| l.last().copied().unwrap_or(0));
        let aims: Vec<u32> = tops
            .enumerate()
            .map(|(root, top)| conflict.get(&root).copied().unwrap_or(top))
            .collect();
        let mut soft = answer.soft.clone();
        let bounds = self.bounds(&aims);
        match solve_with(search, &bounds, &mut soft, Some(&answer.chosen))? {
            Within::Solved(chosen) => {
                let before = self.sum_of(search, answer);
                let new = Answer {
                    chosen,
                    soft,
                    window: answer.window,
                };
                if self.sum_of(search, &new) < before {
                    *answer = new;
                }
                Ok(false)
            }
            Within::TooSmall(_) | Within::Impossible => Ok(true),
        }
    }

    /// The cheapest lags that respect every known conflict; `None` if none is cheaper than `best`.
    fn cheapest(&self, best: u64) -> Option<Vec<u32>> {
        let mut lags: Vec<u32> = self.ladders.iter().map(|ladder| ladder[0]).collect();
        let mut found = None;
        let mut limit = best;
        let mut steps = HITTING_STEPS;
        self.hit(&mut lags, &mut limit, &mut found, &mut steps);
        found
    }

    /// Branches on who gives way in the first conflict that is not respected yet.
    fn hit(
        &self,
        lags: &mut Vec<u32>,
        limit: &mut u64,
        found: &mut Option<Vec<u32>>,
        steps: &mut u32,
    ) {
        let sum: u64 = lags.iter().map(|lag| u64::from(*lag)).sum();
        if sum >= *limit || *steps == 0 {
            return;
        }
        *steps -= 1;
        let respected =
            |conflict: &&Conflict| conflict.iter().any(|(root, lag)| lags[*root] > *lag);
        let Some(conflict) = self.conflicts.iter().find(|c| !respected(c)) else {
            *limit = sum;
            *found = Some(lags.clone());
            return;
        };
        let conflict: Vec<(usize, u32)> = conflict.iter().map(|(r, lag)| (*r, *lag)).collect();
        for (root, lag) in conflict {
            let before = lags[root];
            if let Some(more) = self.ladders[root].iter().find(|more| **more > lag) {
                lags[root] = *more;
                self.hit(lags, limit, found, steps);
                lags[root] = before;
            }
        }
    }
}
