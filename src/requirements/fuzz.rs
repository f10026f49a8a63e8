//! The readers of declarations for `crate::fuzz`.

use super::declared::line::Role;
use super::declared::load::Loader;
use crate::scan::ReadError;

/// A name for each kind of file.
const FILES: [&str; 8] = [
    "requirements.txt",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "environment.yml",
    "Pipfile",
    "script.py",
    "cog.yaml",
];

/// Reads bytes as each kind of file.
pub(crate) fn declarations(bytes: &[u8]) {
    for file in FILES {
        let mut read = |path: &str| {
            if path == file {
                Ok(bytes.to_vec())
            } else {
                Err(ReadError::Outside(path.to_owned()))
            }
        };
        Loader::new(&mut read).load(file, Role::default());
    }
}
