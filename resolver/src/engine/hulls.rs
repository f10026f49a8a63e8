//! Requirements of many releases of one project on another, joined to one: these releases, and no release that any of
//! them goes with.
//!
//! It says less than they do, but takes them all away in one step, where a walk through a project would otherwise
//! take each away alone, and look at all those steps again in each conflict.

use super::bits::Bits;
use super::core::Origin;
use super::{Engine, FEW, NodeId, NogoodId, Terms};

/// What a project requires of another, as far as it is known.
pub(super) struct Hull {
    /// How many requirements were joined.
    joined: usize,
    /// The releases that require it.
    states: Bits,
    /// The releases that some requirement admits.
    fitting: Bits,
    /// The requirements so far, until there are enough of them for a nogood.
    first: Vec<NogoodId>,
    /// What says so at present.
    nogood: Option<NogoodId>,
}

impl Engine<'_, '_> {
    /// Takes the requirement of another release into the hull.
    pub(super) fn join(&mut self, id: NogoodId, given: &Terms, by: Option<NodeId>, on: NodeId) {
        let (Some(by), [(project, states)]) = (by, &given[..]) else {
            return;
        };
        let Some((_, unfit)) = self.nogoods[id].terms.iter().find(|(node, _)| *node == on) else {
            return;
        };
        let (all, fitting) = (
            Bits::all(self.nodes[on].count),
            Bits::all(self.nodes[on].count).without(unfit),
        );
        let none = || Hull {
            joined: 0,
            states: Bits::none(self.nodes[by].count),
            fitting: Bits::none(self.nodes[on].count),
            first: Vec::new(),
            nogood: None,
        };
        debug_assert_eq!(*project, by, "an extra is given by two terms");
        let hull = self.hulls.entry((by, on)).or_insert_with(none);
        hull.joined += 1;
        hull.states = hull.states.or(states);
        hull.fitting = hull.fitting.or(&fitting);
        if hull.joined < FEW {
            hull.first.push(id);
            return;
        }
        let unfit = all.without(&hull.fitting);
        let mut from = std::mem::take(&mut hull.first);
        let before = hull.nogood.take();
        from.extend(before);
        from.push(id);
        let terms = vec![(by, hull.states.clone()), (on, unfit)];
        self.work += 2 * all.words();
        let nogood = self.add_hull(terms, from.into(), before);
        if let Some(hull) = self.hulls.get_mut(&(by, on)) {
            hull.nogood = Some(nogood);
        }
    }

    /// Adds a hull in place of an earlier one, which stays as the reason of what it led to.
    fn add_hull(
        &mut self,
        mut terms: Terms,
        from: Box<[NogoodId]>,
        before: Option<NogoodId>,
    ) -> NogoodId {
        terms.sort_by_key(|(node, _)| *node);
        let id = self.nogoods.len();
        for (position, (node, _)) in terms.iter().enumerate() {
            let hulls = &mut self.nodes[*node].hulls;
            hulls.retain(|(known, _)| Some(*known) != before);
            hulls.push((id, position));
        }
        self.keep(terms, None, Origin::Lesson(from))
    }
}
