//! The command line from end to end, offline: the real program against an index in this process.

use std::path::{Path, PathBuf};

use crate::support::case::{Case, Cases, Step};

#[test]
fn lock() {
    check("lock");
}

#[test]
fn explain() {
    check("explain");
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
fn generate() {
    check("generate");
}

#[test]
fn check_command() {
    check("check");
}

#[test]
fn repair() {
    check("repair");
}

#[test]
fn doctor() {
    check("doctor");
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

/// Whatever the cases of `pinsmith lock` lock agrees with what it was made from.
#[test]
fn what_was_just_locked_agrees() {
    let mut checked = 0;
    for subject in ["lock", "trust", "bad-input", "check", "env"] {
        for case in cases(subject).case.iter().filter(|case| case.fits()) {
            let place = case.place();
            for step in &case.step {
                place.edit(step);
                let locked = place.run(step).status.success();
                let Some(check) = step.check_after_lock().filter(|_| locked) else {
                    continue;
                };
                let output = place.run(&check);
                let found = String::from_utf8_lossy(&output.stdout);
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {found}{stderr}", case.name);
                checked += 1;
            }
        }
    }
    assert!(checked >= 20, "{checked}");
}

/// Neither folder, nor locale, time zone, home or terminal shows in what is written.
#[test]
fn the_same_tree_gives_the_same_bytes_everywhere() {
    let everywhere: [&[(&str, &str)]; 3] = [
        &[],
        &[("LC_ALL", "C"), ("TZ", "Asia/Kathmandu"), ("TERM", "dumb")],
        &[
            ("LC_ALL", "tr_TR.UTF-8"),
            ("LANG", "ar_EG.UTF-8"),
            ("LANGUAGE", "ar"),
            ("TZ", "America/St_Johns"),
            ("COLUMNS", "40"),
            ("CLICOLOR_FORCE", "1"),
            ("USER", "somebody"),
        ],
    ];
    for repo in repos() {
        let mut first = None;
        for environment in everywhere {
            let place = Case::of_repo(&repo).place();
            let mut step = Step::of("lock {target} --all-groups --as-of 2026-11-01", "json");
            step.env.extend(
                environment
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            );
            let output = place.run(&step);
            assert!(output.status.success(), "{output:?}");
            let written = (output.stdout, place.snapshot());
            let expected = first.get_or_insert_with(|| written.clone());
            assert!(*expected == written, "{repo} differs with {environment:?}");
        }
    }
}

/// Every example repository.
fn repos() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos");
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// The hooks and the action call pinsmith as it can be called.
#[test]
fn hooks_and_action_run() {
    let place = Case::of_files(&[("a.py", "import six\n")]).place();
    let locked = place.run(&Step::of("lock {target}", "json"));
    assert!(locked.status.success());
    let hooks = yaml(".pre-commit-hooks.yaml");
    for hook in hooks.as_vec().unwrap() {
        let entry = hook["entry"].as_str().unwrap();
        let words = entry.strip_prefix("pinsmith ").unwrap();
        assert!(
            place.run(&Step::of(words, "none")).status.success(),
            "{entry}"
        );
    }
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_vec().unwrap();
    let script = steps.last().unwrap()["run"].as_str().unwrap();
    let command = script
        .lines()
        .find_map(|line| line.trim().strip_prefix("pinsmith "));
    let command = command.unwrap().replace("\"$PINSMITH_PATH\"", ".");
    for format in ["github", "sarif", "json", "text"] {
        let command = command.replace("\"$PINSMITH_FORMAT\"", format);
        let output = place.run(&Step::of(&command, "none"));
        assert!(output.status.success(), "{command}: {output:?}");
    }
    assert!(
        !script.contains("${{"),
        "a value of a stranger is part of a script"
    );
}

fn yaml(name: &str) -> yaml_rust2::Yaml {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = std::fs::read_to_string(path).unwrap();
    yaml_rust2::YamlLoader::load_from_str(&text)
        .unwrap()
        .remove(0)
}

/// Runs every case of a subject and compares its transcript.
fn check(subject: &str) {
    let folder = fixtures();
    let cases = cases(subject);
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

fn cases(subject: &str) -> Cases {
    let text = std::fs::read_to_string(fixtures().join(format!("{subject}.toml"))).unwrap();
    toml::from_str(&text).unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cli")
}
