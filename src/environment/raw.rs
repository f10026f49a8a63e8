//! The environment spec as its file has it, before anything is checked.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct RawSpec {
    pub(super) meta: RawMeta,
    pub(super) python: RawPython,
    pub(super) accelerator: Option<RawAccelerator>,
    #[serde(default)]
    pub(super) target: Vec<RawTarget>,
    pub(super) system: Option<RawSystem>,
    #[serde(default)]
    pub(super) env: RawVariables,
    #[serde(default)]
    pub(super) command: Vec<RawCommand>,
    #[serde(default)]
    pub(super) artifact: Vec<RawArtifact>,
    #[serde(default)]
    pub(super) source: Vec<RawSource>,
    #[serde(default)]
    pub(super) gaps: RawGaps,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawMeta {
    pub(super) schema: String,
    pub(super) project: Option<String>,
    pub(super) inputs_digest: String,
    pub(super) as_of: Option<toml::value::Datetime>,
}

#[derive(Deserialize)]
pub(super) struct RawPython {
    pub(super) version: String,
    pub(super) requires: Option<String>,
    pub(super) inferred: Option<String>,
    #[serde(default)]
    pub(super) evidence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawAccelerator {
    pub(super) default: String,
    pub(super) version: Option<String>,
    pub(super) driver_min: Option<String>,
    #[serde(default)]
    pub(super) evidence: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawTarget {
    pub(super) name: String,
    pub(super) python: String,
    pub(super) platform: String,
    pub(super) accelerator: String,
    pub(super) glibc: Option<String>,
    pub(super) macos: Option<String>,
    pub(super) driver_min: Option<String>,
    pub(super) lock: String,
    pub(super) lock_sha256: String,
    pub(super) requirements: String,
    pub(super) requirements_sha256: String,
}

#[derive(Deserialize)]
pub(super) struct RawSystem {
    pub(super) digest: Option<String>,
    pub(super) snapshot: Option<String>,
    #[serde(default)]
    pub(super) packages: Vec<RawPackage>,
    #[serde(default)]
    pub(super) extra: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawPackage {
    pub(super) name: String,
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) build_only: bool,
    #[serde(default)]
    pub(super) why: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct RawVariables {
    #[serde(default)]
    pub(super) set: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) read: Vec<RawVariable>,
}

#[derive(Deserialize)]
pub(super) struct RawVariable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) secret: bool,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) uses: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawCommand {
    pub(super) name: String,
    pub(super) run: Vec<String>,
    pub(super) from: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawArtifact {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) revision: Option<String>,
    pub(super) commit: Option<String>,
    #[serde(default)]
    pub(super) files: Vec<RawFile>,
    #[serde(default, rename = "more-files")]
    pub(super) more_files: usize,
    #[serde(default)]
    pub(super) calls: Vec<String>,
    #[serde(default)]
    pub(super) uses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub(super) path: String,
    pub(super) size: Option<u64>,
    pub(super) sha256: Option<String>,
    pub(super) git_blob: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawSource {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) url: Option<String>,
    #[serde(rename = "ref")]
    pub(super) reference: Option<String>,
    pub(super) commit: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) subdir: Option<String>,
    #[serde(default)]
    pub(super) uses: Vec<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct RawGaps {
    #[serde(default)]
    pub(super) unresolved: Vec<RawGap>,
}

#[derive(Deserialize)]
pub(super) struct RawGap {
    pub(super) rule: String,
    pub(super) at: Option<String>,
    pub(super) why: String,
}
