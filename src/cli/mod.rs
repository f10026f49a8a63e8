//! The command line: arguments become options, and one library call each.

pub mod args;
mod cache;
mod compile;
mod json;
mod lock;
mod scan;
mod source;
mod sync;
pub mod terminal;
mod world;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use pinsmith_resolver::{ResolveError, Unsatisfiable};

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
            return ExitCode::from(code);
        }
    };
    let terminal = Terminal::new(&cli.global);
    let outcome = match &cli.command {
        Command::Scan(args) => scan::run(args, terminal),
        Command::Lock(args) => lock::run(args, &cli.global, terminal),
        Command::Compile(args) => compile::run(args, &cli.global, terminal),
        Command::Sync(args) => sync::run(args, &cli.global, terminal),
        Command::Cache(args) => cache::run(args, &cli.global, terminal),
    };
    match outcome {
        Ok(Done::Yes) => ExitCode::SUCCESS,
        Ok(Done::No) => ExitCode::from(1),
        Err(failure) => {
            terminal.failure(&failure.message, &failure.help);
            ExitCode::from(2)
        }
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
    /// What failed, on what.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) help: Vec<String>,
}

impl Failure {
    /// A failure with one remedy.
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: vec![help.into()],
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self {
            message: format!("cannot write to standard output: {error}"),
            help: Vec::new(),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self {
            message: format!("cannot write JSON: {error}"),
            help: Vec::new(),
        }
    }
}

/// Prints the proof that there is no answer.
fn refuse(proof: &Unsatisfiable, terminal: Terminal) -> Result<Done, Failure> {
    if terminal.json() {
        terminal.result(&json::to_text(&json::UnsatisfiableJson::new(proof))?)?;
    } else {
        let message = format!("no set of releases fits\n{}", proof.explanation);
        terminal.failure(&message, &proof.help);
    }
    Ok(Done::No)
}

/// Splits a resolver's error into the answer "no" and a failure of the world.
fn answer_or_failure(error: ResolveError, terminal: Terminal) -> Result<Done, Failure> {
    match error {
        ResolveError::Unsatisfiable(proof) => refuse(&proof, terminal),
        ResolveError::Source(error) => Err(Failure {
            message: error.message,
            help: error.help.into_iter().collect(),
        }),
    }
}
