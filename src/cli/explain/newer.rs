//! What a newer release would bring: asked of the resolver, over what the cache holds of the index.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use pinsmith_resolver::{
    Asked, Options, PackageName, Request, Requirement, Target, Version, WhatIf, with_version,
};
use serde::Serialize;

use super::super::Failure;
use super::super::args::{ExplainArgs, GlobalArgs, IndexArgs};
use super::super::source::{Purpose, Source};
use super::super::terminal::Terminal;
use super::super::unsatisfiable::places;
use super::super::world::{OpenIndex, detect_host, location, read_direct};
use crate::accelerator::Table;
use crate::index::UploadTimes;
use crate::lock::{Lock, LockedPackage, Selection};
use crate::scan::Tree;

/// How many changes of other pins are shown.
const CHANGES: usize = 20;

/// How many targets are asked about.
const TARGETS: usize = 8;

/// What would come of the newest release.
#[derive(Serialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum IfNewer {
    /// It fits, with these changes of other pins.
    Fits { changes: Vec<Change> },
    /// There is no answer with it.
    Impossible { explanation: Vec<String> },
    /// That cannot be told, and why.
    Unknown { reason: String },
    /// It is not the same on all targets.
    Differs { on: Vec<OnTargets> },
}

/// What would come of the newest release on some of the targets.
#[derive(Serialize, PartialEq, Eq)]
pub(super) struct OnTargets {
    targets: Vec<String>,
    if_newer: IfNewer,
}

#[derive(Serialize, PartialEq, Eq)]
pub(super) struct Change {
    package: String,
    from: Option<String>,
    to: Option<String>,
}

/// What is asked with a newer release: the same requirements, over the cache.
pub(super) struct Newer<'a> {
    lock: &'a Lock,
    table: &'a Table,
    source: Source,
    index: OpenIndex,
}

impl<'a> Newer<'a> {
    pub(super) fn open(
        args: &ExplainArgs,
        global: &GlobalArgs,
        (tree, table): (&Tree, &'a Arc<Table>),
        lock: &'a Lock,
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        let source =
            Source::read_again(&args.source, Purpose::of(&lock.targets), global, terminal)?;
        let index = IndexArgs {
            index_url: args.index_url.clone(),
            extra_index_url: args.extra_index_url.clone(),
            offline: true,
            ..IndexArgs::default()
        };
        let python = lock.targets.first().map(|target| target.python);
        let host = detect_host(python, tree.root(), global);
        let location = location(&index, global, &host, tree.root())?;
        let places = (location, Arc::clone(table));
        let useful = UploadTimes::Useful;
        let index = OpenIndex::new(&index, None, useful, global, places, terminal)?;
        Ok(Self {
            lock,
            table,
            source,
            index,
        })
    }

    /// On every target that has the pin; one answer where they agree.
    pub(super) fn of(&self, entry: &LockedPackage, newest: &Version) -> IfNewer {
        let has = |target: &&Target| locked_on(entry, target);
        let mut on: Vec<OnTargets> = Vec::new();
        for target in self.lock.targets.iter().filter(has).take(TARGETS) {
            let if_newer = self.on(target, entry, newest);
            let name = target.to_string();
            match on.iter_mut().find(|one| one.if_newer == if_newer) {
                Some(same) => same.targets.push(name),
                None => on.push(OnTargets {
                    targets: vec![name],
                    if_newer,
                }),
            }
        }
        self.index.finish();
        match on.len() {
            0 => {
                unknown("the lock does not say what it is for; `pinsmith lock` makes one that does")
            }
            1 => on.remove(0).if_newer,
            _ => IfNewer::Differs { on },
        }
    }

    fn on(&self, target: &Target, entry: &LockedPackage, newest: &Version) -> IfNewer {
        let options = Options {
            as_of: self.lock.as_of,
            as_of_projects: self.lock.as_of_packages.clone(),
            ..Options::default()
        };
        let request = self.request(target);
        let wish = (&entry.name, newest);
        match with_version(&request, target, &self.index.index, &options, wish) {
            Err(error) => unknown(&error.message),
            Ok(WhatIf::TooLong) => unknown("finding out takes too long"),
            Ok(WhatIf::Impossible(proof)) if proof.offline() => {
                let name = &entry.name;
                unknown(&format!(
                    "the cache does not hold all that it takes; require `{name}=={newest}` and run `pinsmith lock --dry-run`"
                ))
            }
            Ok(WhatIf::Impossible(proof)) => {
                let manifest = &self.source.manifest;
                let places = |requirement: &Requirement| places(requirement, &[manifest]);
                // the wish is the program's, not the user's
                let wish = format!("you require `{}=={newest}`", entry.name);
                let mut explanation = proof.story(&places);
                for line in explanation.iter_mut().filter(|line| **line == wish) {
                    *line = format!("suppose `{}=={newest}`", entry.name);
                }
                IfNewer::Impossible { explanation }
            }
            Ok(WhatIf::Fits(pins)) => IfNewer::Fits {
                changes: changes(self.lock, target, &entry.name, &pins),
            },
        }
    }

    /// What was asked for on a target, with the pins that are there and what lies at addresses.
    fn request(&self, target: &Target) -> Request {
        let (lock, manifest) = (self.lock, &self.source.manifest);
        let counts =
            |group: &Option<String>| group.as_ref().is_none_or(|group| lock.has_group(group));
        let wanted = manifest
            .requirements
            .iter()
            .filter(|one| counts(&one.group));
        let roots: Vec<Requirement> = wanted.map(|one| one.requirement.clone()).collect();
        let pins = lock.packages.iter().filter(|pin| locked_on(pin, target));
        let request = Request {
            roots: self.table.fit(&roots, target).requirements,
            constraints: manifest.constraints.clone(),
            preferences: pins
                .map(|pin| (pin.name.clone(), pin.version.clone()))
                .collect(),
            ..Request::default()
        };
        let mut asked = [Asked {
            target: target.clone(),
            request,
        }];
        let tree = &self.source.tree;
        read_direct(
            &mut asked,
            &[manifest],
            Some(tree),
            tree.root(),
            &self.index.index,
            true,
        );
        let [asked] = asked;
        asked.request
    }
}

fn unknown(reason: &str) -> IfNewer {
    IfNewer::Unknown {
        reason: reason.to_owned(),
    }
}

/// Whether a target gets an entry of the lock.
fn locked_on(entry: &LockedPackage, target: &Target) -> bool {
    let environment = target.marker_environment();
    let marker = entry.marker.as_ref();
    marker.is_none_or(|marker| marker.holds(&environment, &Selection::Everything))
}

fn changes(
    lock: &Lock,
    target: &Target,
    name: &PackageName,
    pins: &BTreeMap<PackageName, Version>,
) -> Vec<Change> {
    let locked: BTreeMap<&PackageName, &Version> = lock
        .packages
        .iter()
        .filter(|package| locked_on(package, target))
        .map(|package| (&package.name, &package.version))
        .collect();
    let all: BTreeSet<&PackageName> = locked.keys().copied().chain(pins.keys()).collect();
    all.into_iter()
        .filter(|other| *other != name && locked.get(other).copied() != pins.get(other))
        .map(|other| Change {
            package: other.to_string(),
            from: locked.get(other).map(ToString::to_string),
            to: pins.get(other).map(Version::to_string),
        })
        .collect()
}

impl IfNewer {
    /// The lines for people, each behind `indent`.
    pub(super) fn text(&self, indent: &str, text: &mut String) {
        let mut line = |words: &str| {
            let _ = writeln!(text, "{indent}{words}");
        };
        match self {
            Self::Unknown { reason } => line(&format!("unknown: {reason}")),
            Self::Impossible { explanation } => explanation.iter().for_each(|words| line(words)),
            Self::Fits { changes } if changes.is_empty() => line("nothing else would change"),
            Self::Fits { changes } => {
                for change in changes.iter().take(CHANGES) {
                    line(&change.text());
                }
                let more = changes.len().saturating_sub(CHANGES);
                if more > 0 {
                    line(&format!("and {more} more"));
                }
            }
            Self::Differs { on } => {
                for one in on {
                    for target in &one.targets {
                        let _ = writeln!(text, "{indent}on {target}");
                    }
                    one.if_newer.text(&format!("{indent}  "), text);
                }
            }
        }
    }
}

impl Change {
    fn text(&self) -> String {
        let package = &self.package;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => format!("{package} {from} would be {to}"),
            (Some(from), None) => format!("{package} {from} would go"),
            (None, Some(to)) => format!("{package} {to} would come"),
            (None, None) => package.clone(),
        }
    }
}
