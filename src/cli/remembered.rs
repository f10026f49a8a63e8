//! What was read of a tree, kept in the cache for the next run.

use super::args::GlobalArgs;
use super::world::cache_dir;
use crate::index::cache::Cache;
use crate::scan::{Memory, Tree};

/// The place of one tree in the cache.
pub(super) struct Remembered {
    cache: Cache,
    place: String,
}

impl Remembered {
    /// For the scan.
    pub(super) fn new(tree: &Tree, global: &GlobalArgs) -> Self {
        Self {
            cache: Cache::new(cache_dir(global)),
            place: tree.root().to_string_lossy().into_owned(),
        }
    }

    /// For what the code says about its Python.
    pub(super) fn of_python(tree: &Tree, global: &GlobalArgs) -> Self {
        let mut of_scan = Self::new(tree, global);
        // no path has this byte
        of_scan.place.push_str("\0python");
        of_scan
    }
}

impl Memory for Remembered {
    fn recall(&self) -> Option<Vec<u8>> {
        self.cache.recall_tree(&self.place)
    }

    fn keep(&self, bytes: &[u8]) {
        self.cache.keep_tree(&self.place, bytes);
    }
}

/// This very program: another build may read files otherwise.
pub(super) fn this_program() -> Option<String> {
    let about = std::env::current_exe().ok()?.metadata().ok()?;
    let modified = about.modified().ok()?;
    let modified = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!(
        "{} {} {}",
        env!("CARGO_PKG_VERSION"),
        about.len(),
        modified.as_nanos()
    ))
}
