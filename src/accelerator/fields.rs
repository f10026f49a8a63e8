//! Fields of the table that are read by their own parsers.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A value that reads itself from a text.
struct Text<T>(T);

impl<'de, T> Deserialize<'de> for Text<T>
where
    T: FromStr,
    T::Err: Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = text.parse().map_err(|error| {
            // some parsers explain over several lines
            let reason = format!("{error}");
            let reason = reason.lines().next().unwrap_or_default().to_owned();
            D::Error::custom(format!("`{text}`: {reason}"))
        })?;
        Ok(Self(value))
    }
}

/// One text.
pub(super) fn text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    Ok(Text::deserialize(deserializer)?.0)
}

/// A text that may be absent.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    text(deserializer).map(Some)
}

/// A list of texts.
pub(super) fn texts<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: Display,
{
    let all = Vec::<Text<T>>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|one| one.0).collect())
}

/// A table from texts to texts.
pub(super) fn text_map<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: FromStr + Ord,
    K::Err: Display,
    V: FromStr,
    V::Err: Display,
{
    let map = keyed::<D, K, Text<V>>(deserializer)?;
    Ok(map.into_iter().map(|(key, value)| (key, value.0)).collect())
}

/// A table from texts to lists of texts.
pub(super) fn text_lists<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, Vec<V>>, D::Error>
where
    D: Deserializer<'de>,
    K: FromStr + Ord,
    K::Err: Display,
    V: FromStr,
    V::Err: Display,
{
    let map = keyed::<D, K, Vec<Text<V>>>(deserializer)?;
    let lists = map.into_iter().map(|(key, values)| {
        let values = values.into_iter().map(|value| value.0);
        (key, values.collect())
    });
    Ok(lists.collect())
}

fn keyed<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: FromStr + Ord,
    K::Err: Display,
    V: Deserialize<'de>,
{
    struct Visitor<K, V>(PhantomData<(K, V)>);
    impl<'de, K, V> serde::de::Visitor<'de> for Visitor<K, V>
    where
        K: FromStr + Ord,
        K::Err: Display,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                let parsed = key
                    .parse()
                    .map_err(|error| A::Error::custom(format!("`{key}`: {error}")))?;
                all.insert(parsed, map.next_value::<V>()?);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Visitor(PhantomData))
}
