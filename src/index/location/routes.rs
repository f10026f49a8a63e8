//! Which packages come from which index alone: `--index-for` and pinsmith's own configuration.
//!
//! The user's file is `pinsmith/config.toml` in the folder for configurations
//! (`~/.config`, `%APPDATA%`), the system's is `/etc/pinsmith/config.toml`:
//!
//! ```toml
//! [[index]]
//! url = "https://index.test/corp/"
//! packages = ["corp-*", "our-model"]
//! ```

use std::str::FromStr;

use pinsmith_resolver::PackageName;
use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::index::codes;

use super::{IndexUrl, LocationError, LocationFlags, Place};

/// Packages that are asked of one index only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which.
    pub packages: Vec<PackagePattern>,
    /// Where they come from, and from nowhere else.
    pub index: IndexUrl,
}

/// A name of a package, or the beginning of names.
///
/// ```
/// use pinsmith::index::location::PackagePattern;
/// let pattern: PackagePattern = "Corp_*".parse()?;
/// assert!(pattern.matches(&"corp-vision".parse()?) && !pattern.matches(&"corpus".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagePattern {
    start: String,
    is_prefix: bool,
}

impl PackagePattern {
    /// Whether a package is meant.
    pub fn matches(&self, name: &PackageName) -> bool {
        let name = name.as_ref();
        name == self.start || self.is_prefix && name.starts_with(&self.start)
    }
}

impl FromStr for PackagePattern {
    type Err = String;

    /// A name, or a name with one `*` at its end.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a name nor the beginning of one with a `*`");
        let (start, is_prefix) = match text.trim().strip_suffix('*') {
            Some(start) => (start, true),
            None => (text.trim(), false),
        };
        // a name may not end in a dash, a beginning may
        let (name, dash) = match start.strip_suffix(['-', '_', '.']) {
            Some(name) if is_prefix => (name, "-"),
            _ => (start, ""),
        };
        let name = PackageName::from_str(name).map_err(|_| wrong())?;
        if name.as_ref().is_empty() {
            return Err(wrong());
        }
        Ok(Self {
            start: format!("{name}{dash}"),
            is_prefix,
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    index: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: String,
    packages: Vec<String>,
}

/// The routes of the flags, then of the user's file, then of the system's; the first that fits wins.
pub(super) fn read(
    flags: &LocationFlags,
    place: &Place<'_>,
    notes: &mut Vec<Diagnostic>,
) -> Result<Vec<Route>, LocationError> {
    let mut routes = Vec::new();
    for text in &flags.index_for {
        let (package, url) = text.split_once('=').unwrap_or((text, ""));
        routes.push(route(&[package.to_owned()], url, "from --index-for")?);
    }
    let labels = [
        "the user's pinsmith/config.toml",
        "the system's pinsmith/config.toml",
    ];
    for (folder, label) in place.configuration_folders().into_iter().zip(labels) {
        let path = folder.map(|folder| folder.join("pinsmith").join("config.toml"));
        let Some(text) = path.and_then(|path| place.text(&path)) else {
            continue;
        };
        match toml::from_str::<File>(&text) {
            Ok(file) => {
                for entry in file.index {
                    routes.push(route(
                        &entry.packages,
                        &entry.url,
                        &format!("from {label}"),
                    )?);
                }
            }
            // going on without it could take a private name from the public index
            Err(error) => {
                return Err(LocationError::InvalidRoute {
                    origin: label.to_owned(),
                    reason: error.message().to_owned(),
                });
            }
        }
    }
    for route in routes.iter().filter(|route| route.packages.is_empty()) {
        let message = format!("the index {} is for no packages", route.index);
        notes.push(Diagnostic::warning(codes::UNREADABLE_CONFIG, message));
    }
    Ok(routes)
}

fn route(packages: &[String], url: &str, origin: &str) -> Result<Route, LocationError> {
    let packages = packages.iter().map(|package| package.parse());
    let packages = packages.collect::<Result<_, String>>();
    Ok(Route {
        packages: packages.map_err(|reason| LocationError::InvalidRoute {
            origin: origin.to_owned(),
            reason,
        })?,
        index: IndexUrl::parse(url, origin)?,
    })
}
