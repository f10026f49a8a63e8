//! The scanned tree as the only thing that may be read.

use std::path::{Component, Path, PathBuf};

/// A source tree; every read goes through it and stays inside, symlinks included.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
}

/// Why a file of the tree cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The path leaves the tree, lexically or through a symlink.
    #[error("`{0}` leaves the scanned folder")]
    Outside(String),
    /// The file is larger than what is read.
    #[error("`{path}` is larger than {limit} bytes")]
    TooLarge {
        /// Root-relative path.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The operating system said no.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// Root-relative path.
        path: String,
        /// What it said.
        source: std::io::Error,
    },
}

impl Tree {
    /// Largest file that is read, in bytes.
    pub const MAX_FILE: u64 = 64 * 1024 * 1024;

    /// A tree at `root`, which must exist; the path is made absolute and free of symlinks.
    pub fn new(root: &Path) -> std::io::Result<Self> {
        Ok(Self {
            root: root.canonicalize()?,
        })
    }

    /// The canonical root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Joins a `/`-separated path to the folder of `from` (a file of the tree) without leaving it.
    ///
    /// ```
    /// # use pinsmith::scan::Tree;
    /// assert_eq!(Tree::join("req/dev.txt", "../base.txt").unwrap(), "base.txt");
    /// assert!(Tree::join("dev.txt", "../base.txt").is_err());
    /// ```
    pub fn join(from: &str, path: &str) -> Result<String, ReadError> {
        let outside = || ReadError::Outside(path.to_owned());
        let mut parts: Vec<&str> = from.split('/').collect();
        parts.pop();
        for component in Path::new(path).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_str().ok_or_else(outside)?),
                Component::CurDir => {}
                Component::ParentDir => {
                    parts.pop().ok_or_else(outside)?;
                }
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        Ok(parts.join("/"))
    }

    /// Reads a root-relative file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let io = |source| ReadError::Io {
            path: path.to_owned(),
            source,
        };
        let inside = Self::join("", path)?;
        let real = self.root.join(&inside).canonicalize().map_err(io)?;
        if !real.starts_with(&self.root) {
            return Err(ReadError::Outside(path.to_owned()));
        }
        let metadata = std::fs::metadata(&real).map_err(io)?;
        if !metadata.is_file() {
            return Err(io(std::io::Error::other("it is not a regular file")));
        }
        if metadata.len() > Self::MAX_FILE {
            return Err(ReadError::TooLarge {
                path: path.to_owned(),
                limit: Self::MAX_FILE,
            });
        }
        std::fs::read(&real).map_err(io)
    }
}
