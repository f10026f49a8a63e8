//! What is to be written: changed files of people, each change with its reason.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, Requirement, Version, url_of};

use super::super::Failure;
use super::super::args::StrategyArg;
use super::super::source::Source;
use super::search::Answer;
use crate::diagnostic::Diagnostic;
use crate::generate::{Bounds, Direct, bounded, edit_pyproject};
use crate::repair::edit::{Addition, Change, FileEdit, add_lines, change_requirements};
use crate::repair::pins::is_exact;
use crate::repair::{Fate, Need};
use crate::requirements::codes::{REPAIRED, UNRELATED_NAME};
use crate::requirements::is_generated;
use crate::scan::says_requirements;

const REQUIREMENTS: &str = "requirements.txt";
const PYPROJECT: &str = "pyproject.toml";

/// Edits and what has to be done by hand.
#[derive(Default)]
pub(super) struct Proposal {
    pub(super) edits: Vec<FileEdit>,
    pub(super) by_hand: Vec<Diagnostic>,
}

/// Turns an answer into changed files.
pub(super) fn propose(
    source: &Source,
    answer: &Answer,
    strategy: StrategyArg,
) -> Result<Proposal, Failure> {
    let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    let mut additions = Vec::new();
    let mut said = BTreeSet::new();
    let words = Words { answer, strategy };
    for need in &answer.plan.needs {
        let wanted = words.wanted(need);
        if let Some(counts) = &need.counts {
            said.insert(counts.name.clone());
        }
        if need.declared.is_empty() {
            if let Some(counts) = need.counts.as_ref().filter(|one| url_of(one).is_none()) {
                additions.push(Addition {
                    text: words.exact(counts),
                    because: places(need),
                });
            }
            continue;
        }
        let wanted = wanted.or_else(|| misnamed(source, need));
        let Some((after, because)) = wanted else {
            continue;
        };
        for site in &need.declared {
            let change = Change {
                site: site.clone(),
                name: need.asked.name.clone(),
                after: after.clone(),
                because: because.clone(),
                // the lock has it
                may_stay: need.fate == Fate::AsAsked && need.counts.is_some(),
            };
            changes.entry(site.file.clone()).or_default().push(change);
        }
    }
    for (found, because) in &answer.plan.found {
        said.insert(found.name.clone());
        additions.push(Addition {
            text: words.exact(found),
            because: because.clone(),
        });
    }
    for (bound, because) in &answer.plan.bounds {
        let pinned = answer.resolution.package(&bound.name).is_some();
        if pinned && !said.contains(&bound.name) {
            additions.push(Addition {
                text: bound.to_string(),
                because: because.clone(),
            });
        }
    }
    additions.sort();
    additions.dedup_by(|a, b| a.text == b.text);
    assembled(source, changes, &additions)
}

fn assembled(
    source: &Source,
    changes: BTreeMap<String, Vec<Change>>,
    additions: &[Addition],
) -> Result<Proposal, Failure> {
    let mut proposal = Proposal::default();
    let mut edits: BTreeMap<String, FileEdit> = BTreeMap::new();
    for (file, changes) in changes {
        let Some(text) = text_of(source, &file) else {
            continue;
        };
        let (edit, by_hand) = change_requirements(&file, &text, &changes);
        proposal.by_hand.extend(by_hand);
        edits.insert(file, edit);
    }
    if !additions.is_empty() {
        let file = home_of_additions(source, &edits);
        let edit = edits.entry(file.clone()).or_insert_with(|| {
            let before = text_of(source, &file);
            FileEdit {
                after: before.clone().unwrap_or_default(),
                before,
                file: file.clone(),
                reasons: Vec::new(),
            }
        });
        if file == PYPROJECT {
            add_to_pyproject(edit, additions)?;
        } else {
            add_lines(edit, additions);
        }
    }
    let changed = edits.into_values();
    proposal.edits = changed
        .filter(|edit| edit.before.as_deref() != Some(edit.after.as_str()))
        .collect();
    Ok(proposal)
}

fn add_to_pyproject(edit: &mut FileEdit, additions: &[Addition]) -> Result<(), Failure> {
    let added: Vec<Direct> = additions
        .iter()
        .filter_map(|addition| {
            Some(Direct {
                name: addition.text.parse::<Requirement>().ok()?.name,
                text: addition.text.clone(),
                group: None,
                sites: Vec::new(),
            })
        })
        .collect();
    edit.after = edit_pyproject(&edit.after, &added).map_err(|error| {
        Failure::new(
            format!("`{PYPROJECT}` is left as it is: {error}"),
            error.help(),
        )
    })?;
    edit.reasons.extend(
        additions
            .iter()
            .map(|addition| crate::repair::edit::Reason {
                line: 0,
                change: addition.text.clone(),
                because: addition.because.clone(),
            }),
    );
    Ok(())
}

/// The file that new requirements go to: the one of the root that people read, else a new one.
fn home_of_additions(source: &Source, edits: &BTreeMap<String, FileEdit>) -> String {
    let generated = |file: &str| text_of(source, file).is_some_and(|text| is_generated(&text));
    let has = |file: &str| source.tree.read(file).is_ok();
    if has(REQUIREMENTS) && !generated(REQUIREMENTS) {
        return REQUIREMENTS.to_owned();
    }
    let project = text_of(source, PYPROJECT);
    if project.is_some_and(|text| edit_pyproject(&text, &[]).is_ok() && text.contains("[project]"))
    {
        return PYPROJECT.to_owned();
    }
    let said = |file: &&String| {
        file.split('/')
            .any(|part| says_requirements(&part.to_ascii_lowercase()))
    };
    let mut lists = edits.keys().filter(said);
    match lists.next() {
        Some(file) => file.clone(),
        None if generated(REQUIREMENTS) => "requirements.in".to_owned(),
        None => REQUIREMENTS.to_owned(),
    }
}

fn text_of(source: &Source, file: &str) -> Option<String> {
    String::from_utf8(source.tree.read(file).ok()?).ok()
}

/// How requirements are written.
struct Words<'a> {
    answer: &'a Answer,
    strategy: StrategyArg,
}

impl Words<'_> {
    fn version(&self, name: &PackageName) -> Option<Version> {
        let package = self.answer.resolution.package(name)?;
        Some(package.version.clone().without_local())
    }

    /// What a declared requirement shall say, when it is not what it says.
    fn wanted(&self, need: &Need) -> Option<(Option<String>, String)> {
        let Some(counts) = &need.counts else {
            return Some((None, need.because.clone().unwrap_or_default()));
        };
        let because = || need.because.clone();
        if url_of(counts).is_some() {
            return (need.fate > Fate::AsAsked || counts != &need.asked)
                .then(|| (Some(counts.to_string()), because().unwrap_or_default()));
        }
        if need.fate > Fate::AsAsked {
            return Some((Some(self.exact(counts)), because().unwrap_or_default()));
        }
        let bounds = &self.answer.plan.bounds;
        let bound = bounds.iter().find(|(bound, _)| bound.name == counts.name);
        match (self.strategy, bound) {
            _ if is_exact(counts) => None,
            (StrategyArg::Era, _) => {
                let day = self.answer.day.as_ref()?;
                let because = format!("so that it stays what it was on {}", day.text);
                Some((Some(self.exact(counts)), because))
            }
            (StrategyArg::Modern, Some((_, because))) => {
                Some((Some(self.exact(counts)), because.clone()))
            }
            (StrategyArg::Modern, None) => None,
        }
    }

    /// A requirement on the version that was chosen: that one of an era, bounds around it today.
    fn exact(&self, requirement: &Requirement) -> String {
        let Some(version) = self.version(&requirement.name) else {
            return requirement.to_string();
        };
        let bounds = match self.strategy {
            StrategyArg::Era => Bounds::Exact,
            StrategyArg::Modern => Bounds::Compatible,
        };
        let mut written = requirement.clone();
        if let Ok(specifiers) = bounded(&version, bounds).parse() {
            written.version_or_url = Some(pep508_rs::VersionOrUrl::VersionSpecifier(specifiers));
        }
        written.to_string().replace(", <", ",<")
    }
}

/// What is declared under the name of another project.
fn misnamed(source: &Source, need: &Need) -> Option<(Option<String>, String)> {
    let mut said = source.manifest.diagnostics.iter();
    let found = said.find(|said| {
        let site = said.site.as_ref();
        said.code == UNRELATED_NAME && site.is_some_and(|site| need.declared.contains(site))
    })?;
    Some((
        Some(need.counts.as_ref()?.to_string()),
        found.message.clone(),
    ))
}

/// Where the code needs it, the first two places.
fn places(need: &Need) -> String {
    let mut sites: Vec<String> = need.sites.iter().map(ToString::to_string).collect();
    let more = sites.len().saturating_sub(2);
    sites.truncate(2);
    if more > 0 {
        sites.push(format!("and {more} more"));
    }
    sites.join(", ")
}

/// Whether a finding says only how a line was read.
pub(super) fn is_detail(finding: &Diagnostic) -> bool {
    finding.code == REPAIRED
}
