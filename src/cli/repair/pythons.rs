//! The Pythons of this machine, and those that were usual.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use pinsmith_resolver::{PythonVersion, Timestamp};

use super::super::args::GlobalArgs;
use super::super::world::{cache_dir, env};
use super::evidence::Evidence;
use crate::host::{Host, HostOptions};
use crate::index::cache::Cache;
use crate::repair::{choose_pythons, usual_python};

/// Every interpreter of this machine, Python 2.7 too, which is looked for only when it is named.
pub(super) fn every_python(tree: &Path, global: &GlobalArgs) -> Host {
    let options = |python| HostOptions {
        all: true,
        memory: Some(Arc::new(Cache::new(cache_dir(global)))),
        ..HostOptions::from_env(&env, python)
    };
    let mut host = Host::detect(&options(None), tree);
    let two = PythonVersion {
        major: 2,
        minor: 7,
        patch: None,
    };
    host.interpreters
        .extend(Host::detect(&options(Some(two)), tree).python);
    host
}

/// The Pythons of this machine, ascending.
pub(super) fn here(host: &Host) -> Vec<PythonVersion> {
    let all = host
        .interpreters
        .iter()
        .map(|one| one.version.without_patch());
    let all: BTreeSet<PythonVersion> = all.collect();
    all.into_iter().collect()
}

/// The Python that was usual on the day; today a settled one of this machine.
pub(super) fn usual(evidence: &Evidence, host: &Host) -> PythonVersion {
    let today = || {
        let mut own = here(host);
        own.retain(|python| evidence.pythons.admitted.contains(python));
        let settled = usual_python(Timestamp::now());
        own.into_iter()
            .rfind(|python| *python <= settled)
            .unwrap_or(settled)
    };
    let day = evidence.day.as_ref();
    day.map_or_else(today, |day| usual_python(day.instant))
}

/// The Python that decides what is of the standard library.
pub(super) fn first_python(evidence: &Evidence, host: &Host) -> PythonVersion {
    let usual = usual(evidence, host);
    let found = choose_pythons(&evidence.pythons, usual, &|_| (0, 0), &here(host));
    found.first().map_or(usual, |choice| choice.python)
}
