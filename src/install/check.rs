//! `pip check`: whether what was installed fits together.

use std::time::Duration;

use super::command::check;
use super::interpreter::minor_of;
use super::process::{Ending, Limit, Surroundings, execute};
use super::sync::find_installer;
use super::{SyncError, SyncOptions};

/// Nobody has so many; more would only be noise.
const MAX_PROBLEMS: usize = 200;

/// What the installer says against the installed distributions of a Python of this version, one
/// line each.
pub(crate) fn pip_check(
    options: &SyncOptions,
    version: &str,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<String>, SyncError> {
    let python = minor_of(version);
    let uv = find_installer(options, python)?;
    let limit = Limit {
        time: Duration::from_mins(5),
        per_line: false,
    };
    let mut lines = Vec::new();
    let command = check(options, uv.as_deref(), python);
    let ending = execute(&command, surroundings, Some(limit), &mut |_, line| {
        if lines.len() < MAX_PROBLEMS && !line.trim().is_empty() {
            lines.push(line.to_owned());
        }
    })?;
    Ok(match ending {
        Ending::Status(status) if status.success() => Vec::new(),
        Ending::Status(_) => problems(lines),
        Ending::TimedOut => vec![format!("{} did not end", command.title)],
    })
}

/// uv puts numbers around what it found, pip does not.
fn problems(lines: Vec<String>) -> Vec<String> {
    let of_uv = |line: &String| line.starts_with("The package ");
    if lines.iter().any(of_uv) {
        return lines.into_iter().filter(of_uv).collect();
    }
    lines
}
