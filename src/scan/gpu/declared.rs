//! Variants that declared files, Dockerfiles and the README name.

use super::super::Site;
use super::{Hardware, HardwareHint, Strength};

/// What a text says that declares, builds or explains an environment, line by line.
pub(in crate::scan) fn in_text(text: &str, file: &str) -> Vec<HardwareHint> {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    let kind = Kind::of(&name);
    let mut found: Vec<HardwareHint> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        // longer lines are data
        if text.len() > 2000 || !may_say(text) {
            continue;
        }
        let Some(text) = without_comment(text, kind) else {
            continue;
        };
        for said in kind.read(text) {
            let site = Site {
                file: file.to_owned(),
                line,
                cell: None,
            };
            let known = |hint: &HardwareHint| {
                (hint.hardware, &hint.version, &hint.what)
                    == (said.hardware, &said.version, &said.what)
            };
            if !found.iter().any(known) {
                found.push(HardwareHint {
                    hardware: said.hardware,
                    version: said.version,
                    strength: said.strength,
                    what: said.what,
                    site,
                });
            }
        }
    }
    found
}

/// Whether a line can say anything, at little cost.
fn may_say(line: &str) -> bool {
    ["cu", "CUDA", "rocm", "gpu", "cpu", "xpu", "nvidia"]
        .iter()
        .any(|word| line.contains(word))
}

fn without_comment(line: &str, kind: Kind) -> Option<&str> {
    let line = line.trim();
    if kind == Kind::Prose {
        return Some(line);
    }
    if line.starts_with('#') {
        return None;
    }
    Some(line.split(" #").next().unwrap_or(line).trim_end())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dockerfile,
    Conda,
    Cog,
    Prose,
    Other,
}

/// What a line says.
struct Said {
    hardware: Hardware,
    version: Option<String>,
    strength: Strength,
    what: String,
}

fn declared(hardware: Hardware, version: Option<String>, what: &str) -> Said {
    Said {
        hardware,
        version,
        strength: Strength::Declared,
        what: what.chars().take(120).collect(),
    }
}

impl Kind {
    fn of(name: &str) -> Self {
        if name.starts_with("dockerfile")
            || name.ends_with(".dockerfile")
            || name == "containerfile"
        {
            Self::Dockerfile
        } else if matches!(name, "cog.yaml" | "cog.yml") {
            Self::Cog
        } else if matches!(name.rsplit_once('.'), Some((_, "yml" | "yaml"))) {
            Self::Conda
        } else if ["readme", "install", "get_started", "getting_started"]
            .iter()
            .any(|start| name.starts_with(start))
        {
            Self::Prose
        } else {
            Self::Other
        }
    }

    fn read(self, line: &str) -> Vec<Said> {
        let mut said = Vec::new();
        match self {
            Self::Dockerfile => said.extend(base_image(line)),
            Self::Cog => said.extend(cog(line)),
            Self::Prose => said.extend(prose(line)),
            Self::Conda | Self::Other => {}
        }
        if !said.is_empty() {
            return said;
        }
        for word in line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',')) {
            if !(word.is_empty() || word.len() > 300) {
                said.extend(variant(word));
            }
        }
        said
    }
}

/// `FROM nvidia/cuda:12.1.0-cudnn8-devel-ubuntu22.04`
fn base_image(line: &str) -> Option<Said> {
    let (first, rest) = line.split_once(char::is_whitespace)?;
    if !first.eq_ignore_ascii_case("from") {
        return None;
    }
    let image = rest
        .split_whitespace()
        .find(|word| !word.starts_with("--"))?;
    let (name, tag) = image.split_once(':').unwrap_or((image, ""));
    let name = name.trim_start_matches("docker.io/");
    let what = format!("FROM {image}");
    let said = |hardware, version| Some(declared(hardware, version, &what));
    if name.ends_with("nvidia/cuda") {
        return said(Hardware::Cuda, minor(tag));
    }
    if let Some((_, after)) = tag.split_once("cuda") {
        return said(Hardware::Cuda, minor(after));
    }
    if name.contains("rocm/") {
        let version = tag.split_once("rocm").and_then(|(_, after)| minor(after));
        return said(Hardware::Rocm, version);
    }
    let is_gpu = name.starts_with("nvcr.io/nvidia/") || tag.split('-').any(|part| part == "gpu");
    is_gpu.then(|| declared(Hardware::Cuda, None, &what))
}

/// `gpu: true`, `cuda: "12.1"` of a cog file.
fn cog(line: &str) -> Option<Said> {
    let (key, value) = line.split_once(':')?;
    let value = value.trim().trim_matches(['"', '\'']);
    match (key.trim(), value) {
        ("gpu", "true") => Some(declared(Hardware::Cuda, None, "gpu: true")),
        ("gpu", "false") => Some(declared(Hardware::Cpu, None, "gpu: false")),
        ("cuda", version) => Some(declared(
            Hardware::Cuda,
            minor(version),
            &format!("cuda: {version}"),
        )),
        _ => None,
    }
}

/// "tested with CUDA 11.3", "CUDA Toolkit >= 12.1".
fn prose(line: &str) -> Option<Said> {
    let (at, _) = line.match_indices("CUDA").next()?;
    let after = line.get(at + 4..)?;
    let after = after.trim_start();
    let after = ["Toolkit", "toolkit", "version", "Version"]
        .iter()
        .fold(after, |after, word| {
            after.strip_prefix(word).unwrap_or(after).trim_start()
        });
    let after = after.trim_start_matches([':', '>', '=', '=', '~', 'v', ' ', '*', '-']);
    let version = minor(after)?;
    let (major, _) = version.split_once('.')?;
    // "CUDA 3.8" is about something else
    let plausible = major
        .parse()
        .is_ok_and(|major: u16| (8..=19).contains(&major));
    plausible.then(|| Said {
        what: format!("CUDA {version}"),
        hardware: Hardware::Cuda,
        strength: Strength::Possible,
        version: Some(version),
    })
}

/// What a word of a requirement, an address or an option names: `torch==1.12.1+cu113`,
/// `https://download.pytorch.org/whl/cu118`, `cudatoolkit=11.3`, `cupy-cuda12x`, `jax[cuda12]`.
fn variant(word: &str) -> Option<Said> {
    let conda = [
        "cudatoolkit",
        "pytorch-cuda",
        "cuda-version",
        "cuda-toolkit",
        "cuda",
    ];
    let end = word.find(['=', '<', '>', '~', '!']).unwrap_or(word.len());
    let (name, rest) = word.split_at(end);
    let name = name.rsplit("::").next().unwrap_or(name);
    if conda.contains(&name) && !rest.is_empty() {
        let version = minor(rest.trim_start_matches(['=', '<', '>', '~', '!']));
        return version.map(|version| declared(Hardware::Cuda, Some(version), word));
    }
    let bare = name.split('[').next().unwrap_or(name);
    match bare {
        "cpuonly" | "tensorflow-cpu" | "faiss-cpu" => {
            return Some(declared(Hardware::Cpu, None, word));
        }
        "pytorch-gpu" | "tensorflow-gpu" | "onnxruntime-gpu" | "faiss-gpu" | "paddlepaddle-gpu" => {
            return Some(declared(Hardware::Cuda, None, word));
        }
        "tensorflow-rocm" | "pytorch-rocm" => return Some(declared(Hardware::Rocm, None, word)),
        _ => {}
    }
    let mut parts = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '.');
    parts.find_map(|part| {
        let (hardware, version) = tag(part, word)?;
        Some(declared(hardware, version, word))
    })
}

/// `cu113` is CUDA 11.3, `cu12` CUDA 12, `cuda12x` CUDA 12, `cuda110` CUDA 11.0, `rocm5.4.2` is ROCm.
fn tag(part: &str, word: &str) -> Option<(Hardware, Option<String>)> {
    let part = part.trim_end_matches('.');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty();
    let after = part
        .strip_prefix("cuda")
        .or_else(|| part.strip_prefix("cu"));
    if let Some(after) = after {
        let after = after.strip_suffix('x').unwrap_or(after);
        let named = after.trim_end_matches(".html");
        let version = match named.len() {
            2 if digits(named) && named.starts_with('1') => named.to_owned(),
            2 if digits(named) => format!("{}.{}", &named[..1], &named[1..]),
            3 if digits(named) => format!("{}.{}", &named[..2], &named[2..]),
            _ if named.contains('.') => minor(named)?,
            // an extra: tensorflow[and-cuda]
            0 if word.contains("[and-cuda") || word.contains("[cuda") => {
                return Some((Hardware::Cuda, None));
            }
            _ => return None,
        };
        return Some((Hardware::Cuda, Some(version)));
    }
    if let Some(after) = part.strip_prefix("rocm") {
        let dotted = after.trim_end_matches(".html");
        let plain = |c: char| c.is_ascii_digit() || c == '.';
        let known = !dotted.is_empty() && dotted.chars().all(plain);
        return known.then(|| (Hardware::Rocm, Some(dotted.to_owned())));
    }
    let of_variant =
        |name: &str| word.contains(&format!("+{name}")) || word.contains(&format!("whl/{name}"));
    match part {
        "cpu" if of_variant("cpu") => Some((Hardware::Cpu, None)),
        "xpu" if of_variant("xpu") => Some((Hardware::Xpu, None)),
        _ => None,
    }
}

/// `12.1` of `12.1.0-cudnn8`; `12` of `12`.
fn minor(text: &str) -> Option<String> {
    let number = |text: &str| -> Option<u16> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    let text = text.trim();
    let major = number(text)?;
    let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let minor = after.strip_prefix('.').and_then(number);
    Some(match minor {
        Some(minor) => format!("{major}.{minor}"),
        None => major.to_string(),
    })
}
