//! What is solved for: a Python, a platform with its libc or macOS floor, an accelerator.

use std::fmt;
use std::str::FromStr;

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};
use serde::{Deserialize, Serialize};

use crate::Accelerator;

/// An exact target of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The Python release; `3.11` means 3.11.0 for markers and requires-python.
    pub python: PythonVersion,
    /// Operating system and machine.
    pub platform: Platform,
    /// Lowest glibc (Linux) or macOS version to support, such as `(2, 35)`; ignored on Windows.
    pub floor: (u16, u16),
    /// Which builds count.
    pub accelerator: Accelerator,
}

impl Target {
    /// A target with the platform's usual floor: glibc 2.35 (Ubuntu 22.04, Colab) or macOS 14.0.
    pub fn new(python: PythonVersion, platform: Platform) -> Self {
        Self {
            python,
            platform,
            floor: platform.default_floor(),
            accelerator: Accelerator::Index,
        }
    }

    /// Linux on x86-64 with the usual floor, for tests and examples.
    pub fn linux_x86_64((major, minor): (u8, u8)) -> Self {
        let python = PythonVersion {
            major,
            minor,
            patch: None,
        };
        Self::new(python, Platform::LinuxX86_64)
    }

    /// The marker environment (PEP 508) of CPython on this target.
    ///
    /// `platform_release` and `platform_version` cannot be known for another machine and are empty.
    ///
    /// # Panics
    ///
    /// Never: the values are built from numbers.
    pub fn marker_environment(&self) -> MarkerEnvironment {
        let full = self.python.full();
        let short = format!("{}.{}", self.python.major, self.python.minor);
        let (os_name, sys_platform, system, machine) = self.platform.marker_values();
        // Python 2 has no `sys.implementation`, and calls every Linux `linux2`
        let old = self.python.major < 3;
        let sys_platform = match sys_platform {
            "linux" if old => "linux2",
            other => other,
        };
        let (name, version) = if old { ("", "0") } else { ("cpython", &*full) };
        let builder = MarkerEnvironmentBuilder {
            implementation_name: name,
            implementation_version: version,
            os_name,
            platform_machine: machine,
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: system,
            platform_version: "",
            python_full_version: &full,
            python_version: &short,
            sys_platform,
        };
        #[expect(clippy::expect_used, reason = "all versions are built from numbers")]
        MarkerEnvironment::try_from(builder).expect("a marker environment made of numbers parses")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {} on {}", self.python, self.platform)?;
        let (major, minor) = self.floor;
        match self.platform {
            Platform::LinuxX86_64 | Platform::LinuxAarch64 => write!(f, ", glibc {major}.{minor}"),
            Platform::MacosArm64 | Platform::MacosX86_64 => write!(f, ", macOS {major}.{minor}"),
            Platform::WindowsX86_64 | Platform::WindowsArm64 => Ok(()),
        }?;
        match self.accelerator {
            Accelerator::Index => Ok(()),
            accelerator => write!(f, ", {accelerator}"),
        }
    }
}

/// A text that names no Python version, platform, floor or accelerator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct TargetParseError {
    /// The text as given.
    pub text: String,
    /// What was expected.
    pub expected: &'static str,
}

/// A CPython release such as `3.11` or `3.11.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PythonVersion {
    /// Major version.
    pub major: u8,
    /// Minor version.
    pub minor: u8,
    /// Patch release, when the host's own Python is the target.
    pub patch: Option<u16>,
}

impl PythonVersion {
    /// `3.11` as `3.11.0`, `3.11.7` as it is: the value of `python_full_version`.
    pub fn full(&self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch.unwrap_or(0))
    }

    /// `(3, 11)`.
    pub fn minor_pair(&self) -> (u8, u8) {
        (self.major, self.minor)
    }

    /// Without the patch release.
    #[must_use]
    pub fn without_patch(self) -> Self {
        Self {
            patch: None,
            ..self
        }
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl FromStr for PythonVersion {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let error = || TargetParseError {
            text: text.to_owned(),
            expected: "a Python version such as 3.11",
        };
        let mut parts = text.split('.');
        let mut next = || {
            parts
                .next()
                .map(|part| part.parse::<u16>().map_err(|_| error()))
        };
        let major = next().ok_or_else(error)??;
        let minor = next().ok_or_else(error)??;
        let patch = next().transpose()?;
        if next().is_some() {
            return Err(error());
        }
        Ok(Self {
            major: u8::try_from(major).map_err(|_| error())?,
            minor: u8::try_from(minor).map_err(|_| error())?,
            patch,
        })
    }
}

/// The platforms that a lock can be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Platform {
    /// `linux-x86_64`, glibc.
    LinuxX86_64,
    /// `linux-aarch64`, glibc.
    LinuxAarch64,
    /// `macos-arm64`.
    MacosArm64,
    /// `macos-x86_64`.
    MacosX86_64,
    /// `windows-x86_64`.
    WindowsX86_64,
    /// `windows-arm64`.
    WindowsArm64,
}

impl Platform {
    /// What `--universal` solves for, in this order.
    pub const ALL: [Self; 5] = [
        Self::LinuxX86_64,
        Self::LinuxAarch64,
        Self::MacosArm64,
        Self::MacosX86_64,
        Self::WindowsX86_64,
    ];

    /// The name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LinuxX86_64 => "linux-x86_64",
            Self::LinuxAarch64 => "linux-aarch64",
            Self::MacosArm64 => "macos-arm64",
            Self::MacosX86_64 => "macos-x86_64",
            Self::WindowsX86_64 => "windows-x86_64",
            Self::WindowsArm64 => "windows-arm64",
        }
    }

    /// glibc 2.35 on Linux, macOS 14.0, nothing on Windows.
    pub fn default_floor(self) -> (u16, u16) {
        match self {
            Self::LinuxX86_64 | Self::LinuxAarch64 => (2, 35),
            Self::MacosArm64 | Self::MacosX86_64 => (14, 0),
            Self::WindowsX86_64 | Self::WindowsArm64 => (0, 0),
        }
    }

    /// `os_name`, `sys_platform`, `platform_system`, `platform_machine`.
    fn marker_values(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::LinuxX86_64 => ("posix", "linux", "Linux", "x86_64"),
            Self::LinuxAarch64 => ("posix", "linux", "Linux", "aarch64"),
            Self::MacosArm64 => ("posix", "darwin", "Darwin", "arm64"),
            Self::MacosX86_64 => ("posix", "darwin", "Darwin", "x86_64"),
            Self::WindowsX86_64 => ("nt", "win32", "Windows", "AMD64"),
            Self::WindowsArm64 => ("nt", "win32", "Windows", "ARM64"),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Platform {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, TargetParseError> {
        let mut all = Self::ALL.into_iter().chain([Self::WindowsArm64]);
        all.find(|platform| platform.as_str() == text)
            .ok_or_else(|| TargetParseError {
                text: text.to_owned(),
                expected: "a platform (linux-x86_64, linux-aarch64, macos-arm64, macos-x86_64, windows-x86_64 or windows-arm64)",
            })
    }
}
