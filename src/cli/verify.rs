//! `pinsmith verify`: the locked environment, built in isolation, imports what the code imports.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::args::{GlobalArgs, VerifyArgs};
use super::env::read_spec;
use super::install::Installing;
use super::json::{SCHEMA, to_text};
use super::source::{Purpose, Source, count};
use super::terminal::{Progress, Terminal};
use super::typed::typed;
use super::{Done, Failure};
use crate::escape::visible;
use crate::install::{SyncError, SyncEvent};
use crate::verify::{
    CommandReport, ImportFailure, ImportReport, Outcome, RunOutcome, VerifyEvent, VerifyOptions,
    VerifyReport, WantedCommand, WantedCommands, local_modules, verify,
};

pub(super) fn run(
    args: &VerifyArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = super::source::open_tree(&args.source.path)?;
    let work = tempfile::Builder::new()
        .prefix("pinsmith-verify-")
        .tempdir()
        .map_err(|source| SyncError::io(Path::new("temporary folder"), source))?;
    let place = (args.source.path.as_path(), tree.root());
    let installing = Installing::prepare(&args.install, global, place, work.path().join("venv"))?;
    installing.tell(terminal);
    let purpose = Purpose::of(&installing.lock.targets);
    let source = Source::read_again(&args.source, purpose, global, terminal)?;
    let local = if args.local {
        local_modules(&source.scan, |file| {
            let bytes = source.tree.read(file).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
    } else {
        Vec::new()
    };
    let options = VerifyOptions {
        import_limit: Duration::from_secs(args.timeout),
        local,
        commands: commands(args, &installing.lock_file)?,
        sync: installing.options,
    };
    let progress = terminal.progress("verifying");
    let report = verify(
        &installing.lock_file,
        &installing.lock,
        (&source.scan, &source.manifest),
        &options,
        work.path(),
        &mut |event| show(event, &progress),
    );
    progress.finish();
    let report = match report {
        Ok(report) => report,
        Err(error) => return not_built(error, terminal),
    };
    let kept = args.keep.then(|| work.keep().join("venv"));
    let kept = kept.as_deref();
    terminal.result(&if terminal.json() {
        to_text(&Report::new(&report, kept))?
    } else {
        text(&report, terminal.verbose())
    })?;
    close(&report, kept, terminal);
    if report.holds() && !args.local && !report.imports.is_empty() {
        terminal.next(&match args.source.path.to_str() {
            Some(".") | None => "pinsmith verify --local".to_owned(),
            Some(path) => format!("pinsmith verify {} --local", typed(path)),
        });
    }
    Ok(if report.holds() { Done::Yes } else { Done::No })
}

/// The commands of the spec beside the lock that `--run` asks for.
fn commands(args: &VerifyArgs, lock_file: &Path) -> Result<WantedCommands, Failure> {
    if args.run.is_empty() {
        return Ok(WantedCommands::default());
    }
    let folder = lock_file.parent().filter(|folder| *folder != Path::new(""));
    let (spec, _) = read_spec(folder.unwrap_or(Path::new(".")))?;
    let all = args.run.iter().any(String::is_empty);
    for name in args.run.iter().filter(|name| !name.is_empty()) {
        if spec.commands.iter().all(|command| command.name != *name) {
            let known: Vec<&str> = spec.commands.iter().map(|one| one.name.as_str()).collect();
            let help = match known.as_slice() {
                [] => "add it as a [[command]] with `name` and `run`".to_owned(),
                known => format!("the spec has: {}", known.join(", ")),
            };
            let message = format!("the environment spec has no command `{name}`");
            return Err(Failure::new(message, help));
        }
    }
    let commands = spec.commands.into_iter();
    let commands = commands.filter(|command| all || args.run.contains(&command.name));
    Ok(WantedCommands {
        commands: commands
            .map(|command| WantedCommand {
                name: command.name,
                run: command.run,
                site: command.site,
            })
            .collect(),
        set: spec.variables.set,
        limit: Duration::from_secs(args.run_timeout),
    })
}

fn show(event: VerifyEvent<'_>, progress: &Progress) {
    progress.say(match event {
        VerifyEvent::Sync(SyncEvent::Step(text) | SyncEvent::Line(text)) => {
            text.chars().take(100).collect()
        }
        VerifyEvent::Import { module, done, all } => {
            format!("import {module} ({} of {all})", done + 1)
        }
        VerifyEvent::Check => "pip check".to_owned(),
        VerifyEvent::Run { name } => format!("run {name}"),
    });
}

/// A lock that cannot be installed is an answer; a network that fails is none. The installer's own
/// last words stand before what pinsmith makes of them.
fn not_built(error: SyncError, terminal: Terminal) -> Result<Done, Failure> {
    if matches!(error, SyncError::Cancelled) {
        let message = "interrupted; the temporary environment is removed";
        let help = "run `pinsmith verify` again";
        return Err(Failure::new(message, help).coded(error.code()));
    }
    let SyncError::Failed { output, cause, .. } = &error else {
        return Err(error.into());
    };
    for line in output {
        terminal.note(&format!("  {}", visible(line)));
    }
    if !cause.is_some_and(|cause| cause.of_the_lock) {
        return Err(error.into());
    }
    if terminal.json() {
        terminal.result(&to_text(&NotBuilt {
            schema: SCHEMA,
            holds: false,
            failure: NotBuiltBecause {
                message: error.to_string(),
                help: error.help(),
                output,
            },
        })?)?;
    }
    terminal.failure(
        Some(error.code()),
        &error.to_string(),
        &[error.help().to_owned()],
    );
    Ok(Done::No)
}

/// The report for programs when there is no environment.
#[derive(Serialize)]
struct NotBuilt<'a> {
    schema: u32,
    holds: bool,
    failure: NotBuiltBecause<'a>,
}

#[derive(Serialize)]
struct NotBuiltBecause<'a> {
    message: String,
    help: &'a str,
    output: &'a [String],
}

/// The report for people: what fails, what could, what was left out.
fn text(report: &VerifyReport, verbose: bool) -> String {
    let mut text = String::new();
    let sections = [
        (Outcome::Failed, "does not import", true),
        (
            Outcome::Warned,
            "does not import, and the code can do without",
            true,
        ),
        (Outcome::Skipped, "left out", verbose),
        (Outcome::Imported, "imports", verbose),
    ];
    for (outcome, title, shown) in sections {
        let mut all = report.imports.iter();
        if shown && all.any(|import| import.outcome == outcome) {
            let _ = writeln!(text, "\n{title}");
            let chosen = report.imports.iter();
            rows(&mut text, chosen.filter(|import| import.outcome == outcome));
        }
    }
    for (outcome, title, shown) in [
        (Outcome::Failed, "of the repository, does not import", true),
        (Outcome::Skipped, "of the repository, left out", verbose),
        (Outcome::Imported, "of the repository, imports", verbose),
    ] {
        let mut chosen = report
            .local
            .iter()
            .filter(|import| import.outcome == outcome)
            .peekable();
        if shown && chosen.peek().is_some() {
            let _ = writeln!(text, "\n{title}");
            rows(&mut text, chosen);
        }
    }
    if !report.commands.is_empty() {
        text.push_str("\ncommands\n");
        report
            .commands
            .iter()
            .for_each(|command| run_row(&mut text, command));
    }
    if !report.problems.is_empty() {
        text.push_str("\nthe installer says\n");
        for problem in &report.problems {
            let _ = writeln!(text, "  {}", visible(problem));
        }
    }
    text.trim_start_matches('\n').to_owned()
}

/// Modules that fail alike stand together above what they say.
fn rows<'r>(text: &mut String, imports: impl Iterator<Item = &'r ImportReport>) {
    let mut groups: Vec<Vec<&ImportReport>> = Vec::new();
    for import in imports {
        let alike = |group: &&mut Vec<&ImportReport>| group[0].failure == import.failure;
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(import),
            None => groups.push(vec![import]),
        }
    }
    for group in groups {
        for import in &group {
            row(text, import);
        }
        if let Some(failure) = &group[0].failure {
            failure_of(text, failure);
        }
    }
}

fn row(text: &mut String, import: &ImportReport) {
    let mut line = format!("  {}", import.module);
    if let (Some(name), Some(version)) = (&import.distribution, &import.version) {
        let _ = write!(line, "  {name} {version}");
    }
    let _ = write!(line, "  {}", import.site);
    if let Some(reason) = &import.reason {
        let _ = write!(line, ": {reason}");
    }
    let _ = writeln!(text, "{}", visible(&line));
}

fn failure_of(text: &mut String, failure: &ImportFailure) {
    let _ = writeln!(text, "    {}", visible(&failure.error));
    if let Some(place) = &failure.raised_at {
        let _ = writeln!(text, "    at {}", visible(place));
    }
    if failure.only_together {
        text.push_str("    only after the modules before it; by itself it imports\n");
    }
    if let Some(cause) = &failure.cause {
        let _ = writeln!(text, "    likely: {}", visible(&cause.what));
        let _ = writeln!(text, "    remedy: {}", visible(&cause.remedy));
    }
}

fn run_row(text: &mut String, command: &CommandReport) {
    let outcome = match command.outcome {
        RunOutcome::Passed => "ended without an error",
        RunOutcome::StillRunning => "was still running, without an error",
        RunOutcome::Failed => "failed",
    };
    let words: Vec<String> = command.run.iter().map(|word| typed(word)).collect();
    let line = format!("  {}  {outcome}: {}", command.name, words.join(" "));
    let _ = writeln!(text, "{}", visible(&line));
    if let Some(error) = &command.error {
        let _ = writeln!(text, "    {}", visible(error));
    }
    if let Some(cause) = &command.cause {
        let _ = writeln!(text, "    likely: {}", visible(&cause.what));
        let _ = writeln!(text, "    remedy: {}", visible(&cause.remedy));
    }
}

fn close(report: &VerifyReport, kept: Option<&Path>, terminal: Terminal) {
    let environment = &report.environment;
    terminal.diagnostics(&environment.diagnostics);
    for note in &environment.notes {
        terminal.summary("note", note);
    }
    terminal.summary(
        "installed",
        &format!(
            "{} with Python {}, through {}",
            count(environment.installed.len(), "distribution"),
            environment.python,
            environment.installer
        ),
    );
    let number = |outcome| report.count(outcome);
    let tried = report.imports.len() - number(Outcome::Skipped);
    let mut parts = vec![format!(
        "{} of {}",
        number(Outcome::Imported),
        count(tried, "module")
    )];
    for (outcome, what) in [
        (Outcome::Failed, "failed"),
        (Outcome::Warned, "guarded and missing"),
        (Outcome::Skipped, "left out"),
    ] {
        if number(outcome) > 0 {
            parts.push(format!("{} {what}", number(outcome)));
        }
    }
    terminal.summary("imported", &parts.join(", "));
    if !report.local.is_empty() {
        let number = |outcome| {
            report
                .local
                .iter()
                .filter(|one| one.outcome == outcome)
                .count()
        };
        let tried = report.local.len() - number(Outcome::Skipped);
        let mut line = format!(
            "{} of {} of the repository's own",
            number(Outcome::Imported),
            count(tried, "module")
        );
        if tried < report.local.len() {
            let _ = write!(line, ", {} left out", report.local.len() - tried);
        }
        terminal.summary("", &line);
    }
    if !report.commands.is_empty() {
        let failed = report
            .commands
            .iter()
            .filter(|one| one.outcome == RunOutcome::Failed);
        let ran = report.commands.len() - failed.count();
        terminal.summary(
            "ran",
            &format!("{ran} of {}", count(report.commands.len(), "command")),
        );
    }
    if report.problems.is_empty() {
        terminal.summary("checked", "the installed distributions fit together");
    }
    if let Some(venv) = kept {
        terminal.summary("kept", &venv.display().to_string());
    }
}

/// The report for programs.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    holds: bool,
    environment: Environment<'a>,
    imports: &'a [ImportReport],
    problems: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    local: &'a [ImportReport],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    commands: &'a [CommandReport],
}

#[derive(Serialize)]
struct Environment<'a> {
    python: &'a str,
    installer: &'a str,
    installed: &'a [String],
    notes: &'a [String],
    kept: Option<String>,
}

impl<'a> Report<'a> {
    fn new(report: &'a VerifyReport, kept: Option<&Path>) -> Self {
        let made = &report.environment;
        Self {
            schema: SCHEMA,
            holds: report.holds(),
            environment: Environment {
                python: &made.python,
                installer: made.installer,
                installed: &made.installed,
                notes: &made.notes,
                kept: kept.map(|path| path.display().to_string()),
            },
            imports: &report.imports,
            problems: &report.problems,
            local: &report.local,
            commands: &report.commands,
        }
    }
}
