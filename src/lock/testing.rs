//! A small [`Resolution`] by hand, for the tests of everything after the resolver.

mod any;

pub(crate) use any::any_lock;

use std::sync::Arc;

use pinsmith_resolver::{
    CoreMetadataHint, FileKind, LagSummary, PackageName, ReleaseFile, Resolution, ResolvedPackage,
    Sha256, Target, Timestamp, Trust,
};
use sha2::{Digest, Sha256 as Hasher};

use super::{Lock, LockOptions, Locked};
use crate::requirements::{Manifest, ManifestRequirement, Origin, OriginKind};
use crate::scan::Site;

/// Collects pins for one target and what the manifest knows about them.
pub(crate) struct LockBuilder {
    pub(crate) resolution: Resolution,
    pub(crate) manifest: Manifest,
}

impl LockBuilder {
    pub(crate) fn new() -> Self {
        Self::for_target(Target::linux_x86_64((3, 11)))
    }

    pub(crate) fn for_target(target: Target) -> Self {
        Self {
            resolution: Resolution {
                target,
                packages: Vec::new(),
                lag: LagSummary::default(),
                relaxed: Vec::new(),
                not_kept: Vec::new(),
                differs: Vec::new(),
                solves: 1,
            },
            manifest: Manifest::default(),
        }
    }

    /// A pin with these files and what it requires, which may follow later.
    pub(crate) fn pin(mut self, pin: &str, files: &[&str], requires: &[&str]) -> Self {
        let (name, version) = pin.split_once("==").unwrap();
        self.resolution.packages.push(ResolvedPackage {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            extras: Vec::new(),
            unknown_extras: Vec::new(),
            files: files.iter().map(|name| release_file(name)).collect(),
            index: Arc::from("https://index.test/simple/"),
            uploaded: "2026-01-02T03:04:05Z".parse().ok(),
            lag_days: Some(0),
            newest: None,
            held_back_by: Vec::new(),
            required_by: Vec::new(),
            requires: requires.iter().map(|name| name.parse().unwrap()).collect(),
            edges: requires
                .iter()
                .map(|name| pinsmith_resolver::Edge {
                    extra: None,
                    name: name.parse().unwrap(),
                    extras: Vec::new(),
                })
                .collect(),
            root: false,
            trust: Trust::Static,
        });
        self
    }

    /// The pin that was added last, for what has no method of its own.
    pub(crate) fn last(mut self, change: impl FnOnce(&mut ResolvedPackage)) -> Self {
        change(self.resolution.packages.last_mut().unwrap());
        self
    }

    /// Makes the last pin a root that an import at `file:line` asks for.
    pub(crate) fn root(mut self, file: &str, line: u32) -> Self {
        let package = self.resolution.packages.last_mut().unwrap();
        package.root = true;
        self.manifest.requirements.push(ManifestRequirement {
            requirement: package.name.to_string().parse().unwrap(),
            group: None,
            origins: vec![Origin {
                kind: OriginKind::Import,
                site: Site {
                    file: file.to_owned(),
                    line,
                    cell: None,
                },
            }],
        });
        self
    }

    pub(crate) fn lock(self) -> Lock {
        self.locked().unwrap().lock
    }

    pub(crate) fn locked(self) -> Result<Locked, super::LockError> {
        let options = LockOptions::default();
        Lock::from_resolutions(&[self.resolution], &self.manifest, &options)
    }
}

/// A file whose digest follows from its name.
pub(crate) fn release_file(filename: &str) -> ReleaseFile {
    let digest = Hasher::digest(filename.as_bytes());
    ReleaseFile {
        filename: filename.to_owned(),
        url: format!("https://files.test/{}", filename.replace('+', "%2B")),
        kind: match filename.parse() {
            Ok(wheel) => FileKind::Wheel(wheel),
            Err(_) => FileKind::Sdist,
        },
        requires_python: Some(">=3.9".parse().unwrap()),
        yanked: None,
        uploaded: "2026-01-02T03:04:05.678Z".parse::<Timestamp>().ok(),
        size: Some(1000 + filename.len() as u64),
        sha256: Some(Sha256(digest.into())),
        core_metadata: CoreMetadataHint::Unknown,
    }
}

/// A lock with a root, a chain, a local version, an sdist and a held-back pin.
pub(crate) fn example() -> LockBuilder {
    use pinsmith_resolver::HeldBackBy;
    LockBuilder::new()
        .pin(
            "torch==2.9.1+cu128",
            &["torch-2.9.1+cu128-cp311-cp311-manylinux_2_28_x86_64.whl"],
            &["numpy"],
        )
        .root("train.py", 3)
        .pin(
            "numpy==1.26.4",
            &[
                "numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                "numpy-1.26.4.tar.gz",
            ],
            &[],
        )
        .last(|numpy| {
            let torch: PackageName = "torch".parse().unwrap();
            numpy.lag_days = Some(412);
            numpy.newest = "2.4.6".parse().ok();
            numpy.held_back_by = vec![HeldBackBy::Requirement {
                package: torch,
                version: "2.9.1+cu128".parse().unwrap(),
                specifier: "<2".to_owned(),
            }];
        })
        .pin(
            "antlr4-python3-runtime==4.9.3",
            &["antlr4-python3-runtime-4.9.3.tar.gz"],
            &[],
        )
        .last(|antlr| antlr.trust = Trust::Guessed)
}
