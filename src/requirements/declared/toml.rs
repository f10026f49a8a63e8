//! TOML with line numbers, shared by the readers of `pyproject.toml`, `Pipfile` and script blocks.

use toml_edit::{Document, Item, Key, TableLike, Value};

use super::line::Collector;
use super::text::shown;
use crate::requirements::codes;

/// A parsed file that knows its lines.
pub(super) struct Toml<'a> {
    text: &'a str,
    document: Document<&'a str>,
    /// Added to every line: a script block begins further down in its file.
    offset: u32,
}

impl<'a> Toml<'a> {
    /// Parses; what does not parse becomes a diagnostic.
    pub(super) fn parse(text: &'a str, offset: u32, collector: &mut Collector) -> Option<Self> {
        match Document::parse(text) {
            Ok(document) => Some(Self {
                text,
                document,
                offset,
            }),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let message = format!("this is no TOML: {}", shown(error.message()));
                collector.warn(
                    codes::UNREADABLE,
                    line_at(text, start) + offset,
                    message,
                    "correct the file",
                );
                None
            }
        }
    }

    /// The item at a path of keys.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Item> {
        path.iter()
            .try_fold(self.document.as_item(), |item, key| item.get(key))
    }

    /// The table at a path of keys.
    pub(super) fn table(&self, path: &[&str]) -> Option<&dyn TableLike> {
        self.get(path)?.as_table_like()
    }

    /// The string at a path of keys, with its line.
    pub(super) fn string(&self, path: &[&str]) -> Option<(&str, u32)> {
        let item = self.get(path)?;
        Some((item.as_str()?, self.line(item)))
    }

    /// Line of an item.
    pub(super) fn line(&self, item: &Item) -> u32 {
        self.offset + item.span().map_or(0, |span| line_at(self.text, span.start))
    }

    /// Line of a value.
    pub(super) fn value_line(&self, value: &Value) -> u32 {
        self.offset
            + value
                .span()
                .map_or(0, |span| line_at(self.text, span.start))
    }

    /// Line of the key in a table.
    pub(super) fn key_line(&self, table: &dyn TableLike, key: &str) -> u32 {
        let span = table.key(key).and_then(Key::span);
        self.offset + span.map_or(0, |span| line_at(self.text, span.start))
    }

    /// The strings of an array, with their lines.
    pub(super) fn strings<'b>(&'b self, item: &'b Item) -> Vec<(&'b str, u32)> {
        let values = item.as_array().into_iter().flatten();
        values
            .filter_map(|value| Some((value.as_str()?, self.value_line(value))))
            .collect()
    }
}

fn line_at(text: &str, position: usize) -> u32 {
    let before = text.as_bytes().get(..position).unwrap_or_default();
    u32::try_from(memchr::memchr_iter(b'\n', before).count() + 1).unwrap_or(u32::MAX)
}
