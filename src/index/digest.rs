//! Digests that an index does not give, computed from the files.

use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{ReleaseFile, Resolution, Sha256, SourceError};
use url::Url;

use super::cache::{Kind, Meta};
use super::files::digest_of_file;
use super::{Index, Shared, codes};
use crate::accelerator::COMPUTED_HASH;
use crate::diagnostic::Diagnostic;

/// Largest file that is downloaded for its digest; builds for CUDA have up to 3 GB.
const MAX_FILE: u64 = 16 * 1024 * 1024 * 1024;

impl Index {
    /// Gives the pins of explicit indexes the digests that those lack, by downloading the files.
    ///
    /// Only the file that the target installs keeps its place, so that no more is downloaded.
    ///
    /// # Errors
    /// When a file cannot be had, and offline when its digest is not in the cache.
    pub fn complete_digests(&self, answer: &mut Resolution) -> Result<(), SourceError> {
        let main: Vec<String> = self.index_names();
        for package in &mut answer.packages {
            if package.index.is_empty() || main.iter().any(|own| *own == *package.index) {
                continue;
            }
            package.files.retain(|file| file.wheel().is_some());
            package.files.truncate(1);
            for file in package
                .files
                .iter_mut()
                .filter(|file| file.sha256.is_none())
            {
                let (sha256, size) = self.handle.block_on(digest(&self.shared, file))?;
                file.sha256 = Some(sha256);
                file.size = file.size.or(Some(size));
            }
        }
        Ok(())
    }

    /// The indexes that everything comes from, as they are shown.
    pub fn index_names(&self) -> Vec<String> {
        let places = self.shared.location.places();
        places.map(ToString::to_string).collect()
    }
}

async fn digest(shared: &Arc<Shared>, file: &ReleaseFile) -> Result<(Sha256, u64), SourceError> {
    let filename = &file.filename;
    let error = |what: &str, help: &str| SourceError {
        code: Some(codes::NO_DIGEST.0),
        message: format!("`{filename}` {what}"),
        help: Some(help.to_owned()),
    };
    let kept = shared.cache.read(Kind::Digest, &file.url);
    let kept = kept.and_then(|(_, body)| {
        let text = String::from_utf8(body).ok()?;
        let (sha256, size) = text.split_once(' ')?;
        Some((sha256.parse().ok()?, size.parse().ok()?))
    });
    if let Some(kept) = kept {
        return Ok(kept);
    }
    if shared.offline {
        let what = "has no sha256 on its index, and the network is off";
        return Err(error(
            what,
            "run once without --offline: it is downloaded, and its digest is kept",
        ));
    }
    let url =
        Url::parse(&file.url).map_err(|_| error("has no address", "report this to its index"))?;
    let help =
        "its digest cannot be told without the file; try again later, or pin another release";
    let (mut bytes, size) = shared
        .whole_file(&url, MAX_FILE)
        .await
        .map_err(|problem| error(&format!("cannot be downloaded: {problem}"), help))?;
    let sha256 = shared
        .off_thread(move |_| digest_of_file(&mut bytes))
        .await?;
    let sha256 = sha256.map_err(|problem| error(&format!("cannot be read: {problem}"), help))?;
    shared.note(Diagnostic::info(
        COMPUTED_HASH,
        format!("{filename} has no sha256 on its index; it was computed from the file"),
    ));
    let meta = Meta {
        key: file.url.clone(),
        status: 200,
        url: file.url.clone(),
        fetched: Timestamp::now().as_second(),
        ..Meta::default()
    };
    let write = move |shared: &Shared| {
        shared
            .cache
            .write(Kind::Digest, &meta, format!("{sha256} {size}").as_bytes());
    };
    shared.off_thread(write).await?;
    Ok((sha256, size))
}
