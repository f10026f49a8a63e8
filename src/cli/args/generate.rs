//! What can be typed after `generate` and `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ResolveArgs, SourceArgs};

/// `pinsmith generate`
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct GenerateArgs {
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// How requirements are bounded that follow from the code alone
    #[arg(long, value_enum, default_value_t = BoundsArg::Compatible)]
    pub bounds: BoundsArg,
    /// Add to the project table of pyproject.toml instead of requirements.txt
    #[arg(long)]
    pub pyproject: bool,
    /// Make a pyproject.toml, or its project table, if there is none
    #[arg(long, requires = "pyproject")]
    pub init: bool,
    /// Write this requirements file instead of requirements.txt
    #[arg(short, long, value_name = "FILE", conflicts_with = "pyproject")]
    pub output_file: Option<PathBuf>,
    /// Show the file on standard output and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also this group (an extra, a dependency group, `notebook`, `test`, `optional`); may be given
    /// again
    #[arg(long = "group", value_name = "NAME")]
    pub groups: Vec<String>,
    /// Also every group
    #[arg(long, conflicts_with = "groups")]
    pub all_groups: bool,
    /// What is resolved and how.
    #[command(flatten)]
    pub resolve: ResolveArgs,
}

/// How requirements are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BoundsArg {
    /// From the chosen minor version on.
    Lower,
    /// The same, below the next version that may break.
    Compatible,
    /// The chosen version.
    Exact,
    /// No bound; no index is asked.
    None,
}

/// `pinsmith check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Lock and spec lie here instead of in the repository
    #[arg(short, long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
}
