//! What the behaviour of hosts and projects teaches about the next request.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pinsmith_resolver::PackageName;
use url::{Origin, Url};

use super::cache::Cache;
use super::wheel::TAIL;

/// So many wheels of a host are tried before it is judged.
const TRIALS: u32 = 8;

/// Longest end of a wheel that is asked for at once, in bytes.
pub(super) const MAX_TAIL: u64 = 1024 * 1024;

/// Whether `FILE.metadata` is there although nobody said so, by host.
///
/// A miss costs a round trip before the byte ranges, which nearly always work, so a host is asked
/// further only when most of its wheels have it. Judgements against a host are kept in the cache.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<Origin, Tried>>);

#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    found: u32,
    missing: u32,
    /// Known from an earlier run to be of no use.
    hopeless: bool,
}

impl Tried {
    fn is_worth_it(self) -> bool {
        let tried = self.found + self.missing;
        !self.hopeless && (tried < TRIALS || self.missing * 4 <= tried)
    }
}

impl Guesses {
    pub(super) fn is_worth_it(&self, url: &Url, cache: &Cache) -> bool {
        let origin = url.origin();
        let tried = lock(&self.0).get(&origin).copied();
        let tried = tried.unwrap_or_else(|| {
            let tried = Tried {
                hopeless: cache.recall(&judgement(&origin)).is_some(),
                ..Tried::default()
            };
            *lock(&self.0).entry(origin).or_insert(tried)
        });
        tried.is_worth_it()
    }

    pub(super) fn record(&self, url: &Url, found: bool, cache: &Cache) {
        let origin = url.origin();
        let judged = {
            let mut all = lock(&self.0);
            let tried = all.entry(origin.clone()).or_default();
            let before = tried.is_worth_it();
            if found {
                tried.found += 1;
            } else {
                tried.missing += 1;
            }
            before && !tried.is_worth_it()
        };
        if judged {
            cache.remember(&judgement(&origin), "rarely there");
        }
    }
}

fn judgement(origin: &Origin) -> String {
    format!("unadvertised metadata {}", origin.ascii_serialization())
}

/// How much of the end of a wheel holds all that is needed, by project.
///
/// Wheels of one project resemble each other, so what the first one needed in several ranges the
/// next ones get in one.
#[derive(Debug, Default)]
pub(super) struct Tails(Mutex<HashMap<PackageName, u64>>);

impl Tails {
    /// Bytes to ask for first.
    pub(super) fn length(&self, name: &PackageName) -> u64 {
        lock(&self.0).get(name).copied().unwrap_or(TAIL)
    }

    /// Notes how much of the end of a wheel was needed; the next one may be a little larger.
    pub(super) fn learn(&self, name: &PackageName, needed: u64) {
        let length = (needed + needed / 16).clamp(TAIL, MAX_TAIL);
        lock(&self.0).insert(name.clone(), length);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_judged_by_its_first_wheels_and_for_later_runs() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().to_owned()));
        let bad: Url = "https://files.test/a.whl".parse().unwrap();
        let good: Url = "https://other.test/a.whl".parse().unwrap();
        let guesses = Guesses::default();
        for number in 0..TRIALS {
            assert!(guesses.is_worth_it(&bad, &cache), "{number}");
            guesses.record(&bad, number % 2 == 0, &cache);
            guesses.record(&good, number != 0, &cache);
        }
        assert!(!guesses.is_worth_it(&bad, &cache));
        assert!(guesses.is_worth_it(&good, &cache));
        let later = Guesses::default();
        assert!(!later.is_worth_it(&bad, &cache));
        assert!(later.is_worth_it(&good, &cache));
    }

    #[test]
    fn the_next_wheel_is_asked_for_what_this_one_needed() {
        let name: PackageName = "a".parse().unwrap();
        let tails = Tails::default();
        assert_eq!(tails.length(&name), TAIL);
        for (needed, expected) in [
            (400_000, 425_000),
            (2_000, TAIL),
            (u64::from(u32::MAX), MAX_TAIL),
        ] {
            tails.learn(&name, needed);
            assert_eq!(tails.length(&name), expected);
        }
    }
}
