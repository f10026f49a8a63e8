//! The value of an expression in a setup script.

use std::collections::BTreeMap;

/// What an expression is worth, as far as that can be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Worth {
    /// Strings, with their lines.
    pub(super) items: Vec<(String, u32)>,
    /// Files whose lines it holds.
    pub(super) files: Vec<(String, u32)>,
    /// Entries of a dictionary.
    pub(super) entries: BTreeMap<String, Worth>,
    /// True when part of it cannot be read.
    pub(super) unknown: bool,
    /// True when it is one string, not a list of strings.
    pub(super) text: bool,
}

impl Worth {
    pub(super) fn text(text: String, line: u32) -> Self {
        Self {
            items: vec![(text, line)],
            text: true,
            ..Self::default()
        }
    }

    /// The string that it is, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self.items.as_slice() {
            [(text, _)] if self.text && !self.unknown => Some(text),
            _ => None,
        }
    }

    pub(super) fn unknown() -> Self {
        Self {
            unknown: true,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.items.extend(other.items);
        self.files.extend(other.files);
        self.entries.extend(other.entries);
        self.unknown |= other.unknown;
        self.text = false;
    }

    pub(super) fn size(&self) -> usize {
        let entries: usize = self.entries.values().map(Self::size).sum();
        1 + self.items.len() + self.files.len() + entries
    }

    /// Everything in it, also that of its entries, as one list.
    pub(super) fn flat(self) -> Self {
        let entries = self.entries;
        let mut flat = Self {
            entries: BTreeMap::new(),
            ..self
        };
        for worth in entries.into_values() {
            flat.add(worth);
        }
        flat
    }
}
