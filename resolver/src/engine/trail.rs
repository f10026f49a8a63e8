//! How domains shrink and grow back, and what is decided next.

use std::cmp::Reverse;

use super::bits::{ABSENT, Bits};
use super::{Cause, Engine, NodeId, OWN, Step};

impl Engine<'_, '_> {
    pub(super) fn step(&mut self, node: NodeId, domain: Bits, cause: Cause) {
        let order = u32::try_from(self.trail.len() + 1).unwrap_or(u32::MAX);
        self.trail.push(node);
        self.push(node, domain, (self.level, order), cause);
    }

    pub(super) fn push(
        &mut self,
        id: NodeId,
        domain: Bits,
        (level, order): (u32, u32),
        cause: Cause,
    ) {
        self.work += domain.words();
        let node = &mut self.nodes[id];
        let single = domain.single();
        node.history.push(Step {
            domain,
            single,
            level,
            order,
            cause,
        });
        if node.is_open() {
            self.open.push((node.weight, Reverse(id)));
        } else if single != Some(ABSENT) {
            self.settled.insert(id);
            self.settled.extend(&node.extras);
        }
        self.changed.push((id, self.nodes[id].history.len() - 1));
    }

    /// Takes back everything above a level.
    ///
    /// At the levels of floors what was learnt meanwhile is looked at again, for it may follow from them
    /// or from facts alone.
    pub(super) fn backtrack(&mut self, level: u32) {
        self.changed.clear();
        self.level = level;
        while let Some(id) = self.trail.last().copied() {
            let node = &mut self.nodes[id];
            if node.history.last().is_none_or(|step| step.level <= level) {
                break;
            }
            node.history.pop();
            self.trail.pop();
            if node.is_open() {
                self.open.push((node.weight, Reverse(id)));
            }
        }
        if level < OWN {
            for id in std::mem::take(&mut self.own_nodes) {
                self.take_back_floors(id);
            }
            self.fresh.append(&mut self.since_shared);
        }
        if level == 0 {
            self.fresh.append(&mut self.facts);
            for id in 0..self.nodes.len() {
                self.take_back_floors(id);
                let steps = 1..self.nodes[id].history.len();
                self.changed.extend(steps.map(|step| (id, step)));
            }
        }
    }

    /// The state to decide on next.
    ///
    /// Nodes that had a part in recent conflicts come first, then those that were required first.
    pub(super) fn next_decision(&mut self) -> Option<(NodeId, usize)> {
        while let Some((weight, Reverse(id))) = self.open.pop() {
            let node = &self.nodes[id];
            if node.weight != weight || !node.is_open() {
                continue;
            }
            let domain = node.domain();
            let wished = node.wish.filter(|state| domain.contains(*state));
            let newest = || domain.and(&node.finals).last().or_else(|| domain.last());
            return Some((id, wished.or_else(newest)?));
        }
        None
    }

    /// Lists the open nodes anew.
    pub(super) fn list_open(&mut self) {
        let open = self.nodes.iter().enumerate();
        let open = open.filter(|(_, node)| node.is_open());
        self.open = open.map(|(id, node)| (node.weight, Reverse(id))).collect();
    }

    /// Counts that a node had a part in a conflict.
    pub(super) fn blame(&mut self, id: NodeId) {
        let node = &mut self.nodes[id];
        node.weight += 1;
        if node.is_open() {
            self.open.push((node.weight, Reverse(id)));
        }
    }
}
