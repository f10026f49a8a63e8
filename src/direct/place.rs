//! The address of a direct reference, taken apart (PEP 440 "Direct references", PEP 508).

use pinsmith_resolver::Sha256;

/// Where a direct reference points.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// `git+https://host/path@revision#subdirectory=folder`
    Git {
        /// Without the prefix `git+`.
        url: String,
        /// A commit, tag or branch.
        revision: Option<String>,
        /// The folder of the project.
        subdirectory: Option<String>,
    },
    /// `https://host/file.whl#sha256=...`
    Archive {
        /// Without its fragment.
        url: String,
        /// What the address says that its digest is.
        sha256: Option<Sha256>,
        /// The folder of the project.
        subdirectory: Option<String>,
    },
    /// `file:./libs/pose#editable`, relative to the root of the tree.
    Folder {
        /// Relative to the root.
        path: String,
        /// Whether it is installed as it stands.
        editable: bool,
    },
}

impl Place {
    /// Takes an address apart; the error says what is not known.
    pub fn of(address: &str) -> Result<Self, String> {
        let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
        let part = |wanted: &str| {
            let mut parts = fragment.split('&').filter_map(|part| part.split_once('='));
            parts
                .find(|(key, _)| *key == wanted)
                .map(|(_, value)| value)
        };
        let subdirectory = part("subdirectory").map(|folder| folder.trim_matches('/').to_owned());
        let odd = |folder: &String| {
            folder
                .split('/')
                .any(|part| part.is_empty() || part == "..")
                || folder.contains(|c: char| c.is_control() || c.is_whitespace() || c == ':')
        };
        if subdirectory.as_ref().is_some_and(odd) {
            return Err("its subdirectory leaves it".to_owned());
        }
        if let Some(path) = place.strip_prefix("file:./") {
            return Ok(Self::Folder {
                path: path.to_owned(),
                editable: fragment == "editable",
            });
        }
        if let Some(url) = place.strip_prefix("git+") {
            let (url, revision) = split_revision(url);
            return Ok(Self::Git {
                url: url.to_owned(),
                revision: revision.map(str::to_owned),
                subdirectory,
            });
        }
        let scheme = place.split_once("://").map_or("", |(scheme, _)| scheme);
        match scheme {
            "http" | "https" => Ok(Self::Archive {
                url: place.to_owned(),
                sha256: part("sha256").and_then(|digest| digest.parse().ok()),
                subdirectory,
            }),
            scheme if scheme.contains('+') => {
                let vcs = scheme.split('+').next().unwrap_or_default();
                Err(format!("of version control only git is known, not {vcs}"))
            }
            _ => Err("it is a path of another machine".to_owned()),
        }
    }
}

/// The last `@` of the path starts the revision; one before the path ends the user.
fn split_revision(url: &str) -> (&str, Option<&str>) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(start..).and_then(|rest| rest.find('/'));
    let Some(path) = path.map(|at| start + at) else {
        return (url, None);
    };
    match url.get(path..).and_then(|rest| rest.rfind('@')) {
        Some(at) => (&url[..path + at], url.get(path + at + 1..)),
        None => (url, None),
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn addresses_are_taken_apart() {
        let git = |url: &str, revision: Option<&str>, folder: Option<&str>| Place::Git {
            url: url.to_owned(),
            revision: revision.map(str::to_owned),
            subdirectory: folder.map(str::to_owned),
        };
        for (address, expected) in [
            (
                "git+https://git.test/a/b.git@v1.0#egg=b&subdirectory=py/core",
                git("https://git.test/a/b.git", Some("v1.0"), Some("py/core")),
            ),
            (
                "git+https://git.test/a/b",
                git("https://git.test/a/b", None, None),
            ),
            (
                "git+https://me@git.test/a/b@feature/x",
                git("https://me@git.test/a/b", Some("feature/x"), None),
            ),
            (
                "https://files.test/a-1-py3-none-any.whl#md5=0",
                Place::Archive {
                    url: "https://files.test/a-1-py3-none-any.whl".to_owned(),
                    sha256: None,
                    subdirectory: None,
                },
            ),
            (
                "file:./libs/a#editable",
                Place::Folder {
                    path: "libs/a".to_owned(),
                    editable: true,
                },
            ),
        ] {
            assert_eq!(Place::of(address), Ok(expected), "{address}");
        }
        for address in [
            "hg+https://git.test/a",
            "file:///home/me/a",
            "/home/me/a",
            "git+https://git.test/a#subdirectory=../b",
        ] {
            assert!(Place::of(address).is_err(), "{address}");
        }
    }
}
