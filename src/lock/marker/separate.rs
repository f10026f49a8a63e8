//! The simplest marker that holds on some targets of a lock and not on the others.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::Target;

use super::LockMarker;

/// A set of targets, by their position in the lock.
pub(in crate::lock) type Mask = u128;

/// What makes a package wanted on a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::lock) enum Need {
    /// It is installed whatever is chosen.
    Always,
    /// Any of these extras or dependency groups has to be chosen.
    Chosen {
        extras: BTreeSet<String>,
        groups: BTreeSet<String>,
    },
}

impl Need {
    fn clause(&self) -> Option<String> {
        let Self::Chosen { extras, groups } = self else {
            return None;
        };
        let extras = extras.iter().map(|name| format!("'{name}' in extras"));
        let groups = groups
            .iter()
            .map(|name| format!("'{name}' in dependency_groups"));
        Some(extras.chain(groups).collect::<Vec<_>>().join(" or "))
    }
}

/// The marker of a package that is needed on some targets, each for its reason; `None` for a
/// package that is needed everywhere.
pub(in crate::lock) fn marker_for(needs: &[(usize, &Need)], all: &[Target]) -> Option<LockMarker> {
    let mut by_need = BTreeMap::<&Need, Mask>::new();
    for (target, need) in needs {
        *by_need.entry(need).or_default() |= 1 << target;
    }
    let always = by_need.get(&Need::Always).copied().unwrap_or_default();
    let mut pieces = Vec::new();
    for (need, mask) in &by_need {
        // where it is installed anyway, the choice does not matter
        let place = [*mask, *mask | always]
            .into_iter()
            .map(|mask| separating(mask, all))
            .min_by_key(|place| place.as_ref().map_or(0, |text| text.as_str().len()));
        let clause = need.clause();
        pieces.push(match (place.flatten(), clause) {
            (None, None) => return None,
            (Some(place), None) => place.to_string(),
            (None, Some(clause)) => clause,
            (Some(place), Some(clause)) => {
                format!("{} and {}", enclosed(place.as_str()), enclosed(&clause))
            }
        });
    }
    let text = match pieces.as_slice() {
        [only] => only.clone(),
        several => {
            let several: Vec<String> = several.iter().map(|piece| enclosed(piece)).collect();
            several.join(" or ")
        }
    };
    Some(LockMarker(text))
}

/// In parentheses where it has an operator of its own.
fn enclosed(text: &str) -> String {
    if text.contains(" or ") || text.contains(" and ") {
        format!("({text})")
    } else {
        text.to_owned()
    }
}

/// The marker that holds on these targets alone; `None` when these are all.
///
/// A sum of products over Python, system and machine, as few comparisons as possible: exactly the
/// fewest for one product and for two, few for more.
pub(in crate::lock) fn separating(some: Mask, all: &[Target]) -> Option<LockMarker> {
    let everything = (0..all.len()).fold(0, |mask: Mask, target| mask | 1 << target);
    if some == everything {
        return None;
    }
    let terms = terms(some, all, everything);
    if let Some(term) = terms.iter().find(|term| term.mask == some) {
        return Some(LockMarker(term.text.clone()));
    }
    let chosen = best_pair(&terms, some).unwrap_or_else(|| cover(&terms, some));
    let mut texts: Vec<String> = chosen.iter().map(|term| enclosed(&term.text)).collect();
    texts.sort_by_key(|text| (text.len(), text.clone()));
    Some(LockMarker(texts.join(" or ")))
}

/// Comparisons joined by `and`, and the targets that they all hold on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Term {
    /// Ten a comparison, and a little for what reads less well.
    cost: u32,
    text: String,
    mask: Mask,
}

/// The cheapest term for every set of targets within `some` that a term can name; cheapest first.
fn terms(some: Mask, all: &[Target], everything: Mask) -> Vec<Term> {
    let free = Term {
        cost: 0,
        text: String::new(),
        mask: everything,
    };
    let mut terms = vec![free];
    for choices in [systems(all), machines(all), pythons(all)] {
        let mut longer = Vec::new();
        for term in &terms {
            for choice in &choices {
                let text = match term.text.as_str() {
                    "" => choice.text.clone(),
                    text => format!("{text} and {}", choice.text),
                };
                longer.push(Term {
                    cost: term.cost + choice.cost,
                    text,
                    mask: term.mask & choice.mask,
                });
            }
        }
        terms.extend(longer);
    }
    let mut cheapest = BTreeMap::<Mask, Term>::new();
    let within = |term: &Term| term.mask != 0 && term.mask & !some == 0;
    for term in terms.into_iter().filter(within) {
        let known = cheapest.entry(term.mask).or_insert_with(|| term.clone());
        if term < *known {
            *known = term;
        }
    }
    let mut terms: Vec<Term> = cheapest.into_values().collect();
    terms.sort();
    terms
}

fn best_pair(terms: &[Term], some: Mask) -> Option<Vec<&Term>> {
    let mut best: Option<(u32, [&Term; 2])> = None;
    for (index, first) in terms.iter().enumerate() {
        for second in &terms[index + 1..] {
            let cost = first.cost + second.cost;
            if best.as_ref().is_some_and(|(known, _)| *known <= cost) {
                // later ones cost at least as much
                break;
            }
            if first.mask | second.mask == some {
                best = Some((cost, [first, second]));
            }
        }
    }
    best.map(|(_, pair)| pair.to_vec())
}

/// Most of what is left for the least first, then without what turned out to be in vain.
fn cover(terms: &[Term], some: Mask) -> Vec<&Term> {
    let mut left = some;
    let mut chosen: Vec<&Term> = Vec::new();
    while left != 0 {
        let gain = |term: &&Term| (term.mask & left).count_ones();
        let useful = terms.iter().filter(|term| gain(term) > 0);
        // the cost for each target that it adds
        let Some(best) = useful.min_by_key(|term| (term.cost * 1000 / gain(term), *term)) else {
            break;
        };
        left &= !best.mask;
        chosen.push(best);
    }
    let mut index = 0;
    while index < chosen.len() {
        let others = chosen
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        let covered = others.fold(0, |mask: Mask, (_, term)| mask | term.mask);
        if covered == some {
            chosen.remove(index);
        } else {
            index += 1;
        }
    }
    chosen
}

/// The comparison for targets of which something is true.
fn comparison(cost: u32, text: String, all: &[Target], holds: impl Fn(&Target) -> bool) -> Term {
    let positions = all.iter().enumerate().filter(|(_, target)| holds(target));
    Term {
        cost,
        text,
        mask: positions.fold(0, |mask, (position, _)| mask | 1 << position),
    }
}

fn systems(all: &[Target]) -> Vec<Term> {
    equalities(all, "sys_platform", 10, |target| {
        target.marker_environment().sys_platform().to_owned()
    })
}

fn machines(all: &[Target]) -> Vec<Term> {
    equalities(all, "platform_machine", 12, |target| {
        target.marker_environment().platform_machine().to_owned()
    })
}

/// Every value, wanted and unwanted.
fn equalities(
    all: &[Target],
    variable: &str,
    cost: u32,
    value: impl Fn(&Target) -> String,
) -> Vec<Term> {
    let values: BTreeSet<String> = all.iter().map(&value).collect();
    let both = values.iter().flat_map(|one| {
        [
            comparison(cost, format!("{variable} == '{one}'"), all, |target| {
                value(target) == *one
            }),
            comparison(cost + 3, format!("{variable} != '{one}'"), all, |target| {
                value(target) != *one
            }),
        ]
    });
    both.collect()
}

/// Everything below, from, between, at and but one of the Pythons of the lock.
fn pythons(all: &[Target]) -> Vec<Term> {
    let minors: BTreeSet<(u8, u8)> = all.iter().map(|t| t.python.minor_pair()).collect();
    let minors: Vec<(u8, u8)> = minors.into_iter().collect();
    let of = |target: &Target| target.python.minor_pair();
    let shown = |(major, minor): (u8, u8)| format!("'{major}.{minor}'");
    let mut terms = Vec::new();
    for (index, &low) in minors.iter().enumerate() {
        let here = shown(low);
        let mut add = |cost, text: String, holds: &dyn Fn((u8, u8)) -> bool| {
            terms.push(comparison(cost, text, all, |target| holds(of(target))));
        };
        add(11, format!("python_version == {here}"), &|found| {
            found == low
        });
        add(13, format!("python_version != {here}"), &|found| {
            found != low
        });
        if index == 0 {
            continue;
        }
        add(10, format!("python_version < {here}"), &|found| found < low);
        add(10, format!("python_version >= {here}"), &|found| {
            found >= low
        });
        for &high in &minors[index + 1..] {
            let text = format!(
                "python_version >= {here} and python_version < {}",
                shown(high)
            );
            add(20, text, &|found| found >= low && found < high);
        }
    }
    terms
}
