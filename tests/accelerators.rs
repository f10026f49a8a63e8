//! Accelerators against an index that is made of recorded names: `fixtures/accelerators`.
//!
//! Each row of `acceptance.jsonl` is a request with what must come of it. They run through the binary, whose
//! accelerator table points to the server of this process.

mod expect;
mod index;
mod installers;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use pinsmith::accelerator::WheelLocal;
use pinsmith_resolver::{WheelName, parse_requirement};
use serde::Deserialize;
use serde_json::Value;

use self::expect::check;
use self::index::Index;
use crate::support::keep_locks;

/// One row.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    id: String,
    area: String,
    requirements: Vec<String>,
    target: Value,
    expect: Value,
    why: String,
}

fn rows() -> Vec<Row> {
    rows_of("acceptance.jsonl")
}

fn rows_of(file: &str) -> Vec<Row> {
    let text = index::fixture(file);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A folder with requirements, and what is typed in it.
struct Run<'a> {
    index: &'a Index,
    folder: PathBuf,
}

impl<'a> Run<'a> {
    fn new(index: &'a Index, name: &str, requirements: &[String]) -> Self {
        let folder = index.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("requirements.txt"), requirements.join("\n")).unwrap();
        Self { index, folder }
    }

    fn pinsmith(&self, arguments: &[String]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pinsmith"));
        command.env_clear().current_dir(&self.folder);
        for name in ["PATH", "SystemRoot"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command.env("HOME", self.index.folder.path());
        command.args(arguments);
        command
            .arg("--cache-dir")
            .arg(self.index.folder.path().join("cache"));
        command.output().unwrap()
    }

    fn lock(&self, targets: &[&Value], more: &[&str]) -> Output {
        let mut arguments: Vec<String> = ["lock", ".", "--format", "json", "-v", "--no-lookup"]
            .map(str::to_owned)
            .to_vec();
        let mut flag = |name: &str, value: String| {
            let known = arguments
                .windows(2)
                .any(|pair| pair == [format!("--{name}"), value.clone()]);
            if !known {
                arguments.extend([format!("--{name}"), value]);
            }
        };
        flag("index-url", self.index.server.url("/main/simple/"));
        flag("accelerator-table", self.index.table.display().to_string());
        for target in targets {
            for name in ["python", "platform", "accelerator", "glibc", "macos"] {
                if let Some(value) = target[name].as_str() {
                    flag(name, value.to_owned());
                }
            }
            if let Some(day) = target["as_of"].as_str() {
                flag("as-of", day.to_owned());
            }
        }
        arguments.extend(more.iter().map(|word| (*word).to_owned()));
        self.pinsmith(&arguments)
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten();
        for path in entries.flatten().map(|entry| entry.path()) {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let name = path.to_string_lossy();
            keep_locks([(&*name, bytes.as_slice())].into_iter());
        }
    }
}

/// Rows that are about this host, and those that are about names and metadata alone.
fn is_locked(row: &Row) -> bool {
    row.area != "auto" && row.target["parse"].is_null() && row.id != "A68"
}

#[test]
fn acceptance_rows_come_out_as_expected() {
    let rows: Vec<Row> = rows().into_iter().filter(is_locked).collect();
    assert!(rows.len() > 50);
    come_out(&rows);
}

/// Every way in which builds are shipped, see `fixtures/accelerators/shipping.jsonl`.
#[test]
fn every_way_of_shipping_comes_out_as_expected() {
    come_out(&rows_of("shipping.jsonl"));
}

fn come_out(rows: &[Row]) {
    let index = Index::start();
    let (next, wrong) = (Mutex::new(rows.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(row) = next.lock().unwrap().next() else {
                        break;
                    };
                    if let Err(problem) = check(&index, row) {
                        let text = format!("{} ({}): {problem}", row.id, row.why);
                        wrong.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n\n")
    );
}

/// The rows about names and metadata.
#[test]
fn acceptance_rows_about_names_are_read() {
    let rows = rows();
    let row = |id: &str| rows.iter().find(|row| row.id == id).unwrap().clone();
    let names: Vec<WheelName> = row("A69")
        .requirements
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    let labels: Vec<Option<&str>> = names.iter().map(|name| name.variant.as_deref()).collect();
    assert_eq!(labels, [Some("x86_64_v3"), Some("null"), None]);
    assert_eq!(names[2].build, Some((0, String::new())));
    // METADATA of torch 2.6.0 for Windows ends its lines, and the blank one, with CR LF
    let text = b"Metadata-Version: 2.1\r\nName: torch\r\nVersion: 2.6.0\r\nRequires-Python: >=3.9.0\r\n\r\nTensors\r\n";
    let read = pinsmith::index::metadata::parse_metadata(text).unwrap();
    assert_eq!(read.core.requires_python.unwrap().to_string(), ">=3.9.0");
    let legacy = parse_requirement(&row("A71").requirements[0])
        .unwrap()
        .requirement;
    let modern = "nvidia-cublas-cu12==12.1.3.1; platform_system == \"Linux\" and platform_machine == \"x86_64\"";
    assert_eq!(legacy, parse_requirement(modern).unwrap().requirement);
    assert!(index::fixture("github-wheels.txt").lines().all(|line| {
        let name: WheelName = line.rsplit('/').next().unwrap().parse().unwrap();
        let local = WheelLocal::of(&name.version);
        local.torch.is_none() || local.family.is_some()
    }));
}

/// One run for three accelerators: a file for each, equal versions, and nothing but the builds has an
/// address; the second run changes nothing.
#[test]
fn accelerators_are_locked_side_by_side() {
    let index = Index::start();
    let wanted = ["torch==2.8.0", "torchvision", "accelerate", "numpy"].map(str::to_owned);
    let run = Run::new(&index, "matrix", &wanted);
    let target = serde_json::json!({"python": "3.12", "platform": "linux-x86_64"});
    let flags = [
        "--accelerator",
        "cpu",
        "--accelerator",
        "cu128",
        "--accelerator",
        "rocm6.3",
    ];
    let output = run.lock(&[&target], &flags);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let read = |name: &str| std::fs::read_to_string(run.folder.join(name)).unwrap();
    let mut before = Vec::new();
    for (slug, build) in [("cpu", "cpu"), ("cu128", "cu128"), ("rocm6-3", "rocm6.3")] {
        let text = read(&format!("requirements.{slug}.txt"));
        let address = format!(
            "{}torch-2.8.0%2B{build}-cp312-cp312-",
            index.files_of(build)
        );
        assert!(text.contains(&format!("torch @ {address}")), "{text}");
        assert!(
            text.contains("numpy==2.5.0 \\\n") && text.contains("accelerate==1.20.0 \\\n"),
            "{text}"
        );
        assert_eq!(
            text.matches(" @ ").count(),
            if build.starts_with("rocm") { 3 } else { 2 },
            "{text}"
        );
        let lock = read(&format!("pylock.{slug}.toml"));
        assert!(lock.contains(&format!(
            "index = \"{}\"",
            index.server.url(&format!("/{build}/simple/"))
        )));
        before.push(text);
    }
    assert!(!run.folder.join("pylock.toml").exists());
    let spec = read("pinsmith.env.toml");
    assert!(
        spec.contains("pylock.rocm6-3.toml") && spec.contains("requirements.cu128.txt"),
        "{spec}"
    );
    // its own locks are no evidence of what the tree is for
    assert!(!spec.contains("[accelerator]"), "{spec}");
    let files = || {
        let locks = ["cpu", "cu128", "rocm6-3"].map(|slug| read(&format!("pylock.{slug}.toml")));
        (locks, read("pinsmith.env.toml"))
    };
    assert!(run.lock(&[&target], &flags).status.success());
    let settled = files();
    assert!(!settled.1.contains("[accelerator]"), "{}", settled.1);
    assert!(run.lock(&[&target], &flags).status.success());
    assert_eq!(files(), settled);
    // without flags the targets are those of the locks
    let again = run.lock(&[], &[]);
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    let pins = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for (text, slug) in before.iter().zip(["cpu", "cu128", "rocm6-3"]) {
        assert_eq!(pins(&read(&format!("requirements.{slug}.txt"))), pins(text));
    }
}

/// What the table says of releases that cannot be had is a comfort: the resolver tells the same from the index.
#[test]
fn failures_are_told_without_the_sentences_of_the_table() {
    let index = Index::start();
    let text = std::fs::read_to_string(&index.table).unwrap();
    let start = text.find("\ntraps = [").unwrap();
    let end = start + text[start..].find("\n]\n").unwrap() + 3;
    std::fs::write(
        &index.table,
        format!("{}\ntraps = []\n{}", &text[..start], &text[end..]),
    )
    .unwrap();
    let rows = rows();
    for (id, says) in [
        (
            "A26",
            [
                "torchvision 0.15.0 requires torch==2.0.0+cu117",
                "no release of torch is ==2.0.0+cu117",
            ],
        ),
        (
            "A41",
            [
                "requires nvidia-cuda-runtime-cu13>=13.0,<14",
                "the index has 0.0.1",
            ],
        ),
        ("A44", ["jax-rocm7-plugin", "the index has 0.12.0"]),
    ] {
        let row = rows.iter().find(|row| row.id == id).unwrap();
        let run = Run::new(&index, &format!("bare-{id}"), &row.requirements);
        let output = run.lock(&[&row.target], &[]);
        let told = String::from_utf8_lossy(&output.stdout).replace('`', "");
        assert_eq!(output.status.code(), Some(1), "{told}");
        for say in says {
            assert!(told.contains(say), "{id}, {say}: {told}");
        }
    }
}

/// A page that cannot be asked may have what is wanted: that is said, and an answer "no" is none.
#[test]
fn a_page_that_cannot_be_asked_is_no_empty_page() {
    let index = Index::start();
    index.broken.store(true, Ordering::Relaxed);
    let target =
        serde_json::json!({"python": "3.12", "platform": "linux-x86_64", "accelerator": "cu128"});
    let wanted = ["torch==2.9.1", "torch-scatter"].map(str::to_owned);
    let run = Run::new(&index, "unreachable", &wanted);
    let output = run.lock(&[&target], &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains(
            "error[ACC015]: whether there is an answer with `torch-scatter` cannot be told"
        ),
        "{stderr}"
    );
    index.broken.store(false, Ordering::Relaxed);
    let output = run.lock(&[&target], &[]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A lock of wheels that only their page tells apart stays as it is.
#[test]
fn a_build_that_its_page_tells_apart_is_kept() {
    let index = Index::start();
    let wanted = ["torch==2.2.2", "mmcv"].map(str::to_owned);
    let run = Run::new(&index, "kept-page", &wanted);
    let target =
        serde_json::json!({"python": "3.10", "platform": "linux-x86_64", "accelerator": "cu121"});
    let mut before = String::new();
    for round in 0..3 {
        let output = run.lock(&[&target], &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        let lock = std::fs::read_to_string(run.folder.join("pylock.toml")).unwrap();
        assert!(
            lock.contains("name = \"mmcv\"\nversion = \"2.2.0\"\n"),
            "{lock}"
        );
        assert!(
            lock.contains("/mmcv-2.2-cu121/files/mmcv-2.2.0-cp310"),
            "{lock}"
        );
        // the second run adds that pins are the lock's; from then on the bytes stay
        if round > 1 {
            assert_eq!(lock, before);
        }
        assert!(
            !stderr.contains("not kept") && !stderr.contains("+torch2"),
            "{stderr}"
        );
        before = lock;
    }
}

/// `explain` reads the table that the lock was made with.
#[test]
fn a_pin_is_explained_with_the_users_table() {
    let index = Index::start();
    let wanted = ["torch==2.9.1", "torchvision"].map(str::to_owned);
    let run = Run::new(&index, "explained", &wanted);
    let target =
        serde_json::json!({"python": "3.12", "platform": "linux-x86_64", "accelerator": "cu128"});
    let output = run.lock(&[&target], &[]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let explain = |more: &[&str]| {
        let url = index.server.url("/main/simple/");
        let arguments = [
            &["explain", "torchvision", ".", "--index-url", url.as_str()],
            more,
        ]
        .concat();
        let output = run.pinsmith(&arguments.into_iter().map(str::to_owned).collect::<Vec<_>>());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let with = explain(&["--accelerator-table", index.table.to_str().unwrap()]);
    assert!(
        with.contains("torchvision 0.26.0") && with.contains("torch"),
        "{with}"
    );
    assert!(!with.contains("unknown:"), "{with}");
    let without = explain(&[]);
    assert!(without.contains("unknown: "), "{without}");
}

/// A file at an address that is not the locked one any more is not taken silently.
#[test]
fn a_replaced_asset_is_refused() {
    let index = Index::start();
    let name = "vllm-0.16.0-cp38-abi3-manylinux_2_31_x86_64.whl";
    let address = index.server.url(&format!("/assets/{name}"));
    let run = Run::new(&index, "replaced", &[format!("vllm @ {address}")]);
    let target = serde_json::json!({"python": "3.12", "platform": "linux-x86_64"});
    let first = run.lock(&[&target], &[]);
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    index.replaced.store(true, Ordering::Relaxed);
    let second = run.lock(&[&target], &[]);
    let stderr = String::from_utf8_lossy(&second.stderr);
    let stdout = String::from_utf8_lossy(&second.stdout);
    assert_eq!(second.status.code(), Some(1), "{stderr}");
    assert!(stdout.contains("hash differs from the lock"), "{stdout}");
    let third = run.lock(&[&target], &["--upgrade-package", "vllm"]);
    assert!(
        third.status.success(),
        "{}",
        String::from_utf8_lossy(&third.stderr)
    );
}

/// Without a network, a digest that the index does not give cannot be told.
#[test]
fn a_missing_digest_needs_the_network_once() {
    let index = Index::start();
    let run = Run::new(&index, "hashless", &["torch==2.13.0".to_owned()]);
    let target =
        serde_json::json!({"python": "3.12", "platform": "linux-x86_64", "accelerator": "cu132"});
    // pages and metadata alone, as `compile` reads them
    let arguments = [
        "compile",
        "requirements.txt",
        "--python",
        "3.12",
        "--platform",
        "linux-x86_64",
        "--accelerator",
        "cu132",
    ];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
    arguments.extend(["--index-url".to_owned(), index.server.url("/main/simple/")]);
    arguments.extend([
        "--accelerator-table".to_owned(),
        index.table.display().to_string(),
    ]);
    let compiled = run.pinsmith(&arguments);
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let offline = run.lock(&[&target], &["--offline"]);
    let stderr = String::from_utf8_lossy(&offline.stderr);
    assert_eq!(offline.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("has no sha256 on its index, and the network is off"),
        "{stderr}"
    );
    assert!(run.lock(&[&target], &[]).status.success());
    let offline = run.lock(&[&target], &["--offline"]);
    assert!(
        offline.status.success(),
        "{}",
        String::from_utf8_lossy(&offline.stderr)
    );
}
