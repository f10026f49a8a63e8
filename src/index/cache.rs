//! What is on disk: project pages and core metadata, each entry checked when it is read.
//!
//! An entry is one file: a header line with the length and SHA-256 of the rest, a line of JSON that
//! says what it is, then the bytes. A cut-off write or a flipped bit is noticed and the entry
//! counts as missing. Files are written beside their place and renamed into it, so that several
//! processes can share a cache. A cache that cannot be written costs one diagnostic, no answer.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use etcetera::BaseStrategy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Folder for this layout; another layout gets another folder, so old versions keep theirs.
const LAYOUT: &str = "v1";

/// First word of every entry.
const MAGIC: &str = "pinsmith-cache-1";

/// The cache in one folder.
#[derive(Debug)]
pub struct Cache {
    dir: Option<PathBuf>,
    trouble: Mutex<Option<String>>,
}

/// What an entry is, beside its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Project pages as the index sent them.
    Page,
    /// `METADATA` of a wheel; never changes.
    Wheel,
    /// The files of an sdist that matter, as JSON; never changes.
    Sdist,
    /// Answers of this host, such as pip's default index.
    Host,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Page => "pages",
            Self::Wheel => "wheels",
            Self::Sdist => "sdists",
            Self::Host => "host",
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

    /// Bytes and files in the cache.
    ///
    /// # Errors
    /// When a folder of the cache cannot be listed.
    pub fn size(&self) -> io::Result<CacheSize> {
        let mut size = CacheSize::default();
        for file in self.files()? {
            size.bytes += fs::metadata(&file).map_or(0, |metadata| metadata.len());
            size.files += 1;
        }
        Ok(size)
    }

    /// Removes every entry and answers what was removed; files that are not entries stay.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clean(&self) -> io::Result<CacheSize> {
        let mut removed = CacheSize::default();
        for file in self.files()? {
            removed.bytes += fs::metadata(&file).map_or(0, |metadata| metadata.len());
            removed.files += 1;
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(removed)
    }

    /// Files of every layout, two folders deep; nothing else lies in a cache folder.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        let layouts = self.dir.iter().map(|dir| dir.join(LAYOUT));
        for kind in layouts.flat_map(|layout| list(&layout)) {
            files.extend(
                list(&kind?)
                    .collect::<io::Result<Vec<_>>>()?
                    .into_iter()
                    .filter(|path| path.is_file()),
            );
        }
        Ok(files)
    }

    /// The entry, if it is there and whole.
    pub(crate) fn read(&self, kind: Kind, key: &str) -> Option<(Meta, Vec<u8>)> {
        let bytes = fs::read(self.path(kind, key)?).ok()?;
        let (meta, body) = decode(&bytes)?;
        (meta.key == key).then(|| (meta, body.to_vec()))
    }

    /// Writes an entry; a failure is remembered for [`Self::trouble`] and otherwise ignored.
    pub(crate) fn write(&self, kind: Kind, meta: &Meta, body: &[u8]) {
        let Some(path) = self.path(kind, &meta.key) else {
            return;
        };
        if self.lock_trouble().is_some() {
            return;
        }
        if let Err(error) = write_atomically(&path, meta, body) {
            self.lock_trouble().get_or_insert(error.to_string());
        }
    }

    /// Keeps a short answer of this host for thirty days, such as pip's default index.
    pub(crate) fn remember(&self, key: &str, text: &str) {
        let meta = Meta {
            key: key.to_owned(),
            status: 200,
            url: String::new(),
            content_type: None,
            etag: None,
            last_modified: None,
            fetched: Timestamp::now().as_second(),
            max_age: 30 * 24 * 60 * 60,
        };
        self.write(Kind::Host, &meta, text.as_bytes());
    }

    /// What [`Self::remember`] kept, unless it is too old.
    pub(crate) fn recall(&self, key: &str) -> Option<String> {
        let (meta, body) = self.read(Kind::Host, key)?;
        meta.is_fresh(Timestamp::now())
            .then(|| String::from_utf8(body).ok())?
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

/// How much is in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheSize {
    /// Sum of the file sizes in bytes.
    pub bytes: u64,
    /// Number of files.
    pub files: u64,
}

/// The entries of a folder; none when it does not exist.
fn list(dir: &Path) -> Box<dyn Iterator<Item = io::Result<PathBuf>>> {
    match fs::read_dir(dir) {
        Ok(entries) => Box::new(entries.map(|entry| Ok(entry?.path()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Box::new(std::iter::empty()),
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}

fn write_atomically(path: &Path, meta: &Meta, body: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&encode(meta, body)?)?;
    file.flush()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn encode(meta: &Meta, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut rest = serde_json::to_vec(meta)?;
    rest.push(b'\n');
    rest.extend_from_slice(body);
    let digest = hex(&Sha256::digest(&rest));
    let mut bytes = format!("{MAGIC} {} {digest}\n", rest.len()).into_bytes();
    bytes.append(&mut rest);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Option<(Meta, &[u8])> {
    let (header, rest) = split_line(bytes)?;
    let mut words = std::str::from_utf8(header).ok()?.split(' ');
    let whole = words.next()? == MAGIC
        && words.next()?.parse() == Ok(rest.len())
        && words.next()? == hex(&Sha256::digest(rest));
    if !whole {
        return None;
    }
    let (meta, body) = split_line(rest)?;
    Some((serde_json::from_slice(meta).ok()?, body))
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
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
mod tests {
    use super::*;

    fn meta(key: &str) -> Meta {
        Meta {
            key: key.to_owned(),
            status: 200,
            url: "https://index.test/simple/a/".to_owned(),
            content_type: Some("text/html".to_owned()),
            etag: None,
            last_modified: None,
            fetched: 1000,
            max_age: 600,
        }
    }

    #[test]
    fn keeps_counts_and_forgets() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().join("new")));
        assert_eq!(cache.size().unwrap(), CacheSize::default());
        cache.write(Kind::Page, &meta("a"), b"body\nof it");
        assert_eq!(
            cache.read(Kind::Page, "a"),
            Some((meta("a"), b"body\nof it".to_vec()))
        );
        assert_eq!(cache.read(Kind::Wheel, "a"), None);
        assert_eq!(cache.size().unwrap().files, 1);
        fs::write(dir.path().join("new/CACHEDIR.TAG"), "mine").unwrap();
        assert_eq!(cache.clean().unwrap().files, 1);
        assert_eq!(cache.read(Kind::Page, "a"), None);
        assert!(dir.path().join("new/CACHEDIR.TAG").exists());
    }

    /// Every flipped byte and every cut-off length is noticed.
    #[test]
    fn a_damaged_entry_counts_as_missing() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(dir.path().to_owned()));
        cache.write(Kind::Page, &meta("a"), b"body");
        let path = cache.path(Kind::Page, "a").unwrap();
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 4;
            fs::write(&path, &flipped).unwrap();
            assert_eq!(cache.read(Kind::Page, "a"), None, "byte {at} flipped");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(cache.read(Kind::Page, "a"), None, "cut at {at}");
        }
    }

    #[test]
    fn freshness_is_age_against_max_age() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert!(meta("a").is_fresh(at(1599)));
        assert!(!meta("a").is_fresh(at(1600)));
        assert!(!meta("a").is_fresh(at(999)), "the clock went back");
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let cache = Cache::new(Some(file));
        cache.write(Kind::Page, &meta("a"), b"body");
        assert!(cache.trouble().is_some());
        assert_eq!(cache.read(Kind::Page, "a"), None);
        let none = Cache::new(None);
        none.write(Kind::Page, &meta("a"), b"body");
        assert_eq!((none.trouble(), none.read(Kind::Page, "a")), (None, None));
    }

    /// Threads stand for processes: both only meet in the file system.
    #[test]
    fn concurrent_writers_leave_whole_entries() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4_u8 {
                let dir = dir.path().to_owned();
                scope.spawn(move || {
                    let cache = Cache::new(Some(dir));
                    let body = vec![writer; 50_000];
                    for _ in 0..20 {
                        cache.write(Kind::Page, &meta("a"), &body);
                        let (_, read) = cache.read(Kind::Page, "a").unwrap();
                        assert!(read.iter().all(|byte| *byte == read[0]));
                        assert_eq!(read.len(), 50_000);
                    }
                });
            }
        });
    }
}
