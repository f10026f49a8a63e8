//! How an environment is made, as the flags, the lock and this machine say; for `sync` and `verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use pinsmith_resolver::PythonVersion;

use super::Failure;
use super::accelerators::table;
use super::args::{GlobalArgs, IndexArgs, InstallArgs, InstallerArg};
use super::chosen_lock::ChosenLock;
use super::terminal::Terminal;
use super::tools::FromIndex;
use super::world::{cache_dir, detect_host, location};
use crate::diagnostic::Diagnostic;
use crate::host::Host;
use crate::index::location::Proxy;
use crate::index::{IndexSettings, Location};
use crate::install::{Installer, Network, SyncError, SyncOptions};
use crate::lock::{Lock, Selection};

/// Whether the user wants it to end.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// What is installed, and how.
pub(super) struct Installing {
    pub(super) lock_file: PathBuf,
    pub(super) lock: Lock,
    pub(super) options: SyncOptions,
    /// Which lock was chosen among several.
    note: Option<String>,
    /// That this machine does not run its builds on a GPU.
    unfit: Option<Diagnostic>,
}

impl Installing {
    /// Reads the lock and finds Python and index; the environment will be at `venv`.
    ///
    /// `path` is the repository as it was typed, `root` its real path.
    pub(super) fn prepare(
        args: &InstallArgs,
        global: &GlobalArgs,
        (path, root): (&Path, &Path),
        venv: PathBuf,
    ) -> Result<Self, Failure> {
        let table = table(args.accelerator_table.as_deref())?;
        let named = args.lock.as_deref();
        let ChosenLock {
            file: lock_file,
            lock,
            note,
            unfit,
        } = ChosenLock::find_for_host(named, (path, root), global, &table)?;
        let wanted = match &args.python {
            Some(text) => text.parse().ok(),
            None => lock
                .targets
                .first()
                .map(|target| target.python.without_patch()),
        };
        let host = detect_host(wanted, root, global);
        let python = python(args, wanted, &host)?;
        let index = IndexArgs {
            find_links: args.find_links.clone(),
            ..IndexArgs::default()
        };
        let location = location(&index, global, &host, root)?;
        let cancel = Arc::clone(&INTERRUPTED);
        // Ctrl-C, and the signals by which CI and `timeout` end a job: without a handler pinsmith ends at
        // once, which leaves nothing half-written, but the temporary environment; the handler of the
        // first environment serves the next ones too
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
        // extra indexes stand before the main one, see `Location`
        let mut indexes: Vec<String> = location.indexes.iter().map(ToString::to_string).collect();
        let index = indexes.pop().unwrap_or_default();
        let cache = cache_dir(global).unwrap_or_else(|| std::env::temp_dir().join("pinsmith"));
        // what is started runs in another folder
        let cache = std::path::absolute(&cache).unwrap_or(cache);
        let tools = FromIndex {
            settings: IndexSettings {
                offline: args.offline,
                ..IndexSettings::new(location.clone(), cache_dir(global))
            },
            folder: cache.join("tools"),
        };
        let options = SyncOptions {
            tools: Arc::new(tools),
            selection: selection(args, &lock)?,
            venv,
            python,
            installer: match args.installer {
                InstallerArg::Auto => Installer::Auto,
                InstallerArg::Uv => Installer::Uv,
                InstallerArg::Pip => Installer::Pip,
            },
            index,
            extra_indexes: location
                .routes
                .iter()
                .map(|route| route.index.to_string())
                .chain(indexes)
                .collect(),
            links: location.links.iter().map(ToString::to_string).collect(),
            offline: args.offline,
            cache_dir: cache,
            tree: root.to_owned(),
            trust_venv: false,
            allow_build: args.allow_build,
            temporary: false,
            network: network(&location),
            environment: std::env::vars_os().collect::<BTreeMap<_, _>>(),
            cancel,
        };
        Ok(Self {
            lock_file,
            lock,
            options,
            note,
            unfit,
        })
    }

    /// Says which lock was chosen, and what this machine will not do with it.
    pub(super) fn tell(&self, terminal: Terminal) {
        if let Some(note) = &self.note {
            terminal.summary("lock", note);
        }
        terminal.diagnostics(self.unfit.as_slice());
    }
}

impl From<SyncError> for Failure {
    fn from(error: SyncError) -> Self {
        Self::new(error.to_string(), error.help()).coded(error.code())
    }
}

/// What is installed of the groups and extras of a lock.
fn selection(args: &InstallArgs, lock: &Lock) -> Result<Selection, Failure> {
    if args.no_groups {
        return Ok(Selection::Default);
    }
    if args.groups.is_empty() && args.extras.is_empty() {
        return Ok(Selection::Everything);
    }
    let mut selection = (BTreeSet::new(), BTreeSet::new());
    let named = args.groups.iter().map(|name| (name, true));
    for (name, groups_too) in named.chain(args.extras.iter().map(|name| (name, false))) {
        let is_extra = lock.extras.contains(name);
        let is_group = groups_too && lock.groups.contains(name);
        if !is_extra && !is_group {
            let what = if groups_too {
                "group or extra"
            } else {
                "extra"
            };
            let known = lock
                .extras
                .iter()
                .chain(lock.groups.iter().filter(|_| groups_too));
            let known: Vec<&str> = known.map(String::as_str).collect();
            let help = match known.as_slice() {
                [] => "lock it first, as in `pinsmith lock --group NAME`".to_owned(),
                known => format!("the lock has: {}", known.join(", ")),
            };
            return Err(Failure::new(
                format!("the lock has no {what} `{name}`"),
                help,
            ));
        }
        if is_extra {
            selection.0.insert(name.clone());
        }
        if is_group {
            selection.1.insert(name.clone());
        }
    }
    let (extras, groups) = selection;
    Ok(Selection::Some { extras, groups })
}

/// The interpreter of `--python`, else one of the version that the lock was made for.
fn python(
    args: &InstallArgs,
    wanted: Option<PythonVersion>,
    host: &Host,
) -> Result<PathBuf, Failure> {
    match (&args.python, &host.python) {
        (Some(text), _) if text.parse::<PythonVersion>().is_err() => std::path::absolute(text)
            .map_err(|error| {
                Failure::new(
                    format!("cannot use `--python {text}`: {error}"),
                    "name a version such as 3.11, or the path of an interpreter",
                )
            }),
        (_, Some(found)) => Ok(found.path.clone()),
        (_, None) => {
            let wanted = wanted.map_or_else(|| "Python".to_owned(), |v| format!("Python {v}"));
            Err(Failure::new(
                format!("{wanted} was not found on this machine"),
                "install it (with pyenv or uv, for instance), or name another with --python",
            ))
        }
    }
}

/// How the network is reached, for programs that are started.
pub(super) fn network(location: &Location) -> Network {
    Network {
        ca_bundle: location.certificate.clone(),
        client_certificate: location.client_certificate.clone(),
        proxy: match &location.proxy {
            Proxy::Url(secret) => Some(secret.0.clone()),
            Proxy::Environment | Proxy::Direct => None,
        },
    }
}
