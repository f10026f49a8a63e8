//! `pinsmith explain PACKAGE`: why it is locked, why in this version, and what a newer one would
//! change. Reads the lock and what the cache holds of the index; sends nothing.

mod newer;

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use pinsmith_resolver::{HeldBackBy, PackageName, Version};
use serde::Serialize;

use self::newer::{IfNewer, Newer};
use super::accelerators::table;
use super::args::{ExplainArgs, GlobalArgs};
use super::chosen_lock::ChosenLock;
use super::json::{SCHEMA, to_text};
use super::source::open_tree;
use super::terminal::Terminal;
use super::{Done, Failure};
use crate::lock::{Lock, LockedPackage, origin_kind_name};

/// How many ways from a direct requirement to the package are shown.
const CHAINS: usize = 5;

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
    let wishes = entries.iter().any(|entry| entry.evidence.newest.is_some());
    let newer = if wishes {
        Some(Newer::open(args, global, (&tree, &table), &lock, terminal)?)
    } else {
        None
    };
    let mut pins = Vec::new();
    for entry in entries {
        let wish = newer.as_ref().zip(entry.evidence.newest.as_ref());
        let if_newer = wish.map(|(newer, newest)| newer.of(entry, newest));
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
    /// The address that it is taken from, in place of the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
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

impl Pin {
    fn new(lock: &Lock, entry: &LockedPackage, if_newer: Option<IfNewer>) -> Self {
        let evidence = &entry.evidence;
        Self {
            version: entry.version.to_string(),
            marker: entry.marker.as_ref().map(ToString::to_string),
            root: evidence.root,
            origins: origins(entry),
            address: entry
                .direct
                .as_ref()
                .map(|direct| direct.source.requirement(&entry.name, "")),
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
            if let (Some(newest), Some(if_newer)) = (&pin.newest, &pin.if_newer) {
                let _ = writeln!(text, "if it were {newest}");
                if_newer.text("  ", &mut text);
            }
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
        if let Some(address) = &self.address {
            let _ = writeln!(text, "  it is what its address holds: {address}");
            return;
        }
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
