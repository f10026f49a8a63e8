//! Hosts of models, datasets and files: which commit a name means, and which files are in it.
//!
//! Speaks the HTTP API of the Hugging Face hub and of GitHub. A token goes to the hub that the user
//! configured and nowhere else: a redirect to another origin drops it.

mod question;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pinsmith_resolver::{Sha256, Timestamp};
use reqwest::header::{HeaderName, LINK};
use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use url::Url;

use super::client::{Body, Client, FetchError, Request, may_carry_credentials};
use super::files::digest_of_file;
use super::location::Secret;
use super::{IndexError, Location, NetworkSettings};
pub use question::Question;

/// Largest answer about one repository, in bytes; datasets can have very many files.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;
/// Most pages of a history that are read for the commit of a day.
const MAX_PAGES: usize = 40;

/// The hosts, and how they are asked.
#[derive(Debug, Clone)]
pub struct HostsSettings {
    /// Proxy and certificates; its indexes may be plain http.
    pub location: Location,
    /// The hub, such as `https://huggingface.co` (`HF_ENDPOINT`); `None` asks none.
    pub hub: Option<Url>,
    /// The user's token for it (`HF_TOKEN`).
    pub token: Option<Secret>,
    /// The API of GitHub (`GITHUB_API_URL`).
    pub github: Url,
    /// What a name meant at this instant, instead of now.
    pub as_of: Option<Timestamp>,
    /// The largest file that is downloaded for its digest, in bytes; `None` downloads none.
    pub download_limit: Option<u64>,
}

/// What a name means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostAnswer {
    /// The commit, 40 hexadecimal digits; `None` for a plain file.
    pub commit: Option<String>,
    /// Its files, ordered by path.
    pub files: Vec<HostFile>,
}

/// One file on a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostFile {
    /// Its path within the repository, or its name.
    pub path: String,
    /// In bytes.
    pub size: Option<u64>,
    /// Digest of its content, where the host states it or it was downloaded.
    pub sha256: Option<Sha256>,
    /// The id that git gives its content (SHA-1 over a header and the content); hosts state no other
    /// digest of small files.
    pub git_blob: Option<String>,
}

/// Why a host gave no answer; in lower case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It cannot be reached.
    #[error("{host} cannot be reached: {problem}")]
    Unreachable {
        /// The host.
        host: String,
        /// What went wrong.
        problem: String,
    },
    /// It was not asked, since the settings say so.
    #[error("not asked")]
    NotAsked,
    /// It has no answer.
    #[error("{0}")]
    NoAnswer(String),
}

/// Hosts that can be asked. Its methods block; they must not be called from an async runtime.
pub struct Hosts {
    asking: Arc<Asking>,
    runtime: Runtime,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").finish_non_exhaustive()
    }
}

struct Asking {
    settings: HostsSettings,
    client: Client,
}

impl Hosts {
    /// Makes connections possible; asks nothing yet.
    ///
    /// # Errors
    /// [`IndexError`] for unusable certificates or proxies, or when no threads can be started.
    pub fn open(settings: HostsSettings) -> Result<Self, IndexError> {
        let network = NetworkSettings {
            concurrency: 8,
            retries: 1,
            timeout: Duration::from_secs(10),
            // of a download the client allows eight times as much
            longest: Duration::from_mins(if settings.download_limit.is_some() {
                15
            } else {
                1
            }),
            ..NetworkSettings::default()
        };
        let mut client = Client::new(&settings.location, network)?;
        if let (Some(hub), Some(token)) = (&settings.hub, &settings.token) {
            client = client.with_token(hub, token);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_name("pinsmith-hosts")
            .enable_all()
            .build()
            .map_err(IndexError::Threads)?;
        Ok(Self {
            asking: Arc::new(Asking { settings, client }),
            runtime,
        })
    }

    /// Whether the hub's address may carry the user's token.
    pub fn token_may_be_sent(hub: &Url) -> bool {
        may_carry_credentials(hub)
    }

    /// Answers to questions, in their order; many are asked at once.
    pub fn ask(&self, questions: Vec<Question>) -> Vec<Result<HostAnswer, HostError>> {
        let mut answers = vec![Err(HostError::NotAsked); questions.len()];
        self.runtime.block_on(async {
            let mut running = JoinSet::new();
            for (position, question) in questions.into_iter().enumerate() {
                let asking = Arc::clone(&self.asking);
                running.spawn(async move { (position, asking.answer(&question).await) });
            }
            while let Some(done) = running.join_next().await {
                if let Ok((position, answer)) = done {
                    answers[position] = answer;
                }
            }
        });
        answers
    }
}

/// A commit in a history, of the hub's or of GitHub's API.
#[derive(Deserialize)]
struct Commit {
    #[serde(alias = "sha")]
    id: String,
    date: Option<String>,
}

impl Commit {
    fn is_by(&self, day: Timestamp) -> bool {
        let date = self
            .date
            .as_deref()
            .and_then(|text| text.parse::<Timestamp>().ok());
        date.is_some_and(|date| date <= day)
    }
}

#[derive(Deserialize)]
struct Repository {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<LargeFile>,
}

#[derive(Deserialize)]
struct LargeFile {
    sha256: Option<String>,
    size: Option<u64>,
}

impl Asking {
    async fn answer(&self, question: &Question) -> Result<HostAnswer, HostError> {
        match question {
            Question::Hub {
                kind,
                id,
                revision,
                path,
            } => {
                let revision = revision.as_deref().unwrap_or("main");
                let mut answer = self.hub(kind, id, revision).await?;
                if let Some(path) = path {
                    answer.files.retain(|file| file.path == *path);
                    if answer.files.is_empty() {
                        let reason = format!("`{id}` has no file `{path}`");
                        return Err(HostError::NoAnswer(reason));
                    }
                }
                Ok(answer)
            }
            Question::GitHub {
                repository,
                revision,
            } => Ok(HostAnswer {
                commit: Some(self.github(repository, revision.as_deref()).await?),
                files: Vec::new(),
            }),
            Question::File { url } => self.file(url).await,
        }
    }

    async fn hub(&self, kind: &str, id: &str, revision: &str) -> Result<HostAnswer, HostError> {
        let hub = self.settings.hub.as_ref().ok_or(HostError::NotAsked)?;
        let segments = |last: &[&str]| {
            let mut parts = vec!["api", kind];
            parts.extend(id.split('/'));
            parts.extend(last);
            joined(hub, &parts)
        };
        let revision = match self.settings.as_of {
            Some(day) if !is_commit(revision) => {
                let history = segments(&["commits", revision])?;
                self.commit_of_day(history, day, id).await?
            }
            _ => revision.to_owned(),
        };
        let mut url = segments(&["revision", &revision])?;
        url.set_query(Some("blobs=true"));
        let (bytes, _) = self.get(&url, "application/json", id).await?;
        let found: Repository = serde_json::from_slice(&bytes).map_err(|_| odd(&url))?;
        if !is_commit(&found.sha) {
            return Err(odd(&url));
        }
        let files = found.siblings.into_iter().filter_map(host_file);
        let mut files: Vec<HostFile> = files.collect();
        files.sort();
        Ok(HostAnswer {
            commit: Some(found.sha),
            files,
        })
    }

    /// The last commit of a history that is not after a day; the newest come first.
    async fn commit_of_day(
        &self,
        history: Url,
        day: Timestamp,
        id: &str,
    ) -> Result<String, HostError> {
        let mut url = history;
        for _ in 0..MAX_PAGES {
            let (bytes, next) = self.get(&url, "application/json", id).await?;
            let page: Vec<Commit> = serde_json::from_slice(&bytes).map_err(|_| odd(&url))?;
            let then = page.into_iter().find(|commit| commit.is_by(day));
            if let Some(commit) = then {
                return Ok(commit.id);
            }
            match next.filter(|next| next.origin() == url.origin()) {
                Some(next) => url = next,
                None => break,
            }
        }
        Err(HostError::NoAnswer(format!(
            "`{id}` was not there at {day}"
        )))
    }

    async fn github(&self, repository: &str, revision: Option<&str>) -> Result<String, HostError> {
        let api = &self.settings.github;
        let mut parts = vec!["repos"];
        parts.extend(repository.split('/'));
        parts.push("commits");
        let commit = if let Some(day) = self.settings.as_of {
            let mut url = joined(api, &parts)?;
            url.query_pairs_mut()
                .append_pair("until", &day.to_string())
                .append_pair("per_page", "1")
                .extend_pairs(revision.map(|revision| ("sha", revision)));
            let (bytes, _) = self
                .get(&url, "application/vnd.github+json", repository)
                .await?;
            let page: Vec<Commit> = serde_json::from_slice(&bytes).map_err(|_| odd(&url))?;
            let first = page.into_iter().next();
            first.map(|commit| commit.id).ok_or_else(|| {
                HostError::NoAnswer(format!("`{repository}` was not there at {day}"))
            })?
        } else {
            parts.push(revision.unwrap_or("HEAD"));
            let url = joined(api, &parts)?;
            let (bytes, _) = self
                .get(&url, "application/vnd.github.sha", repository)
                .await?;
            String::from_utf8_lossy(&bytes).trim().to_owned()
        };
        if is_commit(&commit) {
            return Ok(commit);
        }
        Err(odd(api))
    }

    /// Downloads a file for its size and digest.
    async fn file(&self, url: &Url) -> Result<HostAnswer, HostError> {
        let limit = self.settings.download_limit.ok_or(HostError::NotAsked)?;
        let mut own = self.settings.location.indexes.iter();
        let is_own = own.any(|index| index.url().origin() == url.origin());
        if url.scheme() != "https" && !(url.scheme() == "http" && is_own) {
            return Err(HostError::NoAnswer(
                "its address is no https address".to_owned(),
            ));
        }
        let request = Request {
            to_file: true,
            ..Request::get(url, limit)
        };
        let reply = self.client.send(&request).await;
        let reply = reply.map_err(|error| failed(url, error))?;
        let status = reply.status;
        let (200, Body::File { mut file, size }) = (status, reply.body) else {
            return Err(HostError::NoAnswer(format!(
                "its server answers with status {status}"
            )));
        };
        let broken = |error: std::io::Error| HostError::NoAnswer(error.to_string());
        let digest = tokio::task::spawn_blocking(move || digest_of_file(&mut file)).await;
        let digest = digest.map_err(|error| HostError::NoAnswer(error.to_string()))?;
        let name = url.path_segments().and_then(Iterator::last);
        Ok(HostAnswer {
            commit: None,
            files: vec![HostFile {
                path: name.unwrap_or_default().to_owned(),
                size: Some(size),
                sha256: Some(digest.map_err(broken)?),
                git_blob: None,
            }],
        })
    }

    /// The body of an answer, and the address of the next page.
    async fn get(
        &self,
        url: &Url,
        accept: &'static str,
        what: &str,
    ) -> Result<(Vec<u8>, Option<Url>), HostError> {
        let request = Request {
            accept,
            ..Request::get(url, MAX_ANSWER)
        };
        let reply = self.client.send(&request).await;
        let reply = reply.map_err(|error| failed(url, error))?;
        let host = url.host_str().unwrap_or_default();
        let reason = match reply.status {
            200 => {
                let next = reply.header(LINK).and_then(|link| next_page(link, url));
                return Ok((reply.into_bytes(), next));
            }
            401 | 403 if reply.headers.contains_key(RATE_LIMIT) => {
                format!("{host} answers no more questions for now")
            }
            401 | 403 => format!("{host} does not show `{what}` without a token that may read it"),
            404 | 422 => format!("{host} has no `{what}`, or not in that revision"),
            429 => format!("{host} answers no more questions for now"),
            status => format!("{host} answers with status {status}"),
        };
        Err(HostError::NoAnswer(reason))
    }
}

const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-reset");

fn failed(url: &Url, error: FetchError) -> HostError {
    match error {
        FetchError::Network { problem, .. } => HostError::Unreachable {
            host: url.host_str().unwrap_or_default().to_owned(),
            problem,
        },
        error => HostError::NoAnswer(error.to_string()),
    }
}

fn odd(url: &Url) -> HostError {
    let host = url.host_str().unwrap_or_default();
    HostError::NoAnswer(format!("{host} answers with something else"))
}

/// An address below another; each part is one segment, whatever is in it.
fn joined(base: &Url, parts: &[&str]) -> Result<Url, HostError> {
    let mut url = base.clone();
    let no_base = |()| HostError::NoAnswer("the host's address takes no paths".to_owned());
    url.path_segments_mut()
        .map_err(no_base)?
        .pop_if_empty()
        .extend(parts);
    Ok(url)
}

fn host_file(sibling: Sibling) -> Option<HostFile> {
    let sha256 = sibling.lfs.as_ref().and_then(|lfs| lfs.sha256.as_deref());
    let blob = sibling.blob_id.filter(|blob| is_commit(blob));
    let is_large = sibling.lfs.is_some();
    Some(HostFile {
        size: sibling
            .lfs
            .as_ref()
            .and_then(|lfs| lfs.size)
            .or(sibling.size),
        sha256: match sha256 {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        },
        // of a large file git knows a pointer only
        git_blob: if is_large { None } else { blob },
        path: sibling.rfilename,
    })
}

/// The `rel="next"` of a `Link` header (RFC 8288).
fn next_page(link: &str, base: &Url) -> Option<Url> {
    let mut links = link.split(',');
    let next = links.find(|link| link.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    let (address, _) = rest.split_once('>')?;
    base.join(address).ok()
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
