//! The files themselves: missing, edited, without hashes.

use pinsmith_resolver::Sha256;
use sha2::{Digest as _, Sha256 as Hasher};

use super::{CheckInputs, EDITED, LOCK_AGAIN, MISSING_FILE, NO_HASH, NO_LOCK, NamedText, whole};
use crate::diagnostic::Diagnostic;
use crate::environment::EnvironmentSpec;
use crate::lock::LockError;
use crate::scan::Site;

pub(super) fn findings(inputs: &CheckInputs<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for file in inputs.locks {
        match file.text {
            None => found.push(
                Diagnostic::error(NO_LOCK, format!("there is no `{}`", file.name))
                    .at(whole(file.name))
                    .help(LOCK_AGAIN),
            ),
            Some(text) => found.extend(edited_lock(inputs, *file, text)),
        }
    }
    let Some(spec) = inputs.spec else {
        if inputs.locks.iter().all(|file| file.text.is_none()) {
            return found;
        }
        let name = EnvironmentSpec::FILE_NAME;
        let message = format!("there is no `{name}`, which goes with the lock");
        let missing = Diagnostic::error(MISSING_FILE, message).at(whole(name));
        found.push(missing.help(LOCK_AGAIN));
        return found;
    };
    for file in inputs.requirements {
        let Some(text) = file.text else {
            let message = format!("there is no `{}`, which the spec names", file.name);
            let missing = Diagnostic::error(MISSING_FILE, message).at(whole(file.name));
            found.push(missing.help(LOCK_AGAIN));
            continue;
        };
        let unhashed: Vec<Diagnostic> = without_hash(file.name, text);
        let locked = spec.targets.iter();
        let mut locked = locked.filter(|target| target.requirements == file.name);
        if !unhashed.is_empty() {
            found.extend(unhashed);
        } else if locked.any(|target| target.requirements_sha256 != digest(text)) {
            found.push(edited(file.name));
        }
    }
    found
}

/// A lock is as it was written when its digest is the one in the spec.
fn edited_lock(inputs: &CheckInputs<'_>, file: NamedText<'_>, text: &str) -> Option<Diagnostic> {
    let read = crate::lock::read(text).ok()?;
    let as_written = match inputs.spec {
        Some(spec) => spec
            .targets
            .iter()
            .filter(|target| target.lock == file.name)
            .all(|target| target.lock_sha256 == digest(text)),
        None => crate::render::pylock(&read.lock) == text,
    };
    (!as_written).then(|| edited(file.name))
}

fn edited(name: &str) -> Diagnostic {
    Diagnostic::error(
        EDITED,
        format!("`{name}` is not as `pinsmith lock` wrote it"),
    )
    .at(whole(name))
    .help("change the requirements instead, and run `pinsmith lock`")
}

/// Why a lock cannot be used.
pub(super) fn unreadable(name: &str, error: &LockError) -> Diagnostic {
    let code = match error {
        LockError::Invalid { reason, .. } if reason.contains("no sha256") => NO_HASH,
        _ => NO_LOCK,
    };
    let message = format!("cannot use `{name}`: {error}");
    Diagnostic::error(code, message)
        .at(whole(name))
        .help(LOCK_AGAIN)
}

/// Requirements of a pinned requirements file that no hash holds.
fn without_hash(name: &str, text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1_u32..);
    while let Some((first, line)) = lines.next() {
        let mut whole = first.to_owned();
        while whole.trim_end().ends_with('\\') {
            let Some((next, _)) = lines.next() else { break };
            whole = format!("{} {next}", whole.trim_end().trim_end_matches('\\'));
        }
        let entry = whole.trim();
        let is_pin = !entry.is_empty() && !entry.starts_with(['#', '-']);
        if is_pin && !entry.contains("--hash=sha256:") {
            let pin = entry.split([' ', ';', '#']).next().unwrap_or(entry);
            let pin = crate::escape::visible(pin);
            found.push(
                Diagnostic::error(NO_HASH, format!("`{pin}` has no hash"))
                    .at(Site {
                        file: name.to_owned(),
                        line,
                        cell: None,
                    })
                    .help(LOCK_AGAIN),
            );
        }
    }
    found
}

fn digest(text: &str) -> Sha256 {
    Sha256(Hasher::digest(text.as_bytes()).into())
}
