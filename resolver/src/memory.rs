//! A package source in memory, for tests and examples.

use std::collections::BTreeMap;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;

use crate::{
    CoreMetadata, CoreMetadataHint, ExtraName, FileKind, MetadataAnswer, PackageSource, Project,
    ReleaseFile, ReleasesAnswer, Sha256, SourceError, Timestamp, Trust, Yanked, parse_requirement,
    parse_specifiers,
};

/// Projects in memory. Texts must be valid; a test that gets them wrong panics at once.
#[derive(Debug, Default, Clone)]
pub struct MemorySource {
    files: BTreeMap<PackageName, Vec<(Version, ReleaseFile)>>,
    metadata: BTreeMap<String, Arc<CoreMetadata>>,
    unavailable: BTreeMap<String, String>,
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
        let filenames: Vec<_> = wheels.chain(sdist).collect();
        let metadata = Arc::new(CoreMetadata {
            name: name.clone(),
            version: version.clone(),
            requires_dist: release
                .requires
                .iter()
                .map(|text| parse_requirement(text).expect("a requirement").requirement)
                .collect(),
            requires_python: release
                .requires_python
                .map(|text| parse_specifiers(text).expect("specifiers")),
            provides_extra: release
                .extras
                .iter()
                .map(|extra| ExtraName::new((*extra).to_owned()).expect("an extra"))
                .collect(),
            unreadable: Vec::new(),
            trust: Trust::Static,
        });
        let files = self.files.entry(name).or_default();
        for (filename, kind) in filenames {
            self.metadata
                .insert(filename.clone(), Arc::clone(&metadata));
            files.push((version.clone(), memory_file(filename, kind, release)));
        }
        self
    }

    /// Makes the metadata of a file unavailable, with the reason.
    pub fn hide_metadata(&mut self, filename: &str, reason: &str) -> &mut Self {
        self.unavailable
            .insert(filename.to_owned(), reason.to_owned());
        self
    }
}

#[expect(clippy::expect_used, reason = "its texts are written in tests")]
fn memory_file(filename: String, kind: FileKind, release: &MemoryRelease<'_>) -> ReleaseFile {
    ReleaseFile {
        url: format!("https://files.test/{filename}"),
        kind,
        requires_python: release
            .requires_python
            .map(|text| parse_specifiers(text).expect("specifiers")),
        yanked: release.yanked.then(Yanked::default),
        uploaded: release
            .uploaded
            .map(|text| text.parse::<Timestamp>().expect("a time")),
        size: Some(1),
        sha256: Some(Sha256([7; 32])),
        core_metadata: CoreMetadataHint::Available,
        filename,
    }
}

impl PackageSource for MemorySource {
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        Ok(match self.files.get(name) {
            Some(files) => ReleasesAnswer::Found(Arc::new(Project::from_files(
                "https://index.test/simple/".into(),
                files.iter().cloned(),
            ))),
            None => ReleasesAnswer::NotFound,
        })
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
