//! What `pinsmith compile` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use pinsmith_resolver::PackageName;

use super::ResolveArgs;

/// `pinsmith compile`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct CompileArgs {
    /// Requirements files or pyproject.toml; `-` is standard input
    #[arg(required_unless_present = "groups")]
    pub files: Vec<PathBuf>,
    /// Write here instead of to standard output, and keep the pins that stand there where they
    /// hold
    #[arg(short, long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Bound versions by this file without asking for anything; may be given again
    #[arg(short, long = "constraint", alias = "constraints", value_name = "FILE")]
    pub constraints: Vec<PathBuf>,
    /// Replace requirements by those in this file; may be given again
    #[arg(long = "override", alias = "overrides", value_name = "FILE")]
    pub overrides: Vec<PathBuf>,
    /// Include this extra of a pyproject.toml, setup.cfg or setup.py; may be given again
    #[arg(long = "extra", value_name = "NAME", value_delimiter = ',')]
    pub extras: Vec<String>,
    /// Include every extra
    #[arg(long, conflicts_with = "extras")]
    pub all_extras: bool,
    /// Include this dependency group (PEP 735) of the given files, of the pyproject.toml that is
    /// here, or of FILE; may be given again
    #[arg(long = "group", value_name = "[FILE:]NAME")]
    pub groups: Vec<String>,
    /// Pin only what the files ask for, not what that requires
    #[arg(long)]
    pub no_deps: bool,
    /// Write a sha256 hash for every file that a target can install
    #[arg(long, overrides_with = "no_generate_hashes", visible_alias = "hashes")]
    pub generate_hashes: bool,
    /// Write no hashes, as usual
    #[arg(long, alias = "no-hashes", hide = true)]
    pub no_generate_hashes: bool,
    /// Where is said who needs a pin
    #[arg(long, value_enum, default_value_t = AnnotationArg::Split, value_name = "STYLE")]
    pub annotation_style: AnnotationArg,
    /// Do not say who needs a pin
    #[arg(long, overrides_with = "annotate")]
    pub no_annotate: bool,
    /// Say who needs a pin, as usual
    #[arg(long, overrides_with = "no_annotate", hide = true)]
    pub annotate: bool,
    /// No header with the command
    #[arg(long, overrides_with = "header")]
    pub no_header: bool,
    /// A header with the command, as usual
    #[arg(long, overrides_with = "no_header", hide = true)]
    pub header: bool,
    /// Keep the extras of a pin, as in `uvicorn[standard]==0.30.0`
    #[arg(long, overrides_with = "strip_extras")]
    pub no_strip_extras: bool,
    /// Leave the extras of pins out, as usual
    #[arg(long, overrides_with = "no_strip_extras", hide = true)]
    pub strip_extras: bool,
    /// Pre-releases count everywhere, as `--prerelease allow`
    #[arg(long)]
    pub pre: bool,
    /// Leave this package out of what is written; what it requires stays; may be given again
    #[arg(
        long,
        value_name = "PACKAGE",
        value_delimiter = ',',
        visible_alias = "unsafe-package"
    )]
    pub no_emit_package: Vec<PackageName>,
    /// The command that the header shows, instead of this one
    #[arg(long, value_name = "COMMAND")]
    pub custom_compile_command: Option<String>,
    /// Show the pins on standard output and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What the other tools have to be told, and what pinsmith does in any case
    #[arg(
        long = "allow-unsafe",
        aliases = [
            "no-emit-index-url",
            "no-emit-find-links",
            "no-emit-trusted-host",
            "no-emit-options",
            "no-emit-index-annotation",
            "no-build",
            "build-isolation",
            "no-config",
            "no-strip-markers",
            "system",
        ],
        action = clap::ArgAction::Count,
        hide = true
    )]
    pub as_always: u8,
    /// pip-compile's present resolver
    #[arg(long, value_parser = ["backtracking"], hide = true)]
    pub resolver: Option<String>,
    /// What is resolved and how.
    #[command(flatten)]
    pub resolve: ResolveArgs,
}

/// Where is said who needs a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnnotationArg {
    /// Below the pin, one line each.
    Split,
    /// Behind the pin.
    Line,
}
