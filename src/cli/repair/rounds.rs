//! The loop: build, import, learn, and try again with something else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pinsmith_resolver::{PackageName, PythonVersion, Timestamp};
use serde::Serialize;

use super::super::Failure;
use super::super::args::{GlobalArgs, InstallArgs};
use super::super::install::Installing;
use super::super::terminal::Terminal;
use super::evidence::OLDEST_DAY;
use super::lessons::Trial;
use super::search::{Answer, Field, key};
use super::told::{mentioned, most_likely, only_one, round, shown};
use crate::config::AsOf;
use crate::install::SyncError;
use crate::lock::{Lock, LockOptions};
use crate::render::pylock;
use crate::repair::{Lesson, PythonEvidence, Scene, learn, learn_from_build, usual_python};
use crate::requirements::Manifest;
use crate::verify::{Outcome, VerifyOptions, VerifyReport, WantedCommands, verify};

/// What one round was and how it went.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Round {
    /// From 1.
    pub(super) number: u32,
    /// The Python.
    pub(super) python: String,
    /// The pins.
    pub(super) packages: Vec<String>,
    /// How many modules have to import.
    pub(super) modules: usize,
    /// How many of them do.
    pub(super) imported: usize,
    /// What failed, in short.
    pub(super) failures: Vec<String>,
    /// What was learnt and is done otherwise in the next round.
    pub(super) learnt: Vec<String>,
}

/// How the loop ended.
pub(super) struct Ended {
    pub(super) rounds: Vec<Round>,
    /// The best answer, which is the last one when everything imports.
    pub(super) answer: Answer,
    pub(super) holds: bool,
    /// What a person should do when it does not.
    pub(super) next_step: Option<String>,
    /// System packages that are missing.
    pub(super) system: BTreeSet<String>,
    /// The environment of the answer.
    pub(super) venv: Option<PathBuf>,
}

/// What the loop works with.
pub(super) struct Loop<'a> {
    pub(super) field: Field<'a>,
    pub(super) global: &'a GlobalArgs,
    pub(super) terminal: Terminal,
    pub(super) evidence: &'a PythonEvidence,
    /// The Pythons in their order.
    pub(super) pythons: Vec<PythonVersion>,
    pub(super) work: &'a Path,
    /// The folder of the environment that was built last.
    pub(super) built: Option<PathBuf>,
    /// Whether something else than failures tells the day.
    pub(super) is_dated: bool,
}

/// What came of building and importing one answer.
pub(super) enum Tried {
    Imported(Box<VerifyReport>),
    NotBuilt(String, Vec<String>),
}

impl Loop<'_> {
    pub(super) fn run(&mut self, first: Answer) -> Result<Ended, Failure> {
        self.is_dated = first.day.is_some();
        let mut rounds: Vec<Round> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut best: Option<(usize, u32, Answer)> = None;
        let mut older: BTreeMap<PackageName, u32> = BTreeMap::new();
        let mut system = BTreeSet::new();
        let mut answer = first;
        let mut next_step = None;
        for number in 1..=self.field.args.rounds {
            seen.insert(key(&answer.resolution));
            let tried = self.build(&answer, number)?;
            let mut round = round(number, &answer, &tried);
            let failed = round.modules.saturating_sub(round.imported);
            let holds = matches!(&tried, Tried::Imported(report) if report.holds());
            let score = if matches!(tried, Tried::NotBuilt(..)) {
                usize::MAX
            } else {
                failed
            };
            if holds {
                rounds.push(round);
                return Ok(Ended {
                    rounds,
                    answer,
                    holds,
                    next_step: None,
                    system,
                    venv: self.venv(),
                });
            }
            if best.as_ref().is_none_or(|(known, ..)| score < *known) {
                best = Some((score, number, answer.clone()));
            }
            let lessons = Self::lessons(&answer, &tried);
            let doubtful = self.doubtful(&lessons)?;
            next_step = Some(doubtful.unwrap_or_else(|| most_likely(&tried, &lessons)));
            for lesson in lessons.iter().flatten() {
                if let Lesson::System { package, .. } = lesson {
                    system.insert(package.clone());
                }
            }
            let next = if number == self.field.args.rounds {
                None
            } else {
                self.next(&answer, &lessons, &seen, &mut older)?
            };
            let Some((next, learnt)) = next else {
                rounds.push(round);
                break;
            };
            round.learnt = learnt;
            rounds.push(round);
            answer = next;
        }
        let last = rounds.last().map_or(0, |round| round.number);
        let (score, number, answer) = best.unwrap_or((usize::MAX, last, answer));
        if self.field.args.keep && number != last && score < usize::MAX {
            // what was built of it is gone
            self.build(&answer, number)?;
        }
        Ok(Ended {
            rounds,
            answer,
            holds: false,
            next_step,
            system,
            venv: self.venv(),
        })
    }

    /// A project that may be meant, but is taken by nothing but its name.
    fn doubtful(&self, lessons: &[Vec<Lesson>]) -> Result<Option<String>, Failure> {
        for lesson in lessons.iter().flatten() {
            if let Lesson::Swap { from, to, .. } = lesson
                && !self.may_take(to)
                && self.field.project(to)?.is_some()
            {
                return Ok(Some(format!(
                    "`{to}` may be meant instead of `{from}`: look at it, and take it with `--accept {to}`"
                )));
            }
        }
        Ok(None)
    }

    /// The environment that was built last.
    fn venv(&self) -> Option<PathBuf> {
        let venv = self.built.as_ref()?.join("venv");
        venv.is_dir().then_some(venv)
    }

    /// Locks an answer, builds it and imports what the code imports.
    fn build(&mut self, answer: &Answer, number: u32) -> Result<Tried, Failure> {
        let python = answer.resolution.target.python.without_patch();
        let folder = self.work.join(format!("python-{python}"));
        // one environment at a time: the disk is not ours; what the last round installed may stay in it
        let last = self.built.take();
        let again = last.as_ref() == Some(&folder);
        if let Some(last) = last.filter(|_| !again) {
            let _ = std::fs::remove_dir_all(last);
        }
        let mut tried = self.build_in(&folder, answer, number)?;
        if again && matches!(tried, Tried::NotBuilt(..)) {
            // what was there may have stood in the way
            tried = self.build_in(&folder, answer, number)?;
        }
        if matches!(tried, Tried::Imported(_)) {
            self.built = Some(folder);
        }
        Ok(tried)
    }

    /// The same in a folder; what could not be built completely is removed.
    fn build_in(&self, folder: &Path, answer: &Answer, number: u32) -> Result<Tried, Failure> {
        let manifest = planned(&self.field.source.manifest, answer);
        let lock = locked(answer, &manifest)?;
        let io = |source| SyncError::io(folder, source);
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock_file = folder.join("pylock.toml");
        std::fs::write(&lock_file, pylock(&lock)).map_err(io)?;
        let options = self.options(&lock_file, &folder.join("venv"))?;
        let progress = self.terminal.progress("trying");
        let report = verify(
            &lock_file,
            &lock,
            (&self.field.source.scan, &manifest),
            &options,
            folder,
            &mut |event| progress.say(shown(number, event)),
        );
        progress.finish();
        match report {
            Ok(report) => Ok(Tried::Imported(Box::new(report))),
            Err(error) => match &error {
                SyncError::Failed { output, .. } => {
                    let _ = std::fs::remove_dir_all(folder);
                    Ok(Tried::NotBuilt(error.to_string(), output.clone()))
                }
                _ => Err(error.into()),
            },
        }
    }

    fn options(&self, lock_file: &Path, venv: &Path) -> Result<VerifyOptions, Failure> {
        let install = InstallArgs {
            groups: Vec::new(),
            extras: Vec::new(),
            no_groups: false,
            lock: Some(lock_file.to_owned()),
            accelerator_table: self.field.args.resolve.targets.accelerator_table.clone(),
            python: None,
            installer: self.field.args.installer,
            find_links: self.field.args.resolve.index.find_links.clone(),
            offline: self.field.args.resolve.index.offline,
            allow_build: self.field.args.resolve.index.allow_build,
        };
        let tree = &self.field.source.tree;
        let place = (tree.root(), tree.root());
        let mut installing = Installing::prepare(&install, self.global, place, venv.to_owned())?;
        if let Some(index) = &self.field.args.resolve.index.index_url {
            installing.options.index.clone_from(index);
        }
        // it lies in a folder of ours
        installing.options.trust_venv = true;
        Ok(VerifyOptions {
            sync: installing.options,
            import_limit: Duration::from_secs(self.field.args.timeout),
            local: Vec::new(),
            commands: WantedCommands::default(),
        })
    }

    /// For each failure the changes to try, the likeliest first.
    fn lessons(answer: &Answer, tried: &Tried) -> Vec<Vec<Lesson>> {
        let report = match tried {
            Tried::NotBuilt(_, output) => {
                let names = answer
                    .resolution
                    .packages
                    .iter()
                    .map(|package| &package.name);
                let lesson = learn_from_build(output).or_else(|| mentioned(output, names));
                let otherwise = only_one(&answer.resolution);
                return vec![lesson.into_iter().chain(otherwise).collect()];
            }
            Tried::Imported(report) => report,
        };
        let packages = answer.resolution.packages.iter();
        let scene = Scene {
            python: answer.resolution.target.python,
            installed: packages
                .map(|package| {
                    (
                        package.name.clone(),
                        (package.version.clone(), package.uploaded),
                    )
                })
                .collect(),
        };
        let failed = report
            .imports
            .iter()
            .filter(|import| import.outcome == Outcome::Failed);
        let lessons = failed.filter_map(|import| {
            let failure = import.failure.as_ref()?;
            let cause = failure.cause.as_ref()?;
            let owner = import
                .distribution
                .as_ref()
                .and_then(|name| name.parse().ok());
            let place = failure.raised_at.as_deref();
            Some(learn(&import.module, owner.as_ref(), place, cause, &scene))
        });
        lessons.filter(|lessons| !lessons.is_empty()).collect()
    }

    /// The next answer that was not tried: with the first lesson of every failure, else with one.
    fn next(
        &mut self,
        answer: &Answer,
        lessons: &[Vec<Lesson>],
        seen: &BTreeSet<String>,
        older: &mut BTreeMap<PackageName, u32>,
    ) -> Result<Option<(Answer, Vec<String>)>, Failure> {
        let ranked: Vec<Vec<&Lesson>> = lessons.iter().map(|one| self.ranked(one, older)).collect();
        let all: Vec<&Lesson> = ranked
            .iter()
            .filter_map(|one| one.first().copied())
            .collect();
        let singles = ranked.iter().flatten().map(|lesson| vec![*lesson]);
        let attempts = std::iter::once(all)
            .chain(singles)
            .filter(|all| !all.is_empty());
        for attempt in attempts {
            let mut trial = Trial {
                answer: answer.clone(),
                pythons: self.pythons.clone(),
                older: older.clone(),
                back_to: None,
            };
            let mut learnt = Vec::new();
            let mut changed = BTreeSet::new();
            for lesson in attempt {
                // one change of a project a round, whoever asks for it
                let again = |name: &PackageName| !changed.insert(name.clone());
                if !lesson.subject().is_some_and(again) {
                    learnt.extend(self.apply(lesson, &mut trial)?);
                }
            }
            if learnt.is_empty() {
                continue;
            }
            let back = self.back_in_time(&trial)?;
            for trial in back.into_iter().chain([trial]) {
                let plan = &trial.answer.plan;
                let found = self
                    .field
                    .search(plan, &trial.pythons, trial.answer.day.as_ref())?;
                if let Ok(found) = found
                    && !seen.contains(&key(&found.resolution))
                {
                    let went_back = trial.answer.day != answer.day;
                    if let Some(day) = trial.answer.day.filter(|_| went_back) {
                        let why = "the code wants a release that is older than that";
                        learnt.push(format!("goes back to {}: {why}", day.text));
                    }
                    self.pythons = trial.pythons;
                    *older = trial.older;
                    return Ok(Some((found, learnt)));
                }
            }
        }
        Ok(None)
    }

    /// The lessons of one failure, the likeliest first: when older releases lack the same, another project is
    /// meant, and at once the one that the user takes by name.
    fn ranked<'l>(
        &self,
        lessons: &'l [Lesson],
        older: &BTreeMap<PackageName, u32>,
    ) -> Vec<&'l Lesson> {
        let mut ranked: Vec<&Lesson> = lessons.iter().collect();
        ranked.sort_by_key(|lesson| match lesson {
            Lesson::Swap { to, .. } if self.field.args.source.accept.contains(to) => 0,
            Lesson::Swap { from, to, .. } if self.may_take(to) => {
                let steps = older.get(from).copied().unwrap_or_default();
                if steps < 2 { 2 } else { 0 }
            }
            _ => 1,
        });
        ranked
    }

    /// Code that wants an old release is old itself: everything as of that time, with its Python.
    fn back_in_time(&self, trial: &Trial) -> Result<Option<Trial>, Failure> {
        let Some(instant) = trial.back_to.filter(|_| !self.is_dated) else {
            return Ok(None);
        };
        let floor: Timestamp = OLDEST_DAY.parse().unwrap_or(instant);
        let Some(day) = AsOf::day_of(instant.max(floor)) else {
            return Ok(None);
        };
        let known = trial.answer.day.as_ref();
        if known.is_some_and(|known| known.instant <= day.instant) {
            return Ok(None);
        }
        let usual = usual_python(day.instant);
        let plan = &trial.answer.plan;
        let mut choices = self
            .field
            .order(self.evidence, plan, Some(day.instant), usual)?;
        choices.retain(|choice| choice.here && trial.pythons.contains(&choice.python));
        if choices.is_empty() {
            return Ok(None);
        }
        let mut trial = trial.clone();
        trial.pythons = choices.iter().map(|choice| choice.python).collect();
        trial.answer.day = Some(day);
        Ok(Some(trial))
    }
}

/// The manifest with its requirements as the plan has them.
pub(super) fn planned(manifest: &Manifest, answer: &Answer) -> Manifest {
    let mut planned = manifest.clone();
    planned.requirements = answer.plan.over(manifest);
    planned
}

/// The lock of an answer.
pub(super) fn locked(answer: &Answer, manifest: &Manifest) -> Result<Lock, Failure> {
    let options = LockOptions {
        groups: Vec::new(),
        as_of: answer.day.as_ref().map(|day| day.instant),
        direct: answer.directs.sources.clone(),
        ..LockOptions::default()
    };
    let locked =
        Lock::from_resolutions(std::slice::from_ref(&answer.resolution), manifest, &options)?;
    Ok(locked.lock)
}
