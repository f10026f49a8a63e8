//! Which Python code is for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use pinsmith_resolver::{PythonVersion, Ranges, Version, VersionSpecifiers, to_ranges};

use super::named;
use crate::api::{Claim, Needs, Owner, Usage};
use crate::diagnostic::Site;
use crate::requirements::Manifest;
use crate::scan::{Scan, Tree};

/// The Pythons that are weighed, with the days of their first final releases.
pub(super) const PYTHONS: [((u8, u8), Date); 10] = [
    ((2, 7), date(2010, 7, 3)),
    ((3, 6), date(2016, 12, 23)),
    ((3, 7), date(2018, 6, 27)),
    ((3, 8), date(2019, 10, 14)),
    ((3, 9), date(2020, 10, 5)),
    ((3, 10), date(2021, 10, 4)),
    ((3, 11), date(2022, 10, 24)),
    ((3, 12), date(2023, 10, 2)),
    ((3, 13), date(2024, 10, 7)),
    ((3, 14), date(2025, 10, 7)),
];

/// Something that says which Python code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The versions that it leaves.
    pub versions: Ranges<Version>,
    /// What kind of evidence it is.
    pub source: FactSource,
    /// What says so: `an f-string`, `imp`, `FROM python:3.6-slim`.
    pub what: String,
    /// Where.
    pub site: Site,
}

/// What kind of evidence a [`Fact`] is, from strongest to weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactSource {
    /// Other versions refuse the syntax.
    Syntax,
    /// Other versions lack what is used of the standard library.
    Library,
    /// `requires-python`.
    Declared,
    /// A version that is named for the environment: conda, a base image, `runtime.txt`.
    Environment,
    /// A version that a notebook was last run with.
    Notebook,
    /// A version that is tested or classified.
    Tested,
}

/// The Pythons that code is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The first version that has all that runtime code uses, with what needs it.
    pub since: Option<((u8, u8), Fact)>,
    /// The first version that lacks something, with what that is.
    pub before: Option<((u8, u8), Fact)>,
    /// Every Python, best first, with what speaks against it.
    pub ranking: Vec<Ranked>,
    /// All evidence, strongest first.
    pub facts: Vec<Fact>,
}

/// A Python with what speaks for and against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// The Python.
    pub python: PythonVersion,
    /// Files of the program that cannot run on it.
    pub broken_files: usize,
    /// Whether a declaration excludes it.
    pub excluded: bool,
    /// Pinned distributions that have no wheel for it, as the caller counted them.
    pub without_wheel: usize,
    /// How many places name it.
    pub named: usize,
}

/// Collects what a tree says about its Python; nothing of it is run.
pub fn facts(tree: &Tree, scan: &Scan, manifest: &Manifest, usage: &Usage) -> Vec<Fact> {
    let mut facts = of_code(usage);
    if let Some((specifiers, site)) = &manifest.requires_python {
        facts.push(of_specifiers(specifiers, FactSource::Declared, site));
    }
    for (specifiers, site) in &manifest.python_hints {
        facts.push(of_specifiers(specifiers, FactSource::Environment, site));
    }
    facts.extend(usage.kernels.iter().filter_map(|(version, site)| {
        let version = minor(version)?;
        Some(Fact {
            versions: exactly(version),
            source: FactSource::Notebook,
            what: format!("Python {}.{} ran it", version.0, version.1),
            site: site.clone(),
        })
    }));
    facts.extend(named::facts(tree, scan));
    facts.sort_by(|left, right| (left.source, &left.site).cmp(&(right.source, &right.site)));
    facts.dedup();
    facts
}

/// What code itself says: syntax of every file that the program runs, and the library it uses.
fn of_code(usage: &Usage) -> Vec<Fact> {
    let counted = usage
        .python
        .iter()
        .filter(|fact| Needs::Notebooks.include(fact.context));
    let syntax = counted.map(|fact| Fact {
        versions: match fact.claim {
            Claim::Since(version) => Ranges::higher_than(first_of(version)),
            Claim::Before(version) => Ranges::strictly_lower_than(first_of(version)),
        },
        source: FactSource::Syntax,
        what: fact.what.clone(),
        site: fact.site.clone(),
    });
    let removed = usage.findings.iter().filter(|finding| {
        finding.binds(Needs::Notebooks) && finding.removal.owner == Owner::Python
    });
    let removed = removed.map(|finding| Fact {
        versions: finding.removal.ranges(),
        source: FactSource::Library,
        what: finding.removal.symbol.to_owned(),
        site: finding.site.clone(),
    });
    let added = usage
        .news
        .iter()
        .filter(|news| news.binds(Needs::Notebooks));
    let added = added
        .filter(|news| news.addition.owner == Owner::Python)
        .map(|news| Fact {
            versions: Ranges::higher_than(news.addition.first.clone()),
            source: FactSource::Library,
            what: news.addition.symbol.to_owned(),
            site: news.site.clone(),
        });
    syntax.chain(removed).chain(added).collect()
}

/// Weighs the evidence: least broken files first, then declarations, wheels, names, and the Python
/// that was usual on the day. `without_wheel` counts pinned distributions that a Python has no wheel of.
pub fn interval(
    facts: Vec<Fact>,
    day: Option<Date>,
    without_wheel: &BTreeMap<(u8, u8), usize>,
) -> Interval {
    let usual = day.map(usual_on);
    let mut ranking: Vec<Ranked> = PYTHONS
        .iter()
        .map(|(version, _)| ranked(*version, &facts, without_wheel))
        .collect();
    ranking.sort_by_key(|ranked| {
        let version = ranked.python.minor_pair();
        let minor = |of: (u8, u8)| i32::from(of.0) * 100 + i32::from(of.1);
        let distance = match usual {
            Some(usual) => (minor(version) - minor(usual)).abs(),
            None => -minor(version),
        };
        let unnamed = ranked.named == 0;
        (
            ranked.broken_files,
            ranked.excluded,
            ranked.without_wheel,
            unnamed,
            distance,
            version,
        )
    });
    let of_code = |fact: &&Fact| fact.source <= FactSource::Library;
    let since = facts.iter().filter(of_code).filter_map(|fact| {
        let first = PYTHONS.iter().map(|(version, _)| *version);
        let mut first = first.filter(|version| !fact.versions.is_disjoint(&exactly(*version)));
        Some((first.next()?, fact)).filter(|(version, _)| *version > (2, 7))
    });
    let since = since.max_by_key(|(version, _)| *version);
    let before = facts.iter().filter(of_code).filter_map(|fact| {
        let lacking = |version: &(u8, u8)| !fact.versions.contains(&first_of(*version));
        let next = PYTHONS.iter().map(|(version, _)| *version).rev();
        let lacks: Vec<_> = next.take_while(lacking).collect();
        Some((*lacks.last()?, fact))
    });
    let before = before.min_by_key(|(version, _)| *version);
    Interval {
        since: since.map(|(version, fact)| (version, fact.clone())),
        before: before.map(|(version, fact)| (version, fact.clone())),
        ranking,
        facts,
    }
}

impl Interval {
    /// What the code allows as a `requires-python`: `>=3.8,<3.12`; `None` where it says nothing, or
    /// contradicts itself.
    ///
    /// `at_least` is the oldest Python that is meant to be served.
    pub fn requires_python(&self, at_least: (u8, u8)) -> Option<VersionSpecifiers> {
        let since = self
            .since
            .as_ref()
            .map(|(version, _)| *version)
            .max(Some(at_least))?;
        let before = self.before.as_ref().map(|(version, _)| *version);
        let text = match before {
            Some(before) if before <= since => return None,
            Some(before) => format!(">={}.{},<{}.{}", since.0, since.1, before.0, before.1),
            None => format!(">={}.{}", since.0, since.1),
        };
        text.parse().ok()
    }
}

/// The Python that most people used on a day: the newest that had been out for so long that most projects had wheels
/// for it, nine months.
pub fn usual_on(day: Date) -> (u8, u8) {
    let known = PYTHONS.iter().rev().find(|(_, released)| {
        let days = day.since(*released).map_or(0, |span| span.get_days());
        days >= 270
    });
    known.map_or((2, 7), |(version, _)| *version)
}

/// The day of the first final release of a Python.
pub(super) fn released(version: (u8, u8)) -> Option<Date> {
    let known = PYTHONS.iter().find(|(known, _)| *known == version);
    known.map(|(_, day)| *day)
}

fn ranked(version: (u8, u8), facts: &[Fact], without_wheel: &BTreeMap<(u8, u8), usize>) -> Ranked {
    // some release of it
    let own = exactly(version);
    let fits = |fact: &&Fact| !fact.versions.is_disjoint(&own);
    let of = |sources: &[FactSource]| -> Vec<&Fact> {
        facts
            .iter()
            .filter(|fact| sources.contains(&fact.source))
            .collect()
    };
    let code = of(&[FactSource::Syntax, FactSource::Library]);
    let broken: BTreeSet<&str> = code
        .into_iter()
        .filter(|fact| !fits(fact))
        .map(|fact| fact.site.file.as_str())
        .collect();
    let named = of(&[
        FactSource::Environment,
        FactSource::Notebook,
        FactSource::Tested,
    ]);
    Ranked {
        python: PythonVersion {
            major: version.0,
            minor: version.1,
            patch: None,
        },
        broken_files: broken.len(),
        excluded: of(&[FactSource::Declared]).iter().any(|fact| !fits(fact)),
        without_wheel: without_wheel.get(&version).copied().unwrap_or_default(),
        named: named.iter().filter(|fact| fits(fact)).count(),
    }
}

fn of_specifiers(specifiers: &VersionSpecifiers, source: FactSource, site: &Site) -> Fact {
    Fact {
        versions: to_ranges(specifiers),
        source,
        what: format!("Python {specifiers}"),
        site: site.clone(),
    }
}

/// `3.6.9` as `(3, 6)`, for the Pythons that are weighed.
pub(super) fn minor(text: &str) -> Option<(u8, u8)> {
    let mut parts = text.split('.');
    let version = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    PYTHONS
        .iter()
        .any(|(known, _)| *known == version)
        .then_some(version)
}

/// All releases of one minor version.
pub(super) fn exactly(version: (u8, u8)) -> Ranges<Version> {
    let next = (version.0, version.1.saturating_add(1));
    Ranges::from_range_bounds(first_of(version)..first_of(next))
}

/// `3.6` as the first release of it.
fn first_of(version: (u8, u8)) -> Version {
    Version::new([u64::from(version.0), u64::from(version.1)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::usage;
    use crate::requirements::{AssembleOptions, assemble};
    use crate::scan::{ScanOptions, scan};

    /// Names and texts of the files of a tree.
    type Files<'a> = &'a [(&'a str, &'a str)];

    fn interval_of(files: Files<'_>, day: &str) -> Interval {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::new(folder.path()).unwrap();
        let scan = scan(&tree, &ScanOptions::default());
        let manifest = assemble(&scan, &tree, &AssembleOptions::default());
        let usage = usage(&tree, &scan);
        let facts = facts(&tree, &scan, &manifest, &usage);
        interval(facts, day.parse().ok(), &BTreeMap::new())
    }

    #[test]
    fn evidence_leads_to_a_python() {
        let cases: &[(Files<'_>, &str, &str, Option<&str>)] = &[
            // nothing says anything: what was usual then
            (&[("a.py", "import os\n")], "2021-06-01", "3.8", None),
            (&[("a.py", "print 'x'\n")], "2018-01-01", "2.7", None),
            (
                &[("a.py", "x.cuda(async=True)\nf'{x}'\n")],
                "2021-01-01",
                "3.6",
                Some(">=3.6, <3.7"),
            ),
            (
                &[("a.py", "from collections import Mapping\n")],
                "2023-06-01",
                "3.9",
                Some(">=3.6, <3.10"),
            ),
            (
                &[("a.py", "if (n := 1): pass\n"), ("b.py", "import imp\n")],
                "2020-01-01",
                "3.8",
                Some(">=3.8, <3.12"),
            ),
            // most files decide where some are of another age
            (
                &[
                    ("a.py", "print 'x'\n"),
                    ("b.py", "f'{x}'\n"),
                    ("c.py", "f'{x}'\n"),
                ],
                "2020-01-01",
                "3.7",
                None,
            ),
            // what tests do says nothing about the program
            (
                &[
                    ("a.py", "import os\n"),
                    ("tests/test_a.py", "match x:\n    case 1: pass\n"),
                ],
                "2019-01-01",
                "3.6",
                None,
            ),
            // a base image, beside a wider declaration
            (
                &[
                    ("Dockerfile", "FROM python:3.7-slim\n"),
                    (
                        "pyproject.toml",
                        "[project]\nname = 'a'\nrequires-python = '>=3.6'\n",
                    ),
                ],
                "2023-01-01",
                "3.7",
                None,
            ),
            (
                &[(
                    "pyproject.toml",
                    "[project]\nname = 'a'\nrequires-python = '>=3.9,<3.11'\n",
                )],
                "2019-01-01",
                "3.9",
                None,
            ),
            (
                &[("environment.yml", "dependencies:\n  - python=3.6.2\n")],
                "2021-06-01",
                "3.6",
                None,
            ),
            (
                &[(
                    "a.ipynb",
                    "{\"cells\": [{\"cell_type\": \"code\", \"source\": \"1\"}], \"metadata\": {\"language_info\": {\"version\": \"3.7.3\"}}}",
                )],
                "2022-01-01",
                "3.7",
                None,
            ),
        ];
        for (files, day, best, requires) in cases {
            let interval = interval_of(files, day);
            let first = interval.ranking.first().unwrap();
            assert_eq!(
                first.python.to_string(),
                *best,
                "{files:?} {:#?}",
                interval.ranking
            );
            if let Some(expected) = requires {
                let found = interval
                    .requires_python((3, 6))
                    .map(|found| found.to_string());
                assert_eq!(found.as_deref(), Some(*expected), "{files:?}");
            }
        }
        let without_wheel = BTreeMap::from([((3, 8), 2)]);
        let ranking = interval(Vec::new(), "2021-06-01".parse().ok(), &without_wheel).ranking;
        assert_eq!(ranking.first().unwrap().python.to_string(), "3.7");
    }
}
