//! What of the caller's environment an installer gets to see.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Network;

/// Variables that are handed on. A list of what is allowed, because nobody can list every name
/// under which a secret may stand.
const ALLOWED: &[&str] = &[
    // where things are
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "LD_LIBRARY_PATH",
    "SOURCE_DATE_EPOCH",
    // Windows cannot start a process without these
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
    "OS",
    // certificates and proxies
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSL_CLIENT_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "UV_NATIVE_TLS",
    "UV_SYSTEM_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    // for what has to be built
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "CUDA_HOME",
    "CUDA_PATH",
    "ROCM_PATH",
    "TORCH_CUDA_ARCH_LIST",
    "MACOSX_DEPLOYMENT_TARGET",
];

/// The environment for an installer: allowed variables of the caller, certificates and proxy, a
/// temporary HOME, where temporary files lie too, and a PATH without relative entries and without the
/// tree.
///
/// Tokens (`HF_TOKEN`, `AWS_*`, ...), pip's, uv's and Python's own variables and everything that is
/// not known to be needed stay out.
///
/// ```
/// use pinsmith::install::{Network, scrub};
/// let caller = [("HF_TOKEN", "hf_secret"), ("LANG", "C.UTF-8"), ("PATH", "/usr/bin:bin")];
/// let caller = caller.map(|(name, value)| (name.into(), value.into())).into();
/// let seen = scrub(&caller, &Network::default(), "/tmp/home".as_ref(), "/repo".as_ref());
/// assert!(!seen.contains_key(std::ffi::OsStr::new("HF_TOKEN")));
/// assert_eq!(seen[std::ffi::OsStr::new("PATH")], "/usr/bin");
/// assert_eq!(seen[std::ffi::OsStr::new("HOME")], "/tmp/home");
/// ```
pub fn scrub(
    caller: &BTreeMap<OsString, OsString>,
    network: &Network,
    home: &Path,
    tree: &Path,
) -> BTreeMap<OsString, OsString> {
    let allowed = |name: &OsStr| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        ALLOWED.contains(&name.as_str()) || name.starts_with("LC_")
    };
    let mut seen: BTreeMap<OsString, OsString> = caller
        .iter()
        .filter(|(name, _)| allowed(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let path = std::env::join_paths(trusted_path(caller, tree)).unwrap_or_default();
    seen.insert("PATH".into(), path);
    for name in [
        "HOME",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "XDG_CONFIG_HOME",
        // what an installer leaves there when it is ended goes with the folder
        "TMPDIR",
        "TEMP",
        "TMP",
    ] {
        seen.insert(name.into(), home.into());
    }
    let mut set = |name: &str, value: Option<OsString>| {
        if let Some(value) = value {
            seen.entry(name.into()).or_insert(value);
        }
    };
    let file = |path: &Option<PathBuf>| path.as_ref().map(|path| path.clone().into_os_string());
    set("SSL_CERT_FILE", file(&network.ca_bundle));
    set("SSL_CLIENT_CERT", file(&network.client_certificate));
    let proxy = network.proxy.as_ref().map(OsString::from);
    for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
        if !caller.contains_key(OsStr::new(&name.to_ascii_lowercase())) {
            set(name, proxy.clone());
        }
    }
    seen
}

/// The absolute folders of PATH that do not lie in the tree.
pub fn trusted_path(caller: &BTreeMap<OsString, OsString>, tree: &Path) -> Vec<PathBuf> {
    let path = caller.get(OsStr::new("PATH")).cloned().unwrap_or_default();
    let real_tree = tree.canonicalize().unwrap_or_else(|_| tree.to_owned());
    let outside = |folder: &PathBuf| {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        folder.is_absolute() && !real.starts_with(&real_tree) && !folder.starts_with(tree)
    };
    std::env::split_paths(&path).filter(outside).collect()
}

impl Network {
    /// These settings, completed by pip's variables, which `scrub` keeps out as such.
    pub(crate) fn or_from(&self, caller: &BTreeMap<OsString, OsString>) -> Self {
        let file = |name: &str| caller.get(OsStr::new(name)).map(PathBuf::from);
        let text = |name: &str| {
            let value = caller.get(OsStr::new(name))?;
            value.to_str().map(str::to_owned)
        };
        Self {
            ca_bundle: self.ca_bundle.clone().or_else(|| file("PIP_CERT")),
            client_certificate: self
                .client_certificate
                .clone()
                .or_else(|| file("PIP_CLIENT_CERT")),
            proxy: self.proxy.clone().or_else(|| text("PIP_PROXY")),
        }
    }
}
