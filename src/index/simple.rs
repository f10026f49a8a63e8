//! Project pages of the simple repository API (PEP 503, 691, 700, 792), bytes to releases.
//!
//! Pure: nothing here asks the network or the disk. Pages are hostile until parsed: a bad file
//! costs that file, and only a page that is no project page at all is an error.

mod html;
mod json;
mod links;

use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{
    CoreMetadataHint, FileKind, PackageName, Project, ReleaseFile, Sha256, Version, WheelName,
    Yanked, parse_specifiers, sdist_version,
};
use serde::{Deserialize, Serialize};
use url::Url;

pub use links::Links;

/// Reads the project page of `name`.
///
/// The format is chosen by `content_type`, and by a look at the first byte when that lies. `url` is
/// the page's final address after redirects: relative file addresses are resolved against it.
/// `index` is the display name that goes into [`Project::index`].
///
/// ```
/// use pinsmith::index::simple::parse_project;
/// let page = br#"<title>Links for six</title><a href="../../f/six-1.0.tar.gz">six-1.0.tar.gz</a>"#;
/// let url = "https://index.test/simple/six/".parse()?;
/// let page = parse_project(page, Some("text/html"), &url, &"six".parse()?, "https://index.test/simple/".into())?;
/// let project = page.project;
/// let file = project.file(&project.releases()[0], 0).unwrap();
/// assert_eq!(file.url, "https://index.test/f/six-1.0.tar.gz");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`PageError`] when the bytes are no project page: another major version of the API, broken
/// JSON, or an HTML page (of a login or an error) that lists nothing.
pub fn parse_project(
    bytes: &[u8],
    content_type: Option<&str>,
    url: &Url,
    name: &PackageName,
    index: Arc<str>,
) -> Result<ProjectPage, PageError> {
    let listed = listed(bytes, content_type)?;
    let base = listed.base_url(url);
    let status = listed.status;
    let advertises = listed.files.iter().any(|file| {
        matches!(
            file.core_metadata,
            CoreMetadataHint::Available | CoreMetadataHint::Hashed(_)
        )
    });
    let released = listed.files.into_iter().filter_map(|mut file| {
        if advertises && file.core_metadata == CoreMetadataHint::Unknown {
            file.core_metadata = CoreMetadataHint::Absent;
        }
        release_file(file, &base, url, name)
    });
    Ok(ProjectPage {
        project: Project::from_files(index, released),
        status,
    })
}

/// What a project page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPage {
    /// The releases with their files.
    pub project: Project,
    /// What has become of the project; `None` while it is active.
    pub status: Option<ProjectStatus>,
}

/// A status marker of a project that is not simply active (PEP 792).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectStatus {
    /// The marker.
    pub marker: StatusMarker,
    /// The index's or the owner's words, one line.
    pub reason: Option<String>,
}

/// The markers of PEP 792 but `active`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusMarker {
    /// No updates are expected.
    Archived,
    /// Held back by the index as unsafe.
    Quarantined,
    /// Obsolete; something else may have taken its place.
    Deprecated,
}

impl ProjectStatus {
    /// `None` for an active project and for markers that are not known.
    fn new(marker: &str, reason: Option<&str>) -> Option<Self> {
        let marker = match marker.trim() {
            "archived" => StatusMarker::Archived,
            "quarantined" => StatusMarker::Quarantined,
            "deprecated" => StatusMarker::Deprecated,
            _ => return None,
        };
        let reason = reason.map(display_text).filter(|text| !text.is_empty());
        Some(Self { marker, reason })
    }
}

fn listed(bytes: &[u8], content_type: Option<&str>) -> Result<Listed, PageError> {
    match Format::of(bytes, content_type)? {
        Format::Json => json::listed_files(bytes),
        Format::Html => html::listed_files(bytes),
    }
}

/// Bytes that are no project page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// HTML without any file and without the marks of a project page.
    #[error("the answer is an HTML page that lists no files{}", title_suffix(.title.as_deref()))]
    NotAProjectPage {
        /// The page's title, cleaned for display.
        title: Option<String>,
    },
    /// JSON that is broken or of another shape.
    #[error("the answer is no project page in JSON: {reason}")]
    Json {
        /// What the JSON parser says.
        reason: String,
    },
    /// A major version that this program does not know (PEP 629).
    #[error("the index speaks version {version} of the simple API, only 1.x is known")]
    ApiVersion {
        /// As the page states it.
        version: String,
    },
    /// Neither HTML nor JSON.
    #[error("the answer is neither HTML nor JSON but {content_type}")]
    Format {
        /// The stated type, or `untyped bytes`.
        content_type: String,
    },
}

fn title_suffix(title: Option<&str>) -> String {
    title.map_or_else(String::new, |title| format!(" (its title: {title})"))
}

/// The two formats of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Html,
}

impl Format {
    fn of(bytes: &[u8], content_type: Option<&str>) -> Result<Self, PageError> {
        let stated = content_type.map(|text| {
            let media = text.split(';').next().unwrap_or("").trim();
            media.to_ascii_lowercase()
        });
        if let Some(version) = stated.as_deref().and_then(unknown_major) {
            return Err(PageError::ApiVersion { version });
        }
        let body = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        match (first, stated.as_deref()) {
            (Some(b'{'), _) => Ok(Self::Json),
            (Some(b'<'), _) => Ok(Self::Html),
            (_, Some(media)) if media.ends_with("html") => Ok(Self::Html),
            (_, Some(media)) if media.ends_with("json") => Ok(Self::Json),
            (_, media) => Err(PageError::Format {
                content_type: display_text(media.unwrap_or("untyped bytes")),
            }),
        }
    }
}

/// A later minor version only adds things; another major version is another language (PEP 629).
fn check_version(version: &str) -> Result<(), PageError> {
    if version.trim().split('.').next() == Some("1") {
        return Ok(());
    }
    Err(PageError::ApiVersion {
        version: display_text(version),
    })
}

/// `2` of `application/vnd.pypi.simple.v2+json`.
fn unknown_major(media: &str) -> Option<String> {
    let rest = media.strip_prefix("application/vnd.pypi.simple.v")?;
    let version = rest.split('+').next()?;
    let major = version.split('.').next()?;
    (major != "1" && major.bytes().all(|b| b.is_ascii_digit())).then(|| version.to_owned())
}

/// What a page lists, before any name is interpreted.
#[derive(Debug, Default)]
struct Listed {
    /// `<base href>` of an HTML page.
    base: Option<String>,
    files: Vec<ListedFile>,
    status: Option<ProjectStatus>,
}

impl Listed {
    /// What relative addresses are resolved against.
    fn base_url(&self, page: &Url) -> Url {
        let stated = self.base.as_deref().and_then(|base| page.join(base).ok());
        stated.unwrap_or_else(|| page.clone())
    }
}

/// One file as a page states it.
#[derive(Debug, Clone, Default)]
struct ListedFile {
    href: String,
    /// JSON states the name; HTML leaves it to the address.
    filename: Option<String>,
    requires_python: Option<String>,
    yanked: Option<String>,
    uploaded: Option<String>,
    size: Option<u64>,
    sha256: Option<Sha256>,
    core_metadata: CoreMetadataHint,
}

/// `None` for what is no wheel or sdist of this project, or has no usable address.
fn release_file(
    listed: ListedFile,
    base: &Url,
    page: &Url,
    name: &PackageName,
) -> Option<(Version, ReleaseFile)> {
    let mut url = base.join(listed.href.trim()).ok()?;
    let sha256 = listed.sha256.or_else(|| fragment_sha256(url.fragment()));
    url.set_fragment(None);
    // a page may not hand out credentials, and only a local page may point to local files
    let allowed = match url.scheme() {
        // pip leaves plain http out as well when the page came over https
        "http" | "https" => {
            (url.scheme() == "https" || page.scheme() != "https")
                && url.set_username("").is_ok()
                && url.set_password(None).is_ok()
        }
        "file" => page.scheme() == "file",
        _ => false,
    };
    if !allowed {
        return None;
    }
    let filename = match listed.filename {
        Some(filename) => filename,
        None => percent_decoded(url.path_segments()?.next_back()?)?,
    };
    if !is_plain_name(&filename) {
        return None;
    }
    let (version, kind) = match WheelName::from_str(&filename) {
        // a wheel variant (PEP 825) is for installers that know its label
        Ok(wheel) if wheel.name == *name && wheel.variant.is_none() => {
            (wheel.version.clone(), FileKind::Wheel(wheel))
        }
        Ok(_) => return None,
        Err(_) => (sdist_version(&filename, name)?, FileKind::Sdist),
    };
    let file = ReleaseFile {
        filename,
        url: url.into(),
        kind,
        requires_python: listed
            .requires_python
            .filter(|text| !text.trim().is_empty())
            .and_then(|text| parse_specifiers(&text).ok()),
        yanked: listed.yanked.map(|reason| Yanked { reason }),
        uploaded: listed
            .uploaded
            .and_then(|text| text.trim().parse::<Timestamp>().ok()),
        size: listed.size,
        sha256,
        core_metadata: listed.core_metadata,
    };
    Some((version, file))
}

/// The digest in `sha256=HEX`, also among other parts of a fragment such as `egg=x&sha256=HEX`.
fn fragment_sha256(fragment: Option<&str>) -> Option<Sha256> {
    let digest = fragment?
        .split('&')
        .find_map(|part| part.strip_prefix("sha256="))?;
    digest.parse().ok()
}

/// Whether this is one file name: no separator, no control character, not too long.
fn is_plain_name(name: &str) -> bool {
    name.len() <= 255
        && !name.starts_with('.')
        && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
}

pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let mut byte = *first;
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            byte = high << 4 | low;
            rest = after;
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// A text from outside, made safe to show: one line, no control characters, at most 80 characters.
fn display_text(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    line.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
