//! `pinsmith sync`: the environment that the lock describes.

use std::path::PathBuf;

use super::args::{GlobalArgs, SyncArgs};
use super::chosen_lock::below;
use super::install::Installing;
use super::source::{count, open_tree};
use super::terminal::Terminal;
use super::typed::typed;
use super::{Done, Failure};
use crate::install::{SyncEvent, SyncOptions, SyncReport, sync};

pub(super) fn run(
    args: &SyncArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.path)?;
    let installing =
        Installing::prepare(&args.install, global, (&args.path, tree.root()), venv(args))?;
    installing.tell(terminal);
    let options = SyncOptions {
        trust_venv: args.trust_venv,
        ..installing.options
    };
    let progress = terminal.progress("installing");
    let report = sync(&installing.lock_file, &options, &mut |event| match event {
        SyncEvent::Step(step) => progress.say(step.to_owned()),
        SyncEvent::Line(line) => progress.say(line.chars().take(100).collect()),
    });
    progress.finish();
    tell(&report?, args, terminal);
    Ok(Done::Yes)
}

/// The virtual environment that is made.
fn venv(args: &SyncArgs) -> PathBuf {
    let own = || below(&args.path, ".venv");
    args.venv.clone().unwrap_or_else(own)
}

fn tell(report: &SyncReport, args: &SyncArgs, terminal: Terminal) {
    terminal.diagnostics(&report.diagnostics);
    for note in &report.notes {
        terminal.summary("note", note);
    }
    let made = if report.created { "made" } else { "updated" };
    let venv = venv(args);
    terminal.summary(
        made,
        &format!(
            "{} with Python {} and {}, through {}",
            venv.display(),
            report.python,
            count(report.installed.len(), "distribution"),
            report.installer
        ),
    );
    if !report.removed.is_empty() {
        terminal.summary("removed", &report.removed.join(", "));
    }
    let venv = venv.display();
    if cfg!(windows) {
        terminal.next(&typed(&format!("{venv}\\Scripts\\activate")));
    } else {
        terminal.next(&format!(
            "source {}",
            typed(&format!("{venv}/bin/activate"))
        ));
    }
}
