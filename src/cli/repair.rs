//! `pinsmith repair`: what is wrong with a repository that stopped working, and what makes it work.

mod apply;
mod evidence;
mod later;
mod lessons;
mod propose;
mod pythons;
mod report;
mod repositories;
mod rounds;
mod search;
mod told;
mod usage;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use pinsmith_resolver::{PackageName, PythonVersion, Target, Timestamp, url_of};

use self::apply::{Dirty, apply, dirty};
use self::evidence::{Evidence, gather};
use self::later::{move_day, wait_for_wheels};
use self::propose::{Proposal, is_detail, propose};
use self::pythons::{every_python, first_python, usual};
use self::report::{RepairJson, Story, text};
use self::rounds::{Ended, Loop};
use self::search::{Answer, Field, target_of};
use self::usage::Used;
use super::accelerators::table;
use super::args::{GlobalArgs, RepairArgs, StrategyArg};
use super::json::{Stats, to_text};
use super::lookup::look_up;
use super::source::{Purpose, Source, count, open_tree};
use super::targets::Before;
use super::terminal::Terminal;
use super::world::{OpenIndex, World, location, megabytes};
use super::{Done, Failure};
use crate::diagnostic::{Diagnostic, Severity};
use crate::install::SyncError;
use crate::repair::pins::{Rules, dead, examine, frozen};
use crate::repair::{Confidence, Decision, Plan, PythonChoice, codes};
use crate::requirements::codes as requirement_codes;

pub(super) fn run(
    args: &RepairArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.source.path)?;
    let host = every_python(tree.root(), global);
    let before = Before::of_folders(&[tree.root()]);
    let source = Source::read(
        &args.source,
        Purpose::new(None, &args.resolve.targets),
        terminal,
    )?;
    let mut used = Used::of(&source);
    let now = Timestamp::now();
    let mut evidence = gather(args, &source, &used, &before, now);
    // which modules the standard library has depends on the Python
    let first = first_python(&evidence, &host);
    let mut source = Source::read(
        &args.source,
        Purpose::new(Some(first), &args.resolve.targets),
        terminal,
    )?;
    let location = location(&args.resolve.index, global, &host, source.tree.root())?;
    let world = World {
        location,
        host: &host,
        tree: source.tree.root(),
        accelerators: table(args.resolve.targets.accelerator_table.as_deref())?,
    };
    let platform = target_of(args, &host, first)?;
    let index = OpenIndex::for_resolution(&args.resolve, global, world, &[platform], terminal)?;
    evidence.date_by_usage(args, used.latest_day(&index.index), now);
    used.suit(evidence.strategy);
    if !args.no_lookup {
        let until = evidence.day.as_ref().map(|day| day.instant);
        look_up(&mut source, &args.source, &index.index, until);
    }
    let field = Field {
        args,
        source: &source,
        index: &index,
        host: &host,
        before: &before,
    };
    let diagnosed = diagnose(&field, &used, &mut evidence)?;
    let repair = Repair {
        field,
        global,
        terminal,
        evidence,
        used,
    };
    repair.go_on(&diagnosed)
}

/// What was found before anything is tried.
struct Diagnosed {
    plan: Plan,
    pythons: Vec<PythonVersion>,
    findings: Vec<Diagnostic>,
    decisions: Vec<Decision>,
}

fn diagnose(field: &Field<'_>, used: &Used, evidence: &mut Evidence) -> Result<Diagnosed, Failure> {
    let mut plan = Plan::of(&field.source.manifest);
    let imported: BTreeSet<PackageName> = field
        .source
        .manifest
        .imports
        .iter()
        .filter_map(|import| import.distribution.clone())
        .collect();
    let declared = plan.needs.iter().filter(|need| !need.declared.is_empty());
    plan.frozen = frozen(declared.map(|need| &need.asked), &imported);
    let mut findings: Vec<Diagnostic> = Vec::new();
    if !plan.frozen.is_empty() {
        let message = format!(
            "{} look like the output of `pip freeze`: nothing imports them",
            count(plan.frozen.len(), "pin")
        );
        let help = "they are left out one by one where they contradict the others";
        findings.push(Diagnostic::info(codes::FROZEN, message).help(help));
    }
    let usual = usual(evidence, field.host);
    leave_dead_out(&mut plan, &field.target(usual)?, &mut findings);
    let projects = field.projects(&plan)?;
    move_day(evidence, &plan, &projects);
    repositories::settle(field, &mut plan, evidence.day.as_ref(), &mut findings);
    used.bound(&mut plan, &mut findings);
    findings.extend(used.findings(&|name| field.newest(name, &plan)));
    let day = evidence.day.as_ref().map(|day| day.instant);
    let mut choices = field.order(&evidence.pythons, &plan, day, usual)?;
    if let Some(best) = choices.first() {
        wait_for_wheels(field, evidence, &plan, &projects, best.python)?;
    }
    let day = evidence.day.as_ref().map(|day| day.instant);
    if field.args.verify && choices.iter().any(|choice| choice.here) {
        // only what is here can be tried
        choices.retain(|choice| choice.here);
    }
    let Some(best) = choices.first() else {
        return Err(Failure::new("no Python fits", "name one with --python"));
    };
    let target = field.target(best.python)?;
    let rules = Rules::new(&target, day);
    for need in plan.needs.iter().filter(|need| !need.declared.is_empty()) {
        let Some(counts) = need.counts.as_ref().filter(|one| url_of(one).is_none()) else {
            continue;
        };
        let project = projects.get(&counts.name).and_then(Option::as_deref);
        findings.extend(examine(
            counts,
            need.declared.first().cloned(),
            project,
            &rules,
            &target,
        ));
    }
    let mut decisions = evidence.decisions.clone();
    decisions.push(best.decision(&evidence.pythons, usual));
    let pythons = choices
        .iter()
        .map(|choice: &PythonChoice| choice.python)
        .collect();
    findings.extend(said_before(field.source));
    findings.sort_by(|a, b| (&a.site, a).cmp(&(&b.site, b)));
    findings.dedup();
    Ok(Diagnosed {
        plan,
        pythons,
        findings,
        decisions,
    })
}

/// Dead projects, wrong names and packages of other systems.
fn leave_dead_out(plan: &mut Plan, target: &Target, findings: &mut Vec<Diagnostic>) {
    for need in plan.needs.clone() {
        let Some(dead) = dead(&need.asked.name, target).filter(|_| url_of(&need.asked).is_none())
        else {
            continue;
        };
        let message = format!(
            "`{}` cannot be used as it stands: {}",
            need.asked.name, dead.why
        );
        let mut finding = Diagnostic::warning(codes::DEAD, message);
        finding.site = need.declared.first().cloned();
        findings.push(match dead.instead {
            "" => finding.help("it is left out"),
            instead => finding.help(format!("`{instead}` is taken instead")),
        });
        // an empty text would pass for a name
        let instead = dead.instead.parse::<PackageName>().ok();
        match instead.filter(|_| !dead.instead.is_empty()) {
            Some(instead) => plan.rename(&need.asked.name, &instead, dead.why),
            None => plan.leave_out(&need.asked.name, dead.why),
        };
    }
}

/// What scanning and assembling have found that a repair deals with.
fn said_before(source: &Source) -> impl Iterator<Item = Diagnostic> + '_ {
    let said = source.diagnostics().filter(|found| !is_detail(found));
    said.filter(|found| {
        found.severity != Severity::Info
            || [requirement_codes::UNDECLARED, requirement_codes::GIT_ONLY].contains(&found.code)
    })
    .cloned()
}

/// A repository that was diagnosed.
struct Repair<'a> {
    field: Field<'a>,
    global: &'a GlobalArgs,
    terminal: Terminal,
    evidence: Evidence,
    used: Used,
}

impl Repair<'_> {
    fn go_on(&self, diagnosed: &Diagnosed) -> Result<Done, Failure> {
        let day = self.evidence.day.clone();
        let found = self
            .field
            .search(&diagnosed.plan, &diagnosed.pythons, day.as_ref())?;
        let answer = match found {
            Ok(answer) => answer,
            Err(unsolved) => return self.unsolved(diagnosed, &unsolved),
        };
        let work = tempfile::Builder::new()
            .prefix("pinsmith-repair-")
            .tempdir()
            .map_err(|source| SyncError::io(Path::new("temporary folder"), source))?;
        let strategy = self.evidence.strategy;
        let (args, source) = (self.field.args, self.field.source);
        let ended = if args.verify {
            let mut rounds = Loop {
                field: self.field,
                global: self.global,
                terminal: self.terminal,
                evidence: &self.evidence.pythons,
                pythons: diagnosed.pythons.clone(),
                work: work.path(),
                built: None,
                is_dated: false,
            };
            Some(rounds.run(answer.clone())?)
        } else {
            None
        };
        self.field.index.finish();
        let answer = ended.as_ref().map_or(&answer, |ended| &ended.answer);
        let mut proposal = propose(source, answer, strategy)?;
        if strategy == StrategyArg::Modern {
            proposal.edits.extend(self.used.rewrites(source));
        }
        let kept = args.keep.then(|| kept(work, ended.as_ref()));
        self.close(diagnosed, answer, ended.as_ref(), &proposal, kept.flatten())
    }

    fn close(
        &self,
        diagnosed: &Diagnosed,
        answer: &Answer,
        ended: Option<&Ended>,
        proposal: &Proposal,
        kept: Option<String>,
    ) -> Result<Done, Failure> {
        let mut decisions = diagnosed.decisions.clone();
        decisions.extend(moved(&self.evidence, diagnosed, answer));
        decisions.extend(answer.plan.decisions());
        let mut findings = diagnosed.findings.clone();
        findings.extend(proposal.by_hand.iter().cloned());
        findings.extend(answer.directs.diagnostics.iter().cloned());
        let dirty = dirty(self.field.source, &proposal.edits);
        findings.extend(dirty.iter().map(Dirty::diagnostic));
        let refused = self.field.args.apply && !dirty.is_empty() && !self.field.args.allow_dirty;
        let written = if self.field.args.apply && !refused {
            apply(&self.field, answer, &proposal.edits)?
        } else {
            Vec::new()
        };
        let empty = Vec::new();
        let story = Story {
            findings: &findings,
            decisions: &decisions,
            edits: &proposal.edits,
            rounds: ended.map_or(&empty, |ended| &ended.rounds),
            resolution: Some(&answer.resolution),
            unsolved: &[],
            holds: ended.map(|ended| ended.holds),
            next_step: ended.and_then(|ended| ended.next_step.as_deref()),
            system: ended.map_or_else(Vec::new, |ended| {
                ended.system.iter().map(String::as_str).collect()
            }),
            written: &written,
            kept,
            stats: self.stats(answer.resolution.solves),
        };
        self.tell(&story)?;
        if refused {
            let files: Vec<&str> = dirty.iter().map(|one| one.file.as_str()).collect();
            return Err(Failure::new(
                format!(
                    "nothing was written: no commit has the present text of {}",
                    files.join(", ")
                ),
                "commit it, or allow the change with --allow-dirty",
            )
            .coded(codes::DIRTY));
        }
        Ok(match story.holds {
            Some(false) => Done::No,
            _ => Done::Yes,
        })
    }

    fn unsolved(&self, diagnosed: &Diagnosed, unsolved: &[String]) -> Result<Done, Failure> {
        self.field.index.finish();
        let next_step = "leave one of these requirements out, or name another Python with --python";
        self.tell(&Story {
            findings: &diagnosed.findings,
            decisions: &diagnosed.decisions,
            edits: &[],
            rounds: &[],
            resolution: None,
            unsolved,
            holds: Some(false),
            next_step: Some(next_step),
            system: Vec::new(),
            written: &[],
            kept: None,
            stats: self.stats(0),
        })?;
        Ok(Done::No)
    }

    fn stats(&self, solves: u32) -> Option<Stats> {
        self.field
            .args
            .resolve
            .stats
            .then(|| self.field.index.cost(solves))
    }

    fn tell(&self, story: &Story<'_>) -> Result<(), Failure> {
        let terminal = self.terminal;
        if terminal.json() {
            terminal.result(&to_text(&RepairJson::new(story))?)?;
            return Ok(());
        }
        terminal.result(&text(story, terminal.verbose()))?;
        match story.holds {
            Some(true) => terminal.summary("repaired", "everything that the code imports imports"),
            Some(false) => terminal.summary("not yet", "see what was tried"),
            None if story.edits.is_empty() => {
                terminal.summary("unchanged", "no file of yours has to change");
            }
            None => {}
        }
        if let Some(next) = story.next_step {
            terminal.summary("likely", next);
        }
        for package in &story.system {
            terminal.summary(
                "system",
                &format!("`{package}` is missing (its name on Debian and Ubuntu)"),
            );
        }
        if let Some(kept) = &story.kept {
            terminal.summary("kept", kept);
        }
        for file in story.written {
            terminal.summary("wrote", file);
        }
        if let Some(stats) = &story.stats {
            let seconds = Duration::from_millis(stats.elapsed_ms).as_secs_f64();
            let line = format!(
                "{} requests, {:.1} MB, {seconds:.2} s",
                stats.requests,
                megabytes(stats.bytes)
            );
            terminal.summary("cost", &line);
        }
        if !self.field.args.apply {
            let number = count(story.edits.len(), "file");
            terminal.note(&format!(
                "nothing was written; `--apply` changes {number} and writes the lock"
            ));
        }
        Ok(())
    }
}

/// What was decided otherwise on the way: another day, another Python.
fn moved(evidence: &Evidence, diagnosed: &Diagnosed, answer: &Answer) -> Vec<Decision> {
    let mut decisions = Vec::new();
    let (was, is) = (evidence.day.as_ref(), answer.day.as_ref());
    if was != is {
        let decided = is.map_or_else(|| "today".to_owned(), |day| day.text.clone());
        let because = "with the releases of the day before there is no answer on this target";
        decisions.push(Decision::new("day", decided, because, Confidence::Likely));
    }
    let python = answer.resolution.target.python.without_patch();
    if diagnosed
        .pythons
        .first()
        .is_some_and(|first| first.without_patch() != python)
    {
        let because =
            "with the one before less of what is declared can be kept, or it did not import";
        decisions.push(Decision::new(
            "python",
            format!("Python {python}"),
            because,
            Confidence::Likely,
        ));
    }
    decisions
}

/// Keeps the environment of the answer.
fn kept(work: tempfile::TempDir, ended: Option<&Ended>) -> Option<String> {
    let venv = ended?.venv.as_ref()?;
    let _ = work.keep();
    Some(venv.display().to_string())
}
