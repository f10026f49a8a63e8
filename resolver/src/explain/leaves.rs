//! The leaves of the solver's proof become facts, each said of as many releases as it is true of.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::{DerivationTree, External};
use version_ranges::Ranges;

use super::Proof;
use super::fact::{Exclusion, Fact, Span, Subject};
use crate::eligible::{Candidates, Ineligible};
use crate::package::Package;
use crate::provider::Reason;
use crate::world::{Known, METADATA_OFFLINE, World};
use crate::{AbiRule, Platform, PythonVersion, TagSet, Target, to_ranges};

/// A set of releases in more pieces than this is said of the usable releases only.
const PIECES: usize = 2;

/// The glibc versions that wheels are built for; manylinux tags name them (PEP 600).
const GLIBCS: [(u16, u16); 9] = [
    (2, 17),
    (2, 24),
    (2, 26),
    (2, 27),
    (2, 28),
    (2, 31),
    (2, 34),
    (2, 35),
    (2, 39),
];

type Leaf = External<Package, Ranges<Version>, Reason>;

/// Turns leaves into facts, with what is known of the world.
pub(super) struct Reader<'w, 'a> {
    pub(super) world: &'w World<'a>,
    pub(super) target: &'w Target,
}

impl Reader<'_, '_> {
    /// What the proof rests on, equal facts joined.
    pub(super) fn facts_of(&self, proof: &Proof) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut required =
            BTreeMap::<(Subject, Subject), Vec<(Ranges<Version>, Ranges<Version>)>>::new();
        let mut empty = BTreeMap::<PackageName, Ranges<Version>>::new();
        for leaf in leaves(proof) {
            match leaf {
                External::NotRoot(..) => {}
                External::FromDependencyOf(Package::Root, _, on, _) => {
                    for fact in self.asked(on) {
                        if !facts.contains(&fact) {
                            facts.push(fact);
                        }
                    }
                }
                // an extra always has its project's version; nobody needs to be told
                External::FromDependencyOf(by, _, on @ Package::Project(_), _)
                    if by.name() == on.name() => {}
                External::FromDependencyOf(by, versions, on, range) => {
                    let (Some(by), Some(on)) = (Subject::of(by), Subject::of(on)) else {
                        continue;
                    };
                    let same = required.entry((by, on)).or_default();
                    match same.iter_mut().find(|(_, known)| known == range) {
                        Some((all, _)) => *all = all.union(versions),
                        None => same.push((versions.clone(), range.clone())),
                    }
                }
                External::NoVersions(package, range) | External::Custom(package, range, _) => {
                    if let Some(name) = package.name() {
                        let all = empty.entry(name.clone()).or_insert_with(Ranges::empty);
                        *all = all.union(range);
                    }
                }
            }
        }
        for ((by, on), ranges) in required {
            for (versions, range) in ranges {
                facts.push(self.requires(by.clone(), &versions, on.clone(), range));
            }
        }
        for (name, range) in &empty {
            facts.extend(self.nothing_in(name, range));
        }
        facts
    }
}

/// Every leaf once; the tree shares nodes.
fn leaves(proof: &Proof) -> Vec<&Leaf> {
    let mut leaves = Vec::new();
    let mut seen = HashSet::new();
    let mut stack = vec![proof];
    while let Some(tree) = stack.pop() {
        match tree {
            DerivationTree::External(external) => leaves.push(external),
            DerivationTree::Derived(derived) => {
                for cause in [&derived.cause2, &derived.cause1] {
                    if seen.insert(Arc::as_ptr(cause)) {
                        stack.push(cause);
                    }
                }
            }
        }
    }
    leaves
}

impl Reader<'_, '_> {
    /// The user's own requirements on a project.
    pub(super) fn asked(&self, on: &Package) -> Vec<Fact> {
        let edges = self.world.root_edges().into_iter();
        let edges = edges.filter(|edge| Some(edge.name()) == on.name());
        let wanted = edges.filter(|edge| match on {
            Package::Extra(_, extra) => edge.requirement.extras.contains(extra),
            _ => true,
        });
        wanted
            .map(|edge| Fact::Asked {
                requirement: edge.requirement,
                range: edge.ranges,
            })
            .collect()
    }

    /// The rule of pinsmith's own behind a requirement; that of the newest release meant.
    pub(super) fn rule_behind(
        &self,
        by: &Subject,
        span: &Span,
        on: &Subject,
        range: &Ranges<Version>,
    ) -> Option<AbiRule> {
        self.world
            .rule_behind((&by.name, span.last()?), &on.name, range)
    }

    pub(super) fn requires(
        &self,
        by: Subject,
        versions: &Ranges<Version>,
        on: Subject,
        range: Ranges<Version>,
    ) -> Fact {
        let overridden = self.world.overrides(&on.name);
        let span = self.span(&by.name, versions);
        Fact::Requires {
            rule: self.rule_behind(&by, &span, &on, &range),
            span,
            by,
            on,
            range,
            overridden,
        }
    }

    /// Says a joined fact of all it is true of.
    pub(super) fn widen(&self, fact: &mut Fact) {
        let Fact::Requires {
            by,
            span,
            on,
            range,
            ..
        } = fact
        else {
            return;
        };
        *span = self.span(&by.name, &span.versions);
        if let Some(candidates) = self.candidates(&on.name) {
            *range = range.simplify(candidates.versions());
        }
    }

    pub(super) fn candidates(&self, name: &PackageName) -> Option<std::rc::Rc<Candidates>> {
        match self.world.known_project(name) {
            Some(Known::Found(candidates)) => Some(candidates),
            _ => None,
        }
    }

    /// As wide as it stays true, over the releases that count.
    fn span(&self, name: &PackageName, versions: &Ranges<Version>) -> Span {
        let Some(candidates) = self.candidates(name) else {
            return Span {
                versions: versions.clone(),
                usable_only: false,
                runs: Vec::new(),
                count: 0,
            };
        };
        let counted = counted(self.world, name, &candidates);
        let wide = span_of(&counted, |version| versions.contains(version));
        if wide.runs.is_empty() {
            // releases that do not count otherwise, such as a yanked one that was pinned
            let all: Vec<Version> = candidates.versions().cloned().collect();
            return span_of(&all, |version| versions.contains(version));
        }
        if wide.runs.len() <= PIECES {
            return wide;
        }
        let usable: Vec<Version> = counted
            .into_iter()
            .filter(|version| candidates.get(version).is_some())
            .collect();
        let narrow = span_of(&usable, |version| versions.contains(version));
        if narrow.runs.len() >= wide.runs.len() {
            return wide;
        }
        Span {
            usable_only: true,
            ..narrow
        }
    }

    /// Why nothing in a range can be had: one fact for each reason.
    fn nothing_in(&self, name: &PackageName, range: &Ranges<Version>) -> Vec<Fact> {
        let name = name.clone();
        let candidates = match self.world.known_project(&name) {
            Some(Known::Found(candidates)) => candidates,
            Some(Known::Offline) => return vec![Fact::NotInCache { name }],
            Some(Known::NotFound) | None => return vec![Fact::NotOnIndex { name }],
        };
        let facts = self.reasons_against(&name, &candidates, |version| range.contains(version));
        if !facts.is_empty() {
            return facts;
        }
        let offered = candidates.versions().next().cloned();
        let offered = offered.zip(candidates.versions().next_back().cloned());
        let range = range.clone();
        vec![Fact::Missing {
            direct: self.world.request.direct.contains_key(&name),
            name,
            range,
            offered,
        }]
    }

    /// Why some releases cannot be taken: one fact for each reason.
    pub(super) fn reasons_against(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        is_meant: impl Fn(&Version) -> bool,
    ) -> Vec<Fact> {
        let mut groups: Vec<(Exclusion, Vec<Version>)> = Vec::new();
        // newest first, so that a group has the details of its newest release
        for version in candidates.versions().rev().filter(|v| is_meant(v)) {
            let Some(why) = self.exclusion(name, candidates, version) else {
                continue;
            };
            match groups.iter_mut().find(|(known, _)| known.is_like(&why)) {
                Some((_, versions)) => versions.push(version.clone()),
                None => groups.push((why, vec![version.clone()])),
            }
        }
        let all: Vec<Version> = candidates.versions().cloned().collect();
        let fact = |(because, versions): &(Exclusion, Vec<Version>)| {
            let own: BTreeSet<&Version> = versions.iter().collect();
            let mut span = span_of(&all, |version| own.contains(version));
            if let Exclusion::Constraint(one) = because {
                span.versions = to_ranges(&crate::specifiers_of(one)).complement();
            }
            Fact::Excluded {
                name: name.clone(),
                span,
                because: self.detailed(candidates, because, versions.first()),
            }
        };
        groups.iter().map(fact).collect()
    }

    /// Why one release cannot be taken; `None` when it was only not taken.
    fn exclusion(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        version: &Version,
    ) -> Option<Exclusion> {
        let unfit = candidates.ineligible.iter().find(|(v, _)| v == version);
        if let Some((_, reason)) = unfit {
            return Some(match reason {
                Ineligible::RequiresPython(python) => Exclusion::RequiresPython(python.clone()),
                Ineligible::NoMatchingWheel => Exclusion::NoMatchingWheel {
                    pythons: Vec::new(),
                    platforms: Vec::new(),
                    glibc: None,
                },
                Ineligible::TooNew => Exclusion::TooNew,
            });
        }
        if let Some(reason) = self.world.known_unusable(name, version) {
            return Some(Exclusion::Unusable {
                offline: &*reason == METADATA_OFFLINE,
                reason: reason.to_string(),
            });
        }
        let candidate = candidates.get(version)?;
        if let Some(constraint) = self.world.constraint_against(name, version) {
            return Some(Exclusion::Constraint(constraint));
        }
        if candidate.yanked && !self.world.admits(name, candidate) {
            let release = candidates.release(candidate);
            let mut files = candidates.project.files(release);
            let reason = files.find_map(|file| file.yanked.map(|yanked| yanked.reason));
            return Some(Exclusion::Yanked {
                reason: reason.unwrap_or_default(),
            });
        }
        if version.any_prerelease() {
            return Some(Exclusion::Prerelease);
        }
        if !self.world.admits(name, candidate) {
            return Some(Exclusion::Spelling);
        }
        candidate.reserve.then_some(Exclusion::SourceOnly)
    }

    /// Fills in what only the newest release of a group is asked for.
    fn detailed(
        &self,
        candidates: &Candidates,
        because: &Exclusion,
        newest: Option<&Version>,
    ) -> Exclusion {
        let release = newest.and_then(|newest| candidates.project.release(newest));
        let (Exclusion::NoMatchingWheel { .. }, Some(release)) = (because, release) else {
            return because.clone();
        };
        let files: Vec<_> = candidates.project.files(release).collect();
        let fits = |target: &Target| {
            let tags = TagSet::of(target);
            let mut wheels = files.iter().filter_map(|file| file.wheel());
            wheels.any(|wheel| tags.rank(wheel).is_some())
        };
        let newer_glibc = |floor: &(u16, u16)| {
            *floor > self.target.floor
                && fits(&Target {
                    floor: *floor,
                    ..self.target.clone()
                })
        };
        let is_linux = matches!(
            self.target.platform,
            Platform::LinuxX86_64 | Platform::LinuxAarch64
        );
        let mut floors = GLIBCS.into_iter().filter(|_| is_linux);
        let own = self.target.python.minor_pair();
        let pythons = (6..=16).map(|minor| (3, minor)).filter(|pair| *pair != own);
        let with_python = |(major, minor)| Target {
            python: PythonVersion {
                major,
                minor,
                patch: None,
            },
            ..self.target.clone()
        };
        let platforms = Platform::ALL.into_iter();
        let platforms = platforms.filter(|platform| *platform != self.target.platform);
        Exclusion::NoMatchingWheel {
            glibc: floors.find(newer_glibc),
            pythons: pythons.filter(|pair| fits(&with_python(*pair))).collect(),
            platforms: platforms
                .filter(|platform| fits(&Target::new(self.target.python, *platform)))
                .collect(),
        }
    }
}

/// The releases that count: final and unyanked ones, and those that the user or need admits.
pub(super) fn counted(
    world: &World<'_>,
    name: &PackageName,
    candidates: &Candidates,
) -> Vec<Version> {
    let finals_only = !world.wants_prereleases(name) && !world.needs_prereleases(name, candidates);
    let counts = |version: &&Version| {
        if finals_only && version.any_prerelease() {
            return false;
        }
        let candidate = candidates.get(version);
        candidate.is_none_or(|candidate| !candidate.yanked || world.admits(name, candidate))
    };
    candidates.versions().filter(counts).cloned().collect()
}

/// Those of some ascending releases that are meant, with everything up to the neighbours that are
/// not.
pub(super) fn span_of(releases: &[Version], is_meant: impl Fn(&Version) -> bool) -> Span {
    let mut span = Span {
        versions: Ranges::empty(),
        usable_only: false,
        runs: Vec::new(),
        count: 0,
    };
    let mut position = 0;
    while position < releases.len() {
        if !is_meant(&releases[position]) {
            position += 1;
            continue;
        }
        let run = releases[position..]
            .iter()
            .take_while(|v| is_meant(v))
            .count();
        let end = position + run;
        let below = position
            .checked_sub(1)
            .map(|before| releases[before].clone());
        let low = below.map_or_else(Ranges::full, Ranges::strictly_higher_than);
        let high = releases.get(end).cloned();
        let high = high.map_or_else(Ranges::full, Ranges::strictly_lower_than);
        span.versions = span.versions.union(&low.intersection(&high));
        span.runs
            .push((releases[position].clone(), releases[end - 1].clone()));
        span.count += run;
        position = end;
    }
    span
}
