//! Operating system, processor and libc, from a Python's answer or from the system's own files.

use std::fs;
use std::path::Path;

use pinsmith_resolver::Platform;

use crate::diagnostic::Diagnostic;

use super::{Interpreter, MUSL, UNKNOWN_PLATFORM};

/// What is known of the system, in the words of `sys.platform` and `platform.machine()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct System {
    platform: String,
    machine: String,
    /// glibc or macOS version.
    version: Option<(u16, u16)>,
    musl: bool,
}

impl System {
    pub(super) fn detect(python: Option<&Interpreter>) -> Self {
        match python {
            Some(python) => Self::of_python(python),
            None => Self::of_files(Path::new("/")),
        }
    }

    fn of_python(python: &Interpreter) -> Self {
        let glibc = python.libc.strip_prefix("glibc ").and_then(version);
        Self {
            version: glibc.or_else(|| version(&python.macos)),
            musl: python.platform == "linux" && glibc.is_none() && has_musl(Path::new("/")),
            platform: python.platform.clone(),
            machine: python.machine.clone(),
        }
    }

    fn of_files(root: &Path) -> Self {
        let platform = match std::env::consts::OS {
            "macos" => "darwin",
            "windows" => "win32",
            other => other,
        };
        let found = match platform {
            "linux" => glibc(root),
            "darwin" => macos(root),
            _ => None,
        };
        Self {
            platform: platform.to_owned(),
            machine: std::env::consts::ARCH.to_owned(),
            musl: platform == "linux" && found.is_none() && has_musl(root),
            version: found,
        }
    }

    pub(super) fn is_musl(&self) -> bool {
        self.musl
    }

    pub(super) fn platform(&self) -> Option<Platform> {
        if self.musl {
            return None;
        }
        let machine = self.machine.to_lowercase();
        match (self.platform.as_str(), machine.as_str()) {
            ("linux", "x86_64" | "amd64") => Some(Platform::LinuxX86_64),
            ("linux", "aarch64" | "arm64") => Some(Platform::LinuxAarch64),
            ("darwin", "arm64" | "aarch64") => Some(Platform::MacosArm64),
            ("darwin", "x86_64") => Some(Platform::MacosX86_64),
            ("win32", "amd64" | "x86_64") => Some(Platform::WindowsX86_64),
            ("win32", "arm64" | "aarch64") => Some(Platform::WindowsArm64),
            _ => None,
        }
    }

    pub(super) fn floor(&self) -> (u16, u16) {
        let usual = self.platform().map_or((0, 0), Platform::default_floor);
        match self.platform.as_str() {
            "linux" | "darwin" => self.version.unwrap_or(usual),
            _ => usual,
        }
    }

    pub(super) fn diagnostic(&self) -> Option<Diagnostic> {
        let help = "name a platform to lock for, such as --platform linux-x86_64";
        if self.musl {
            let text = "this machine uses musl, for which most AI packages have no wheels";
            return Some(Diagnostic::warning(MUSL, text).help(help));
        }
        if self.platform().is_some() {
            return None;
        }
        let text = format!(
            "no lock can be made for this machine's own platform ({} on {})",
            self.platform, self.machine
        );
        Some(Diagnostic::warning(UNKNOWN_PLATFORM, text).help(help))
    }
}

/// `2.36`, `14.5.1`.
fn version(text: &str) -> Option<(u16, u16)> {
    let mut parts = text.trim().split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next().flatten().unwrap_or(0)))
}

fn has_musl(root: &Path) -> bool {
    fs::read_dir(root.join("lib"))
        .into_iter()
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("ld-musl-"))
}

/// The banner inside of `libc.so.6`, since newer systems have no version in its name.
fn glibc(root: &Path) -> Option<(u16, u16)> {
    const PLACES: [&str; 5] = [
        "lib/x86_64-linux-gnu/libc.so.6",
        "lib/aarch64-linux-gnu/libc.so.6",
        "lib64/libc.so.6",
        "usr/lib64/libc.so.6",
        "usr/lib/libc.so.6",
    ];
    let library = PLACES
        .iter()
        .find_map(|place| fs::read(root.join(place)).ok())?;
    glibc_banner(&library)
}

/// `GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.`
fn glibc_banner(library: &[u8]) -> Option<(u16, u16)> {
    let banner = memchr::memmem::find(library, b"GNU C Library")?;
    let banner = &library[banner..library.len().min(banner + 200)];
    let stated = memchr::memmem::find(banner, b"release version ")? + 16;
    let number: String = banner[stated..]
        .iter()
        .map(|byte| char::from(*byte))
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    version(number.trim_end_matches('.'))
}

fn macos(root: &Path) -> Option<(u16, u16)> {
    let path = "System/Library/CoreServices/SystemVersion.plist";
    let text = fs::read_to_string(root.join(path)).ok()?;
    let (_, after) = text.split_once("<key>ProductVersion</key>")?;
    let (_, after) = after.split_once("<string>")?;
    version(after.split_once("</string>")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(platform: &str, machine: &str, musl: bool) -> System {
        System {
            platform: platform.to_owned(),
            machine: machine.to_owned(),
            version: None,
            musl,
        }
    }

    #[test]
    fn platforms_in_pythons_words() {
        for (name, machine, expected) in [
            ("linux", "x86_64", Some(Platform::LinuxX86_64)),
            ("linux", "aarch64", Some(Platform::LinuxAarch64)),
            ("darwin", "arm64", Some(Platform::MacosArm64)),
            ("win32", "AMD64", Some(Platform::WindowsX86_64)),
            ("win32", "ARM64", Some(Platform::WindowsArm64)),
            ("linux", "riscv64", None),
            ("freebsd14", "amd64", None),
        ] {
            assert_eq!(system(name, machine, false).platform(), expected, "{name}");
        }
        let musl = system("linux", "x86_64", true);
        assert_eq!(musl.platform(), None);
        assert_eq!(musl.diagnostic().unwrap().code, MUSL);
        assert_eq!(
            system("linux", "riscv64", false).diagnostic().unwrap().code,
            UNKNOWN_PLATFORM
        );
    }

    #[test]
    fn reads_the_glibc_banner_and_the_macos_plist() {
        let banner = b"\x7fELF..GNU C Library (Ubuntu GLIBC 2.35-0ubuntu3) stable release version 2.35.\nCopy";
        assert_eq!(glibc_banner(banner), Some((2, 35)));
        assert_eq!(glibc_banner(b"GNU C Library"), None);
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("System/Library/CoreServices");
        fs::create_dir_all(&folder).unwrap();
        let plist = "<key>ProductVersion</key>\n<string>14.5.1</string>";
        fs::write(folder.join("SystemVersion.plist"), plist).unwrap();
        assert_eq!(macos(root.path()), Some((14, 5)));
        assert_eq!(glibc(root.path()), None);
    }
}
