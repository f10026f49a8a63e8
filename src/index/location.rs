//! Which index is asked, and why: flags, environment, pip's and uv's own configuration.
//!
//! pinsmith has no index of its own; it uses the one that pip uses on this machine. Discovery is a
//! function over values: it reads the environment and files only through the [`Place`] that it
//! is given, and no file of the scanned tree counts.

mod address;
mod netrc;
mod pip_config;
mod place;
mod routes;
mod uv_config;

use std::path::{Path, PathBuf};
use std::time::Duration;

use pinsmith_resolver::PackageName;

use crate::diagnostic::Diagnostic;

use super::codes;
pub(super) use address::Credentials;
pub use address::{IndexUrl, Secret};
use pip_config::PipConfig;
pub use place::Place;
pub use routes::{PackagePattern, Route};
use uv_config::UvConfig;

/// The indexes to ask, in order, and how to reach them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location {
    /// In the order in which they are asked: extra indexes first, since a name that a private index
    /// has must never be taken from the public one, then the main index.
    pub indexes: Vec<IndexUrl>,
    /// Packages that are asked of one index only, whatever the others have.
    pub routes: Vec<Route>,
    /// Pages and folders with files (`--find-links`), asked before the indexes.
    pub links: Vec<IndexUrl>,
    /// Certificate bundle (PEM) to trust instead of the system's.
    pub certificate: Option<PathBuf>,
    /// Client certificate with its key (PEM).
    pub client_certificate: Option<PathBuf>,
    /// How to get out.
    pub proxy: Proxy,
    /// pip is told to use no index (`--no-index`, `PIP_NO_INDEX`): nothing is found.
    pub no_index: bool,
    /// Longest silence of a server, where pip's configuration has one (`timeout`).
    pub timeout: Option<Duration>,
    /// How often a failed request is tried again, where pip's configuration says (`retries`).
    pub retries: Option<u32>,
    /// Findings made on the way, such as settings that are not used.
    pub notes: Vec<Diagnostic>,
}

impl Location {
    /// Every place that may be asked.
    pub(super) fn places(&self) -> impl Iterator<Item = &IndexUrl> {
        let routed = self.routes.iter().map(|route| &route.index);
        self.links.iter().chain(routed).chain(&self.indexes)
    }

    /// The links and the indexes that may be asked for a project, each in order: the one index that
    /// it is routed to, else all.
    pub(super) fn places_of(&self, name: &PackageName) -> (&[IndexUrl], &[IndexUrl]) {
        let mut routes = self.routes.iter();
        match routes.find(|route| route.packages.iter().any(|pattern| pattern.matches(name))) {
            Some(route) => (&[], std::slice::from_ref(&route.index)),
            None => (&self.links, &self.indexes),
        }
    }
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
    /// A route of a package to an index that cannot be read.
    #[error("{origin} cannot be read: {reason}")]
    InvalidRoute {
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
            Self::InvalidRoute { .. } => {
                "name the packages and the index, such as --index-for 'corp-*=https://index.test/simple/'"
            }
        }
    }

    /// The error as a diagnostic, with its code.
    pub fn diagnostic(&self) -> Diagnostic {
        let code = match self {
            Self::NoIndex => codes::NO_INDEX,
            Self::InvalidUrl { .. } | Self::InvalidRoute { .. } => codes::INVALID_INDEX_URL,
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
    /// `--index-for PACKAGE=URL`, in order.
    pub index_for: Vec<String>,
    /// `--find-links`: addresses and paths, in order.
    pub find_links: Vec<String>,
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

/// [`discover`] with the environment and the files of this process.
///
/// `ask_pip` is usually [`crate::index::pip_default_index`], `ask_keyring`
/// [`crate::host::keyring_password`]. Paths of `--find-links` may be relative. Files that lie in the scanned tree do not
/// count, also not through a link.
///
/// # Errors
/// As [`discover`].
pub fn discover_here(
    flags: &LocationFlags,
    scanned_root: &Path,
    ask_pip: &dyn Fn() -> Option<DefaultIndex>,
    ask_keyring: &dyn Fn(&str, &str) -> Option<String>,
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
        ask_keyring,
    };
    let mut flags = flags.clone();
    for links in flags
        .find_links
        .iter_mut()
        .filter(|links| !links.contains("://"))
    {
        if let Some(path) = std::path::absolute(&links)
            .ok()
            .as_deref()
            .and_then(Path::to_str)
        {
            path.clone_into(links);
        }
    }
    discover(&flags, &place)
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
        timeout: pip
            .setting(place, "timeout")
            .and_then(|text| seconds(&text)),
        retries: pip
            .setting(place, "retries")
            .and_then(|text| text.trim().parse().ok()),
        no_index: flags.no_index || pip.flag(place, "no-index"),
        ..Location::default()
    };
    report_unused(place, &pip, &mut notes);
    for links in &flags.find_links {
        let links = IndexUrl::parse_links(links, "from --find-links")?;
        if !location.links.contains(&links) {
            location.links.push(links);
        }
    }
    if location.no_index {
        if location.links.is_empty() {
            notes.push(
                Diagnostic::warning(
                    codes::NO_INDEX_SETTING,
                    "pip is set to use no index, so no project will be found",
                )
                .help("unset PIP_NO_INDEX or `no-index` in pip's configuration file"),
            );
        }
        add_credentials(place, &pip, &mut location);
        location.notes = notes;
        return Ok(location);
    }
    location.routes = routes::read(flags, place, &mut notes)?;
    let main = main_index(flags, place, &pip, &uv)?;
    for (url, origin) in extra_indexes(flags, place, &pip, &uv) {
        let index = IndexUrl::parse(&url, &origin)?;
        if index.url() != main.url()
            && location
                .indexes
                .iter()
                .all(|known| known.url() != index.url())
        {
            location.indexes.push(index);
        }
    }
    location.indexes.push(main);
    add_credentials(place, &pip, &mut location);
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
        let note = Diagnostic::info(codes::FIND_LINKS, "pip's find-links are not used");
        notes.push(note.help("name the page or folder with --find-links"));
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

/// Credentials for places that carry none: of the user's netrc, and a password that only the
/// user's keyring has.
fn add_credentials(place: &Place<'_>, pip: &PipConfig, location: &mut Location) {
    let named = place.dir("NETRC");
    let usual = place.home.as_ref().map(|home| {
        home.join(if place.os == "windows" {
            "_netrc"
        } else {
            ".netrc"
        })
    });
    let netrc = named.or(usual).and_then(|path| place.text(&path));
    let keyring = uses_keyring(place, pip);
    let routed = location.routes.iter_mut().map(|route| &mut route.index);
    let places = routed
        .chain(&mut location.links)
        .chain(&mut location.indexes);
    for index in places {
        if index.credentials.is_none()
            && let (Some(text), Some(host)) = (&netrc, index.url().host_str())
        {
            index.credentials = netrc::credentials(text, host);
        }
        if keyring {
            index.ask_for_password(place.ask_keyring);
        }
    }
}

/// Whether pip or uv is told to ask the keyring command, which is off unless somebody says so.
///
/// `import` asks the same keyring from within pip's Python.
fn uses_keyring(place: &Place<'_>, pip: &PipConfig) -> bool {
    let provider = pip
        .setting(place, "keyring-provider")
        .or_else(|| place.var("UV_KEYRING_PROVIDER"));
    let provider = provider.map(|text| text.trim().to_ascii_lowercase());
    matches!(provider.as_deref(), Some("subprocess" | "import"))
}

/// A time as pip takes it: seconds, with a fraction if need be.
fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
}

#[cfg(test)]
mod tests;
