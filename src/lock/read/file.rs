//! Wheels and sdists of one package.

use pinsmith_resolver::{PackageName, Sha256, Timestamp, Version, WheelName, sdist_version};
use toml::value::{Datetime, Offset};

use super::raw::{RawFile, RawPackage};
use crate::escape;
use crate::lock::{FileLocation, LockError, LockedFile, LockedFileKind, without_credentials};

pub(super) fn read_files(
    place: &str,
    name: &PackageName,
    version: Option<&Version>,
    raw: &RawPackage,
) -> Result<Vec<LockedFile>, LockError> {
    let mut files = Vec::with_capacity(raw.wheels.len() + 1);
    for (index, wheel) in raw.wheels.iter().enumerate() {
        files.push(read_file(&format!("{place}.wheels[{index}]"), wheel, true)?);
    }
    if let Some(sdist) = &raw.sdist {
        files.push(read_file(&format!("{place}.sdist"), sdist, false)?);
    }
    if files.is_empty() {
        return Err(LockError::invalid(
            place,
            "it has neither wheels nor an sdist",
        ));
    }
    files.sort_by(|a, b| a.filename.cmp(&b.filename));
    if let Some(pair) = files
        .windows(2)
        .find(|pair| pair[0].filename == pair[1].filename)
    {
        let reason = format!("`{}` is listed twice", pair[0].filename);
        return Err(LockError::invalid(place, reason));
    }
    let expected = version.cloned().or_else(|| version_of(name, &files));
    for file in &files {
        if own_version(name, file).is_none_or(|found| Some(found) != expected) {
            let reason = format!("`{}` is no file of this version", file.filename);
            return Err(LockError::invalid(place, reason));
        }
    }
    Ok(files)
}

/// The version of the first file.
pub(super) fn version_of(name: &PackageName, files: &[LockedFile]) -> Option<Version> {
    files.first().and_then(|file| own_version(name, file))
}

/// The version in the file name; `None` for a file of another project.
fn own_version(name: &PackageName, file: &LockedFile) -> Option<Version> {
    match &file.kind {
        LockedFileKind::Wheel(wheel) => (wheel.name == *name).then(|| wheel.version.clone()),
        LockedFileKind::Sdist => sdist_version(&file.filename, name),
    }
}

fn read_file(place: &str, raw: &RawFile, wheel: bool) -> Result<LockedFile, LockError> {
    let location = location(place, raw)?;
    let filename = match (&raw.name, &location) {
        (Some(name), _) => name.clone(),
        (None, FileLocation::Path(path)) => last_part(path).to_owned(),
        (None, FileLocation::Url(url)) => filename_of(url),
    };
    let plain = escape::is_plain(&filename) && !filename.contains(char::is_whitespace);
    if filename.is_empty() || !plain || filename.contains(['/', '\\']) {
        let reason = format!("`{}` is no file name", escape::visible(&filename));
        return Err(LockError::invalid(place, reason));
    }
    let kind = if wheel {
        let parsed: Result<WheelName, _> = filename.parse();
        LockedFileKind::Wheel(parsed.map_err(|error| LockError::invalid(place, error.to_string()))?)
    } else {
        LockedFileKind::Sdist
    };
    Ok(LockedFile {
        sha256: sha256(place, raw)?,
        size: raw.size,
        uploaded: raw
            .upload_time
            .as_ref()
            .map(|time| timestamp(&format!("{place}.upload-time"), time))
            .transpose()?,
        filename,
        kind,
        location,
    })
}

/// The last part of an address, decoded.
///
/// ```
/// use pinsmith::lock::file_name_of;
/// assert_eq!(file_name_of("https://files.test/x/a%2Bb-1.tar.gz?mirror=1"), "a+b-1.tar.gz");
/// ```
pub fn filename_of(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    percent_decode(last_part(&url[..end]))
}

fn sha256(place: &str, raw: &RawFile) -> Result<Sha256, LockError> {
    let place = format!("{place}.hashes");
    let Some(digest) = raw.hashes.get("sha256") else {
        return Err(LockError::invalid(place, "there is no sha256"));
    };
    digest
        .as_str()
        .and_then(|digest| digest.parse().ok())
        .ok_or_else(|| LockError::invalid(place, "the sha256 is not 64 hexadecimal digits"))
}

/// PEP 751: a path wins over an address.
fn location(place: &str, raw: &RawFile) -> Result<FileLocation, LockError> {
    if let Some(path) = &raw.path {
        if !stays_inside(path) {
            return Err(LockError::UnsafePath {
                place: place.to_owned(),
                path: escape::visible(path).into_owned(),
            });
        }
        return Ok(FileLocation::Path(path.clone()));
    }
    let Some(url) = &raw.url else {
        return Err(LockError::invalid(place, "it has neither `url` nor `path`"));
    };
    Some(url)
        .filter(|url| escape::is_plain(url))
        .and_then(|url| without_credentials(url))
        .map(FileLocation::Url)
        .ok_or_else(|| LockError::invalid(format!("{place}.url"), "it is no http(s) address"))
}

/// Relative, without `..`, drive letters, or characters that cannot be seen.
pub(super) fn stays_inside(path: &str) -> bool {
    let parts = || path.split(['/', '\\']);
    !path.is_empty()
        && escape::is_plain(path)
        && !path.starts_with(['/', '\\', '~'])
        && !path.contains(':')
        && parts().all(|part| part != "..")
        && parts().next_back().is_some_and(|part| !part.is_empty())
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let decoded = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A date with a time; PEP 751 says UTC, so a missing offset means that.
pub(super) fn timestamp(place: &str, value: &Datetime) -> Result<Timestamp, LockError> {
    let in_utc = Datetime {
        offset: value.offset.or(Some(Offset::Z)),
        ..*value
    };
    in_utc
        .to_string()
        .parse()
        .map_err(|_| LockError::invalid(place, format!("`{value}` is not a date and time")))
}
