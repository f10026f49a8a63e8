//! A round in words: what is being done, what failed, and what a person should do first.

use pinsmith_resolver::{PackageName, Resolution};

use super::rounds::{Round, Tried};
use super::search::Answer;
use crate::install::SyncEvent;
use crate::repair::Lesson;
use crate::verify::{ImportReport, Outcome, VerifyEvent};

/// One line of progress.
pub(super) fn shown(number: u32, event: VerifyEvent<'_>) -> String {
    match event {
        VerifyEvent::Sync(SyncEvent::Step(text) | SyncEvent::Line(text)) => {
            let text: String = text.chars().take(80).collect();
            format!("round {number}: {text}")
        }
        VerifyEvent::Import { module, .. } => format!("round {number}: import {module}"),
        VerifyEvent::Check => format!("round {number}: checking"),
        VerifyEvent::Run { name } => format!("round {number}: run {name}"),
    }
}

pub(super) fn round(number: u32, answer: &Answer, tried: &Tried) -> Round {
    let packages = answer.resolution.packages.iter();
    let mut round = Round {
        number,
        python: answer.resolution.target.python.to_string(),
        packages: packages.map(ToString::to_string).collect(),
        modules: 0,
        imported: 0,
        failures: Vec::new(),
        learnt: Vec::new(),
    };
    match tried {
        Tried::NotBuilt(message, output) => {
            let tail = output.iter().rev().find(|line| line.contains("rror"));
            round.failures.push(match tail {
                Some(line) => format!(
                    "{message} ({})",
                    line.trim().chars().take(200).collect::<String>()
                ),
                None => message.clone(),
            });
        }
        Tried::Imported(report) => {
            round.imported = report.count(Outcome::Imported);
            round.modules = round.imported + report.count(Outcome::Failed);
            let failed = report
                .imports
                .iter()
                .filter(|import| import.outcome == Outcome::Failed);
            round.failures.extend(failed.map(in_short));
        }
    }
    round
}

fn in_short(import: &ImportReport) -> String {
    let error = import
        .failure
        .as_ref()
        .map_or("", |failure| failure.error.as_str());
    let place = import
        .failure
        .as_ref()
        .and_then(|failure| failure.raised_at.as_deref());
    let place = place.map_or(String::new(), |place| format!(" (at {place})"));
    format!("{} at {}: {error}{place}", import.module, import.site)
}

/// The package of an installer's last lines, when only its name stands there.
pub(super) fn mentioned<'n>(
    output: &[String],
    names: impl Iterator<Item = &'n PackageName>,
) -> Option<Lesson> {
    let text = output.join("\n").to_ascii_lowercase().replace('_', "-");
    let mut named: Vec<&PackageName> = names.filter(|name| text.contains(name.as_ref())).collect();
    named.sort_by_key(|name| std::cmp::Reverse(text.rfind(name.as_ref())));
    Some(Lesson::CannotBuild {
        name: (*named.first()?).clone(),
        version: None,
        two: false,
        because: "the installer failed on it".to_owned(),
    })
}

/// The distribution that was asked for, when it is the only one: an installer may name none.
pub(super) fn only_one(resolution: &Resolution) -> Option<Lesson> {
    let mut roots = resolution.packages.iter().filter(|package| package.root);
    let name = roots.next()?.name.clone();
    roots.next().is_none().then_some(Lesson::CannotBuild {
        because: format!("the installer failed on what `{name}` needs"),
        name,
        version: None,
        two: false,
    })
}

/// What a person should do first.
pub(super) fn most_likely(tried: &Tried, lessons: &[Vec<Lesson>]) -> String {
    let system = lessons.iter().flatten().find_map(|lesson| match lesson {
        Lesson::System { package, .. } => Some(format!(
            "install the system package `{package}`, then run again"
        )),
        _ => None,
    });
    let of_report = match tried {
        Tried::NotBuilt(message, _) => Some(format!("{message}; see the lines of the last round")),
        Tried::Imported(report) => {
            let mut failed = report
                .imports
                .iter()
                .filter(|import| import.outcome == Outcome::Failed);
            failed.find_map(|import| {
                let cause = import.failure.as_ref()?.cause.as_ref()?;
                Some(format!("for `{}`: {}", import.module, cause.remedy))
            })
        }
    };
    system
        .or(of_report)
        .unwrap_or_else(|| "read the errors of the last round".to_owned())
}
