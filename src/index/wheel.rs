//! `METADATA` out of a wheel of which only some byte ranges are at hand. Pure.
//!
//! The zip directory stands at the end of a wheel, so its last 64 KiB usually hold all that is
//! needed. [`read_metadata`] either answers or names the range that it lacks; who fetches ranges
//! calls it again with that range added. Nothing of a zip file is believed without a look.

use std::io::Read;
use std::ops::Range;
use std::str::FromStr;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use pinsmith_resolver::{PackageName, Version};

/// Bytes to fetch first, counted from the end of the wheel.
pub const TAIL: u64 = 64 * 1024;

/// Largest `METADATA` that is inflated, in bytes.
pub const MAX_METADATA: u64 = 16 * 1024 * 1024;

/// Most bytes that are taken along in the hope that METADATA is among them.
const MAX_RECORD: u64 = 256 * 1024;

/// Largest zip directory that is read, in bytes.
const MAX_DIRECTORY: u64 = 64 * 1024 * 1024;

/// The known parts of a file of known size.
///
/// ```
/// use pinsmith::index::wheel::Parts;
/// let mut parts = Parts::new(10);
/// parts.add(4, b"efgh".to_vec());
/// assert_eq!(parts.get(5..7), Some(b"fg".as_slice()));
/// assert_eq!(parts.get(7..9), None);
/// ```
#[derive(Debug, Clone)]
pub struct Parts {
    size: u64,
    known: Vec<(u64, Vec<u8>)>,
}

impl Parts {
    /// No part of a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            known: Vec::new(),
        }
    }

    /// A whole file.
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self {
            size: bytes.len() as u64,
            known: vec![(0, bytes)],
        }
    }

    /// Adds the bytes that start at `offset`; what follows them directly is joined to them.
    pub fn add(&mut self, offset: u64, mut bytes: Vec<u8>) {
        let end = offset.saturating_add(bytes.len() as u64);
        if let Some(next) = self.known.iter().position(|(start, _)| *start == end) {
            bytes.append(&mut self.known.swap_remove(next).1);
        }
        self.known.push((offset, bytes));
    }

    /// The size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a range, when one known part covers it.
    pub fn get(&self, range: Range<u64>) -> Option<&[u8]> {
        self.known.iter().find_map(|(offset, bytes)| {
            let start = usize::try_from(range.start.checked_sub(*offset)?).ok()?;
            let end = usize::try_from(range.end.checked_sub(*offset)?).ok()?;
            bytes.get(start..end)
        })
    }

    fn need(&self, range: Range<u64>) -> Result<&[u8], WheelError> {
        if range.start > range.end || range.end > self.size {
            return Err(WheelError::Broken("it points outside of itself"));
        }
        self.get(range.clone()).ok_or_else(|| {
            let starts = self.known.iter().map(|(offset, _)| *offset);
            // the end of it may be known already
            let known_end = starts
                .filter(|start| range.contains(start))
                .find(|start| self.get(*start..range.end).is_some());
            WheelError::Missing(range.start..known_end.unwrap_or(range.end))
        })
    }
}

/// Why there is no answer (yet).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WheelError {
    /// These bytes are needed and not known: fetch them and ask again.
    #[error("bytes {}..{} of the wheel are not known", .0.start, .0.end)]
    Missing(Range<u64>),
    /// No zip file, or one that contradicts itself.
    #[error("the wheel is broken: {0}")]
    Broken(&'static str),
    /// No `NAME-VERSION.dist-info/METADATA` for this name, or several.
    #[error("the wheel has {0} METADATA files for its name")]
    Metadata(usize),
}

/// The bytes of the wheel's `NAME-VERSION.dist-info/METADATA`, checked against their CRC.
///
/// # Errors
/// [`WheelError::Missing`] while parts are missing; the others are final.
pub fn read_metadata(
    parts: &Parts,
    name: &PackageName,
    version: &Version,
) -> Result<Vec<u8>, WheelError> {
    let directory = locate_directory(parts)?;
    let bytes = parts.need(directory.clone());
    let bytes = bytes.map_err(|error| with_what_lies_before(error, &directory))?;
    let entry = find_entry(bytes, name, version)?;
    read_entry(parts, &entry)
}

/// The names of all files in the wheel, as its directory states them; none is opened.
///
/// # Errors
/// [`WheelError::Missing`] while parts are missing; the others are final.
pub fn file_names(parts: &Parts) -> Result<Vec<String>, WheelError> {
    let directory = locate_directory(parts)?;
    let mut rest = parts.need(directory)?;
    let mut names = Vec::new();
    while rest.starts_with(b"PK\x01\x02") {
        let length = |at| read_u16(rest, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        names.push(String::from_utf8_lossy(slice(rest, 46, name)?).into_owned());
        rest = rest
            .get(46 + name + extra + comment..)
            .ok_or(WheelError::Broken("its directory is cut off"))?;
    }
    Ok(names)
}

/// How much of the end of this wheel holds its directory and, where it lies within the last `limit`
/// bytes, its METADATA; `None` when even the directory is longer.
pub(super) fn needed_tail(
    parts: &Parts,
    name: &PackageName,
    version: &Version,
    limit: u64,
) -> Option<u64> {
    let directory = locate_directory(parts).ok()?;
    let entry = find_entry(parts.get(directory.clone())?, name, version).ok()?;
    let from_end = |offset: u64| parts.size.saturating_sub(offset);
    [entry.offset, directory.start]
        .map(from_end)
        .into_iter()
        .find(|length| *length <= limit)
}

/// METADATA mostly lies right before RECORD, which is the last file and, compressed, has less than
/// half of the directory's size: one range for both saves a round trip.
fn with_what_lies_before(error: WheelError, directory: &Range<u64>) -> WheelError {
    let WheelError::Missing(range) = error else {
        return error;
    };
    let record = (directory.end - directory.start) * 9 / 20;
    let before = range.start.saturating_sub(record.min(MAX_RECORD));
    WheelError::Missing(before..range.end)
}

/// Where the central directory lies (end of central directory record, zip64 included).
fn locate_directory(parts: &Parts) -> Result<Range<u64>, WheelError> {
    let tail_start = parts.size.saturating_sub(TAIL);
    let tail = parts.need(tail_start..parts.size)?;
    let at = (0..=tail.len().saturating_sub(22))
        .rev()
        .find(|at| is_end_record(&tail[*at..]))
        .ok_or(WheelError::Broken("it is no zip file"))?;
    let record = &tail[at..];
    let size = u64::from(read_u32(record, 12)?);
    let offset = u64::from(read_u32(record, 16)?);
    let end = tail_start + at as u64;
    let (offset, size) = if size == u64::from(u32::MAX)
        || offset == u64::from(u32::MAX)
        || read_u16(record, 10)? == u16::MAX
    {
        zip64_directory(parts, end)?
    } else {
        (offset, size)
    };
    if size > MAX_DIRECTORY {
        return Err(WheelError::Broken("its directory is too large"));
    }
    let stop = offset
        .checked_add(size)
        .filter(|stop| *stop <= end)
        .ok_or(WheelError::Broken("its directory lies outside of it"))?;
    Ok(offset..stop)
}

/// A signature whose comment reaches exactly to the end of the file.
fn is_end_record(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x05\x06")
        && read_u16(bytes, 20).is_ok_and(|comment| bytes.len() == 22 + usize::from(comment))
}

/// Offset and size of the directory from the zip64 records before `end`.
fn zip64_directory(parts: &Parts, end: u64) -> Result<(u64, u64), WheelError> {
    let broken = WheelError::Broken("its zip64 record is missing");
    let locator_at = end.checked_sub(20).ok_or(broken.clone())?;
    let locator = parts.need(locator_at..end)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Err(broken);
    }
    let at = read_u64(locator, 8)?;
    let stop = at.checked_add(56).ok_or(broken.clone())?;
    let record = parts.need(at..stop)?;
    if !record.starts_with(b"PK\x06\x06") {
        return Err(broken);
    }
    Ok((read_u64(record, 48)?, read_u64(record, 40)?))
}

/// One file of the archive, as the central directory states it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    offset: u64,
    compressed: u64,
    size: u64,
    crc: u32,
    method: u16,
    encrypted: bool,
    name_length: u64,
}

/// The one METADATA whose folder names this project; a version that agrees is preferred.
fn find_entry(
    mut directory: &[u8],
    name: &PackageName,
    version: &Version,
) -> Result<Entry, WheelError> {
    let mut found = Vec::new();
    while directory.starts_with(b"PK\x01\x02") {
        let name_length = usize::from(read_u16(directory, 28)?);
        let extra_length = usize::from(read_u16(directory, 30)?);
        let comment_length = usize::from(read_u16(directory, 32)?);
        let extra_at = 46 + name_length;
        let next = extra_at + extra_length + comment_length;
        let path = slice(directory, 46, name_length)?;
        if let Some(exact) = names_project(path, name, version) {
            let extra = slice(directory, extra_at, extra_length)?;
            found.push((exact, entry(directory, extra, name_length as u64)?));
        }
        directory = directory
            .get(next..)
            .ok_or(WheelError::Broken("its directory is cut off"))?;
    }
    if found.len() > 1 && found.iter().any(|(exact, _)| *exact) {
        found.retain(|(exact, _)| *exact);
    }
    match found.len() {
        1 => found.pop().map(|(_, entry)| entry),
        _ => None,
    }
    .ok_or(WheelError::Metadata(found.len()))
}

/// Whether `path` is the METADATA of the project, and if so whether also of the version.
fn names_project(path: &[u8], name: &PackageName, version: &Version) -> Option<bool> {
    let path = std::str::from_utf8(path).ok()?;
    let folder = path.strip_suffix(".dist-info/METADATA")?;
    if folder.contains('/') {
        return None;
    }
    let (project, stated) = folder.rsplit_once('-').unwrap_or((folder, ""));
    (PackageName::from_str(project).ok()? == *name)
        .then(|| Version::from_str(stated).is_ok_and(|stated| stated == *version))
}

fn entry(header: &[u8], extra: &[u8], name_length: u64) -> Result<Entry, WheelError> {
    let mut entry = Entry {
        encrypted: read_u16(header, 8)? & 1 != 0,
        method: read_u16(header, 10)?,
        crc: read_u32(header, 16)?,
        compressed: u64::from(read_u32(header, 20)?),
        size: u64::from(read_u32(header, 24)?),
        offset: u64::from(read_u32(header, 42)?),
        name_length,
    };
    // zip64 gives, in this order, only the values that did not fit
    if let Some(mut wide) = zip64_extra(extra) {
        for value in [&mut entry.size, &mut entry.compressed, &mut entry.offset] {
            if *value == u64::from(u32::MAX) {
                *value = read_u64(wide, 0)?;
                wide = &wide[8..];
            }
        }
    }
    Ok(entry)
}

fn zip64_extra(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let kind = read_u16(extra, 0).ok()?;
        let length = usize::from(read_u16(extra, 2).ok()?);
        let body = extra.get(4..4 + length)?;
        if kind == 1 {
            return Some(body);
        }
        extra = &extra[4 + length..];
    }
}

fn read_entry(parts: &Parts, entry: &Entry) -> Result<Vec<u8>, WheelError> {
    if entry.encrypted {
        return Err(WheelError::Broken("its METADATA is encrypted"));
    }
    if entry.size > MAX_METADATA || entry.compressed > MAX_METADATA {
        return Err(WheelError::Broken("its METADATA is too large"));
    }
    let outside = WheelError::Broken("its METADATA lies outside of it");
    let data_at = data_offset(parts, entry)?;
    let end = data_at.checked_add(entry.compressed).ok_or(outside)?;
    let data = parts.need(data_at..end)?;
    let bytes = match entry.method {
        0 => data.to_vec(),
        8 => inflate(data, entry.size)?,
        _ => {
            return Err(WheelError::Broken(
                "its METADATA is compressed in another way",
            ));
        }
    };
    let mut crc = Crc::new();
    crc.update(&bytes);
    if bytes.len() as u64 != entry.size || crc.sum() != entry.crc {
        return Err(WheelError::Broken("its METADATA fails its checksum"));
    }
    Ok(bytes)
}

/// Where the data begins: the local header repeats the name and has extra fields of its own.
///
/// When the header is unknown, the range asked for holds the data as well unless the extra fields
/// are unusually long, so that one request does.
fn data_offset(parts: &Parts, entry: &Entry) -> Result<u64, WheelError> {
    const USUAL_EXTRA: u64 = 256;
    let outside = WheelError::Broken("its METADATA lies outside of it");
    let header_end = entry.offset.checked_add(30).ok_or(outside)?;
    let header = match parts.need(entry.offset..header_end) {
        Err(WheelError::Missing(range)) => {
            let length = 30 + entry.name_length + USUAL_EXTRA + entry.compressed;
            let end = range.start.saturating_add(length).min(parts.size);
            return Err(WheelError::Missing(range.start..end));
        }
        header => header?,
    };
    if !header.starts_with(b"PK\x03\x04") {
        return Err(WheelError::Broken("its directory points to no file"));
    }
    let name = u64::from(read_u16(header, 26)?);
    let extra = u64::from(read_u16(header, 28)?);
    Ok(header_end + name + extra)
}

fn inflate(data: &[u8], size: u64) -> Result<Vec<u8>, WheelError> {
    let mut bytes = Vec::new();
    // one more than stated, so that a lie shows
    DeflateDecoder::new(data)
        .take(size + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| WheelError::Broken("its METADATA cannot be inflated"))?;
    Ok(bytes)
}

fn slice(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], WheelError> {
    bytes
        .get(at..at + length)
        .ok_or(WheelError::Broken("it is cut off"))
}

fn read_array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], WheelError> {
    let found = slice(bytes, at, N)?;
    <[u8; N]>::try_from(found).map_err(|_| WheelError::Broken("it is cut off"))
}

fn read_u16(bytes: &[u8], at: usize) -> Result<u16, WheelError> {
    read_array(bytes, at).map(u16::from_le_bytes)
}

fn read_u32(bytes: &[u8], at: usize) -> Result<u32, WheelError> {
    read_array(bytes, at).map(u32::from_le_bytes)
}

fn read_u64(bytes: &[u8], at: usize) -> Result<u64, WheelError> {
    read_array(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
