//! The Pythons that the code is for, beside those that are locked for.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PythonVersion, Target};

use super::super::source::Source;
use crate::api::usage;
use crate::diagnostic::Diagnostic;
use crate::era::python::{facts, interval};
use crate::era::{Interval, PinPython, Supported};
use crate::lock::{Lock, UNFIT_PYTHON};

/// What code and declarations say about the Python.
pub(in crate::cli) fn of_source(source: &Source) -> Interval {
    let usage = usage(&source.tree, &source.scan);
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

/// Targets on whose Python less of the code runs than on another.
pub(super) fn unfit(pythons: &Interval, targets: &[Target]) -> Vec<Diagnostic> {
    let wanted: BTreeSet<PythonVersion> = targets.iter().map(|target| target.python).collect();
    let unfit = wanted
        .into_iter()
        .filter_map(|python| Some((python, pythons.unfit(python)?)));
    unfit
        .map(|(python, unfit)| {
            let what = unfit.fact.shown();
            let more = match unfit.files {
                1 => String::new(),
                files => format!(", the first of {files} files"),
            };
            let message = format!(
                "the code does not run on Python {python}, which is locked for: {what}{more}"
            );
            Diagnostic::warning(UNFIT_PYTHON, message)
                .at(unfit.fact.site.clone())
                .help(format!(
                    "lock for Python {0} with `--python {0}`",
                    unfit.better
                ))
        })
        .collect()
}
