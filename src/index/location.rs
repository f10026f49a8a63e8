//! Which index is asked, and why: flags, environment, pip's and uv's own configuration.
//!
//! pinsmith has no index of its own; it uses the one that pip uses on this machine. Discovery is a
//! function over values: it reads the environment and files only through the [`Place`] that it
//! is given, and no file of the scanned tree counts.

mod netrc;
mod pip_config;
mod uv_config;

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::diagnostic::Diagnostic;

use super::codes;
use pip_config::PipConfig;
use uv_config::UvConfig;

/// The indexes to ask, in order, and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// In the order in which they are asked: extra indexes first, since a name that a private index
    /// has must never be taken from the public one, then the main index.
    pub indexes: Vec<IndexUrl>,
    /// Certificate bundle (PEM) to trust instead of the system's.
    pub certificate: Option<PathBuf>,
    /// Client certificate with its key (PEM).
    pub client_certificate: Option<PathBuf>,
    /// How to get out.
    pub proxy: Proxy,
    /// pip is told to use no index (`--no-index`, `PIP_NO_INDEX`): nothing is found.
    pub no_index: bool,
    /// Findings made on the way, such as settings that are not used.
    pub notes: Vec<Diagnostic>,
}

/// How to get out to an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// This one for everything, from pip's settings; may hold credentials.
    Url(Secret),
    /// None, whatever the environment says.
    Direct,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The base address of one index; credentials are kept apart and never shown.
///
/// ```
/// use pinsmith::index::IndexUrl;
/// let index = IndexUrl::parse("https://me:secret@index.test/simple", "from --index-url")?;
/// assert_eq!(index.to_string(), "https://index.test/simple/");
/// assert!(!format!("{index:?}").contains("secret"));
/// # Ok::<(), pinsmith::index::LocationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexUrl {
    url: Url,
    pub(super) credentials: Option<Credentials>,
    /// Where the address was found, such as `from PIP_INDEX_URL`.
    pub origin: String,
}

/// A name and a password for one origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: Secret,
    pub(super) password: Option<Secret>,
}

impl IndexUrl {
    /// Reads an address with or without a final slash; userinfo becomes credentials.
    ///
    /// # Errors
    /// [`LocationError::InvalidUrl`] when it is no http, https or file address.
    pub fn parse(text: &str, origin: &str) -> Result<Self, LocationError> {
        let invalid = |reason: String| LocationError::InvalidUrl {
            origin: origin.to_owned(),
            reason,
        };
        let mut url = Url::parse(text.trim()).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "file") {
            return Err(invalid(format!("the scheme {} is not known", url.scheme())));
        }
        let credentials = (!url.username().is_empty()).then(|| Credentials {
            user: Secret(percent_decoded(url.username())),
            password: url
                .password()
                .map(|password| Secret(percent_decoded(password))),
        });
        if url.scheme() != "file" {
            // neither can fail for an address with a host
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self {
            url,
            credentials,
            origin: origin.to_owned(),
        })
    }

    /// The address, with a final slash and without credentials.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.url.clone();
        shown.set_query(None);
        write!(f, "{shown}")
    }
}

fn percent_decoded(text: &str) -> String {
    super::simple::percent_decoded(text).unwrap_or_else(|| text.to_owned())
}

/// No index, or one that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing names an index.
    #[error("no package index is known")]
    NoIndex,
    /// An address that cannot be read; it is not shown, since it may hold a password.
    #[error("the index address {origin} cannot be read: {reason}")]
    InvalidUrl {
        /// Where it was found.
        origin: String,
        /// What is wrong, in lower case.
        reason: String,
    },
}

impl LocationError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoIndex => {
                "set one with --index-url, with PIP_INDEX_URL or PINSMITH_INDEX_URL, or as `index-url` in pip's configuration file"
            }
            Self::InvalidUrl { .. } => {
                "an index address looks like https://index.test/simple/, with characters such as @ and / of a password percent-encoded"
            }
        }
    }

    /// The error as a diagnostic, with its code.
    pub fn diagnostic(&self) -> Diagnostic {
        let code = match self {
            Self::NoIndex => codes::NO_INDEX,
            Self::InvalidUrl { .. } => codes::INVALID_INDEX_URL,
        };
        Diagnostic::error(code, self.to_string()).help(self.help())
    }
}

/// What the command line says about indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationFlags {
    /// `--index-url`.
    pub index_url: Option<String>,
    /// `--extra-index-url`, in order.
    pub extra_index_urls: Vec<String>,
    /// `[tool.pinsmith] index-url`, only of a project that is trusted.
    pub trusted_project: Option<String>,
    /// `--no-index`.
    pub no_index: bool,
}

/// Index address that an installed pip would use by default, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultIndex {
    /// The address.
    pub url: String,
    /// Such as `that pip of Python 3.11 uses by default`.
    pub origin: String,
}

/// The world as discovery sees it; tests give one made of values.
pub struct Place<'a> {
    /// A variable of the environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The content of a file; `None` when there is none.
    pub read: &'a dyn Fn(&Path) -> Option<Vec<u8>>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// `linux`, `macos` or `windows`, as in `std::env::consts::OS`.
    pub os: &'a str,
    /// The scanned tree: no configuration below it counts.
    pub scanned_root: PathBuf,
    /// Asks an installed pip for its default index; only called when nothing else names one.
    pub ask_pip: &'a dyn Fn() -> Option<DefaultIndex>,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("home", &self.home)
            .field("os", &self.os)
            .field("scanned_root", &self.scanned_root)
            .finish_non_exhaustive()
    }
}

impl Place<'_> {
    /// A variable that is set and not empty.
    fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }

    /// A folder from the environment, which counts only when it is absolute.
    fn dir(&self, name: &str) -> Option<PathBuf> {
        self.var(name)
            .map(PathBuf::from)
            .filter(|dir| dir.is_absolute())
    }

    fn text(&self, path: &Path) -> Option<String> {
        if path.starts_with(&self.scanned_root) {
            return None;
        }
        (self.read)(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// [`discover`] with the environment and the files of this process.
///
/// `ask_pip` is usually [`crate::index::pip_default_index`]. Files that lie in the scanned tree do not
/// count, also not through a link.
///
/// # Errors
/// As [`discover`].
pub fn discover_here(
    flags: &LocationFlags,
    scanned_root: &Path,
    ask_pip: &dyn Fn() -> Option<DefaultIndex>,
) -> Result<Location, LocationError> {
    let root = scanned_root
        .canonicalize()
        .unwrap_or_else(|_| scanned_root.to_path_buf());
    let place = Place {
        env: &|name| std::env::var(name).ok(),
        read: &|path| read_outside(&root, path),
        home: etcetera::home_dir().ok(),
        os: std::env::consts::OS,
        scanned_root: root.clone(),
        ask_pip,
    };
    discover(flags, &place)
}

/// The content of a file that really lies outside of `root`.
fn read_outside(root: &Path, path: &Path) -> Option<Vec<u8>> {
    let real = path.canonicalize().ok()?;
    let outside = !real.starts_with(root) && real.is_file();
    outside.then(|| std::fs::read(real).ok()).flatten()
}

/// Finds the indexes.
///
/// Order for the main index: `--index-url`, `PINSMITH_INDEX_URL`, `PIP_INDEX_URL`,
/// `UV_DEFAULT_INDEX`, pip's configuration files (`PIP_CONFIG_FILE`, active environment, user,
/// global), the user's `uv.toml`, the trusted project, pip's default. Extra indexes of all
/// sources count together.
///
/// # Errors
/// [`LocationError::NoIndex`] when nothing names an index and pip is not told to use none.
pub fn discover(flags: &LocationFlags, place: &Place<'_>) -> Result<Location, LocationError> {
    let mut notes = Vec::new();
    let pip = PipConfig::read(place, &mut notes);
    let uv = UvConfig::read(place, &mut notes);
    let mut location = Location {
        certificate: certificate(place, &pip),
        client_certificate: place
            .var("PIP_CLIENT_CERT")
            .or_else(|| pip.value("client-cert"))
            .map(PathBuf::from),
        proxy: place
            .var("PIP_PROXY")
            .or_else(|| pip.value("proxy"))
            .map_or(Proxy::Environment, |url| Proxy::Url(Secret(url))),
        no_index: flags.no_index || pip.flag(place, "no-index"),
        ..Location::default()
    };
    report_unused(place, &pip, &mut notes);
    if location.no_index {
        notes.push(
            Diagnostic::warning(
                codes::NO_INDEX_SETTING,
                "pip is set to use no index, so no project will be found",
            )
            .help("unset PIP_NO_INDEX or `no-index` in pip's configuration file"),
        );
        location.notes = notes;
        return Ok(location);
    }
    let main = main_index(flags, place, &pip, &uv)?;
    for (url, origin) in extra_indexes(flags, place, &pip, &uv) {
        let index = IndexUrl::parse(&url, &origin)?;
        if index.url != main.url && location.indexes.iter().all(|known| known.url != index.url) {
            location.indexes.push(index);
        }
    }
    location.indexes.push(main);
    add_netrc(place, &mut location.indexes);
    location.notes = notes;
    Ok(location)
}

fn main_index(
    flags: &LocationFlags,
    place: &Place<'_>,
    pip: &PipConfig,
    uv: &UvConfig,
) -> Result<IndexUrl, LocationError> {
    let flag = flags.index_url.clone();
    let flag = flag.map(|url| (url, "from --index-url".to_owned()));
    let variables = [
        "PINSMITH_INDEX_URL",
        "PIP_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_INDEX_URL",
    ];
    let variable = || {
        variables.iter().find_map(|name| {
            let value = place.var(name)?;
            Some((without_name(&value).to_owned(), format!("from {name}")))
        })
    };
    let project = || {
        let url = flags.trusted_project.clone()?;
        Some((url, "from [tool.pinsmith] of this project".to_owned()))
    };
    let by_default = || {
        let found = (place.ask_pip)()?;
        Some((found.url, found.origin))
    };
    let (url, origin) = flag
        .or_else(variable)
        .or_else(|| pip.located("index-url"))
        .or_else(|| uv.default.clone())
        .or_else(project)
        .or_else(by_default)
        .ok_or(LocationError::NoIndex)?;
    IndexUrl::parse(&url, &origin)
}

fn extra_indexes(
    flags: &LocationFlags,
    place: &Place<'_>,
    pip: &PipConfig,
    uv: &UvConfig,
) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for url in &flags.extra_index_urls {
        found.push((url.clone(), "from --extra-index-url".to_owned()));
    }
    let variables = [
        "PINSMITH_EXTRA_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "UV_INDEX",
        "UV_EXTRA_INDEX_URL",
    ];
    for name in variables {
        for url in place
            .var(name)
            .iter()
            .flat_map(|value| value.split_whitespace())
        {
            found.push((without_name(url).to_owned(), format!("from {name}")));
        }
    }
    if let Some((urls, origin)) = pip.located("extra-index-url") {
        for url in urls.split_whitespace() {
            found.push((url.to_owned(), origin.clone()));
        }
    }
    found.extend(uv.extra.iter().cloned());
    found
}

/// uv allows `name=https://...`.
fn without_name(url: &str) -> &str {
    match url.split_once('=') {
        Some((name, rest)) if !name.contains([':', '/']) => rest,
        _ => url,
    }
}

fn certificate(place: &Place<'_>, pip: &PipConfig) -> Option<PathBuf> {
    let other = || {
        ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]
            .iter()
            .find_map(|name| place.var(name))
    };
    place
        .var("PIP_CERT")
        .or_else(|| pip.value("cert"))
        .or_else(other)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// Settings of pip that change its answers but not ours are named once.
fn report_unused(place: &Place<'_>, pip: &PipConfig, notes: &mut Vec<Diagnostic>) {
    if place.var("PIP_FIND_LINKS").is_some() || pip.value("find-links").is_some() {
        notes.push(Diagnostic::info(
            codes::FIND_LINKS,
            "pip's find-links are not used: only indexes are asked",
        ));
    }
    if place.var("PIP_TRUSTED_HOST").is_some() || pip.value("trusted-host").is_some() {
        notes.push(
            Diagnostic::info(
                codes::TRUSTED_HOST,
                "pip's trusted-host is not used: certificates are always checked",
            )
            .help("name the certificate bundle of that host with PIP_CERT"),
        );
    }
}

/// Credentials of the user's netrc for indexes that carry none.
fn add_netrc(place: &Place<'_>, indexes: &mut [IndexUrl]) {
    let named = place.dir("NETRC");
    let usual = place.home.as_ref().map(|home| {
        home.join(if place.os == "windows" {
            "_netrc"
        } else {
            ".netrc"
        })
    });
    let Some(text) = named.or(usual).and_then(|path| place.text(&path)) else {
        return;
    };
    for index in indexes {
        if index.credentials.is_none()
            && let Some(host) = index.url.host_str()
        {
            index.credentials = netrc::credentials(&text, host);
        }
    }
}

#[cfg(test)]
mod tests;
