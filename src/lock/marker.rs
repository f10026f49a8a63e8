//! Markers in a lock: PEP 508 plus `extras` and `dependency_groups` (PEP 751).

mod parse;
mod separate;

use std::collections::BTreeSet;
use std::fmt;

use pinsmith_resolver::{MarkerEnvironment, Target};

pub(super) use parse::Expression;
pub(super) use separate::{Need, marker_for, separating};

/// A marker as a lock file holds it.
///
/// `pep508_rs` does not know `in extras` and `in dependency_groups`, which PEP 751 adds, so those
/// parts are read here and the rest is handed to it. The text is one line without control
/// characters.
///
/// ```
/// use pinsmith::lock::{LockMarker, Selection};
/// use pinsmith_resolver::Target;
/// let marker = LockMarker::new("python_version >= '3.11' and 'dev' in dependency_groups")?;
/// let environment = Target::linux_x86_64((3, 11)).marker_environment();
/// assert!(!marker.holds(&environment, &Selection::default()));
/// assert!(marker.holds(&environment, &Selection::of(&[], &["dev"])));
/// assert!(LockMarker::new("python_version >= '3.11'\nevil").is_err());
/// # Ok::<(), pinsmith::lock::LockMarkerError>(())
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

/// Which extras and dependency groups of a lock are wanted besides what is always installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// Nothing else.
    #[default]
    Default,
    /// These, by their normal names.
    Some {
        /// Extras.
        extras: BTreeSet<String>,
        /// Dependency groups (PEP 735).
        groups: BTreeSet<String>,
    },
    /// Everything that the lock has.
    Everything,
}

impl Selection {
    /// These extras and these dependency groups.
    pub fn of(extras: &[&str], groups: &[&str]) -> Self {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self::Some {
            extras: set(extras),
            groups: set(groups),
        }
    }

    /// Whether an extra is wanted.
    pub fn has_extra(&self, name: &str) -> bool {
        match self {
            Self::Default => false,
            Self::Some { extras, .. } => extras.contains(name),
            Self::Everything => true,
        }
    }

    /// Whether a dependency group is wanted.
    pub fn has_group(&self, name: &str) -> bool {
        match self {
            Self::Default => false,
            Self::Some { groups, .. } => groups.contains(name),
            Self::Everything => true,
        }
    }
}

impl LockMarker {
    /// Longest marker that is taken, in bytes.
    pub const MAX_LEN: usize = 64 * 1024;

    /// Most opening parentheses of a marker that is taken.
    pub const MAX_PARENTHESES: usize = 512;

    /// Takes a marker of PEP 508, or one that uses `extras` or `dependency_groups`.
    pub fn new(text: &str) -> Result<Self, LockMarkerError> {
        // the parsers recurse on parentheses
        let flat = text.matches('(').count() <= Self::MAX_PARENTHESES;
        let plain = crate::escape::is_plain(text) && text.len() <= Self::MAX_LEN && flat;
        if plain && Expression::parse(text).is_some() {
            Ok(Self(text.to_owned()))
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
        self.expression().is_some_and(|tree| tree.selects_groups())
    }

    /// Whether it holds in an environment for what is wanted.
    pub fn holds(&self, environment: &MarkerEnvironment, selection: &Selection) -> bool {
        self.expression()
            .is_some_and(|tree| tree.holds(environment, selection))
    }

    /// The extras and the groups that it names.
    pub fn names(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let mut names = (BTreeSet::new(), BTreeSet::new());
        if let Some(tree) = self.expression() {
            tree.collect_names(&mut names);
        }
        names
    }

    fn expression(&self) -> Option<Expression> {
        Expression::parse(&self.0)
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
    let environment = target.marker_environment();
    // which is empty in Python 2
    let cpython = match environment.implementation_name() {
        "" => "platform_python_implementation == 'CPython'",
        _ => "implementation_name == 'cpython'",
    };
    LockMarker(format!(
        "{cpython} and sys_platform == '{}' and platform_machine == '{}' \
         and python_version == '{}.{}'",
        environment.sys_platform(),
        environment.platform_machine(),
        target.python.major,
        target.python.minor
    ))
}

#[cfg(test)]
mod tests;
