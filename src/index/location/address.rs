//! Addresses of indexes and of pages with links; credentials are kept apart.

use std::fmt;
use std::path::Path;

use url::Url;

use super::LocationError;

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
    pub(in crate::index) credentials: Option<Credentials>,
    /// Where the address was found, such as `from PIP_INDEX_URL`.
    pub origin: String,
}

/// A name and a password for one origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::index) struct Credentials {
    pub(in crate::index) user: Secret,
    pub(in crate::index) password: Option<Secret>,
}

impl IndexUrl {
    /// Reads an address with or without a final slash; userinfo becomes credentials.
    ///
    /// # Errors
    /// [`LocationError::InvalidUrl`] when it is no http, https or file address.
    pub fn parse(text: &str, origin: &str) -> Result<Self, LocationError> {
        let mut index = Self::parse_page(text, origin)?;
        if !index.url.path().ends_with('/') {
            let path = format!("{}/", index.url.path());
            index.url.set_path(&path);
        }
        Ok(index)
    }

    /// Reads what `--find-links` takes: the address of a page, or the absolute path of a page or
    /// folder.
    ///
    /// ```
    /// use pinsmith::index::IndexUrl;
    /// # #[cfg(unix)] {
    /// let folder = IndexUrl::parse_links("/srv/wheels", "from --find-links")?;
    /// assert_eq!(folder.to_string(), "file:///srv/wheels");
    /// # }
    /// # Ok::<(), pinsmith::index::LocationError>(())
    /// ```
    ///
    /// # Errors
    /// [`LocationError::InvalidUrl`] for anything else.
    pub fn parse_links(text: &str, origin: &str) -> Result<Self, LocationError> {
        let path = Path::new(text.trim());
        match Url::from_file_path(path) {
            Ok(url) if path.is_absolute() => Self::parse_page(url.as_str(), origin),
            _ => Self::parse_page(text, origin),
        }
    }

    fn parse_page(text: &str, origin: &str) -> Result<Self, LocationError> {
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
        Ok(Self {
            url,
            credentials,
            origin: origin.to_owned(),
        })
    }

    /// Asks the user's keyring where a user name stands without a password: by the address, then by
    /// the host, as pip does.
    pub(super) fn ask_for_password(&mut self, ask: &dyn Fn(&str, &str) -> Option<String>) {
        let host = self.url.host_str().unwrap_or("");
        let host = match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        if let Some(found) = &mut self.credentials
            && found.password.is_none()
            && crate::index::client::may_carry_credentials(&self.url)
        {
            let services = [self.url.as_str(), &host];
            let mut answers = services.iter().map(|service| ask(service, &found.user.0));
            found.password = answers.find_map(|answer| answer).map(Secret);
        }
    }

    /// The address without credentials; that of an index has a final slash.
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
    crate::index::simple::percent_decoded(text).unwrap_or_else(|| text.to_owned())
}
