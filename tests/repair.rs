//! `pinsmith repair` beside a real git: commits of the day, and files that git could bring back.

use std::fs;
use std::path::Path;

use crate::support::case::{Case, Place};
use crate::support::git::{self, commit, step};
use crate::support::index::{Form, serve};

const PROJECT: &str = "[project]\nname = \"lib\"\nversion = \"1.0\"\n";

/// A tree with a repository inside that has a commit of 2019 and one of 2024.
fn place_with_two_commits() -> Option<(Place, [String; 2])> {
    let place =
        Case::of_files(&[("train.py", "import lib\n"), ("requirements.txt", "six\n")]).place();
    let folder = place.path("tree").join("libs.git");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("pyproject.toml"), PROJECT).unwrap();
    let first = commit(&folder, "2019-03-01T00:00:00Z")?;
    fs::write(folder.join("pyproject.toml"), PROJECT.replace("1.0", "2.0")).unwrap();
    let second = commit(&folder, "2024-03-01T00:00:00Z")?;
    let address = format!(
        "lib @ git+file://{}\nsix\n",
        folder.canonicalize().unwrap().display()
    );
    fs::write(place.path("tree/requirements.txt"), address).unwrap();
    Some((place, [first, second]))
}

#[test]
fn a_repository_is_fixed_to_the_last_commit_of_the_day() {
    let Some((place, [first, second])) = place_with_two_commits() else {
        return;
    };
    let server = serve(Form::Json);
    for (day, expected) in [
        ("2026-11-01", &second),
        ("2025-01-01", &second),
        ("2020-01-01", &first),
    ] {
        let run = format!("repair {{target}} --strategy era --as-of {day} --format json");
        let report = report(&place, &run, &server.url("/simple/"));
        assert!(report.contains(&format!("@{expected}")), "{day}: {report}");
    }
    // no commit is that old, and the report says how to find one
    let run = "repair {target} --strategy era --as-of 2018-01-01 --format json";
    let report = report(&place, run, &server.url("/simple/"));
    assert!(
        report.contains("git rev-list -1 --before=2018-01-01"),
        "{report}"
    );
}

#[test]
fn what_git_has_may_be_changed() {
    let place =
        Case::of_files(&[("train.py", "import six\n"), ("requirements.txt", "six\n")]).place();
    let tree = place.path("tree");
    if commit(Path::new(&tree), "2024-03-01T00:00:00Z").is_none() {
        return;
    }
    let server = serve(Form::Json);
    let index = server.url("/simple/");
    let run = "repair {target} --strategy era --as-of 2026-11-01 --apply";
    fs::write(tree.join("requirements.txt"), "six\n# mine\n").unwrap();
    let refused = place.command(&step(&place, run, &index)).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        fs::read_to_string(tree.join("requirements.txt")).unwrap(),
        "six\n# mine\n"
    );
    fs::write(tree.join("requirements.txt"), "six\n").unwrap();
    let output = place.command(&step(&place, run, &index)).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = fs::read_to_string(tree.join("requirements.txt")).unwrap();
    assert_eq!(text, "six==1.17.0  # was: six\n");
}

fn report(place: &Place, run: &str, index: &str) -> String {
    assert!(git::program().is_some());
    let output = place.command(&step(place, run, index)).output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !report.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    report
}
