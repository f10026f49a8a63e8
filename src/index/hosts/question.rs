//! What can be asked of which host about something that code loads; pure.

use url::Url;

use crate::index::archive::percent_decode;

/// A question to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A model or dataset of the hub.
    Hub {
        /// `models` or `datasets`.
        kind: &'static str,
        /// `owner/name` or `name`.
        id: String,
        /// Branch, tag or commit; `None` is `main`.
        revision: Option<String>,
        /// One file of it, when only that is meant.
        path: Option<String>,
    },
    /// A repository on GitHub.
    GitHub {
        /// `owner/name`.
        repository: String,
        /// Branch, tag or commit; `None` is the default branch.
        revision: Option<String>,
    },
    /// A file at an address, which has to be downloaded to know it.
    File {
        /// Its address.
        url: Url,
    },
}

impl Question {
    /// The question that would tell what an artifact is; `None` where no host can be asked.
    ///
    /// ```
    /// use pinsmith::index::Question;
    /// let asked = |kind, id, revision| format!("{:?}", Question::of(kind, id, revision).unwrap());
    /// assert!(asked("model", "openai/clip-vit-base-patch32", None).starts_with("Hub"));
    /// assert!(asked("git", "pytorch/vision", Some("v0.10.0")).starts_with("GitHub"));
    /// assert!(asked("file", "https://files.test/a.pt", None).starts_with("File"));
    /// assert!(Question::of("nltk", "punkt", None).is_none());
    /// ```
    pub fn of(kind: &str, id: &str, revision: Option<&str>) -> Option<Self> {
        let revision = || revision.map(str::to_owned);
        match kind {
            "model" | "dataset" => is_repository(id).then(|| Self::Hub {
                kind: if kind == "model" {
                    "models"
                } else {
                    "datasets"
                },
                id: id.to_owned(),
                revision: revision(),
                path: None,
            }),
            "git" => Some(Self::GitHub {
                repository: github_repository(id)?,
                revision: revision(),
            }),
            "file" => {
                let url = Url::parse(id).ok()?;
                let known = of_hub(&url).or_else(|| of_github(&url));
                known.or_else(|| {
                    matches!(url.scheme(), "https" | "http").then_some(Self::File { url })
                })
            }
            _ => None,
        }
    }
}

/// What the hub takes as a name: one or two parts of letters, digits, `-`, `_` and `.`.
fn is_repository(id: &str) -> bool {
    let part = |part: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part.len() <= 96 && !part.starts_with('.') && part.chars().all(inside)
    };
    id.split('/').count() <= 2 && id.split('/').all(part)
}

/// `owner/name` of a name or an address.
fn github_repository(id: &str) -> Option<String> {
    let Ok(url) = Url::parse(id) else {
        return (id.contains('/') && is_repository(id)).then(|| id.to_owned());
    };
    if url.host_str() != Some("github.com") {
        return None;
    }
    let parts: Vec<&str> = url
        .path_segments()?
        .filter(|part| !part.is_empty())
        .collect();
    let [owner, name] = parts.as_slice() else {
        return None;
    };
    let repository = format!("{owner}/{}", name.trim_end_matches(".git"));
    is_repository(&repository).then_some(repository)
}

/// `https://huggingface.co/[datasets/]owner/name/resolve/REVISION/PATH`
fn of_hub(url: &Url) -> Option<Question> {
    if url.host_str() != Some("huggingface.co") {
        return None;
    }
    let mut parts: Vec<String> = url.path_segments()?.map(percent_decode).collect();
    let kind = if parts.first()? == "datasets" {
        parts.remove(0);
        "datasets"
    } else {
        "models"
    };
    let verb = parts
        .iter()
        .position(|part| matches!(part.as_str(), "resolve" | "raw" | "blob"))?;
    let id = parts[..verb].join("/");
    let revision = parts.get(verb + 1)?.clone();
    let path = parts.get(verb + 2..)?.join("/");
    (is_repository(&id) && !path.is_empty()).then_some(Question::Hub {
        kind,
        id,
        revision: Some(revision),
        path: Some(path),
    })
}

/// Archives and raw files of a repository on GitHub; not those of releases, which are files.
fn of_github(url: &Url) -> Option<Question> {
    let parts: Vec<String> = url.path_segments()?.map(percent_decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (owner, name, revision) = match (url.host_str()?, parts.as_slice()) {
        (
            "github.com",
            [owner, name, "archive", "refs", "heads" | "tags", rest @ ..]
            | [owner, name, "archive", rest @ ..],
        ) if !rest.is_empty() => {
            let last = rest.join("/");
            let reference = last.strip_suffix(".zip").or(last.strip_suffix(".tar.gz"))?;
            (*owner, *name, reference.to_owned())
        }
        ("github.com", [owner, name, "raw" | "blob", revision, _, ..])
        | ("raw.githubusercontent.com", [owner, name, revision, _, ..]) => {
            (*owner, *name, (*revision).to_owned())
        }
        _ => return None,
    };
    let repository = format!("{owner}/{name}");
    is_repository(&repository).then_some(Question::GitHub {
        repository,
        revision: Some(revision),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_questions() {
        let cases = [
            ("model", "bert-base-uncased", "models bert-base-uncased"),
            ("dataset", "allenai/c4", "datasets allenai/c4"),
            ("model", "../../etc/passwd", "-"),
            ("model", "a/b/c", "-"),
            ("model", "a b", "-"),
            (
                "git",
                "https://github.com/openai/CLIP.git",
                "github openai/CLIP",
            ),
            ("git", "https://gitlab.test/a/b", "-"),
            (
                "file",
                "https://huggingface.co/a/b/resolve/main/x/y.bin",
                "models a/b@main x/y.bin",
            ),
            (
                "file",
                "https://huggingface.co/datasets/a/b/raw/v1/c.txt",
                "datasets a/b@v1 c.txt",
            ),
            (
                "file",
                "https://github.com/a/b/archive/main.zip",
                "github a/b@main",
            ),
            (
                "file",
                "https://github.com/a/b/archive/refs/tags/v1.0.tar.gz",
                "github a/b@v1.0",
            ),
            (
                "file",
                "https://raw.githubusercontent.com/a/b/dev/c.py",
                "github a/b@dev",
            ),
            (
                "file",
                "https://github.com/a/b/releases/download/v1/w.pt",
                "file https://github.com/a/b/releases/download/v1/w.pt",
            ),
            ("file", "ftp://a.test/b", "-"),
            ("spacy", "en_core_web_sm", "-"),
        ];
        for (kind, id, expected) in cases {
            let at =
                |revision: Option<String>| revision.map_or(String::new(), |one| format!("@{one}"));
            let found = match Question::of(kind, id, None) {
                None => "-".to_owned(),
                Some(Question::Hub {
                    kind,
                    id,
                    revision,
                    path,
                }) => {
                    let path = path.map_or(String::new(), |path| format!(" {path}"));
                    format!("{kind} {id}{}{path}", at(revision))
                }
                Some(Question::GitHub {
                    repository,
                    revision,
                }) => {
                    format!("github {repository}{}", at(revision))
                }
                Some(Question::File { url }) => format!("file {url}"),
            };
            assert_eq!(found, expected, "{kind} {id}");
        }
    }
}
