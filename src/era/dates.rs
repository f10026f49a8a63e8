//! Dates in prose: `2021-03-05`, `March 2021`, `arXiv:2103.00020`, `(c) 2019`.

use jiff::civil::Date;

/// Months by the first letters of their English names.
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Code that this program is for is not older.
const FIRST_YEAR: i16 = 2005;

/// The dates of a line: whole ones, and months as their last day.
pub(super) fn of_line(line: &str) -> Vec<Date> {
    let words: Vec<&str> = line
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '/' | '.')))
        .map(|word| word.trim_matches(['-', '/', '.']))
        .filter(|word| !word.is_empty())
        .collect();
    let mut dates: Vec<Date> = words.iter().filter_map(|word| numeric(word)).collect();
    for (index, word) in words.iter().enumerate() {
        let Some(month) = month(word) else { continue };
        let near = |offset: usize| words.get(index + offset).copied();
        let before = index
            .checked_sub(1)
            .and_then(|before| words.get(before))
            .copied();
        let found = match (near(1).and_then(year), near(2).and_then(year)) {
            // March 2021, 5 March 2021
            (Some(year), _) => of_month(year, month, before.and_then(day)),
            // March 5, 2021
            (None, Some(year)) => near(1)
                .and_then(day)
                .and_then(|day| of_month(year, month, Some(day))),
            // 2021 March
            (None, None) => before
                .and_then(year)
                .and_then(|year| of_month(year, month, None)),
        };
        dates.extend(found);
    }
    dates
}

/// The months of papers that a line names, as their last days.
pub(super) fn of_papers(line: &str) -> Vec<Date> {
    let lower = line.to_ascii_lowercase();
    let places = lower
        .match_indices("arxiv")
        .map(|(at, word)| at + word.len());
    let papers = places.filter_map(|at| {
        let rest = lower.get(at..)?;
        let start = rest
            .find(|c: char| c.is_ascii_digit())
            .filter(|start| *start <= 12)?;
        let id = rest.get(start..)?;
        let (month, number) = (id.get(..4)?, id.get(4..)?);
        let is_id = number.starts_with('.') && month.bytes().all(|byte| byte.is_ascii_digit());
        let year: i16 = month.get(..2)?.parse().ok()?;
        let month: i8 = month.get(2..)?.parse().ok()?;
        is_id.then(|| of_month(2000 + year, month, None))?
    });
    papers.collect()
}

/// The years of copyright notices in a line, as their last days.
pub(super) fn of_copyright(line: &str) -> Vec<Date> {
    let lower = line.to_ascii_lowercase();
    if !lower.contains("copyright") && !lower.contains("(c)") {
        return Vec::new();
    }
    let words = line.split(|c: char| !c.is_ascii_digit());
    words
        .filter_map(year)
        .filter_map(|year| Date::new(year, 12, 31).ok())
        .collect()
}

/// `2021-03-05`, `2021/3/5`, `2021.03.05`, `05.03.2021`.
fn numeric(word: &str) -> Option<Date> {
    let parts: Vec<&str> = word.split(['-', '/', '.']).collect();
    let [first, middle, last] = parts.as_slice() else {
        return None;
    };
    let month: i8 = middle.parse().ok()?;
    if let Some(year) = year(first) {
        return Date::new(year, month, last.parse().ok()?).ok();
    }
    // a day first and dots between, as only some countries write it
    let year = year(last).filter(|_| word.contains('.'))?;
    Date::new(year, month, first.parse().ok()?).ok()
}

fn year(word: &str) -> Option<i16> {
    let year = (word.len() == 4).then(|| word.parse().ok())?;
    year.filter(|year| (FIRST_YEAR..2100).contains(year))
}

fn month(word: &str) -> Option<i8> {
    let lower = word.to_ascii_lowercase();
    let start = lower.get(..3)?;
    let index = MONTHS.iter().position(|month| *month == start)?;
    let long = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let whole = long.get(index)?;
    let is_month = lower.len() == 3 || lower == *whole || lower == "sept";
    is_month.then(|| i8::try_from(index + 1).ok())?
}

fn day(word: &str) -> Option<i8> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

fn of_month(year: i16, month: i8, day: Option<i8>) -> Option<Date> {
    let first = Date::new(year, month, 1).ok()?;
    match day {
        Some(day) => Date::new(year, month, day).ok(),
        None => Some(first.last_of_month()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_dates() {
        let cases = [
            ("- [2021-03-05] released", "2021-03-05"),
            ("* 2021/3/5: weights", "2021-03-05"),
            ("## 1.2 (05.03.2021)", "2021-03-05"),
            ("March 2021", "2021-03-31"),
            ("**Mar 5th, 2021**", "2021-03-05"),
            ("5 March 2021", "2021-03-05"),
            ("News (Sept 2020)", "2020-09-30"),
            ("maybe 2021, marching 2020, version 1.2.3, 10.0.1", ""),
            ("192.168.20.2021 2021-13-01", ""),
            ("ImageNet 2012", ""),
        ];
        for (line, expected) in cases {
            let found: Vec<String> = of_line(line).iter().map(ToString::to_string).collect();
            assert_eq!(found.join(" "), expected, "{line}");
        }
        let papers = |line| {
            of_papers(line)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            papers("https://arxiv.org/abs/2103.00020, arXiv:1912.01703"),
            "2021-03-31 2019-12-31"
        );
        assert_eq!(papers("arxiv 9999.1 arXiv"), "");
        let years = |line| {
            of_copyright(line)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            years("Copyright (c) 2017-2019 Someone"),
            "2017-12-31 2019-12-31"
        );
        assert_eq!(years("the year 2017"), "");
    }
}
