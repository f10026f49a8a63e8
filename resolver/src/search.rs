//! Runs of the solver, each within floors on how old a release may be.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use pep508_rs::PackageName;
use pubgrub::{DerivationTree, External, PubGrubError};

use crate::SourceError;
use crate::eligible::Candidate;
use crate::explain::Proof;
use crate::package::Package;
use crate::provider::{Provider, Stop, root_version};
use crate::resolve::{Chosen, ResolutionMode};
use crate::world::{Known, World};

/// How much lag is allowed, in days; `None` is any. Releases without a date pass every floor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Floors {
    /// For projects without a floor of their own.
    pub(crate) rest: Option<u32>,
    /// For single projects.
    pub(crate) own: BTreeMap<PackageName, Option<u32>>,
}

impl Floors {
    /// The lag allowed for a project.
    pub(crate) fn of(&self, name: &PackageName) -> Option<u32> {
        self.own.get(name).copied().unwrap_or(self.rest)
    }

    /// Whether a candidate is young enough.
    pub(crate) fn admit(&self, name: &PackageName, candidate: &Candidate) -> bool {
        match (self.of(name), candidate.lag) {
            (Some(allowed), Some(lag)) => lag <= allowed,
            _ => true,
        }
    }
}

/// Why a run has no result.
#[derive(Debug)]
pub(crate) enum Failure {
    NoSolution(Box<Proof>),
    /// The run was given up after too many decisions.
    TooLong,
    Source(SourceError),
}

/// How many decisions a run within floors may take. A run that goes well takes about as many as the
/// answer has packages; tight floors can make the solver wander through thousands of releases.
const DECISIONS_WITHIN_FLOORS: u32 = 4_000;

/// A series of runs over one world.
pub(crate) struct Search<'w, 'a> {
    pub(crate) world: &'w World<'a>,
    mode: ResolutionMode,
    /// Whether last-resort sdists may be taken; set once nothing else solves.
    reserves: bool,
    /// How often the solver ran.
    pub(crate) solves: u32,
    /// Pins whose soft floor was lowered, ordered.
    pub(crate) relaxed: Vec<PackageName>,
}

impl<'w, 'a> Search<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>, mode: ResolutionMode) -> Self {
        Self {
            world,
            mode,
            reserves: false,
            solves: 0,
            relaxed: Vec::new(),
        }
    }

    /// Runs the solver within floors. Last-resort sdists come into play only without any floor.
    pub(crate) fn solve(&mut self, floors: &Floors) -> Result<Chosen, Failure> {
        let first = self.run(floors);
        let unbounded = *floors == Floors::default();
        if unbounded
            && !self.reserves
            && matches!(first, Err(Failure::NoSolution(_)))
            && self.world.passed_over_reserves()
        {
            self.reserves = true;
            return self.run(floors);
        }
        first
    }

    fn run(&mut self, floors: &Floors) -> Result<Chosen, Failure> {
        self.solves += 1;
        let decisions = (*floors != Floors::default()).then_some(DECISIONS_WITHIN_FLOORS);
        let provider = Provider::new(self.world, self.mode, self.reserves, floors, decisions);
        match pubgrub::resolve(&provider, Package::Root, root_version()) {
            Ok(solution) => Ok(Chosen::of(solution)),
            Err(PubGrubError::NoSolution(proof)) => Err(Failure::NoSolution(Box::new(proof))),
            Err(
                PubGrubError::ErrorRetrievingDependencies { source, .. }
                | PubGrubError::ErrorChoosingVersion { source, .. }
                | PubGrubError::ErrorInShouldCancel(source),
            ) => Err(match source {
                Stop::Source(source) => Failure::Source(source),
                Stop::TooLong => Failure::TooLong,
            }),
        }
    }

    /// The projects whose floors a proof rests on.
    pub(crate) fn floors_in(&self, proof: &Proof, floors: &Floors) -> BTreeSet<PackageName> {
        let mut named = BTreeSet::new();
        let mut seen = HashSet::new();
        let mut stack = vec![proof];
        while let Some(tree) = stack.pop() {
            match tree {
                DerivationTree::External(External::NoVersions(package, range)) => {
                    let Some(name) = package.name() else {
                        continue;
                    };
                    let Some(Known::Found(candidates)) = self.world.known_project(name) else {
                        continue;
                    };
                    let withheld = |candidate: &Candidate| {
                        range.contains(&candidate.version) && !floors.admit(name, candidate)
                    };
                    if candidates.eligible.iter().any(withheld) {
                        named.insert(name.clone());
                    }
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

    /// The lag of a project in an answer, in days; 0 where dates are unknown.
    pub(crate) fn lag(&self, chosen: &Chosen, name: &PackageName) -> u32 {
        let Some(Known::Found(candidates)) = self.world.known_project(name) else {
            return 0;
        };
        let version = chosen.versions.get(name);
        let candidate = version.and_then(|version| candidates.get(version));
        candidate.and_then(|candidate| candidate.lag).unwrap_or(0)
    }

    /// The lags that a project's releases can have below `limit`, ascending and distinct.
    pub(crate) fn smaller_lags(&self, name: &PackageName, limit: u32) -> Vec<u32> {
        let Some(Known::Found(candidates)) = self.world.known_project(name) else {
            return Vec::new();
        };
        let lags = candidates.eligible.iter().filter_map(|c| c.lag);
        let distinct: BTreeSet<u32> = lags.filter(|lag| *lag < limit).collect();
        distinct.into_iter().collect()
    }
}
