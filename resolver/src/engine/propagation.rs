//! Drawing conclusions from nogoods.

use super::bits::Bits;
use super::core::Origin;
use super::{Cause, Engine, Mention, NodeId, Nogood, NogoodId, SHARED, Terms, Watch};

/// What a look at a lesson costs, beside a step through the list of those that watch a node.
const COST_OF_LOOK: u64 = 3;

/// What a look at a lesson led to.
enum Look {
    /// It goes on watching the same node; a state of it that the term leaves out, if there is one.
    Watches(Option<usize>),
    /// It watches another node now.
    Moved,
    Violated,
}

impl Watch {
    /// Whether the term does not hold, as far as can be told without a look at the lesson.
    fn is_idle(&self, domain: &Bits) -> bool {
        self.outside.is_some_and(|state| domain.contains(state))
    }
}

impl Engine<'_, '_> {
    /// Draws every conclusion from the nogoods; the nogood that is violated, if one is.
    pub(super) fn propagate(&mut self) -> Option<NogoodId> {
        loop {
            if let Some(nogood) = self.fresh.pop() {
                if self.conclude(nogood) {
                    return Some(nogood);
                }
            } else if let Some(node) = self.changed.pop() {
                let violated = self.look_at_requirements(node);
                let violated = violated.or_else(|| self.look_at_lessons(node));
                if violated.is_some() {
                    return violated;
                }
            } else {
                return None;
            }
        }
    }

    fn look_at_requirements(&mut self, node: NodeId) -> Option<NogoodId> {
        // conclusions never add requirements, so the list can be taken out meanwhile
        let hulls = std::mem::take(&mut self.nodes[node].hulls);
        let violated = hulls.iter().find(|(nogood, position)| {
            let set = &self.nogoods[*nogood].terms[*position].1;
            self.nodes[node].domain().within(set) && self.conclude(*nogood)
        });
        let violated = violated.map(|(nogood, _)| *nogood);
        self.nodes[node].hulls = hulls;
        if violated.is_some() {
            return violated;
        }
        let requirements = std::mem::take(&mut self.nodes[node].requirements);
        self.work += requirements.len() as u64;
        let mut newest_first = requirements.iter().rev();
        let words = self.nodes[node].domain().words();
        let violated = newest_first.find(|mention| {
            let Mention {
                nogood,
                position,
                lone,
            } = **mention;
            if lone.is_some_and(|(by, state)| !self.nodes[by].domain().contains(state)) {
                return false;
            }
            self.work += words;
            // while its own term is open, nothing new can follow
            let set = &self.nogoods[nogood].terms[position].1;
            self.nodes[node].domain().within(set) && self.conclude(nogood)
        });
        let violated = violated.map(|mention| mention.nogood);
        self.nodes[node].requirements = requirements;
        violated
    }

    fn look_at_lessons(&mut self, node: NodeId) -> Option<NogoodId> {
        let mut lessons = std::mem::take(&mut self.nodes[node].lessons);
        self.work += lessons.len() as u64;
        let mut violated = None;
        lessons.retain_mut(|watch| {
            if violated.is_some() || watch.is_idle(self.nodes[node].domain()) {
                return true;
            }
            self.work += COST_OF_LOOK;
            match self.look_at_lesson(watch.lesson, node) {
                Look::Watches(outside) => {
                    watch.outside = outside.or(watch.outside);
                    true
                }
                Look::Moved => false,
                Look::Violated => {
                    violated = Some(watch.lesson);
                    true
                }
            }
        });
        self.nodes[node].lessons = lessons;
        violated
    }

    /// A watched node of a lesson changed.
    fn look_at_lesson(&mut self, lesson: NogoodId, node: NodeId) -> Look {
        let Nogood { terms, watched, .. } = &mut self.nogoods[lesson];
        let Some([first, second]) = watched else {
            return Look::Watches(None);
        };
        if terms.is_empty() {
            // it was forgotten
            return Look::Moved;
        }
        if terms[*first].0 != node {
            std::mem::swap(first, second);
        }
        let nodes = &self.nodes;
        let holds = |position: usize| {
            let (node, set) = &terms[position];
            nodes[*node].domain().within(set)
        };
        let outside = nodes[node].domain().first_outside(&terms[*first].1);
        let (other, set) = &terms[*second];
        if outside.is_some() || !nodes[*other].domain().meets(set) {
            return Look::Watches(outside);
        }
        self.work += terms.len() as u64;
        let mut rest = (0..terms.len()).filter(|position| position != first && position != second);
        if let Some(position) = rest.find(|position| !holds(*position)) {
            *first = position;
            let (node, set) = &terms[position];
            let outside = nodes[*node].domain().first_outside(set);
            let node = *node;
            self.nodes[node].lessons.push(Watch { lesson, outside });
            return Look::Moved;
        }
        if holds(*second) {
            return Look::Violated;
        }
        let (other, domain) = (*other, nodes[*other].domain().without(set));
        self.step(other, domain, Cause::Nogood(lesson));
        Look::Watches(None)
    }

    /// Draws the conclusion from one nogood; whether it is violated.
    fn conclude(&mut self, nogood: NogoodId) -> bool {
        let mut open = None;
        if self.nogoods[nogood].terms.is_empty() {
            return false;
        }
        for (position, (node, set)) in self.nogoods[nogood].terms.iter().enumerate() {
            let domain = self.nodes[*node].domain();
            if domain.within(set) {
                continue;
            }
            if open.is_some() || !domain.meets(set) {
                return false;
            }
            open = Some(position);
        }
        let Some(position) = open else {
            return true;
        };
        let (node, set) = &self.nogoods[nogood].terms[position];
        let (node, domain) = (*node, self.nodes[*node].domain().without(set));
        self.step(node, domain, Cause::Nogood(nogood));
        false
    }

    /// Adds what a release requires; what follows is drawn by the next [`Self::propagate`].
    pub(super) fn add(&mut self, mut terms: Terms, origin: Origin) -> NogoodId {
        terms.sort_by_key(|(node, _)| *node);
        let id = self.nogoods.len();
        let lone = match &origin {
            Origin::Requirement { by: Some(by), .. } => {
                let own = terms.iter().find(|(node, _)| node == by);
                own.and_then(|(node, set)| Some((*node, set.single()?)))
            }
            _ => None,
        };
        for (position, (node, _)) in terms.iter().enumerate() {
            self.nodes[*node].requirements.push(Mention {
                nogood: id,
                position,
                lone,
            });
        }
        self.keep(terms, None, origin)
    }

    /// A requirement turns out to be that of several releases.
    pub(super) fn is_shared(&mut self, nogood: NogoodId) {
        let nodes: Vec<NodeId> = self.nogoods[nogood]
            .terms
            .iter()
            .map(|(node, _)| *node)
            .collect();
        for node in nodes {
            let mentions = &mut self.nodes[node].requirements;
            // they are added in ascending order
            let position = mentions.partition_point(|mention| mention.nogood < nogood);
            if let Some(mention) = mentions.get_mut(position) {
                mention.lone = None;
            }
        }
    }

    /// Adds what a conflict taught.
    pub(super) fn learn(&mut self, terms: Terms, from: Box<[NogoodId]>) {
        let id = self.nogoods.len();
        let mut positions: Vec<usize> = (0..terms.len()).collect();
        // those that do not hold first, then those that were the last to hold
        positions.sort_by_key(|position| {
            let (node, set) = &terms[*position];
            let history = &self.nodes[*node].history;
            let since = history.partition_point(|step| !step.domain.within(set));
            let since = history.get(since).map(|step| (step.level, step.order));
            (since.is_some(), std::cmp::Reverse(since))
        });
        let watched = match positions[..] {
            [first, second, ..] => Some([first, second]),
            _ => None,
        };
        for position in watched.into_iter().flatten() {
            let (node, set) = &terms[position];
            let start = &self.nodes[*node].history[0].domain;
            let outside = start.first_outside(set);
            let watch = Watch {
                lesson: id,
                outside,
            };
            self.nodes[*node].lessons.push(watch);
        }
        self.lessons.push(id);
        self.keep(terms, watched, Origin::Lesson(from));
    }

    pub(super) fn keep(
        &mut self,
        terms: Terms,
        watched: Option<[usize; 2]>,
        origin: Origin,
    ) -> NogoodId {
        let id = self.nogoods.len();
        if terms.len() == 1 && self.level > 0 {
            self.facts.push(id);
        }
        self.nogoods.push(Nogood {
            terms,
            watched,
            used: self.conflicts,
            origin,
        });
        self.look_again(id);
        id
    }

    /// A nogood is new, or says more than before.
    pub(super) fn look_again(&mut self, id: NogoodId) {
        self.fresh.push(id);
        if self.level > SHARED {
            self.since_shared.push(id);
        }
    }

    /// Whether the answer that all domains have narrowed down to violates no nogood.
    pub(super) fn is_sound(&self) -> bool {
        let holds = |node: NodeId, set: &Bits| match self.nodes[node].step().single {
            Some(state) => set.contains(state),
            None => set.contains(super::ABSENT),
        };
        let mut nogoods = self.nogoods.iter();
        nogoods.all(|nogood| {
            nogood.terms.is_empty() || !nogood.terms.iter().all(|(node, set)| holds(*node, set))
        })
    }
}
