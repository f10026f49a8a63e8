//! The titular function: a lock file becomes a virtual environment.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pinsmith_resolver::MarkerEnvironment;
use serde::Deserialize;

use super::chosen::{Chosen, build_bounds, notes};
use super::command::{pip_uninstall, source_command, venv_python, without_pip_configuration};
use super::process::{Surroundings, run};
use super::tools::{OLDEST_OF_UV, fetched};
use super::venv::{Place, examine, remember};
use super::{
    Installer, Interpreter, Means, Plan, SyncError, SyncOptions, plan, scrub, trusted_path,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::lock::{Lock, LockError, MAX_LOCK_BYTES, read};

/// Something that happens while an environment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncEvent<'a> {
    /// A new step begins: `pip install`.
    Step(&'a str),
    /// The installer wrote a line; control characters are made visible.
    Line(&'a str),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncReport {
    /// `uv` or `pip`.
    pub installer: &'static str,
    /// The virtual environment.
    pub venv: PathBuf,
    /// Whether it was made anew.
    pub created: bool,
    /// The Python in it.
    pub python: String,
    /// Its markers (PEP 508).
    pub markers: MarkerEnvironment,
    /// What is in it now, `name==version`, ordered.
    pub installed: Vec<String>,
    /// What was removed because the lock does not have it; uv does not say, so only with pip.
    pub removed: Vec<String>,
    /// What a person should know, such as that something was built from source.
    pub notes: Vec<String>,
    /// What reading the lock reported.
    pub diagnostics: Vec<Diagnostic>,
}

/// Makes a virtual environment hold what a lock file says, and nothing else.
///
/// # Errors
///
/// [`SyncError`]; nothing is touched when the lock, the place or the Python is refused. A virtual
/// environment that could not be completed after it was made anew is left for the next run, but
/// one that could not even be made is removed.
pub fn sync(
    lock_file: &Path,
    options: &SyncOptions,
    progress: &mut dyn FnMut(SyncEvent<'_>),
) -> Result<SyncReport, SyncError> {
    let (lock, diagnostics) = read_lock(lock_file)?;
    // Everything below runs in another folder.
    let mut options = options.clone();
    for path in [&mut options.venv, &mut options.cache_dir] {
        *path = std::path::absolute(&*path).map_err(|source| SyncError::io(path, source))?;
    }
    check_python(&options)?;
    // a wanted installer that is missing is told before anything is run
    find_installer(&options, OLDEST_OF_UV)?;
    let place = examine(&options)?;
    let work =
        tempfile::tempdir().map_err(|source| SyncError::io(Path::new("temporary"), source))?;
    let home = folder(work.path(), "home")?;
    let empty = folder(work.path(), "empty")?;
    let mut environment = scrub(
        &options.environment,
        &options.network.or_from(&options.environment),
        &home,
        &options.tree,
    );
    without_pip_configuration(&mut environment);
    let interpreter = ask_python(&options, &place, &environment, &empty)?;
    interpreter.check(&lock)?;
    options.python.clone_from(&interpreter.base);
    let uv = find_installer(&options, interpreter.minor())?;
    let folder =
        std::path::absolute(lock_file).map_err(|source| SyncError::io(lock_file, source))?;
    let folder = folder.parent().unwrap_or(Path::new("/")).to_owned();
    let chosen = Chosen::new(&lock, &interpreter, &options, &folder)?;
    if chosen.sdists.is_empty() && chosen.built.is_empty() {
        // A build could read it; wheels are only unpacked.
        environment.extend(netrc(&options.environment));
    }
    let requirements = work.path().join("requirements.txt");
    fs::write(&requirements, &chosen.requirements)
        .map_err(|source| SyncError::io(&requirements, source))?;
    let tool = match (&uv, &place) {
        (None, Place::Free) => fetched(options.tools.as_ref(), interpreter.minor())?,
        _ => None,
    };
    let bounds = build_bounds(interpreter.minor(), &chosen.sdist_days);
    let bounds_file = work.path().join("build.txt");
    fs::write(&bounds_file, bounds.join("\n"))
        .map_err(|source| SyncError::io(&bounds_file, source))?;
    let means = Means {
        uv: uv.as_deref(),
        python: interpreter.minor(),
        tool: tool.as_deref(),
        build_bounds: (!bounds.is_empty()).then_some(&*bounds_file),
        work: work.path(),
    };
    let plan = plan(
        &options,
        means,
        &requirements,
        &chosen.wheels,
        &chosen.sdists,
    );
    let surroundings = Surroundings {
        environment: &environment,
        folder: &empty,
        cancel: &options.cancel,
    };
    if place == Place::Free {
        create(&options, &plan, &surroundings, progress)?;
    }
    step(&plan.install, &surroundings, progress)?;
    if !chosen.sources.is_empty() {
        let sources = work.path().join("sources.txt");
        fs::write(&sources, &chosen.sources).map_err(|source| SyncError::io(&sources, source))?;
        let command = source_command(&options, means, &sources);
        step(&command, &surroundings, progress)?;
    }
    let removed = match &plan.list {
        Some(list) => {
            let listed = step(list, &surroundings, &mut |_| {})?;
            let others = others(&listed, &chosen.names);
            if !others.is_empty() {
                let command = pip_uninstall(&options.venv, means.python, &others);
                step(&command, &surroundings, progress)?;
            }
            others
        }
        None => Vec::new(),
    };
    Ok(SyncReport {
        installer: if uv.is_some() { "uv" } else { "pip" },
        created: place == Place::Free,
        python: interpreter.version,
        markers: interpreter.markers,
        notes: notes(&lock, &options, &chosen),
        venv: options.venv,
        installed: chosen.pins,
        removed,
        diagnostics,
    })
}

fn read_lock(path: &Path) -> Result<(Lock, Vec<Diagnostic>), SyncError> {
    let io = |source| SyncError::io(path, source);
    let wrong = |source| SyncError::Lock {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let limit = MAX_LOCK_BYTES as u64 + 1;
    let file = fs::File::open(path).map_err(io)?;
    file.take(limit).read_to_end(&mut bytes).map_err(io)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong(LockError::invalid("lock file", "it is not UTF-8")))?;
    let read = read(&text).map_err(wrong)?;
    // Installing the rest would look like success.
    match read
        .diagnostics
        .iter()
        .find(|found| found.severity == Severity::Error)
    {
        Some(found) => Err(SyncError::NotInstallable {
            package: path.display().to_string(),
            reason: found.message.clone(),
        }),
        None => Ok((read.lock, read.diagnostics)),
    }
}

/// A Python of the tree would be code of the tree.
fn check_python(options: &SyncOptions) -> Result<(), SyncError> {
    let python = &options.python;
    let folder = python.parent().unwrap_or(python);
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let tree = &options.tree;
    let real_tree = tree.canonicalize().unwrap_or_else(|_| tree.clone());
    if python.is_absolute() && !real.starts_with(real_tree) && !folder.starts_with(tree) {
        Ok(())
    } else {
        Err(SyncError::PythonOfTree(python.clone()))
    }
}

/// The path of uv, or `None` for pip, for a Python of this version.
pub(super) fn find_installer(
    options: &SyncOptions,
    python: (u8, u8),
) -> Result<Option<PathBuf>, SyncError> {
    let name = if cfg!(windows) { "uv.exe" } else { "uv" };
    let uv = || {
        trusted_path(&options.environment, &options.tree)
            .into_iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    };
    let too_old = python < OLDEST_OF_UV;
    let found = match options.installer {
        Installer::Auto if too_old => None,
        Installer::Auto => uv(),
        Installer::Uv if too_old => {
            let (major, minor) = python;
            return Err(SyncError::TooOldForUv(format!("{major}.{minor}")));
        }
        Installer::Uv => Some(uv().ok_or(SyncError::NoUv)?),
        Installer::Pip => None,
    };
    if found.is_none() && options.offline {
        return Err(SyncError::NeedsNetwork);
    }
    Ok(found)
}

fn folder(parent: &Path, name: &str) -> Result<PathBuf, SyncError> {
    let path = parent.join(name);
    fs::create_dir(&path).map_err(|source| SyncError::io(&path, source))?;
    Ok(path)
}

/// Asks the Python that the environment has or will have.
fn ask_python(
    options: &SyncOptions,
    place: &Place,
    environment: &BTreeMap<OsString, OsString>,
    empty: &Path,
) -> Result<Interpreter, SyncError> {
    let mut environment = environment.clone();
    let python = match place {
        Place::Usable => venv_python(&options.venv),
        Place::Free => {
            // Version managers put a shim in the way, which looks for itself under HOME.
            let home = OsStr::new("HOME");
            let real = options.environment.get(home).cloned();
            environment.extend(real.map(|real| (home.to_owned(), real)));
            options.python.clone()
        }
    };
    let surroundings = Surroundings {
        environment: &environment,
        folder: empty,
        cancel: &options.cancel,
    };
    Interpreter::ask(&python, &surroundings)
}

/// Where credentials for indexes stand, when the user has such a file.
fn netrc(caller: &BTreeMap<OsString, OsString>) -> Option<(OsString, OsString)> {
    let name = OsStr::new("NETRC");
    let home = || {
        let home = caller.get(OsStr::new("HOME"))?;
        Some(Path::new(home).join(".netrc").into_os_string())
    };
    let path = caller.get(name).cloned().or_else(home)?;
    Path::new(&path).is_file().then(|| (name.to_owned(), path))
}

/// Makes the environment; a half-made one is removed, for it would be refused the next time.
fn create(
    options: &SyncOptions,
    plan: &Plan,
    surroundings: &Surroundings<'_>,
    progress: &mut dyn FnMut(SyncEvent<'_>),
) -> Result<(), SyncError> {
    let steps = plan.create.iter();
    let made = steps
        .map(|command| step(command, surroundings, progress))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|_| {
            if options.temporary {
                return Ok(());
            }
            remember(options)
        });
    if made.is_err() {
        let _ = fs::remove_dir_all(&options.venv);
    }
    made
}

fn step(
    command: &super::CommandLine,
    surroundings: &Surroundings<'_>,
    progress: &mut dyn FnMut(SyncEvent<'_>),
) -> Result<Vec<String>, SyncError> {
    progress(SyncEvent::Step(command.title));
    run(command, surroundings, &mut |line| {
        progress(SyncEvent::Line(line));
    })
}

/// Names in the output of `pip list --format json` that the lock does not have, pip and its
/// helpers aside.
pub(super) fn others(listed: &[String], names: &BTreeSet<String>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Installed {
        name: pinsmith_resolver::PackageName,
    }
    // Warnings may stand before or after the one line of JSON.
    let installed: Option<Vec<Installed>> = listed
        .iter()
        .find_map(|line| serde_json::from_str(line).ok());
    let keep = |name: &String| {
        names.contains(name) || ["pip", "setuptools", "wheel"].contains(&name.as_str())
    };
    installed
        .unwrap_or_default()
        .into_iter()
        .map(|installed| installed.name.to_string())
        .filter(|name| !keep(name))
        .collect()
}
