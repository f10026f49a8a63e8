//! Core metadata of one file, in the cheapest way that its server allows.
//!
//! In this order: the cache, `FILE.metadata` beside the file, byte ranges out of a wheel, the whole
//! file. Sdists are read, and built only where the user allowed it and reading does not settle them.

mod kept;
mod ranges;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use pinsmith_resolver::{
    CoreMetadata, CoreMetadataHint, MetadataAnswer, PackageName, ReleaseFile, Sha256, SourceError,
    Trust, Version, sdist_version,
};
use sha2::Digest;
use url::Url;

use crate::diagnostic::{Code, Diagnostic};

use super::cache::Kind;
use super::client::{Body, FetchError, Reply, Request};
use super::metadata::{essentials, parse_metadata};
use super::sdist;
use super::wheel::{MAX_METADATA, Parts, WheelError, file_names, read_metadata};
use super::{MetadataBuilder, SETTINGS_HELP, Shared, codes};

/// Largest file that is downloaded whole for its metadata.
pub(super) const MAX_FILE: u64 = 512 * 1024 * 1024;

/// Largest source distribution that is read for the names of its files.
const MAX_LISTED: u64 = 8 * 1024 * 1024;

/// Why there is no metadata.
enum Failure {
    /// This file has none that can be read.
    Unavailable(String),
    /// The file itself is listed and not there.
    NotThere,
    /// The world failed.
    Fatal(SourceError),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Fatal(error)
    }
}

pub(super) async fn metadata(
    shared: &Arc<Shared>,
    name: &PackageName,
    file: &ReleaseFile,
) -> Result<MetadataAnswer, SourceError> {
    let version = match file.wheel() {
        Some(wheel) => Some(wheel.version.clone()),
        None => sdist_version(&file.filename, name),
    };
    let (Ok(url), Some(version)) = (Url::parse(&file.url), version) else {
        let reason = "its name or address cannot be read".to_owned();
        return Ok(MetadataAnswer::Unavailable(reason));
    };
    let wanted = Wanted {
        name,
        version,
        file,
        url,
    };
    if let Some(core) = wanted.cached(shared) {
        shared.count(&shared.counters.cache_hits);
        return Ok(answer(core));
    }
    if shared.offline && wanted.url.scheme() != "file" {
        return Ok(MetadataAnswer::Offline);
    }
    match wanted.fetch(shared).await {
        Ok(found) => Ok(answer(found)),
        Err(Failure::Unavailable(reason)) => {
            shared.grounds.note_doubt(file);
            Ok(MetadataAnswer::Unavailable(reason))
        }
        Err(Failure::NotThere) => {
            shared.grounds.note_doubt(file);
            wanted.keep_missing(shared).await?;
            Ok(MetadataAnswer::Unavailable(NOT_THERE.to_owned()))
        }
        Err(Failure::Fatal(error)) => Err(error),
    }
}

/// Names of all files of a wheel and its METADATA, by ranges alone; `None` where that cannot be had.
pub(super) async fn listing(
    shared: &Arc<Shared>,
    name: &PackageName,
    file: &ReleaseFile,
) -> Result<Option<(Vec<String>, Vec<u8>)>, SourceError> {
    let (Ok(url), Some(wheel)) = (Url::parse(&file.url), file.wheel()) else {
        return Ok(None);
    };
    let version = wheel.version.clone();
    let read = |parts: &Parts| {
        let names = file_names(parts)?;
        Ok((names, read_metadata(parts, name, &version)?))
    };
    let wanted = Wanted {
        name,
        version: version.clone(),
        file,
        url,
    };
    match wanted.read_by_ranges(shared, &read).await {
        Ok(found) => Ok(found),
        Err(Failure::Unavailable(_) | Failure::NotThere) => Ok(None),
        Err(Failure::Fatal(error)) => Err(error),
    }
}

/// The same of a small source distribution, which is read whole and never built.
pub(super) async fn listing_of_sdist(
    shared: &Arc<Shared>,
    name: &PackageName,
    file: &ReleaseFile,
) -> Result<Option<(Vec<String>, Vec<u8>)>, SourceError> {
    let (Ok(url), Some(version)) = (Url::parse(&file.url), sdist_version(&file.filename, name))
    else {
        return Ok(None);
    };
    if file.size.is_some_and(|size| size > MAX_LISTED) {
        return Ok(None);
    }
    let wanted = Wanted {
        name,
        version,
        file,
        url,
    };
    let archive = match wanted.download(shared).await {
        Ok((archive, _)) => archive,
        Err(Failure::Unavailable(_) | Failure::NotThere) => return Ok(None),
        Err(Failure::Fatal(error)) => return Err(error),
    };
    let read = move |_: &Shared| sdist::listing(archive).ok();
    shared.off_thread(read).await
}

fn answer(core: Result<CoreMetadata, String>) -> MetadataAnswer {
    match core {
        Ok(core) => MetadataAnswer::Found(Arc::new(core)),
        Err(reason) => MetadataAnswer::Unavailable(reason),
    }
}

/// The file whose metadata is wanted.
struct Wanted<'a> {
    name: &'a PackageName,
    version: Version,
    file: &'a ReleaseFile,
    url: Url,
}

type Core = Result<CoreMetadata, String>;

impl Wanted<'_> {
    async fn fetch(&self, shared: &Arc<Shared>) -> Result<Core, Failure> {
        if let Some(core) = self.beside(shared).await? {
            return Ok(Ok(core));
        }
        if self.file.wheel().is_none() {
            return self.by_whole_sdist(shared).await;
        }
        let bytes = match self.by_ranges(shared).await? {
            Some(bytes) => bytes,
            None => self.by_whole_wheel(shared).await?,
        };
        let core = self.parse(&bytes).map_err(Failure::Unavailable)?;
        self.keep(shared, Kind::Wheel, self.key(), essentials(&bytes))
            .await?;
        Ok(Ok(core))
    }

    /// `FILE.metadata` (PEP 658); tried for wheels even where nothing was said about it.
    async fn beside(&self, shared: &Arc<Shared>) -> Result<Option<CoreMetadata>, Failure> {
        let advertised = match self.file.core_metadata {
            CoreMetadataHint::Available | CoreMetadataHint::Hashed(_) => true,
            CoreMetadataHint::Absent => false,
            CoreMetadataHint::Unknown => {
                if self.file.wheel().is_none()
                    || !shared.guesses.is_worth_it(&self.url, &shared.cache)
                {
                    return Ok(None);
                }
                false
            }
        };
        if self.file.core_metadata == CoreMetadataHint::Absent {
            return Ok(None);
        }
        let mut url = self.url.clone();
        url.set_path(&format!("{}.metadata", url.path()));
        let reply = self.send(shared, &Request::get(&url, MAX_METADATA)).await?;
        let bytes = (reply.status == 200).then(|| reply.into_bytes());
        if let (CoreMetadataHint::Hashed(stated), Some(bytes)) =
            (self.file.core_metadata.clone(), &bytes)
        {
            self.check_digest("metadata", stated, digest_of(bytes))?;
        }
        // a server may answer 200 with a page for whatever it does not have
        let core = bytes.as_deref().and_then(|bytes| self.parse(bytes).ok());
        if !advertised {
            shared
                .guesses
                .record(&self.url, core.is_some(), &shared.cache);
        }
        if let (Some(_), Some(bytes)) = (&core, bytes) {
            self.keep(shared, Kind::Wheel, self.key(), essentials(&bytes))
                .await?;
        }
        Ok(core)
    }

    async fn by_whole_wheel(&self, shared: &Arc<Shared>) -> Result<Vec<u8>, Failure> {
        let (file, size) = self.download(shared).await?;
        if self.url.scheme() != "file" {
            shared.note(Diagnostic::info(
                codes::WHOLE_WHEEL,
                format!(
                    "{} ({size} bytes) was downloaded whole for its metadata, since its server gives no byte ranges",
                    self.file.filename
                ),
            ));
        }
        let (name, version) = (self.name.clone(), self.version.clone());
        let read = move |_: &Shared| read_from_file(file, size, &name, &version);
        shared.off_thread(read).await?.map_err(Failure::Unavailable)
    }

    async fn by_whole_sdist(&self, shared: &Arc<Shared>) -> Result<Core, Failure> {
        let (file, _) = self.download(shared).await?;
        let name = self.name.clone();
        let read = move |_: &Shared| {
            let again = file.try_clone().map_err(|error| error.to_string());
            let files = sdist::read_files(file, &name).map_err(|error| error.to_string());
            files.and_then(|files| Ok((files, again?)))
        };
        let (files, file) = shared
            .off_thread(read)
            .await?
            .map_err(Failure::Unavailable)?;
        let json = serde_json::to_vec(&files).unwrap_or_default();
        self.keep(shared, Kind::Sdist, self.key(), json).await?;
        let read = sdist::metadata_of(&files, self.name, &self.version);
        match &shared.builder {
            Some(builder) if !is_settled(&read) => self.by_building(shared, builder, file).await,
            _ => Ok(read),
        }
    }

    /// Runs the sdist's build backend, which the user allowed.
    async fn by_building(
        &self,
        shared: &Arc<Shared>,
        builder: &Arc<dyn MetadataBuilder>,
        mut file: File,
    ) -> Result<Core, Failure> {
        let _one = shared.building.lock().await;
        let (runs, filename) = (Arc::clone(builder), self.file.filename.clone());
        let build = move |_: &Shared| {
            let failed = |error: std::io::Error| format!("no room to build it: {error}");
            let folder = tempfile::tempdir().map_err(failed)?;
            // a file name of an index is one plain name, see `simple`
            let path = folder.path().join(filename);
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            let mut copy = File::create(&path).map_err(failed)?;
            std::io::copy(&mut file, &mut copy).map_err(failed)?;
            drop(copy);
            runs.build(&path)
                .map_err(|reason| format!("building it for its metadata fails: {reason}"))
        };
        let bytes = shared.off_thread(build).await?;
        let bytes = bytes.map_err(Failure::Unavailable)?;
        shared.note(Diagnostic::info(
            codes::BUILT,
            format!(
                "{} was built for its metadata, which ran its code",
                self.file.filename
            ),
        ));
        let core = self.parse_built(&bytes).map_err(Failure::Unavailable)?;
        let key = self.built_key(builder.as_ref());
        self.keep(shared, Kind::Built, key, essentials(&bytes))
            .await?;
        Ok(Ok(core))
    }

    /// The whole file on disk, its digest checked.
    async fn download(&self, shared: &Arc<Shared>) -> Result<(File, u64), Failure> {
        let request = Request {
            to_file: true,
            ..Request::get(&self.url, MAX_FILE)
        };
        let reply = self.send(shared, &request).await?;
        let status = reply.status;
        let (200, Body::File { mut file, size }) = (status, reply.body) else {
            return Err(match status {
                404 | 410 => Failure::NotThere,
                _ => Failure::Unavailable(format!("its server answers with status {status}")),
            });
        };
        let (file, digest) = shared
            .off_thread(move |_| {
                let digest = digest_of_file(&mut file);
                digest.map(|digest| (file, digest))
            })
            .await?
            .map_err(|error| Failure::Unavailable(format!("it cannot be read: {error}")))?;
        if let Some(stated) = self.file.sha256 {
            self.check_digest("file", stated, digest)?;
        }
        Ok((file, size))
    }

    /// An answer of any status but the server's own failure.
    async fn send(&self, shared: &Arc<Shared>, request: &Request<'_>) -> Result<Reply, Failure> {
        let filename = &self.file.filename;
        let fatal = |code: Code, what: String, help: &str| {
            Failure::Fatal(SourceError {
                code: Some(code.0),
                message: format!("metadata of `{filename}`: {what}"),
                help: Some(help.to_owned()),
            })
        };
        match shared.client.send(request).await {
            Ok(reply) if reply.status >= 500 && reply.status != 501 || reply.status == 429 => {
                Err(fatal(
                    codes::REFUSED,
                    format!("its server answers with status {}", reply.status),
                    "try again later",
                ))
            }
            Ok(reply) if reply.status == 401 => Err(fatal(
                codes::UNAUTHORIZED,
                "its server asks for credentials (status 401)".to_owned(),
                "credentials go only to the index's own host: put them into its address or into netrc",
            )),
            Ok(reply) => Ok(reply),
            Err(error @ FetchError::Settings(_)) => {
                Err(fatal(error.code(), error.to_string(), SETTINGS_HELP))
            }
            Err(error @ FetchError::Network { .. }) => Err(fatal(
                error.code(),
                format!("its server cannot be asked: {error}"),
                "check the connection, or use --offline with a filled cache",
            )),
            Err(error) => Err(Failure::Unavailable(error.to_string())),
        }
    }

    fn check_digest(&self, what: &str, stated: Sha256, found: Sha256) -> Result<(), Failure> {
        if stated == found {
            return Ok(());
        }
        Err(Failure::Fatal(SourceError {
            code: Some(codes::WRONG_HASH.0),
            message: format!(
                "the {what} of `{}` has sha256 {found}, the index states {stated}",
                self.file.filename
            ),
            help: Some(
                "somebody changed it on the way or on the index: do not use it, and tell the index's owner"
                    .to_owned(),
            ),
        }))
    }

    /// METADATA that speaks about this file; a local part may be missing from its version.
    fn parse(&self, bytes: &[u8]) -> Result<CoreMetadata, String> {
        let core = parse_metadata(bytes)
            .map_err(|error| error.to_string())?
            .core;
        let same_version =
            core.version == self.version || core.version == self.version.clone().without_local();
        if core.name != *self.name || !same_version {
            return Err(format!(
                "its metadata is that of {} {}",
                core.name, core.version
            ));
        }
        Ok(core)
    }
}

/// Whether running the build could not change what was read.
fn is_settled(read: &Core) -> bool {
    read.as_ref().is_ok_and(|core| core.trust == Trust::Static)
}

const NOT_THERE: &str = "it is listed but not there (status 404)";

pub(super) fn read_from_file(
    mut file: File,
    size: u64,
    name: &PackageName,
    version: &Version,
) -> Result<Vec<u8>, String> {
    let mut parts = Parts::new(size);
    for _ in 0..=ranges::MAX_RANGES {
        let range = match read_metadata(&parts, name, version) {
            Err(WheelError::Missing(range)) => range,
            Err(error) => return Err(error.to_string()),
            Ok(bytes) => return Ok(bytes),
        };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(range.start))
            .and_then(|_| {
                (&file)
                    .take(range.end - range.start)
                    .read_to_end(&mut bytes)
            })
            .map_err(|error| format!("it cannot be read: {error}"))?;
        parts.add(range.start, bytes);
    }
    Err("the wheel is broken: it needs ever more parts".to_owned())
}

fn digest_of(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

pub(super) fn digest_of_file(file: &mut File) -> std::io::Result<Sha256> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(Sha256(hasher.finalize().into()))
}
