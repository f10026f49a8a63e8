//! Which lock a command reads: the one that is named, the only one, or of several the one for this
//! machine.

use std::borrow::Borrow;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::args::GlobalArgs;
use super::world::{cache_dir, env};
use crate::accelerator::Table;
use crate::auto::{Fit, Machine, OTHER_GPU, best_fit};
use crate::diagnostic::Diagnostic;
use crate::host::{Host, HostOptions};
use crate::index::cache::Cache;
use crate::lock::Lock;

/// A lock that was read.
pub(super) struct ChosenLock {
    pub(super) file: PathBuf,
    pub(super) lock: Lock,
    /// Which one it is, where there were several.
    pub(super) note: Option<String>,
    /// That this machine does not run its builds on a GPU.
    pub(super) unfit: Option<Diagnostic>,
}

impl ChosenLock {
    /// Finds and reads it; `path` is the repository as it was typed, `root` its real path.
    pub(super) fn find(
        named: Option<&Path>,
        (path, root): (&Path, &Path),
        global: &GlobalArgs,
        table: &Table,
    ) -> Result<Self, Failure> {
        Self::find_on(named, path, || machine(root, global), table)
    }

    fn find_on<M: Borrow<Machine>>(
        named: Option<&Path>,
        path: &Path,
        machine: impl FnOnce() -> M,
        table: &Table,
    ) -> Result<Self, Failure> {
        let only = |file: PathBuf| {
            Ok(Self {
                lock: read_lock(&file)?,
                file,
                note: None,
                unfit: None,
            })
        };
        let usual = below(path, "pylock.toml");
        if let Some(named) = named {
            return only(named.to_path_buf());
        }
        if usual.exists() {
            return only(usual);
        }
        match several(path).as_slice() {
            [] => only(usual),
            [one] => only(one.clone()),
            files => Self::of_several(files, machine().borrow(), table),
        }
    }

    /// The same for a lock that is installed: says when this machine is not what it is made for.
    pub(super) fn find_for_host(
        named: Option<&Path>,
        (path, root): (&Path, &Path),
        global: &GlobalArgs,
        table: &Table,
    ) -> Result<Self, Failure> {
        // asked once: a tool of the driver may take seconds
        let known = OnceCell::new();
        let machine = || -> &Machine { known.get_or_init(|| machine(root, global)) };
        let mut chosen = Self::find_on(named, path, machine, table)?;
        let machine = machine();
        let torch = torch(&chosen.lock);
        let fit = best_fit(machine, &chosen.lock.targets, torch, table);
        chosen.unfit = fit.and_then(|(fit, target)| {
            let Fit::Idle(why) = fit else {
                return None;
            };
            let accelerator = target.accelerator;
            let message = format!("the builds of the lock are for {accelerator}, and {why}");
            let help = "they work on the processor only; `pinsmith lock --accelerator auto` makes a lock for this machine";
            Some(Diagnostic::warning(OTHER_GPU, message).help(help))
        });
        Ok(chosen)
    }

    /// The one that this machine runs best.
    fn of_several(files: &[PathBuf], machine: &Machine, table: &Table) -> Result<Self, Failure> {
        let mut best: Option<(Fit, Self)> = None;
        for file in files {
            let lock = read_lock(file)?;
            let Some((fit, target)) = best_fit(machine, &lock.targets, torch(&lock), table) else {
                continue;
            };
            let better = |(known, chosen): &(Fit, Self)| {
                let accelerator =
                    |lock: &Lock| lock.targets.iter().map(|one| one.accelerator).max();
                (&fit, Some(target.accelerator)) > (known, accelerator(&chosen.lock))
            };
            if best.as_ref().is_none_or(better) {
                let note = format!(
                    "{} of {}, for {}",
                    file.display(),
                    files.len(),
                    machine.seen()
                );
                let chosen = Self {
                    file: file.clone(),
                    lock: lock.clone(),
                    note: Some(note),
                    unfit: None,
                };
                best = Some((fit, chosen));
            }
        }
        let names: Vec<String> = files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        best.map(|(_, chosen)| chosen).ok_or_else(|| {
            Failure::new(
                format!(
                    "none of the locks {} is for this platform",
                    names.join(", ")
                ),
                "name one with --lock FILE, or make one with `pinsmith lock --accelerator auto`",
            )
        })
    }
}

/// `pylock.*.toml` of a folder, in the order of their names.
pub(super) fn several(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut files: Vec<PathBuf> = names
        .filter(|name| {
            let slug = name.strip_prefix("pylock.");
            slug.and_then(|rest| rest.strip_suffix(".toml")).is_some()
        })
        .map(|name| below(path, &name))
        .collect();
    files.sort();
    files
}

fn machine(root: &Path, global: &GlobalArgs) -> Machine {
    let options = HostOptions {
        gpus: true,
        memory: Some(Arc::new(Cache::new(cache_dir(global)))),
        ..HostOptions::from_env(&env, None)
    };
    Machine::of(&Host::detect(&options, root))
}

fn torch(lock: &Lock) -> Option<&pinsmith_resolver::Version> {
    let all = lock.packages.iter();
    let torch = all.filter(|one| one.name.as_ref() == "torch");
    torch.map(|one| &one.version).max()
}

/// Reads a lock file.
pub(super) fn read_lock(file: &Path) -> Result<Lock, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::new(
            format!("cannot read the lock `{}`: {error}", file.display()),
            "make one with `pinsmith lock`, or name it with --lock FILE",
        )
    })?;
    let read = crate::lock::read(&text).map_err(|error| {
        Failure::new(
            format!("cannot use `{}`: {error}", file.display()),
            error.help(),
        )
    })?;
    Ok(read.lock)
}

/// A file of the repository, as one would type it.
pub(super) fn below(folder: &Path, name: &str) -> PathBuf {
    if folder == Path::new(".") {
        PathBuf::from(name)
    } else {
        folder.join(name)
    }
}
