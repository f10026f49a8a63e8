//! The command line: arguments become options, and one library call each.

pub mod args;
mod as_of;
mod builder;
mod cache;
mod check;
mod compile;
mod env;
mod generate;
mod install;
mod json;
mod lock;
mod lookup;
mod refused;
mod scan;
mod source;
mod summary;
mod sync;
pub mod targets;
pub mod terminal;
mod verify;
mod world;

use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use pinsmith_resolver::{Requirement, Resolution, ResolveError, Target, Unsatisfiable};

use crate::diagnostic::{Code, Diagnostic};
use crate::lock::LockError;
use crate::requirements::Manifest;
use crate::write::WriteError;
use args::{Cli, Command};
use terminal::Terminal;

/// Runs the command that was typed and says how it went: 0 done, 1 the answer is no, 2 wrong usage
/// or the world failed.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            // clap prints help and version here too, with status 0
            let code = u8::try_from(message.exit_code()).unwrap_or(2);
            let _ = message.print();
            explain_flag(&message);
            return ExitCode::from(code);
        }
    };
    let terminal = Terminal::new(&cli.global);
    let outcome = match &cli.command {
        command if cli.global.format.is_of_findings() && !matches!(command, Command::Check(_)) => {
            Err(Failure::new(
                "this command has no findings to print in that format",
                "use `--format text` or `--format json`; `pinsmith check` has the others",
            ))
        }
        Command::Scan(args) => scan::run(args, &cli.global, terminal),
        Command::Lock(args) => lock::run(args, &cli.global, terminal),
        Command::Compile(args) => compile::run(args, &cli.global, terminal),
        Command::Sync(args) => sync::run(args, &cli.global, terminal),
        Command::Env(args) => env::run(args, &cli.global, terminal),
        Command::Generate(args) => generate::run(args, &cli.global, terminal),
        Command::Check(args) => check::run(args, &cli.global, terminal),
        Command::Verify(args) => verify::run(args, &cli.global, terminal),
        Command::Cache(args) => cache::run(args, &cli.global, terminal),
    };
    match outcome {
        Ok(Done::Yes) => ExitCode::SUCCESS,
        Ok(Done::No) => ExitCode::from(1),
        Err(failure) => {
            terminal.failure(failure.code, &failure.message, &failure.help);
            ExitCode::from(2)
        }
    }
}

/// Of a flag that only pip-compile or uv has: what to do instead.
fn explain_flag(message: &clap::Error) {
    use clap::error::{ContextKind, ContextValue};
    if let Some(ContextValue::String(flag)) = message.get(ContextKind::InvalidArg)
        && let Some(word) = refused::instead(flag)
    {
        terminal::help(word);
    }
}

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Done.
    Yes,
    /// The answer is no; it has been printed.
    No,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Its code in docs/diagnostics.md, if it has one.
    pub(crate) code: Option<Code>,
    /// What failed, on what.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Vec<String>,
}

impl Failure {
    /// A failure with one remedy.
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
            help: vec![help.into()],
        }
    }

    /// Adds the code.
    pub(crate) fn coded(self, code: Code) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            code: Some(diagnostic.code),
            message: diagnostic.message,
            help: diagnostic.help.into_iter().collect(),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::new(error.to_string(), error.help()).coded(error.code())
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        Self::new(error.to_string(), error.help()).coded(error.code())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            code: None,
            message: format!("cannot write to standard output: {error}"),
            help: Vec::new(),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self {
            code: None,
            message: format!("cannot write JSON: {error}"),
            help: Vec::new(),
        }
    }
}

/// Prints the proof that there is no answer.
fn refuse(
    proof: &Unsatisfiable,
    manifests: &[&Manifest],
    terminal: Terminal,
) -> Result<Done, Failure> {
    if terminal.json() {
        terminal.result(&json::to_text(&json::UnsatisfiableJson::new(proof))?)?;
    } else {
        let mut message = format!("no set of releases fits\n{}", proof.explanation);
        for requirement in &proof.requirements {
            if let Some(places) = places(requirement, manifests) {
                let _ = write!(message, "\n`{requirement}` is asked for at {places}");
            }
        }
        terminal.failure(None, &message, &proof.help);
    }
    Ok(Done::No)
}

/// Where a requirement of the user stands, the first three places.
fn places(requirement: &Requirement, manifests: &[&Manifest]) -> Option<String> {
    let all = manifests.iter().flat_map(|manifest| &manifest.requirements);
    let stands = all.filter(|one| one.requirement == *requirement);
    let mut sites: Vec<String> = stands
        .flat_map(|one| &one.origins)
        .map(|origin| origin.site.to_string())
        .collect();
    let more = sites.len().saturating_sub(3);
    sites.truncate(3);
    if more > 0 {
        sites.push(format!("{more} more"));
    }
    (!sites.is_empty()).then(|| sites.join(", "))
}

/// All answers of the targets, or what became of the first that has none.
fn all_or_failure(
    answers: Vec<Result<Resolution, ResolveError>>,
    targets: &[Target],
    manifests: &[&Manifest],
    terminal: Terminal,
) -> Result<Result<Vec<Resolution>, Done>, Failure> {
    let number = answers.len();
    let without: Vec<usize> = (0..number).filter(|at| answers[*at].is_err()).collect();
    let mut all = Vec::with_capacity(number);
    for (answer, target) in answers.into_iter().zip(targets) {
        match answer {
            Ok(resolution) => all.push(resolution),
            Err(ResolveError::Unsatisfiable(mut proof)) if number > 1 => {
                let others = match number - without.len() {
                    0 => "none of the other targets has one either".to_owned(),
                    1 => "one other target has an answer".to_owned(),
                    have => format!("{have} of the {number} targets have an answer"),
                };
                proof.explanation = format!("for {target}:\n{}", proof.explanation);
                proof.help.push(format!(
                    "{others}; a lock holds all its targets or none, so name only those with --python and --platform"
                ));
                let error = ResolveError::Unsatisfiable(proof);
                return answer_or_failure(error, manifests, terminal).map(Err);
            }
            Err(error) => return answer_or_failure(error, manifests, terminal).map(Err),
        }
    }
    Ok(Ok(all))
}

/// Splits a resolver's error into the answer "no" and a failure of the world.
fn answer_or_failure(
    error: ResolveError,
    manifests: &[&Manifest],
    terminal: Terminal,
) -> Result<Done, Failure> {
    match error {
        ResolveError::Unsatisfiable(proof) if proof.offline => Err(Failure {
            code: None,
            message: format!(
                "the cache does not hold what is needed\n{}",
                proof.explanation
            ),
            help: proof.help,
        }),
        ResolveError::Unsatisfiable(proof) => refuse(&proof, manifests, terminal),
        ResolveError::Source(error) => Err(Failure {
            code: None,
            message: error.message,
            help: error.help.into_iter().collect(),
        }),
    }
}
