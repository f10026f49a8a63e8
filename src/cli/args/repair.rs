//! What can be typed after `repair`.

use clap::{Args, ValueEnum};

use super::{InstallerArg, ResolveArgs, SourceArgs};

/// `pinsmith repair`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct RepairArgs {
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Which way out; without it `era` for code that was not changed for two years, else `modern`
    #[arg(long, value_enum)]
    pub strategy: Option<StrategyArg>,
    /// Write the changes, which are only shown otherwise, and the lock
    #[arg(long)]
    pub apply: bool,
    /// Also change files whose present text no commit has
    #[arg(long, requires = "apply")]
    pub allow_dirty: bool,
    /// Build the environment, import what the code imports, and learn from what fails
    #[arg(long)]
    pub verify: bool,
    /// How often an environment is built at most
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// How long one import may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub timeout: u64,
    /// Keep the last environment and say where it is
    #[arg(long, requires = "verify")]
    pub keep: bool,
    /// What installs: uv when present, else pip
    #[arg(long, value_enum, default_value_t = InstallerArg::Auto)]
    pub installer: InstallerArg,
    /// Do not ask the index about modules that nobody knows: their names may be private
    #[arg(long)]
    pub no_lookup: bool,
    /// What is resolved and how.
    #[command(flatten)]
    pub resolve: ResolveArgs,
}

/// Which way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StrategyArg {
    /// An environment as of the day when the code was last changed.
    Era,
    /// Today's releases, bounded where the code uses what they no longer have.
    Modern,
}
