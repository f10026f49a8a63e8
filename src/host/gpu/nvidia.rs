//! NVIDIA's GPUs, as the driver's library or `nvidia-smi` tells.

use std::path::Path;

use super::{LIMIT, Nvidia, NvidiaGpu, Source};
use crate::accelerator::Capability;
use crate::host::process::run;

/// What NVML says; `None` without the library, or when it does not answer in time.
#[cfg(any(target_os = "linux", windows))]
pub(super) fn by_library() -> Option<Nvidia> {
    let (sender, receiver) = std::sync::mpsc::channel();
    // A driver that is stuck never answers: the thread is left behind then.
    std::thread::spawn(move || {
        // nobody listens any more when it took too long
        let _ = sender.send(library::ask());
    });
    receiver.recv_timeout(LIMIT).ok().flatten()
}

/// There is no NVIDIA driver for such systems.
#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn by_library() -> Option<Nvidia> {
    None
}

#[cfg(any(target_os = "linux", windows))]
mod library {
    use std::ffi::OsStr;

    use nvml_wrapper::Nvml;
    use nvml_wrapper::error::NvmlError;

    use super::{Capability, Nvidia, NvidiaGpu, Source};

    /// By full path, since a relative entry of a library path could lead into the scanned tree.
    #[cfg(target_os = "linux")]
    const PLACES: [&str; 9] = [
        "/usr/lib/wsl/lib/libnvidia-ml.so.1",
        "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1",
        "/usr/lib/aarch64-linux-gnu/libnvidia-ml.so.1",
        "/usr/lib64/libnvidia-ml.so.1",
        "/usr/lib/libnvidia-ml.so.1",
        "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
        "/run/opengl-driver/lib/libnvidia-ml.so.1",
        "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.1",
        "/usr/lib/aarch64-linux-gnu/nvidia/libnvidia-ml.so.1",
    ];
    #[cfg(windows)]
    const PLACES: [&str; 2] = [
        r"C:\Windows\System32\nvml.dll",
        r"C:\Program Files\NVIDIA Corporation\NVSMI\nvml.dll",
    ];

    pub(super) fn ask() -> Option<Nvidia> {
        let there = PLACES
            .iter()
            .filter(|place| std::path::Path::new(place).exists());
        let mut opened =
            there.filter_map(|place| Nvml::builder().lib_path(OsStr::new(place)).init().ok());
        read(&opened.next()?).ok()
    }

    fn read(nvml: &Nvml) -> Result<Nvidia, NvmlError> {
        let cuda = nvml.sys_cuda_driver_version().ok();
        let pair = |version: i32| {
            let part = |number: i32| u16::try_from(number).ok();
            Some((part(version / 1000)?, part(version % 1000 / 10)?))
        };
        let mut gpus = Vec::new();
        for index in 0..nvml.device_count()? {
            let device = nvml.device_by_index(index)?;
            let capability = device.cuda_compute_capability().ok();
            let part = |number: i32| u8::try_from(number).ok();
            gpus.push(NvidiaGpu {
                name: device.name().unwrap_or_default(),
                capability: capability.and_then(|found| {
                    Some(Capability {
                        major: part(found.major)?,
                        minor: part(found.minor)?,
                    })
                }),
            });
        }
        Ok(Nvidia {
            driver: nvml.sys_driver_version()?.parse().ok(),
            cuda: cuda.and_then(pair),
            gpus,
            source: Source::Nvml,
        })
    }
}

/// What `nvidia-smi` says.
pub(super) fn by_program(program: &Path) -> Option<Nvidia> {
    // drivers before 510 do not know the second field and refuse the whole question
    for fields in ["driver_version,compute_cap,name", "driver_version,name"] {
        let query = format!("--query-gpu={fields}");
        let said = run(program, &[&query, "--format=csv,noheader"], LIMIT);
        let found = said.ok().and_then(|said| rows(&said, fields));
        if found.is_some() {
            return found;
        }
    }
    None
}

/// `535.183.01, 8.0, NVIDIA A100-SXM4-40GB`, one GPU a line.
pub(super) fn rows(said: &str, fields: &str) -> Option<Nvidia> {
    let mut found = Nvidia {
        source: Source::NvidiaSmi,
        ..Nvidia::default()
    };
    let has_capability = fields.contains("compute_cap");
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        let mut cells = line.splitn(if has_capability { 3 } else { 2 }, ',');
        let driver = cells.next()?.parse().ok()?;
        let capability = has_capability
            .then(|| cells.next()?.trim().parse::<Capability>().ok())
            .flatten();
        found.driver = Some(driver);
        found.gpus.push(NvidiaGpu {
            name: cells.next().unwrap_or_default().trim().to_owned(),
            capability,
        });
    }
    found.driver.is_some().then_some(found)
}
