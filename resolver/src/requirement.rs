//! Dependency specifiers (PEP 508), with the repairs that old metadata needs.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use pep508_rs::{MarkerTree, Pep508Url, VersionOrUrl};

/// A dependency specifier (PEP 508) whose URL is never expanded from the environment.
pub type Requirement = pep508_rs::Requirement<DirectUrl>;

/// The URL of a direct reference, exactly as written.
///
/// Unlike `pep508_rs::VerbatimUrl` it never replaces `${NAME}` by an environment variable: that
/// would leak secrets of whoever reads a stranger's repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirectUrl(String);

impl DirectUrl {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two references name the same thing, whatever case and ending they spell it with.
    ///
    /// ```
    /// use pinsmith_resolver::{parse_requirement, url_of};
    /// let a = parse_requirement("a @ git+https://git.test/x/A.git#egg=a")?.requirement;
    /// let b = parse_requirement("a @ git+https://git.test/x/a")?.requirement;
    /// assert!(url_of(&a).unwrap().is_same_place(url_of(&b).unwrap()));
    /// # Ok::<(), pinsmith_resolver::RequirementError>(())
    /// ```
    pub fn is_same_place(&self, other: &Self) -> bool {
        fn plain(text: &str) -> (String, Vec<&str>) {
            let (place, fragment) = text.split_once('#').unwrap_or((text, ""));
            let place = place.to_ascii_lowercase().replace(".git@", "@");
            let place = place.trim_end_matches('/');
            let place = place.strip_suffix(".git").unwrap_or(place).to_owned();
            let mut parts: Vec<&str> = fragment
                .split('&')
                .filter(|part| !part.is_empty() && !part.starts_with("egg="))
                .collect();
            parts.sort_unstable();
            (place, parts)
        }
        plain(&self.0) == plain(&other.0)
    }
}

impl fmt::Display for DirectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pep508Url for DirectUrl {
    type Err = Infallible;

    fn parse_url(url: &str, _working_dir: Option<&Path>) -> Result<Self, Infallible> {
        Ok(Self(url.to_owned()))
    }
}

/// A requirement and whether its text had to be repaired first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedRequirement {
    /// The requirement.
    pub requirement: Requirement,
    /// True when a known legacy form was rewritten, such as `torch (>=1.9.*)`.
    pub repaired: bool,
}

/// A text that is no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a requirement: {reason}")]
pub struct RequirementError {
    /// The text as given.
    pub text: String,
    /// What is wrong with it, in lower case.
    pub reason: String,
}

/// Reads a dependency specifier (PEP 508), repairing forms that old releases are full of.
///
/// Repairs: `>=1.9.*` becomes `>=1.9` (pytorch-lightning 1.7.7), `>dev` is dropped (celery 4.4.7),
/// a carriage return and a trailing comma are dropped (xformers 0.0.35).
///
/// ```
/// use pinsmith_resolver::parse_requirement;
/// let parsed = parse_requirement("torch (>=1.9.*)")?;
/// assert_eq!(parsed.requirement.to_string(), "torch>=1.9");
/// assert!(parsed.repaired);
/// # Ok::<(), pinsmith_resolver::RequirementError>(())
/// ```
pub fn parse_requirement(text: &str) -> Result<ParsedRequirement, RequirementError> {
    let text = text.trim();
    let refuse = |reason: &str| RequirementError {
        text: text.to_owned(),
        reason: reason.to_owned(),
    };
    admissible(text).map_err(refuse)?;
    let first = match Requirement::from_str(text) {
        Ok(requirement) => {
            return Ok(ParsedRequirement {
                requirement,
                repaired: false,
            });
        }
        Err(error) => error,
    };
    let repaired = repair(text);
    admissible(&repaired).map_err(refuse)?;
    match Requirement::from_str(&repaired) {
        Ok(requirement) if repaired != text => Ok(ParsedRequirement {
            requirement,
            repaired: true,
        }),
        _ => Err(RequirementError {
            text: text.to_owned(),
            reason: first.message.to_string().to_lowercase(),
        }),
    }
}

/// Reads a marker (PEP 508); `None` for what is none, and for what its parser must not see.
///
/// ```
/// use pinsmith_resolver::parse_marker;
/// assert!(parse_marker("python_version < '3.11'").is_some());
/// assert!(parse_marker("python_version < ß").is_none());
/// ```
pub fn parse_marker(text: &str) -> Option<MarkerTree> {
    if text.len() > LONGEST || is_too_deep(text) || is_odd_marker(text) {
        return None;
    }
    MarkerTree::from_str(text).ok()
}

/// The version specifiers of a requirement; empty for none and for a direct URL.
pub fn specifiers_of(requirement: &Requirement) -> VersionSpecifiers {
    match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.clone(),
        _ => VersionSpecifiers::empty(),
    }
}

/// The URL of a direct reference.
pub fn url_of(requirement: &Requirement) -> Option<&DirectUrl> {
    match &requirement.version_or_url {
        Some(VersionOrUrl::Url(url)) => Some(url),
        _ => None,
    }
}

/// The requirement as people write it.
///
/// The parser turns `python_version == '3.12'` (PEP 508) into the equal `python_full_version == '3.12.*'`.
///
/// ```
/// use pinsmith_resolver::{parse_requirement, usual_form};
///
/// let parsed = parse_requirement("numpy<2 ; python_version == '3.12'")?.requirement;
/// assert_eq!(usual_form(&parsed), "numpy<2 ; python_version == '3.12'");
/// # Ok::<(), pinsmith_resolver::RequirementError>(())
/// ```
pub fn usual_form(requirement: &Requirement) -> String {
    const FULL: &str = "python_full_version ";
    let text = requirement.to_string();
    let Some((start, marker)) = text.split_once(" ; ") else {
        return text;
    };
    let mut pieces = marker.split(FULL);
    let mut usual = format!("{start} ; {}", pieces.next().unwrap_or_default());
    for piece in pieces {
        let clause = piece.split_once(" '").and_then(|(operator, rest)| {
            let (version, rest) = rest.split_once('\'')?;
            let minor = match operator {
                "==" | "!=" => version.strip_suffix(".*")?,
                ">=" | "<" => version,
                _ => return None,
            };
            let is_minor = minor.split('.').count() == 2;
            is_minor.then(|| format!("python_version {operator} '{minor}'{rest}"))
        });
        usual.push_str(&clause.unwrap_or_else(|| format!("{FULL}{piece}")));
    }
    usual
}

/// Whether the requirement is a direct reference.
pub(crate) fn is_url(requirement: &Requirement) -> bool {
    url_of(requirement).is_some()
}

/// Longest requirement that is read, in bytes; the longest real ones have a few hundred.
const LONGEST: usize = 8192;

/// Deepest nesting of parentheses that is read.
const DEEPEST: usize = 64;

/// Refuses what `pep508_rs` must not see: its marker parser recurses on parentheses without end, and
/// a name or extra that ends in punctuation (`numpy->=1`, `a[b-]`) makes it panic, as does a cut within a character.
fn admissible(text: &str) -> Result<(), &'static str> {
    if text.len() > LONGEST {
        return Err("it is too long");
    }
    if is_too_deep(text) {
        return Err("it is nested too deep");
    }
    if has_open_name(text) {
        return Err("a name in it ends in punctuation");
    }
    if is_odd_head(text) {
        return Err("a character stands before its marker that no name and no version has");
    }
    if text
        .split_once(';')
        .is_some_and(|(_, marker)| is_odd_marker(marker))
    {
        return Err("its marker has a character outside of quotes that no marker has");
    }
    Ok(())
}

fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    })
}

/// Whether a marker has a character beyond ASCII where the parser may cut: outside of quotes, or in quotes that stand
/// at a word, which it takes for a part of that.
fn is_odd_marker(marker: &str) -> bool {
    if marker.is_ascii() {
        return false;
    }
    let mut quote = None;
    let mut before = ' ';
    marker.chars().any(|c| {
        let at_word = before.is_alphanumeric() || matches!(before, '\'' | '"');
        let odd = match quote {
            Some(open) if open == c => {
                quote = None;
                false
            }
            Some(_) => false,
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                at_word
            }
            None => !c.is_ascii() || c.is_alphanumeric() && matches!(before, '\'' | '"'),
        };
        before = c;
        odd
    })
}

/// Whether a character beyond ASCII stands in the name, the extras or the version, at which the parser may cut.
fn is_odd_head(text: &str) -> bool {
    let head = text.split(';').next().unwrap_or_default();
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".-_,[] \t".contains(c);
    let rest = head.trim_start_matches(is_part);
    // an address may have any
    !rest.starts_with('@') && !rest.is_ascii()
}

/// Whether the name or an extra ends in punctuation.
fn has_open_name(text: &str) -> bool {
    let in_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let end = text.find(|c| !in_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let extras = rest.trim_start().strip_prefix('[').unwrap_or_default();
    let extras = extras.split(']').next().unwrap_or_default();
    extras
        .split(|c| !in_name(c))
        .chain([name])
        .any(|name| name.ends_with(['.', '-', '_']))
}

/// Rewrites the version part before any marker; the marker itself stays as it is.
fn repair(text: &str) -> String {
    let (head, marker) = match text.split_once(';') {
        Some((head, marker)) => (head, Some(marker)),
        None => (text, None),
    };
    let operators = ['<', '>', '=', '!', '~'];
    let head = match head.find(operators) {
        Some(start) => {
            let name = head[..start].trim_end().trim_end_matches('(').trim_end();
            let clauses = head[start..].trim().trim_end_matches(')');
            format!("{name}{}", crate::specifier::repair_specifiers(clauses))
        }
        None => head.trim().trim_end_matches(',').to_owned(),
    };
    match marker {
        Some(marker) => format!("{head} ; {}", marker.trim()),
        None => head,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse_marker, parse_requirement, usual_form};

    #[test]
    fn the_usual_form_says_the_same() {
        for (text, expected) in [
            ("a>1", "a>1"),
            (
                "a ; python_version == '3.12'",
                "a ; python_version == '3.12'",
            ),
            (
                "a ; python_version != '3.9' or sys_platform == 'win32'",
                "a ; python_version != '3.9' or sys_platform == 'win32'",
            ),
            (
                "a ; python_version >= '3.9' and python_version < '3.12'",
                "a ; python_version >= '3.9' and python_version < '3.12'",
            ),
            (
                "a ; python_full_version < '3.8.1'",
                "a ; python_full_version < '3.8.1'",
            ),
            (
                "a ; python_full_version == '3.12'",
                "a ; python_full_version == '3.12'",
            ),
            (
                "a ; python_full_version > '3.12'",
                "a ; python_full_version > '3.12'",
            ),
        ] {
            let parsed = parse_requirement(text).unwrap().requirement;
            let usual = usual_form(&parsed);
            assert_eq!(usual, expected);
            assert_eq!(parse_requirement(&usual).unwrap().requirement, parsed);
        }
    }

    #[test]
    fn hostile_texts_are_refused() {
        let deep = format!("a ; {}", "(".repeat(100_000));
        let deep_extra = format!("a[{}]", "b,".repeat(10_000));
        for text in [
            "numpy->=1",
            "a[b-]>=1",
            "0-ⴭ",
            "a_",
            &deep,
            &deep_extra,
            "",
            "\u{0}",
        ] {
            assert!(parse_requirement(text).is_err(), "{text:.40}");
        }
        for text in [
            "ß == 'a'",
            "extra ß 'a'",
            "extra =ß 'a'",
            &"(".repeat(1000),
            "",
        ] {
            assert!(parse_marker(text).is_none(), "{text:.40}");
        }
        assert!(parse_marker("extra == 'ß' or sys_platform == 'ß'").is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9._()\\[\\]<>=!~;'\" @,-]{0,60}|\\PC{0,40}") {
            let _ = parse_requirement(&text);
            let _ = parse_marker(&text);
        }
    }
}
