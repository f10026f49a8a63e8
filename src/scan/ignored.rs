//! What the tree's own `.gitignore` files leave out.
//!
//! A pattern such as `*.txt` says nothing about files that are committed all the same, and a
//! committed `requirements.txt` beside it is common. So what git tracks always counts. Where no
//! index tells (an unpacked archive, a work tree), patterns leave out folders but no single files.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::Tree;

/// The ignore rules of a tree, read as they are needed.
#[derive(Debug)]
pub(super) struct Ignored {
    tree: Tree,
    tracked: Option<BTreeSet<String>>,
    /// By folder, root-relative.
    rules: Mutex<HashMap<String, Option<Gitignore>>>,
}

impl Ignored {
    pub(super) fn new(tree: &Tree) -> Self {
        let index = tree.read(".git/index").ok();
        Self {
            tree: tree.clone(),
            tracked: index.and_then(|bytes| tracked(&bytes)),
            rules: Mutex::default(),
        }
    }

    /// Whether a root-relative path does not count. Its folder is known to count.
    pub(super) fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        match (&self.tracked, is_folder) {
            (None, false) => false,
            (None, true) => self.matches(path, true) == Some(true),
            (Some(tracked), false) => !tracked.contains(path) && self.is_below(path, false),
            (Some(tracked), true) => {
                let inside = format!("{path}/");
                let mut below = tracked.range(inside.clone()..);
                let holds_tracked = below.next().is_some_and(|first| first.starts_with(&inside));
                !holds_tracked && self.is_below(path, true)
            }
        }
    }

    /// Whether a path or a folder above it is ignored.
    fn is_below(&self, path: &str, is_folder: bool) -> bool {
        let mut inside = Some((path, is_folder));
        while let Some((path, is_folder)) = inside {
            if let Some(ignored) = self.matches(path, is_folder) {
                return ignored;
            }
            inside = path.rsplit_once('/').map(|(folder, _)| (folder, true));
        }
        false
    }

    /// What the nearest rule says of a path itself.
    fn matches(&self, path: &str, is_folder: bool) -> Option<bool> {
        let mut rules = self.rules.lock().ok()?;
        let mut folder = path;
        while !folder.is_empty() {
            folder = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
            let known = rules.contains_key(folder);
            if !known {
                rules.insert(folder.to_owned(), self.read(folder));
            }
            let full = self.tree.root().join(path);
            let found = rules.get(folder)?.as_ref();
            match found.map(|rules| rules.matched(full, is_folder)) {
                Some(found) if found.is_ignore() => return Some(true),
                Some(found) if found.is_whitelist() => return Some(false),
                _ => {}
            }
        }
        None
    }

    fn read(&self, folder: &str) -> Option<Gitignore> {
        let file = if folder.is_empty() {
            ".gitignore".to_owned()
        } else {
            format!("{folder}/.gitignore")
        };
        let bytes = self.tree.read(&file).ok()?;
        let mut builder = GitignoreBuilder::new(self.tree.root().join(folder));
        for line in String::from_utf8_lossy(&bytes).lines() {
            // git passes over a pattern that it does not understand, too
            let _ = builder.add_line(None, line);
        }
        builder.build().ok()
    }
}

/// Reads bytes as a git index.
#[cfg(any(test, fuzzing))]
pub(super) fn check(bytes: &[u8]) {
    let _ = tracked(bytes);
}

/// The paths in a git index; `None` when it is in a form that is not known.
fn tracked(index: &[u8]) -> Option<BTreeSet<String>> {
    /// Names of version 4 share prefixes, so a small file can hold many long ones.
    const MOST_BYTES: usize = 64 << 20;
    /// Times, device, inode, mode, owner, size and hash.
    const STAT: usize = 60;
    let mut rest = index.strip_prefix(b"DIRC")?;
    let version = number(&mut rest)?;
    let count = number(&mut rest)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut paths = BTreeSet::new();
    let mut path: Vec<u8> = Vec::new();
    let mut bytes = 0;
    for _ in 0..count {
        let before = rest.len();
        rest = rest.get(STAT..)?;
        let extended = rest.first()? & 0x40 != 0;
        rest = rest.get(if extended && version > 2 { 4 } else { 2 }..)?;
        let kept = match version {
            4 => path.len().checked_sub(offset(&mut rest)?)?,
            _ => 0,
        };
        path.truncate(kept);
        let length = memchr::memchr(0, rest)?;
        path.extend(rest.get(..length)?);
        rest = rest.get(length + 1..)?;
        if version < 4 {
            let used = before - rest.len();
            rest = rest.get(used.next_multiple_of(8) - used..)?;
        }
        bytes += path.len();
        if bytes > MOST_BYTES {
            return None;
        }
        paths.extend(String::from_utf8(path.clone()));
    }
    // a split index holds most entries in another file
    let is_split = rest.starts_with(b"link");
    (!is_split).then_some(paths)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

/// A number in git's offset encoding.
fn offset(rest: &mut &[u8]) -> Option<usize> {
    let mut value: usize = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value = value
            .checked_mul(128)?
            .checked_add(usize::from(byte & 127))?;
        if byte & 128 == 0 {
            return Some(value);
        }
        value = value.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An index of version 2 with these paths.
    fn index(paths: &[&str]) -> Vec<u8> {
        let mut bytes = b"DIRC".to_vec();
        bytes.extend(2_u32.to_be_bytes());
        bytes.extend(u32::try_from(paths.len()).unwrap().to_be_bytes());
        for path in paths {
            let start = bytes.len();
            bytes.extend([0; 62]);
            bytes.extend(path.as_bytes());
            bytes.push(0);
            let used = bytes.len() - start;
            bytes.extend(vec![0; used.next_multiple_of(8) - used]);
        }
        bytes
    }

    #[test]
    fn an_index_tells_what_is_tracked() {
        let paths = ["a.py", "data/requirements.txt", "x/longer/name.ipynb"];
        let found = tracked(&index(&paths)).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), paths);
        for end in 0..index(&paths).len() {
            assert!(tracked(index(&paths).get(..end).unwrap()).is_none_or(|f| f.len() == 3));
        }
        assert_eq!(tracked(b"not an index"), None);
    }

    #[test]
    fn shared_prefixes_are_undone() {
        let mut bytes = b"DIRC".to_vec();
        bytes.extend(4_u32.to_be_bytes());
        bytes.extend(2_u32.to_be_bytes());
        for (stripped, added) in [(0, "folder/a.py"), (4, "b.py")] {
            bytes.extend([0; 62]);
            bytes.push(stripped);
            bytes.extend(added.as_bytes());
            bytes.push(0);
        }
        let found = tracked(&bytes).unwrap();
        assert_eq!(
            found.iter().collect::<Vec<_>>(),
            ["folder/a.py", "folder/b.py"]
        );
    }

    #[test]
    fn committed_files_count_and_ignored_folders_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: &[u8]| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        write(".gitignore", b"*.txt\n/out/\n/data\n!/kept.txt\n");
        write("sub/.gitignore", b"made.py\n");
        let tree = Tree::new(folder.path()).unwrap();
        let left_out = |ignored: &Ignored| {
            let all = [
                ("requirements.txt", false),
                ("notes.txt", false),
                ("kept.txt", false),
                ("out", true),
                ("data", true),
                ("data/a.py", false),
                ("data/b.py", false),
                ("sub/made.py", false),
                ("sub", true),
            ];
            let left_out = all
                .into_iter()
                .filter(|(path, is)| ignored.leaves_out(path, *is));
            left_out.map(|(path, _)| path).collect::<Vec<_>>()
        };
        assert_eq!(left_out(&Ignored::new(&tree)), ["out", "data"]);
        write(".git/index", &index(&["data/a.py", "requirements.txt"]));
        assert_eq!(
            left_out(&Ignored::new(&tree)),
            ["notes.txt", "out", "data/b.py", "sub/made.py"]
        );
    }
}
