//! `pinsmith sync`: the environment that the lock describes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pinsmith_resolver::PythonVersion;

use super::args::{GlobalArgs, IndexArgs, InstallerArg, SyncArgs};
use super::source::{count, open_tree};
use super::terminal::Terminal;
use super::world::{cache_dir, detect_host, location, typed};
use super::{Done, Failure};
use crate::index::Location;
use crate::index::location::Proxy;
use crate::install::{Installer, Network, SyncEvent, SyncOptions, SyncReport, sync};

pub(super) fn run(
    args: &SyncArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.path)?;
    let lock_file = args
        .lock
        .clone()
        .unwrap_or_else(|| below(&args.path, "pylock.toml"));
    let wanted = wanted_python(args, &lock_file)?;
    let host = detect_host(wanted, tree.root(), global);
    let python = match (&args.python, &host.python) {
        (Some(text), _) if text.parse::<PythonVersion>().is_err() => std::path::absolute(text)
            .map_err(|error| {
                Failure::new(
                    format!("cannot use `--python {text}`: {error}"),
                    "name a version such as 3.11, or the path of an interpreter",
                )
            })?,
        (_, Some(found)) => found.path.clone(),
        (_, None) => {
            let wanted = wanted.map_or_else(|| "Python".to_owned(), |v| format!("Python {v}"));
            return Err(Failure::new(
                format!("{wanted} was not found on this machine"),
                "install it (with pyenv or uv, for instance), or name another with --python",
            ));
        }
    };
    let index = IndexArgs::default();
    let location = location(&index, global, &host, tree.root())?;
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    // without a handler Ctrl-C ends pinsmith at once, which leaves nothing half-written either
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let options = options(args, global, &location, python, tree.root(), cancel);
    let progress = terminal.progress("installing");
    let report = sync(&lock_file, &options, &mut |event| match event {
        SyncEvent::Step(step) => progress.say(step.to_owned()),
        SyncEvent::Line(line) => progress.say(line.chars().take(100).collect()),
    });
    progress.finish();
    let report = report
        .map_err(|error| Failure::new(error.to_string(), error.help()).coded(error.code()))?;
    tell(&report, args, terminal);
    Ok(Done::Yes)
}

/// The virtual environment that is made.
fn venv(args: &SyncArgs) -> PathBuf {
    let own = || below(&args.path, ".venv");
    args.venv.clone().unwrap_or_else(own)
}

/// A file of the repository, as one would type it.
fn below(folder: &Path, name: &str) -> PathBuf {
    if folder == Path::new(".") {
        PathBuf::from(name)
    } else {
        folder.join(name)
    }
}

/// The Python of `--python`, else the one that the lock was made for.
fn wanted_python(args: &SyncArgs, lock_file: &Path) -> Result<Option<PythonVersion>, Failure> {
    if let Some(text) = &args.python {
        return Ok(text.parse().ok());
    }
    let text = std::fs::read_to_string(lock_file).map_err(|error| {
        Failure::new(
            format!("cannot read the lock `{}`: {error}", lock_file.display()),
            "make one with `pinsmith lock`, or name it with --lock FILE",
        )
    })?;
    let read = crate::lock::read(&text).map_err(|error| {
        Failure::new(
            format!("cannot use `{}`: {error}", lock_file.display()),
            error.help(),
        )
    })?;
    let targets = read.lock.targets.iter();
    let python = targets.map(|target| target.python.without_patch()).next();
    Ok(python)
}

fn options(
    args: &SyncArgs,
    global: &GlobalArgs,
    location: &Location,
    python: PathBuf,
    tree: &Path,
    cancel: Arc<AtomicBool>,
) -> SyncOptions {
    // extra indexes stand before the main one, see `Location`
    let mut indexes: Vec<String> = location.indexes.iter().map(ToString::to_string).collect();
    let index = indexes.pop().unwrap_or_default();
    SyncOptions {
        venv: venv(args),
        python,
        installer: match args.installer {
            InstallerArg::Auto => Installer::Auto,
            InstallerArg::Uv => Installer::Uv,
            InstallerArg::Pip => Installer::Pip,
        },
        index,
        extra_indexes: indexes,
        offline: args.offline,
        cache_dir: cache_dir(global).unwrap_or_else(|| std::env::temp_dir().join("pinsmith")),
        tree: tree.to_owned(),
        trust_venv: args.trust_venv,
        network: Network {
            ca_bundle: location.certificate.clone(),
            client_certificate: location.client_certificate.clone(),
            proxy: match &location.proxy {
                Proxy::Url(secret) => Some(secret.0.clone()),
                Proxy::Environment | Proxy::Direct => None,
            },
        },
        environment: std::env::vars_os().collect::<BTreeMap<_, _>>(),
        cancel,
    }
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
