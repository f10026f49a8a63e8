//! Runs of the solvers: the engine within floors on how old a release may be, PubGrub without.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::PackageName;
use pubgrub::PubGrubError;

use crate::SourceError;
use crate::chosen::Chosen;
use crate::coherent::Bounds;
use crate::eligible::Candidate;
use crate::engine::{CONFLICTS_FOR_LITTLE, Engine, FEW, Proved, Run};
use crate::explain::Reasons;
use crate::package::Package;
use crate::provider::{Provider, root_version};
use crate::resolve::ResolutionMode;
use crate::world::{Known, World};

/// How much lag is allowed, in days; `None` is any. Releases without a date pass every floor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Floors {
    /// For projects without a floor of their own.
    pub(crate) rest: Option<u32>,
    /// Whether these projects are held to a few of their newest releases besides.
    pub(crate) few: bool,
    /// For single projects.
    pub(crate) own: BTreeMap<PackageName, Option<u32>>,
}

/// Why a run has no result.
pub(crate) enum Failure {
    NoSolution(Reasons),
    Source(SourceError),
    /// It took more work than is allowed.
    TooHard,
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// How much work PubGrub may take to prove that there is no answer, in pieces of the ranges it decides among; after that the
/// engine proves it. PubGrub's effort grows with their square.
const WORK_OF_REFUTATION: u64 = 15_000;

/// The same where its answer is the one that is asked for: walks over hundreds of releases are usual there.
const WORK_OF_WALK: u64 = 2_000_000;

/// How much work the engine may take to prove that there is no answer.
const WORK_OF_PROOF: u64 = 200_000_000;

/// A series of runs over one world.
pub(crate) struct Search<'w, 'a> {
    pub(crate) world: &'w World<'a>,
    mode: ResolutionMode,
    engine: Engine<'w, 'a>,
    /// How often a solver ran.
    pub(crate) solves: u32,
    /// Pins whose soft floor was lowered, ordered.
    pub(crate) relaxed: Vec<PackageName>,
}

impl<'w, 'a> Search<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>, mode: ResolutionMode) -> Self {
        Self {
            world,
            mode,
            engine: Engine::new(world),
            solves: 0,
            relaxed: Vec::new(),
        }
    }

    /// Looks for any answer within floors and tighter ones of this run alone, near a known answer if there is
    /// one. Runs that share floors share the work of looking at them.
    pub(crate) fn within(
        &mut self,
        floors: &Floors,
        own: &Bounds,
        near: Option<&Chosen>,
    ) -> Result<Run, SourceError> {
        self.solves += 1;
        self.engine.solve(floors, own, near)
    }

    /// The same; the run is given up when it would read the metadata of more than `some` releases,
    /// or when that of `end` is known.
    pub(crate) fn within_reads(
        &mut self,
        floors: &Floors,
        own: &Bounds,
        near: Option<&Chosen>,
        (some, end): (usize, usize),
    ) -> Result<Run, SourceError> {
        let usual = std::mem::replace(&mut self.engine.conflicts_at_most, CONFLICTS_FOR_LITTLE);
        let end = end.min(self.world.facts_known() + some);
        let run = self.within_all_reads(floors, own, near, end);
        self.engine.conflicts_at_most = usual;
        run
    }

    /// The same; the run is given up when the metadata of so many releases is known.
    pub(crate) fn within_all_reads(
        &mut self,
        floors: &Floors,
        own: &Bounds,
        near: Option<&Chosen>,
        end: usize,
    ) -> Result<Run, SourceError> {
        self.engine.reads_end = Some(end);
        let run = self.within(floors, own, near);
        self.engine.reads_end = None;
        run
    }

    /// The lag that soft floors allow a project; `None` is any.
    pub(crate) fn allowed(&self, floors: &Floors, name: &PackageName) -> Option<u32> {
        self.engine.allowed(floors, name)
    }

    /// What the engine's runs cost so far.
    #[cfg(test)]
    pub(crate) fn work(&self) -> u64 {
        self.engine.work
    }

    /// The projects that conflicts were mostly about.
    pub(crate) fn troublemakers(&self) -> Vec<PackageName> {
        self.engine.troublemakers()
    }

    /// Whether the search went through so many releases of a project that it reads through them.
    pub(crate) fn is_walked(&self, name: &PackageName) -> bool {
        self.engine.releases_read(name) >= FEW
    }

    /// Lets last-resort sdists in; whether that changes anything.
    pub(crate) fn admit_reserves(&mut self) -> bool {
        let changes = !self.engine.admits_reserves() && self.world.passed_over_reserves();
        if changes {
            self.engine.admit_reserves();
        }
        changes
    }

    /// Solves without floors; a failure comes with its proof. Last-resort sdists come into play
    /// only where nothing else solves.
    pub(crate) fn solve(&mut self) -> Result<Chosen, Failure> {
        let first = self.run(false);
        if matches!(first, Err(Failure::NoSolution(_))) && self.world.passed_over_reserves() {
            return self.run(true);
        }
        first
    }

    /// The same for a failure that takes PubGrub too long: whether there is an answer at all, or the engine's proof.
    pub(crate) fn prove(&mut self) -> Result<Chosen, Failure> {
        self.solves += 1;
        loop {
            match self.engine.prove(WORK_OF_PROOF)? {
                Proved::Solved(chosen) => return Ok(chosen),
                Proved::TooLong => return Err(Failure::TooHard),
                Proved::Impossible(_) if self.admit_reserves() => {}
                Proved::Impossible(core) => {
                    return Err(Failure::NoSolution(Reasons::Core(Box::new(core))));
                }
            }
        }
    }

    /// Solves without floors and without last-resort sdists.
    pub(crate) fn attempt(&mut self) -> Result<Chosen, Failure> {
        self.run(false)
    }

    fn run(&mut self, reserves: bool) -> Result<Chosen, Failure> {
        self.solves += 1;
        let work = match self.mode {
            ResolutionMode::Coherent => WORK_OF_REFUTATION,
            _ => WORK_OF_WALK,
        };
        let provider = Provider::new(self.world, self.mode, reserves).at_most(work);
        match pubgrub::resolve(&provider, Package::Root, root_version()) {
            Ok(solution) => Ok(Chosen::of(solution)),
            Err(PubGrubError::NoSolution(proof)) => {
                Err(Failure::NoSolution(Reasons::Tree(Box::new(proof))))
            }
            Err(_) if provider.is_exhausted() => Err(Failure::TooHard),
            Err(
                PubGrubError::ErrorRetrievingDependencies { source, .. }
                | PubGrubError::ErrorChoosingVersion { source, .. }
                | PubGrubError::ErrorInShouldCancel(source),
            ) => Err(Failure::Source(source)),
        }
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

    /// The lags that a project's releases can have below `limit`, ascending and distinct; without releases that these floors
    /// are known to rule out.
    pub(crate) fn smaller_lags_within(
        &self,
        floors: &Floors,
        name: &PackageName,
        limit: u32,
    ) -> Vec<u32> {
        let all = self.smaller_lags(name, limit);
        let Some((left, dispensable)) = self.engine.left_by(floors, name) else {
            return all;
        };
        let Some(Known::Found(candidates)) = self.world.known_project(name) else {
            return Vec::new();
        };
        let left = left
            .into_iter()
            .map(|position| &candidates.eligible[position]);
        let mut lags = below(limit, left);
        // what cannot be as young as that may be left out
        if dispensable && lags.first() != all.first() {
            lags.splice(0..0, all.first().copied());
        }
        lags
    }

    /// The lags that a project's releases can have below `limit`, ascending and distinct.
    pub(crate) fn smaller_lags(&self, name: &PackageName, limit: u32) -> Vec<u32> {
        let Some(Known::Found(candidates)) = self.world.known_project(name) else {
            return Vec::new();
        };
        below(limit, candidates.eligible.iter())
    }
}

/// Lags below a limit, ascending and distinct.
fn below<'c>(limit: u32, candidates: impl Iterator<Item = &'c Candidate>) -> Vec<u32> {
    let lags = candidates.filter_map(|candidate| candidate.lag);
    let distinct: BTreeSet<u32> = lags.filter(|lag| *lag < limit).collect();
    distinct.into_iter().collect()
}
