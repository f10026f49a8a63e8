//! Which of several distributions of one module, where nobody declares one: by what the code uses,
//! by what else is needed, and by the accelerators to lock for.

use std::collections::BTreeMap;
use std::str::FromStr;

use pinsmith_resolver::PackageName;

use super::AssembleOptions;
use super::imports::{OPENCV, Resolved};
use crate::requirements::Confidence;
use crate::scan::{Scan, Use, UseKind};

/// Distributions that require `opencv-python`, read in the metadata of their newest releases of
/// November 2026. A second OpenCV beside theirs would write the same files.
const WITH_WINDOWS: [&str; 10] = [
    "basicsr",
    "face-alignment",
    "facexlib",
    "gfpgan",
    "imgaug",
    "insightface",
    "mmengine",
    "python-doctr",
    "realesrgan",
    "ultralytics",
];

/// Where a distribution has wheels, and what has the module elsewhere.
pub(super) const ELSEWHERE: [(&str, &str, &str, &str); 3] = [
    (
        "faiss-gpu-cu11",
        "sys_platform == 'linux'",
        "sys_platform != 'linux'",
        "faiss-cpu",
    ),
    (
        "faiss-gpu-cu12",
        "sys_platform == 'linux'",
        "sys_platform != 'linux'",
        "faiss-cpu",
    ),
    (
        "onnxruntime-gpu",
        "sys_platform != 'darwin'",
        "sys_platform == 'darwin'",
        "onnxruntime",
    ),
];

/// Chooses anew where only the policy's default speaks for a distribution.
pub(super) fn settle(resolved: &mut [Resolved], scan: &Scan, options: &AssembleOptions) {
    let mut uses: BTreeMap<&str, Vec<&Use>> = BTreeMap::new();
    for found in &scan.uses {
        uses.entry(found.module).or_default().push(found);
    }
    let with_windows = resolved
        .iter()
        .filter_map(|import| import.mapped.distribution.as_ref())
        .find(|name| WITH_WINDOWS.contains(&name.as_ref()))
        .cloned();
    let is_contrib = |import: &Resolved| {
        let name = import.mapped.distribution.as_ref();
        import.lookup.module.starts_with("cv2")
            && name.is_some_and(|name| name.as_ref().contains("contrib"))
    };
    let contrib = resolved.iter().find(|import| is_contrib(import));
    let contrib = contrib.map(|import| import.lookup.module.clone());
    for import in resolved {
        if import.mapped.confidence != Confidence::Curated {
            continue;
        }
        let top = import.mapped.module.top_level();
        let uses = uses.get(top).map_or(&[][..], Vec::as_slice);
        let chosen = match top {
            "cv2" => Some(opencv(uses, with_windows.as_ref(), contrib.as_deref())),
            "faiss" => faiss(uses, options),
            "onnxruntime" => onnxruntime(uses, options),
            _ => None,
        };
        if let Some((name, why)) = chosen
            && let Ok(name) = PackageName::from_str(name)
        {
            choose(import, &name, why);
        }
    }
}

fn choose(import: &mut Resolved, name: &PackageName, why: String) {
    let before = import.mapped.distribution.replace(name.clone());
    import.mapped.why = Some(why);
    if let Some(before) = before.filter(|before| before != name) {
        let others = &mut import.mapped.alternatives;
        others.retain(|other| other != name.as_ref());
        others.insert(0, before.to_string());
    }
}

/// All four write the same `cv2`: with or without windows, with or without the contrib modules.
fn opencv(
    uses: &[&Use],
    with_windows: Option<&PackageName>,
    contrib_module: Option<&str>,
) -> (&'static str, String) {
    let first = |kind| uses.iter().find(|found| found.kind == kind);
    let [plain, contrib, headless, contrib_headless] = OPENCV;
    let contrib_why = match (first(UseKind::Contrib), contrib_module) {
        (Some(found), _) => Some(format!(
            "`{}` at {} is one of the contrib modules",
            found.what, found.site
        )),
        (None, Some(module)) => Some(format!("`{module}` is one of the contrib modules")),
        (None, None) => None,
    };
    let window_why = match (first(UseKind::Window), with_windows) {
        (Some(found), _) => Some(format!("`{}` at {} needs windows", found.what, found.site)),
        (None, Some(other)) => Some(format!("`{other}` requires opencv-python")),
        (None, None) => None,
    };
    let without = || "no function that opens a window is used".to_owned();
    match (contrib_why, window_why) {
        (None, None) => (headless, without()),
        (None, Some(why)) => (plain, why),
        (Some(why), None) => (contrib_headless, format!("{why}, and {}", without())),
        (Some(why), Some(window)) => (contrib, format!("{why}, and {window}")),
    }
}

fn faiss(uses: &[&Use], options: &AssembleOptions) -> Option<(&'static str, String)> {
    let found = uses.first().filter(|_| may_use_cuda(options))?;
    let is_cuda_11 = options
        .accelerators
        .iter()
        .any(|one| one.starts_with("cu11"));
    let name = if is_cuda_11 {
        "faiss-gpu-cu11"
    } else {
        "faiss-gpu-cu12"
    };
    let why = format!("`{}` at {} runs on a GPU", found.what, found.site);
    Some((name, why))
}

fn onnxruntime(uses: &[&Use], options: &AssembleOptions) -> Option<(&'static str, String)> {
    let found = uses.first().filter(|_| may_use_cuda(options))?;
    let why = format!("`{}` at {} runs on a GPU", found.what, found.site);
    Some(("onnxruntime-gpu", why))
}

/// Whether an NVIDIA GPU may be there: unless all accelerators to lock for are others.
fn may_use_cuda(options: &AssembleOptions) -> bool {
    let other = |one: &String| !one.starts_with("cu") && one != "auto" && one != "index";
    options.accelerators.is_empty() || !options.accelerators.iter().all(other)
}
