use std::fs;
use std::path::Path;

use super::*;
use crate::lock::testing::LockBuilder;

/// Has every wheel.
#[derive(Debug)]
struct Shelf;

impl Tools for Shelf {
    fn wheel(&self, tool: &Tool) -> Result<PathBuf, String> {
        Ok(Path::new("/w/cache/tools").join(tool.filename))
    }
}

fn options(folder: &Path) -> SyncOptions {
    SyncOptions {
        venv: folder.join("venv"),
        python: "/usr/bin/python3".into(),
        installer: Installer::Auto,
        index: "https://index.test/simple/".to_owned(),
        links: Vec::new(),
        extra_indexes: Vec::new(),
        offline: false,
        cache_dir: folder.join("cache"),
        tree: folder.join("tree"),
        trust_venv: false,
        temporary: false,
        allow_build: false,
        network: Network::default(),
        environment: BTreeMap::new(),
        selection: Selection::Everything,
        tools: Arc::new(Shelf),
        cancel: Arc::default(),
    }
}

fn caller(pairs: &[(&str, &str)]) -> BTreeMap<OsString, OsString> {
    let pairs = pairs
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    pairs.collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[cfg(unix)]
fn shown(options: &SyncOptions, uv: Option<&Path>, sdists: &[&str]) -> String {
    shown_for((3, 11), options, uv, sdists)
}

#[cfg(unix)]
fn shown_for(
    python: (u8, u8),
    options: &SyncOptions,
    uv: Option<&Path>,
    sdists: &[&str],
) -> String {
    let requirements = Path::new("/tmp/r.txt");
    let tool = tools::fetched(options.tools.as_ref(), python).unwrap();
    let means = Means {
        uv,
        python,
        tool: tool.as_deref(),
        build_bounds: (!sdists.is_empty()).then_some(Path::new("/tmp/b.txt")),
        work: Path::new("/tmp/w"),
    };
    let plan = plan(
        options,
        means,
        requirements,
        &names(&["six", "idna"]),
        &names(sdists),
    );
    let commands = plan.create.iter().chain([&plan.install]);
    let lines: Vec<String> = commands.map(ToString::to_string).collect();
    lines.join("\n")
}

#[cfg(unix)]
#[test]
fn the_commands_of_pip() {
    let options = options(Path::new("/w"));
    insta::assert_snapshot!(shown(&options, None, &[]), @r"
    /usr/bin/python3 -I -m venv /w/venv
    /w/venv/bin/python -I -m pip --isolated --disable-pip-version-check --no-input install --require-hashes --no-deps --progress-bar off --only-binary :all: --index-url https://index.test/simple/ --cache-dir /w/cache/pip --requirement /tmp/r.txt
    ");
    let options = SyncOptions {
        extra_indexes: names(&["https://index.test/cu128/"]),
        environment: caller(&[
            ("PIP_CERT", "/etc/ca.pem"),
            ("PIP_INDEX_URL", "https://evil.test/"),
        ]),
        ..options
    };
    insta::assert_snapshot!(shown(&options, None, &["antlr4"]), @r"
    /usr/bin/python3 -I -m venv /w/venv
    /w/venv/bin/python -I -m pip --isolated --disable-pip-version-check --no-input install --require-hashes --no-deps --progress-bar off --only-binary :all: --no-binary antlr4 --index-url https://index.test/simple/ --extra-index-url https://index.test/cu128/ --cache-dir /w/cache/pip --cert /etc/ca.pem --requirement /tmp/r.txt
    ");
}

/// Each was run with that Python, see `.ci/live-pythons`.
#[cfg(unix)]
#[test]
fn old_pythons_get_what_they_need() {
    let options = options(Path::new("/w"));
    insta::assert_snapshot!(shown_for((2, 7), &options, None, &[]), @r"
    /usr/bin/python3 -E -s -m zipfile -e /w/cache/tools/virtualenv-16.7.12-py2.py3-none-any.whl /tmp/w/virtualenv
    /usr/bin/python3 -E -s /tmp/w/virtualenv/virtualenv.py --no-download /w/venv
    /w/venv/bin/python -E -s -m pip --isolated --disable-pip-version-check --no-input install --require-hashes --no-deps --progress-bar off --only-binary :all: --index-url https://index.test/simple/ --cache-dir /w/cache/pip --requirement /tmp/r.txt
    ");
    insta::assert_snapshot!(shown_for((3, 6), &options, None, &[]), @r"
    /usr/bin/python3 -I -m venv /w/venv
    /w/venv/bin/python -I -m pip --isolated --disable-pip-version-check --no-input install --no-index --no-deps --upgrade --progress-bar off /w/cache/tools/pip-21.3.1-py3-none-any.whl
    /w/venv/bin/python -I -m pip --isolated --disable-pip-version-check --no-input install --require-hashes --no-deps --progress-bar off --only-binary :all: --index-url https://index.test/simple/ --cache-dir /w/cache/pip --requirement /tmp/r.txt
    ");
    let for_uv = SyncOptions {
        installer: Installer::Uv,
        ..options
    };
    let error = sync::find_installer(&for_uv, (2, 7)).unwrap_err();
    insta::assert_snapshot!(error, @"uv makes no environment for Python 2.7");
}

#[cfg(unix)]
#[test]
fn the_commands_of_uv() {
    let options = SyncOptions {
        extra_indexes: names(&["https://index.test/cu128/"]),
        offline: true,
        ..options(Path::new("/w"))
    };
    let uv = Some(Path::new("/opt/uv"));
    insta::assert_snapshot!(shown(&options, uv, &[]), @r"
    /opt/uv venv --no-config --no-python-downloads --color never --no-progress --cache-dir /w/cache/uv --python /usr/bin/python3 /w/venv
    /opt/uv pip sync --require-hashes --no-config --no-python-downloads --color never --no-progress --cache-dir /w/cache/uv --python /w/venv/bin/python --default-index https://index.test/simple/ --index https://index.test/cu128/ --index-strategy unsafe-best-match --offline --only-binary :all: /tmp/r.txt
    ");
    let built = shown(&options, uv, &["antlr4"]);
    let end = "--only-binary six --only-binary idna --build-constraints /tmp/b.txt /tmp/r.txt";
    assert!(built.ends_with(end), "{built}");
}

#[test]
fn old_sources_are_built_with_what_there_was_then() {
    for (python, days, expected) in [
        (
            (3, 9),
            vec!["2015-03-01"],
            vec!["setuptools<58", "cython<3"],
        ),
        (
            (3, 12),
            vec!["2015-03-01"],
            vec!["setuptools<82", "cython<3"],
        ),
        (
            (3, 9),
            vec!["2015-03-01", "2024-03-01"],
            vec!["setuptools<82"],
        ),
        ((3, 9), vec!["2015-03-01", "2026-03-01"], vec![]),
        ((3, 9), vec!["2015-03-01", ""], vec![]),
        ((3, 9), vec![], vec![]),
    ] {
        let days: Vec<_> = days
            .iter()
            .map(|day| format!("{day}T00:00:00Z").parse().ok())
            .collect();
        assert_eq!(chosen::build_bounds(python, &days), expected, "{days:?}");
    }
}

#[test]
fn secrets_and_foreign_settings_do_not_reach_the_installer() {
    let kept = [
        ("LANG", "C"),
        ("LC_ALL", "C"),
        ("SSL_CERT_FILE", "/etc/ca.pem"),
        ("https_proxy", "http://proxy.test:3128"),
    ];
    let dropped = [
        "HF_TOKEN",
        "HF_HOME",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "OPENAI_API_KEY",
        "GITHUB_TOKEN",
        "PGPASSWORD",
        "DATABASE_URL",
        "SSH_AUTH_SOCK",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "UV_INDEX",
        "UV_CONFIG_FILE",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "LD_PRELOAD",
        "NETRC",
    ];
    let mut all = caller(&kept);
    all.extend(caller(&dropped.map(|name| (name, "x"))));
    let network = Network {
        proxy: Some("http://me:hunter2@proxy.test".to_owned()),
        ca_bundle: Some("/other.pem".into()),
        client_certificate: None,
    };
    let seen = scrub(&all, &network, Path::new("/h"), Path::new("/tree"));
    for name in dropped {
        assert!(!seen.contains_key(&OsString::from(name)), "{name}");
    }
    for (name, value) in kept {
        assert_eq!(seen[&OsString::from(name)], value);
    }
    assert_eq!(seen[&OsString::from("HOME")], "/h");
}

#[cfg(unix)]
#[test]
fn programs_of_the_tree_are_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    let bin = tree.join(".venv/bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(&bin, folder.path().join("link")).unwrap();
    let path = format!(
        "{}:{}:bin:.:/usr/bin",
        bin.display(),
        folder.path().join("link").display()
    );
    assert_eq!(
        trusted_path(&caller(&[("PATH", &path)]), &tree),
        [Path::new("/usr/bin")]
    );
}

#[test]
fn only_an_environment_of_our_own_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let examine = |options: &SyncOptions| venv::examine(options).map_err(|error| error.code());
    assert_eq!(examine(&options), Ok(venv::Place::Free));
    fs::create_dir(&options.venv).unwrap();
    assert_eq!(examine(&options), Ok(venv::Place::Free));
    fs::write(options.venv.join("thesis.tex"), "").unwrap();
    assert_eq!(examine(&options), Err(NOT_A_VENV));
    fs::write(options.venv.join("pyvenv.cfg"), "").unwrap();
    assert_eq!(examine(&options), Err(UNKNOWN_VENV));
    let trusted = SyncOptions {
        trust_venv: true,
        ..options.clone()
    };
    assert_eq!(examine(&trusted), Ok(venv::Place::Usable));
    venv::remember(&options).unwrap();
    assert_eq!(examine(&options), Ok(venv::Place::Usable));
    fs::write(options.venv.join(".pinsmith"), "guessed").unwrap();
    assert_eq!(examine(&options), Err(UNKNOWN_VENV));
}

#[cfg(unix)]
#[test]
fn a_link_is_no_environment() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    std::os::unix::fs::symlink(folder.path(), &options.venv).unwrap();
    assert_eq!(venv::examine(&options).unwrap_err().code(), NOT_A_VENV);
}

#[test]
fn refusals_come_before_anything_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let file = folder.path().join("pylock.toml");
    let code = |options: &SyncOptions| {
        let result = sync(&file, options, &mut |_| panic!("nothing may start"));
        result.unwrap_err().code()
    };
    assert_eq!(code(&options), SYNC_IO);
    fs::write(&file, "lock-version = \"2.0\"").unwrap();
    assert_eq!(code(&options), UNREADABLE_LOCK);
    let git =
        "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"clip\"\nvcs = {}\n";
    fs::write(&file, git).unwrap();
    assert_eq!(code(&options), NOT_INSTALLABLE);
    let lock = LockBuilder::new()
        .pin("six==1.17.0", &["six-1.17.0-py2.py3-none-any.whl"], &[])
        .lock();
    fs::write(&file, crate::render::pylock(&lock)).unwrap();
    assert_eq!(
        code(&SyncOptions {
            installer: Installer::Uv,
            ..options.clone()
        }),
        NO_INSTALLER
    );
    assert_eq!(
        code(&SyncOptions {
            offline: true,
            ..options.clone()
        }),
        NEEDS_NETWORK
    );
    for python in ["python3".into(), options.tree.join(".venv/bin/python")] {
        let options = SyncOptions {
            python,
            ..options.clone()
        };
        assert_eq!(code(&options), PYTHON_OF_TREE);
    }
    let cancelled = SyncOptions {
        cancel: Arc::new(true.into()),
        ..options.clone()
    };
    assert_eq!(code(&cancelled), CANCELLED);
    assert!(!options.venv.exists());
}

#[cfg(unix)]
#[test]
fn a_running_command_is_ended_and_a_failing_one_explained() {
    use std::sync::atomic::Ordering;
    let folder = tempfile::tempdir().unwrap();
    let sh = |script: &str| CommandLine {
        title: "pip install",
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
    };
    let cancel = AtomicBool::new(false);
    let environment = caller(&[("PATH", "/usr/bin:/bin")]);
    let surroundings = Surroundings {
        environment: &environment,
        folder: folder.path(),
        cancel: &cancel,
    };
    let failing = sh("echo collecting; echo 'No space left on device' >&2; exit 3");
    let error = process::run(&failing, &surroundings, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "pip install failed: the disk is full");
    let mut stop = |_: &str| cancel.store(true, Ordering::Relaxed);
    let start = std::time::Instant::now();
    let error = process::run(&sh("echo started; exec sleep 60"), &surroundings, &mut stop);
    assert_eq!(error.unwrap_err().code(), CANCELLED);
    assert!(start.elapsed().as_secs() < 30);
}

#[test]
fn what_the_lock_does_not_have_is_found_in_pips_list() {
    let listed = names(&[
        "WARNING: something",
        r#"[{"name":"Six","version":"1"},{"name":"pip","version":"1"},{"name":"Left_Over","version":"1"}]"#,
    ]);
    let locked = ["six".to_owned()].into();
    assert_eq!(sync::others(&listed, &locked), ["left-over"]);
    assert!(sync::others(&names(&["no json"]), &locked).is_empty());
}
