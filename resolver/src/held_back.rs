//! What keeps a pin from the newest release that its target could have.

use std::collections::BTreeSet;

use pep440_rs::Version;
use pep508_rs::PackageName;

use crate::abi::numpy_interface;
use crate::accelerator::cuda_text;
use crate::chosen::{Chosen, Incoming};
use crate::eligible::Candidates;
use crate::explain::cuda_of;
use crate::requirement::usual_form;
use crate::what_if::{WhatIf, what_if};
use crate::world::{Edge, Facts, World};
use crate::{AbiRule, Exclusion, Fact, HeldBackBy, SourceError, cuda_package};

/// Why the newest release was not chosen: at least one reason.
///
/// Dropping all of them would allow it beside the other pins, unless it brings in packages that are
/// not pinned yet and do not fit either: those are only looked at when nothing else holds it back.
pub(crate) fn held_back_by(
    chosen: &Chosen,
    world: &World<'_>,
    name: &PackageName,
    candidates: &Candidates,
    newest: &Version,
    incoming: &Incoming,
) -> Result<Vec<HeldBackBy>, SourceError> {
    let mut reasons = required(chosen, world, name, newest, incoming);
    let Some(candidate) = candidates.get(newest) else {
        return Ok(reasons.into_iter().collect());
    };
    match world.facts(name, candidates, candidate)? {
        Facts::Unavailable(reason) => {
            reasons.insert(HeldBackBy::Unusable {
                reason: format!("its newest release, which cannot be used: {reason}"),
            });
        }
        Facts::Found(metadata) => {
            let mut edges = world.edges_of(&metadata, None);
            for extra in chosen.extras_of(name) {
                edges.extend(world.edges_of(&metadata, Some(extra)));
            }
            for edge in &edges {
                let newest = (name, newest);
                reasons.extend(own_requirement(chosen, world, newest, incoming, edge));
            }
        }
    }
    // what a lock or another target keeps needs no other reason
    if reasons.is_empty() && world.kept_version(name).is_none() {
        reasons.extend(further_away(chosen, world, name, newest)?);
    }
    Ok(reasons.into_iter().collect())
}

/// Requirements on the project that its newest release does not satisfy.
fn required(
    chosen: &Chosen,
    world: &World<'_>,
    name: &PackageName,
    newest: &Version,
    incoming: &Incoming,
) -> BTreeSet<HeldBackBy> {
    let mut reasons = BTreeSet::new();
    for (by, edge) in incoming.get(name).into_iter().flatten() {
        if edge.ranges.contains(newest) {
            continue;
        }
        let specifier = edge.specifier();
        reasons.insert(match by.as_ref().and_then(|by| chosen.pin(by)) {
            Some((package, version))
                if let Some(rule) = world.rule_behind((&package, &version), name, &edge.ranges) =>
            {
                HeldBackBy::Unusable {
                    reason: by_rule(&package, &version, rule),
                }
            }
            Some((package, version)) => HeldBackBy::Requirement {
                package,
                version,
                specifier,
            },
            None => HeldBackBy::User { specifier },
        });
    }
    if let Some(constraint) = world.constraint_against(name, newest) {
        reasons.insert(HeldBackBy::User {
            specifier: crate::specifiers_of(&constraint).to_string(),
        });
    }
    reasons
}

/// Why two releases do not go together although their metadata lets them.
fn by_rule(name: &PackageName, version: &Version, rule: AbiRule) -> String {
    format!("{name} {version}, {}", shown(rule))
}

fn shown(rule: AbiRule) -> String {
    let (fact, harm, lifted_by) = (rule.fact(false), rule.harm(), rule.lifted_by());
    format!(
        "which {fact} and {harm} (a rule of pinsmith's own, which an override of {lifted_by} lifts)"
    )
}

/// What the newest release wants, where a pin is otherwise.
fn own_requirement(
    chosen: &Chosen,
    world: &World<'_>,
    newest: (&PackageName, &Version),
    incoming: &Incoming,
    edge: &Edge,
) -> Option<HeldBackBy> {
    let (package, version) = chosen.pin(edge.name())?;
    if edge.ranges.contains(&version) {
        return None;
    }
    if package == cuda_package() {
        let built = cuda_text(&edge.specifier());
        let reason = format!(
            "its newest release, which is built for {built}: this environment has CUDA {version}"
        );
        return Some(HeldBackBy::Unusable { reason });
    }
    if package == numpy_interface() {
        // who cannot go with the other interface; numpy itself is as it is
        let blamed = |by: (&PackageName, &Version), edge: &Edge| {
            let rule = world.rule_behind(by, &package, &edge.ranges);
            rule.filter(|rule| !rule.is_of_numpy())
        };
        let reason = if let Some(rule) = blamed(newest, edge) {
            format!("its newest release, {}", shown(rule))
        } else {
            // where nobody is to blame, numpy is held back by something else
            let mut others = incoming.get(&package).into_iter().flatten();
            others.find_map(|(by, edge)| {
                let (name, version) = chosen.pin(by.as_ref()?)?;
                let rule = blamed((&name, &version), edge)?;
                Some(by_rule(&name, &version, rule))
            })?
        };
        return Some(HeldBackBy::Unusable { reason });
    }
    Some(HeldBackBy::OwnRequirement {
        requires: format!("{}{}", edge.name(), edge.specifier()),
        package,
        version,
    })
}

/// The conflict of a project that only the newest release would bring in.
fn further_away(
    chosen: &Chosen,
    world: &World<'_>,
    name: &PackageName,
    newest: &Version,
) -> Result<Option<HeldBackBy>, SourceError> {
    let reason = |text: &str| {
        Ok(Some(HeldBackBy::Unusable {
            reason: text.to_owned(),
        }))
    };
    let proof = match what_if(world, &chosen.versions, name, newest)? {
        WhatIf::Fits(_) => {
            return reason(
                "nothing: its newest release would fit too, and makes nothing else newer",
            );
        }
        WhatIf::TooLong => return reason("something that took too long to find out"),
        WhatIf::Impossible(proof) => proof,
    };
    let wanted = proof.facts.iter().find_map(|fact| match fact {
        Fact::Requires { by, on, .. } if by.name == *name => Some(on.to_string()),
        _ => None,
    });
    let pinned = proof.facts.iter().find_map(|fact| match fact {
        Fact::Excluded {
            name: other,
            because: Exclusion::Constraint(_),
            ..
        } if other != name => chosen.pin(other),
        _ => None,
    });
    let built = proof.facts.iter().find_map(|fact| match fact {
        Fact::Requires { on, range, .. } if on.name == cuda_package() => Some(cuda_of(range)),
        _ => None,
    });
    let here = chosen.pin(&cuda_package());
    if let (Some(requires), Some(built), Some((_, here))) = (&wanted, built, here) {
        return reason(&format!(
            "what its newest release requires: {requires}, which is built for CUDA {built}, and this environment has CUDA {here}"
        ));
    }
    let asked = proof.requirements().into_iter();
    let mut asked = asked.filter(|requirement| requirement.name != *name);
    match (wanted, pinned, asked.next_back()) {
        (Some(requires), Some((package, version)), _) => Ok(Some(HeldBackBy::OwnRequirement {
            requires,
            package,
            version,
        })),
        (Some(requires), None, Some(asked)) => reason(&format!(
            "what its newest release requires: {requires}, which does not go with your `{}`",
            usual_form(asked)
        )),
        (Some(requires), None, None) => reason(&format!(
            "what its newest release requires: {requires}, which cannot be had"
        )),
        (None, ..) => reason("its newest release, which cannot be had"),
    }
}
