use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::Project;

fn index() -> Arc<str> {
    "https://index.test/simple/".into()
}

fn file(filename: &str) -> ReleaseFile {
    ReleaseFile {
        filename: filename.to_owned(),
        url: format!("https://files.test/packages/ab/{filename}"),
        kind: WheelName::from_str(filename).map_or(FileKind::Sdist, FileKind::Wheel),
        requires_python: None,
        yanked: None,
        uploaded: None,
        size: None,
        sha256: None,
        core_metadata: CoreMetadataHint::Unknown,
    }
}

fn any_file() -> impl Strategy<Value = (Version, ReleaseFile)> {
    let name = (0..4_u64, 0..3_usize).prop_map(|(number, tags)| {
        let version = Version::new([1, number]);
        let ending = ["-2-cp36-none-any.whl", "-py2.py3-none-any.whl", ".tar.gz"][tags];
        (version, format!("a-1.{number}{ending}"))
    });
    let texts = (
        proptest::option::of("(>=3\\.[0-9])|(<4,>=2\\.7)"),
        proptest::option::of("[a-zé ]{0,9}"),
        "(https://files.test/)?[a-z/]{0,9}",
        any::<bool>(),
    );
    let numbers = (
        proptest::option::of(-9_000_000_000_000_000_i64..9_000_000_000_000_000),
        proptest::option::of(any::<u64>()),
        proptest::option::of(any::<[u8; 32]>()),
        0..4_u8,
        any::<[u8; 32]>(),
    );
    (name, texts, numbers).prop_map(|((version, filename), texts, numbers)| {
        let (python, reason, path, named) = texts;
        let (uploaded, size, sha256, hint, hint_digest) = numbers;
        let url = if named {
            format!("{path}{filename}")
        } else {
            path
        };
        let file = ReleaseFile {
            url,
            requires_python: python.map(|python| parse_specifiers(&python).unwrap()),
            yanked: reason.map(|reason| Yanked { reason }),
            uploaded: uploaded.map(|time| Timestamp::from_microsecond(time).unwrap()),
            size,
            sha256: sha256.map(Sha256),
            core_metadata: match hint {
                0 => CoreMetadataHint::Unknown,
                1 => CoreMetadataHint::Absent,
                2 => CoreMetadataHint::Available,
                _ => CoreMetadataHint::Hashed(Sha256(hint_digest)),
            },
            ..file(&filename)
        };
        (version, file)
    })
}

proptest! {
    /// What goes in comes out, by file and through bytes.
    #[test]
    fn keeps_every_field(files in proptest::collection::vec(any_file(), 0..12)) {
        let mut expected = BTreeMap::<(Version, String), ReleaseFile>::new();
        for (version, file) in &files {
            let key = (version.clone(), file.filename.clone());
            expected.entry(key).or_insert_with(|| file.clone());
        }
        let project = Project::from_files(index(), files);
        let copy = Project::from_bytes(index(), project.as_bytes().to_vec()).unwrap();
        prop_assert_eq!(&copy, &project);
        let mut found = Vec::new();
        for release in copy.releases() {
            let own: Vec<_> = copy.files(release).collect();
            prop_assert_eq!(release.uploaded, own.iter().filter_map(|file| file.uploaded).min());
            prop_assert_eq!(release.file_count(), own.len());
            for (file, summary) in own.iter().zip(copy.summaries(release)) {
                prop_assert_eq!(summary.wheel.is_some(), file.wheel().is_some());
                prop_assert_eq!(summary.yanked, file.yanked.is_some());
                prop_assert_eq!(summary.uploaded, file.uploaded);
                prop_assert_eq!(summary.requires_python.is_some(), file.requires_python.is_some());
            }
            found.extend(own);
        }
        prop_assert_eq!(found, expected.into_values().collect::<Vec<_>>());
    }

    /// Bytes from a damaged disk are refused or read, but never a panic.
    #[test]
    fn damaged_bytes_never_panic(
        files in proptest::collection::vec(any_file(), 1..6),
        at: proptest::sample::Index,
        value: u8,
        cut: proptest::sample::Index,
    ) {
        let mut bytes = Project::from_files(index(), files).as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let cut = bytes[..cut.index(bytes.len())].to_vec();
        for bytes in [bytes, cut] {
            if let Some(project) = Project::from_bytes(index(), bytes) {
                drop(format!("{project:?}"));
                project.wheel_tags().for_each(drop);
            }
        }
    }
}

#[test]
fn tags_keep_their_build() {
    let files = ["a-1.0-2x-cp36-none-any.whl", "a-1.0-py3-none-any.whl"];
    let files = files.map(|name| (Version::new([1, 0]), file(name)));
    let project = Project::from_files(index(), files);
    let tags: Vec<_> = project.wheel_tags().collect();
    assert_eq!((tags[0].build, tags[0].pythons), (Some("2x"), "cp36"));
    assert_eq!((tags[1].build, tags[1].platforms), (None, "any"));
}

#[test]
fn other_bytes_are_refused() {
    for bytes in [&b""[..], b"PS", &[0; 64], &[255; 64]] {
        assert_eq!(Project::from_bytes(index(), bytes.to_vec()), None);
    }
}
