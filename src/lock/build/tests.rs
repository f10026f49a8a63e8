use super::*;
use crate::lock::testing::{LockBuilder, example, release_file};
use crate::requirements::OriginKind;
use pinsmith_resolver::Platform;

const SIX: &str = "six-1.17.0-py2.py3-none-any.whl";

#[test]
fn a_pin_without_any_sha256_cannot_be_locked_and_all_of_them_are_named() {
    let unhashed = |builder: LockBuilder| {
        builder.last(|package| package.files.iter_mut().for_each(|file| file.sha256 = None))
    };
    let builder = unhashed(LockBuilder::new().pin("six==1.17.0", &[SIX], &[]));
    let builder = unhashed(builder.pin("idna==3.20", &["idna-3.20.tar.gz"], &[]));
    let error = builder.locked().unwrap_err();
    assert_eq!(
        error.to_string(),
        "no sha256 is known for any file of idna==3.20, six==1.17.0"
    );
    assert_eq!(error.to_diagnostic().code, crate::lock::MISSING_HASH);
}

#[test]
fn a_file_without_sha256_is_left_out_and_said() {
    let locked = LockBuilder::new()
        .pin("six==1.17.0", &[SIX, "six-1.17.0.tar.gz"], &[])
        .last(|six| six.files[1].sha256 = None)
        .locked()
        .unwrap();
    assert_eq!(locked.lock.packages[0].files.len(), 1);
    assert_eq!(
        locked.diagnostics[0].message,
        "left out of the lock for want of a sha256: six==1.17.0, six-1.17.0.tar.gz"
    );
}

#[test]
fn names_that_could_break_an_output_are_refused() {
    let refused = |change: fn(&mut ResolvedPackage)| {
        let builder = LockBuilder::new().pin("six==1.17.0", &[SIX], &[]);
        let error = builder.last(change).locked().unwrap_err();
        assert_eq!(error.code(), crate::lock::UNSAFE_NAME);
        error.to_string()
    };
    assert_eq!(
        refused(|six| six.files[0].filename = "a\nb.whl".to_owned()),
        r"a file name of `six` holds characters that do not belong there: `a\u{a}b.whl`"
    );
    refused(|six| six.files[0].filename = "../../six.whl".to_owned());
    refused(|six| six.files[0].url = "https://files.test/a b".to_owned());
    refused(|six| six.files[0].url = "javascript:alert(1)".to_owned());
    refused(|six| six.index = "https://index.test/\n--extra-index-url".into());
}

#[test]
fn a_refused_address_does_not_show_its_password() {
    let builder = LockBuilder::new()
        .pin("six==1.17.0", &[SIX], &[])
        .last(|six| six.index = "https://me:hunter2@index.test/\u{202e}".into());
    let error = builder.locked().unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn no_credentials_enter_a_lock() {
    let lock = LockBuilder::new()
        .pin("six==1.17.0", &[SIX], &[])
        .last(|six| {
            six.index = "https://me:hunter2@index.test/simple/".into();
            six.files[0].url = "https://me:hunter2@files.test/six.whl".to_owned();
        })
        .lock();
    let package = &lock.packages[0];
    assert_eq!(package.index.as_deref(), Some("https://index.test/simple/"));
    let url = FileLocation::Url("https://files.test/six.whl".to_owned());
    assert_eq!(package.files[0].location, url);
}

#[test]
fn origins_of_groups_that_are_not_locked_do_not_count() {
    let mut builder = LockBuilder::new()
        .pin("six==1.17.0", &[SIX], &[])
        .root("a.py", 1);
    let mut other = builder.manifest.requirements[0].clone();
    other.group = Some("test".to_owned());
    other.origins[0].site.file = "test_a.py".to_owned();
    builder.manifest.requirements.push(other);
    let resolutions = [builder.resolution];
    let files = |groups: &[&str]| {
        let options = LockOptions {
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..LockOptions::default()
        };
        let locked = Lock::from_resolutions(&resolutions, &builder.manifest, &options).unwrap();
        let origins = locked.lock.packages[0].evidence.origins.clone();
        assert!(
            origins
                .iter()
                .all(|origin| origin.kind == OriginKind::Import)
        );
        origins
            .into_iter()
            .map(|origin| origin.site.file)
            .collect::<Vec<_>>()
    };
    assert_eq!(files(&[]), ["a.py"]);
    assert_eq!(files(&["test"]), ["a.py", "test_a.py"]);
}

#[test]
fn edges_are_known_from_either_end() {
    let lock = LockBuilder::new()
        .pin("six==1.17.0", &[SIX], &[])
        .last(|six| six.required_by = vec!["python-dateutil".parse().unwrap()])
        .pin(
            "python-dateutil==2.9.0",
            &["python_dateutil-2.9.0-py3-none-any.whl"],
            &[],
        )
        .lock();
    let six = &lock.packages[1];
    let requirers: Vec<String> = lock
        .required_by(six)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(requirers, ["python-dateutil"]);
}

#[test]
fn targets_merge_where_they_agree_and_get_markers_where_not() {
    let on = |platform, numpy: &str| {
        let target = Target {
            platform,
            ..Target::linux_x86_64((3, 11))
        };
        let wheel = format!("numpy-{numpy}-py3-none-any.whl");
        LockBuilder::for_target(target)
            .pin("six==1.17.0", &[SIX], &["numpy"])
            .pin(&format!("numpy=={numpy}"), &[&wheel], &[])
            .resolution
    };
    let resolutions = [
        on(Platform::MacosArm64, "2.0"),
        on(Platform::LinuxX86_64, "2.1"),
    ];
    let manifest = Manifest::default();
    let lock = Lock::from_resolutions(&resolutions, &manifest, &LockOptions::default());
    let lock = lock.unwrap().lock;
    let shown: Vec<(String, Option<String>)> = lock
        .packages
        .iter()
        .map(|package| {
            (
                package.pin(),
                package.marker.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    let only = |marker: &str| Some(marker.to_owned());
    assert_eq!(
        shown,
        [
            ("numpy==2.0".to_owned(), only("sys_platform == 'darwin'")),
            ("numpy==2.1".to_owned(), only("sys_platform == 'linux'")),
            ("six==1.17.0".to_owned(), None),
        ]
    );
    let versions: Vec<_> = lock.packages[2]
        .dependencies
        .iter()
        .map(|d| d.version.is_some())
        .collect();
    assert_eq!(versions, [true, true]);
    assert_eq!(lock.required_by(&lock.packages[0]).len(), 1);
}

#[test]
fn targets_that_no_marker_separates_are_refused() {
    let mut second = LockBuilder::new().resolution;
    second.target.floor = (2, 28);
    let resolutions = [LockBuilder::new().resolution, second];
    let error = Lock::from_resolutions(&resolutions, &Manifest::default(), &LockOptions::default());
    assert_eq!(error.unwrap_err().code(), crate::lock::TARGETS_ALIKE);
    let error = Lock::from_resolutions(&[], &Manifest::default(), &LockOptions::default());
    assert_eq!(error.unwrap_err(), LockError::NoTarget);
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let straight = example().lock();
    let mut shuffled = example();
    shuffled.resolution.packages.reverse();
    for package in &mut shuffled.resolution.packages {
        package.files.reverse();
        package.requires.reverse();
    }
    assert_eq!(straight, shuffled.lock());
}

#[test]
fn requires_python_is_kept_when_the_files_agree() {
    let lock = |second: &str| {
        let mut other = release_file("six-1.17.0.tar.gz");
        other.requires_python = second.parse().ok();
        LockBuilder::new()
            .pin("six==1.17.0", &[SIX], &[])
            .last(|six| six.files.push(other))
            .lock()
    };
    assert!(lock(">=3.9").packages[0].requires_python.is_some());
    assert!(lock(">=3.8").packages[0].requires_python.is_none());
    assert_eq!(
        lock(">=3.9").requires_python.unwrap().to_string(),
        "==3.11.*"
    );
}

#[test]
fn of_two_sdists_one_is_locked() {
    let lock = LockBuilder::new()
        .pin(
            "numpy==1.16.0",
            &["numpy-1.16.0.zip", "numpy-1.16.0.tar.gz"],
            &[],
        )
        .lock();
    let files = &lock.packages[0].files;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].filename, "numpy-1.16.0.tar.gz");
}
