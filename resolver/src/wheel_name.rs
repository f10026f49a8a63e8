//! File names of wheels (PEP 427) and sdists (PEP 625 and what came before it).

use std::str::FromStr;

use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::{Deserialize, Serialize};

/// A parsed wheel file name.
///
/// ```
/// use pinsmith_resolver::WheelName;
/// let wheel: WheelName = "numpy-1.13.3-2-cp36-none-win_amd64.whl".parse()?;
/// assert_eq!(wheel.build, Some((2, String::new())));
/// assert_eq!(wheel.platforms, ["win_amd64"]);
/// let name = "numpy-2.3.2-cp313-cp313t-musllinux_1_2_x86_64-x86_64_v3.whl";
/// assert_eq!(name.parse::<WheelName>()?.variant.as_deref(), Some("x86_64_v3"));
/// # Ok::<(), pinsmith_resolver::WheelNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WheelName {
    /// Project name, normalised.
    pub name: PackageName,
    /// Version in the file name.
    pub version: Version,
    /// Build tag, split into its number and the rest, which is how PEP 427 orders it.
    pub build: Option<(u64, String)>,
    /// Python tags, such as `py2`, `py3`.
    pub pythons: Vec<String>,
    /// ABI tags, such as `abi3`.
    pub abis: Vec<String>,
    /// Platform tags, such as `manylinux_2_28_x86_64`.
    pub platforms: Vec<String>,
    /// Label of a wheel variant, such as `x86_64_v3` or `null` (PEP 825, a draft). Such wheels are for
    /// installers that know what the label stands for.
    pub variant: Option<String>,
}

/// A file name that is no usable wheel name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{filename}` is not a wheel file name: {reason}")]
pub struct WheelNameError {
    /// The name as given.
    pub filename: String,
    /// What is wrong with it, in lower case.
    pub reason: &'static str,
}

impl FromStr for WheelName {
    type Err = WheelNameError;

    fn from_str(filename: &str) -> Result<Self, WheelNameError> {
        let error = |reason| WheelNameError {
            filename: filename.to_owned(),
            reason,
        };
        let stem = filename
            .strip_suffix(".whl")
            .ok_or_else(|| error("it does not end in .whl"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let [name, version, rest @ ..] = parts.as_slice() else {
            return Err(error("it has not five to seven parts"));
        };
        // a third part that starts with a digit is a build tag, no Python tag does
        let is_build = rest.len() > 3 && rest[0].starts_with(|c: char| c.is_ascii_digit());
        let (build, rest) = rest.split_at(usize::from(is_build));
        let build = build.first().map(|build| {
            parse_build(build).ok_or_else(|| error("the number of its build tag is too large"))
        });
        let (tags, variant) = match rest {
            [_, _, _] => (rest, None),
            [tags @ .., label] if tags.len() == 3 => {
                let label = is_label(label)
                    .then(|| (*label).to_owned())
                    .ok_or_else(|| {
                        error("its variant label has characters that do not belong there")
                    })?;
                (tags, Some(label))
            }
            _ => return Err(error("it has not five to seven parts")),
        };
        let split = |tag: &str| tag.split('.').map(str::to_owned).collect();
        Ok(Self {
            name: PackageName::new((*name).to_owned())
                .map_err(|_| error("its project name is invalid"))?,
            version: Version::from_str(&version.replace('_', "-"))
                .or_else(|_| Version::from_str(version))
                .map_err(|_| error("its version is not a PEP 440 version"))?,
            build: build.transpose()?,
            variant,
            pythons: split(tags[0]),
            abis: split(tags[1]),
            platforms: split(tags[2]),
        })
    }
}

/// Whether this is a label of a wheel variant (PEP 825): `^[0-9a-z_.]+$`.
fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase() || matches!(c, '_' | '.');
    !text.is_empty() && text.chars().all(allowed)
}

pub(crate) fn parse_build(tag: &str) -> Option<(u64, String)> {
    let end = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    Some((tag[..end].parse().ok()?, tag[end..].to_owned()))
}

/// The version in an sdist's file name, split with the known project name (PEP 625).
///
/// `None` for other projects, other formats and versions that PEP 440 does not know.
///
/// ```
/// use pinsmith_resolver::{PackageName, sdist_version};
/// let name = PackageName::new("zope.interface".into())?;
/// assert_eq!(sdist_version("zope.interface-5.5.tar.gz", &name).unwrap().to_string(), "5.5");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sdist_version(filename: &str, name: &PackageName) -> Option<Version> {
    let stem = filename
        .strip_suffix(".tar.gz")
        .or_else(|| filename.strip_suffix(".zip"))?;
    stem.match_indices('-').find_map(|(dash, _)| {
        let found = PackageName::new(stem[..dash].to_owned()).ok()?;
        (found == *name)
            .then(|| Version::from_str(&stem[dash + 1..]).ok())
            .flatten()
    })
}
