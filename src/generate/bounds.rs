//! Which versions a requirement should allow, given the one that was chosen.

use pinsmith_resolver::Version;

/// How requirements are bounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bounds {
    /// From the chosen minor version on: `>=2.9`.
    Lower,
    /// The same, below the next version that may break: `>=2.9,<3`.
    #[default]
    Compatible,
    /// Just the chosen version: `==2.9.1`.
    Exact,
    /// No bound.
    None,
}

/// The first year that is taken for one in a version: `2026.11` is a date and promises nothing.
const FIRST_YEAR: u64 = 1990;

/// The specifiers (PEP 440) that a chosen version stands for; empty for [`Bounds::None`].
///
/// Below version 1 the next minor may break. A version that is a date has no upper bound.
/// A pre-release is its own lower bound, since `>=2.0` would leave it out.
///
/// ```
/// use pinsmith::generate::{Bounds, bounded};
/// assert_eq!(bounded(&"2.9.1+cu128".parse()?, Bounds::Compatible), ">=2.9,<3");
/// assert_eq!(bounded(&"0.42.1".parse()?, Bounds::Compatible), ">=0.42,<0.43");
/// assert_eq!(bounded(&"2026.11.15".parse()?, Bounds::Compatible), ">=2026.11");
/// # Ok::<(), pep440_rs::VersionParseError>(())
/// ```
pub fn bounded(version: &Version, bounds: Bounds) -> String {
    let release = version.release();
    let part = |index: usize| release.get(index).copied().unwrap_or(0);
    let (major, minor) = (part(0), part(1));
    let epoch = match version.epoch() {
        0 => String::new(),
        epoch => format!("{epoch}!"),
    };
    let public = || version.clone().without_local();
    let lower = if version.any_prerelease() {
        format!(">={}", public())
    } else {
        format!(">={epoch}{major}.{minor}")
    };
    match bounds {
        Bounds::None => String::new(),
        Bounds::Exact => format!("=={}", public()),
        Bounds::Lower => lower,
        Bounds::Compatible if major >= FIRST_YEAR => lower,
        Bounds::Compatible if major == 0 => {
            format!("{lower},<{epoch}0.{}", minor.saturating_add(1))
        }
        Bounds::Compatible => format!("{lower},<{epoch}{}", major.saturating_add(1)),
    }
}
