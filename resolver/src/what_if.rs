//! What would change if one pin were another version.

use std::collections::BTreeMap;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{PackageName, VersionOrUrl};
use pubgrub::PubGrubError;

use crate::abi::numpy_interface;
use crate::chosen::Chosen;
use crate::explain::{self, Reasons};
use crate::package::Package;
use crate::provider::{Provider, root_version};
use crate::resolve::ResolutionMode;
use crate::world::World;
use crate::{
    Options, PackageSource, Request, Requirement, SourceError, Target, Unsatisfiable, cuda_package,
};

/// How many decisions may be taken to find out.
const DECISIONS: u32 = 4_000;

/// How much work that may take, in pieces of ranges.
const WORK: u64 = 20_000;

/// What would come of another version of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhatIf {
    /// All pins that would then be.
    Fits(BTreeMap<PackageName, Version>),
    /// There would be no answer, and why.
    Impossible(Box<Unsatisfiable>),
    /// That took too many decisions to find out.
    TooLong,
}

/// Solves with one package at a given version, whatever the user's own bounds on it are; the other
/// pins stay as they are where they can.
///
/// # Errors
///
/// When the world fails while it is asked.
pub fn with_version(
    request: &Request,
    target: &Target,
    source: &dyn PackageSource,
    options: &Options,
    (name, version): (&PackageName, &Version),
) -> Result<WhatIf, SourceError> {
    let mut request = request.clone();
    let wish = exactly(name, version);
    let mut own = request.roots.iter_mut().filter(|root| root.name == *name);
    match (own.next(), &wish) {
        (Some(root), Some(wish)) => {
            root.version_or_url.clone_from(&wish.version_or_url);
            own.for_each(|root| root.version_or_url = None);
        }
        _ => request.roots.extend(wish),
    }
    request.constraints.retain(|one| one.name != *name);
    request.preferences.remove(name);
    solve(&request, target, source, options)
}

/// The same beside pins that may not change.
pub(crate) fn what_if(
    world: &World<'_>,
    pins: &BTreeMap<PackageName, Version>,
    name: &PackageName,
    version: &Version,
) -> Result<WhatIf, SourceError> {
    let mut request = world.request.clone();
    request.roots.extend(exactly(name, version));
    let others = pins.iter().filter(|(other, _)| *other != name);
    request
        .constraints
        .extend(others.filter_map(|(other, pinned)| exactly(other, pinned)));
    solve(&request, world.target, &*world.source, &world.options())
}

fn exactly(name: &PackageName, version: &Version) -> Option<Requirement> {
    let equal: VersionSpecifiers = format!("=={version}").parse().ok()?;
    Some(Requirement {
        name: name.clone(),
        extras: Vec::new(),
        version_or_url: Some(VersionOrUrl::VersionSpecifier(equal)),
        marker: pep508_rs::MarkerTree::TRUE,
        origin: None,
    })
}

fn solve(
    request: &Request,
    target: &Target,
    source: &dyn PackageSource,
    options: &Options,
) -> Result<WhatIf, SourceError> {
    let world = World::new(request, target, source, options);
    let mode = ResolutionMode::Newest;
    for reserves in [false, true] {
        let provider = Provider::new(&world, mode, reserves)
            .within(DECISIONS)
            .at_most(WORK);
        match pubgrub::resolve(&provider, Package::Root, root_version()) {
            Ok(solution) => {
                let mut versions = Chosen::of(solution).versions;
                versions.remove(&cuda_package());
                versions.remove(&numpy_interface());
                return Ok(WhatIf::Fits(versions));
            }
            Err(PubGrubError::NoSolution(_)) if !reserves && world.passed_over_reserves() => {}
            Err(PubGrubError::NoSolution(proof)) => {
                let proof = Reasons::Tree(Box::new(proof));
                let proof = explain::unsatisfiable(&proof, &world, target);
                return Ok(WhatIf::Impossible(Box::new(proof)));
            }
            Err(
                PubGrubError::ErrorRetrievingDependencies { source, .. }
                | PubGrubError::ErrorChoosingVersion { source, .. }
                | PubGrubError::ErrorInShouldCancel(source),
            ) if !provider.is_exhausted() => return Err(source),
            Err(_) => return Ok(WhatIf::TooLong),
        }
    }
    Ok(WhatIf::TooLong)
}
