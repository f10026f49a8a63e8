//! What accelerators change about a run: the table, the requirements of each target, and what is
//! to be known about the answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinsmith_resolver::{Asked, Resolution, ResolveError, Target};
use serde::Serialize;

use super::json::{SCHEMA, to_text};
use super::targets::LockedArchive;
use super::terminal::Terminal;
use super::world::env;
use super::{Done, Failure};
use crate::accelerator::{REPLACED, Table, UNUSABLE_TABLE};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lock::{DirectSource, DirectSources};

/// The table that the user named, or the built-in one.
pub(super) fn table(file: Option<&Path>) -> Result<Arc<Table>, Failure> {
    let of_env = env("PINSMITH_ACCELERATOR_TABLE").filter(|path| !path.is_empty());
    let of_env = of_env.map(PathBuf::from);
    let Some(file) = file.or(of_env.as_deref()) else {
        return Ok(Arc::new(Table::built_in().clone()));
    };
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        let help = "give the path of a TOML file, see docs/accelerator-table.md";
        Failure::new(format!("cannot read `{shown}`: {error}"), help).coded(UNUSABLE_TABLE)
    })?;
    let table = Table::parse(&text);
    Ok(Arc::new(table.map_err(|error| error.diagnostic(&shown))?))
}

/// Fits what is asked for to each target; each finding once.
pub(super) fn fit(asked: &mut [Asked], table: &Table) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    for Asked { target, request } in asked {
        let fitted = table.fit(&request.roots, target);
        request.roots = fitted.requirements;
        for finding in fitted.diagnostics {
            if !all.contains(&finding) {
                all.push(finding);
            }
        }
    }
    all
}

/// The answer "no" for what no resolution could mend.
pub(super) fn refuse(findings: &[Diagnostic], terminal: Terminal) -> Result<Option<Done>, Failure> {
    let errors: Vec<&Diagnostic> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    if errors.is_empty() {
        return Ok(None);
    }
    if terminal.json() {
        let lines: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        let help = errors.iter().filter_map(|error| error.help.as_deref());
        terminal.result(&to_text(&Refusal {
            schema: SCHEMA,
            unsatisfiable: Reasons {
                explanation: lines.join("\n"),
                help: help.collect(),
            },
        })?)?;
    } else {
        terminal.diagnostics(findings);
    }
    Ok(Some(Done::No))
}

/// Files at addresses that are not the locked ones any more; a new digest is never taken silently.
pub(super) fn replaced<'b>(
    locked: impl Iterator<Item = &'b LockedArchive>,
    found: &DirectSources,
    table: &Table,
) -> Vec<Diagnostic> {
    let found: Vec<&DirectSource> = found
        .values()
        .flatten()
        .map(|(_, one)| &one.source)
        .collect();
    let changed = locked.filter_map(|before| {
        let now = found.iter().find_map(|source| match source {
            DirectSource::Archive { url, sha256, .. } if *url == before.url => Some(sha256),
            _ => None,
        })?;
        (*now != before.sha256).then_some((before, now))
    });
    let findings = changed.map(|(before, now)| {
        let LockedArchive { name, url, sha256 } = before;
        let message = format!(
            "hash differs from the lock: `{url}` had sha256 {sha256}, and now has {now}"
        );
        let known = table.replaced.iter().find(|row| row.url == *url);
        let known = known.map(|row| {
            let files = row.files.iter();
            let files: Vec<String> = files.map(|file| format!("{} ({})", file.sha256, file.note)).collect();
            format!(": this address has had {}", files.join(" and "))
        });
        Diagnostic::error(REPLACED, message).help(format!(
            "release assets can be replaced{}; if you trust the new file, lock again with --upgrade-package {name}",
            known.unwrap_or_default()
        ))
    });
    let mut all: Vec<Diagnostic> = findings.collect();
    all.dedup();
    all
}

#[derive(Serialize)]
struct Refusal<'a> {
    schema: u32,
    unsatisfiable: Reasons<'a>,
}

#[derive(Serialize)]
struct Reasons<'a> {
    explanation: String,
    help: Vec<&'a str>,
}

/// What is to be known about the answers; each finding once, with its targets where only some have it.
pub(super) fn findings(
    answers: &[Result<Resolution, ResolveError>],
    table: &Table,
) -> Vec<Diagnostic> {
    let answers: Vec<&Resolution> = answers.iter().flatten().collect();
    let mut all: Vec<(Diagnostic, Vec<&Target>)> = Vec::new();
    for answer in &answers {
        for finding in table.findings(answer) {
            match all.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, targets)) => targets.push(&answer.target),
                None => all.push((finding, vec![&answer.target])),
            }
        }
    }
    let placed = all.into_iter().map(|(mut finding, targets)| {
        if targets.len() < answers.len() {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            finding.message = format!("{} (for {})", finding.message, targets.join("; "));
        }
        finding
    });
    placed.collect()
}
