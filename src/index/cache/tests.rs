use super::*;

fn meta(key: &str) -> Meta {
    Meta {
        key: key.to_owned(),
        status: 200,
        url: "https://index.test/simple/a/".to_owned(),
        content_type: Some("text/html".to_owned()),
        etag: None,
        last_modified: None,
        fetched: 1000,
        max_age: 600,
    }
}

#[test]
fn keeps_counts_and_forgets() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(Some(dir.path().join("new")));
    assert_eq!(cache.size().unwrap(), CacheSize::default());
    cache.write(Kind::Page, &meta("a"), b"body\nof it");
    assert_eq!(
        cache.read(Kind::Page, "a"),
        Some((meta("a"), b"body\nof it".to_vec()))
    );
    assert_eq!(cache.read(Kind::Wheel, "a"), None);
    assert_eq!(cache.size().unwrap().files, 1);
    fs::write(dir.path().join("new/CACHEDIR.TAG"), "mine").unwrap();
    assert_eq!(cache.clean().unwrap().files, 1);
    assert_eq!(cache.read(Kind::Page, "a"), None);
    assert!(dir.path().join("new/CACHEDIR.TAG").exists());
}

/// Every flipped byte and every cut-off length is noticed.
#[test]
fn a_damaged_entry_counts_as_missing() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(Some(dir.path().to_owned()));
    cache.write(Kind::Page, &meta("a"), b"body");
    let path = cache.path(Kind::Page, "a").unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        fs::write(&path, &flipped).unwrap();
        assert_eq!(cache.read(Kind::Page, "a"), None, "byte {at} flipped");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(cache.read(Kind::Page, "a"), None, "cut at {at}");
    }
}

#[test]
fn freshness_is_age_against_max_age() {
    let at = |second| Timestamp::from_second(second).unwrap();
    assert!(meta("a").is_fresh(at(1599)));
    assert!(!meta("a").is_fresh(at(1600)));
    assert!(!meta("a").is_fresh(at(999)), "the clock went back");
}

#[test]
fn a_cache_that_cannot_be_written_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = Cache::new(Some(file));
    cache.write(Kind::Page, &meta("a"), b"body");
    assert!(cache.trouble().is_some());
    assert_eq!(cache.read(Kind::Page, "a"), None);
    let none = Cache::new(None);
    none.write(Kind::Page, &meta("a"), b"body");
    assert_eq!((none.trouble(), none.read(Kind::Page, "a")), (None, None));
}

/// Threads stand for processes: both only meet in the file system.
#[test]
fn concurrent_writers_leave_whole_entries() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4_u8 {
            let dir = dir.path().to_owned();
            scope.spawn(move || {
                let cache = Cache::new(Some(dir));
                let body = vec![writer; 50_000];
                for _ in 0..20 {
                    cache.write(Kind::Page, &meta("a"), &body);
                    let (_, read) = cache.read(Kind::Page, "a").unwrap();
                    assert!(read.iter().all(|byte| *byte == read[0]));
                    assert_eq!(read.len(), 50_000);
                }
            });
        }
    });
}
