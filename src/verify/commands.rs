//! Runs declared commands in a copy of the tree, each under a time limit.
//!
//! This runs code of the tree, so it happens only where the user asked for it. The copy is thrown away,
//! the environment is the narrow one of the imports, and nothing of the original can be overwritten
//! by a relative path.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::VerifyEvent;
use super::import::{Place, error_line, signal};
use crate::escape::visible;
use crate::failure::{LikelyCause, likely_cause};
use crate::install::{
    CommandLine, Ending, Limit, Surroundings, SyncError, SyncOptions, execute, trusted_path,
};
use crate::scan::Site;

/// How many last lines are looked at.
const TAIL: usize = 200;
/// How many last lines are reported.
const SHOWN: usize = 10;
/// The largest tree that is copied, in bytes.
const MAX_COPY: u64 = 2 * 1024 * 1024 * 1024;

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCommand {
    /// Its name in the spec.
    pub name: String,
    /// The program and its arguments.
    pub run: Vec<String>,
    /// Where it was read.
    pub site: Option<Site>,
}

/// What is run, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedCommands {
    /// In order.
    pub commands: Vec<WantedCommand>,
    /// Variables to set.
    pub set: BTreeMap<String, String>,
    /// How long one may take.
    pub limit: Duration,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// With status 0.
    Passed,
    /// It was still running without a complaint when its time was over.
    StillRunning,
    /// With an error.
    Failed,
}

/// A command and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandReport {
    /// Its name.
    pub name: String,
    /// The program and its arguments.
    pub run: Vec<String>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How it failed: its last telling line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What that probably means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<LikelyCause>,
    /// Its last lines, when it failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

/// Runs the commands one after the other.
pub(super) fn run(
    wanted: &WantedCommands,
    place: &Place,
    options: &SyncOptions,
    progress: &mut dyn FnMut(VerifyEvent<'_>),
) -> Result<Vec<CommandReport>, SyncError> {
    if wanted.commands.is_empty() {
        return Ok(Vec::new());
    }
    let copy = place.work.join("tree");
    copy_tree(&options.tree, &copy)?;
    let bin = place.python.parent().unwrap_or(Path::new("/")).to_owned();
    let mut environment = place.environment.clone();
    let mut path = vec![bin.clone()];
    path.extend(trusted_path(&options.environment, &options.tree));
    environment.insert(
        "PATH".into(),
        std::env::join_paths(&path).unwrap_or_default(),
    );
    environment.insert("VIRTUAL_ENV".into(), options.venv.clone().into());
    environment.insert("PYTHONDONTWRITEBYTECODE".into(), "1".into());
    // a window would wait for somebody
    environment.insert("MPLBACKEND".into(), "Agg".into());
    environment.extend(
        wanted
            .set
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    let mut reports = Vec::new();
    for command in &wanted.commands {
        progress(VerifyEvent::Run {
            name: &command.name,
        });
        let surroundings = Surroundings {
            environment: &environment,
            folder: &copy,
            cancel: &options.cancel,
        };
        reports.push(one(command, &path, wanted.limit, &surroundings, options)?);
    }
    Ok(reports)
}

fn one(
    command: &WantedCommand,
    path: &[PathBuf],
    limit: Duration,
    surroundings: &Surroundings<'_>,
    options: &SyncOptions,
) -> Result<CommandReport, SyncError> {
    let report = |outcome, text: Option<String>, tail: VecDeque<String>| {
        let context: Vec<&str> = tail.iter().map(String::as_str).collect();
        let context = context.join("\n");
        let folder = format!("{}/", surroundings.folder.display());
        let short = |text: &str| {
            let text = text.replace(&folder, "");
            visible(&text.replace(&format!("{}/", options.venv.display()), "")).into_owned()
        };
        let failed = outcome == RunOutcome::Failed;
        let text = text.or_else(|| failed.then(|| error_line(&last_block(&tail)).to_owned()));
        CommandReport {
            name: command.name.clone(),
            run: command.run.clone(),
            outcome,
            cause: text
                .as_deref()
                .and_then(|text| likely_cause(text, &context)),
            error: text.map(|text| short(text.strip_prefix("pinsmith: ").unwrap_or(&text))),
            output: if failed {
                let skipped = tail.len().saturating_sub(SHOWN);
                tail.iter().skip(skipped).map(|line| short(line)).collect()
            } else {
                Vec::new()
            },
        }
    };
    let program = command.run.first().map_or("", String::as_str);
    let Some(found) = program_of(program, path, surroundings.folder) else {
        let text = format!("pinsmith: there is no program `{program}` in the environment");
        return Ok(report(RunOutcome::Failed, Some(text), VecDeque::new()));
    };
    let line = CommandLine {
        title: "command",
        program: found,
        arguments: command.run.iter().skip(1).map(OsString::from).collect(),
    };
    let limit = Limit {
        time: limit,
        per_line: false,
    };
    let mut tail = VecDeque::new();
    let ending = execute(&line, surroundings, Some(limit), &mut |_, line| {
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line.to_owned());
    })?;
    Ok(match ending {
        Ending::TimedOut => report(RunOutcome::StillRunning, None, VecDeque::new()),
        Ending::Status(status) if status.success() => {
            report(RunOutcome::Passed, None, VecDeque::new())
        }
        Ending::Status(status) => {
            let text = signal(status).map(|signal| format!("pinsmith: ended by signal {signal}"));
            let silent = tail.iter().all(|line| line.trim().is_empty());
            let code = status.code().unwrap_or_default();
            let text =
                text.or_else(|| silent.then(|| format!("pinsmith: ended with status {code}")));
            report(RunOutcome::Failed, text, tail)
        }
    })
}

/// The text that an exception ends with: what follows the last frame of a traceback.
fn last_block(tail: &VecDeque<String>) -> String {
    let start = tail.iter().rposition(|line| line.starts_with("  File \""));
    let lines = tail
        .iter()
        .skip(start.map_or(tail.len().saturating_sub(3), |at| at + 1));
    lines.map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// A program by name on the path, or by a path inside the copied tree.
fn program_of(program: &str, path: &[PathBuf], tree: &Path) -> Option<PathBuf> {
    let program = match program {
        "python2" | "python3" => "python",
        other => other,
    };
    if program.contains('/') {
        let inside = Path::new(program);
        let stays = inside
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        return stays
            .then(|| tree.join(inside))
            .filter(|path| path.is_file());
    }
    let name = if cfg!(windows) {
        format!("{program}.exe")
    } else {
        program.to_owned()
    };
    let mut folders = path.iter().map(|folder| folder.join(&name));
    folders.find(|path| path.is_file())
}

/// Copies the tree without what git ignores, version control and virtual environments; links are
/// not followed.
fn copy_tree(tree: &Path, copy: &Path) -> Result<(), SyncError> {
    let mut bytes = 0_u64;
    let counts = |entry: &ignore::DirEntry| {
        entry.file_name() != ".git" && !entry.path().join("pyvenv.cfg").is_file()
    };
    let walk = ignore::WalkBuilder::new(tree)
        .hidden(false)
        .require_git(false)
        .filter_entry(counts)
        .build();
    for entry in walk.flatten() {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = entry.path().strip_prefix(tree) else {
            continue;
        };
        bytes += entry.metadata().map_or(0, |about| about.len());
        if bytes > MAX_COPY {
            let reason =
                std::io::Error::other("the repository has more than 2 GiB; nothing of it is run");
            return Err(SyncError::io(tree, reason));
        }
        let to = copy.join(file);
        let folder = to.parent().unwrap_or(copy);
        fs::create_dir_all(folder).map_err(|source| SyncError::io(folder, source))?;
        fs::copy(entry.path(), &to).map_err(|source| SyncError::io(&to, source))?;
    }
    fs::create_dir_all(copy).map_err(|source| SyncError::io(copy, source))
}
