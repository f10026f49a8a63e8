//! The whole index against a server in this process.

#[path = "../../tests/support/server.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the integration tests"
)]
mod server;

mod dates;
mod faults;
mod files;
mod hosts;
mod kept;
mod places;

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
        upload_times: UploadTimes::Unused,
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
