//! Versions of drivers.

use std::fmt;
use std::str::FromStr;

/// A version of NVIDIA's driver, such as `535.183.01`.
///
/// Versions are compared part by part as numbers, so 525.60.13 comes before 525.105.17; a part
/// that is missing counts as 0.
///
/// ```
/// use pinsmith::host::DriverVersion;
/// let version = |text: &str| text.parse::<DriverVersion>().unwrap();
/// assert!(version("525.60.13") < version("525.105.17"));
/// assert!(version("580") <= version("580.65.06"));
/// assert_eq!(version("450.80.02").to_string(), "450.80.02");
/// ```
#[derive(Debug, Clone)]
pub struct DriverVersion {
    parts: [u32; 3],
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a driver version such as 535.183.01");
        let text = text.trim();
        let mut parts = [0; 3];
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
