//! Everything that a machine can and cannot run.

use pinsmith_resolver::{Accelerator, AcceleratorFamily, CudaVersion, Platform};

use super::{Asked, Machine, MinorVersion, Table, Verdict, Wanted, choose, verdict};

/// Builds, and whether a machine runs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The builds, such as `cu130`, or a kind of which there is none here: `rocm`.
    pub name: String,
    /// The newest release of torch whose builds run, where it matters.
    pub newest: Option<MinorVersion>,
    /// Why not; `None` when they do.
    pub why_not: Option<String>,
}

impl Line {
    fn runs(name: &dyn ToString, newest: Option<MinorVersion>) -> Self {
        Self {
            name: name.to_string(),
            newest,
            why_not: None,
        }
    }

    fn not(name: &dyn ToString, why_not: impl Into<String>) -> Self {
        Self {
            name: name.to_string(),
            newest: None,
            why_not: Some(why_not.into()),
        }
    }
}

/// What a machine runs, the best first, then what it does not run and why.
pub fn survey(machine: &Machine, wanted: &Wanted, table: &Table) -> Vec<Line> {
    let mut lines = Vec::new();
    let platform = match machine.platform {
        Some(Platform::MacosArm64) => {
            lines.push(Line::runs(&Accelerator::Mps, None));
            lines.push(Line::runs(&Accelerator::Cpu, None));
            return lines;
        }
        Some(
            platform @ (Platform::LinuxX86_64 | Platform::LinuxAarch64 | Platform::WindowsX86_64),
        ) => platform,
        _ => return vec![Line::runs(&Accelerator::Cpu, None)],
    };
    let asked = Asked {
        machine,
        wanted,
        table,
        platform,
    };
    let wheels = &machine.gpus;
    match wheels.nvidia.as_ref().map(|nvidia| &nvidia.driver) {
        None => lines.push(Line::not(&AcceleratorFamily::Cuda, "no NVIDIA GPU")),
        Some(None) => lines.push(Line::not(&AcceleratorFamily::Cuda, "no NVIDIA driver")),
        Some(Some(_)) => lines.extend(cuda(&asked)),
    }
    lines.push(other(&asked, AcceleratorFamily::Rocm));
    if wheels.has_discrete_intel() && platform != Platform::LinuxAarch64 {
        lines.push(Line::runs(&Accelerator::Xpu, None));
    } else {
        lines.push(Line::not(&Accelerator::Xpu, "no Intel card"));
    }
    lines.push(Line::runs(&Accelerator::Cpu, None));
    lines.sort_by_key(|line| line.why_not.is_some());
    lines
}

/// Every CUDA that a release of torch has official builds for, the newest first.
fn cuda(asked: &Asked<'_>) -> Vec<Line> {
    let releases = asked.releases();
    let mut versions: Vec<CudaVersion> = releases
        .iter()
        .filter(|release| asked.admits(release))
        .flat_map(|release| super::nvidia::builds(asked, release).concat())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let judge = |cuda: CudaVersion| {
        let mut why = None;
        for release in &releases {
            let has = super::nvidia::builds(asked, release)
                .concat()
                .contains(&cuda);
            if !has || !asked.admits(release) {
                continue;
            }
            match verdict(asked.machine, release.version, cuda, asked.table)? {
                Verdict::Runs { .. } => {
                    return Some(Line::runs(&Accelerator::Cuda(cuda), Some(release.version)));
                }
                Verdict::NeedsDriver(driver) => {
                    why = why.or(Some(format!("needs driver {driver}")));
                }
                Verdict::NoCode(card) => why = why.or(Some(format!("no code for {card}"))),
            }
        }
        Some(Line::not(&Accelerator::Cuda(cuda), why?))
    };
    versions.into_iter().rev().filter_map(judge).collect()
}

/// AMD's builds by what would be chosen if it were the only GPU.
fn other(asked: &Asked<'_>, family: AcceleratorFamily) -> Line {
    if !asked.machine.gpus.has_amd() {
        return Line::not(&family, "no AMD GPU");
    }
    let mut alone = asked.machine.clone();
    alone.gpus.nvidia = None;
    match choose(&alone, asked.wanted, asked.table) {
        Ok(choice) if choice.accelerator.family() == family => {
            Line::runs(&choice.accelerator, choice.newest)
        }
        Ok(choice) => {
            let why = choice.warnings.into_iter().next();
            Line::not(&family, why.map_or_else(String::new, |why| why.message))
        }
        Err(error) => Line::not(&family, error.message),
    }
}
