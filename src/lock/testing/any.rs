//! Any lock that a file can hold: every field of [`Lock`] varies.
//!
//! Values are written field by field, so a new field does not compile until it is generated too.

use std::collections::BTreeSet;

use pinsmith_resolver::{
    Accelerator, ExtraName, HeldBackBy, PackageName, Platform, PythonVersion, Sha256, Target,
    Timestamp, Trust, Version, VersionSpecifiers,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::escape;
use crate::lock::{
    Dependency, Direct, DirectSource, Evidence, FileLocation, Lock, LockMarker, LockedFile,
    LockedFileKind, LockedPackage, ORIGIN_KINDS, file_name_of,
};
use crate::requirements::Origin;
use crate::scan::Site;

/// A lock with up to four packages and some of them in several versions.
pub(crate) fn any_lock() -> impl Strategy<Value = Lock> {
    let package = vec((any_package(), any_marker()), 1..3);
    let packages = btree_map(any_name(), package, 0..5).prop_map(|packages| {
        let mut all = Vec::new();
        for (name, entries) in packages {
            let several = entries.len() > 1;
            let mut seen = BTreeSet::new();
            for (entry, marker) in entries {
                let mut entry = entry.named(&name);
                if several {
                    // entries of one name are told apart by their markers
                    entry.marker = Some(marker);
                }
                if seen.insert(entry.marker.clone()) {
                    all.push(entry);
                }
            }
        }
        all.sort_by(|a: &LockedPackage, b| {
            (&a.name, &a.version, &a.marker).cmp(&(&b.name, &b.version, &b.marker))
        });
        all
    });
    let environments = vec(any_marker(), 0..3);
    let names = || btree_set(any_name(), 0..3);
    (
        vec(any_target(), 0..4),
        environments,
        option::of(any_specifiers()),
        names(),
        names(),
        (
            option::of(any_time()),
            btree_map(any_name(), any_time(), 0..3),
        ),
        packages,
    )
        .prop_map(
            |(targets, environments, requires_python, extras, groups, as_of, packages)| Lock {
                targets,
                environments,
                requires_python,
                extras: extras.iter().map(ToString::to_string).collect(),
                groups: groups.iter().map(ToString::to_string).collect(),
                as_of: as_of.0,
                as_of_packages: as_of.1,
                packages,
            },
        )
}

fn any_target() -> impl Strategy<Value = Target> {
    let python = (2..4_u8, 0..20_u8, option::of(0..30_u16));
    let platforms = Platform::ALL.into_iter().chain([Platform::WindowsArm64]);
    let platform = select(platforms.collect::<Vec<_>>());
    let accelerator = select(
        &[
            "index",
            "cpu",
            "cu92",
            "cu128",
            "rocm6.2.4",
            "rocm7.0",
            "xpu",
            "mps",
        ][..],
    );
    (python, platform, (0..40_u16, 0..60_u16), accelerator).prop_map(
        |((major, minor, patch), platform, floor, accelerator)| Target {
            python: PythonVersion {
                major,
                minor,
                patch,
            },
            platform,
            // Windows has none, and a file holds none for it
            floor: match platform {
                Platform::WindowsX86_64 | Platform::WindowsArm64 => platform.default_floor(),
                _ => floor,
            },
            accelerator: accelerator.parse::<Accelerator>().unwrap(),
        },
    )
}

fn any_name() -> impl Strategy<Value = PackageName> {
    "[a-z0-9](-?[a-z0-9]){0,8}".prop_map(|name| name.parse().unwrap())
}

fn any_version() -> impl Strategy<Value = Version> {
    "([0-9]!)?[0-9]{1,8}(\\.[0-9]{1,4}){0,4}((a|b|rc)[0-9]{1,2})?(\\.post[0-9])?(\\.dev[0-9]{1,4})?(\\+[a-z0-9]{1,5}(\\.[a-z0-9]{1,3}){0,2})?"
        .prop_map(|version| version.parse().unwrap())
}

fn any_specifiers() -> impl Strategy<Value = VersionSpecifiers> {
    let clause = prop_oneof![
        "(>=|<|<=|>|!=|~=)3\\.[0-9]{1,2}(\\.[0-9]{1,2})?",
        "(==|!=)[23]\\.[0-9]{1,2}\\.\\*",
        "(==|===)3\\.[0-9]\\.[0-9]{1,2}",
    ];
    vec(clause, 1..4).prop_map(|clauses| clauses.join(",").parse().unwrap())
}

/// Comparisons with `and`, `or` and parentheses, extras and groups among them, in either quotes.
fn any_marker() -> impl Strategy<Value = LockMarker> {
    let comparison = prop_oneof![
        select(
            &[
                "sys_platform == 'win32'",
                "sys_platform == \"linux\"",
                "'linux' in sys_platform",
                "python_full_version >= '3.12.1'",
                "python_version < '3.9'",
                "platform_machine not in 'arm64 aarch64'",
                "implementation_name == 'cpython'",
                "platform_release == '6.1 \u{fc}\u{2603} #\\'",
                "os_name != ''",
                "extra == 'all'",
            ][..]
        )
        .prop_map(str::to_owned),
        (any_name(), any::<bool>(), any::<bool>()).prop_map(|(name, group, quote)| {
            let list = if group { "dependency_groups" } else { "extras" };
            let quote = if quote { '"' } else { '\'' };
            format!("{quote}{name}{quote} in {list}")
        }),
    ];
    let tree = comparison.prop_recursive(3, 8, 3, |inner| {
        (vec(inner, 2..4), any::<bool>(), any::<bool>()).prop_map(|(parts, and, close)| {
            let text = parts.join(if and { " and " } else { " or " });
            if close { format!("({text})") } else { text }
        })
    });
    tree.prop_map(|text| LockMarker::new(&text).unwrap())
}

/// An instant that TOML can write, to the nanosecond.
fn any_time() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_i64, 0..1_000_000_000_i32)
        .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
}

/// What a file shows of any text.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,12}"].prop_map(|text| escape::visible(&text).into_owned())
}

/// A part of a path or address; any script, no white space.
fn any_part() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9._-]{0,6}[a-z0-9]", "[\\p{L}\\p{N}'~+%=]{1,5}[a-z]"]
}

fn any_url() -> impl Strategy<Value = String> {
    let schemes = select(&["https://files.test", "http://127.0.0.1:8080", "file:///srv"][..]);
    (
        schemes,
        vec(any_part(), 1..4),
        option::of("[a-z]=[0-9]{1,3}"),
    )
        .prop_map(|(scheme, parts, query)| {
            let query = query.map_or_else(String::new, |query| format!("?q{query}"));
            format!("{scheme}/{}{query}", parts.join("/"))
        })
}

fn any_size() -> impl Strategy<Value = Option<u64>> {
    // TOML has no larger integers
    option::of((0..=i64::MAX).prop_map(|size| u64::try_from(size).unwrap()))
}

/// A package without its name, which its files have in their names.
#[derive(Debug, Clone)]
struct AnyPackage {
    version: Version,
    marker: Option<LockMarker>,
    requires_python: Option<VersionSpecifiers>,
    dependencies: BTreeSet<Dependency>,
    index: Option<String>,
    direct: Option<Direct>,
    files: Vec<AnyFile>,
    evidence: Evidence,
}

#[derive(Debug, Clone)]
struct AnyFile {
    /// Of a wheel: everything behind the version; absent for the sdist.
    tags: Option<String>,
    zip: bool,
    location: FileLocation,
    size: Option<u64>,
    uploaded: Option<Timestamp>,
    sha256: Sha256,
}

fn any_package() -> impl Strategy<Value = AnyPackage> {
    let dependency = (any_name(), option::of(any_version()))
        .prop_map(|(name, version)| Dependency { name, version });
    (
        any_version(),
        option::of(any_marker()),
        option::of(any_specifiers()),
        btree_set(dependency, 0..4),
        option::of(any_url()),
        option::weighted(0.3, any_direct()),
        vec(any_file(), 1..5),
        any_evidence(),
    )
        .prop_map(
            |(version, marker, requires_python, dependencies, index, direct, files, evidence)| {
                AnyPackage {
                    version,
                    marker,
                    requires_python,
                    dependencies,
                    index,
                    direct,
                    files,
                    evidence,
                }
            },
        )
}

fn any_file() -> impl Strategy<Value = AnyFile> {
    let tags = select(
        &[
            "py3-none-any",
            "py2.py3-none-any",
            "1-cp311-cp311-win_amd64",
            "2a-cp39-abi3-macosx_11_0_arm64",
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp312-cp312-linux_x86_64-x86_64_v3",
        ][..],
    );
    let location = prop_oneof![
        any_url().prop_map(FileLocation::Url),
        vec(any_part(), 1..3)
            .prop_map(|parts| FileLocation::Path(format!("x {}", parts.join("/")))),
    ];
    (
        option::weighted(0.7, tags.prop_map(str::to_owned)),
        any::<bool>(),
        location,
        any_size(),
        option::of(any_time()),
        any::<[u8; 32]>().prop_map(Sha256),
    )
        .prop_map(|(tags, zip, location, size, uploaded, sha256)| AnyFile {
            tags,
            zip,
            location,
            size,
            uploaded,
            sha256,
        })
}

fn any_direct() -> impl Strategy<Value = Direct> {
    let folder =
        || option::of(vec(any_part(), 1..3).prop_map(|parts| format!("d{}", parts.join("/"))));
    let git = (any_url(), option::of(any_part()), "[0-9a-f]{40}", folder()).prop_map(
        |(url, requested_revision, commit, subdirectory)| DirectSource::Git {
            url,
            requested_revision,
            commit,
            subdirectory,
        },
    );
    let archive = (any_url(), any::<[u8; 32]>(), any_size(), folder()).prop_map(
        |(url, digest, size, subdirectory)| DirectSource::Archive {
            url,
            sha256: Sha256(digest),
            size,
            subdirectory,
        },
    );
    let directory =
        (folder(), any::<bool>()).prop_map(|(path, editable)| DirectSource::Directory {
            path: path.unwrap_or_else(|| ".".to_owned()),
            editable,
        });
    (prop_oneof![git, archive, directory], any::<bool>()).prop_map(|(source, version_known)| {
        Direct {
            source,
            version_known,
        }
    })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    let origin = (
        select(&ORIGIN_KINDS[..]),
        any_text(),
        0..u32::MAX,
        option::of(0..u32::MAX),
    );
    let origin = origin.prop_map(|(kind, file, line, cell)| Origin {
        kind,
        site: Site { file, line, cell },
    });
    let trust = select(&[Trust::Static, Trust::Built, Trust::Guessed][..]);
    (
        any::<[bool; 2]>(),
        btree_set(any_name(), 0..3),
        vec(origin, 0..4),
        option::of(any::<u32>()),
        option::of(any_version()),
        vec(any_held_back_by(), 0..4),
        trust,
    )
        .prop_map(
            |([root, explicit_index], extras, origins, lag_days, newest, held_back_by, trust)| {
                let extra = |name: PackageName| name.to_string().parse::<ExtraName>().unwrap();
                Evidence {
                    root,
                    extras: extras.into_iter().map(extra).collect(),
                    origins,
                    lag_days,
                    newest,
                    held_back_by,
                    trust,
                    explicit_index,
                }
            },
        )
}

fn any_held_back_by() -> impl Strategy<Value = HeldBackBy> {
    prop_oneof![
        any_text().prop_map(|specifier| HeldBackBy::User { specifier }),
        (any_name(), any_version(), any_text()).prop_map(|(package, version, specifier)| {
            HeldBackBy::Requirement {
                package,
                version,
                specifier,
            }
        }),
        (any_name(), any_version(), any_text()).prop_map(|(package, version, requires)| {
            HeldBackBy::OwnRequirement {
                requires,
                package,
                version,
            }
        }),
        Just(HeldBackBy::Lock),
        Just(HeldBackBy::OtherTargets),
        any_text().prop_map(|reason| HeldBackBy::Unusable { reason }),
    ]
}

impl AnyPackage {
    fn named(self, name: &PackageName) -> LockedPackage {
        let mut version = self.version;
        let files = match &self.direct {
            None => files_of(name, &version, self.files),
            Some(direct) => {
                if !direct.version_known {
                    version = Version::new([0]);
                }
                archive_of(direct).into_iter().collect()
            }
        };
        LockedPackage {
            name: name.clone(),
            version,
            marker: self.marker,
            requires_python: self.requires_python,
            dependencies: self.dependencies.into_iter().collect(),
            index: self.index,
            direct: self.direct,
            files,
            evidence: self.evidence,
        }
    }
}

/// Wheels and at most one sdist, ordered by name.
fn files_of(name: &PackageName, version: &Version, files: Vec<AnyFile>) -> Vec<LockedFile> {
    let mut all: Vec<LockedFile> = Vec::new();
    for file in files {
        let filename = match &file.tags {
            Some(tags) => {
                let name = name.to_string().replace('-', "_");
                format!("{name}-{version}-{tags}.whl")
            }
            None => format!(
                "{name}-{version}.{}",
                if file.zip { "zip" } else { "tar.gz" }
            ),
        };
        let kind = match file.tags {
            Some(_) => LockedFileKind::Wheel(filename.parse().unwrap()),
            None => LockedFileKind::Sdist,
        };
        let taken = |known: &LockedFile| match kind {
            LockedFileKind::Sdist => known.kind == LockedFileKind::Sdist,
            LockedFileKind::Wheel(_) => known.filename == filename,
        };
        if !all.iter().any(taken) {
            all.push(LockedFile {
                filename,
                kind,
                location: file.location,
                size: file.size,
                uploaded: file.uploaded,
                sha256: file.sha256,
            });
        }
    }
    all.sort_by(|a, b| a.filename.cmp(&b.filename));
    all
}

/// What an archive is as a file: its address says it all.
fn archive_of(direct: &Direct) -> Option<LockedFile> {
    let DirectSource::Archive {
        url, sha256, size, ..
    } = &direct.source
    else {
        return None;
    };
    let filename = file_name_of(url);
    Some(LockedFile {
        kind: match filename.parse() {
            Ok(wheel) => LockedFileKind::Wheel(wheel),
            Err(_) => LockedFileKind::Sdist,
        },
        filename,
        location: FileLocation::Url(url.clone()),
        size: *size,
        uploaded: None,
        sha256: *sha256,
    })
}
