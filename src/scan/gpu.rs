//! What a tree says of the hardware it wants: calls in code, variants in declared files, base images.
//!
//! Code is looked at as text, not as a syntax tree, because most function bodies are never parsed
//! (`python::skip`). A line counts where a call stands in it, comments and prose do not; what a string
//! of several lines holds can be mistaken for code when it looks exactly like code.

mod declared;

use std::fmt;

use memchr::memmem;

pub(super) use declared::in_text;

use super::facts::Origin;
use super::{Import, ImportContext, Label, Site};

/// Hardware that wheels and code are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hardware {
    /// The processor alone.
    Cpu,
    /// NVIDIA's.
    Cuda,
    /// AMD's.
    Rocm,
    /// Intel's.
    Xpu,
    /// Apple's.
    Mps,
}

impl Hardware {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Cuda, Self::Rocm, Self::Xpu, Self::Mps];

    /// As in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Xpu => "xpu",
            Self::Mps => "mps",
        }
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place that says which hardware the code is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct HardwareHint {
    /// Which.
    pub hardware: Hardware,
    /// Version of CUDA or ROCm that it names, such as `11.3`, or `12` where only that much is said.
    pub version: Option<String>,
    /// How much it says.
    pub strength: Strength,
    /// What stands there: `.cuda()`, `cudatoolkit=11.3`.
    pub what: String,
    /// Where.
    #[serde(flatten)]
    pub site: Site,
}

/// How much a hint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// Prose, or code that asks first whether the hardware is there.
    Possible,
    /// Code that fails without it.
    Needed,
    /// A declared variant.
    Declared,
}

/// So many hints of a file count: more of the same say nothing new.
const MOST: usize = 3;

/// What a Python text says.
pub(super) fn in_python(text: &str, origin: &Origin<'_>) -> Vec<HardwareHint> {
    let bytes = text.as_bytes();
    let mut found: Vec<HardwareHint> = Vec::new();
    if origin.base != ImportContext::Runtime {
        return found;
    }
    for (word, hardware) in [
        (&b"cuda"[..], Hardware::Cuda),
        (b"mps", Hardware::Mps),
        (b"xpu", Hardware::Xpu),
        (b"GPU", Hardware::Cuda),
        (b"\"gpu\"", Hardware::Cuda),
    ] {
        let mut count = 0;
        let mut seen: Vec<String> = Vec::new();
        for at in memmem::find_iter(bytes, word) {
            let Some(use_of) = use_at(text, at, word.len(), &seen) else {
                continue;
            };
            let asks = |line: &str| line.contains("is_available") || line.contains(" if ");
            let asked = line_at(text, at).is_some_and(|(line, _)| asks(line))
                || asks_first(bytes, hardware);
            let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() + 1;
            seen.push(use_of.clone());
            found.push(HardwareHint {
                hardware,
                version: None,
                strength: if asked || use_of.starts_with("tf.") {
                    Strength::Possible
                } else {
                    Strength::Needed
                },
                what: use_of,
                site: origin.site(u32::try_from(line).unwrap_or(u32::MAX)),
            });
            count += 1;
            if count == MOST {
                break;
            }
        }
    }
    found.sort_by_key(|hint| hint.site.line);
    found
}

/// Modules that are of no use without some hardware, by their first parts.
const OF_HARDWARE: [(Hardware, &[&str]); 3] = [
    (
        Hardware::Cuda,
        &[
            "MinkowskiEngine",
            "apex",
            "auto_gptq",
            "awq",
            "bitsandbytes",
            "causal_conv1d",
            "cudf",
            "cugraph",
            "cuml",
            "cupy",
            "diff_gaussian_rasterization",
            "exllamav2",
            "flash_attn",
            "flash_attn_interface",
            "flashinfer",
            "mamba_ssm",
            "nvdiffrast",
            "pycuda",
            "rmm",
            "sgl_kernel",
            "simple_knn",
            "spconv",
            "tensorrt",
            "tensorrt_llm",
            "tinycudann",
            "torch2trt",
            "torch_tensorrt",
            "transformer_engine",
            "triton",
            "vllm",
            "xformers",
        ],
    ),
    (Hardware::Xpu, &["intel_extension_for_pytorch"]),
    (Hardware::Mps, &["mlx", "mlx_lm", "mlx_vlm"]),
];

/// What imports say; the first place of each module counts.
pub(super) fn in_imports(imports: &[Import]) -> Vec<HardwareHint> {
    let mut found: Vec<HardwareHint> = Vec::new();
    for import in imports.iter().filter(|import| !import.local) {
        let top = import.module.top_level();
        let strength = match import.context {
            ImportContext::Runtime | ImportContext::NotebookOnly => Strength::Needed,
            ImportContext::Optional => Strength::Possible,
            _ => continue,
        };
        let of = OF_HARDWARE
            .iter()
            .find(|(_, modules)| modules.contains(&top));
        let Some((hardware, _)) = of else { continue };
        let what = format!("import {top}");
        let conditional = import.labels.contains(&Label::Conditional);
        let strength = if conditional {
            Strength::Possible
        } else {
            strength
        };
        match found.iter_mut().find(|hint| hint.what == what) {
            // the place that says most
            Some(known) if known.strength >= strength => {}
            Some(known) => (known.strength, known.site) = (strength, import.site.clone()),
            None => found.push(HardwareHint {
                hardware: *hardware,
                version: None,
                strength,
                what,
                site: import.site.clone(),
            }),
        }
    }
    found
}

/// Whether a text asks anywhere if such hardware is there.
fn asks_first(bytes: &[u8], hardware: Hardware) -> bool {
    let questions: &[&[u8]] = match hardware {
        Hardware::Cuda => &[b"cuda.is_available", b"is_gpu_available"],
        Hardware::Mps => &[b"mps.is_available"],
        Hardware::Xpu => &[b"xpu.is_available"],
        Hardware::Cpu | Hardware::Rocm => &[],
    };
    questions
        .iter()
        .any(|question| memmem::find(bytes, question).is_some())
}

/// With the column of the place. Nobody writes a longer line, and looking at one again for
/// each of its words would take forever.
fn line_at(text: &str, at: usize) -> Option<(&str, usize)> {
    const LONGEST: usize = 1024;
    let bytes = text.as_bytes();
    let from = at.saturating_sub(LONGEST);
    let start = match memchr::memrchr(b'\n', bytes.get(from..at)?) {
        Some(end) => from + end + 1,
        None if from == 0 => 0,
        None => return None,
    };
    let to = bytes.len().min(at + LONGEST);
    let end = match memchr::memchr(b'\n', bytes.get(at..to)?) {
        Some(length) => at + length,
        None if to == bytes.len() => to,
        None => return None,
    };
    Some((text.get(start..end)?, at - start))
}

/// How a word at a place is used, if that is a use of hardware that was not seen yet.
fn use_at(text: &str, at: usize, length: usize, seen: &[String]) -> Option<String> {
    let before = text.get(..at)?;
    let after = text.get(at + length..)?;
    let word = text.get(at..at + length)?;
    let what = match (before.chars().next_back()?, word) {
        ('.', "cuda") if after.starts_with('(') && follows_value(before) => ".cuda()".to_owned(),
        (quote @ ('"' | '\''), "cuda" | "mps" | "xpu") => {
            let device = after.split(quote).next()?;
            let number = device.strip_prefix(':').unwrap_or(device);
            if !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let call = before.get(..before.len() - 1)?.trim_end();
            let asked = ["device(", ".to(", "device=", "device =", "map_location="];
            let asked = asked.iter().find(|end| call.ends_with(**end))?;
            match *asked {
                "device(" => format!("torch.device(\"{word}\")"),
                ".to(" => format!(".to(\"{word}\")"),
                _ => format!("{}=\"{word}\"", asked.trim_end_matches([' ', '='])),
            }
        }
        ('"' | '\'', "GPU") => {
            let call = before.get(..before.len() - 1)?;
            let call = call.strip_suffix('(')?;
            [
                "tf.config.list_physical_devices",
                "tf.config.experimental.list_physical_devices",
            ]
            .iter()
            .find(|name| call.ends_with(**name))
            .map(|name| format!("{name}(\"GPU\")"))?
        }
        ('(', "\"gpu\"") if before.ends_with("jax.devices(") => "jax.devices(\"gpu\")".to_owned(),
        _ => return None,
    };
    if seen.contains(&what) {
        return None;
    }
    let (line, column) = line_at(text, at)?;
    // a quoted word starts with its quote
    let quoted = before.ends_with(['"', '\'']) || word.starts_with('"');
    let column = column - usize::from(quoted && !word.starts_with('"'));
    is_code(line, column).then_some(what)
}

/// Whether what stands before a dot is a value: a name, a call, an index.
fn follows_value(before: &str) -> bool {
    let before = before.strip_suffix('.').unwrap_or(before);
    before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']'))
}

/// Words beside which another word may stand.
const KEYWORDS: [&str; 29] = [
    "and", "as", "assert", "async", "await", "class", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "not", "or", "print",
    "raise", "return", "try", "while", "with", "yield",
];

/// Whether a place of a line is code, judging by the line alone: not after `#` or within quotes, and no
/// prose, in which two words stand side by side.
fn is_code(line: &str, column: usize) -> bool {
    let line = line.trim_end();
    let mut quote = None;
    let mut plain = String::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        if at == column && quote.is_some() {
            return false;
        }
        match (quote, c) {
            (None, '#') if at < column => return false,
            (None, '#') => break,
            (None, '`') => return false,
            (None, '"' | '\'') => {
                quote = Some(c);
                plain.push('"');
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, c) => plain.push(c),
        }
    }
    let is_keyword = |word: &str| KEYWORDS.contains(&word);
    let is_name = |word: &str| {
        !word.is_empty()
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !is_keyword(word)
    };
    let words: Vec<&str> = plain.split_whitespace().collect();
    !words.windows(2).any(|pair| {
        let [first, second] = pair else { return false };
        let name = |c: char| c.is_alphanumeric() || c == '_';
        let last = first.rsplit(|c| !name(c)).next().unwrap_or_default();
        let next = second.split(|c| !name(c)).next().unwrap_or_default();
        is_name(last) && is_name(next)
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// The rows of `fixtures/scan/hardware.toml`: a text and all hints that it gives.
    #[test]
    fn every_row() {
        #[derive(serde::Deserialize)]
        struct Rows {
            row: Vec<Row>,
        }
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Row {
            file: String,
            text: String,
            hints: Vec<String>,
        }
        let rows: Rows = toml::from_str(include_str!("../../fixtures/scan/hardware.toml")).unwrap();
        let mut wrong = String::new();
        for row in rows.row {
            let origin = Origin {
                file: &row.file,
                cell: None,
                base: ImportContext::Runtime,
                definitions: false,
            };
            let found = if row.file.rsplit('.').next() == Some("py") {
                in_python(&row.text, &origin)
            } else {
                in_text(&row.text, &row.file)
            };
            let shown: Vec<String> = found.iter().map(shown).collect();
            if shown != row.hints {
                let (text, hints) = (row.text, row.hints);
                writeln!(wrong, "{text}\n  found    {shown:?}\n  expected {hints:?}").unwrap();
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    }

    fn shown(hint: &HardwareHint) -> String {
        let version = hint.version.as_deref();
        let version = version.map_or_else(String::new, |version| format!(" {version}"));
        let strength = match hint.strength {
            Strength::Possible => "?",
            Strength::Needed => "!",
            Strength::Declared => "",
        };
        format!(
            "{}: {}{version}{strength} <- {}",
            hint.site.line, hint.hardware, hint.what
        )
    }

    #[test]
    fn tests_say_nothing() {
        let origin = Origin {
            file: "test_a.py",
            cell: None,
            base: ImportContext::Test,
            definitions: false,
        };
        assert_eq!(in_python("x.cuda()\n", &origin), []);
    }
}
