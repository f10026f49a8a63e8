//! What can be typed after `sync` and `verify`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::SourceArgs;

/// `pinsmith sync`
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The repository whose lock is installed
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The virtual environment to make
    #[arg(long, value_name = "DIR")]
    pub venv: Option<PathBuf>,
    /// Change a virtual environment that pinsmith did not make, which runs its Python
    #[arg(long)]
    pub trust_venv: bool,
    /// What is installed and how.
    #[command(flatten)]
    pub install: InstallArgs,
}

/// `pinsmith verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// How long one import may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub timeout: u64,
    /// Also import the repository's own modules that do no more than define things, which runs their
    /// code
    #[arg(long)]
    pub local: bool,
    /// Also run the commands of the environment spec in a copy of the repository, which runs its
    /// code; `--run=NAME` runs one of them, and may be given again
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub run: Vec<String>,
    /// How long one command may take; one that is still running then counts as working
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub run_timeout: u64,
    /// Keep the environment and say where it is
    #[arg(long)]
    pub keep: bool,
    /// What is installed and how.
    #[command(flatten)]
    pub install: InstallArgs,
}

/// What is installed and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Installing")]
pub struct InstallArgs {
    /// Of what was locked besides the runtime take only this group or extra; may be given again.
    /// Without it everything is taken
    #[arg(long = "group", value_name = "NAME")]
    pub groups: Vec<String>,
    /// The same for an extra
    #[arg(long = "extra", value_name = "NAME")]
    pub extras: Vec<String>,
    /// Take the runtime requirements only
    #[arg(long, conflicts_with_all = ["groups", "extras"])]
    pub no_groups: bool,
    /// The lock, if it lies elsewhere
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// Use this table of what machines run instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub accelerator_table: Option<PathBuf>,
    /// The Python to make the environment with (a version or the path of an interpreter)
    #[arg(long, value_name = "X.Y|PATH")]
    pub python: Option<String>,
    /// What installs: uv when present, else pip
    #[arg(long, value_enum, default_value_t = InstallerArg::Auto)]
    pub installer: InstallerArg,
    /// A page or folder that has files of the lock; may be given again
    #[arg(long, value_name = "URL|PATH")]
    pub find_links: Vec<String>,
    /// Install from the installer's cache only
    #[arg(long)]
    pub offline: bool,
    /// Build what the lock takes from repositories, folders and source archives, which runs its code
    #[arg(long)]
    pub allow_build: bool,
}

/// What installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InstallerArg {
    /// uv when it is on the PATH, else pip.
    Auto,
    /// uv.
    Uv,
    /// venv and pip.
    Pip,
}
