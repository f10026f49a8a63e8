//! Lag: how many days a pin is behind what could have been installed.

use jiff::Timestamp;
use pep440_rs::Version;

/// Lag of a whole resolution, in days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LagSummary {
    /// Largest lag over the roots.
    pub root_max_days: u32,
    /// Sum of lags over the roots.
    pub root_sum_days: u32,
    /// Sum of lags over all packages.
    pub all_sum_days: u32,
}

/// Lag of `chosen` in whole days, given every eligible release with its first upload.
///
/// The effective date of a version is the earliest upload of any eligible release at or above it,
/// so lag is never negative and never grows with the version, and a late backport gains nothing.
/// `None` when a date that decides is unknown.
///
/// ```
/// use pinsmith_resolver::lag_days;
/// let day = |n: i64| jiff::Timestamp::from_second(n * 86_400).ok();
/// let eligible = [
///     ("1.0".parse()?, day(0)),
///     ("1.0.1".parse()?, day(400)), // a late backport
///     ("2.0".parse()?, day(100)),
/// ];
/// assert_eq!(lag_days(&"1.0.1".parse()?, &eligible), Some(0));
/// assert_eq!(lag_days(&"1.0".parse()?, &eligible), Some(100));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lag_days(chosen: &Version, eligible: &[(Version, Option<Timestamp>)]) -> Option<u32> {
    let effective = |version: &Version| {
        eligible
            .iter()
            .filter(|(other, _)| other >= version)
            .try_fold(None, |earliest: Option<Timestamp>, (_, date)| {
                let date = (*date)?;
                Some(Some(earliest.map_or(date, |earliest| earliest.min(date))))
            })
            .flatten()
    };
    let newest = eligible.iter().map(|(version, _)| version).max()?;
    let seconds = effective(newest)?.as_second() - effective(chosen)?.as_second();
    Some(u32::try_from(seconds.max(0) / 86_400).unwrap_or(u32::MAX))
}
