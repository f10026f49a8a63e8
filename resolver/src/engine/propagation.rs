//! Drawing conclusions from nogoods.

use super::bits::Bits;
use super::core::Origin;
use super::watches::{Event, Watch};
use super::{Cause, Engine, NodeId, Nogood, NogoodId, SHARED, Terms};

/// What a look at a term costs, beside a step through the list that it is in.
const COST_OF_LOOK: u64 = 3;

/// The same of a lesson, whose terms lie all over the memory.
const COST_OF_LESSON: u64 = 10;

/// What becomes of a watch.
enum Look {
    Stays,
    /// It is in another list now, or of no use any more.
    Leaves,
    Violated,
}

impl Engine<'_, '_> {
    /// Draws every conclusion from the nogoods; the nogood that is violated, if one is.
    pub(super) fn propagate(&mut self) -> Option<NogoodId> {
        loop {
            if let Some(nogood) = self.fresh.pop() {
                if self.conclude(nogood) {
                    return Some(nogood);
                }
            } else if let Some((node, step)) = self.changed.pop() {
                let violated = self.look_around(node, step);
                if violated.is_some() {
                    return violated;
                }
            } else {
                return None;
            }
        }
    }

    /// Looks at what a step of a node may have consequences for.
    fn look_around(&mut self, node: NodeId, step: usize) -> Option<NogoodId> {
        // conclusions never add hulls, so the list can be taken out meanwhile
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
        let own = &self.nodes[node];
        let (before, after) = (&own.history[step - 1].domain, &own.history[step]);
        let requirements = own.requirements.events(before, after);
        let lessons = own.lessons.events(before, after);
        self.work += 2 * after.domain.words() + (requirements.len() + lessons.len()) as u64;
        for event in requirements {
            let violated = self.look_at_requirements(node, event);
            if violated.is_some() {
                return violated;
            }
        }
        let mut lessons = lessons.into_iter();
        lessons.find_map(|event| self.look_at_lessons(node, event))
    }

    fn look_at_requirements(&mut self, node: NodeId, event: Event) -> Option<NogoodId> {
        let mut watches = self.nodes[node].requirements.take(event);
        let mut violated = None;
        watches.retain(|watch| {
            if violated.is_some() {
                return true;
            }
            match self.look_at_requirement(node, *watch, event) {
                Look::Stays => true,
                Look::Leaves => false,
                Look::Violated => {
                    violated = Some(watch.nogood);
                    true
                }
            }
        });
        self.nodes[node].requirements.put_back(event, watches);
        violated
    }

    fn look_at_requirement(&mut self, node: NodeId, watch: Watch, event: Event) -> Look {
        self.work += COST_OF_LOOK;
        let Nogood {
            terms, grows, lone, ..
        } = &mut self.nogoods[watch.nogood];
        if lone.is_some_and(|(by, state)| !self.nodes[by].domain().contains(state)) {
            return Look::Stays;
        }
        let grows = grows.as_mut().filter(|(own, _)| *own == watch.position);
        if grows.as_ref().is_some_and(|(_, at)| *at != event) {
            return Look::Leaves;
        }
        let set = &terms[watch.position].1;
        // while its own term is open, nothing new can follow
        if let Some(outside) = self.nodes[node].domain().first_outside(set) {
            let event = Event::Gone(outside);
            if let Some((_, at)) = grows {
                *at = event;
            }
            self.nodes[node].requirements.add(event, watch);
            return Look::Leaves;
        }
        if self.conclude(watch.nogood) {
            return Look::Violated;
        }
        Look::Stays
    }

    fn look_at_lessons(&mut self, node: NodeId, event: Event) -> Option<NogoodId> {
        let mut watches = self.nodes[node].lessons.take(event);
        let mut violated = None;
        watches.retain(|watch| {
            if violated.is_some() {
                return true;
            }
            match self.look_at_lesson(node, *watch) {
                Look::Stays => true,
                Look::Leaves => false,
                Look::Violated => {
                    violated = Some(watch.nogood);
                    true
                }
            }
        });
        self.nodes[node].lessons.put_back(event, watches);
        violated
    }

    /// A watched node of a lesson changed.
    fn look_at_lesson(&mut self, node: NodeId, watch: Watch) -> Look {
        self.work += COST_OF_LESSON;
        let Nogood { terms, watched, .. } = &mut self.nogoods[watch.nogood];
        let Some([first, second]) = watched.as_mut().filter(|_| !terms.is_empty()) else {
            // it was forgotten
            return Look::Leaves;
        };
        if *first != watch.position {
            std::mem::swap(first, second);
        }
        let nodes = &self.nodes;
        if let Some(outside) = nodes[node].domain().first_outside(&terms[*first].1) {
            let event = Event::Gone(outside);
            self.nodes[node].lessons.add(event, watch);
            return Look::Leaves;
        }
        let (other, set) = &terms[*second];
        if !nodes[*other].domain().meets(set) {
            return Look::Stays;
        }
        self.work += terms.len() as u64;
        let holds = |position: usize| {
            let (node, set) = &terms[position];
            nodes[*node].domain().within(set)
        };
        let mut rest = (0..terms.len()).filter(|position| position != first && position != second);
        if let Some(position) = rest.find(|position| !holds(*position)) {
            *first = position;
            self.watch_lesson(watch.nogood, position);
            return Look::Leaves;
        }
        if holds(*second) {
            return Look::Violated;
        }
        let (other, domain) = (*other, nodes[*other].domain().without(set));
        self.step(other, domain, Cause::Nogood(watch.nogood));
        Look::Stays
    }

    fn watch_lesson(&mut self, nogood: NogoodId, position: usize) {
        let (node, set) = &self.nogoods[nogood].terms[position];
        if let Some(event) = self.nodes[*node].event_of(set) {
            let watch = Watch { nogood, position };
            self.nodes[*node].lessons.add(event, watch);
        }
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
        let nogood = self.nogoods.len();
        for (position, (node, set)) in terms.iter().enumerate() {
            if let Some(event) = self.nodes[*node].event_of(set) {
                let watch = Watch { nogood, position };
                self.nodes[*node].requirements.add(event, watch);
            }
        }
        self.keep(terms, None, origin)
    }

    /// Other releases of a project may turn out to require the same as the one that a nogood was just added for.
    pub(super) fn may_grow(&mut self, nogood: NogoodId, project: NodeId) {
        let mut terms = self.nogoods[nogood].terms.iter();
        if let Some(position) = terms.position(|(node, _)| *node == project) {
            let set = &self.nogoods[nogood].terms[position].1;
            let event = self.nodes[project].event_of(set);
            self.nogoods[nogood].lone = set.single().map(|state| (project, state));
            self.nogoods[nogood].grows = event.map(|event| (position, event));
        }
    }

    /// The term that may grow has grown.
    pub(super) fn has_grown(&mut self, nogood: NogoodId) {
        let Nogood {
            terms, grows, lone, ..
        } = &mut self.nogoods[nogood];
        *lone = None;
        let Some((position, at)) = grows else {
            return;
        };
        let (node, set) = &terms[*position];
        if matches!(at, Event::Gone(state) if !set.contains(*state)) {
            return;
        }
        if let Some(event) = self.nodes[*node].event_of(set) {
            // what it is watched at now is passed over from now on
            *at = event;
            let watch = Watch {
                nogood,
                position: *position,
            };
            self.nodes[*node].requirements.add(event, watch);
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
        self.lessons.push(id);
        self.keep(terms, watched, Origin::Lesson(from));
        for position in watched.into_iter().flatten() {
            self.watch_lesson(id, position);
        }
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
            lone: None,
            grows: None,
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
