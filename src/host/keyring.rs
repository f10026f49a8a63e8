//! The user's `keyring` command, as pip's `subprocess` provider runs it.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::process::run_in;
use super::search::program;

/// It may have to ask the user to unlock something.
const LIMIT: Duration = Duration::from_mins(1);

/// The password that `keyring get SERVICE USER` prints; `None` when there is no such command or
/// no such password.
///
/// The command is looked for in the absolute folders of `path` that do not lie below
/// `scanned_root`, and gets the user's `environment` without the variables that change what a
/// Python imports.
pub fn keyring_password(
    path: &str,
    scanned_root: &Path,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    service: &str,
    user: &str,
) -> Option<String> {
    let program = program("keyring", path, scanned_root)?;
    let environment: Vec<(OsString, OsString)> = environment
        .into_iter()
        .filter(|(name, _)| {
            !name
                .to_string_lossy()
                .to_ascii_uppercase()
                .starts_with("PYTHON")
        })
        .collect();
    // an option in the place of a service or a user would change the question
    if [service, user].iter().any(|word| word.starts_with('-')) {
        return None;
    }
    let printed = run_in(&environment, &program, &["get", service, user], LIMIT).ok()?;
    let password = printed.trim_end_matches(['\r', '\n']);
    (!password.is_empty()).then(|| password.to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_command_outside_of_the_tree_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        let own = dir.path().join("own");
        for (folder, answer) in [
            (&tree, "echo evil"),
            (&own, "[ \"$3\" = me ] && echo \"$1:$2:$PYTHONPATH\""),
        ] {
            fs::create_dir(folder).unwrap();
            let file = folder.join("keyring");
            fs::write(&file, format!("#!/bin/sh\n{answer}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("rel:{}:{}", tree.display(), own.display());
        let ask = |path: &str, service: &str, user: &str| {
            let environment = [("PYTHONPATH".into(), "evil".into())];
            keyring_password(path, &tree, environment, service, user)
        };
        for (path, service, user, expected) in [
            (path.as_str(), "index.test", "me", Some("get:index.test:")),
            (&path, "index.test", "you", None),
            (&path, "--help", "me", None),
            (tree.to_str().unwrap(), "index.test", "me", None),
        ] {
            let found = ask(path, service, user);
            assert_eq!(found.as_deref(), expected, "{service} {user}");
        }
    }
}
