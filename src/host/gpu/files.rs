//! What the files of a Linux system tell of its GPUs.

use std::fs;
use std::path::Path;

use super::{Device, Gfx, Vendor};
use crate::accelerator::DriverVersion;

/// Longest file that is read: none of them has a reason to be longer.
const MAX_BYTES: u64 = 64 * 1024;

/// The version of NVIDIA's kernel module.
pub(super) fn nvidia_driver(root: &Path) -> Option<DriverVersion> {
    let stated = text(root, "sys/module/nvidia/version").and_then(|text| text.parse().ok());
    stated.or_else(|| driver_in(&text(root, "proc/driver/nvidia/version")?))
}

/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 ...`
pub(super) fn driver_in(text: &str) -> Option<DriverVersion> {
    let line = text.lines().find(|line| line.starts_with("NVRM version"))?;
    let mut words = line.split_whitespace().filter(|word| word.contains('.'));
    words.find_map(|word| word.parse().ok())
}

/// Every display and compute device of a known maker, in the order of the bus.
pub(super) fn devices(root: &Path) -> Vec<Device> {
    let folder = root.join("sys/bus/pci/devices");
    let mut addresses: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    addresses.sort();
    let device = |address: &std::ffi::OsString| {
        let place = Path::new("sys/bus/pci/devices").join(address);
        let number = |name: &str| {
            let text = text(root, place.join(name))?;
            u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
        };
        // 03: display controllers, 12: processing accelerators such as AMD's MI series
        let class = number("class")? >> 16;
        let vendor = Vendor::of_id(u16::try_from(number("vendor")?).ok()?)?;
        let id = u16::try_from(number("device")?).ok()?;
        let computes = class == 0x12 && vendor == Vendor::Amd;
        (class == 0x03 || computes).then_some(Device { vendor, id })
    };
    addresses.iter().filter_map(device).collect()
}

/// The GPUs that AMD's compute driver offers.
pub(super) fn amd(root: &Path) -> Vec<Gfx> {
    let nodes = "sys/class/kfd/kfd/topology/nodes";
    let mut numbers: Vec<u32> = fs::read_dir(root.join(nodes))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let gfx = |number: &u32| {
        let text = text(root, format!("{nodes}/{number}/properties"))?;
        let lines = text.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix("gfx_target_version "));
        Gfx::of_version(values.next()?.trim().parse().ok()?)
    };
    numbers.iter().filter_map(gfx).collect()
}

/// Linux below Windows says so in the name of its kernel.
pub(super) fn is_wsl(root: &Path) -> bool {
    text(root, "proc/sys/kernel/osrelease").is_some_and(|release| {
        let release = release.to_lowercase();
        release.contains("microsoft") || release.contains("wsl")
    })
}

/// A Jetson board says so in its device tree. Boards with an own driver for the PCI bus (Thor) are
/// the same as servers to CUDA and carry the newer name all the same.
pub(super) fn is_tegra(root: &Path) -> bool {
    text(root, "proc/device-tree/compatible").is_some_and(|names| names.contains("nvidia,tegra"))
        || root.join("etc/nv_tegra_release").exists()
}

fn text(root: &Path, place: impl AsRef<Path>) -> Option<String> {
    use std::io::Read as _;

    let file = fs::File::open(root.join(place)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
