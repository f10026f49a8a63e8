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
pub(super) const ELSEWHERE: [Elsewhere; 7] = [
    Elsewhere {
        name: "faiss-gpu-cu11",
        here: "sys_platform == 'linux'",
        there: "sys_platform != 'linux'",
        other: "faiss-cpu",
    },
    Elsewhere {
        name: "faiss-gpu-cu12",
        here: "sys_platform == 'linux'",
        there: "sys_platform != 'linux'",
        other: "faiss-cpu",
    },
    Elsewhere {
        name: "onnxruntime-gpu",
        here: "sys_platform != 'darwin'",
        there: "sys_platform == 'darwin'",
        other: "onnxruntime",
    },
    Elsewhere {
        name: "onnxruntime-rocm",
        here: "sys_platform == 'linux'",
        there: "sys_platform != 'linux'",
        other: "onnxruntime",
    },
    Elsewhere {
        name: "onnxruntime-openvino",
        here: "sys_platform != 'darwin'",
        there: "sys_platform == 'darwin'",
        other: "onnxruntime",
    },
    Elsewhere {
        name: "onnxruntime-directml",
        here: "sys_platform == 'win32'",
        there: "sys_platform != 'win32'",
        other: "onnxruntime",
    },
    Elsewhere {
        name: "tensorflow-cpu",
        here: "sys_platform == 'win32' or sys_platform == 'linux' and platform_machine == 'x86_64'",
        there: "sys_platform == 'darwin' or sys_platform == 'linux' and platform_machine != 'x86_64'",
        other: "tensorflow",
    },
];

/// A distribution that has wheels for some platforms only.
pub(super) struct Elsewhere {
    pub(super) name: &'static str,
    pub(super) here: &'static str,
    pub(super) there: &'static str,
    pub(super) other: &'static str,
}

impl Elsewhere {
    pub(super) fn of(name: &PackageName) -> Option<&'static Self> {
        ELSEWHERE.iter().find(|one| one.name == name.as_ref())
    }
}

/// Distributions that require `tensorflow`, themselves or through another of them, read in the metadata of their newest releases of
/// November 2026. A second TensorFlow beside theirs would write the same files.
const WITH_TENSORFLOW: [&str; 9] = [
    "keras-hub",
    "keras-nlp",
    "spektral",
    "tensorflow-hub",
    "tensorflow-model-optimization",
    "tensorflow-recommenders",
    "tensorflow-text",
    "tf-keras",
    "trax",
];

/// A distribution that is right for a module under some circumstances.
struct Variant {
    module: &'static str,
    /// What the code must use; nothing in particular where it is `None`.
    uses: Option<UseKind>,
    /// How the names of the accelerators start that it is for.
    accelerator: &'static str,
    wanted: Wanted,
    name: &'static str,
}

/// How far the accelerators to lock for must speak for a variant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// One of them does, or nobody names any.
    Maybe,
    /// One of them does.
    One,
    /// All of them do.
    All,
}

/// The first that fits counts. A build for a GPU runs without one, too, so one accelerator among
/// several is enough; what lacks something must be right for all of them.
///
/// faiss and onnxruntime run on a GPU only where the code says so.
const VARIANTS: [Variant; 13] = {
    use UseKind::{AnyDevice, Cuda, DirectMl, OpenVino, Rocm};
    use Wanted::{All, Maybe, One};
    const fn row(
        module: &'static str,
        uses: Option<UseKind>,
        accelerator: &'static str,
        wanted: Wanted,
        name: &'static str,
    ) -> Variant {
        Variant {
            module,
            uses,
            accelerator,
            wanted,
            name,
        }
    }
    [
        row("cupy", None, "cu11", One, "cupy-cuda11x"),
        row("cupy", None, "cu12", One, "cupy-cuda12x"),
        row("cupy", None, "cu13", One, "cupy-cuda13x"),
        row("faiss", Some(Cuda), "cu11", One, "faiss-gpu-cu11"),
        row("faiss", Some(Cuda), "cu", Maybe, "faiss-gpu-cu12"),
        row("onnxruntime", Some(Cuda), "cu", Maybe, "onnxruntime-gpu"),
        row("onnxruntime", Some(AnyDevice), "cu", One, "onnxruntime-gpu"),
        row("onnxruntime", Some(Rocm), "rocm", One, "onnxruntime-rocm"),
        row(
            "onnxruntime",
            Some(AnyDevice),
            "rocm",
            One,
            "onnxruntime-rocm",
        ),
        row(
            "onnxruntime",
            Some(OpenVino),
            "xpu",
            One,
            "onnxruntime-openvino",
        ),
        row(
            "onnxruntime",
            Some(AnyDevice),
            "xpu",
            One,
            "onnxruntime-openvino",
        ),
        row(
            "onnxruntime",
            Some(DirectMl),
            "directml",
            Maybe,
            "onnxruntime-directml",
        ),
        row("tensorflow", None, "cpu", All, "tensorflow-cpu"),
    ]
};

/// Chooses anew where only the policy's default speaks for a distribution.
pub(super) fn settle(resolved: &mut [Resolved], scan: &Scan, options: &AssembleOptions) {
    let mut uses: BTreeMap<&str, Vec<&Use>> = BTreeMap::new();
    for found in &scan.uses {
        uses.entry(found.module).or_default().push(found);
    }
    let first_of = |names: &[&str]| {
        let all = resolved.iter();
        let mut all = all.filter_map(|import| import.mapped.distribution.as_ref());
        all.find(|name| names.contains(&name.as_ref())).cloned()
    };
    let with_windows = first_of(&WITH_WINDOWS);
    let with_tensorflow = first_of(&WITH_TENSORFLOW);
    let named = options.accelerators.iter().map(String::as_str);
    let named: Vec<&str> = named
        .filter(|one| !matches!(*one, "auto" | "index"))
        .collect();
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
        if top == "cv2" {
            let (name, why) = opencv(uses, with_windows.as_ref(), contrib.as_deref());
            choose(import, Some(name), why);
        } else if let Some((name, why)) =
            by_accelerator(top, uses, &named, with_tensorflow.as_ref())
        {
            choose(import, name, why);
        }
    }
}

/// Takes another distribution, or keeps the usual one, for a reason.
fn choose(import: &mut Resolved, name: Option<&str>, why: String) {
    import.mapped.why = Some(why);
    let Some(name) = name.and_then(|name| PackageName::from_str(name).ok()) else {
        return;
    };
    let before = import.mapped.distribution.replace(name.clone());
    if let Some(before) = before.filter(|before| *before != name) {
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

/// The variant that fits, or why none does; `None` when nothing speaks for one.
fn by_accelerator(
    module: &str,
    uses: &[&Use],
    named: &[&str],
    with_tensorflow: Option<&PackageName>,
) -> Option<(Option<&'static str>, String)> {
    let of_module = VARIANTS.iter().filter(|one| one.module == module);
    let mut possible = of_module.clone().filter(|one| one.is_wanted(named));
    let found = possible.find_map(|one| match one.uses {
        None => Some((one, None)),
        Some(kind) => Some((one, Some(*uses.iter().find(|found| found.kind == kind)?))),
    });
    let target = match named {
        [one] => format!("the target is {one}"),
        _ => format!("the targets are {}", named.join(", ")),
    };
    if let (Some((variant, _)), Some(other)) = (&found, with_tensorflow)
        && variant.module == "tensorflow"
    {
        return Some((None, format!("`{other}` requires tensorflow")));
    }
    match found {
        Some((variant, Some(found))) => {
            let why = match found.kind {
                UseKind::AnyDevice => {
                    format!(
                        "`{}` at {} takes what is there, and {target}",
                        found.what, found.site
                    )
                }
                _ => runs_on(found),
            };
            Some((Some(variant.name), why))
        }
        Some((variant, None)) => Some((Some(variant.name), target)),
        None if named.is_empty() || of_module.clone().next().is_none() => None,
        None => {
            let wish = uses.iter().find(|found| found.kind != UseKind::AnyDevice);
            let why = match wish {
                Some(found) => format!("{}, but {target}", runs_on(found)),
                None if of_module.clone().all(|one| one.uses.is_none()) => {
                    format!("{target}, and no other build is for that")
                }
                None => format!("{target}, and nothing in the code asks for another build"),
            };
            Some((None, why))
        }
    }
}

/// What a use wants to run on.
fn runs_on(found: &Use) -> String {
    let device = match found.kind {
        UseKind::Rocm => "a GPU of AMD",
        UseKind::OpenVino => "OpenVINO",
        UseKind::DirectMl => "DirectML",
        _ => "a GPU",
    };
    format!("`{}` at {} runs on {device}", found.what, found.site)
}

impl Variant {
    /// Whether the accelerators to lock for admit it.
    fn is_wanted(&self, named: &[&str]) -> bool {
        let fits = |one: &&str| one.starts_with(self.accelerator);
        match self.wanted {
            Wanted::Maybe => named.is_empty() || named.iter().any(fits),
            Wanted::One => named.iter().any(fits),
            Wanted::All => !named.is_empty() && named.iter().all(fits),
        }
    }
}
