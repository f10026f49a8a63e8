//! One lock against what code and declarations ask for.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{
    MarkerEnvironment, PackageName, Requirement, Target, VersionSpecifiers, specifiers_of,
    to_ranges, url_of,
};

use super::{
    LOCK_AGAIN, LOCKED_FOR_OTHER_PYTHON, NOT_LOCKED, NOT_NEEDED, NamedText, OUT_OF_BOUNDS, whole,
};
use crate::diagnostic::Diagnostic;
use crate::lock::{Lock, LockedPackage, Selection};
use crate::requirements::{Manifest, ManifestRequirement, ModuleKind, OriginKind};
use crate::scan::Site;

pub(super) fn findings(manifest: &Manifest, file: NamedText<'_>, lock: &Lock) -> Vec<Diagnostic> {
    let mut found = other_python(manifest, file, lock);
    let wanted: Vec<&ManifestRequirement> = manifest
        .requirements
        .iter()
        .filter(|wanted| {
            let group = wanted.group.as_ref();
            group.is_none_or(|group| lock.groups.contains(group))
        })
        // what has an address of its own is in no lock; the spec knows it
        .filter(|wanted| url_of(&wanted.requirement).is_none())
        .collect();
    for wanted in &wanted {
        found.extend(unanswered(wanted, file, lock));
    }
    for constraint in &manifest.constraints {
        found.extend(out_of_bounds(constraint, lock, &whole(file.name)));
    }
    found.extend(not_needed(manifest, &wanted, file, lock));
    found
}

fn other_python(manifest: &Manifest, file: NamedText<'_>, lock: &Lock) -> Vec<Diagnostic> {
    let Some((specifiers, site)) = &manifest.requires_python else {
        return Vec::new();
    };
    let allowed = to_ranges(specifiers);
    let unfit = |target: &&Target| {
        let version = target.python.full().parse();
        version.is_ok_and(|version| !allowed.contains(&version))
    };
    let targets = lock.targets.iter().filter(unfit);
    targets
        .map(|target| {
            let message = format!(
                "`{}` is for Python {}, and requires-python is `{specifiers}`",
                file.name, target.python
            );
            let other = Diagnostic::error(LOCKED_FOR_OTHER_PYTHON, message).at(site.clone());
            other.help("lock for another Python with `pinsmith lock --python X.Y`")
        })
        .collect()
}

/// A requirement that has no pin on some target, or one outside of its bounds.
fn unanswered(
    wanted: &ManifestRequirement,
    file: NamedText<'_>,
    lock: &Lock,
) -> Option<Diagnostic> {
    let name = &wanted.requirement.name;
    let site = wanted.origins.first().map(|origin| origin.site.clone());
    let site = site.unwrap_or_else(|| whole(file.name));
    let mut missing = lock.targets.iter().filter(|target| {
        let environment = target.marker_environment();
        wanted.requirement.evaluate_markers(&environment, &[])
            && pin(lock, name, &environment).is_none()
    });
    if let Some(target) = missing.next() {
        let declared = wanted
            .origins
            .iter()
            .any(|origin| origin.kind == OriginKind::Declared);
        let how = if declared { "declared" } else { "imported" };
        let on = if lock.targets.len() > 1 {
            format!(" for {target}")
        } else {
            String::new()
        };
        let message = format!("`{name}` is {how} and has no pin in `{}`{on}", file.name);
        return Some(
            Diagnostic::error(NOT_LOCKED, message)
                .at(site)
                .help(LOCK_AGAIN),
        );
    }
    out_of_bounds(&wanted.requirement, lock, &site)
}

/// A pin that a requirement or constraint does not allow, or that lacks one of its extras.
fn out_of_bounds(requirement: &Requirement, lock: &Lock, site: &Site) -> Option<Diagnostic> {
    let name = &requirement.name;
    let specifiers: VersionSpecifiers = specifiers_of(requirement).into_iter().collect();
    let allowed = to_ranges(&specifiers);
    let message = lock.targets.iter().find_map(|target| {
        let environment = target.marker_environment();
        if !requirement.evaluate_markers(&environment, &[]) {
            return None;
        }
        let pin = pin(lock, name, &environment)?;
        if !allowed.contains(&pin.version) {
            return Some(format!(
                "`{}` is locked, and `{name}{specifiers}` is asked for",
                pin.pin()
            ));
        }
        let extras = requirement.extras.iter();
        let extra = extras
            .clone()
            .find(|extra| !pin.evidence.extras.contains(extra))?;
        Some(format!(
            "`{name}` is locked without the extra `{extra}`, which is asked for"
        ))
    })?;
    Some(
        Diagnostic::error(OUT_OF_BOUNDS, message)
            .at(site.clone())
            .help(LOCK_AGAIN),
    )
}

/// The entry of a package that an environment gets.
fn pin<'l>(
    lock: &'l Lock,
    name: &PackageName,
    environment: &MarkerEnvironment,
) -> Option<&'l LockedPackage> {
    lock.entries(name).iter().find(|entry| {
        let marker = entry.marker.as_ref();
        marker.is_none_or(|marker| marker.holds(environment, &Selection::Everything))
    })
}

/// Pins that nothing leads to any more; what only such a pin needs is told with it.
fn not_needed(
    manifest: &Manifest,
    wanted: &[&ManifestRequirement],
    file: NamedText<'_>,
    lock: &Lock,
) -> Vec<Diagnostic> {
    let mut reached: BTreeSet<&PackageName> = BTreeSet::new();
    let roots = wanted.iter().map(|wanted| &wanted.requirement.name);
    let looked_up = lock
        .packages
        .iter()
        .filter(|pin| stands_for_unknown(manifest, pin));
    let mut waiting: Vec<&PackageName> = roots.chain(looked_up.map(|pin| &pin.name)).collect();
    while let Some(name) = waiting.pop() {
        if reached.insert(name) {
            let entries = lock.entries(name).iter();
            waiting.extend(
                entries
                    .flat_map(|pin| &pin.dependencies)
                    .map(|needed| &needed.name),
            );
        }
    }
    let mut idle: BTreeMap<&PackageName, &LockedPackage> = BTreeMap::new();
    for pin in &lock.packages {
        if !reached.contains(&pin.name) {
            idle.entry(&pin.name).or_insert(pin);
        }
    }
    let needed_by_idle = |pin: &LockedPackage| {
        let mut others = lock.required_by(pin).into_iter();
        others.any(|other| idle.contains_key(other))
    };
    let told = idle
        .values()
        .filter(|pin| pin.evidence.root || !needed_by_idle(pin));
    told.map(|pin| {
        let message = format!("`{}` is locked, and nothing needs it any more", pin.pin());
        Diagnostic::error(NOT_NEEDED, message)
            .at(Site {
                line: line_of(file.text.unwrap_or_default(), &pin.name),
                ..whole(file.name)
            })
            .help("run `pinsmith lock`, or declare it if it is needed all the same")
    })
    .collect()
}

/// Whether a pin was found by asking the index about a module that nobody knows, which is not asked
/// again here: the file that imported it still imports something that nobody knows.
fn stands_for_unknown(manifest: &Manifest, pin: &LockedPackage) -> bool {
    let unknown = manifest
        .imports
        .iter()
        .filter(|import| import.kind == ModuleKind::Unresolved);
    let files: BTreeSet<&str> = unknown
        .flat_map(|import| &import.sites)
        .map(|site| site.file.as_str())
        .collect();
    let mut origins = pin.evidence.origins.iter();
    pin.evidence.root
        && origins.any(|origin| {
            origin.kind == OriginKind::Import && files.contains(origin.site.file.as_str())
        })
}

/// The line on which an entry names itself.
fn line_of(text: &str, name: &PackageName) -> u32 {
    let wanted = format!("name = \"{name}\"");
    let mut lines = text.lines().zip(1..);
    lines
        .find(|(line, _)| *line == wanted)
        .map_or(0, |(_, number)| number)
}
