//! Core metadata (`METADATA`, `PKG-INFO`), bytes to fields. Pure.

use std::str::FromStr;

use pinsmith_resolver::{
    CoreMetadata, ExtraName, PackageName, Trust, Version, parse_requirement, parse_specifiers,
};

/// Core metadata with the two fields that decide whether an sdist's can be trusted (PEP 643).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedMetadata {
    /// `Metadata-Version`, such as `(2, 2)`.
    pub metadata_version: (u16, u16),
    /// `Dynamic` fields, in lower case, in file order.
    pub dynamic: Vec<String>,
    /// The fields that resolving needs; marked [`Trust::Static`], which a reader of sdists may lower.
    pub core: CoreMetadata,
}

/// Bytes that are no core metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A field without which nothing can be said.
    #[error("the metadata has no {field} field")]
    Missing {
        /// `Metadata-Version`, `Name` or `Version`.
        field: &'static str,
    },
    /// A field whose value cannot be read.
    #[error("the metadata's {field} `{value}` cannot be read")]
    Unreadable {
        /// The field's name.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// Reads core metadata: header lines up to the first blank one.
///
/// Tolerant where old files need it: CRLF and stray carriage returns, folded lines, bytes that are
/// not UTF-8. `Requires-Dist` lines that cannot be read even after the known repairs are collected
/// in [`CoreMetadata::unreadable`]; an unreadable `Requires-Python` is ignored, as pip does.
///
/// ```
/// use pinsmith::index::metadata::parse_metadata;
/// let parsed = parse_metadata(b"Metadata-Version: 2.1\nName: x\nVersion: 1\nRequires-Dist: torch (>=1.9.*)\n\nbody")?;
/// assert_eq!(parsed.core.requires_dist[0].to_string(), "torch>=1.9");
/// # Ok::<(), pinsmith::index::metadata::MetadataError>(())
/// ```
///
/// # Errors
/// [`MetadataError`] when `Metadata-Version`, `Name` or `Version` is missing or unreadable.
pub fn parse_metadata(bytes: &[u8]) -> Result<ParsedMetadata, MetadataError> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut fields = Fields::default();
    for (name, value) in headers(text) {
        fields.add(&name, &value);
    }
    fields.finish()
}

/// The fields of core metadata that [`parse_metadata`] reads, as core metadata of their own.
///
/// What remains of a file with a long description is little, and says the same.
///
/// ```
/// use pinsmith::index::metadata::essentials;
/// let file = b"Metadata-Version: 2.1\nName: x\nVersion: 1\nSummary: y\nRequires-Dist: a\n\nlong text";
/// assert_eq!(essentials(file), b"metadata-version: 2.1\nname: x\nversion: 1\nrequires-dist: a\n");
/// ```
pub fn essentials(bytes: &[u8]) -> Vec<u8> {
    const WANTED: [&str; 7] = [
        "metadata-version",
        "name",
        "version",
        "requires-python",
        "requires-dist",
        "provides-extra",
        "dynamic",
    ];
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let wanted = headers(text)
        .into_iter()
        .filter(|(name, _)| WANTED.contains(&name.as_str()));
    wanted
        .flat_map(|(name, value)| [name, ": ".to_owned(), value, "\n".to_owned()])
        .collect::<String>()
        .into_bytes()
}

/// The addresses that core metadata names: `Home-page`, `Download-URL` and `Project-URL`, in order.
///
/// ```
/// use pinsmith::index::metadata::project_urls;
/// let file = b"Metadata-Version: 2.1\nProject-URL: Source, https://github.com/a/b\n\ntext";
/// assert_eq!(project_urls(file), ["https://github.com/a/b"]);
/// ```
pub fn project_urls(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let url = |(name, value): (String, String)| match name.as_str() {
        "home-page" | "download-url" => Some(value.trim().to_owned()),
        "project-url" => Some(value.split_once(',')?.1.trim().to_owned()),
        _ => None,
    };
    let mut urls: Vec<String> = headers(text).into_iter().filter_map(url).collect();
    urls.retain(|url| url.contains("://"));
    urls.truncate(32);
    urls
}

#[derive(Default)]
struct Fields {
    metadata_version: Option<String>,
    name: Option<String>,
    version: Option<String>,
    requires_python: Option<String>,
    requires_dist: Vec<pinsmith_resolver::Requirement>,
    unreadable: Vec<String>,
    provides_extra: Vec<ExtraName>,
    dynamic: Vec<String>,
}

impl Fields {
    fn add(&mut self, name: &str, value: &str) {
        let once = |slot: &mut Option<String>| {
            slot.get_or_insert_with(|| value.to_owned());
        };
        match name {
            "metadata-version" => once(&mut self.metadata_version),
            "name" => once(&mut self.name),
            "version" => once(&mut self.version),
            "requires-python" => once(&mut self.requires_python),
            "requires-dist" => {
                let read = parse_requirement(value).or_else(|error| {
                    let without = without_legacy_versions(value).ok_or(error)?;
                    parse_requirement(&without)
                });
                match read {
                    Ok(parsed) => self.requires_dist.push(parsed.requirement),
                    Err(_) => self.unreadable.push(value.to_owned()),
                }
            }
            "provides-extra" => {
                self.provides_extra.extend(ExtraName::from_str(value).ok());
            }
            "dynamic" => self.dynamic.push(value.to_ascii_lowercase()),
            _ => {}
        }
    }

    fn finish(self) -> Result<ParsedMetadata, MetadataError> {
        let metadata_version = required("Metadata-Version", self.metadata_version, |text| {
            let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
            Some((major.parse().ok()?, minor.parse().ok()?))
        })?;
        let name = required("Name", self.name, |text| PackageName::from_str(text).ok())?;
        let version = required("Version", self.version, |text| Version::from_str(text).ok())?;
        Ok(ParsedMetadata {
            metadata_version,
            dynamic: self.dynamic,
            core: CoreMetadata {
                name,
                version,
                requires_dist: self.requires_dist,
                requires_python: self
                    .requires_python
                    .filter(|text| !text.is_empty())
                    .and_then(|text| parse_specifiers(&text).ok()),
                provides_extra: self.provides_extra,
                unreadable: self.unreadable,
                trust: Trust::Static,
            },
        })
    }
}

fn required<T>(
    field: &'static str,
    value: Option<String>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<T, MetadataError> {
    let value = value.ok_or(MetadataError::Missing { field })?;
    read(&value).ok_or(MetadataError::Unreadable { field, value })
}

/// A requirement without those of its clauses that name no version of PEP 440: `pytz (>=2011k)` is
/// `pytz`. What old pip compared as text cannot be compared today, but the distribution is still needed.
fn without_legacy_versions(requirement: &str) -> Option<String> {
    let (head, marker) = match requirement.split_once(';') {
        Some((head, marker)) => (head, Some(marker)),
        None => (requirement, None),
    };
    let at = head.find(['(', '<', '>', '=', '!', '~'])?;
    let (name, clauses) = head.split_at(at);
    let clauses = clauses.trim_matches(['(', ')', ' ']).split(',');
    let kept: Vec<&str> = clauses
        .filter(|clause| parse_specifiers(clause.trim()).is_ok())
        .collect();
    let marker = marker.map(|marker| format!(" ;{marker}"));
    Some(format!(
        "{}{}{}",
        name.trim(),
        kept.join(","),
        marker.unwrap_or_default()
    ))
}

/// Header fields with lower-case names and unfolded, trimmed values.
fn headers(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.split('\n') {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ParsedMetadata {
        parse_metadata(text.as_bytes()).unwrap()
    }

    #[test]
    fn reads_the_fields_and_stops_at_the_blank_line() {
        let parsed = parse(
            "Metadata-Version: 2.4\nName: Flask_Login\nVersion: 1.0\nDynamic: Requires-Dist\n\
             Requires-Python: >=3.8\nProvides-Extra: Some.Extra\nRequires-Dist: a\n\
             Requires-Dist: b ; extra == 'some-extra'\n\nRequires-Dist: not-me\n",
        );
        assert_eq!(parsed.metadata_version, (2, 4));
        assert_eq!(parsed.dynamic, ["requires-dist"]);
        assert_eq!(parsed.core.name.to_string(), "flask-login");
        assert_eq!(parsed.core.requires_dist.len(), 2);
        assert_eq!(parsed.core.provides_extra[0].to_string(), "some-extra");
        assert_eq!(parsed.core.requires_python.unwrap().to_string(), ">=3.8");
    }

    /// T12, T13, T14: what old releases really contain.
    #[test]
    fn repairs_legacy_requirements() {
        let parsed = parse(
            "Metadata-Version: 2.1\r\nName: x\r\nVersion: 1\r\nRequires-Dist: torch (>=1.9.*)\r\n\
             Requires-Dist: pytz (>dev)\r\nRequires-Dist: foo (>=1,<2,)\r\n\
             Requires-Dist: torch>=2.10\r\r\nRequires-Dist: ???\r\n\
             Requires-Dist: pytz (>=2011k)\r\nRequires-Dist: bar[baz]<2,>=1.x ; extra == 'y'\r\n\r\nbody",
        );
        let read: Vec<String> = parsed
            .core
            .requires_dist
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = [
            "torch>=1.9",
            "pytz",
            "foo>=1,<2",
            "torch>=2.10",
            "pytz",
            "bar[baz]<2 ; extra == 'y'",
        ];
        assert_eq!(read, expected);
        assert_eq!(parsed.core.unreadable, ["???"]);
    }

    #[test]
    fn unfolds_and_survives_other_encodings() {
        let parsed = parse_metadata(
            b"Metadata-Version: 2.1\nName: x\nVersion: 1\nAuthor: Caf\xe9\n\
              Requires-Dist: a\n  >=1\nRequires-Python: nonsense\n",
        )
        .unwrap();
        assert_eq!(parsed.core.requires_dist[0].to_string(), "a>=1");
        assert_eq!(parsed.core.requires_python, None);
    }

    #[test]
    fn an_error_page_is_no_metadata() {
        let error = parse_metadata(b"<html>\n<title>Sign in: here</title>").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the metadata has no Metadata-Version field"
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, text in "(Name|Version|Requires-Dist|Dynamic|[ \t])?:? ?.{0,30}\n?") {
            drop(parse_metadata(&bytes));
            let text = format!("Metadata-Version: 2.1\nName: a\nVersion: 1\n{text}\n\nbody");
            let essential = essentials(text.as_bytes());
            proptest::prop_assert_eq!(parse_metadata(&essential), parse_metadata(text.as_bytes()));
            drop(parse_metadata(format!("Metadata-Version: 2.1\nName: a\nVersion: 1\n{text}").as_bytes()));
        }
    }
}
