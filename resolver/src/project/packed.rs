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

mod row;
mod writer;

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::{FileSummary, Release};
use crate::{CoreMetadataHint, FileKind, ReleaseFile, Sha256, WheelName, Yanked, parse_specifiers};
use row::{Row, flag, record};
use writer::Writer;

/// Changes with the layout, so that older bytes count as missing.
const LAYOUT: u32 = 0x5053_0001;

/// Bytes before the first table.
const HEADER: usize = 7 * 4;

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

#[cfg(test)]
mod tests;
