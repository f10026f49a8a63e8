//! What an installer's last lines probably mean.

/// A likely cause of a failed installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// What went wrong, in lower case.
    pub what: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
    /// Whether it lies with the lock, and not with the network or the machine: another try would
    /// end the same way.
    pub of_the_lock: bool,
}

/// The first cause in the table whose words stand in the lines.
///
/// ```
/// use pinsmith::install::likely_cause;
/// let lines = ["ERROR: No matching distribution found for six==9.9".to_owned()];
/// assert!(likely_cause(&lines).unwrap().what.contains("does not have"));
/// ```
pub fn likely_cause(lines: &[String]) -> Option<Cause> {
    let text = lines.join("\n").to_ascii_lowercase();
    let found = TABLE
        .iter()
        .find(|(words, _)| words.iter().any(|word| text.contains(word)));
    found.map(|(_, cause)| *cause)
}

/// From most to least certain; a hash that does not match must never look like anything else.
const TABLE: &[(&[&str], Cause)] = &[
    (
        &["do not match the hashes", "hash mismatch"],
        Cause {
            what: "a file of the index is not the one that was locked",
            remedy: "do not install it: find out who changed the file, or lock again if you know",
            of_the_lock: true,
        },
    ),
    (
        &["no space left on device", "disk quota exceeded"],
        Cause {
            what: "the disk is full",
            remedy: "make room, or choose another folder with `--venv` and `--cache-dir`",
            of_the_lock: false,
        },
    ),
    (
        &[
            "certificate_verify_failed",
            "invalid peer certificate",
            "unknownissuer",
            "certificate verify failed",
        ],
        Cause {
            what: "the certificate of the index is not trusted",
            remedy: "set SSL_CERT_FILE to the bundle that has your authority",
            of_the_lock: false,
        },
    ),
    (
        &["401 ", "403 ", "unauthorized", "forbidden"],
        Cause {
            what: "the index refuses access",
            remedy: "put its credentials into ~/.netrc; they are not taken from the lock",
            of_the_lock: false,
        },
    ),
    (
        &[
            "temporary failure in name resolution",
            "name or service not known",
            "dns error",
            "connection refused",
            "network is unreachable",
            "newconnectionerror",
            "error sending request",
            "timed out",
        ],
        Cause {
            what: "the index cannot be reached",
            remedy: "check the network, the proxy and `--index-url`",
            of_the_lock: false,
        },
    ),
    (
        &[
            "network was disabled",
            "network connectivity is disabled",
            "not found in the cache",
        ],
        Cause {
            what: "a file is not in the cache, and the network is switched off",
            remedy: "run once without `--offline`",
            of_the_lock: false,
        },
    ),
    (
        &[
            "is not a supported wheel on this platform",
            "no wheels with a matching",
            "has no wheels with",
        ],
        Cause {
            what: "a locked file does not suit this Python or platform",
            remedy: "lock for this machine with `pinsmith lock`",
            of_the_lock: true,
        },
    ),
    (
        &[
            "no matching distribution found",
            "no version of",
            "was not found in the package registry",
        ],
        Cause {
            what: "the index does not have a locked file for this Python and platform",
            remedy: "use the index that the lock names, or lock again for this machine",
            of_the_lock: true,
        },
    ),
    (
        &[
            "command 'gcc' failed",
            "microsoft visual c++",
            "failed building wheel",
            "failed to build",
            "metadata-generation-failed",
        ],
        Cause {
            what: "a package had to be built and the build failed",
            remedy: "install its build tools, see [system] in pinsmith.env.toml, or choose a version that has wheels",
            of_the_lock: true,
        },
    ),
];
