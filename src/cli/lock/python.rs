//! The Pythons that the code is for, beside those that are locked for.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PythonVersion, Target, Version};

use super::super::args::GlobalArgs;
use super::super::remembered::{Remembered, this_program};
use super::super::source::Source;
use crate::api::usage_of_python;
use crate::diagnostic::Diagnostic;
use crate::era::python::{facts, interval};
use crate::era::{Interval, PinPython, Supported};
use crate::lock::{Lock, UNFIT_PYTHON};
use crate::requirements::Manifest;
use crate::scan::Memory;

/// What code and declarations say about the Python; with what an earlier run read of it, where there is a cache to look into.
pub(in crate::cli) fn of_source(source: &Source, cached: Option<&GlobalArgs>) -> Interval {
    let memory = cached.map(|global| Remembered::of_python(&source.tree, global));
    let program = this_program();
    let memory = memory.as_ref().zip(program.as_deref());
    let memory = memory.map(|(memory, program)| (memory as &dyn Memory, program));
    let usage = usage_of_python(&source.tree, &source.scan, memory);
    let facts = facts(&source.tree, &source.scan, &source.manifest, &usage);
    interval(facts, None, &BTreeMap::new())
}

/// What code and the pins of every environment leave.
pub(super) fn supported<'a>(
    pythons: &Interval,
    locks: impl Iterator<Item = &'a Lock>,
) -> Option<Supported> {
    let pins: Vec<PinPython<'a>> = locks
        .flat_map(|lock| &lock.packages)
        .filter(|package| package.marker.is_none())
        .filter_map(|package| {
            let specifiers = package.requires_python.as_ref()?;
            Some((format!("{} {}", package.name, package.version), specifiers))
        })
        .collect();
    pythons.supported(&pins)
}

/// Targets for whose Python the project is not: it says so itself, or less of the code runs on it than on another.
pub(super) fn unfit(
    pythons: &Interval,
    manifest: &Manifest,
    targets: &[Target],
) -> Vec<Diagnostic> {
    let wanted: BTreeSet<PythonVersion> = targets.iter().map(|target| target.python).collect();
    let refused = wanted
        .iter()
        .filter_map(|python| refused(pythons, manifest, *python));
    let refused: Vec<Diagnostic> = refused.collect();
    let unfit = wanted
        .iter()
        .copied()
        .filter_map(|python| Some((python, pythons.unfit(python)?)));
    let unfit = unfit.map(|(python, unfit)| {
        let what = unfit.fact.shown();
        let more = match unfit.files {
            1 => String::new(),
            files => format!(", the first of {files} files"),
        };
        let message =
            format!("the code does not run on Python {python}, which is locked for: {what}{more}");
        Diagnostic::warning(UNFIT_PYTHON, message)
            .at(unfit.fact.site.clone())
            .help(format!(
                "lock for Python {0} with `--python {0}`",
                unfit.better
            ))
    });
    refused.into_iter().chain(unfit).collect()
}

/// A Python that the declared `requires-python` leaves out.
fn refused(pythons: &Interval, manifest: &Manifest, python: PythonVersion) -> Option<Diagnostic> {
    let (specifiers, site) = manifest.requires_python.as_ref()?;
    let admits = |python: PythonVersion| {
        let full: Option<Version> = python.full().parse().ok();
        full.is_none_or(|full| specifiers.contains(&full))
    };
    if admits(python) {
        return None;
    }
    let message = format!(
        "the project declares requires-python `{specifiers}`, and Python {python} is locked for"
    );
    // the ranking has the best first
    let better = pythons.ranking.iter().find(|one| !one.excluded);
    let help = match better {
        Some(better) => format!("lock for Python {0} with `--python {0}`", better.python),
        None => "lock for another with `--python`, or declare what is true".to_owned(),
    };
    let diagnostic = Diagnostic::warning(UNFIT_PYTHON, message);
    Some(diagnostic.at(site.clone()).help(help))
}
