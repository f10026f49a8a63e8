//! The environment spec: Python, targets, system libraries, artifacts, gaps.
//!
//! A lock fixes wheels; what else an environment needs stands here, each entry with its reason.
//! What is not known is said to be unknown, and everything that could not be pinned is a
//! [`Gap`]. The spec names no commit, no time but `as_of`, and no path of this machine, so that
//! it can be committed to the repository that it describes.
//!
//! [`EnvironmentSpec::new`] makes the value, [`crate::render::environment`] the text of
//! `pinsmith.env.toml`. Nothing here reads files or asks the machine.

mod build;
mod command;
mod floor;
mod hardware;
mod keep;
mod pin;
mod raw;
mod read;
mod source;
mod system;

pub use build::{LockFile, SpecInputs, inputs_digest};
pub use floor::{Floor, floor_needed};
pub use pin::{ArtifactFile, ArtifactKey, ArtifactPin, ArtifactPins, MAX_ARTIFACT_FILES};
pub use read::{ReadSpecError, UNREADABLE_SPEC};
pub use source::{SourceKind, SourceSpec};
#[cfg(test)]
pub(crate) use system::every_system_package;
pub use system::{SystemNeed, SystemPackage, system_packages};

use std::collections::BTreeMap;

use pinsmith_resolver::{PackageName, PythonVersion, Sha256, Target, Timestamp, VersionSpecifiers};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::scan::{Hardware, Site};

/// A module that no distribution is known for.
pub const UNRESOLVED_IMPORT: Code = Code("ENV001");
/// A model, dataset or file without a fixed revision.
pub const FLOATING_ARTIFACT: Code = Code("ENV002");
/// A requirement from version control, an address or a folder: the lock cannot hold it.
pub const OUTSIDE_THE_LOCK: Code = Code("ENV003");
/// A pin whose metadata a build could change.
pub const DYNAMIC_METADATA: Code = Code("ENV004");
/// A pin that is built on installation; its build requirements are not locked.
pub const BUILT_FROM_SOURCE: Code = Code("ENV005");
/// Wheels need a GPU driver, and its lowest version is not known.
pub const UNKNOWN_DRIVER: Code = Code("ENV006");
/// A wheel does not say which libc or system it needs.
pub const UNKNOWN_FLOOR: Code = Code("ENV007");
/// A model, dataset or file whose name only running the code would tell.
pub const OPAQUE_LOAD: Code = Code("ENV014");
/// A model, dataset or file whose commit is in the spec, but not in the code that loads it.
pub const FLOATING_IN_CODE: Code = Code("ENV011");
/// A plain download of which nothing is recorded.
pub const FLOATING_FILE: Code = Code("ENV013");

/// Everything that an environment needs, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSpec {
    /// The name of the project; a person's to fill in where it declares none.
    pub project: Option<PackageName>,
    /// The instant that the index was seen at, when one was given.
    pub as_of: Option<Timestamp>,
    /// Digest of every file that the result depends on; see [`inputs_digest`].
    pub inputs_digest: Sha256,
    /// The Python.
    pub python: PythonSpec,
    /// The hardware that the repository is for, when its code or its declared files say.
    pub accelerator: Option<AcceleratorSpec>,
    /// What the locks are good for, in their order.
    pub targets: Vec<TargetSpec>,
    /// What comes from the system's package manager; `None` without a Linux target.
    pub system: Option<SystemSpec>,
    /// Environment variables.
    pub variables: VariableSpec,
    /// What is run, in the order of names.
    pub commands: Vec<CommandSpec>,
    /// Models, datasets and files that the code loads, ordered.
    pub artifacts: Vec<ArtifactSpec>,
    /// Requirements that do not come from an index, ordered by name.
    pub sources: Vec<SourceSpec>,
    /// What could not be pinned, ordered.
    pub gaps: Vec<Gap>,
}

impl EnvironmentSpec {
    /// What is known of its artifacts.
    pub fn pins(&self) -> ArtifactPins {
        let artifacts = self.artifacts.iter();
        let pinned = artifacts.filter_map(|artifact| Some((artifact.key(), artifact.pin.clone()?)));
        pinned.collect()
    }

    /// The version of the schema, written as `schema` in `[meta]`.
    pub const SCHEMA: &str = "1";
    /// The value of `implementation`; targets know no other.
    pub const IMPLEMENTATION: &str = "cpython";
    /// The base whose package names `[system]` uses.
    pub const BASE: &str = "debian";
    /// The value of `generated-by`; without a version, so that a patch release changes no spec.
    pub const GENERATED_BY: &str = "pinsmith";
    /// The file name.
    pub const FILE_NAME: &str = "pinsmith.env.toml";
}

/// Which Python, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonSpec {
    /// The Python of the first target.
    pub version: PythonVersion,
    /// `requires-python` as the repository declares it.
    pub requires: Option<VersionSpecifiers>,
    /// Where nothing is declared: the Pythons that code and pins leave.
    pub inferred: Option<VersionSpecifiers>,
    /// Why this version, one reason each.
    pub evidence: Vec<String>,
}

/// The hardware that a repository is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceleratorSpec {
    /// Which.
    pub hardware: Hardware,
    /// The CUDA or ROCm that it names, such as `11.3`, or `12` where only that much is said.
    pub version: Option<String>,
    /// The lowest NVIDIA driver on Linux for that CUDA.
    pub driver_min: Option<String>,
    /// What says so, the surest first.
    pub evidence: Vec<String>,
}

/// One target and its lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    /// Its name, such as `linux-x86_64-cu128`.
    pub name: String,
    /// What was solved for.
    pub target: Target,
    /// The lowest libc or system version that the locked wheels really need.
    pub floor: Floor,
    /// Whether locked wheels need a GPU driver.
    pub needs_driver: bool,
    /// The lowest driver version that will do, when the wheels or a person say.
    pub driver_min: Option<String>,
    /// File name of the lock.
    pub lock: String,
    /// Digest of the lock file's bytes.
    pub lock_sha256: Sha256,
    /// File name of the same pins as a requirements file, for tools that read no `pylock.toml`.
    pub requirements: String,
    /// Digest of its bytes.
    pub requirements_sha256: Sha256,
}

/// What comes from the system's package manager; names are Debian's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemSpec {
    /// Digest of the base image (`sha256:...`); a person's to fill in.
    pub digest: Option<String>,
    /// Day and time of the package archive's snapshot (`20240311T000000Z`); a person's to fill in.
    pub snapshot: Option<String>,
    /// Packages that locked wheels or the code are known to need, ordered by name.
    pub packages: Vec<SystemPackage>,
    /// Packages that a person added.
    pub extra: Vec<String>,
}

/// Environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariableSpec {
    /// What is set; a person's to fill in.
    pub set: BTreeMap<String, String>,
    /// What the code reads, ordered by name.
    pub read: Vec<VariableRead>,
}

/// An environment variable that the code reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableRead {
    /// Its name.
    pub name: String,
    /// Whether its name says that it holds a secret: a token, a key, a password.
    pub secret: bool,
    /// Whether the code fails without it: `os.environ["X"]` and no default.
    pub required: bool,
    /// Where it is read, ordered.
    pub uses: Vec<Site>,
}

/// Something that is run in the environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandSpec {
    /// A short name, unique in the spec: `train`.
    pub name: String,
    /// The program and its arguments; never a shell's text.
    pub run: Vec<String>,
    /// Where it was read; `None` for one that a person added.
    pub site: Option<Site>,
}

/// A model, dataset or file that the code loads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArtifactSpec {
    /// `model`, `dataset`, `file`, `git`, `nltk`, `spacy`.
    pub kind: String,
    /// Identifier as the code writes it.
    pub id: String,
    /// Revision, if the code gives one.
    pub revision: Option<String>,
    /// What it was when the lock was made, where that is known.
    pub pin: Option<ArtifactPin>,
    /// The calls that load it, ordered.
    pub calls: Vec<String>,
    /// Where it is loaded, ordered.
    pub uses: Vec<Site>,
}

impl ArtifactSpec {
    /// Its kind, its name and its revision.
    pub fn key(&self) -> ArtifactKey {
        (self.kind.clone(), self.id.clone(), self.revision.clone())
    }

    /// Whether the revision is a full commit, the only kind that hosts never move.
    pub fn pinned(&self) -> bool {
        self.revision.as_deref().is_some_and(is_commit)
    }
}

/// Every rule of a [`Gap`].
const RULES: [Code; 10] = [
    OPAQUE_LOAD,
    FLOATING_IN_CODE,
    FLOATING_FILE,
    UNRESOLVED_IMPORT,
    FLOATING_ARTIFACT,
    OUTSIDE_THE_LOCK,
    DYNAMIC_METADATA,
    BUILT_FROM_SOURCE,
    UNKNOWN_DRIVER,
    UNKNOWN_FLOOR,
];

/// Something that could not be pinned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The rule that found it.
    pub rule: Code,
    /// Where it shows, if in a file of the tree.
    pub site: Option<Site>,
    /// What is missing, in lower case.
    pub why: String,
}

impl Gap {
    /// The gap as a finding. An unresolved import is reported by the stage that found it.
    pub fn to_diagnostic(&self) -> Diagnostic {
        Diagnostic {
            code: self.rule,
            severity: match self.rule {
                FLOATING_ARTIFACT | FLOATING_FILE | OUTSIDE_THE_LOCK | UNRESOLVED_IMPORT => {
                    Severity::Warning
                }
                _ => Severity::Info,
            },
            message: self.why.clone(),
            site: self.site.clone(),
            help: help(self.rule).map(str::to_owned),
        }
    }
}

fn help(rule: Code) -> Option<&'static str> {
    match rule {
        UNRESOLVED_IMPORT => Some("declare the distribution that provides it"),
        FLOATING_ARTIFACT => Some(
            "name a full commit where the loader takes one (`revision=\"<40 hex digits>\"`), else keep a copy of the data",
        ),
        FLOATING_FILE => Some(
            "record its size and sha256 with `pinsmith lock --fetch-artifacts`, or keep a copy of it",
        ),
        OUTSIDE_THE_LOCK => Some("ask for a release, or pin a full commit and install it by hand"),
        FLOATING_IN_CODE => {
            Some("give the loader that commit, as in `revision=\"<40 hex digits>\"`")
        }
        OPAQUE_LOAD => Some("write the name into the call, or keep a note of what it was"),
        BUILT_FROM_SOURCE => Some("choose a version that has wheels, if there is one"),
        _ => None,
    }
}

/// What stands for a fact that nobody knows; never left out silently.
pub(crate) const UNKNOWN: &str = "unknown";

/// What a variable may be called in every format and shell.
fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// 40 hexadecimal digits: what git hosts and model hubs treat as immutable.
fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
