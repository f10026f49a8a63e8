//! The answer with the least lag: level by level, each fixed before the next is looked at.
//!
//! Lag never grows with the version, so a bound on lag is a lower bound on the version: a floor.
//! A floor is a set of releases that the solver is not offered; when a run fails, its proof names
//! the floors it rests on. The floors of the direct requirements are moved on purpose (the
//! smallest window that solves, then one requirement at a time); the others are soft: those that a
//! proof names are lowered together, in galloping steps.

use std::collections::BTreeMap;

use pep508_rs::PackageName;

use crate::resolve::Chosen;
use crate::search::{Failure, Floors, Search};

/// The largest lag of the direct requirements is found in steps of this many days.
const STEP_DAYS: u32 = 90;

/// Where the soft floors of the other packages start, in days.
const SOFT_FLOOR_DAYS: u32 = 180;

/// Past this many days a soft floor is dropped.
const SOFT_FLOOR_END_DAYS: u32 = 2_000;

/// Runs that may be spent on improving an answer after the first one, per level.
const IMPROVEMENT_BUDGET: u32 = 48;

/// Finds the answer with the least lag.
pub(crate) fn coherent(search: &mut Search<'_, '_>) -> Result<Chosen, Failure> {
    let roots = root_names(search);
    let Some((chosen, soft)) = smallest_window(search, &roots)? else {
        // without any floor there is an answer, or a proof that rests on no floor
        return search.solve(&Floors::default());
    };
    let mut answer = Answer {
        window: window_of(search, &roots, &chosen),
        chosen,
        soft,
    };
    improve_roots(search, &roots, &mut answer)?;
    improve_rest(search, &roots, &mut answer)?;
    search.relaxed = answer
        .soft
        .own
        .into_keys()
        .filter(|name| answer.chosen.versions.contains_key(name))
        .collect();
    Ok(answer.chosen)
}

/// The best answer so far.
struct Answer {
    chosen: Chosen,
    /// The smallest possible largest lag of a root, rounded up to a step; days.
    window: u32,
    /// The soft floors that it was found with.
    soft: Floors,
}

fn root_names(search: &Search<'_, '_>) -> Vec<PackageName> {
    let edges = search.world.root_edges();
    let mut roots: Vec<PackageName> = edges.iter().map(|edge| edge.name().clone()).collect();
    roots.sort();
    roots.dedup();
    roots
}

/// The largest root lag of an answer, rounded up to a step.
fn window_of(search: &Search<'_, '_>, roots: &[PackageName], chosen: &Chosen) -> u32 {
    let lags = roots.iter().map(|root| search.lag(chosen, root));
    lags.max().unwrap_or(0).div_ceil(STEP_DAYS) * STEP_DAYS
}

/// Level 1: gallops up to a window that solves, then bisects down to the smallest.
fn smallest_window(
    search: &mut Search<'_, '_>,
    roots: &[PackageName],
) -> Result<Option<(Chosen, Floors)>, Failure> {
    let mut too_small = None;
    let mut steps = 0_u32;
    let mut soft = soft_floors();
    let mut found = loop {
        if steps * STEP_DAYS > SOFT_FLOOR_END_DAYS * 4 {
            return Ok(None);
        }
        match solve_within(search, roots, steps * STEP_DAYS, &mut soft)? {
            Within::Solved(found) => break found,
            Within::Impossible => return Ok(None),
            Within::TooSmall => too_small = Some(steps),
        }
        steps = (steps * 2).max(1);
    };
    steps = window_of(search, roots, &found) / STEP_DAYS;
    while let Some(low) = too_small.filter(|low| low + 1 < steps) {
        let middle = low.midpoint(steps);
        match solve_within(search, roots, middle * STEP_DAYS, &mut soft)? {
            Within::Solved(better) => {
                steps = window_of(search, roots, &better) / STEP_DAYS;
                found = better;
            }
            Within::TooSmall | Within::Impossible => too_small = Some(middle),
        }
    }
    Ok(Some((found, soft)))
}

/// Outcome of a run within hard floors.
enum Within {
    Solved(Chosen),
    /// The hard floors admit no answer.
    TooSmall,
    /// No floor has a part in the failure.
    Impossible,
}

fn soft_floors() -> Floors {
    Floors {
        rest: Some(SOFT_FLOOR_DAYS),
        own: BTreeMap::new(),
    }
}

/// Solves with all roots within a window, lowering soft floors as far as proofs ask for it.
fn solve_within(
    search: &mut Search<'_, '_>,
    roots: &[PackageName],
    window: u32,
    soft: &mut Floors,
) -> Result<Within, Failure> {
    let hard = roots.iter().map(|root| (root.clone(), Some(window)));
    solve_with(search, &hard.collect(), soft)
}

/// Solves with hard floors on some projects.
fn solve_with(
    search: &mut Search<'_, '_>,
    hard: &BTreeMap<PackageName, Option<u32>>,
    soft: &mut Floors,
) -> Result<Within, Failure> {
    loop {
        let mut floors = soft.clone();
        floors.own.extend(hard.clone());
        let proof = match search.solve(&floors) {
            Ok(chosen) => return Ok(Within::Solved(chosen)),
            Err(Failure::NoSolution(proof)) => proof,
            Err(Failure::TooLong) => return Ok(Within::TooSmall),
            Err(failure @ Failure::Source(_)) => return Err(failure),
        };
        let mut named = search.floors_in(&proof, &floors);
        if named.is_empty() {
            return Ok(Within::Impossible);
        }
        named.retain(|name| !hard.contains_key(name));
        if named.is_empty() {
            return Ok(Within::TooSmall);
        }
        for name in named {
            let lower = soft
                .of(&name)
                .map(|days| days.saturating_mul(2))
                .filter(|days| *days <= SOFT_FLOOR_END_DAYS);
            soft.own.insert(name, lower);
        }
    }
}

/// Level 2: the smallest sum of lags over the roots within the window.
fn improve_roots(
    search: &mut Search<'_, '_>,
    roots: &[PackageName],
    answer: &mut Answer,
) -> Result<(), Failure> {
    let sum = |search: &Search<'_, '_>, chosen: &Chosen| -> u64 {
        let lags = roots.iter().map(|root| u64::from(search.lag(chosen, root)));
        lags.sum()
    };
    let end = search.solves + IMPROVEMENT_BUDGET;
    let mut improved = true;
    while improved && search.solves < end {
        improved = false;
        for root in by_lag(search, &answer.chosen, roots) {
            let current = search.lag(&answer.chosen, &root);
            let total = sum(search, &answer.chosen);
            let mut smaller = search.smaller_lags(&root, current);
            // the whole way first, then half the way, until nothing is left to gain
            while !smaller.is_empty() && search.solves < end {
                let aim = smaller[0];
                let mut hard: BTreeMap<_, _> = roots
                    .iter()
                    .map(|other| (other.clone(), Some(answer.window)))
                    .collect();
                hard.insert(root.clone(), Some(aim));
                let mut soft = answer.soft.clone();
                if let Within::Solved(chosen) = solve_with(search, &hard, &mut soft)?
                    && sum(search, &chosen) < total
                {
                    (answer.chosen, answer.soft) = (chosen, soft);
                    improved = true;
                    break;
                }
                let half = smaller.len().div_ceil(2);
                smaller.drain(..half);
            }
        }
    }
    Ok(())
}

/// Level 3: the same for the other packages, with the lags of the roots held.
fn improve_rest(
    search: &mut Search<'_, '_>,
    roots: &[PackageName],
    answer: &mut Answer,
) -> Result<(), Failure> {
    let end = search.solves + IMPROVEMENT_BUDGET;
    let held: BTreeMap<_, _> = roots
        .iter()
        .map(|root| (root.clone(), Some(search.lag(&answer.chosen, root))))
        .collect();
    let others: Vec<PackageName> = answer.chosen.versions.keys().cloned().collect();
    for name in by_lag(search, &answer.chosen, &others) {
        if search.solves >= end {
            break;
        }
        if held.contains_key(&name) || !answer.chosen.versions.contains_key(&name) {
            continue;
        }
        let current = search.lag(&answer.chosen, &name);
        let Some(aim) = search.smaller_lags(&name, current).first().copied() else {
            continue;
        };
        let mut hard = held.clone();
        hard.insert(name.clone(), Some(aim));
        let mut soft = answer.soft.clone();
        if let Within::Solved(chosen) = solve_with(search, &hard, &mut soft)?
            && rest_is_better(search, &held, &chosen, &answer.chosen)
        {
            (answer.chosen, answer.soft) = (chosen, soft);
        }
    }
    Ok(())
}

/// Whether the packages besides the roots have a smaller largest lag (in steps), then a smaller sum.
fn rest_is_better(
    search: &Search<'_, '_>,
    held: &BTreeMap<PackageName, Option<u32>>,
    new: &Chosen,
    old: &Chosen,
) -> bool {
    let measure = |chosen: &Chosen| {
        let rest = chosen
            .versions
            .keys()
            .filter(|name| !held.contains_key(name));
        let lags: Vec<u32> = rest.map(|name| search.lag(chosen, name)).collect();
        let largest = lags.iter().max().map_or(0, |lag| lag.div_ceil(STEP_DAYS));
        let sum: u64 = lags.iter().map(|lag| u64::from(*lag)).sum();
        (largest, sum, chosen.versions.len())
    };
    measure(new) < measure(old)
}

/// Projects with any lag, the furthest behind first.
fn by_lag(search: &Search<'_, '_>, chosen: &Chosen, names: &[PackageName]) -> Vec<PackageName> {
    let mut lags: Vec<(u32, PackageName)> = names
        .iter()
        .map(|name| (search.lag(chosen, name), name.clone()))
        .filter(|(lag, _)| *lag > 0)
        .collect();
    lags.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    lags.into_iter().map(|(_, name)| name).collect()
}
