//! Pins that are kept where they still hold, read from the lock files of several tools.
//!
//! Only names, versions and markers count here, so this is lenient where [`super::read()`] is strict:
//! what cannot be understood is no preference.

use std::collections::BTreeMap;
use std::str::FromStr;

use pinsmith_resolver::{
    MarkerTree, PackageName, Requirement, Target, Version, VersionSpecifiers, specifiers_of,
};
use toml::{Table, Value};

use super::{LockMarker, MAX_LOCK_BYTES, Selection};
use crate::requirements::read_requirements_txt;

/// The names of lock files that give preferences, in the order in which they are looked for.
const FILES: [&str; 7] = [
    "pylock.toml",
    "requirements.lock.txt",
    "requirements.txt",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
];

/// The names of lock files that give preferences, in the order in which they are looked for: pinsmith's own, then that of
/// the tool whose build backend (PEP 518) or table `pyproject.toml` has, for a project that moved on left others behind.
///
/// ```
/// let files = pinsmith::lock::preference_files("[tool.pdm]\n");
/// let place = |name: &str| files.iter().position(|file| *file == name);
/// assert!(place("pdm.lock") < place("poetry.lock"));
/// ```
pub fn preference_files(pyproject: &str) -> [&'static str; 7] {
    let value: Table = pyproject.parse().unwrap_or_default();
    let system = value.get("build-system");
    let backend = system.and_then(|system| system.get("build-backend")?.as_str());
    let builds = |tool: &str| backend.is_some_and(|backend| backend.starts_with(tool));
    let tools = value.get("tool").and_then(Value::as_table);
    let has = |tool: &str| tools.is_some_and(|tools| tools.contains_key(tool));
    let mut files = FILES;
    files.sort_by_key(|file| match file.strip_suffix(".lock") {
        Some(tool @ ("uv" | "poetry" | "pdm")) if builds(tool) => 1,
        Some(tool @ ("uv" | "poetry" | "pdm")) if has(tool) => 2,
        Some(_) => 3,
        None => 0,
    });
    files
}

/// The pins of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    pins: Vec<Pin>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pin {
    name: PackageName,
    version: Version,
    /// Any of these must hold; none means everywhere.
    markers: Vec<LockMarker>,
    /// The Pythons of the release, of poetry and pdm.
    pythons: Option<VersionSpecifiers>,
}

impl Preferences {
    /// Reads a lock file by its name: `pylock*.toml`, `uv.lock`, `poetry.lock`, `pdm.lock`,
    /// `Pipfile.lock`, and anything else as a requirements file. `None` when the text is not of
    /// that format.
    ///
    /// ```
    /// use pinsmith::lock::Preferences;
    /// use pinsmith_resolver::Target;
    /// let read = Preferences::read("requirements.txt", "six==1.16.0  # kept\n").unwrap();
    /// let pins = read.on(&Target::linux_x86_64((3, 11)));
    /// assert_eq!(pins.values().next().unwrap().to_string(), "1.16.0");
    /// ```
    pub fn read(file: &str, text: &str) -> Option<Self> {
        if text.len() > MAX_LOCK_BYTES {
            return None;
        }
        let pins = match file.rsplit(['/', '\\']).next().unwrap_or(file) {
            "uv.lock" => tables(text, "package", &["resolution-markers"])?,
            "poetry.lock" => tables(text, "package", &["markers"])?,
            "pdm.lock" => tables(text, "package", &["marker"])?,
            "Pipfile.lock" => pipfile(text)?,
            name if is_pylock(name) => tables(text, "packages", &["marker"])?,
            _ => requirements(file, text),
        };
        Some(Self { pins })
    }

    /// The version to keep of each package on a target; of several the highest, for poetry before 2.0 keeps the
    /// markers that tell them apart with those who require them, and the older ones are for older Pythons.
    pub fn on(&self, target: &Target) -> BTreeMap<PackageName, Version> {
        let environment = target.marker_environment();
        let python: Option<Version> = target.python.full().parse().ok();
        let mut versions: BTreeMap<PackageName, Version> = BTreeMap::new();
        for pin in &self.pins {
            let mut markers = pin.markers.iter();
            let runs = pin.pythons.as_ref();
            let holds = (pin.markers.is_empty()
                || markers.any(|marker| marker.holds(&environment, &Selection::Everything)))
                && runs
                    .zip(python.as_ref())
                    .is_none_or(|(pythons, own)| pythons.contains(own));
            if !holds {
                continue;
            }
            let version = pin.version.clone();
            let chosen = versions
                .entry(pin.name.clone())
                .or_insert_with(|| version.clone());
            if *chosen < version {
                *chosen = version;
            }
        }
        versions
    }
}

fn is_pylock(name: &str) -> bool {
    let stem = name.strip_suffix(".toml");
    stem.is_some_and(|stem| stem == "pylock" || stem.starts_with("pylock."))
}

/// Lists of tables with `name` and `version`; a source that is no index is no preference.
fn tables(text: &str, key: &str, marker_keys: &[&str]) -> Option<Vec<Pin>> {
    let document: Table = toml::from_str(text).ok()?;
    let packages = document.get(key)?.as_array()?;
    Some(
        packages
            .iter()
            .filter_map(|one| pin(one, marker_keys))
            .collect(),
    )
}

fn pin(package: &Value, marker_keys: &[&str]) -> Option<Pin> {
    let text = |key: &str| package.get(key).and_then(Value::as_str);
    let direct = ["vcs", "directory", "archive", "git", "url", "path"];
    if direct.iter().any(|key| package.get(key).is_some()) || !from_an_index(package) {
        return None;
    }
    let mut markers = Vec::new();
    for key in marker_keys {
        match package.get(key) {
            Some(Value::String(text)) => markers.push(text.as_str()),
            Some(Value::Array(list)) => markers.extend(list.iter().filter_map(Value::as_str)),
            // of poetry: one marker a group
            Some(Value::Table(table)) => markers.extend(table.values().filter_map(Value::as_str)),
            _ => {}
        }
    }
    let markers = markers.into_iter().filter(|marker| !marker.is_empty());
    let pythons = text("python-versions").or_else(|| text("requires_python"));
    Some(Pin {
        pythons: pythons.and_then(|text| text.parse().ok()),
        name: PackageName::from_str(text("name")?).ok()?,
        version: text("version")?.parse().ok()?,
        markers: markers
            .map(LockMarker::new)
            .collect::<Result<_, _>>()
            .ok()?,
    })
}

/// uv and poetry say where a package comes from in `source`.
fn from_an_index(package: &Value) -> bool {
    let Some(source) = package.get("source") else {
        return true;
    };
    match source.get("type").and_then(Value::as_str) {
        Some(kind) => kind == "legacy",
        None => source.get("registry").is_some(),
    }
}

/// `{"default": {"six": {"version": "==1.16.0", "markers": "..."}}, "develop": {...}}`
fn pipfile(text: &str) -> Option<Vec<Pin>> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let sections = ["default", "develop"].into_iter();
    let packages = sections
        .filter_map(|section| document.get(section)?.as_object())
        .flatten();
    let pins = packages.filter_map(|(name, package)| {
        let version = package.get("version")?.as_str()?;
        let marker = package.get("markers").and_then(serde_json::Value::as_str);
        Some(Pin {
            pythons: None,
            name: PackageName::from_str(name).ok()?,
            version: version.trim_start_matches('=').parse().ok()?,
            markers: marker
                .map(LockMarker::new)
                .into_iter()
                .collect::<Result<_, _>>()
                .ok()?,
        })
    });
    document.get("default")?;
    Some(pins.collect())
}

/// The exact pins among the lines of a requirements file.
fn requirements(file: &str, text: &str) -> Vec<Pin> {
    let declared = read_requirements_txt(text, file, None);
    let requirements = declared.requirements.into_iter();
    requirements
        .filter_map(|one| exact(&one.requirement))
        .collect()
}

fn exact(requirement: &Requirement) -> Option<Pin> {
    use pep440_rs::Operator::{Equal, ExactEqual};
    let specifiers = specifiers_of(requirement);
    let [clause] = specifiers.iter().as_slice() else {
        return None;
    };
    if !matches!(clause.operator(), Equal | ExactEqual) {
        return None;
    }
    let marker = (requirement.marker != MarkerTree::TRUE)
        .then(|| requirement.marker.try_to_string())
        .flatten();
    Some(Pin {
        pythons: None,
        name: requirement.name.clone(),
        version: clause.version().clone(),
        markers: marker
            .as_deref()
            .map(LockMarker::new)
            .into_iter()
            .collect::<Result<_, _>>()
            .ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Cases {
        case: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        file: String,
        text: String,
        #[serde(default = "usual")]
        target: String,
        /// `name version`; absent for a text that is refused.
        pins: Option<Vec<String>>,
    }

    fn usual() -> String {
        "3.11 linux-x86_64".to_owned()
    }

    #[test]
    fn lock_files_of_every_tool_give_preferences() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lock/preferences.toml");
        let cases: Cases = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        for case in cases.case {
            let (python, platform) = case.target.split_once(' ').unwrap();
            let target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
            let read = Preferences::read(&case.file, &case.text);
            let pins = read.map(|read| {
                let pins = read.on(&target).into_iter();
                pins.map(|(name, version)| format!("{name} {version}"))
                    .collect::<Vec<_>>()
            });
            assert_eq!(pins, case.pins, "{}", case.name);
        }
    }
}
