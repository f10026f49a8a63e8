//! Is the lock true? The environment is built from it in isolation, and what the code imports is
//! imported there.
//!
//! Importing runs the code of distributions, as anybody who uses them does. It happens in a
//! process of its own with the environment that [`crate::install::scrub`] leaves, a temporary
//! HOME, an empty working directory, `-I`, a limit on its time and on what it may write. Nothing of
//! the tree itself is run.
//!
//! [`verify`] is the door, [`wanted`] says as values what will be imported.

mod import;
mod report;
mod wanted;

pub use report::{ImportFailure, ImportReport, Outcome, VerifyReport};
pub use wanted::{Need, Wanted, wanted};

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
    let wanted = wanted(scan, manifest, lock, &environment.markers);
    let place = Place::new(&sync_options, &environment.python, work)?;
    let limit = options.import_limit;
    let imports = import(wanted, &place, limit, &sync_options, progress)?;
    progress(VerifyEvent::Check);
    let surroundings = place.surroundings(&sync_options);
    let problems = pip_check(&sync_options, &environment.python, &surroundings)?;
    Ok(VerifyReport {
        environment,
        imports,
        problems,
    })
}
