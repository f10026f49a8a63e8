//! Version specifiers (PEP 440) as ranges for the solver.
//!
//! `pep440_rs` converts too, but loses local versions: its `==2.5.1` does not hold 2.5.1+cu121.
//! Here every range agrees with `VersionSpecifiers::contains`, which a property test shows.

use std::str::FromStr;

use pep440_rs::{Operator, Prerelease, Version, VersionSpecifier, VersionSpecifiers};
use version_ranges::Ranges;

use crate::RequirementError;

/// A clause `===text`: string equality, which a range over versions can only approximate.
///
/// The range of such a clause holds the one version equal to it; whoever chooses candidates must
/// also compare the spelling, since `===1.0` does not match 1.0.0 (PEP 440).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArbitraryEquality(pub Version);

impl ArbitraryEquality {
    /// The `===` clauses of these specifiers.
    pub fn all_of(specifiers: &VersionSpecifiers) -> Vec<Self> {
        specifiers
            .iter()
            .filter(|clause| *clause.operator() == Operator::ExactEqual)
            .map(|clause| Self(clause.version().clone()))
            .collect()
    }

    /// Whether a release spelled like this satisfies the clause.
    pub fn matches(&self, version: &Version) -> bool {
        self.0.to_string() == version.to_string()
    }
}

/// The versions that satisfy all clauses; pre-releases count, admitting them is policy.
///
/// ```
/// use pinsmith_resolver::{Version, VersionSpecifiers, to_ranges};
/// let specifiers: VersionSpecifiers = "==2.5.1".parse()?;
/// let local: Version = "2.5.1+cu121".parse()?;
/// assert!(to_ranges(&specifiers).contains(&local));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_ranges(specifiers: &VersionSpecifiers) -> Ranges<Version> {
    specifiers
        .iter()
        .map(clause_to_ranges)
        .fold(Ranges::full(), |all, clause| all.intersection(&clause))
}

fn clause_to_ranges(clause: &VersionSpecifier) -> Ranges<Version> {
    let version = clause.version().clone();
    match clause.operator() {
        Operator::Equal => equal(version),
        Operator::ExactEqual => Ranges::singleton(version),
        Operator::NotEqual => equal(version).complement(),
        Operator::EqualStar => prefix(&version),
        Operator::NotEqualStar => prefix(&version).complement(),
        Operator::TildeEqual => compatible(&version),
        Operator::GreaterThanEqual => Ranges::higher_than(version),
        Operator::LessThanEqual => Ranges::strictly_lower_than(after_locals(&version)),
        Operator::LessThan if version.any_prerelease() => Ranges::strictly_lower_than(version),
        Operator::LessThan => below(version.without_local()),
        Operator::GreaterThan if version.is_dev() || version.is_post() => {
            Ranges::higher_than(after_locals(&version))
        }
        // `>1.0` excludes 1.0.post1 and 1.0+cu121
        Operator::GreaterThan => Ranges::strictly_higher_than(version.with_max(Some(0))),
    }
}

/// `==V`: V and, when V has no local part, every local build of it.
fn equal(version: Version) -> Ranges<Version> {
    if version.is_local() {
        return Ranges::singleton(version);
    }
    let end = after_locals(&version);
    Ranges::from_range_bounds(version..end)
}

/// The smallest version above V and all of its local builds.
pub(crate) fn after_locals(version: &Version) -> Version {
    let version = version.clone().without_local();
    if let Some(dev) = version.dev() {
        version.with_dev(Some(dev.saturating_add(1)))
    } else if let Some(post) = version.post() {
        version
            .with_post(Some(post.saturating_add(1)))
            .with_dev(Some(0))
    } else {
        version.with_post(Some(0)).with_dev(Some(0))
    }
}

/// `<V` for a V that is no pre-release: without the pre-releases of V's release number.
///
/// `<2.0` excludes 2.0a1 and 2.0.dev1. For a post-release the development releases of the posts
/// between (1.0.post1.dev0 for `<1.0.post2`) stay in, since there is no end to their number.
fn below(version: Version) -> Ranges<Version> {
    let number = version.only_release().with_epoch(version.epoch());
    let lower = Ranges::strictly_lower_than(number.clone().with_min(Some(0)));
    if version.is_post() {
        lower.union(&Ranges::from_range_bounds(
            number..version.with_dev(Some(0)),
        ))
    } else {
        lower
    }
}

/// `==V.*`
fn prefix(version: &Version) -> Ranges<Version> {
    let low = version.clone().without_local().with_dev(Some(0));
    let high = if let Some(post) = low.post() {
        low.clone().with_post(Some(post.saturating_add(1)))
    } else if let Some(Prerelease { kind, number }) = low.pre() {
        low.clone().with_pre(Some(Prerelease {
            kind,
            number: number.saturating_add(1),
        }))
    } else {
        low.clone().with_release(next_release(low.release()))
    };
    Ranges::from_range_bounds(low..high)
}

/// `~=V`: at least V, and the same release number but for its last part.
fn compatible(version: &Version) -> Ranges<Version> {
    let release = version.release();
    let kept = &release[..release.len().saturating_sub(1)];
    let high = Version::new(next_release(kept))
        .with_epoch(version.epoch())
        .with_dev(Some(0));
    Ranges::from_range_bounds(version.clone()..high)
}

fn next_release(release: &[u64]) -> Vec<u64> {
    let mut next = release.to_vec();
    if let Some(last) = next.last_mut() {
        *last = last.saturating_add(1);
    }
    next
}

/// Reads version specifiers, with the same repairs as [`crate::parse_requirement`].
///
/// ```
/// use pinsmith_resolver::parse_specifiers;
/// assert_eq!(parse_specifiers(">=3.5.*")?.to_string(), ">=3.5");
/// # Ok::<(), pinsmith_resolver::RequirementError>(())
/// ```
pub fn parse_specifiers(text: &str) -> Result<VersionSpecifiers, RequirementError> {
    let text = text.trim();
    VersionSpecifiers::from_str(text).or_else(|first| {
        VersionSpecifiers::from_str(&repair_specifiers(text)).map_err(|_| RequirementError {
            text: text.to_owned(),
            reason: first
                .to_string()
                .lines()
                .next()
                .unwrap_or("")
                .to_lowercase(),
        })
    })
}

/// Rewrites legacy clauses; what it does not know stays as it is.
pub(crate) fn repair_specifiers(text: &str) -> String {
    let clauses = text
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty());
    let repaired: Vec<String> = clauses.filter_map(repair_clause).collect();
    repaired.join(",")
}

fn repair_clause(clause: &str) -> Option<String> {
    let end = clause
        .find(|c: char| !"<>=!~".contains(c))
        .unwrap_or(clause.len());
    let (operator, version) = (&clause[..end], clause[end..].trim());
    let version = version.trim_matches(|c| c == '\'' || c == '"');
    if version == "dev" {
        return None;
    }
    match operator {
        ">=" | "<=" | ">" | "<" | "~=" => {
            Some(format!("{operator}{}", version.trim_end_matches(".*")))
        }
        "=" => Some(format!("=={version}")),
        _ => Some(format!("{operator}{version}")),
    }
}

#[cfg(test)]
mod tests;
