//! Hosts of models, against a server in this process that speaks their API.

use std::fmt::Write as _;

use super::*;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OLDER: &str = "89abcdef0123456789abcdef0123456789abcdef";

fn hosts(hub: &str, token: Option<&str>, as_of: Option<&str>, limit: Option<u64>) -> Hosts {
    Hosts::open(HostsSettings {
        location: settings(hub, None).location,
        hub: Some(hub.parse().unwrap()),
        token: token.map(|text| location::Secret(text.to_owned())),
        github: format!("{hub}github").parse().unwrap(),
        as_of: as_of.map(|text| text.parse().unwrap()),
        download_limit: limit,
    })
    .unwrap()
}

fn ask(hosts: &Hosts, kind: &str, id: &str, revision: Option<&str>) -> String {
    let question = Question::of(kind, id, revision).unwrap();
    let answer = hosts.ask(vec![question]).remove(0);
    match answer {
        Err(error) => error.to_string(),
        Ok(answer) => {
            let mut text = answer.commit.unwrap_or_default();
            for file in answer.files {
                let digest = file.sha256.map(|digest| digest.to_string());
                let digest = digest.or(file.git_blob).unwrap_or_default();
                let size = file.size.unwrap_or_default();
                let _ = write!(text, " {}:{size}:{digest:.6}", file.path);
            }
            text
        }
    }
}

fn repository() -> String {
    let (weights, blob) = ("ab".repeat(32), "c".repeat(40));
    format!(
        r#"{{"id":"a/b","sha":"{COMMIT}","gated":false,"siblings":[
        {{"rfilename":"model.safetensors","size":9,"blobId":"{blob}","lfs":{{"sha256":"{weights}","size":9000,"pointerSize":134}}}},
        {{"rfilename":"config.json","size":12,"blobId":"{blob}"}}]}}"#
    )
}

fn hub(asked: &Asked) -> Answer {
    let history =
        format!(r#"[{{"id":"{COMMIT}","title":"new","date":"2026-01-02T00:00:00.000Z"}}]"#);
    let past = format!(r#"[{{"id":"{OLDER}","title":"old","date":"2024-01-02T00:00:00.000Z"}}]"#);
    match asked.path.as_str() {
        "/api/models/a/b/revision/main?blobs=true"
        | "/api/datasets/a/b/revision/refs%2Fconvert%2Fparquet?blobs=true"
        | "/api/models/renamed/b/revision/main?blobs=true" => {
            Answer::ok("application/json", repository())
        }
        "/api/models/b/revision/main?blobs=true" => {
            Answer::status(307).header("location", "/api/models/renamed/b/revision/main?blobs=true")
        }
        "/api/models/a/b/commits/main" => Answer::ok("application/json", history)
            .header("link", "</api/models/a/b/commits/main?p=1>; rel=\"next\""),
        "/api/models/a/b/commits/main?p=1" => Answer::ok("application/json", past),
        path if path.contains(OLDER) => {
            Answer::ok("application/json", repository().replace(COMMIT, OLDER))
        }
        "/api/models/a/secret/revision/main?blobs=true"
            if asked.headers.get("authorization").map(String::as_str) == Some("Bearer hf_x") =>
        {
            Answer::ok("application/json", repository())
        }
        "/api/models/a/secret/revision/main?blobs=true" => Answer::status(401),
        "/api/models/a/odd/revision/main?blobs=true" => Answer::html("<p>sign in</p>"),
        "/github/repos/o/r/commits/v1" => Answer::ok("text/plain", format!("{COMMIT}\n")),
        "/weights.pt" => Answer::ok("application/octet-stream", "weights"),
        _ => Answer::status(404),
    }
}

#[test]
fn names_become_commits_and_digests() {
    let server = Server::start(hub);
    let url = server.url("/");
    let now = hosts(&url, None, None, Some(1000));
    let files = "config.json:12:cccccc model.safetensors:9000:ababab";
    let weights = server.url("/weights.pt");
    let cases = [
        ("model", "a/b", None, format!("{COMMIT} {files}")),
        // an old name is redirected by the hub itself
        ("model", "b", None, format!("{COMMIT} {files}")),
        (
            "dataset",
            "a/b",
            Some("refs/convert/parquet"),
            format!("{COMMIT} {files}"),
        ),
        (
            "file",
            "https://huggingface.co/a/b/resolve/main/config.json",
            None,
            format!("{COMMIT} config.json:12:cccccc"),
        ),
        (
            "file",
            "https://huggingface.co/a/b/resolve/main/gone.bin",
            None,
            "`a/b` has no file `gone.bin`".to_owned(),
        ),
        (
            "model",
            "a/secret",
            None,
            "127.0.0.1 does not show `a/secret` without a token that may read it".to_owned(),
        ),
        (
            "model",
            "a/odd",
            None,
            "127.0.0.1 answers with something else".to_owned(),
        ),
        (
            "model",
            "a/gone",
            None,
            "127.0.0.1 has no `a/gone`, or not in that revision".to_owned(),
        ),
        ("git", "o/r", Some("v1"), COMMIT.to_owned()),
        (
            "file",
            &weights,
            None,
            format!(" weights.pt:7:{:.6}", sha256(b"weights")),
        ),
    ];
    for (kind, id, revision, expected) in cases {
        assert_eq!(ask(&now, kind, id, revision), expected, "{id}");
    }
    let then = hosts(&url, None, Some("2025-01-01T00:00:00Z"), None);
    assert_eq!(ask(&then, "model", "a/b", None), format!("{OLDER} {files}"));
    assert_eq!(ask(&then, "file", &weights, None), "not asked");
    let before = hosts(&url, None, Some("2020-01-01T00:00:00Z"), None);
    let told = ask(&before, "model", "a/b", None);
    assert!(told.starts_with("`a/b` was not there at 2020"), "{told}");
    let small = hosts(&url, None, None, Some(3));
    assert_eq!(
        ask(&small, "file", &weights, None),
        "the answer is larger than 3 bytes"
    );
}

#[test]
fn a_token_stays_with_the_hub() {
    let elsewhere = Server::start(|_| Answer::ok("application/json", repository()));
    let away = elsewhere.url("/api/models/a/b");
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/api/models/a/away/revision/main?blobs=true" => {
            Answer::status(307).header("location", &away)
        }
        _ => hub(asked),
    });
    let with = hosts(&server.url("/"), Some("hf_x"), None, Some(1000));
    assert!(ask(&with, "model", "a/secret", None).starts_with(COMMIT));
    assert!(ask(&with, "model", "a/away", None).starts_with(COMMIT));
    ask(&with, "file", &elsewhere.url("/file.bin"), None);
    let seen = elsewhere.asked();
    assert_eq!(seen.len(), 1, "http elsewhere is refused");
    assert!(!seen[0].headers.contains_key("authorization"));
    assert!(!format!("{with:?}").contains("hf_x"));
    let debug = format!("{:?}", location::Secret("hf_x".to_owned()));
    assert!(!debug.contains("hf_x"));
    assert!(!Hosts::token_may_be_sent(
        &"http://hub.test/".parse().unwrap()
    ));
}
