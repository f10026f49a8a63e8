//! How an index behaves, chosen by whoever opens it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinsmith_resolver::PackageName;

use crate::accelerator::Table;

use super::{Location, NetworkSettings, Stats};

/// How an [`Index`](super::Index) behaves.
#[derive(Clone)]
pub struct IndexSettings {
    /// Which indexes, and how to reach them.
    pub location: Location,
    /// Where answers are kept, see [`Cache::default_dir`](super::cache::Cache::default_dir); `None` keeps nothing.
    pub cache_dir: Option<PathBuf>,
    /// Answer from the cache alone, whatever its age.
    pub offline: bool,
    /// Which project pages are confirmed with the index, whatever their age.
    pub refresh: Refresh,
    /// What upload times are needed for.
    pub upload_times: UploadTimes,
    /// Runs build backends for the metadata of sdists; `None` runs nothing.
    pub builder: Option<Arc<dyn MetadataBuilder>>,
    /// Concurrency, retries and timeouts.
    pub network: NetworkSettings,
    /// Where builds for accelerators are.
    pub accelerators: Arc<Table>,
    /// Told whenever something was asked or answered.
    pub progress: Option<Arc<dyn Progress>>,
}

impl IndexSettings {
    /// Online, with the usual network behaviour and no progress.
    pub fn new(location: Location, cache_dir: Option<PathBuf>) -> Self {
        Self {
            network: NetworkSettings::of(&location),
            location,
            cache_dir,
            offline: false,
            refresh: Refresh::default(),
            upload_times: UploadTimes::default(),
            builder: None,
            accelerators: Arc::new(Table::built_in().clone()),
            progress: None,
        }
    }
}

impl fmt::Debug for IndexSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSettings")
            .field("location", &self.location)
            .field("cache_dir", &self.cache_dir)
            .field("offline", &self.offline)
            .field("refresh", &self.refresh)
            .field("upload_times", &self.upload_times)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

/// Which project pages are asked for again although the cache is fresh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Refresh {
    /// None.
    #[default]
    Nothing,
    /// Those of these projects.
    Only(BTreeSet<PackageName>),
    /// All.
    Everything,
}

impl Refresh {
    pub(super) fn includes(&self, name: &PackageName) -> bool {
        match self {
            Self::Nothing => false,
            Self::Only(names) => names.contains(name),
            Self::Everything => true,
        }
    }
}

/// What upload times are needed for. Where pages have none, the index's JSON beside them is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UploadTimes {
    /// For nothing: what a page lacks is not asked for.
    Unused,
    /// For judging ages; what stays unknown is a note.
    #[default]
    Useful,
    /// For `--as-of`, which leaves out what has none; that is a warning.
    Decisive,
}

/// Gets core metadata out of an sdist by running its build backend, where the user allowed that.
pub trait MetadataBuilder: fmt::Debug + Send + Sync {
    /// What the outcome depends on besides the sdist, such as `python 3.11`.
    fn environment(&self) -> String;

    /// The core metadata of the sdist in a file that has its proper name; the reason, in lower
    /// case, when the build fails.
    fn build(&self, sdist: &Path) -> Result<Vec<u8>, String>;
}

/// Is told how far fetching is; called from several threads, so it must be quick.
pub trait Progress: Send + Sync {
    /// The counts after a change.
    fn update(&self, stats: &Stats);
}
