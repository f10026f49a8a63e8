//! The table against wheels that were seen, and names against the wheels of GitHub releases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pinsmith_resolver::{Accelerator, AcceleratorFamily, Platform, Version, WheelName};

use super::{AcceleratorPattern, Capability, DriverVersion, MinorVersion, Table, WheelLocal};

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/accelerators");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// A row of `matrix.tsv`.
struct Seen {
    project: String,
    version: Version,
    index: AcceleratorPattern,
    local: String,
    platform: Option<Platform>,
    pythons: String,
}

fn seen() -> Vec<Seen> {
    let text = fixture("matrix.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let rows = rows.filter_map(|row| {
        let mut fields = row.split('\t').map(str::to_owned);
        let mut next = || fields.next().unwrap();
        Some(Seen {
            project: next(),
            version: next().parse().unwrap(),
            // directories such as `cpu-cxx11-abi` are never a target
            index: next().parse().ok()?,
            local: next(),
            platform: platform_of(&next()),
            pythons: next(),
        })
    });
    rows.collect()
}

fn platform_of(tag: &str) -> Option<Platform> {
    let macos = tag.starts_with("macosx");
    match tag {
        "win_amd64" => Some(Platform::WindowsX86_64),
        "win_arm64" => Some(Platform::WindowsArm64),
        _ if macos && tag.ends_with("arm64") => Some(Platform::MacosArm64),
        _ if macos => Some(Platform::MacosX86_64),
        _ if tag.ends_with("x86_64") => Some(Platform::LinuxX86_64),
        _ if tag.ends_with("aarch64") => Some(Platform::LinuxAarch64),
        _ => None,
    }
}

#[test]
fn the_builds_of_the_table_are_those_that_were_seen() {
    let mut expected = BTreeMap::<(Version, Platform), BTreeSet<AcceleratorPattern>>::new();
    for row in seen().into_iter().filter(|row| row.project == "torch") {
        let Some(platform) = row.platform else {
            continue;
        };
        let macos = matches!(platform, Platform::MacosArm64 | Platform::MacosX86_64);
        let of_index = row.index == AcceleratorPattern::One(Accelerator::Index);
        // Macs take the main index, whatever the others have; post releases are of no interest
        if macos && !of_index || row.version.is_post() || row.version.release().len() != 3 {
            continue;
        }
        expected
            .entry((row.version, platform))
            .or_default()
            .insert(row.index);
    }
    let table = Table::built_in();
    let rows = table.builds.iter();
    let found: BTreeMap<_, _> = rows
        .map(|build| {
            let accelerators = build.accelerators.iter().copied().collect();
            ((build.torch.clone(), build.platform), accelerators)
        })
        .collect();
    assert_eq!(found.len(), table.builds.len(), "a row is there twice");
    assert_eq!(found, expected);
}

/// What a directory has is what its name says: no `+cu126` lies in `cu128`.
#[test]
fn locals_that_were_seen_are_those_of_their_index() {
    let mut count = 0;
    for row in seen().iter().filter(|row| !row.local.is_empty()) {
        let AcceleratorPattern::One(index) = row.index else {
            panic!()
        };
        let local = WheelLocal::read(&row.local);
        assert!(
            local.serves(index),
            "{} {}+{}",
            row.project,
            row.version,
            row.local
        );
        let nothing = local == WheelLocal::default();
        assert!(
            !nothing || row.platform == Some(Platform::WindowsArm64),
            "{}",
            row.local
        );
        count += 1;
    }
    assert!(count > 500);
}

#[test]
fn minor_releases_agree_with_wheels_that_were_seen() {
    let table = Table::built_in();
    let seen = seen();
    for release in &table.torch {
        let of_release = || {
            seen.iter().filter(|row| {
                row.project == "torch" && MinorVersion::of(&row.version) == release.version
            })
        };
        let main: BTreeSet<&str> = of_release()
            .filter(|row| row.index == AcceleratorPattern::One(Accelerator::Index))
            .filter(|row| row.platform == Some(Platform::LinuxX86_64))
            .flat_map(|row| row.pythons.split(' '))
            .collect();
        let stated: BTreeSet<String> = release
            .pythons
            .iter()
            .map(|python| format!("cp{}", python.replace('.', "")))
            .collect();
        let stated: BTreeSet<&str> = stated.iter().map(String::as_str).collect();
        assert!(
            main.is_subset(&stated),
            "{}: {main:?} {stated:?}",
            release.version
        );
        // the official CUDA builds were seen, where the indexes were seen at all
        let seen_cuda: BTreeSet<_> = of_release()
            .filter_map(|row| row.index.one()?.cuda())
            .collect();
        if release.version <= "2.11".parse().unwrap() {
            for cuda in &release.cuda {
                assert!(seen_cuda.contains(cuda), "{} {cuda}", release.version);
            }
        }
        for cuda in release.cuda.iter().chain(&seen_cuda) {
            assert!(table.driver(*cuda).is_some(), "no driver for CUDA {cuda}");
        }
        for cuda in &release.experimental {
            assert!(release.cuda.contains(cuda));
        }
        // whoever asks `auto` needs the capabilities of every official build
        for cuda in &release.cuda {
            let wanted = Accelerator::Cuda(*cuda);
            let known = table.capabilities.iter().any(|row| {
                (row.first..=row.last).contains(&release.version)
                    && row.accelerators.iter().any(|one| one.matches(wanted))
            });
            let old = release.version < "2.0".parse().unwrap();
            assert!(
                known || old,
                "{} {wanted}: no capabilities",
                release.version
            );
        }
    }
}

#[test]
fn the_table_agrees_with_itself() {
    let table = Table::built_in();
    for group in &table.exclusive {
        assert!(group.packages.len() > 1);
        for name in group.keep.0.values() {
            let name = name.replace("{major}", "12");
            let known = group
                .packages
                .iter()
                .any(|package| package.as_ref() == name);
            assert!(known, "{}: {name} is none of them", group.module);
        }
    }
    for driver in &table.drivers {
        let toolkit = driver.toolkit_linux.as_ref();
        assert!(
            toolkit.is_none_or(|toolkit| *toolkit >= driver.linux),
            "{}",
            driver.cuda
        );
    }
    let by_cuda = table.drivers.windows(2);
    assert!(by_cuda.into_iter().all(|pair| pair[0].cuda > pair[1].cuda));
    for row in &table.capabilities {
        assert!(row.first <= row.last && !row.machine_code.is_empty());
    }
    assert_eq!(
        table.platforms_for(AcceleratorFamily::Rocm),
        Some(&[Platform::LinuxX86_64][..])
    );
}

#[test]
fn small_versions_are_compared_by_their_parts() {
    let driver = |text: &str| text.parse::<DriverVersion>().unwrap();
    assert!(driver("525.60.13") < driver("525.105.17") && driver("580") <= driver("580.65.06"));
    assert_eq!(driver("450.80.02").to_string(), "450.80.02");
    let card = |text: &str| text.parse::<Capability>().unwrap();
    assert!(card("8.6").runs_on(card("8.9")) && card("10.0").runs_on(card("10.3")));
    assert!(!card("9.0").runs_on(card("12.0")) && !card("8.6").runs_on(card("8.0")));
    let minor = |text: &str| text.parse::<MinorVersion>().unwrap();
    assert!(minor("2.10") > minor("2.9"));
}

/// Names of wheels on GitHub, in all styles: each parses, and its local version says what it names.
#[test]
fn wheels_of_github_releases_are_read() {
    let text = fixture("github-wheels.txt");
    let mut count = 0;
    for address in text.lines() {
        let filename = address.rsplit('/').next().unwrap();
        let wheel: WheelName = filename.parse().unwrap_or_else(|error| panic!("{error}"));
        let local = filename.split('-').nth(1).unwrap().split_once('+');
        let local = local.map_or("", |(_, local)| local).to_ascii_lowercase();
        let found = WheelLocal::of(&wheel.version);
        assert_eq!(found.cuda.is_some(), local.contains("cu1"), "{filename}");
        assert_eq!(found.torch.is_some(), local.contains("torch"), "{filename}");
        assert_eq!(
            found.cxx11_abi.is_some(),
            local.contains("cxx11abi"),
            "{filename}"
        );
        assert_eq!(found.rocm.is_some(), local.contains("rocm"), "{filename}");
        assert_eq!(
            found.cxx11_abi == Some(true),
            local.contains("abitrue"),
            "{filename}"
        );
        count += 1;
    }
    assert_eq!(count, 300);
}

/// Tables that cannot be used are refused with the place.
#[test]
fn unusable_tables_are_refused() {
    let whole = include_str!("accelerators.toml");
    for (from, to, reason) in [
        ("schema = 1", "schema = 2", "its schema is 2, not 1"),
        (
            "schema = 1",
            "schema = 1\ncolour = 1",
            "line 4: unknown field `colour`",
        ),
        (
            "cuda = [\"13.0\", \"13.2\"]",
            "cuda = [\"13\"]",
            "`13` is not a CUDA version",
        ),
        (
            "platform = \"linux-aarch64\"",
            "platform = \"linux-arm\"",
            "`linux-arm` is not a platform",
        ),
        ("{accelerator}/", "{gpu}/", "an unknown variable `{gpu}`"),
        (
            "https://download",
            "ftp://download",
            "the address is not https",
        ),
        (
            "name = \"pytorch-xpu\"",
            "name = \"pytorch\"",
            "two places with the name `pytorch`",
        ),
        (
            "versions = [\"2.5.8\"",
            "torch = [\"2.5\"]\nversions = [\"2.5.8\"",
            "do not go together",
        ),
        (
            "name = \"cupy-cuda{major}x\"",
            "name = \"cupy-cuda\"",
            "has no place for CUDA",
        ),
        (
            "otherwise = \"onnxruntime\"",
            "gpu = \"onnxruntime\"",
            "`gpu` is no kind of accelerator",
        ),
    ] {
        assert!(whole.contains(from), "{from}");
        let error = Table::parse(&whole.replacen(from, to, 1)).unwrap_err();
        assert!(error.reason.contains(reason), "{to}: {}", error.reason);
    }
}
