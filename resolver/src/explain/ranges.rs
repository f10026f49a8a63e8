//! Ranges of versions in the words of PEP 440.

use std::ops::Bound;

use pep440_rs::Version;
use version_ranges::Ranges;

use crate::specifier::after_locals;

/// A hole in a range is shown as `!=1.5` up to this many of them.
const HOLES: usize = 4;

/// A range in the words of PEP 440 where it has some, such as `>=1.2,<2` or `==1.2.*`.
pub(super) fn show_range(range: &Ranges<Version>) -> String {
    let pieces: Vec<_> = range.iter().collect();
    let (Some((low, _)), Some((_, high))) = (pieces.first(), pieces.last()) else {
        return "nothing".to_owned();
    };
    let holes: Vec<String> = pieces
        .windows(2)
        .filter_map(|pair| show_hole(pair[0].1, pair[1].0))
        .collect();
    if pieces.len() == 1 || holes.len() + 1 < pieces.len() || holes.len() > HOLES {
        let shown: Vec<String> = pieces
            .iter()
            .map(|(low, high)| show_piece(low, high))
            .collect();
        return shown.join(" or ");
    }
    let mut clauses = Vec::new();
    if !matches!((low, high), (Bound::Unbounded, Bound::Unbounded)) {
        clauses.push(show_piece(low, high));
    }
    clauses.extend(holes);
    clauses.join(",")
}

/// `!=1.5` for what lies between two pieces, when that is one version.
fn show_hole(end: &Bound<Version>, start: &Bound<Version>) -> Option<String> {
    let flip = |bound: &Bound<Version>| match bound {
        Bound::Included(version) => Bound::Excluded(version.clone()),
        Bound::Excluded(version) => Bound::Included(version.clone()),
        Bound::Unbounded => Bound::Unbounded,
    };
    let shown = show_piece(&flip(end), &flip(start));
    shown
        .strip_prefix("==")
        .map(|version| format!("!={version}"))
}

fn show_piece(low: &Bound<Version>, high: &Bound<Version>) -> String {
    if let (Bound::Included(low), Bound::Included(high) | Bound::Excluded(high)) = (low, high)
        && (low == high || *high == after_locals(low))
    {
        return format!("=={low}");
    }
    let low = match low {
        Bound::Unbounded => None,
        Bound::Included(version) => Some(format!(">={}", plain(version))),
        Bound::Excluded(version) => Some(format!(">{}", plain(version))),
    };
    let high = match high {
        Bound::Unbounded => None,
        Bound::Included(version) => Some(format!("<={}", plain(version))),
        // the bound just above a version and its local builds
        Bound::Excluded(version) if version.post() == Some(0) && version.dev() == Some(0) => {
            let below = version.clone().with_post(None).with_dev(None);
            Some(format!("<={below}"))
        }
        Bound::Excluded(version) => Some(format!("<{}", plain(version))),
    };
    match (low, high) {
        (Some(low), Some(high)) => format!("{low},{high}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "any version".to_owned(),
    }
}

/// Without the helpers that make bounds exact: `2.dev0`, `2min0` and `2max0` are shown as 2.
fn plain(version: &Version) -> Version {
    let version = if version.min().is_some() {
        version.clone().with_min(None)
    } else if version.max().is_some() {
        version.clone().with_max(None)
    } else {
        version.clone()
    };
    if version.dev() == Some(0) {
        version.with_dev(None)
    } else {
        version
    }
}
