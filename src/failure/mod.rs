//! What the text of a failed import or command means: the likely cause, and what to do about it.
//!
//! [`likely_cause`] is a pure function over texts with its knowledge in two tables,
//! `src/data/failures.tsv` and `src/data/libraries.tsv`. Texts come from foreign code, so what is
//! taken out of them is made visible and cut.

mod pattern;

use std::sync::LazyLock;

use serde::Serialize;

use self::pattern::{Captures, Pattern};
use crate::escape::visible;
use crate::requirements::StdlibRange;

/// What kind of failure it is; the names are those of JSON reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A compiled module was built against another version of a library.
    Abi,
    /// A compiled module is for another processor or system.
    Architecture,
    /// A function does not know an argument.
    Argument,
    /// Installed versions refuse each other.
    Conflict,
    /// The interpreter crashed.
    Crashed,
    /// There is no screen.
    Display,
    /// A library that comes with a GPU driver or toolkit is missing.
    GpuLibrary,
    /// The process was killed.
    Killed,
    /// The program ended itself.
    Left,
    /// The system's C or C++ library is too old.
    Libc,
    /// Not enough memory.
    Memory,
    /// A module or object lacks an attribute.
    MissingAttribute,
    /// A file is missing.
    MissingFile,
    /// A shared library of the system is missing.
    MissingLibrary,
    /// A distribution that is asked for by name is not installed.
    MissingMetadata,
    /// A module is not in the environment.
    MissingModule,
    /// A module lacks a name that is imported from it.
    MissingName,
    /// A program is missing.
    MissingProgram,
    /// The network cannot be reached.
    Network,
    /// There is no GPU, or no driver for it.
    NoGpu,
    /// numpy 1 and numpy 2 meet.
    NumpyAbi,
    /// The operating system forbids it.
    Permission,
    /// Generated code and protobuf do not fit.
    Protobuf,
    /// The Python was built without something.
    PythonBuild,
    /// A secret is not set.
    Secret,
    /// `pkg_resources` is gone.
    Setuptools,
    /// It took too long.
    TimedOut,
    /// A compiled module was built for another torch.
    TorchAbi,
    /// It is written for another Python.
    WrongPython,
}

/// The likely cause of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LikelyCause {
    /// What kind it is.
    pub kind: FailureKind,
    /// One sentence, lower case, no full stop.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// The module, library, program, distribution or file in question.
    pub subject: Option<String>,
    /// The name that is missing from a module.
    pub name: Option<String>,
    /// The Debian package that has a missing library or program.
    pub package: Option<&'static str>,
}

/// The likely cause behind an error.
///
/// `error` is the exception's own text (its type and message, which may have several lines); it is
/// looked at first. `context` is whatever was written besides it.
///
/// ```
/// use pinsmith::failure::{FailureKind, likely_cause};
/// let error = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory";
/// let cause = likely_cause(error, "").unwrap();
/// assert_eq!(cause.kind, FailureKind::MissingLibrary);
/// assert_eq!(cause.package, Some("libgl1"));
/// ```
pub fn likely_cause(error: &str, context: &str) -> Option<LikelyCause> {
    [error, context].into_iter().find_map(|text| {
        let start = text.len().saturating_sub(MAX_TEXT);
        let start = (start..=text.len()).find(|&at| text.is_char_boundary(at))?;
        let text = &text[start..];
        ROWS.iter().find_map(|row| {
            let mut lines = text.lines().rev().take(MAX_LINES);
            let captures = lines.find_map(|line| row.pattern.find(line))?;
            Some(row.cause(&captures))
        })
    })
}

/// Of a longer text only the end counts.
const MAX_TEXT: usize = 256 * 1024;
const MAX_LINES: usize = 400;
/// Longest part of a foreign text that is repeated.
const MAX_CAPTURE: usize = 120;

struct Row {
    kind: FailureKind,
    pattern: Pattern<'static>,
    what: &'static str,
    remedy: &'static str,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    rows(include_str!("../data/failures.tsv"))
        .filter_map(|columns: [&str; 4]| {
            let [kind, pattern, what, remedy] = columns;
            Some(Row {
                kind: KINDS.iter().find(|(name, _)| *name == kind)?.1,
                pattern: Pattern::new(pattern),
                what,
                remedy,
            })
        })
        .collect()
});

/// The columns of a table, without its comments.
fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split('\t').collect::<Vec<_>>().try_into().ok())
}

impl Row {
    fn cause(&self, captures: &Captures<'_>) -> LikelyCause {
        let value = |name: &str| captures.get(name).map(cut);
        let filled = |template: &str| captures.fill(template, &|text| cut(text));
        let subject = [
            "module",
            "library",
            "program",
            "distribution",
            "path",
            "symbol",
            "wanted",
        ];
        let cause = LikelyCause {
            kind: self.kind,
            what: filled(self.what),
            remedy: filled(self.remedy),
            subject: subject.into_iter().find_map(value),
            name: value("name"),
            package: None,
        };
        match cause.kind {
            FailureKind::MissingModule => of_other_python(cause),
            FailureKind::MissingLibrary => with_package(cause),
            _ => cause,
        }
    }
}

/// A missing module that the standard library of another Python has.
fn of_other_python(cause: LikelyCause) -> LikelyCause {
    let module = cause.subject.as_deref().unwrap_or_default();
    let Some(range) = StdlibRange::of(module) else {
        return cause;
    };
    let (what, remedy) = match (range.python3, range.removed_in()) {
        (None, _) => (
            format!("`{module}` is in the standard library of Python 2 only"),
            "use Python 2.7, or a release for Python 3".to_owned(),
        ),
        (_, Some(removed)) => (
            format!("`{module}` left the standard library in Python 3.{removed}"),
            format!(
                "use Python 3.{} or older, or a newer release of what imports it",
                removed.saturating_sub(1)
            ),
        ),
        (Some((first, _)), None) => (
            format!("`{module}` is in the standard library from Python 3.{first} on"),
            format!("use Python 3.{first} or newer"),
        ),
    };
    LikelyCause {
        kind: FailureKind::WrongPython,
        what,
        remedy,
        ..cause
    }
}

/// The package that has a missing library, or the driver that does.
fn with_package(cause: LikelyCause) -> LikelyCause {
    let library = cause.subject.as_deref().unwrap_or_default();
    let file = library.rsplit('/').next().unwrap_or(library);
    match package_of_library(file) {
        Some("gpu") => LikelyCause {
            kind: FailureKind::GpuLibrary,
            what: format!("the GPU library `{file}` is missing"),
            remedy: "run it on a machine with the GPU's driver and toolkit, or lock for `cpu`"
                .to_owned(),
            ..cause
        },
        Some(package) => LikelyCause {
            remedy: format!("install the package `{package}` (its name on Debian and Ubuntu)"),
            package: Some(package),
            ..cause
        },
        None => cause,
    }
}

/// The Debian package that has a shared library; `gpu` when it comes with a driver or toolkit.
fn package_of_library(file: &str) -> Option<&'static str> {
    // a name goes on with its version, `libcudnn8` too
    let fits = |library: &str| {
        file.strip_prefix(library)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    rows(include_str!("../data/libraries.tsv"))
        .find(|[library, _]: &[&str; 2]| fits(library))
        .map(|[_, package]| package)
}

/// A part of a foreign text as it may be shown.
fn cut(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(MAX_CAPTURE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < text.len() { "..." } else { "" };
    format!("{}{dots}", visible(&text[..end]))
}

/// Every kind with its name in the table.
const KINDS: &[(&str, FailureKind)] = &[
    ("abi", FailureKind::Abi),
    ("architecture", FailureKind::Architecture),
    ("argument", FailureKind::Argument),
    ("conflict", FailureKind::Conflict),
    ("crashed", FailureKind::Crashed),
    ("display", FailureKind::Display),
    ("gpu-library", FailureKind::GpuLibrary),
    ("killed", FailureKind::Killed),
    ("left", FailureKind::Left),
    ("libc", FailureKind::Libc),
    ("memory", FailureKind::Memory),
    ("missing-attribute", FailureKind::MissingAttribute),
    ("missing-file", FailureKind::MissingFile),
    ("missing-library", FailureKind::MissingLibrary),
    ("missing-metadata", FailureKind::MissingMetadata),
    ("missing-module", FailureKind::MissingModule),
    ("missing-name", FailureKind::MissingName),
    ("missing-program", FailureKind::MissingProgram),
    ("network", FailureKind::Network),
    ("no-gpu", FailureKind::NoGpu),
    ("numpy-abi", FailureKind::NumpyAbi),
    ("permission", FailureKind::Permission),
    ("protobuf", FailureKind::Protobuf),
    ("python-build", FailureKind::PythonBuild),
    ("secret", FailureKind::Secret),
    ("setuptools", FailureKind::Setuptools),
    ("timed-out", FailureKind::TimedOut),
    ("torch-abi", FailureKind::TorchAbi),
    ("wrong-python", FailureKind::WrongPython),
];

#[cfg(test)]
mod tests;
