//! Metadata out of a source distribution, read and never built.
//!
//! An sdist is code: what it depends on can be decided when it is built. This module only reads
//! what stands in its files and says how far that can be trusted. Pure, but for the reader that
//! the archive comes from.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::str::FromStr;

use flate2::read::MultiGzDecoder;
use pinsmith_resolver::{
    CoreMetadata, ExtraName, PackageName, Requirement, Trust, Version, parse_requirement,
    parse_specifiers,
};
use serde::{Deserialize, Serialize};

use super::metadata::{ParsedMetadata, parse_metadata};

/// Decompressed bytes after which reading an archive stops.
const MAX_UNPACKED: u64 = 1024 * 1024 * 1024;

/// Largest single file that is kept, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Most entries that are looked at.
const MAX_ENTRIES: usize = 200_000;

/// The files of an sdist that say something about its dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SdistFiles {
    /// `NAME-VERSION/PKG-INFO`.
    pub pkg_info: Option<String>,
    /// `NAME-VERSION/pyproject.toml`.
    pub pyproject: Option<String>,
    /// `NAME.egg-info/requires.txt`; empty when the folder exists without the file, since
    /// setuptools writes none when there are no requirements.
    pub requires_txt: Option<String>,
}

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SdistError {
    /// The archive is broken, or the disk is.
    #[error("the sdist cannot be unpacked: {0}")]
    Unpack(#[from] std::io::Error),
    /// Broken zip archive.
    #[error("the sdist cannot be unpacked: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// More content than is reasonable.
    #[error("the sdist unpacks to more than {MAX_UNPACKED} bytes or {MAX_ENTRIES} files")]
    TooLarge,
}

/// Picks the files that count out of a `.tar.gz`, `.tar` or `.zip` archive, told by its first bytes.
///
/// # Errors
/// [`SdistError`] for an archive that is broken or unpacks to too much.
pub fn read_files(archive: impl Read + Seek, name: &PackageName) -> Result<SdistFiles, SdistError> {
    let mut found = Found::new(name);
    walk(archive, &mut found)?;
    Ok(found.files)
}

fn walk(mut archive: impl Read + Seek, found: &mut dyn Visitor) -> Result<(), SdistError> {
    archive.seek(SeekFrom::Start(0))?;
    let mut magic = [0; 4];
    let read = archive.read(&mut magic)?;
    archive.seek(SeekFrom::Start(0))?;
    match magic.get(..read) {
        Some(b"PK\x03\x04") => read_zip(archive, found),
        Some([0x1f, 0x8b, ..]) => read_tar(MultiGzDecoder::new(archive), found),
        // servers that send `Content-Encoding: gzip` for a .tar.gz leave a bare tar
        _ => read_tar(archive, found),
    }
}

/// What a walk through an archive meets.
trait Visitor {
    /// A file, with what is in it.
    fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), SdistError>;
    /// A folder or another thing without content.
    fn other(&mut self, _path: &str) {}
}

/// Largest file of a source tree that is kept, in bytes.
const MAX_SOURCE: u64 = 1024 * 1024;

/// Most files of a source tree that are kept.
const MAX_SOURCES: usize = 500;

/// The small text files of a source tree in which its declarations may stand, by their path below
/// the top folder.
///
/// # Errors
/// [`SdistError`] for an archive that is broken or unpacks to too much.
pub fn source_files(archive: impl Read + Seek) -> Result<BTreeMap<String, Vec<u8>>, SdistError> {
    struct Kept(BTreeMap<String, Vec<u8>>);
    impl Visitor for Kept {
        fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), SdistError> {
            let parts = parts_of(path);
            let Some((_, inside)) = parts.split_first() else {
                return Ok(());
            };
            let wanted = [".toml", ".cfg", ".txt", ".in", "setup.py"];
            let named = wanted.iter().any(|ending| path.ends_with(ending));
            if !named || inside.is_empty() || inside.len() > 5 || self.0.len() >= MAX_SOURCES {
                return Ok(());
            }
            let mut bytes = Vec::new();
            content.take(MAX_SOURCE + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 <= MAX_SOURCE {
                self.0.insert(inside.join("/"), bytes);
            }
            Ok(())
        }
    }
    let mut kept = Kept(BTreeMap::new());
    walk(archive, &mut kept)?;
    Ok(kept.0)
}

/// The paths of all files below the top folder, as they would be installed as far as their place
/// tells, and the metadata.
///
/// # Errors
/// [`SdistError`] for an archive that is broken or unpacks to too much.
pub(super) fn listing(archive: impl Read + Seek) -> Result<(Vec<String>, Vec<u8>), SdistError> {
    #[derive(Default)]
    struct Listed(Vec<String>, Vec<u8>);
    impl Visitor for Listed {
        fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), SdistError> {
            let parts = parts_of(path);
            let Some((_, inside)) = parts.split_first() else {
                return Ok(());
            };
            if inside == ["PKG-INFO"] {
                content.take(MAX_SOURCE).read_to_end(&mut self.1)?;
            }
            let inside = match inside {
                ["src" | "lib" | "python", rest @ ..] if !rest.is_empty() => rest,
                all => all,
            };
            self.0.push(inside.join("/"));
            Ok(())
        }
    }
    let mut listed = Listed::default();
    walk(archive, &mut listed)?;
    Ok((listed.0, listed.1))
}

fn read_tar(unpacked: impl Read, found: &mut dyn Visitor) -> Result<(), SdistError> {
    let mut archive = tar::Archive::new(unpacked.take(MAX_UNPACKED));
    for (number, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if number >= MAX_ENTRIES || entry.raw_file_position() > MAX_UNPACKED - MAX_FILE {
            return Err(SdistError::TooLarge);
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() {
            found.file(&path, &mut entry)?;
        } else {
            found.other(&path);
        }
    }
    // to the very end, so that a cut-off or damaged archive shows
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(())
}

fn read_zip(archive: impl Read + Seek, found: &mut dyn Visitor) -> Result<(), SdistError> {
    let mut archive = zip::ZipArchive::new(archive)?;
    if archive.len() > MAX_ENTRIES {
        return Err(SdistError::TooLarge);
    }
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_file() {
            found.file(&path, &mut entry)?;
        }
    }
    Ok(())
}

/// Keeps what was found and how deep, since the folder nearest to the top wins.
struct Found<'a> {
    name: &'a PackageName,
    files: SdistFiles,
    egg_info_depth: usize,
}

impl Visitor for Found<'_> {
    fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), SdistError> {
        self.offer(path, content)
    }

    fn other(&mut self, path: &str) {
        self.see(path);
    }
}

impl<'a> Found<'a> {
    fn new(name: &'a PackageName) -> Self {
        Self {
            name,
            files: SdistFiles::default(),
            egg_info_depth: usize::MAX,
        }
    }

    fn offer(&mut self, path: &str, content: &mut dyn Read) -> Result<(), SdistError> {
        let depth = self.see(path);
        let parts = parts_of(path);
        let slot = match parts.as_slice() {
            [_, "PKG-INFO"] => &mut self.files.pkg_info,
            [_, "pyproject.toml"] => &mut self.files.pyproject,
            [.., "requires.txt"] if depth == Some(self.egg_info_depth) => {
                &mut self.files.requires_txt
            }
            _ => return Ok(()),
        };
        let mut bytes = Vec::new();
        content.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(SdistError::TooLarge);
        }
        *slot = Some(String::from_utf8_lossy(&bytes).into_owned());
        Ok(())
    }

    /// Notes the project's egg-info folder; answers its depth when `path` lies right inside.
    fn see(&mut self, path: &str) -> Option<usize> {
        let parts = parts_of(path);
        let (_, folders) = parts.split_last()?;
        let stem = folders.last()?.strip_suffix(".egg-info")?;
        // old setuptools appends the version: `name-1.0.egg-info`
        let stem = stem.split('-').next().unwrap_or(stem);
        if PackageName::from_str(stem).ok()? != *self.name {
            return None;
        }
        if folders.len() < self.egg_info_depth {
            self.egg_info_depth = folders.len();
            self.files.requires_txt = Some(String::new());
        }
        Some(folders.len())
    }
}

fn parts_of(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect()
}

/// Why an sdist cannot be used whose files do not say what it requires.
pub(crate) const ONLY_BUILDING: &str = "only building the sdist could tell its dependencies";

/// What the files say, most trustworthy source first.
///
/// 1. `PKG-INFO` of Metadata 2.2 or newer that does not list the dependencies as dynamic (PEP 643),
/// 2. `[project]` in `pyproject.toml` whose dependencies are not dynamic (PEP 621),
/// 3. the egg-info folder's `requires.txt`, then an older `PKG-INFO` that lists dependencies, then
///    none for an sdist that distutils made; all [`Trust::Guessed`], since a build could say otherwise.
///
/// # Errors
/// The reason, in lower case, when only running the build could tell.
pub fn metadata_of(
    files: &SdistFiles,
    name: &PackageName,
    version: &Version,
) -> Result<CoreMetadata, String> {
    let info = files
        .pkg_info
        .as_deref()
        .and_then(|text| parse_metadata(text.as_bytes()).ok());
    if let Some(info) = &info
        && (info.core.name != *name || info.core.version != *version)
    {
        let (other, other_version) = (&info.core.name, &info.core.version);
        return Err(format!("its PKG-INFO is that of {other} {other_version}"));
    }
    if let Some(core) = info.as_ref().and_then(static_core) {
        return Ok(core);
    }
    if let Some(core) = files
        .pyproject
        .as_deref()
        .and_then(|text| pyproject_core(text, name, version))
    {
        return Ok(core);
    }
    // setuptools always leaves an egg-info folder, newer backends a pyproject.toml, and both write
    // later versions of the format: this was distutils, which knows no dependencies
    let by_distutils = files.pyproject.is_none()
        && info
            .as_ref()
            .is_some_and(|info| info.metadata_version < (2, 0));
    let guessed = CoreMetadata {
        trust: Trust::Guessed,
        ..info.map_or_else(
            || CoreMetadata::bare(name.clone(), version.clone()),
            |info| info.core,
        )
    };
    if let Some(text) = &files.requires_txt {
        return Ok(egg_info_core(text, guessed));
    }
    if guessed.requires_dist.is_empty() && !by_distutils {
        return Err(ONLY_BUILDING.to_owned());
    }
    Ok(guessed)
}

fn static_core(info: &ParsedMetadata) -> Option<CoreMetadata> {
    let decided_later = ["requires-dist", "requires-python"]
        .iter()
        .any(|field| info.dynamic.iter().any(|dynamic| dynamic == field));
    (info.metadata_version >= (2, 2) && !decided_later).then(|| info.core.clone())
}

#[derive(Deserialize)]
struct PyProject {
    project: Option<ProjectTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ProjectTable {
    name: String,
    #[serde(default)]
    dynamic: Vec<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
    requires_python: Option<String>,
}

fn pyproject_core(text: &str, name: &PackageName, version: &Version) -> Option<CoreMetadata> {
    let table = toml::from_str::<PyProject>(text).ok()?.project?;
    let dynamic = |field: &str| table.dynamic.iter().any(|entry| entry == field);
    if PackageName::from_str(&table.name).ok()? != *name
        || dynamic("dependencies")
        || dynamic("optional-dependencies")
        || dynamic("requires-python")
    {
        return None;
    }
    let mut core = CoreMetadata::bare(name.clone(), version.clone());
    core.requires_python = table
        .requires_python
        .and_then(|text| parse_specifiers(&text).ok());
    for line in &table.dependencies {
        add_requirement(&mut core, line, None, None);
    }
    for (extra, lines) in &table.optional_dependencies {
        let extra = ExtraName::from_str(extra).ok()?;
        core.provides_extra.push(extra.clone());
        for line in lines {
            add_requirement(&mut core, line, Some(&extra), None);
        }
    }
    Some(core)
}

/// `requires.txt`: lines, then sections `[extra]`, `[:marker]` or `[extra:marker]`.
fn egg_info_core(text: &str, mut core: CoreMetadata) -> CoreMetadata {
    core.requires_dist.clear();
    core.provides_extra.clear();
    let mut extra = None;
    let mut marker = None;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let (name, condition) = section.split_once(':').unwrap_or((section, ""));
            // `[:marker]` has no extra; an empty name would parse as one
            extra = (!name.is_empty())
                .then(|| ExtraName::from_str(name).ok())
                .flatten();
            marker = Some(condition.trim()).filter(|condition| !condition.is_empty());
            core.provides_extra.extend(extra.clone());
        } else if !line.is_empty() && !line.starts_with('#') {
            add_requirement(&mut core, line, extra.as_ref(), marker);
        }
    }
    core.provides_extra.dedup();
    core
}

fn add_requirement(
    core: &mut CoreMetadata,
    line: &str,
    extra: Option<&ExtraName>,
    marker: Option<&str>,
) {
    match conditional_requirement(line, extra, marker) {
        Some(requirement) => core.requires_dist.push(requirement),
        None => core.unreadable.push(line.to_owned()),
    }
}

fn conditional_requirement(
    line: &str,
    extra: Option<&ExtraName>,
    marker: Option<&str>,
) -> Option<Requirement> {
    let mut requirement = parse_requirement(line).ok()?.requirement;
    if let Some(marker) = marker {
        // read as part of a requirement, which is guarded against markers that make the parser panic
        let conditional = parse_requirement(&format!("a; {marker}")).ok()?.requirement;
        requirement.marker.and(conditional.marker);
    }
    Some(match extra {
        Some(extra) => requirement.with_extra_marker(extra),
        None => requirement,
    })
}

#[cfg(test)]
mod tests;
