//! A solver that can be asked again: runs within changing floors share what they learnt.
//!
//! Each project, and each extra of one, is a node whose *domain* is the set of states it may still
//! take: absent, or one of its eligible releases. What is known are *nogoods*: states of some nodes
//! that cannot hold together. A requirement is one (this release here, and no fitting release there), and each
//! conflict is boiled down to a new one, as in PubGrub and in conflict-driven SAT solvers. Nogoods never
//! depend on floors, which are taken back after each run, so no run repeats the mistakes of
//! those before it; and a run that fails within floors says which of them are to blame.
//!
//! Projects and metadata are read only once the search gets to them.

mod analysis;
mod bits;
mod core;
mod floors;
mod growth;
mod hulls;
mod propagation;
mod trail;
mod watches;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::rc::Rc;

use pep508_rs::PackageName;

use crate::SourceError;
use crate::chosen::Chosen;
use crate::coherent::Bounds;
use crate::eligible::Candidates;
use crate::package::Package;
use crate::search::Floors;
use crate::world::World;
use analysis::Finding;
use bits::{ABSENT, Bits};
use core::Origin;
pub(crate) use core::{Claim, Core, Proved};
use hulls::Hull;
use watches::{Event, Watches};

/// After so many conflicts a run is given up. Runs that go well meet a few dozen.
const CONFLICTS_AT_MOST: u32 = 2_000;

/// The same for runs that are for small gains.
pub(crate) const CONFLICTS_FOR_LITTLE: u32 = 200;

/// How much all runs together may cost; what was found by then stands.
const WORK_AT_MOST: u64 = 400_000_000;

/// So many lessons are kept at first; where more of them turn out to matter, more.
const LESSONS_AT_FIRST: usize = 1_000;

/// How often the nodes that take part in conflicts lose half of their weight.
const CONFLICTS_BEFORE_FADING: u32 = 128;

/// So many releases of a project are few enough to be read one after the other.
pub(crate) const FEW: usize = 16;

/// The level of the floors that many runs share.
const SHARED: u32 = 1;

/// The level of the floors of one run; decisions are made above it.
const OWN: u32 = 2;

type NodeId = usize;
type NogoodId = usize;

/// States that cannot hold together: not every node's state may be in its set. Ordered by node.
type Terms = Vec<(NodeId, Bits)>;

/// Something that cannot be.
struct Nogood {
    terms: Terms,
    /// Positions of two terms that do not hold, as far as there are two; of lessons only. What
    /// happens to the others cannot matter before something happens to these.
    watched: Option<[usize; 2]>,
    /// The one release whose requirement it is, where it is that of one release only. While that release is out of the
    /// question, nothing follows.
    lone: Option<(NodeId, usize)>,
    /// The term that takes in further releases with the same requirement, and where it is watched.
    grows: Option<(usize, Event)>,
    /// How many conflicts there had been when it last had a part in one; of lessons.
    used: u32,
    origin: Origin,
}

/// A project or an extra.
struct Node {
    package: Package,
    /// Of a project.
    candidates: Option<Rc<Candidates>>,
    /// Of an extra: its project.
    project: Option<NodeId>,
    /// Of a project: its extras.
    extras: Vec<NodeId>,
    /// How many states there are.
    count: usize,
    /// Absence and the final releases.
    finals: Bits,
    /// Last-resort sdists.
    reserves: Bits,
    /// What can be taken without need: no unwanted pre-release, no last-resort sdist.
    usual: Bits,
    /// Other releases that some requirement cannot do without.
    needed: Bits,
    /// How the domain shrank; the last one holds. Never empty.
    history: Vec<Step>,
    /// The requirements that speak of it.
    requirements: Watches,
    /// The hulls that speak of it, likewise; they are looked at first.
    hulls: Vec<(NogoodId, usize)>,
    /// The lessons that watch it.
    lessons: Watches,
    /// The project's states whose requirements are known.
    loaded: Bits,
    /// The states whose requirements were said to be asked for next.
    expected: Bits,
    /// How much it took part in conflicts of late.
    weight: u32,
    /// What is taken if nothing speaks against it: the state in the answer that a run stays near, or a preference.
    wish: Option<usize>,
    /// The lag that its [`FEW`] newest releases have at most; of a project that has more.
    few: Option<u32>,
    /// The last floor that was looked at, in days, with what it admits.
    admitted: Option<(Option<u32>, Rc<Bits>)>,
}

/// One step of a node's domain.
struct Step {
    domain: Bits,
    /// Its only state, if it is one.
    single: Option<usize>,
    /// How many decisions had been made, above [`OWN`]; facts are at level 0.
    level: u32,
    /// Steps are numbered in the order in which they were made.
    order: u32,
    cause: Cause,
}

#[derive(Clone, Copy)]
enum Cause {
    Start,
    Floor,
    Decision,
    Nogood(NogoodId),
}

impl Node {
    fn step(&self) -> &Step {
        // every history begins with a start, which is never taken back
        &self.history[self.history.len() - 1]
    }

    fn domain(&self) -> &Bits {
        &self.step().domain
    }

    fn is_needed(&self) -> bool {
        !self.domain().contains(ABSENT)
    }

    /// Whether something is still to be decided.
    fn is_open(&self) -> bool {
        self.step().single.is_none() && self.is_needed()
    }
}

/// Outcome of a run.
pub(crate) enum Run {
    Solved(Chosen),
    /// No answer; the projects whose floors are to blame, none if it is none of them.
    Failed(BTreeSet<PackageName>),
    /// Given up after too many conflicts, or when no more may be read.
    TooLong,
}

/// Everything learnt of one world so far.
pub(crate) struct Engine<'w, 'a> {
    world: &'w World<'a>,
    nodes: Vec<Node>,
    ids: HashMap<Package, NodeId>,
    nogoods: Vec<Nogood>,
    /// Nogoods of one term, to be concluded before anything else once.
    facts: Vec<NogoodId>,
    /// Requirements that several releases share.
    shared: HashMap<(NodeId, NodeId, Bits), NogoodId>,
    /// What a project requires of another, by both.
    hulls: HashMap<(NodeId, NodeId), Hull>,
    /// Nodes in the order of their steps, without starts and floors.
    trail: Vec<NodeId>,
    level: u32,
    /// Nodes whose domain shrank, with the step.
    changed: Vec<(NodeId, usize)>,
    /// Nogoods that are new.
    fresh: Vec<NogoodId>,
    /// Nogoods that are new since the shared floors were last looked at: what follows from them is drawn
    /// where it belongs.
    since_shared: Vec<NogoodId>,
    floors: Floors,
    /// Tighter ones, of this run alone.
    own: Bounds,
    /// Nodes that a floor of this run withholds something of.
    own_nodes: Vec<NodeId>,
    /// Whether the shared floors lie, with everything drawn from them.
    lies: bool,
    /// Whether last-resort sdists may be taken.
    reserves: bool,
    /// Whether the floors must be laid again, since what they admit has changed.
    stale: bool,
    /// Nodes that are settled on a release which may be unread, among others.
    settled: BTreeSet<NodeId>,
    /// Every open node with its weight, heaviest and then earliest first, among entries that hold no more.
    open: BinaryHeap<(u32, Reverse<NodeId>)>,
    /// The answer that the nodes' wishes come from.
    near: Option<Chosen>,
    conflicts: u32,
    /// What conflicts taught, without what was forgotten.
    lessons: Vec<NogoodId>,
    /// When so many lessons are known, the least useful are forgotten.
    lessons_end: usize,
    /// A run is given up that would have to read metadata when that of so many releases is known.
    /// Known is what this resolution read, from the cache or not, so that answers do not depend on
    /// the cache.
    pub(crate) reads_end: Option<usize>,
    /// What all runs cost so far, in looks at nogoods and words of sets; a second is about a hundred million.
    pub(crate) work: u64,
    /// A run is given up when all runs together have cost so much.
    pub(crate) work_end: u64,
    /// What the last failure follows from, besides floors.
    core: Box<[NogoodId]>,
    /// After so many conflicts a run is given up.
    pub(crate) conflicts_at_most: u32,
}

impl<'w, 'a> Engine<'w, 'a> {
    pub(crate) fn new(world: &'w World<'a>) -> Self {
        Self {
            world,
            nodes: Vec::new(),
            ids: HashMap::new(),
            nogoods: Vec::new(),
            facts: Vec::new(),
            shared: HashMap::new(),
            hulls: HashMap::new(),
            trail: Vec::new(),
            level: 0,
            changed: Vec::new(),
            fresh: Vec::new(),
            since_shared: Vec::new(),
            floors: Floors::default(),
            own: Bounds::new(),
            own_nodes: Vec::new(),
            lies: false,
            reserves: false,
            stale: false,
            settled: BTreeSet::new(),
            open: BinaryHeap::new(),
            near: None,
            conflicts: 0,
            lessons: Vec::new(),
            lessons_end: LESSONS_AT_FIRST,
            reads_end: None,
            work: 0,
            work_end: WORK_AT_MOST,
            core: Box::default(),
            conflicts_at_most: CONFLICTS_AT_MOST,
        }
    }

    /// Looks for an answer within floors and tighter ones of this run alone, near a known answer if there is one.
    ///
    /// What follows from floors that the run before shares is not drawn again.
    pub(crate) fn solve(
        &mut self,
        floors: &Floors,
        own: &Bounds,
        near: Option<&Chosen>,
    ) -> Result<Run, SourceError> {
        self.stay_near(near);
        if self.nodes.is_empty() {
            self.read_roots()?;
        }
        self.own.clone_from(own);
        if self.lies && self.floors == *floors {
            self.backtrack(SHARED);
        } else {
            self.lies = false;
            self.backtrack(0);
            self.floors.clone_from(floors);
        }
        if self.open.len() > 4 * self.nodes.len() {
            self.list_open();
        }
        if self.lessons.len() > self.lessons_end {
            self.forget();
        }
        self.search(self.conflicts_at_most)
    }

    fn search(&mut self, mut left: u32) -> Result<Run, SourceError> {
        loop {
            if self.work >= self.work_end {
                return Ok(Run::TooLong);
            }
            if self.stale {
                self.lies = false;
                self.backtrack(0);
                self.stale = false;
            }
            if let Some(conflict) = self.propagate() {
                // below the floors of this run nothing is propagated to the end any more
                self.lies &= self.level >= OWN;
                let Some(fewer) = left.checked_sub(1) else {
                    return Ok(Run::TooLong);
                };
                left = fewer;
                let terms = self.nogoods[conflict].terms.clone();
                match self.analyse(terms, BTreeSet::new(), Some(conflict)) {
                    Finding::Floors { nodes, from } => {
                        self.core = from;
                        // it is as violated in the next run, where perhaps nothing else leads to it
                        self.fresh.push(conflict);
                        return Ok(Run::Failed(self.names_of(&nodes)));
                    }
                    Finding::Known { level } => {
                        self.backtrack(level);
                        self.fresh.push(conflict);
                    }
                    Finding::Learnt { terms, level, from } => {
                        self.backtrack(level);
                        self.learn(terms, from);
                    }
                }
            } else if self.level < OWN {
                let excluded = match self.level {
                    0 => self.lay_shared(),
                    _ => self.lay_own(),
                };
                if let Some(node) = excluded {
                    let nodes = self.blamed_for_nothing_left(node);
                    return Ok(Run::Failed(self.names_of(&nodes)));
                }
            } else if let Some((node, state)) = self.unread() {
                if self
                    .reads_end
                    .is_some_and(|end| self.world.facts_known() >= end)
                {
                    return Ok(Run::TooLong);
                }
                self.expect_settled();
                self.read(node, state)?;
            } else if let Some((node, state)) = self.next_decision() {
                self.level += 1;
                let count = self.nodes[node].count;
                self.step(node, Bits::only(state, count), Cause::Decision);
            } else {
                debug_assert!(self.is_sound(), "every nogood is respected");
                return Ok(Run::Solved(self.chosen()));
            }
        }
    }

    /// Of how many releases of a project the search knows what they require.
    pub(crate) fn releases_read(&self, name: &PackageName) -> usize {
        let node = self.ids.get(&Package::Project(name.clone()));
        node.map_or(0, |node| self.nodes[*node].loaded.count())
    }

    /// The projects that conflicts were mostly about, at most three.
    pub(crate) fn troublemakers(&self) -> Vec<PackageName> {
        let mut nodes: Vec<&Node> = self
            .nodes
            .iter()
            .filter(|node| node.project.is_none())
            .collect();
        nodes.sort_by_key(|node| Reverse(node.weight));
        let names = nodes.into_iter().filter_map(|node| node.package.name());
        names.take(3).cloned().collect()
    }

    /// Lets last-resort sdists in.
    pub(crate) fn admit_reserves(&mut self) {
        self.reserves = true;
        self.lies = false;
        for node in &mut self.nodes {
            node.admitted = None;
        }
    }

    /// Whether last-resort sdists may be taken.
    pub(crate) fn admits_reserves(&self) -> bool {
        self.reserves
    }

    /// Sets what the nodes wish for.
    fn stay_near(&mut self, near: Option<&Chosen>) {
        if self.near.as_ref() == near {
            return;
        }
        self.near = near.cloned();
        for id in 0..self.nodes.len() {
            self.nodes[id].wish = self.wish_of(&self.nodes[id]);
        }
    }

    fn wish_of(&self, node: &Node) -> Option<usize> {
        let (name, candidates) = (node.package.name()?, node.candidates.as_ref()?);
        let near = self.near.as_ref().and_then(|near| near.versions.get(name));
        let kept = self.world.request.preferences.get(name);
        let mut wishes = near.into_iter().chain(kept);
        wishes.find_map(|version| Some(candidates.position(version)? + 1))
    }

    /// The answer that all domains have narrowed down to.
    fn chosen(&self) -> Chosen {
        let mut versions = BTreeMap::new();
        let mut extras = BTreeMap::<PackageName, BTreeSet<_>>::new();
        for node in self.nodes.iter().filter(|node| node.is_needed()) {
            match (&node.package, &node.candidates, node.step().single) {
                (Package::Project(name), Some(candidates), Some(state)) => {
                    let version = candidates.eligible[state - 1].version.clone();
                    versions.insert(name.clone(), version);
                }
                (Package::Extra(name, extra), ..) => {
                    let extras = extras.entry(name.clone()).or_default();
                    extras.insert(extra.clone());
                }
                _ => {}
            }
        }
        Chosen { versions, extras }
    }
}

#[cfg(test)]
mod tests;
