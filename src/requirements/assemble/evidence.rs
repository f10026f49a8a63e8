//! What the tree and the user say about distributions, by name.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, Requirement, url_of};

use super::AssembleOptions;
use crate::requirements::declared::conda::as_requirement;
use crate::requirements::declared::line::{Collector, Role};
use crate::requirements::declared::{Declared, DeclaredRequirement};
use crate::requirements::{Provider, is_known_distribution, lookup};
use crate::scan::{InstallTool, ModuleName, Scan, Site};

/// An install line that is a requirement.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    pub(super) requirement: Requirement,
    pub(super) site: Site,
    pub(super) weak: bool,
    /// Cloned, and not seen to be installed.
    pub(super) cloned: bool,
}

/// Everything that speaks for a distribution besides an import.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    pub(super) declared: BTreeMap<&'a PackageName, Vec<&'a DeclaredRequirement>>,
    pub(super) installed: BTreeMap<PackageName, Vec<Installed>>,
    pub(super) accepted: &'a BTreeSet<PackageName>,
    /// What lock files of other tools name.
    pub(super) locked: &'a BTreeSet<PackageName>,
    /// The project itself.
    pub(super) own: Option<&'a PackageName>,
    /// Programs whose unmistakable modules the tree imports.
    pub(super) programs: BTreeSet<&'static str>,
    /// Modules of which the tree holds a part.
    pub(super) local: BTreeSet<&'a str>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(
        scan: &'a Scan,
        declared: &'a Declared,
        options: &'a AssembleOptions,
    ) -> Self {
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for entry in &declared.requirements {
            by_name
                .entry(&entry.requirement.name)
                .or_default()
                .push(entry);
        }
        Self {
            declared: by_name,
            installed: install_lines(scan),
            accepted: &options.accept,
            locked: &declared.locked,
            own: declared.name.as_ref(),
            programs: programs(scan),
            local: scan
                .imports
                .iter()
                .filter(|import| import.local)
                .map(|import| import.module.top_level())
                .collect(),
        }
    }

    /// Whether the tree declares anything at all.
    pub(super) fn declares(&self) -> bool {
        !self.declared.is_empty()
    }

    /// The first of some names that the tree declares, at best for runtime.
    pub(super) fn first_declared(&self, names: &[PackageName]) -> Option<PackageName> {
        let runtime = |name: &&PackageName| {
            let entries = self.declared.get(name);
            entries.is_some_and(|entries| entries.iter().any(|entry| entry.group.is_none()))
        };
        let first = names.iter().find(runtime);
        first
            .or_else(|| names.iter().find(|name| self.declared.contains_key(name)))
            .cloned()
    }

    /// The first of some names that an install line, the user or a lock names.
    ///
    /// What comes `only_from` a repository is named by lines with an address alone: the project of
    /// that name on an index is another one.
    pub(super) fn first_named(
        &self,
        names: &[PackageName],
        only_from: Option<&PackageName>,
    ) -> Option<PackageName> {
        let is_named = |name: &&PackageName| {
            let has_address = |line: &Installed| url_of(&line.requirement).is_some();
            let lines = self.installed.get(*name);
            lines.is_some_and(|lines| only_from != Some(*name) || lines.iter().any(has_address))
        };
        let installed = names.iter().find(is_named);
        // a lock says no more about a repository than a bare name does, and nothing new when it
        // holds what is known to provide the module anyway
        let is_locked =
            |name: &&PackageName| self.locked.contains(*name) && only_from != Some(*name);
        let mut first = names.first().into_iter();
        let usual = first.any(|name| self.locked.contains(name) && is_known_distribution(name));
        installed
            .or_else(|| names.iter().find(|name| self.accepted.contains(*name)))
            .or_else(|| names.iter().find(is_locked).filter(|_| !usual))
            .cloned()
    }
}

fn programs(scan: &Scan) -> BTreeSet<&'static str> {
    let third = scan.imports.iter().filter(|import| !import.local);
    let modules: BTreeSet<_> = third.map(|import| &import.module).collect();
    let hosts = modules
        .into_iter()
        .filter_map(|m| match lookup(m).provider {
            Provider::Host { program } => Some(program),
            _ => None,
        });
    hosts.collect()
}

fn install_lines(scan: &Scan) -> BTreeMap<PackageName, Vec<Installed>> {
    let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in &scan.install_lines {
        let mut collector = Collector::new(&line.site.file);
        let requirement = match line.tool {
            InstallTool::Pip | InstallTool::Clone => Some(line.requirement.clone()),
            InstallTool::Conda => as_requirement(&line.requirement),
        };
        if let Some(requirement) = requirement {
            collector.requirement(&requirement, &Role::default(), line.site.line);
        }
        for entry in collector.finish().requirements {
            let cloned = line.tool == InstallTool::Clone;
            if cloned && is_on_index(&entry.requirement.name) {
                continue;
            }
            by_name
                .entry(entry.requirement.name.clone())
                .or_default()
                .push(Installed {
                    requirement: entry.requirement,
                    site: line.site.clone(),
                    weak: line.weak,
                    cloned,
                });
        }
    }
    by_name
}

/// Whether an index has what a repository of that name holds: who clones it wants its examples.
fn is_on_index(name: &PackageName) -> bool {
    let module = ModuleName::new(name.as_ref().replace('-', "_"));
    let git_only =
        module.is_some_and(|module| matches!(lookup(&module).provider, Provider::GitOnly { .. }));
    is_known_distribution(name) && !git_only
}
