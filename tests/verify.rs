//! `pinsmith verify` from end to end, offline: real wheels, a real Python with pip.
#![cfg(unix)]

use std::path::Path;
use std::process::Output;

use crate::support::case::{Case, Place, Step};
use crate::support::index::{Form, serve};

/// A tree whose modules fail in every way, and one that must not be asked whether it is safe.
const TREE: &[(&str, &str)] = &[
    (
        "requirements.txt",
        "wellbehaved\ncrasher\nleaver\nhanger\nliar\njealous\ngluelib\ninquisitive\n",
    ),
    (
        "train.py",
        "import crasher\nimport gluelib\nimport hanger\nimport inquisitive\nimport jealous\nimport leaver\n\
         import liar\nfrom wellbehaved import here, absent_name\n",
    ),
    (
        "extras.py",
        "import sys\ntry:\n    from wellbehaved import newer_name\nexcept ImportError:\n    pass\n\
         try:\n    import six\nexcept ImportError:\n    pass\n\
         if sys.platform == 'never':\n    import tqdm\n",
    ),
    // it would be found first if anything were imported from the tree
    (
        "wellbehaved_secret.py",
        "raise SystemExit('code of the tree was run')\n",
    ),
];

#[test]
fn every_module_is_tried_and_every_failure_explained() {
    let server = serve(Form::Json);
    let place = Case::of_files(TREE).place();
    std::fs::write(place.path("home").join("secret"), "hunter2").unwrap();
    let index = server.url("/simple/");
    let lock = run(&place, &Step::of("lock", &index));
    assert!(lock.status.success(), "{}", text(&lock.stderr));
    let before = place.snapshot();
    let verify = "verify --installer pip --timeout 3 --verbose";
    let output = run(&place, &Step::of(verify, &index));
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(place.snapshot(), before, "something was left");
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/verify/report.txt");
    let expected = snapbox::Data::read_from(&expected, Some(snapbox::data::DataFormat::Text));
    snapbox::Assert::new()
        .normalize_paths(false)
        .action_env("SNAPSHOTS")
        .eq(report, expected);
}

/// Modules of the tree with `--local`, commands with `--run`: neither without being asked for.
#[test]
fn code_of_the_tree_runs_only_when_asked() {
    let server = serve(Form::Json);
    let files = [
        ("requirements.txt", "six\n"),
        ("src/pkg/__init__.py", "import six\n"),
        ("src/pkg/broken.py", "from pkg import nothing\n"),
        // fails for the same reason, which is told once
        ("src/pkg/broken_too.py", "import pkg.broken\n"),
        (
            "src/pkg/cli.py",
            "import six\ndef main():\n    print('fine')\n",
        ),
        ("tool.py", "open('touched', 'w').write('x')\n"),
        (
            "fails.py",
            "import os, sys\nassert 'HF_TOKEN' not in os.environ\nopen('touched', 'w')\n__import__('absent_' + 'thing')\n",
        ),
        ("hangs.py", "import time\ntime.sleep(60)\n"),
        (
            "README.md",
            "```sh\npython fails.py\npython hangs.py --epochs 3\n```\n",
        ),
        (
            "pyproject.toml",
            "[project]\nname = 'demo'\nversion = '1'\ndependencies = ['six']\n\
             [project.scripts]\ndemo = 'pkg.cli:main'\n",
        ),
    ];
    let place = Case::of_files(&files).place();
    let index = server.url("/simple/");
    let lock = run(&place, &Step::of("lock", &index));
    assert!(lock.status.success(), "{}", text(&lock.stderr));
    let before = place.snapshot();
    let verify = "verify --installer pip --local --run --run-timeout 3 --verbose";
    let output = run(&place, &Step::of(verify, &index));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert_eq!(place.snapshot(), before, "the tree was changed");
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/verify/tree.txt");
    let expected = snapbox::Data::read_from(&expected, Some(snapbox::data::DataFormat::Text));
    snapbox::Assert::new()
        .normalize_paths(false)
        .action_env("SNAPSHOTS")
        .eq(text(&output.stdout), expected);
    let unknown = run(
        &place,
        &Step::of("verify --installer pip --run=nope", &index),
    );
    assert!(
        text(&unknown.stderr).contains("demo, fails, hangs"),
        "{}",
        text(&unknown.stderr)
    );
}

/// `--no-groups`, `--extra` and `--group` of `sync` and `verify`: what is installed and tried is that part.
#[test]
fn a_part_of_a_lock_is_installed() {
    let server = serve(Form::Json);
    let files = [
        (
            "pyproject.toml",
            "[project]\nname = 'demo'\nversion = '1'\ndependencies = ['six']\n\
             [project.optional-dependencies]\nplot = ['wellbehaved']\n\
             [dependency-groups]\ndev = ['gluelib']\n",
        ),
        ("demo.py", "import six\n"),
        ("plot.py", "import wellbehaved\n"),
        ("test_demo.py", "import gluelib\n"),
    ];
    let place = Case::of_files(&files).place();
    let index = server.url("/simple/");
    let lock = run(&place, &Step::of("lock --group plot --group dev", &index));
    assert!(lock.status.success(), "{}", text(&lock.stderr));
    for (part, expected) in [
        ("", ["six", "gluelib", "wellbehaved"].as_slice()),
        ("--no-groups", &["six"]),
        ("--extra plot", &["six", "wellbehaved"]),
        ("--group dev", &["six", "gluelib"]),
    ] {
        let sync = format!("sync --installer pip --venv {{tmp}}/venv {part}");
        let output = run(&place, &Step::of(&sync, &index));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let lib = std::fs::read_dir(place.path("venv/lib")).unwrap().next();
        let site = lib.unwrap().unwrap().path().join("site-packages");
        for name in ["six", "gluelib", "wellbehaved"] {
            let module = site.join(format!("{name}.py"));
            let there = module.exists() || site.join(name).exists();
            assert_eq!(there, expected.contains(&name), "{name} with `{part}`");
        }
    }
    let verify = "verify --installer pip --extra plot --verbose";
    let output = run(&place, &Step::of(verify, &index));
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}{}", text(&output.stderr));
    assert!(report.contains("left out\n  gluelib"), "{report}");
    assert!(report.contains("wellbehaved  wellbehaved 1.0"), "{report}");
    let verify = "verify --installer pip --no-groups --verbose";
    let output = run(&place, &Step::of(verify, &index));
    let report = text(&output.stdout);
    assert!(output.status.success(), "{report}{}", text(&output.stderr));
    let reason = "left out\n  gluelib  test_demo.py:1: the lock is without the group `test`\n  \
        wellbehaved  plot.py:1: it is declared in the group `plot` only, which is left out\n";
    assert!(report.contains(reason), "{report}");
    let unknown = run(&place, &Step::of("sync --extra dev", &index));
    let stderr = text(&unknown.stderr);
    assert!(stderr.contains("the lock has no extra `dev`"), "{stderr}");
    assert!(stderr.contains("the lock has: plot"), "{stderr}");
}

/// A tool of the driver may take seconds: it is asked once, also where a lock is chosen among several.
#[test]
fn the_driver_is_asked_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = serve(Form::Json);
    let place = Case::of_files(&[("train.py", "import six\n")]).place();
    let index = server.url("/simple/");
    let lock = run(&place, &Step::of("lock", &index));
    assert!(lock.status.success(), "{}", text(&lock.stderr));
    let tree = place.path("tree");
    std::fs::copy(tree.join("pylock.toml"), tree.join("pylock.other.toml")).unwrap();
    std::fs::rename(tree.join("pylock.toml"), tree.join("pylock.one.toml")).unwrap();
    let (program, asked) = (place.path("bin/nvidia-smi"), place.path("home/asked"));
    let script = format!(
        "#!/bin/sh\necho asked >> '{}'\necho '580.159.04, 9.0, NVIDIA Test'\n",
        asked.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    for command in ["sync", "verify"] {
        let step = Step::of(&format!("{command} --installer pip"), &index);
        let mut command = place.command(&step);
        command.env("PATH", format!("{}:{path}", place.path("bin").display()));
        let output = command.output().unwrap();
        let stderr = text(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains("one.toml of 2, for "), "{stderr}");
        // where the driver's library answers, the program is not needed
        let times = std::fs::read_to_string(&asked).unwrap_or_default();
        let through_program = stderr.contains("NVIDIA Test");
        assert_eq!(
            times.lines().count(),
            usize::from(through_program),
            "{stderr}"
        );
        let _ = std::fs::remove_file(&asked);
    }
}

#[test]
fn a_lock_that_cannot_be_installed_is_an_answer() {
    let server = serve(Form::Json);
    let place = Case::of_files(&[("train.py", "import six\n")]).place();
    let index = server.url("/simple/");
    let lock = run(&place, &Step::of("lock", &index));
    assert!(lock.status.success(), "{}", text(&lock.stderr));
    let file = place.path("tree/pylock.toml");
    let locked = std::fs::read_to_string(&file).unwrap();
    let (head, hash) = locked.split_once("sha256 = \"").unwrap();
    let other = format!("{head}sha256 = \"{}{}", "0".repeat(64), &hash[64..]);
    std::fs::write(&file, other).unwrap();
    let output = run(&place, &Step::of("verify --installer pip", &index));
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("not the one that was locked"), "{stderr}");
}

/// The rounds of `repair --verify`: what a failure teaches, the next set, and the edits that come of it.
#[test]
fn repair_learns_from_failures() {
    let server = serve(Form::Json);
    let files = [
        (
            "train.py",
            "import six\nfrom changing import old\nfrom unready import announced\n",
        ),
        ("requirements.txt", "changing\nsix\nunready\n"),
    ];
    let place = Case::of_files(&files).place();
    let before = place.snapshot();
    let index = server.url("/simple/");
    let repair = "repair --strategy modern --verify --installer pip --format json";
    let output = run(&place, &Step::of(repair, &index));
    let stderr = text(&output.stderr);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect(&stderr);
    assert!(output.status.success(), "{report:#} {stderr}");
    assert_eq!(
        place.snapshot(),
        before,
        "nothing is written without --apply"
    );
    assert_eq!(report["holds"], true, "{report:#}");
    let packages = report["packages"].as_array().unwrap();
    let pins: Vec<_> = packages
        .iter()
        .map(|pin| pin.as_str().unwrap_or_default())
        .collect();
    assert_eq!(pins, ["changing==1.0", "six==1.17.0", "unready==2.0b1"]);
    let rounds = report["rounds"].as_array().unwrap();
    let imported: Vec<&serde_json::Value> = rounds.iter().map(|one| &one["imported"]).collect();
    assert!(
        imported.len() > 1 && imported.last().unwrap().as_u64() == Some(3),
        "{report:#}"
    );
}

/// Like any step, but with the programs of this machine.
fn run(place: &Place, step: &Step) -> Output {
    let mut command = place.command(step);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.env("HF_TOKEN", "hunter2").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
