//! The tables of what distributions and Python took out of their API, and what they added.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pinsmith_resolver::{PackageName, Ranges, Version, to_ranges};

static REMOVALS: LazyLock<Removals> = LazyLock::new(|| {
    Removals::new(
        include_str!("../data/api-removals.tsv")
            .lines()
            .filter_map(row)
            .collect(),
    )
});

static ADDITIONS: LazyLock<Vec<Addition>> = LazyLock::new(|| {
    let lines = include_str!("../data/api-additions.tsv").lines();
    lines.filter_map(addition).collect()
});

/// Something that a distribution, or Python itself, did not always have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Its name with the module or class that it is in, as in [`Removal::symbol`].
    pub symbol: &'static str,
    /// Whose it is.
    pub owner: Owner,
    /// The last version without it.
    pub last_without: Version,
    /// The first version that has it.
    pub first: Version,
    /// A distribution that has it for older versions of Python under the same name.
    pub stand_in: Option<&'static str>,
}

/// Everything that is known to have come with some version, by symbol.
pub fn additions() -> &'static [Addition] {
    &ADDITIONS
}

/// Something that a distribution, or Python itself, had and has no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its name with the module or class that it was in: `numpy.float`, `pandas.DataFrame.append`,
    /// `pandas.read_csv(error_bad_lines=)`.
    pub symbol: &'static str,
    /// What it was.
    pub kind: RemovalKind,
    /// Whose it was.
    pub owner: Owner,
    /// The last version that has it.
    pub last: Version,
    /// The first version without it that was looked at.
    pub without: Version,
    /// The versions that have it, where that is not simply everything before `without`: it came back,
    /// or versions in between were not looked at.
    versions: Option<&'static str>,
    /// What to write instead where that is certain to mean the same.
    pub rewrite: Option<Rewrite>,
    /// What a person may use instead; empty when there is nothing.
    pub instead: &'static str,
    /// A distribution that brings it back.
    pub stand_in: Option<&'static str>,
    /// Whether its name says enough to be mentioned where nothing shows what it is a method of.
    pub distinct: bool,
    /// The rewrite is certain only where one of these attributes of the result is read at once.
    pub(super) then: &'static str,
    /// What a use has to look like to count.
    pub(super) when: When,
}

/// What a [`Removal`] was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemovalKind {
    /// A module.
    Module,
    /// A name in a module or class.
    Attribute,
    /// A method or attribute of instances.
    Method,
    /// A keyword of a callable.
    Argument,
    /// A call in a form that fails now.
    Call,
    /// It is still there and does something else: a warning, no bound.
    Behaviour,
}

/// Who took something out of its API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Python and its standard library.
    Python,
    /// A distribution.
    Distribution(PackageName),
}

/// What to write instead of a removed name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// Another name, dotted from its module: `collections.abc.Mapping`. A builtin has none: `float`.
    Name(&'static str),
    /// Another method or keyword of the same thing: `items`.
    Member(&'static str),
    /// An expression, where the name was imported: `(str, bytes)`.
    Value(&'static str),
}

/// What a use has to look like to count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct When {
    pub(super) conditions: Vec<Condition>,
}

/// One condition on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// An argument is a text that fits a pattern, or does not.
    Text {
        position: usize,
        keyword: Option<&'static str>,
        pattern: &'static str,
        fits: bool,
    },
    /// A keyword is not given.
    Without(&'static str),
    /// The result is unpacked into so many names.
    Unpacked(usize),
}

/// All removals with an index by symbol.
pub(super) struct Removals {
    rows: Vec<Removal>,
    by_symbol: BTreeMap<&'static str, Vec<usize>>,
    /// Methods whose name says enough.
    distinct: BTreeMap<&'static str, usize>,
}

/// Every removal that is known, by symbol.
///
/// ```
/// let removals = pinsmith::api::removals();
/// assert!(removals.iter().any(|removal| removal.symbol == "numpy.float"));
/// ```
pub fn removals() -> &'static [Removal] {
    &REMOVALS.rows
}

pub(super) fn index() -> &'static Removals {
    &REMOVALS
}

impl Removals {
    fn new(rows: Vec<Removal>) -> Self {
        let mut by_symbol: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
        let mut distinct = BTreeMap::new();
        for (number, row) in rows.iter().enumerate() {
            // an argument is looked up by what is called
            let key = row.symbol.split('(').next().unwrap_or(row.symbol);
            by_symbol.entry(key).or_default().push(number);
            if let Some((_, method)) = row.symbol.rsplit_once('.').filter(|_| row.distinct) {
                distinct.insert(method, number);
            }
        }
        Self {
            rows,
            by_symbol,
            distinct,
        }
    }

    /// The removals of a symbol; those of arguments under what is called.
    pub(super) fn of(
        &'static self,
        symbol: &str,
    ) -> impl Iterator<Item = &'static Removal> + use<> {
        let numbers = self.by_symbol.get(symbol).map(Vec::as_slice);
        let numbers = numbers.unwrap_or_default();
        numbers.iter().filter_map(|number| self.rows.get(*number))
    }

    /// The removed method that a name stands for, even where its class is not known.
    pub(super) fn distinct(&'static self, method: &str) -> Option<&'static Removal> {
        self.rows.get(*self.distinct.get(method)?)
    }
}

/// The addition of a symbol.
pub(super) fn addition_of(symbol: &str) -> Option<&'static Addition> {
    let rows: &'static [Addition] = additions();
    let found = rows.binary_search_by(|row| row.symbol.cmp(symbol)).ok()?;
    rows.get(found)
}

impl Removal {
    /// The versions that have it, as PEP 440 clauses.
    ///
    /// ```
    /// let of = |symbol| {
    ///     let mut all = pinsmith::api::removals().iter();
    ///     all.find(|removal| removal.symbol == symbol).unwrap().specifier()
    /// };
    /// assert_eq!(of("numpy.float"), "<1.24.0");
    /// assert_eq!(of("numpy.bool"), "!=1.24.*,!=1.25.*,!=1.26.*");
    /// ```
    pub fn specifier(&self) -> String {
        match self.versions {
            Some(versions) => versions.to_owned(),
            None => format!("<{}", self.without),
        }
    }

    /// The versions that have it, as far as is known.
    pub fn ranges(&self) -> Ranges<Version> {
        match self.specifier().parse() {
            Ok(specifiers) => to_ranges(&specifiers),
            Err(_) => Ranges::full(),
        }
    }

    /// The keyword, of an argument.
    pub(super) fn keyword(&self) -> Option<&'static str> {
        let (_, inside) = self.symbol.split_once('(')?;
        inside.strip_suffix("=)")
    }
}

impl Owner {
    fn new(name: &str) -> Option<Self> {
        match name {
            "python" => Some(Self::Python),
            name => name.parse().ok().map(Self::Distribution),
        }
    }

    /// The distribution, if it is one.
    pub fn distribution(&self) -> Option<&PackageName> {
        match self {
            Self::Python => None,
            Self::Distribution(name) => Some(name),
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Python => f.write_str("Python"),
            Self::Distribution(name) => name.fmt(f),
        }
    }
}

impl serde::Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Python => serializer.serialize_str("python"),
            Self::Distribution(name) => serializer.collect_str(name),
        }
    }
}

/// One line of `api-removals.tsv`; `docs/data.md` says what the columns are.
fn row(line: &'static str) -> Option<Removal> {
    let mut columns = line.split('\t');
    let mut next = || columns.next().unwrap_or_default();
    let symbol = next();
    let kind = RemovalKind::new(next())?;
    let owner = Owner::new(next())?;
    let last = next().parse().ok()?;
    let without = next().parse().ok()?;
    let versions = Some(next()).filter(|text| !text.is_empty());
    let flag = next();
    let rewrite = Rewrite::new(next(), kind);
    let instead = next();
    let stand_in = Some(next()).filter(|text| !text.is_empty());
    let when = When::new(next())?;
    Some(Removal {
        symbol,
        kind,
        owner,
        last,
        without,
        versions,
        rewrite,
        instead,
        stand_in,
        distinct: flag == "distinct",
        then: flag.strip_prefix("then=").unwrap_or_default(),
        when,
    })
}

/// One line of `api-additions.tsv`.
fn addition(line: &'static str) -> Option<Addition> {
    let mut columns = line.split('\t');
    let mut next = || columns.next().unwrap_or_default();
    Some(Addition {
        symbol: next(),
        owner: Owner::new(next())?,
        last_without: next().parse().ok()?,
        first: next().parse().ok()?,
        stand_in: Some(next()).filter(|text| !text.is_empty()),
    })
}

impl RemovalKind {
    fn new(word: &str) -> Option<Self> {
        Some(match word {
            "module" => Self::Module,
            "attribute" => Self::Attribute,
            "method" => Self::Method,
            "argument" => Self::Argument,
            "call" => Self::Call,
            "behaviour" => Self::Behaviour,
            _ => return None,
        })
    }
}

impl Rewrite {
    fn new(text: &'static str, kind: RemovalKind) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        Some(match (text.strip_prefix('='), kind) {
            (Some(value), _) => Self::Value(value),
            (None, RemovalKind::Method | RemovalKind::Argument) => Self::Member(text),
            (None, _) => Self::Name(text),
        })
    }
}

impl When {
    /// `0:name=pattern`, `0!=pattern`, `!keyword`, `unpack=4`, with `,` between.
    fn new(text: &'static str) -> Option<Self> {
        let parts = text.split(',').filter(|part| !part.is_empty());
        let conditions: Option<Vec<Condition>> = parts.map(Condition::new).collect();
        Some(Self {
            conditions: conditions?,
        })
    }
}

impl Condition {
    fn new(text: &'static str) -> Option<Self> {
        if let Some(keyword) = text.strip_prefix('!') {
            return Some(Self::Without(keyword));
        }
        let (left, pattern) = text.split_once('=')?;
        if left == "unpack" {
            return Some(Self::Unpacked(pattern.parse().ok()?));
        }
        let (left, fits) = match left.strip_suffix('!') {
            Some(left) => (left, false),
            None => (left, true),
        };
        let (position, keyword) = match left.split_once(':') {
            Some((position, keyword)) => (position, Some(keyword)),
            None => (left, None),
        };
        Some(Self::Text {
            position: position.parse().ok()?,
            keyword,
            pattern,
            fits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line of the table must be, as the reader takes only what it understands.
    #[test]
    fn every_row_is_whole() {
        let text = include_str!("../data/api-removals.tsv");
        let mut before = ("", "");
        for line in text.lines() {
            let removal = row(line).unwrap_or_else(|| panic!("not understood: {line}"));
            assert!(removal.last < removal.without, "{line}");
            let specifiers: pinsmith_resolver::VersionSpecifiers =
                removal.specifier().parse().unwrap();
            assert!(specifiers.contains(&removal.last), "{line}");
            assert!(!specifiers.contains(&removal.without), "{line}");
            let known = match &removal.owner {
                Owner::Python => true,
                Owner::Distribution(name) => crate::requirements::is_known_distribution(name),
            };
            assert!(known, "no such distribution: {line}");
            let key = (removal.symbol, line.split('\t').nth(1).unwrap());
            assert!(before < key, "{key:?} after {before:?}");
            before = key;
            assert!(
                removal.when.conditions.is_empty() || removal.keyword().is_none(),
                "{line}"
            );
            assert!(line.split('\t').count() <= 11, "{line}");
        }
        assert_eq!(removals().len(), text.lines().count());
    }

    #[test]
    fn every_addition_is_whole() {
        let text = include_str!("../data/api-additions.tsv");
        let mut before = "";
        for line in text.lines() {
            let row = addition(line).unwrap_or_else(|| panic!("not understood: {line}"));
            assert!(row.last_without < row.first, "{line}");
            assert!(before < row.symbol, "{line}");
            if let Owner::Distribution(name) = &row.owner {
                assert!(crate::requirements::is_known_distribution(name), "{line}");
            }
            // what is gone again bounds by its own row
            let gone = removals()
                .iter()
                .find(|removal| removal.symbol == row.symbol);
            assert!(gone.is_none_or(|gone| gone.last >= row.first), "{line}");
            before = row.symbol;
        }
        assert_eq!(additions().len(), text.lines().count());
    }
}
