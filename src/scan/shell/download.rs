//! What commands download: files, models and data that the code will look for.

/// Something that a command downloads: kind, identifier, revision and the program.
pub(super) type Download = (&'static str, String, Option<String>, &'static str);

/// What a command downloads, as far as it says so literally.
pub(super) fn downloads(words: &[String]) -> Vec<Download> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((program, rest)) = words.split_first() else {
        return Vec::new();
    };
    match (program.rsplit('/').next().unwrap_or(program), rest) {
        ("wget", _) => files(rest, "wget"),
        ("aria2c", _) => files(rest, "aria2c"),
        // without a place to put it, curl talks to a server
        ("curl", _) if rest.iter().any(|word| keeps(word)) => files(rest, "curl"),
        ("gdown", _) => gdown(rest),
        ("git", ["clone", rest @ ..]) => hub_clone(rest).into_iter().collect(),
        ("huggingface-cli" | "hf", ["download", rest @ ..]) => hub(rest).into_iter().collect(),
        ("kaggle", ["datasets", "download", rest @ ..]) => {
            let id = rest
                .iter()
                .find(|word| word.contains('/') && is_literal(word));
            id.map(|id| ("dataset", (*id).to_owned(), None, "kaggle"))
                .into_iter()
                .collect()
        }
        (_, ["-m", "spacy", "download", model, ..]) | ("spacy", ["download", model, ..]) => {
            vec![("spacy", (*model).to_owned(), None, "spacy download")]
        }
        (_, ["-m", "nltk.downloader", rest @ ..]) => {
            let names = rest.iter().filter(|word| !word.starts_with('-'));
            names
                .map(|name| ("nltk", (*name).to_owned(), None, "nltk.downloader"))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// `-o file`, `-LO`, `--output file`
fn keeps(word: &str) -> bool {
    let short = word.starts_with('-') && !word.starts_with("--");
    short && word.contains(['o', 'O']) || matches!(word, "--output" | "--remote-name")
}

fn files(words: &[&str], call: &'static str) -> Vec<Download> {
    let urls = words.iter().filter(|word| is_address(word));
    urls.map(|url| ("file", (*url).to_owned(), revision(url), call))
        .collect()
}

/// An address of a server elsewhere, without variables.
pub(in crate::scan) fn is_address(word: &str) -> bool {
    let schemes = ["http://", "https://", "ftp://"];
    let rest = schemes.iter().find_map(|scheme| word.strip_prefix(scheme));
    rest.is_some_and(|rest| {
        let here = ["localhost", "127.", "0.0.0.0", "["];
        !here.iter().any(|here| rest.starts_with(here)) && is_literal(rest)
    })
}

fn is_literal(word: &str) -> bool {
    !word.is_empty()
        && !word.contains(['$', '{', '`', '<', '\\'])
        && !word.contains(char::is_control)
}

/// The revision in an address of a hub: `.../resolve/REVISION/file`.
pub(in crate::scan) fn revision(url: &str) -> Option<String> {
    let (_, path) = url.split_once("huggingface.co/")?;
    let mut parts = path.split('/');
    parts.find(|part| matches!(*part, "resolve" | "blob" | "raw"))?;
    parts.next().map(str::to_owned)
}

/// `gdown URL`, `gdown ID`, `gdown --id ID`
fn gdown(words: &[&str]) -> Vec<Download> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "-O" | "--output" | "--proxy" | "--speed" => {
                words.next();
            }
            option if option.starts_with('-') => {}
            place if is_literal(place) => {
                return vec![("file", place.to_owned(), None, "gdown")];
            }
            _ => return Vec::new(),
        }
    }
    Vec::new()
}

/// `huggingface-cli download NAME [--repo-type dataset] [--revision REVISION]`
fn hub(words: &[&str]) -> Option<Download> {
    let after = |option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        words.get(at + 1).copied()
    };
    let takes_value = |option: &str| {
        const ALONE: [&str; 4] = [
            "--resume-download",
            "--force-download",
            "--quiet",
            "--dry-run",
        ];
        option.starts_with('-') && !option.contains('=') && !ALONE.contains(&option)
    };
    let mut before = "";
    let id = words.iter().find(|word| {
        let is_id = !word.starts_with('-') && !takes_value(before);
        before = word;
        is_id
    });
    let id = id.filter(|id| is_literal(id))?;
    let kind = match after("--repo-type") {
        Some("dataset") => "dataset",
        _ => "model",
    };
    let revision = after("--revision").map(str::to_owned);
    Some((kind, (*id).to_owned(), revision, "huggingface-cli"))
}

/// A clone of a model or dataset from a hub.
fn hub_clone(words: &[&str]) -> Option<Download> {
    let url = words.iter().find(|word| is_address(word))?;
    let (_, id) = url.split_once("huggingface.co/")?;
    let id = id.trim_end_matches('/').trim_end_matches(".git");
    let (kind, id) = match id.strip_prefix("datasets/") {
        Some(id) => ("dataset", id),
        None => ("model", id),
    };
    let plain = id.matches('/').count() <= 1 && !id.starts_with("spaces/");
    plain.then(|| (kind, id.to_owned(), None, "git clone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_are_found() {
        let cases: &[(&str, &[&str])] = &[
            (
                "wget -q https://h/a.pth -O b.pth",
                &["file https://h/a.pth"],
            ),
            ("wget $URL http://localhost/a", &[]),
            (
                "curl -LO https://huggingface.co/o/n/resolve/abc/a.bin",
                &["file https://huggingface.co/o/n/resolve/abc/a.bin@abc"],
            ),
            ("curl -X POST https://h/predict", &[]),
            ("gdown --id 1a2b -O x", &["file 1a2b"]),
            (
                "git clone https://huggingface.co/datasets/o/n",
                &["dataset o/n"],
            ),
            ("git clone https://github.com/o/n", &[]),
            (
                "huggingface-cli download o/n --revision v1 --repo-type dataset",
                &["dataset o/n@v1"],
            ),
            (
                "hf download --resume-download --local-dir x o/n a.bin",
                &["model o/n"],
            ),
            ("kaggle datasets download -d o/n", &["dataset o/n"]),
            (
                "python -m spacy download en_core_web_sm",
                &["spacy en_core_web_sm"],
            ),
            ("python -m nltk.downloader punkt", &["nltk punkt"]),
            ("ls", &[]),
        ];
        for (line, expected) in cases {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let found = downloads(&words).into_iter();
            let found: Vec<String> = found
                .map(|(kind, id, revision, _)| {
                    let revision = revision.map_or(String::new(), |r| format!("@{r}"));
                    format!("{kind} {id}{revision}")
                })
                .collect();
            assert_eq!(found, *expected, "{line}");
        }
    }
}
