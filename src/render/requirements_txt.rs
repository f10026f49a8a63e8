//! A lock as a `requirements.txt` that pip and uv install with `--require-hashes`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::escape::comment;
use crate::lock::{
    FileLocation, Lock, LockMarker, LockedFile, LockedPackage, Selection, floor_kind,
    targets_marker,
};
use crate::requirements::GENERATED_HEADER_PREFIX;
use pinsmith_resolver::Target;

/// Renders pins with the sha256 of every file that a target of the lock can install.
///
/// `command` is what makes the file again, such as `pinsmith lock`. There are no index lines: the
/// reader's own index serves the files and the hashes decide. A marker separates pins that only
/// some targets have.
///
/// ```text
/// # made by pinsmith; do not edit, change the requirements and run again:
/// #     pinsmith lock
/// # for Python 3.11 on linux-x86_64, glibc 2.35
/// six==1.17.0 \
///     --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
///     # via python-dateutil, train.py:3
/// ```
pub fn requirements_txt(lock: &Lock, command: &str) -> String {
    let mut text =
        format!("{GENERATED_HEADER_PREFIX}; do not edit, change the requirements and run again:\n");
    let _ = writeln!(text, "#     {}", comment(command));
    for target in &lock.targets {
        let _ = writeln!(text, "# for {}", comment(&describe(target)));
    }
    for package in &lock.packages {
        text.push_str(&entry(lock, package));
    }
    text
}

fn describe(target: &Target) -> String {
    let mut text = format!("Python {} on {}", target.python, target.platform);
    if let Some(kind) = floor_kind(target.platform) {
        let kind = if kind == "macos" { "macOS" } else { kind };
        let (major, minor) = target.floor;
        let _ = write!(text, ", {kind} {major}.{minor}");
    }
    let accelerator = target.accelerator.to_string();
    if accelerator != "index" {
        let _ = write!(text, ", {accelerator}");
    }
    text
}

/// One pin with its hashes and the reason for it.
fn entry(lock: &Lock, package: &LockedPackage) -> String {
    if package.evidence.explicit_index {
        return by_address(lock, package);
    }
    let mut text = match &package.direct {
        Some(direct) => direct.source.requirement(&package.name, ""),
        None => package.pin(),
    };
    // A marker is one plain line: `LockMarker` takes nothing else.
    if let Some(marker) = lock.place_of(package) {
        let _ = write!(text, " ; {marker}");
    }
    let mut hashes: Vec<String> = package
        .files
        .iter()
        .map(|file| file.sha256.to_string())
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    for hash in hashes {
        let _ = write!(text, " \\\n    --hash=sha256:{hash}");
    }
    text.push('\n');
    let via = via(lock, package);
    if !via.is_empty() {
        let _ = writeln!(text, "    # via {}", comment(&via.join(", ")));
    }
    text
}

/// A pin of an index that serves some packages only, as the addresses of the files that the
/// targets install: an index line would offer everything else of that index too.
fn by_address(lock: &Lock, package: &LockedPackage) -> String {
    let mut files = BTreeMap::<&str, (&LockedFile, Vec<usize>)>::new();
    for (position, target) in lock.targets.iter().enumerate() {
        let environment = target.marker_environment();
        let marker = package.marker.as_ref();
        let holds = |marker: &LockMarker| marker.holds(&environment, &Selection::Everything);
        if marker.is_none_or(holds)
            && let Some(file) = package.file_for(target)
        {
            let entry = files.entry(&file.filename);
            entry.or_insert((file, Vec::new())).1.push(position);
        }
    }
    let via = via(lock, package);
    let mut text = String::new();
    for (file, positions) in files.into_values() {
        let (FileLocation::Url(place) | FileLocation::Path(place)) = &file.location;
        let _ = write!(text, "{} @ {place}", package.name);
        if let Some(marker) = targets_marker(positions.into_iter(), &lock.targets) {
            let _ = write!(text, " ; {marker}");
        }
        let _ = writeln!(text, " \\\n    --hash=sha256:{}", file.sha256);
        if !via.is_empty() {
            let _ = writeln!(text, "    # via {}", comment(&via.join(", ")));
        }
    }
    text
}

/// The requiring packages, then the places in the user's files.
fn via(lock: &Lock, package: &LockedPackage) -> Vec<String> {
    let packages = lock.required_by(package);
    let mut via: Vec<String> = packages.into_iter().map(ToString::to_string).collect();
    let mut sites: Vec<String> = Vec::new();
    for origin in &package.evidence.origins {
        let site = origin.site.to_string();
        if !sites.contains(&site) {
            sites.push(site);
        }
    }
    let shown = MAX_SITES.min(sites.len());
    let more = sites.len() - shown;
    via.extend(sites.drain(..shown));
    if more > 0 {
        let places = if more == 1 { "place" } else { "places" };
        via.push(format!("and {more} more {places}"));
    }
    if via.is_empty() && package.evidence.root {
        via.push("your requirement".to_owned());
    }
    via
}

/// More places than these make the line unreadable; `pylock.toml` has them all.
const MAX_SITES: usize = 3;
