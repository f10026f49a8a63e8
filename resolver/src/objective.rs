//! Lag: how many days a pin is behind what could have been installed.

use jiff::Timestamp;
use pep440_rs::Version;
use serde::{Deserialize, Serialize};

/// Lag of a whole resolution, in days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagSummary {
    /// Largest lag over the roots.
    pub root_max_days: u32,
    /// Sum of lags over the roots.
    pub root_sum_days: u32,
    /// Sum of lags over all packages.
    pub all_sum_days: u32,
}

/// Lag of each release in whole days, for releases in ascending order.
///
/// A release is its version, its first upload, and whether it counts (unyanked, final where there
/// is a final one). The effective date of a version is the earliest upload of any counting release
/// at or above it; lag is the effective date of the newest counting release minus that of the
/// version. So lag is never negative and never grows with the version, and a late backport gains
/// nothing. Among releases that do not count, which are taken for want of others, the earliest of
/// all releases at or above decides, so theirs does not grow either. `None` where a date that decides is unknown, or where nothing counts.
pub(crate) fn lags(releases: &[(&Version, Option<Timestamp>, bool)]) -> Vec<Option<u32>> {
    let newest = releases.iter().rev().find(|(_, _, counts)| *counts);
    let Some(newest) = newest.and_then(|(_, date, _)| *date) else {
        return vec![None; releases.len()];
    };
    let mut lags = Vec::with_capacity(releases.len());
    // the earliest counting upload so far, from the top; `None` once a date is missing
    let mut earliest = Some(Timestamp::MAX);
    // the same of those that do not count, as far as dates are known
    let mut others = Timestamp::MAX;
    for (_, date, counts) in releases.iter().rev() {
        let mut own = match (earliest, date) {
            (Some(earliest), Some(date)) => Some(earliest.min(*date)),
            _ => None,
        };
        if *counts {
            earliest = own;
        } else {
            own = own.map(|own| own.min(others));
            others = own.unwrap_or(others);
        }
        let seconds = own.map(|own| (newest.as_second() - own.as_second()).max(0));
        lags.push(seconds.map(|seconds| u32::try_from(seconds / 86_400).unwrap_or(u32::MAX)));
    }
    lags.reverse();
    lags
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Releases as `version@day`, `!` for one that does not count; expected lags in the same order.
    const ROWS: &[(&str, &str, &str)] = &[
        ("one release", "1.0@10", "0"),
        ("plain succession", "1.0@0 1.1@30 2.0@100", "100 70 0"),
        (
            "a late backport gains nothing",
            "1.0@0 1.0.1@400 2.0@100",
            "100 0 0",
        ),
        (
            "a backport before the newest",
            "1.0@0 1.9@90 2.0@50 3.0@100",
            "100 50 50 0",
        ),
        ("an old project without a successor", "0.3@0", "0"),
        (
            "a yanked newest does not count",
            "1.0@0 2.0@50 3.0@90!",
            "50 0 0",
        ),
        (
            "a pre-release above the newest",
            "1.0@0 2.0@50 3.0rc1@90!",
            "50 0 0",
        ),
        (
            "a pre-release below the newest",
            "1.0@0 2.0rc1@40! 2.0@50",
            "50 10 0",
        ),
        (
            "a nightly cannot shift the newest",
            "1.0@0 1.1.dev1@500!",
            "0 0",
        ),
        (
            "releases that do not count, one after a backport",
            "1.2.7@51! 1.3.1@50! 1.3.7@90! 1.4@60! 1.11@100",
            "50 50 40 40 0",
        ),
        ("same day", "1.0@5 1.1@5", "0 0"),
        (
            "two branches in step",
            "4.1@0 4.2@60 5.0@20 5.1@60",
            "60 40 40 0",
        ),
        (
            "the newest came out before the older",
            "1.0@100 2.0@40",
            "0 0",
        ),
        ("unknown date of the newest", "1.0@0 2.0@?", "? ?"),
        ("unknown date in the middle", "1.0@0 1.5@? 2.0@50", "? ? 0"),
        (
            "unknown date that does not count",
            "1.0@0 1.5@?! 2.0@50",
            "50 ? 0",
        ),
        ("nothing counts", "1.0@0! 2.0@50!", "? ?"),
    ];

    #[test]
    fn lag_is_what_the_table_says() {
        for (story, releases, expected) in ROWS {
            let parsed: Vec<(Version, Option<Timestamp>, bool)> = releases
                .split(' ')
                .map(|release| {
                    let (version, rest) = release.split_once('@').unwrap();
                    let day = rest.trim_end_matches('!').parse::<i64>().ok();
                    let date = day.map(|day| Timestamp::from_second(day * 86_400).unwrap());
                    (version.parse().unwrap(), date, !rest.ends_with('!'))
                })
                .collect();
            let releases: Vec<_> = parsed.iter().map(|(v, d, c)| (v, *d, *c)).collect();
            let shown: Vec<String> = lags(&releases)
                .into_iter()
                .map(|lag| lag.map_or("?".to_owned(), |lag| lag.to_string()))
                .collect();
            assert_eq!(shown.join(" "), *expected, "{story}");
        }
    }
}
