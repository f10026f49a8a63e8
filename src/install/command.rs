//! The commands of a synchronisation, as values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::tools::isolation;
use super::{Network, SyncOptions};

/// A program with its arguments; the environment is the same for all commands of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// What it does, in short: `uv pip sync`.
    pub title: &'static str,
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its arguments, each one word.
    pub arguments: Vec<OsString>,
}

impl fmt::Display for CommandLine {
    /// For people to read, not for a shell.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.program.display())?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(f, " {}", argument.display()))
    }
}

/// What will be run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Make the virtual environment, unless it is there.
    pub create: Vec<CommandLine>,
    /// Installs every pin.
    pub install: CommandLine,
    /// Lists what is installed as JSON, so that what the lock does not have can be removed; uv
    /// does that itself.
    pub list: Option<CommandLine>,
}

/// With what an environment is made.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// The path of uv, or `None` for pip.
    pub uv: Option<&'a Path>,
    /// The Python of the environment, as `(major, minor)`.
    pub python: (u8, u8),
    /// The wheel of the [`Tool`](super::Tool) that pip needs with this Python.
    pub tool: Option<&'a Path>,
    /// Bounds of build requirements, as a file; only uv takes them.
    pub build_bounds: Option<&'a Path>,
    /// A temporary folder.
    pub work: &'a Path,
}

/// Which packages may come how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pins<'a> {
    /// Names that have a wheel in the lock.
    pub(super) wheels: &'a [String],
    /// Names that only have an sdist.
    pub(super) sdists: &'a [String],
}

/// The commands that install a requirements file with hashes.
///
/// `sdists` are the names that have no wheel in the lock and have to be built, `wheels` the rest.
pub fn plan(
    options: &SyncOptions,
    means: Means<'_>,
    requirements: &Path,
    wheels: &[String],
    sdists: &[String],
) -> Plan {
    let pins = Pins { wheels, sdists };
    match means.uv {
        Some(uv) => uv_plan(options, (uv, means.build_bounds), requirements, pins),
        None => pip_plan(options, means, requirements, pins),
    }
}

/// Where the Python of a virtual environment lies.
pub(crate) fn venv_python(venv: &Path) -> PathBuf {
    if cfg!(windows) {
        venv.join("Scripts").join("python.exe")
    } else {
        venv.join("bin").join("python")
    }
}

/// The command that builds and installs what comes from repositories and folders; it has no hashes.
pub(super) fn source_command(
    options: &SyncOptions,
    means: Means<'_>,
    requirements: &Path,
) -> CommandLine {
    let python = venv_python(&options.venv);
    let arguments = match means.uv {
        Some(_) => Arguments::new(&["pip", "install", "--no-deps", "--no-config"])
            .words(&["--no-python-downloads", "--color", "never", "--no-progress"])
            .pair("--cache-dir", options.cache_dir.join("uv"))
            .pair("--python", &python)
            .pair("--default-index", &options.index),
        None => pip(means.python)
            .words(&["--no-input", "install", "--no-deps"])
            .words(&["--progress-bar", "off"])
            .pair("--index-url", &options.index)
            .pair("--cache-dir", options.cache_dir.join("pip")),
    };
    let (title, program) = match means.uv {
        Some(uv) => ("uv pip install", uv),
        None => ("pip install", python.as_path()),
    };
    arguments
        .pair("--requirement", requirements)
        .command(title, program)
}

fn uv_plan(
    options: &SyncOptions,
    (uv, build_bounds): (&Path, Option<&Path>),
    requirements: &Path,
    pins: Pins<'_>,
) -> Plan {
    let common = |arguments: Arguments| {
        arguments
            .words(&[
                "--no-config",
                "--no-python-downloads",
                "--color",
                "never",
                "--no-progress",
            ])
            .pair("--cache-dir", options.cache_dir.join("uv"))
    };
    let create = common(Arguments::new(&["venv"]))
        .pair("--python", &options.python)
        .word(&options.venv);
    let mut install = common(Arguments::new(&["pip", "sync", "--require-hashes"]))
        .pair("--python", venv_python(&options.venv))
        .pair("--default-index", &options.index);
    for index in &options.extra_indexes {
        install = install.pair("--index", index);
    }
    for links in &options.links {
        install = install.pair("--find-links", links);
    }
    if !options.extra_indexes.is_empty() {
        // Several indexes have a file of that name; the hash says which one is meant.
        install = install.words(&["--index-strategy", "unsafe-best-match"]);
    }
    if options.offline {
        install = install.words(&["--offline"]);
    }
    install = if pins.sdists.is_empty() {
        install.words(&["--only-binary", ":all:"])
    } else {
        // For uv `:all:` has no exceptions, so every other package is named.
        pins.wheels
            .iter()
            .fold(install, |install, name| install.pair("--only-binary", name))
    };
    if let Some(bounds) = build_bounds {
        install = install.pair("--build-constraints", bounds);
    }
    Plan {
        create: vec![create.command("uv venv", uv)],
        install: install.word(requirements).command("uv pip sync", uv),
        list: None,
    }
}

/// `python -m pip` that reads no configuration.
fn pip(python: (u8, u8)) -> Arguments {
    Arguments::new(isolation(python)).words(&[
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
    ])
}

/// How an environment with a pip that can install the lock is made.
fn pip_create(options: &SyncOptions, means: Means<'_>) -> Vec<CommandLine> {
    let base = || Arguments::new(isolation(means.python));
    let make = || {
        let venv = base().words(&["-m", "venv"]).word(&options.venv);
        venv.command("python -m venv", &options.python)
    };
    match means.tool {
        None => vec![make()],
        // it looks for its own wheels beside itself, so it has to lie there unpacked
        Some(wheel) if means.python < (3, 3) => {
            let unpacked = means.work.join("virtualenv");
            let unpack = base().words(&["-m", "zipfile", "-e"]).word(wheel);
            let make = base()
                .word(unpacked.join("virtualenv.py"))
                .words(&["--no-download"])
                .word(&options.venv);
            vec![
                unpack
                    .word(&unpacked)
                    .command("python -m zipfile", &options.python),
                make.command("virtualenv", &options.python),
            ]
        }
        Some(wheel) => {
            let newer = pip(means.python)
                .words(&["--no-input", "install", "--no-index", "--no-deps"])
                .words(&["--upgrade", "--progress-bar", "off"])
                .word(wheel);
            let newer = newer.command("pip install pip", &venv_python(&options.venv));
            vec![make(), newer]
        }
    }
}

fn pip_plan(options: &SyncOptions, means: Means<'_>, requirements: &Path, pins: Pins<'_>) -> Plan {
    let python = venv_python(&options.venv);
    let mut install = pip(means.python)
        .words(&["--no-input", "install", "--require-hashes", "--no-deps"])
        .words(&["--progress-bar", "off"])
        .words(&["--only-binary", ":all:"]);
    if options.temporary {
        // most of it is never imported
        install = install.words(&["--no-compile"]);
    }
    if !pins.sdists.is_empty() {
        install = install.pair("--no-binary", pins.sdists.join(","));
    }
    install = install.pair("--index-url", &options.index);
    for index in &options.extra_indexes {
        install = install.pair("--extra-index-url", index);
    }
    for links in &options.links {
        install = install.pair("--find-links", links);
    }
    install = install.pair("--cache-dir", options.cache_dir.join("pip"));
    let Network {
        ca_bundle,
        client_certificate,
        ..
    } = options.network.or_from(&options.environment);
    if let Some(file) = ca_bundle {
        install = install.pair("--cert", file);
    }
    if let Some(file) = client_certificate {
        install = install.pair("--client-cert", file);
    }
    Plan {
        create: pip_create(options, means),
        install: install
            .pair("--requirement", requirements)
            .command("pip install", &python),
        list: Some(
            pip(means.python)
                .words(&["--no-input", "list", "--format", "json"])
                .command("pip list", &python),
        ),
    }
}

/// Removes packages that the lock does not have.
pub(super) fn pip_uninstall(venv: &Path, python: (u8, u8), names: &[String]) -> CommandLine {
    let mut arguments = pip(python).words(&["uninstall", "--yes"]);
    for name in names {
        arguments = arguments.word(name);
    }
    arguments.command("pip uninstall", &venv_python(venv))
}

/// Asks whether the installed distributions fit together.
pub(super) fn check(options: &SyncOptions, uv: Option<&Path>, version: (u8, u8)) -> CommandLine {
    let python = venv_python(&options.venv);
    match uv {
        Some(uv) => Arguments::new(&["pip", "check", "--no-config", "--color", "never"])
            .pair("--cache-dir", options.cache_dir.join("uv"))
            .pair("--python", &python)
            .command("uv pip check", uv),
        None => pip(version).words(&["check"]).command("pip check", &python),
    }
}

/// pip reads `pip.conf` of the virtual environment and of the machine even when isolated, unless
/// this variable says that there is none.
pub(super) fn without_pip_configuration(environment: &mut BTreeMap<OsString, OsString>) {
    let nothing = if cfg!(windows) { "nul" } else { "/dev/null" };
    environment.insert("PIP_CONFIG_FILE".into(), nothing.into());
}

pub(super) struct Arguments(Vec<OsString>);

impl Arguments {
    pub(super) fn new(words: &[&str]) -> Self {
        Self(Vec::new()).words(words)
    }

    pub(super) fn words(mut self, words: &[&str]) -> Self {
        self.0.extend(words.iter().map(OsString::from));
        self
    }

    pub(super) fn word(mut self, word: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.push(word.as_ref().to_owned());
        self
    }

    pub(super) fn pair(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.words(&[name]).word(value)
    }

    pub(super) fn command(self, title: &'static str, program: &Path) -> CommandLine {
        CommandLine {
            title,
            program: program.to_owned(),
            arguments: self.0,
        }
    }
}
