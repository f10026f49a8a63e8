//! `--as-of` and `as-of`: a day, an instant, or how long ago.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

/// The instant that a text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// Only files uploaded up to then count.
    pub instant: Timestamp,
    /// What means the same instant whenever it is typed again.
    pub text: String,
}

/// How to write one.
pub const AS_OF_FORMS: &str =
    "write a day (2024-03-01), an instant (2024-03-01T12:00:00Z) or a duration (30d, 12h, 3w)";

impl AsOf {
    /// The last second of the day of an instant.
    pub fn day_of(instant: Timestamp) -> Option<Self> {
        let day = instant.to_zoned(TimeZone::UTC).date();
        as_of_at(&day.to_string(), instant)
    }
}

/// A day is its last second in UTC, a duration counts back from `now`; `None` for anything else.
///
/// ```
/// use pinsmith::config::as_of_at;
/// let now = "2026-11-20T12:00:00Z".parse().unwrap();
/// assert_eq!(as_of_at("2024-03-01", now).unwrap().instant.to_string(), "2024-03-01T23:59:59Z");
/// assert_eq!(as_of_at("30d", now).unwrap().instant.to_string(), "2026-10-21T12:00:00Z");
/// ```
pub fn as_of_at(text: &str, now: Timestamp) -> Option<AsOf> {
    let instant_as = |instant: Timestamp, text: String| Some(AsOf { instant, text });
    if let Ok(instant) = text.parse::<Timestamp>() {
        return instant_as(instant, instant.to_string());
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let next = day.checked_add(1.day()).ok()?;
        let midnight = next.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let last = midnight.checked_sub(SignedDuration::from_secs(1)).ok()?;
        return instant_as(last, day.to_string());
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return None,
    };
    let hours = number.parse::<i64>().ok()?.checked_mul(hours)?;
    let now = Timestamp::from_second(now.as_second()).ok()?;
    let instant = now.checked_sub(SignedDuration::from_hours(hours)).ok()?;
    instant_as(instant, instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_of_takes_days_instants_and_durations() {
        let now: Timestamp = "2026-11-20T12:00:00.5Z".parse().unwrap();
        for (text, expected) in [
            ("2024-03-01", Some("2024-03-01T23:59:59Z")),
            ("2024-03-01T06:00:00Z", Some("2024-03-01T06:00:00Z")),
            ("30d", Some("2026-10-21T12:00:00Z")),
            ("2w", Some("2026-11-06T12:00:00Z")),
            ("12h", Some("2026-11-20T00:00:00Z")),
            ("yesterday", None),
            ("30ä", None),
            ("", None),
        ] {
            let found = as_of_at(text, now);
            let instant = found.as_ref().map(|found| found.instant.to_string());
            assert_eq!(instant.as_deref(), expected, "{text}");
            if let Some(found) = found {
                assert_eq!(as_of_at(&found.text, Timestamp::MAX), Some(found.clone()));
            }
        }
    }
}
