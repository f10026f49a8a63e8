use super::*;

fn meta(key: &str) -> Meta {
    Meta {
        key: key.to_owned(),
        status: 200,
        url: "https://index.test/simple/a/".to_owned(),
        content_type: Some("text/html".to_owned()),
        fetched: 1000,
        max_age: 600,
        ..Meta::default()
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
        let in_body = at >= whole.len() - b"body".len();
        assert_eq!(cache.head(Kind::Page, "a").is_some(), in_body, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(cache.read(Kind::Page, "a"), None, "cut at {at}");
        assert!(cache.head(Kind::Page, "a").is_none(), "cut at {at}");
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

fn age(path: &Path, days: u64) {
    let time = SystemTime::now() - Duration::from_hours(24 * days);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(time)
        .unwrap();
}

#[test]
fn pruning_removes_leftovers_and_what_was_used_longest_ago() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(Some(dir.path().to_owned()));
    for (days, key) in ["a", "b", "c"].into_iter().enumerate() {
        cache.write(Kind::Page, &meta(key), &[0; 1000]);
        age(&cache.path(Kind::Page, key).unwrap(), 10 + days as u64);
    }
    let old_layout = dir.path().join("v1/pages");
    fs::create_dir_all(&old_layout).unwrap();
    for (name, days) in [("old", 2), ("young", 0)] {
        fs::write(old_layout.join(name), "x").unwrap();
        age(&old_layout.join(name), days);
    }
    let abandoned = dir.path().join("v4/pages/.tmpAbCdEf");
    fs::write(&abandoned, "half").unwrap();
    age(&abandoned, 1);
    fs::write(dir.path().join("v4/mine"), "x").unwrap();
    assert_eq!(cache.size().unwrap().files, 6);
    // being read counts as being used
    assert!(cache.read(Kind::Page, "c").is_some());
    let removed = cache.prune(2700).unwrap();
    assert_eq!(removed.files, 3);
    assert!(cache.read(Kind::Page, "a").is_some() && cache.read(Kind::Page, "c").is_some());
    assert_eq!(cache.read(Kind::Page, "b"), None);
    assert!(old_layout.join("young").exists() && dir.path().join("v4/mine").exists());
    assert!(!abandoned.exists());
    assert_eq!(cache.prune(0).unwrap().files, 2);
    assert_eq!(cache.prune(0).unwrap(), CacheSize::default());
}

#[test]
fn a_run_looks_after_the_cache_once_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let cache = Cache::new(Some(dir.path().to_owned()));
    cache.look_after();
    assert!(!dir.path().join("v4").exists(), "nothing is made for it");
    cache.write(Kind::Page, &meta("a"), b"");
    let leftover = dir.path().join("v4/pages/.tmp");
    let leave = || {
        fs::write(&leftover, "").unwrap();
        age(&leftover, 1);
    };
    leave();
    cache.look_after();
    assert!(!leftover.exists());
    leave();
    cache.look_after();
    assert!(leftover.exists(), "it did so today");
}
