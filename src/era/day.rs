//! The day that code was alive: its candidates, and the choice among them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use pinsmith_resolver::Timestamp;
use serde_json::Value;

use super::dates;
use super::python::{Interval, released};
use crate::diagnostic::Site;
use crate::git::{Change, History};
use crate::scan::{Scan, Tree};

/// A day that code may have been alive on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The day, in UTC.
    pub day: Date,
    /// What kind of evidence it is.
    pub source: DaySource,
    /// What says so, in words.
    pub why: String,
    /// Where it is written.
    pub site: Option<Site>,
}

/// What kind of evidence a [`Candidate`] is, from strongest to weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DaySource {
    /// Nothing earlier is possible: a pinned release, or an API, came out that day.
    Floor,
    /// The last commit that touched code.
    Code,
    /// The last commit that touched declared requirements.
    Dependencies,
    /// A notebook was run.
    Notebook,
    /// A changelog has its newest entry.
    Changelog,
    /// A README tells its newest date.
    Readme,
    /// The last commit of any kind, as far as is known.
    Head,
    /// A README names a paper of that month.
    Paper,
    /// A copyright notice names the year.
    Copyright,
}

/// The day, with what else it could have been.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// The best candidate.
    pub chosen: Option<Candidate>,
    /// The others, strongest first.
    pub rivals: Vec<Candidate>,
    /// What should be known about the choice: missing history, evidence that disagrees.
    pub notes: Vec<String>,
}

/// A release that the code cannot have been written before: a pin, or the first with an API in use.
pub fn floor(what: &str, uploaded: Timestamp, site: Option<Site>) -> Candidate {
    Candidate {
        day: day_of(uploaded),
        source: DaySource::Floor,
        why: format!("{what} came out that day"),
        site,
    }
}

/// The floor that the Python lays: the first version that has all that is used.
pub fn python_floor(interval: &Interval) -> Option<Candidate> {
    let (version, fact) = interval.since.as_ref()?;
    Some(Candidate {
        day: released(*version)?,
        source: DaySource::Floor,
        why: format!(
            "Python {}.{}, which has {}, came out that day",
            version.0, version.1, fact.what
        ),
        site: Some(fact.site.clone()),
    })
}

/// What history says.
pub fn of_history(history: &History) -> Vec<Candidate> {
    let candidate = |change: &Change, source, what: &str| Candidate {
        day: day_of(change.time),
        source,
        why: format!(
            "{what} in commit {}",
            change.commit.get(..10).unwrap_or_default()
        ),
        site: None,
    };
    // where older commits are missing, all files seem to come with the oldest one
    let (code, dependencies) = if history.is_shallow {
        (None, None)
    } else {
        (history.code.as_ref(), history.dependencies.as_ref())
    };
    let code = code.map(|change| candidate(change, DaySource::Code, "code last changed"));
    let dependencies = dependencies.map(|change| {
        candidate(
            change,
            DaySource::Dependencies,
            "declared requirements last changed",
        )
    });
    let head = candidate(&history.head, DaySource::Head, "any file last changed");
    code.into_iter().chain(dependencies).chain([head]).collect()
}

/// Finds the dates of a line.
type Reader = fn(&str) -> Vec<Date>;

/// What the files of a tree say: when notebooks ran, and dates in its documents.
pub fn of_files(tree: &Tree, scan: &Scan) -> Vec<Candidate> {
    let read = |file: &str| tree.read(file).ok();
    let mut found = Vec::new();
    let notebooks = scan.source_files.iter().filter(|file| is_notebook(file));
    let ran = notebooks.filter_map(|file| Some((last_run(&read(file)?)?, file)));
    if let Some((day, file)) = ran.max() {
        found.push(Candidate {
            day,
            source: DaySource::Notebook,
            why: "a notebook was last run".to_owned(),
            site: Some(whole(file)),
        });
    }
    let names = |stems: &[&str]| -> Vec<String> {
        let endings = ["", ".md", ".rst", ".txt"];
        let all = stems
            .iter()
            .flat_map(|stem| endings.map(|ending| format!("{stem}{ending}")));
        all.collect()
    };
    let readme = names(&["README", "Readme", "readme"]);
    let changes = names(&["CHANGELOG", "CHANGES", "HISTORY", "NEWS", "Changelog"]);
    let license = names(&["LICENSE", "LICENCE", "License", "COPYING"]);
    let kinds: [(&[String], Reader, DaySource, &str); 4] = [
        (
            &changes,
            dates::of_line,
            DaySource::Changelog,
            "the newest entry",
        ),
        (
            &readme,
            dates::of_line,
            DaySource::Readme,
            "the newest date in the text",
        ),
        (
            &readme,
            dates::of_papers,
            DaySource::Paper,
            "the newest paper that it names",
        ),
        (
            &license,
            dates::of_copyright,
            DaySource::Copyright,
            "the newest year of the notice",
        ),
    ];
    for (files, reader, source, what) in kinds {
        let texts = files.iter().filter_map(|file| Some((file, read(file)?)));
        let newest = texts
            .filter_map(|(file, bytes)| newest(&bytes, file, reader))
            .max_by_key(|(day, _)| *day);
        found.extend(newest.map(|(day, site)| Candidate {
            day,
            source,
            why: what.to_owned(),
            site: Some(site),
        }));
    }
    found
}

/// Chooses among candidates: history before notebooks, those before documents; never earlier than a
/// floor and never later than today.
pub fn choose(candidates: Vec<Candidate>, today: Date) -> Day {
    let mut notes = Vec::new();
    let (mut rivals, future): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| candidate.day <= today);
    if let Some(odd) = future.first() {
        notes.push(format!(
            "{} lies in the future and does not count ({})",
            odd.day, odd.why
        ));
    }
    rivals.sort_by(|left, right| {
        (left.source, std::cmp::Reverse(left.day))
            .cmp(&(right.source, std::cmp::Reverse(right.day)))
    });
    let of = |source: DaySource| rivals.iter().position(|rival| rival.source == source);
    let changed = [DaySource::Code, DaySource::Dependencies].map(of);
    // requirements that changed after the code fit the code as it is then
    let changed = changed
        .into_iter()
        .flatten()
        .max_by_key(|index| rivals.get(*index).map(|rival| rival.day));
    let guess = changed.or_else(|| {
        rivals
            .iter()
            .position(|rival| rival.source > DaySource::Floor)
    });
    let floor = of(DaySource::Floor);
    let day = |index: Option<usize>| {
        index
            .and_then(|index| rivals.get(index))
            .map(|rival| rival.day)
    };
    let chosen = if day(floor) > day(guess) {
        floor
    } else {
        guess
    };
    if let (true, Some(guess), Some(floor)) = (chosen == floor, day(guess), day(floor)) {
        notes.push(format!(
            "the best other evidence is {guess}, but what is used came out on {floor} only"
        ));
    }
    if changed.is_none() {
        notes.push("history does not say when code last changed".to_owned());
    }
    let chosen = chosen.map(|index| rivals.remove(index));
    if let Some(head) = rivals.iter().find(|rival| rival.source == DaySource::Head)
        && let Some(chosen) = &chosen
    {
        let days = head.day.since(chosen.day).map_or(0, |span| span.get_days());
        if days > 180 {
            notes.push(format!(
                "the last commit is {days} days later and changed no code"
            ));
        }
    }
    Day {
        chosen,
        rivals,
        notes,
    }
}

/// The day of an instant, in UTC.
pub fn day_of(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}

fn is_notebook(file: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("ipynb"))
}

fn whole(file: &str) -> Site {
    Site {
        file: file.to_owned(),
        line: 0,
        cell: None,
    }
}

/// When a notebook was last run, as Colab and `JupyterLab` note it in its cells.
fn last_run(bytes: &[u8]) -> Option<Date> {
    let notebook: Value = serde_json::from_slice(bytes).ok()?;
    let cells = notebook.get("cells")?.as_array()?;
    let times = cells.iter().filter_map(|cell| {
        let metadata = cell.get("metadata")?;
        let colab = metadata
            .pointer("/executionInfo/timestamp")
            .and_then(Value::as_i64);
        let colab = colab.and_then(|time| Timestamp::from_millisecond(time).ok());
        let lab = || {
            let keys = ["iopub.execute_input", "shell.execute_reply"];
            let execution = metadata.get("execution")?;
            let text = keys.iter().find_map(|key| execution.get(key)?.as_str())?;
            text.parse().ok()
        };
        colab.or_else(lab)
    });
    times.max().map(day_of)
}

/// The newest date of a text with its line.
fn newest(bytes: &[u8], file: &str, reader: Reader) -> Option<(Date, Site)> {
    let text = String::from_utf8_lossy(bytes);
    let lines = (1..).zip(text.lines());
    let found = lines.flat_map(|(line, text)| reader(text).into_iter().map(move |day| (day, line)));
    let (day, line) = found.max_by_key(|(day, line)| (*day, std::cmp::Reverse(*line)))?;
    let site = Site {
        line,
        ..whole(file)
    };
    Some((day, site))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(source: DaySource, day: &str) -> Candidate {
        Candidate {
            day: day.parse().unwrap(),
            source,
            why: format!("{source:?}"),
            site: None,
        }
    }

    type Dated = (DaySource, &'static str);

    #[test]
    fn the_best_evidence_wins() {
        use DaySource as S;
        let cases: &[(&[Dated], Option<Dated>, &str)] = &[
            (&[], None, "history does not say"),
            (
                &[
                    (S::Head, "2023-05-01"),
                    (S::Code, "2019-03-04"),
                    (S::Dependencies, "2018-02-03"),
                ],
                Some((S::Code, "2019-03-04")),
                "1519 days later and changed no code",
            ),
            // requirements were brought up to date after the code
            (
                &[
                    (S::Head, "2020-09-26"),
                    (S::Code, "2020-02-12"),
                    (S::Dependencies, "2020-09-25"),
                ],
                Some((S::Dependencies, "2020-09-25")),
                "",
            ),
            // a pin that came out later than the author's clock says
            (
                &[
                    (S::Code, "2020-02-12"),
                    (S::Floor, "2020-03-01"),
                    (S::Floor, "2019-01-01"),
                ],
                Some((S::Floor, "2020-03-01")),
                "came out on 2020-03-01 only",
            ),
            (
                &[
                    (S::Floor, "2018-01-01"),
                    (S::Notebook, "2019-01-01"),
                    (S::Readme, "2021-01-01"),
                ],
                Some((S::Notebook, "2019-01-01")),
                "history does not say",
            ),
            (
                &[(S::Floor, "2018-01-01")],
                Some((S::Floor, "2018-01-01")),
                "history",
            ),
            (
                &[
                    (S::Copyright, "2017-12-31"),
                    (S::Paper, "2018-04-30"),
                    (S::Code, "2099-01-01"),
                ],
                Some((S::Paper, "2018-04-30")),
                "2099-01-01 lies in the future",
            ),
        ];
        for (given, expected, note) in cases {
            let candidates = given
                .iter()
                .map(|(source, day)| candidate(*source, day))
                .collect();
            let day = choose(candidates, "2026-11-26".parse().unwrap());
            let chosen = day
                .chosen
                .as_ref()
                .map(|chosen| (chosen.source, chosen.day.to_string()));
            let expected = expected.map(|(source, day)| (source, day.to_owned()));
            assert_eq!(chosen, expected, "{given:?}");
            assert!(
                note.is_empty() && day.notes.is_empty() || day.notes.join("; ").contains(note),
                "{:?}",
                day.notes
            );
        }
    }

    #[test]
    fn files_tell_days() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "a.ipynb",
            r#"{"cells": [{"cell_type": "code", "source": "", "metadata": {"executionInfo": {"timestamp": 1600000000000}}}]}"#,
        );
        write(
            "b.ipynb",
            r#"{"cells": [{"cell_type": "code", "source": "", "metadata": {"execution": {"iopub.execute_input": "2021-02-03T04:05:06.789Z"}}}, 3]}"#,
        );
        write(
            "README.md",
            "# A\n\nNews: 2019-05-06 weights; see arXiv:1904.01234\n2018-01-01 start\n",
        );
        write("LICENSE", "Copyright (c) 2018 A\n");
        let tree = Tree::new(folder.path()).unwrap();
        let scan = crate::scan::scan(&tree, &crate::scan::ScanOptions::default());
        let found = of_files(&tree, &scan)
            .into_iter()
            .map(|found| format!("{} {:?} {}", found.day, found.source, found.site.unwrap()));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "2021-02-03 Notebook b.ipynb",
                "2019-05-06 Readme README.md:3",
                "2019-04-30 Paper README.md:3",
                "2018-12-31 Copyright LICENSE:1",
            ]
        );
    }
}
