//! Whether pip and uv take what was locked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::Run;
use super::expect::Packages;
use super::index::{self, Index};

/// pip and uv, given the produced files and the main index alone, choose the locked wheels. A named check: it needs
/// both, so it runs with `cargo test --test main accelerators::installers -- --ignored`.
#[test]
#[ignore = "needs pip and uv"]
fn installers_choose_the_locked_wheels() {
    let index = Index::start();
    let mut report = String::new();
    for (name, accelerator, wanted) in [
        (
            "pip-cu128",
            "cu128",
            vec!["torch==2.9.1", "torchvision==0.24.1"],
        ),
        (
            "pip-cpu",
            "cpu",
            vec!["torch==2.9.1", "torchvision==0.24.1"],
        ),
        ("pip-rocm", "rocm6.4", vec!["torch==2.8.0"]),
        ("pip-xpu", "xpu", vec!["torch==2.9.1"]),
        (
            "pip-flash",
            "cu130",
            vec!["torch==2.10.0", "flash-attn==2.8.1"],
        ),
        ("pip-index", "index", vec!["torch==2.9.1", "accelerate"]),
    ] {
        let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
        let run = Run::new(&index, name, &wanted);
        let target = serde_json::json!({"python": "3.12", "platform": "linux-x86_64", "accelerator": accelerator});
        let output = run.lock(&[&target], &[]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let locked = agree(&index, &run, &answer["targets"][0], "requirements.lock.txt");
        writeln!(report, "{name}: {locked} wheels, pip and uv agree").unwrap();
    }
    // several accelerators side by side, each with its own file
    let wanted = ["torch==2.8.0", "torchvision", "accelerate"].map(str::to_owned);
    let run = Run::new(&index, "pip-slugs", &wanted);
    let target = serde_json::json!({"python": "3.12", "platform": "linux-x86_64"});
    let slugs = ["cpu", "cu126", "cu128", "rocm6.3", "xpu"];
    let flags = slugs.iter().flat_map(|slug| ["--accelerator", *slug]);
    let output = run.lock(&[&target], &flags.collect::<Vec<_>>());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    for target in answer["targets"].as_array().unwrap() {
        let slug = target["accelerator"].as_str().unwrap().replace('.', "-");
        let locked = agree(&index, &run, target, &format!("requirements.{slug}.txt"));
        writeln!(report, "{slug}: {locked} wheels, pip and uv agree").unwrap();
    }
    println!("{report}");
}

/// What pip and uv take by a requirements file is what was locked; how many that is.
fn agree(index: &Index, run: &Run<'_>, target: &Value, file: &str) -> usize {
    let locked: BTreeMap<String, String> = Packages::of(target)
        .0
        .iter()
        .map(|(name, one)| {
            (
                (*name).to_owned(),
                one["version"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let pinned = std::fs::read_to_string(run.folder.join(file)).unwrap();
    let lines = pinned
        .lines()
        .filter(|line| !line.trim_start().starts_with("--hash"));
    let bare: Vec<&str> = lines.map(|line| line.trim_end_matches(" \\")).collect();
    let bare_file = run.folder.join("bare.txt");
    std::fs::write(&bare_file, bare.join("\n")).unwrap();
    assert_eq!(index::pip_report(index, &bare_file), locked, "pip, {file}");
    assert_eq!(index::uv_report(index, &bare_file), locked, "uv, {file}");
    locked.len()
}
