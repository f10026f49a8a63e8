//! Which folder may be used as the virtual environment.
//!
//! Changing a virtual environment runs its Python, and starting a Python runs the `.pth` files in
//! it. A tree can bring a `.venv` along, so one is only used when this user's pinsmith made it: a
//! random word is kept both in the environment and in the cache, where the tree cannot write.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use pinsmith_resolver::Sha256;
use sha2::{Digest, Sha256 as Hasher};

use super::command::venv_python;
use super::{SyncError, SyncOptions};

/// The file within a virtual environment that holds the word.
const MARK: &str = ".pinsmith";

/// What stands at the chosen place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing, or an empty folder.
    Free,
    /// A virtual environment that may be changed.
    Usable,
}

/// Looks at the place without running anything.
pub(super) fn examine(options: &SyncOptions) -> Result<Place, SyncError> {
    let path = &options.venv;
    let refuse = |what| {
        Err(SyncError::NotAVenv {
            path: path.clone(),
            what,
        })
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Place::Free),
        Err(source) => return Err(SyncError::io(path, source)),
    };
    if metadata.is_symlink() {
        // It may lead to an environment of another project.
        return refuse("a symbolic link");
    }
    if !metadata.is_dir() {
        return refuse("a file");
    }
    let mut entries = fs::read_dir(path).map_err(|source| SyncError::io(path, source))?;
    if entries.next().is_none() {
        return Ok(Place::Free);
    }
    // a virtualenv of the time of Python 2 has no `pyvenv.cfg`
    let activate = venv_python(path).with_file_name("activate_this.py");
    if !path.join("pyvenv.cfg").is_file() && !activate.is_file() {
        return refuse("a folder with other files");
    }
    if options.trust_venv || made_by_us(options) {
        Ok(Place::Usable)
    } else {
        Err(SyncError::UnknownVenv(path.clone()))
    }
}

/// Remembers that this environment was made here.
pub(super) fn remember(options: &SyncOptions) -> Result<(), SyncError> {
    let word = format!("{:016x}{:016x}", random(), random());
    let record = record(options);
    let write = |path: &Path| fs::write(path, &word).map_err(|source| SyncError::io(path, source));
    if let Some(folder) = record.parent() {
        fs::create_dir_all(folder).map_err(|source| SyncError::io(folder, source))?;
    }
    write(&record)?;
    write(&options.venv.join(MARK))
}

fn made_by_us(options: &SyncOptions) -> bool {
    let recorded = fs::read(record(options)).ok();
    let mark = fs::read(options.venv.join(MARK)).ok();
    recorded.is_some_and(|word| !word.is_empty() && Some(word) == mark)
}

/// One file per place, named by the digest of its path.
fn record(options: &SyncOptions) -> PathBuf {
    let path = options
        .venv
        .canonicalize()
        .unwrap_or_else(|_| options.venv.clone());
    let digest = Sha256(Hasher::digest(path.as_os_str().as_encoded_bytes()).into());
    options.cache_dir.join("venvs").join(digest.to_string())
}

/// Every `RandomState` is keyed anew from the operating system's random source.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8)
}
