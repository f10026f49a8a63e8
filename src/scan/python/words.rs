//! The words of Python source that can make a statement matter, in one place.
//!
//! The collector asks [`is_watched`] before it looks at a call, the rules of [`implied`] are listed
//! by their own table, and [`super::skip`] leaves out function bodies without such a word. So a
//! name that is missing here is missing in both: the fast way and the thorough way cannot come to
//! differ.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::super::{artifact, implied, variable};
use super::call;

/// What a word is to a reader who knows no grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A name, or anything else that stands for a value.
    Name,
    /// A keyword that never starts a block, and after which a value may follow.
    Keyword,
    /// A keyword that starts a block.
    Opener,
    /// `def`
    Def,
    /// `async`
    Async,
    /// `except`
    Except,
    /// `raise`
    Raise,
    /// `lambda`
    Lambda,
    /// `import`
    Import,
    /// `global`
    Global,
    /// `from`
    From,
    /// `as`
    As,
    /// `match`, `case`, `type`: keywords at the start of a statement only.
    Soft,
    /// `print`, a statement in Python 2.
    Print,
    /// `sys`, of which only `sys.path` matters.
    Sys,
}

/// Circumstances of a file, one bit each, under which a word matters.
pub(super) type When = u64;

/// Whatever the file is.
pub(super) const ALWAYS: When = 1 << 63;
/// When it names a program that installs something.
pub(super) const INSTALLS: When = 1 << 62;
/// When it imports one of the modules that found no bit of their own.
const OTHERS: When = 1 << 61;

/// What is known of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) kind: Word,
    /// When it matters.
    pub(super) when: When,
    /// The circumstance that an import of it brings about.
    pub(super) brings: When,
}

/// Whether the last part of a called name is one that a collector looks at in every file.
pub(super) fn is_watched(name: &str) -> bool {
    WORDS.get(name.as_bytes()).when & (ALWAYS | INSTALLS) != 0
}

/// What a word is.
pub(super) fn word(text: &[u8]) -> Known {
    WORDS.get(text)
}

/// When a word that starts with a capital letter matters as an attribute, by patterns.
pub(super) fn capital(text: &[u8]) -> When {
    let Ok(text) = std::str::from_utf8(text) else {
        return 0;
    };
    let patterns = WORDS.patterns.iter();
    let fitting = patterns.filter(|(pattern, _)| implied::is_like(pattern, text));
    fitting.fold(0, |all, (_, when)| all | when)
}

const KEYWORDS: [(Word, &[&str]); 13] = [
    (
        Word::Keyword,
        &[
            "and", "assert", "await", "del", "in", "is", "nonlocal", "not", "or", "return", "yield",
        ],
    ),
    (
        Word::Opener,
        &[
            "class", "elif", "else", "finally", "for", "if", "try", "while", "with",
        ],
    ),
    (Word::Def, &["def"]),
    (Word::Async, &["async"]),
    (Word::Except, &["except"]),
    (Word::Raise, &["raise"]),
    (Word::Lambda, &["lambda"]),
    (Word::Import, &["import"]),
    (Word::Global, &["global"]),
    (Word::From, &["from"]),
    (Word::As, &["as"]),
    (Word::Soft, &["match", "case", "type"]),
    (Word::Print, &["print"]),
];

static WORDS: LazyLock<Words> = LazyLock::new(Words::new);

/// A small hash table: nearly every word of a source is asked for and nearly none is in it.
struct Words {
    buckets: Vec<Vec<(&'static [u8], Known)>>,
    /// Patterns of words that start with a capital letter.
    patterns: Vec<(&'static str, When)>,
}

impl Words {
    const BUCKETS: usize = 1024;

    fn new() -> Self {
        let mut words = Self {
            buckets: vec![Vec::new(); Self::BUCKETS],
            patterns: Vec::new(),
        };
        for (kind, names) in KEYWORDS {
            for name in names {
                words.entry(name).kind = kind;
            }
        }
        for name in ["import", "global"] {
            words.entry(name).when = ALWAYS;
        }
        words.entry("sys").kind = Word::Sys;
        let watched = [&call::WATCHED[..], &artifact::WATCHED, &variable::WATCHED];
        for name in watched.into_iter().flatten() {
            words.entry(name).when |= ALWAYS;
        }
        for name in call::RUNS {
            words.entry(name).when |= INSTALLS;
        }
        words.add_implied();
        words
    }

    fn add_implied(&mut self) {
        let watched = implied::watched();
        let tops: BTreeSet<_> = watched.iter().flat_map(|watched| &watched.tops).collect();
        let mut bit: When = 1;
        for top in tops {
            self.entry(top).brings = bit;
            bit = (bit << 1).min(OTHERS);
        }
        for watched in &watched {
            let when = watched.tops.iter().map(|top| self.entry(top).brings);
            let when = when.reduce(|all, one| all | one).unwrap_or(ALWAYS);
            if watched.word.contains('*') {
                self.patterns.push((watched.word, when));
            } else {
                self.entry(watched.word).when |= when;
            }
        }
    }

    fn entry(&mut self, name: &'static str) -> &mut Known {
        let bucket = &mut self.buckets[Self::bucket(name.as_bytes())];
        let at = bucket
            .iter()
            .position(|(known, _)| *known == name.as_bytes());
        let at = at.unwrap_or_else(|| {
            bucket.push((name.as_bytes(), UNKNOWN));
            bucket.len() - 1
        });
        &mut bucket[at].1
    }

    fn bucket(name: &[u8]) -> usize {
        let at = |index: usize| usize::from(name.get(index).copied().unwrap_or_default());
        let last = at(name.len().saturating_sub(1));
        (at(0) * 37 + last * 11 + name.len() * 131) % Self::BUCKETS
    }

    fn get(&self, name: &[u8]) -> Known {
        let bucket = self.buckets.get(Self::bucket(name));
        let mut known = bucket.into_iter().flatten();
        let found = known.find(|(known, _)| *known == name);
        found.map_or(UNKNOWN, |(_, known)| *known)
    }
}

/// A name like any other.
const UNKNOWN: Known = Known {
    kind: Word::Name,
    when: 0,
    brings: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let always = |name: &[u8]| word(name).when == ALWAYS;
        assert_eq!(word(b"import").kind, Word::Import);
        assert!(always(b"import") && always(b"find_spec") && always(b"HF_HUB_ENABLE_HF_TRANSFER"));
        assert_eq!(word(b"check_call").when, INSTALLS);
        assert_eq!(word(b"imports"), UNKNOWN);
        assert_eq!(word(b""), UNKNOWN);
        let pandas = word(b"pandas").brings;
        assert_ne!(pandas, 0);
        assert_ne!(word(b"read_excel").when & pandas, 0);
        assert_ne!(word(b"read_excel").when & ALWAYS, ALWAYS);
        let transformers = word(b"transformers").brings;
        assert_ne!(capital(b"TFBertModel") & transformers, 0);
        assert_eq!(capital(b"BertModel"), 0);
        let tops = WORDS
            .buckets
            .iter()
            .flatten()
            .filter(|(_, known)| known.brings != 0);
        let bits: BTreeSet<_> = tops.clone().map(|(_, known)| known.brings).collect();
        assert_eq!(tops.count(), bits.len(), "more modules than bits");
    }
}
