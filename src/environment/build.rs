//! Scan, manifest and locks become an [`EnvironmentSpec`].

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PythonVersion, Sha256, Target, Trust, VersionSpecifiers, url_of};
use sha2::{Digest, Sha256 as Hasher};

use super::command;
use super::hardware::{self, DriverNeed, driver_needed};
use super::{
    ArtifactPins, ArtifactSpec, BUILT_FROM_SOURCE, DYNAMIC_METADATA, EnvironmentSpec,
    FLOATING_ARTIFACT, FLOATING_FILE, FLOATING_IN_CODE, Floor, Gap, OPAQUE_LOAD, OUTSIDE_THE_LOCK,
    PythonSpec, SourceSpec, SystemSpec, TargetSpec, UNKNOWN_DRIVER, UNKNOWN_FLOOR,
    UNRESOLVED_IMPORT, VariableRead, VariableSpec, floor_needed, system_packages,
};
use crate::escape;
use crate::lock::{Lock, floor_kind, target_names};
use crate::requirements::{Manifest, ModuleKind};
use crate::scan::{Scan, Site};

/// A lock with the file that it is rendered into.
#[derive(Debug, Clone, Copy)]
pub struct LockFile<'a> {
    /// File name, such as `pylock.toml`.
    pub name: &'a str,
    /// What is written into it.
    pub text: &'a str,
    /// The lock itself.
    pub lock: &'a Lock,
    /// File name of the same pins as a requirements file, such as `requirements.txt`.
    pub requirements_name: &'a str,
    /// What is written into that.
    pub requirements: &'a str,
}

/// What a spec is made of.
#[derive(Debug, Clone, Copy)]
pub struct SpecInputs<'a> {
    /// The locks, at least one target in all.
    pub locks: &'a [LockFile<'a>],
    /// What the tree needs.
    pub scan: &'a Scan,
    /// What was made of it.
    pub manifest: &'a Manifest,
    /// See [`inputs_digest`].
    pub inputs_digest: Sha256,
    /// What models, datasets and files were.
    pub pins: &'a ArtifactPins,
    /// Why this Python, one reason each, such as `the host's Python`.
    pub python_evidence: &'a [String],
    /// The Pythons that code and pins leave; used where none is declared.
    pub python_inferred: Option<&'a VersionSpecifiers>,
}

/// One digest for every file that a result depends on, in whatever order they come.
///
/// Each file counts with its root-relative path and its content, so moving text from one file to
/// another changes the digest.
///
/// ```
/// use pinsmith::environment::inputs_digest;
/// let one = inputs_digest([("a.py", &b"import six"[..]), ("b.py", b"")]);
/// let two = inputs_digest([("b.py", &b""[..]), ("a.py", b"import six")]);
/// assert_eq!(one, two);
/// ```
pub fn inputs_digest<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Sha256 {
    let files: BTreeSet<(&str, [u8; 32])> = files
        .into_iter()
        .map(|(path, content)| (path, Hasher::digest(content).into()))
        .collect();
    let mut hasher = Hasher::new();
    for (path, content) in files {
        // A length first, or `a` + `bc` would count as `ab` + `c`.
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path.as_bytes());
        hasher.update(content);
    }
    Sha256(hasher.finalize().into())
}

impl EnvironmentSpec {
    /// Puts together what is known, and lists as gaps what is not.
    pub fn new(inputs: &SpecInputs<'_>) -> Self {
        let mut gaps = BTreeSet::new();
        gaps.extend(unresolved_imports(inputs.manifest));
        let artifacts = artifacts(inputs, &mut gaps);
        gaps.extend(opaque_loads(inputs.scan));
        let sources = sources(inputs, &mut gaps);
        let targets = targets(inputs.locks, &mut gaps);
        for file in inputs.locks {
            package_gaps(file.lock, &mut gaps);
        }
        Self {
            project: inputs.manifest.name.clone(),
            as_of: inputs.locks.iter().find_map(|file| file.lock.as_of),
            inputs_digest: inputs.inputs_digest,
            python: python(inputs, &targets),
            accelerator: hardware::wanted(inputs.scan),
            system: system(inputs.locks),
            variables: variables(inputs.scan),
            commands: command::commands(inputs.scan, inputs.manifest),
            targets,
            artifacts,
            sources,
            gaps: gaps.into_iter().collect(),
        }
    }
}

fn gap(rule: crate::diagnostic::Code, site: Option<&Site>, why: impl Into<String>) -> Gap {
    Gap {
        rule,
        site: site.map(visible_site),
        why: escape::visible(&why.into()).into_owned(),
    }
}

pub(super) fn visible_site(site: &Site) -> Site {
    Site {
        file: escape::visible(&site.file).into_owned(),
        ..site.clone()
    }
}

fn python(inputs: &SpecInputs<'_>, targets: &[TargetSpec]) -> PythonSpec {
    let version = targets.iter().map(|target| target.target.python).min();
    let declared = inputs.manifest.requires_python.as_ref();
    let mut evidence: Vec<String> = inputs
        .python_evidence
        .iter()
        .map(|reason| escape::visible(reason).into_owned())
        .collect();
    if let Some((_, site)) = declared {
        let site = visible_site(site).to_string();
        if !evidence.iter().any(|reason| reason.ends_with(&site)) {
            evidence.push(format!("requires-python at {site}"));
        }
    }
    PythonSpec {
        version: version.unwrap_or(PythonVersion {
            major: 3,
            minor: 0,
            patch: None,
        }),
        requires: declared.map(|(specifiers, _)| specifiers.clone()),
        inferred: inputs
            .python_inferred
            .filter(|_| declared.is_none())
            .cloned(),
        evidence,
    }
}

fn targets(locks: &[LockFile<'_>], gaps: &mut BTreeSet<Gap>) -> Vec<TargetSpec> {
    let all: Vec<Target> = locks
        .iter()
        .flat_map(|file| file.lock.targets.clone())
        .collect();
    let mut names = target_names(&all).into_iter();
    let mut specs = Vec::with_capacity(all.len());
    for file in locks {
        let digest = |text: &str| Sha256(Hasher::digest(text.as_bytes()).into());
        for target in &file.lock.targets {
            let (floor, by) = floor_needed(file.lock, target);
            let name = names.next().unwrap_or_default();
            if floor == Floor::Unknown {
                for package in by {
                    let kind = floor_kind(target.platform).unwrap_or("system");
                    let why =
                        format!("the wheel of `{package}` does not say which {kind} it needs");
                    gaps.insert(gap(UNKNOWN_FLOOR, None, why));
                }
            }
            let driver = driver_needed(file.lock, target);
            if driver == DriverNeed::AtLeast(None) {
                let why = format!("target `{name}` needs a GPU driver of unknown version");
                gaps.insert(gap(UNKNOWN_DRIVER, None, why));
            }
            specs.push(TargetSpec {
                name,
                target: target.clone(),
                floor,
                needs_driver: driver != DriverNeed::Nothing,
                driver_min: match driver {
                    DriverNeed::AtLeast(version) => version,
                    DriverNeed::Nothing => None,
                },
                lock: file.name.to_owned(),
                lock_sha256: digest(file.text),
                requirements: file.requirements_name.to_owned(),
                requirements_sha256: digest(file.requirements),
            });
        }
    }
    specs
}

fn system(locks: &[LockFile<'_>]) -> Option<SystemSpec> {
    let linux = |target: &Target| floor_kind(target.platform) == Some("glibc");
    let mut locks = locks
        .iter()
        .filter(|file| file.lock.targets.iter().any(linux))
        .peekable();
    locks.peek()?;
    let mut joined: BTreeMap<String, super::SystemPackage> = BTreeMap::new();
    for file in locks {
        for package in system_packages(file.lock) {
            let entry = joined
                .entry(package.name.clone())
                .or_insert_with(|| package.clone());
            entry.build_only &= package.build_only;
            entry.needed_by.extend(package.needed_by);
            entry.needed_by.sort();
            entry.needed_by.dedup();
        }
    }
    Some(SystemSpec {
        packages: joined.into_values().collect(),
        ..SystemSpec::default()
    })
}

/// Variables that hold no more than where Python, a launcher or the host put things.
const OF_THE_HOST: [&str; 12] = [
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LOCAL_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
    "PATH",
    "PWD",
    "RANK",
    "SHELL",
    "TERM",
    "USER",
    "WORLD_SIZE",
];

fn variables(scan: &Scan) -> VariableSpec {
    let mut joined: BTreeMap<&str, (bool, BTreeSet<Site>)> = BTreeMap::new();
    for variable in &scan.variables {
        if !OF_THE_HOST.contains(&variable.name.as_str()) {
            let (required, uses) = joined.entry(&variable.name).or_default();
            *required |= variable.required;
            uses.insert(visible_site(&variable.site));
        }
    }
    let read = joined
        .into_iter()
        .map(|(name, (required, uses))| VariableRead {
            name: name.to_owned(),
            secret: is_secret(name),
            required,
            uses: uses.into_iter().collect(),
        });
    VariableSpec {
        set: BTreeMap::new(),
        read: read.collect(),
    }
}

/// Whether the name of a variable says that its value is not for everyone.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    let secret = [
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "CREDENTIALS",
        "APIKEY",
    ];
    words.iter().any(|word| secret.contains(word))
        || words.len() > 1 && words.last() == Some(&"KEY")
}

/// One gap for each kind of call, at its first place.
fn opaque_loads(scan: &Scan) -> impl Iterator<Item = Gap> {
    let mut calls: BTreeMap<&str, BTreeSet<&Site>> = BTreeMap::new();
    for load in &scan.opaque_loads {
        calls.entry(load.call).or_default().insert(&load.site);
    }
    calls.into_iter().map(|(call, sites)| {
        let places = match sites.len() {
            1 => String::new(),
            more => format!(" at {more} places"),
        };
        let why = format!("what `{call}` loads{places} is only known when it runs");
        gap(OPAQUE_LOAD, sites.first().copied(), why)
    })
}

fn artifacts(inputs: &SpecInputs<'_>, gaps: &mut BTreeSet<Gap>) -> Vec<ArtifactSpec> {
    let mut joined: BTreeMap<_, (BTreeSet<&'static str>, BTreeSet<Site>)> = BTreeMap::new();
    for artifact in &inputs.scan.artifacts {
        let key = (artifact.kind, &artifact.id, &artifact.revision);
        let (calls, uses) = joined.entry(key).or_default();
        calls.insert(artifact.call);
        uses.insert(visible_site(&artifact.site));
    }
    let visible = |text: &String| escape::visible(text).into_owned();
    let mut artifacts = Vec::with_capacity(joined.len());
    for ((kind, id, revision), (calls, uses)) in joined {
        let mut artifact = ArtifactSpec {
            pin: None,
            kind: kind.to_owned(),
            id: visible(id),
            revision: revision.as_ref().map(visible),
            calls: calls.into_iter().map(str::to_owned).collect(),
            uses: uses.into_iter().collect(),
        };
        artifact.pin = inputs.pins.get(&artifact.key()).cloned();
        if !artifact.pinned() {
            let is_file = artifact.kind == "file";
            let why = match &artifact.revision {
                _ if is_file => format!("the file `{id}` may change where it lies"),
                None => format!("{kind} `{id}` is loaded without a revision"),
                Some(revision) => {
                    format!("{kind} `{id}` is loaded at `{revision}`, which can move")
                }
            };
            let found = match &artifact.pin {
                None if is_file => Some((FLOATING_FILE, why)),
                None => Some((FLOATING_ARTIFACT, why)),
                // the code cannot say more about a plain file
                Some(pin) => pin
                    .commit
                    .as_ref()
                    .map(|commit| (FLOATING_IN_CODE, format!("{why}; locked at {commit}"))),
            };
            if let Some((rule, why)) = found {
                gaps.insert(gap(rule, artifact.uses.first(), why));
            }
        }
        artifacts.push(artifact);
    }
    artifacts
}

fn sources(inputs: &SpecInputs<'_>, gaps: &mut BTreeSet<Gap>) -> Vec<SourceSpec> {
    let groups: BTreeSet<&String> = inputs
        .locks
        .iter()
        .flat_map(|file| file.lock.extras.iter().chain(&file.lock.groups))
        .collect();
    let mut sources = BTreeSet::new();
    for requirement in &inputs.manifest.requirements {
        let counts = requirement
            .group
            .as_ref()
            .is_none_or(|group| groups.contains(group));
        let Some(url) = url_of(&requirement.requirement).filter(|_| counts) else {
            continue;
        };
        let name = &requirement.requirement.name;
        let locked = |file: &LockFile<'_>| {
            let mut entries = file.lock.entries(name).iter();
            entries.any(|entry| entry.direct.is_some())
        };
        if inputs.locks.iter().any(locked) {
            continue;
        }
        let uses: BTreeSet<Site> = requirement
            .origins
            .iter()
            .map(|origin| visible_site(&origin.site))
            .collect();
        let name = requirement.requirement.name.clone();
        let source = SourceSpec::parse(name, url.as_str(), uses.into_iter().collect());
        let state = if source.pinned() {
            "pinned"
        } else {
            "not pinned"
        };
        let why = format!(
            "`{}` has an address of its own ({}, {state}); it is in no lock",
            source.name,
            source.kind.as_str()
        );
        gaps.insert(gap(OUTSIDE_THE_LOCK, source.uses.first(), why));
        sources.insert(source);
    }
    sources.into_iter().collect()
}

fn unresolved_imports(manifest: &Manifest) -> impl Iterator<Item = Gap> {
    manifest
        .imports
        .iter()
        .filter(|import| import.kind == ModuleKind::Unresolved)
        .map(|import| {
            let why = format!("no distribution is known for module `{}`", import.module);
            gap(UNRESOLVED_IMPORT, import.sites.first(), why)
        })
}

fn package_gaps(lock: &Lock, gaps: &mut BTreeSet<Gap>) {
    for package in &lock.packages {
        let site = package.evidence.origins.first().map(|origin| &origin.site);
        if package.evidence.trust != Trust::Static {
            let why = format!(
                "the requirements of `{}` may change when it is built",
                package.pin()
            );
            gaps.insert(gap(DYNAMIC_METADATA, site, why));
        }
        if package.only_sdist() {
            let why = format!(
                "`{}` has no wheel and is built with whatever is newest then",
                package.pin()
            );
            gaps.insert(gap(BUILT_FROM_SOURCE, site, why));
        }
    }
}
