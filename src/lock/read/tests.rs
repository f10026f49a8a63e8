use proptest::prelude::*;

use super::*;
use crate::lock::testing::{LockBuilder, any_lock, example, release_file};
use crate::lock::{INVALID_LOCK, UNSAFE_PATH};
use crate::render::pylock;
use crate::requirements::{Origin, OriginKind};
use crate::scan::Site;
use pinsmith_resolver::{HeldBackBy, Platform, Target, Trust};

fn foreign() -> String {
    include_str!("../../../fixtures/lock/foreign-pylock.toml").to_owned()
}

#[track_caller]
fn refused(from: &str, to: &str) -> LockError {
    let text = foreign();
    assert!(text.contains(from), "the fixture has no {from:?}");
    read(&text.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_lock_of_another_tool_is_read() {
    let read = read(&foreign()).unwrap();
    assert_eq!(read.created_by, "uv");
    assert!(read.diagnostics.is_empty());
    let pins: Vec<String> = read.lock.packages.iter().map(LockedPackage::pin).collect();
    assert_eq!(pins, ["idna==3.20", "torch==2.9.1+cu128"]);
    let torch = &read.lock.packages[1];
    assert_eq!(
        torch.files[0].filename,
        "torch-2.9.1+cu128-cp311-cp311-manylinux_2_28_x86_64.whl"
    );
    assert!(torch.marker.as_ref().unwrap().selects_groups());
    assert_eq!(read.lock.targets, []);
}

#[test]
fn what_breaks_the_format_is_refused_with_its_place() {
    insta::assert_snapshot!(refused("name = \"idna\"", "name = \"IDNA\""),
        @"packages[0]: `IDNA` is not a normalised package name");
    insta::assert_snapshot!(refused("version = \"3.20\"", "version = 3"),
        @"line 8: invalid type: integer `3`, expected a string");
    insta::assert_snapshot!(refused("version = \"3.20\"", "version = \"3.21\""),
        @"packages[0] (idna): `idna-3.20-py3-none-any.whl` is no file of this version");
    insta::assert_snapshot!(refused("created-by = \"uv\"", ""),
        @"line 1: missing field `created-by`");
    insta::assert_snapshot!(refused("sha256 = \"ab7a", "md5 = \"ab7a"),
        @"packages[0] (idna).wheels[0].hashes: there is no sha256");
    insta::assert_snapshot!(refused("sha256 = \"ab7a", "sha256 = \"zz7a"),
        @"packages[0] (idna).wheels[0].hashes: the sha256 is not 64 hexadecimal digits");
    insta::assert_snapshot!(refused("'dev' in dependency_groups", "nonsense"),
        @"packages[1] (torch).marker: `nonsense` is not a marker");
    insta::assert_snapshot!(refused("requires-python = \">=3.11\"", "requires-python = \"3\""),
        @"requires-python: `3` is not a version specifier (PEP 440)");
    insta::assert_snapshot!(refused("https://files.test/idna-3.20-py3", "ftp://files.test/idna-3.20-py3"),
        @"packages[0] (idna).wheels[0].url: it is no http(s) address");
    insta::assert_snapshot!(read("packages = []").unwrap_err(),
        @"line 1: missing field `lock-version`");
    insta::assert_snapshot!(read("lock-version = \"1.0\"\ncreated-by = \"x\"").unwrap_err(),
        @"line 1: missing field `packages`");
    insta::assert_snapshot!(read("a = \n").unwrap_err(), @"line 1: string values must be quoted, expected literal string");
}

#[test]
fn the_same_pin_twice_needs_markers() {
    let (head, packages) = foreign()
        .split_once("[[packages]]")
        .map(|(head, tail)| (head.to_owned(), tail.to_owned()))
        .unwrap();
    let idna = packages.split("[[packages]]").next().unwrap().to_owned();
    let text = format!("{head}[[packages]]{idna}[[packages]]{idna}");
    insta::assert_snapshot!(read(&text).unwrap_err(),
        @"`idna` is pinned twice without a marker that separates the two");
}

#[test]
fn an_unknown_major_version_is_refused_and_a_newer_minor_is_warned_about() {
    let version = |version: &str| read(&foreign().replacen("\"1.0\"", &format!("{version:?}"), 1));
    for unknown in ["2.0", "0.9", "x", "1.0.0", ""] {
        let error = version(unknown).unwrap_err();
        assert_eq!(error.code(), crate::lock::UNSUPPORTED_VERSION, "{unknown}");
    }
    let newer = version("1.1").unwrap();
    assert_eq!(newer.diagnostics[0].code, NEWER_MINOR);
}

#[test]
fn paths_stay_beside_the_lock() {
    let with = |path: &str| {
        let url = "url = \"https://files.test/idna-3.20-py3-none-any.whl\"";
        let path = format!("path = {path:?}");
        read(&foreign().replacen(url, &path, 1))
    };
    assert!(with("wheels/idna-3.20-py3-none-any.whl").is_ok());
    for path in [
        "../idna-3.20-py3-none-any.whl",
        "wheels/../../idna-3.20-py3-none-any.whl",
        "wheels\\..\\..\\idna-3.20-py3-none-any.whl",
        "/srv/idna-3.20-py3-none-any.whl",
        "\\\\server\\share\\idna-3.20-py3-none-any.whl",
        "C:idna-3.20-py3-none-any.whl",
        "~/idna-3.20-py3-none-any.whl",
        "",
    ] {
        assert_eq!(with(path).unwrap_err().code(), UNSAFE_PATH, "{path}");
    }
    let name = "name = \"idna-3.20-py3-none-any.whl\"";
    let error = refused(name, "name = \"../idna-3.20-py3-none-any.whl\"");
    assert_eq!(error.code(), INVALID_LOCK);
}

#[test]
fn a_package_from_version_control_is_named_and_left_out() {
    let git = "\n[[packages]]\nname = \"clip\"\n[packages.vcs]\ntype = \"git\"\nurl = \"https://x.test\"\ncommit-id = \"0\"\n";
    let read = read(&(foreign() + git)).unwrap();
    assert_eq!(read.lock.packages.len(), 2);
    assert_eq!(read.diagnostics[0].code, DIRECT_SOURCE);
}

#[test]
fn a_huge_file_is_refused_before_it_is_parsed() {
    let error = read(&" ".repeat(MAX_LOCK_BYTES + 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "lock file: the file is larger than 33554432 bytes"
    );
}

#[test]
fn the_example_reads_back_as_it_was() {
    let lock = example().lock();
    let read = read(&pylock(&lock)).unwrap();
    assert_eq!((read.lock, read.diagnostics), (lock, Vec::new()));
}

/// Everything about a pin that may vary, apart from its name.
fn pin_facts() -> impl Strategy<Value = PinFacts> {
    let held = (0..6_u8, "[<>=!~]{1,2}[0-9.*]{1,6}|\\PC{0,5}").prop_map(|(kind, text)| {
        let package = "torch".parse().unwrap();
        let version = "2.9".parse().unwrap();
        match kind {
            0 => HeldBackBy::User { specifier: text },
            1 => HeldBackBy::Requirement {
                package,
                version,
                specifier: text,
            },
            2 => HeldBackBy::OwnRequirement {
                requires: text,
                package,
                version,
            },
            3 => HeldBackBy::Lock,
            4 => HeldBackBy::OtherTargets,
            _ => HeldBackBy::Unusable { reason: text },
        }
    });
    (
        "(0|1!)?[0-9]{1,3}(\\.[0-9]{1,2}){0,3}(rc1|\\.post2|\\.dev3)?(\\+cu12[0-9])?",
        any::<[bool; 4]>(),
        proptest::option::of(0..4000_u32),
        proptest::collection::vec(
            (
                any::<String>(),
                0..500_u32,
                proptest::option::of(1..9_u32),
                0..4_usize,
            ),
            0..4,
        ),
        proptest::collection::vec(held, 0..3),
        0..4_000_000_000_000_i64,
    )
        .prop_map(|(version, flags, lag, origins, held, micros)| PinFacts {
            version,
            flags,
            lag,
            origins,
            held,
            micros,
        })
}

#[derive(Debug, Clone)]
struct PinFacts {
    version: String,
    flags: [bool; 4],
    lag: Option<u32>,
    origins: Vec<(String, u32, Option<u32>, usize)>,
    held: Vec<HeldBackBy>,
    micros: i64,
}

fn generated(platforms: &[Platform], facts: &[PinFacts]) -> Lock {
    let mut manifest = crate::requirements::Manifest::default();
    manifest.extras.insert("plot".to_owned());
    let mut resolutions = Vec::new();
    for (round, &platform) in platforms.iter().enumerate() {
        let target = Target {
            platform,
            floor: platform.default_floor(),
            ..Target::linux_x86_64((3, 11))
        };
        let mut builder = LockBuilder::for_target(target);
        for (index, fact) in facts.iter().enumerate() {
            let [root, wheel, guessed, everywhere] = fact.flags;
            if round > 0 && !everywhere {
                continue;
            }
            let version: Version = fact.version.parse().unwrap();
            let (sdist, whl) = (
                format!("p{index}-{version}.tar.gz"),
                format!("p{index}-{version}-py3-none-any.whl"),
            );
            let files: &[&str] = if wheel { &[&whl, &sdist] } else { &[&sdist] };
            let previous = format!("p{}", index.wrapping_sub(1));
            let requires: &[&str] = if index > 0 { &[&previous] } else { &[] };
            builder = builder
                .pin(&format!("p{index}=={version}"), files, requires)
                .last(|package| {
                    package.root = root;
                    package.lag_days = fact.lag;
                    package.trust = if guessed {
                        Trust::Guessed
                    } else {
                        Trust::Static
                    };
                    package.newest = guessed.then(|| version.clone());
                    package.extras = if root {
                        vec!["all".parse().unwrap()]
                    } else {
                        Vec::new()
                    };
                    package.held_back_by = fact.held.clone();
                    package.files[0] = release_file(files[0]);
                    package.files[0].uploaded =
                        pinsmith_resolver::Timestamp::from_microsecond(fact.micros).ok();
                });
            if let Some(requirement) = format!("p{index}").parse().ok().filter(|_| round == 0) {
                manifest
                    .requirements
                    .push(crate::requirements::ManifestRequirement {
                        requirement,
                        group: [None, Some("dev"), Some("plot")][index % 3].map(str::to_owned),
                        origins: fact
                            .origins
                            .iter()
                            .map(|(file, line, cell, kind)| Origin {
                                kind: crate::lock::ORIGIN_KINDS[*kind],
                                site: Site {
                                    file: file.clone(),
                                    line: *line,
                                    cell: *cell,
                                },
                            })
                            .collect(),
                    });
            }
        }
        resolutions.push(builder.resolution);
    }
    let options = crate::lock::LockOptions {
        groups: vec!["dev".to_owned(), "plot".to_owned()],
        as_of: "2026-03-11T00:00:00Z".parse().ok(),
        as_of_packages: [(
            "six".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        )]
        .into(),
        ..crate::lock::LockOptions::default()
    };
    Lock::from_resolutions(&resolutions, &manifest, &options)
        .unwrap()
        .lock
}

/// Keeps a text for `.ci/live-packaging`, which has it read by another implementation of PEP 751. That one knows no
/// variants of wheels (PEP 825, a draft) and no string of a marker that ends with a backslash.
fn keep(text: &str) {
    let Some(folder) = std::env::var_os("PINSMITH_KEEP_LOCKS") else {
        return;
    };
    if text.contains("x86_64_v3") || text.contains("\\'") {
        return;
    }
    let digest = crate::environment::inputs_digest([("", text.as_bytes())]);
    let folder = std::path::Path::new(&folder)
        .join("generated")
        .join(digest.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("pylock.toml"), text).unwrap();
}

proptest! {
    #[test]
    fn a_lock_reads_back_as_it_was(
        facts in proptest::collection::vec(pin_facts(), 0..6),
        several in any::<bool>(),
    ) {
        let platforms = if several { &Platform::ALL[..] } else { &Platform::ALL[..1] };
        let lock = generated(platforms, &facts);
        let text = pylock(&lock);
        keep(&text);
        let back = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&back.lock, &lock);
        prop_assert_eq!(pylock(&back.lock), text);
    }

    /// Whatever a lock can say; `a_lock_reads_back_as_it_was` has what resolutions say.
    #[test]
    fn any_lock_reads_back_as_it_was(lock in any_lock()) {
        let text = pylock(&lock);
        keep(&text);
        let back = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&back.lock, &lock, "{}", text);
        prop_assert_eq!(back.diagnostics, []);
        prop_assert_eq!(pylock(&back.lock), text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), at in 0..900_usize) {
        let _ = read(&text);
        let mut broken = foreign();
        let at = (at..broken.len()).find(|&at| broken.is_char_boundary(at)).unwrap_or(0);
        broken.insert_str(at, &text);
        let _ = read(&broken);
    }
}

#[test]
fn every_kind_of_origin_has_a_name() {
    for kind in [
        OriginKind::Declared,
        OriginKind::Import,
        OriginKind::InstallLine,
        OriginKind::Implied,
    ] {
        assert!(crate::lock::ORIGIN_KINDS.contains(&kind));
    }
}
