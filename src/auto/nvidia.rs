//! NVIDIA: the driver decides which CUDA runs, the compute capability which builds have code.

use std::cmp::Reverse;

use pinsmith_resolver::{Accelerator, AcceleratorFamily, CudaVersion, Platform};

use super::{
    Asked, Choice, Found, Machine, NO_JIT, NOTHING_RUNS, UNKNOWN_CAPABILITY, UNUSABLE_GPU,
};
use crate::accelerator::{
    AcceleratorPattern, Capabilities, Capability, Driver, DriverVersion, MinorVersion, Table,
    TorchRelease,
};
use crate::diagnostic::Diagnostic;
use crate::host::Nvidia;

/// `NVIDIA H200 (9.0), driver 580.95.05`.
pub(super) fn seen(nvidia: &Nvidia) -> String {
    let mut cards: Vec<(String, usize)> = Vec::new();
    for gpu in &nvidia.gpus {
        let name = if gpu.name.is_empty() {
            "NVIDIA GPU"
        } else {
            &gpu.name
        };
        let shown = match gpu.capability {
            Some(capability) => format!("{name} ({capability})"),
            None => name.to_owned(),
        };
        match cards.iter_mut().find(|(known, _)| *known == shown) {
            Some((_, count)) => *count += 1,
            None => cards.push((shown, 1)),
        }
    }
    let mut parts: Vec<String> = cards
        .into_iter()
        .map(|(name, count)| {
            if count > 1 {
                format!("{count} × {name}")
            } else {
                name
            }
        })
        .collect();
    if parts.is_empty() {
        parts.push("an NVIDIA GPU".to_owned());
    }
    parts.push(match &nvidia.driver {
        Some(driver) => format!("driver {driver}"),
        None => "no driver".to_owned(),
    });
    parts.join(", ")
}

/// Whether builds of torch for a CUDA run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They do; `jit` says whether the driver compiles PTX of this CUDA, which Triton and
    /// `torch.compile` need.
    Runs {
        /// Whether it does.
        jit: bool,
    },
    /// The driver is older than this one.
    NeedsDriver(DriverVersion),
    /// They have no code for this GPU.
    NoCode(Capability),
}

/// Whether the builds of a minor release of torch for a CUDA run on a machine's NVIDIA GPUs.
///
/// `None` when the machine has none, or no driver.
pub fn verdict(
    machine: &Machine,
    torch: MinorVersion,
    cuda: CudaVersion,
    table: &Table,
) -> Option<Verdict> {
    let nvidia = machine.gpus.nvidia.as_ref()?;
    let driver = nvidia.driver.as_ref()?;
    let platform = machine.platform?;
    let windows = platform == Platform::WindowsX86_64 || machine.gpus.wsl;
    let row = driver_row(table, cuda);
    let floor = row.map(|row| if windows { &row.windows } else { &row.linux });
    if let Some(floor) = floor.filter(|floor| driver < *floor) {
        return Some(Verdict::NeedsDriver(floor.clone()));
    }
    let said = nvidia
        .cuda
        .is_some_and(|(major, minor)| (major, minor) >= (cuda.major.into(), cuda.minor.into()));
    let toolkit = row.and_then(|row| row.toolkit_linux.as_ref());
    let jit = said
        || toolkit.is_some_and(|toolkit| {
            if windows {
                // Windows has other numbers within a branch
                toolkit.branch() <= driver.branch()
            } else {
                toolkit <= driver
            }
        });
    let code = code_of(table, torch, cuda, platform);
    let serves = |card: Capability| match code {
        // a build for boards of Tegra is none for servers, and the reverse
        Some(code) if machine.gpus.tegra => code.machine_code.contains(&card),
        Some(code) => {
            code.machine_code.iter().any(|one| one.runs_on(card))
                || jit && code.ptx.iter().any(|one| *one <= card)
        }
        None => !machine.gpus.tegra && meets_floors(table, torch, cuda, card),
    };
    let cards = nvidia.gpus.iter().filter_map(|gpu| gpu.capability);
    let mut unserved = cards.filter(|card| !serves(*card));
    Some(match unserved.next() {
        Some(card) => Verdict::NoCode(card),
        None => Verdict::Runs { jit },
    })
}

/// What a CUDA asks of the driver; one that is newer than the table asks what the newest of the same
/// major version asks.
fn driver_row(table: &Table, cuda: CudaVersion) -> Option<&Driver> {
    table.driver(cuda).or_else(|| {
        let same = table
            .drivers
            .iter()
            .filter(|row| row.cuda.major == cuda.major);
        same.max_by_key(|row| row.cuda)
    })
}

/// The surest row about some builds; where there is none for the platform, the nearest one.
fn code_of(
    table: &Table,
    torch: MinorVersion,
    cuda: CudaVersion,
    platform: Platform,
) -> Option<&Capabilities> {
    let about = |platform: Platform, fits: &dyn Fn(Accelerator) -> bool| {
        let rows = table.capabilities.iter().filter(|row| {
            let named = row.accelerators.iter();
            row.first <= torch
                && torch <= row.last
                && row.platforms.contains(&platform)
                && named.filter_map(|one| one.one()).any(fits)
        });
        rows.max_by_key(|row| row.mark)
    };
    let exactly = |one: Accelerator| one == Accelerator::Cuda(cuda);
    // one release has the same code in all builds for a CUDA major version
    let major = |one: Accelerator| one.cuda().is_some_and(|other| other.major == cuda.major);
    about(platform, &exactly)
        .or_else(|| about(platform, &major).filter(|_| platform != Platform::LinuxX86_64))
        .or_else(|| about(Platform::LinuxX86_64, &exactly))
}

/// Where nobody knows what code builds have: from which torch and CUDA on a capability is served.
fn meets_floors(table: &Table, torch: MinorVersion, cuda: CudaVersion, card: Capability) -> bool {
    let floors = table.capability_floors.iter();
    let mut floors: Vec<_> = floors.filter(|floor| floor.capability <= card).collect();
    floors.sort_by_key(|floor| floor.capability);
    floors
        .last()
        .is_none_or(|floor| MinorVersion::of(&floor.torch) <= torch && floor.cuda <= cuda)
}

/// The CUDAs that a minor release of torch has builds for: official ones, then all others.
pub(super) fn builds(asked: &Asked<'_>, release: &TorchRelease) -> [Vec<CudaVersion>; 2] {
    let recorded: Vec<Accelerator> = asked
        .table
        .builds
        .iter()
        .filter(|build| {
            build.platform == asked.platform && MinorVersion::of(&build.torch) == release.version
        })
        .flat_map(|build| &build.accelerators)
        .filter_map(|pattern| AcceleratorPattern::one(*pattern))
        .filter(|one| one.family() != AcceleratorFamily::Index)
        .collect();
    // where only the main index is recorded, the release matrix counts
    let exists =
        |cuda: &CudaVersion| recorded.is_empty() || recorded.contains(&Accelerator::Cuda(*cuda));
    let official = |cuda: &CudaVersion| !release.experimental.contains(cuda);
    let documented = release.cuda.iter().copied();
    let (first, second) = documented.filter(exists).partition(official);
    [first, second]
}

pub(super) fn choose(asked: &Asked<'_>) -> Result<Found, Diagnostic> {
    let Some(nvidia) = &asked.machine.gpus.nvidia else {
        return Ok(Found::Nothing);
    };
    if nvidia.driver.is_none() {
        let message = "an NVIDIA GPU is there, and its driver is not";
        let help = "install NVIDIA's driver, or say which one there will be with --cuda-driver";
        return Ok(Found::Unusable(
            Diagnostic::warning(UNUSABLE_GPU, message).help(help),
        ));
    }
    match asked.pinned() {
        Some(Accelerator::Cuda(cuda)) => return pinned(asked, cuda),
        Some(_) => return Ok(Found::Nothing),
        None => {}
    }
    if let Some((release, cuda, jit)) = best(asked, |release| asked.admits(release)) {
        return Ok(Found::Choice(Box::new(chosen(asked, release, cuda, jit))));
    }
    let constrained = asked
        .wanted
        .torch
        .as_ref()
        .is_some_and(|it| it.iter().len() > 0);
    let refusal = refused(asked);
    if constrained {
        return Err(refusal);
    }
    Ok(Found::Unusable(Diagnostic {
        code: UNUSABLE_GPU,
        severity: crate::diagnostic::Severity::Warning,
        ..refusal
    }))
}

/// The newest release with builds that run, and the best of these builds.
fn best<'a>(
    asked: &Asked<'a>,
    admits: impl Fn(&TorchRelease) -> bool,
) -> Option<(&'a TorchRelease, CudaVersion, bool)> {
    let releases = asked.releases().into_iter();
    releases
        .filter(|release| admits(release))
        .find_map(|release| {
            builds(asked, release).into_iter().find_map(|group| {
                let runs = group.into_iter().filter_map(|cuda| {
                    match verdict(asked.machine, release.version, cuda, asked.table)? {
                        Verdict::Runs { jit } => Some((jit, cuda)),
                        _ => None,
                    }
                });
                runs.max().map(|(jit, cuda)| (release, cuda, jit))
            })
        })
}

fn chosen(asked: &Asked<'_>, release: &TorchRelease, cuda: CudaVersion, jit: bool) -> Choice {
    let mut warnings = Vec::new();
    let nvidia = asked.machine.gpus.nvidia.as_ref();
    let driver = nvidia.and_then(|nvidia| nvidia.driver.as_ref());
    if let (false, Some(driver)) = (jit, driver) {
        let row = asked.table.driver(cuda);
        let toolkit = row.and_then(|row| row.toolkit_linux.as_ref());
        let toolkit = toolkit.map_or_else(String::new, |toolkit| format!(" {toolkit}"));
        let message = format!(
            "driver {} is older than the {cuda} toolkit driver{toolkit}: no PTX JIT",
            driver.branch()
        );
        let help = "wheels run; Triton, torch.compile and other code that is compiled on the GPU do not, until the driver is newer";
        warnings.push(Diagnostic::warning(NO_JIT, message).help(help));
    }
    let unknown = nvidia.is_some_and(|nvidia| {
        nvidia.gpus.is_empty() || nvidia.gpus.iter().any(|gpu| gpu.capability.is_none())
    });
    if unknown {
        let message = "the compute capability of the GPU is not known, so only its driver counted";
        let help = "say what it is, such as --compute-capability 8.6";
        warnings.push(Diagnostic::warning(UNKNOWN_CAPABILITY, message).help(help));
    }
    Choice {
        newest: Some(release.version),
        torch: bound(asked, release.version, cuda),
        newer: newer(asked, release.version, cuda),
        warnings,
        ..Choice::plain(Accelerator::Cuda(cuda))
    }
}

/// Between which releases of torch the builds run, where they do not in all.
fn bound(
    asked: &Asked<'_>,
    chosen: MinorVersion,
    cuda: CudaVersion,
) -> Option<pinsmith_resolver::VersionSpecifiers> {
    let mut low = None;
    let mut high = None;
    for release in asked.releases() {
        let has = builds(asked, release).concat().contains(&cuda);
        let runs = matches!(
            verdict(asked.machine, release.version, cuda, asked.table),
            Some(Verdict::Runs { .. })
        );
        if !has || runs {
            continue;
        }
        if release.version > chosen {
            // the lowest of them, since they come from above
            high = Some(release.version);
        } else if low.is_none() {
            low = Some(release.version);
        }
    }
    let low = low.map(|low| format!(">={}.{}", low.major, low.minor + 1));
    let high = high.map(|high| format!("<{high}"));
    let parts: Vec<String> = low.into_iter().chain(high).collect();
    (!parts.is_empty()).then(|| parts.join(",").parse().ok())?
}

/// What the newest release would need.
fn newer(asked: &Asked<'_>, chosen: MinorVersion, cuda: CudaVersion) -> Option<String> {
    let releases = asked.releases();
    let newest = releases.iter().find(|release| asked.admits(release))?;
    let [mut official, _] = builds(asked, newest);
    official.retain(|other| newest.version > chosen || *other > cuda);
    official.sort_by_key(|other| {
        (
            asked.table.driver(*other).map(|row| row.linux.clone()),
            *other,
        )
    });
    let reasons = official
        .into_iter()
        .filter(|other| *other > cuda || newest.version > chosen);
    reasons.into_iter().find_map(|other| {
        let name = Accelerator::Cuda(other);
        let of = format!("{name} of torch {}", newest.version);
        match verdict(asked.machine, newest.version, other, asked.table)? {
            Verdict::NeedsDriver(driver) => Some(format!("{of} needs driver {driver}")),
            Verdict::NoCode(card) => Some(format!("{of} has no code for {card}")),
            Verdict::Runs { jit: false } => Some(format!("{of} needs a newer driver for PTX")),
            Verdict::Runs { jit: true } => None,
        }
    })
}

/// A pin that names its CUDA.
fn pinned(asked: &Asked<'_>, cuda: CudaVersion) -> Result<Found, Diagnostic> {
    let releases = asked.releases();
    let Some(release) = releases.iter().find(|release| asked.admits(release)) else {
        // what the table does not know is the resolver's to judge
        return Ok(Found::Choice(Box::new(Choice::plain(Accelerator::Cuda(
            cuda,
        )))));
    };
    let name = Accelerator::Cuda(cuda);
    match verdict(asked.machine, release.version, cuda, asked.table) {
        Some(Verdict::NoCode(card)) => {
            let message = format!("the pinned variant has no code for compute capability {card}");
            let version = asked.versions(release).next();
            let runs = |cuda: &CudaVersion| {
                let judged = verdict(asked.machine, release.version, *cuda, asked.table);
                matches!(judged, Some(Verdict::Runs { .. }))
            };
            let other = builds(asked, release)
                .concat()
                .into_iter()
                .filter(runs)
                .max();
            let help = match (other, version) {
                (Some(other), Some(version)) => {
                    format!(
                        "pin torch=={version}+{}, or leave the local version out",
                        Accelerator::Cuda(other)
                    )
                }
                _ => remedy(asked, card),
            };
            Err(Diagnostic::error(NOTHING_RUNS, message).help(help))
        }
        Some(Verdict::NeedsDriver(driver)) => {
            let message = format!("the pinned variant {name} needs driver {driver} or newer");
            let help = "install a newer driver, or leave the local version out of the pin";
            Err(Diagnostic::error(NOTHING_RUNS, message).help(help))
        }
        Some(Verdict::Runs { jit }) => {
            let choice = chosen(asked, release, cuda, jit);
            Ok(Found::Choice(Box::new(Choice {
                torch: None,
                newer: None,
                ..choice
            })))
        }
        None => Ok(Found::Choice(Box::new(Choice::plain(name)))),
    }
}

/// Why nothing that is admitted runs.
fn refused(asked: &Asked<'_>) -> Diagnostic {
    let admitted = asked
        .releases()
        .into_iter()
        .filter(|release| asked.admits(release));
    let verdicts: Vec<Verdict> = admitted
        .flat_map(|release| {
            let cudas = builds(asked, release).concat();
            cudas
                .into_iter()
                .filter_map(|cuda| verdict(asked.machine, release.version, cuda, asked.table))
                .collect::<Vec<_>>()
        })
        .collect();
    let no_code = verdicts.iter().find_map(|verdict| match verdict {
        Verdict::NoCode(card) => Some(*card),
        _ => None,
    });
    let driver = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::NeedsDriver(driver) => Some(driver),
        _ => None,
    });
    match (no_code, driver.min_by_key(|driver| (*driver).clone())) {
        (Some(card), _) => {
            let message = format!("no variant runs on compute capability {card}");
            Diagnostic::error(NOTHING_RUNS, message).help(remedy(asked, card))
        }
        (None, Some(driver)) => {
            let message =
                format!("no variant runs with this driver; the oldest that will do is {driver}");
            let help = match best(asked, |_| true) {
                Some((release, cuda, _)) => format!(
                    "install a newer driver, or admit torch<={} with {}",
                    release.version,
                    Accelerator::Cuda(cuda)
                ),
                None => "install a newer driver, or lock with --accelerator cpu".to_owned(),
            };
            Diagnostic::error(NOTHING_RUNS, message).help(help)
        }
        (None, None) => {
            let message = format!("no CUDA build for {} is admitted", asked.platform);
            let help = "loosen what is asked of torch, of Python or of glibc, or lock with --accelerator cpu";
            Diagnostic::error(NOTHING_RUNS, message).help(help)
        }
    }
}

/// What would run on a card.
fn remedy(asked: &Asked<'_>, card: Capability) -> String {
    if asked.machine.gpus.tegra {
        return "wheels for this board come from NVIDIA; name their index, such as --index-for torch=URL".to_owned();
    }
    let nothing = || {
        let capabilities = asked.table.capabilities.iter();
        let mut rows: Vec<&Capabilities> = capabilities
            .filter(|row| row.machine_code.iter().any(|one| one.runs_on(card)))
            .collect();
        rows.sort_by_key(|row| Reverse(row.last));
        match rows.first() {
            Some(row) => format!(
                "torch<={} has code for it; lock with --accelerator cpu to go without the GPU",
                row.last
            ),
            None => "no build of torch that is known has code for it; lock with --accelerator cpu"
                .to_owned(),
        }
    };
    let Some((release, cuda, _)) = best(asked, |_| true) else {
        return nothing();
    };
    let admitted = asked
        .releases()
        .into_iter()
        .filter(|release| asked.admits(release));
    let older = admitted.map(|release| release.version).max() < Some(release.version);
    let floors = asked.table.capability_floors.iter();
    let mut floors = floors.filter(|floor| floor.capability.runs_on(card));
    match floors.next() {
        Some(floor) if older => {
            format!("it needs torch>={} and CUDA>={}", floor.torch, floor.cuda)
        }
        _ => {
            let name = Accelerator::Cuda(cuda);
            let relation = if older { ">=" } else { "<=" };
            let python = match release
                .pythons
                .iter()
                .rfind(|python| !python.ends_with('t'))
            {
                Some(python) if !asked.fits_python(release) => format!(" and Python {python}"),
                _ => String::new(),
            };
            format!(
                "torch{relation}{} with {name}{python} runs on it",
                release.version
            )
        }
    }
}
