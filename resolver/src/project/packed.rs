//! The layout: tables of fixed-width records, then one text that they point into.
//!
//! ```text
//! u32  layout number, then the number of origins, tags, pythons, digests, releases and files
//! span origins[]   beginnings of addresses that many files share
//! span tags[]      `2-cp36-none-any`: build tag, if there is one, and wheel tags
//! span pythons[]   Requires-Python
//! [u8; 32] digests[]  of core metadata
//! span + u32 releases[]  version, number of files
//! file files[]     ordered by release, then by name; see `record`
//! text             UTF-8
//! ```
//!
//! A span is an offset into the text and a length; numbers are little-endian.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::str::FromStr;

use jiff::Timestamp;
use pep440_rs::{Version, VersionSpecifiers};

use super::{FileSummary, Release};
use crate::{CoreMetadataHint, FileKind, ReleaseFile, Sha256, WheelName, Yanked, parse_specifiers};

/// Changes with the layout, so that older bytes count as missing.
const LAYOUT: u32 = 0x5053_0001;

/// Bytes before the first table.
const HEADER: usize = 7 * 4;

/// Stands for "none" in a column of numbers.
const NONE: u32 = u32::MAX;

/// Where the columns of a file stand within its record.
mod record {
    pub(super) const UPLOADED: usize = 0;
    pub(super) const SIZE: usize = 8;
    pub(super) const SHA256: usize = 16;
    /// Offset into the text of path, file name and reason, in this order.
    pub(super) const TEXT: usize = 48;
    pub(super) const PATH_LENGTH: usize = 52;
    pub(super) const NAME_LENGTH: usize = 56;
    pub(super) const REASON_LENGTH: usize = 60;
    pub(super) const ORIGIN: usize = 64;
    pub(super) const WHEEL: usize = 68;
    pub(super) const PYTHON: usize = 72;
    pub(super) const DIGEST: usize = 76;
    pub(super) const FLAGS: usize = 80;
    pub(super) const WIDTH: usize = 84;
}

mod flag {
    pub(super) const YANKED: u32 = 1;
    pub(super) const HAS_SHA256: u32 = 2;
    /// The address ends in the file name, which is not repeated.
    pub(super) const ENDS_IN_NAME: u32 = 4;
    pub(super) const METADATA_ABSENT: u32 = 8;
    pub(super) const METADATA_AVAILABLE: u32 = 16;
    pub(super) const HAS_UPLOADED: u32 = 32;
    pub(super) const HAS_SIZE: u32 = 64;
}

/// The tables, with what is small enough parsed.
#[derive(Clone)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    tags: Range<usize>,
    origins: Range<usize>,
    digests: Range<usize>,
    files: Range<usize>,
    text: Range<usize>,
    pub(super) releases: Vec<Release>,
    pub(super) pythons: Vec<VersionSpecifiers>,
}

/// A wheel's build tag and tags, each as it stands in the file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WheelTags<'a> {
    pub(crate) build: Option<&'a str>,
    pub(crate) pythons: &'a str,
    pub(crate) abis: &'a str,
    pub(crate) platforms: &'a str,
}

impl PartialEq for Packed {
    /// The other fields follow from the bytes.
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Packed {}

impl Packed {
    pub(super) fn of(files: Vec<(Version, ReleaseFile)>) -> Self {
        let mut releases = BTreeMap::<Version, Vec<ReleaseFile>>::new();
        for (version, file) in files {
            releases.entry(version).or_default().push(file);
        }
        let mut writer = Writer::default();
        for (version, mut files) in releases {
            files.sort_by(|a, b| a.filename.cmp(&b.filename));
            files.dedup_by(|a, b| a.filename == b.filename);
            writer.release(&version, &files);
        }
        // what the writer makes is always readable, and a test says so
        Self::from_bytes(writer.finish()).unwrap_or_else(Self::empty)
    }

    fn empty() -> Self {
        Self {
            bytes: Vec::new(),
            tags: 0..0,
            origins: 0..0,
            digests: 0..0,
            files: 0..0,
            text: 0..0,
            releases: Vec::new(),
            pythons: Vec::new(),
        }
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let count = |index: usize| Some(number(&bytes, index * 4)? as usize);
        if bytes.len() < HEADER || number(&bytes, 0)? != LAYOUT {
            return None;
        }
        let mut at = HEADER;
        let mut table = |rows: usize, width: usize| {
            let start = at;
            at = at.checked_add(rows.checked_mul(width)?)?;
            (at <= bytes.len()).then_some(start..at)
        };
        let origins = table(count(1)?, 8)?;
        let tags = table(count(2)?, 8)?;
        let pythons = table(count(3)?, 8)?;
        let digests = table(count(4)?, 32)?;
        let releases = table(count(5)?, 12)?;
        let files = table(count(6)?, record::WIDTH)?;
        let text = at..bytes.len();
        // one look at the whole is quicker than one at each piece
        let words = std::str::from_utf8(bytes.get(text.clone())?).ok()?;
        let spans_hold = |table: &Range<usize>| {
            let mut rows = bytes[table.clone()].chunks_exact(8);
            rows.all(|row| span_of(row, words.as_bytes()).is_some())
        };
        if !spans_hold(&origins) || !spans_hold(&tags) {
            return None;
        }
        let pythons: Vec<_> = bytes[pythons]
            .chunks_exact(8)
            .map(|row| parse_specifiers(span_of(row, words.as_bytes())?).ok())
            .collect::<Option<_>>()?;
        let limits = Limits {
            origins: origins.len() / 8,
            tags: tags.len() / 8,
            pythons: pythons.len(),
            digests: digests.len() / 32,
        };
        if !bytes[files.clone()]
            .chunks_exact(record::WIDTH)
            .all(|row| limits.hold(row, words))
        {
            return None;
        }
        let releases = read_releases(&bytes[releases], words.as_bytes(), &bytes[files.clone()])?;
        Some(Self {
            bytes,
            tags,
            origins,
            digests,
            files,
            text,
            releases,
            pythons,
        })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn wheel_tags(&self) -> impl Iterator<Item = WheelTags<'_>> {
        let rows = self.bytes[self.tags.clone()].chunks_exact(8);
        rows.map(|row| WheelTags::of(span_of(row, self.text()).unwrap_or("")))
    }

    pub(super) fn summary(&self, index: u32) -> FileSummary {
        let row = Row(self.row(index));
        FileSummary {
            wheel: row.optional(record::WHEEL),
            requires_python: row.optional(record::PYTHON),
            uploaded: row.uploaded(),
            yanked: row.has(flag::YANKED),
        }
    }

    /// The whole file; every offset was checked when the bytes were taken.
    pub(super) fn file(&self, index: u32) -> ReleaseFile {
        let row = Row(self.row(index));
        let [path, filename, reason] = row.texts(self.text());
        let origin = self.span(&self.origins, row.get(record::ORIGIN));
        let name_again = if row.has(flag::ENDS_IN_NAME) {
            filename
        } else {
            ""
        };
        let kind = WheelName::from_str(filename).map_or(FileKind::Sdist, FileKind::Wheel);
        let python = row.optional(record::PYTHON);
        ReleaseFile {
            url: [origin, path, name_again].concat(),
            filename: filename.to_owned(),
            kind,
            requires_python: python.and_then(|index| self.pythons.get(index as usize).cloned()),
            yanked: row.has(flag::YANKED).then(|| Yanked {
                reason: reason.to_owned(),
            }),
            uploaded: row.uploaded(),
            size: row.has(flag::HAS_SIZE).then(|| row.wide(record::SIZE)),
            sha256: row
                .has(flag::HAS_SHA256)
                .then(|| digest(row.0, record::SHA256)),
            core_metadata: self.hint(&row),
        }
    }

    fn hint(&self, row: &Row<'_>) -> CoreMetadataHint {
        if let Some(index) = row.optional(record::DIGEST) {
            let table = &self.bytes[self.digests.clone()];
            CoreMetadataHint::Hashed(digest(table, index as usize * 32))
        } else if row.has(flag::METADATA_AVAILABLE) {
            CoreMetadataHint::Available
        } else if row.has(flag::METADATA_ABSENT) {
            CoreMetadataHint::Absent
        } else {
            CoreMetadataHint::Unknown
        }
    }

    fn row(&self, index: u32) -> &[u8] {
        let start = self.files.start + index as usize * record::WIDTH;
        &self.bytes[start..start + record::WIDTH]
    }

    fn span(&self, table: &Range<usize>, index: u32) -> &str {
        let start = table.start + index as usize * 8;
        let row = self.bytes.get(start..start + 8).unwrap_or_default();
        span_of(row, self.text()).unwrap_or("")
    }

    fn text(&self) -> &[u8] {
        &self.bytes[self.text.clone()]
    }
}

impl<'a> WheelTags<'a> {
    /// The last three parts of `text`, and the build tag if there are four.
    fn of(text: &'a str) -> Self {
        let mut parts = text.rsplitn(4, '-');
        let mut next = || parts.next().unwrap_or("");
        let (platforms, abis, pythons) = (next(), next(), next());
        Self {
            build: parts.next(),
            pythons,
            abis,
            platforms,
        }
    }
}

/// The record of one file.
struct Row<'a>(&'a [u8]);

impl Row<'_> {
    fn get(&self, column: usize) -> u32 {
        number(self.0, column).unwrap_or(NONE)
    }

    fn wide(&self, column: usize) -> u64 {
        u64::from(self.get(column)) | u64::from(self.get(column + 4)) << 32
    }

    fn optional(&self, column: usize) -> Option<u32> {
        Some(self.get(column)).filter(|index| *index != NONE)
    }

    fn has(&self, flag: u32) -> bool {
        self.get(record::FLAGS) & flag != 0
    }

    fn uploaded(&self) -> Option<Timestamp> {
        let microseconds = self.wide(record::UPLOADED).cast_signed();
        self.has(flag::HAS_UPLOADED)
            .then(|| Timestamp::from_microsecond(microseconds).ok())?
    }

    /// Path, file name and reason, one after the other.
    fn spans(&self) -> [(usize, usize); 3] {
        let mut at = self.get(record::TEXT) as usize;
        [
            record::PATH_LENGTH,
            record::NAME_LENGTH,
            record::REASON_LENGTH,
        ]
        .map(|column| {
            let start = at;
            at = at.saturating_add(self.get(column) as usize);
            (start, at)
        })
    }

    fn texts<'t>(&self, text: &'t [u8]) -> [&'t str; 3] {
        self.spans().map(|(start, end)| {
            let bytes = text.get(start..end).unwrap_or_default();
            std::str::from_utf8(bytes).unwrap_or_default()
        })
    }
}

/// The sizes of the tables that a file's record points into.
struct Limits {
    origins: usize,
    tags: usize,
    pythons: usize,
    digests: usize,
}

impl Limits {
    fn hold(&self, row: &[u8], text: &str) -> bool {
        let row = Row(row);
        let inside = |column, limit: usize| {
            row.optional(column)
                .is_none_or(|index| (index as usize) < limit)
        };
        inside(record::ORIGIN, self.origins)
            && inside(record::WHEEL, self.tags)
            && inside(record::PYTHON, self.pythons)
            && inside(record::DIGEST, self.digests)
            && row
                .spans()
                .iter()
                .all(|(start, end)| text.is_char_boundary(*start) && text.is_char_boundary(*end))
    }
}

fn read_releases(rows: &[u8], text: &[u8], files: &[u8]) -> Option<Vec<Release>> {
    let mut releases = Vec::<Release>::with_capacity(rows.len() / 12);
    let mut first = 0;
    let mut files = files.chunks_exact(record::WIDTH);
    for row in rows.chunks_exact(12) {
        let version = Version::from_str(span_of(row, text)?).ok()?;
        let count = number(row, 8)?;
        if releases.last().is_some_and(|last| last.version >= version) {
            return None;
        }
        let mut uploaded = None;
        for _ in 0..count {
            let own = Row(files.next()?).uploaded();
            uploaded = uploaded.into_iter().chain(own).min();
        }
        releases.push(Release {
            version,
            uploaded,
            first,
            count,
        });
        first += count;
    }
    files.next().is_none().then_some(releases)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

/// The text that an offset and a length at the beginning of `row` stand for.
fn span_of<'t>(row: &[u8], text: &'t [u8]) -> Option<&'t str> {
    let start = number(row, 0)? as usize;
    let end = start.checked_add(number(row, 4)? as usize)?;
    std::str::from_utf8(text.get(start..end)?).ok()
}

fn digest(bytes: &[u8], at: usize) -> Sha256 {
    let found = bytes
        .get(at..at + 32)
        .and_then(|found| found.try_into().ok());
    Sha256(found.unwrap_or_default())
}

/// Builds the tables.
#[derive(Default)]
struct Writer {
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
    fn release(&mut self, version: &Version, files: &[ReleaseFile]) {
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

    fn finish(self) -> Vec<u8> {
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

#[cfg(test)]
mod tests;
