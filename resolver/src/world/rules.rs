//! Which candidates the solver may take: constraints, yanks, pre-releases, last-resort sdists.

use pep440_rs::Version;
use pep508_rs::PackageName;

use super::World;
use crate::eligible::{Candidate, Candidates};
use crate::{PrereleasePolicy, Requirement, specifiers_of, to_ranges};

impl World<'_> {
    /// Whether some requirement on the project fits no final release, so that pre-releases count.
    ///
    /// What conflicts and floors leave over does not matter: a pre-release is no escape from them.
    pub(crate) fn needs_prereleases(&self, name: &PackageName, candidates: &Candidates) -> bool {
        let required = self.required.borrow();
        let mut ranges = required.get(name).into_iter().flatten();
        ranges.any(|range| {
            !candidates.within(range).any(|candidate| {
                !candidate.version.any_prerelease() && self.admits(name, candidate)
            })
        })
    }

    /// Whether some requirement fits a last-resort sdist and no wheel.
    pub(crate) fn needs_reserve(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        candidate: &Candidate,
    ) -> bool {
        let required = self.required.borrow();
        let mut ranges = required.get(name).into_iter().flatten();
        ranges.any(|range| {
            let mut others = candidates.within(range);
            range.contains(&candidate.version)
                && !others.any(|other| !other.reserve && self.admits(name, other))
        })
    }

    /// Whether constraints, yanks and pre-release rules let the solver take a candidate.
    pub(crate) fn admits(&self, name: &PackageName, candidate: &Candidate) -> bool {
        let version = &candidate.version;
        if candidate.yanked && !self.is_pinned(name, version) {
            return false;
        }
        if self.prereleases == PrereleasePolicy::Disallow
            && version.any_prerelease()
            && !self.wants_prereleases(name)
        {
            return false;
        }
        let unknown = self.request.direct.get(name);
        if unknown.is_some_and(|direct| !direct.version_known) {
            return true;
        }
        let constraint = self.constraints.get(name);
        let spelled = self.arbitrary.get(name);
        constraint.is_none_or(|ranges| ranges.contains(version))
            && spelled.is_none_or(|clauses| clauses.iter().all(|c| c.matches(version)))
    }

    fn is_pinned(&self, name: &PackageName, version: &Version) -> bool {
        let public = version.clone().without_local();
        let pinned = self.pinned.get(name);
        pinned.is_some_and(|pins| pins.iter().any(|pin| *pin == *version || *pin == public))
            || self.request.preferences.get(name) == Some(version)
    }

    /// Whether the user overrides every requirement on a project.
    pub(crate) fn overrides(&self, name: &PackageName) -> bool {
        self.request.overrides.iter().any(|one| one.name == *name)
    }

    /// The user's constraint that does not admit a version.
    pub(crate) fn constraint_against(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Option<Requirement> {
        let constraints = self.request.constraints.iter();
        let mut own = constraints.filter(|one| one.name == *name);
        own.find(|one| {
            one.evaluate_markers(&self.environment, &[])
                && !to_ranges(&specifiers_of(one)).contains(version)
        })
        .cloned()
    }

    /// Whether pre-releases of this project stand on an equal footing with final releases.
    pub(crate) fn wants_prereleases(&self, name: &PackageName) -> bool {
        self.prereleases == PrereleasePolicy::Allow
            || self.admits_prereleases.contains(name)
            || self.request.direct.contains_key(name)
    }

    /// Whether a release counts as far as last-resort sdists go: it is none, the user pinned it, or
    /// nothing else solves.
    pub(crate) fn admits_reserve(
        &self,
        name: &PackageName,
        candidate: &Candidate,
        allowed: bool,
    ) -> bool {
        if !candidate.reserve || self.is_pinned(name, &candidate.version) {
            return true;
        }
        self.saw_reserve.set(true);
        allowed
    }

    /// Whether some last-resort sdist was passed over.
    pub(crate) fn passed_over_reserves(&self) -> bool {
        self.saw_reserve.get()
    }
}
