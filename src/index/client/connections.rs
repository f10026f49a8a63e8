//! The pool of connections, with the certificates and the proxy that this machine is set up with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Certificate, Identity, redirect};

use super::super::location::{Location, Proxy};
use super::names::Lookups;
use super::{ClientError, FetchError, NetworkSettings, reply};

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// Makes the pool; no connection is opened yet.
pub(super) fn open(
    location: &Location,
    settings: NetworkSettings,
) -> Result<reqwest::Client, ClientError> {
    // another part of the process may have installed one already, which does as well
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("pinsmith/", env!("CARGO_PKG_VERSION")))
        .referer(false)
        .redirect(redirect::Policy::custom(follow))
        .connect_timeout(settings.timeout)
        .read_timeout(settings.timeout)
        .pool_idle_timeout(Duration::from_mins(1))
        .http2_adaptive_window(true)
        .dns_resolver(Arc::new(Lookups::default()));
    if let Some(path) = &location.certificate {
        let pem = read_setting(path, "certificate bundle")?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .map_err(|error| bad_setting(path, "certificate bundle", &error))?;
        builder = builder.tls_certs_only(certificates);
    }
    if let Some(path) = &location.client_certificate {
        let pem = read_setting(path, "client certificate")?;
        let identity = Identity::from_pem(&pem)
            .map_err(|error| bad_setting(path, "client certificate", &error))?;
        builder = builder.identity(identity);
    }
    builder = match &location.proxy {
        Proxy::Environment => builder,
        Proxy::Direct => builder.no_proxy(),
        Proxy::Url(url) => builder.proxy(
            reqwest::Proxy::all(&url.0)
                .map_err(|_| ClientError("pip's proxy setting is no address".to_owned()))?,
        ),
    };
    builder
        .build()
        .map_err(|error| ClientError(format!("cannot set up https: {}", reply::innermost(&error))))
}

/// reqwest drops credentials when host, port or scheme change; this refuses the rest.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from_https = attempt.previous().iter().any(|url| url.scheme() == "https");
    if from_https && attempt.url().scheme() != "https" {
        return attempt.error(FetchError::Insecure);
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("too many redirects");
    }
    attempt.follow()
}

fn read_setting(path: &Path, what: &str) -> Result<Vec<u8>, ClientError> {
    std::fs::read(path).map_err(|error| bad_setting(path, what, &error))
}

fn bad_setting(path: &Path, what: &str, error: &dyn std::error::Error) -> ClientError {
    ClientError(format!(
        "the {what} `{}` cannot be used: {}",
        path.display(),
        reply::innermost(error)
    ))
}
