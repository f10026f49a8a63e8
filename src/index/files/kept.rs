//! What is kept of files: their metadata, and for a while that a file is not there.

use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{CoreMetadata, SourceError, Trust};

use super::super::cache::{Kind, Meta};
use super::super::pages::DEFAULT_LIFETIME;
use super::super::sdist::{self, SdistFiles};
use super::super::{MetadataBuilder, Shared};
use super::{Core, Failure, NOT_THERE, Wanted, is_settled};

impl Wanted<'_> {
    /// Files never change, so the digest is part of the key and the age is of no interest.
    pub(super) fn key(&self) -> String {
        let digest = self.file.sha256.map(|digest| digest.to_string());
        format!("{}#{}", self.file.url, digest.unwrap_or_default())
    }

    pub(super) fn cached(&self, shared: &Shared) -> Option<Core> {
        // without a digest the same address could have another file by now
        let doubtful = self.file.sha256.is_none() && shared.refresh.includes(self.name);
        if self.url.scheme() == "file" || doubtful {
            return None;
        }
        let key = self.key();
        // a kept file is read faster than another thread is woken
        let plain = shared.cache.read(Kind::Wheel, &key);
        if let Some((meta, _)) = plain.as_ref().filter(|(meta, _)| meta.status == 404) {
            let counts = shared.offline
                || !shared.refresh.includes(self.name) && meta.is_fresh(Timestamp::now());
            shared.grounds.note_doubt(self.file);
            return counts.then(|| Err(NOT_THERE.to_owned()));
        }
        let plain = plain.map(|(_, body)| body);
        // an sdist whose metadata lies beside it is kept like a wheel's
        let sdist = (plain.is_none() && self.file.wheel().is_none())
            .then(|| shared.cache.read(Kind::Sdist, &key))
            .flatten()
            .map(|(_, body)| body);
        let plain = plain.and_then(|bytes| self.parse(&bytes).ok());
        if let Some(core) = plain {
            return Some(Ok(core));
        }
        let files = serde_json::from_slice::<SdistFiles>(&sdist?).ok()?;
        let read = sdist::metadata_of(&files, self.name, &self.version);
        match shared.builder.as_deref().filter(|_| !is_settled(&read)) {
            None => Some(read),
            Some(builder) => {
                let built = shared.cache.read(Kind::Built, &self.built_key(builder));
                let built = built.and_then(|(_, bytes)| self.parse_built(&bytes).ok());
                built.map(Ok).or_else(|| shared.offline.then_some(read))
            }
        }
    }

    pub(super) fn built_key(&self, builder: &dyn MetadataBuilder) -> String {
        format!("{} {}", self.key(), builder.environment())
    }

    pub(super) fn parse_built(&self, bytes: &[u8]) -> Core {
        let core = self.parse(bytes)?;
        Ok(CoreMetadata {
            trust: Trust::Built,
            ..core
        })
    }

    pub(super) async fn keep(
        &self,
        shared: &Arc<Shared>,
        kind: Kind,
        key: String,
        body: Vec<u8>,
    ) -> Result<(), Failure> {
        let meta = Meta {
            key,
            status: 200,
            ..self.meta()
        };
        Ok(self.keep_as(shared, kind, meta, body).await?)
    }

    /// Remembers for a while that the file is not there.
    pub(super) async fn keep_missing(&self, shared: &Arc<Shared>) -> Result<(), SourceError> {
        let meta = Meta {
            key: self.key(),
            status: 404,
            max_age: DEFAULT_LIFETIME,
            ..self.meta()
        };
        self.keep_as(shared, Kind::Wheel, meta, Vec::new()).await
    }

    fn meta(&self) -> Meta {
        Meta {
            url: self.file.url.clone(),
            fetched: Timestamp::now().as_second(),
            ..Meta::default()
        }
    }

    async fn keep_as(
        &self,
        shared: &Arc<Shared>,
        kind: Kind,
        meta: Meta,
        body: Vec<u8>,
    ) -> Result<(), SourceError> {
        if self.url.scheme() != "file" {
            let write = move |shared: &Shared| shared.cache.write(kind, &meta, &body);
            shared.off_thread(write).await?;
        }
        Ok(())
    }
}
