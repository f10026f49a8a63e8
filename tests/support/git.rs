//! Repositories made by a test; where this machine has no git, such parts of a test are left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::case::{Place, Step};

/// The git of this machine.
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join("git"));
    programs.find(|program| program.is_file())
}

/// A command that finds git, as the commands of a person do.
pub(crate) fn step(place: &Place, run: &str, index: &str) -> Step {
    let step = Step::of(run, index);
    match program() {
        Some(git) => {
            let folder = git.parent().unwrap().display().to_string();
            let path = format!("{}:{folder}", place.path("bin").display());
            step.with_env("PATH", &path)
        }
        None => step,
    }
}

/// Makes a folder a repository and commits all of it at a time; the commit.
pub(crate) fn commit(folder: &Path, time: &str) -> Option<String> {
    let git = program()?;
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "."],
        &["commit", "--quiet", "-m", "first"],
    ] {
        run(&git, folder, time, arguments);
    }
    Some(run(&git, folder, time, &["rev-parse", "HEAD"]))
}

/// A bare repository at a path with one commit of some files and a tag `v1`; the commit.
pub(crate) fn bare(at: &Path, files: &[(&str, String)]) -> Option<String> {
    let git = program()?;
    let work = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = work.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let time = "2024-01-01T00:00:00Z";
    let found = commit(work.path(), time)?;
    run(&git, work.path(), time, &["tag", "v1"]);
    let place = at.to_str().unwrap();
    run(
        &git,
        work.path(),
        time,
        &["clone", "--quiet", "--bare", ".", place],
    );
    Some(found)
}

fn run(git: &Path, folder: &Path, time: &str, arguments: &[&str]) -> String {
    let own = [
        "user.name=a",
        "user.email=a@test.test",
        "init.defaultBranch=main",
    ];
    let output = Command::new(git)
        .args(own.iter().flat_map(|setting| ["-c", setting]))
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_COMMITTER_DATE", time)
        .env("GIT_AUTHOR_DATE", time)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
