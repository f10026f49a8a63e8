//! Why there is no answer.

use crate::{SourceError, Unsatisfiable};

/// Why a resolution has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResolveError {
    /// The requirements contradict each other or what the index offers.
    #[error("{}", .0.story(&|_| None).join("\n"))]
    Unsatisfiable(Box<Unsatisfiable>),
    /// The world failed while it was asked.
    #[error(transparent)]
    Source(#[from] SourceError),
}
