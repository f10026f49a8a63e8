//! Pins as `pip-compile` and `uv pip compile` write them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pinsmith_resolver::{PackageName, Resolution, ResolvedPackage, Sha256, Target, Version};

use crate::escape::comment;
use crate::lock::{Direct, DirectSources, targets_marker};
use crate::requirements::{GENERATED_HEADER_PREFIX, Manifest};

/// What stands in the file besides the pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinStyle {
    /// A header with the command that makes the file again.
    pub header: bool,
    /// Who needs each pin; `None` is not to say.
    pub annotations: Option<Annotations>,
    /// The extras of each pin, as in `uvicorn[standard]==0.30.0`.
    pub extras: bool,
    /// A sha256 for every file that a target can install.
    pub hashes: bool,
}

impl Default for PinStyle {
    fn default() -> Self {
        Self {
            header: true,
            annotations: Some(Annotations::Split),
            extras: false,
            hashes: false,
        }
    }
}

/// How is said who needs a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotations {
    /// Below the pin, one line each.
    Split,
    /// Behind the pin.
    Line,
}

/// What is said once: a version of a project from one place, with the targets that have it.
type Joined<'a> = BTreeMap<
    (
        &'a PackageName,
        &'a Version,
        Option<&'a Direct>,
        Option<&'a str>,
    ),
    Vec<(usize, &'a ResolvedPackage)>,
>;

/// Renders `name==version` lines with markers where the targets differ, each with who needs it.
///
/// ```text
/// # made by pinsmith; run again with:
/// #     pinsmith compile requirements.in
/// six==1.17.0
///     # via python-dateutil
/// ```
///
/// `indexes` are those that everything comes from; what is from another one, which serves some
/// packages only, stands with its address. None means that there are no others.
pub fn pins(
    resolutions: &[Resolution],
    direct: &DirectSources,
    indexes: &BTreeSet<String>,
    manifest: &Manifest,
    command: &str,
    style: PinStyle,
) -> String {
    let mut text = String::new();
    if style.header {
        let _ = writeln!(
            text,
            "{GENERATED_HEADER_PREFIX}; run again with:\n#     {}",
            comment(command)
        );
    }
    let all: Vec<Target> = resolutions.iter().map(|one| one.target.clone()).collect();
    let mut joined = Joined::new();
    for (position, resolution) in resolutions.iter().enumerate() {
        for package in &resolution.packages {
            let own = direct.get(&resolution.target);
            let own = own.and_then(|own| own.get(&package.name));
            let address = address(package, indexes);
            let key = (&package.name, &package.version, own, address);
            joined.entry(key).or_default().push((position, package));
        }
    }
    for ((name, version, direct, address), entries) in &joined {
        let places = entries.iter().map(|(position, _)| *position);
        let marker = targets_marker(places, &all);
        let packages: Vec<&ResolvedPackage> = entries.iter().map(|(_, package)| *package).collect();
        let extras = if style.extras {
            extras(&packages)
        } else {
            String::new()
        };
        let mut pin = match (direct, address) {
            (Some(direct), _) => direct.source.requirement(name, &extras),
            (None, Some(address)) => format!("{name}{extras} @ {address}"),
            (None, None) => format!("{name}{extras}=={version}"),
        };
        if let Some(marker) = marker {
            let _ = write!(pin, " ; {marker}");
        }
        if style.hashes {
            for hash in hashes(&packages, address.is_some()) {
                let _ = write!(pin, " \\\n    --hash=sha256:{hash}");
            }
        }
        let via = via(&packages, manifest, name);
        text.push_str(&annotated(&pin, &via, style));
    }
    text
}

fn extras(packages: &[&ResolvedPackage]) -> String {
    let extras: BTreeSet<String> = packages
        .iter()
        .flat_map(|package| package.extras.iter().map(ToString::to_string))
        .collect();
    if extras.is_empty() {
        return String::new();
    }
    format!("[{}]", extras.into_iter().collect::<Vec<_>>().join(","))
}

/// The address of the file that the target installs, where its index serves some packages only.
fn address<'p>(package: &'p ResolvedPackage, indexes: &BTreeSet<String>) -> Option<&'p str> {
    let index = package.index.as_ref();
    let known = indexes.is_empty() || index.is_empty() || indexes.contains(index);
    let file = package.files.first().filter(|_| !known)?;
    Some(&file.url)
}

fn hashes(packages: &[&ResolvedPackage], first_only: bool) -> BTreeSet<Sha256> {
    let wanted = if first_only { 1 } else { usize::MAX };
    let files = packages
        .iter()
        .flat_map(|package| package.files.iter().take(wanted));
    files.filter_map(|file| file.sha256).collect()
}

/// The requiring packages, then the files that ask for the project directly, as `-r FILE`.
fn via(packages: &[&ResolvedPackage], manifest: &Manifest, name: &PackageName) -> Vec<String> {
    let requiring: BTreeSet<&PackageName> = packages
        .iter()
        .flat_map(|package| &package.required_by)
        .collect();
    let asking = manifest.requirements.iter();
    let files: BTreeSet<String> = asking
        .filter(|asking| asking.requirement.name == *name)
        .flat_map(|asking| &asking.origins)
        .map(|origin| format!("-r {}", origin.site.file))
        .collect();
    let requiring = requiring.into_iter().map(ToString::to_string);
    requiring.chain(files).collect()
}

fn annotated(pin: &str, via: &[String], style: PinStyle) -> String {
    let lines = pin.contains('\n');
    match (style.annotations, via) {
        (None, _) | (_, []) => format!("{pin}\n"),
        (Some(Annotations::Line), via) if !lines => {
            format!("{pin:<24}  # via {}\n", comment(&via.join(", ")))
        }
        (Some(Annotations::Line), via) => {
            format!("{pin}\n    # via {}\n", comment(&via.join(", ")))
        }
        (Some(Annotations::Split), [only]) => format!("{pin}\n    # via {}\n", comment(only)),
        (Some(Annotations::Split), many) => {
            let mut text = format!("{pin}\n    # via\n");
            for line in many {
                let _ = writeln!(text, "    #   {}", comment(line));
            }
            text
        }
    }
}
