//! Project pages: cache, index, cache again.

use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{PackageName, Project, ReleasesAnswer, SourceError};
use reqwest::header::{AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use url::Url;

use crate::diagnostic::{Code, Diagnostic};

use super::cache::{BodyDigest, Kind, Meta};
use super::client::{ACCEPT_PAGE, FetchError, Reply, Request};
use super::simple::{ProjectPage, parse_project};
use super::{IndexUrl, SETTINGS_HELP, Shared, UploadTimes, codes, dates, links};

/// Largest project page, decompressed; the largest known one has 6 MB.
const MAX_PAGE: u64 = 128 * 1024 * 1024;

/// Seconds for which a page is believed when the index says nothing; pip's indexes say 600.
pub(super) const DEFAULT_LIFETIME: u64 = 600;

/// Longest lifetime that is believed.
const MAX_LIFETIME: u64 = 24 * 60 * 60;

/// One index's answer about one project.
pub(super) enum Page {
    Found(Arc<Project>),
    NotFound,
    Offline,
}

/// What is known of a page: its project, or that there is none.
struct Stored {
    meta: Meta,
    project: Option<Arc<Project>>,
    /// Of what the cache holds.
    digest: Option<BodyDigest>,
}

impl Stored {
    /// The page as it was kept; `None` when that is of another layout.
    fn from_cache(shared: &Shared, key: &str, index: &IndexUrl) -> Option<Self> {
        let (head, body) = shared.cache.read_entry(Kind::Page, key)?;
        let project = match head.meta.status {
            200 => Some(Arc::new(Project::from_bytes(shared.name_of(index), body)?)),
            _ => None,
        };
        Some(Self {
            meta: head.meta,
            project,
            digest: Some(head.digest),
        })
    }

    fn into_page(self) -> Page {
        self.project.map_or(Page::NotFound, Page::Found)
    }
}

/// The first place that has the project answers for it; no later one is asked about that name.
pub(super) async fn project(
    shared: &Arc<Shared>,
    name: &PackageName,
) -> Result<ReleasesAnswer, SourceError> {
    let (pages, indexes) = shared.location.places_of(name);
    for place in pages {
        match Box::pin(links::page(shared, place, name)).await? {
            Page::Found(project) => return Ok(ReleasesAnswer::Found(project)),
            Page::NotFound => {}
            Page::Offline => return Ok(ReleasesAnswer::Offline),
        }
    }
    for index in indexes {
        match page(shared, index, name, false).await? {
            Page::Found(project) => return Ok(ReleasesAnswer::Found(project)),
            Page::NotFound => {}
            // whether this index has the name is unknown, so no later one may answer
            Page::Offline => return Ok(ReleasesAnswer::Offline),
        }
    }
    Ok(ReleasesAnswer::NotFound)
}

/// What an index for some packages has of one of them; its dates are of no interest.
pub(super) async fn explicit_page(
    shared: &Arc<Shared>,
    index: &IndexUrl,
    name: &PackageName,
) -> Result<Page, SourceError> {
    page(shared, index, name, true).await
}

async fn page(
    shared: &Arc<Shared>,
    index: &IndexUrl,
    name: &PackageName,
    explicit: bool,
) -> Result<Page, SourceError> {
    let url = index.url().join(&format!("{name}/"));
    let url = url.map_err(|error| SourceError {
        code: Some(codes::INVALID_INDEX_URL.0),
        message: format!("project `{name}`: {index} makes no address: {error}"),
        help: None,
    })?;
    let cached = if url.scheme() == "file" {
        None
    } else {
        // a kept page is read faster than another thread is woken
        Stored::from_cache(shared, url.as_str(), index)
    };
    let asked = Asked {
        index,
        name,
        url,
        explicit,
    };
    match cached {
        Some(mut stored) if can_use(shared, &stored.meta, name) => {
            note_status(shared, index, name, &stored.meta);
            shared.count(&shared.counters.cache_hits);
            if asked.add_missing_times(shared, &mut stored).await {
                return asked.keep(shared, stored).await;
            }
            asked.note_grounds(shared, &stored);
            Ok(stored.into_page())
        }
        None if shared.offline && asked.url.scheme() != "file" => Ok(Page::Offline),
        cached => asked.fetch(shared, cached).await,
    }
}

/// A project and the index that is asked about it.
struct Asked<'a> {
    index: &'a IndexUrl,
    name: &'a PackageName,
    url: Url,
    /// Whether it is asked for some packages only.
    explicit: bool,
}

impl Asked<'_> {
    async fn fetch(
        &self,
        shared: &Arc<Shared>,
        cached: Option<Stored>,
    ) -> Result<Page, SourceError> {
        let known = cached.as_ref().map(|stored| &stored.meta);
        let request = Request {
            accept: ACCEPT_PAGE,
            etag: known.and_then(|meta| meta.etag.as_deref()),
            last_modified: known.and_then(|meta| meta.last_modified.as_deref()),
            ..Request::get(&self.url, MAX_PAGE)
        };
        let answer = shared.client.send(&request).await;
        match (answer, cached) {
            (Ok(reply), Some(mut stored)) if reply.status == 304 => {
                shared.count(&shared.counters.confirmed);
                note_status(shared, self.index, self.name, &stored.meta);
                stored.meta.fetched = Timestamp::now().as_second();
                stored.meta.max_age = lifetime(&reply).unwrap_or(0);
                self.add_missing_times(shared, &mut stored).await;
                self.keep(shared, stored).await
            }
            (Ok(reply), _) if matches!(reply.status, 200 | 404 | 410) => {
                self.accept(shared, reply).await
            }
            (Ok(reply), _) if reply.status == 403 => {
                self.note_forbidden(shared);
                Ok(Page::NotFound)
            }
            (Ok(reply), _) if reply.status == 401 => Err(self.unauthorized(&reply)),
            (Ok(reply), Some(stored)) if reply.status >= 500 => {
                note_stale(shared, self.index, &format!("answers with status {}", reply.status));
                Ok(stored.into_page())
            }
            (Ok(reply), _) => Err(self.error(
                codes::REFUSED,
                &format!("answers with status {}", reply.status),
                "try again later, or name another index with --index-url",
            )),
            (Err(error), Some(stored)) if matches!(error, FetchError::Network { .. }) => {
                note_stale(shared, self.index, &format!("cannot be asked: {error}"));
                Ok(stored.into_page())
            }
            (Err(error), _) => Err(self.error(
                error.code(),
                &format!("cannot be asked: {error}"),
                match error {
                    FetchError::Settings(_) => SETTINGS_HELP,
                    _ if self.explicit => "check the connection, proxy and certificate settings, name a mirror in a table of your own (--accelerator-table), or take what the main index has with --accelerator index",
                    _ => "check the connection, proxy and certificate settings, name another index with --index-url, or use --offline with a filled cache",
                },
            )),
        }
    }

    async fn accept(&self, shared: &Arc<Shared>, reply: Reply) -> Result<Page, SourceError> {
        let header = |name| reply.header(name).map(str::to_owned);
        let max_age = lifetime(&reply);
        let mut meta = Meta {
            key: self.url.to_string(),
            status: if reply.status == 200 { 200 } else { 404 },
            url: reply.url.to_string(),
            content_type: header(CONTENT_TYPE),
            etag: header(ETAG),
            last_modified: header(LAST_MODIFIED),
            fetched: Timestamp::now().as_second(),
            max_age: max_age.unwrap_or(0),
            ..Meta::default()
        };
        // only what can be read is kept, so that an error page does not stay
        let project = match meta.status {
            200 => {
                let page = self.parse(shared, reply).await?;
                meta.project_status = page.status;
                Some(Arc::new(page.project))
            }
            _ => None,
        };
        let mut stored = Stored {
            meta,
            project,
            digest: None,
        };
        note_status(shared, self.index, self.name, &stored.meta);
        self.add_missing_times(shared, &mut stored).await;
        if self.url.scheme() == "file" {
            stored.project = links::with_digests(shared, stored.project).await?;
            Ok(stored.into_page())
        } else if max_age.is_some() {
            self.keep(shared, stored).await
        } else {
            Ok(stored.into_page())
        }
    }

    /// Nobody waits for the disk.
    async fn keep(&self, shared: &Arc<Shared>, mut stored: Stored) -> Result<Page, SourceError> {
        stored.meta.undated = stored.project.as_deref().is_some_and(is_undated);
        let (meta, project) = (stored.meta.clone(), stored.project.clone());
        let write = move |shared: &Shared| {
            let project = project.as_ref();
            let body = project.map_or(&[][..], |project| project.as_bytes());
            shared.cache.write(Kind::Page, &meta, body)
        };
        stored.digest = Some(shared.off_thread(write).await?);
        self.note_grounds(shared, &stored);
        Ok(stored.into_page())
    }

    fn note_grounds(&self, shared: &Shared, stored: &Stored) {
        if let Some(digest) = &stored.digest {
            shared.grounds.note_page(&self.url, &stored.meta, digest);
        }
    }

    async fn parse(&self, shared: &Arc<Shared>, reply: Reply) -> Result<ProjectPage, SourceError> {
        let name = self.name.clone();
        let index = shared.name_of(self.index);
        let parse = move |_: &Shared| {
            let mut reply = reply;
            let _slot = reply.slot.take();
            let content_type = reply.header(CONTENT_TYPE).map(str::to_owned);
            let url = reply.url.clone();
            parse_project(
                &reply.into_bytes(),
                content_type.as_deref(),
                &url,
                &name,
                index,
            )
        };
        shared.off_thread(parse).await?.map_err(|error| {
            self.error(
                codes::NO_PAGE,
                &format!("gives no project page: {error}"),
                "open the address in a browser: a proxy or login page may stand in between",
            )
        })
    }

    fn error(&self, code: Code, what: &str, help: &str) -> SourceError {
        let Self { index, name, .. } = self;
        SourceError {
            code: Some(code.0),
            message: format!(
                "project `{name}`: the index {index} ({}) {what}",
                index.origin
            ),
            help: Some(help.to_owned()),
        }
    }

    fn unauthorized(&self, reply: &Reply) -> SourceError {
        let help = if reply.url.origin() != self.url.origin() {
            "the index redirects to another host, which never gets its credentials: use that host's address"
        } else if self.index.credentials.is_some() {
            "the credentials in the address or in netrc are wrong, or the index is plain http, where none are sent"
        } else {
            "put credentials into the index address or into netrc"
        };
        let what = "asks for credentials (status 401)";
        self.error(codes::UNAUTHORIZED, what, help)
    }

    fn note_forbidden(&self, shared: &Shared) {
        let index = self.index;
        shared.note(Diagnostic::info(
            codes::FORBIDDEN,
            format!(
                "{index} answers 403 for `{}`, taken as not there",
                self.name
            ),
        ));
    }

    /// Asks beside the page for upload times that it lacks, once; says so where there are none.
    /// Answers whether something was asked.
    async fn add_missing_times(&self, shared: &Arc<Shared>, stored: &mut Stored) -> bool {
        let undated = |project: &Arc<Project>| !self.explicit && is_undated(project);
        let Some(project) = stored.project.clone().filter(undated) else {
            return false;
        };
        let ask = lacks_times(shared, &stored.meta);
        if ask {
            stored.meta.dates_asked = true;
            if let Some(dated) = dates::dated(shared, self.index, self.name, &project).await {
                stored.project = Some(dated);
                return true;
            }
        }
        note_no_times(shared, self.index);
        ask
    }
}

fn note_status(shared: &Shared, index: &IndexUrl, name: &PackageName, meta: &Meta) {
    if let Some(status) = &meta.project_status {
        let found = (status.clone(), shared.name_of(index));
        super::lock(&shared.statuses).insert(name.clone(), found);
    }
}

/// What reading a kept page brings up, for one whose content is already known.
pub(super) fn note_kept(shared: &Shared, index: &IndexUrl, name: &PackageName, meta: &Meta) {
    shared.count(&shared.counters.cache_hits);
    note_status(shared, index, name, meta);
    if meta.undated {
        note_no_times(shared, index);
    }
}

/// Says that what came before stands in for what did not come.
pub(super) fn note_stale(shared: &Shared, index: &IndexUrl, why: &str) {
    shared.note(
        Diagnostic::warning(
            codes::STALE_ANSWERS,
            format!("{index} {why}; older answers from the cache are used"),
        )
        .help("run again when the index can be reached to see newer releases"),
    );
}

/// Says what follows from unknown ages, once an index.
pub(super) fn note_no_times(shared: &Shared, index: &IndexUrl) {
    shared.note(match shared.upload_times {
        UploadTimes::Decisive => Diagnostic::warning(
            codes::NO_UPLOAD_TIMES,
            format!("{index} gives no upload times, so --as-of leaves out what it has"),
        )
        .help("ask an index that has them, or leave --as-of out"),
        UploadTimes::Useful | UploadTimes::Unused => Diagnostic::info(
            codes::NO_UPLOAD_TIMES,
            format!("{index} gives no upload times, so the age of its releases is unknown"),
        ),
    });
}

pub(super) fn is_undated(project: &Project) -> bool {
    let mut releases = project.releases().iter();
    !project.releases().is_empty() && releases.all(|release| release.uploaded.is_none())
}

fn can_use(shared: &Shared, meta: &Meta, name: &PackageName) -> bool {
    shared.offline || !shared.refresh.includes(name) && meta.is_fresh(Timestamp::now())
}

/// Whether the upload times that a page lacks are still to be asked for.
fn lacks_times(shared: &Shared, meta: &Meta) -> bool {
    let wanted = shared.upload_times != UploadTimes::Unused;
    wanted && !shared.offline && !meta.dates_asked
}

/// Whether a page can be used as it is kept, without asking anybody anything.
pub(super) fn is_settled(shared: &Shared, meta: &Meta, name: &PackageName) -> bool {
    can_use(shared, meta, name) && !(meta.undated && lacks_times(shared, meta))
}

/// Seconds for which an answer is believed; `None` when it must not be kept at all.
pub(super) fn lifetime(reply: &Reply) -> Option<u64> {
    let Some(control) = reply.header(CACHE_CONTROL) else {
        return Some(DEFAULT_LIFETIME);
    };
    let control = control.to_ascii_lowercase();
    let mut directives = control.split(',').map(str::trim);
    if directives.clone().any(|directive| directive == "no-store") {
        return None;
    }
    if directives.clone().any(|directive| directive == "no-cache") {
        return Some(0);
    }
    let stated = directives.find_map(|directive| directive.strip_prefix("max-age=")?.parse().ok());
    let age = reply.header(AGE).and_then(|age| age.trim().parse().ok());
    let left = |max_age: u64| max_age.min(MAX_LIFETIME).saturating_sub(age.unwrap_or(0));
    Some(stated.map_or(DEFAULT_LIFETIME, left))
}
