//! How large the cache is, and making it smaller.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Cache, LAYOUT};

/// Bytes that a cache may hold without anybody asking for less.
pub(in crate::index) const USUAL_LIMIT: u64 = 2 * 1024 * 1024 * 1024;

/// How often a run looks after the size of its cache.
const LOOK_AFTER: Duration = Duration::from_hours(24);

/// Half-written files of a process that died are left alone for so long.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);

/// The folders of a layout, which name what may be removed.
const KINDS: [&str; 10] = [
    "pages", "links", "wheels", "sdists", "contents", "built", "digests", "host", "answers",
    "trees",
];

/// How much is in the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheSize {
    /// Sum of the file sizes in bytes.
    pub bytes: u64,
    /// Number of files.
    pub files: u64,
}

impl CacheSize {
    fn add(&mut self, entry: &Entry) {
        self.bytes += entry.bytes;
        self.files += 1;
    }
}

/// A file of the cache.
struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
    /// Of this layout, under its final name.
    current: bool,
}

impl Cache {
    /// Bytes and files in the cache, those of older layouts included.
    ///
    /// # Errors
    /// When a folder of the cache cannot be listed.
    pub fn size(&self) -> io::Result<CacheSize> {
        let mut size = CacheSize::default();
        self.entries()?.iter().for_each(|entry| size.add(entry));
        Ok(size)
    }

    /// Removes every entry and answers what was removed; files that are not entries stay.
    ///
    /// # Errors
    /// When a folder cannot be listed or a file cannot be removed.
    pub fn clean(&self) -> io::Result<CacheSize> {
        remove(self.entries()?.iter())
    }

    /// Removes what older layouts and dead processes left behind, then the entries that were not
    /// used for longest until at most `limit` bytes are left; answers what was removed.
    ///
    /// Other processes may use the cache meanwhile: what they miss they fetch again.
    ///
    /// # Errors
    /// When a folder cannot be listed or a file cannot be removed.
    pub fn prune(&self, limit: u64) -> io::Result<CacheSize> {
        let now = SystemTime::now();
        let age = |entry: &Entry| now.duration_since(entry.used).unwrap_or_default();
        let (mut kept, others): (Vec<_>, Vec<_>) =
            self.entries()?.into_iter().partition(|entry| entry.current);
        let abandoned = others.iter().filter(|entry| age(entry) > ABANDONED_AFTER);
        let removed = remove(abandoned)?;
        kept.sort_by(|a, b| (b.used, &b.path).cmp(&(a.used, &a.path)));
        let mut left = 0_u64;
        let surplus = kept.iter().filter(|entry| {
            left = left.saturating_add(entry.bytes);
            left > limit
        });
        let surplus = remove(surplus)?;
        Ok(CacheSize {
            bytes: removed.bytes + surplus.bytes,
            files: removed.files + surplus.files,
        })
    }

    /// Once a day, prunes to the usual limit; failures are left to the next day.
    pub(in crate::index) fn look_after(&self) {
        let Some(dir) = self.dir() else {
            return;
        };
        let stamp = dir.join(LAYOUT).join("pruned");
        let age = fs::metadata(&stamp)
            .and_then(|metadata| metadata.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        let due = age.is_none_or(|age| age > LOOK_AFTER);
        if due && dir.join(LAYOUT).is_dir() && fs::write(&stamp, "").is_ok() {
            let _ = self.prune(USUAL_LIMIT);
        }
    }

    /// Files of every layout, in the folders that a layout has; nothing else is touched.
    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for layout in self.dir().iter().flat_map(|dir| list(dir)) {
            let layout = layout?;
            if !is_layout(&layout) {
                continue;
            }
            let current = layout.ends_with(LAYOUT);
            for kind in KINDS {
                for path in list(&layout.join(kind)) {
                    entries.extend(entry(path?, current));
                }
            }
        }
        Ok(entries)
    }
}

/// `v1`, `v2` and so on.
fn is_layout(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix('v'));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// `None` for what is no file or vanished meanwhile.
fn entry(path: PathBuf, current: bool) -> Option<Entry> {
    let metadata = fs::symlink_metadata(&path)
        .ok()
        .filter(fs::Metadata::is_file)?;
    let name = path.file_name()?.to_str()?;
    let whole = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(Entry {
        bytes: metadata.len(),
        used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        current: current && whole,
        path,
    })
}

fn remove<'e>(entries: impl Iterator<Item = &'e Entry>) -> io::Result<CacheSize> {
    let mut removed = CacheSize::default();
    for entry in entries {
        match fs::remove_file(&entry.path) {
            Ok(()) => removed.add(entry),
            // another process was faster
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

/// The entries of a folder; none when it does not exist.
fn list(dir: &Path) -> Box<dyn Iterator<Item = io::Result<PathBuf>>> {
    match fs::read_dir(dir) {
        Ok(entries) => Box::new(entries.map(|entry| Ok(entry?.path()))),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Box::new(std::iter::empty())
        }
        Err(error) => Box::new(std::iter::once(Err(error))),
    }
}
