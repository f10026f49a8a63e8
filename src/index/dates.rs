//! Upload times where project pages give none: the JSON that indexes of the usual kind have for
//! each project, at `../pypi/NAME/json` beside their simple root.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use pinsmith_resolver::{PackageName, Project, Version};
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::client::Request;
use super::{IndexUrl, Shared};

/// Largest answer that is read, decompressed; it lists every file of every release.
const MAX_ANSWER: u64 = 128 * 1024 * 1024;

/// After so many projects in a row without an answer, an index is not asked for more.
const MAX_MISSES: u32 = 3;

/// How often in a row an index had no such JSON.
#[derive(Debug, Default)]
pub(super) struct Misses(AtomicU32);

/// The project with the upload times that the JSON beside its page gives; `None` where there is
/// no such JSON. Failures are no errors: the age stays unknown, which is said elsewhere.
pub(super) async fn dated(
    shared: &Arc<Shared>,
    index: &IndexUrl,
    name: &PackageName,
    project: &Arc<Project>,
) -> Option<Arc<Project>> {
    let url = beside(index.url(), name)?;
    if shared.date_misses.0.load(Ordering::Relaxed) >= MAX_MISSES {
        return None;
    }
    let reply = shared.client.send(&Request::get(&url, MAX_ANSWER)).await;
    let answer = reply.ok().filter(|reply| reply.status == 200);
    let project = Arc::clone(project);
    let dated = match answer {
        Some(reply) => {
            let merge = move |_: &Shared| merged(&reply.into_bytes(), &project);
            shared.off_thread(merge).await.ok().flatten()
        }
        None => None,
    };
    if dated.is_some() {
        shared.date_misses.0.store(0, Ordering::Relaxed);
    } else {
        shared.date_misses.0.fetch_add(1, Ordering::Relaxed);
    }
    dated.map(Arc::new)
}

/// `https://host/pypi/NAME/json` for `https://host/simple/`; other shapes have no such place.
fn beside(simple: &Url, name: &PackageName) -> Option<Url> {
    let is_simple = simple.path().trim_end_matches('/').ends_with("/simple");
    let is_http = matches!(simple.scheme(), "http" | "https");
    let mut root = simple.clone();
    if !root.path().ends_with('/') {
        root.set_path(&format!("{}/", root.path()));
    }
    (is_simple && is_http).then(|| root.join(&format!("../pypi/{name}/json")).ok())?
}

#[derive(Deserialize)]
struct Answer {
    releases: HashMap<String, Vec<File>>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
    #[serde(default)]
    upload_time_iso_8601: Option<String>,
    #[serde(default)]
    size: Option<Size>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Known(u64),
    Odd(IgnoredAny),
}

/// `None` when the bytes are no such JSON or know none of the files.
fn merged(bytes: &[u8], project: &Project) -> Option<Project> {
    let answer: Answer = serde_json::from_slice(bytes).ok()?;
    let files = answer.releases.into_values().flatten();
    let known: BTreeMap<String, (Timestamp, Option<u64>)> = files
        .filter_map(|file| {
            let uploaded = file.upload_time_iso_8601?.parse().ok()?;
            let size = match file.size {
                Some(Size::Known(size)) => Some(size),
                Some(Size::Odd(_)) | None => None,
            };
            Some((file.filename, (uploaded, size)))
        })
        .collect();
    let mut any = false;
    let mut all: Vec<(Version, _)> = Vec::new();
    for release in project.releases() {
        for mut file in project.files(release) {
            if let Some((uploaded, size)) = known.get(&file.filename) {
                any = true;
                file.uploaded = file.uploaded.or(Some(*uploaded));
                file.size = file.size.or(*size);
            }
            all.push((release.version.clone(), file));
        }
    }
    any.then(|| Project::from_files(Arc::clone(&project.index), all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_beside_the_simple_root() {
        let name: PackageName = "Some.Name".parse().unwrap();
        for (simple, expected) in [
            (
                "https://index.test/simple/",
                Some("https://index.test/pypi/some-name/json"),
            ),
            (
                "https://index.test/repo/simple",
                Some("https://index.test/repo/pypi/some-name/json"),
            ),
            ("https://index.test/whl/cu128/", None),
            ("file:///srv/simple/", None),
        ] {
            let url = beside(&simple.parse().unwrap(), &name);
            assert_eq!(url.as_ref().map(Url::as_str), expected, "{simple}");
        }
    }
}
