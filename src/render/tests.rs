use proptest::prelude::*;

use super::*;
use crate::lock::testing::{LockBuilder, example};
use pinsmith_resolver::Platform;

/// Compares with a file under `fixtures/lock`; `UPDATE_FIXTURES=1` writes it.
#[track_caller]
fn matches_fixture(name: &str, rendered: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/lock")
        .join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    assert_eq!(rendered, std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn the_example_as_requirements() {
    let text = requirements_txt(&example().lock(), "pinsmith lock");
    matches_fixture("requirements.txt", &text);
}

#[test]
fn the_example_as_pylock() {
    matches_fixture("pylock.toml", &pylock(&example().lock()));
}

#[test]
fn an_empty_lock_is_a_lock() {
    insta::assert_snapshot!(pylock(&LockBuilder::new().lock()), @r#"
    lock-version = "1.0"
    environments = [
        "implementation_name == 'cpython' and sys_platform == 'linux' and platform_machine == 'x86_64' and python_version == '3.11'",
    ]
    requires-python = "==3.11.*"
    created-by = "pinsmith"
    packages = []

    [tool.pinsmith]
    targets = [
        { python = "3.11", platform = "linux-x86_64", floor = "2.35", accelerator = "index" },
    ]
    "#);
}

#[test]
fn several_targets_get_markers_in_both_formats() {
    let mut resolutions = Vec::new();
    for (platform, wheel) in [
        (
            Platform::LinuxX86_64,
            "uvloop-0.21.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        ),
        (
            Platform::MacosArm64,
            "uvloop-0.21.0-cp311-cp311-macosx_11_0_arm64.whl",
        ),
        (
            Platform::WindowsX86_64,
            "colorama-0.4.6-py2.py3-none-any.whl",
        ),
    ] {
        let mut target = example().resolution.target;
        target.platform = platform;
        target.floor = platform.default_floor();
        let (name, rest) = wheel.split_once('-').unwrap();
        let pin = format!("{name}=={}", rest.split('-').next().unwrap());
        resolutions.push(
            LockBuilder::for_target(target)
                .pin(&pin, &[wheel], &[])
                .resolution,
        );
    }
    let lock = crate::lock::Lock::from_resolutions(
        &resolutions,
        &crate::requirements::Manifest::default(),
        &crate::lock::LockOptions::default(),
    );
    let lock = lock.unwrap().lock;
    matches_fixture(
        "several-targets-requirements.txt",
        &requirements_txt(&lock, "pinsmith lock"),
    );
    matches_fixture("several-targets-pylock.toml", &pylock(&lock));
}

#[test]
fn a_changed_pin_changes_only_its_own_lines() {
    let before = pylock(&example().lock());
    let after = pylock(&example().last(|antlr| antlr.lag_days = Some(5)).lock());
    let changed: Vec<&str> = after
        .lines()
        .filter(|line| !before.contains(line))
        .collect();
    assert_eq!(changed, ["lag-days = 5"]);
}

#[test]
fn a_file_name_cannot_add_a_requirement() {
    let evil = "a.py\nevil==1.0 \\\n--index-url https://evil.test/";
    let lock = LockBuilder::new()
        .pin("six==1.17.0", &["six-1.17.0-py2.py3-none-any.whl"], &[])
        .root(evil, 1)
        .lock();
    let text = requirements_txt(&lock, "pinsmith lock\nevil==2");
    let pins: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    assert_eq!(pins.len(), 2, "{text}");
    let parsed: toml_edit::DocumentMut = pylock(&lock).parse().unwrap();
    assert!(parsed.get("index-url").is_none());
    let file = &parsed["packages"][0]["tool"]["pinsmith"]["origins"][0]["file"];
    assert_eq!(
        file.as_str().unwrap(),
        r"a.py\u{a}evil==1.0 \\u{a}--index-url https://evil.test/"
    );
}

proptest! {
    /// Whatever stands in a file name or a command: the lines that count stay the same.
    #[test]
    fn no_text_from_outside_changes_what_is_installed(file in any::<String>(), command in any::<String>()) {
        let lock = |file: &str| LockBuilder::new()
            .pin("six==1.17.0", &["six-1.17.0-py2.py3-none-any.whl"], &[])
            .root(file, 1)
            .lock();
        let lines = |text: String| -> Vec<String> {
            text.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect()
        };
        let honest = lines(requirements_txt(&lock("a.py"), "pinsmith lock"));
        let text = requirements_txt(&lock(&file), &command);
        prop_assert!(text.lines().filter(|line| line.trim_start().starts_with('#')).all(|line| !line.ends_with('\\')));
        prop_assert_eq!(lines(text), honest);
        let parsed: toml_edit::DocumentMut = pylock(&lock(&file)).parse().unwrap();
        prop_assert_eq!(parsed["packages"].as_array_of_tables().unwrap().len(), 1);
    }
}
