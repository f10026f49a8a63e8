//! Accelerators: which builds of a package a target takes.

use std::fmt;
use std::str::FromStr;

use pep508_rs::PackageName;
use serde::{Deserialize, Serialize};

use crate::TargetParseError;

/// Which builds of accelerated packages a target takes.
///
/// ```
/// use pinsmith_resolver::{Accelerator, AcceleratorFamily};
/// let accelerator: Accelerator = "cu128".parse()?;
/// assert_eq!(accelerator.cuda().unwrap().to_string(), "12.8");
/// assert_eq!(accelerator.family(), AcceleratorFamily::Cuda);
/// assert!("cu12".parse::<Accelerator>().is_err());
/// # Ok::<(), pinsmith_resolver::TargetParseError>(())
/// ```
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Accelerator {
    /// `index`: whatever the main index serves, which differs by platform; no extra index.
    #[default]
    Index,
    /// `cpu`: builds without an accelerator.
    Cpu,
    /// `cu128`: NVIDIA, CUDA 12.8.
    Cuda(CudaVersion),
    /// `rocm6.4`: AMD.
    Rocm(RocmVersion),
    /// `xpu`: Intel.
    Xpu,
    /// `mps`: Apple; the usual builds for macOS have it.
    Mps,
}

/// The kinds of accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AcceleratorFamily {
    /// `index`.
    Index,
    /// `cpu`.
    Cpu,
    /// `cuda`.
    Cuda,
    /// `rocm`.
    Rocm,
    /// `xpu`.
    Xpu,
    /// `mps`.
    Mps,
}

/// A CUDA toolkit as names of wheels give it: `cu92` is 9.2, `cu118` 11.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CudaVersion {
    /// Major version.
    pub major: u8,
    /// Minor version, one digit so far.
    pub minor: u8,
}

/// A ROCm release as names of wheels give it: `rocm6.4`, `rocm6.2.4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RocmVersion {
    /// Major version.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
    /// Patch release, where the name has one.
    pub patch: Option<u8>,
}

/// A pseudo-package whose version is the CUDA that builds of an answer share.
///
/// A source may let releases require it, so that none of another CUDA stands beside them. It is no
/// part of an answer.
///
/// # Panics
///
/// Never: its name is valid.
pub fn cuda_package() -> PackageName {
    #[expect(clippy::expect_used, reason = "a constant that a test reads")]
    PackageName::new("pinsmith-cuda".to_owned()).expect("a valid name")
}

/// What a requirement on the pseudo-package says: `CUDA 13` for `==13.*`.
pub(crate) fn cuda_text(specifier: &str) -> String {
    let version = specifier.trim_start_matches('=').trim_end_matches(".*");
    format!("CUDA {version}")
}

impl Accelerator {
    /// Its kind.
    pub fn family(self) -> AcceleratorFamily {
        match self {
            Self::Index => AcceleratorFamily::Index,
            Self::Cpu => AcceleratorFamily::Cpu,
            Self::Cuda(_) => AcceleratorFamily::Cuda,
            Self::Rocm(_) => AcceleratorFamily::Rocm,
            Self::Xpu => AcceleratorFamily::Xpu,
            Self::Mps => AcceleratorFamily::Mps,
        }
    }

    /// The CUDA version, of `cuNNN` only.
    pub fn cuda(self) -> Option<CudaVersion> {
        match self {
            Self::Cuda(version) => Some(version),
            _ => None,
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index => f.write_str("index"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(CudaVersion { major, minor }) => write!(f, "cu{major}{minor}"),
            Self::Rocm(version) => write!(f, "rocm{version}"),
            Self::Xpu => f.write_str("xpu"),
            Self::Mps => f.write_str("mps"),
        }
    }
}

impl FromStr for Accelerator {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let known = match text {
            "index" => Some(Self::Index),
            "cpu" => Some(Self::Cpu),
            "xpu" => Some(Self::Xpu),
            "mps" => Some(Self::Mps),
            _ => text
                .strip_prefix("cu")
                .and_then(CudaVersion::of_digits)
                .map(Self::Cuda)
                .or_else(|| Some(Self::Rocm(text.strip_prefix("rocm")?.parse().ok()?))),
        };
        known.ok_or_else(|| TargetParseError {
            text: text.to_owned(),
            expected: "an accelerator (index, cpu, one like cu128 or rocm6.4, xpu or mps)",
        })
    }
}

impl CudaVersion {
    /// The digits behind `cu`: the last one is the minor version, so that `92` is 9.2 and `130` 13.0.
    ///
    /// `None` for what has no minor version, such as the `12` of `flash_attn` wheels.
    pub fn of_digits(digits: &str) -> Option<Self> {
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let (major, minor) = match digits.len() {
            // CUDA 7.5 to 9.2; two digits that start with 1 are a major version alone
            2 if !digits.starts_with(['0', '1']) => digits.split_at(1),
            3 if digits.starts_with('1') => digits.split_at(2),
            _ => return None,
        };
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }
}

impl fmt::Display for CudaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for CudaVersion {
    type Err = TargetParseError;

    /// As in `12.8`.
    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let parsed = text.split_once('.').and_then(|(major, minor)| {
            let minor: u8 = number(minor).filter(|minor| *minor < 10)?;
            Some(Self {
                major: number(major).filter(|major| (7..100).contains(major))?,
                minor,
            })
        });
        parsed.ok_or_else(|| TargetParseError {
            text: text.to_owned(),
            expected: "a CUDA version such as 12.8",
        })
    }
}

impl fmt::Display for RocmVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl FromStr for RocmVersion {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let parts: Option<Vec<u8>> = text.split('.').map(number).collect();
        match parts.as_deref() {
            Some(&[major, minor]) => Ok(Self {
                major,
                minor,
                patch: None,
            }),
            Some(&[major, minor, patch]) => Ok(Self {
                major,
                minor,
                patch: Some(patch),
            }),
            _ => Err(TargetParseError {
                text: text.to_owned(),
                expected: "a ROCm release such as 6.4",
            }),
        }
    }
}

/// Digits without sign and leading zero.
fn number(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|digit| digit.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (plain && canonical).then(|| text.parse().ok())?
}

impl AcceleratorFamily {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Index,
        Self::Cpu,
        Self::Cuda,
        Self::Rocm,
        Self::Xpu,
        Self::Mps,
    ];

    /// The name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Rocm => "rocm",
            Self::Xpu => "xpu",
            Self::Mps => "mps",
        }
    }
}

impl fmt::Display for AcceleratorFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AcceleratorFamily {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let mut all = Self::ALL.into_iter();
        all.find(|family| family.as_str() == text)
            .ok_or_else(|| TargetParseError {
                text: text.to_owned(),
                expected: "a kind of accelerator (index, cpu, cuda, rocm, xpu or mps)",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_are_written() {
        for name in [
            "index",
            "cpu",
            "cu75",
            "cu92",
            "cu118",
            "cu130",
            "cu132",
            "rocm5.4.2",
            "rocm6.4",
            "rocm7.15",
            "rocm10.1",
            "xpu",
            "mps",
        ] {
            let accelerator: Accelerator = name.parse().unwrap();
            assert_eq!(accelerator.to_string(), name);
        }
        for wrong in [
            "", "cu", "cu1", "cu12", "cu012", "cu1281", "CU128", "cu12.8", "rocm6", "rocm",
            "rocm06.4", "rocm6.4.", "cuda", "gpu", "cu+12",
        ] {
            assert!(wrong.parse::<Accelerator>().is_err(), "{wrong}");
        }
    }

    /// As text `rocm7.15` sorts above `rocm10.1` and `cu92` above `cu130`.
    #[test]
    fn versions_are_ordered_as_numbers() {
        let mut names = [
            "cu130",
            "cu92",
            "rocm10.1",
            "cu118",
            "rocm7.15",
            "rocm6.2.4",
            "rocm6.2",
        ]
        .map(|name| name.parse::<Accelerator>().unwrap());
        names.sort();
        let sorted = names.map(|name| name.to_string());
        let expected = [
            "cu92",
            "cu118",
            "cu130",
            "rocm6.2",
            "rocm6.2.4",
            "rocm7.15",
            "rocm10.1",
        ];
        assert_eq!(sorted, expected);
    }
}
