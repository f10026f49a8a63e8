//! Requirements that do not come from an index: version control, addresses, folders.

use pinsmith_resolver::PackageName;

use super::is_commit;
use crate::escape;
use crate::lock::without_credentials;
use crate::scan::Site;

/// One requirement that the lock cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceSpec {
    /// The distribution.
    pub name: PackageName,
    /// Where it comes from.
    pub kind: SourceKind,
    /// The address without credentials; `None` for a folder, and when the text is no address.
    pub url: Option<String>,
    /// The branch, tag or commit that was asked for.
    pub reference: Option<String>,
    /// The sha256 in the fragment of an archive's address.
    pub sha256: Option<String>,
    /// The folder within it.
    pub subdirectory: Option<String>,
    /// Where it is asked for, ordered.
    pub uses: Vec<Site>,
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// A repository: `git+`, `hg+`, `svn+`, `bzr+`.
    Vcs(&'static str),
    /// An archive at an address.
    Archive,
    /// A folder or file of this machine.
    Path,
}

/// Version control systems that pip knows.
const VCS: [&str; 4] = ["git", "hg", "svn", "bzr"];

impl SourceKind {
    /// The kind of a name in `pinsmith.env.toml`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "archive" => Some(Self::Archive),
            "path" => Some(Self::Path),
            _ => VCS.into_iter().find(|vcs| *vcs == name).map(Self::Vcs),
        }
    }

    /// The name in `pinsmith.env.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vcs(kind) => kind,
            Self::Archive => "archive",
            Self::Path => "path",
        }
    }
}

impl SourceSpec {
    /// Takes the address of a direct reference apart (PEP 508, PEP 440 "Direct references").
    pub(super) fn parse(name: PackageName, address: &str, uses: Vec<Site>) -> Self {
        let (address, fragment) = address
            .trim()
            .split_once('#')
            .unwrap_or((address.trim(), ""));
        let from_fragment = |key: &str| {
            fragment
                .split('&')
                .filter_map(|part| part.split_once('='))
                .find(|(found, _)| *found == key)
                .map(|(_, value)| escape::visible(value).into_owned())
        };
        let vcs = VCS
            .into_iter()
            .find_map(|vcs| Some((vcs, address.strip_prefix(vcs)?.strip_prefix('+')?)));
        let (kind, url, reference) = match vcs {
            Some((vcs, address)) => {
                let (address, reference) = split_reference(address);
                (SourceKind::Vcs(vcs), repository(address), reference)
            }
            None if address.starts_with("http:") || address.starts_with("https:") => {
                (SourceKind::Archive, without_credentials(address), None)
            }
            None => (SourceKind::Path, None, None),
        };
        Self {
            name,
            kind,
            url: url.map(|url| escape::visible(&url).into_owned()),
            reference: reference.map(|reference| escape::visible(reference).into_owned()),
            sha256: from_fragment("sha256").filter(|digest| is_sha256(digest)),
            subdirectory: from_fragment("subdirectory"),
            uses,
        }
    }

    /// The full commit, when one was asked for.
    pub fn commit(&self) -> Option<&str> {
        self.reference.as_deref().filter(|text| is_commit(text))
    }

    /// Whether what was asked for can never change.
    pub fn pinned(&self) -> bool {
        match self.kind {
            SourceKind::Vcs(_) => self.commit().is_some(),
            SourceKind::Archive => self.sha256.is_some(),
            SourceKind::Path => false,
        }
    }
}

fn is_sha256(text: &str) -> bool {
    text.parse::<pinsmith_resolver::Sha256>().is_ok()
}

/// The last `@` of the path starts the reference; one before the path ends the user.
fn split_reference(address: &str) -> (&str, Option<&str>) {
    let path = address
        .find("://")
        .and_then(|scheme| Some(scheme + 3 + address[scheme + 3..].find('/')?));
    let at = path.and_then(|path| Some(path + address[path..].rfind('@')?));
    match at {
        Some(at) => (&address[..at], Some(&address[at + 1..])),
        None => (address, None),
    }
}

/// A repository's address; of the user only the `git` of ssh stays, which is no secret.
fn repository(address: &str) -> Option<String> {
    if let Some(rest) = address.strip_prefix("ssh://") {
        let (authority, path) = rest.split_once('/')?;
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let user = if user == "git" { "git@" } else { "" };
        return Some(format!("ssh://{user}{host}/{path}"));
    }
    without_credentials(address).filter(|url| !url.starts_with("file:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> String {
        let source = SourceSpec::parse("clip".parse().unwrap(), address, Vec::new());
        let pinned = if source.pinned() { " pinned" } else { "" };
        format!(
            "{} {:?} {:?} {:?}{pinned}",
            source.kind.as_str(),
            source.url.unwrap_or_default(),
            source.reference.unwrap_or_default(),
            source.subdirectory.unwrap_or_default(),
        )
    }

    #[test]
    fn forms_of_direct_references() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(
            parse("git+https://github.com/openai/CLIP.git@main"),
            r#"git "https://github.com/openai/CLIP.git" "main" """#
        );
        assert_eq!(
            parse(&format!(
                "git+https://github.com/a/b@{commit}#subdirectory=py&egg=b"
            )),
            format!(r#"git "https://github.com/a/b" "{commit}" "py" pinned"#)
        );
        assert_eq!(
            parse("git+ssh://git@github.com/a/b.git"),
            r#"git "ssh://git@github.com/a/b.git" "" """#
        );
        assert_eq!(
            parse("https://files.test/a-1.0-py3-none-any.whl"),
            r#"archive "https://files.test/a-1.0-py3-none-any.whl" "" """#
        );
        assert_eq!(
            parse(&format!(
                "https://files.test/a.whl#sha256={}",
                "0".repeat(64)
            )),
            r#"archive "https://files.test/a.whl" "" "" pinned"#
        );
    }

    #[test]
    fn neither_secrets_nor_folders_of_this_machine_are_kept() {
        for address in [
            "git+https://hunter2@github.com/a/b@v1",
            "git+https://me:hunter2@github.com/a/b",
            "git+ssh://hunter2@github.com/a/b",
            "https://me:hunter2@files.test/a.whl",
            "https://files.test/a.whl?token=hunter2",
            "git+file:///home/hunter2/b",
            "file:///home/hunter2/b",
            "../hunter2",
        ] {
            assert!(!parse(address).contains("hunter2"), "{}", parse(address));
        }
    }
}
