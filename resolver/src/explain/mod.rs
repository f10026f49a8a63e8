//! From the solver's proof to words, in two steps: facts first, then sentences.
//!
//! `leaves` reads the facts off the proof, `core` drops those that are not needed to prove the
//! same, `words` tells the rest.

mod core;
mod fact;
mod leaves;
mod many;
mod ranges;
mod words;

use std::collections::BTreeMap;

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::DerivationTree;
use version_ranges::Ranges;

#[cfg(test)]
pub(crate) use core::proves;
pub use fact::{Exclusion, Fact, Span, Subject};

use crate::engine::Core;
use crate::package::Package;
use crate::provider::Reason;
use crate::world::World;
use crate::{Requirement, Target, Timestamp};

pub(crate) type Proof = DerivationTree<Package, Ranges<Version>, Reason>;

/// A proof that no set of releases satisfies the requirements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsatisfiable {
    /// What was solved for.
    pub target: Target,
    /// Only files uploaded up to this instant counted.
    pub as_of: Option<Timestamp>,
    /// Instants of single projects.
    pub as_of_projects: BTreeMap<PackageName, Timestamp>,
    /// What the proof rests on. The facts alone suffice: whatever else the index may hold, no set
    /// of releases that agrees with them satisfies the requirements among them.
    pub facts: Vec<Fact>,
}

impl Unsatisfiable {
    /// The user's own requirements that take part, without repetition.
    pub fn requirements(&self) -> Vec<&Requirement> {
        let mut asked: Vec<&Requirement> = Vec::new();
        for fact in &self.facts {
            if let Fact::Asked { requirement, .. } = fact
                && !asked.contains(&requirement)
            {
                asked.push(requirement);
            }
        }
        asked
    }

    /// Projects that no index has.
    pub fn unknown_projects(&self) -> impl Iterator<Item = &PackageName> {
        self.facts.iter().filter_map(|fact| match fact {
            Fact::NotOnIndex { name } => Some(name),
            _ => None,
        })
    }

    /// Whether something was missing only since the network is off.
    pub fn offline(&self) -> bool {
        self.facts.iter().any(|fact| match fact {
            Fact::NotInCache { .. } => true,
            Fact::Excluded { because, .. } => {
                matches!(because, Exclusion::Unusable { offline: true, .. })
            }
            _ => false,
        })
    }

    /// The facts as sentences, one a line, ending with the conclusion. `places` says where a
    /// requirement or constraint of the user stands.
    pub fn story(&self, places: &dyn Fn(&Requirement) -> Option<String>) -> Vec<String> {
        let setting = words::Setting {
            target: &self.target,
            as_of: self.as_of,
            as_of_projects: &self.as_of_projects,
            places,
        };
        words::story(&self.facts, &setting)
    }
}

pub(crate) use words::cuda as cuda_of;

/// A range of versions in the words of PEP 440 where it has some.
pub fn range_text(range: &Ranges<Version>) -> String {
    ranges::show_range(range)
}

/// What a solver says of a failure.
pub(crate) enum Reasons {
    /// PubGrub's proof.
    Tree(Box<Proof>),
    /// What the engine's lessons were drawn from, where PubGrub would take too long.
    Core(Box<Core>),
}

/// Explains why there is no answer.
pub(crate) fn unsatisfiable(
    reasons: &Reasons,
    world: &World<'_>,
    target: &Target,
) -> Unsatisfiable {
    let reader = leaves::Reader { world, target };
    let widen = |fact: &mut Fact| reader.widen(fact);
    let facts = match reasons {
        Reasons::Tree(proof) => core::shortest(reader.facts_of(proof), &widen),
        Reasons::Core(core) => {
            // thousands of releases that all ask for the wrong thing are mostly one claim
            let joined = core::proof_of(reader.joined_facts(core), &widen);
            joined.unwrap_or_else(|| reader.all_facts(core))
        }
    };
    Unsatisfiable {
        target: target.clone(),
        as_of: world.as_of(),
        as_of_projects: world.as_of_projects().clone(),
        facts,
    }
}
