//! The JSON of a notebook; what has another form than it should counts as absent.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;

/// The parts of a notebook that tell what it needs; outputs are never kept.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Notebook {
    #[serde(default)]
    pub(super) nbformat: Value,
    #[serde(default)]
    pub(super) metadata: Value,
    #[serde(default, deserialize_with = "list")]
    pub(super) cells: Option<Vec<Option<Cell>>>,
    /// Where nbformat 3 has its cells.
    #[serde(default, deserialize_with = "list")]
    pub(super) worksheets: Option<Vec<Option<Worksheet>>>,
}

/// A sheet of nbformat 3.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Worksheet {
    #[serde(default, deserialize_with = "list")]
    pub(super) cells: Option<Vec<Option<Cell>>>,
}

/// A cell.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Cell {
    #[serde(default, rename = "cell_type")]
    pub(super) kind: Value,
    #[serde(default)]
    pub(super) source: Value,
    /// Source in nbformat 3.
    #[serde(default)]
    pub(super) input: Value,
}

/// Parses a notebook; the error says what the file is instead, and in which line that shows.
pub(super) fn parse(text: &str) -> Result<Notebook, (&'static str, u32)> {
    if text.trim().is_empty() {
        return Err(("is empty", 0));
    }
    let Object(notebook) = serde_json::from_str(text).map_err(|error| {
        let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
        match error.classify() {
            Category::Eof => ("ends before its JSON does", line),
            Category::Data => ("is no notebook: an entry has the wrong form", line),
            Category::Syntax | Category::Io => ("is not JSON", line),
        }
    })?;
    let notebook: Notebook = notebook.ok_or(("is JSON, but no notebook", 1))?;
    if notebook.cells.is_none() && notebook.worksheets.is_none() {
        return Err(("is no notebook: it has no list of cells", 1));
    }
    Ok(notebook)
}

/// An object, or `None` for anything else.
struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form(PhantomData::<Self>))
    }
}

/// A list of objects, with `None` for its other items; `None` for anything else.
struct List<T>(Option<Vec<Option<T>>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form(PhantomData::<Self>))
    }
}

fn list<'de, T, D>(deserializer: D) -> Result<Option<Vec<Option<T>>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    List::deserialize(deserializer).map(|List(items)| items)
}

/// Takes a value of the form that is wanted, and passes over one of any other form.
struct Form<T>(PhantomData<T>);

/// What is made of a value, by its form.
trait Formed<'de>: Sized {
    fn absent() -> Self;

    fn of_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::absent())
    }

    fn of_seq<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::absent())
    }
}

impl<'de, T: Deserialize<'de>> Formed<'de> for Object<T> {
    fn absent() -> Self {
        Self(None)
    }

    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| Self(Some(object)))
    }
}

impl<'de, T: Deserialize<'de>> Formed<'de> for List<T> {
    fn absent() -> Self {
        Self(None)
    }

    fn of_seq<A: SeqAccess<'de>>(mut items: A) -> Result<Self, A::Error> {
        let mut list = Vec::new();
        while let Some(Object(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Self(Some(list)))
    }
}

impl<'de, T: Formed<'de>> Visitor<'de> for Form<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::of_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<T, A::Error> {
        T::of_seq(items)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
        Ok(T::absent())
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::absent())
    }
}
