//! Uses of a module that tell which of its distributions is meant: `cv2.imshow` needs windows.
//!
//! Read from the text, not from the syntax tree: most of these uses stand inside functions that
//! the quick way leaves out. A comment does not count.

use std::collections::BTreeMap;

use super::facts::Origin;
use super::{Import, Site};

/// A use that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseKind {
    /// Opens a window or waits for a key.
    Window,
    /// Is in the contrib modules of OpenCV.
    Contrib,
    /// Runs on an NVIDIA GPU.
    Cuda,
    /// Runs on a GPU of AMD.
    Rocm,
    /// Runs on what Intel's `OpenVINO` runs on.
    OpenVino,
    /// Runs on any GPU of a Windows machine.
    DirectMl,
    /// Runs on whatever the installed build runs on.
    AnyDevice,
}

/// Where a module is used in a way that tells its distributions apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The top-level module.
    pub module: &'static str,
    /// What is used, as one would write it: `cv2.imshow`.
    pub what: String,
    /// What it tells.
    pub kind: UseKind,
    /// Where.
    pub site: Site,
}

/// The words that count for a module, and the names that people give it.
struct Rule {
    module: &'static str,
    names: &'static [&'static str],
    kind: UseKind,
    words: &'static [&'static str],
}

const RULES: [Rule; 8] = [
    Rule {
        module: "cv2",
        names: &["cv2", "cv"],
        kind: UseKind::Window,
        words: &[
            "createButton",
            "createTrackbar",
            "destroyAllWindows",
            "destroyWindow",
            "displayOverlay",
            "getTrackbarPos",
            "imshow",
            "moveWindow",
            "namedWindow",
            "pollKey",
            "resizeWindow",
            "selectROI",
            "selectROIs",
            "setMouseCallback",
            "startWindowThread",
            "waitKey",
            "waitKeyEx",
        ],
    },
    Rule {
        module: "cv2",
        names: &["cv2", "cv"],
        kind: UseKind::Contrib,
        words: &[
            "bgsegm",
            "bioinspired",
            "dnn_superres",
            "face",
            "ft",
            "hfs",
            "img_hash",
            "intensity_transform",
            "legacy",
            "line_descriptor",
            "optflow",
            "phase_unwrapping",
            "plot",
            "ppf_match_3d",
            "quality",
            "rapid",
            "reg",
            "saliency",
            "stereo",
            "structured_light",
            "text",
            "wechat_qrcode",
            "xfeatures2d",
            "ximgproc",
            "xphoto",
        ],
    },
    Rule {
        module: "faiss",
        names: &["faiss"],
        kind: UseKind::Cuda,
        words: &[
            "GpuClonerOptions",
            "GpuIndexFlatConfig",
            "GpuIndexFlatIP",
            "GpuIndexFlatL2",
            "GpuIndexIVFFlat",
            "GpuIndexIVFPQ",
            "GpuMultipleClonerOptions",
            "StandardGpuResources",
            "get_num_gpus",
            "index_cpu_to_all_gpus",
            "index_cpu_to_gpu",
            "index_cpu_to_gpu_multiple_py",
            "index_cpu_to_gpus_list",
        ],
    },
    Rule {
        // a name in a list of strings
        module: "onnxruntime",
        names: &[],
        kind: UseKind::Cuda,
        words: &["CUDAExecutionProvider", "TensorrtExecutionProvider"],
    },
    Rule {
        module: "onnxruntime",
        names: &[],
        kind: UseKind::Rocm,
        words: &["MIGraphXExecutionProvider", "ROCMExecutionProvider"],
    },
    Rule {
        module: "onnxruntime",
        names: &[],
        kind: UseKind::OpenVino,
        words: &["OpenVINOExecutionProvider"],
    },
    Rule {
        module: "onnxruntime",
        names: &[],
        kind: UseKind::DirectMl,
        words: &["DmlExecutionProvider"],
    },
    Rule {
        module: "onnxruntime",
        names: &[],
        kind: UseKind::AnyDevice,
        words: &["get_available_providers"],
    },
];

/// The rules that matter for a file with these imports.
fn rules(imports: &[Import]) -> impl Iterator<Item = &'static Rule> {
    let imported = |module| {
        let mut all = imports.iter();
        all.any(|import| import.module.top_level() == module)
    };
    let [cv2, faiss, onnxruntime] = ["cv2", "faiss", "onnxruntime"].map(imported);
    RULES.iter().filter(move |rule| match rule.module {
        "cv2" => cv2,
        "faiss" => faiss,
        _ => onnxruntime,
    })
}

/// The uses in a text, the first of each kind and word.
///
/// `imports` are those of the whole file, `origin` is the text's.
pub(super) fn in_text(text: &str, imports: &[Import], origin: &Origin<'_>) -> Vec<Use> {
    let mut found = BTreeMap::new();
    for rule in rules(imports) {
        for name in rule.names {
            let mut line = Line::default();
            for (at, _) in text.match_indices(name) {
                let before = text.as_bytes().get(..at).unwrap_or_default();
                let after = text.get(at + name.len()..).unwrap_or_default();
                let word = after.strip_prefix('.').map_or("", first_word);
                if !ends_in_name(before) && rule.words.contains(&word) {
                    note(&mut found, rule, word, (text, at), &mut line, origin);
                }
            }
        }
        for word in rule.words.iter().filter(|_| rule.names.is_empty()) {
            let mut line = Line::default();
            for (at, _) in text.match_indices(word) {
                note(&mut found, rule, word, (text, at), &mut line, origin);
            }
        }
        // `from cv2 import imshow`
        let named = imports.iter().filter(|import| {
            import.module.as_str() == rule.module && import.site.cell == origin.cell
        });
        for import in named {
            let words = import.names.iter();
            for word in words.filter(|word| rule.words.contains(&word.as_str())) {
                let key = (rule.kind, word.clone());
                found.entry(key).or_insert_with(|| Use {
                    module: rule.module,
                    what: format!("{}.{word}", rule.module),
                    kind: rule.kind,
                    site: import.site.clone(),
                });
            }
        }
    }
    found.into_values().collect()
}

/// The line that was looked at last, so that a long one is looked at once.
#[derive(Default)]
struct Line {
    end: usize,
    /// Where its comment starts.
    comment: Option<usize>,
}

impl Line {
    /// Whether a place, which is not before the last one, is in a comment.
    fn comments(&mut self, text: &str, at: usize) -> bool {
        if at >= self.end {
            let before = text.get(..at).unwrap_or_default();
            let after = text.get(at..).unwrap_or_default();
            let start = before.rfind('\n').map_or(0, |end| end + 1);
            self.end = after.find('\n').map_or(text.len(), |length| at + length);
            let line = text.get(start..self.end).unwrap_or_default();
            self.comment = line.find('#').map(|column| start + column);
        }
        self.comment.is_some_and(|comment| comment < at)
    }
}

fn note(
    found: &mut BTreeMap<(UseKind, String), Use>,
    rule: &Rule,
    word: &str,
    (text, at): (&str, usize),
    line: &mut Line,
    origin: &Origin<'_>,
) {
    let key = (rule.kind, word.to_owned());
    let before = text.get(..at).unwrap_or_default();
    if found.contains_key(&key) || line.comments(text, at) {
        return;
    }
    let breaks = memchr::memchr_iter(b'\n', before.as_bytes()).count();
    let line = u32::try_from(breaks + 1).unwrap_or(u32::MAX);
    let what = match rule.names {
        [] => word.to_owned(),
        _ => format!("{}.{word}", rule.module),
    };
    let found_use = Use {
        module: rule.module,
        what,
        kind: rule.kind,
        site: origin.site(line),
    };
    found.insert(key, found_use);
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// Whether a text ends within a name, or at what takes an attribute.
fn ends_in_name(text: &[u8]) -> bool {
    let last = text.last().copied().unwrap_or(b' ');
    last.is_ascii_alphanumeric() || matches!(last, b'_' | b'.') || !last.is_ascii()
}
