//! `file://` addresses, answered as a server would.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use reqwest::header::HeaderMap;

use super::{Body, Range, Reply, Request};

/// A folder answers with its `index.html`; what cannot be read is a 404.
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
    }
}

fn open(request: &Request<'_>) -> Option<(u16, Body)> {
    let mut path = request.url.to_file_path().ok()?;
    if path.is_dir() {
        path.push("index.html");
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
