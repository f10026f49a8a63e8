//! Following the resolver's guess over the network, ahead of the resolver.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use pinsmith_resolver::{Lookahead, MetadataAnswer, ReleasesAnswer, Requirement};
use tokio::runtime::Handle;

use super::Shared;

/// Requirements that were already followed, so that cycles end and nothing is done twice.
#[derive(Default)]
pub(super) struct Followed(Mutex<HashSet<String>>);

impl Followed {
    /// Whether this requirement is new.
    fn first_time(&self, requirement: &Requirement) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // the marker was evaluated by whoever guessed
        let mut bare = requirement.clone();
        bare.marker = pinsmith_resolver::MarkerTree::TRUE;
        seen.insert(bare.to_string())
    }
}

/// Fetches the project, the metadata that the guess picks, and so on along what that requires.
///
/// Failures are left to the resolver, which asks again for what it really needs.
pub(super) fn follow(
    shared: &Arc<Shared>,
    requirements: Vec<Requirement>,
    guess: &Arc<dyn Lookahead>,
    handle: &Handle,
) {
    for requirement in requirements {
        if shared.followed.first_time(&requirement) {
            let (shared, guess) = (Arc::clone(shared), Arc::clone(guess));
            let own_handle = handle.clone();
            drop(handle.spawn(async move {
                if let Some(next) = step(&shared, &requirement, &guess).await {
                    follow(&shared, next, &guess, &own_handle);
                }
            }));
        }
    }
}

async fn step(
    shared: &Arc<Shared>,
    requirement: &Requirement,
    guess: &Arc<dyn Lookahead>,
) -> Option<Vec<Requirement>> {
    let name = &requirement.name;
    let Ok(ReleasesAnswer::Found(project)) = shared.project(name).await else {
        return None;
    };
    let file = guess.likely_file(requirement, &project)?;
    let Ok(MetadataAnswer::Found(metadata)) = shared.file_metadata(name, &file).await else {
        return None;
    };
    Some(guess.likely_requirements(requirement, &metadata))
}
