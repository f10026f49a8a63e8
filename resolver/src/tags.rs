//! Which wheels a target can install, and which of them is best (PEP 425, 600, 656).

use std::collections::HashMap;

use crate::project::WheelTags;
use crate::{Platform, Target, WheelName};

/// The wheel tags of a target, ranked as an installer ranks them.
///
/// ```
/// use pinsmith_resolver::{TagSet, Target};
/// let tags = TagSet::of(&Target::linux_x86_64((3, 11)));
/// let rank = |name: &str| tags.rank(&name.parse().unwrap());
/// let native = rank("numpy-2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl");
/// assert!(native.is_some() && native < rank("numpy-2.0-py3-none-any.whl"));
/// assert_eq!(rank("numpy-2.0-cp311-cp311-musllinux_1_2_x86_64.whl"), None);
/// ```
#[derive(Debug, Clone)]
pub struct TagSet {
    /// By Python tag, then by ABI tag.
    pythons: HashMap<String, HashMap<String, u32>>,
    platforms: HashMap<String, u32>,
}

/// Smaller is better, in the order of `packaging`: what was built for a platform first, then a
/// closer Python and ABI, then a newer platform tag.
pub type TagRank = (u32, u32);

impl TagSet {
    /// The tags of CPython on this target.
    pub fn of(target: &Target) -> Self {
        let ranked = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let mut pythons = HashMap::new();
        for (index, (python, abi)) in python_tags(target).into_iter().enumerate() {
            let abis: &mut HashMap<String, u32> = pythons.entry(python).or_default();
            abis.entry(abi).or_insert(ranked(index));
        }
        let mut platforms = HashMap::new();
        for (index, tag) in platform_tags(target).into_iter().enumerate() {
            platforms.entry(tag).or_insert(ranked(index));
        }
        Self { pythons, platforms }
    }

    /// How good a wheel fits; `None` when it cannot be installed.
    pub fn rank(&self, wheel: &WheelName) -> Option<TagRank> {
        let texts = |tags: &[String]| tags.join(".");
        self.rank_of_tags(&WheelTags {
            build: None,
            pythons: &texts(&wheel.pythons),
            abis: &texts(&wheel.abis),
            platforms: &texts(&wheel.platforms),
        })
    }

    /// The rank of tags as they stand in a file name: `py2.py3`, `none`, `any`.
    pub(crate) fn rank_of_tags(&self, tags: &WheelTags<'_>) -> Option<TagRank> {
        let platforms = tags.platforms.split('.');
        let native = platforms
            .filter_map(|tag| self.platforms.get(tag).copied())
            .min();
        let native = native.and_then(|platform| Some((self.python_rank(tags, false)?, platform)));
        let anywhere = || tags.platforms.split('.').any(|tag| tag == "any");
        native.or_else(|| {
            // what runs anywhere comes after everything that was built for a platform
            let python = anywhere().then(|| self.python_rank(tags, true)).flatten()?;
            Some((ANYWHERE + python, 0))
        })
    }

    /// The best pair of Python and ABI tag; what runs anywhere can have no ABI.
    fn python_rank(&self, tags: &WheelTags<'_>, anywhere: bool) -> Option<u32> {
        let pythons = tags.pythons.split('.');
        pythons
            .filter_map(|python| self.pythons.get(python))
            .flat_map(|ranks| {
                let abis = tags
                    .abis
                    .split('.')
                    .filter(|abi| !anywhere || *abi == "none");
                abis.filter_map(|abi| ranks.get(abi).copied())
            })
            .min()
    }
}

/// Added to the rank of what was built for no platform; larger than any number of Python tags.
const ANYWHERE: u32 = 1 << 16;

/// Pairs of Python and ABI tag, best first.
fn python_tags(target: &Target) -> Vec<(String, String)> {
    let (major, minor) = target.python.minor_pair();
    let mut tags = Vec::new();
    let interpreter = format!("cp{major}{minor}");
    let mut push = |python: String, abi: &str| tags.push((python, abi.to_owned()));
    push(interpreter.clone(), &cpython_abi(target));
    if major == 3 && minor >= 2 {
        push(interpreter.clone(), "abi3");
    }
    push(interpreter, "none");
    if major == 3 {
        for older in (2..minor).rev() {
            push(format!("cp3{older}"), "abi3");
        }
    }
    push(format!("py{major}{minor}"), "none");
    push(format!("py{major}"), "none");
    for older in (0..minor).rev() {
        push(format!("py{major}{older}"), "none");
    }
    tags
}

/// The ABI tag of a release build: `cp27mu` of Python 2 on Linux and `cp27m` elsewhere, `cp37m`
/// before 3.8, `cp311` since.
fn cpython_abi(target: &Target) -> String {
    let linux = matches!(
        target.platform,
        Platform::LinuxX86_64 | Platform::LinuxAarch64
    );
    match target.python.minor_pair() {
        (2, minor) if linux => format!("cp2{minor}mu"),
        (2, minor) => format!("cp2{minor}m"),
        (3, minor @ ..8) => format!("cp3{minor}m"),
        (major, minor) => format!("cp{major}{minor}"),
    }
}

/// Platform tags, best first, without `any`.
fn platform_tags(target: &Target) -> Vec<String> {
    match target.platform {
        Platform::LinuxX86_64 => manylinux(target.floor, "x86_64", 5),
        Platform::LinuxAarch64 => manylinux(target.floor, "aarch64", 17),
        Platform::MacosArm64 => macos(target.floor, &["arm64", "universal2"], &["universal2"]),
        Platform::MacosX86_64 => {
            let formats = [
                "x86_64",
                "intel",
                "fat64",
                "fat3",
                "universal2",
                "universal",
            ];
            macos(target.floor, &formats, &formats)
        }
        Platform::WindowsX86_64 => vec!["win_amd64".to_owned()],
        Platform::WindowsArm64 => vec!["win_arm64".to_owned()],
    }
}

/// PEP 600 tags from the glibc floor down to `oldest`, each with its legacy alias.
fn manylinux((major, minor): (u16, u16), arch: &str, oldest: u16) -> Vec<String> {
    let mut tags = Vec::new();
    if major == 2 {
        for minor in (oldest..=minor).rev() {
            tags.push(format!("manylinux_2_{minor}_{arch}"));
            match minor {
                17 => tags.push(format!("manylinux2014_{arch}")),
                12 => tags.push(format!("manylinux2010_{arch}")),
                5 => tags.push(format!("manylinux1_{arch}")),
                _ => {}
            }
        }
    }
    tags.push(format!("linux_{arch}"));
    tags
}

/// From the macOS floor down to 11, then from 10.16, or the floor before 11, down to 10.4.
fn macos((major, minor): (u16, u16), formats: &[&str], before_11: &[&str]) -> Vec<String> {
    let with = |version: String, formats: &[&str]| -> Vec<String> {
        let formats = formats.iter();
        formats
            .map(|format| format!("macosx_{version}_{format}"))
            .collect()
    };
    let modern = (11..=major)
        .rev()
        .map(|major| with(format!("{major}_0"), formats));
    let newest = if major == 10 { minor } else { 16 };
    let old = (4..=newest)
        .rev()
        .map(|minor| with(format!("10_{minor}"), before_11));
    modern.chain(old).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python, platform, floor, whether they fit, wheel tags (traps T32 to T40, T64); `benches/tags.py` compares
    /// with `packaging`.
    const CASES: &str = "
        3.11 linux-x86_64   2.35  fits cp311-cp311-manylinux_2_35_x86_64
        3.11 linux-x86_64   2.28  no   cp311-cp311-manylinux_2_35_x86_64
        3.11 linux-x86_64   2.35  fits cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64
        3.11 linux-x86_64   2.35  fits cp37-abi3-manylinux1_x86_64
        3.11 linux-x86_64   2.35  no   cp312-abi3-manylinux2014_x86_64
        3.13 linux-x86_64   2.35  no   cp313-cp313t-manylinux2014_x86_64
        3.15 linux-x86_64   2.35  fits cp315-abi3.abi3t-manylinux2014_x86_64
        3.11 linux-x86_64   2.35  fits py39-none-manylinux_2_28_x86_64
        3.10 linux-x86_64   2.35  fits py33.py34-none-any
        3.10 linux-x86_64   2.35  no   cp33.cp34-none-any
        3.10 linux-x86_64   2.35  no   py2-none-any
        2.7  linux-x86_64   2.35  fits cp27-cp27mu-manylinux1_x86_64
        3.6  linux-x86_64   2.35  fits cp36-cp36m-manylinux2010_x86_64
        3.11 linux-x86_64   2.35  no   cp311-cp311-musllinux_1_2_x86_64
        3.11 linux-aarch64  2.35  fits cp311-cp311-manylinux2014_aarch64
        3.11 linux-x86_64   2.35  no   cp311-cp311-linux_armv7l
        3.11 macos-arm64    14.0  fits cp311-cp311-macosx_11_0_arm64
        3.11 macos-arm64    14.0  fits cp311-cp311-macosx_10_9_universal2
        3.11 macos-arm64    14.0  no   cp311-cp311-macosx_15_0_arm64
        3.11 macos-arm64    14.0  no   cp311-cp311-macosx_10_9_x86_64
        3.11 macos-x86_64   14.0  fits cp311-cp311-macosx_10_9_x86_64
        3.11 windows-x86_64 0.0   fits cp311-cp311-win_amd64
        3.11 windows-x86_64 0.0   no   cp311-cp311-win_arm64
        3.11 linux-x86_64   2.4   no   cp37-abi3-manylinux1_x86_64
        3.11 linux-x86_64   2.5   fits cp37-abi3-manylinux1_x86_64
        3.11 linux-x86_64   2.11  no   cp311-cp311-manylinux2010_x86_64
        3.11 linux-x86_64   2.12  fits cp311-cp311-manylinux2010_x86_64
        3.11 linux-x86_64   2.16  no   cp311-cp311-manylinux2014_x86_64
        3.11 linux-x86_64   2.17  fits cp311-cp311-manylinux2014_x86_64
        3.11 linux-x86_64   2.5   fits cp39-abi3-manylinux_2_12_x86_64.manylinux2010_x86_64.manylinux_2_5_x86_64
        3.11 linux-x86_64   2.4   no   cp39-abi3-manylinux_2_5_x86_64.manylinux1_x86_64.manylinux_2_12_x86_64.manylinux2010_x86_64
        3.11 linux-x86_64   2.35  fits py2.py3-none-musllinux_1_1_x86_64.manylinux1_x86_64
        3.11 linux-x86_64   2.35  fits cp311-cp311-linux_x86_64
        3.11 macos-x86_64   14.0  fits cp311-cp311-macosx_11_0_universal2
        3.11 macos-x86_64   14.0  no   cp311-cp311-macosx_11_0_arm64
        3.11 macos-x86_64   10.15 no   cp311-cp311-macosx_10_16_x86_64
        3.11 macos-x86_64   10.15 fits cp311-cp311-macosx_10_9_x86_64
        3.11 macos-x86_64   10.15 no   cp311-cp311-macosx_11_0_x86_64
        3.13 linux-x86_64   2.35  no   cp314-cp314t-manylinux2014_x86_64
        3.11 linux-x86_64   2.35  no   cp315-abi3.abi3t-manylinux2014_x86_64
        3.8  linux-x86_64   2.35  no   py39-none-manylinux_2_28_x86_64
        3.11 linux-x86_64   2.35  no   cp3-none-manylinux_2_28_x86_64
        3.11 linux-x86_64   2.35  no   pp311-pypy311_pp73-manylinux_2_17_x86_64
        3.11 linux-x86_64   2.35  no   cp311-cp311-manylinux_2_39_riscv64
        3.11 linux-aarch64  2.39  no   cp311-cp311-manylinux_2_39_riscv64
        3.11 windows-arm64  0.0   fits cp311-cp311-win_arm64
        3.11 windows-arm64  0.0   no   cp311-cp311-win_amd64
        3.11 windows-x86_64 0.0   no   cp311-cp311-win32
        3.13 linux-x86_64   2.39  no   cp313-cp313-pyodide_2025_0_wasm32
        3.13 macos-arm64    14.0  no   cp313-cp313-ios_13_0_arm64_iphoneos
        3.13 linux-aarch64  2.39  no   cp313-cp313-android_24_arm64_v8a
    ";

    #[test]
    fn wheels_fit_as_installers_say() {
        let rows = CASES.lines().filter(|row| !row.trim().is_empty());
        for row in rows {
            let words: Vec<&str> = row.split_whitespace().collect();
            let [python, platform, floor, fits, wheel] = words[..] else {
                panic!("{row}")
            };
            let mut target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
            let (major, minor) = floor.split_once('.').unwrap();
            target.floor = (major.parse().unwrap(), minor.parse().unwrap());
            let name = format!("pkg-1.0-{wheel}.whl").parse().unwrap();
            let found = TagSet::of(&target).rank(&name).is_some();
            assert_eq!(found, fits == "fits", "{wheel} on {target}");
        }
    }
}
