//! METADATA out of a wheel that stays where it is, by byte ranges.

use std::sync::Arc;

use reqwest::header::CONTENT_LENGTH;

use super::super::Shared;
use super::super::client::{Body, Range, Reply, Request};
use super::super::learned::MAX_TAIL;
use super::super::wheel::{Parts, WheelError, needed_tail, read_metadata};
use super::{Failure, Wanted};

/// Largest part of a wheel that is taken into memory: a zip directory at its limit.
const MAX_RANGE: u64 = 65 * 1024 * 1024;

/// Most ranges that one wheel may need; a sound one needs at most four.
pub(super) const MAX_RANGES: usize = 6;

impl Wanted<'_> {
    /// `None` when the server has no (usable) ranges.
    pub(super) async fn by_ranges(&self, shared: &Arc<Shared>) -> Result<Option<Vec<u8>>, Failure> {
        let read = |parts: &Parts| {
            let bytes = read_metadata(parts, self.name, &self.version)?;
            let needed = needed_tail(parts, self.name, &self.version, MAX_TAIL);
            shared.tails.learn(self.name, needed.unwrap_or(0));
            Ok(bytes)
        };
        self.read_by_ranges(shared, &read).await
    }

    /// Fetches ranges until `read` lacks none; `None` when the server has no (usable) ranges.
    pub(super) async fn read_by_ranges<T>(
        &self,
        shared: &Arc<Shared>,
        read: &(dyn Fn(&Parts) -> Result<T, WheelError> + Sync),
    ) -> Result<Option<T>, Failure> {
        let Some(mut parts) = self.tail(shared).await? else {
            return Ok(None);
        };
        for _ in 0..MAX_RANGES {
            let range = match read(&parts) {
                Ok(found) => return Ok(Some(found)),
                Err(WheelError::Missing(range)) => range,
                Err(error) => return Err(Failure::Unavailable(error.to_string())),
            };
            let range = Range::From(range.start, range.end);
            match self.range(shared, range).await?.body {
                Body::Part { start, bytes, .. } => parts.add(start, bytes),
                _ => return Ok(None),
            }
        }
        Err(Failure::Unavailable(
            "the wheel is broken: it needs ever more parts".to_owned(),
        ))
    }

    /// The end of the wheel, by a suffix range, or by a computed one where that is not understood.
    async fn tail(&self, shared: &Arc<Shared>) -> Result<Option<Parts>, Failure> {
        let tail = shared.tails.length(self.name);
        let reply = self.range(shared, Range::Last(tail)).await?;
        let size = match parts_of(reply) {
            Ok(parts) => return Ok(Some(parts)),
            Err(404 | 410) => return Err(Failure::NotThere),
            Err(_) => match self.file.size {
                Some(size) => size,
                None => match self.size_by_head(shared).await? {
                    Some(size) => size,
                    None => return Ok(None),
                },
            },
        };
        let range = Range::From(size.saturating_sub(tail), size);
        Ok(parts_of(self.range(shared, range).await?).ok())
    }

    async fn size_by_head(&self, shared: &Arc<Shared>) -> Result<Option<u64>, Failure> {
        let request = Request {
            head: true,
            ..Request::get(&self.url, 0)
        };
        let reply = self.send(shared, &request).await?;
        let length = reply
            .header(CONTENT_LENGTH)
            .and_then(|text| text.parse().ok());
        Ok(length.filter(|size| reply.status == 200 && *size > 0))
    }

    async fn range(&self, shared: &Arc<Shared>, range: Range) -> Result<Reply, Failure> {
        let request = Request {
            range: Some(range),
            ..Request::get(&self.url, MAX_RANGE)
        };
        self.send(shared, &request).await
    }
}

/// What a range request brought, else its status.
fn parts_of(reply: Reply) -> Result<Parts, u16> {
    match (reply.status, reply.body) {
        (206, Body::Part { start, size, bytes }) => {
            let mut parts = Parts::new(size);
            parts.add(start, bytes);
            Ok(parts)
        }
        (200, Body::Bytes(bytes)) => Ok(Parts::whole(bytes)),
        (status, _) => Err(status),
    }
}
