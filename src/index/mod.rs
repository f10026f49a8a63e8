//! Package indexes: the only network. Implements `pinsmith_resolver::PackageSource`.
//!
//! [`location`] says which indexes are asked, [`Index`] asks them. Bytes become values in pure
//! modules ([`simple`], [`metadata`], [`wheel`], [`sdist`]); `client` talks HTTP and [`cache`] keeps
//! what came. Nothing here runs foreign code, and nothing here knows what is resolved.

mod accelerated;
mod answers;
mod archive;
pub mod cache;
mod client;
pub mod codes;
mod companions;
mod contents;
mod dates;
mod digest;
mod download;
mod files;
mod hosts;
mod joined;
mod learned;
mod links;
pub mod location;
mod lookahead;
pub mod metadata;
mod pages;
mod pip_default;
pub mod sdist;
mod settings;
pub mod simple;
pub mod wheel;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pinsmith_resolver::{
    Lookahead, MetadataAnswer, PackageName, PackageSource, ReleaseFile, ReleasesAnswer,
    Requirement, SourceError, Target, Version, sdist_version,
};
use tokio::runtime::{Handle, Runtime};

use crate::accelerator::Table;
use crate::diagnostic::Diagnostic;

pub use accelerated::OneCuda;
pub use archive::{Archive, ArchiveContent};
pub use client::{ClientError, NetworkSettings};
pub use contents::{Contents, ContentsQuestion};
pub use hosts::{HostAnswer, HostError, HostFile, Hosts, HostsSettings, Question};
pub use location::{IndexUrl, Location, LocationError, LocationFlags};
pub use pip_default::pip_default_index;
pub use settings::{IndexSettings, MetadataBuilder, Progress, Refresh, UploadTimes};

use accelerated::{TargetIndex, View};
use cache::Cache;
use client::Client;
use joined::Joined;
use simple::{ProjectStatus, StatusMarker};

/// The indexes of a [`Location`], with cache and connections; one for a whole run.
///
/// Each project and each file's metadata is fetched once, and callers that want the same thing at
/// the same time wait for the same answer. The methods of [`PackageSource`] block; they must not
/// be called from within an async runtime.
pub struct Index {
    shared: Arc<Shared>,
    handle: Handle,
    runtime: Option<Runtime>,
}

/// What was asked and answered so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// HTTP requests sent, retries included, redirects not.
    pub requests: u64,
    /// Bytes of bodies received, as they came over the wire.
    pub bytes: u64,
    /// Requests that were sent again.
    pub retries: u64,
    /// Answers out of the cache without a request.
    pub cache_hits: u64,
    /// Project pages that the index confirmed as unchanged (304).
    pub confirmed: u64,
    /// Projects asked for.
    pub projects_asked: u64,
    /// Projects answered.
    pub projects_done: u64,
    /// Files whose metadata was asked for.
    pub metadata_asked: u64,
    /// Files whose metadata was answered.
    pub metadata_done: u64,
}

/// What to do about settings that no connection can be made with.
const SETTINGS_HELP: &str =
    "correct the certificate or proxy in the environment or in pip's configuration file";

/// The index cannot be opened; the network itself is only touched later.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A certificate or proxy setting cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system gives no threads.
    #[error("cannot start network threads: {0}")]
    Threads(#[source] std::io::Error),
}

impl IndexError {
    /// The error as a diagnostic, with its code and remedy.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(codes::UNUSABLE_SETTINGS, self.to_string()).help(SETTINGS_HELP)
    }
}

/// What the tasks of one [`Index`] share.
struct Shared {
    location: Location,
    /// Display names of the places of the location, in their order.
    index_names: Vec<Arc<str>>,
    offline: bool,
    refresh: Refresh,
    upload_times: UploadTimes,
    builder: Option<Arc<dyn MetadataBuilder>>,
    /// One build at a time: each may use all of the machine.
    building: tokio::sync::Mutex<()>,
    date_misses: dates::Misses,
    client: Client,
    cache: Cache,
    links: Joined<String, Result<links::Found, SourceError>>,
    statuses: Mutex<BTreeMap<PackageName, (ProjectStatus, Arc<str>)>>,
    projects: Joined<PackageName, Result<ReleasesAnswer, SourceError>>,
    /// What targets with accelerators are offered, by their key.
    routed: Joined<String, Result<ReleasesAnswer, SourceError>>,
    accelerators: Arc<Table>,
    /// Versions that stand for files of pages of wheels, by address; see [`Table::on_page`].
    candidates: Mutex<BTreeMap<String, Version>>,
    /// Projects of which a page could not be asked, and why.
    unknown: Mutex<BTreeMap<PackageName, String>>,
    metadata: Joined<String, Result<MetadataAnswer, SourceError>>,
    guesses: learned::Guesses,
    tails: learned::Tails,
    followed: lookahead::Followed,
    grounds: answers::Grounds,
    findings: Mutex<BTreeSet<Diagnostic>>,
    counters: Counters,
    progress: Option<Arc<dyn Progress>>,
}

#[derive(Default)]
struct Counters {
    cache_hits: AtomicU64,
    confirmed: AtomicU64,
    projects_asked: AtomicU64,
    projects_done: AtomicU64,
    metadata_asked: AtomicU64,
    metadata_done: AtomicU64,
}

impl Index {
    /// Makes connections possible; asks nothing yet.
    ///
    /// # Errors
    /// [`IndexError`] for unusable certificates or proxies, or when no threads can be started.
    pub fn open(settings: IndexSettings) -> Result<Self, IndexError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(2)
            .thread_name("pinsmith-index")
            .enable_all()
            .build()
            .map_err(IndexError::Threads)?;
        let client = Client::new(&settings.location, settings.network)?;
        let index_names = settings
            .location
            .places()
            .map(|index| Arc::from(index.to_string()))
            .collect();
        let shared = Shared {
            client,
            cache: Cache::new(settings.cache_dir),
            offline: settings.offline,
            refresh: settings.refresh,
            upload_times: settings.upload_times,
            builder: settings.builder,
            building: tokio::sync::Mutex::default(),
            links: Joined::default(),
            statuses: Mutex::default(),
            date_misses: dates::Misses::default(),
            projects: Joined::default(),
            routed: Joined::default(),
            accelerators: settings.accelerators,
            candidates: Mutex::default(),
            unknown: Mutex::default(),
            metadata: Joined::default(),
            guesses: learned::Guesses::default(),
            tails: learned::Tails::default(),
            followed: lookahead::Followed::default(),
            grounds: answers::Grounds::default(),
            findings: Mutex::new(withheld_credentials(&settings.location)),
            counters: Counters::default(),
            progress: settings.progress,
            index_names,
            location: settings.location.clone(),
        };
        let shared = Arc::new(shared);
        let looked_after = Arc::clone(&shared);
        drop(runtime.spawn_blocking(move || looked_after.cache.look_after()));
        Ok(Self {
            shared,
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    /// The indexes that are asked, in order.
    pub fn location(&self) -> &Location {
        &self.shared.location
    }

    /// The cache that answers are kept in.
    pub fn cache(&self) -> &Cache {
        &self.shared.cache
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// What the indexes say has become of these projects (PEP 792), sorted.
    ///
    /// Many more projects are looked at than an answer has, so the caller names those that count.
    pub fn status_diagnostics<'n>(
        &self,
        names: impl IntoIterator<Item = &'n PackageName>,
    ) -> Vec<Diagnostic> {
        let statuses = lock(&self.shared.statuses);
        let found: BTreeSet<Diagnostic> = names
            .into_iter()
            .filter_map(|name| {
                let (status, index) = statuses.get(name)?;
                Some(status_diagnostic(name, status, index))
            })
            .collect();
        found.into_iter().collect()
    }

    /// Why nobody knows which files a project has, where a page of the accelerator table could not be
    /// asked.
    pub fn unknown(&self, name: &PackageName) -> Option<String> {
        lock(&self.shared.unknown).get(name).cloned()
    }

    /// What a person should know about the indexes and the cache, found so far; sorted.
    ///
    /// Notes of the [`Location`] are included.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut found = self.shared.lock_findings().clone();
        found.extend(self.shared.location.notes.iter().cloned());
        if let Some(problem) = self.shared.cache.trouble() {
            found.insert(
                Diagnostic::warning(
                    codes::CACHE,
                    format!("the cache cannot be written: {problem}"),
                )
                .help("name another folder with --cache-dir or PINSMITH_CACHE_DIR"),
            );
        }
        found.into_iter().collect()
    }
}

impl Drop for Index {
    /// Does not wait for what was only asked for in advance.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("location", &self.shared.location)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl PackageSource for Index {
    /// Asks the indexes in order; the first that has the project answers for it alone.
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        self.shared.grounds.asked(name);
        self.handle.block_on(self.shared.project(name))
    }

    fn metadata(
        &self,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        expect_older(&self.shared, name, file, &self.handle, None);
        let answer = self.handle.block_on(self.shared.file_metadata(name, file));
        self.shared.grounds.used(file, &answer);
        answer
    }

    fn look_ahead(&self, requirements: Vec<Requirement>, guess: &Arc<dyn Lookahead>) {
        lookahead::follow(&self.shared, requirements, guess, &self.handle, None);
    }

    fn expect(&self, name: &PackageName, file: &ReleaseFile) {
        lookahead::expect(&self.shared, name, file, &self.handle);
    }

    /// Builds for accelerators come from where the table says.
    fn for_target<'s>(&'s self, target: &Target) -> Option<Box<dyn PackageSource + 's>> {
        Some(Box::new(TargetIndex::new(self, target, None)))
    }
}

/// Fetches older metadata ahead when the resolver is on its way down.
fn expect_older(
    shared: &Arc<Shared>,
    name: &PackageName,
    file: &ReleaseFile,
    handle: &Handle,
    view: Option<&Arc<View>>,
) {
    let version = match file.wheel() {
        Some(wheel) => Some(wheel.version.clone()),
        None => sdist_version(&file.filename, name),
    };
    if let Some(version) = version {
        lookahead::expect_older(shared, name, &version, handle, view);
    }
}

impl Shared {
    async fn project(self: &Arc<Self>, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        let first = async {
            self.count(&self.counters.projects_asked);
            let answer = Box::pin(pages::project(self, name)).await;
            self.count(&self.counters.projects_done);
            answer
        };
        self.projects.get(name, first).await
    }

    /// The same as a target sees it.
    async fn project_seen(
        self: &Arc<Self>,
        name: &PackageName,
        view: Option<&Arc<View>>,
    ) -> Result<ReleasesAnswer, SourceError> {
        match view {
            Some(view) => Box::pin(view.project(self, name)).await,
            None => self.project(name).await,
        }
    }

    async fn file_metadata(
        self: &Arc<Self>,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        let first = async {
            self.count(&self.counters.metadata_asked);
            let answer = files::metadata(self, name, file).await;
            self.count(&self.counters.metadata_done);
            answer
        };
        self.metadata.get(&file.url, first).await
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        if let Some(progress) = &self.progress {
            progress.update(&self.stats());
        }
    }

    fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.client.counts.requests),
            bytes: read(&self.client.counts.bytes),
            retries: read(&self.client.counts.retries),
            cache_hits: read(&self.counters.cache_hits),
            confirmed: read(&self.counters.confirmed),
            projects_asked: read(&self.counters.projects_asked),
            projects_done: read(&self.counters.projects_done),
            metadata_asked: read(&self.counters.metadata_asked),
            metadata_done: read(&self.counters.metadata_done),
        }
    }

    /// The display name of an index, which all of its projects share.
    fn name_of(&self, index: &IndexUrl) -> Arc<str> {
        let all = self.location.places().zip(&self.index_names);
        let known = all.filter(|(known, _)| known.url() == index.url());
        let name = known.map(|(_, name)| Arc::clone(name)).next();
        name.unwrap_or_else(|| index.to_string().into())
    }

    fn note(&self, finding: Diagnostic) {
        self.lock_findings().insert(finding);
    }

    fn lock_findings(&self) -> std::sync::MutexGuard<'_, BTreeSet<Diagnostic>> {
        lock(&self.findings)
    }

    /// Runs what blocks or computes for long away from the network threads.
    async fn off_thread<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, SourceError> {
        let shared = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|error| SourceError {
            code: None,
            message: format!("reading an answer of the index failed: {error}"),
            help: None,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn status_diagnostic(name: &PackageName, status: &ProjectStatus, index: &str) -> Diagnostic {
    let reason = status.reason.as_deref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let message = |what: &str| format!("`{name}` is {what} on {index}{reason}");
    match status.marker {
        StatusMarker::Archived => Diagnostic::info(
            codes::PROJECT_STATUS,
            message("archived: its owners expect no further release"),
        ),
        StatusMarker::Deprecated => {
            Diagnostic::warning(codes::PROJECT_STATUS, message("deprecated"))
                .help("look for what has taken its place")
        }
        StatusMarker::Quarantined => {
            Diagnostic::warning(codes::QUARANTINED, message("quarantined as unsafe"))
                .help("do not install it before the index has cleared it")
        }
    }
}

fn withheld_credentials(location: &Location) -> BTreeSet<Diagnostic> {
    let withheld = location
        .places()
        .filter(|index| index.credentials.is_some() && !client::may_carry_credentials(index.url()));
    withheld
        .map(|index| {
            Diagnostic::warning(
                codes::CREDENTIALS_WITHHELD,
                format!("the credentials for {index} are not sent, since it is plain http"),
            )
            .help("use the index's https address")
        })
        .collect()
}

#[cfg(test)]
mod tests;
