//! The command line from end to end, offline: the real program against an index in this process.

use std::path::{Path, PathBuf};

use crate::support::case::Cases;

#[test]
fn lock() {
    check("lock");
}

#[test]
fn compile() {
    check("compile");
}

#[test]
fn env() {
    check("env");
}

#[test]
fn scan() {
    check("scan");
}

#[test]
fn terminal() {
    check("terminal");
}

#[test]
fn errors() {
    check("errors");
}

#[test]
fn bad_input() {
    check("bad-input");
}

#[test]
fn trust() {
    check("trust");
}

/// Runs every case of a subject and compares its transcript.
fn check(subject: &str) {
    let folder = fixtures();
    let text = std::fs::read_to_string(folder.join(format!("{subject}.toml"))).unwrap();
    let cases: Cases = toml::from_str(&text).unwrap();
    let assert = snapbox::Assert::new()
        .normalize_paths(false)
        .action_env("SNAPSHOTS");
    let mut wrong = Vec::new();
    for case in cases.case.iter().filter(|case| case.fits()) {
        let outcome = case.transcript().and_then(|transcript| {
            let file = folder.join(subject).join(format!("{}.txt", case.name));
            let expected = snapbox::Data::read_from(&file, Some(snapbox::data::DataFormat::Text));
            let compared = assert.try_eq(Some(&case.name), transcript.into(), expected);
            compared.map_err(|difference| difference.to_string())
        });
        if let Err(difference) = outcome {
            wrong.push(format!("{subject}/{}: {difference}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cli")
}
