//! Resolutions and the manifest become a [`Lock`].

mod needs;

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{
    ExtraName, FileKind, HeldBackBy, PackageName, ReleaseFile, Resolution, ResolvedPackage, Target,
    Timestamp, Trust, Version, VersionSpecifiers,
};

use self::needs::needs;
use super::error::files_left_out;
use super::marker::{Need, marker_for};
use super::{
    Dependency, Direct, DirectSource, DirectSources, Evidence, FileLocation, Lock, LockError,
    LockedFile, LockedFileKind, LockedPackage, environment_marker, without_credentials,
};
use crate::diagnostic::Diagnostic;
use crate::escape;
use crate::requirements::{Manifest, Origin};
use crate::scan::Site;

/// What a lock says beyond the resolutions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockOptions {
    /// Groups that were resolved together with the runtime requirements.
    pub groups: Vec<String>,
    /// The instant that the index was seen at, when the user gave one.
    pub as_of: Option<Timestamp>,
    /// The instants of single packages, in place of that one.
    pub as_of_packages: BTreeMap<PackageName, Timestamp>,
    /// Where the pins come from that come from no index.
    pub direct: DirectSources,
    /// The indexes that everything comes from; others serve some packages only. Empty when there are
    /// no others.
    pub indexes: BTreeSet<String>,
}

impl LockOptions {
    /// The index of a pin, where it serves some packages only.
    fn explicit<'p>(&self, package: &'p ResolvedPackage) -> Option<&'p str> {
        let index = package.index.as_ref();
        let known = self.indexes.is_empty() || index.is_empty() || self.indexes.contains(index);
        (!known).then_some(index)
    }
}

/// A lock and what a person should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The lock.
    pub lock: Lock,
    /// Files that were left out, and the like.
    pub diagnostics: Vec<Diagnostic>,
}

/// Most targets of one lock.
pub const MAX_TARGETS: usize = 128;

/// One pin while the targets are joined: everything that they say about it.
type Joined<'a> = BTreeMap<
    (
        &'a PackageName,
        &'a Version,
        Option<&'a Direct>,
        Option<&'a str>,
    ),
    Vec<(&'a Target, &'a ResolvedPackage)>,
>;

impl Lock {
    /// Joins the resolutions of all targets into one lock.
    ///
    /// Pins merge where the targets agree, and get markers where they do not. Every package keeps
    /// the origins that the manifest has for it.
    ///
    /// # Errors
    ///
    /// When a package has no file with a sha256, when the index gave names that could break an
    /// output, when there is no resolution, or when two targets differ only in what no marker can
    /// express.
    pub fn from_resolutions(
        resolutions: &[Resolution],
        manifest: &Manifest,
        options: &LockOptions,
    ) -> Result<Locked, LockError> {
        let targets = targets(resolutions)?;
        let mut joined = Joined::new();
        for resolution in resolutions {
            for package in &resolution.packages {
                let direct = options.direct.get(&resolution.target);
                let direct = direct.and_then(|direct| direct.get(&package.name));
                let explicit = options.explicit(package);
                let key = (&package.name, &package.version, direct, explicit);
                joined
                    .entry(key)
                    .or_default()
                    .push((&resolution.target, package));
            }
        }
        let dependencies = dependencies(resolutions);
        let origins = origins(manifest, &options.groups);
        let needs: BTreeMap<&Target, BTreeMap<&PackageName, Need>> = resolutions
            .iter()
            .map(|resolution| (&resolution.target, needs(resolution, manifest, options)))
            .collect();
        let (extras, groups) = names_of_groups(manifest, options)?;
        let mut diagnostics = Vec::new();
        let mut unhashed = Vec::new();
        let mut packages = Vec::new();
        for ((name, version, direct, explicit), entries) in &joined {
            let has_file =
                direct.is_none_or(|direct| matches!(direct.source, DirectSource::Archive { .. }));
            let (files, without_hash) = if has_file {
                files(name, entries)?
            } else {
                (Vec::new(), Vec::new())
            };
            if let Some(direct) = direct {
                check_plain(name, "the address", &direct.source.address())?;
            }
            let pin = format!("{name}=={version}");
            if files.is_empty() && has_file {
                unhashed.push(pin);
                continue;
            }
            if !without_hash.is_empty() {
                diagnostics.push(files_left_out(&pin, &without_hash));
            }
            let wanted: Vec<(usize, &Need)> = entries
                .iter()
                .filter_map(|(target, _)| {
                    let position = targets.binary_search(target).ok()?;
                    Some((position, needs[target].get(*name).unwrap_or(&Need::Always)))
                })
                .collect();
            packages.push(LockedPackage {
                name: (*name).clone(),
                version: (*version).clone(),
                marker: marker_for(&wanted, &targets),
                requires_python: common_requires_python(entries),
                dependencies: dependencies
                    .get(&(*name, *version))
                    .map(|found| found.iter().cloned().collect())
                    .unwrap_or_default(),
                index: index(name, entries)?,
                direct: direct.cloned(),
                files,
                evidence: Evidence {
                    explicit_index: explicit.is_some(),
                    ..evidence(entries, origins.get(*name).map_or(&[], Vec::as_slice))
                },
            });
        }
        if !unhashed.is_empty() {
            return Err(LockError::MissingHash { pins: unhashed });
        }
        let lock = Self {
            environments: targets.iter().map(environment_marker).collect(),
            requires_python: requires_python(&targets),
            extras,
            groups,
            as_of: options.as_of,
            as_of_packages: options.as_of_packages.clone(),
            targets,
            packages,
        };
        Ok(Locked { lock, diagnostics })
    }
}

/// The extras and the dependency groups among what was asked for.
///
/// They stand in markers, so only names that PEP 685 and PEP 735 allow are taken.
fn names_of_groups(
    manifest: &Manifest,
    options: &LockOptions,
) -> Result<(Vec<String>, Vec<String>), LockError> {
    for group in &options.groups {
        let normal = ExtraName::new(group.clone()).map(|name| name.to_string());
        if normal.as_ref() != Ok(group) {
            return Err(LockError::UnsafeName {
                package: "dependency-groups".to_owned(),
                what: "the name of a group",
                text: escape::visible(group).into_owned(),
            });
        }
    }
    let all = || options.groups.iter().cloned();
    let is_extra = |group: &String| manifest.extras.contains(group);
    let is_group = |group: &String| !is_extra(group) || manifest.dependency_groups.contains(group);
    Ok((
        sorted(all().filter(is_extra)),
        sorted(all().filter(is_group)),
    ))
}

fn sorted<T: Ord>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    values
        .into_iter()
        .collect::<BTreeSet<T>>()
        .into_iter()
        .collect()
}

fn targets(resolutions: &[Resolution]) -> Result<Vec<Target>, LockError> {
    let targets = sorted(
        resolutions
            .iter()
            .map(|resolution| resolution.target.clone()),
    );
    if targets.is_empty() {
        return Err(LockError::NoTarget);
    }
    if targets.len() > MAX_TARGETS {
        return Err(LockError::TooManyTargets {
            number: targets.len(),
        });
    }
    let mut seen = BTreeMap::new();
    for target in &targets {
        if let Some(other) = seen.insert(environment_marker(target), target) {
            return Err(LockError::TargetsAlike {
                first: other.to_string(),
                second: target.to_string(),
            });
        }
    }
    Ok(targets)
}

/// `==3.11.*` for one minor, `>=3.10,<3.13` for several.
fn requires_python(targets: &[Target]) -> Option<VersionSpecifiers> {
    let minors = || targets.iter().map(|target| target.python.minor_pair());
    let ((low_major, low), (high_major, high)) = (minors().min()?, minors().max()?);
    let text = if (low_major, low) == (high_major, high) {
        format!("=={low_major}.{low}.*")
    } else {
        format!(">={low_major}.{low},<{high_major}.{}", u16::from(high) + 1)
    };
    text.parse().ok()
}

/// Edges of all targets; the version is named where a name alone would be ambiguous.
fn dependencies(
    resolutions: &[Resolution],
) -> BTreeMap<(&PackageName, &Version), BTreeSet<Dependency>> {
    let mut versions: BTreeMap<&PackageName, BTreeSet<&Version>> = BTreeMap::new();
    for package in resolutions
        .iter()
        .flat_map(|resolution| &resolution.packages)
    {
        versions
            .entry(&package.name)
            .or_default()
            .insert(&package.version);
    }
    let dependency = |package: &ResolvedPackage| Dependency {
        name: package.name.clone(),
        version: (versions.get(&package.name).map_or(0, BTreeSet::len) > 1)
            .then(|| package.version.clone()),
    };
    let mut edges: BTreeMap<_, BTreeSet<Dependency>> = BTreeMap::new();
    for resolution in resolutions {
        let by_name: BTreeMap<&PackageName, &ResolvedPackage> = resolution
            .packages
            .iter()
            .map(|package| (&package.name, package))
            .collect();
        let mut edge = |from: &PackageName, to: &PackageName| {
            let found = by_name.get_key_value(from).zip(by_name.get(to));
            if let Some(((name, from), to)) = found.filter(|_| from != to) {
                let key = (*name, &from.version);
                edges.entry(key).or_default().insert(dependency(to));
            }
        };
        for package in &resolution.packages {
            for name in &package.requires {
                edge(&package.name, name);
            }
            for name in &package.required_by {
                edge(name, &package.name);
            }
        }
    }
    edges
}

fn origins<'a>(
    manifest: &'a Manifest,
    groups: &[String],
) -> BTreeMap<&'a PackageName, Vec<Origin>> {
    let mut origins: BTreeMap<&PackageName, BTreeSet<Origin>> = BTreeMap::new();
    for requirement in &manifest.requirements {
        let counts = requirement
            .group
            .as_ref()
            .is_none_or(|group| groups.contains(group));
        if counts {
            let visible = requirement.origins.iter().map(|origin| Origin {
                kind: origin.kind,
                site: Site {
                    file: escape::visible(&origin.site.file).into_owned(),
                    ..origin.site.clone()
                },
            });
            origins
                .entry(&requirement.requirement.name)
                .or_default()
                .extend(visible);
        }
    }
    origins
        .into_iter()
        .map(|(name, origins)| (name, origins.into_iter().collect()))
        .collect()
}

/// The files that can be locked, by name, and the names of those that have no sha256.
fn files(
    name: &PackageName,
    entries: &[(&Target, &ResolvedPackage)],
) -> Result<(Vec<LockedFile>, Vec<String>), LockError> {
    let mut locked = BTreeMap::new();
    let mut without_hash = BTreeSet::new();
    for file in entries.iter().flat_map(|(_, package)| &package.files) {
        check_plain(name, "a file name", &file.filename)?;
        if file.filename.contains(['/', '\\']) {
            return Err(unsafe_name(name, "a file name", &file.filename));
        }
        match locked_file(name, file)? {
            Some(file) => drop(locked.insert(file.filename.clone(), file)),
            None => drop(without_hash.insert(file.filename.clone())),
        }
    }
    // PEP 751 has room for one sdist; old releases have a `.tar.gz` and a `.zip`.
    let mut has_sdist = false;
    let keep = |file: &LockedFile| {
        file.kind != LockedFileKind::Sdist || !std::mem::replace(&mut has_sdist, true)
    };
    let mut locked: Vec<LockedFile> = locked.into_values().collect();
    locked.retain(keep);
    Ok((locked, without_hash.into_iter().collect()))
}

fn locked_file(name: &PackageName, file: &ReleaseFile) -> Result<Option<LockedFile>, LockError> {
    let Some(sha256) = file.sha256 else {
        return Ok(None);
    };
    check_plain(name, "the address of a file", &file.url)?;
    let url = without_credentials(&file.url)
        .ok_or_else(|| unsafe_name(name, "the address of a file", &file.url))?;
    Ok(Some(LockedFile {
        filename: file.filename.clone(),
        kind: match &file.kind {
            FileKind::Wheel(wheel) => LockedFileKind::Wheel(wheel.clone()),
            FileKind::Sdist => LockedFileKind::Sdist,
        },
        location: FileLocation::Url(url),
        size: file.size,
        uploaded: file.uploaded,
        sha256,
    }))
}

/// The index of the first target that names one; accelerators serve different local versions, so
/// equal pins come from one index.
fn index(
    name: &PackageName,
    entries: &[(&Target, &ResolvedPackage)],
) -> Result<Option<String>, LockError> {
    let mut found = entries.iter().map(|(_, package)| &package.index);
    let Some(index) = found.find(|index| !index.is_empty()) else {
        return Ok(None);
    };
    check_plain(name, "the index", index)?;
    without_credentials(index)
        .map(Some)
        .ok_or_else(|| unsafe_name(name, "the index", index))
}

fn check_plain(name: &PackageName, what: &'static str, text: &str) -> Result<(), LockError> {
    if !text.is_empty() && escape::is_plain(text) && !text.contains(char::is_whitespace) {
        return Ok(());
    }
    Err(unsafe_name(name, what, text))
}

fn unsafe_name(name: &PackageName, what: &'static str, text: &str) -> LockError {
    LockError::UnsafeName {
        package: name.to_string(),
        what,
        text: escape::visible(&without_credentials(text).unwrap_or_else(|| text.to_owned()))
            .into_owned(),
    }
}

fn common_requires_python(entries: &[(&Target, &ResolvedPackage)]) -> Option<VersionSpecifiers> {
    let mut found = entries
        .iter()
        .flat_map(|(_, package)| &package.files)
        .map(|file| &file.requires_python);
    let first = found.next()?;
    found.all(|other| other == first).then(|| first.clone())?
}

/// The same reason with texts from outside made visible.
fn visible(held: &HeldBackBy) -> HeldBackBy {
    let shown = |text: &str| escape::visible(text).into_owned();
    match held {
        HeldBackBy::User { specifier } => HeldBackBy::User {
            specifier: shown(specifier),
        },
        HeldBackBy::Requirement {
            package,
            version,
            specifier,
        } => HeldBackBy::Requirement {
            package: package.clone(),
            version: version.clone(),
            specifier: shown(specifier),
        },
        HeldBackBy::OwnRequirement {
            requires,
            package,
            version,
        } => HeldBackBy::OwnRequirement {
            requires: shown(requires),
            package: package.clone(),
            version: version.clone(),
        },
        HeldBackBy::Lock | HeldBackBy::OtherTargets => held.clone(),
        HeldBackBy::Unusable { reason } => HeldBackBy::Unusable {
            reason: shown(reason),
        },
    }
}

fn evidence(entries: &[(&Target, &ResolvedPackage)], origins: &[Origin]) -> Evidence {
    let packages = || entries.iter().map(|(_, package)| *package);
    Evidence {
        root: packages().any(|package| package.root),
        extras: sorted(packages().flat_map(|package| package.extras.iter().cloned())),
        origins: origins.to_vec(),
        lag_days: packages().filter_map(|package| package.lag_days).max(),
        newest: packages()
            .filter_map(|package| package.newest.clone())
            .max(),
        held_back_by: sorted(
            packages().flat_map(|package| package.held_back_by.iter().map(visible)),
        ),
        trust: packages()
            .map(|package| package.trust)
            .max()
            .unwrap_or(Trust::Static),
        explicit_index: false,
    }
}

#[cfg(test)]
mod tests;
