//! Answers that rest on facts nobody knows: they are said, and refused with `--strict`.

use std::collections::BTreeSet;

use pinsmith_resolver::{Resolution, ResolveError, Trust};
use serde::Serialize;

use super::args::{ResolutionArg, ResolveArgs};
use super::json::{SCHEMA, to_text};
use super::terminal::Terminal;
use super::{Done, Failure};
use crate::diagnostic::{Code, Diagnostic};

/// An answer rests on unknown facts, and `--strict` was given.
pub(crate) const UNKNOWN_FACTS: Code = Code("RES001");

/// A release does not have an extra that the user asks for.
const UNKNOWN_EXTRA: Code = Code("RES003");

/// What the user asks for and does not get, a warning for each pin.
pub(super) fn unknown_extras(answers: &[Result<Resolution, ResolveError>]) -> Vec<Diagnostic> {
    let packages = answers.iter().flatten().flat_map(|answer| &answer.packages);
    let unknown = packages.flat_map(|pin| {
        let extras = pin.unknown_extras.iter();
        extras.map(move |extra| format!("{} {} has no extra `{extra}`", pin.name, pin.version))
    });
    let unknown: BTreeSet<String> = unknown.collect();
    let told = unknown.into_iter();
    told.map(|message| Diagnostic::warning(UNKNOWN_EXTRA, message))
        .collect()
}

/// How many pins are named of each kind.
const NAMED: usize = 5;

/// What an answer rests on without knowing it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Unknown {
    /// Pins whose requirements are taken from metadata that may change when they are built.
    guessed: Vec<String>,
    /// Pins without an upload time, though age decides.
    undated: Vec<String>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    schema: u32,
    unknown: &'a Unknown,
}

impl Unknown {
    /// Age counts for the coherent answer only; with `--as-of` nothing without a time is taken.
    pub(super) fn of(resolutions: &[Resolution], args: &ResolveArgs) -> Self {
        let by_age = matches!(args.resolution, ResolutionArg::Coherent);
        let packages = resolutions.iter().flat_map(|answer| &answer.packages);
        let guessed = packages.clone().filter(|one| one.trust == Trust::Guessed);
        // what comes from an address of its own is one release, whatever its age
        let indexed = packages.filter(|one| !one.index.is_empty());
        let undated = indexed.filter(|one| by_age && one.uploaded.is_none());
        // a pin of several targets is one pin
        let guessed: BTreeSet<String> = guessed.map(ToString::to_string).collect();
        let undated: BTreeSet<String> = undated.map(ToString::to_string).collect();
        Self {
            guessed: guessed.into_iter().collect(),
            undated: undated.into_iter().collect(),
        }
    }

    /// One line for each kind.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.guessed.is_empty() {
            let pins = named(&self.guessed);
            lines.push(format!(
                "what {pins} requires, since only building it would tell for sure"
            ));
        }
        if !self.undated.is_empty() {
            let pins = named(&self.undated);
            lines.push(format!(
                "how old {pins} is, since the index gives no upload time"
            ));
        }
        lines
    }

    /// The answer "no" of `--strict`, if it was given and something is unknown.
    pub(super) fn refuse(
        &self,
        args: &ResolveArgs,
        terminal: Terminal,
    ) -> Result<Option<Done>, Failure> {
        let lines = self.lines();
        if !args.strict || lines.is_empty() {
            return Ok(None);
        }
        if terminal.json() {
            let refusal = Refusal {
                schema: SCHEMA,
                unknown: self,
            };
            terminal.result(&to_text(&refusal)?)?;
        } else {
            let message = format!("the answer rests on what is unknown\n{}", lines.join("\n"));
            let help = "ask for releases with wheels, use an index that gives upload times, or leave out --strict";
            terminal.failure(Some(UNKNOWN_FACTS), &message, &[help.to_owned()]);
        }
        Ok(Some(Done::No))
    }
}

/// `a==1, b==2 and 3 more`.
fn named(pins: &[String]) -> String {
    let shown = pins
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match pins.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
