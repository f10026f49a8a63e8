//! Which hardware a repository is for, and the lowest driver for it.

use pinsmith_resolver::{Accelerator, CudaVersion, Platform, Target};

use super::AcceleratorSpec;
use crate::accelerator::{Table, WheelLocal};
use crate::escape;
use crate::lock::{Lock, LockedPackage, Selection};
use crate::scan::{Hardware, HardwareHint, Scan, Strength};

/// Most reasons that are named.
const MOST: usize = 5;

/// What the code and the declared files say, when they say anything: the hardware with the surest
/// evidence, and of the versions that the surest places name the highest.
///
/// Code that only asks whether hardware is there runs without, so it counts only where some place also
/// names a version.
pub(super) fn wanted(scan: &Scan) -> Option<AcceleratorSpec> {
    let of = |hardware: Hardware| {
        let hints = scan.hardware.iter();
        hints.filter(move |hint| hint.hardware == hardware)
    };
    let counts = |hardware: &Hardware| {
        of(*hardware).any(|hint| hint.strength > Strength::Possible || hint.version.is_some())
    };
    let rank = |hardware: &Hardware| {
        let surest = of(*hardware).map(|hint| hint.strength).max();
        (surest, of(*hardware).count())
    };
    let candidates = Hardware::ALL.into_iter().rev().filter(counts);
    let hardware = candidates.max_by_key(rank)?;
    let mut hints: Vec<&HardwareHint> = of(hardware).collect();
    hints.sort_by_key(|hint| std::cmp::Reverse(hint.strength));
    let naming = hints.iter().filter(|hint| hint.version.is_some());
    let surest = naming.clone().map(|hint| hint.strength).max();
    let versions = naming.filter(|hint| Some(hint.strength) == surest);
    let version = versions
        .filter_map(|hint| hint.version.as_deref())
        .max_by_key(|version| numbers(version));
    let evidence = hints.iter().take(MOST).map(|hint| {
        let text = format!("`{}` at {}", hint.what, hint.site);
        escape::visible(&text).into_owned()
    });
    Some(AcceleratorSpec {
        hardware,
        version: version.map(|version| escape::visible(version).into_owned()),
        driver_min: version
            .filter(|_| hardware == Hardware::Cuda)
            .and_then(|version| driver_of(version, Platform::LinuxX86_64)),
        evidence: evidence.collect(),
    })
}

fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect()
}

/// The oldest driver for a CUDA such as `11.3`, or for any of a major version such as `12`.
fn driver_of(cuda: &str, platform: Platform) -> Option<String> {
    let wanted = numbers(cuda);
    let table = Table::built_in();
    let fits = |cuda: &CudaVersion| match wanted.as_slice() {
        [major] => u32::from(cuda.major) == *major,
        [major, minor, ..] => u32::from(cuda.major) == *major && u32::from(cuda.minor) == *minor,
        [] => false,
    };
    let exact = table.drivers.iter().filter(|row| fits(&row.cuda));
    let major = table
        .drivers
        .iter()
        .filter(|row| wanted.first() == Some(&u32::from(row.cuda.major)));
    let row = exact
        .min_by_key(|row| row.cuda)
        // a CUDA that is newer than the table needs what its major version needs
        .or_else(|| major.max_by_key(|row| row.cuda))?;
    let floor = match platform {
        Platform::WindowsX86_64 | Platform::WindowsArm64 => &row.windows,
        _ => &row.linux,
    };
    Some(floor.to_string())
}

/// What locked wheels need of a GPU driver.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DriverNeed {
    /// None.
    Nothing,
    /// One of at least this version; `None` when the wheels do not say which.
    AtLeast(Option<String>),
}

/// Whether the locked wheels need a GPU driver on a target, judging by the CUDA that they are built for.
pub(super) fn driver_needed(lock: &Lock, target: &Target) -> DriverNeed {
    let for_cuda = |cuda: String| DriverNeed::AtLeast(driver_of(&cuda, target.platform));
    if let Accelerator::Cuda(cuda) = target.accelerator {
        return for_cuda(cuda.to_string());
    }
    let environment = target.marker_environment();
    let here = |package: &&LockedPackage| {
        let marker = package.marker.as_ref();
        marker.is_none_or(|marker| marker.holds(&environment, &Selection::Everything))
    };
    let mut packages = lock.packages.iter().filter(here);
    let runtime = packages.clone().find(|package| {
        // `nvidia-cuda-runtime-cu12`, and without a suffix from CUDA 13 on
        package.name.as_ref().starts_with("nvidia-cuda-runtime")
    });
    if let Some(runtime) = runtime {
        let release = runtime.version.release();
        let cuda = release.iter().take(2).map(ToString::to_string);
        let cuda: Vec<String> = cuda.collect();
        return for_cuda(cuda.join("."));
    }
    // a pin such as torch==2.9.1+cu128 that no index of its own serves
    match packages.find_map(|package| WheelLocal::of(&package.version).cuda) {
        Some(cuda) => for_cuda(cuda.to_string()),
        None => DriverNeed::Nothing,
    }
}
