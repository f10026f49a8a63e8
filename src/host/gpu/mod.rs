//! The GPUs of this machine and the drivers that serve them.
//!
//! [`Gpus::detect`] looks: NVIDIA through the driver's own library (NVML), else through
//! `nvidia-smi`, else through the file in which the kernel module states its version; AMD, Intel and
//! the rest through files below `/sys`. What it finds is a value, and every decision is a function of
//! such a value (`crate::auto`), so that flags can describe another machine.

mod files;
mod nvidia;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::process::run;
use super::search::program;
use crate::accelerator::{Capability, DriverVersion};

/// How long a program or a library may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// The GPUs of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gpus {
    /// NVIDIA's, when one or its driver is there.
    pub nvidia: Option<Nvidia>,
    /// What AMD's compute driver offers, such as `gfx942`, in the order of the driver.
    pub amd: Vec<Gfx>,
    /// Display and compute devices on the PCI bus, by vendor, in the order of the bus.
    pub devices: Vec<Device>,
    /// Whether this is Linux below Windows (WSL), where the driver is that of Windows.
    pub wsl: bool,
    /// Whether this is one of NVIDIA's Tegra boards (Jetson), whose GPU shares the chip.
    pub tegra: bool,
}

/// NVIDIA's GPUs and their driver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nvidia {
    /// The driver's version; below WSL that of the Windows driver.
    pub driver: Option<DriverVersion>,
    /// The newest CUDA that the driver says it knows, such as `(12, 8)`.
    pub cuda: Option<(u16, u16)>,
    /// Every GPU; empty when only the driver is known.
    pub gpus: Vec<NvidiaGpu>,
    /// Who said so.
    pub source: Source,
}

/// One of NVIDIA's GPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NvidiaGpu {
    /// The marketing name, such as `NVIDIA H200`; empty when nobody says.
    pub name: String,
    /// What code it runs; `None` when the driver is too old to say.
    pub capability: Option<Capability>,
}

/// Who told of NVIDIA's GPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    /// The driver's library.
    #[default]
    Nvml,
    /// The program `nvidia-smi`.
    NvidiaSmi,
    /// The file in which the kernel module states its version.
    DriverFile,
    /// The PCI bus: a card is there, a driver is not.
    Bus,
    /// The person at the terminal.
    Flags,
}

impl Source {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nvml => "NVML",
            Self::NvidiaSmi => "nvidia-smi",
            Self::DriverFile => "the kernel module",
            Self::Bus => "the PCI bus",
            Self::Flags => "flags",
        }
    }
}

/// A target of AMD's compiler, such as `gfx1100`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gfx(String);

impl Gfx {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `90010` of the kernel is `gfx90a`: major, minor and stepping in decimal, the last two shown
    /// in hexadecimal. 0 is a processor.
    fn of_version(version: u32) -> Option<Self> {
        let (major, minor, stepping) = (version / 10_000, version / 100 % 100, version % 100);
        (major > 0 && minor < 16 && stepping < 16)
            .then(|| Self(format!("gfx{major}{minor:x}{stepping:x}")))
    }
}

impl fmt::Display for Gfx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Gfx {
    type Err = String;

    /// `gfx1100`; features such as `:xnack-` do not count.
    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().split(':').next().unwrap_or_default();
        let digits = name.strip_prefix("gfx").unwrap_or_default();
        let plain = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let known = (3..=5).contains(&digits.len()) && digits.chars().all(plain);
        (known && !digits.trim_matches('0').is_empty())
            .then(|| Self(name.to_owned()))
            .ok_or_else(|| format!("`{text}` is not a target such as gfx1100"))
    }
}

/// A display or compute device on the PCI bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Device {
    /// Its maker.
    pub vendor: Vendor,
    /// PCI device number.
    pub id: u16,
}

/// Who made a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vendor {
    /// 0x10de
    Nvidia,
    /// 0x1002
    Amd,
    /// 0x8086
    Intel,
}

impl Vendor {
    fn of_id(id: u16) -> Option<Self> {
        match id {
            0x10de => Some(Self::Nvidia),
            0x1002 => Some(Self::Amd),
            0x8086 => Some(Self::Intel),
            _ => None,
        }
    }
}

impl Device {
    /// Whether it is a card of Intel's that torch's XPU wheels are made for: Arc and Flex
    /// (Alchemist), Arc B (Battlemage), Data Center GPU Max. What is part of a processor is not.
    pub fn is_discrete_intel(self) -> bool {
        let cards = [0x5690..=0x56c2, 0xe200..=0xe2ff, 0x0bd0..=0x0bdf];
        self.vendor == Vendor::Intel && cards.iter().any(|ids| ids.contains(&self.id))
    }
}

/// What is asked for GPUs, and where programs may be taken from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking<'a> {
    /// Value of `PATH`.
    pub(super) path: &'a str,
    /// Where nothing is started: the scanned tree.
    pub(super) scanned_root: &'a Path,
}

impl Gpus {
    /// Looks at this machine.
    pub(super) fn detect(asking: Asking<'_>) -> Self {
        let mut found = Self::of_files(Path::new("/"));
        let said = nvidia::by_library().or_else(|| {
            let places = program("nvidia-smi", &with_usual(asking.path), asking.scanned_root);
            nvidia::by_program(&places?)
        });
        found.nvidia = said.or(found.nvidia);
        if found.amd.is_empty() && found.has(Vendor::Amd, true) {
            found.amd = by_agents(asking).unwrap_or_default();
        }
        found
    }

    /// What the files of a system tell, without starting anything.
    pub(super) fn of_files(root: &Path) -> Self {
        let devices = files::devices(root);
        let driver = files::nvidia_driver(root);
        let cards = devices
            .iter()
            .filter(|device| device.vendor == Vendor::Nvidia);
        let source = match driver {
            Some(_) => Source::DriverFile,
            None => Source::Bus,
        };
        let nvidia = (driver.is_some() || cards.count() > 0).then_some(Nvidia {
            driver,
            source,
            ..Nvidia::default()
        });
        Self {
            nvidia,
            amd: files::amd(root),
            devices,
            wsl: files::is_wsl(root),
            tegra: files::is_tegra(root),
        }
    }

    /// Whether a device of this maker is on the bus; `or_hidden` counts a machine whose bus is not
    /// seen, as below WSL.
    fn has(&self, vendor: Vendor, or_hidden: bool) -> bool {
        self.wsl && or_hidden || self.devices.iter().any(|device| device.vendor == vendor)
    }

    /// Whether an AMD card is there.
    pub fn has_amd(&self) -> bool {
        !self.amd.is_empty() || self.has(Vendor::Amd, false)
    }

    /// Whether a card of Intel's is there that torch can use.
    pub fn has_discrete_intel(&self) -> bool {
        self.devices.iter().any(|device| device.is_discrete_intel())
    }

    /// Whether any of Intel's is there.
    pub fn has_intel(&self) -> bool {
        self.has(Vendor::Intel, false)
    }
}

/// `PATH` and where drivers put their programs.
fn with_usual(path: &str) -> String {
    let usual: &[&str] = if cfg!(windows) {
        &[r"C:\Windows\System32"]
    } else {
        &["/usr/bin", "/usr/lib/wsl/lib", "/opt/rocm/bin"]
    };
    let given = std::env::split_paths(path);
    let all = given.chain(usual.iter().map(PathBuf::from));
    let joined = std::env::join_paths(all).unwrap_or_default();
    joined.into_string().unwrap_or_default()
}

/// What ROCm's own program says, where the kernel's files say nothing.
fn by_agents(asking: Asking<'_>) -> Option<Vec<Gfx>> {
    let path = with_usual(asking.path);
    let program = program("rocm_agent_enumerator", &path, asking.scanned_root)?;
    Some(agents(&run(&program, &[], LIMIT).ok()?))
}

/// One name a line; `gfx000` is a processor.
fn agents(said: &str) -> Vec<Gfx> {
    said.lines().filter_map(|line| line.parse().ok()).collect()
}
