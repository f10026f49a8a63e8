//! What the local version of a wheel says: `cu128`, `rocm6.4`, `cu12torch2.7cxx11abitrue`.
//!
//! PEP 440 gives local versions no meaning; every project has its own style. The styles that are known:
//!
//! | style | where |
//! | --- | --- |
//! | `cpu`, `cu118`, `rocm6.2.4`, `xpu` | PyTorch |
//! | `cpu.cxx11.abi`, `cu117.with.pypi.cudnn` | PyTorch up to 2.5 |
//! | `cu12torch2.7cxx11abitrue`, `cu124torch2.6.0cxx11abifalse` | flash-attn |
//! | `cu128torch2.10`, `cu128torch2.10gite2743ab` | flash-attn, by others |
//! | `cu.12.8.torch.2.11`, `cu128.torch271`, `cu121.torch2.3.1` | further builders |
//! | `pt28cu128` | PyG |
//! | `cu121avx`, `cpuavx2`, `rocm561`, `vulkan` | llama builds |
//! | `g2d8476e46.cu129`, `cu129.pr39568.a106aa6` | vllm |
//!
//! What names nothing, such as the 7 hexadecimal digits of torchvision for Windows on ARM, says nothing.

use pinsmith_resolver::{Accelerator, AcceleratorFamily, CudaVersion, RocmVersion, Version};

use super::MinorVersion;

/// What a local version says of what a wheel is built for.
///
/// ```
/// use pinsmith::accelerator::WheelLocal;
/// let local = WheelLocal::of(&"2.8.1+cu12torch2.10cxx11abiTRUE".parse()?);
/// assert_eq!(local.cuda.unwrap().to_string(), "12");
/// assert_eq!(local.torch.unwrap().to_string(), "2.10");
/// assert_eq!(local.cxx11_abi, Some(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WheelLocal {
    /// The kind of accelerator.
    pub family: Option<AcceleratorFamily>,
    /// Its CUDA.
    pub cuda: Option<CudaTag>,
    /// Its ROCm.
    pub rocm: Option<RocmVersion>,
    /// The torch that it is built with.
    pub torch: Option<TorchTag>,
    /// Whether it has the new C++ ABI.
    pub cxx11_abi: Option<bool>,
}

/// A CUDA with or without its minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CudaTag {
    /// Major version.
    pub major: u8,
    /// Minor version, where it is named.
    pub minor: Option<u8>,
}

/// A torch that a wheel is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TorchTag {
    /// Its minor release, which is what counts: extensions fit any patch release.
    pub minor: MinorVersion,
    /// The patch release, where it is named.
    pub patch: Option<u16>,
}

impl WheelLocal {
    /// Reads the local part of a version; what it does not name stays empty.
    pub fn of(version: &Version) -> Self {
        let segments: Vec<String> = version.local().iter().map(ToString::to_string).collect();
        Self::read(&segments.join("."))
    }

    /// Reads a local version in its normal form, lower case with dots.
    pub fn read(local: &str) -> Self {
        let mut found = Self::default();
        let mut rest = local;
        let mut at_start = true;
        while !rest.is_empty() {
            let before = rest;
            rest = found.word(rest, at_start);
            at_start = false;
            if rest.len() == before.len() {
                // nothing known starts here: on to the next part
                match rest.split_once('.') {
                    Some((_, next)) => (rest, at_start) = (next, true),
                    None => break,
                }
            } else if let Some(next) = rest.strip_prefix('.') {
                (rest, at_start) = (next, true);
            }
        }
        found
    }

    /// Takes one known word off the front; the same text when there is none.
    fn word<'t>(&mut self, text: &'t str, at_start: bool) -> &'t str {
        if let Some(rest) = text.strip_prefix("cxx11abi") {
            let (value, rest) = match rest.strip_prefix("true") {
                Some(rest) => (true, rest),
                None => (false, rest.strip_prefix("false").unwrap_or(rest)),
            };
            self.cxx11_abi = Some(value);
            return rest;
        }
        if let Some(rest) = text.strip_prefix("cxx11.abi") {
            self.cxx11_abi = Some(true);
            return rest;
        }
        if let Some((torch, rest)) = torch(text) {
            self.torch = Some(torch);
            return rest;
        }
        // the others only where a part starts, or behind `pt28`
        if !at_start && self.torch.is_none() {
            return text;
        }
        if let Some((cuda, rest)) = cuda(text) {
            self.family = Some(AcceleratorFamily::Cuda);
            self.cuda = Some(cuda);
            return rest;
        }
        if let Some((rocm, rest)) = rocm(text) {
            self.family = Some(AcceleratorFamily::Rocm);
            self.rocm = Some(rocm);
            return rest;
        }
        for (word, family) in [
            ("cpu", AcceleratorFamily::Cpu),
            ("xpu", AcceleratorFamily::Xpu),
        ] {
            let rest = text.strip_prefix(word);
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(['.', 'a']))
            {
                self.family = Some(family);
                return rest;
            }
        }
        text
    }

    /// Whether a build with this local version can serve an accelerator, judging by what it says.
    ///
    /// One that names nothing serves any: its index or its name says what it is.
    pub fn serves(&self, accelerator: Accelerator) -> bool {
        match (accelerator, self.family) {
            (Accelerator::Index, _) | (_, None) => true,
            (Accelerator::Cuda(wanted), Some(AcceleratorFamily::Cuda)) => {
                self.cuda.is_none_or(|cuda| cuda.serves(wanted))
            }
            (Accelerator::Rocm(wanted), Some(AcceleratorFamily::Rocm)) => {
                self.rocm.is_none_or(|rocm| rocm == wanted)
            }
            // plain processors are the same on Macs
            (Accelerator::Mps, Some(family)) => family == AcceleratorFamily::Cpu,
            (accelerator, Some(family)) => accelerator.family() == family,
        }
    }
}

impl CudaTag {
    /// Whether a build for this CUDA runs beside libraries of `wanted`: the same major version,
    /// and no newer minor one.
    pub fn serves(self, wanted: CudaVersion) -> bool {
        self.major == wanted.major && self.minor.is_none_or(|minor| minor <= wanted.minor)
    }
}

impl std::fmt::Display for CudaTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.major)?;
        self.minor.map_or(Ok(()), |minor| write!(f, ".{minor}"))
    }
}

impl std::fmt::Display for TorchTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// `cu128`, `cu12`, `cu.12.8`.
fn cuda(text: &str) -> Option<(CudaTag, &str)> {
    let text = text.strip_prefix("cu")?;
    if let Some(dotted) = text.strip_prefix('.') {
        let (major, rest) = digits(dotted)?;
        let (minor, rest) = digits(rest.strip_prefix('.')?)?;
        let tag = CudaTag {
            major: major.parse().ok()?,
            minor: Some(minor.parse().ok()?),
        };
        return Some((tag, rest));
    }
    let (digits, rest) = digits(text)?;
    let tag = match (CudaVersion::of_digits(digits), digits.len()) {
        (Some(version), _) => CudaTag {
            major: version.major,
            minor: Some(version.minor),
        },
        (None, 2) => CudaTag {
            major: digits.parse().ok()?,
            minor: None,
        },
        _ => return None,
    };
    Some((tag, rest))
}

/// `rocm6.4`, `rocm5.6.1`, `rocm561`.
fn rocm(text: &str) -> Option<(RocmVersion, &str)> {
    let (first, mut rest) = digits(text.strip_prefix("rocm")?)?;
    let mut parts = vec![first];
    while parts.len() < 3
        && let Some((part, behind)) = rest.strip_prefix('.').and_then(digits)
        && (behind.is_empty() || behind.starts_with('.'))
    {
        parts.push(part);
        rest = behind;
    }
    let single: Vec<&str>;
    if let ([run], 2 | 3) = (parts.as_slice(), first.len()) {
        single = run.split("").filter(|digit| !digit.is_empty()).collect();
        parts = single;
    }
    Some((parts.join(".").parse().ok()?, rest))
}

/// `torch2.10`, `torch2.6.0`, `torch271`, `torch.2.11`, `pt28`, `pt210`.
fn torch(text: &str) -> Option<(TorchTag, &str)> {
    if let Some(run) = text.strip_prefix("pt") {
        let (run, rest) = digits(run).filter(|(run, _)| run.len() >= 2)?;
        let (major, minor) = run.split_at(1);
        return Some((tag(major, minor, None)?, rest));
    }
    let text = text.strip_prefix("torch")?;
    let (first, rest) = digits(text.strip_prefix('.').unwrap_or(text))?;
    let second = rest.strip_prefix('.').and_then(digits);
    let Some((minor, rest)) = second.filter(|_| first.len() == 1) else {
        // 271 is 2.7.1, 28 is 2.8
        let (major, others) = first.split_at(1);
        let (minor, patch) = match others.len() {
            1 => (others, None),
            2 => (&others[..1], Some(&others[1..])),
            _ => return None,
        };
        return Some((tag(major, minor, patch)?, rest));
    };
    match rest.strip_prefix('.').and_then(digits) {
        Some((patch, rest)) => Some((tag(first, minor, Some(patch))?, rest)),
        None => Some((tag(first, minor, None)?, rest)),
    }
}

fn tag(major: &str, minor: &str, patch: Option<&str>) -> Option<TorchTag> {
    Some(TorchTag {
        minor: MinorVersion {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        },
        patch: patch.and_then(|patch| patch.parse().ok()),
    })
}

/// The digits at the start, at least one, and the rest.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of every style that is known, with what it says.
    #[test]
    fn styles_are_read() {
        let text = std::fs::read_to_string(
            std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("fixtures/accelerators/locals.tsv"),
        )
        .unwrap();
        let mut count = 0;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split('\t').collect();
            let version: Version = format!("1+{}", fields[0]).parse().unwrap();
            let found = WheelLocal::of(&version);
            let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            let found = [
                shown(found.family.map(|it| it.to_string())),
                shown(found.cuda.map(|it| it.to_string())),
                shown(found.rocm.map(|it| it.to_string())),
                shown(found.torch.map(|it| it.to_string())),
                shown(found.cxx11_abi.map(|it| it.to_string())),
            ];
            assert_eq!(fields[1..], found, "{}", fields[0]);
            count += 1;
        }
        assert!(count >= 30);
    }

    /// `+rocm7.15` sorts above `+rocm10.1` as a version, and neither serves the other's target.
    #[test]
    fn a_build_serves_its_own_accelerator() {
        for (local, serves, not) in [
            (
                "cu128",
                vec!["cu128", "cu129", "index"],
                vec!["cu126", "cu130", "cpu", "mps", "rocm6.4"],
            ),
            (
                "cu12torch2.7cxx11abitrue",
                vec!["cu121", "cu128"],
                vec!["cu118", "cu130", "xpu"],
            ),
            (
                "rocm7.15",
                vec!["rocm7.15"],
                vec!["rocm10.1", "rocm7.1", "cu128"],
            ),
            ("cpu", vec!["cpu", "mps"], vec!["cu128", "xpu"]),
            ("d801a34", vec!["cpu", "cu128", "mps"], vec![]),
        ] {
            let local = WheelLocal::read(local);
            for accelerator in serves {
                assert!(local.serves(accelerator.parse().unwrap()), "{accelerator}");
            }
            for accelerator in not {
                assert!(!local.serves(accelerator.parse().unwrap()), "{accelerator}");
            }
        }
    }
}
