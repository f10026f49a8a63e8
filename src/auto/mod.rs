//! `--accelerator auto`: which builds a machine can run.
//!
//! Every decision is a function of a [`Machine`], of what is [`Wanted`] and of the table of
//! accelerators; nothing here looks at the world. Unlike a choice by driver alone, every GPU counts: a
//! build is taken only if it has code for each of them.

mod amd;
mod locked;
mod nvidia;
mod survey;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use pinsmith_resolver::{
    Accelerator, AcceleratorFamily, Platform, PythonVersion, Version, VersionSpecifiers,
};

use crate::accelerator::{MinorVersion, Table, TorchRelease, WheelLocal};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::{Gpus, Host};

pub use locked::{Fit, best_fit, fit};
pub use nvidia::{Verdict, verdict};
pub use survey::{Line, survey};

/// No build that the requirements admit runs on this machine.
pub const NOTHING_RUNS: Code = Code("HOST006");
/// The driver is older than the CUDA of the builds: machine code runs, PTX is not compiled.
pub const NO_JIT: Code = Code("HOST007");
/// A GPU is there that no build can use.
pub const UNUSABLE_GPU: Code = Code("HOST008");
/// A lock is for builds that this machine does not run on a GPU.
pub const OTHER_GPU: Code = Code("HOST011");
/// Nobody knows what code a GPU runs.
pub const UNKNOWN_CAPABILITY: Code = Code("HOST009");

/// A machine, as far as the choice of builds goes.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The platform; `None` when no lock can be made for it.
    pub platform: Option<Platform>,
    /// glibc or macOS version.
    pub floor: (u16, u16),
    /// GPUs and their drivers.
    pub gpus: Gpus,
}

impl Machine {
    /// The machine that was looked at.
    pub fn of(host: &Host) -> Self {
        Self {
            platform: host.platform,
            floor: host.floor,
            gpus: host.gpus.clone(),
        }
    }

    /// Its GPUs in a few words: `NVIDIA H200 (9.0), driver 580.95.05`.
    pub fn seen(&self) -> String {
        let gpus = &self.gpus;
        let mut parts = Vec::new();
        if let Some(nvidia) = &gpus.nvidia {
            parts.push(nvidia::seen(nvidia));
        }
        if gpus.has_amd() {
            parts.push(amd::seen(&gpus.amd));
        }
        if gpus.has_discrete_intel() {
            parts.push("an Intel card".to_owned());
        } else if gpus.has_intel() && parts.is_empty() {
            parts.push("Intel graphics within the processor".to_owned());
        }
        if self.platform == Some(Platform::MacosArm64) {
            parts.push("Apple's GPU".to_owned());
        }
        if parts.is_empty() {
            parts.push("no GPU".to_owned());
        }
        parts.join(", ")
    }
}

/// What is asked of the builds.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The Python; any when `None`.
    pub python: Option<PythonVersion>,
    /// What is asked of torch.
    pub torch: Option<VersionSpecifiers>,
}

/// What to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The builds.
    pub accelerator: Accelerator,
    /// The newest minor release of torch that has them and that was admitted, where the table says.
    pub newest: Option<MinorVersion>,
    /// Releases of torch outside of which these builds do not run here, as a specifier such as `<2.11`.
    pub torch: Option<VersionSpecifiers>,
    /// What a newer choice would need, such as `cu130 needs driver 580`.
    pub newer: Option<String>,
    /// What a person should know.
    pub warnings: Vec<Diagnostic>,
}

impl Choice {
    fn plain(accelerator: Accelerator) -> Self {
        Self {
            accelerator,
            newest: None,
            torch: None,
            newer: None,
            warnings: Vec::new(),
        }
    }

    /// What was seen, what was chosen, what a newer choice would need: one line.
    pub fn sentence(&self, machine: &Machine) -> String {
        let mut text = format!("{}: {}", machine.seen(), self.accelerator);
        if let Some(newest) = self.newest {
            let _ = write!(text, ", torch up to {newest}");
        }
        if let Some(newer) = &self.newer {
            let _ = write!(text, "; {newer}");
        }
        text
    }
}

/// Chooses the builds for a machine.
///
/// Apple's processors take `mps`. On Linux and Windows, releases of torch are walked from the newest
/// that is admitted; the first with builds that every GPU can run is taken, and of these builds the
/// highest CUDA that the driver can compile for. Intel counts with a card of its own only. Everything
/// else takes `cpu`.
///
/// # Errors
/// [`NOTHING_RUNS`] when the requirements admit only builds that cannot run on the GPU that is there.
pub fn choose(machine: &Machine, wanted: &Wanted, table: &Table) -> Result<Choice, Diagnostic> {
    let platform = match machine.platform {
        Some(Platform::MacosArm64) => return Ok(Choice::plain(Accelerator::Mps)),
        Some(
            platform @ (Platform::LinuxX86_64 | Platform::LinuxAarch64 | Platform::WindowsX86_64),
        ) => platform,
        _ => return Ok(Choice::plain(Accelerator::Cpu)),
    };
    let asked = Asked {
        machine,
        wanted,
        table,
        platform,
    };
    let mut warnings = Vec::new();
    for choose in [nvidia::choose, amd::choose] {
        match choose(&asked)? {
            Found::Choice(mut choice) => {
                warnings.append(&mut choice.warnings);
                choice.warnings = warnings;
                return Ok(*choice);
            }
            Found::Unusable(warning) => warnings.push(warning),
            Found::Nothing => {}
        }
    }
    let takes_cards = platform != Platform::LinuxAarch64;
    let accelerator = if takes_cards && machine.gpus.has_discrete_intel() {
        Accelerator::Xpu
    } else {
        asked.pinned().unwrap_or(Accelerator::Cpu)
    };
    if accelerator.family() == AcceleratorFamily::Cuda && machine.gpus.nvidia.is_none() {
        let message =
            format!("the requirements name {accelerator}, and there is no NVIDIA GPU here");
        let help = "the lock is made for it all the same; leave the local version out of the pin to lock for this machine";
        warnings.push(Diagnostic::warning(UNUSABLE_GPU, message).help(help));
    }
    Ok(Choice {
        warnings,
        ..Choice::plain(accelerator)
    })
}

/// What a maker's GPUs lead to.
enum Found {
    Choice(Box<Choice>),
    /// There is a GPU, and nothing runs on it.
    Unusable(Diagnostic),
    Nothing,
}

/// The question with all that it depends on.
struct Asked<'a> {
    machine: &'a Machine,
    wanted: &'a Wanted,
    table: &'a Table,
    platform: Platform,
}

impl<'a> Asked<'a> {
    /// Minor releases of torch, the newest first.
    fn releases(&self) -> Vec<&'a TorchRelease> {
        let mut releases: Vec<&TorchRelease> = self.table.torch.iter().collect();
        releases.sort_by_key(|release| std::cmp::Reverse(release.version));
        releases
    }

    /// Whether the requirements, the Python and the C library admit a minor release.
    fn admits(&self, release: &TorchRelease) -> bool {
        self.fits_python(release)
            && self.fits_floor(release)
            && self.versions(release).next().is_some()
    }

    fn fits_python(&self, release: &TorchRelease) -> bool {
        self.wanted.python.is_none_or(|python| {
            let python = format!("{}.{}", python.major, python.minor);
            release.pythons.contains(&python)
        })
    }

    fn fits_floor(&self, release: &TorchRelease) -> bool {
        let linux = self.platform != Platform::WindowsX86_64;
        let needed = release
            .glibc
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        !linux || needed.is_none_or(|needed: (u16, u16)| needed <= self.machine.floor)
    }

    /// The public versions of a minor release that are known and that the requirements admit.
    fn versions(&self, release: &TorchRelease) -> impl Iterator<Item = Version> {
        let builds = self.table.builds.iter().map(|build| build.torch.clone());
        let first = [
            u64::from(release.version.major),
            u64::from(release.version.minor),
            0,
        ];
        let minor = release.version;
        let mut versions: Vec<Version> = builds
            .chain([Version::new(first)])
            .filter(|version| MinorVersion::of(version) == minor)
            .collect();
        versions.sort();
        versions.dedup();
        let asked = self.wanted.torch.clone();
        versions.into_iter().filter(move |version| {
            asked.as_ref().is_none_or(|asked| {
                asked.iter().all(|one| {
                    // a local version is looked at by itself
                    let named = one.version().clone();
                    if named.is_local() {
                        named.without_local() == *version
                    } else {
                        one.contains(version)
                    }
                })
            })
        })
    }

    /// The builds that a pin with a local version names: `==2.7.1+cu118`.
    fn pinned(&self) -> Option<Accelerator> {
        let asked = self.wanted.torch.as_ref()?;
        asked.iter().find_map(|one| {
            let version = one.version();
            let local = WheelLocal::of(version);
            match (local.family?, local.cuda, local.rocm) {
                (AcceleratorFamily::Cuda, Some(cuda), _) => {
                    format!("cu{}{}", cuda.major, cuda.minor?).parse().ok()
                }
                (AcceleratorFamily::Rocm, _, Some(rocm)) => Some(Accelerator::Rocm(rocm)),
                (AcceleratorFamily::Xpu, ..) => Some(Accelerator::Xpu),
                (AcceleratorFamily::Cpu, ..) => Some(Accelerator::Cpu),
                _ => None,
            }
        })
    }
}
