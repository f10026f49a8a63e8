//! What a conflict teaches.

use std::collections::BTreeSet;

use super::{Cause, Engine, LESSONS_AT_FIRST, NodeId, NogoodId, OWN, Step, Terms};

/// The gist of a conflict.
pub(super) enum Finding {
    /// A new nogood, and the level at which it leaves one node one way out.
    Learnt {
        terms: Terms,
        level: u32,
        /// What it follows from.
        from: Box<[NogoodId]>,
    },
    /// The violated nogood leaves one node one way out at that level: nothing new.
    Known { level: u32 },
    /// It follows from the floors of these nodes alone; from none, if there are none.
    Floors {
        nodes: BTreeSet<NodeId>,
        /// What it follows from besides.
        from: Box<[NogoodId]>,
    },
}

impl Engine<'_, '_> {
    /// Boils the terms of a violated nogood down.
    ///
    /// Its latest step is replaced by the reasons for that step, again and again, until only one
    /// step of the latest level is left, or until nothing but floors is.
    /// `floors` are those that have a part in it from the outset.
    pub(super) fn analyse(
        &mut self,
        mut terms: Terms,
        mut floors: BTreeSet<NodeId>,
        violated: Option<NogoodId>,
    ) -> Finding {
        self.fade();
        let mut from: Vec<NogoodId> = violated.into_iter().collect();
        let mut is_as_it_was = violated.is_some();
        loop {
            let words: u64 = terms.iter().map(|(_, set)| set.words()).sum();
            self.work += words + terms.len() as u64;
            let starts = |node: NodeId| &self.nodes[node].history[0].domain;
            terms.retain(|(node, set)| !starts(*node).within(set));
            let Some((position, step, before)) = self.latest(&terms) else {
                return Finding::Floors {
                    nodes: floors,
                    from: from.into(),
                };
            };
            let (node, level) = (
                terms[position].0,
                self.nodes[terms[position].0].history[step].level,
            );
            if level > OWN && before < level {
                for (node, _) in &terms {
                    self.blame(*node);
                }
                // floors need not be laid anew for what holds without them
                let level = before.max(OWN);
                return match from[..] {
                    [_] if is_as_it_was => Finding::Known { level },
                    _ => Finding::Learnt {
                        terms,
                        level,
                        from: from.into(),
                    },
                };
            }
            match self.nodes[node].history[step].cause {
                Cause::Nogood(reason) => {
                    self.blame(node);
                    self.nogoods[reason].used = self.conflicts;
                    from.push(reason);
                    terms = resolve(&terms, &self.nogoods[reason].terms, node);
                }
                Cause::Floor | Cause::Decision | Cause::Start => {
                    // the term without the floor: whatever it withheld is added
                    floors.insert(node);
                    is_as_it_was = false;
                    let history = &self.nodes[node].history;
                    let withheld = history[step - 1].domain.without(&history[step].domain);
                    terms[position].1 = terms[position].1.or(&withheld);
                }
            }
        }
    }

    /// The term that was the last to hold, the step that made it hold, and the level at which
    /// the other terms held.
    fn latest(&self, terms: &Terms) -> Option<(usize, usize, u32)> {
        let mut latest: Option<(usize, usize, (u32, u32))> = None;
        let mut before = 0;
        for (position, (node, set)) in terms.iter().enumerate() {
            let history = &self.nodes[*node].history;
            let step = history.partition_point(|step| !step.domain.within(set));
            let Some(Step { level, order, .. }) = history.get(step) else {
                continue;
            };
            let at = (*level, *order);
            match latest {
                Some((.., known)) if known >= at => before = before.max(*level),
                _ => {
                    before = before.max(latest.map_or(0, |(.., (level, _))| level));
                    latest = Some((position, step, at));
                }
            }
        }
        latest.map(|(position, step, _)| (position, step, before))
    }

    /// Forgets the half of the lessons that was of no use for longest. What a lesson says also follows without it,
    /// and looking at all of them is what costs most where conflicts are many.
    pub(super) fn forget(&mut self) {
        let steps = self.nodes.iter().flat_map(|node| &node.history);
        let reasons: BTreeSet<NogoodId> = steps
            .filter_map(|step| match step.cause {
                Cause::Nogood(reason) => Some(reason),
                _ => None,
            })
            .collect();
        let nogoods = &self.nogoods;
        self.lessons
            .sort_by_key(|lesson| std::cmp::Reverse((nogoods[*lesson].used, *lesson)));
        let half = self.lessons.len() / 2;
        for lesson in self.lessons.split_off(half) {
            let terms = &mut self.nogoods[lesson].terms;
            if terms.len() <= 2 || reasons.contains(&lesson) {
                self.lessons.push(lesson);
            } else {
                terms.clear();
            }
        }
        self.lessons_end = self
            .lessons_end
            .max(self.lessons.len() + LESSONS_AT_FIRST / 2);
    }

    /// Lets old conflicts count for less.
    fn fade(&mut self) {
        self.conflicts += 1;
        if self
            .conflicts
            .is_multiple_of(super::CONFLICTS_BEFORE_FADING)
        {
            for node in &mut self.nodes {
                node.weight /= 2;
            }
            self.list_open();
        }
    }
}

/// What follows from two nogoods, whichever state `node` takes.
fn resolve(first: &Terms, second: &Terms, node: NodeId) -> Terms {
    let mut joined = Terms::with_capacity(first.len() + second.len());
    let (mut left, mut right) = (first.iter().peekable(), second.iter().peekable());
    loop {
        let next = match (left.peek(), right.peek()) {
            (None, None) => return joined,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
        };
        match next {
            std::cmp::Ordering::Less => joined.extend(left.next().cloned()),
            std::cmp::Ordering::Greater => joined.extend(right.next().cloned()),
            std::cmp::Ordering::Equal => {
                if let (Some((at, a)), Some((_, b))) = (left.next(), right.next()) {
                    joined.push((*at, if *at == node { a.or(b) } else { a.and(b) }));
                }
            }
        }
    }
}
