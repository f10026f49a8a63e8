//! Building the tables.

use std::collections::HashMap;

use jiff::Timestamp;
use pep440_rs::Version;

use super::LAYOUT;
use super::row::{NONE, flag, record};
use crate::{CoreMetadataHint, ReleaseFile, Sha256};

/// Builds the tables.
#[derive(Default)]
pub(super) struct Writer {
    origins: Interned,
    tags: Interned,
    pythons: Interned,
    digests: Vec<u8>,
    releases: Vec<u8>,
    release_count: u32,
    files: Vec<u8>,
    text: String,
}

/// Texts that many files share, each kept once.
#[derive(Default)]
struct Interned {
    known: HashMap<String, u32>,
    spans: Vec<u8>,
}

impl Interned {
    fn index(&mut self, value: &str, text: &mut String) -> u32 {
        if let Some(index) = self.known.get(value) {
            return *index;
        }
        let index = narrow(self.known.len());
        push_span(&mut self.spans, value, text);
        self.known.insert(value.to_owned(), index);
        index
    }
}

fn push_span(table: &mut Vec<u8>, value: &str, text: &mut String) {
    table.extend(narrow(text.len()).to_le_bytes());
    table.extend(narrow(value.len()).to_le_bytes());
    text.push_str(value);
}

/// Pages are limited to far less than 4 GiB.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(NONE)
}

impl Writer {
    pub(super) fn release(&mut self, version: &Version, files: &[ReleaseFile]) {
        push_span(&mut self.releases, &version.to_string(), &mut self.text);
        self.releases.extend(narrow(files.len()).to_le_bytes());
        self.release_count += 1;
        for file in files {
            self.file(file);
        }
    }

    fn file(&mut self, file: &ReleaseFile) {
        let mut flags = 0;
        let mut mark = |holds: bool, flag: u32| flags |= if holds { flag } else { 0 };
        let before_name = file.url.strip_suffix(file.filename.as_str());
        let (origin, path) = split_origin(before_name.unwrap_or(&file.url));
        let reason = file.yanked.as_ref().map_or("", |yanked| &yanked.reason);
        mark(before_name.is_some(), flag::ENDS_IN_NAME);
        mark(file.yanked.is_some(), flag::YANKED);
        mark(file.sha256.is_some(), flag::HAS_SHA256);
        mark(file.uploaded.is_some(), flag::HAS_UPLOADED);
        mark(file.size.is_some(), flag::HAS_SIZE);
        let hint = &file.core_metadata;
        mark(*hint == CoreMetadataHint::Absent, flag::METADATA_ABSENT);
        mark(
            *hint == CoreMetadataHint::Available,
            flag::METADATA_AVAILABLE,
        );
        let uploaded = file.uploaded.map_or(0, Timestamp::as_microsecond);
        let digest = self.metadata_digest(hint);
        let origin = self.origins.index(origin, &mut self.text);
        let wheel = tags_in(file).map_or(NONE, |tags| self.tags.index(tags, &mut self.text));
        let python = file.requires_python.as_ref().map_or(NONE, |python| {
            self.pythons.index(&python.to_string(), &mut self.text)
        });
        let text_at = narrow(self.text.len());
        for text in [path, &file.filename, reason] {
            self.text.push_str(text);
        }
        let row = &mut self.files;
        row.extend(uploaded.to_le_bytes());
        row.extend(file.size.unwrap_or(0).to_le_bytes());
        row.extend(file.sha256.unwrap_or(Sha256([0; 32])).0);
        let lengths = [path.len(), file.filename.len(), reason.len()].map(narrow);
        let [path, name, reason] = lengths;
        for number in [
            text_at, path, name, reason, origin, wheel, python, digest, flags,
        ] {
            row.extend(number.to_le_bytes());
        }
    }

    fn metadata_digest(&mut self, hint: &CoreMetadataHint) -> u32 {
        let CoreMetadataHint::Hashed(digest) = hint else {
            return NONE;
        };
        let index = narrow(self.digests.len() / 32);
        self.digests.extend(digest.0);
        index
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let rows = |table: &[u8], width: usize| narrow(table.len() / width);
        let counts = [
            LAYOUT,
            rows(&self.origins.spans, 8),
            rows(&self.tags.spans, 8),
            rows(&self.pythons.spans, 8),
            rows(&self.digests, 32),
            self.release_count,
            rows(&self.files, record::WIDTH),
        ];
        bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        for table in [
            &self.origins.spans,
            &self.tags.spans,
            &self.pythons.spans,
            &self.digests,
            &self.releases,
            &self.files,
        ] {
            bytes.extend_from_slice(table);
        }
        bytes.extend_from_slice(self.text.as_bytes());
        bytes
    }
}

/// Scheme and host with the first folder, which many files share, and the rest.
fn split_origin(url: &str) -> (&str, &str) {
    let slashes = url.match_indices('/').map(|(at, _)| at);
    // https://host/folder/
    slashes
        .take(4)
        .nth(3)
        .map_or((url, ""), |at| url.split_at(at + 1))
}

/// `2-cp36-none-any` of `numpy-1.13.3-2-cp36-none-any.whl`; `None` for what is no wheel.
fn tags_in(file: &ReleaseFile) -> Option<&str> {
    file.wheel()?;
    let stem = file.filename.strip_suffix(".whl")?;
    let (_, after_name) = stem.split_once('-')?;
    let (_, tags) = after_name.split_once('-')?;
    Some(tags)
}
