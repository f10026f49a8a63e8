//! From the solver's proof to words, in two steps: facts first, then sentences.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Bound;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::{DerivationTree, External};
use version_ranges::Ranges;

use crate::eligible::{Candidates, Ineligible};
use crate::package::Package;
use crate::provider::Reason;
use crate::specifier::after_locals;
use crate::world::{Known, World};
use crate::{Requirement, Target, Unsatisfiable};

pub(crate) type Proof = DerivationTree<Package, Ranges<Version>, Reason>;

/// How many facts an explanation shows before it says how many more there are.
const SHOWN_FACTS: usize = 24;

/// A fact that the proof rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fact {
    Requires(Package, Ranges<Version>, Package, Ranges<Version>),
    NoVersions(PackageName, Ranges<Version>),
    Unusable(Package, Ranges<Version>, Reason),
}

/// Explains why there is no answer.
pub(crate) fn unsatisfiable(proof: &Proof, world: &World<'_>, target: &Target) -> Unsatisfiable {
    let mut facts = facts_of(proof);
    let telling: Vec<bool> = facts
        .iter()
        .map(|fact| tells(fact, &facts, world))
        .collect();
    let mut keep = telling.into_iter();
    facts.retain(|_| keep.next().unwrap_or(true));
    let mut lines: Vec<String> = Vec::new();
    for fact in &facts {
        let line = sentence(fact, world, target);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let more = lines.len().saturating_sub(SHOWN_FACTS);
    lines.truncate(SHOWN_FACTS);
    if more > 0 {
        lines.push(format!("and {more} more facts of this kind"));
    }
    let requirements = roots_among(&facts, world);
    lines.push(conclusion(&requirements, target));
    Unsatisfiable {
        explanation: lines.join("\n"),
        offline: facts.iter().any(|fact| is_offline(fact, world)),
        help: help(&facts, &requirements, world),
        requirements,
    }
}

/// Whether a fact tells a person anything.
///
/// That a project has no version left outside those already spoken of goes without saying, unless
/// the requirements on it exclude everything the index has, or some release there is unfit.
fn tells(fact: &Fact, facts: &[Fact], world: &World<'_>) -> bool {
    let Fact::NoVersions(name, range) = fact else {
        return true;
    };
    let Some(Known::Found(candidates)) = world.known_project(name) else {
        return true;
    };
    if candidates.versions().any(|version| range.contains(version)) {
        return true;
    }
    let required = facts.iter().filter_map(|fact| match fact {
        Fact::Requires(_, _, on, range) if on.name() == Some(name) => Some(range),
        _ => None,
    });
    let allowed = required.fold(Ranges::full(), |all, range| all.intersection(range));
    !candidates
        .versions()
        .any(|version| allowed.contains(version))
}

/// The proof's leaves in order, the user's requirements first, equal ones joined.
fn facts_of(proof: &Proof) -> Vec<Fact> {
    let mut leaves = Vec::new();
    let mut seen = HashSet::new();
    let mut stack = vec![proof];
    while let Some(tree) = stack.pop() {
        match tree {
            DerivationTree::External(external) => leaves.extend(fact_of(external)),
            DerivationTree::Derived(derived) => {
                for cause in [&derived.cause2, &derived.cause1] {
                    if seen.insert(Arc::as_ptr(cause)) {
                        stack.push(cause);
                    }
                }
            }
        }
    }
    let mut facts: Vec<Fact> = Vec::new();
    for leaf in leaves {
        if !facts.iter_mut().any(|fact| fact.absorb(&leaf)) {
            facts.push(leaf);
        }
    }
    facts.sort_by_key(|fact| !matches!(fact, Fact::Requires(Package::Root, ..)));
    facts
}

fn fact_of(external: &External<Package, Ranges<Version>, Reason>) -> Option<Fact> {
    match external {
        External::NotRoot(..) => None,
        External::NoVersions(package, range) => {
            Some(Fact::NoVersions(package.name()?.clone(), range.clone()))
        }
        // an extra always has its project's version; nobody needs to be told
        External::FromDependencyOf(by, _, on, _)
            if by.name() == on.name() && matches!(on, Package::Project(_)) =>
        {
            None
        }
        External::FromDependencyOf(by, versions, on, range) => Some(Fact::Requires(
            by.clone(),
            versions.clone(),
            on.clone(),
            range.clone(),
        )),
        External::Custom(package, range, reason) => Some(Fact::Unusable(
            package.clone(),
            range.clone(),
            reason.clone(),
        )),
    }
}

impl Fact {
    /// Takes in another fact that differs only in the versions it is about.
    fn absorb(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Requires(by, versions, on, range), Self::Requires(by2, more, on2, range2))
                if by == by2 && on == on2 && range == range2 =>
            {
                *versions = versions.union(more);
                true
            }
            (Self::NoVersions(name, range), Self::NoVersions(name2, more)) if name == name2 => {
                *range = range.union(more);
                true
            }
            (Self::Unusable(package, range, reason), Self::Unusable(package2, more, reason2))
                if package == package2 && reason == reason2 =>
            {
                *range = range.union(more);
                true
            }
            _ => false,
        }
    }
}

fn sentence(fact: &Fact, world: &World<'_>, target: &Target) -> String {
    match fact {
        Fact::Requires(Package::Root, _, on, range) => {
            format!("you require {}", with_range(on, range))
        }
        Fact::Requires(by, versions, on, range) => format!(
            "{} requires {}",
            about(by, versions, world),
            with_range(on, range)
        ),
        Fact::Unusable(package, range, reason) => {
            format!("{} {reason}", about(package, range, world))
        }
        Fact::NoVersions(name, range) => no_versions(name, range, world, target),
    }
}

/// Why nothing in a range can be had, with what exists.
fn no_versions(
    name: &PackageName,
    range: &Ranges<Version>,
    world: &World<'_>,
    target: &Target,
) -> String {
    let Some(Known::Found(candidates)) = world.known_project(name) else {
        let offline = is_offline(&Fact::NoVersions(name.clone(), range.clone()), world);
        let reason = if offline {
            Reason::Offline
        } else {
            Reason::NotFound
        };
        return format!("{name} {reason}");
    };
    let excluded: Vec<_> = candidates
        .ineligible
        .iter()
        .filter(|(version, _)| range.contains(version))
        .collect();
    let withheld = candidates
        .eligible
        .iter()
        .filter(|candidate| range.contains(&candidate.version))
        .count();
    if let Some((version, reason)) = excluded.last() {
        let others = excluded.len() - 1;
        let more = match others {
            0 => String::new(),
            1 => ", and so it is with 1 older release".to_owned(),
            _ => format!(", and so it is with {others} older releases"),
        };
        return format!("{name} {version} {reason}{more} (target: {target})");
    }
    if withheld > 0 {
        return format!(
            "{} is yanked, a pre-release, or excluded by a constraint",
            about(&Package::Project(name.clone()), range, world)
        );
    }
    let shown = show_range(&simplify(range, &candidates));
    match (
        candidates.versions().next(),
        candidates.versions().next_back(),
    ) {
        (Some(first), Some(last)) if first != last => {
            format!("no release of {name} is {shown} (the index has {first} to {last})")
        }
        (Some(only), _) => format!("no release of {name} is {shown} (the index has {only})"),
        _ => format!("{name} has no release"),
    }
}

/// Whether a fact only holds since the network is off.
fn is_offline(fact: &Fact, world: &World<'_>) -> bool {
    match fact {
        Fact::Unusable(_, _, reason) => matches!(reason, Reason::Offline),
        Fact::NoVersions(name, _) => matches!(world.known_project(name), Some(Known::Offline)),
        Fact::Requires(..) => false,
    }
}

fn conclusion(requirements: &[Requirement], target: &Target) -> String {
    match requirements {
        [] => format!("so there is no answer for {target}"),
        [one] => format!("so `{one}` cannot be satisfied for {target}"),
        many => {
            let names: Vec<String> = many.iter().map(|r| format!("`{r}`")).collect();
            format!(
                "so {} cannot be satisfied together for {target}",
                names.join(", ")
            )
        }
    }
}

/// The user's requirements on projects that the proof starts from.
fn roots_among(facts: &[Fact], world: &World<'_>) -> Vec<Requirement> {
    let named: Vec<&PackageName> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Requires(Package::Root, _, on, _) => on.name(),
            _ => None,
        })
        .collect();
    let roots = world.request.roots.iter();
    roots
        .filter(|root| named.contains(&&root.name))
        .cloned()
        .collect()
}

fn help(facts: &[Fact], requirements: &[Requirement], world: &World<'_>) -> Vec<String> {
    let mut help = Vec::new();
    let unknown = |name: &dyn Display| {
        format!(
            "check the spelling of {name}; if it is private, add its index with --extra-index-url"
        )
    };
    for fact in facts {
        if is_offline(fact, world) {
            help.push("run once without --offline to fill the cache".to_owned());
            continue;
        }
        match fact {
            Fact::Unusable(package, _, Reason::NotFound) => help.push(unknown(package)),
            Fact::NoVersions(name, range) => match world.known_project(name) {
                Some(Known::Found(candidates)) => help.extend(hint(name, range, &candidates)),
                _ => help.push(unknown(name)),
            },
            _ => {}
        }
    }
    if requirements.len() > 1 || help.is_empty() {
        let one = if requirements.len() > 1 {
            "one of your requirements"
        } else {
            "your requirement"
        };
        help.push(format!("loosen or drop {one} named above"));
    }
    help.sort();
    help.dedup();
    help
}

/// Which flag would let a release of the range count.
fn hint(name: &PackageName, range: &Ranges<Version>, candidates: &Candidates) -> Option<String> {
    let excluded = candidates.ineligible.iter().rev();
    let mut excluded = excluded.filter(|(version, _)| range.contains(version));
    if excluded.any(|(_, reason)| matches!(reason, Ineligible::TooNew)) {
        return Some("choose a later day with --as-of, or leave it out".to_owned());
    }
    python_hint(name, range, candidates)
}

fn python_hint(
    name: &PackageName,
    range: &Ranges<Version>,
    candidates: &Candidates,
) -> Option<String> {
    candidates
        .ineligible
        .iter()
        .rev()
        .find_map(|(version, reason)| match reason {
            Ineligible::RequiresPython(specifiers) if range.contains(version) => Some(format!(
                "{name} {version} needs Python {specifiers}: choose it with --python"
            )),
            _ => None,
        })
}

/// `torch 2.1 to 2.3`, or only the name when every version is meant.
fn about(package: &Package, range: &Ranges<Version>, world: &World<'_>) -> String {
    let simple = simplified(package, range, world);
    if simple == Ranges::full() {
        let only = package.name().and_then(|name| world.known_project(name));
        return match only {
            Some(Known::Found(candidates)) if candidates.project.releases().len() > 1 => {
                format!("every release of {package}")
            }
            _ => package.to_string(),
        };
    }
    format!("{package} {}", show_range(&simple))
}

fn with_range(package: &Package, range: &Ranges<Version>) -> String {
    if *range == Ranges::full() {
        package.to_string()
    } else {
        format!("{package} {}", show_range(range))
    }
}

fn simplified(package: &Package, range: &Ranges<Version>, world: &World<'_>) -> Ranges<Version> {
    match package.name().and_then(|name| world.known_project(name)) {
        Some(Known::Found(candidates)) => simplify(range, &candidates),
        _ => range.clone(),
    }
}

fn simplify(range: &Ranges<Version>, candidates: &Candidates) -> Ranges<Version> {
    range.simplify(candidates.versions())
}

/// A range in the words of PEP 440 where it has some, such as `>=1.2,<2` or `==1.2.*`.
fn show_range(range: &Ranges<Version>) -> String {
    let pieces: Vec<String> = range
        .iter()
        .map(|(low, high)| show_piece(low, high))
        .collect();
    if pieces.is_empty() {
        "nothing".to_owned()
    } else {
        pieces.join(" or ")
    }
}

fn show_piece(low: &Bound<Version>, high: &Bound<Version>) -> String {
    if let (Bound::Included(low), Bound::Included(high) | Bound::Excluded(high)) = (low, high)
        && (low == high || *high == after_locals(low))
    {
        return format!("=={low}");
    }
    let low = match low {
        Bound::Unbounded => None,
        Bound::Included(version) => Some(format!(">={}", plain(version))),
        Bound::Excluded(version) => Some(format!(">{}", plain(version))),
    };
    let high = match high {
        Bound::Unbounded => None,
        Bound::Included(version) => Some(format!("<={}", plain(version))),
        // the bound just above a version and its local builds
        Bound::Excluded(version) if version.post() == Some(0) && version.dev() == Some(0) => {
            let below = version.clone().with_post(None).with_dev(None);
            Some(format!("<={below}"))
        }
        Bound::Excluded(version) => Some(format!("<{}", plain(version))),
    };
    match (low, high) {
        (Some(low), Some(high)) => format!("{low},{high}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "any version".to_owned(),
    }
}

/// Without the helpers that make bounds exact: `2.dev0`, `2min0` and `2max0` are shown as 2.
fn plain(version: &Version) -> Version {
    let version = if version.min().is_some() {
        version.clone().with_min(None)
    } else if version.max().is_some() {
        version.clone().with_max(None)
    } else {
        version.clone()
    };
    if version.dev() == Some(0) {
        version.with_dev(None)
    } else {
        version
    }
}
