//! A package source in memory, for tests and examples.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;

use crate::{
    CoreMetadata, CoreMetadataHint, ExtraName, FileKind, MetadataAnswer, PackageSource, Project,
    ReleaseFile, ReleasesAnswer, Requirement, Sha256, SourceError, Timestamp, Trust, Yanked,
    parse_requirement, parse_specifiers,
};

/// Projects in memory. Texts must be valid; a test that gets them wrong panics at once.
#[derive(Debug, Default, Clone)]
pub struct MemorySource {
    projects: BTreeMap<PackageName, MemoryProject>,
    metadata: BTreeMap<String, Arc<CoreMetadata>>,
    unavailable: BTreeMap<String, String>,
}

#[derive(Debug, Default, Clone)]
struct MemoryProject {
    files: Vec<(Version, ReleaseFile)>,
    /// Made once, so that what is measured is not its making.
    project: OnceLock<Arc<Project>>,
}

/// A release whose texts have been read.
pub(crate) struct Readable {
    pub(crate) name: PackageName,
    pub(crate) version: Version,
    pub(crate) files: Vec<(String, FileKind)>,
    pub(crate) requires: Vec<Requirement>,
    pub(crate) requires_python: Option<VersionSpecifiers>,
    pub(crate) extras: Vec<ExtraName>,
    pub(crate) uploaded: Option<Timestamp>,
    pub(crate) yanked: bool,
}

/// A release to be added to a [`MemorySource`].
#[derive(Debug, Clone)]
pub struct MemoryRelease<'a> {
    /// `Requires-Dist` lines.
    pub requires: &'a [&'a str],
    /// `Requires-Python`.
    pub requires_python: Option<&'a str>,
    /// Wheel tags such as `py3-none-any`; empty for none.
    pub wheels: &'a [&'a str],
    /// Whether there is an sdist.
    pub sdist: bool,
    /// Whether every file is yanked.
    pub yanked: bool,
    /// `Provides-Extra`.
    pub extras: &'a [&'a str],
    /// Upload time, as in `2026-01-31T00:00:00Z`.
    pub uploaded: Option<&'a str>,
}

impl Default for MemoryRelease<'_> {
    fn default() -> Self {
        Self {
            requires: &[],
            requires_python: None,
            wheels: &["py3-none-any"],
            sdist: false,
            yanked: false,
            extras: &[],
            uploaded: None,
        }
    }
}

#[expect(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "its texts are written in tests; a wrong one should stop the test"
)]
impl MemorySource {
    /// Adds a release with one pure wheel.
    pub fn add(&mut self, name: &str, version: &str, requires: &[&str]) -> &mut Self {
        self.add_release(
            name,
            version,
            &MemoryRelease {
                requires,
                ..MemoryRelease::default()
            },
        )
    }

    /// Adds a release with everything that can be said of it.
    pub fn add_release(
        &mut self,
        name: &str,
        version: &str,
        release: &MemoryRelease<'_>,
    ) -> &mut Self {
        let name = PackageName::new(name.to_owned()).expect("a valid project name");
        let version: Version = version.parse().expect("a valid version");
        let stem = format!("{}-{version}", name.as_dist_info_name());
        let wheels = release.wheels.iter().map(|tag| {
            let filename = format!("{stem}-{tag}.whl");
            let wheel = filename.parse().expect("a wheel name");
            (filename, FileKind::Wheel(wheel))
        });
        let sdist = release
            .sdist
            .then(|| (format!("{stem}.tar.gz"), FileKind::Sdist));
        let files = wheels.chain(sdist).collect();
        let requires = release.requires.iter();
        let extras = release.extras.iter();
        self.insert(Readable {
            files,
            requires: requires
                .map(|text| parse_requirement(text).expect("a requirement").requirement)
                .collect(),
            requires_python: release
                .requires_python
                .map(|text| parse_specifiers(text).expect("specifiers")),
            extras: extras
                .map(|extra| ExtraName::new((*extra).to_owned()).expect("an extra"))
                .collect(),
            uploaded: release
                .uploaded
                .map(|text| text.parse::<Timestamp>().expect("a time")),
            yanked: release.yanked,
            name,
            version,
        })
    }

    pub(crate) fn insert(&mut self, release: Readable) -> &mut Self {
        let metadata = Arc::new(CoreMetadata {
            name: release.name.clone(),
            version: release.version.clone(),
            requires_dist: release.requires,
            requires_python: release.requires_python.clone(),
            provides_extra: release.extras,
            unreadable: Vec::new(),
            trust: Trust::Static,
        });
        let project = self.projects.entry(release.name).or_default();
        project.project = OnceLock::new();
        for (filename, kind) in release.files {
            self.metadata
                .insert(filename.clone(), Arc::clone(&metadata));
            let file = ReleaseFile {
                url: format!("https://files.test/{filename}"),
                kind,
                requires_python: release.requires_python.clone(),
                yanked: release.yanked.then(Yanked::default),
                uploaded: release.uploaded,
                size: Some(1),
                sha256: Some(Sha256([7; 32])),
                core_metadata: CoreMetadataHint::Available,
                filename,
            };
            project.files.push((release.version.clone(), file));
        }
        self
    }

    /// The projects, in order.
    pub fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.projects.keys()
    }

    /// Makes the metadata of a file unavailable, with the reason.
    pub fn hide_metadata(&mut self, filename: &str, reason: &str) -> &mut Self {
        self.unavailable
            .insert(filename.to_owned(), reason.to_owned());
        self
    }
}

impl PackageSource for MemorySource {
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        let Some(known) = self.projects.get(name) else {
            return Ok(ReleasesAnswer::NotFound);
        };
        let project = known.project.get_or_init(|| {
            let files = known.files.iter().cloned();
            Arc::new(Project::from_files(
                "https://index.test/simple/".into(),
                files,
            ))
        });
        Ok(ReleasesAnswer::Found(Arc::clone(project)))
    }

    fn metadata(
        &self,
        _name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        if let Some(reason) = self.unavailable.get(&file.filename) {
            return Ok(MetadataAnswer::Unavailable(reason.clone()));
        }
        Ok(match self.metadata.get(&file.filename) {
            Some(metadata) => MetadataAnswer::Found(Arc::clone(metadata)),
            None => MetadataAnswer::Unavailable("it has no metadata".to_owned()),
        })
    }
}
