//! Models, datasets and files that a call loads: what else the code needs.

use ruff_python_ast::{Expr, ExprCall};

use super::shell::download;
use super::{Artifact, Site};

/// The calls that [`in_call`] looks at, by the last part of their names.
pub(super) const WATCHED: [&str; 14] = [
    "CrossEncoder",
    "SentenceTransformer",
    "download_url_to_file",
    "load_state_dict_from_url",
    "load_url",
    "pipeline",
    "urlretrieve",
    "from_pretrained",
    "load_dataset",
    "hf_hub_download",
    "snapshot_download",
    "load",
    "create_model",
    "download",
];

/// What a call loads, when its argument says so literally; `name` is the dotted callee.
pub(super) fn in_call(name: &str, call: &ExprCall, site: impl Fn() -> Site) -> Option<Artifact> {
    let (last, before) = match name.rsplit_once('.') {
        Some((before, last)) => (last, before),
        None => (name, ""),
    };
    let found = match last {
        "from_pretrained" => Found {
            kind: "model",
            id: repository(argument(call, "pretrained_model_name_or_path", 0)?)?,
            call: "from_pretrained",
            revision: revision(call),
        },
        "load_dataset" => Found {
            kind: "dataset",
            id: dataset(argument(call, "path", 0)?)?,
            call: "load_dataset",
            revision: revision(call),
        },
        "hf_hub_download" => hub(call, "hf_hub_download")?,
        "snapshot_download" => hub(call, "snapshot_download")?,
        "load" if before.ends_with("hub") => torch_hub(call)?,
        "create_model" if is_pretrained(call) => Found {
            kind: "model",
            id: argument(call, "model_name", 0)?.to_owned(),
            call: "timm.create_model",
            revision: None,
        },
        "load" if before == "spacy" => Found {
            kind: "spacy",
            id: repository(argument(call, "name", 0)?)?,
            call: "spacy.load",
            revision: None,
        },
        "download" if before == "nltk" => Found {
            kind: "nltk",
            id: argument(call, "info_or_id", 0)?.to_owned(),
            call: "nltk.download",
            revision: None,
        },
        "SentenceTransformer" | "CrossEncoder" => Found {
            kind: "model",
            id: repository(argument(call, "model_name_or_path", 0)?)?,
            call: "sentence_transformers",
            revision: revision(call),
        },
        "pipeline" => Found {
            kind: "model",
            id: repository(argument(call, "model", 1)?)?,
            call: "pipeline",
            revision: revision(call),
        },
        "load_state_dict_from_url" | "download_url_to_file" | "load_url" => {
            file(argument(call, "url", 0)?, "torch.hub")?
        }
        "urlretrieve" => file(argument(call, "url", 0)?, "urlretrieve")?,
        "download" if before == "wget" => file(argument(call, "url", 0)?, "wget.download")?,
        "download" if before == "gdown" => gdown(call)?,
        _ => return None,
    };
    let found = with_revision(found);
    Some(Artifact {
        kind: found.kind,
        id: found.id,
        call: found.call,
        revision: found.revision,
        site: site(),
    })
}

/// The call of which only running it would tell what it loads: its argument is no literal.
pub(super) fn opaque(name: &str, call: &ExprCall) -> Option<&'static str> {
    let (last, before) = match name.rsplit_once('.') {
        Some((before, last)) => (last, before),
        None => (name, ""),
    };
    let (shown, keyword, position) = match last {
        "from_pretrained" => ("from_pretrained", "pretrained_model_name_or_path", 0),
        "load_dataset" => ("load_dataset", "path", 0),
        "hf_hub_download" => ("hf_hub_download", "repo_id", 0),
        "snapshot_download" => ("snapshot_download", "repo_id", 0),
        "load" if before.ends_with("hub") => ("torch.hub.load", "repo_or_dir", 0),
        "SentenceTransformer" => ("SentenceTransformer", "model_name_or_path", 0),
        "CrossEncoder" => ("CrossEncoder", "model_name_or_path", 0),
        "load_state_dict_from_url" => ("load_state_dict_from_url", "url", 0),
        "download_url_to_file" => ("download_url_to_file", "url", 0),
        "urlretrieve" => ("urlretrieve", "url", 0),
        "download" if before == "wget" => ("wget.download", "url", 0),
        "download" if before == "gdown" => ("gdown.download", "url", 0),
        _ => return None,
    };
    let value = call.arguments.find_argument_value(keyword, position)?;
    (!value.is_string_literal_expr()).then_some(shown)
}

/// `owner/name@revision`, as setfit and timm take it; no hub has an `@` in its names.
fn with_revision(mut found: Found) -> Found {
    if matches!(found.kind, "model" | "dataset")
        && let Some((id, revision)) = found.id.split_once('@')
    {
        found.revision.get_or_insert_with(|| revision.to_owned());
        found.id = id.to_owned();
    }
    found
}

struct Found {
    kind: &'static str,
    id: String,
    call: &'static str,
    revision: Option<String>,
}

fn argument<'a>(call: &'a ExprCall, keyword: &str, position: usize) -> Option<&'a str> {
    let value = call.arguments.find_argument_value(keyword, position)?;
    literal(value)
}

fn keyword<'a>(call: &'a ExprCall, name: &str) -> Option<&'a str> {
    literal(&call.arguments.find_keyword(name)?.value)
}

fn literal(value: &Expr) -> Option<&str> {
    let text = value.as_string_literal_expr()?.value.to_str();
    (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
}

fn revision(call: &ExprCall) -> Option<String> {
    keyword(call, "revision").map(str::to_owned)
}

/// An identifier on a hub; `None` for a path on the author's disk.
fn repository(id: &str) -> Option<String> {
    let is_path = id.starts_with(['.', '/', '~', '\\'])
        || id.contains('\\')
        || id.contains(":/")
        || id.matches('/').count() > 1;
    (!is_path).then(|| id.to_owned())
}

/// A dataset on a hub; `None` for the generic readers of local files.
fn dataset(id: &str) -> Option<String> {
    const READERS: [&str; 11] = [
        "arrow",
        "audiofolder",
        "csv",
        "generator",
        "imagefolder",
        "json",
        "pandas",
        "parquet",
        "text",
        "videofolder",
        "webdataset",
    ];
    let is_reader = READERS.contains(&id);
    (!is_reader).then(|| repository(id)).flatten()
}

fn hub(call: &ExprCall, name: &'static str) -> Option<Found> {
    let kind = match keyword(call, "repo_type") {
        Some("dataset") => "dataset",
        _ => "model",
    };
    Some(Found {
        kind,
        id: repository(argument(call, "repo_id", 0)?)?,
        call: name,
        revision: revision(call),
    })
}

/// A file at an address.
fn file(url: &str, call: &'static str) -> Option<Found> {
    download::is_address(url).then(|| Found {
        kind: "file",
        id: url.to_owned(),
        call,
        revision: download::revision(url),
    })
}

/// `gdown.download(url)`, `gdown.download(id="...")`
fn gdown(call: &ExprCall) -> Option<Found> {
    let id = keyword(call, "id").or_else(|| argument(call, "url", 0))?;
    Some(Found {
        kind: "file",
        id: id.to_owned(),
        call: "gdown.download",
        revision: None,
    })
}

/// `torch.hub.load("owner/name:ref", ...)`.
fn torch_hub(call: &ExprCall) -> Option<Found> {
    if keyword(call, "source") == Some("local") {
        return None;
    }
    let address = argument(call, "repo_or_dir", 0)?;
    let (id, revision) = match address.split_once(':') {
        Some((id, revision)) => (id, Some(revision.to_owned())),
        None => (address, None),
    };
    Some(Found {
        kind: "git",
        id: repository(id).filter(|id| id.contains('/'))?,
        call: "torch.hub.load",
        revision,
    })
}

fn is_pretrained(call: &ExprCall) -> bool {
    let keyword = call.arguments.find_keyword("pretrained");
    let value = keyword.map(|keyword| &keyword.value);
    matches!(value, Some(Expr::BooleanLiteral(literal)) if literal.value)
}
