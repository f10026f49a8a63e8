//! Reading a `pylock.toml` (PEP 751), pinsmith's own and those of other tools.

mod direct;
mod file;
mod raw;
mod tool;

use std::collections::BTreeSet;

use pinsmith_resolver::{ExtraName, PackageName, Version, VersionSpecifiers};

pub use file::filename_of as file_name_of;

use super::error::{DIRECT_SOURCE, NEWER_MINOR};
use super::{Dependency, Lock, LockError, LockMarker, LockedPackage, without_credentials};
use crate::diagnostic::Diagnostic;
use crate::escape;
use raw::{RawLock, RawPackage};

/// Largest lock file that is read, in bytes. The largest real ones have about 2 MB.
pub const MAX_LOCK_BYTES: usize = 32 * 1024 * 1024;

/// Most packages that a lock file may have.
pub const MAX_LOCK_PACKAGES: usize = 20_000;

/// A lock that was read, and what could not be taken from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLock {
    /// The lock.
    pub lock: Lock,
    /// The tool that wrote it (`created-by`), made visible.
    pub created_by: String,
    /// What a person should know. An error among them says that the lock has packages that
    /// pinsmith cannot install; as a source of preferences it is still good.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the text of a `pylock.toml`.
///
/// Strict: a file that breaks PEP 751, names a path outside its folder, or has a file without
/// sha256 is refused as a whole, because whoever installs from it relies on all of it. Keys that
/// PEP 751 does not know are ignored, as it demands.
///
/// ```
/// let text = r#"
/// lock-version = "1.0"
/// created-by = "someone"
/// packages = []
/// "#;
/// let read = pinsmith::lock::read(text)?;
/// assert!(read.lock.packages.is_empty());
/// # Ok::<(), pinsmith::lock::LockError>(())
/// ```
///
/// # Errors
///
/// [`LockError`] names the key or line and what is wrong there.
pub fn read(text: &str) -> Result<ReadLock, LockError> {
    if text.len() > MAX_LOCK_BYTES {
        let reason = format!("the file is larger than {MAX_LOCK_BYTES} bytes");
        return Err(LockError::invalid("lock file", reason));
    }
    let mut diagnostics = Vec::new();
    diagnostics.extend(raw::check_version(text)?);
    let raw: RawLock = raw::parse(text)?;
    if raw.packages.len() > MAX_LOCK_PACKAGES {
        let reason = format!("there are more than {MAX_LOCK_PACKAGES}");
        return Err(LockError::invalid("packages", reason));
    }
    let own = tool::read_lock(raw.tool.as_ref().and_then(|tool| tool.pinsmith.as_ref()))?;
    let environments = raw.environments.iter().enumerate().map(|(index, text)| {
        LockMarker::new(text).map_err(|error| {
            LockError::invalid(format!("environments[{index}]"), error.to_string())
        })
    });
    let mut packages = Vec::with_capacity(raw.packages.len());
    for (index, package) in raw.packages.iter().enumerate() {
        let place = format!("packages[{index}]");
        match read_package(&place, package)? {
            Ok(package) => packages.push(package),
            Err(finding) => diagnostics.push(finding),
        }
    }
    packages
        .sort_by(|a, b| (&a.name, &a.version, &a.marker).cmp(&(&b.name, &b.version, &b.marker)));
    check_unambiguous(&packages)?;
    let lock = Lock {
        targets: own.targets,
        environments: environments.collect::<Result<_, _>>()?,
        requires_python: specifiers("requires-python", raw.requires_python.as_deref())?,
        extras: names("extras", &raw.extras)?,
        groups: names("dependency-groups", &raw.dependency_groups)?,
        as_of: own.as_of,
        as_of_packages: own.as_of_packages,
        packages,
    };
    Ok(ReadLock {
        lock,
        created_by: escape::visible(&raw.created_by).into_owned(),
        diagnostics,
    })
}

/// Names of extras or groups in their normal form, ordered.
fn names(place: &str, texts: &[String]) -> Result<Vec<String>, LockError> {
    let names = texts.iter().map(|text| {
        let name = ExtraName::new(text.clone()).map_err(|_| {
            let shown = escape::visible(text);
            LockError::invalid(place, format!("`{shown}` is no name"))
        })?;
        Ok(name.to_string())
    });
    let names: BTreeSet<String> = names.collect::<Result<_, LockError>>()?;
    Ok(names.into_iter().collect())
}

/// The inner error is a package that is no index package; the outer one ends the reading.
fn read_package(
    place: &str,
    raw: &RawPackage,
) -> Result<Result<LockedPackage, Diagnostic>, LockError> {
    let name = package_name(place, &raw.name)?;
    let place = format!("{place} ({name})");
    let has_files = raw.sdist.is_some() || !raw.wheels.is_empty();
    if let Some(kind) = raw.direct_source().filter(|_| has_files) {
        let reason = format!("it has both `{kind}` and files of an index");
        return Err(LockError::invalid(place, reason));
    }
    let direct = match raw
        .direct_source()
        .map(|kind| (kind, direct::read_direct(kind, raw)))
    {
        Some((kind, Err(reason))) => {
            let message =
                format!("`{name}` is locked as `{kind}` and cannot be installed: {reason}");
            return Ok(Err(Diagnostic::error(DIRECT_SOURCE, message)
                .help("install it by hand, or ask for a released version")));
        }
        Some((_, Ok(direct))) => Some(direct),
        None => None,
    };
    let version = match &raw.version {
        Some(version) => Some(parse_version(&place, version)?),
        None => None,
    };
    let (direct, files) = match direct {
        Some((direct, files)) => (Some(direct), files),
        None => (
            None,
            file::read_files(&place, &name, version.as_ref(), raw)?,
        ),
    };
    // PEP 751 lets the version out; the files then agree on one, which `read_files` checks, and
    // what is built has none before.
    let version = version
        .or_else(|| file::version_of(&name, &files))
        .or_else(|| direct.as_ref().map(|_| Version::new([0])))
        .ok_or_else(|| LockError::invalid(place.clone(), "it has no version"))?;
    let marker = raw.marker.as_deref().map(LockMarker::new).transpose();
    let marker =
        marker.map_err(|error| LockError::invalid(format!("{place}.marker"), error.to_string()))?;
    let index = raw.index.as_deref().map(|index| {
        Some(index)
            .filter(|index| escape::is_plain(index))
            .and_then(without_credentials)
            .ok_or_else(|| LockError::invalid(format!("{place}.index"), "it is no http(s) address"))
    });
    let own = raw.tool.as_ref().and_then(|tool| tool.pinsmith.as_ref());
    Ok(Ok(LockedPackage {
        marker,
        requires_python: specifiers(
            &format!("{place}.requires-python"),
            raw.requires_python.as_deref(),
        )?,
        dependencies: dependencies(&place, raw)?,
        index: index.transpose()?,
        direct,
        files,
        evidence: tool::read_evidence(&place, own)?,
        name,
        version,
    }))
}

fn dependencies(place: &str, raw: &RawPackage) -> Result<Vec<Dependency>, LockError> {
    let mut dependencies = Vec::with_capacity(raw.dependencies.len());
    for (index, dependency) in raw.dependencies.iter().enumerate() {
        let place = format!("{place}.dependencies[{index}]");
        // PEP 751 allows any keys that tell entries apart; one without a name tells us nothing.
        let Some(name) = &dependency.name else {
            continue;
        };
        let version = dependency.version.as_deref();
        dependencies.push(Dependency {
            name: package_name(&place, name)?,
            version: version
                .map(|text| parse_version(&place, text))
                .transpose()?,
        });
    }
    dependencies.sort();
    dependencies.dedup();
    Ok(dependencies)
}

/// Entries of one name need markers, or an installer cannot choose between them (PEP 751).
fn check_unambiguous(packages: &[LockedPackage]) -> Result<(), LockError> {
    for pair in packages.windows(2) {
        let alike = pair[0].name == pair[1].name && pair[0].marker == pair[1].marker;
        if alike
            || (pair[0].name == pair[1].name && pair.iter().any(|entry| entry.marker.is_none()))
        {
            return Err(LockError::DuplicatePackage {
                package: pair[0].name.to_string(),
            });
        }
    }
    Ok(())
}

/// A normalised name; PEP 751 demands that it is written so.
fn package_name(place: &str, text: &str) -> Result<PackageName, LockError> {
    PackageName::new(text.to_owned())
        .ok()
        .filter(|name| name.as_ref() == text)
        .ok_or_else(|| {
            let shown = escape::visible(text);
            LockError::invalid(place, format!("`{shown}` is not a normalised package name"))
        })
}

fn parse_version(place: &str, text: &str) -> Result<Version, LockError> {
    text.parse().map_err(|_| {
        let shown = escape::visible(text);
        LockError::invalid(place, format!("`{shown}` is not a version (PEP 440)"))
    })
}

fn specifiers(place: &str, text: Option<&str>) -> Result<Option<VersionSpecifiers>, LockError> {
    text.map(|text| {
        text.parse().map_err(|_| {
            let shown = escape::visible(text);
            LockError::invalid(
                place,
                format!("`{shown}` is not a version specifier (PEP 440)"),
            )
        })
    })
    .transpose()
}

/// The warning for a newer minor version of the format.
fn newer_minor(version: &str) -> Diagnostic {
    let message = format!("lock-version {version} is newer than 1.0; what it adds is not seen");
    Diagnostic::warning(NEWER_MINOR, message).help("use a newer pinsmith")
}

#[cfg(test)]
mod tests;
