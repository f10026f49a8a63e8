//! What is on disk: project pages and core metadata, each entry checked when it is read.
//!
//! An entry is one file: a header with the lengths and checksums of the rest, a piece of JSON that
//! says what it is, then the bytes. Project pages are kept parsed, in the form of
//! [`Project::as_bytes`](pinsmith_resolver::Project::as_bytes), and core metadata without what
//! resolving does not need, so that reading costs little more than the disk. A cut-off write or a
//! flipped bit is noticed and the entry counts as missing. The header alone tells what the bytes
//! are, by their digest, to whoever only wants to know whether they are still the same. Files are
//! written beside their place and renamed into it, so that several processes can share a cache. A
//! cache that cannot be written costs one diagnostic, no answer.

mod prune;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use etcetera::BaseStrategy;
use flate2::Crc;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use prune::CacheSize;

use super::simple::ProjectStatus;

/// Folder for this layout; another layout gets another folder, so old versions keep theirs.
///
/// Goes up with every change to what is kept, also to how pages are read into it.
const LAYOUT: &str = "v4";

/// First bytes of every entry.
const MAGIC: [u8; 8] = *b"pinsmit3";

/// Magic, checksum of what follows up to the body, length of the JSON, length and checksum of the
/// body, its digest.
const HEADER: usize = 8 + 4 + 4 + 8 + 4 + 16;

/// What tells one body from another: half of its SHA-256.
pub(crate) type BodyDigest = [u8; 16];

/// An entry that is used is marked as used so often, which costs a write.
const MARK_USE_AFTER: Duration = Duration::from_hours(24);

/// The cache in one folder.
#[derive(Debug)]
pub struct Cache {
    dir: Option<PathBuf>,
    trouble: Mutex<Option<String>>,
}

/// What an entry is, beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// What was asked for, against collisions and for people who look.
    pub(crate) key: String,
    /// HTTP status: 200, or 404 for what is not there.
    pub(crate) status: u16,
    /// Address after redirects, without credentials.
    pub(crate) url: String,
    pub(crate) content_type: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    /// When the index last confirmed it, in seconds since 1970.
    pub(crate) fetched: i64,
    /// Seconds for which it needs no confirmation.
    pub(crate) max_age: u64,
    /// Upload times that the page lacks were asked for beside it, with or without success.
    pub(crate) dates_asked: bool,
    /// What has become of the project (PEP 792).
    pub(crate) project_status: Option<ProjectStatus>,
    /// The page has releases and no upload times.
    #[serde(default)]
    pub(crate) undated: bool,
}

impl Meta {
    /// Whether the entry can be used at `now` without asking; a clock that went back means no.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.as_second().saturating_sub(self.fetched);
        u64::try_from(age).is_ok_and(|age| age < self.max_age)
    }
}

/// The kinds of entry, each with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Project pages, parsed.
    Page,
    /// Pages with links to files of many projects, as they came.
    Links,
    /// What counts of a wheel's `METADATA`; never changes.
    Wheel,
    /// The files of an sdist that matter, as JSON; never changes.
    Sdist,
    /// Which modules a wheel holds, as JSON; never changes.
    Contents,
    /// What counts of core metadata that building an sdist gave.
    Built,
    /// Digests of files whose index gives none, with their size.
    Digest,
    /// Answers of this host, such as pip's default index.
    Host,
    /// What was worked out from other entries, see [`super::answers`].
    Answer,
    /// What was read of the files of a tree.
    Tree,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Page => "pages",
            Self::Wheel => "wheels",
            Self::Links => "links",
            Self::Sdist => "sdists",
            Self::Contents => "contents",
            Self::Built => "built",
            Self::Digest => "digests",
            Self::Host => "host",
            Self::Answer => "answers",
            Self::Tree => "trees",
        }
    }
}

impl Cache {
    /// A cache in `dir`, which is made when first written to; `None` keeps nothing.
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self {
            dir,
            trouble: Mutex::new(None),
        }
    }

    /// Where the cache is unless somebody says otherwise: `flag` (`--cache-dir`), else
    /// `PINSMITH_CACHE_DIR`, else the platform's cache folder; `None` without a home folder.
    ///
    /// ```
    /// use pinsmith::index::cache::Cache;
    /// let env = |name: &str| (name == "PINSMITH_CACHE_DIR").then(|| "/somewhere".to_owned());
    /// assert_eq!(Cache::default_dir(None, &env), Some("/somewhere".into()));
    /// ```
    pub fn default_dir(
        flag: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Option<PathBuf> {
        let named = flag.map(Path::to_path_buf).or_else(|| {
            env("PINSMITH_CACHE_DIR")
                .filter(|dir| !dir.is_empty())
                .map(PathBuf::from)
        });
        named.or_else(|| {
            let strategy = etcetera::choose_base_strategy().ok()?;
            Some(strategy.cache_dir().join("pinsmith"))
        })
    }

    /// The folder, if there is one.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The entry, if it is there and whole.
    pub(crate) fn read(&self, kind: Kind, key: &str) -> Option<(Meta, Vec<u8>)> {
        let (entry, body) = self.read_entry(kind, key)?;
        Some((entry.meta, body))
    }

    /// The same with the digest of the body.
    pub(crate) fn read_entry(&self, kind: Kind, key: &str) -> Option<(Head, Vec<u8>)> {
        let mut file = File::open(self.path(kind, key)?).ok()?;
        let about = file.metadata().ok()?;
        let head = Head::read(&mut file, about.len(), key)?;
        let body = head.body(&mut file)?;
        mark_use(&file, &about);
        Some((head, body))
    }

    /// What an entry is, without its bytes, whose damage goes unnoticed here unless they are cut off.
    pub(crate) fn head(&self, kind: Kind, key: &str) -> Option<Head> {
        let mut file = File::open(self.path(kind, key)?).ok()?;
        let about = file.metadata().ok()?;
        let head = Head::read(&mut file, about.len(), key)?;
        mark_use(&file, &about);
        Some(head)
    }

    /// Writes an entry and answers the digest of its body; a failure is remembered for
    /// [`Self::trouble`] and otherwise ignored.
    pub(crate) fn write(&self, kind: Kind, meta: &Meta, body: &[u8]) -> BodyDigest {
        let digest = digest(body);
        if let Some(path) = self.path(kind, &meta.key)
            && self.lock_trouble().is_none()
            && let Err(error) = write_atomically(&path, meta, body, digest)
        {
            self.lock_trouble().get_or_insert(plain(&error));
        }
        digest
    }

    /// Keeps a short answer of this host for thirty days, such as pip's default index.
    pub(crate) fn remember(&self, key: &str, text: &str) {
        let meta = Meta {
            key: key.to_owned(),
            status: 200,
            fetched: Timestamp::now().as_second(),
            max_age: 30 * 24 * 60 * 60,
            ..Meta::default()
        };
        self.write(Kind::Host, &meta, text.as_bytes());
    }

    /// What [`Self::remember`] kept, unless it is too old.
    pub(crate) fn recall(&self, key: &str) -> Option<String> {
        let (meta, body) = self.read(Kind::Host, key)?;
        meta.is_fresh(Timestamp::now())
            .then(|| String::from_utf8(body).ok())?
    }

    /// Keeps what was read of a tree, by the tree's place.
    pub(crate) fn keep_tree(&self, place: &str, bytes: &[u8]) {
        let meta = Meta {
            key: place.to_owned(),
            status: 200,
            ..Meta::default()
        };
        self.write(Kind::Tree, &meta, bytes);
    }

    /// What [`Self::keep_tree`] kept.
    pub(crate) fn recall_tree(&self, place: &str) -> Option<Vec<u8>> {
        Some(self.read(Kind::Tree, place)?.1)
    }

    /// Why the cache cannot be written, if that was tried and failed.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.lock_trouble().clone()
    }

    fn lock_trouble(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.trouble
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn path(&self, kind: Kind, key: &str) -> Option<PathBuf> {
        let name = hex(&Sha256::digest(key.as_bytes()));
        Some(
            self.dir
                .as_ref()?
                .join(LAYOUT)
                .join(kind.folder())
                .join(name),
        )
    }
}

impl crate::host::Memory for Cache {
    fn recall(&self, key: &str) -> Option<String> {
        Self::recall(self, key)
    }

    fn remember(&self, key: &str, text: &str) {
        Self::remember(self, key, text);
    }
}

fn write_atomically(path: &Path, meta: &Meta, body: &[u8], digest: BodyDigest) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&encode(meta, body, digest)?)?;
    file.write_all(body)?;
    file.flush()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The error without the random name of a temporary file, which `tempfile` adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}

fn digest(body: &[u8]) -> BodyDigest {
    let mut half = BodyDigest::default();
    half.copy_from_slice(&Sha256::digest(body)[..16]);
    half
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc::new();
    for part in parts {
        crc.update(part);
    }
    crc.sum()
}

/// Header and JSON; the body follows.
fn encode(meta: &Meta, body: &[u8], digest: BodyDigest) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(meta)?;
    let json_length = u32::try_from(json.len()).map_err(io::Error::other)?;
    let mut checked = Vec::with_capacity(HEADER + json.len());
    checked.extend(json_length.to_le_bytes());
    checked.extend((body.len() as u64).to_le_bytes());
    checked.extend(crc(&[body]).to_le_bytes());
    checked.extend(digest);
    checked.extend(json);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(crc(&[&checked]).to_le_bytes());
    bytes.append(&mut checked);
    Ok(bytes)
}

/// What stands before the body of an entry.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) meta: Meta,
    pub(crate) digest: BodyDigest,
    length: usize,
    crc: u32,
}

impl Head {
    /// `None` for what is cut off, longer than it says, or not what was written under this key.
    fn read(file: &mut File, size: u64, key: &str) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let json_length = number(12)?;
        let length = u64::from_le_bytes(header[16..24].try_into().ok()?);
        let stated = length.checked_add(u64::from(json_length) + HEADER as u64)?;
        if header[..8] != MAGIC || stated != size {
            return None;
        }
        let mut json = vec![0; json_length as usize];
        file.read_exact(&mut json).ok()?;
        if crc(&[&header[12..], &json]) != number(8)? {
            return None;
        }
        let meta: Meta = serde_json::from_slice(&json).ok()?;
        (meta.key == key).then_some(Self {
            meta,
            digest: header[28..].try_into().ok()?,
            length: usize::try_from(length).ok()?,
            crc: number(24)?,
        })
    }

    /// The body, which follows in the file; `None` when it is damaged.
    fn body(&self, file: &mut File) -> Option<Vec<u8>> {
        let mut body = vec![0; self.length];
        file.read_exact(&mut body).ok()?;
        (crc(&[&body]) == self.crc).then_some(body)
    }
}

/// Lets [`Cache::prune`] see what is in use; a read-only cache stays as it is.
fn mark_use(file: &File, about: &fs::Metadata) {
    let modified = about.modified();
    let now = SystemTime::now();
    if modified.is_ok_and(|time| {
        now.duration_since(time)
            .is_ok_and(|age| age > MARK_USE_AFTER)
    }) {
        let _ = file.set_modified(now);
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
