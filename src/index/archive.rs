//! A file at an address of its own: a wheel, a source distribution, or another archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::str::FromStr;
use std::sync::Arc;

use pinsmith_resolver::{
    CoreMetadata, CoreMetadataHint, FileKind, MetadataAnswer, PackageName, ReleaseFile, Sha256,
    WheelName,
};
use url::Url;

use super::files::{MAX_FILE, digest_of_file, read_from_file};
use super::metadata::parse_metadata;
use super::sdist::{self, source_files};
use super::{Index, Shared};

/// What a file at an address holds.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Digest of the file.
    pub sha256: Sha256,
    /// Size in bytes, where the file was downloaded whole.
    pub size: Option<u64>,
    /// What is in it.
    pub content: ArchiveContent,
}

/// What an archive holds, as far as it was read.
#[derive(Debug, Clone)]
pub enum ArchiveContent {
    /// A wheel with its metadata.
    Wheel(Arc<CoreMetadata>),
    /// A source distribution whose metadata can be told.
    Sdist(CoreMetadata),
    /// The small text files of a source tree, by their path below its top folder.
    Source(BTreeMap<String, Vec<u8>>),
}

impl Index {
    /// Reads a file at an address. A wheel whose digest is stated is read by byte ranges; anything
    /// else is downloaded, because nothing else tells its digest.
    ///
    /// Plain http is refused, except for the hosts of the user's own indexes.
    ///
    /// # Errors
    /// The reason in words, lower case.
    pub fn archive(
        &self,
        address: &str,
        name: &PackageName,
        stated: Option<Sha256>,
    ) -> Result<Archive, String> {
        let url = Url::parse(address).map_err(|_| "its address cannot be read".to_owned())?;
        if !self.may_be_asked(&url) {
            return Err("its address is no https address".to_owned());
        }
        let file = release_file(&url, stated);
        if let (Some(_), Some(sha256)) = (file.wheel(), stated) {
            return match self
                .handle
                .block_on(self.shared.file_metadata(name, &file))
                .map_err(|error| error.message)?
            {
                MetadataAnswer::Found(metadata) => Ok(Archive {
                    sha256,
                    size: None,
                    content: ArchiveContent::Wheel(metadata),
                }),
                MetadataAnswer::Unavailable(reason) => Err(reason),
                MetadataAnswer::Offline => Err(OFFLINE.to_owned()),
            };
        }
        if self.shared.offline {
            return Err(OFFLINE.to_owned());
        }
        self.handle.block_on(whole(&self.shared, &url, name, &file))
    }

    /// Whether an address that the tree names may be asked at all.
    pub fn may_be_asked(&self, url: &Url) -> bool {
        let indexes = &self.shared.location.indexes;
        let own = || {
            indexes
                .iter()
                .any(|index| index.url().origin() == url.origin())
        };
        url.scheme() == "https" || (url.scheme() == "http" && own())
    }

    /// The certificate bundle of the user's configuration.
    pub fn certificate(&self) -> Option<&std::path::Path> {
        self.shared.location.certificate.as_deref()
    }
}

const OFFLINE: &str = "the network is switched off";

fn release_file(url: &Url, sha256: Option<Sha256>) -> ReleaseFile {
    let last = url.path_segments().and_then(Iterator::last);
    let filename = percent_decode(last.unwrap_or_default());
    let mut plain = url.clone();
    plain.set_fragment(None);
    ReleaseFile {
        kind: WheelName::from_str(&filename).map_or(FileKind::Sdist, FileKind::Wheel),
        filename,
        url: plain.into(),
        requires_python: None,
        yanked: None,
        uploaded: None,
        size: None,
        sha256,
        core_metadata: CoreMetadataHint::Absent,
    }
}

/// A part of an address without its `%xx`.
pub(super) fn percent_decode(text: &str) -> String {
    let pairs = format!("name={}", text.replace('+', "%2B"));
    let mut decoded = url::form_urlencoded::parse(pairs.as_bytes());
    decoded
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

async fn whole(
    shared: &Arc<Shared>,
    url: &Url,
    name: &PackageName,
    file: &ReleaseFile,
) -> Result<Archive, String> {
    let (mut bytes, size) = shared.whole_file(url, MAX_FILE).await?;
    let (name, wheel, stated) = (name.clone(), file.wheel().cloned(), file.sha256);
    let read = move |_: &Shared| {
        let sha256 = digest_of_file(&mut bytes).map_err(|error| error.to_string())?;
        if let Some(stated) = stated.filter(|stated| *stated != sha256) {
            return Err(format!("it has sha256 {sha256}, but {stated} is asked for"));
        }
        Ok(Archive {
            sha256,
            size: Some(size),
            content: content(bytes, size, &name, wheel.as_ref())?,
        })
    };
    let done = shared.off_thread(read).await;
    done.map_err(|error| error.message)?
}

fn content(
    mut file: File,
    size: u64,
    name: &PackageName,
    wheel: Option<&WheelName>,
) -> Result<ArchiveContent, String> {
    if let Some(wheel) = wheel {
        let bytes = read_from_file(file, size, name, &wheel.version)?;
        let parsed = parse_metadata(&bytes).map_err(|error| error.to_string())?;
        return Ok(ArchiveContent::Wheel(Arc::new(parsed.core)));
    }
    let broken = |error: sdist::SdistError| error.to_string();
    let files = sdist::read_files(&mut file, name).map_err(broken)?;
    let info = files.pkg_info.as_deref();
    let info = info.and_then(|text| parse_metadata(text.as_bytes()).ok());
    if let Some(info) = info.filter(|info| info.core.name == *name)
        && let Ok(core) = sdist::metadata_of(&files, name, &info.core.version)
    {
        return Ok(ArchiveContent::Sdist(core));
    }
    source_files(&mut file)
        .map(ArchiveContent::Source)
        .map_err(broken)
}
