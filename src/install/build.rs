//! Core metadata of an sdist, through the build backend that the sdist names (PEP 517).
//!
//! This runs code of the sdist and of whatever it needs for building, so it happens only where the
//! user allowed it, and as narrowly as installing does: pip makes an isolated build environment,
//! the environment holds what [`scrub`] lets through, HOME and the working directory are
//! temporary, no credentials are handed over, and there is a time limit.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::command::{Arguments, without_pip_configuration};
use super::process::{Surroundings, run};
use super::{CommandLine, Network, SyncError, scrub};

/// How sdists are built.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The Python that builds, with a pip: an absolute path outside the tree.
    pub python: PathBuf,
    /// The index for what building needs, without credentials; `None` for none.
    pub index: Option<String>,
    /// Further indexes, without credentials.
    pub extra_indexes: Vec<String>,
    /// Pages and folders with files, without credentials.
    pub links: Vec<String>,
    /// Pinsmith's cache; pip's lies under it.
    pub cache_dir: PathBuf,
    /// The repository; nothing in it is run.
    pub tree: PathBuf,
    /// Certificates and proxy.
    pub network: Network,
    /// The caller's environment; [`scrub`] chooses from it.
    pub environment: BTreeMap<OsString, OsString>,
    /// Longest time for one sdist.
    pub limit: Duration,
}

/// The part of pip's installation report (its version 1) that is metadata.
#[derive(Deserialize)]
struct Report {
    install: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
    requires_python: Option<String>,
    #[serde(default)]
    requires_dist: Vec<String>,
    #[serde(default)]
    provides_extra: Vec<String>,
}

/// Core metadata of the sdist in a file with its proper name, as a build gives it.
///
/// # Errors
/// The reason, in lower case: what pip says, or that it took too long.
pub fn build_metadata(sdist: &Path, options: &BuildOptions) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("no temporary folder: {error}");
    let work = tempfile::tempdir().map_err(failed)?;
    let [home, empty] = ["home", "empty"].map(|name| work.path().join(name));
    for folder in [&home, &empty] {
        fs::create_dir(folder).map_err(failed)?;
    }
    let network = options.network.or_from(&options.environment);
    let mut environment = scrub(&options.environment, &network, &home, &options.tree);
    without_pip_configuration(&mut environment);
    let report = work.path().join("report.json");
    let cancel = Arc::new(AtomicBool::new(false));
    let surroundings = Surroundings {
        environment: &environment,
        folder: &empty,
        cancel: &cancel,
    };
    let (done, waiting) = channel::<()>();
    let (flag, limit) = (Arc::clone(&cancel), options.limit);
    let timer = thread::spawn(move || {
        if waiting.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            flag.store(true, Ordering::Relaxed);
        }
    });
    let outcome = run(
        &command(sdist, &report, options, &network),
        &surroundings,
        &mut |_| {},
    );
    drop(done);
    // it only sleeps
    let _ = timer.join();
    match outcome {
        Ok(_) => {}
        Err(SyncError::Cancelled) => {
            return Err(format!("it takes longer than {} s", limit.as_secs()));
        }
        Err(SyncError::Failed { output, .. }) => return Err(last_words(&output)),
        Err(error) => return Err(error.to_string()),
    }
    let bytes = fs::read(&report).map_err(|error| format!("pip gives no report: {error}"))?;
    let report: Report =
        serde_json::from_slice(&bytes).map_err(|error| format!("pip's report is odd: {error}"))?;
    let [entry] = report.install.as_slice() else {
        return Err("pip's report has not one distribution".to_owned());
    };
    Ok(core_metadata(&entry.metadata).into_bytes())
}

fn command(sdist: &Path, report: &Path, options: &BuildOptions, network: &Network) -> CommandLine {
    let pip = [
        "-I",
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--use-pep517",
        "--progress-bar",
        "off",
    ];
    let mut arguments = Arguments::new(&pip).pair("--report", report);
    arguments = match &options.index {
        Some(index) => arguments.pair("--index-url", index),
        None => arguments.words(&["--no-index"]),
    };
    for index in &options.extra_indexes {
        arguments = arguments.pair("--extra-index-url", index);
    }
    for links in &options.links {
        arguments = arguments.pair("--find-links", links);
    }
    arguments = arguments.pair("--cache-dir", options.cache_dir.join("pip"));
    if let Some(file) = &network.ca_bundle {
        arguments = arguments.pair("--cert", file);
    }
    if let Some(file) = &network.client_certificate {
        arguments = arguments.pair("--client-cert", file);
    }
    arguments
        .word(sdist)
        .command("pip install --dry-run", &options.python)
}

/// The last line that says something, without pip's own frame around it.
fn last_words(output: &[String]) -> String {
    let mut lines = output.iter().rev().map(|line| line.trim());
    let telling = lines.find(|line| {
        let hint = line.starts_with("hint:") || line.starts_with("note:");
        !hint && line.chars().any(char::is_alphanumeric)
    });
    let text: String = telling.unwrap_or("pip fails").chars().take(200).collect();
    text.trim_start_matches("ERROR: ").to_owned()
}

/// The fields as core metadata; values are one line each, so that none becomes a field.
fn core_metadata(metadata: &Metadata) -> String {
    let mut text = "Metadata-Version: 2.1\n".to_owned();
    let mut field = |name: &str, value: &str| {
        let value: Vec<&str> = value.split_whitespace().collect();
        // writing to a String cannot fail
        let _ = writeln!(text, "{name}: {}", value.join(" "));
    };
    field("Name", &metadata.name);
    field("Version", &metadata.version);
    if let Some(python) = &metadata.requires_python {
        field("Requires-Python", python);
    }
    for extra in &metadata.provides_extra {
        field("Provides-Extra", extra);
    }
    for requirement in &metadata.requires_dist {
        field("Requires-Dist", requirement);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_metadata() {
        let metadata: Metadata = serde_json::from_str(
            r#"{"metadata_version": "2.4", "name": "a", "version": "1.0", "requires_python": ">=3.8",
                "requires_dist": ["b>=1\nRequires-Dist: evil", "c; extra == 'x'"], "provides_extra": ["x"]}"#,
        )
        .unwrap();
        assert_eq!(
            core_metadata(&metadata),
            "Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Python: >=3.8\nProvides-Extra: x\n\
             Requires-Dist: b>=1 Requires-Dist: evil\nRequires-Dist: c; extra == 'x'\n"
        );
    }
}
