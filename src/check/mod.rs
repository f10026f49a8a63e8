//! Do code, declarations, lock and spec still agree? Offline, and each disagreement with its reason.
//!
//! [`disagreements`] is a pure function over what was read. It asks no index, so it does not say
//! whether a newer release would fit, only whether what is locked is still an answer to what is
//! asked.

mod files;
mod pins;
mod spec;

use pinsmith_resolver::Sha256;

use crate::diagnostic::{Code, Diagnostic};
use crate::environment::EnvironmentSpec;
use crate::lock::Lock;
use crate::requirements::Manifest;
use crate::scan::{Scan, Site};

/// There is no lock, or it cannot be read.
pub const NO_LOCK: Code = Code("CHECK001");
/// Something is imported or declared and has no pin.
pub const NOT_LOCKED: Code = Code("CHECK002");
/// A pin is outside of a declared bound.
pub const OUT_OF_BOUNDS: Code = Code("CHECK003");
/// A pin that nothing needs any more.
pub const NOT_NEEDED: Code = Code("CHECK004");
/// The lock is for a Python that the project does not take.
pub const LOCKED_FOR_OTHER_PYTHON: Code = Code("CHECK005");
/// A pin has no hash.
pub const NO_HASH: Code = Code("CHECK006");
/// A file is not as pinsmith wrote it.
pub const EDITED: Code = Code("CHECK007");
/// A file that the spec names is missing, or there is no spec.
pub const MISSING_FILE: Code = Code("CHECK008");
/// The spec says other things than the code and the declarations.
pub const STALE_SPEC: Code = Code("CHECK009");
/// Files changed since the lock was made, and nothing that matters with them.
pub const INPUTS_CHANGED: Code = Code("CHECK010");

/// A file beside the code, as it is now.
#[derive(Debug, Clone, Copy)]
pub struct NamedText<'a> {
    /// Its name within the folder.
    pub name: &'a str,
    /// Its text; `None` when there is none.
    pub text: Option<&'a str>,
}

/// Everything that has to agree.
#[derive(Debug, Clone, Copy)]
pub struct CheckInputs<'a> {
    /// What the code needs.
    pub scan: &'a Scan,
    /// Imports and declarations, joined.
    pub manifest: &'a Manifest,
    /// Digest of every file that was read, see [`crate::environment::inputs_digest`].
    pub inputs_digest: Sha256,
    /// The environment spec, as far as there is one that can be read.
    pub spec: Option<&'a EnvironmentSpec>,
    /// The locks that the spec names, else `pylock.toml`.
    pub locks: &'a [NamedText<'a>],
    /// The requirements files that the spec names.
    pub requirements: &'a [NamedText<'a>],
}

/// Everything that disagrees, ordered by place; errors, but for the note that nothing that matters
/// has changed.
pub fn disagreements(inputs: &CheckInputs<'_>) -> Vec<Diagnostic> {
    let mut found = files::findings(inputs);
    let mut locks: Vec<(NamedText<'_>, Lock)> = Vec::new();
    for file in inputs.locks {
        match file.text.map(crate::lock::read) {
            Some(Ok(read)) => locks.push((*file, read.lock)),
            Some(Err(error)) => found.push(files::unreadable(file.name, &error)),
            None => {}
        }
    }
    for (file, lock) in &locks {
        found.extend(pins::findings(inputs.manifest, *file, lock));
    }
    if let Some(spec) = inputs.spec
        && locks.len() == inputs.locks.len()
    {
        found.extend(spec::findings(inputs, spec, &locks));
    }
    found.sort_by(|a, b| (&a.site, a).cmp(&(&b.site, b)));
    found.dedup();
    if found.is_empty()
        && inputs
            .spec
            .is_some_and(|spec| spec.inputs_digest != inputs.inputs_digest)
    {
        let message = "files changed since the lock was made, but nothing that it depends on";
        found.push(Diagnostic::info(INPUTS_CHANGED, message));
    }
    found
}

/// A whole file as a place.
fn whole(file: &str) -> Site {
    Site {
        file: file.to_owned(),
        line: 0,
        cell: None,
    }
}

/// What makes code and lock agree again.
const LOCK_AGAIN: &str = "run `pinsmith lock`";
