//! What a resolution is, in a few lines for people.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{HeldBackBy, PackageName, Resolution, ResolvedPackage, Target, Version};

use super::args::UpgradeArgs;
use super::source::count;
use super::targets::Before;

/// How many packages for which targets.
pub(super) fn locked(resolutions: &[Resolution]) -> String {
    let mut names = BTreeMap::<&PackageName, bool>::new();
    for package in resolutions.iter().flat_map(|answer| &answer.packages) {
        *names.entry(&package.name).or_default() |= package.root;
    }
    let roots = names.values().filter(|root| **root).count();
    let targets = match resolutions {
        [only] => only.target.to_string(),
        several => {
            let pythons: BTreeSet<String> = several
                .iter()
                .map(|answer| answer.target.python.to_string())
                .collect();
            let platforms: BTreeSet<&str> = several
                .iter()
                .map(|answer| answer.target.platform.as_str())
                .collect();
            let pythons: Vec<String> = pythons.into_iter().collect();
            let platforms: Vec<&str> = platforms.into_iter().collect();
            let targets = count(several.len(), "target");
            format!(
                "{targets}: Python {} on {}",
                pythons.join(", "),
                platforms.join(", ")
            )
        }
    };
    format!(
        "{} ({roots} direct) for {targets}",
        count(names.len(), "distribution")
    )
}

/// How many pins of the lock that was there stay, when some of them are behind.
pub(super) fn kept(
    resolutions: &[Resolution],
    before: &Before,
    upgrade: &UpgradeArgs,
) -> Option<String> {
    let mut stay = BTreeSet::new();
    let mut behind = BTreeMap::<&PackageName, u32>::new();
    for resolution in resolutions {
        let preferences = before.kept_on(&resolution.target, upgrade);
        for package in &resolution.packages {
            if preferences.get(&package.name) != Some(&package.version) {
                continue;
            }
            stay.insert(&package.name);
            if package.held_back_by.contains(&HeldBackBy::Lock) {
                let days = behind.entry(&package.name).or_default();
                *days = (*days).max(package.lag_days.unwrap_or(0));
            }
        }
    }
    let furthest = behind
        .iter()
        .max_by_key(|(name, days)| (**days, std::cmp::Reverse(*name)));
    let (name, days) = furthest?;
    let number = match behind.len() {
        1 => "1 is".to_owned(),
        number => format!("{number} are"),
    };
    Some(format!(
        "{} of {}; {number} behind, {name} by {days} days; renew with --upgrade",
        count(stay.len(), "pin"),
        before.file
    ))
}

/// Packages in which the targets differ, and why the older version is not the newer one.
pub(super) fn differences(resolutions: &[Resolution]) -> Vec<String> {
    let mut versions = BTreeMap::<&PackageName, BTreeMap<&Version, Vec<&Target>>>::new();
    for resolution in resolutions {
        for package in &resolution.packages {
            let of_package = versions.entry(&package.name).or_default();
            of_package
                .entry(&package.version)
                .or_default()
                .push(&resolution.target);
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    let lines = versions.iter().map(|(name, versions)| {
        let most = versions.values().map(Vec::len).max().unwrap_or(0);
        let usual = versions
            .iter()
            .rev()
            .find(|(_, targets)| targets.len() == most);
        let usual = usual.map(|(version, _)| *version);
        let mut parts = Vec::new();
        for (version, targets) in versions
            .iter()
            .filter(|(version, _)| Some(**version) != usual)
        {
            let place = if targets.len() <= SHOWN_TARGETS {
                let shown = targets
                    .iter()
                    .map(|t| format!("Python {} on {}", t.python, t.platform));
                shown.collect::<Vec<_>>().join(", ")
            } else {
                count(targets.len(), "target")
            };
            let reason = reason(resolutions, name, version);
            parts.push(format!("{version} for {place}{reason}"));
        }
        let usual = usual.map(ToString::to_string).unwrap_or_default();
        format!("{name} is {}, else {usual}", parts.join("; "))
    });
    lines.collect()
}

/// Targets that are named one by one.
const SHOWN_TARGETS: usize = 3;

/// Why a target with this version has not got a newer one that another target has.
fn reason(resolutions: &[Resolution], name: &PackageName, version: &Version) -> String {
    let mut with = resolutions.iter().flat_map(|answer| &answer.differs);
    let found = with.find(|one| one.name == *name && one.pinned == *version);
    found.map_or_else(String::new, |one| {
        format!(" ({}: {})", one.version, one.reason)
    })
}

/// How far the pins are behind the newest releases, with the direct ones that are, and why.
pub(super) fn freshness(resolutions: &[Resolution], dated_back: bool) -> Vec<String> {
    let packages = || resolutions.iter().flat_map(|answer| &answer.packages);
    let behind =
        packages().filter(|package| package.root && package.lag_days.is_some_and(|lag| lag > 0));
    // what only the user holds back is no news, and an old repository pins all it has
    let (own, others): (Vec<_>, Vec<_>) = behind.partition(|package| only_the_user_holds(package));
    let line = |package: &ResolvedPackage| format!("{}{}", distance(package), held_back(package));
    let mut lines: BTreeSet<String> = others.into_iter().map(line).collect();
    let own: BTreeMap<_, _> = own.into_iter().map(|one| (&one.name, one)).collect();
    if own.len() <= SHOWN_OWN {
        lines.extend(own.into_values().map(line));
        if !lines.is_empty() {
            return lines.into_iter().collect();
        }
    } else {
        let lag = |one: &&&ResolvedPackage| one.lag_days;
        let furthest = own.values().max_by_key(lag).map(|one| distance(one));
        let own = format!(
            "{} direct requirements are held back by your own bounds alone; {}",
            own.len(),
            furthest.unwrap_or_default()
        );
        return lines.into_iter().chain([own]).collect();
    }
    let mut lags = packages().map(|package| package.lag_days);
    let text = if packages().next().is_none() {
        "nothing is required"
    } else if !lags.any(|lag| lag.is_some()) {
        "unknown, since the index gives no upload times"
    } else if dated_back {
        "every direct requirement is at what was its newest release then"
    } else {
        "every direct requirement is at its newest release"
    };
    vec![text.to_owned()]
}

/// Direct requirements behind their own bounds that are named one by one.
const SHOWN_OWN: usize = 5;

fn only_the_user_holds(package: &ResolvedPackage) -> bool {
    let own = |reason: &HeldBackBy| matches!(reason, HeldBackBy::User { .. });
    !package.held_back_by.is_empty() && package.held_back_by.iter().all(own)
}

/// `six==1.11.0 is 2634 days behind 1.17.0`
fn distance(package: &ResolvedPackage) -> String {
    let lag = package.lag_days.unwrap_or(0);
    let newest = package.newest.as_ref().map(ToString::to_string);
    format!(
        "{package} is {lag} days behind {}",
        newest.unwrap_or_default()
    )
}

/// What holds a pin back: requirements on it, or else what its newest release wants itself.
fn held_back(package: &ResolvedPackage) -> String {
    let direct = |reason: &&HeldBackBy| {
        matches!(
            reason,
            HeldBackBy::User { .. } | HeldBackBy::Requirement { .. }
        )
    };
    let mut reasons: Vec<&HeldBackBy> = package.held_back_by.iter().filter(direct).collect();
    if reasons.is_empty() {
        reasons = package.held_back_by.iter().collect();
    }
    let more = reasons.len().saturating_sub(SHOWN_REASONS);
    let shown: Vec<String> = reasons
        .iter()
        .take(SHOWN_REASONS)
        .map(ToString::to_string)
        .collect();
    match (shown.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(", held back by {}", shown.join("; ")),
        (false, _) => format!(", held back by {}; and {more} more", shown.join("; ")),
    }
}

/// Reasons that the summary shows of one pin; the lock has them all.
const SHOWN_REASONS: usize = 3;
