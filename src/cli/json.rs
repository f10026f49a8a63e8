//! The JSON contracts: `schema` is bumped when one of these changes.

use std::collections::BTreeSet;

use pinsmith_resolver::{LagSummary, Resolution, ResolvedPackage, specifiers_of, url_of};
use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::requirements::{Manifest, ManifestRequirement, MappedImport, Origin};
use crate::scan::{Artifact, FileCounts, HardwareHint, Scan};

pub(super) const SCHEMA: u32 = 1;

/// `scan --format json`
#[derive(Serialize)]
pub(crate) struct ScanJson<'a> {
    schema: u32,
    root: &'static str,
    files: FileCounts,
    imports: &'a [MappedImport],
    requirements: Vec<RequirementJson<'a>>,
    artifacts: &'a [Artifact],
    hardware: &'a [HardwareHint],
    diagnostics: Vec<&'a Diagnostic>,
}

#[derive(Serialize)]
struct RequirementJson<'a> {
    name: String,
    specifier: String,
    extras: Vec<String>,
    marker: Option<String>,
    group: Option<&'a str>,
    origins: &'a [Origin],
    url: Option<&'a str>,
}

impl<'a> ScanJson<'a> {
    pub(crate) fn new(scan: &'a Scan, manifest: &'a Manifest) -> Self {
        Self {
            schema: SCHEMA,
            root: ".",
            files: scan.files,
            imports: &manifest.imports,
            requirements: manifest
                .requirements
                .iter()
                .map(RequirementJson::new)
                .collect(),
            artifacts: &scan.artifacts,
            hardware: &scan.hardware,
            diagnostics: scan
                .diagnostics
                .iter()
                .chain(&manifest.diagnostics)
                .collect(),
        }
    }
}

impl<'a> RequirementJson<'a> {
    fn new(requirement: &'a ManifestRequirement) -> Self {
        let inner = &requirement.requirement;
        Self {
            name: inner.name.to_string(),
            specifier: specifiers_of(inner).to_string(),
            extras: inner.extras.iter().map(ToString::to_string).collect(),
            marker: inner.marker.try_to_string(),
            group: requirement.group.as_deref(),
            origins: &requirement.origins,
            url: url_of(inner).map(pinsmith_resolver::DirectUrl::as_str),
        }
    }
}

/// `lock --format json` and `compile --format json`
#[derive(Serialize)]
pub(crate) struct ResolutionJson<'a> {
    schema: u32,
    targets: Vec<TargetJson<'a>>,
    lag: LagJson,
    relaxed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
}

#[derive(Serialize)]
struct TargetJson<'a> {
    python: String,
    platform: &'static str,
    accelerator: String,
    packages: Vec<PackageJson<'a>>,
    lag: LagJson,
}

#[derive(Serialize)]
struct PackageJson<'a> {
    name: String,
    version: String,
    files: Vec<FileJson<'a>>,
    index: &'a str,
    uploaded: Option<String>,
    lag_days: Option<u32>,
    held_back_by: Vec<String>,
    required_by: Vec<String>,
    root: bool,
}

#[derive(Serialize)]
struct FileJson<'a> {
    filename: &'a str,
    url: &'a str,
    sha256: Option<String>,
    size: Option<u64>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the contract names its unit")]
struct LagJson {
    root_max_days: u32,
    root_sum_days: u32,
    all_sum_days: u32,
}

/// What a run cost; only shown on request, since it is never the same twice.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Stats {
    /// Requests sent.
    pub requests: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Runs of the solver.
    pub solves: u32,
    /// Milliseconds from the start of the command.
    pub elapsed_ms: u64,
}

impl<'a> ResolutionJson<'a> {
    pub(crate) fn new(resolutions: &'a [Resolution], stats: Option<Stats>) -> Self {
        let worst = |days: fn(&LagSummary) -> u32| {
            let lags = resolutions.iter().map(|resolution| days(&resolution.lag));
            lags.max().unwrap_or(0)
        };
        let relaxed: BTreeSet<String> = resolutions
            .iter()
            .flat_map(|resolution| resolution.relaxed.iter().map(ToString::to_string))
            .collect();
        Self {
            schema: SCHEMA,
            targets: resolutions.iter().map(TargetJson::new).collect(),
            lag: LagJson {
                root_max_days: worst(|lag| lag.root_max_days),
                root_sum_days: worst(|lag| lag.root_sum_days),
                all_sum_days: worst(|lag| lag.all_sum_days),
            },
            relaxed: relaxed.into_iter().collect(),
            stats,
        }
    }
}

impl<'a> TargetJson<'a> {
    fn new(resolution: &'a Resolution) -> Self {
        let target = &resolution.target;
        let lag = &resolution.lag;
        Self {
            python: target.python.to_string(),
            platform: target.platform.as_str(),
            accelerator: target.accelerator.to_string(),
            packages: resolution.packages.iter().map(PackageJson::new).collect(),
            lag: LagJson {
                root_max_days: lag.root_max_days,
                root_sum_days: lag.root_sum_days,
                all_sum_days: lag.all_sum_days,
            },
        }
    }
}

impl<'a> PackageJson<'a> {
    fn new(package: &'a ResolvedPackage) -> Self {
        let texts = |names: &[pinsmith_resolver::PackageName]| {
            names.iter().map(ToString::to_string).collect()
        };
        Self {
            name: package.name.to_string(),
            version: package.version.to_string(),
            files: package
                .files
                .iter()
                .map(|file| FileJson {
                    filename: &file.filename,
                    url: &file.url,
                    sha256: file.sha256.map(|digest| digest.to_string()),
                    size: file.size,
                })
                .collect(),
            index: &package.index,
            uploaded: package.uploaded.map(|time| time.to_string()),
            lag_days: package.lag_days,
            held_back_by: package
                .held_back_by
                .iter()
                .map(ToString::to_string)
                .collect(),
            required_by: texts(&package.required_by),
            root: package.root,
        }
    }
}

/// A value as text with a newline at its end.
pub(crate) fn to_text(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}
