//! `--as-of-package`: the instant that counts for one package.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use pinsmith_resolver::{PackageName, Timestamp};

use crate::config::{AS_OF_FORMS, AsOf, as_of_at};

/// An instant up to which the files of one package count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOfPackage {
    /// The package.
    pub package: PackageName,
    /// The instant.
    pub as_of: AsOf,
}

impl FromStr for AsOfPackage {
    type Err = String;

    /// `torch=2024-03-01`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("write PACKAGE=DATE; for the date {AS_OF_FORMS}");
        let (package, text) = text.split_once('=').ok_or_else(wrong)?;
        // which the parser of names takes for a name
        if package.is_empty() {
            return Err(wrong());
        }
        let as_of = as_of_at(text, Timestamp::now()).ok_or_else(wrong)?;
        let package = package.parse().map_err(|_| wrong())?;
        Ok(Self { package, as_of })
    }
}

impl fmt::Display for AsOfPackage {
    /// As one would type it again, whenever that is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.package, self.as_of.text)
    }
}

/// The instants by package; the last one counts, as everywhere on a command line.
pub(in crate::cli) fn instants(all: &[AsOfPackage]) -> BTreeMap<PackageName, Timestamp> {
    all.iter()
        .map(|one| (one.package.clone(), one.as_of.instant))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_for_one_package() {
        for (text, expected) in [
            ("torch=2024-03-01", Some("torch=2024-03-01")),
            (
                "Torch_Vision=2024-03-01T00:00:00Z",
                Some("torch-vision=2024-03-01T00:00:00Z"),
            ),
            ("2024-03-01", None),
            ("torch=", None),
            ("=2024-03-01", None),
            ("torch=x=2024-03-01", None),
        ] {
            let found: Option<AsOfPackage> = text.parse().ok();
            let shown = found.as_ref().map(ToString::to_string);
            assert_eq!(shown.as_deref(), expected, "{text}");
            let again = shown.and_then(|shown| shown.parse().ok());
            assert_eq!(again, found, "{text}");
        }
    }
}
