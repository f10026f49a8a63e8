//! Which releases of a project a target can take at all, before any requirement is looked at.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::{Version, VersionSpecifiers};

use crate::objective::lags;
use crate::{FileKind, Project, Release, TagSet, Target, specifier::to_ranges};

/// How far a project's newest wheel may be behind its newest release before sdists count.
const WHEELS_ABANDONED_AFTER_DAYS: i64 = 365;

/// The rules of one target.
#[derive(Debug, Clone)]
pub(crate) struct Eligibility {
    tags: TagSet,
    python: Version,
    as_of: Option<Timestamp>,
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
    pub(crate) fn new(target: &Target, as_of: Option<Timestamp>) -> Self {
        let python = target.python;
        let parts = [
            u64::from(python.major),
            u64::from(python.minor),
            u64::from(python.patch.unwrap_or(0)),
        ];
        Self {
            tags: TagSet::of(target),
            python: Version::new(parts),
            as_of,
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
        for (position, release) in project.releases.iter().enumerate() {
            match self.candidate(position, release) {
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

    /// One release as a candidate, or why it is none; [`Self::candidates`] also finds reserves.
    pub(crate) fn candidate(
        &self,
        position: usize,
        release: &Release,
    ) -> Result<Candidate, Ineligible> {
        let mut reason = Ineligible::NoMatchingWheel;
        let mut files = Vec::new();
        for (index, file) in release.files.iter().enumerate() {
            if self.too_new(file.uploaded) {
                reason = Ineligible::TooNew;
                continue;
            }
            let rank = match &file.kind {
                FileKind::Wheel(name) => match self.tags.rank(name) {
                    Some(rank) => (0, rank, std::cmp::Reverse(name.build.clone())),
                    None => continue,
                },
                FileKind::Sdist => (1, (0, 0), std::cmp::Reverse(None)),
            };
            match &file.requires_python {
                Some(specifiers) if !self.admits_python(specifiers) => {
                    reason = Ineligible::RequiresPython(specifiers.clone());
                }
                _ => files.push((file.yanked.is_some(), rank, index)),
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
    let has_wheel = |candidate: &Candidate| {
        let release = &project.releases[candidate.release];
        candidate
            .files
            .first()
            .is_some_and(|file| release.files[*file].wheel().is_some())
    };
    let uploaded = |candidate: &Candidate| project.releases[candidate.release].uploaded();
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
                project.releases[c.release].uploaded(),
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
    /// The release behind a candidate.
    pub(crate) fn release(&self, candidate: &Candidate) -> &Release {
        &self.project.releases[candidate.release]
    }

    /// The candidate with exactly this version.
    pub(crate) fn get(&self, version: &Version) -> Option<&Candidate> {
        let found = self.eligible.binary_search_by(|c| c.version.cmp(version));
        found.ok().map(|index| &self.eligible[index])
    }

    /// All versions of the project in ascending order, eligible or not.
    pub(crate) fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> + Clone {
        self.project.releases.iter().map(|release| &release.version)
    }
}
