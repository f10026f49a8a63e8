//! `file://` addresses, answered as a server would.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use reqwest::header::HeaderMap;
use url::Url;

use super::{Body, Range, Reply, Request};

/// A folder answers with its `index.html`, else with a list of its files; what cannot be read is a
/// 404.
pub(super) fn read(request: &Request<'_>) -> Reply {
    let (status, body) = match open(request) {
        Some(answer) => answer,
        None => (404, Body::Bytes(Vec::new())),
    };
    Reply {
        status,
        url: request.url.clone(),
        headers: HeaderMap::new(),
        body,
        slot: None,
    }
}

fn open(request: &Request<'_>) -> Option<(u16, Body)> {
    let mut path = request.url.to_file_path().ok()?;
    if path.is_dir() {
        let page = path.join("index.html");
        if !page.is_file() {
            return Some((200, Body::Bytes(listing(&path, request.url)?)));
        }
        path = page;
    }
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    if request.to_file {
        return Some((200, Body::File { file, size }));
    }
    let (start, end) = match request.range {
        None => (0, size),
        Some(Range::Last(bytes)) => (size.saturating_sub(bytes), size),
        Some(Range::From(start, end)) => (start.min(size), end.min(size)),
    };
    let length = end.checked_sub(start)?;
    if length > request.limit {
        return None;
    }
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).ok()?;
    Some(match request.range {
        None => (200, Body::Bytes(bytes)),
        Some(_) => (206, Body::Part { start, size, bytes }),
    })
}

/// The files of a folder as a page of links, in the order of their names.
fn listing(folder: &Path, url: &Url) -> Option<Vec<u8>> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let mut page = "<title>Links for a folder</title>\n".to_owned();
    let mut address = url.clone();
    for name in names {
        // writes the name as one segment, with what it needs percent-encoded
        address.path_segments_mut().ok()?.pop_if_empty().push(&name);
        let link = address
            .as_str()
            .replace('&', "&amp;")
            .replace('\'', "&#39;");
        // writing to a String cannot fail
        let _ = writeln!(page, "<a href='{link}'></a>");
        address.path_segments_mut().ok()?.pop();
    }
    Some(page.into_bytes())
}
