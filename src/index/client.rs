//! HTTP: connections, credentials, retries, limits and counters. Knows nothing of packages.

mod connections;
mod local;
mod names;
mod reply;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, RANGE, RETRY_AFTER,
};
use tokio::sync::Semaphore;
use url::{Origin, Url};

use super::codes;
use super::location::{Credentials, Location, Proxy, Secret};
use crate::diagnostic::Code;
pub(super) use reply::{Body, Reply};

/// Formats of project pages, best first (PEP 691); the live index leaves upload times out otherwise.
pub(super) const ACCEPT_PAGE: &str = "application/vnd.pypi.simple.v1+json, \
    application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// Longest time that a `Retry-After` can make us wait.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A whole file may take so many times as long as another answer.
const DOWNLOAD_FACTOR: u32 = 8;

/// Network behaviour that a caller may choose.
#[derive(Debug, Clone, Copy)]
pub struct NetworkSettings {
    /// Requests in flight at most.
    pub concurrency: usize,
    /// How often a failed request is tried again.
    pub retries: u32,
    /// Wait before the first retry; doubled for each further one, with jitter.
    pub backoff: Duration,
    /// Longest silence of a server while connecting or sending.
    pub timeout: Duration,
    /// Longest time for one answer, whatever the server trickles.
    pub longest: Duration,
}

impl NetworkSettings {
    /// The usual behaviour, with the times and retries that pip's configuration asks for.
    pub fn of(location: &Location) -> Self {
        let usual = Self::default();
        let timeout = location.timeout.unwrap_or(usual.timeout);
        Self {
            retries: location.retries.unwrap_or(usual.retries),
            timeout,
            // in the same proportion
            longest: timeout.saturating_mul(4),
            ..usual
        }
    }
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            concurrency: 50,
            retries: 3,
            backoff: Duration::from_millis(300),
            timeout: Duration::from_secs(30),
            longest: Duration::from_mins(2),
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    pub(super) accept: &'static str,
    pub(super) etag: Option<&'a str>,
    pub(super) last_modified: Option<&'a str>,
    pub(super) range: Option<Range>,
    /// Keep the body in a temporary file instead of memory.
    pub(super) to_file: bool,
    /// Most bytes of the body, after decompression.
    pub(super) limit: u64,
    /// Asked with HEAD: only the headers count.
    pub(super) head: bool,
}

/// The bytes asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// The last so many.
    Last(u64),
    /// From the first to before the second.
    From(u64, u64),
}

impl<'a> Request<'a> {
    /// A small body into memory.
    pub(super) fn get(url: &'a Url, limit: u64) -> Self {
        Self {
            url,
            accept: "*/*",
            etag: None,
            last_modified: None,
            range: None,
            to_file: false,
            limit,
            head: false,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(self.accept));
        // ranges and archives are wanted as they lie on the disk of the server
        let encoding = if self.range.is_some() || self.to_file || self.head {
            "identity"
        } else {
            "gzip"
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        let range = self.range.map(|range| match range {
            Range::Last(bytes) => format!("bytes=-{bytes}"),
            Range::From(start, end) => format!("bytes={start}-{}", end.saturating_sub(1)),
        });
        let optional = [
            (IF_NONE_MATCH, self.etag),
            (IF_MODIFIED_SINCE, self.last_modified),
            (RANGE, range.as_deref()),
        ];
        for (name, value) in optional {
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// A request that got no usable answer after all retries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    /// No connection, or none that lasted.
    #[error("{problem}")]
    Network {
        /// What went wrong, lower case, without an address.
        problem: String,
        /// Whether the host as a whole cannot be reached.
        unreachable: bool,
    },
    /// The answer is larger than is reasonable.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// No connection can be made the way this machine is set up.
    #[error(transparent)]
    Settings(#[from] ClientError),
    /// From https to http, or to what is not http at all.
    #[error("refused to go from https to plain http")]
    Insecure,
}

impl FetchError {
    /// The code of the failure that this is to whoever needs the answer.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Settings(_) => codes::UNUSABLE_SETTINGS,
            Self::Network { .. } | Self::TooLarge { .. } | Self::Insecure => codes::NO_ANSWER,
        }
    }

    pub(super) fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Network {
                unreachable: true,
                ..
            }
        )
    }
}

/// A failed attempt, and whether another may help.
struct Failure {
    error: FetchError,
    again: bool,
}

/// Counters of the traffic so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) retries: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Client {
    /// Made with the first request: reading the system's certificates takes longer than resolving
    /// from the cache.
    http: OnceLock<Result<reqwest::Client, ClientError>>,
    location: Location,
    credentials: Vec<(Origin, Credentials)>,
    /// A token, and the one origin that gets to see it.
    token: Option<(Origin, HeaderValue)>,
    slots: Arc<Semaphore>,
    settings: NetworkSettings,
    down: Mutex<HashMap<Origin, FetchError>>,
    pub(super) counts: Counts,
}

/// Why no client can be made; lower case, with the setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClientError(String);

impl Client {
    /// Fails for what the user named and cannot be used.
    pub(super) fn new(location: &Location, settings: NetworkSettings) -> Result<Self, ClientError> {
        let client = Self {
            http: OnceLock::new(),
            credentials: usable_credentials(location),
            token: None,
            slots: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            settings,
            down: Mutex::default(),
            counts: Counts::default(),
            location: location.clone(),
        };
        let named = location.certificate.is_some() || location.client_certificate.is_some();
        if named || location.proxy != Proxy::Environment {
            client.http()?;
        }
        Ok(client)
    }

    fn http(&self) -> Result<&reqwest::Client, ClientError> {
        let made = self
            .http
            .get_or_init(|| connections::open(&self.location, self.settings));
        made.as_ref().map_err(Clone::clone)
    }

    /// Sends this bearer token (RFC 6750) to one origin, unless it is plain http.
    pub(super) fn with_token(mut self, url: &Url, token: &Secret) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.0))
            && may_carry_credentials(url)
        {
            value.set_sensitive(true);
            self.token = Some((url.origin(), value));
        }
        self
    }

    /// Sends a request, again if that may help; any HTTP status is an answer.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Reply, FetchError> {
        if request.url.scheme() == "file" {
            return Ok(local::read(request));
        }
        let origin = request.url.origin();
        if let Some(error) = self.lock_down().get(&origin) {
            return Err(error.clone());
        }
        let mut attempt = 0;
        loop {
            let (wait, outcome) = match self.attempt_in_time(request).await {
                Ok(reply) if is_transient(reply.status) => (retry_after(&reply), Ok(reply)),
                Ok(reply) => return Ok(reply),
                Err(failure) if failure.again => (None, Err(failure.error)),
                Err(failure) => return Err(self.remember(origin, failure.error)),
            };
            if attempt == self.settings.retries {
                return outcome.map_err(|error| self.remember(origin, error));
            }
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
            let backoff = || jittered(self.settings.backoff, attempt);
            tokio::time::sleep(wait.unwrap_or_else(backoff)).await;
            attempt += 1;
        }
    }

    async fn attempt_in_time(&self, request: &Request<'_>) -> Result<Reply, Failure> {
        let longest = if request.to_file {
            self.settings.longest * DOWNLOAD_FACTOR
        } else {
            self.settings.longest
        };
        // the semaphore is never closed
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        let in_time = tokio::time::timeout(longest, self.attempt(request)).await;
        let in_time = in_time.map(|answer| {
            answer.map(|reply| Reply {
                slot: slot.filter(|_| request.accept == ACCEPT_PAGE && reply.status == 200),
                ..reply
            })
        });
        in_time.unwrap_or_else(|_| {
            Err(Failure {
                error: FetchError::Network {
                    problem: "the server took too long".to_owned(),
                    unreachable: false,
                },
                again: true,
            })
        })
    }

    async fn attempt(&self, request: &Request<'_>) -> Result<Reply, Failure> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let mut headers = request.headers();
        if let Some(value) = self.authorization(request.url) {
            headers.insert(AUTHORIZATION, value);
        }
        let verb = if request.head {
            reqwest::Method::HEAD
        } else {
            reqwest::Method::GET
        };
        let http = self.http().map_err(|error| Failure {
            error: error.into(),
            again: false,
        })?;
        let call = http.request(verb, request.url.clone());
        let response = call.headers(headers).send().await;
        let response = response.map_err(|error| reply::failure(&error))?;
        reply::read(request, response, &self.counts.bytes).await
    }

    /// The header for an origin that the user configured; a redirect elsewhere drops it.
    fn authorization(&self, url: &Url) -> Option<HeaderValue> {
        let origin = url.origin();
        if let Some((_, value)) = self.token.as_ref().filter(|(known, _)| *known == origin) {
            return Some(value.clone());
        }
        let (_, found) = self
            .credentials
            .iter()
            .find(|(known, _)| *known == origin)?;
        let password = found.password.as_ref().map_or("", |secret| &secret.0);
        let token = base64(format!("{}:{password}", found.user.0).as_bytes());
        let mut value = HeaderValue::from_str(&format!("Basic {token}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Later requests to a host that cannot be reached fail at once.
    fn remember(&self, origin: Origin, error: FetchError) -> FetchError {
        if error.is_unreachable() {
            self.lock_down()
                .entry(origin)
                .or_insert_with(|| error.clone());
        }
        error
    }

    fn lock_down(&self) -> std::sync::MutexGuard<'_, HashMap<Origin, FetchError>> {
        self.down
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Only https carries credentials, or a connection that does not leave this machine.
pub(super) fn may_carry_credentials(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || loopback
}

fn usable_credentials(location: &Location) -> Vec<(Origin, Credentials)> {
    let usable = location
        .places()
        .filter(|index| may_carry_credentials(index.url()));
    usable
        .filter_map(|index| Some((index.url().origin(), index.credentials.clone()?)))
        .collect()
}

fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// What the server asks for, bounded; seconds or a date (RFC 9110).
fn retry_after(reply: &Reply) -> Option<Duration> {
    let text = reply.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = if let Ok(seconds) = text.parse() {
        seconds
    } else {
        let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        let left = until.as_second() - jiff::Timestamp::now().as_second();
        u64::try_from(left).unwrap_or(0)
    };
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// `base`, doubled per attempt, times a factor from a half to one and a half.
fn jittered(base: Duration, attempt: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(attempt) % 1000;
    let doubled = base.saturating_mul(1 << attempt.min(10));
    let factor = 500 + u32::try_from(random).unwrap_or(500);
    doubled.saturating_mul(factor) / 1000
}

/// Base64 with padding (RFC 4648), for the one header that needs it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let group = three
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0_usize, |group, byte| group << 8 | usize::from(*byte));
        for sextet in 0..4 {
            let digit = ALPHABET[group >> (18 - 6 * sextet) & 63];
            text.push(if sextet <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_vectors_of_the_rfc() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn credentials_need_https_or_this_machine() {
        for (url, allowed) in [
            ("https://index.test/", true),
            ("http://index.test/", false),
            ("http://127.0.0.1:8000/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://localhost.index.test/", false),
        ] {
            assert_eq!(
                may_carry_credentials(&url.parse().unwrap()),
                allowed,
                "{url}"
            );
        }
    }

    #[test]
    fn backoff_grows_and_varies_within_bounds() {
        for attempt in 0..3 {
            let wait = jittered(Duration::from_millis(100), attempt).as_millis();
            let middle = 100_u128 << attempt;
            assert!((middle / 2..=middle * 3 / 2).contains(&wait), "{wait}");
        }
    }
}
