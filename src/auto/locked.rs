//! Whether a machine runs what a lock holds.

use pinsmith_resolver::{Accelerator, CudaVersion, PackageName, Platform, Target, Version};

use super::{Machine, MinorVersion, Table, Verdict, verdict};

/// How a machine runs the builds of a target, the better the greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// On its processor only, although they are for a GPU; and why.
    Idle(String),
    /// On its processor, although they bring the libraries of a GPU that is not there.
    Large,
    /// On its processor, as they are meant.
    Processor,
    /// On its GPU; what is compiled there at run time does not work, since the driver is older than
    /// the builds.
    NoJit,
    /// On its GPU.
    Runs,
}

/// How a machine runs a target's builds; `None` when they are for another platform.
///
/// `torch` is the locked version of torch, on which depends which GPUs the builds have code for.
pub fn fit(
    machine: &Machine,
    target: &Target,
    torch: Option<&Version>,
    table: &Table,
) -> Option<Fit> {
    if machine.platform != Some(target.platform) {
        return None;
    }
    Some(match target.accelerator {
        Accelerator::Cpu => Fit::Processor,
        Accelerator::Mps => Fit::Runs,
        Accelerator::Cuda(cuda) => on_nvidia(machine, cuda, torch, table),
        Accelerator::Index => match cuda_of_main(target.platform, torch, table) {
            Some(cuda) if machine.gpus.nvidia.is_some() => on_nvidia(machine, cuda, torch, table),
            Some(_) => Fit::Large,
            None => Fit::Processor,
        },
        Accelerator::Rocm(rocm) => {
            let cards = &machine.gpus.amd;
            let row = table.rocm.iter().find(|row| row.version == rocm);
            let has = |card: &str| row.is_none_or(|row| row.gfx.iter().any(|one| one == card));
            match cards.first() {
                None => Fit::Idle("there is no AMD GPU with its compute driver here".to_owned()),
                Some(_) if cards.iter().any(|card| has(card.as_str())) => Fit::Runs,
                Some(card) => Fit::Idle(format!("they have no code for {card}")),
            }
        }
        Accelerator::Xpu if machine.gpus.has_discrete_intel() => Fit::Runs,
        Accelerator::Xpu => Fit::Idle("there is no Intel card here".to_owned()),
    })
}

fn on_nvidia(machine: &Machine, cuda: CudaVersion, torch: Option<&Version>, table: &Table) -> Fit {
    let Some(nvidia) = &machine.gpus.nvidia else {
        return Fit::Idle("there is no NVIDIA GPU here".to_owned());
    };
    let Some(driver) = &nvidia.driver else {
        return Fit::Idle("the driver of its NVIDIA GPU is not there".to_owned());
    };
    // without torch only the driver counts, which is the same for all its releases
    let known = table.torch.iter().map(|release| release.version);
    let minor = torch.map(MinorVersion::of).or_else(|| known.max());
    let judged = minor.and_then(|minor| verdict(machine, minor, cuda, table));
    match judged {
        Some(Verdict::NeedsDriver(needed)) => Fit::Idle(format!(
            "they need NVIDIA driver {needed} or later, and {driver} is here"
        )),
        Some(Verdict::NoCode(card)) if torch.is_some() => Fit::Idle(format!(
            "they have no code for compute capability {card} of its GPU"
        )),
        Some(Verdict::Runs { jit: false }) => Fit::NoJit,
        _ => Fit::Runs,
    }
}

/// The CUDA of torch's wheels on the main index.
fn cuda_of_main(platform: Platform, torch: Option<&Version>, table: &Table) -> Option<CudaVersion> {
    let name: PackageName = "torch".parse().ok()?;
    let text = table.cuda_of_main(&name, torch?, platform)?;
    text.trim_start_matches('=').parse().ok()
}

/// How a machine runs the best of a lock's targets; `None` when none is for its platform.
pub fn best_fit<'t>(
    machine: &Machine,
    targets: &'t [Target],
    torch: Option<&Version>,
    table: &Table,
) -> Option<(Fit, &'t Target)> {
    let fits = targets
        .iter()
        .filter_map(|target| Some((fit(machine, target, torch, table)?, target)));
    fits.max_by_key(|(fit, target)| (fit.clone(), target.accelerator))
}
