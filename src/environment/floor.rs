//! The lowest libc or system version that a lock really needs, read from wheel tags.

use std::fmt;

use pinsmith_resolver::{PackageName, Platform, Target, WheelName};

use crate::lock::{Lock, LockedPackage, Selection, floor_kind};

/// A lowest version of glibc (Linux) or macOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Floor {
    /// No wheel asks for one.
    Any,
    /// This glibc or macOS version.
    AtLeast(u16, u16),
    /// A wheel is tagged `linux_x86_64` and the like: it does not say what it needs.
    Unknown,
}

impl fmt::Display for Floor {
    /// `any`, `2.28`, `unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::AtLeast(major, minor) => write!(f, "{major}.{minor}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// The lowest floor on which every package of the lock can still be installed on a target, and the
/// packages that set it.
///
/// A package with several wheels needs the least of them; the lock needs the most of its packages.
pub fn floor_needed<'a>(lock: &'a Lock, target: &Target) -> (Floor, Vec<&'a PackageName>) {
    if floor_kind(target.platform).is_none() {
        return (Floor::Any, Vec::new());
    }
    let environment = target.marker_environment();
    let mut needed = Floor::Any;
    let mut by = Vec::new();
    for package in &lock.packages {
        let elsewhere = package
            .marker
            .as_ref()
            .is_some_and(|marker| !marker.holds(&environment, &Selection::Everything));
        let floor = if elsewhere {
            Floor::Any
        } else {
            of_package(package, target)
        };
        if floor > needed {
            needed = floor;
            by.clear();
        }
        if floor == needed && floor != Floor::Any {
            by.push(&package.name);
        }
    }
    (needed, by)
}

fn of_package(package: &LockedPackage, target: &Target) -> Floor {
    let floors = package
        .wheels()
        .filter(|(_, wheel)| suits_python(wheel, target))
        .flat_map(|(_, wheel)| &wheel.platforms)
        .filter_map(|tag| of_tag(tag, target.platform));
    // Without wheels it is built there, against what is there.
    floors.min().unwrap_or(Floor::Any)
}

/// Coarse: the lock holds only files that one of its targets can install.
fn suits_python(wheel: &WheelName, target: &Target) -> bool {
    let (major, minor) = target.python.minor_pair();
    let stable_abi = wheel.abis.iter().any(|abi| abi == "abi3");
    wheel.pythons.iter().any(|tag| {
        let digits = tag.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let tag_minor = digits.get(1..).and_then(|minor| minor.parse::<u8>().ok());
        digits.starts_with(char::from(b'0' + major % 10))
            && tag_minor.is_none_or(|tag| {
                tag == minor || (stable_abi || tag_is_generic(wheel)) && tag <= minor
            })
    })
}

fn tag_is_generic(wheel: &WheelName) -> bool {
    wheel.abis.iter().any(|abi| abi == "none")
}

/// `None` for a tag of another platform.
fn of_tag(tag: &str, platform: Platform) -> Option<Floor> {
    if tag == "any" {
        return Some(Floor::Any);
    }
    let arches: &[&str] = match platform {
        Platform::LinuxX86_64 => &["x86_64"],
        Platform::LinuxAarch64 => &["aarch64"],
        Platform::MacosArm64 => &["arm64", "universal2"],
        Platform::MacosX86_64 => &["x86_64", "universal2", "intel", "fat64", "universal"],
        Platform::WindowsX86_64 | Platform::WindowsArm64 => return None,
    };
    let head = arches
        .iter()
        .find_map(|arch| tag.strip_suffix(arch)?.strip_suffix('_'))?;
    let versioned = |prefix: &str| {
        let (major, minor) = head.strip_prefix(prefix)?.split_once('_')?;
        Some(Floor::AtLeast(major.parse().ok()?, minor.parse().ok()?))
    };
    if floor_kind(platform) == Some("macos") {
        return versioned("macosx_");
    }
    match head {
        "linux" => Some(Floor::Unknown),
        // PEP 513, 571, 599.
        "manylinux1" => Some(Floor::AtLeast(2, 5)),
        "manylinux2010" => Some(Floor::AtLeast(2, 12)),
        "manylinux2014" => Some(Floor::AtLeast(2, 17)),
        _ => versioned("manylinux_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::testing::LockBuilder;

    fn floor(platform: Platform, wheels: &[&[&str]]) -> String {
        let target = Target {
            platform,
            ..Target::linux_x86_64((3, 11))
        };
        let mut builder = LockBuilder::for_target(target.clone());
        for (index, tags) in wheels.iter().enumerate() {
            let files: Vec<String> = tags
                .iter()
                .map(|tags| format!("p{index}-1-{tags}.whl"))
                .collect();
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            builder = builder.pin(&format!("p{index}==1"), &files, &[]);
        }
        let lock = builder.lock();
        let (floor, by) = floor_needed(&lock, &target);
        let by: Vec<&str> = by.into_iter().map(AsRef::as_ref).collect();
        format!("{floor} {}", by.join(" ")).trim_end().to_owned()
    }

    #[test]
    fn a_package_needs_the_least_of_its_wheels_and_the_lock_the_most_of_its_packages() {
        let linux = |wheels: &[&[&str]]| floor(Platform::LinuxX86_64, wheels);
        assert_eq!(linux(&[&["py3-none-any"]]), "any");
        assert_eq!(
            linux(&[
                &[
                    "cp311-cp311-manylinux_2_28_x86_64",
                    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"
                ],
                &["cp311-cp311-manylinux1_x86_64"],
            ]),
            "2.17 p0"
        );
        assert_eq!(
            linux(&[&["cp311-cp311-manylinux2010_x86_64"], &["py3-none-any"]]),
            "2.12 p0"
        );
        assert_eq!(
            linux(&[
                &["cp311-cp311-linux_x86_64"],
                &["cp311-cp311-manylinux_2_35_x86_64"]
            ]),
            "unknown p0"
        );
        assert_eq!(
            linux(&[&[
                "cp39-abi3-manylinux_2_34_x86_64",
                "cp312-abi3-manylinux_2_5_x86_64"
            ]]),
            "2.34 p0"
        );
    }

    #[test]
    fn tags_of_other_platforms_do_not_count() {
        let wheels: &[&[&str]] = &[&[
            "cp311-cp311-macosx_11_0_arm64",
            "cp311-cp311-macosx_10_9_x86_64",
            "cp311-cp311-manylinux_2_28_aarch64",
            "cp311-cp311-win_amd64",
        ]];
        assert_eq!(floor(Platform::MacosArm64, wheels), "11.0 p0");
        assert_eq!(floor(Platform::MacosX86_64, wheels), "10.9 p0");
        assert_eq!(floor(Platform::LinuxAarch64, wheels), "2.28 p0");
        assert_eq!(floor(Platform::WindowsX86_64, wheels), "any");
    }
}
