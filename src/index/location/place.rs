//! What discovery may look at.

use std::fmt;
use std::path::{Path, PathBuf};

use super::DefaultIndex;

/// The world as discovery sees it; tests give one made of values.
pub struct Place<'a> {
    /// A variable of the environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The content of a file; `None` when there is none.
    pub read: &'a dyn Fn(&Path) -> Option<Vec<u8>>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// `linux`, `macos` or `windows`, as in `std::env::consts::OS`.
    pub os: &'a str,
    /// The scanned tree: no configuration below it counts.
    pub scanned_root: PathBuf,
    /// Asks an installed pip for its default index; only called when nothing else names one.
    pub ask_pip: &'a dyn Fn() -> Option<DefaultIndex>,
    /// The password that the user's keyring command has for a service and a user; only called
    /// when pip or uv is told to use it.
    pub ask_keyring: &'a dyn Fn(&str, &str) -> Option<String>,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("home", &self.home)
            .field("os", &self.os)
            .field("scanned_root", &self.scanned_root)
            .finish_non_exhaustive()
    }
}

impl Place<'_> {
    /// A variable that is set and not empty.
    pub(super) fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }

    /// A folder from the environment, which counts only when it is absolute.
    pub(super) fn dir(&self, name: &str) -> Option<PathBuf> {
        self.var(name)
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    }

    /// Where programs keep their configuration: the user's folder and the system's.
    pub(super) fn configuration_folders(&self) -> [Option<PathBuf>; 2] {
        if self.os == "windows" {
            return [self.dir("APPDATA"), self.dir("PROGRAMDATA")];
        }
        let own = self.home.as_ref().map(|home| home.join(".config"));
        let user = self.dir("XDG_CONFIG_HOME").or(own);
        [user, Some(PathBuf::from("/etc"))]
    }

    pub(super) fn text(&self, path: &Path) -> Option<String> {
        if path.starts_with(&self.scanned_root) {
            return None;
        }
        (self.read)(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}
