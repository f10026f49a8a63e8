//! Versions that an answer keeps: the pins of an existing lock, and what the other targets of one
//! lock chose.
//!
//! Keeping comes before freshness. The largest set that holds is found from proofs: everything is
//! kept at first; when that has no answer, the versions that the proof rests on are let go
//! together, and then taken back one at a time where they fit after all.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::{DerivationTree, External};

use crate::chosen::Chosen;
use crate::explain::{Proof, Reasons};
use crate::search::{Failure, Search};

/// Versions by project.
pub(crate) type Versions = BTreeMap<PackageName, Version>;

/// Versions that were let go and are tried once more, at one run each.
const SECOND_CHANCES: usize = 24;

/// Keeps as many of `wanted` as hold together; what the world keeps already is not given up.
pub(crate) fn keep(search: &mut Search<'_, '_>, wanted: &Versions) -> Result<(), Failure> {
    if wanted.is_empty() {
        return Ok(());
    }
    let world = search.world;
    let before = world.all_kept();
    for (name, version) in wanted {
        if !before.contains_key(name) {
            world.keep(name, version);
        }
    }
    for edge in world.root_edges() {
        let kept = world.kept_version(edge.name());
        if kept.is_some_and(|version| !edge.ranges.contains(&version)) {
            world.let_go(edge.name());
        }
    }
    let mut let_go = Versions::new();
    let chosen = loop {
        let proof = match search.attempt() {
            Ok(chosen) => break chosen,
            Err(Failure::NoSolution(Reasons::Tree(proof))) => proof,
            Err(Failure::Source(error)) => return Err(error.into()),
            // what cannot be found out is not kept
            Err(Failure::TooHard | Failure::NoSolution(Reasons::Core(_))) => {
                world.keep_only(before);
                return Ok(());
            }
        };
        let mut named = without_versions(&proof);
        named.retain(|name| !before.contains_key(name) && world.kept_version(name).is_some());
        if named.is_empty() {
            // nothing that could be let go has a part in it; whoever solves next says so
            return Ok(());
        }
        for name in named {
            let version = world.let_go(&name);
            let_go.extend(version.map(|version| (name, version)));
        }
    };
    take_back(search, &chosen, let_go)
}

/// Takes back what was let go too readily, direct requirements first.
fn take_back(
    search: &mut Search<'_, '_>,
    chosen: &Chosen,
    let_go: Versions,
) -> Result<(), Failure> {
    let world = search.world;
    let mut rest = Vec::new();
    for (name, version) in let_go {
        match chosen.versions.get(&name) {
            Some(found) if same_release(found, &version) => world.keep(&name, &version),
            Some(_) => rest.push((!world.request.has_root(&name), name, version)),
            // it is not needed any more
            None => {}
        }
    }
    rest.sort();
    for (_, name, version) in rest.into_iter().take(SECOND_CHANCES) {
        world.keep(&name, &version);
        match search.attempt() {
            Ok(_) => {}
            Err(Failure::NoSolution(_) | Failure::TooHard) => drop(world.let_go(&name)),
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Whether two versions are builds of one release: their public parts are equal.
pub(crate) fn same_release(a: &Version, b: &Version) -> bool {
    a == b || a.clone().without_local() == b.clone().without_local()
}

/// The projects of which a proof says that they have no version in some range.
fn without_versions(proof: &Proof) -> BTreeSet<PackageName> {
    let mut named = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut stack = vec![proof];
    while let Some(tree) = stack.pop() {
        match tree {
            DerivationTree::External(External::NoVersions(package, _)) => {
                named.extend(package.name().cloned());
            }
            DerivationTree::External(_) => {}
            DerivationTree::Derived(derived) => {
                for cause in [&derived.cause1, &derived.cause2] {
                    if seen.insert(Arc::as_ptr(cause)) {
                        stack.push(cause);
                    }
                }
            }
        }
    }
    named
}
