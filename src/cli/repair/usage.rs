//! What the code uses that not every release has: bounds, an upper end of the day, and edits of code.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, PackageSource as _, ReleasesAnswer, Timestamp, Version};

use super::super::args::StrategyArg;
use super::super::source::Source;
use crate::api::{Bound, Certainty, Clause, Edit, Needs, Owner, RemovalKind, Usage, bounds, usage};
use crate::diagnostic::Diagnostic;
use crate::era::Candidate;
use crate::era::day::python_floor;
use crate::era::python::{facts, interval};
use crate::index::Index;
use crate::repair::edit::{FileEdit, Reason};
use crate::repair::{Plan, codes};

/// What the code uses, and what follows from it.
pub(super) struct Used {
    usage: Usage,
    /// Bounds of Python and of distributions.
    pub(super) bounds: Vec<Bound>,
}

impl Used {
    /// Reads the code; what can be rewritten for today's releases bounds nothing under `Modern`.
    pub(super) fn of(source: &Source) -> Self {
        let usage = usage(&source.tree, &source.scan);
        let bounds = bounds(&usage, Needs::Notebooks);
        Self { usage, bounds }
    }

    /// Leaves out what edits of the code will mend.
    pub(super) fn suit(&mut self, strategy: StrategyArg) {
        if strategy == StrategyArg::Modern {
            let mut rest = self.usage.clone();
            rest.findings.retain(|finding| finding.fix.is_none());
            self.bounds = bounds(&rest, Needs::Notebooks);
        }
    }

    /// What the syntax says of the Python, and what the names of the standard library do.
    pub(super) fn python(&self) -> (&[crate::api::PythonFact], Option<&Bound>) {
        let own = self
            .bounds
            .iter()
            .find(|bound| bound.owner == Owner::Python);
        (&self.usage.python, own)
    }

    /// The day before which no Python had all that is used.
    pub(super) fn python_floor(&self, source: &Source) -> Option<Candidate> {
        let facts = facts(&source.tree, &source.scan, &source.manifest, &self.usage);
        python_floor(&interval(facts, None, &BTreeMap::new()))
    }

    /// The Python that a notebook was last run with.
    pub(super) fn kernel(&self) -> Option<&(String, crate::scan::Site)> {
        self.usage.kernels.first()
    }

    /// Bounds the plan.
    pub(super) fn bound(&self, plan: &mut Plan, findings: &mut Vec<Diagnostic>) {
        for bound in &self.bounds {
            let Owner::Distribution(name) = &bound.owner else {
                continue;
            };
            if let Some(conflict) = &bound.conflict {
                let message = format!(
                    "no release of `{name}` has both `{}` and `{}` of {}",
                    conflict.lower.written, conflict.upper.written, conflict.upper.site
                );
                let finding = Diagnostic::warning(codes::CONTRADICTION, message);
                let help =
                    "some of it may be vendored, or meant for two versions; it bounds nothing";
                findings.push(finding.at(conflict.lower.site.clone()).help(help));
                continue;
            }
            for clause in &bound.clauses {
                plan.bound(name, &clause.specifier, &because(clause));
            }
        }
    }

    /// What would be gone in the releases that are taken today.
    pub(super) fn findings(
        &self,
        today: &dyn Fn(&PackageName) -> Option<Version>,
    ) -> Vec<Diagnostic> {
        let mut shown = BTreeSet::new();
        let certain = self.usage.findings.iter().filter(|finding| {
            finding.certainty == Certainty::Certain && Needs::Tests.include(finding.context)
        });
        let gone = certain.filter_map(|finding| {
            let Owner::Distribution(name) = &finding.removal.owner else {
                return None;
            };
            if today(name).is_some_and(|today| today < finding.removal.without) {
                return None;
            }
            // one finding a symbol and file is enough
            if !shown.insert((finding.removal.symbol, finding.site.file.clone())) {
                return None;
            }
            let what = match finding.removal.kind {
                RemovalKind::Behaviour => "behaves otherwise in",
                _ => "is gone from",
            };
            // a name that was imported says little by itself
            let written = if finding.written.contains('.') {
                &finding.written
            } else {
                finding.removal.symbol
            };
            let message = format!("`{written}` {what} {name} {}", finding.removal.without);
            let found = Diagnostic::warning(codes::REMOVED_API, message).at(finding.site.clone());
            Some(match finding.removal.instead {
                "" => found,
                instead => found.help(format!("use {instead}")),
            })
        });
        gone.collect()
    }

    /// The day before the first release that lacks something that is used, with the reason.
    pub(super) fn latest_day(&self, index: &Index) -> Option<(Timestamp, String)> {
        let mut days = Vec::new();
        for bound in self.bounds.iter().filter(|bound| bound.conflict.is_none()) {
            let Owner::Distribution(name) = &bound.owner else {
                continue;
            };
            let Ok(ReleasesAnswer::Found(project)) = index.releases(name) else {
                continue;
            };
            for clause in bound
                .clauses
                .iter()
                .filter(|clause| clause.specifier.starts_with('<'))
            {
                let Ok(specifiers) = clause.specifier.parse() else {
                    continue;
                };
                let range = pinsmith_resolver::to_ranges(&specifiers);
                let mut releases = project.releases().iter();
                let first = releases.find(|release| {
                    !release.version.any_prerelease() && !range.contains(&release.version)
                });
                if let Some(uploaded) = first.and_then(|release| release.uploaded) {
                    days.push((
                        uploaded,
                        format!("{}, which {name} lacked from then on", because(clause)),
                    ));
                }
            }
        }
        days.into_iter().min()
    }

    /// Certain rewrites of code, one file each.
    pub(super) fn rewrites(&self, source: &Source) -> Vec<FileEdit> {
        let mut by_file: BTreeMap<&str, (Vec<Edit>, Vec<Reason>)> = BTreeMap::new();
        for finding in &self.usage.findings {
            let Some(fix) = &finding.fix else { continue };
            let (edits, reasons) = by_file.entry(&finding.site.file).or_default();
            edits.extend(fix.iter().cloned());
            let owner = match &finding.removal.owner {
                Owner::Python => "Python".to_owned(),
                Owner::Distribution(name) => name.to_string(),
            };
            reasons.push(Reason {
                line: finding.site.line,
                change: finding.written.clone(),
                because: format!("it is gone from {owner} {}", finding.removal.without),
            });
        }
        let files = by_file.into_iter();
        files
            .filter_map(|(file, (edits, reasons))| {
                let before = source.tree.read(file).ok()?;
                let after = crate::api::apply(&before, &edits)?;
                Some(FileEdit {
                    file: file.to_owned(),
                    before: Some(String::from_utf8(before).ok()?),
                    after: String::from_utf8(after).ok()?,
                    reasons,
                })
            })
            .filter(|edit| edit.before.as_deref() != Some(edit.after.as_str()))
            .collect()
    }
}

fn because(clause: &Clause) -> String {
    match clause.uses {
        1 => format!("`{}` at {}", clause.written, clause.site),
        uses => format!(
            "`{}` at {} and {} more",
            clause.written,
            clause.site,
            uses - 1
        ),
    }
}
