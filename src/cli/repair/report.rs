//! The story for people, and the same for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pinsmith_resolver::Resolution;
use serde::Serialize;

use super::super::json::{SCHEMA, Stats};
use super::rounds::Round;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::escape::visible;
use crate::repair::edit::{FileEdit, Reason, diff};
use crate::repair::{Confidence, Decision, codes};

/// Findings whose remedy the decisions do not tell.
const OF_INTEREST: [Code; 4] = [
    codes::DEAD_ADDRESS,
    codes::REMOVED_API,
    codes::DIRTY,
    codes::CONTRADICTION,
];

/// Most findings of one code, unless all are asked for.
const MOST: usize = 4;

/// Everything that repairing found and did.
pub(super) struct Story<'a> {
    pub(super) findings: &'a [Diagnostic],
    pub(super) decisions: &'a [Decision],
    pub(super) edits: &'a [FileEdit],
    pub(super) rounds: &'a [Round],
    pub(super) resolution: Option<&'a Resolution>,
    /// Why there is no answer.
    pub(super) unsolved: &'a [String],
    pub(super) holds: Option<bool>,
    pub(super) next_step: Option<&'a str>,
    pub(super) system: Vec<&'a str>,
    pub(super) written: &'a [String],
    pub(super) kept: Option<String>,
    pub(super) stats: Option<Stats>,
}

/// `repair --format json`
#[derive(Serialize)]
pub(super) struct RepairJson<'a> {
    schema: u32,
    holds: Option<bool>,
    python: Option<String>,
    platform: Option<String>,
    packages: Vec<String>,
    decisions: &'a [Decision],
    findings: &'a [Diagnostic],
    edits: Vec<EditJson<'a>>,
    rounds: &'a [Round],
    system_packages: &'a [&'a str],
    unsolved: &'a [String],
    next_step: Option<&'a str>,
    written: &'a [String],
    kept: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

#[derive(Serialize)]
struct EditJson<'a> {
    file: &'a str,
    new: bool,
    diff: String,
    reasons: &'a [Reason],
}

impl<'a> RepairJson<'a> {
    pub(super) fn new(story: &'a Story<'a>) -> Self {
        let packages = story
            .resolution
            .iter()
            .flat_map(|resolution| &resolution.packages);
        Self {
            schema: SCHEMA,
            holds: story.holds,
            python: story
                .resolution
                .map(|found| found.target.python.to_string()),
            platform: story
                .resolution
                .map(|found| found.target.platform.to_string()),
            packages: packages.map(ToString::to_string).collect(),
            decisions: story.decisions,
            findings: story.findings,
            edits: story
                .edits
                .iter()
                .map(|edit| EditJson {
                    file: &edit.file,
                    new: edit.before.is_none(),
                    diff: diff(edit),
                    reasons: &edit.reasons,
                })
                .collect(),
            rounds: story.rounds,
            system_packages: &story.system,
            unsolved: story.unsolved,
            next_step: story.next_step,
            written: story.written,
            kept: story.kept.as_deref(),
            stats: story.stats,
        }
    }
}

/// The story in sections; those without anything to say are left out.
pub(super) fn text(story: &Story<'_>, verbose: bool) -> String {
    let mut text = String::new();
    wrong(&mut text, story.findings, verbose);
    decided(&mut text, story.decisions);
    if let Some(resolution) = story.resolution {
        answer(&mut text, resolution, verbose);
    }
    if !story.unsolved.is_empty() {
        text.push_str("\nno set of releases fits\n");
        for line in story.unsolved {
            let _ = writeln!(text, "  {}", visible(line));
        }
    }
    rounds(&mut text, story.rounds);
    if !story.edits.is_empty() {
        text.push_str("\nwhat would change\n\n");
        for edit in story.edits {
            for line in diff(edit).lines() {
                let _ = writeln!(text, "{}", visible(line));
            }
        }
    }
    text.trim_start_matches('\n').to_owned()
}

fn wrong(text: &mut String, findings: &[Diagnostic], verbose: bool) {
    let shown = |finding: &&Diagnostic| verbose || finding.severity != Severity::Info;
    let mut all = findings.iter().filter(shown).peekable();
    if all.peek().is_none() {
        text.push_str("nothing is known to be wrong\n");
        return;
    }
    text.push_str("what is wrong\n");
    let mut of_code: BTreeMap<Code, usize> = BTreeMap::new();
    for finding in all {
        let number = of_code.entry(finding.code).or_default();
        *number += 1;
        if *number > MOST && !verbose {
            continue;
        }
        let place = finding
            .site
            .as_ref()
            .map_or(String::new(), |site| format!("{site}: "));
        let line = format!("  {place}{} [{}]", finding.message, finding.code.0);
        let _ = writeln!(text, "{}", visible(&line));
        if let Some(help) = finding
            .help
            .as_ref()
            .filter(|_| OF_INTEREST.contains(&finding.code))
        {
            let _ = writeln!(text, "    {}", visible(help));
        }
    }
    if !verbose {
        more(text, &of_code);
    }
}

fn more(text: &mut String, of_code: &BTreeMap<Code, usize>) {
    for (code, number) in of_code {
        if let Some(more @ 1..) = number.checked_sub(MOST) {
            let _ = writeln!(text, "  {more} more of {}, see `--verbose`", code.0);
        }
    }
}

fn decided(text: &mut String, decisions: &[Decision]) {
    if decisions.is_empty() {
        return;
    }
    text.push_str("\nwhat was decided\n");
    for decision in decisions {
        let sure = match decision.confidence {
            Confidence::Certain => "",
            Confidence::Likely => " (likely)",
            Confidence::Guess => " (a guess)",
        };
        let line = format!("  {}: {}{sure}", decision.subject, decision.decided);
        let _ = writeln!(text, "{}", visible(&line));
        if !decision.because.is_empty() {
            let _ = writeln!(text, "    {}", visible(&decision.because));
        }
    }
}

fn answer(text: &mut String, resolution: &Resolution, verbose: bool) {
    let roots = resolution
        .packages
        .iter()
        .filter(|package| package.root || verbose);
    let roots: Vec<String> = roots.map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "\nwhat fits: {}, {} packages",
        resolution.target,
        resolution.packages.len()
    );
    for line in roots {
        let _ = writeln!(text, "  {}", visible(&line));
    }
}

fn rounds(text: &mut String, rounds: &[Round]) {
    if rounds.is_empty() {
        return;
    }
    text.push_str("\nwhat was tried\n");
    for round in rounds {
        let how = match (round.modules, round.failures.len()) {
            (0, 1..) => "it could not be built".to_owned(),
            (modules, _) => format!("{} of {modules} modules import", round.imported),
        };
        let _ = writeln!(
            text,
            "  round {}: Python {}, {} packages: {how}",
            round.number,
            round.python,
            round.packages.len()
        );
        for failure in &round.failures {
            let _ = writeln!(text, "    {}", visible(failure));
        }
        for learnt in &round.learnt {
            let _ = writeln!(text, "    so the next one {}", visible(learnt));
        }
    }
}
