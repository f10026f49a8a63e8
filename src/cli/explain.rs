//! `pinsmith explain PACKAGE`: why it is locked, why in this version, and what a newer one would
//! change. Reads the lock and what the cache holds of the index; sends nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use pinsmith_resolver::{
    HeldBackBy, Options, PackageName, Request, Requirement, Target, Version, WhatIf, with_version,
};
use serde::Serialize;

use super::accelerators::table;
use super::args::{ExplainArgs, GlobalArgs, IndexArgs};
use super::chosen_lock::ChosenLock;
use super::json::{SCHEMA, to_text};
use super::source::{Purpose, Source, open_tree};
use super::terminal::Terminal;
use super::unsatisfiable::places;
use super::world::{OpenIndex, detect_host, location};
use super::{Done, Failure};
use crate::accelerator::Table;
use crate::index::UploadTimes;
use crate::lock::{Lock, LockedPackage, Selection, origin_kind_name};

/// How many ways from a direct requirement to the package are shown.
const CHAINS: usize = 5;

/// How many changes of other pins are shown.
const CHANGES: usize = 20;

pub(super) fn run(
    args: &ExplainArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let path = &args.source.path;
    let tree = open_tree(path)?;
    let table = table(args.accelerator_table.as_deref())?;
    let chosen = ChosenLock::find(args.lock.as_deref(), (path, tree.root()), global, &table)?;
    if let Some(note) = &chosen.note {
        terminal.summary("lock", note);
    }
    let lock = chosen.lock;
    let entries = lock.entries(&args.package);
    let mut pins = Vec::new();
    for entry in entries {
        let if_newer = match &entry.evidence.newest {
            Some(newest) => {
                let wish = (entry, newest);
                let world = (&tree, &table);
                Some(if_newer(args, global, world, &lock, wish, terminal)?)
            }
            None => None,
        };
        pins.push(Pin::new(&lock, entry, if_newer));
    }
    let report = Report {
        schema: SCHEMA,
        package: args.package.to_string(),
        pins,
    };
    terminal.result(&if terminal.json() {
        to_text(&report)?
    } else {
        report.text()
    })?;
    Ok(if entries.is_empty() {
        Done::No
    } else {
        Done::Yes
    })
}

/// `explain --format json`
#[derive(Serialize)]
struct Report {
    schema: u32,
    package: String,
    /// One for each version that the lock has; none when it has none.
    pins: Vec<Pin>,
}

#[derive(Serialize)]
struct Pin {
    version: String,
    marker: Option<String>,
    root: bool,
    origins: Vec<Origin>,
    /// Ways from a direct requirement to the package, the shortest first.
    chains: Vec<Vec<Link>>,
    lag_days: Option<u32>,
    newest: Option<String>,
    held_back_by: Vec<String>,
    if_newer: Option<IfNewer>,
}

#[derive(Serialize)]
struct Origin {
    kind: &'static str,
    place: String,
}

#[derive(Serialize)]
struct Link {
    package: String,
    version: String,
    /// Where the user asks for it, for the first of a chain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origins: Vec<Origin>,
}

/// What would come of the newest release.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum IfNewer {
    /// It fits, with these changes of other pins.
    Fits { changes: Vec<Change> },
    /// There is no answer with it.
    Impossible { explanation: Vec<String> },
    /// That cannot be told, and why.
    Unknown { reason: String },
}

#[derive(Serialize)]
struct Change {
    package: String,
    from: Option<String>,
    to: Option<String>,
}

impl Pin {
    fn new(lock: &Lock, entry: &LockedPackage, if_newer: Option<IfNewer>) -> Self {
        let evidence = &entry.evidence;
        Self {
            version: entry.version.to_string(),
            marker: entry.marker.as_ref().map(ToString::to_string),
            root: evidence.root,
            origins: origins(entry),
            chains: chains(lock, entry),
            lag_days: evidence.lag_days,
            newest: evidence.newest.as_ref().map(Version::to_string),
            held_back_by: evidence
                .held_back_by
                .iter()
                .map(|held| reason(&entry.name, held))
                .collect(),
            if_newer,
        }
    }
}

/// What holds a package back, with the words of the requirement.
fn reason(name: &PackageName, held: &HeldBackBy) -> String {
    match held {
        HeldBackBy::Requirement {
            package,
            version,
            specifier,
        } => format!("{package} {version}, which requires {name}{specifier}"),
        other => other.to_string(),
    }
}

fn origins(entry: &LockedPackage) -> Vec<Origin> {
    let origins = entry.evidence.origins.iter();
    origins
        .map(|origin| Origin {
            kind: origin_kind_name(origin.kind),
            place: origin.site.to_string(),
        })
        .collect()
}

/// The shortest way from each direct requirement that needs the package.
fn chains(lock: &Lock, entry: &LockedPackage) -> Vec<Vec<Link>> {
    let mut chains = Vec::new();
    let mut seen = BTreeSet::from([&entry.name]);
    let mut queue = VecDeque::from([vec![entry]]);
    while let Some(way) = queue.pop_front() {
        let Some(last) = way.last().copied() else {
            continue;
        };
        if last.evidence.root && way.len() > 1 {
            chains.push(
                way.iter()
                    .rev()
                    .map(|step| link(step, step.name == last.name))
                    .collect(),
            );
            if chains.len() == CHAINS {
                break;
            }
            // what needs a direct requirement is there for another reason
            continue;
        }
        for name in lock.required_by(last) {
            if seen.insert(name) {
                let next = lock
                    .entries(name)
                    .iter()
                    .map(|by| [way.clone(), vec![by]].concat());
                queue.extend(next);
            }
        }
    }
    chains
}

fn link(entry: &LockedPackage, first: bool) -> Link {
    Link {
        package: entry.name.to_string(),
        version: entry.version.to_string(),
        origins: if first { origins(entry) } else { Vec::new() },
    }
}

/// Solves with the newest release, over what the cache holds.
fn if_newer(
    args: &ExplainArgs,
    global: &GlobalArgs,
    (tree, table): (&crate::scan::Tree, &Arc<Table>),
    lock: &Lock,
    (entry, newest): (&LockedPackage, &Version),
    terminal: Terminal,
) -> Result<IfNewer, Failure> {
    let unknown = |reason: &str| {
        Ok(IfNewer::Unknown {
            reason: reason.to_owned(),
        })
    };
    let Some(target) = lock.targets.iter().find(|target| locked_on(entry, target)) else {
        return unknown(
            "the lock does not say what it is for; `pinsmith lock` makes one that does",
        );
    };
    let purpose = Purpose::of(&lock.targets);
    let source = Source::read_again(&args.source, purpose, global, terminal)?;
    let counts = |group: &Option<String>| group.as_ref().is_none_or(|group| lock.has_group(group));
    let wanted = source
        .manifest
        .requirements
        .iter()
        .filter(|one| counts(&one.group));
    let pins = lock.packages.iter().filter(|pin| locked_on(pin, target));
    let roots: Vec<Requirement> = wanted.map(|one| one.requirement.clone()).collect();
    let request = Request {
        roots: table.fit(&roots, target).requirements,
        constraints: source.manifest.constraints.clone(),
        preferences: pins
            .map(|pin| (pin.name.clone(), pin.version.clone()))
            .collect(),
        ..Request::default()
    };
    let index = IndexArgs {
        index_url: args.index_url.clone(),
        extra_index_url: args.extra_index_url.clone(),
        offline: true,
        ..IndexArgs::default()
    };
    let host = detect_host(Some(target.python), tree.root(), global);
    let location = location(&index, global, &host, tree.root())?;
    let index = OpenIndex::new(
        &index,
        None,
        UploadTimes::Useful,
        global,
        (location, Arc::clone(table)),
        terminal,
    )?;
    let options = Options {
        as_of: lock.as_of,
        as_of_projects: lock.as_of_packages.clone(),
        ..Options::default()
    };
    let answer = with_version(
        &request,
        target,
        &index.index,
        &options,
        (&entry.name, newest),
    );
    index.finish();
    match answer {
        Err(error) => unknown(&error.message),
        Ok(WhatIf::TooLong) => unknown("finding out takes too long"),
        Ok(WhatIf::Impossible(proof)) if proof.offline() => {
            unknown("the cache does not hold what is needed; run `pinsmith lock` once")
        }
        Ok(WhatIf::Impossible(proof)) => {
            let places = |requirement: &Requirement| places(requirement, &[&source.manifest]);
            // the wish is the program's, not the user's
            let wish = format!("you require `{}=={newest}`", entry.name);
            let mut explanation = proof.story(&places);
            for line in explanation.iter_mut().filter(|line| **line == wish) {
                *line = format!("suppose `{}=={newest}`", entry.name);
            }
            Ok(IfNewer::Impossible { explanation })
        }
        Ok(WhatIf::Fits(pins)) => Ok(IfNewer::Fits {
            changes: changes(lock, target, &entry.name, &pins),
        }),
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

impl Report {
    fn text(&self) -> String {
        if self.pins.is_empty() {
            return format!("{} is not in the lock\n", self.package);
        }
        let mut text = String::new();
        for pin in &self.pins {
            let _ = write!(text, "{} {}", self.package, pin.version);
            if let Some(marker) = &pin.marker {
                let _ = write!(text, " ; {marker}");
            }
            text.push('\n');
            pin.why_there(&mut text);
            pin.why_this_version(&mut text);
            pin.if_newer(&mut text);
        }
        text
    }
}

impl Pin {
    fn why_there(&self, text: &mut String) {
        text.push_str("why it is there\n");
        if self.root {
            let _ = writeln!(text, "  you ask for it: {}", shown(&self.origins));
        }
        for chain in &self.chains {
            let names: Vec<String> = chain
                .iter()
                .map(|link| format!("{} {}", link.package, link.version))
                .collect();
            let asked = chain.first().map_or(&[][..], |first| &first.origins);
            let _ = writeln!(text, "  {} ({})", names.join(" requires "), shown(asked));
        }
    }

    fn why_this_version(&self, text: &mut String) {
        text.push_str("why this version\n");
        let Some(newest) = &self.newest else {
            text.push_str("  it is the newest that fits this target\n");
            return;
        };
        let behind = match self.lag_days {
            Some(days) => format!("{days} days behind {newest}"),
            None => format!("behind {newest}, nobody knows how far"),
        };
        let _ = writeln!(text, "  it is {behind}, held back by");
        for reason in &self.held_back_by {
            let _ = writeln!(text, "    {reason}");
        }
    }

    fn if_newer(&self, text: &mut String) {
        let (Some(newest), Some(if_newer)) = (&self.newest, &self.if_newer) else {
            return;
        };
        let _ = writeln!(text, "if it were {newest}");
        match if_newer {
            IfNewer::Unknown { reason } => {
                let _ = writeln!(text, "  unknown: {reason}");
            }
            IfNewer::Impossible { explanation } => {
                for line in explanation {
                    let _ = writeln!(text, "  {line}");
                }
            }
            IfNewer::Fits { changes } if changes.is_empty() => {
                text.push_str("  nothing else would change\n");
            }
            IfNewer::Fits { changes } => {
                for change in changes.iter().take(CHANGES) {
                    let _ = writeln!(text, "  {}", change.text());
                }
                let more = changes.len().saturating_sub(CHANGES);
                if more > 0 {
                    let _ = writeln!(text, "  and {more} more");
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

/// The first three places, by kind.
fn shown(origins: &[Origin]) -> String {
    let mut places: Vec<String> = origins
        .iter()
        .take(3)
        .map(|origin| format!("{} at {}", origin.kind, origin.place))
        .collect();
    let more = origins.len().saturating_sub(3);
    if more > 0 {
        places.push(format!("{more} more"));
    }
    places.join(", ")
}
