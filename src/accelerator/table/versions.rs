//! Small versions and names that the table compares.

use std::fmt;
use std::str::FromStr;

use pinsmith_resolver::{Accelerator, AcceleratorFamily, TargetParseError, Version};

/// A minor release such as `2.10`, ordered as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MinorVersion {
    /// The part before the dot.
    pub major: u16,
    /// The part behind it.
    pub minor: u16,
}

impl MinorVersion {
    /// The minor release that a version belongs to.
    pub fn of(version: &Version) -> Self {
        let part = |index: usize| {
            let part = version.release().get(index).copied().unwrap_or(0);
            u16::try_from(part).unwrap_or(u16::MAX)
        };
        Self {
            major: part(0),
            minor: part(1),
        }
    }
}

impl fmt::Display for MinorVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for MinorVersion {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let parsed = text.split_once('.').and_then(|(major, minor)| {
            Some(Self {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| error(text, "a minor release such as 2.9"))
    }
}

/// A compute capability such as `8.6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Capability {
    /// The part before the dot: the architecture.
    pub major: u8,
    /// The part behind it.
    pub minor: u8,
}

impl Capability {
    /// Whether machine code for this capability runs on a card of `card`.
    pub fn runs_on(self, card: Self) -> bool {
        self.major == card.major && self.minor <= card.minor
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Capability {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let parsed = text.split_once('.').and_then(|(major, minor)| {
            Some(Self {
                major: major.parse().ok()?,
                minor: minor.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| error(text, "a compute capability such as 8.6"))
    }
}

/// The version of an NVIDIA driver, compared part by part: 525.60.13 is older than 525.105.17.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DriverVersion(Vec<u32>);

impl DriverVersion {
    /// The branch, such as 535.
    pub fn branch(&self) -> u32 {
        self.0.first().copied().unwrap_or(0)
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            match index {
                0 => write!(f, "{part}")?,
                // 525.60.13, 450.80.02
                _ => write!(f, ".{part:02}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for DriverVersion {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let parts: Result<Vec<u32>, _> = text.trim().split('.').map(str::parse).collect();
        match parts {
            Ok(parts) if parts.len() <= 4 => Ok(Self(parts)),
            _ => Err(error(text, "a driver version such as 535.183.01")),
        }
    }
}

/// One accelerator (`cu128`) or all of a kind (`cuda`, `rocm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AcceleratorPattern {
    /// This one.
    One(Accelerator),
    /// Every one of this kind.
    Family(AcceleratorFamily),
}

impl AcceleratorPattern {
    /// Whether an accelerator is meant.
    pub fn matches(self, accelerator: Accelerator) -> bool {
        match self {
            Self::One(one) => one == accelerator,
            Self::Family(family) => family == accelerator.family(),
        }
    }

    /// Its kind.
    pub fn family(self) -> AcceleratorFamily {
        match self {
            Self::One(one) => one.family(),
            Self::Family(family) => family,
        }
    }

    /// The one accelerator that is meant.
    pub fn one(self) -> Option<Accelerator> {
        match self {
            Self::One(one) => Some(one),
            Self::Family(_) => None,
        }
    }
}

impl FromStr for AcceleratorPattern {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        match text {
            "cuda" => Ok(Self::Family(AcceleratorFamily::Cuda)),
            "rocm" => Ok(Self::Family(AcceleratorFamily::Rocm)),
            _ => text.parse().map(Self::One),
        }
    }
}

impl fmt::Display for AcceleratorPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => one.fmt(f),
            Self::Family(family) => family.fmt(f),
        }
    }
}

fn error(text: &str, expected: &'static str) -> TargetParseError {
    TargetParseError {
        text: text.to_owned(),
        expected,
    }
}
