//! Which nogoods are looked at when a node's domain shrinks.
//!
//! A term holds once every state outside its set is gone. So it suffices to look at it when one such state goes, its
//! witness: while the witness is there, the term does not hold. A term of one state is looked at when that state alone is left.
//! So a step costs what hangs on the states that it takes away, not what is known of the node.

use super::bits::Bits;
use super::{Node, NogoodId, Step};

/// A term of a nogood that is to be looked at.
#[derive(Clone, Copy)]
pub(super) struct Watch {
    pub(super) nogood: NogoodId,
    /// Which of its terms it is.
    pub(super) position: usize,
}

/// Terms by the states whose going, or being left alone, makes a look worthwhile.
#[derive(Default)]
pub(super) struct Watches {
    gone: Lists,
    alone: Lists,
}

/// Lists by state.
#[derive(Default)]
struct Lists {
    lists: Vec<Vec<Watch>>,
    /// Those that hold something, in words of bits.
    filled: Vec<u64>,
}

/// What makes a look at a term worthwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A state is out of the question.
    Gone(usize),
    /// A state is all that is left.
    Alone(usize),
}

impl Lists {
    fn list(&mut self, state: usize) -> &mut Vec<Watch> {
        if self.lists.len() <= state {
            self.lists.resize_with(state + 1, Vec::new);
            self.filled.resize(state / 64 + 1, 0);
        }
        self.filled[state / 64] |= 1 << (state % 64);
        &mut self.lists[state]
    }

    fn take(&mut self, state: usize) -> Vec<Watch> {
        let Some(list) = self.lists.get_mut(state) else {
            return Vec::new();
        };
        self.filled[state / 64] &= !(1 << (state % 64));
        std::mem::take(list)
    }

    fn has(&self, state: usize) -> bool {
        self.lists.get(state).is_some_and(|list| !list.is_empty())
    }
}

impl Watches {
    pub(super) fn add(&mut self, event: Event, watch: Watch) {
        match event {
            Event::Gone(state) => self.gone.list(state).push(watch),
            Event::Alone(state) => self.alone.list(state).push(watch),
        }
    }

    /// Takes out what hangs on an event.
    pub(super) fn take(&mut self, event: Event) -> Vec<Watch> {
        match event {
            Event::Gone(state) => self.gone.take(state),
            Event::Alone(state) => self.alone.take(state),
        }
    }

    /// Puts back what is left of it.
    pub(super) fn put_back(&mut self, event: Event, mut watches: Vec<Watch>) {
        if watches.is_empty() {
            return;
        }
        let list = match event {
            Event::Gone(state) => self.gone.list(state),
            Event::Alone(state) => self.alone.list(state),
        };
        watches.append(list);
        *list = watches;
    }

    /// The events of a step that something hangs on; what a release requires comes before what may not stand beside others.
    pub(super) fn events(&self, before: &Bits, step: &Step) -> Vec<Event> {
        let alone = step.single.filter(|state| self.alone.has(*state));
        let alone = alone.map(Event::Alone).into_iter();
        let gone = before.lost(&step.domain, &self.gone.filled);
        alone.chain(gone.map(Event::Gone)).collect()
    }
}

impl Node {
    /// The event at which a term with this set is to be looked at; `None` if it always holds.
    ///
    /// Where it holds already, it has to be looked at anew after what made it hold was taken back.
    pub(super) fn event_of(&self, set: &Bits) -> Option<Event> {
        if let Some(state) = set.single() {
            return Some(Event::Alone(state));
        }
        let open = self
            .history
            .partition_point(|step| !step.domain.within(set));
        let before = &self.history[open.checked_sub(1)?].domain;
        before.first_outside(set).map(Event::Gone)
    }
}
