//! The answer with the least lag: level by level, each fixed before the next is looked at.
//!
//! Lag never grows with the version, so a bound on lag is a lower bound on the version: a floor.
//! A run that fails within floors names those that are to blame. The floors of the direct
//! requirements are moved on purpose; the others are soft: those that a run names are lowered
//! together, in galloping steps.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::PackageName;

use crate::SourceError;
use crate::chosen::Chosen;
use crate::engine::Run;
use crate::rest::least_rest;
use crate::roots::least_sum;
use crate::search::{Failure, Floors, Search};

/// The largest lag of the direct requirements is found in steps of this many days.
pub(crate) const STEP_DAYS: u32 = 90;

/// Where the soft floors of the other packages start, in days.
const SOFT_FLOOR_DAYS: u32 = 180;

/// The least that a soft floor is lowered to, in days.
const SOFT_FLOOR_STEP_DAYS: u32 = 15;

/// Past this many days a soft floor is dropped.
const SOFT_FLOOR_END_DAYS: u32 = 2_000;

/// Past this many days there is no window: floors are given up.
const WINDOW_END_DAYS: u32 = 8_000;

/// Lag allowed to single projects, in days.
pub(crate) type Bounds = BTreeMap<PackageName, Option<u32>>;

/// Finds the answer with the least lag.
pub(crate) fn coherent(search: &mut Search<'_, '_>) -> Result<Chosen, Failure> {
    let roots = root_names(search);
    let mut answer = loop {
        match smallest_window(search, &roots)? {
            Some(answer) => break answer,
            None if search.admit_reserves() => {}
            // a proof that rests on no floor
            None => {
                return match search.solve() {
                    Err(Failure::TooHard) => search.prove(),
                    other => other,
                };
            }
        }
    };
    least_sum(search, &roots, &mut answer)?;
    least_rest(search, &roots, &mut answer)?;
    search.relaxed = answer
        .soft
        .own
        .into_keys()
        .filter(|name| answer.chosen.versions.contains_key(name) && !roots.contains(name))
        .collect();
    Ok(answer.chosen)
}

/// The best answer so far.
pub(crate) struct Answer {
    pub(crate) chosen: Chosen,
    /// The smallest possible largest lag of a root, rounded up to a step; days.
    pub(crate) window: u32,
    /// The soft floors that it was found with; the window for the direct requirements.
    pub(crate) soft: Floors,
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
) -> Result<Option<Answer>, SourceError> {
    let mut too_small = None;
    let mut steps = 0_u32;
    let mut soft = Floors {
        rest: Some(SOFT_FLOOR_DAYS),
        few: true,
        own: roots.iter().map(|root| (root.clone(), None)).collect(),
    };
    let within = |steps: u32| -> Bounds {
        let window = (steps * STEP_DAYS <= WINDOW_END_DAYS).then_some(steps * STEP_DAYS);
        roots.iter().map(|root| (root.clone(), window)).collect()
    };
    let mut found = loop {
        match solve_with(search, &within(steps), &mut soft, None)? {
            Within::Solved(found) => break found,
            Within::TooSmall(_) if steps * STEP_DAYS <= WINDOW_END_DAYS => too_small = Some(steps),
            Within::Impossible | Within::TooSmall(_) => return Ok(None),
        }
        steps = (steps * 2).max(1);
    };
    steps = window_of(search, roots, &found) / STEP_DAYS;
    while let Some(low) = too_small.filter(|low| low + 1 < steps) {
        let middle = low.midpoint(steps);
        match solve_with(search, &within(middle), &mut soft, None)? {
            Within::Solved(better) => {
                steps = window_of(search, roots, &better) / STEP_DAYS;
                found = better;
            }
            Within::TooSmall(_) | Within::Impossible => too_small = Some(middle),
        }
    }
    let window = steps * STEP_DAYS;
    soft.own.extend(within(steps));
    Ok(Some(Answer {
        chosen: found,
        window,
        soft,
    }))
}

/// Outcome of a run within hard floors.
pub(crate) enum Within {
    Solved(Chosen),
    /// The hard floors on these projects admit no answer; all of them, if it took too long.
    TooSmall(BTreeSet<PackageName>),
    /// No floor has a part in the failure.
    Impossible,
}

/// Solves with hard floors on the direct requirements, lowering soft ones as far as failures ask for it. In `soft`
/// the direct requirements have floors that are no tighter.
pub(crate) fn solve_with(
    search: &mut Search<'_, '_>,
    hard: &Bounds,
    soft: &mut Floors,
    near: Option<&Chosen>,
) -> Result<Within, SourceError> {
    loop {
        let mut named = match search.within(soft, hard, near)? {
            Run::Solved(chosen) => return Ok(Within::Solved(chosen)),
            Run::TooLong => return Ok(Within::TooSmall(hard.keys().cloned().collect())),
            Run::Failed(named) if named.is_empty() => return Ok(Within::Impossible),
            Run::Failed(named) => named,
        };
        if named.iter().all(|name| hard.contains_key(name)) {
            return Ok(Within::TooSmall(named));
        }
        named.retain(|name| !hard.contains_key(name));
        // a project of which many releases were tried in vain waits until nothing else is left to lower: the cause is
        // mostly what they all require, and going on means to read the whole project
        if named.iter().any(|name| !search.is_walked(name)) {
            named.retain(|name| !search.is_walked(name));
        }
        for name in named {
            let lower = search
                .allowed(soft, &name)
                .map(|days| days.saturating_mul(2).max(SOFT_FLOOR_STEP_DAYS))
                .filter(|days| *days <= SOFT_FLOOR_END_DAYS);
            soft.own.insert(name, lower);
        }
    }
}

#[cfg(test)]
mod tests;
