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
mod growth;
mod propagation;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use pep508_rs::PackageName;

use crate::SourceError;
use crate::eligible::Candidates;
use crate::package::Package;
use crate::resolve::Chosen;
use crate::search::Floors;
use crate::world::World;
use analysis::Finding;
use bits::{ABSENT, Bits};

/// After so many conflicts a run is given up. Runs that go well meet a few dozen.
const CONFLICTS_AT_MOST: u32 = 2_000;

/// How often the nodes that take part in conflicts lose half of their weight.
const CONFLICTS_BEFORE_FADING: u32 = 128;

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
}

/// A project or an extra.
struct Node {
    package: Package,
    /// Of a project.
    candidates: Option<Rc<Candidates>>,
    /// Of an extra: its project.
    project: Option<NodeId>,
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
    requirements: Vec<NogoodId>,
    /// The lessons that watch it.
    lessons: Vec<NogoodId>,
    /// The project's states whose requirements are known.
    loaded: Bits,
    /// How much it took part in conflicts of late.
    weight: u32,
}

/// One step of a node's domain.
struct Step {
    domain: Bits,
    /// Its only state, if it is one.
    single: Option<usize>,
    /// How many decisions had been made, plus one; floors are made at level 1, facts at 0.
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
    /// Nodes in the order of their steps, without starts and floors.
    trail: Vec<NodeId>,
    level: u32,
    /// Nodes whose domain shrank.
    changed: Vec<NodeId>,
    /// Nogoods that are new.
    fresh: Vec<NogoodId>,
    floors: Floors,
    /// Whether last-resort sdists may be taken.
    pub(crate) reserves: bool,
    /// Whether the floors must be laid again, since what they admit has changed.
    stale: bool,
    conflicts: u32,
    started: bool,
    /// A run is given up that would have to read metadata when that of so many releases is known.
    /// Known is what this resolution read, from the cache or not, so that answers do not depend on
    /// the cache.
    pub(crate) reads_end: Option<usize>,
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
            trail: Vec::new(),
            level: 0,
            changed: Vec::new(),
            fresh: Vec::new(),
            floors: Floors::default(),
            reserves: false,
            stale: false,
            conflicts: 0,
            started: false,
            reads_end: None,
        }
    }

    /// Looks for an answer within floors, near a known one if there is one.
    pub(crate) fn solve(
        &mut self,
        floors: &Floors,
        near: Option<&Chosen>,
    ) -> Result<Run, SourceError> {
        self.backtrack(0);
        self.floors = floors.clone();
        if !self.started {
            self.started = true;
            self.read_roots()?;
        }
        let mut left = CONFLICTS_AT_MOST;
        loop {
            if self.stale {
                self.backtrack(0);
                self.stale = false;
            }
            if let Some(conflict) = self.propagate() {
                let Some(fewer) = left.checked_sub(1) else {
                    return Ok(Run::TooLong);
                };
                left = fewer;
                match self.analyse(conflict) {
                    Finding::Floors(nodes) => return Ok(Run::Failed(self.names_of(&nodes))),
                    Finding::Learnt { terms, level } => {
                        self.backtrack(level);
                        self.learn(terms);
                    }
                }
            } else if self.level == 0 {
                if let Some(excluded) = self.lay_floors() {
                    let nodes = BTreeSet::from([excluded]);
                    return Ok(Run::Failed(self.names_of(&nodes)));
                }
            } else if let Some((node, state)) = self.unread() {
                if self
                    .reads_end
                    .is_some_and(|end| self.world.facts_known() >= end)
                {
                    return Ok(Run::TooLong);
                }
                self.read(node, state)?;
            } else if let Some((node, state)) = self.next_decision(near) {
                self.level += 1;
                let count = self.nodes[node].count;
                self.step(node, Bits::only(state, count), Cause::Decision);
            } else {
                debug_assert!(self.is_sound(), "every nogood is respected");
                return Ok(Run::Solved(self.chosen()));
            }
        }
    }

    fn step(&mut self, node: NodeId, domain: Bits, cause: Cause) {
        let order = u32::try_from(self.trail.len() + 1).unwrap_or(u32::MAX);
        self.trail.push(node);
        self.nodes[node].history.push(Step {
            single: domain.single(),
            domain,
            level: self.level,
            order,
            cause,
        });
        self.changed.push(node);
    }

    /// Takes back everything above a level.
    ///
    /// At level 0 what was learnt meanwhile is looked at again, for it may follow from facts alone.
    fn backtrack(&mut self, level: u32) {
        self.changed.clear();
        self.level = level;
        while let Some(node) = self.trail.last() {
            let history = &mut self.nodes[*node].history;
            if history.last().is_none_or(|step| step.level <= level) {
                break;
            }
            history.pop();
            self.trail.pop();
        }
        if level == 0 {
            self.fresh.append(&mut self.facts);
            for (id, node) in self.nodes.iter_mut().enumerate() {
                while node.history.last().is_some_and(|step| step.level > 0) {
                    node.history.pop();
                }
                if node.history.len() > 1 {
                    self.changed.push(id);
                }
            }
        }
    }

    /// Withholds what the floors do not admit; a node that has nothing left, if there is one.
    fn lay_floors(&mut self) -> Option<NodeId> {
        self.level = 1;
        (0..self.nodes.len()).find(|node| !self.lay_floor(*node))
    }

    /// Whether the node has something left.
    fn lay_floor(&mut self, node: NodeId) -> bool {
        let admitted = self.admitted(node);
        let Some(admitted) = admitted.filter(|set| !self.nodes[node].domain().within(set)) else {
            return true;
        };
        let domain = self.nodes[node].domain().and(&admitted);
        if domain.is_empty() {
            return false;
        }
        self.nodes[node].history.push(Step {
            single: domain.single(),
            domain,
            level: 1,
            order: 0,
            cause: Cause::Floor,
        });
        self.changed.push(node);
        true
    }

    /// The state to decide on next.
    ///
    /// Nodes that had a part in recent conflicts come first, then those that were required first.
    fn next_decision(&self, near: Option<&Chosen>) -> Option<(NodeId, usize)> {
        let open = self.nodes.iter().enumerate();
        let open = open.filter(|(_, node)| node.is_needed() && node.step().single.is_none());
        let (id, node) = open
            .max_by(|(a_id, a), (b_id, b)| a.weight.cmp(&b.weight).then_with(|| b_id.cmp(a_id)))?;
        let domain = node.domain();
        let wished = node.package.name().and_then(|name| {
            let near = near.and_then(|near| near.versions.get(name));
            let kept = self.world.request.preferences.get(name);
            let mut wishes = near.into_iter().chain(kept);
            wishes.find_map(|version| {
                let state = node.candidates.as_ref()?.position(version)? + 1;
                domain.contains(state).then_some(state)
            })
        });
        let newest = || domain.and(&node.finals).last().or_else(|| domain.last());
        Some((id, wished.or_else(newest)?))
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

    /// The projects of some nodes whose floors withhold a release.
    fn names_of(&self, nodes: &BTreeSet<NodeId>) -> BTreeSet<PackageName> {
        let nodes = nodes.iter().map(|node| &self.nodes[*node]);
        let withheld = nodes.filter(|node| {
            let candidates = node.candidates.iter().flat_map(|c| &c.eligible);
            let name = node.package.name();
            name.is_some_and(|name| {
                let mut candidates = candidates.zip(1..);
                candidates.any(|(candidate, state)| {
                    !self.floors.admit(name, candidate) && self.offered(node).contains(state)
                })
            })
        });
        withheld
            .filter_map(|node| node.package.name().cloned())
            .collect()
    }
}
