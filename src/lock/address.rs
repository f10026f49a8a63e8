//! Addresses that may be written into a file that is published.

use url::Url;

/// The address without user, password, fragment, and without a query that looks like a secret.
///
/// `None` for what is no absolute `http`, `https` or `file` address. The text stays as it is
/// where nothing has to go, so that equal addresses stay equal.
///
/// ```
/// use pinsmith::lock::without_credentials;
/// let clean = without_credentials("https://me:secret@index.test/simple/?token=x#frag");
/// assert_eq!(clean.as_deref(), Some("https://index.test/simple/"));
/// assert_eq!(without_credentials("ssh://host/x"), None);
/// ```
pub fn without_credentials(address: &str) -> Option<String> {
    let mut url = Url::parse(address).ok()?;
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return None;
    }
    let secret_query = url.query_pairs().any(|(key, _)| looks_like_a_secret(&key));
    let clean = url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && !secret_query;
    if clean {
        return Some(address.to_owned());
    }
    // Neither call can fail for these schemes with a host; a `file:` address has no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if secret_query {
        url.set_query(None);
    }
    Some(url.into())
}

/// Signed addresses carry what opens them in their query.
fn looks_like_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "token",
        "sig",
        "key",
        "secret",
        "pass",
        "credential",
        "auth",
        "x-amz",
        "x-goog",
    ]
    .iter()
    .any(|part| key.contains(part))
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn what_is_clean_stays_as_it_is() {
        for address in [
            "https://index.test/simple/",
            "https://files.test/a%2Bb-1.0.whl",
            "https://files.test/a.whl?mirror=2",
            "file:///srv/wheels/a.whl",
        ] {
            assert_eq!(without_credentials(address).as_deref(), Some(address));
        }
    }

    #[test]
    fn secrets_go() {
        for (address, clean) in [
            ("https://u@index.test/", "https://index.test/"),
            ("https://u:p@index.test/s/", "https://index.test/s/"),
            (
                "https://files.test/a.whl?X-Amz-Signature=abc",
                "https://files.test/a.whl",
            ),
            (
                "https://files.test/a.whl#sha256=00",
                "https://files.test/a.whl",
            ),
        ] {
            assert_eq!(without_credentials(address).as_deref(), Some(clean));
        }
    }
}
