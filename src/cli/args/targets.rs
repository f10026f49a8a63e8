//! Flags that name targets, and those that say which pins stay.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use pinsmith_resolver::{
    Accelerator, PackageName, PythonVersion, Requirement, VersionSpecifiers, parse_requirement,
    url_of,
};

use super::super::targets::PlatformArg;
use super::machine::MachineArgs;

/// What is resolved for: every Python on every platform that is named.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Targets")]
pub struct TargetArgs {
    /// Resolve for this Python instead of this machine's; may be given again, for one lock that
    /// holds several
    #[arg(
        long,
        short = 'p',
        value_name = "X.Y",
        visible_alias = "python-version"
    )]
    pub python: Vec<PythonVersion>,
    /// Resolve for this platform (linux-x86_64, linux-aarch64, macos-arm64, macos-x86_64,
    /// windows-x86_64, windows-arm64) instead of this machine's; may be given again
    #[arg(long, visible_alias = "python-platform")]
    pub platform: Vec<PlatformArg>,
    /// Take the builds for this accelerator (cpu, one like cu128 or rocm6.4, xpu, mps, or index for
    /// what the main index has), or the best that this machine runs with auto; may be given again, for
    /// locks side by side
    #[arg(long, value_name = "NAME", visible_alias = "torch-backend")]
    pub accelerator: Vec<AcceleratorArg>,
    /// Use this table of indexes and builds instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub accelerator_table: Option<PathBuf>,
    /// Resolve for all five platforms and, where no Python is named, every supported one that
    /// the project admits
    #[arg(long)]
    pub universal: bool,
    /// Lowest glibc that the wheels of a Linux target may need
    #[arg(long, value_name = "X.Y", value_parser = parse_glibc)]
    pub glibc: Option<(u16, u16)>,
    /// Lowest macOS that the wheels of a macOS target may need
    #[arg(long, value_name = "X.Y", value_parser = parse_macos)]
    pub macos: Option<(u16, u16)>,
    /// What `auto` decides by.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// The releases of torch that `auto` keeps to for the builds that it chose.
    #[arg(skip)]
    pub bound: Option<(Accelerator, VersionSpecifiers)>,
}

/// An accelerator as a flag names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceleratorArg {
    /// `auto`: the best that this machine runs.
    Auto,
    /// This one.
    One(Accelerator),
}

impl FromStr for AcceleratorArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let named = text.parse::<Accelerator>().map(Self::One);
        named.map_err(|error| error.to_string().replace("(index", "(auto, index"))
    }
}

impl fmt::Display for AcceleratorArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::One(one) => one.fmt(f),
        }
    }
}

impl TargetArgs {
    /// The accelerators that are named.
    pub fn accelerators(&self) -> Vec<Accelerator> {
        let named = self.accelerator.iter();
        let known = named.filter_map(|one| match one {
            AcceleratorArg::Auto => None,
            AcceleratorArg::One(one) => Some(*one),
        });
        known.collect()
    }

    /// Whether no flag says anything of targets.
    pub fn is_empty(&self) -> bool {
        self.python.is_empty()
            && self.platform.is_empty()
            && self.accelerator.is_empty()
            && !self.universal
            && self.glibc.is_none()
            && self.macos.is_none()
    }
}

/// Which pins of the lock that is there are kept.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Resolving")]
pub struct UpgradeArgs {
    /// Keep no pin of the lock that is there
    #[arg(long, short = 'U')]
    pub upgrade: bool,
    /// Do not keep the pin of this package, such as torch, or 'torch<3' to bound the new one; may
    /// be given again
    #[arg(long, short = 'P', value_name = "PACKAGE", value_parser = parse_upgrade)]
    pub upgrade_package: Vec<Requirement>,
}

impl UpgradeArgs {
    /// Whether the pin of a package is to be made anew.
    pub fn renews(&self, name: &PackageName) -> bool {
        self.upgrade || self.upgrade_package.iter().any(|one| one.name == *name)
    }

    /// What the new pins are bound by.
    pub fn bounds(&self) -> impl Iterator<Item = &Requirement> {
        let bounded = |one: &&Requirement| one.version_or_url.is_some();
        self.upgrade_package.iter().filter(bounded)
    }
}

/// A name, with or without a specifier; an address bounds nothing.
fn parse_upgrade(text: &str) -> Result<Requirement, String> {
    let wrong = || format!("`{text}` is no package with or without versions, such as 'torch<3'");
    let parsed = parse_requirement(text).map_err(|_| wrong())?.requirement;
    match url_of(&parsed) {
        Some(_) => Err(wrong()),
        None => Ok(parsed),
    }
}

pub(super) fn parse_glibc(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("`{text}` is not a glibc version such as 2.35");
    let (major, minor) = text.split_once('.').ok_or_else(wrong)?;
    match (major.parse(), minor.parse()) {
        (Ok(2), Ok(minor)) => Ok((2, minor)),
        _ => Err(wrong()),
    }
}

fn parse_macos(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("`{text}` is not a macOS version such as 14.0");
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    match (major.parse(), minor.parse()) {
        (Ok(major), Ok(minor)) if major >= 10 => Ok((major, minor)),
        _ => Err(wrong()),
    }
}
