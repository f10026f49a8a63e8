//! Is the lock true? The environment is built from it in isolation, and what the code imports is
//! imported there.
//!
//! Importing runs the code of distributions, as anybody who uses them does. It happens in a
//! process of its own with the environment that [`crate::install::scrub`] leaves, a temporary
//! HOME, an empty working directory, `-I`, a limit on its time and on what it may write. Nothing of
//! the tree itself is run, unless the user asks for it: its modules ([`local_modules`]) and its
//! commands ([`WantedCommands`]).
//!
//! [`verify`] is the door, [`wanted`] says as values what will be imported.

mod commands;
mod import;
mod local;
mod report;
mod wanted;

pub use commands::{CommandReport, RunOutcome, WantedCommand, WantedCommands};
pub use local::{LocalModules, local_modules};
pub use report::{ImportFailure, ImportReport, Outcome, VerifyReport};
pub use wanted::{Need, Wanted, wanted};

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use self::import::{Place, import};
use crate::install::{SyncError, SyncEvent, SyncOptions, pip_check, sync};
use crate::lock::Lock;
use crate::requirements::Manifest;
use crate::scan::Scan;

/// What `verify` is asked to do.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// How the environment is made; its `venv` lies in a temporary folder.
    pub sync: SyncOptions,
    /// How long one import may take.
    pub import_limit: Duration,
    /// Modules of the tree to import as well, which runs its code.
    pub local: Vec<LocalModules>,
    /// Commands to run, which runs code of the tree.
    pub commands: WantedCommands,
}

/// Something that happens while an environment is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyEvent<'a> {
    /// The environment is being made.
    Sync(SyncEvent<'a>),
    /// A module is being imported.
    Import {
        /// Its name.
        module: &'a str,
        /// How many came before it.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// The installer checks what it installed.
    Check,
    /// A command is being run.
    Run {
        /// Its name.
        name: &'a str,
    },
}

/// Builds the environment of a lock in isolation and imports what the code imports.
///
/// `work` is an empty temporary folder; the environment lies in it as `venv` and stays until the
/// caller removes the folder.
///
/// # Errors
///
/// [`SyncError`] when the environment cannot be made, or when the run is interrupted. That an
/// import fails is no error but part of the report.
pub fn verify(
    lock_file: &Path,
    lock: &Lock,
    sources: (&Scan, &Manifest),
    options: &VerifyOptions,
    work: &Path,
    progress: &mut dyn FnMut(VerifyEvent<'_>),
) -> Result<VerifyReport, SyncError> {
    let sync_options = SyncOptions {
        venv: work.join("venv"),
        temporary: true,
        ..options.sync.clone()
    };
    let environment = sync(lock_file, &sync_options, &mut |event| {
        progress(VerifyEvent::Sync(event));
    })?;
    let (scan, manifest) = sources;
    let locked = (lock, &sync_options.selection);
    let wanted = wanted(scan, manifest, locked, &environment.markers);
    let place = Place::new(&sync_options, &environment.python, work)?;
    let limit = options.import_limit;
    let imports = import(wanted, &place, limit, &sync_options, progress)?;
    progress(VerifyEvent::Check);
    let surroundings = place.surroundings(&sync_options);
    let problems = pip_check(&sync_options, &environment.python, &surroundings)?;
    let mut local = Vec::new();
    for group in &options.local {
        let folders = group.folders.iter();
        let place = place.searching(folders.map(|folder| sync_options.tree.join(folder)));
        let wanted = group.wanted.clone();
        local.extend(import(wanted, &place, limit, &sync_options, progress)?);
    }
    local.sort_by(|a, b| a.site.cmp(&b.site));
    without_causes_elsewhere(&mut local);
    let commands = commands::run(&options.commands, &place, &sync_options, progress)?;
    Ok(VerifyReport {
        environment,
        imports,
        problems,
        local,
        commands,
    })
}

/// What fails because of another module of the tree has no cause that a lock could mend.
fn without_causes_elsewhere(local: &mut [ImportReport]) {
    let first = |module: &str| module.split('.').next().unwrap_or_default().to_owned();
    let own: BTreeSet<String> = local.iter().map(|import| first(&import.module)).collect();
    for failure in local
        .iter_mut()
        .filter_map(|import| import.failure.as_mut())
    {
        let subject = failure
            .cause
            .as_ref()
            .and_then(|cause| cause.subject.as_deref());
        if subject.is_some_and(|subject| own.contains(&first(subject))) {
            failure.cause = None;
        }
    }
}
