use super::*;
use crate::failure::likely_cause;
use pinsmith_resolver::PythonVersion;

fn scene(python: (u8, u8)) -> Scene {
    let all = [
        ("numpy", "2.1.0", "2024-08-01"),
        ("scikit-learn", "1.5.0", "2024-05-01"),
        ("old-lib", "0.3", "2019-05-01"),
        ("opencv-python", "4.5.0", "2021-01-01"),
        ("protobuf", "5.0", "2024-03-01"),
        ("tensorflow", "2.4.0", "2020-12-01"),
        ("json-rpc", "1.15.0", "2023-06-11"),
    ];
    let installed = all.map(|(name, version, day)| {
        let uploaded = format!("{day}T00:00:00Z").parse().ok();
        (name.parse().unwrap(), (version.parse().unwrap(), uploaded))
    });
    Scene {
        python: PythonVersion {
            major: python.0,
            minor: python.1,
            patch: None,
        },
        installed: installed.into(),
    }
}

/// Module, its distribution, where it was raised, the error, and the first lesson in short.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn failures_become_lessons() {
    for (module, owner, place, error, expected) in [
        (
            "sklearn.cross_validation",
            Some("scikit-learn"),
            None,
            "ModuleNotFoundError: No module named 'sklearn.cross_validation'",
            "older scikit-learn",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "ModuleNotFoundError: No module named 'yaml'",
            "ask pyyaml",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "ImportError: No module named yaml",
            "ask pyyaml",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "AttributeError: module 'numpy' has no attribute 'float'",
            "numpy by 2019-06-30",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "ImportError: cannot import name 'Mapping' from 'collections' (/x)",
            "python below 10",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "ModuleNotFoundError: No module named 'ConfigParser'",
            "python 2",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "ModuleNotFoundError: No module named 'pkg_resources'",
            "ask setuptools",
        ),
        (
            "tensorflow",
            Some("tensorflow"),
            None,
            "TypeError: Descriptors cannot be created directly.",
            "protobuf<=3.20.3",
        ),
        (
            "tensorflow",
            Some("tensorflow"),
            None,
            "AttributeError: _ARRAY_API not found",
            "numpy<2",
        ),
        (
            "cv2",
            Some("opencv-python"),
            None,
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "opencv-python-headless for opencv-python",
        ),
        (
            "soundfile",
            None,
            None,
            "OSError: libsndfile.so.1: cannot open shared object file: No such file or directory",
            "system libsndfile1",
        ),
        (
            "old_lib",
            Some("old-lib"),
            Some("old_lib/a.py:3"),
            "ImportError: cannot import name 'encodestring' from 'base64' (/x)",
            "python below 11",
        ),
        (
            "old_lib",
            Some("old-lib"),
            None,
            "RuntimeError: no luck",
            "nothing",
        ),
    ] {
        let cause = likely_cause(error, "");
        let owner: Option<PackageName> = owner.map(|owner: &str| owner.parse().unwrap());
        let scene = scene((3, 11));
        let lessons = cause.map_or_else(Vec::new, |cause| {
            learn(module, owner.as_ref(), place, &cause, &scene)
        });
        let found = lessons.first().map_or("nothing".to_owned(), in_short);
        assert_eq!(found, expected, "{error}");
    }
}

/// What else may be tried, and what Python 2 says in fewer words.
#[test]
fn a_missing_part_means_another_release_or_another_project() {
    for (python, module, owner, error, expected) in [
        (
            (2, 7),
            "sklearn.externals.six",
            "scikit-learn",
            "ImportError: No module named six",
            vec!["older scikit-learn"],
        ),
        (
            (3, 11),
            "cv2.cv",
            "opencv-python",
            "ModuleNotFoundError: No module named 'cv2.cv'",
            vec![
                "older opencv-python",
                "opencv-contrib-python for opencv-python",
                "opencv-python-headless for opencv-python",
                "opencv-contrib-python-headless for opencv-python",
            ],
        ),
        (
            (3, 11),
            "jsonrpc",
            "json-rpc",
            "ImportError: cannot import name 'ServiceProxy' from 'jsonrpc' (jsonrpc/__init__.py)",
            vec!["older json-rpc", "jsonrpc for json-rpc"],
        ),
    ] {
        let cause = likely_cause(error, "").unwrap();
        let owner: PackageName = owner.parse().unwrap();
        let lessons = learn(module, Some(&owner), None, &cause, &scene(python));
        let found: Vec<String> = lessons.iter().map(in_short).collect();
        assert_eq!(found, expected, "{error}");
    }
}

fn in_short(lesson: &Lesson) -> String {
    match lesson {
        Lesson::Ask { name, .. } => format!("ask {name}"),
        Lesson::Bound {
            name, specifier, ..
        } => format!("{name}{specifier}"),
        Lesson::AsOldAs { name, instant, .. } => {
            format!("{name} by {}", &instant.to_string()[..10])
        }
        Lesson::Older { name, .. } => format!("older {name}"),
        Lesson::Python { two: true, .. } => "python 2".to_owned(),
        Lesson::Python {
            from: Some(from), ..
        } => format!("python from {from}"),
        Lesson::Python { below, .. } => format!("python below {}", below.unwrap()),
        Lesson::Swap { from, to, .. } => format!("{to} for {from}"),
        Lesson::CannotBuild { name, .. } => format!("cannot build {name}"),
        Lesson::System { package, .. } => format!("system {package}"),
    }
}

#[test]
fn a_script_of_python_2_is_known_by_what_python_3_says() {
    for (said, expected) in [
        ("      SyntaxError: invalid syntax", true),
        ("      NameError: name 'file' is not defined", true),
        ("      error: command 'gcc' failed", false),
    ] {
        let lines = [
            "  × Failed to build `old-lib==0.3`".to_owned(),
            said.to_owned(),
        ];
        let Some(Lesson::CannotBuild { two, .. }) = learn_from_build(&lines) else {
            panic!("{said}");
        };
        assert_eq!(two, expected, "{said}");
    }
}

#[test]
fn what_could_not_be_built_is_read_off_the_installer() {
    for (line, expected) in [
        (
            "ERROR: Failed building wheel for MySQL-python",
            Some(("mysql-python", None)),
        ),
        (
            "  × Failed to build `mysql-python==1.2.5`",
            Some(("mysql-python", Some("1.2.5"))),
        ),
        (
            "Command \"python setup.py egg_info\" failed with error code 1 in /tmp/pip-install-Yx/pycurl/",
            Some(("pycurl", None)),
        ),
        (
            "ERROR: Could not build wheels for scipy, which is required to install pyproject.toml-based projects",
            Some(("scipy", None)),
        ),
        ("everything went well", None),
    ] {
        let found = learn_from_build(&[line.to_owned()]);
        let found = found.map(|lesson| match lesson {
            Lesson::CannotBuild { name, version, .. } => {
                (name.to_string(), version.map(|version| version.to_string()))
            }
            other => panic!("{other:?}"),
        });
        let expected =
            expected.map(|(name, version)| (name.to_owned(), version.map(str::to_owned)));
        assert_eq!(found, expected, "{line}");
    }
}
