use super::*;
use crate::{CoreMetadataHint, FileKind, Yanked};

fn file(filename: &str, yanked: bool) -> (Version, ReleaseFile) {
    let file = ReleaseFile {
        url: format!("https://files.test/{filename}"),
        kind: filename.parse().map_or(FileKind::Sdist, FileKind::Wheel),
        requires_python: None,
        yanked: yanked.then(Yanked::default),
        uploaded: None,
        size: None,
        sha256: None,
        core_metadata: CoreMetadataHint::Unknown,
        filename: filename.to_owned(),
    };
    (Version::new([3, 9, 1]), file)
}

fn best(
    files: impl IntoIterator<Item = (Version, ReleaseFile)>,
    options: &Options,
) -> Option<String> {
    let project = Project::from_files("https://index.test/simple/".into(), files);
    let rules = Eligibility::new(&Target::linux_x86_64((3, 11)), options);
    let candidates = rules.candidates(Arc::new(project), false);
    let candidate = candidates.eligible.first()?;
    Some(candidates.best_file(candidate)?.filename)
}

/// T23: one file of a release may be for other Pythons than the next one.
#[test]
fn requires_python_counts_file_by_file() {
    let of = |name: &str, python: &str| {
        let (version, file) = file(name, false);
        let requires_python = Some(python.parse().unwrap());
        let file = ReleaseFile {
            requires_python,
            ..file
        };
        (version, file)
    };
    let (wheel, sdist) = ("ipython-3.9.1-py3-none-any.whl", "ipython-3.9.1.tar.gz");
    let options = Options::default();
    for (of_wheel, of_sdist, expected) in [
        (">=3.8", ">=3.8", Some(wheel)),
        (">=3.8,<3.11", ">=3.8", Some(sdist)),
        (">=3.12", ">=3.8,<3.11", None),
    ] {
        let found = best([of(wheel, of_wheel), of(sdist, of_sdist)], &options);
        assert_eq!(found.as_deref(), expected, "{of_wheel} and {of_sdist}");
    }
}

/// T31: build tags order by number, then by the rest, and any is better than none.
#[test]
fn the_greatest_build_tag_is_taken() {
    for (builds, expected) in [
        (["-10", "-9", ""], "-10"),
        (["-1", "-1fixedarch", ""], "-1fixedarch"),
        (["", "-0", "-00"], "-0"),
    ] {
        let name = |build: &str| format!("black-3.9.1{build}-py3-none-any.whl");
        let files = builds.map(|build| file(&name(build), false));
        assert_eq!(best(files, &Options::default()), Some(name(expected)));
    }
}

/// T54: what may be younger than the day asked for is left out.
#[test]
fn files_of_unknown_age_are_left_out_of_the_past() {
    let wheel = "private-3.9.1-py3-none-any.whl";
    let day: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let uploaded = |at: Option<&str>| {
        let (version, file) = file(wheel, false);
        let uploaded = at.map(|at| at.parse().unwrap());
        (version, ReleaseFile { uploaded, ..file })
    };
    let past = Options {
        as_of: Some(day),
        ..Options::default()
    };
    assert_eq!(best([uploaded(None)], &past), None);
    assert_eq!(best([uploaded(Some("2026-01-01T00:00:01Z"))], &past), None);
    let found = best([uploaded(Some("2026-01-01T00:00:00Z"))], &past);
    assert_eq!(found.as_deref(), Some(wheel));
    assert!(best([uploaded(None)], &Options::default()).is_some());
}

/// A broken wheel for one system was yanked; the release is as good as before everywhere else.
#[test]
fn yanked_files_are_passed_over_beside_others() {
    let linux = "matplotlib-3.9.1-cp311-cp311-manylinux_2_17_x86_64.whl";
    let windows = "matplotlib-3.9.1-cp311-cp311-win_amd64.whl";
    let sdist = "matplotlib-3.9.1.tar.gz";
    let of = |files: &[(&str, bool)], target: &Target| {
        let files = files.iter().map(|(name, yanked)| file(name, *yanked));
        let project = Project::from_files("https://index.test/simple/".into(), files);
        let rules = Eligibility::new(target, &Options::default());
        let candidates = rules.candidates(Arc::new(project), false);
        let candidate = candidates.eligible.first().unwrap();
        let best = candidates.best_file(candidate).unwrap().filename;
        (best, candidate.files.len(), candidate.yanked)
    };
    let all = [(linux, false), (windows, true), (sdist, false)];
    let on_linux = Target::linux_x86_64((3, 11));
    let on_windows = Target::new(on_linux.python, crate::Platform::WindowsX86_64);
    assert_eq!(of(&all, &on_linux), (linux.to_owned(), 2, false));
    assert_eq!(of(&all, &on_windows), (sdist.to_owned(), 1, false));
    let only_yanked = [(linux, false), (windows, true)];
    assert_eq!(of(&only_yanked, &on_windows), (windows.to_owned(), 1, true));
}

/// A project's own instant counts in place of that of all.
#[test]
fn a_project_may_have_an_instant_of_its_own() {
    let mut source = crate::MemorySource::default();
    for name in ["zarr", "numpy"] {
        for (version, day) in [
            ("1.0", "2024-01-01"),
            ("2.0", "2024-06-01"),
            ("3.0", "2025-01-01"),
        ] {
            let release = crate::MemoryRelease {
                uploaded: Some(&format!("{day}T00:00:00Z")),
                ..crate::MemoryRelease::default()
            };
            source.add_release(name, version, &release);
        }
    }
    let request = crate::Request {
        roots: ["zarr", "numpy"]
            .map(|name| crate::parse_requirement(name).unwrap().requirement)
            .into(),
        ..crate::Request::default()
    };
    let target = Target::linux_x86_64((3, 11));
    let instant = |text: &str| format!("{text}T12:00:00Z").parse::<Timestamp>().unwrap();
    let zarr: PackageName = "zarr".parse().unwrap();
    for (general, own, expected) in [
        (None, Some("2024-03-01"), "numpy==3.0 zarr==1.0"),
        (
            Some("2024-07-01"),
            Some("2024-03-01"),
            "numpy==2.0 zarr==1.0",
        ),
        (
            Some("2024-03-01"),
            Some("2026-01-01"),
            "numpy==1.0 zarr==3.0",
        ),
        (Some("2024-03-01"), None, "numpy==1.0 zarr==1.0"),
    ] {
        let options = Options {
            as_of: general.map(instant),
            as_of_projects: own
                .map(|own| (zarr.clone(), instant(own)))
                .into_iter()
                .collect(),
            ..Options::default()
        };
        let found = crate::resolve(&request, &target, &source, &options).unwrap();
        let pins: Vec<String> = found.packages.iter().map(ToString::to_string).collect();
        assert_eq!(pins.join(" "), expected);
    }
    let options = Options {
        as_of_projects: [(zarr, instant("2020-01-01"))].into(),
        ..Options::default()
    };
    let Err(crate::ResolveError::Unsatisfiable(proof)) =
        crate::resolve(&request, &target, &source, &options)
    else {
        panic!("there is no zarr so old")
    };
    let told = proof.story(&|_| None).join("\n");
    assert!(told.contains("uploaded after 2020-01-01"), "{told}");
    let remedies = crate::remedies(&proof, &request, &source, &options);
    assert!(remedies.contains(&crate::Remedy::NoAsOf), "{remedies:?}");
}
