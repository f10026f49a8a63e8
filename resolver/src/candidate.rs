//! The files that an index offers.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Serialize};

use crate::WheelName;

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFile {
    /// File name as the index spells it.
    pub filename: String,
    /// Absolute address of the file, without fragment.
    pub url: String,
    /// Wheel or sdist.
    pub kind: FileKind,
    /// `Requires-Python` of this file (PEP 503 allows it per file, and files do differ).
    pub requires_python: Option<VersionSpecifiers>,
    /// Present when the file was yanked (PEP 592).
    pub yanked: Option<Yanked>,
    /// Upload time (PEP 700), when the index gives one.
    pub uploaded: Option<Timestamp>,
    /// Size in bytes (PEP 700), when the index gives one.
    pub size: Option<u64>,
    /// Digest that the index states for the file.
    pub sha256: Option<Sha256>,
    /// Whether core metadata is served beside the file (PEP 658/714).
    pub core_metadata: CoreMetadataHint,
}

/// The two kinds of file that count; eggs, installers and the like are left out on reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileKind {
    /// A wheel, with its parsed file name.
    Wheel(WheelName),
    /// A source distribution (`.tar.gz` or `.zip`).
    Sdist,
}

impl ReleaseFile {
    /// The parsed wheel name, if this is a wheel.
    pub fn wheel(&self) -> Option<&WheelName> {
        match &self.kind {
            FileKind::Wheel(name) => Some(name),
            FileKind::Sdist => None,
        }
    }
}

/// Mark of a yanked file with its reason, which is often empty (PEP 592).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yanked {
    /// Why, in the maintainers' words; may be empty.
    pub reason: String,
}

/// What the index says about core metadata beside a file (PEP 658, PEP 714).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoreMetadataHint {
    /// Nothing was said; the file may exist all the same.
    #[default]
    Unknown,
    /// Said not to be there, or not said although other files of the page have it.
    Absent,
    /// Served, no digest given.
    Available,
    /// Served, with this digest.
    Hashed(Sha256),
}

/// A SHA-256 digest.
///
/// ```
/// use pinsmith_resolver::Sha256;
/// let digest: Sha256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855".parse()?;
/// assert!(digest.to_string().starts_with("e3b0c442"));
/// # Ok::<(), pinsmith_resolver::Sha256Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Sha256(pub [u8; 32]);

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("not a sha256 digest: expected 64 hexadecimal digits")]
pub struct Sha256Error;

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Sha256Error;

    fn try_from(text: String) -> Result<Self, Sha256Error> {
        text.parse()
    }
}

impl FromStr for Sha256 {
    type Err = Sha256Error;

    fn from_str(text: &str) -> Result<Self, Sha256Error> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(Sha256Error);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = pair else {
                return Err(Sha256Error);
            };
            *byte =
                hex_value(*high).ok_or(Sha256Error)? << 4 | hex_value(*low).ok_or(Sha256Error)?;
        }
        Ok(Self(bytes))
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}
