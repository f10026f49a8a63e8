//! The commands of a synchronisation, as values.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

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
    /// Makes the virtual environment, unless it is there.
    pub create: CommandLine,
    /// Installs every pin.
    pub install: CommandLine,
    /// Lists what is installed as JSON, so that what the lock does not have can be removed; uv
    /// does that itself.
    pub list: Option<CommandLine>,
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
/// `uv` is the path of uv, or `None` for pip; `sdists` are the names that have no wheel in the
/// lock and have to be built, `wheels` the rest.
pub fn plan(
    options: &SyncOptions,
    uv: Option<&Path>,
    requirements: &Path,
    wheels: &[String],
    sdists: &[String],
) -> Plan {
    let pins = Pins { wheels, sdists };
    match uv {
        Some(uv) => uv_plan(options, uv, requirements, pins),
        None => pip_plan(options, requirements, pins),
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
    uv: Option<&Path>,
    requirements: &Path,
) -> CommandLine {
    let python = venv_python(&options.venv);
    let arguments = match uv {
        Some(_) => Arguments::new(&["pip", "install", "--no-deps", "--no-config"])
            .words(&["--no-python-downloads", "--color", "never", "--no-progress"])
            .pair("--cache-dir", options.cache_dir.join("uv"))
            .pair("--python", &python)
            .pair("--default-index", &options.index),
        None => Arguments::new(&[
            "-I",
            "-m",
            "pip",
            "--isolated",
            "--disable-pip-version-check",
        ])
        .words(&[
            "--no-input",
            "install",
            "--no-deps",
            "--progress-bar",
            "off",
        ])
        .pair("--index-url", &options.index)
        .pair("--cache-dir", options.cache_dir.join("pip")),
    };
    let (title, program) = match uv {
        Some(uv) => ("uv pip install", uv),
        None => ("pip install", python.as_path()),
    };
    arguments
        .pair("--requirement", requirements)
        .command(title, program)
}

fn uv_plan(options: &SyncOptions, uv: &Path, requirements: &Path, pins: Pins<'_>) -> Plan {
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
    Plan {
        create: create.command("uv venv", uv),
        install: install.word(requirements).command("uv pip sync", uv),
        list: None,
    }
}

fn pip_plan(options: &SyncOptions, requirements: &Path, pins: Pins<'_>) -> Plan {
    let python = venv_python(&options.venv);
    let pip = [
        "-I",
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "--no-input",
    ];
    let mut install = Arguments::new(&pip)
        .words(&[
            "install",
            "--require-hashes",
            "--no-deps",
            "--progress-bar",
            "off",
        ])
        .words(&["--only-binary", ":all:"]);
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
        create: Arguments::new(&["-I", "-m", "venv"])
            .word(&options.venv)
            .command("python -m venv", &options.python),
        install: install
            .pair("--requirement", requirements)
            .command("pip install", &python),
        list: Some(
            Arguments::new(&pip)
                .words(&["list", "--format", "json"])
                .command("pip list", &python),
        ),
    }
}

/// Removes packages that the lock does not have.
pub(super) fn pip_uninstall(venv: &Path, names: &[String]) -> CommandLine {
    let arguments = [
        "-I",
        "-m",
        "pip",
        "--isolated",
        "--disable-pip-version-check",
        "uninstall",
        "--yes",
    ];
    let mut arguments = Arguments::new(&arguments);
    for name in names {
        arguments = arguments.word(name);
    }
    arguments.command("pip uninstall", &venv_python(venv))
}

/// Asks whether the installed distributions fit together.
pub(super) fn check(options: &SyncOptions, uv: Option<&Path>) -> CommandLine {
    let python = venv_python(&options.venv);
    match uv {
        Some(uv) => Arguments::new(&["pip", "check", "--no-config", "--color", "never"])
            .pair("--cache-dir", options.cache_dir.join("uv"))
            .pair("--python", &python)
            .command("uv pip check", uv),
        None => Arguments::new(&[
            "-I",
            "-m",
            "pip",
            "--isolated",
            "--disable-pip-version-check",
        ])
        .words(&["check"])
        .command("pip check", &python),
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
