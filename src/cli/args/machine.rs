//! Flags that describe a machine, and those of `doctor`.

use std::path::PathBuf;

use clap::Args;
use pinsmith_resolver::PythonVersion;

use super::super::targets::PlatformArg;
use super::targets::parse_glibc;
use crate::accelerator::{Capability, DriverVersion};
use crate::host::{Gfx, GpuSource, Gpus, NvidiaGpu};

/// What counts instead of what is found here.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "This machine, for --accelerator auto")]
pub struct MachineArgs {
    /// The NVIDIA driver that counts instead of this machine's
    #[arg(long, value_name = "VERSION")]
    pub cuda_driver: Option<DriverVersion>,
    /// The compute capability of an NVIDIA GPU that counts instead of those found, such as 8.6; may
    /// be given again
    #[arg(long, value_name = "X.Y")]
    pub compute_capability: Vec<Capability>,
    /// The target of an AMD GPU that counts instead of those found, such as gfx1100; may be given
    /// again
    #[arg(long, value_name = "NAME")]
    pub gfx: Vec<Gfx>,
}

impl MachineArgs {
    /// Whether anything is said.
    pub fn is_empty(&self) -> bool {
        self.cuda_driver.is_none() && self.compute_capability.is_empty() && self.gfx.is_empty()
    }

    /// Puts what is said in the place of what was found.
    pub fn apply(&self, gpus: &mut Gpus) {
        if self.cuda_driver.is_some() || !self.compute_capability.is_empty() {
            let nvidia = gpus.nvidia.get_or_insert_default();
            nvidia.source = GpuSource::Flags;
            if let Some(driver) = &self.cuda_driver {
                nvidia.driver = Some(driver.clone());
                nvidia.cuda = None;
            }
            if !self.compute_capability.is_empty() {
                let gpus = self.compute_capability.iter().map(|capability| NvidiaGpu {
                    name: String::new(),
                    capability: Some(*capability),
                });
                nvidia.gpus = gpus.collect();
            }
        }
        if !self.gfx.is_empty() {
            gpus.amd.clone_from(&self.gfx);
        }
    }
}

/// `pinsmith doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The repository that the next command is for
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// Judge for this Python instead of the first one that is found
    #[arg(long, short = 'p', value_name = "X.Y")]
    pub python: Option<PythonVersion>,
    /// Judge a machine of this platform instead of this one; it has the GPUs that flags name
    #[arg(long)]
    pub platform: Option<PlatformArg>,
    /// The glibc that counts instead of this machine's
    #[arg(long, value_name = "X.Y", value_parser = parse_glibc)]
    pub glibc: Option<(u16, u16)>,
    /// The GPUs and the driver.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Use this table of indexes and builds instead of the built-in one
    #[arg(long, value_name = "FILE")]
    pub accelerator_table: Option<PathBuf>,
    /// The index, as other commands take it
    #[arg(long, value_name = "URL")]
    pub index_url: Option<String>,
    /// Another index; may be given again
    #[arg(long, value_name = "URL")]
    pub extra_index_url: Vec<String>,
}
