//! When a working copy was last changed, read from its history.

use std::path::Path;

use pinsmith_resolver::Timestamp;

use super::{Git, GitError, HISTORY_TIME, head_commit, is_commit};

/// The last changes of a working copy that a person committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The commit that is checked out.
    pub head: Change,
    /// The last commit that touched code: Python files and notebooks.
    pub code: Option<Change>,
    /// The last commit that touched a file that declares requirements.
    pub dependencies: Option<Change>,
    /// How many commits there are.
    pub commits: usize,
    /// Whether older commits are missing here, so that the last change may in truth be older.
    pub is_shallow: bool,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its id, 40 hexadecimal digits.
    pub commit: String,
    /// When its author made it.
    pub time: Timestamp,
}

impl Git {
    /// Reads when code and the files that declare requirements were last changed.
    ///
    /// git runs in an empty repository of our own that borrows the objects, so no configuration, hook,
    /// filter or attribute of the working copy counts.
    ///
    /// # Errors
    /// When there is no history in the folder, or it cannot be read.
    pub fn history(&self, tree: &Path, dependency_files: &[String]) -> Result<History, GitError> {
        /// More files than this do not fit on a command line everywhere.
        const MAX_FILES: usize = 200;
        let folder = tree.join(".git");
        let objects = folder.join("objects");
        if !objects.is_dir() {
            let what = "the folder has no git history of its own";
            return Err(GitError(what.to_owned()));
        }
        let head = head_commit(&folder)
            .ok_or_else(|| GitError("the checked-out commit is not known".to_owned()))?;
        let bare = self.bare()?;
        let boundary = std::fs::read_to_string(folder.join("shallow")).unwrap_or_default();
        let boundary: Vec<&str> = boundary.lines().filter(|line| is_commit(line)).collect();
        if !boundary.is_empty() {
            // without it, git would look for the parents that are missing
            let written = std::fs::write(bare.path().join("shallow"), boundary.join("\n") + "\n");
            written.map_err(|error| GitError(format!("the history cannot be read: {error}")))?;
        }
        let mut environment = self.environment.clone();
        environment.insert("GIT_OBJECT_DIRECTORY".into(), objects.into());
        let run = |arguments: &[&str]| -> Result<String, GitError> {
            let output = self.run_in(bare.path(), &environment, arguments, HISTORY_TIME)?;
            Ok(String::from_utf8_lossy(&output).into_owned())
        };
        let last = |files: &[&str]| -> Result<Option<Change>, GitError> {
            let log = [
                "log",
                "-1",
                "--no-show-signature",
                "--format=%H %at",
                &head,
                "--",
            ];
            let arguments = [&log[..], files].concat();
            Ok(run(&arguments)?.lines().next().and_then(change))
        };
        let code = last(&[":(glob)**/*.py", ":(glob)**/*.ipynb"])?;
        let declared = dependency_files.iter().take(MAX_FILES);
        let declared: Vec<String> = declared.map(|file| format!(":(literal){file}")).collect();
        let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
        let dependencies = if declared.is_empty() {
            None
        } else {
            last(&declared)?
        };
        let count = run(&["rev-list", "--count", &head])?;
        Ok(History {
            head: last(&[])?.ok_or_else(|| GitError("the history is empty".to_owned()))?,
            code,
            dependencies,
            commits: count.trim().parse().unwrap_or_default(),
            is_shallow: !boundary.is_empty(),
        })
    }
}

/// `commit seconds`
fn change(line: &str) -> Option<Change> {
    let (commit, seconds) = line.split_once(' ')?;
    Some(Change {
        commit: is_commit(commit).then(|| commit.to_owned())?,
        time: Timestamp::from_second(seconds.trim().parse().ok()?).ok()?,
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use super::*;

    fn commit(tree: &Path, file: &str, date: &str) {
        std::fs::write(tree.join(file), date).unwrap();
        for arguments in [vec!["add", "-A"], vec!["commit", "-qm", "x"]] {
            let done = Command::new("git")
                .args([
                    "-c",
                    "user.name=a",
                    "-c",
                    "user.email=a@b.test",
                    "-c",
                    "commit.gpgsign=false",
                ])
                .args(arguments)
                .current_dir(tree)
                .env("GIT_AUTHOR_DATE", date)
                .env("GIT_COMMITTER_DATE", "2030-01-01T00:00:00Z")
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .status();
            assert!(done.unwrap().success());
        }
    }

    fn git(tree: &Path, arguments: &[&str]) {
        let done = Command::new("git")
            .args(arguments)
            .current_dir(tree)
            .status();
        assert!(done.unwrap().success());
    }

    fn read(tree: &Path) -> Result<History, GitError> {
        let caller = std::env::vars_os().collect::<BTreeMap<_, _>>();
        let files = ["requirements.txt".to_owned()];
        Git::find(&caller, tree).unwrap().history(tree, &files)
    }

    fn day(change: &Change) -> String {
        change.time.to_string().chars().take(10).collect()
    }

    #[test]
    fn the_head_is_not_the_last_change() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("a");
        std::fs::create_dir(&tree).unwrap();
        assert!(read(&tree).unwrap_err().0.contains("no git history"));
        git(&tree, &["init", "-q"]);
        commit(&tree, "requirements.txt", "2018-02-03T00:00:00Z");
        commit(&tree, "train.py", "2019-03-04T00:00:00Z");
        commit(&tree, "README.md", "2023-05-06T00:00:00Z");
        // what would run if the configuration of the tree counted
        std::fs::write(
            tree.join(".git/config"),
            "[core]\n\tfsmonitor = \"touch ../ran\"\n[log]\n\tshowSignature = true\n",
        )
        .unwrap();
        let history = read(&tree).unwrap();
        assert_eq!(day(&history.head), "2023-05-06");
        assert_eq!(day(history.code.as_ref().unwrap()), "2019-03-04");
        assert_eq!(day(history.dependencies.as_ref().unwrap()), "2018-02-03");
        assert_eq!((history.commits, history.is_shallow), (3, false));
        assert!(!folder.path().join("ran").exists() && !tree.join("ran").exists());

        let address = format!("file://{}", tree.display());
        std::fs::remove_file(tree.join(".git/config")).unwrap();
        git(&tree, &["init", "-q"]);
        git(folder.path(), &["clone", "-q", "--depth=1", &address, "b"]);
        let shallow = read(&folder.path().join("b")).unwrap();
        assert!(shallow.is_shallow);
        assert_eq!(day(shallow.code.as_ref().unwrap()), "2023-05-06");
        assert_eq!(shallow.commits, 1);
    }
}
