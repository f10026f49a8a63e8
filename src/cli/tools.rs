//! What old Pythons need besides, from the user's own index and kept in the cache.

use std::path::{Path, PathBuf};

use pinsmith_resolver::Sha256;
use sha2::Digest as _;

use crate::index::{Index, IndexSettings};
use crate::install::{Tool, Tools};

#[derive(Debug)]
pub(super) struct FromIndex {
    pub(super) settings: IndexSettings,
    /// Where the wheels are kept.
    pub(super) folder: PathBuf,
}

impl Tools for FromIndex {
    fn wheel(&self, tool: &Tool) -> Result<PathBuf, String> {
        let sha256: Sha256 = tool.sha256.parse().map_err(|_| "no digest".to_owned())?;
        let path = self.folder.join(tool.filename);
        if digest(&path) == Some(sha256) {
            return Ok(path);
        }
        let name = tool.name.parse().map_err(|_| "no name".to_owned())?;
        let index = Index::open(self.settings.clone()).map_err(|error| error.to_string())?;
        index.download(&name, tool.filename, sha256, &path)?;
        Ok(path)
    }
}

fn digest(path: &Path) -> Option<Sha256> {
    let bytes = std::fs::read(path).ok()?;
    Some(Sha256(sha2::Sha256::digest(bytes).into()))
}
