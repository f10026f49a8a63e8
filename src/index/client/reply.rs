//! Answers of servers, read under limits and checked against what was asked.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_RANGE, HeaderMap, HeaderName};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use super::{Failure, FetchError, Range, Request};

/// An answer, whatever its status.
#[derive(Debug)]
pub(in crate::index) struct Reply {
    pub(in crate::index) status: u16,
    /// After redirects.
    pub(in crate::index) url: Url,
    pub(in crate::index) headers: HeaderMap,
    pub(in crate::index) body: Body,
    /// Of a page: the place among the requests in flight is free again when the page has been parsed,
    /// so that not hundreds of them wait in memory.
    pub(in crate::index) slot: Option<OwnedSemaphorePermit>,
}

/// The body, depending on what was asked and what came.
#[derive(Debug)]
pub(in crate::index) enum Body {
    /// All of it.
    Bytes(Vec<u8>),
    /// The bytes from `start` of a file of `size` bytes: a range request that was understood.
    Part {
        start: u64,
        size: u64,
        bytes: Vec<u8>,
    },
    /// All of it, on disk, read from its beginning.
    File { file: File, size: u64 },
    /// A range was asked and the whole offered, too large to take by the way.
    Skipped,
}

impl Reply {
    pub(in crate::index) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A body in memory; empty for the other kinds.
    pub(in crate::index) fn into_bytes(self) -> Vec<u8> {
        match self.body {
            Body::Bytes(bytes) | Body::Part { bytes, .. } => bytes,
            Body::File { .. } | Body::Skipped => Vec::new(),
        }
    }
}

/// A whole body that comes instead of a range is taken when it is at most this large.
const SMALL: u64 = 4 * 1024 * 1024;

pub(super) async fn read(
    request: &Request<'_>,
    mut response: Response,
    traffic: &AtomicU64,
) -> Result<Reply, Failure> {
    let status = response.status().as_u16();
    let url = response.url().clone();
    let headers = response.headers().clone();
    let stated = response.content_length();
    let success = response.status().is_success();
    let body = if request.head {
        Body::Skipped
    } else if request.to_file && success {
        to_file(request.limit, &mut response, traffic).await?
    } else if request.range.is_some() && status == 200 && stated.is_none_or(|size| size > SMALL) {
        Body::Skipped
    } else {
        // the text of an error is never needed, so a large one is no reason to fail
        let limit = if success { request.limit } else { SMALL };
        let bytes = to_memory(limit, &mut response, traffic).await?;
        match partial(request.range, status, &headers, &bytes) {
            Some((start, size)) => Body::Part { start, size, bytes },
            None if status == 206 => Body::Skipped,
            None => Body::Bytes(decoded(bytes, &headers, limit)?),
        }
    };
    Ok(Reply {
        status,
        url,
        headers,
        body,
        slot: None,
    })
}

async fn to_memory(
    limit: u64,
    response: &mut Response,
    traffic: &AtomicU64,
) -> Result<Vec<u8>, Failure> {
    let stated = response.content_length().unwrap_or(0).min(limit).min(SMALL);
    let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    while let Some(chunk) = next_chunk(response, traffic).await? {
        bytes.extend_from_slice(&chunk);
        within(limit, bytes.len() as u64)?;
    }
    Ok(bytes)
}

async fn to_file(
    limit: u64,
    response: &mut Response,
    traffic: &AtomicU64,
) -> Result<Body, Failure> {
    within(limit, response.content_length().unwrap_or(0))?;
    let mut file = tempfile::tempfile().map_err(|error| disk(&error))?;
    let mut size = 0;
    while let Some(chunk) = next_chunk(response, traffic).await? {
        size += chunk.len() as u64;
        within(limit, size)?;
        file.write_all(&chunk).map_err(|error| disk(&error))?;
    }
    file.seek(SeekFrom::Start(0))
        .map_err(|error| disk(&error))?;
    Ok(Body::File { file, size })
}

async fn next_chunk(
    response: &mut Response,
    traffic: &AtomicU64,
) -> Result<Option<impl AsRef<[u8]> + std::ops::Deref<Target = [u8]> + use<>>, Failure> {
    let chunk = response.chunk().await.map_err(|error| failure(&error))?;
    if let Some(chunk) = &chunk {
        traffic.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
    Ok(chunk)
}

fn within(limit: u64, size: u64) -> Result<(), Failure> {
    if size > limit {
        return Err(Failure {
            error: FetchError::TooLarge { limit },
            again: false,
        });
    }
    Ok(())
}

/// Start and total size, if `Content-Range` says what was asked and the body agrees.
fn partial(
    asked: Option<Range>,
    status: u16,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Option<(u64, u64)> {
    let asked = asked.filter(|_| status == 206)?;
    if headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    let stated = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = stated.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let start: u64 = first.trim().parse().ok()?;
    let end = last.trim().parse::<u64>().ok()?.checked_add(1)?;
    let size: u64 = size.trim().parse().ok()?;
    let expected = match asked {
        Range::Last(bytes) => (size.saturating_sub(bytes), size),
        Range::From(start, end) => (start, end.min(size)),
    };
    let agrees = (start, end) == expected && end.checked_sub(start)? == bytes.len() as u64;
    agrees.then_some((start, size))
}

fn decoded(bytes: Vec<u8>, headers: &HeaderMap, limit: u64) -> Result<Vec<u8>, Failure> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(bytes);
    };
    let garbled = || Failure {
        error: FetchError::Network {
            problem: "the answer is garbled (its compression is broken)".to_owned(),
            unreachable: false,
        },
        again: true,
    };
    match encoding
        .to_str()
        .unwrap_or("")
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "identity" => Ok(bytes),
        "gzip" | "x-gzip" => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(bytes.as_slice())
                .take(limit.saturating_add(1))
                .read_to_end(&mut plain)
                .map_err(|_| garbled())?;
            within(limit, plain.len() as u64)?;
            Ok(plain)
        }
        _ => Err(garbled()),
    }
}

fn disk(error: &std::io::Error) -> Failure {
    Failure {
        error: FetchError::Network {
            problem: format!("a temporary file cannot be written: {error}"),
            unreachable: false,
        },
        again: false,
    }
}

/// Words for an error of the HTTP library, without the address that it happened on.
pub(super) fn failure(error: &reqwest::Error) -> Failure {
    let insecure = causes(error).any(<dyn Error>::is::<FetchError>);
    if insecure {
        return Failure {
            error: FetchError::Insecure,
            again: false,
        };
    }
    let cause = innermost(error);
    let certificate = causes(error).any(|cause| {
        let text = cause.to_string();
        text.contains("certificate") || text.contains("CertificateRequired")
    });
    let problem = if error.is_redirect() {
        "too many redirects".to_owned()
    } else if certificate {
        format!("its certificate is not trusted ({cause})")
    } else if error.is_dns() {
        "its host name cannot be resolved".to_owned()
    } else if error.is_timeout() {
        "it does not answer in time".to_owned()
    } else if error.is_connect() {
        format!("no connection ({cause})")
    } else {
        format!("the connection broke ({cause})")
    };
    Failure {
        error: FetchError::Network {
            problem,
            unreachable: certificate || error.is_connect(),
        },
        again: !certificate && !error.is_redirect() && !error.is_builder(),
    }
}

fn causes<'a>(error: &'a dyn Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn Error + 'static)| {
        (*cause).source()
    })
}

pub(super) fn innermost(error: &dyn Error) -> String {
    let text = causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    text.trim_end_matches('.').to_lowercase()
}
