//! Conda package names and match specifications in terms of a Python index.

use std::str::FromStr;
use std::sync::LazyLock;

use pinsmith_resolver::PackageName;

use crate::requirements::is_known_distribution;
use crate::requirements::table::Table;

/// Columns: conda name, distribution; an empty distribution means conda only.
static NAMES: LazyLock<Table> =
    LazyLock::new(|| Table::new(include_str!("../../data/conda-names.tsv")));

/// What a conda package is to a Python index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conda {
    /// The interpreter.
    Python,
    /// pip, wheel and the like: part of every environment, nothing that a project needs.
    Tool,
    /// No counterpart, or none that is known.
    Missing,
    /// A distribution.
    Distribution(String),
}

impl Conda {
    /// Looks a conda package up; a name counts as its own distribution only when it is well known.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "python" => return Self::Python,
            "pip" | "wheel" | "conda" | "mamba" => return Self::Tool,
            _ => {}
        }
        if let Some(row) = NAMES.row(name) {
            return match row.column(1) {
                "" => Self::Missing,
                distribution => Self::Distribution(distribution.to_owned()),
            };
        }
        match PackageName::from_str(name) {
            Ok(name) if is_known_distribution(&name) => Self::Distribution(name.to_string()),
            _ => Self::Missing,
        }
    }
}

/// A conda match specification as a requirement of a Python index; `None` when it has none there.
pub(crate) fn as_requirement(text: &str) -> Option<String> {
    let (name, specifier) = match_spec(text)?;
    match Conda::of(&name) {
        Conda::Distribution(name) => Some(format!("{name}{specifier}")),
        Conda::Python | Conda::Tool | Conda::Missing => None,
    }
}

/// Splits `channel::name[=version[=build]]`, `name>=1`, `name 1.2.*` into name and PEP 440 specifier.
///
/// A single `=` is conda's fuzzy match: `=1.2` means `==1.2.*`; with a build string it is exact.
pub(super) fn match_spec(text: &str) -> Option<(String, String)> {
    let text = text.split(['#', '[']).next()?.trim();
    let text = text.rsplit("::").next()?.trim();
    let end = text
        .find(|c: char| "=<>!~ ".contains(c))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    Some((name.to_ascii_lowercase(), specifier(rest.trim())))
}

fn specifier(rest: &str) -> String {
    // alternatives have no PEP 440 form
    if rest.is_empty() || rest.contains('|') {
        return String::new();
    }
    if rest.starts_with("==") {
        return exactly(rest.trim_start_matches('='));
    }
    if let Some(version) = rest.strip_prefix('=') {
        return match version.split_once('=') {
            Some((version, _build)) => exactly(version),
            None => fuzzy(version.trim()),
        };
    }
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return match rest.split_once([' ', '=']) {
            Some((version, _build)) => exactly(version),
            None => exactly(rest),
        };
    }
    rest.split_whitespace().collect()
}

fn exactly(version: &str) -> String {
    let version = version.split(['=', ' ']).next().unwrap_or_default();
    match version {
        "" | "*" => String::new(),
        version => format!("=={version}"),
    }
}

fn fuzzy(version: &str) -> String {
    match version.trim_end_matches(".*").trim_end_matches('*') {
        "" => String::new(),
        version if version.chars().all(|c| c.is_ascii_digit() || c == '.') => {
            format!("=={}.*", version.trim_end_matches('.'))
        }
        version => format!("=={version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn match_specifications_become_pep_440() {
        for (text, name, expected) in [
            ("numpy", "numpy", ""),
            ("numpy=1.19", "numpy", "==1.19.*"),
            ("numpy=1.19.*", "numpy", "==1.19.*"),
            ("numpy==1.19.2", "numpy", "==1.19.2"),
            ("numpy=1.19.2=py38h54aff64_0", "numpy", "==1.19.2"),
            ("numpy 1.19.2", "numpy", "==1.19.2"),
            ("numpy 1.19.*", "numpy", "==1.19.*"),
            ("numpy 1.19.2 py38_0", "numpy", "==1.19.2"),
            ("numpy>=1.19,<2", "numpy", ">=1.19,<2"),
            ("numpy >=1.19, <2", "numpy", ">=1.19,<2"),
            ("conda-forge::numpy=1", "numpy", "==1.*"),
            ("Pillow=8", "pillow", "==8.*"),
            ("pytorch=*=*cuda*", "pytorch", ""),
            ("numpy=1.9|2", "numpy", ""),
        ] {
            let found = match_spec(text).unwrap();
            assert_eq!(found, (name.to_owned(), expected.to_owned()), "{text}");
        }
        assert!(match_spec("").is_none());
        assert!(match_spec("\u{1b}[0m").is_none());
    }

    #[test]
    fn conda_names_are_sorted_and_normalised() {
        NAMES.check_sorted();
        for row in NAMES.rows() {
            let distribution = row.column(1);
            if !distribution.is_empty() {
                let name = PackageName::from_str(distribution).unwrap();
                assert_eq!(name.as_ref(), distribution);
            }
        }
        assert_eq!(
            Conda::of("pytorch"),
            Conda::Distribution("torch".to_owned())
        );
        assert_eq!(Conda::of("cudatoolkit"), Conda::Missing);
        assert_eq!(Conda::of("numpy"), Conda::Distribution("numpy".to_owned()));
        assert_eq!(Conda::of("nobody-knows-this"), Conda::Missing);
    }
}
