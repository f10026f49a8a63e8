//! The Pythons that code and pins leave, and those that the code does not run on.

use pinsmith_resolver::{PythonVersion, VersionSpecifiers, to_ranges};

use super::python::{Fact, FactSource, Interval, PYTHONS, exactly};

/// The Pythons that code and pins leave, as a `requires-python` would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supported {
    /// Such as `>=3.10,<3.13`.
    pub specifiers: VersionSpecifiers,
    /// What makes each bound, and where.
    pub reasons: Vec<String>,
}

/// A pin with the Pythons that its files admit.
pub type PinPython<'a> = (String, &'a VersionSpecifiers);

/// A Python on which less of the code runs than on another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit<'a> {
    /// Files that cannot run on it.
    pub files: usize,
    /// The first thing that stands in the way.
    pub fact: &'a Fact,
    /// The newest Python that runs the most of the code.
    pub better: PythonVersion,
}

impl Fact {
    /// What it is in a sentence: syntax by its name, names of the library in quotes.
    pub fn shown(&self) -> String {
        match self.source {
            FactSource::Library => format!("`{}`", self.what),
            _ => self.what.clone(),
        }
    }
}

impl Interval {
    /// What the code and the pins of a lock leave; `None` where neither bounds anything, or where they contradict
    /// each other.
    pub fn supported(&self, pins: &[PinPython<'_>]) -> Option<Supported> {
        let all: Vec<(u8, u8)> = PYTHONS.iter().map(|(version, _)| *version).collect();
        let code = |version: (u8, u8)| {
            let since = self.since.as_ref().filter(|(first, _)| version < *first);
            let before = self.before.as_ref().filter(|(end, _)| version >= *end);
            let (_, fact) = since.or(before)?;
            Some(format!("{} at {}", fact.shown(), fact.site))
        };
        let pin = |version: (u8, u8)| {
            let refuses = |specifiers| to_ranges(specifiers).is_disjoint(&exactly(version));
            let (pin, specifiers) = pins.iter().find(|(_, specifiers)| refuses(specifiers))?;
            Some(format!("{pin} needs Python {specifiers}"))
        };
        let why_not = |version: (u8, u8)| code(version).or_else(|| pin(version));
        let first = all.iter().position(|version| why_not(*version).is_none())?;
        let last = all
            .iter()
            .rposition(|version| why_not(*version).is_none())?;
        let below = first.checked_sub(1).and_then(|index| all.get(index));
        let above = all.get(last + 1);
        let mut bounds = Vec::new();
        if below.is_some() {
            bounds.push(format!(">={}.{}", all[first].0, all[first].1));
        }
        if let Some((major, minor)) = above {
            bounds.push(format!("<{major}.{minor}"));
        }
        let reasons = [below, above].into_iter().flatten();
        let reasons = reasons.filter_map(|version| why_not(*version)).collect();
        Some(Supported {
            // nothing is bounded where nothing is written
            specifiers: bounds
                .join(",")
                .parse()
                .ok()
                .filter(|_| !bounds.is_empty())?,
            reasons,
        })
    }

    /// Why less of the code runs on a Python than on another; `None` where none is better.
    pub fn unfit(&self, python: PythonVersion) -> Option<Unfit<'_>> {
        let version = python.minor_pair();
        let own = self
            .ranking
            .iter()
            .find(|one| one.python.minor_pair() == version)?;
        let least = self.ranking.iter().map(|one| one.broken_files).min()?;
        let best = self.ranking.iter().filter(|one| one.broken_files == least);
        // of these one that the project admits
        let better = best.max_by_key(|one| (!one.excluded, one.python.minor_pair()))?;
        let better = better.python;
        let breaks = |fact: &&Fact| {
            fact.source <= FactSource::Library && fact.versions.is_disjoint(&exactly(version))
        };
        let fact = self.facts.iter().find(breaks)?;
        (own.broken_files > least).then_some(Unfit {
            files: own.broken_files,
            fact,
            better,
        })
    }
}
