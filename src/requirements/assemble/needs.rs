//! Declared entries, imports and install lines become requirements.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, Requirement, specifiers_of, url_of};

use super::declarations::script_group;
use super::evidence::{Evidence, Installed};
use super::imports::Resolved;
use super::variant::Elsewhere;
use crate::diagnostic::Diagnostic;
use crate::requirements::declared::line::parse;
use crate::requirements::declared::load::is_development;
use crate::requirements::declared::{Declared, DeclaredRequirement};
use crate::requirements::{ManifestRequirement, Origin, OriginKind, codes};
use crate::scan::{ImportContext, Scan, Site};

/// Distributions that exist for one platform only.
const PLATFORM: [(&str, &str); 2] = [
    ("pywin32", "sys_platform == 'win32'"),
    ("triton", "sys_platform == 'linux'"),
];
/// What people upgrade before they install anything.
const INSTALLERS: [&str; 4] = ["pip", "setuptools", "uv", "wheel"];
/// Modules that later releases of their distribution dropped.
const BOUNDS: [(&str, &str); 2] = [("autogen", "<1"), ("pkg_resources", "<82")];

/// Requirements, and what to say about them.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) requirements: Vec<ManifestRequirement>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// A requirement that only imports ask for, while it is being collected.
#[derive(Default)]
pub(super) struct Inferred {
    pub(super) sites: BTreeSet<Site>,
    pub(super) markers: BTreeSet<Option<String>>,
    pub(super) bounds: BTreeSet<&'static str>,
}

/// The group of what is needed in a context; `None` is runtime.
pub(super) fn group(context: ImportContext) -> Option<&'static str> {
    match context {
        ImportContext::Runtime => None,
        ImportContext::NotebookOnly => Some("notebook"),
        ImportContext::Optional => Some("optional"),
        ImportContext::Test => Some("test"),
        ImportContext::Build => Some("build"),
        ImportContext::Typing => Some("typing"),
    }
}

/// Everything that is needed.
pub(super) fn collect(
    scan: &Scan,
    resolved: &[Resolved],
    evidence: &Evidence<'_>,
    declared: &Declared,
) -> Needs {
    let mut needs = Needs::default();
    let mut imported: BTreeMap<&PackageName, Vec<&Resolved>> = BTreeMap::new();
    for import in resolved {
        if let Some(name) = &import.mapped.distribution {
            imported.entry(name).or_default().push(import);
        }
    }
    for entry in &declared.requirements {
        if Some(&entry.requirement.name) == evidence.own {
            continue;
        }
        let by = imported.get(&entry.requirement.name);
        needs
            .requirements
            .push(from_declared(entry, by.map_or(&[], Vec::as_slice)));
    }
    for (name, imports) in &imported {
        match evidence.declared.get(*name) {
            Some(entries) => needs.promote(entries, imports),
            None => needs.infer(name, imports, evidence),
        }
    }
    let implied = needs.implied(&scan.implied, evidence, &imported);
    needs.install_lines(evidence, &imported, &implied);
    needs
}

fn from_declared(entry: &DeclaredRequirement, imports: &[&Resolved]) -> ManifestRequirement {
    let mut origins = vec![Origin {
        kind: OriginKind::Declared,
        site: entry.site.clone(),
    }];
    let sites = imports.iter().flat_map(|import| &import.mapped.sites);
    origins.extend(import_origins(sites));
    ManifestRequirement {
        requirement: entry.requirement.clone(),
        group: entry.group.clone(),
        origins,
    }
}

/// The first site of each file: enough to find the need, without thousands of lines.
fn import_origins<'a>(sites: impl Iterator<Item = &'a Site>) -> Vec<Origin> {
    let sites: BTreeSet<&Site> = sites.collect();
    let mut files = BTreeSet::new();
    sites
        .into_iter()
        .filter(|site| files.insert(&site.file))
        .map(|site| Origin {
            kind: OriginKind::Import,
            site: site.clone(),
        })
        .collect()
}

impl Needs {
    /// A runtime import that is declared for development only is a runtime need all the same.
    fn promote(&mut self, entries: &[&DeclaredRequirement], imports: &[&Resolved]) {
        let runtime_sites: Vec<&Site> = imports
            .iter()
            .filter_map(|import| import.groups.get(&None))
            .flat_map(|(sites, _)| sites)
            .collect();
        let (Some(first), Some(entry)) = (runtime_sites.first(), entries.first()) else {
            return;
        };
        let elsewhere = |entry: &&DeclaredRequirement| match entry.group.as_deref() {
            None => false,
            Some(group) if group.starts_with("script-") => runtime_sites
                .iter()
                .any(|site| script_group(&site.file) != group),
            Some(group) => is_development(group),
        };
        if !entries.iter().all(elsewhere) {
            return;
        }
        let name = &entry.requirement.name;
        let group = entry.group.as_deref().unwrap_or_default();
        self.diagnostics.push(
            Diagnostic::warning(
                codes::WRONG_GROUP,
                format!("`{name}` is imported at run time but declared in group `{group}` only"),
            )
            .at((*first).clone())
            .help(format!("declare `{name}` as a runtime requirement")),
        );
        let mut need = from_declared(entry, imports);
        need.group = None;
        self.requirements.push(need);
    }

    /// Requirements of a distribution that nobody declares, one a group.
    fn infer(&mut self, name: &PackageName, imports: &[&Resolved], evidence: &Evidence<'_>) {
        let mut by_group: BTreeMap<Option<&str>, Inferred> = BTreeMap::new();
        for import in imports {
            let module = import.mapped.module.as_str();
            let bound = BOUNDS.iter().find(|(bounded, _)| *bounded == module);
            for (group, (sites, marker)) in &import.groups {
                let inferred = by_group.entry(*group).or_default();
                inferred.sites.extend(sites.iter().cloned());
                inferred.markers.insert(marker.clone());
                inferred.bounds.extend(bound.map(|(_, bound)| *bound));
            }
        }
        if by_group.contains_key(&None) {
            by_group.retain(|group, _| group.is_none());
        }
        let installed = evidence.installed.get(name).map_or(&[][..], Vec::as_slice);
        for (group, inferred) in by_group {
            let Some(requirement) = requirement(name, &inferred, installed) else {
                continue;
            };
            let mut origins = import_origins(inferred.sites.iter());
            origins.extend(installed.iter().map(|line| Origin {
                kind: OriginKind::InstallLine,
                site: line.site.clone(),
            }));
            let elsewhere = elsewhere(name, &inferred, installed);
            let all = [requirement].into_iter().chain(elsewhere);
            self.requirements
                .extend(all.map(|requirement| ManifestRequirement {
                    requirement,
                    group: group.map(str::to_owned),
                    origins: origins.clone(),
                }));
        }
    }

    /// Install lines that no import and no declaration stands behind.
    fn install_lines(
        &mut self,
        evidence: &Evidence<'_>,
        imported: &BTreeMap<&PackageName, Vec<&Resolved>>,
        implied: &BTreeSet<PackageName>,
    ) {
        for (name, lines) in &evidence.installed {
            let known = evidence.declared.contains_key(name)
                || imported.contains_key(name)
                || implied.contains(name)
                || INSTALLERS.contains(&name.as_ref());
            if known || Some(name) == evidence.own {
                continue;
            }
            // what a Dockerfile or a script installs without an import is the business of its author
            let mut lines = lines.clone();
            lines.retain(|line| line.site.cell.is_some() && !line.cloned);
            if lines.is_empty() {
                continue;
            }
            let strong = lines.iter().filter(|line| !line.weak);
            let strong: Vec<Installed> = strong.cloned().collect();
            let Some(requirement) = (!strong.is_empty())
                .then(|| requirement(name, &Inferred::default(), &strong))
                .flatten()
            else {
                self.note_weak(name, &lines);
                continue;
            };
            self.requirements.push(ManifestRequirement {
                requirement,
                group: Some("notebook".to_owned()),
                origins: strong
                    .into_iter()
                    .map(|line| Origin {
                        kind: OriginKind::InstallLine,
                        site: line.site,
                    })
                    .collect(),
            });
        }
    }

    fn note_weak(&mut self, name: &PackageName, lines: &[Installed]) {
        let Some(line) = lines.first() else { return };
        self.diagnostics.push(
            Diagnostic::info(
                codes::INSTALL_LINE,
                format!("`{name}` is installed under a condition and imported nowhere: left out"),
            )
            .at(line.site.clone())
            .help(format!("declare `{name}` if it is needed")),
        );
    }
}

/// The requirement with what bounds, markers and install lines add to the name.
pub(super) fn requirement(
    name: &PackageName,
    inferred: &Inferred,
    installed: &[Installed],
) -> Option<Requirement> {
    let mut text = name.to_string();
    match agreed(installed) {
        Some(line) if url_of(line).is_some() => {
            text = format!("{text} @ {}", url_of(line)?);
        }
        Some(line) => {
            let extras: Vec<_> = line.extras.iter().map(ToString::to_string).collect();
            if !extras.is_empty() {
                text = format!("{text}[{}]", extras.join(","));
            }
            text.push_str(&specifiers_of(line).to_string());
        }
        None => text.extend(inferred.bounds.iter().copied()),
    }
    if let Some(marker) = marker(name, inferred) {
        text = format!("{text} ; {marker}");
    }
    Some(parse(&text).ok()?.requirement)
}

/// What has the module on platforms for which a distribution has no wheels.
fn elsewhere(
    name: &PackageName,
    inferred: &Inferred,
    installed: &[Installed],
) -> Option<Requirement> {
    let unconditional = inferred.markers.is_empty() || inferred.markers.contains(&None);
    let Elsewhere { there, other, .. } = Elsewhere::of(name)?;
    let counts = unconditional && installed.is_empty();
    let parsed = counts.then(|| parse(&format!("{other} ; {there}")).ok())?;
    Some(parsed?.requirement)
}

/// What the install lines say, when those that are sure say one thing; an address counts also
/// when all are unsure, because without it the name would mean another project.
fn agreed(installed: &[Installed]) -> Option<&Requirement> {
    let strong = installed.iter().filter(|line| !line.weak);
    let saying = |requirement: &&Requirement| {
        requirement.version_or_url.is_some() || !requirement.extras.is_empty()
    };
    let strong: Vec<&Requirement> = strong
        .map(|line| &line.requirement)
        .filter(saying)
        .collect();
    let all = installed.iter().map(|line| &line.requirement);
    let addresses: Vec<&Requirement> = all.filter(|line| url_of(line).is_some()).collect();
    let said = if strong.is_empty() { addresses } else { strong };
    let (first, rest) = said.split_first()?;
    rest.iter().all(|other| other == first).then_some(*first)
}

pub(super) fn marker(name: &PackageName, inferred: &Inferred) -> Option<String> {
    let unconditional = inferred.markers.is_empty() || inferred.markers.contains(&None);
    if unconditional {
        let platform = PLATFORM.iter().find(|(only, _)| *only == name.as_ref());
        let elsewhere = Elsewhere::of(name);
        let marker = platform.map(|(_, marker)| *marker);
        return marker.or(elsewhere.map(|one| one.here)).map(str::to_owned);
    }
    let markers: Vec<String> = inferred
        .markers
        .iter()
        .flatten()
        .map(|marker| format!("({marker})"))
        .collect();
    Some(markers.join(" or "))
}
