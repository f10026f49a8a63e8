//! Metadata of single files, each way that a server may allow.

use super::*;

#[test]
fn advertised_metadata_is_fetched_and_checked() {
    let attributes = format!(
        "data-core-metadata='sha256={}'",
        sha256(METADATA.as_bytes())
    );
    let server = page_then(&attributes, |_| Answer::ok("text/plain", METADATA));
    let index = open(&server);
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(
        server.lines(),
        ["GET /simple/a/", &format!("GET {WHEEL}.metadata")]
    );
    assert_eq!(codes(&index), ["IDX009"]);
    assert!(server.asked()[0].headers["accept"].starts_with("application/vnd.pypi.simple.v1+json"));
}

#[test]
fn a_wrong_hash_is_an_error() {
    let attributes = format!("data-core-metadata='sha256={}'", sha256(b"something else"));
    let server = page_then(&attributes, |_| Answer::ok("text/plain", METADATA));
    let index = open(&server);
    let error = index.metadata(&name(), &only_file(&index)).unwrap_err();
    assert!(error.message.contains("the index states"), "{error}");
}

#[test]
fn without_metadata_beside_it_ranges_are_read() {
    let whole = wheel(200_000);
    let server = page_then("", move |asked| match asked.path.as_str() {
        WHEEL => Answer::file(asked, &whole),
        _ => Answer::status(404),
    });
    assert_eq!(requirements(&open(&server)), ["numpy>=1"]);
    assert_eq!(
        server.lines()[1..],
        [
            format!("GET {WHEEL}.metadata"),
            format!("GET {WHEEL} bytes=-65536")
        ]
    );
}

/// Where the index says that other files have metadata, this one has none: nothing is guessed.
#[test]
fn absent_metadata_is_not_guessed() {
    let server = page_then("data-core-metadata=false", |asked| {
        Answer::file(asked, &wheel(10))
    });
    let index = open(&server);
    assert_eq!(only_file(&index).core_metadata, CoreMetadataHint::Absent);
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(server.lines()[1..], [format!("GET {WHEEL} bytes=-65536")]);
}

#[test]
fn suffix_ranges_that_are_not_understood_are_computed() {
    let whole = wheel(200_000);
    let server = page_then("data-core-metadata=false", move |asked| {
        match asked.headers.get("range") {
            Some(range) if range.starts_with("bytes=-") => Answer::status(416),
            _ => Answer::file(asked, &whole),
        }
    });
    assert_eq!(requirements(&open(&server)), ["numpy>=1"]);
    assert_eq!(server.lines()[2], format!("HEAD {WHEEL}"));
    assert_eq!(server.lines().len(), 4);
}

#[test]
fn without_ranges_the_whole_wheel_is_read() {
    let (small, large) = (wheel(10), wheel(5_000_000));
    for whole in [small, large] {
        let (attributes, is_large) = (
            format!(
                "data-core-metadata=false data-x=1 href2='#sha256={}'",
                sha256(&whole)
            ),
            whole.len() > 4_000_000,
        );
        let server = page_then(&attributes, move |_| {
            Answer::ok("application/octet-stream", whole.clone())
        });
        let index = open(&server);
        assert_eq!(requirements(&index), ["numpy>=1"]);
        assert_eq!(codes(&index).contains(&"IDX010"), is_large);
    }
}

/// A range that is not the one asked for is not believed.
#[test]
fn a_wrong_content_range_is_not_believed() {
    let whole = wheel(200_000);
    let server = page_then("data-core-metadata=false", move |asked| {
        if asked.headers.contains_key("range") {
            return Answer::status(206).header("content-range", "bytes 0-9/999999");
        }
        Answer::ok("application/octet-stream", whole.clone())
    });
    assert_eq!(requirements(&open(&server)), ["numpy>=1"]);
}

#[test]
fn a_whole_file_with_another_hash_is_an_error() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/simple/a/" => Answer::html(format!(
            "<a href='/f/a-1.0.tar.gz#sha256={}'>x</a>",
            sha256(b"x")
        )),
        _ => Answer::ok("application/gzip", "y"),
    });
    let index = open(&server);
    let error = index.metadata(&name(), &only_file(&index)).unwrap_err();
    assert!(
        error.message.contains("the file of `a-1.0.tar.gz`"),
        "{error}"
    );
}

pub(super) fn sdist(requires: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(
        Vec::new(),
        flate2::Compression::fast(),
    ));
    let mut header = tar::Header::new_gnu();
    header.set_size(requires.len() as u64);
    let path = "a-1.0/a.egg-info/requires.txt";
    builder
        .append_data(&mut header, path, requires.as_bytes())
        .unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn sdists_are_read_and_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match asked.path.as_str() {
        "/simple/a/" => Answer::html("<a href='/f/a-1.0.tar.gz'>x</a>"),
        "/f/a-1.0.tar.gz" => Answer::ok("application/gzip", sdist("numpy>=1\n")),
        _ => Answer::status(404),
    });
    for _ in 0..2 {
        let index = Index::open(settings(&server.url("/simple/"), Some(dir.path()))).unwrap();
        let answer = index.metadata(&name(), &only_file(&index)).unwrap();
        let MetadataAnswer::Found(core) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((core.requires_dist.len(), core.trust), (1, Trust::Guessed));
    }
    assert_eq!(server.lines(), ["GET /simple/a/", "GET /f/a-1.0.tar.gz"]);
}

#[test]
fn a_whole_file_is_written_only_when_it_is_the_right_one() {
    let whole = wheel(10);
    let (right, wrong) = (sha256(&whole), sha256(b"something else"));
    let server = page_then("", move |asked| Answer::file(asked, &whole));
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("tools").join("a.whl");
    let index = open(&server);
    let filename = only_file(&index).filename;
    let get = |filename: &str, digest: &str| {
        index.download(&name(), filename, digest.parse().unwrap(), &to)
    };
    assert!(
        get("other.whl", &right)
            .unwrap_err()
            .contains("has no `other.whl`")
    );
    assert!(
        get(&filename, &wrong)
            .unwrap_err()
            .contains("is the right one")
    );
    assert!(!to.exists());
    get(&filename, &right).unwrap();
    assert_eq!(sha256(&std::fs::read(&to).unwrap()), right);
}
