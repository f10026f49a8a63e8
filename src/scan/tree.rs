//! The scanned tree as the only thing that may be read.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// A source tree; every read goes through it and stays inside, symlinks included.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    beneath: beneath::Root,
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
        let root = root.canonicalize()?;
        Ok(Self {
            beneath: beneath::Root::open(&root),
            root,
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
        let file = match self.beneath.file(&inside) {
            Some(file) => file,
            None => self.resolved(&inside).map_err(|error| match error {
                None => ReadError::Outside(path.to_owned()),
                Some(error) => io(error),
            })?,
        };
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(io(std::io::Error::other("it is not a regular file")));
        }
        let too_large = || ReadError::TooLarge {
            path: path.to_owned(),
            limit: Self::MAX_FILE,
        };
        if metadata.len() > Self::MAX_FILE {
            return Err(too_large());
        }
        let expected = usize::try_from(metadata.len()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(expected.saturating_add(1));
        // it may be growing
        let mut limited = file.take(Self::MAX_FILE + 1);
        limited.read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > Self::MAX_FILE {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// Opens a file after looking where all links on the way to it lead; no error means outside.
    fn resolved(&self, inside: &str) -> Result<File, Option<std::io::Error>> {
        let real = self.root.join(inside).canonicalize()?;
        if !real.starts_with(&self.root) {
            return Err(None);
        }
        // opening a named pipe would wait for its other end
        if !real.metadata()?.is_file() {
            let error = std::io::Error::other("it is not a regular file");
            return Err(Some(error));
        }
        Ok(File::open(&real)?)
    }
}

/// Linux itself can keep a path beneath a folder, in one call and without a race.
#[cfg(target_os = "linux")]
mod beneath {
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::sync::Arc;

    use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

    /// The root of a tree, kept open.
    #[derive(Debug, Clone)]
    pub(super) struct Root(Option<Arc<OwnedFd>>);

    impl Root {
        pub(super) fn open(root: &Path) -> Self {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = rustix::fs::open(root, flags, Mode::empty());
            Self(folder.ok().map(Arc::new))
        }

        /// Opens a file beneath the root; `None` when it takes a closer look, as with a link that
        /// is absolute, or when the kernel is older than 5.6.
        pub(super) fn file(&self, inside: &str) -> Option<File> {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            let root = self.0.as_ref()?;
            let file = openat2(root, inside, flags, Mode::empty(), resolve).ok()?;
            Some(File::from(file))
        }
    }
}

/// Other systems have no such call.
#[cfg(not(target_os = "linux"))]
mod beneath {
    use std::fs::File;
    use std::path::Path;

    #[derive(Debug, Clone)]
    pub(super) struct Root;

    impl Root {
        pub(super) fn open(_: &Path) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as on Linux")]
        pub(super) fn file(&self, _: &str) -> Option<File> {
            None
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/b/file"), "inside").unwrap();
        std::fs::write(folder.path().join("secret"), "outside").unwrap();
        symlink("a/b", root.join("relative")).unwrap();
        symlink(root.join("a"), root.join("absolute")).unwrap();
        symlink("../tree/a/b/file", root.join("roundabout")).unwrap();
        symlink("../secret", root.join("up")).unwrap();
        symlink(folder.path(), root.join("a/out")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let mut quick = Tree::new(&root).unwrap();
        let mut slow = quick.clone();
        slow.beneath = beneath::Root::open(&root.join("missing"));
        let cases = [
            ("a/b/file", "inside"),
            ("a/./b/../b/file", "inside"),
            ("relative/file", "inside"),
            ("absolute/b/file", "inside"),
            ("roundabout", "inside"),
            ("up", "`up` leaves the scanned folder"),
            ("a/out/secret", "`a/out/secret` leaves the scanned folder"),
            ("../secret", "`../secret` leaves the scanned folder"),
            ("/etc/passwd", "`/etc/passwd` leaves the scanned folder"),
            ("a", "cannot read `a`: it is not a regular file"),
            ("", "cannot read ``: it is not a regular file"),
        ];
        for tree in [&mut quick, &mut slow] {
            for (path, expected) in cases {
                let found = match tree.read(path) {
                    Ok(bytes) => String::from_utf8(bytes).unwrap(),
                    Err(error) => error.to_string(),
                };
                assert_eq!(found, expected, "{path}");
            }
            for path in ["missing", "loop", "a/b/file/c"] {
                assert!(
                    matches!(tree.read(path), Err(ReadError::Io { .. })),
                    "{path}"
                );
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_named_pipe_is_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.py");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let mut tree = Tree::new(folder.path()).unwrap();
        for _ in 0..2 {
            let error = tree.read("pipe.py").unwrap_err().to_string();
            assert_eq!(error, "cannot read `pipe.py`: it is not a regular file");
            tree.beneath = beneath::Root::open(&pipe);
        }
    }
}
