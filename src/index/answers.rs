//! What was worked out from an index's answers, kept for as long as the index says the same.
//!
//! A resolution follows from the question and from the project pages that it looked at; core
//! metadata follows from the pages, which state each file's digest. So an answer that was worked out once still
//! holds where each of those pages is in the cache, counts as fresh and has the digest that it had
//! then. That is checked page by page from the heads of their entries: nothing is taken on trust, and nothing
//! is worked out twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use pinsmith_resolver::{MetadataAnswer, PackageName, ReleaseFile, SourceError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::cache::{BodyDigest, Kind, Meta, hex};
use super::{Index, IndexUrl, Shared, lock, pages};

/// What the answers of this run rest on.
#[derive(Default)]
pub(super) struct Grounds {
    /// Pages as they were read and are kept, by address.
    pages: Mutex<BTreeMap<String, Page>>,
    /// Projects that the resolver itself asked for; what was only fetched ahead does not count.
    asked: Mutex<BTreeSet<PackageName>>,
    /// Files that gave no metadata, where their content is not the reason.
    doubtful: Mutex<BTreeSet<String>>,
    /// Something was used that another run could find otherwise.
    unsteady: AtomicBool,
}

struct Page {
    found: bool,
    digest: String,
}

impl Grounds {
    /// A page was read that the cache now holds.
    pub(super) fn note_page(&self, url: &Url, meta: &Meta, digest: &BodyDigest) {
        let page = Page {
            found: meta.status == 200,
            digest: hex(digest),
        };
        lock(&self.pages).insert(url.to_string(), page);
    }

    /// A file gave no metadata, and tomorrow it may.
    pub(super) fn note_doubt(&self, file: &ReleaseFile) {
        lock(&self.doubtful).insert(file.url.clone());
    }

    /// The resolver asks for a project.
    pub(super) fn asked(&self, name: &PackageName) {
        lock(&self.asked).insert(name.clone());
    }

    /// The resolver uses what is known of a file.
    pub(super) fn used(&self, file: &ReleaseFile, answer: &Result<MetadataAnswer, SourceError>) {
        let steady = match answer {
            // without a digest the same address may have another file tomorrow
            Ok(MetadataAnswer::Found(_)) => file.sha256.is_some(),
            Ok(MetadataAnswer::Unavailable(_)) => !lock(&self.doubtful).contains(&file.url),
            Ok(MetadataAnswer::Offline) | Err(_) => false,
        };
        if !steady {
            self.unsettle();
        }
    }

    /// Something is used that another run could find otherwise.
    pub(super) fn unsettle(&self) {
        self.unsteady.store(true, Ordering::Relaxed);
    }

    /// The digests of a project's pages up to the one that has it; `None` when they are not all kept.
    fn pages_of(&self, shared: &Shared, name: &PackageName) -> Option<Vec<String>> {
        let known = lock(&self.pages);
        let mut digests = Vec::new();
        for (_, url) in places_of(shared, name)? {
            let page = known.get(url.as_str())?;
            digests.push(page.digest.clone());
            if page.found {
                break;
            }
        }
        Some(digests)
    }
}

/// The pages that one answer rests on: for each project the digests of its pages, in the order in which the
/// indexes are asked.
#[derive(Serialize, Deserialize)]
struct Rests(BTreeMap<PackageName, Vec<String>>);

impl Index {
    /// Keeps what was worked out from this index, unless another run could find something else.
    ///
    /// The question says everything that the answer depends on besides the index. Nothing is kept where
    /// code of sdists may run, or where files of this machine count.
    pub fn remember(&self, question: &str, answer: &[u8]) {
        let (shared, grounds) = (&self.shared, &self.shared.grounds);
        if shared.builder.is_some() || grounds.unsteady.load(Ordering::Relaxed) {
            return;
        }
        let asked = lock(&grounds.asked);
        let pages = asked
            .iter()
            .map(|name| Some((name.clone(), grounds.pages_of(shared, name)?)));
        let Some(rests) = pages.collect::<Option<_>>().map(Rests) else {
            return;
        };
        let rests = serde_json::to_vec(&rests).unwrap_or_default();
        let Ok(length) = u32::try_from(rests.len()) else {
            return;
        };
        let meta = Meta {
            key: key(question),
            status: 200,
            fetched: Timestamp::now().as_second(),
            ..Meta::default()
        };
        let body = [&length.to_le_bytes()[..], &rests, answer].concat();
        shared.cache.write(Kind::Answer, &meta, &body);
    }

    /// What [`Self::remember`] kept for this question, if everything that it rests on is still so.
    ///
    /// What reading its pages would bring up is found all the same.
    pub fn recall(&self, question: &str) -> Option<Vec<u8>> {
        let shared = &self.shared;
        if shared.builder.is_some() {
            return None;
        }
        let (_, mut body) = shared.cache.read(Kind::Answer, &key(question))?;
        let length = u32::from_le_bytes(body.get(..4)?.try_into().ok()?) as usize;
        let rests: Rests = serde_json::from_slice(body.get(4..)?.get(..length)?).ok()?;
        let mut pages = Vec::new();
        for (name, digests) in &rests.0 {
            pages.extend(still(shared, name, digests)?);
        }
        for (place, name, meta) in pages {
            pages::note_kept(shared, place, name, &meta);
        }
        Some(body.split_off(4 + length))
    }
}

/// The pages of a project, if the same ones would be read again and say the same.
fn still<'s>(
    shared: &'s Shared,
    name: &'s PackageName,
    digests: &[String],
) -> Option<Vec<(&'s IndexUrl, &'s PackageName, Meta)>> {
    let places = places_of(shared, name)?;
    let mut pages = Vec::new();
    for ((place, url), digest) in places.iter().zip(digests) {
        let head = shared.cache.head(Kind::Page, url.as_str())?;
        if hex(&head.digest) != *digest || !pages::is_settled(shared, &head.meta, name) {
            return None;
        }
        pages.push((*place, name, head.meta));
    }
    let found = pages.last().is_some_and(|(.., meta)| meta.status == 200);
    let all_asked = digests.len() == places.len();
    (pages.len() == digests.len() && (found || all_asked)).then_some(pages)
}

/// The indexes that may be asked for a project, with the addresses of its pages; `None` where files of
/// this machine or pages with links count, which are no entries of their own.
fn places_of<'s>(shared: &'s Shared, name: &PackageName) -> Option<Vec<(&'s IndexUrl, Url)>> {
    let (links, indexes) = shared.location.places_of(name);
    let places = indexes.iter().map(|place| {
        let url = place.url().join(&format!("{name}/")).ok()?;
        (url.scheme() != "file").then_some((place, url))
    });
    places
        .collect::<Option<Vec<_>>>()
        .filter(|_| links.is_empty())
}

fn key(question: &str) -> String {
    format!("answer {}", hex(&Sha256::digest(question.as_bytes())))
}
