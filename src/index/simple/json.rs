//! Project pages in JSON (PEP 691, 700, 714, 792).

use pinsmith_resolver::{CoreMetadataHint, Sha256};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Listed, ListedFile, PageError, ProjectStatus};

pub(super) fn listed_files(bytes: &[u8]) -> Result<Listed, PageError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let page: Page<'_> = serde_json::from_slice(bytes).map_err(|error| PageError::Json {
        reason: error.to_string(),
    })?;
    let version = page
        .meta
        .and_then(|meta| meta.api_version.known())
        .unwrap_or_else(|| "1.0".to_owned());
    super::check_version(&version)?;
    let files = page.files.into_iter();
    let files = files.filter_map(|file| serde_json::from_str::<File>(file.get()).ok());
    Ok(Listed {
        base: None,
        files: files.filter_map(File::into_listed).collect(),
        status: page.project_status.known().and_then(|status| {
            let reason = status.reason.known();
            ProjectStatus::new(&status.status, reason.as_deref())
        }),
    })
}

#[derive(Deserialize)]
struct Page<'a> {
    meta: Option<Meta>,
    /// Read one by one, so that a page of thousands is not in memory as a tree.
    #[serde(borrow)]
    files: Vec<&'a RawValue>,
    #[serde(rename = "project-status", default)]
    project_status: Lenient<Status>,
}

#[derive(Deserialize)]
struct Status {
    status: String,
    #[serde(default)]
    reason: Lenient<String>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "api-version", default)]
    api_version: Lenient<String>,
}

/// A value of the expected shape, or anything else: one odd field must not cost the page.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Known(T),
    Odd(IgnoredAny),
    #[default]
    #[serde(skip)]
    Missing,
}

impl<T> Lenient<T> {
    fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Odd(_) | Self::Missing => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: Lenient<Hashes>,
    #[serde(default)]
    requires_python: Lenient<String>,
    #[serde(default)]
    yanked: Lenient<FlagOr<String>>,
    #[serde(default)]
    core_metadata: Lenient<FlagOr<Hashes>>,
    #[serde(default)]
    dist_info_metadata: Lenient<FlagOr<Hashes>>,
    #[serde(default)]
    size: Lenient<u64>,
    #[serde(default)]
    upload_time: Lenient<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FlagOr<T> {
    Flag(bool),
    Value(T),
}

#[derive(Deserialize)]
struct Hashes {
    #[serde(default)]
    sha256: Lenient<String>,
}

impl Hashes {
    fn sha256(self) -> Option<Sha256> {
        self.sha256.known()?.parse().ok()
    }
}

impl File {
    fn into_listed(self) -> Option<ListedFile> {
        let core_metadata = self
            .core_metadata
            .known()
            .or_else(|| self.dist_info_metadata.known());
        (!self.url.is_empty()).then(|| ListedFile {
            href: self.url,
            filename: Some(self.filename),
            requires_python: self.requires_python.known(),
            yanked: match self.yanked.known() {
                Some(FlagOr::Flag(true)) => Some(String::new()),
                Some(FlagOr::Value(reason)) if !reason.is_empty() => Some(reason),
                _ => None,
            },
            uploaded: self.upload_time.known(),
            size: self.size.known(),
            sha256: self.hashes.known().and_then(Hashes::sha256),
            core_metadata: match core_metadata {
                Some(FlagOr::Value(hashes)) => hashes
                    .sha256()
                    .map_or(CoreMetadataHint::Available, CoreMetadataHint::Hashed),
                Some(FlagOr::Flag(true)) => CoreMetadataHint::Available,
                Some(FlagOr::Flag(false)) => CoreMetadataHint::Absent,
                None => CoreMetadataHint::Unknown,
            },
        })
    }
}
