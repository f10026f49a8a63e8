//! From a plan to an answer: as little as possible is given up on the way.

use pinsmith_resolver::{
    Asked, PackageName, PackageSource as _, Project, PythonVersion, ReleasesAnswer, Request,
    Resolution, ResolveError, Target, Timestamp, Version, resolve_all, specifiers_of, to_ranges,
    url_of,
};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Failure;
use super::super::accelerators::table;
use super::super::args::RepairArgs;
use super::super::source::Source;
use super::super::targets::{Before, targets};
use super::super::world::{Directs, OpenIndex, options, read_direct};
use crate::config::AsOf;
use crate::host::Host;
use crate::repair::pins::{Rules, Standing};
use crate::repair::{Fate, Plan, PythonChoice, PythonEvidence, choose_pythons};

/// How many Pythons are tried in full.
const PYTHONS: usize = 4;

/// How often a plan is relaxed for one Python and day.
const RELAXED: usize = 40;

/// How far the day is moved when nothing else helps, in days; the last one is today.
const LATER: [Option<i64>; 4] = [Some(180), Some(365), Some(730), None];

/// What answers are looked for over.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) args: &'a RepairArgs,
    pub(super) source: &'a Source,
    pub(super) index: &'a OpenIndex,
    pub(super) host: &'a Host,
    pub(super) before: &'a Before,
}

/// A plan with its answer.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) plan: Plan,
    pub(super) resolution: Resolution,
    pub(super) directs: Arc<Directs>,
    pub(super) day: Option<AsOf>,
}

/// Why there is none: the last proof.
pub(super) type Unsolved = Vec<String>;

impl Field<'_> {
    /// The target of a Python on this machine, or on the platform that was named.
    pub(super) fn target(&self, python: PythonVersion) -> Result<Target, Failure> {
        target_of(self.args, self.host, python)
    }

    /// The Pythons in the order in which they suit a plan.
    pub(super) fn order(
        &self,
        evidence: &PythonEvidence,
        plan: &Plan,
        day: Option<Timestamp>,
        usual: PythonVersion,
    ) -> Result<Vec<PythonChoice>, Failure> {
        let projects = self.projects(plan)?;
        let roots = plan.roots();
        let fit = |python: PythonVersion| {
            let Ok(target) = self.target(python) else {
                return (usize::MAX, 0);
            };
            let rules = Rules::new(&target, day);
            let standing: Vec<Standing> = roots
                .iter()
                .filter_map(|root| {
                    let project = projects.get(&root.name)?.as_ref()?;
                    Some(rules.standing(root, project))
                })
                .collect();
            let number = |wanted| standing.iter().filter(|one| **one == wanted).count();
            (number(Standing::NotHere), number(Standing::Builds))
        };
        let all = self.host.interpreters.iter();
        let here: Vec<PythonVersion> = all.map(|one| one.version.without_patch()).collect();
        Ok(choose_pythons(evidence, usual, &fit, &here))
    }

    /// The release that would be taken today where nobody pins one.
    pub(super) fn newest(&self, name: &PackageName, plan: &Plan) -> Option<Version> {
        let project = self.project(name).ok()??;
        let declared = plan.needs.iter().filter(|need| !need.declared.is_empty());
        let asked = declared.filter(|need| need.asked.name == *name);
        let ranges: Vec<_> = asked
            .map(|need| to_ranges(&specifiers_of(&need.asked)))
            .collect();
        let mut releases = project.releases().iter().rev();
        let newest = releases.find(|release| {
            !release.version.any_prerelease()
                && ranges.iter().all(|range| range.contains(&release.version))
        });
        newest.map(|release| release.version.clone())
    }

    /// What the index says of a project.
    pub(super) fn project(&self, name: &PackageName) -> Result<Option<Arc<Project>>, Failure> {
        let answer = self.index.index.releases(name).map_err(failed)?;
        match answer {
            ReleasesAnswer::Found(project) => Ok(Some(project)),
            ReleasesAnswer::NotFound => Ok(None),
            ReleasesAnswer::Offline => Err(Failure::new(
                format!("`{name}` is not in the cache, and the network is switched off"),
                "run once without --offline",
            )),
        }
    }

    /// Solves a plan as it stands.
    pub(super) fn solve(
        &self,
        plan: &Plan,
        target: &Target,
        day: Option<&AsOf>,
    ) -> Result<(Resolution, Directs), ResolveError> {
        let request = Request {
            roots: plan.roots(),
            constraints: [self.source.manifest.constraints.clone(), plan.constraints()].concat(),
            preferences: self.before.kept_on(target, &self.args.resolve.upgrade),
            ..Request::default()
        };
        let mut asked = [Asked {
            target: target.clone(),
            request,
        }];
        let directs = read_direct(
            &mut asked,
            &[&self.source.manifest],
            Some(&self.source.tree),
            self.source.tree.root(),
            &self.index.index,
            self.args.resolve.index.offline,
        );
        let mut options = options(&self.args.resolve);
        options.as_of = day.map(|day| day.instant);
        let mut answers = resolve_all(&asked, &self.index.index, &options);
        match answers.pop() {
            Some(answer) => Ok((answer?, directs)),
            None => Err(ResolveError::Source(pinsmith_resolver::SourceError {
                code: None,
                message: "nothing was asked".to_owned(),
                help: None,
            })),
        }
    }

    /// Solves a plan, giving up what stands in the way, up to a fate.
    pub(super) fn relaxed(
        &self,
        mut plan: Plan,
        target: &Target,
        day: Option<&AsOf>,
        most: Fate,
    ) -> Result<Result<Answer, Unsolved>, Failure> {
        for _ in 0..RELAXED {
            match self.solve(&plan, target, day) {
                Ok((resolution, directs)) => {
                    let answer = Answer {
                        plan,
                        resolution,
                        directs: Arc::new(directs),
                        day: day.cloned(),
                    };
                    return self.restored(answer, target).map(Ok);
                }
                Err(ResolveError::Source(error)) => return Err(failed(error)),
                Err(ResolveError::Unsatisfiable(proof)) => {
                    if !plan.relax(&proof, most) {
                        return Ok(Err(proof.story(&|_| None)));
                    }
                }
            }
        }
        Ok(Err(vec![
            "too many requirements contradict each other".to_owned(),
        ]))
    }

    /// The answer with everything as it was asked that need not have been given up.
    fn restored(&self, mut answer: Answer, target: &Target) -> Result<Answer, Failure> {
        for at in answer.plan.given_up() {
            let plan = answer.plan.restored(at);
            match self.solve(&plan, target, answer.day.as_ref()) {
                Ok((resolution, directs)) => {
                    answer.plan = plan;
                    answer.resolution = resolution;
                    answer.directs = Arc::new(directs);
                }
                Err(ResolveError::Source(error)) => return Err(failed(error)),
                Err(ResolveError::Unsatisfiable(_)) => {}
            }
        }
        Ok(answer)
    }

    /// The answer that gives up least, over the Pythons in their order and then over later days.
    pub(super) fn search(
        &self,
        plan: &Plan,
        pythons: &[PythonVersion],
        day: Option<&AsOf>,
    ) -> Result<Result<Answer, Unsolved>, Failure> {
        let mut proof = Vec::new();
        let mut best: Option<Answer> = None;
        // versions stay in their series as long as the day may still move
        let first = if day.is_some() {
            Fate::Compatible
        } else {
            Fate::Loosened
        };
        for &python in pythons.iter().take(PYTHONS) {
            let target = self.target(python)?;
            match self.relaxed(plan.clone(), &target, day, first)? {
                Ok(answer) if answer.plan.cost() == plan.cost() => return Ok(Ok(answer)),
                Ok(answer) => {
                    let cost = |one: &Answer| one.plan.cost();
                    if best.as_ref().is_none_or(|best| cost(&answer) < cost(best)) {
                        best = Some(answer);
                    }
                }
                Err(story) if proof.is_empty() => proof = story,
                Err(_) => {}
            }
        }
        if let Some(best) = best {
            return Ok(Ok(best));
        }
        let Some(day) = day else {
            return Ok(Err(proof));
        };
        for &python in pythons.iter().take(2) {
            let target = self.target(python)?;
            for days in LATER {
                let later = days.and_then(|days| later(day.instant, days));
                let later = later.and_then(AsOf::day_of);
                let found =
                    self.relaxed(plan.clone(), &target, later.as_ref(), Fate::Compatible)?;
                if let Ok(answer) = found {
                    return Ok(Ok(answer));
                }
            }
            if let Ok(answer) = self.relaxed(plan.clone(), &target, Some(day), Fate::Loosened)? {
                return Ok(Ok(answer));
            }
        }
        Ok(Err(proof))
    }

    /// The projects behind the requirements that count.
    pub(super) fn projects(
        &self,
        plan: &Plan,
    ) -> Result<BTreeMap<PackageName, Option<Arc<Project>>>, Failure> {
        let roots = plan.roots();
        let of_index = roots.iter().filter(|root| url_of(root).is_none());
        of_index
            .map(|root| Ok((root.name.clone(), self.project(&root.name)?)))
            .collect()
    }
}

/// The target of a Python, as flags and machine say.
pub(super) fn target_of(
    args: &RepairArgs,
    host: &Host,
    python: PythonVersion,
) -> Result<Target, Failure> {
    let mut wanted = args.resolve.targets.clone();
    wanted.python = vec![python];
    let accelerators = table(wanted.accelerator_table.as_deref())?;
    let found = targets(&wanted, host, &[], &accelerators)?;
    let none = || Failure::new("no platform is named", "name one with --platform");
    found.into_iter().next().ok_or_else(none)
}

fn later(instant: Timestamp, days: i64) -> Option<Timestamp> {
    Timestamp::from_second(instant.as_second() + days * 86_400).ok()
}

pub(super) fn failed(error: pinsmith_resolver::SourceError) -> Failure {
    Failure {
        code: None,
        message: error.message,
        help: error.help.into_iter().collect(),
    }
}

/// The name of every pin, in one line: the same set is not built twice.
pub(super) fn key(resolution: &Resolution) -> String {
    let pins: Vec<String> = resolution
        .packages
        .iter()
        .map(ToString::to_string)
        .collect();
    format!("{} {}", resolution.target.python, pins.join(" "))
}
