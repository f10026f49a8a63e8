//! How the graph grows: what the search reads of the world, as nodes and nogoods.

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use super::bits::{ABSENT, Bits};
use super::core::Origin;
use super::watches::Watches;
use super::{Cause, Engine, FEW, Node, NodeId, OWN, SHARED, Step, Terms};
use crate::SourceError;
use crate::eligible::Candidates;
use crate::package::Package;
use crate::world::{Edge, Facts, Known};

impl Engine<'_, '_> {
    /// The user's requirements; by name, so that their order does not matter.
    pub(super) fn read_roots(&mut self) -> Result<(), SourceError> {
        let mut edges = self.world.root_edges();
        self.world.look_ahead(&edges);
        edges.sort_by(|a, b| a.name().cmp(b.name()));
        for edge in edges {
            self.require(&Vec::new(), None, &edge)?;
        }
        Ok(())
    }

    /// A release that is settled on and whose requirements are unknown: an extra's are known
    /// by the state of its project.
    pub(super) fn unread(&mut self) -> Option<(NodeId, usize)> {
        while let Some(id) = self.settled.first().copied() {
            let node = &self.nodes[id];
            let project = node.project.map_or(node, |project| &self.nodes[project]);
            let state = project.step().single.filter(|state| *state != ABSENT);
            if let Some(state) = state
                && node.is_needed()
                && !node.loaded.contains(state)
            {
                return Some((id, state));
            }
            self.settled.remove(&id);
        }
        None
    }

    /// Says, once each, which releases are read next if nothing comes in between: what is settled on.
    pub(super) fn expect_settled(&mut self) {
        for id in &self.settled {
            let node = &mut self.nodes[*id];
            let state = node.step().single.filter(|state| *state != ABSENT);
            let (Some(state), Some(name)) = (state, node.package.name()) else {
                continue;
            };
            if node.is_needed()
                && !node.loaded.contains(state)
                && !node.expected.contains(state)
                && let Some(candidates) = &node.candidates
            {
                node.expected.insert(state);
                let candidate = &candidates.eligible[state - 1];
                self.world.expect(name, candidates, candidate);
            }
        }
    }

    /// Learns what a release requires, or that it cannot be used.
    pub(super) fn read(&mut self, id: NodeId, state: usize) -> Result<(), SourceError> {
        self.nodes[id].loaded.insert(state);
        let project = self.nodes[id].project.unwrap_or(id);
        let Some(candidates) = self.nodes[project].candidates.clone() else {
            return Ok(());
        };
        let mut given = vec![(project, Bits::only(state, self.nodes[project].count))];
        let extra = match &self.nodes[id].package {
            Package::Extra(_, extra) => {
                given.push((id, Bits::only(PRESENT, 2)));
                Some(extra.clone())
            }
            _ => None,
        };
        let Some(name) = self.nodes[project].package.name().cloned() else {
            return Ok(());
        };
        let candidate = &candidates.eligible[state - 1];
        match self.world.facts(&name, &candidates, candidate)? {
            Facts::Unavailable(_) => {
                self.add(given, Origin::Unusable);
            }
            Facts::Found(metadata) => {
                let foreign = self.world.foreign_address(&metadata, extra.as_ref());
                if foreign.is_some() {
                    self.add(given, Origin::Unusable);
                    return Ok(());
                }
                let edges = self.world.edges_of(&metadata, extra.as_ref());
                self.world.look_ahead(&edges);
                for edge in &edges {
                    self.require(&given, Some(id), edge)?;
                }
            }
        }
        Ok(())
    }

    /// Given some states, what an edge asks for holds.
    fn require(
        &mut self,
        given: &Terms,
        by: Option<NodeId>,
        edge: &Edge,
    ) -> Result<(), SourceError> {
        let on = self.node_of(edge.name())?;
        let fitting = self.fitting(on, &edge.ranges);
        self.note_needed(on, &fitting);
        self.add_shared(given, by, (on, edge), fitting);
        for extra in &edge.requirement.extras {
            let package = Package::Extra(edge.name().clone(), extra.clone());
            let extra = self.extra_node(package, on);
            self.add_shared(given, by, (extra, edge), Bits::only(PRESENT, 2));
        }
        Ok(())
    }

    /// Given some states, a node must be in one of the fitting states.
    fn add_shared(
        &mut self,
        given: &Terms,
        by: Option<NodeId>,
        (on, edge): (NodeId, &Edge),
        fitting: Bits,
    ) {
        let origin = Origin::Requirement {
            by,
            on,
            range: edge.ranges.clone(),
        };
        if let Some((_, own)) = given.iter().find(|(node, _)| *node == on) {
            // a release that requires itself, for an extra
            if !own.within(&fitting) {
                self.add(given.clone(), origin);
            }
            return;
        }
        let unfit = Bits::all(self.nodes[on].count).without(&fitting);
        let key = by.map(|by| (by, on, fitting));
        if let Some(known) = key.as_ref().and_then(|key| self.shared.get(key)).copied() {
            // the same requirement by another release of the same project
            let (project, states) = &given[0];
            for (node, set) in &mut self.nogoods[known].terms {
                if node == project {
                    *set = set.or(states);
                }
            }
            self.has_grown(known);
            self.nogoods[known].origin.widen(&edge.ranges);
            self.join(known, given, by, on);
            self.look_again(known);
            return;
        }
        let mut terms = given.clone();
        terms.push((on, unfit));
        let id = self.add(terms, origin);
        if let (Some(_), [(project, _), ..]) = (&key, &given[..]) {
            self.may_grow(id, *project);
        }
        self.join(id, given, by, on);
        self.shared.extend(key.map(|key| (key, id)));
    }

    fn node_of(&mut self, name: &PackageName) -> Result<NodeId, SourceError> {
        let package = Package::Project(name.clone());
        if let Some(id) = self.ids.get(&package) {
            return Ok(*id);
        }
        let candidates = match self.world.project(name)? {
            Known::Found(candidates) => Some(candidates),
            Known::NotFound | Known::Offline => None,
        };
        let count = candidates.as_ref().map_or(0, |c| c.eligible.len()) + 1;
        let mut node = Node::new(package, count);
        let eligible = candidates.iter().flat_map(|c| &c.eligible);
        for (candidate, state) in eligible.zip(1..) {
            if !self.world.admits(name, candidate) {
                continue;
            }
            node.history[0].domain.insert(state);
            let is_final = !candidate.version.any_prerelease();
            let is_usual = self.world.admits_reserve(name, candidate, false);
            if is_final {
                node.finals.insert(state);
            }
            if !is_usual {
                node.reserves.insert(state);
            } else if is_final || self.world.wants_prereleases(name) {
                node.usual.insert(state);
            }
        }
        node.history[0].single = node.history[0].domain.single();
        node.few = lag_of_few(&node, candidates.as_deref());
        node.candidates = candidates;
        Ok(self.add_node(node))
    }

    fn extra_node(&mut self, package: Package, project: NodeId) -> NodeId {
        if let Some(id) = self.ids.get(&package) {
            return *id;
        }
        let mut node = Node::new(package, 2);
        node.history[0] = Step::start(Bits::all(2));
        node.loaded = Bits::none(self.nodes[project].count);
        node.project = Some(project);
        let id = self.add_node(node);
        self.nodes[project].extras.push(id);
        id
    }

    fn add_node(&mut self, mut node: Node) -> NodeId {
        let id = self.nodes.len();
        node.wish = self.wish_of(&node);
        self.ids.insert(node.package.clone(), id);
        self.nodes.push(node);
        // absence is always admitted, so something is left
        self.work += self.nodes[id].count as u64;
        if self.level >= SHARED {
            self.lay_floor(id, SHARED);
        }
        if self.level >= OWN {
            self.lay_floor(id, OWN);
        }
        id
    }

    /// The states that a requirement admits.
    fn fitting(&self, on: NodeId, ranges: &Ranges<Version>) -> Bits {
        let node = &self.nodes[on];
        let mut fitting = Bits::none(node.count);
        let Some(candidates) = &node.candidates else {
            return fitting;
        };
        for position in candidates.positions_within(ranges) {
            fitting.insert(position + 1);
        }
        fitting.and(&node.history[0].domain)
    }

    /// A requirement that fits no usual release admits others: last-resort sdists where it
    /// fits no wheel, pre-releases where it fits no final release.
    fn note_needed(&mut self, on: NodeId, fitting: &Bits) {
        let node = &mut self.nodes[on];
        if fitting.meets(&node.usual) {
            return;
        }
        let finals = fitting.and(&node.finals);
        let fitting = if finals.is_empty() { fitting } else { &finals };
        let wheels = fitting.without(&node.reserves);
        let needed = if wheels.is_empty() { fitting } else { &wheels };
        if !needed.within(&node.needed) {
            node.needed = node.needed.or(needed);
            node.admitted = None;
            self.stale = true;
        }
    }
}

/// The lag that the [`FEW`] newest usual releases have at most.
fn lag_of_few(node: &Node, candidates: Option<&Candidates>) -> Option<u32> {
    let eligible = candidates?.eligible.iter().enumerate().rev();
    let usual = eligible.filter(|(index, _)| node.usual.contains(index + 1));
    let mut lags = usual.filter_map(|(_, candidate)| candidate.lag);
    lags.nth(FEW - 1)
}

impl Node {
    /// A node that can only be absent so far.
    fn new(package: Package, count: usize) -> Self {
        Self {
            package,
            candidates: None,
            project: None,
            extras: Vec::new(),
            count,
            finals: Bits::only(ABSENT, count),
            reserves: Bits::none(count),
            usual: Bits::none(count),
            needed: Bits::none(count),
            history: vec![Step::start(Bits::only(ABSENT, count))],
            requirements: Watches::default(),
            hulls: Vec::new(),
            lessons: Watches::default(),
            loaded: Bits::none(count),
            expected: Bits::none(count),
            weight: 0,
            wish: None,
            few: None,
            admitted: None,
        }
    }
}

impl Step {
    fn start(domain: Bits) -> Self {
        Self {
            single: domain.single(),
            domain,
            level: 0,
            order: 0,
            cause: Cause::Start,
        }
    }
}

/// The state of an extra that the answer takes.
const PRESENT: usize = 1;
