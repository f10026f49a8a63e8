//! Floors: what a run withholds because it is too old.
//!
//! They lie on two levels: those that many runs share, which stay with all that follows from them, and those of one
//! run. Both are taken back without a trace.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::rc::Rc;

use pep508_rs::PackageName;

use super::analysis::Finding;
use super::bits::{ABSENT, Bits};
use super::{Cause, Engine, Node, NodeId, OWN, SHARED};
use crate::package::Package;
use crate::search::Floors;

impl Engine<'_, '_> {
    /// The lag that floors allow a project; `None` is any.
    pub(crate) fn allowed(&self, floors: &Floors, name: &PackageName) -> Option<u32> {
        if let Some(own) = floors.own.get(name) {
            return *own;
        }
        let node = self.ids.get(&Package::Project(name.clone()));
        let few = node.and_then(|node| self.nodes[*node].few);
        match (floors.rest, few.filter(|_| floors.few)) {
            (Some(rest), Some(few)) => Some(rest.min(few)),
            (rest, few) => rest.or(few),
        }
    }

    /// What can be taken before floors are looked at.
    pub(super) fn offered(&self, node: &Node) -> Bits {
        let mut offered = node.usual.or(&node.needed);
        if self.reserves {
            offered = offered.or(&node.reserves.and(&node.finals));
        }
        offered
    }

    /// What the floors up to a level admit; `None` where there is nothing to withhold.
    pub(super) fn admitted(&mut self, id: NodeId, level: u32) -> Option<Rc<Bits>> {
        let node = &self.nodes[id];
        let (candidates, name) = (node.candidates.as_ref()?, node.package.name()?);
        let own = self.own.get(name).filter(|_| level == OWN);
        let allowed = own
            .copied()
            .unwrap_or_else(|| self.allowed(&self.floors, name));
        if let Some((known, admitted)) = &node.admitted
            && *known == allowed
        {
            return Some(Rc::clone(admitted));
        }
        let mut admitted = self.offered(node);
        if let Some(allowed) = allowed {
            for (candidate, state) in candidates.eligible.iter().zip(1..) {
                if candidate.lag.is_some_and(|lag| lag > allowed) {
                    admitted.remove(state);
                }
            }
        }
        admitted.insert(ABSENT);
        let admitted = Rc::new(admitted);
        self.nodes[id].admitted = Some((allowed, Rc::clone(&admitted)));
        Some(admitted)
    }

    pub(super) fn take_back_floors(&mut self, id: NodeId) {
        let node = &mut self.nodes[id];
        while node
            .history
            .last()
            .is_some_and(|step| step.level > self.level)
        {
            node.history.pop();
        }
        if node.is_open() {
            self.open.push((node.weight, Reverse(id)));
        }
    }

    /// The nodes whose floors, together with that of this one, leave it nothing.
    pub(super) fn blamed_for_nothing_left(&mut self, id: NodeId) -> BTreeSet<NodeId> {
        let mut blamed = BTreeSet::from([id]);
        if let Some(admitted) = self.admitted(id, self.level) {
            let withheld = Bits::all(self.nodes[id].count).without(&admitted);
            let finding = self.analyse(vec![(id, withheld)], blamed.clone(), None);
            if let Finding::Floors { nodes, from } = finding {
                (blamed, self.core) = (nodes, from);
            }
        }
        self.lies &= self.level >= OWN;
        blamed
    }

    /// Withholds what the shared floors do not admit; a node that has nothing left, if there is one.
    pub(super) fn lay_shared(&mut self) -> Option<NodeId> {
        self.level = SHARED;
        (0..self.nodes.len()).find(|node| !self.lay_floor(*node, SHARED))
    }

    /// Withholds what the floors of this run do not admit; a node that has nothing left.
    pub(super) fn lay_own(&mut self) -> Option<NodeId> {
        self.lies = true;
        self.level = OWN;
        let names: Vec<PackageName> = self.own.keys().cloned().collect();
        let nodes = names.into_iter().map(Package::Project);
        let nodes: Vec<NodeId> = nodes.filter_map(|p| self.ids.get(&p).copied()).collect();
        nodes.into_iter().find(|node| !self.lay_floor(*node, OWN))
    }

    /// Whether the node has something left.
    pub(super) fn lay_floor(&mut self, id: NodeId, level: u32) -> bool {
        let Some(admitted) = self.admitted(id, level) else {
            return true;
        };
        if self.nodes[id].domain().within(&admitted) {
            return true;
        }
        let domain = self.nodes[id].domain().and(&admitted);
        if domain.is_empty() {
            return false;
        }
        if level == OWN {
            self.own_nodes.push(id);
        }
        self.push(id, domain, (level, 0), Cause::Floor);
        true
    }

    /// The releases of a project that are not ruled out by what follows from shared floors alone, and whether it can be
    /// done without; `None` where other floors lie.
    pub(crate) fn left_by(
        &self,
        floors: &Floors,
        name: &PackageName,
    ) -> Option<(Vec<usize>, bool)> {
        if !self.lies || self.floors != *floors {
            return None;
        }
        let id = self.ids.get(&Package::Project(name.clone()))?;
        let mut steps = self.nodes[*id].history.iter().rev();
        let step = steps.find(|step| step.level <= SHARED)?;
        let states = step.domain.states().filter(|state| *state != ABSENT);
        let positions = states.map(|state| state - 1).collect();
        Some((positions, step.domain.contains(ABSENT)))
    }

    /// The projects of some nodes whose floors withhold a release.
    pub(super) fn names_of(&mut self, nodes: &BTreeSet<NodeId>) -> BTreeSet<PackageName> {
        let mut names = BTreeSet::new();
        for id in nodes {
            let Some(admitted) = self.admitted(*id, OWN) else {
                continue;
            };
            let node = &self.nodes[*id];
            if !self.offered(node).within(&admitted) {
                names.extend(node.package.name().cloned());
            }
        }
        names
    }
}
