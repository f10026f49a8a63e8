//! `vcs`, `directory` and `archive` of a package.

use super::file::{filename_of, stays_inside};
use super::raw::RawPackage;
use crate::escape;
use crate::git::is_commit;
use crate::lock::{
    Direct, DirectSource, FileLocation, LockedFile, LockedFileKind, without_credentials,
};

/// The source with the file of an archive, or why it cannot be installed.
pub(super) fn read_direct(
    kind: &'static str,
    raw: &RawPackage,
) -> Result<(Direct, Vec<LockedFile>), String> {
    let table = match kind {
        "vcs" => &raw.vcs,
        "directory" => &raw.directory,
        _ => &raw.archive,
    };
    let table = table.as_ref().ok_or("it is empty")?;
    let text = |key: &str| match table.get(key) {
        None => Ok(None),
        Some(value) => value
            .as_str()
            .filter(|text| escape::is_plain(text) && !text.contains(char::is_whitespace))
            .map(|text| Some(text.to_owned()))
            .ok_or_else(|| format!("its `{key}` cannot be read")),
    };
    let url = || {
        text("url")?
            .and_then(|url| without_credentials(&url))
            .ok_or_else(|| "it has no http(s) address".to_owned())
    };
    let subdirectory = text("subdirectory")?;
    if subdirectory
        .as_ref()
        .is_some_and(|path| !stays_inside(path))
    {
        return Err("its subdirectory leaves it".to_owned());
    }
    let mut files = Vec::new();
    let source = match kind {
        "vcs" => {
            if text("type")?.as_deref() != Some("git") {
                return Err("only git is known".to_owned());
            }
            let commit = text("commit-id")?.filter(|commit| is_commit(commit));
            DirectSource::Git {
                url: url()?,
                requested_revision: text("requested-revision")?,
                commit: commit.ok_or("its commit is no whole commit id")?,
                subdirectory,
            }
        }
        "directory" => {
            let path = text("path")?.ok_or("it has no path")?;
            let path = path.trim_start_matches("./").trim_end_matches('/');
            let path = if path.is_empty() { "." } else { path };
            if path != "." && !stays_inside(path) {
                return Err("its path leaves the folder of the lock file".to_owned());
            }
            let editable = table.get("editable").and_then(toml::Value::as_bool);
            DirectSource::Directory {
                path: path.to_owned(),
                editable: editable.unwrap_or(false),
            }
        }
        _ => {
            let url = url()?;
            let hashes = table.get("hashes").and_then(|hashes| hashes.get("sha256"));
            let sha256 = hashes
                .and_then(|digest| digest.as_str()?.parse().ok())
                .ok_or("it has no sha256")?;
            let size = table.get("size").and_then(toml::Value::as_integer);
            let size = size.and_then(|size| u64::try_from(size).ok());
            let filename = filename_of(&url);
            files.push(LockedFile {
                kind: filename
                    .parse()
                    .map_or(LockedFileKind::Sdist, LockedFileKind::Wheel),
                filename,
                location: FileLocation::Url(url.clone()),
                size,
                uploaded: None,
                sha256,
            });
            DirectSource::Archive {
                url,
                sha256,
                size,
                subdirectory,
            }
        }
    };
    let direct = Direct {
        source,
        version_known: raw.version.is_some(),
    };
    Ok((direct, files))
}
