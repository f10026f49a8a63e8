//! Direct requirements as a maintainer would write them, for people to edit from then on.
//!
//! A lock says exactly what was tried; what stands here says what may be tried. `docs/generate.md`
//! tells the policy. What a person wrote stays as it is: files are added to, never rewritten.

mod bounds;
mod init;
mod pyproject;
mod requirements;

pub use bounds::{Bounds, bounded};
pub use init::{Layout, init};
pub use pyproject::{PyprojectError, edit_pyproject};
pub use requirements::add_to_requirements;

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{MarkerTree, PackageName, Requirement, Version};

use crate::diagnostic::Code;
use crate::requirements::{Manifest, ManifestRequirement, Origin, OriginKind};
use crate::scan::Site;

/// A `pyproject.toml` that cannot be added to.
pub const CANNOT_EDIT: Code = Code("GEN001");

/// One direct requirement, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// The distribution.
    pub name: PackageName,
    /// The requirement (PEP 508).
    pub text: String,
    /// The group that it belongs to; `None` is runtime.
    pub group: Option<String>,
    /// Where it is needed, ordered.
    pub sites: Vec<Site>,
}

/// The direct requirements of a manifest, ordered by group and name.
///
/// A requirement that somebody declared keeps what it says; one that follows from the code alone
/// is bounded by the version that was chosen for it. `groups` are taken besides the runtime ones.
pub fn direct_requirements(
    manifest: &Manifest,
    groups: &[String],
    versions: &BTreeMap<PackageName, Version>,
    bounds: Bounds,
) -> Vec<Direct> {
    let taken = |wanted: &&ManifestRequirement| {
        let group = wanted.group.as_ref();
        group.is_none_or(|group| groups.contains(group))
    };
    let wanted: Vec<&ManifestRequirement> = manifest.requirements.iter().filter(taken).collect();
    let mut seen = BTreeSet::new();
    wanted
        .iter()
        // one file names it, and another one also says which
        .filter(|bare| !wanted.iter().any(|other| says_more(other, bare)))
        .map(|one| {
            let bare = wanted.iter().filter(|bare| says_more(one, bare));
            let origins = bare.flat_map(|bare| &bare.origins);
            let origins: BTreeSet<&Origin> = one.origins.iter().chain(origins).collect();
            let mut origins_of_it = one.origins.iter();
            let declared = origins_of_it.any(|origin| origin.kind == OriginKind::Declared);
            let requirement = &one.requirement;
            let version = versions.get(&requirement.name).filter(|_| !declared);
            Direct {
                name: requirement.name.clone(),
                text: written(requirement, version, bounds),
                group: one.group.clone(),
                sites: origins.iter().map(|origin| origin.site.clone()).collect(),
            }
        })
        .filter(|direct| seen.insert((direct.group.clone(), direct.text.clone())))
        .collect()
}

/// Whether both are the same need, always, and only the first says which versions or extras.
fn says_more(one: &ManifestRequirement, bare: &ManifestRequirement) -> bool {
    let is_bare = |one: &Requirement| one.version_or_url.is_none() && one.extras.is_empty();
    let always = |one: &Requirement| one.marker == MarkerTree::TRUE;
    let (said, named) = (&one.requirement, &bare.requirement);
    one.group == bare.group
        && said.name == named.name
        && always(said)
        && always(named)
        && is_bare(named)
        && !is_bare(said)
}

fn written(requirement: &Requirement, version: Option<&Version>, bounds: Bounds) -> String {
    let mut requirement = requirement.clone();
    if let (None, Some(version)) = (&requirement.version_or_url, version)
        && let Ok(specifiers) = bounded(version, bounds).parse()
        && bounds != Bounds::None
    {
        requirement.version_or_url = Some(pep508_rs::VersionOrUrl::VersionSpecifier(specifiers));
    }
    // one style in every file: `torch>=2.9,<3`
    requirement.to_string().replace(", <", ",<")
}

#[cfg(test)]
mod tests;
