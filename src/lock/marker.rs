//! Markers in a lock: PEP 508 plus `extras` and `dependency_groups` (PEP 751).

use std::fmt;
use std::str::FromStr;

use pinsmith_resolver::{MarkerEnvironment, MarkerTree, Target};

/// A marker as a lock file holds it.
///
/// `pep508_rs` does not know `in extras` and `in dependency_groups`, which PEP 751 adds, so the
/// text is kept; it is one line without control characters.
///
/// ```
/// use pinsmith::lock::LockMarker;
/// assert!(LockMarker::new("python_version >= '3.11'").is_ok());
/// assert!(LockMarker::new("'dev' in dependency_groups").unwrap().selects_groups());
/// assert!(LockMarker::new("python_version >= '3.11'\nevil").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockMarker(String);

/// A text that is no marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a marker")]
pub struct LockMarkerError {
    /// The text, made visible.
    pub text: String,
}

impl LockMarker {
    /// Longest marker that is taken, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Most opening parentheses of a marker that is taken.
    pub const MAX_PARENTHESES: usize = 512;

    /// Takes a marker of PEP 508, or one that uses `extras` or `dependency_groups`.
    pub fn new(text: &str) -> Result<Self, LockMarkerError> {
        let marker = Self(text.to_owned());
        // the parser recurses on parentheses without end
        let flat = text.matches('(').count() <= Self::MAX_PARENTHESES;
        let plain = crate::escape::is_plain(text) && text.len() <= Self::MAX_LEN && flat;
        let known = || {
            marker.tree().is_some() || (marker.selects_groups() && !text.contains(['#', ';', '\\']))
        };
        if plain && !text.trim().is_empty() && known() {
            Ok(marker)
        } else {
            Err(LockMarkerError {
                text: crate::escape::visible(text).into_owned(),
            })
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it asks for extras or groups, which a requirements file cannot express.
    pub fn selects_groups(&self) -> bool {
        let word = |word: &str| {
            self.0
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .any(|part| part == word)
        };
        word("extras") || word("dependency_groups")
    }

    /// Whether it holds in an environment; `None` when it asks for extras or groups.
    pub fn holds_in(&self, environment: &MarkerEnvironment) -> Option<bool> {
        self.tree().map(|tree| tree.evaluate(environment, &[]))
    }

    fn tree(&self) -> Option<MarkerTree> {
        MarkerTree::from_str(&self.0).ok()
    }
}

impl fmt::Display for LockMarker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The marker that holds on a target and on no other that pinsmith knows.
///
/// The accelerator and the libc floor are not part of it: no marker can express them.
///
/// ```
/// use pinsmith::lock::environment_marker;
/// let marker = environment_marker(&pinsmith_resolver::Target::linux_x86_64((3, 11)));
/// assert_eq!(
///     marker.as_str(),
///     "implementation_name == 'cpython' and sys_platform == 'linux' \
///      and platform_machine == 'x86_64' and python_version == '3.11'",
/// );
/// ```
pub fn environment_marker(target: &Target) -> LockMarker {
    let [platform, machine, python] = clauses(target);
    LockMarker(format!(
        "implementation_name == 'cpython' and {platform} and {machine} and {python}"
    ))
}

/// The marker that separates `some` targets from the rest of `all`; only what varies is named.
pub(super) fn subset_marker(some: &[&Target], all: &[Target]) -> Option<LockMarker> {
    if some.len() == all.len() {
        return None;
    }
    let all: Vec<[String; 3]> = all.iter().map(clauses).collect();
    let varies: Vec<usize> = (0..3)
        .filter(|&part| all.iter().any(|clauses| clauses[part] != all[0][part]))
        .collect();
    let alternatives: Vec<String> = some
        .iter()
        .map(|target| {
            let clauses = clauses(target);
            let parts: Vec<&str> = varies.iter().map(|&part| clauses[part].as_str()).collect();
            parts.join(" and ")
        })
        .collect();
    let text = match alternatives.as_slice() {
        [one] => one.clone(),
        several if varies.len() > 1 => format!("({})", several.join(") or (")),
        several => several.join(" or "),
    };
    Some(LockMarker(text))
}

fn clauses(target: &Target) -> [String; 3] {
    let environment = target.marker_environment();
    [
        format!("sys_platform == '{}'", environment.sys_platform()),
        format!("platform_machine == '{}'", environment.platform_machine()),
        format!(
            "python_version == '{}.{}'",
            target.python.major, target.python.minor
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinsmith_resolver::Platform;

    #[test]
    fn an_environment_marker_holds_only_on_its_target() {
        let targets: Vec<Target> = Platform::ALL
            .into_iter()
            .flat_map(|platform| {
                [(3, 10), (3, 11)].map(|python| Target {
                    platform,
                    ..Target::linux_x86_64(python)
                })
            })
            .collect();
        for one in &targets {
            for other in &targets {
                let holds = environment_marker(one).holds_in(&other.marker_environment());
                assert_eq!(holds, Some(one == other), "{one} against {other}");
            }
        }
    }

    #[test]
    fn a_subset_names_only_what_varies() {
        let all: Vec<Target> = [(3, 10), (3, 11), (3, 12)].map(Target::linux_x86_64).into();
        let text = |some: &[&Target]| subset_marker(some, &all).map(|marker| marker.to_string());
        assert_eq!(text(&[&all[0]]).unwrap(), "python_version == '3.10'");
        assert_eq!(
            text(&[&all[0], &all[2]]).unwrap(),
            "python_version == '3.10' or python_version == '3.12'"
        );
        assert_eq!(text(&[&all[0], &all[1], &all[2]]), None);
    }

    #[test]
    fn what_is_no_marker_is_refused() {
        for text in [
            "",
            "  ",
            "evil",
            "'x' in extras ; y",
            "'x' in extras # y",
            "'x'\u{2028} in extras",
        ] {
            assert!(LockMarker::new(text).is_err(), "{text:?}");
        }
    }
}
