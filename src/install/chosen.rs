//! What a lock has for one Python, as an installer is told it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use pinsmith_resolver::Timestamp;

use super::{Interpreter, SyncError, SyncOptions};
use crate::lock::{
    DirectSource, FileLocation, Lock, LockedFile, LockedPackage, Selection, environment_marker,
};

/// The pins that this Python gets.
pub(super) struct Chosen {
    pub(super) requirements: String,
    /// Lines of what has no hash, because it is a repository or a folder.
    pub(super) sources: String,
    pub(super) built: Vec<String>,
    pub(super) pins: Vec<String>,
    pub(super) names: BTreeSet<String>,
    pub(super) wheels: Vec<String>,
    pub(super) sdists: Vec<String>,
    /// When each of the sdists was uploaded.
    pub(super) sdist_days: Vec<Option<Timestamp>>,
}

impl Chosen {
    pub(super) fn new(
        lock: &Lock,
        interpreter: &Interpreter,
        options: &SyncOptions,
        folder: &Path,
    ) -> Result<Self, SyncError> {
        let mut chosen = Self {
            requirements: String::new(),
            sources: String::new(),
            built: Vec::new(),
            pins: Vec::new(),
            names: BTreeSet::new(),
            wheels: Vec::new(),
            sdists: Vec::new(),
            sdist_days: Vec::new(),
        };
        for package in &lock.packages {
            if applies(package, interpreter, &options.selection) {
                let built = package.direct.as_ref().is_some_and(|d| d.source.is_built());
                if built && !options.allow_build {
                    let package = package.pin();
                    return Err(SyncError::NeedsBuild { package });
                }
                chosen.add(package, address(lock, package, interpreter), folder)?;
            }
        }
        Ok(chosen)
    }

    fn add(
        &mut self,
        package: &LockedPackage,
        address: Option<&LockedFile>,
        folder: &Path,
    ) -> Result<(), SyncError> {
        let name = package.name.to_string();
        if !self.names.insert(name.clone()) {
            return Err(SyncError::NotInstallable {
                package: name,
                reason: "several of its entries apply to this Python".to_owned(),
            });
        }
        if let Some(direct) = &package.direct {
            if direct.source.is_built() {
                self.built.push(name.clone());
            }
            let line = match &direct.source {
                DirectSource::Archive { .. } => None,
                DirectSource::Git { .. } => Some(package.pin()),
                DirectSource::Directory { path, editable } => {
                    let flag = if *editable { "-e " } else { "" };
                    Some(format!("{flag}{}", folder.join(path).display()))
                }
            };
            if let Some(line) = line {
                let _ = writeln!(self.sources, "{line}");
                self.pins.push(package.pin());
                return Ok(());
            }
        }
        let files = if let Some(file) = address {
            let (FileLocation::Url(place) | FileLocation::Path(place)) = &file.location;
            let _ = write!(self.requirements, "{name} @ {place}");
            std::slice::from_ref(file)
        } else {
            self.requirements.push_str(&package.pin());
            &package.files
        };
        for file in files {
            let _ = write!(self.requirements, " \\\n    --hash=sha256:{}", file.sha256);
        }
        self.requirements.push('\n');
        self.pins.push(package.pin());
        if package.only_sdist() {
            self.sdists.push(name);
            self.sdist_days
                .extend(package.files.iter().map(|file| file.uploaded));
        } else {
            self.wheels.push(name);
        }
        Ok(())
    }
}

/// The file of a package whose index serves some packages only: it is asked for by its address.
fn address<'l>(
    lock: &Lock,
    package: &'l LockedPackage,
    interpreter: &Interpreter,
) -> Option<&'l LockedFile> {
    let mut targets = lock
        .targets
        .iter()
        .filter(|_| package.evidence.explicit_index);
    let target = targets.find(|target| {
        environment_marker(target).holds(&interpreter.markers, &Selection::Everything)
    });
    package.file_for(target?)
}

/// Whether a package is for this Python, with these extras and groups.
fn applies(package: &LockedPackage, interpreter: &Interpreter, selection: &Selection) -> bool {
    let marker = package.marker.as_ref();
    marker.is_none_or(|marker| marker.holds(&interpreter.markers, selection))
}

/// Bounds of what old sdists are built with: they name no version of it, and were written for what there was then.
///
/// Only where all of them are so old, since one bound counts for all builds.
pub(super) fn build_bounds(python: (u8, u8), days: &[Option<Timestamp>]) -> Vec<&'static str> {
    let known: Option<Vec<Timestamp>> = days.iter().copied().collect();
    let Some(last) = known.and_then(|known| known.into_iter().max()) else {
        return Vec::new();
    };
    let before = |day: &str| day.parse().is_ok_and(|day: Timestamp| last < day);
    let mut bounds = Vec::new();
    // setuptools 58.0.0 left out `use_2to3`; what came before does not start on Python 3.12
    if python < (3, 12) && before("2021-09-04T00:00:00Z") {
        bounds.push("setuptools<58");
    } else if before("2025-01-01T00:00:00Z") {
        // without `pkg_resources`
        bounds.push("setuptools<82");
    }
    // Cython 3.0.0
    if before("2023-07-17T00:00:00Z") {
        bounds.push("cython<3");
    }
    bounds
}

/// What a person should know of it.
pub(super) fn notes(lock: &Lock, options: &SyncOptions, chosen: &Chosen) -> Vec<String> {
    let mut notes = Vec::new();
    let built: BTreeSet<&str> = chosen
        .sdists
        .iter()
        .chain(&chosen.built)
        .map(String::as_str)
        .collect();
    if !built.is_empty() {
        let names = Vec::from_iter(built).join(", ");
        notes.push(format!(
            "built from source, with build requirements that no lock fixes: {names}"
        ));
    }
    let known: BTreeSet<&str> = std::iter::once(&options.index)
        .chain(&options.extra_indexes)
        .map(|index| index.trim_end_matches('/'))
        .collect();
    let others: BTreeSet<&str> = lock
        .packages
        .iter()
        .filter_map(|package| package.index.as_deref())
        .filter(|index| !known.contains(index.trim_end_matches('/')))
        .collect();
    for index in others {
        notes.push(format!(
            "the lock was made from {index}; installed from {}, held to the locked hashes",
            options.index
        ));
    }
    notes
}
