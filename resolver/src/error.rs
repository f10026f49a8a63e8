//! Why there is no answer.

use crate::{Requirement, SourceError};

/// Why a resolution has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    /// The requirements contradict each other or what the index offers.
    #[error("{0}")]
    Unsatisfiable(Box<Unsatisfiable>),
    /// The world failed while it was asked.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A proof in words that no set of releases satisfies the requirements.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{explanation}")]
pub struct Unsatisfiable {
    /// The facts in order, one a line, ending with the conclusion.
    pub explanation: String,
    /// Remedies, each one line.
    pub help: Vec<String>,
    /// Whether something was missing only since the network is off.
    pub offline: bool,
    /// The user's own requirements that take part.
    pub requirements: Vec<Requirement>,
}
