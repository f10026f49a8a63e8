//! What is wrong with a repository that stopped working, and what would make it work again; pure.
//!
//! [`pins`] looks at what is declared beside what the index offers, [`Plan`] holds every
//! requirement with what became of it, [`choose_pythons`] orders the Pythons, [`learn`] makes of a failed
//! round what the next one does differently, and [`edit`] turns the plan into changed files. `cli` asks
//! the index, builds and imports; nothing here touches the world. `docs/repair.md` tells the policy.

pub mod codes;
pub mod edit;
mod learn;
pub mod pins;
mod plan;
mod python;

pub use learn::{Lesson, Scene, is_of_the_time_of_two, learn, learn_from_build, namesakes};
pub use plan::{Fate, Need, Plan};
pub use python::{PythonChoice, PythonEvidence, choose_pythons, usual_python};

use serde::Serialize;

/// How sure a decision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It follows from what is written or from what the index says.
    Certain,
    /// The evidence points one way.
    Likely,
    /// The evidence would allow another choice.
    Guess,
}

/// Something that was decided, with the evidence for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What is decided on: `python`, `day`, or a distribution.
    pub subject: String,
    /// What was decided, in lower case.
    pub decided: String,
    /// Why, in lower case.
    pub because: String,
    /// How sure it is.
    pub confidence: Confidence,
}

impl Decision {
    /// A decision.
    pub fn new(
        subject: impl Into<String>,
        decided: impl Into<String>,
        because: impl Into<String>,
        confidence: Confidence,
    ) -> Self {
        Self {
            subject: subject.into(),
            decided: decided.into(),
            because: because.into(),
            confidence,
        }
    }
}
