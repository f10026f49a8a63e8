//! What a solver decided, and the answer with its reasons that comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName};

use crate::eligible::{Candidate, Candidates};
use crate::held_back::held_back_by;
use crate::keep::{Versions, same_release};
use crate::objective::LagSummary;
use crate::package::Package;
use crate::world::{Edge, Facts, Known, World};
use crate::{CoreMetadata, HeldBackBy, NotKept, ResolvedPackage, SourceError, Trust};

/// The solver's decisions, by project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) versions: BTreeMap<PackageName, Version>,
    pub(crate) extras: BTreeMap<PackageName, BTreeSet<ExtraName>>,
}

/// Who requires a project, and with which specifier; `None` is the user.
pub(crate) type Incoming = BTreeMap<PackageName, Vec<(Option<PackageName>, Edge)>>;

impl Chosen {
    pub(crate) fn of(solution: impl IntoIterator<Item = (Package, Version)>) -> Self {
        let mut versions = BTreeMap::new();
        let mut extras = BTreeMap::<PackageName, BTreeSet<ExtraName>>::new();
        for (package, version) in solution {
            match package {
                Package::Root => {}
                Package::Project(name) => {
                    versions.insert(name, version);
                }
                Package::Extra(name, extra) => {
                    extras.entry(name).or_default().insert(extra);
                }
            }
        }
        Self { versions, extras }
    }

    /// Every pin with its reasons, ordered by name, and the lag of the whole.
    pub(crate) fn explained(
        &self,
        world: &World<'_>,
        preferred: &Versions,
    ) -> Result<(Vec<ResolvedPackage>, LagSummary), SourceError> {
        let incoming = self.incoming(world)?;
        self.expect_newest(world)?;
        let mut packages = Vec::with_capacity(self.versions.len());
        for (name, version) in &self.versions {
            let Known::Found(candidates) = world.whole_project(name)? else {
                continue;
            };
            let Some(candidate) = candidates.get(version) else {
                continue;
            };
            let mut package = self.package(world, name, &candidates, candidate, &incoming)?;
            if package.newest.is_some() && world.kept_version(name).is_some() {
                let preferred = preferred.get(name) == Some(version);
                package.held_back_by.push(if preferred {
                    HeldBackBy::Lock
                } else {
                    HeldBackBy::OtherTargets
                });
            }
            packages.push(package);
        }
        let roots = || packages.iter().filter(|package| package.root);
        let lag = LagSummary {
            root_max_days: roots().filter_map(|p| p.lag_days).max().unwrap_or(0),
            root_sum_days: roots().filter_map(|p| p.lag_days).sum(),
            all_sum_days: packages.iter().filter_map(|p| p.lag_days).sum(),
        };
        Ok((packages, lag))
    }

    /// Says that the newest releases that were not chosen are looked at for their reasons.
    fn expect_newest(&self, world: &World<'_>) -> Result<(), SourceError> {
        for (name, version) in &self.versions {
            let Known::Found(candidates) = world.whole_project(name)? else {
                continue;
            };
            let newest = candidates.newest.as_ref();
            let newest = newest.filter(|newest| *newest > version);
            if let Some(candidate) = newest.and_then(|newest| candidates.get(newest)) {
                world.expect(name, &candidates, candidate);
            }
        }
        Ok(())
    }

    /// Every requirement that holds within the answer, by the project it is on.
    fn incoming(&self, world: &World<'_>) -> Result<Incoming, SourceError> {
        let mut incoming = Incoming::new();
        let mut note = |by: Option<&PackageName>, edges: Vec<Edge>| {
            for edge in edges {
                let list = incoming.entry(edge.name().clone()).or_default();
                list.push((by.cloned(), edge));
            }
        };
        note(None, world.root_edges());
        for (name, version) in &self.versions {
            let Known::Found(candidates) = world.project(name)? else {
                continue;
            };
            let Some(candidate) = candidates.get(version) else {
                continue;
            };
            let Facts::Found(metadata) = world.facts(name, &candidates, candidate)? else {
                continue;
            };
            note(Some(name), world.edges_of(&metadata, None));
            for extra in self.extras.get(name).into_iter().flatten() {
                note(Some(name), world.edges_of(&metadata, Some(extra)));
            }
        }
        Ok(incoming)
    }

    fn package(
        &self,
        world: &World<'_>,
        name: &PackageName,
        candidates: &Candidates,
        candidate: &Candidate,
        incoming: &Incoming,
    ) -> Result<ResolvedPackage, SourceError> {
        let release = candidates.release(candidate);
        let newest = candidates.newest.clone();
        let newest = newest.filter(|newest| *newest > candidate.version);
        let (trust, unknown_extras) = match world.facts(name, candidates, candidate)? {
            Facts::Found(metadata) => (metadata.trust, unknown_extras(world, name, &metadata)),
            Facts::Unavailable(_) => (Trust::Guessed, Vec::new()),
        };
        let required_by = incoming.get(name).into_iter().flatten();
        let required_by: BTreeSet<_> = required_by.filter_map(|(by, _)| by.clone()).collect();
        let edges = self.edges(world, name, candidates, candidate)?;
        let requires = edges.iter().map(|edge| edge.name.clone());
        let requires: BTreeSet<_> = requires.filter(|required| required != name).collect();
        Ok(ResolvedPackage {
            name: name.clone(),
            version: candidate.version.clone(),
            extras: self
                .extras
                .get(name)
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            unknown_extras,
            files: candidate
                .files
                .iter()
                .filter_map(|position| candidates.project.file(release, *position))
                .collect(),
            index: Arc::clone(&candidates.project.index),
            uploaded: release.uploaded,
            lag_days: candidate.lag,
            held_back_by: match &newest {
                Some(newest) => held_back_by(self, world, name, candidates, newest, incoming)?,
                None => Vec::new(),
            },
            newest,
            required_by: required_by.into_iter().filter(|by| by != name).collect(),
            edges,
            requires: requires.into_iter().collect(),
            root: world.request.has_root(name),
            trust,
        })
    }

    /// What a pin requires, with and without its extras.
    fn edges(
        &self,
        world: &World<'_>,
        name: &PackageName,
        candidates: &Candidates,
        candidate: &Candidate,
    ) -> Result<Vec<crate::Edge>, SourceError> {
        let Facts::Found(metadata) = world.facts(name, candidates, candidate)? else {
            return Ok(Vec::new());
        };
        let own = self.extras.get(name).into_iter().flatten();
        let mut edges = BTreeSet::new();
        for extra in std::iter::once(None).chain(own.map(Some)) {
            for edge in world.edges_of(&metadata, extra) {
                let extras: BTreeSet<_> = edge.requirement.extras.iter().cloned().collect();
                edges.insert(crate::Edge {
                    extra: extra.cloned(),
                    name: edge.name().clone(),
                    extras: extras.into_iter().collect(),
                });
            }
        }
        Ok(edges.into_iter().collect())
    }

    /// The wanted versions of what is needed that could not be, each with the reason.
    pub(crate) fn not_kept(
        &self,
        world: &World<'_>,
        wanted: &Versions,
    ) -> Result<Vec<NotKept>, SourceError> {
        let mut incoming = None;
        let mut not_kept = Vec::new();
        for (name, version) in wanted {
            let pinned = self.versions.get(name);
            let Some(pinned) = pinned.filter(|pinned| !same_release(pinned, version)) else {
                continue;
            };
            if incoming.is_none() {
                incoming = Some(self.incoming(world)?);
            }
            let incoming = incoming.as_ref().and_then(|all| all.get(name));
            not_kept.push(NotKept {
                name: name.clone(),
                version: version.clone(),
                pinned: pinned.clone(),
                reason: self.reason_against(world, name, version, incoming)?,
            });
        }
        Ok(not_kept)
    }

    /// Why the answer cannot have a version.
    fn reason_against(
        &self,
        world: &World<'_>,
        name: &PackageName,
        version: &Version,
        incoming: Option<&Vec<(Option<PackageName>, Edge)>>,
    ) -> Result<String, SourceError> {
        let Known::Found(candidates) = world.whole_project(name)? else {
            return Ok("no index has it".to_owned());
        };
        let Some(candidate) = candidates.get(version) else {
            let mut ineligible = candidates.ineligible.iter();
            let found = ineligible.find(|(other, _)| other == version);
            return Ok(found.map_or_else(
                || "no index has it".to_owned(),
                |(_, reason)| format!("it {reason}"),
            ));
        };
        if !world.admits(name, candidate) {
            return Ok("your constraints or the rule on pre-releases exclude it".to_owned());
        }
        for (by, edge) in incoming.into_iter().flatten() {
            if !edge.ranges.contains(version) {
                let (name, specifier) = (edge.name(), edge.specifier());
                return Ok(match by.as_ref().and_then(|by| self.pin(by)) {
                    Some((by, version)) => format!("{by} {version} requires {name}{specifier}"),
                    None => format!("your requirement is {name}{specifier}"),
                });
            }
        }
        if let Some(Facts::Unavailable(reason)) = world.known_facts(name, version) {
            return Ok(reason.to_string());
        }
        if let Some(Facts::Found(metadata)) = world.known_facts(name, version) {
            for edge in world.edges_of(&metadata, None) {
                if let Some((other, pinned)) = self.pin(edge.name())
                    && !edge.ranges.contains(&pinned)
                {
                    let wants = edge.specifier();
                    return Ok(format!(
                        "it requires {other}{wants}, and {other} is {pinned}"
                    ));
                }
            }
        }
        Ok("it does not fit the other pins".to_owned())
    }

    /// The extras of a project that are switched on.
    pub(crate) fn extras_of(&self, name: &PackageName) -> impl Iterator<Item = &ExtraName> {
        self.extras.get(name).into_iter().flatten()
    }

    /// A project with its pinned version.
    pub(crate) fn pin(&self, name: &PackageName) -> Option<(PackageName, Version)> {
        let (name, version) = self.versions.get_key_value(name)?;
        Some((name.clone(), version.clone()))
    }
}

/// The extras that the user asks for and the metadata neither declares nor uses.
fn unknown_extras(
    world: &World<'_>,
    name: &PackageName,
    metadata: &CoreMetadata,
) -> Vec<ExtraName> {
    if metadata.trust == Trust::Guessed || !world.request.has_root(name) {
        return Vec::new();
    }
    let roots = world.root_edges();
    let asked = roots.iter().filter(|root| root.name() == name);
    let asked: BTreeSet<&ExtraName> = asked.flat_map(|root| &root.requirement.extras).collect();
    let known = |extra: &ExtraName| {
        let used = format!("extra == '{extra}'");
        let mut markers = metadata.requires_dist.iter().map(|line| &line.marker);
        metadata.provides_extra.contains(extra)
            || markers.any(|marker| {
                let marker = marker.try_to_string();
                marker.is_some_and(|text| text.contains(&used))
            })
    };
    asked
        .into_iter()
        .filter(|extra| !known(extra))
        .cloned()
        .collect()
}
