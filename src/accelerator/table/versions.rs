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
        let digits = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let parts = text.split_once('.').filter(|_| digits);
        let parsed = parts.and_then(|(major, minor)| {
            Some(Self {
                major: major.parse().ok().filter(|major| *major > 0)?,
                minor: minor.parse().ok().filter(|minor| *minor < 10)?,
            })
        });
        parsed.ok_or_else(|| error(text, "a compute capability such as 8.6"))
    }
}

/// The version of an NVIDIA driver, compared part by part: 525.60.13 is older than 525.105.17. A part
/// that is missing counts as 0, and what was written is shown again: 450.80.02, 540.4.0.
#[derive(Debug, Clone)]
pub struct DriverVersion {
    parts: [u32; 4],
    text: String,
}

impl DriverVersion {
    /// The branch, such as 535.
    pub fn branch(&self) -> u32 {
        self.parts[0]
    }
}

impl PartialEq for DriverVersion {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for DriverVersion {}

impl PartialOrd for DriverVersion {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DriverVersion {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for DriverVersion {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let wrong = || error(text, "a driver version such as 535.183.01");
        let text = text.trim();
        let mut parts = [0; 4];
        let mut given = text.split('.');
        for (part, digits) in parts.iter_mut().zip(given.by_ref()) {
            let number = digits.bytes().all(|byte| byte.is_ascii_digit());
            *part = digits.parse().ok().filter(|_| number).ok_or_else(wrong)?;
        }
        if given.next().is_some() || parts[0] == 0 {
            return Err(wrong());
        }
        Ok(Self {
            parts,
            text: text.to_owned(),
        })
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
