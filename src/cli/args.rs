//! What can be typed.

mod as_of;
mod compile;
mod generate;
mod install;
mod machine;
mod repair;
mod targets;

pub use as_of::AsOfPackage;
pub(super) use as_of::instants;
pub use generate::{BoundsArg, CheckArgs, GenerateArgs};
pub use install::{InstallArgs, InstallerArg, SyncArgs, VerifyArgs};
pub use repair::{RepairArgs, StrategyArg};

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use pinsmith_resolver::{Accelerator, PackageName, PythonVersion, Timestamp};

use crate::config::{AS_OF_FORMS, AsOf, as_of_at};
use crate::render::ImageFormat;
use crate::scan::ModuleName;

pub use self::compile::{AnnotationArg, CompileArgs};
pub use self::machine::{DoctorArgs, MachineArgs};
pub use self::targets::{AcceleratorArg, TargetArgs, UpgradeArgs};

/// Turn a Python AI repository into an environment that anyone can rebuild years later.
///
/// pinsmith scans imports and notebooks, infers the distributions with evidence, resolves one
/// coherent set of versions, and writes lockfiles plus an environment spec. Nothing of the
/// scanned tree is executed.
#[derive(Debug, Parser)]
#[command(name = "pinsmith", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

const EXAMPLES: &str = "Examples:
  pinsmith scan                     what is imported here, and which distribution provides it
  pinsmith generate                 write the requirements.txt that is missing
  pinsmith lock                     pin everything, for this machine
  pinsmith sync                     make .venv from the lock
  pinsmith check                    does the lock still fit the code? for CI
  pinsmith verify                   build it in isolation and import what the code imports
  pinsmith lock ~/paper -o ~/locks  lock somebody else's repository without touching it
  pinsmith repair ~/paper           what is wrong with it, and what would make it work again
  pinsmith doctor                   what is this machine, and what runs here?
  pinsmith explain numpy            why it is locked, and in this version
  pinsmith compile requirements.in  pin a requirements file, as pip-compile does

Exit codes: 0 done, 1 the answer is no (unsatisfiable, check failed, does not import), 2 wrong usage or the world failed.";

/// One variant a command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is imported, from where, which distribution provides it, and how sure that is
    #[command(after_help = "Examples:
  pinsmith scan
  pinsmith scan ~/paper --format json > scan.json")]
    Scan(ScanArgs),
    /// Scan, resolve and write requirements.txt, pylock.toml and pinsmith.env.toml
    #[command(after_help = "Examples:
  pinsmith lock
  pinsmith lock --python 3.11 --platform linux-x86_64
  pinsmith lock ~/paper -o ~/locks --as-of 2024-03-01
  pinsmith lock --dry-run")]
    Lock(LockArgs),
    /// Pin the requirements of the given files; a drop-in for pip-compile
    #[command(after_help = "Examples:
  pinsmith compile requirements.in -o requirements.txt --generate-hashes
  pinsmith compile pyproject.toml -c constraints.txt")]
    Compile(CompileArgs),
    /// Make a virtual environment that holds exactly what the lock says
    #[command(after_help = "Examples:
  pinsmith sync
  pinsmith sync --lock ~/locks/pylock.toml --venv /tmp/paper-venv")]
    Sync(SyncArgs),
    /// Render the environment spec as a Dockerfile, dev container, conda or nix file, ...
    #[command(after_help = "Examples:
  pinsmith env --to dockerfile
  pinsmith env --to conda -o conda/environment.yml
  pinsmith env --to dockerfile --check")]
    Env(EnvArgs),
    /// Write the direct requirements with sensible bounds, to edit from then on
    #[command(after_help = "Examples:
  pinsmith generate
  pinsmith generate --pyproject --bounds lower
  pinsmith generate --pyproject --init --all-groups")]
    Generate(GenerateArgs),
    /// Say whether code, declarations, lock and spec still agree, offline
    #[command(after_help = "Examples:
  pinsmith check
  pinsmith check --format github")]
    Check(CheckArgs),
    /// Build the locked environment in isolation and import what the code imports
    #[command(after_help = "Examples:
  pinsmith verify
  pinsmith verify ~/paper --lock ~/locks/pylock.toml --format json
  pinsmith verify --keep")]
    Verify(VerifyArgs),
    /// Find what is wrong with a repository that stopped working, and propose what makes it work
    #[command(after_help = "Examples:
  pinsmith repair ~/paper
  pinsmith repair ~/paper --verify
  pinsmith repair ~/paper --strategy modern --apply
  pinsmith repair ~/paper --as-of 2019-05-01 --python 3.7")]
    Repair(RepairArgs),
    /// Say why a package is locked, why in this version, and what a newer one would change
    #[command(after_help = "Examples:
  pinsmith explain numpy
  pinsmith explain torch ~/paper --lock ~/locks/pylock.toml --format json")]
    Explain(ExplainArgs),
    /// Show what this machine is, which index is asked and why, what runs here, and what to type next
    #[command(after_help = "Examples:
  pinsmith doctor
  pinsmith doctor --format json
  pinsmith doctor --platform linux-x86_64 --cuda-driver 535.183.01 --compute-capability 8.0")]
    Doctor(DoctorArgs),
    /// Show or clear what is kept of the package index
    #[command(after_help = "Examples:
  pinsmith cache size
  pinsmith cache clean")]
    Cache(CacheArgs),
}

/// `pinsmith env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// Folder with the `pinsmith.env.toml`
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: ImageFormat,
    /// The target of the spec, by name; needed when it has several
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Write this file instead of the usual one in PATH; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write nothing; exit with 1 when the file is not what the spec says
    #[arg(long)]
    pub check: bool,
}

impl ValueEnum for ImageFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Only errors on the terminal
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also notes that need no action
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colour; `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,
    /// No progress display, even on a terminal
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Keep the cache here instead of in the user's cache folder; `PINSMITH_CACHE_DIR` does the
    /// same
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; see docs/json.md.
    Json,
    /// SARIF 2.1.0, of `check`.
    Sarif,
    /// Annotations of GitHub, of `check`.
    Github,
}

impl Format {
    /// Whether only commands have it whose result are findings.
    pub(super) fn is_of_findings(self) -> bool {
        matches!(self, Self::Sarif | Self::Github)
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What is scanned and how.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// The repository
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Leave out files that match this glob; may be given again
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Say which distribution provides a module; may be given again
    #[arg(long, value_name = "MODULE=DISTRIBUTION", value_parser = parse_mapping)]
    pub map: Vec<(ModuleName, PackageName)>,
    /// Take a distribution that only its name speaks for; may be given again
    #[arg(long, value_name = "DISTRIBUTION")]
    pub accept: Vec<PackageName>,
    /// Read every file anew, also what an earlier run read with the same content
    #[arg(long)]
    pub rescan: bool,
}

/// `pinsmith scan`
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Judge the standard library by this Python instead of this machine's
    #[arg(long, value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// Choose among several distributions of a module for this accelerator (cpu, one like cu128 or
    /// rocm6.4, xpu, mps); may be given again
    #[arg(long, value_name = "NAME")]
    pub accelerator: Vec<Accelerator>,
    /// Ask the index about modules that nobody knows, and suggest what holds them
    #[arg(long)]
    pub lookup: bool,
    /// Which index is asked.
    #[command(flatten)]
    pub index: IndexArgs,
}

/// `pinsmith lock`
#[derive(Debug, Clone, Args)]
pub struct LockArgs {
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Write here instead of into the repository
    #[arg(short, long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Show the pins on standard output and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also lock this group (an extra, a dependency group, `notebook`, `test`, `optional`); may be
    /// given again
    #[arg(long = "group", value_name = "NAME")]
    pub groups: Vec<String>,
    /// Also lock every group
    #[arg(long, conflicts_with = "groups")]
    pub all_groups: bool,
    /// Do not ask the index about modules that nobody knows: their names may be private
    #[arg(long)]
    pub no_lookup: bool,
    /// How models, datasets and files are pinned.
    #[command(flatten)]
    pub artifacts: ArtifactArgs,
    /// What is resolved and how.
    #[command(flatten)]
    pub resolve: ResolveArgs,
}

/// How models, datasets and files are pinned.
#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Models and files")]
pub struct ArtifactArgs {
    /// Do not ask the model hub and GitHub which commits are loaded; they stay floating
    #[arg(long)]
    pub no_artifacts: bool,
    /// Also download plain files for their size and sha256
    #[arg(long, conflicts_with = "no_artifacts")]
    pub fetch_artifacts: bool,
    /// The largest of them that is downloaded
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub fetch_limit: u64,
}

/// What is resolved and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Resolving")]
pub struct ResolveArgs {
    /// What is resolved for.
    #[command(flatten)]
    pub targets: TargetArgs,
    /// Which pins of the lock that is there are kept.
    #[command(flatten)]
    pub upgrade: UpgradeArgs,
    /// Which versions win
    #[arg(long, value_enum, default_value_t = ResolutionArg::Coherent)]
    pub resolution: ResolutionArg,
    /// Whether pre-releases count
    #[arg(long, value_enum, default_value_t = PrereleaseArg::IfNecessary)]
    pub prerelease: PrereleaseArg,
    /// Only files uploaded up to this day or instant count, such as 2024-03-01; or up to this long
    /// ago, such as 30d
    #[arg(long, value_name = "DATE|DURATION", value_parser = parse_as_of, visible_alias = "exclude-newer")]
    pub as_of: Option<AsOf>,
    /// The same for one package, in place of what counts for all, such as torch=2024-03-01; may be
    /// given again
    #[arg(
        long,
        value_name = "PACKAGE=DATE|DURATION",
        visible_alias = "exclude-newer-package"
    )]
    pub as_of_package: Vec<AsOfPackage>,
    /// Refuse an answer that rests on unknown facts: requirements that only a build would tell for
    /// sure, or releases of unknown age
    #[arg(long)]
    pub strict: bool,
    /// Show timings and traffic
    #[arg(long)]
    pub stats: bool,
    /// Which index is asked.
    #[command(flatten)]
    pub index: IndexArgs,
}

/// Which index is asked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Index")]
pub struct IndexArgs {
    /// The package index, instead of the one that pip uses on this machine
    #[arg(long, short, value_name = "URL", alias = "default-index")]
    pub index_url: Option<String>,
    /// Another index, asked before the first: what it has is never taken from the first; may be
    /// given again
    #[arg(long, value_name = "URL", alias = "index")]
    pub extra_index_url: Vec<String>,
    /// Take a package, or all whose names begin as with `corp-*`, from this index and no other;
    /// may be given again
    #[arg(long, value_name = "PACKAGE=URL")]
    pub index_for: Vec<String>,
    /// A page or folder with wheels and sdists, asked before the indexes; may be given again
    #[arg(long, short, value_name = "URL|PATH")]
    pub find_links: Vec<String>,
    /// Answer from the cache only
    #[arg(long)]
    pub offline: bool,
    /// Ask the index again even where the cache is fresh, about everything or with
    /// `--refresh=PACKAGE` about one package; may be given again
    #[arg(
        long,
        value_name = "PACKAGE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with = "offline"
    )]
    pub refresh: Vec<String>,
    /// Build sdists whose requirements nothing else tells, which runs their code
    #[arg(long)]
    pub allow_build: bool,
}

/// Which versions win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResolutionArg {
    /// The set with the least lag behind the newest releases: direct requirements first.
    Coherent,
    /// The newest of each project in turn.
    #[value(alias = "highest")]
    Newest,
    /// The lowest of each project in turn.
    Lowest,
    /// The lowest of the direct requirements, the newest of the rest.
    LowestDirect,
}

/// Whether pre-releases count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrereleaseArg {
    /// Where a specifier names one or no final release fits.
    #[value(alias = "if-necessary-or-explicit")]
    IfNecessary,
    /// Everywhere.
    Allow,
    /// Only where a specifier of yours names one.
    #[value(alias = "explicit")]
    Disallow,
}

/// `pinsmith explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The package
    pub package: PackageName,
    /// What is scanned.
    #[command(flatten)]
    pub source: SourceArgs,
    /// The lock, if it lies elsewhere
    #[arg(long, value_name = "FILE")]
    pub lock: Option<PathBuf>,
    /// The index that the lock was made with, if it was named by a flag; only the cache is read
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Another such index; may be given again
    #[arg(long, value_name = "URL")]
    pub extra_index_url: Vec<String>,
    /// The table of indexes and builds that the lock was made with, if it was not the built-in one
    #[arg(long, value_name = "FILE")]
    pub accelerator_table: Option<PathBuf>,
}

/// `pinsmith cache`
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: CacheAction,
}

/// What to do with the cache.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum CacheAction {
    /// Print where it is
    Dir,
    /// Print how large it is, in bytes
    Size,
    /// Delete what was not used for longest, until it is small enough
    Prune {
        /// How large it may stay, in bytes
        #[arg(long, value_name = "BYTES", default_value_t = 1_000_000_000)]
        max_bytes: u64,
    },
    /// Delete all of it
    Clean,
}

fn parse_as_of(text: &str) -> Result<AsOf, String> {
    as_of_at(text, Timestamp::now()).ok_or_else(|| AS_OF_FORMS.to_owned())
}

fn parse_mapping(text: &str) -> Result<(ModuleName, PackageName), String> {
    let wrong = || format!("`{text}` is not of the form MODULE=DISTRIBUTION");
    let (module, distribution) = text.split_once('=').ok_or_else(wrong)?;
    let module = ModuleName::new(module.trim()).ok_or_else(wrong)?;
    let distribution = PackageName::new(distribution.trim().to_owned()).map_err(|_| wrong())?;
    Ok((module, distribution))
}
