//! Why each package of a resolution is there: for everybody, or for who chooses an extra or group.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{ExtraName, PackageName, Resolution};

use super::super::marker::Need;
use super::LockOptions;
use crate::requirements::Manifest;

/// A package, or one of its extras.
type Node<'a> = (&'a PackageName, Option<&'a ExtraName>);

/// The need for every package of a resolution, by name.
pub(super) fn needs<'a>(
    resolution: &'a Resolution,
    manifest: &'a Manifest,
    options: &LockOptions,
) -> BTreeMap<&'a PackageName, Need> {
    let mut needs = BTreeMap::<&PackageName, Need>::new();
    let everybody = reached(resolution, manifest, None);
    for name in everybody {
        needs.insert(name, Need::Always);
    }
    for group in &options.groups {
        let is_extra = manifest.extras.contains(group);
        let is_group = !is_extra || manifest.dependency_groups.contains(group);
        for name in reached(resolution, manifest, Some(group)) {
            let need = needs.entry(name).or_insert_with(|| Need::Chosen {
                extras: BTreeSet::new(),
                groups: BTreeSet::new(),
            });
            if let Need::Chosen { extras, groups } = need {
                extras.extend(is_extra.then(|| group.clone()));
                groups.extend(is_group.then(|| group.clone()));
            }
        }
    }
    needs
}

/// The packages that one group, or no group, leads to.
fn reached<'a>(
    resolution: &'a Resolution,
    manifest: &'a Manifest,
    group: Option<&String>,
) -> BTreeSet<&'a PackageName> {
    let environment = resolution.target.marker_environment();
    let requirements = manifest.requirements.iter();
    let own = requirements.filter(|one| {
        one.group.as_ref() == group && one.requirement.evaluate_markers(&environment, &[])
    });
    let mut waiting: Vec<Node<'a>> = own
        .flat_map(|one| nodes(&one.requirement.name, &one.requirement.extras))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(node) = waiting.pop() {
        if !seen.insert(node) {
            continue;
        }
        let Some(package) = resolution.package(node.0) else {
            continue;
        };
        let edges = package.edges.iter();
        let edges = edges.filter(|edge| edge.extra.as_ref() == node.1);
        waiting.extend(edges.flat_map(|edge| nodes(&edge.name, &edge.extras)));
    }
    let names = seen.into_iter().map(|(name, _)| name);
    names
        .filter(|name| resolution.package(name).is_some())
        .collect()
}

fn nodes<'a>(name: &'a PackageName, extras: &'a [ExtraName]) -> impl Iterator<Item = Node<'a>> {
    let extras = extras.iter().map(move |extra| (name, Some(extra)));
    std::iter::once((name, None)).chain(extras)
}
