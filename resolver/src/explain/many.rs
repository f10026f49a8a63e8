//! Facts of a failure that rests on more than a proof of PubGrub can hold in reasonable time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use super::fact::{Fact, Span, Subject};
use super::leaves::{Reader, counted};
use crate::eligible::Candidates;
use crate::engine::{Claim, Core};
use crate::package::Package;
use crate::world::Known;

impl Reader<'_, '_> {
    /// What a failure rests on, all that one project requires of another in one claim, which may say too little.
    pub(super) fn joined_facts(&self, core: &Core) -> Vec<Fact> {
        let mut joined =
            BTreeMap::<(Subject, Subject), (Vec<Version>, Vec<&Ranges<Version>>)>::new();
        for claim in &core.claims {
            if let (Some(by), Some(on)) = (
                claim.by.as_ref().and_then(Subject::of),
                Subject::of(&claim.on),
            ) && !is_own_project(&by, &on)
            {
                let (versions, ranges) = joined.entry((by, on)).or_default();
                versions.extend(claim.versions.iter().cloned());
                ranges.push(&claim.range);
            }
        }
        let mut facts = self.given(core);
        for ((by, on), (mut versions, ranges)) in joined {
            versions.sort();
            let versions: Ranges<Version> = versions.into_iter().map(only).collect();
            let pieces = ranges.into_iter().flat_map(Ranges::iter);
            let range = pieces
                .map(|(low, high)| (low.clone(), high.clone()))
                .collect();
            facts.push(self.requires(by, &versions, on, range));
        }
        facts
    }

    /// The same, each claim for itself.
    pub(super) fn all_facts(&self, core: &Core) -> Vec<Fact> {
        let mut facts = self.given(core);
        let mut releases = BTreeMap::<PackageName, Vec<Version>>::new();
        for Claim {
            by,
            versions,
            on,
            range,
        } in &core.claims
        {
            let (Some(by), Some(on)) = (by.as_ref().and_then(Subject::of), Subject::of(on)) else {
                continue;
            };
            if is_own_project(&by, &on) {
                continue;
            }
            let releases = releases.entry(by.name.clone()).or_insert_with(|| {
                match self.candidates(&by.name) {
                    Some(candidates) => counted(self.world, &by.name, &candidates),
                    None => Vec::new(),
                }
            });
            let span = span_among(releases, versions);
            facts.push(Fact::Requires {
                rule: self.rule_behind(&by, &span, &on, range),
                span,
                overridden: self.world.overrides(&on.name),
                by,
                on,
                range: range.clone(),
            });
        }
        facts
    }

    /// What the user asks for, and what cannot be had.
    fn given(&self, core: &Core) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut wanted = BTreeMap::<&PackageName, Vec<&Ranges<Version>>>::new();
        for claim in &core.claims {
            if claim.by.is_none() {
                for fact in self.asked(&claim.on) {
                    if !facts.contains(&fact) {
                        facts.push(fact);
                    }
                }
            }
            if let Package::Project(name) = &claim.on {
                wanted.entry(name).or_default().push(&claim.range);
            }
        }
        let requiring = core
            .claims
            .iter()
            .filter_map(|claim| claim.by.as_ref()?.name());
        let requiring: BTreeSet<&PackageName> = requiring.collect();
        for (name, ranges) in wanted {
            match self.world.known_project(name) {
                Some(Known::Found(candidates)) => {
                    let offered = core.offered.get(name);
                    let all = joined(ranges.iter().copied());
                    facts.extend(self.reasons_against(name, &candidates, |version| {
                        offered.is_none_or(|offered| !offered.contains(version))
                            && all.contains(version)
                    }));
                    let bounded = ranges.into_iter().filter(|range| **range != Ranges::full());
                    let claimed = requiring.contains(name);
                    facts.extend(self.between(name, &candidates, &joined(bounded), claimed));
                }
                Some(Known::Offline) => facts.push(Fact::NotInCache { name: name.clone() }),
                Some(Known::NotFound) | None => {
                    facts.push(Fact::NotOnIndex { name: name.clone() });
                }
            }
        }
        facts
    }

    /// That there is nothing between the releases of a project. Claims about its releases reach up to their neighbours, so
    /// with them only what lies outside of all releases is said.
    fn between(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        range: &Ranges<Version>,
        claimed: bool,
    ) -> Option<Fact> {
        let ends = candidates.versions().next().cloned();
        let ends = ends.zip(candidates.versions().next_back().cloned());
        let releases: Ranges<Version> = match &ends {
            Some((first, last)) if claimed => {
                Ranges::from_range_bounds(first.clone()..=last.clone())
            }
            _ => candidates.versions().cloned().map(only).collect(),
        };
        let between = range.intersection(&releases.complement());
        (!between.is_empty()).then(|| Fact::Missing {
            name: name.clone(),
            range: between,
            offered: ends,
            direct: self.world.request.direct.contains_key(name),
        })
    }
}

/// What any of some ranges admits.
fn joined<'r>(ranges: impl Iterator<Item = &'r Ranges<Version>>) -> Ranges<Version> {
    let pieces = ranges.flat_map(Ranges::iter);
    pieces
        .map(|(low, high)| (low.clone(), high.clone()))
        .collect()
}

fn only(version: Version) -> (Bound<Version>, Bound<Version>) {
    (Bound::Included(version.clone()), Bound::Included(version))
}

/// An extra always has its project's version; nobody needs to be told.
fn is_own_project(by: &Subject, on: &Subject) -> bool {
    by.name == on.name && on.extra.is_none()
}

/// Some releases of a project, with everything up to the neighbours that are not meant; both ascending.
fn span_among(releases: &[Version], meant: &[Version]) -> Span {
    let mut span = Span {
        versions: Ranges::empty(),
        usable_only: false,
        runs: Vec::new(),
        count: meant.len(),
    };
    let mut rest = meant;
    let mut pieces = Vec::new();
    while let Some(first) = rest.first() {
        let position = releases.partition_point(|release| release < first);
        let run = rest
            .iter()
            .zip(&releases[position..])
            .take_while(|(one, other)| one == other)
            .count();
        // a release that does not count otherwise stands alone
        let (run, below, above) = match run {
            0 => (1, Some(first.clone()), Some(first.clone())),
            run => {
                let below = position.checked_sub(1).map(|below| releases[below].clone());
                (run, below, releases.get(position + run).cloned())
            }
        };
        let last = &rest[run - 1];
        if below.as_ref() == Some(first) {
            pieces.push(only(first.clone()));
        } else {
            let low = below.map_or(Bound::Unbounded, Bound::Excluded);
            pieces.push((low, above.map_or(Bound::Unbounded, Bound::Excluded)));
        }
        span.runs.push((first.clone(), last.clone()));
        rest = &rest[run..];
    }
    span.versions = pieces.into_iter().collect();
    span
}
