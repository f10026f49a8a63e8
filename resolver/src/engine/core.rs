//! What a failure rests on: the requirements that its lessons were drawn from.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use super::bits::ABSENT;
use super::{CONFLICTS_AT_MOST, Engine, NodeId, NogoodId, Run};
use crate::SourceError;
use crate::chosen::Chosen;
use crate::coherent::Bounds;
use crate::package::Package;
use crate::search::Floors;

/// Where a nogood comes from.
pub(super) enum Origin {
    /// Releases of `by`, or the user, require `on` in a range.
    Requirement {
        by: Option<NodeId>,
        on: NodeId,
        range: Ranges<Version>,
    },
    /// A release that cannot be used.
    Unusable,
    /// It was drawn from others.
    Lesson(Box<[NogoodId]>),
}

impl Origin {
    /// Takes in the range of another release, which the same releases fit.
    pub(super) fn widen(&mut self, other: &Ranges<Version>) {
        if let Self::Requirement { range, .. } = self
            && !other.subset_of(range)
        {
            *range = range.union(other);
        }
    }
}

/// Some releases of one project, or the user, require another project.
pub(crate) struct Claim {
    /// Who requires; `None` is the user.
    pub(crate) by: Option<Package>,
    /// In which releases, ascending; empty for the user.
    pub(crate) versions: Vec<Version>,
    pub(crate) on: Package,
    /// The versions that satisfy it.
    pub(crate) range: Ranges<Version>,
}

/// What suffices for a proof that there is no answer.
#[derive(Default)]
pub(crate) struct Core {
    pub(crate) claims: Vec<Claim>,
    /// The releases that can be taken, of every project of a claim.
    pub(crate) offered: BTreeMap<PackageName, BTreeSet<Version>>,
}

/// Outcome of a run without floors.
pub(crate) enum Proved {
    Solved(Chosen),
    Impossible(Core),
    TooLong,
}

impl Engine<'_, '_> {
    /// Looks for any answer without floors, however many conflicts that takes, up to so much work.
    pub(crate) fn prove(&mut self, work: u64) -> Result<Proved, SourceError> {
        let end = std::mem::replace(&mut self.work_end, self.work.saturating_add(work));
        self.conflicts_at_most = u32::MAX;
        let run = self.solve(&Floors::default(), &Bounds::new(), None);
        self.conflicts_at_most = CONFLICTS_AT_MOST;
        self.work_end = end;
        Ok(match run? {
            Run::Solved(chosen) => Proved::Solved(chosen),
            Run::Failed(_) => Proved::Impossible(self.claims()),
            Run::TooLong => Proved::TooLong,
        })
    }

    /// The requirements behind the last failure.
    fn claims(&self) -> Core {
        let mut seen: BTreeSet<NogoodId> = self.core.iter().copied().collect();
        let mut stack: Vec<NogoodId> = seen.iter().copied().collect();
        let mut leaves = BTreeSet::new();
        while let Some(id) = stack.pop() {
            match &self.nogoods[id].origin {
                Origin::Lesson(from) => {
                    stack.extend(from.iter().filter(|from| seen.insert(**from)));
                }
                Origin::Requirement { .. } | Origin::Unusable => {
                    leaves.insert(id);
                }
            }
        }
        let mut core = Core::default();
        for id in &leaves {
            self.add_claim(*id, &mut core);
        }
        for id in leaves {
            if let (Origin::Unusable, [(node, set)]) =
                (&self.nogoods[id].origin, &self.nogoods[id].terms[..])
                && let (Some(name), Some(candidates)) = (
                    self.nodes[*node].package.name(),
                    &self.nodes[*node].candidates,
                )
                && let Some(offered) = core.offered.get_mut(name)
            {
                for state in set.states().filter(|state| *state != ABSENT) {
                    offered.remove(&candidates.eligible[state - 1].version);
                }
            }
        }
        core
    }

    fn add_claim(&self, id: NogoodId, core: &mut Core) {
        let nogood = &self.nogoods[id];
        let Origin::Requirement { by, on, range } = &nogood.origin else {
            return;
        };
        let project = |node: NodeId| self.nodes[node].project.unwrap_or(node);
        let mut versions = Vec::new();
        if let Some(by) = by.map(project)
            && let Some(candidates) = &self.nodes[by].candidates
        {
            let own = nogood.terms.iter().find(|(node, _)| *node == by);
            let states = own.into_iter().flat_map(|(_, set)| set.states());
            let states = states.filter(|state| *state != ABSENT);
            versions.extend(states.map(|state| candidates.eligible[state - 1].version.clone()));
        }
        for node in by.iter().chain([on]) {
            let node = &self.nodes[project(*node)];
            if let (Some(name), Some(candidates)) = (node.package.name(), &node.candidates)
                && !core.offered.contains_key(name)
            {
                let offered = self.offered(node).and(&node.history[0].domain);
                let states = offered.states().filter(|state| *state != ABSENT);
                let versions = states.map(|state| candidates.eligible[state - 1].version.clone());
                core.offered.insert(name.clone(), versions.collect());
            }
        }
        core.claims.push(Claim {
            by: by.map(|by| self.nodes[by].package.clone()),
            versions,
            on: self.nodes[*on].package.clone(),
            range: range.clone(),
        });
    }
}
