//! The world as the solver wants to see it.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::rc::Rc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics};
use version_ranges::Ranges;

use crate::SourceError;
use crate::eligible::{Candidate, Candidates};
use crate::package::Package;
use crate::resolve::ResolutionMode;
use crate::world::{Edge, Facts, Known, World};

/// After so many conflicts a project is decided early, since it is likely to be the culprit.
const CONFLICTS_BEFORE_EARLY: u32 = 5;

/// So many decisions make each later one as much work as a piece of a range does.
const DECISIONS_OF_A_PIECE: u64 = 16;

/// One run of the solver over a [`World`].
pub(crate) struct Provider<'w, 'a> {
    pub(crate) world: &'w World<'a>,
    pub(crate) mode: ResolutionMode,
    /// Whether last-resort sdists may be taken.
    pub(crate) reserves: bool,
    /// The version last chosen for a project: its extras had better take the same.
    chosen: RefCell<HashMap<PackageName, Version>>,
    /// How many more decisions this run may take; `None` is any number.
    decisions_left: Cell<Option<u32>>,
    /// How much more work this run may take, in pieces of the ranges that it decides among.
    work_left: Cell<u64>,
    decisions: Cell<u64>,
}

/// Why a package or version cannot be used, other than by its requirements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No index has the project.
    NotFound,
    /// Not in the cache, and the network is off.
    Offline,
    /// The release's metadata cannot be had or forbids it.
    Unusable(Rc<str>),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("is not on the index"),
            Self::Offline => f.write_str("is not in the cache, and the network is off"),
            Self::Unusable(reason) => write!(f, "cannot be used: {reason}"),
        }
    }
}

/// What a version requires, as nodes of the graph; or why it cannot be used.
type Nodes = Result<Vec<(Package, Ranges<Version>)>, Reason>;

impl<'w, 'a> Provider<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>, mode: ResolutionMode, reserves: bool) -> Self {
        Self {
            world,
            mode,
            reserves,
            chosen: RefCell::default(),
            decisions_left: Cell::new(None),
            work_left: Cell::new(u64::MAX),
            decisions: Cell::new(0),
        }
    }

    /// The same, ended with an error after so much work.
    pub(crate) fn at_most(self, work: u64) -> Self {
        self.work_left.set(work);
        self
    }

    /// Whether the run was ended since it took too much work.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.work_left.get() == 0 || self.decisions_left.get() == Some(0)
    }

    /// The same, ended with an error after so many decisions.
    pub(crate) fn within(self, decisions: u32) -> Self {
        self.decisions_left.set(Some(decisions));
        self
    }

    /// How many more decisions this run may take; `None` is any number.
    pub(crate) fn decisions_left(&self) -> Option<u32> {
        self.decisions_left.get()
    }

    /// The candidate to try first within a range; for an extra, that of its project.
    fn choose<'c>(
        &self,
        package: &Package,
        name: &PackageName,
        candidates: &'c Candidates,
        range: &Ranges<Version>,
    ) -> Option<&'c Candidate> {
        let admitted = |candidate: &&Candidate| {
            range.contains(&candidate.version)
                && self.world.admits(name, candidate)
                && (self.world.admits_reserve(name, candidate, self.reserves)
                    || self.world.needs_reserve(name, candidates, candidate))
        };
        let hints = [
            // a project itself starts anew: what it was before the search went back may have been a way out
            matches!(package, Package::Extra(..))
                .then(|| self.chosen.borrow().get(name).cloned())
                .flatten(),
            self.world.request.preferences.get(name).cloned(),
        ];
        for hint in hints.iter().flatten() {
            if let Some(candidate) = candidates.get(hint).filter(admitted) {
                return Some(candidate);
            }
        }
        let lowest = match self.mode {
            ResolutionMode::Coherent | ResolutionMode::Newest => false,
            ResolutionMode::Lowest => true,
            ResolutionMode::LowestDirect => self.world.request.has_root(name),
        };
        let pick = |wanted: &dyn Fn(&&Candidate) -> bool| {
            let mut matching = candidates.eligible.iter();
            if lowest {
                matching.find(wanted)
            } else {
                matching.rfind(wanted)
            }
        };
        if self.world.wants_prereleases(name) {
            return pick(&admitted);
        }
        pick(&|c| !c.version.any_prerelease() && admitted(c)).or_else(|| {
            let needed = self.world.needs_prereleases(name, candidates);
            needed.then(|| pick(&admitted)).flatten()
        })
    }

    fn dependencies(&self, package: &Package, version: &Version) -> Result<Nodes, SourceError> {
        let (name, extra) = match package {
            Package::Root => {
                let edges = self.world.root_edges();
                self.world.look_ahead(&edges);
                return Ok(Ok(to_nodes(&edges)));
            }
            Package::Project(name) => (name, None),
            Package::Extra(name, extra) => (name, Some(extra)),
        };
        let candidates = match self.world.project(name)? {
            Known::Found(candidates) => candidates,
            Known::NotFound => return Ok(Err(Reason::NotFound)),
            Known::Offline => return Ok(Err(Reason::Offline)),
        };
        let Some(candidate) = candidates.get(version) else {
            return Ok(Err(Reason::NotFound));
        };
        let metadata = match self.world.facts(name, &candidates, candidate)? {
            Facts::Found(metadata) => metadata,
            Facts::Unavailable(reason) => return Ok(Err(Reason::Unusable(reason))),
        };
        if let Some(reason) = self.world.foreign_address(&metadata, extra) {
            return Ok(Err(Reason::Unusable(reason.into())));
        }
        let edges = self.world.edges_of(&metadata, extra);
        self.world.look_ahead(&edges);
        let mut wanted = to_nodes(&edges);
        if extra.is_some() {
            let same = Ranges::singleton(version.clone());
            wanted.push((Package::Project(name.clone()), same));
        }
        Ok(Ok(wanted))
    }
}

/// Each required project and each of its wanted extras, with the same range.
fn to_nodes(edges: &[Edge]) -> Vec<(Package, Ranges<Version>)> {
    let mut nodes = Vec::new();
    for edge in edges {
        let name = edge.name();
        nodes.push((Package::Project(name.clone()), edge.ranges.clone()));
        nodes.extend(edge.requirement.extras.iter().map(|extra| {
            let node = Package::Extra(name.clone(), extra.clone());
            (node, edge.ranges.clone())
        }));
    }
    nodes
}

/// What is decided first: extras tie themselves to their project, then troublemakers, then pins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    Usual(Reverse<u32>),
    Pinned(Reverse<u32>),
    Early(u32, Reverse<u32>),
    Extra(Reverse<u32>),
    Root,
}

impl DependencyProvider for Provider<'_, '_> {
    type P = Package;
    type V = Version;
    type VS = Ranges<Version>;
    type Priority = Priority;
    type M = Reason;
    type Err = SourceError;

    fn prioritize(
        &self,
        package: &Package,
        range: &Ranges<Version>,
        conflicts: &PackageResolutionStatistics,
    ) -> Priority {
        let Some(name) = package.name() else {
            return Priority::Root;
        };
        let rank = Reverse(self.world.rank(name));
        let conflicts = conflicts.conflict_count();
        if matches!(package, Package::Extra(..)) {
            Priority::Extra(rank)
        } else if conflicts >= CONFLICTS_BEFORE_EARLY {
            Priority::Early(conflicts, rank)
        } else if is_pin(range) {
            Priority::Pinned(rank)
        } else {
            Priority::Usual(rank)
        }
    }

    fn choose_version(
        &self,
        package: &Package,
        range: &Ranges<Version>,
    ) -> Result<Option<Version>, SourceError> {
        let Some(name) = package.name() else {
            return Ok(Some(root_version()));
        };
        let too_long = || SourceError {
            code: None,
            message: "the run took more decisions than it was allowed".to_owned(),
            help: None,
        };
        // what was learnt from each decision is looked at in all later ones
        self.decisions.set(self.decisions.get() + 1);
        let pieces = range.iter().count() as u64 + 1;
        let work = pieces + self.decisions.get() / DECISIONS_OF_A_PIECE;
        let work = self.work_left.get().saturating_sub(work);
        self.work_left.set(work);
        if work == 0 {
            return Err(too_long());
        }
        if let Some(left) = self.decisions_left.get() {
            self.decisions_left
                .set(Some(left.checked_sub(1).ok_or_else(too_long)?));
        }
        let Known::Found(candidates) = self.world.project(name)? else {
            return Ok(None);
        };
        let chosen = self.choose(package, name, &candidates, range);
        let Some(candidate) = chosen else {
            return Ok(None);
        };
        let version = candidate.version.clone();
        self.chosen
            .borrow_mut()
            .insert(name.clone(), version.clone());
        Ok(Some(version))
    }

    fn get_dependencies(
        &self,
        package: &Package,
        version: &Version,
    ) -> Result<Dependencies<Package, Ranges<Version>, Reason>, SourceError> {
        Ok(match self.dependencies(package, version)? {
            Err(reason) => Dependencies::Unavailable(reason),
            Ok(nodes) => {
                let mut joined = BTreeMap::<Package, Ranges<Version>>::new();
                for (node, range) in nodes {
                    let all = joined.entry(node).or_insert_with(Ranges::full);
                    *all = all.intersection(&range);
                }
                Dependencies::Available(joined.into_iter().collect())
            }
        })
    }
}

/// The version of [`Package::Root`].
pub(crate) fn root_version() -> Version {
    Version::new([0])
}

/// Whether a range holds one public version only, with or without its local builds.
fn is_pin(range: &Ranges<Version>) -> bool {
    let Some((std::ops::Bound::Included(low), high)) = range.bounding_range() else {
        return false;
    };
    match high {
        std::ops::Bound::Included(high) => low == high,
        std::ops::Bound::Excluded(high) => *high == crate::specifier::after_locals(low),
        std::ops::Bound::Unbounded => false,
    }
}
