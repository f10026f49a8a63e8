//! Following the resolver's guess over the network, ahead of the resolver.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pinsmith_resolver::{
    Lookahead, MarkerTree, MetadataAnswer, PackageName, Project, ReleaseFile, ReleasesAnswer,
    Requirement, Version, parse_requirement,
};
use tokio::runtime::Handle;

use super::{Shared, View};

/// Files of one project whose metadata is fetched because of guesses.
///
/// A project is mostly wanted in one version, sometimes pinned to another. More than two come up
/// when a requiring project goes back through its releases and drags its old pins along, and the
/// resolver needs next to none of those.
const GUESSES_PER_PROJECT: usize = 2;

/// After so many steps down the releases of a project, further steps are expected.
const STEPS_BEFORE_EXPECTING: usize = 2;

/// Most steps that are expected at a time.
const MAX_EXPECTED: usize = 24;

/// What was already followed, so that cycles end and nothing is done twice.
#[derive(Default)]
pub(super) struct Followed(Mutex<State>);

#[derive(Default)]
struct State {
    requirements: HashSet<String>,
    /// Addresses of the files that the resolver said it is about to ask for.
    expected: HashSet<String>,
    /// Addresses of the files that were guessed.
    guessed: HashMap<PackageName, Vec<String>>,
    descents: HashMap<PackageName, Descent>,
    guess: Option<Arc<dyn Lookahead>>,
}

/// A project whose releases the resolver tries one after the other, downwards.
struct Descent {
    last: Version,
    steps: usize,
    /// The releases below `last` that were asked for already.
    ahead: BTreeSet<Version>,
    /// Whether it is being found out which ones come next.
    busy: bool,
}

impl Descent {
    fn from(version: &Version) -> Self {
        Self {
            last: version.clone(),
            steps: 0,
            ahead: BTreeSet::new(),
            busy: false,
        }
    }

    /// Notes that the resolver asks for `version`; how many more below [`Self::lowest`] to fetch.
    ///
    /// At most as many as the way so far, so that what is fetched in vain where it ends is little.
    fn step_to(&mut self, version: &Version) -> usize {
        if *version >= self.last {
            if *version > self.last {
                *self = Self::from(version);
            }
            return 0;
        }
        self.steps += 1;
        self.last = version.clone();
        drop(self.ahead.split_off(version));
        let (wanted, ahead) = (self.steps.min(MAX_EXPECTED), self.ahead.len());
        if self.busy || self.steps < STEPS_BEFORE_EXPECTING || ahead > wanted / 2 {
            return 0;
        }
        self.busy = true;
        wanted - ahead
    }

    /// The lowest release that was asked for.
    fn lowest(&self) -> &Version {
        self.ahead.first().unwrap_or(&self.last)
    }

    /// Notes what was asked for ahead.
    fn go_ahead(&mut self, versions: impl IntoIterator<Item = Version>) {
        let below = versions.into_iter().filter(|version| *version < self.last);
        self.ahead.extend(below);
        self.busy = false;
    }
}

impl Followed {
    /// Whether this requirement is new to what is seen at a place.
    fn first_time(&self, requirement: &Requirement, place: &str) -> bool {
        // the marker was evaluated by whoever guessed
        let mut bare = requirement.clone();
        bare.marker = MarkerTree::TRUE;
        self.lock().requirements.insert(format!("{bare} {place}"))
    }

    /// Whether the metadata of this file may be fetched on a guess.
    fn is_worth_it(&self, name: &PackageName, url: &str) -> bool {
        let mut state = self.lock();
        let guessed = state.guessed.entry(name.clone()).or_default();
        if guessed.iter().any(|known| known == url) {
            return true;
        }
        let room = guessed.len() < GUESSES_PER_PROJECT;
        if room {
            guessed.push(url.to_owned());
        }
        room
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches the metadata of a file that the resolver is about to ask for.
pub(super) fn expect(
    shared: &Arc<Shared>,
    name: &PackageName,
    file: &ReleaseFile,
    handle: &Handle,
) {
    if shared.followed.lock().expected.insert(file.url.clone()) {
        fetch(shared, name.clone(), file.clone(), handle);
    }
}

/// Fetches metadata that nobody waits for; what comes is kept for the resolver.
fn fetch(shared: &Arc<Shared>, name: PackageName, file: ReleaseFile, handle: &Handle) {
    let shared = Arc::clone(shared);
    drop(handle.spawn(async move { shared.file_metadata(&name, &file).await.is_ok() }));
}

/// Fetches the metadata of older releases when the resolver is on its way down through them.
pub(super) fn expect_older(
    shared: &Arc<Shared>,
    name: &PackageName,
    version: &Version,
    handle: &Handle,
    view: Option<&Arc<View>>,
) {
    let (count, below, guess) = {
        let mut state = shared.followed.lock();
        let descents = &mut state.descents;
        let descent = descents.entry(name.clone());
        let descent = descent.or_insert_with(|| Descent::from(version));
        let count = descent.step_to(version);
        (count, descent.lowest().clone(), state.guess.clone())
    };
    let Some(guess) = guess.filter(|_| count > 0) else {
        return;
    };
    let (shared, name, own_handle) = (Arc::clone(shared), name.clone(), handle.clone());
    let view = view.cloned();
    drop(handle.spawn(async move {
        let seen = shared.project_seen(&name, view.as_ref()).await;
        let files = match seen {
            Ok(ReleasesAnswer::Found(project)) => {
                older_files(&name, &project, &below, count, guess.as_ref())
            }
            _ => Vec::new(),
        };
        if let Some(descent) = shared.followed.lock().descents.get_mut(&name) {
            descent.go_ahead(files.iter().map(|(version, _)| version.clone()));
        }
        for (_, file) in files {
            fetch(&shared, name.clone(), file, &own_handle);
        }
    }));
}

/// The likely files of the next `count` usable releases below a version.
fn older_files(
    name: &PackageName,
    project: &Project,
    below: &Version,
    count: usize,
    guess: &dyn Lookahead,
) -> Vec<(Version, ReleaseFile)> {
    let older = project.releases().iter().rev();
    older
        .filter(|release| release.version < *below && !release.version.any_prerelease())
        .filter_map(|release| {
            let exactly = parse_requirement(&format!("{name}=={}", release.version)).ok()?;
            let file = guess.likely_file(&exactly.requirement, project)?;
            Some((release.version.clone(), file))
        })
        .take(count)
        .collect()
}

/// Fetches the project, the metadata that the guess picks, and so on along what that requires.
///
/// Failures are left to the resolver, which asks again for what it really needs.
pub(super) fn follow(
    shared: &Arc<Shared>,
    requirements: Vec<Requirement>,
    guess: &Arc<dyn Lookahead>,
    handle: &Handle,
    view: Option<&Arc<View>>,
) {
    shared
        .followed
        .lock()
        .guess
        .get_or_insert_with(|| Arc::clone(guess));
    for requirement in requirements {
        let place = view.map_or_else(String::new, |view| view.key(&requirement.name));
        if shared.followed.first_time(&requirement, &place) {
            let (shared, guess) = (Arc::clone(shared), Arc::clone(guess));
            let view = view.cloned();
            let own_handle = handle.clone();
            drop(handle.spawn(async move {
                if let Some(next) = step(&shared, &requirement, &guess, view.as_ref()).await {
                    follow(&shared, next, &guess, &own_handle, view.as_ref());
                }
            }));
        }
    }
}

async fn step(
    shared: &Arc<Shared>,
    requirement: &Requirement,
    guess: &Arc<dyn Lookahead>,
    view: Option<&Arc<View>>,
) -> Option<Vec<Requirement>> {
    let name = &requirement.name;
    let Ok(ReleasesAnswer::Found(project)) = shared.project_seen(name, view).await else {
        return None;
    };
    let file = guess.likely_file(requirement, &project)?;
    if !shared.followed.is_worth_it(name, &file.url) {
        return None;
    }
    let Ok(MetadataAnswer::Found(metadata)) = shared.file_metadata(name, &file).await else {
        return None;
    };
    Some(guess.likely_requirements(requirement, &metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_down_is_expected_to_go_on() {
        let version = |number: u64| Version::new([number]);
        let mut descent = Descent::from(&version(100));
        let mut lowest = 100;
        let asked: Vec<usize> = (80..100)
            .rev()
            .map(|number| {
                let count = descent.step_to(&version(number));
                lowest = lowest.min(number);
                let next = lowest - count as u64..lowest;
                lowest -= count as u64;
                descent.go_ahead(next.map(version));
                count
            })
            .collect();
        assert_eq!(asked[..6], [0, 2, 2, 2, 0, 4]);
        let fetched_in_vain = descent.ahead.len();
        assert!(fetched_in_vain <= 20, "{fetched_in_vain}");
        assert_eq!(descent.step_to(&version(80)), 0, "asked again");
        assert_eq!(
            descent.step_to(&version(30)),
            21,
            "further down than expected"
        );
        assert_eq!(
            descent.step_to(&version(29)),
            0,
            "while the next ones are looked for"
        );
        descent.go_ahead([version(28)]);
        assert_eq!(descent.step_to(&version(90)), 0, "a new beginning");
        assert_eq!(descent.step_to(&version(89)), 0);
    }
}
