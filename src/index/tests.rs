//! The whole index against a server in this process.

#[path = "../../tests/support/server.rs"]
#[expect(unreachable_pub, reason = "shared with the integration tests")]
mod server;

mod dates;
mod faults;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use pinsmith_resolver::{CoreMetadata, CoreMetadataHint, Project, Trust, parse_requirement};

use super::*;
use location::Proxy;
use server::{Answer, Asked, Server};

const METADATA: &str = "Metadata-Version: 2.1\nName: a\nVersion: 1.0\nRequires-Dist: numpy>=1\n";

fn name() -> PackageName {
    "a".parse().unwrap()
}

fn settings(index: &str, cache: Option<&Path>) -> IndexSettings {
    let location = Location {
        indexes: vec![IndexUrl::parse(index, "from a test").unwrap()],
        proxy: Proxy::Direct,
        ..Location::default()
    };
    IndexSettings {
        network: NetworkSettings {
            retries: 2,
            backoff: Duration::from_millis(5),
            timeout: Duration::from_secs(5),
            ..NetworkSettings::default()
        },
        upload_times: false,
        ..IndexSettings::new(location, cache.map(Path::to_path_buf))
    }
}

fn open(server: &Server) -> Index {
    Index::open(settings(&server.url("/simple/"), None)).unwrap()
}

fn found(index: &Index) -> Arc<Project> {
    match index.releases(&name()).unwrap() {
        ReleasesAnswer::Found(project) => project,
        other => panic!("{other:?}"),
    }
}

fn only_file(index: &Index) -> ReleaseFile {
    let project = found(index);
    project.file(&project.releases()[0], 0).unwrap()
}

fn requirements(index: &Index) -> Vec<String> {
    match index.metadata(&name(), &only_file(index)).unwrap() {
        MetadataAnswer::Found(core) => core.requires_dist.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn codes(index: &Index) -> Vec<&'static str> {
    index
        .diagnostics()
        .iter()
        .map(|found| found.code.0)
        .collect()
}

fn wheel(padding: usize) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("a/data.bin", options).unwrap();
    writer.write_all(&vec![7; padding]).unwrap();
    writer
        .start_file("a-1.0.dist-info/METADATA", options)
        .unwrap();
    writer.write_all(METADATA.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

fn sha256(bytes: &[u8]) -> String {
    cache::hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes))
}

/// A page with one wheel, whose anchor has these attributes.
fn page(attributes: &str) -> Answer {
    Answer::html(format!(
        "<a href='/f/a-1.0-py3-none-any.whl' {attributes}>x</a>"
    ))
}

const WHEEL: &str = "/f/a-1.0-py3-none-any.whl";

fn page_then(attributes: &str, file: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Server {
    let attributes = attributes.to_owned();
    Server::start(move |asked| match asked.path.as_str() {
        "/simple/a/" => page(&attributes),
        path if path.starts_with("/f/") => file(asked),
        _ => Answer::status(404),
    })
}

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

fn sdist(requires: &str) -> Vec<u8> {
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
fn a_page_is_confirmed_by_its_etag() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| {
        if asked
            .headers
            .get("if-none-match")
            .is_some_and(|tag| tag == "\"v1\"")
        {
            return Answer::status(304).header("cache-control", "max-age=0");
        }
        page("")
            .header("etag", "\"v1\"")
            .header("cache-control", "max-age=0")
    });
    for round in 0..3 {
        let index = Index::open(settings(&server.url("/simple/"), Some(dir.path()))).unwrap();
        assert_eq!(found(&index).releases().len(), 1);
        assert_eq!(index.stats().confirmed, u64::from(round > 0));
    }
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn without_cache_headers_a_page_is_believed_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let server = page_then("", |_| Answer::status(404));
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    let asks = |settings: &IndexSettings| {
        let index = Index::open(settings.clone()).unwrap();
        found(&index);
        index.stats().requests
    };
    assert_eq!((asks(&settings), asks(&settings)), (1, 0));
    let refresh = IndexSettings {
        refresh: true,
        ..settings
    };
    assert_eq!(asks(&refresh), 1);
}

#[test]
fn offline_answers_from_the_cache_or_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = page_then("", |asked| match asked.path.as_str() {
        WHEEL => Answer::status(500),
        _ => Answer::ok("text/plain", METADATA).header("cache-control", "max-age=0"),
    });
    let online = settings(&server.url("/simple/"), Some(dir.path()));
    assert_eq!(
        requirements(&Index::open(online.clone()).unwrap()),
        ["numpy>=1"]
    );
    let asked = server.asked().len();
    let offline = Index::open(IndexSettings {
        offline: true,
        ..online
    })
    .unwrap();
    assert_eq!(requirements(&offline), ["numpy>=1"]);
    let other = "b".parse().unwrap();
    assert!(matches!(
        offline.releases(&other),
        Ok(ReleasesAnswer::Offline)
    ));
    let mut file = only_file(&offline);
    file.url.push_str(".other");
    assert!(matches!(
        offline.metadata(&name(), &file),
        Ok(MetadataAnswer::Offline)
    ));
    assert_eq!(server.asked().len(), asked);
}

#[test]
fn a_damaged_cache_entry_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = page_then("", |_| Answer::status(404));
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    found(&Index::open(settings.clone()).unwrap());
    let folder = dir.path().join("v2/pages");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    assert_eq!(found(&Index::open(settings).unwrap()).releases().len(), 1);
    assert_eq!(server.asked().len(), 2);
}

/// Two indexes on one cache folder, at the same time, as two processes would be.
#[test]
fn one_cache_for_two() {
    let dir = tempfile::tempdir().unwrap();
    let server = page_then("", |_| Answer::ok("text/plain", METADATA));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let settings = settings(&server.url("/simple/"), Some(dir.path()));
            scope.spawn(move || {
                let index = Index::open(settings).unwrap();
                assert_eq!(requirements(&index), ["numpy>=1"]);
            });
        }
    });
    let index = Index::open(settings(&server.url("/simple/"), Some(dir.path()))).unwrap();
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(index.stats().requests, 0);
    assert_eq!(index.cache().size().unwrap().files, 2);
}

#[test]
fn an_index_that_fails_is_replaced_by_older_answers() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match asked.before {
        0 => page("").header("cache-control", "no-cache"),
        _ => Answer::Reset,
    });
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    found(&Index::open(settings.clone()).unwrap());
    let index = Index::open(settings).unwrap();
    assert_eq!(found(&index).releases().len(), 1);
    assert!(codes(&index).contains(&"IDX007"), "{:?}", codes(&index));
}

/// First index that has the name wins; 404 and 403 mean "not here", trouble does not.
#[test]
fn indexes_are_asked_in_order() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/private/a/" | "/public/b/" | "/public/a/" => {
            Answer::html("<a href='/f/a-1.0.tar.gz'>x</a><a href='/f/b-1.0.tar.gz'>x</a>")
        }
        "/private/b/" => Answer::status(403),
        "/private/c/" => Answer::status(500),
        _ => Answer::status(404),
    });
    let mut settings = settings(&server.url("/private/"), None);
    let public = IndexUrl::parse(&server.url("/public/"), "from a test").unwrap();
    settings.location.indexes.push(public);
    let index = Index::open(settings).unwrap();
    let asked = |name: &str| index.releases(&name.parse().unwrap());
    let Ok(ReleasesAnswer::Found(project)) = asked("a") else {
        panic!()
    };
    assert!(project.index.ends_with("/private/"));
    let Ok(ReleasesAnswer::Found(project)) = asked("b") else {
        panic!()
    };
    assert!(project.index.ends_with("/public/"));
    assert!(asked("c").is_err());
    assert!(matches!(asked("d"), Ok(ReleasesAnswer::NotFound)));
    let lines = server.lines();
    assert!(
        !lines
            .iter()
            .any(|line| line == "GET /public/a/" || line == "GET /public/c/")
    );
    assert!(codes(&index).contains(&"IDX008"));
}

#[test]
fn a_redirect_to_another_host_drops_credentials() {
    let other = Server::start(|_| page(""));
    let target = other.url("/elsewhere/");
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/simple/a/" => Answer::status(308).header("location", "/moved/a/"),
        "/moved/a/" => Answer::status(302).header("location", &target),
        _ => Answer::status(404),
    });
    let url = server
        .url("/simple/")
        .replace("http://", "http://me:secret@");
    let index = Index::open(settings(&url, None)).unwrap();
    let file = only_file(&index);
    assert!(file.url.starts_with(&other.url("/f/")), "{}", file.url);
    let sent = |asked: &Asked| asked.headers.get("authorization").cloned();
    let same_host: Vec<_> = server.asked().iter().map(sent).collect();
    assert_eq!(same_host, vec![Some("Basic bWU6c2VjcmV0".to_owned()); 2]);
    assert_eq!(sent(&other.asked()[0]), None);
    let _ = index.metadata(&name(), &file);
    assert!(other.asked().iter().all(|asked| sent(asked).is_none()));
    assert!(!format!("{index:?}").contains("secret"));
}

#[test]
fn redirect_loops_end() {
    let server = Server::start(|_| Answer::status(302).header("location", "/simple/a/"));
    let error = open(&server).releases(&name()).unwrap_err();
    assert!(error.message.contains("too many redirects"), "{error}");
}

#[test]
fn looking_ahead_and_asking_are_joined() {
    /// Guesses the only file, and that nothing follows from it.
    struct OnlyFile;
    impl Lookahead for OnlyFile {
        fn likely_file(&self, _: &Requirement, project: &Project) -> Option<ReleaseFile> {
            project.file(project.releases().first()?, 0)
        }
        fn likely_requirements(&self, _: &Requirement, _: &CoreMetadata) -> Vec<Requirement> {
            Vec::new()
        }
    }
    let server = page_then("", |_| Answer::ok("text/plain", METADATA));
    let index = open(&server);
    let wanted = parse_requirement(name().as_ref()).unwrap().requirement;
    let guess: Arc<dyn Lookahead> = Arc::new(OnlyFile);
    index.look_ahead(vec![wanted.clone(), wanted], &guess);
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(server.asked().len(), 2);
    let stats = index.stats();
    assert_eq!((stats.projects_done, stats.metadata_done), (1, 1));
}

#[test]
fn credentials_over_plain_http_are_withheld() {
    let index = Index::open(settings("http://me:secret@index.test/simple/", None)).unwrap();
    assert_eq!(codes(&index), ["IDX011"]);
}

#[test]
fn a_folder_is_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("simple/a");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("index.html"),
        "<a href='a-1.0-py3-none-any.whl'>x</a>",
    )
    .unwrap();
    std::fs::write(folder.join("a-1.0-py3-none-any.whl"), wheel(100_000)).unwrap();
    let url = url::Url::from_directory_path(dir.path().join("simple")).unwrap();
    let index = Index::open(IndexSettings {
        offline: true,
        ..settings(url.as_str(), None)
    })
    .unwrap();
    assert_eq!(requirements(&index), ["numpy>=1"]);
    let other = index.releases(&"b".parse().unwrap());
    assert!(matches!(other, Ok(ReleasesAnswer::NotFound)));
}
