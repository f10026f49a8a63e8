//! What servers, networks and disks do wrong.

use std::fs;
use std::net::TcpListener;

use super::*;

#[test]
fn failures_that_pass_are_tried_again() {
    let raw = |text: &str| Answer::Raw(text.as_bytes().to_vec());
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n<a hr";
    for first in [
        Answer::status(500),
        Answer::status(429).header("retry-after", "0"),
        Answer::Reset,
        Answer::CutOff(b"<a href".to_vec()),
        Answer::html("no gzip").header("content-encoding", "gzip"),
        Answer::html(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0][..]).header("content-encoding", "gzip"),
        raw(chunked),
        raw("HTTP/1.1 200"),
        raw("SSH-2.0-OpenSSH_9.2\r\n"),
        Answer::Drip(Duration::from_millis(50)),
    ] {
        let shown = format!("{first:?}");
        let server = Server::start(move |asked| match asked.before {
            0 => first.clone(),
            _ => page(""),
        });
        let mut settings = settings(&server.url("/simple/"), None);
        settings.network.longest = Duration::from_millis(400);
        let index = Index::open(settings).unwrap();
        assert_eq!(found(&index).releases().len(), 1, "{shown}");
        assert_eq!(index.stats().retries, 1, "{shown}");
    }
}

#[test]
fn failures_that_stay_are_errors_with_a_remedy() {
    for (answer, expected) in [
        (Answer::status(503), "answers with status 503"),
        (Answer::status(401), "asks for credentials"),
        (Answer::html("<title>Sign in</title>"), "its title: Sign in"),
        (Answer::ok("text/plain", "hello"), "neither HTML nor JSON"),
        (Answer::Reset, "the connection broke"),
        // a length that is too small leaves a piece of a page
        (
            Answer::Raw(
                b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n<a href=\"a-1.0.tar.gz\">".to_vec(),
            ),
            "lists no files",
        ),
        (Answer::Drip(Duration::from_millis(20)), "took too long"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(move |_| answer.clone());
        let mut settings = settings(&server.url("/simple/"), Some(dir.path()));
        settings.network.longest = Duration::from_millis(300);
        settings.network.retries = 1;
        let index = Index::open(settings).unwrap();
        let error = index.releases(&name()).unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert!(error.message.contains("project `a`") && error.help.is_some());
        assert_eq!(
            index.cache().size().unwrap().files,
            0,
            "{expected}: nothing is kept"
        );
    }
}

#[test]
fn a_host_that_is_not_there_is_asked_once() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let index = Index::open(settings(&format!("http://{}/", nobody.unwrap()), None)).unwrap();
    let error = index.releases(&name()).unwrap_err();
    assert!(error.message.contains("no connection"), "{error}");
    let sent = index.stats().requests;
    assert!(index.releases(&"b".parse().unwrap()).is_err());
    assert_eq!(index.stats().requests, sent);
}

/// What was answered before stays; what comes after is an error, not a wrong answer.
#[test]
fn an_index_that_vanishes_during_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|asked| match asked.path.as_str() {
        "/simple/a/" => page(""),
        _ => Answer::Reset,
    });
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    let index = Index::open(settings.clone()).unwrap();
    let file = only_file(&index);
    let error = index.metadata(&name(), &file).unwrap_err();
    assert!(error.message.contains("metadata of `a-1.0"), "{error}");
    assert!(index.releases(&"b".parse().unwrap()).is_err());
    // nothing of this is remembered as an answer
    let offline = Index::open(IndexSettings {
        offline: true,
        ..settings
    })
    .unwrap();
    assert_eq!(found(&offline).releases().len(), 1);
    assert!(matches!(
        offline.metadata(&name(), &file),
        Ok(MetadataAnswer::Offline)
    ));
}

#[test]
fn a_retry_after_is_waited_for() {
    let server = Server::start(|asked| match asked.before {
        0 => Answer::status(429).header("retry-after", "1"),
        _ => page(""),
    });
    let started = std::time::Instant::now();
    found(&open(&server));
    assert!(started.elapsed() >= Duration::from_secs(1));
}

/// A certificate that nobody vouches for, and the same one as the user's own authority.
#[test]
fn certificates_are_checked() {
    let (server, pem) = Server::start_tls(|_| Answer::html("<a href=a-1.0.tar.gz>x</a>"));
    let url = server.url("/simple/");
    let strict = Index::open(settings(&url, None)).unwrap();
    let error = strict.releases(&name()).unwrap_err();
    assert!(
        error.message.contains("certificate is not trusted"),
        "{error}"
    );
    assert_eq!(strict.stats().retries, 0);
    let dir = tempfile::tempdir().unwrap();
    let bundle = dir.path().join("ca.pem");
    fs::write(&bundle, pem).unwrap();
    let mut settings = settings(&url, None);
    settings.location.certificate = Some(bundle);
    assert_eq!(found(&Index::open(settings).unwrap()).releases().len(), 1);
}

/// A file where the cache wants a folder fails every write, as a full disk does.
#[test]
fn a_cache_that_cannot_be_written_costs_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("v4")).unwrap();
    fs::write(dir.path().join("v4/pages"), "").unwrap();
    fs::write(dir.path().join("v4/wheels"), "").unwrap();
    let server = page_then("", |_| Answer::ok("text/plain", METADATA));
    let index = Index::open(settings(&server.url("/simple/"), Some(dir.path()))).unwrap();
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(codes(&index), ["IDX006", "IDX009"]);
}

/// Entries of a read-only cache are used, and nothing is said: there was no write that failed.
#[cfg(unix)]
#[test]
fn a_read_only_cache_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let server = page_then("", |_| Answer::ok("text/plain", METADATA));
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    requirements(&Index::open(settings.clone()).unwrap());
    let folders = ["v4/pages", "v4/wheels", "v4", ""].map(|folder| dir.path().join(folder));
    let set = |mode| {
        for folder in &folders {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o555);
    let index = Index::open(settings).unwrap();
    assert_eq!(requirements(&index), ["numpy>=1"]);
    assert_eq!(index.stats().requests, 0);
    assert_eq!(codes(&index), ["IDX009"]);
    // a write that fails is a warning; an administrator's does not fail
    let other = index.releases(&"b".parse().unwrap());
    assert!(matches!(other, Ok(ReleasesAnswer::NotFound)));
    set(0o755);
}
