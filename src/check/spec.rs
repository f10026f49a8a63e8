//! The environment spec against code and declarations.

use std::collections::BTreeSet;

use super::{CheckInputs, LOCK_AGAIN, NamedText, STALE_SPEC, whole};
use crate::diagnostic::Diagnostic;
use crate::environment::{ArtifactPins, EnvironmentSpec, LockFile, SpecInputs};
use crate::lock::Lock;

/// Makes the spec anew and compares what it says, not where the code says it: a line that moved is
/// no disagreement.
pub(super) fn findings(
    inputs: &CheckInputs<'_>,
    spec: &EnvironmentSpec,
    locks: &[(NamedText<'_>, Lock)],
) -> Vec<Diagnostic> {
    let files: Vec<LockFile<'_>> = locks
        .iter()
        .map(|(file, lock)| LockFile {
            name: file.name,
            text: file.text.unwrap_or_default(),
            lock,
            requirements_name: "",
            requirements: "",
        })
        .collect();
    let now = EnvironmentSpec::new(&SpecInputs {
        locks: &files,
        scan: inputs.scan,
        manifest: inputs.manifest,
        inputs_digest: inputs.inputs_digest,
        // not compared: only hosts could tell
        pins: &ArtifactPins::new(),
        python_evidence: &spec.python.evidence,
        python_inferred: spec.python.inferred.as_ref(),
    })
    .keeping(spec);
    let mut found = Vec::new();
    for (facts, written) in facts(&now).into_iter().zip(facts(spec)) {
        let new = facts.difference(&written);
        let gone = written.difference(&facts);
        found.extend(new.map(|fact| stale(&format!("does not name {fact}"))));
        found.extend(gone.map(|fact| stale(&format!("names {fact}, which is gone"))));
    }
    if now.python.requires != spec.python.requires {
        let shown = |spec: &EnvironmentSpec| {
            let requires = spec.python.requires.as_ref();
            requires.map_or_else(
                || "no requires-python".to_owned(),
                |requires| format!("requires-python `{requires}`"),
            )
        };
        let message = format!("says {}, and the project {}", shown(spec), shown(&now));
        found.push(stale(&message));
    }
    found
}

fn stale(what: &str) -> Diagnostic {
    let name = EnvironmentSpec::FILE_NAME;
    Diagnostic::error(STALE_SPEC, format!("`{name}` {what}"))
        .at(whole(name))
        .help(LOCK_AGAIN)
}

/// What a spec says of the code, in words.
fn facts(spec: &EnvironmentSpec) -> Vec<BTreeSet<String>> {
    let artifacts = spec.artifacts.iter().map(|artifact| {
        let revision = artifact.revision.as_deref();
        let revision = revision.map_or(String::new(), |revision| format!(" at `{revision}`"));
        format!("{} `{}`{revision}", artifact.kind, artifact.id)
    });
    let sources = spec.sources.iter().map(|source| {
        let url = source.url.as_deref().unwrap_or("a folder");
        let reference = source.reference.as_deref();
        let reference = reference.map_or(String::new(), |reference| format!("@{reference}"));
        format!("`{}` from {url}{reference}", source.name)
    });
    let variables = spec.variables.read.iter();
    let variables = variables.map(|variable| format!("environment variable `{}`", variable.name));
    let packages = spec.system.iter().flat_map(|system| &system.packages);
    let packages = packages.map(|package| format!("system package `{}`", package.name));
    let accelerator = spec.accelerator.iter().map(|accelerator| {
        let version = accelerator.version.as_deref();
        let version = version.map_or(String::new(), |version| format!(" {version}"));
        format!("{}{version} as default accelerator", accelerator.hardware)
    });
    vec![
        accelerator.collect(),
        artifacts.collect(),
        sources.collect(),
        variables.collect(),
        packages.collect(),
    ]
}
