//! `--find-links`: pages and folders with files of many projects, each read once a run.

use std::fs::File;
use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{PackageName, Project, ReleaseFile, SourceError, Version};
use reqwest::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED};
use url::Url;

use super::accelerated::{note_missing, note_unknown};
use super::cache::{Kind, Meta};
use super::client::{ACCEPT_PAGE, Request};
use super::files::digest_of_file;
use super::pages::{Page, is_undated, lifetime, note_no_times, note_stale};
use super::simple::Links;
use super::{IndexUrl, Refresh, Shared, codes};
use crate::diagnostic::Code;

/// Largest page, decompressed.
const MAX_PAGE: u64 = 128 * 1024 * 1024;

/// The links of a page; `None` when only the network would know.
pub(super) type Found = Option<Arc<Links>>;

/// What a page or folder has of a project.
pub(super) async fn page(
    shared: &Arc<Shared>,
    place: &IndexUrl,
    name: &PackageName,
) -> Result<Page, SourceError> {
    let key = place.url().to_string();
    let Some(links) = shared.links.get(&key, find(shared, place)).await? else {
        return Ok(Page::Offline);
    };
    let project = links.project(name, shared.name_of(place)).map(Arc::new);
    if project.as_deref().is_some_and(is_undated) {
        note_no_times(shared, place);
    }
    let project = with_digests(shared, project).await?;
    Ok(project.map_or(Page::NotFound, Page::Found))
}

/// The same for a page that may not be there: then it has nothing. One that cannot be asked may
/// have something, which is remembered for this project.
pub(super) async fn optional_page(
    shared: &Arc<Shared>,
    place: &IndexUrl,
    name: &PackageName,
) -> Page {
    let key = place.url().to_string();
    match shared.links.get(&key, find(shared, place)).await {
        Ok(Some(links)) => {
            let project = links.project(name, shared.name_of(place)).map(Arc::new);
            project.map_or(Page::NotFound, Page::Found)
        }
        Ok(None) => Page::Offline,
        Err(error) if error.code == Some(codes::NO_SUCH_PAGE.0) => {
            note_missing(shared, place);
            Page::NotFound
        }
        Err(error) => {
            note_unknown(shared, name, &error.message);
            Page::NotFound
        }
    }
}

async fn find(shared: &Arc<Shared>, place: &IndexUrl) -> Result<Found, SourceError> {
    let is_local = place.url().scheme() == "file";
    let cached = if is_local {
        None
    } else {
        shared.cache.read(Kind::Links, place.url().as_str())
    };
    match cached {
        None if shared.offline && !is_local => Ok(None),
        Some((meta, body)) if shared.offline || can_use(shared, &meta) => {
            shared.count(&shared.counters.cache_hits);
            parse(shared, place, &meta, body).await
        }
        cached => fetch(shared, place, cached).await,
    }
}

fn can_use(shared: &Shared, meta: &Meta) -> bool {
    // such a page is not one project's
    shared.refresh == Refresh::Nothing && meta.is_fresh(Timestamp::now())
}

async fn fetch(
    shared: &Arc<Shared>,
    place: &IndexUrl,
    cached: Option<(Meta, Vec<u8>)>,
) -> Result<Found, SourceError> {
    let known = cached.as_ref().map(|(meta, _)| meta);
    let request = Request {
        accept: ACCEPT_PAGE,
        etag: known.and_then(|meta| meta.etag.as_deref()),
        last_modified: known.and_then(|meta| meta.last_modified.as_deref()),
        ..Request::get(place.url(), MAX_PAGE)
    };
    let answer = shared.client.send(&request).await;
    let (code, why, cached) = match (answer, cached) {
        (Ok(reply), Some((mut meta, body))) if reply.status == 304 => {
            shared.count(&shared.counters.confirmed);
            meta.fetched = Timestamp::now().as_second();
            meta.max_age = lifetime(&reply).unwrap_or(0);
            shared.cache.write(Kind::Links, &meta, &body);
            return parse(shared, place, &meta, body).await;
        }
        (Ok(reply), _) if reply.status == 200 => {
            let header = |name| reply.header(name).map(str::to_owned);
            let max_age = lifetime(&reply);
            let meta = Meta {
                key: place.url().to_string(),
                status: 200,
                url: reply.url.to_string(),
                content_type: header(CONTENT_TYPE),
                etag: header(ETAG),
                last_modified: header(LAST_MODIFIED),
                fetched: Timestamp::now().as_second(),
                max_age: max_age.unwrap_or(0),
                ..Meta::default()
            };
            let body = reply.into_bytes();
            let found = parse(shared, place, &meta, body.clone()).await?;
            if max_age.is_some() && place.url().scheme() != "file" {
                shared.cache.write(Kind::Links, &meta, &body);
            }
            return Ok(found);
        }
        (Ok(reply), cached) => {
            let cached = cached.filter(|_| reply.status >= 500);
            let code = match reply.status {
                // stores of files say 403 of what they do not have
                403 | 404 | 410 => codes::NO_SUCH_PAGE,
                401 => codes::UNAUTHORIZED,
                _ => codes::REFUSED,
            };
            let why = format!("answers with status {}", reply.status);
            (code, why, cached)
        }
        (Err(error), cached) => (error.code(), format!("cannot be asked: {error}"), cached),
    };
    match cached {
        Some((meta, body)) => {
            note_stale(shared, place, &why);
            parse(shared, place, &meta, body).await
        }
        None => Err(error(
            code,
            place,
            &why,
            "check the address or path of --find-links, and the connection",
        )),
    }
}

async fn parse(
    shared: &Arc<Shared>,
    place: &IndexUrl,
    meta: &Meta,
    body: Vec<u8>,
) -> Result<Found, SourceError> {
    let content_type = meta.content_type.clone();
    let url = Url::parse(&meta.url).unwrap_or_else(|_| place.url().clone());
    let read = move |_: &Shared| Links::parse(&body, content_type.as_deref(), &url);
    let links = shared.off_thread(read).await?;
    links.map(|links| Some(Arc::new(links))).map_err(|problem| {
        let help = "name a page or folder that lists wheels or sdists";
        let what = format!("gives no links: {problem}");
        error(codes::NO_PAGE, place, &what, help)
    })
}

fn error(code: Code, place: &IndexUrl, what: &str, help: &str) -> SourceError {
    SourceError {
        code: Some(code.0),
        message: format!("{place} ({}) {what}", place.origin),
        help: Some(help.to_owned()),
    }
}

/// The project with the sha256 of its files that lie on this machine, which no page states.
pub(super) async fn with_digests(
    shared: &Arc<Shared>,
    project: Option<Arc<Project>>,
) -> Result<Option<Arc<Project>>, SourceError> {
    let Some(project) = project else {
        return Ok(None);
    };
    let all = project.releases().iter().flat_map(|release| {
        let files = project.files(release);
        files.map(|file| (release.version.clone(), file))
    });
    let mut all: Vec<(Version, ReleaseFile)> = all.collect();
    let lacks = |file: &ReleaseFile| file.sha256.is_none() && file.url.starts_with("file:");
    if !all.iter().any(|(_, file)| lacks(file)) {
        return Ok(Some(project));
    }
    let index = Arc::clone(&project.index);
    let work = move |_: &Shared| {
        for (_, file) in all.iter_mut().filter(|(_, file)| lacks(file)) {
            let path = Url::parse(&file.url).ok();
            let path = path.and_then(|url| url.to_file_path().ok());
            let opened = path.and_then(|path| File::open(path).ok());
            let digest = opened.and_then(|mut opened| digest_of_file(&mut opened).ok());
            file.sha256 = digest;
        }
        // what cannot be read cannot be installed
        all.retain(|(_, file)| !lacks(file));
        Project::from_files(index, all)
    };
    Ok(Some(Arc::new(shared.off_thread(work).await?)))
}
