//! What is kept from one run to the next.

use super::*;

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
        refresh: Refresh::Everything,
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
    let folder = dir.path().join("v4/pages");
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

/// An answer is recalled where each page that it rests on is as it was, and nowhere else.
#[test]
fn what_was_worked_out_holds_as_long_as_its_pages() {
    let version = Arc::new(AtomicU64::new(1));
    let served = Arc::clone(&version);
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/second/a/" => page(&format!(
            "data-requires-python='>={}'",
            served.load(Ordering::Relaxed)
        )),
        _ => Answer::status(404),
    });
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(&server.url("/first/"), Some(dir.path()));
    let second = IndexUrl::parse(&server.url("/second/"), "from a test").unwrap();
    settings.location.indexes.push(second);
    let open = |refresh: bool| {
        let refresh = if refresh {
            Refresh::Everything
        } else {
            Refresh::Nothing
        };
        let settings = settings.clone();
        Index::open(IndexSettings {
            refresh,
            ..settings
        })
        .unwrap()
    };
    let learn = |refresh: bool| {
        let index = open(refresh);
        found(&index);
        index.remember("question", b"answer");
    };
    let recalled = || open(false).recall("question");
    assert_eq!(recalled(), None);
    learn(false);
    assert_eq!(recalled().as_deref(), Some(&b"answer"[..]));
    assert_eq!(open(false).recall("another"), None);
    assert_eq!(
        open(true).recall("question"),
        None,
        "somebody wants to know anew"
    );
    // read again and the same
    found(&open(true));
    assert!(recalled().is_some());
    version.store(2, Ordering::Relaxed);
    found(&open(true));
    assert_eq!(recalled(), None, "the page has changed");
    learn(false);
    assert!(recalled().is_some());
    // the other index would be asked first
    let mut turned = settings.clone();
    turned.location.indexes.reverse();
    assert_eq!(Index::open(turned).unwrap().recall("question"), None);
    let index = open(false);
    let mut file = only_file(&index);
    file.sha256 = None;
    let _ = index.metadata(&name(), &file);
    index.remember("other question", b"answer");
    assert_eq!(
        open(false).recall("other question"),
        None,
        "that file may change"
    );
}

#[test]
fn a_file_that_is_listed_and_not_there_is_not_asked_for_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = page_then("", |_| Answer::status(404));
    let settings = settings(&server.url("/simple/"), Some(dir.path()));
    let asks = |settings: &IndexSettings| {
        let index = Index::open(settings.clone()).unwrap();
        let answer = index.metadata(&name(), &only_file(&index));
        assert!(
            matches!(answer, Ok(MetadataAnswer::Unavailable(_))),
            "{answer:?}"
        );
        index.stats().requests
    };
    assert!(asks(&settings) > 1);
    assert_eq!(asks(&settings), 0);
    let refresh = IndexSettings {
        refresh: Refresh::Everything,
        ..settings
    };
    assert!(asks(&refresh) > 1);
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
