//! Lessons worked into an answer that is to be tried next.

use std::collections::BTreeMap;

use pinsmith_resolver::{
    PackageName, PythonVersion, Requirement, Timestamp, Version, specifiers_of, to_ranges,
};

use super::super::Failure;
use super::rounds::Loop;
use super::search::Answer;
use crate::repair::pins::{Rules, Standing, is_exact};
use crate::repair::{Lesson, is_of_the_time_of_two, namesakes};
use crate::requirements::is_known_distribution;
use crate::scan::ModuleName;

/// One year, in seconds; how far an older release is looked for at first.
pub(super) const YEAR: i64 = 365 * 86_400;

impl Loop<'_> {
    /// Works a lesson into a plan; what was done, or `None` when it changes nothing.
    pub(super) fn apply(
        &self,
        lesson: &Lesson,
        trial: &mut Trial,
    ) -> Result<Option<String>, Failure> {
        let plan = &mut trial.answer.plan;
        let done = |changed: bool, text: String, because: &str| {
            changed.then(|| format!("{text}: {because}"))
        };
        Ok(match lesson {
            Lesson::Ask { name, because } => {
                let requirement = Requirement {
                    name: name.clone(),
                    extras: Vec::new(),
                    version_or_url: None,
                    marker: pinsmith_resolver::MarkerTree::default(),
                    origin: None,
                };
                if self.field.project(name)?.is_none() {
                    return Ok(None);
                }
                done(
                    plan.ask_for(requirement, because),
                    format!("asks for `{name}`"),
                    because,
                )
            }
            Lesson::Bound {
                name,
                specifier,
                because,
            } => done(
                plan.bound(name, specifier, because),
                format!("bounds `{name}{specifier}`"),
                because,
            ),
            Lesson::AsOldAs {
                name,
                instant,
                because,
            } => self.not_after(&mut trial.answer, name, *instant, because)?,
            Lesson::Older { name, because } => self.older(trial, name, because)?,
            Lesson::Python { two, because, .. } if *two && self.has_two(trial) => {
                Some(to_two(trial, because))
            }
            Lesson::Python {
                from,
                below,
                two,
                because,
            } => keep_to(trial, (*from, *below, *two), because),
            Lesson::Swap { from, to, because } => {
                if !self.may_take(to) || self.field.project(to)?.is_none() {
                    return Ok(None);
                }
                done(
                    trial.answer.plan.swap(from, to, because),
                    format!("takes `{to}` for `{from}`"),
                    because,
                )
            }
            Lesson::CannotBuild {
                two: true, because, ..
            } if self.has_two(trial) => Some(to_two(trial, because)),
            Lesson::CannotBuild {
                name,
                version,
                because,
                ..
            } => self.without_building(trial, name, version.as_ref(), because)?,
            Lesson::System { .. } => None,
        })
    }

    /// Whether Python 2.7 is here, may do, and was not among the Pythons.
    fn has_two(&self, trial: &Trial) -> bool {
        let mut here = self.field.host.interpreters.iter();
        self.evidence.two_may_do
            && trial.pythons.iter().all(|python| python.major == 3)
            && here.any(|one| one.version.major == 2)
    }

    /// Whether a project may be taken for what it is called: anybody can register a name.
    pub(super) fn may_take(&self, name: &PackageName) -> bool {
        is_known_distribution(name) || self.field.args.source.accept.contains(name)
    }

    /// Another step back in a project's releases; what was tried before makes it longer.
    fn older(
        &self,
        trial: &mut Trial,
        name: &PackageName,
        because: &str,
    ) -> Result<Option<String>, Failure> {
        let package = trial.answer.resolution.package(name);
        let Some((uploaded, is_root)) = package.and_then(|one| Some((one.uploaded?, one.root)))
        else {
            return Ok(None);
        };
        let steps = trial.older.entry(name.clone()).or_default();
        *steps += 1;
        let years = if *steps == 1 { 2 } else { 3 };
        // near the beginning of a project a whole step leads before its first release
        for back in [years * YEAR, YEAR, YEAR / 4, 1] {
            let Ok(instant) = Timestamp::from_second(uploaded.as_second() - back) else {
                continue;
            };
            let learnt = self.not_after(&mut trial.answer, name, instant, because)?;
            if learnt.is_none() {
                continue;
            }
            // what is only a little older does not make the code old
            let newest = trial
                .answer
                .resolution
                .packages
                .iter()
                .filter_map(|one| one.uploaded)
                .max();
            let is_old = newest
                .is_some_and(|newest| newest.as_second() - instant.as_second() > YEAR * 3 / 2);
            if is_root && is_old {
                let then = Timestamp::from_second(instant.as_second() + YEAR).ok();
                trial.back_to = trial.back_to.into_iter().chain(then).min();
            }
            return Ok(learnt);
        }
        self.announced(trial, name, because)
    }

    /// Where nothing older is left, a part may have come with a release that never became final.
    fn announced(
        &self,
        trial: &mut Trial,
        name: &PackageName,
        because: &str,
    ) -> Result<Option<String>, Failure> {
        let Some(project) = self.field.project(name)? else {
            return Ok(None);
        };
        let newest = project.releases().iter().next_back();
        let Some(release) = newest.filter(|newest| newest.version.any_prerelease()) else {
            return Ok(None);
        };
        let specifier = format!("=={}", release.version);
        let plan = &mut trial.answer.plan;
        plan.loosen(name, because);
        plan.drop_bounds(name);
        let changed = plan.bound(name, &specifier, because);
        let text = format!("takes `{name}{specifier}`, which never became final: {because}");
        Ok(changed.then_some(text))
    }

    /// Bounds a project to the newest final release of a time.
    fn not_after(
        &self,
        trial: &mut Answer,
        name: &PackageName,
        instant: Timestamp,
        because: &str,
    ) -> Result<Option<String>, Failure> {
        let Some(project) = self.field.project(name)? else {
            return Ok(None);
        };
        let installed = trial
            .resolution
            .package(name)
            .map(|package| package.version.clone());
        let of_then = project.releases().iter().rev().find(|release| {
            !release.version.any_prerelease()
                && release.uploaded.is_some_and(|uploaded| uploaded <= instant)
                && installed
                    .as_ref()
                    .is_none_or(|installed| release.version < *installed)
        });
        let Some(release) = of_then else {
            return Ok(None);
        };
        // what a source distribution requires is unknown, so freedom below it would be of no use
        let rules = Rules::new(&trial.resolution.target, None);
        let operator = match rules.release(release, &project) {
            Standing::Builds => "==",
            _ => "<=",
        };
        let specifier = format!("{operator}{}", release.version.clone().without_local());
        trial.plan.loosen(name, because);
        let changed = trial.plan.bound(name, &specifier, because);
        Ok(changed.then(|| format!("bounds `{name}{specifier}`: {because}")))
    }

    /// Another release that has a wheel, another Python that has one, or the same without it.
    fn without_building(
        &self,
        trial: &mut Trial,
        name: &PackageName,
        version: Option<&Version>,
        because: &str,
    ) -> Result<Option<String>, Failure> {
        let Some(project) = self.field.project(name)? else {
            return Ok(None);
        };
        let day = trial.answer.day.as_ref().map(|day| day.instant);
        let of_lock = trial
            .answer
            .resolution
            .package(name)
            .map(|package| package.version.clone());
        let version = version.cloned().or(of_lock);
        let with_wheel =
            |python: PythonVersion, day: Option<Timestamp>| -> Result<Vec<Version>, Failure> {
                let rules = Rules::new(&self.field.target(python)?, day);
                let releases = project.releases().iter().rev();
                let finals = releases.filter(|release| !release.version.any_prerelease());
                Ok(finals
                    .filter(|release| rules.release(release, &project) == Standing::Ready)
                    .map(|release| release.version.clone())
                    .collect())
            };
        let uploaded = trial
            .answer
            .resolution
            .package(name)
            .and_then(|package| package.uploaded);
        let here = trial.answer.resolution.target.python;
        // what the code needs of it still counts
        let bounds: Vec<_> = trial
            .answer
            .plan
            .bounds
            .iter()
            .filter(|(bound, _)| bound.name == *name && !is_exact(bound))
            .map(|(bound, _)| to_ranges(&specifiers_of(bound)))
            .collect();
        // a release that was gone back to: newer ones lack what the code needs
        let sought = trial.answer.plan.bounds.iter().any(|(bound, _)| {
            let exactly = bound.name == *name && is_exact(bound);
            let range = to_ranges(&specifiers_of(bound));
            exactly && version.as_ref().is_some_and(|v| range.contains(v))
        });
        let serves = |wheel: &Version| {
            let newer = version.as_ref().is_some_and(|version| wheel > version);
            bounds.iter().all(|range| range.contains(wheel)) && !(sought && newer)
        };
        for day in [day, None] {
            let mut wheels = with_wheel(here, day)?;
            wheels.retain(serves);
            let below = wheels
                .iter()
                .find(|wheel| version.as_ref().is_none_or(|v| *wheel < v));
            let above = wheels
                .iter()
                .rev()
                .find(|wheel| version.as_ref().is_none_or(|v| *wheel > v));
            if let Some(wheel) = below.or(above) {
                let specifier = format!("=={wheel}");
                trial.answer.plan.loosen(name, because);
                if trial.answer.plan.bound(name, &specifier, because) {
                    return Ok(Some(format!(
                        "takes `{name}{specifier}`, which has a wheel: {because}"
                    )));
                }
            }
        }
        for &python in self
            .pythons
            .iter()
            .filter(|python| **python != here.without_patch())
        {
            let wheels = with_wheel(python, day)?;
            if wheels.iter().any(serves) && self.evidence.admitted.contains(&python) {
                trial.pythons = vec![python];
                return Ok(Some(format!(
                    "takes Python {python}, for which `{name}` has wheels: {because}"
                )));
            }
        }
        if self.has_two(trial) && uploaded.is_some_and(is_of_the_time_of_two) {
            return Ok(Some(to_two(trial, because)));
        }
        let top = ModuleName::new(name.as_ref());
        for to in top.map_or_else(Vec::new, |top| namesakes(&top, name)) {
            // the tables name it, which says more than its name
            if self.field.project(&to)?.is_some() && trial.answer.plan.swap(name, &to, because) {
                return Ok(Some(format!("takes `{to}` for `{name}`: {because}")));
            }
        }
        if trial.answer.plan.leave_out(name, because) {
            return Ok(Some(format!("leaves `{name}` out: {because}")));
        }
        // an older one may ask for less of the system; that is tried once
        let once = !trial
            .answer
            .plan
            .bounds
            .iter()
            .any(|(bound, _)| bound.name == *name);
        let older =
            uploaded.and_then(|then| Timestamp::from_second(then.as_second() - 3 * YEAR).ok());
        match older.filter(|_| once) {
            Some(instant) => self.not_after(&mut trial.answer, name, instant, because),
            None => Ok(None),
        }
    }
}

/// An answer that is being changed.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) answer: Answer,
    pub(super) pythons: Vec<PythonVersion>,
    /// How often an older release of each project was taken.
    pub(super) older: BTreeMap<PackageName, u32>,
    /// The time that the code seems to be of.
    pub(super) back_to: Option<Timestamp>,
}

/// Takes Python 2.7, which nothing but a failure asked for.
fn to_two(trial: &mut Trial, because: &str) -> String {
    let two = PythonVersion {
        major: 2,
        minor: 7,
        patch: None,
    };
    trial.pythons = vec![two];
    format!("takes Python 2.7: {because}")
}

/// Leaves out the Pythons that will not do.
fn keep_to(
    trial: &mut Trial,
    (from, below, two): (Option<u8>, Option<u8>, bool),
    because: &str,
) -> Option<String> {
    let fits = |python: &PythonVersion| match (two, python.major) {
        (true, major) => major == 2,
        (false, 2) => true,
        (false, _) => {
            from.is_none_or(|from| python.minor >= from)
                && below.is_none_or(|below| python.minor < below)
        }
    };
    let fitting: Vec<PythonVersion> = trial.pythons.iter().copied().filter(fits).collect();
    if fitting.is_empty() || fitting.len() == trial.pythons.len() {
        return None;
    }
    trial.pythons = fitting;
    let names: Vec<String> = trial.pythons.iter().map(ToString::to_string).collect();
    Some(format!("keeps to Python {}: {because}", names.join(", ")))
}
