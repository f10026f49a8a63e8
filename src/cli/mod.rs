//! The command line: arguments become options, and one library call each.

mod accelerators;
pub mod args;
mod artifacts;
mod auto;
mod builder;
mod cache;
mod check;
mod chosen_lock;
mod compile;
mod configured;
mod doctor;
mod env;
mod explain;
mod generate;
mod install;
mod json;
mod lock;
mod lookup;
mod no_json;
mod one_cuda;
mod refused;
mod remembered;
mod repair;
mod report;
mod scan;
mod source;
mod strict;
mod summary;
mod sync;
pub mod targets;
pub mod terminal;
mod tools;
mod typed;
mod unsatisfiable;
mod verify;
mod world;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::diagnostic::{Code, Diagnostic};
use crate::lock::LockError;
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
        Command::Explain(args) => explain::run(args, &cli.global, terminal),
        Command::Verify(args) => verify::run(args, &cli.global, terminal),
        Command::Repair(args) => repair::run(args, &cli.global, terminal),
        Command::Doctor(args) => doctor::run(args, &cli.global, terminal),
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
