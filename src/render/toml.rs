//! Shapes of TOML that the renderers share: short values inline, one line per list item.

use std::fmt::Display;

use pinsmith_resolver::Timestamp;
use toml_edit::{Array, Datetime, InlineTable, Item, Value};

/// A list with one item per line, so that one change is one line of a diff.
pub(super) fn list(values: impl IntoIterator<Item = Value>) -> Value {
    let mut array = Array::new();
    for mut value in values {
        value.decor_mut().set_prefix("\n    ");
        array.push_formatted(value);
    }
    if !array.is_empty() {
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    array.into()
}

/// A list on one line.
pub(super) fn short_list(values: impl IntoIterator<Item = String>) -> Value {
    values.into_iter().collect::<Array>().into()
}

/// A string that shows a value.
pub(super) fn text(value: impl Display) -> Value {
    value.to_string().into()
}

/// A point in time as TOML has it, in UTC; `None` outside the years that TOML can write.
pub(super) fn time(value: Timestamp) -> Option<Value> {
    let time: Datetime = value.to_string().parse().ok()?;
    Some(time.into())
}

/// A table in braces, built key by key; absent values leave no key.
#[derive(Default)]
pub(super) struct Braces(InlineTable);

impl Braces {
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key, value.into());
        self
    }

    pub(super) fn with_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(super) fn value(self) -> Value {
        self.0.into()
    }
}

/// A value under a key of a table.
pub(super) fn item(value: impl Into<Value>) -> Item {
    Item::Value(value.into())
}
