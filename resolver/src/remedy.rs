//! What would make unsatisfiable requirements work; each remedy was tried and has an answer.

mod circumstances;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use pep440_rs::Version;
use pep508_rs::{PackageName, VersionOrUrl};

use crate::chosen::Chosen;
use crate::package::Package;
use crate::provider::{Provider, root_version};
use crate::resolve::ResolutionMode;
use crate::source::Seen;
use crate::world::World;
use crate::{
    Exclusion, Fact, Options, PackageSource, PrereleasePolicy, PythonVersion, ReleasesAnswer,
    Request, Requirement, Target, Unsatisfiable, specifiers_of,
};

/// How many decisions all attempts may take together.
const DECISIONS: u32 = 12_000;

/// How many decisions one attempt may take; an answer takes about one a package.
const DECISIONS_OF_ONE: u32 = 2_000;

/// How much work one attempt may take, in pieces of ranges.
const WORK_OF_ONE: u64 = 10_000;

/// How many of the user's requirements are tried to be loosened.
const REQUIREMENTS_TRIED: usize = 6;

/// How many months before the newest upload are looked at.
const MONTHS_BACK: [i32; 6] = [0, 3, 6, 12, 24, 36];

/// One change that gives the requirements an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Ask for the project without its bounds.
    Loosen {
        /// The user's requirement.
        requirement: Requirement,
        /// The version that is taken then.
        version: Version,
    },
    /// Do not ask for the project.
    Drop {
        /// The user's requirement.
        requirement: Requirement,
    },
    /// Ask for the project without its extras.
    NoExtras {
        /// The user's requirement.
        requirement: Requirement,
    },
    /// Ask for the public version in place of a local one.
    Public {
        /// The user's requirement.
        requirement: Requirement,
        /// The version without its local part.
        version: Version,
    },
    /// Leave an override out.
    DropOverride {
        /// The user's override.
        overriding: Requirement,
    },
    /// Leave a constraint out.
    DropConstraint {
        /// The user's constraint.
        constraint: Requirement,
    },
    /// Use another Python.
    Python {
        /// Which.
        python: PythonVersion,
    },
    /// Admit pre-releases.
    Prereleases {
        /// Those that are taken then.
        pins: Vec<(PackageName, Version)>,
    },
    /// Pin a yanked release.
    PinYanked {
        /// The project.
        name: PackageName,
        /// The release.
        version: Version,
    },
    /// Let files count that were uploaded up to this instant.
    AsOf {
        /// The instant.
        instant: Timestamp,
    },
    /// Let files count whenever they were uploaded.
    NoAsOf,
    /// Take wheels that need a newer glibc.
    Glibc {
        /// The lowest glibc that the target then has.
        floor: (u16, u16),
    },
}

impl Remedy {
    /// How much of what the user wants is given up.
    fn harshness(&self) -> u8 {
        match self {
            Self::Public { .. } => 0,
            Self::Loosen { .. } | Self::DropConstraint { .. } | Self::DropOverride { .. } => 1,
            Self::Drop { .. } => 3,
            _ => 2,
        }
    }
}

/// Changes that each give the requirements an answer, the gentlest first.
///
/// Every one of them was solved for. The effort is bounded, so there may be others.
pub fn remedies(
    proof: &Unsatisfiable,
    request: &Request,
    source: &dyn PackageSource,
    options: &Options,
) -> Vec<Remedy> {
    if proof.offline() {
        return Vec::new();
    }
    let trial = Trial {
        target: &proof.target,
        request,
        source,
        options,
        left: Cell::new(DECISIONS),
    };
    let mut found = Vec::new();
    for requirement in proof.requirements().into_iter().take(REQUIREMENTS_TRIED) {
        found.extend(trial.without(requirement, proof));
    }
    found.extend(trial.constraints(proof));
    found.extend(trial.overrides(proof));
    found.extend(trial.pythons(proof));
    found.extend(trial.prereleases(proof));
    found.extend(trial.yanked(proof));
    found.extend(trial.later(proof));
    found.extend(trial.glibc(proof));
    found.sort_by_key(Remedy::harshness);
    found
}

/// The latest of a few months at whose start the requirements had an answer.
///
/// Whatever was uploaded by then still counts today, so an earlier day helps only where a
/// pre-release counted for want of a final release that has come since; only then is it tried.
///
/// The months lie before the newest upload of the projects that the proof names. A source without
/// a network makes this cost nothing but time: what it does not have is taken not to work.
pub fn worked_as_of(
    proof: &Unsatisfiable,
    request: &Request,
    source: &dyn PackageSource,
    options: &Options,
) -> Option<Timestamp> {
    if proof.offline() || options.prereleases != PrereleasePolicy::IfNecessary {
        return None;
    }
    let trial = Trial {
        target: &proof.target,
        request,
        source,
        options,
        left: Cell::new(DECISIONS),
    };
    if !projects(proof).any(|name| trial.has_prereleases(name)) {
        return None;
    }
    let uploads = projects(proof).filter_map(|name| trial.newest_upload(name));
    let newest = uploads.max()?;
    let newest = options.as_of.map_or(newest, |as_of| newest.min(as_of));
    let day = newest.to_zoned(TimeZone::UTC).date().first_of_month();
    MONTHS_BACK.into_iter().find_map(|months| {
        let start = day.checked_sub(months.months()).ok()?;
        let instant = end_of(start)?;
        let options = Options {
            as_of: Some(instant),
            ..options.clone()
        };
        let answer = trial.solve(request, &proof.target, &options);
        answer.map(|_| instant)
    })
}

/// The projects that a proof names, without what stands in no index.
fn projects(proof: &Unsatisfiable) -> impl Iterator<Item = &PackageName> {
    let mut seen = BTreeSet::new();
    let named = proof.facts.iter().filter_map(|fact| match fact {
        Fact::Asked { requirement, .. } => Some(&requirement.name),
        Fact::Requires { on, .. } => Some(&on.name),
        _ => None,
    });
    named.filter(move |name| seen.insert(*name))
}

/// The last second of a day in UTC, which is what `--as-of` takes a day for.
fn end_of(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    next.timestamp().checked_sub(1.second()).ok()
}

/// What attempts have in common.
struct Trial<'t> {
    target: &'t Target,
    request: &'t Request,
    source: &'t dyn PackageSource,
    options: &'t Options,
    left: Cell<u32>,
}

type Versions = BTreeMap<PackageName, Version>;

impl Trial<'_> {
    /// Any answer, or none within the bounds of effort.
    fn solve(&self, request: &Request, target: &Target, options: &Options) -> Option<Versions> {
        let mode = match options.mode {
            ResolutionMode::Coherent => ResolutionMode::Newest,
            other => other,
        };
        let world = World::new(request, target, self.source, options);
        for reserves in [false, true] {
            let allowed = self.left.get().min(DECISIONS_OF_ONE);
            if allowed == 0 {
                return None;
            }
            let provider = Provider::new(&world, mode, reserves)
                .within(allowed)
                .at_most(WORK_OF_ONE);
            let solution = pubgrub::resolve(&provider, Package::Root, root_version());
            let used = allowed.saturating_sub(provider.decisions_left().unwrap_or(0));
            self.left.set(self.left.get().saturating_sub(used));
            match solution {
                Ok(solution) => return Some(Chosen::of(solution).versions),
                Err(_) if !world.passed_over_reserves() => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// The source as the target sees it.
    fn seen(&self) -> Seen<'_> {
        Seen::by(self.target, self.source)
    }

    fn has_prereleases(&self, name: &PackageName) -> bool {
        match self.seen().releases(name) {
            Ok(ReleasesAnswer::Found(project)) => {
                let mut releases = project.releases().iter();
                releases.any(|release| release.version.any_prerelease())
            }
            _ => false,
        }
    }

    fn newest_upload(&self, name: &PackageName) -> Option<Timestamp> {
        match self.seen().releases(name) {
            Ok(ReleasesAnswer::Found(project)) => {
                let releases = project.releases().iter();
                releases.filter_map(|release| release.uploaded).max()
            }
            _ => None,
        }
    }

    fn with_roots(&self, roots: Vec<Requirement>) -> Option<Versions> {
        let request = Request {
            roots,
            ..self.request.clone()
        };
        self.solve(&request, self.target, self.options)
    }

    /// A root changed in one way.
    fn with_changed(
        &self,
        root: &Requirement,
        change: impl FnOnce(&mut Requirement),
    ) -> Option<Versions> {
        let mut changed = root.clone();
        change(&mut changed);
        let roots = self.request.roots.iter();
        let roots = roots.map(|one| if one == root { &changed } else { one });
        self.with_roots(roots.cloned().collect())
    }

    /// A requirement with less to it, or not at all.
    fn without(&self, requirement: &Requirement, proof: &Unsatisfiable) -> Vec<Remedy> {
        let roots = &self.request.roots;
        if !roots.contains(requirement) {
            return Vec::new();
        }
        let there = !proof
            .unknown_projects()
            .any(|name| *name == requirement.name);
        let mut found = Vec::new();
        if there {
            found.extend(self.public(requirement));
            found.extend(self.loose(requirement));
            found.extend(self.without_extras(requirement));
        }
        let rest = roots.iter().filter(|root| *root != requirement);
        // nothing at all always fits
        if found.is_empty()
            && rest.clone().next().is_some()
            && self.with_roots(rest.cloned().collect()).is_some()
        {
            let requirement = requirement.clone();
            found.push(Remedy::Drop { requirement });
        }
        found
    }

    fn public(&self, requirement: &Requirement) -> Option<Remedy> {
        let specifiers = specifiers_of(requirement);
        let mut clauses = specifiers.iter();
        let local = clauses.find(|clause| clause.version().is_local())?;
        let version = local.version().clone().without_local();
        let equal = format!("=={version}").parse().ok()?;
        self.with_changed(requirement, |root| {
            root.version_or_url = Some(VersionOrUrl::VersionSpecifier(equal));
        })?;
        let requirement = requirement.clone();
        Some(Remedy::Public {
            requirement,
            version,
        })
    }

    fn loose(&self, requirement: &Requirement) -> Option<Remedy> {
        if specifiers_of(requirement).is_empty() {
            return None;
        }
        let mut versions = self.with_changed(requirement, |root| root.version_or_url = None)?;
        let version = versions.remove(&requirement.name)?;
        let requirement = requirement.clone();
        Some(Remedy::Loosen {
            requirement,
            version,
        })
    }

    fn without_extras(&self, requirement: &Requirement) -> Option<Remedy> {
        if requirement.extras.is_empty() {
            return None;
        }
        self.with_changed(requirement, |root| root.extras.clear())?;
        let requirement = requirement.clone();
        Some(Remedy::NoExtras { requirement })
    }

    fn overrides(&self, proof: &Unsatisfiable) -> Vec<Remedy> {
        let named: Vec<&PackageName> = projects(proof).collect();
        let overrides = self.request.overrides.iter();
        let helps = |overriding: &&Requirement| {
            let mut request = self.request.clone();
            request.overrides.retain(|one| one != *overriding);
            named.contains(&&overriding.name)
                && self.solve(&request, self.target, self.options).is_some()
        };
        overrides
            .filter(helps)
            .map(|overriding| Remedy::DropOverride {
                overriding: overriding.clone(),
            })
            .collect()
    }

    fn constraints(&self, proof: &Unsatisfiable) -> Vec<Remedy> {
        let mut tried: Vec<&Requirement> = Vec::new();
        let mut found = Vec::new();
        for because in exclusions(proof) {
            let Exclusion::Constraint(constraint) = because else {
                continue;
            };
            if tried.contains(&constraint) {
                continue;
            }
            tried.push(constraint);
            let mut request = self.request.clone();
            request.constraints.retain(|one| one != constraint);
            if self.solve(&request, self.target, self.options).is_some() {
                let constraint = constraint.clone();
                found.push(Remedy::DropConstraint { constraint });
            }
        }
        found
    }
}

fn exclusions(proof: &Unsatisfiable) -> impl Iterator<Item = &Exclusion> {
    proof.facts.iter().filter_map(|fact| match fact {
        Fact::Excluded { because, .. } => Some(because),
        _ => None,
    })
}
