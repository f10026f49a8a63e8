//! The index as a target with an accelerator sees it.
//!
//! Builds for accelerators lie on indexes of their own, which are explicit: nothing but the packages
//! that the table names is ever taken from them. Their dates are those of the main index, since
//! their own are those of the last change, and the releases say which CUDA they are built for.

mod candidates;
mod one_cuda;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{
    Accelerator, CoreMetadata, CoreMetadataHint, FileKind, Lookahead, MetadataAnswer, PackageName,
    PackageSource, Project, ReleaseFile, ReleasesAnswer, Requirement, SourceError, Target, Version,
    cuda_package, parse_requirement,
};
use tokio::runtime::Handle;

use crate::accelerator::{self, NO_SUCH_PAGE, PAGE_UNKNOWN, Route, Table, WheelLocal};
use crate::diagnostic::Diagnostic;

use super::pages::{self, Page};
use super::{Index, IndexUrl, Shared, codes, links, lock, lookahead};

pub use one_cuda::OneCuda;

/// One target's view of the index.
pub(super) struct TargetIndex<'i> {
    shared: &'i Arc<Shared>,
    handle: &'i Handle,
    view: Arc<View>,
}

/// What decides where a target takes its packages from.
#[derive(Debug)]
pub(super) struct View {
    target: Target,
    table: Arc<Table>,
    /// Whether libraries of CUDA, too, must be of one major version; all but these.
    one_cuda: Option<Arc<BTreeSet<PackageName>>>,
}

impl<'i> TargetIndex<'i> {
    pub(super) fn new(
        index: &'i Index,
        target: &Target,
        one_cuda: Option<Arc<BTreeSet<PackageName>>>,
    ) -> Self {
        let view = Arc::new(View {
            target: target.clone(),
            table: Arc::clone(&index.shared.accelerators),
            one_cuda,
        });
        Self {
            shared: &index.shared,
            handle: &index.handle,
            view,
        }
    }
}

impl PackageSource for TargetIndex<'_> {
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        if *name == cuda_package() {
            let project = self.view.cuda_releases();
            return Ok(ReleasesAnswer::Found(Arc::new(project)));
        }
        match self.view.table.route(name, &self.view.target) {
            Route::Main => self.shared.grounds.asked(name),
            // what these pages say is not kept with their digests
            Route::Index { .. } | Route::Pages { .. } => self.shared.grounds.unsettle(),
        }
        self.handle.block_on(self.view.project(self.shared, name))
    }

    fn metadata(
        &self,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        if *name == cuda_package() {
            return Ok(nothing_required(name, file));
        }
        super::expect_older(self.shared, name, file, self.handle, Some(&self.view));
        let found = self.handle.block_on(self.shared.file_metadata(name, file));
        self.shared.grounds.used(file, &found);
        Ok(match found? {
            MetadataAnswer::Found(metadata) => {
                let candidate = lock(&self.shared.candidates).get(&file.url).cloned();
                let version = candidate.as_ref().unwrap_or(&metadata.version).clone();
                MetadataAnswer::Found(self.view.with_needs(name, &version, metadata))
            }
            other => other,
        })
    }

    fn expect(&self, name: &PackageName, file: &ReleaseFile) {
        if *name != cuda_package() {
            lookahead::expect(self.shared, name, file, self.handle);
        }
    }

    fn look_ahead(&self, mut requirements: Vec<Requirement>, guess: &Arc<dyn Lookahead>) {
        requirements.retain(|requirement| requirement.name != cuda_package());
        lookahead::follow(
            self.shared,
            requirements,
            guess,
            self.handle,
            Some(&self.view),
        );
    }
}

impl fmt::Debug for TargetIndex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetIndex")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

impl View {
    /// The key under which this view's answer about a project is kept: targets share answers.
    pub(super) fn key(&self, name: &PackageName) -> String {
        match self.table.route(name, &self.target) {
            Route::Main => name.to_string(),
            _ => format!(
                "{name} {} {}",
                self.target.accelerator, self.target.platform
            ),
        }
    }

    /// What this target is offered of a project.
    pub(super) async fn project(
        &self,
        shared: &Arc<Shared>,
        name: &PackageName,
    ) -> Result<ReleasesAnswer, SourceError> {
        match self.table.route(name, &self.target) {
            Route::Main => shared.project(name).await,
            Route::Index { url, optional } => {
                let first = Box::pin(self.of_index(shared, name, &url, optional));
                shared.routed.get(&self.key(name), first).await
            }
            Route::Pages { pages } => {
                let first = Box::pin(self.of_pages(shared, name, &pages));
                shared.routed.get(&self.key(name), first).await
            }
        }
    }

    /// The builds of an explicit index, with the dates of the main one.
    async fn of_index(
        &self,
        shared: &Arc<Shared>,
        name: &PackageName,
        url: &str,
        optional: bool,
    ) -> Result<ReleasesAnswer, SourceError> {
        let index = self.index_url(url)?;
        let (own, main) = tokio::join!(
            pages::explicit_page(shared, &index, name),
            shared.project(name)
        );
        let own = match own? {
            Page::Found(own) => own,
            Page::NotFound if optional => return main,
            Page::NotFound => return Ok(ReleasesAnswer::NotFound),
            Page::Offline => return Ok(ReleasesAnswer::Offline),
        };
        let main = match main {
            Ok(ReleasesAnswer::Found(main)) => Some(main),
            // its ages are not worth failing for
            Ok(_) | Err(_) => None,
        };
        let project = self.builds(&own, main.as_deref(), |_, _| true);
        Ok(ReleasesAnswer::Found(Arc::new(project)))
    }

    /// Wheels of several pages beside what the main index has.
    async fn of_pages(
        &self,
        shared: &Arc<Shared>,
        name: &PackageName,
        pages: &[accelerator::Page],
    ) -> Result<ReleasesAnswer, SourceError> {
        let mut asked = Vec::new();
        for page in pages {
            let url = IndexUrl::parse_links(&page.url, &self.origin());
            let url = url.map_err(|error| self.broken(&page.url, &error))?;
            let (shared, name) = (Arc::clone(shared), name.clone());
            let answer =
                tokio::spawn(async move { links::optional_page(&shared, &url, &name).await });
            asked.push((page, answer));
        }
        let main = shared.project(name).await;
        let mut files = Vec::new();
        let mut offline = false;
        let dated = match &main {
            Ok(ReleasesAnswer::Found(main)) => Some(Arc::clone(main)),
            _ => None,
        };
        let mut index = None;
        for (page, answer) in asked {
            match answer.await {
                Ok(Page::Found(own)) => {
                    let builds = self.builds(&own, dated.as_deref(), |local, file| {
                        file.wheel().is_some() && self.table.fits(local, &self.target)
                    });
                    index.get_or_insert_with(|| Arc::clone(&own.index));
                    for (version, file) in files_of(&builds) {
                        let candidate = Table::on_page(&version, page);
                        if candidate != version {
                            lock(&shared.candidates).insert(file.url.clone(), candidate.clone());
                        }
                        files.push((candidate, file));
                    }
                }
                Ok(Page::Offline) => offline = true,
                Ok(Page::NotFound) | Err(_) => {}
            }
        }
        let Some(index) = index.filter(|_| !files.is_empty()) else {
            return match main {
                Ok(ReleasesAnswer::NotFound) if offline => Ok(ReleasesAnswer::Offline),
                main => main,
            };
        };
        // a source that needs a compiler is no answer beside wheels, unless building is allowed
        let builds = shared.builder.is_some() || !self.table.is_source_only(name);
        let of_main = dated.iter().flat_map(|main| files_of(main));
        files.extend(of_main.filter(|(_, file)| builds || file.wheel().is_some()));
        Ok(ReleasesAnswer::Found(Arc::new(Project::from_files(
            index, files,
        ))))
    }

    /// The files that are for this target's accelerator, with the dates of the main index.
    ///
    /// Candidates are builds of public versions; which local version stands for one is decided by
    /// the index and what the local version names, never by how it sorts.
    fn builds(
        &self,
        own: &Project,
        main: Option<&Project>,
        admit: impl Fn(&WheelLocal, &ReleaseFile) -> bool,
    ) -> Project {
        let dates = dates(own, main);
        let files = files_of(own).filter_map(|(version, mut file)| {
            let local = WheelLocal::of(&version);
            if !local.serves(self.target.accelerator) || !admit(&local, &file) {
                return None;
            }
            file.uploaded = dates.get(&version.clone().without_local()).copied();
            Some((version, file))
        });
        Project::from_files(Arc::clone(&own.index), files.collect::<Vec<_>>())
    }

    /// Metadata with what it leaves out: the CUDA and the torch that the wheel is built for.
    fn with_needs(
        &self,
        name: &PackageName,
        version: &Version,
        metadata: Arc<CoreMetadata>,
    ) -> Arc<CoreMetadata> {
        let (torch, cuda) = match self.table.route(name, &self.target) {
            Route::Index { .. } => (None, None),
            Route::Main => {
                let platform = self.target.platform;
                (None, self.table.cuda_of_main(name, version, platform))
            }
            Route::Pages { .. } => {
                let (torch, cuda) = self.table.asked_by(&WheelLocal::of(version));
                let platform = self.target.platform;
                let of_main = || self.table.cuda_of_main(name, version, platform);
                let plain = WheelLocal::of(version).cuda.is_none();
                (torch, cuda.or_else(|| plain.then(of_main).flatten()))
            }
        };
        let cuda = cuda.or_else(|| self.of_library(name, version));
        let cuda = cuda.filter(|_| self.has_cuda());
        let cuda = cuda.map(|specifier| format!("{}{specifier}", cuda_package()));
        let needs = [torch, cuda].into_iter().flatten();
        let needs: Vec<Requirement> = needs
            .filter_map(|need| Some(parse_requirement(&need).ok()?.requirement))
            .collect();
        if needs.is_empty() {
            return metadata;
        }
        let mut metadata = metadata.as_ref().clone();
        metadata.requires_dist.extend(needs);
        Arc::new(metadata)
    }

    /// The CUDA that a library is of, where that counts.
    fn of_library(&self, name: &PackageName, version: &Version) -> Option<String> {
        let but = self.one_cuda.as_ref()?;
        let major = self.table.major_of_library(name, version)?;
        (!but.contains(name)).then(|| format!("=={major}.*"))
    }

    /// Whether builds of several CUDA could meet on this target.
    fn has_cuda(&self) -> bool {
        matches!(
            self.target.accelerator,
            Accelerator::Index | Accelerator::Cuda(_)
        )
    }

    /// The CUDA that the environment can have: that of the target, or any known one.
    fn cuda_releases(&self) -> Project {
        let all = self.table.drivers.iter().map(|driver| driver.cuda);
        let own = self.target.accelerator.cuda();
        let all: Vec<_> = own.map_or_else(|| all.collect(), |own| vec![own]);
        let files = all.into_iter().filter_map(|cuda| {
            let filename = format!("pinsmith_cuda-{cuda}-py3-none-any.whl");
            let wheel = filename.parse().ok()?;
            let file = ReleaseFile {
                url: format!("pinsmith:{filename}"),
                filename,
                kind: FileKind::Wheel(wheel),
                requires_python: None,
                yanked: None,
                // of no age, so that it is there at any instant
                uploaded: Some(Timestamp::UNIX_EPOCH),
                size: None,
                sha256: None,
                core_metadata: CoreMetadataHint::Available,
            };
            Some((cuda.to_string().parse().ok()?, file))
        });
        Project::from_files("pinsmith:cuda".into(), files.collect::<Vec<_>>())
    }

    fn index_url(&self, url: &str) -> Result<IndexUrl, SourceError> {
        IndexUrl::parse(url, &self.origin()).map_err(|error| self.broken(url, &error))
    }

    fn origin(&self) -> String {
        format!(
            "for {}, from the accelerator table",
            self.target.accelerator
        )
    }

    fn broken(&self, url: &str, error: &dyn fmt::Display) -> SourceError {
        SourceError {
            code: Some(codes::INVALID_INDEX_URL.0),
            message: format!("`{url}` ({}): {error}", self.origin()),
            help: Some("correct the accelerator table".to_owned()),
        }
    }
}

fn files_of(project: &Project) -> impl Iterator<Item = (Version, ReleaseFile)> {
    let releases = project.releases().iter();
    releases.flat_map(|release| {
        let files = project.files(release);
        files.map(|file| (release.version.clone(), file))
    })
}

/// When each public version appeared: on the main index where that says so, else the earliest of
/// its builds.
fn dates(own: &Project, main: Option<&Project>) -> BTreeMap<Version, Timestamp> {
    let mut dates = BTreeMap::<Version, Timestamp>::new();
    let earliest = |project: &Project, dates: &mut BTreeMap<Version, Timestamp>| {
        for release in project.releases() {
            let public = release.version.clone().without_local();
            if let Some(uploaded) = release.uploaded {
                let known = dates.entry(public).or_insert(uploaded);
                *known = uploaded.min(*known);
            }
        }
    };
    earliest(own, &mut dates);
    let mut of_main = BTreeMap::new();
    if let Some(main) = main {
        earliest(main, &mut of_main);
    }
    dates.extend(of_main);
    dates
}

fn nothing_required(name: &PackageName, file: &ReleaseFile) -> MetadataAnswer {
    let Some(wheel) = file.wheel() else {
        return MetadataAnswer::Unavailable("it is no release".to_owned());
    };
    let metadata = CoreMetadata::bare(name.clone(), wheel.version.clone());
    MetadataAnswer::Found(Arc::new(metadata))
}

/// Says that a page of the table is not there, once.
pub(super) fn note_missing(shared: &Shared, page: &IndexUrl) {
    shared.note(Diagnostic::info(
        NO_SUCH_PAGE,
        format!("{page} ({}) is not there, so it has no wheels", page.origin),
    ));
}

/// Says that nobody knows what a page of the table has of a project.
pub(super) fn note_unknown(shared: &Shared, name: &PackageName, why: &str) {
    shared.note(
        Diagnostic::warning(
            PAGE_UNKNOWN,
            format!("wheels of `{name}` may be missing: {why}"),
        )
        .help("run again when it can be reached: the answer can be another one then"),
    );
    lock(&shared.unknown)
        .entry(name.clone())
        .or_insert_with(|| why.to_owned());
}
