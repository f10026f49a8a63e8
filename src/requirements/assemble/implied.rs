//! Needs that no import shows become requirements.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, Requirement};

use super::evidence::Evidence;
use super::imports::Resolved;
use super::needs::{Inferred, Needs, group, marker, requirement};
use crate::diagnostic::Diagnostic;
use crate::requirements::declared::line::parse;
use crate::requirements::{ManifestRequirement, Origin, OriginKind, codes};
use crate::scan::{ImpliedNeed, ImportContext, Site};

/// Distributions that the tree imports, with the imports.
type Imported<'a> = BTreeMap<&'a PackageName, Vec<&'a Resolved>>;

impl Needs {
    /// Adds what calls need; returns the distributions that stand behind it.
    ///
    /// A distribution that the tree declares, or one that does the same, is left alone.
    pub(super) fn implied(
        &mut self,
        implied: &[ImpliedNeed],
        evidence: &Evidence<'_>,
        imported: &Imported<'_>,
    ) -> BTreeSet<PackageName> {
        let mut by_need: BTreeMap<&str, Vec<&ImpliedNeed>> = BTreeMap::new();
        for need in implied {
            if need.context == ImportContext::Typing {
                continue;
            }
            if need.needs.is_empty() {
                self.note_foreign(need);
            }
            let has = |name: &&&str| is_there(name, evidence, imported);
            if need.instead.iter().find(has).is_some() {
                continue;
            }
            for name in need.needs {
                by_need.entry(name).or_default().push(need);
            }
        }
        let mut names = BTreeSet::new();
        for (text, uses) in by_need {
            let Ok(parsed) = parse(text) else { continue };
            let asked = parsed.requirement;
            let declared = evidence.declared.contains_key(&asked.name);
            if declared || evidence.own == Some(&asked.name) {
                continue;
            }
            self.need(&asked, &uses, evidence, imported);
            names.insert(asked.name);
        }
        names
    }

    /// One distribution, once a group; a runtime need covers the others.
    fn need(
        &mut self,
        asked: &Requirement,
        uses: &[&ImpliedNeed],
        evidence: &Evidence<'_>,
        imported: &Imported<'_>,
    ) {
        let mut by_group: BTreeMap<Option<&str>, Vec<&ImpliedNeed>> = BTreeMap::new();
        let runtime = uses.iter().any(|need| group(need.context).is_none());
        for need in uses {
            let group = group(need.context).filter(|_| !runtime);
            by_group.entry(group).or_default().push(need);
        }
        let name = &asked.name;
        for (group, uses) in by_group {
            let already = imported.get(name).into_iter().flatten();
            let mut already = already.flat_map(|import| import.groups.keys());
            let covered = already.any(|known| known.is_none() || *known == group);
            if covered && asked.extras.is_empty() {
                continue;
            }
            let inferred = Inferred {
                markers: uses.iter().map(|need| need.marker.clone()).collect(),
                ..Inferred::default()
            };
            let Some(requirement) = spelled(asked, &inferred, evidence) else {
                continue;
            };
            if let Some(first) = uses.iter().min_by_key(|need| &need.site) {
                self.note(asked, first);
            }
            let mut files = BTreeSet::new();
            let sites: BTreeSet<&Site> = uses.iter().map(|need| &need.site).collect();
            let sites = sites.into_iter().filter(|site| files.insert(&site.file));
            self.requirements.push(ManifestRequirement {
                requirement,
                group: group.map(str::to_owned),
                origins: sites
                    .map(|site| Origin {
                        kind: OriginKind::Implied,
                        site: site.clone(),
                    })
                    .collect(),
            });
        }
    }

    fn note(&mut self, asked: &Requirement, need: &ImpliedNeed) {
        let message = format!("`{}` needs `{asked}`, which no import shows", need.used);
        let diagnostic = Diagnostic::info(codes::IMPLIED, message).at(need.site.clone());
        self.diagnostics
            .push(diagnostic.help(format!("declare `{asked}`")));
    }

    /// Code from elsewhere; one finding for each way to load it.
    fn note_foreign(&mut self, need: &ImpliedNeed) {
        let message = format!("`{}` loads code that is not in this tree", need.used);
        let mut known = self.diagnostics.iter();
        if known.any(|known| known.code == codes::FOREIGN_CODE && known.message == message) {
            return;
        }
        let diagnostic = Diagnostic::info(codes::FOREIGN_CODE, message).at(need.site.clone());
        self.diagnostics
            .push(diagnostic.help("declare what that code imports"));
    }
}

/// Whether the tree declares, imports or installs a distribution.
fn is_there(name: &str, evidence: &Evidence<'_>, imported: &Imported<'_>) -> bool {
    name.parse().is_ok_and(|name: PackageName| {
        evidence.declared.contains_key(&name)
            || imported.contains_key(&name)
            || evidence.installed.contains_key(&name)
    })
}

/// The requirement with the version of an install line and the marker of its uses.
fn spelled(
    asked: &Requirement,
    inferred: &Inferred,
    evidence: &Evidence<'_>,
) -> Option<Requirement> {
    let is_plain = asked.extras.is_empty() && asked.version_or_url.is_none();
    if let (true, Some(lines)) = (is_plain, evidence.installed.get(&asked.name)) {
        return requirement(&asked.name, inferred, lines);
    }
    let mut text = asked.to_string();
    if let Some(marker) = marker(&asked.name, inferred) {
        text = format!("{text} ; {marker}");
    }
    Some(parse(&text).ok()?.requirement)
}
