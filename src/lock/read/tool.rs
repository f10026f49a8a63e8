//! What pinsmith itself wrote into `[tool.pinsmith]` and `[packages.tool.pinsmith]`.

use std::collections::BTreeMap;

use pinsmith_resolver::{
    Accelerator, ExtraName, HeldBackBy, PackageName, Platform, PythonVersion, Target, Timestamp,
    Trust,
};

use super::raw::{RawHeldBackBy, RawOrigin, RawOwnLock, RawOwnPackage, RawTarget};
use super::{file::timestamp, package_name, parse_version};
use crate::escape;
use crate::lock::{Evidence, LockError, ORIGIN_KINDS, origin_kind_name};
use crate::requirements::Origin;
use crate::scan::Site;

/// The part of a lock that PEP 751 has no keys for.
#[derive(Default)]
pub(super) struct OwnLock {
    pub(super) targets: Vec<Target>,
    pub(super) as_of: Option<Timestamp>,
    pub(super) as_of_packages: BTreeMap<PackageName, Timestamp>,
}

pub(super) fn read_lock(raw: Option<&RawOwnLock>) -> Result<OwnLock, LockError> {
    let Some(raw) = raw else {
        return Ok(OwnLock::default());
    };
    let as_of = raw.as_of.as_ref();
    let targets = raw
        .targets
        .iter()
        .enumerate()
        .map(|(index, target)| read_target(&format!("tool.pinsmith.targets[{index}]"), target));
    let as_of_packages = raw.as_of_packages.iter().map(|(name, time)| {
        let place = "tool.pinsmith.as-of-packages";
        let wrong =
            |_| LockError::invalid(place, format!("`{}` is no name", escape::visible(name)));
        Ok((name.parse().map_err(wrong)?, timestamp(place, time)?))
    });
    Ok(OwnLock {
        targets: targets.collect::<Result<_, _>>()?,
        as_of: as_of
            .map(|time| timestamp("tool.pinsmith.as-of", time))
            .transpose()?,
        as_of_packages: as_of_packages.collect::<Result<_, _>>()?,
    })
}

fn read_target(place: &str, raw: &RawTarget) -> Result<Target, LockError> {
    let unknown = |error: pinsmith_resolver::TargetParseError| {
        LockError::invalid(place, escape::visible(&error.to_string()))
    };
    let python: PythonVersion = raw.python.parse().map_err(unknown)?;
    let platform: Platform = raw.platform.parse().map_err(unknown)?;
    let floor = match &raw.floor {
        None => platform.default_floor(),
        Some(text) => text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .ok_or_else(|| {
                LockError::invalid(place, format!("`{}` is no floor", escape::visible(text)))
            })?,
    };
    let accelerator = raw.accelerator.parse::<Accelerator>().map_err(|_| {
        let shown = escape::visible(&raw.accelerator);
        LockError::invalid(
            place,
            format!("`{shown}` is no accelerator that this pinsmith knows"),
        )
    })?;
    Ok(Target {
        python,
        platform,
        floor,
        accelerator,
    })
}

pub(super) fn read_evidence(
    place: &str,
    raw: Option<&RawOwnPackage>,
) -> Result<Evidence, LockError> {
    let place = &format!("{place}.tool.pinsmith");
    let Some(raw) = raw else {
        return Ok(Evidence::default());
    };
    let extras = raw.extras.iter().map(|extra| {
        ExtraName::new(extra.clone()).map_err(|_| {
            LockError::invalid(place, format!("`{}` is no extra", escape::visible(extra)))
        })
    });
    Ok(Evidence {
        root: raw.root,
        explicit_index: raw.explicit_index,
        extras: extras.collect::<Result<_, _>>()?,
        origins: raw
            .origins
            .iter()
            .map(|origin| read_origin(place, origin))
            .collect::<Result<_, _>>()?,
        lag_days: raw.lag_days,
        newest: raw
            .newest
            .as_deref()
            .map(|newest| parse_version(place, newest))
            .transpose()?,
        held_back_by: raw
            .held_back_by
            .iter()
            .map(|held| read_held_back_by(place, held))
            .collect::<Result<_, _>>()?,
        trust: match raw.metadata.as_deref() {
            None | Some("static") => Trust::Static,
            Some("built") => Trust::Built,
            Some("guessed") => Trust::Guessed,
            Some(other) => {
                let reason = format!("`{}` is no kind of metadata", escape::visible(other));
                return Err(LockError::invalid(place, reason));
            }
        },
    })
}

fn read_origin(place: &str, raw: &RawOrigin) -> Result<Origin, LockError> {
    let kind = ORIGIN_KINDS
        .into_iter()
        .find(|kind| origin_kind_name(*kind) == raw.kind)
        .ok_or_else(|| {
            let reason = format!("`{}` is no kind of origin", escape::visible(&raw.kind));
            LockError::invalid(place, reason)
        })?;
    Ok(Origin {
        kind,
        site: Site {
            file: visible(&raw.file),
            line: raw.line,
            cell: raw.cell,
        },
    })
}

fn read_held_back_by(place: &str, raw: &RawHeldBackBy) -> Result<HeldBackBy, LockError> {
    let package = match (&raw.package, &raw.version) {
        (Some(name), Some(version)) => {
            Some((package_name(place, name)?, parse_version(place, version)?))
        }
        (None, None) => None,
        _ => {
            let reason = "held-back-by needs both `package` and `version`, or neither";
            return Err(LockError::invalid(place, reason));
        }
    };
    let same_as = match raw.same_as.as_deref() {
        None => None,
        Some("lock") => Some(HeldBackBy::Lock),
        Some("targets") => Some(HeldBackBy::OtherTargets),
        Some(other) => {
            let reason = format!("nothing is the same as `{}`", escape::visible(other));
            return Err(LockError::invalid(place, reason));
        }
    };
    if let Some(same_as) = same_as {
        return Ok(same_as);
    }
    let texts = [&raw.specifier, &raw.requires, &raw.reason];
    match (package, texts.map(|text| text.as_deref().map(visible))) {
        (None, [Some(specifier), None, None]) => Ok(HeldBackBy::User { specifier }),
        (Some((package, version)), [Some(specifier), None, None]) => Ok(HeldBackBy::Requirement {
            package,
            version,
            specifier,
        }),
        (Some((package, version)), [None, Some(requires), None]) => {
            Ok(HeldBackBy::OwnRequirement {
                requires,
                package,
                version,
            })
        }
        (None, [None, None, Some(reason)]) => Ok(HeldBackBy::Unusable { reason }),
        _ => {
            let reason = "held-back-by needs one of `specifier`, `requires` and `reason`";
            Err(LockError::invalid(place, reason))
        }
    }
}

fn visible(text: &str) -> String {
    escape::visible(text).into_owned()
}
