//! Which releases of a project a target can take at all, before any requirement is looked at.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;
use version_ranges::Ranges;

use crate::objective::lags;
use crate::specifier::to_ranges;
use crate::tags::TagRank;
use crate::wheel_name::parse_build;
use crate::{Options, Project, Release, ReleaseFile, TagSet, Target};

/// How far a project's newest wheel may be behind its newest release before sdists count.
const WHEELS_ABANDONED_AFTER_DAYS: i64 = 365;

/// The rules of one target.
#[derive(Debug, Clone)]
pub(crate) struct Eligibility {
    tags: TagSet,
    python: Version,
    as_of: Option<Timestamp>,
    /// Instants of single projects.
    of_projects: Arc<BTreeMap<PackageName, Timestamp>>,
}

/// The releases of a project that a target can take, and why it cannot take the others.
#[derive(Debug)]
pub(crate) struct Candidates {
    pub(crate) project: Arc<Project>,
    /// Ascending by version.
    pub(crate) eligible: Vec<Candidate>,
    /// Ascending by version.
    pub(crate) ineligible: Vec<(Version, Ineligible)>,
    /// The newest release that counts for lag.
    pub(crate) newest: Option<Version>,
}

/// One release that could be installed.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) version: Version,
    /// Position in the project's releases.
    pub(crate) release: usize,
    /// Positions of the installable files, best first: wheels by rank, then sdists.
    pub(crate) files: Vec<usize>,
    /// Whether the best file is a wheel.
    pub(crate) has_wheel: bool,
    /// Every installable file is yanked (PEP 592); only an exact pin may take it.
    pub(crate) yanked: bool,
    /// Has only sdists although the project ships wheels for this target; a last resort.
    pub(crate) reserve: bool,
    /// Whole days behind the newest release that counts; `None` without dates.
    pub(crate) lag: Option<u32>,
}

/// Why a target cannot take a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ineligible {
    /// No file admits this Python.
    RequiresPython(VersionSpecifiers),
    /// There are wheels, but none with a fitting tag, and no sdist.
    NoMatchingWheel,
    /// Every file was uploaded after the instant that counts, or at an unknown time.
    TooNew,
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RequiresPython(specifiers) => write!(f, "needs Python {specifiers}"),
            Self::NoMatchingWheel => f.write_str("has no wheel for this target and no sdist"),
            Self::TooNew => f.write_str("was uploaded later than the day asked for"),
        }
    }
}

impl Eligibility {
    pub(crate) fn new(target: &Target, options: &Options) -> Self {
        let python = target.python;
        let parts = [
            u64::from(python.major),
            u64::from(python.minor),
            u64::from(python.patch.unwrap_or(0)),
        ];
        Self {
            tags: TagSet::of(target),
            python: Version::new(parts),
            as_of: options.as_of,
            of_projects: Arc::new(options.as_of_projects.clone()),
        }
    }

    /// Only files uploaded up to this instant count, where a project has none of its own.
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// The instants of single projects.
    pub(crate) fn as_of_projects(&self) -> &BTreeMap<PackageName, Timestamp> {
        &self.of_projects
    }

    /// The rules of one project, whose instant may be another.
    pub(crate) fn of(&self, name: &PackageName) -> Cow<'_, Self> {
        match self.of_projects.get(name) {
            None => Cow::Borrowed(self),
            Some(instant) => Cow::Owned(Self {
                as_of: Some(*instant),
                ..self.clone()
            }),
        }
    }

    /// The same rules for what has no upload time.
    pub(crate) fn whenever(&self) -> Self {
        Self {
            as_of: None,
            ..self.clone()
        }
    }

    /// Whether this Python satisfies a `Requires-Python`.
    pub(crate) fn admits_python(&self, specifiers: &VersionSpecifiers) -> bool {
        to_ranges(specifiers).contains(&self.python)
    }

    /// Sorts a project's releases into eligible and not.
    pub(crate) fn candidates(&self, project: Arc<Project>, wants_prereleases: bool) -> Candidates {
        let mut eligible = Vec::new();
        let mut ineligible = Vec::new();
        let rules = self.rules(&project);
        for (position, release) in project.releases().iter().enumerate() {
            match rules.candidate(position, release) {
                Ok(candidate) => eligible.push(candidate),
                Err(reason) => ineligible.push((release.version.clone(), reason)),
            }
        }
        mark_reserves(&project, &mut eligible);
        let newest = mark_lags(&project, &mut eligible, wants_prereleases);
        Candidates {
            project,
            eligible,
            ineligible,
            newest,
        }
    }

    /// The rules applied to what the files of one project have in common, so that each of its
    /// files costs two look-ups.
    pub(crate) fn rules<'p>(&self, project: &'p Project) -> ProjectRules<'p> {
        let wheels = project.wheel_tags().map(|tags| {
            let rank = self.tags.rank_of_tags(&tags)?;
            Some((rank, Reverse(tags.build.and_then(parse_build))))
        });
        let pythons = project.required_pythons().iter();
        ProjectRules {
            project,
            as_of: self.as_of,
            wheels: wheels.collect(),
            admits_python: pythons.map(|python| self.admits_python(python)).collect(),
        }
    }
}

/// Rank and build tag of a wheel; smaller is better.
type WheelRank = (TagRank, Reverse<Option<(u64, String)>>);

/// An [`Eligibility`] and a project.
pub(crate) struct ProjectRules<'p> {
    project: &'p Project,
    as_of: Option<Timestamp>,
    /// By the project's wheel tags.
    wheels: Vec<Option<WheelRank>>,
    /// By the project's `Requires-Python`.
    admits_python: Vec<bool>,
}

impl ProjectRules<'_> {
    /// One release as a candidate, or why it is none; [`Eligibility::candidates`] also finds
    /// reserves.
    pub(crate) fn candidate(
        &self,
        position: usize,
        release: &Release,
    ) -> Result<Candidate, Ineligible> {
        let mut reason = Ineligible::NoMatchingWheel;
        let mut files = Vec::new();
        for (index, file) in self.project.summaries(release).enumerate() {
            if self.too_new(file.uploaded) {
                reason = Ineligible::TooNew;
                continue;
            }
            let rank = match file.wheel.map(|tags| self.wheels.get(tags as usize)) {
                Some(Some(Some(rank))) => Some(rank),
                Some(_) => continue,
                None => None,
            };
            match file.requires_python.map(|python| python as usize) {
                Some(python) if !self.admits_python.get(python).is_none_or(|admits| *admits) => {
                    let specifiers = self.project.required_pythons().get(python);
                    reason = specifiers
                        .cloned()
                        .map_or(reason, Ineligible::RequiresPython);
                }
                // wheels by rank, sdists after them
                _ => files.push((file.yanked, rank.is_none(), rank, index)),
            }
        }
        files.sort();
        let yanked = files.iter().all(|(yanked, ..)| *yanked);
        if files.is_empty() {
            return Err(reason);
        }
        Ok(Candidate {
            version: release.version.clone(),
            release: position,
            has_wheel: files.first().is_some_and(|(_, sdist, ..)| !sdist),
            files: files
                .into_iter()
                .filter(|(file_yanked, ..)| yanked || !file_yanked)
                .map(|(.., index)| index)
                .collect(),
            yanked,
            reserve: false,
            lag: None,
        })
    }

    fn too_new(&self, uploaded: Option<Timestamp>) -> bool {
        self.as_of
            .is_some_and(|as_of| uploaded.is_none_or(|uploaded| uploaded > as_of))
    }
}

/// Sdist-only releases are a last resort, unless the project seems to have given up wheels.
fn mark_reserves(project: &Project, eligible: &mut [Candidate]) {
    let has_wheel = |candidate: &Candidate| candidate.has_wheel;
    let uploaded = |candidate: &Candidate| project.releases()[candidate.release].uploaded;
    let unyanked = || eligible.iter().rev().filter(|candidate| !candidate.yanked);
    let Some(newest_wheel) = unyanked().find(|candidate| has_wheel(candidate)) else {
        return;
    };
    let newest = unyanked().next().unwrap_or(newest_wheel);
    let abandoned = match (uploaded(newest_wheel), uploaded(newest)) {
        (Some(wheel), Some(newest)) => {
            newest.as_second() - wheel.as_second() > WHEELS_ABANDONED_AFTER_DAYS * 86_400
        }
        _ => false,
    };
    if !abandoned {
        let reserves: Vec<bool> = eligible.iter().map(|c| !has_wheel(c)).collect();
        for (candidate, reserve) in eligible.iter_mut().zip(reserves) {
            candidate.reserve = reserve;
        }
    }
}

/// Sets every candidate's lag and finds the newest release that counts: unyanked, no last resort,
/// and final unless pre-releases are wanted or there is no final one.
fn mark_lags(
    project: &Project,
    eligible: &mut [Candidate],
    wants_prereleases: bool,
) -> Option<Version> {
    let usual = |candidate: &Candidate| !candidate.yanked && !candidate.reserve;
    let is_final = |candidate: &Candidate| !candidate.version.any_prerelease();
    let finals_only = !wants_prereleases && eligible.iter().any(|c| usual(c) && is_final(c));
    let counts = |candidate: &Candidate| usual(candidate) && (!finals_only || is_final(candidate));
    let releases: Vec<_> = eligible
        .iter()
        .map(|c| {
            (
                &c.version,
                project.releases()[c.release].uploaded,
                counts(c),
            )
        })
        .collect();
    let lags = lags(&releases);
    let newest = eligible.iter().rev().find(|c| counts(c));
    let newest = newest.map(|candidate| candidate.version.clone());
    for (candidate, lag) in eligible.iter_mut().zip(lags) {
        candidate.lag = lag;
    }
    newest
}

impl Candidates {
    /// The candidate's best file.
    pub(crate) fn best_file(&self, candidate: &Candidate) -> Option<ReleaseFile> {
        let position = candidate.files.first()?;
        self.project.file(self.release(candidate), *position)
    }

    /// Where the eligible releases in a range stand, ascending.
    pub(crate) fn positions_within<'c>(
        &'c self,
        range: &'c Ranges<Version>,
    ) -> impl Iterator<Item = usize> + 'c {
        let eligible = &self.eligible;
        range.iter().flat_map(move |(low, high)| {
            let from = match low {
                Bound::Unbounded => 0,
                Bound::Included(low) => eligible.partition_point(|c| c.version < *low),
                Bound::Excluded(low) => eligible.partition_point(|c| c.version <= *low),
            };
            let to = match high {
                Bound::Unbounded => eligible.len(),
                Bound::Included(high) => eligible.partition_point(|c| c.version <= *high),
                Bound::Excluded(high) => eligible.partition_point(|c| c.version < *high),
            };
            from..to
        })
    }

    /// The eligible releases in a range, ascending.
    pub(crate) fn within<'c>(
        &'c self,
        range: &'c Ranges<Version>,
    ) -> impl Iterator<Item = &'c Candidate> + 'c {
        self.positions_within(range)
            .map(|position| &self.eligible[position])
    }

    /// These candidates with one of them alone, at no lag.
    pub(crate) fn only(&self, candidate: &Candidate) -> Self {
        let lag = candidate.lag.map(|_| 0);
        Self {
            project: Arc::clone(&self.project),
            eligible: vec![Candidate {
                lag,
                reserve: false,
                ..candidate.clone()
            }],
            ineligible: Vec::new(),
            newest: self.newest.clone(),
        }
    }

    /// The release behind a candidate.
    pub(crate) fn release(&self, candidate: &Candidate) -> &Release {
        &self.project.releases()[candidate.release]
    }

    /// The candidate with exactly this version.
    pub(crate) fn get(&self, version: &Version) -> Option<&Candidate> {
        self.position(version).map(|index| &self.eligible[index])
    }

    /// The candidate with this version, else the one that is the same release built for something
    /// else: 2.9.1+cpu for 2.9.1+cu128. `None` where several are.
    pub(crate) fn same_release(&self, version: &Version) -> Option<&Candidate> {
        if let Some(found) = self.get(version) {
            return Some(found);
        }
        let public = version.clone().without_local();
        let start = self.eligible.partition_point(|c| c.version < public);
        let mut same = self.eligible[start..]
            .iter()
            .take_while(|candidate| candidate.version.clone().without_local() == public);
        let found = same.next()?;
        same.next().is_none().then_some(found)
    }

    /// The position of the candidate with exactly this version.
    pub(crate) fn position(&self, version: &Version) -> Option<usize> {
        let found = self.eligible.binary_search_by(|c| c.version.cmp(version));
        found.ok()
    }

    /// All versions of the project in ascending order, eligible or not.
    pub(crate) fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> + Clone {
        self.project
            .releases()
            .iter()
            .map(|release| &release.version)
    }
}

#[cfg(test)]
mod tests;
