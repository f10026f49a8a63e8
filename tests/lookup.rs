//! Modules that nobody knows, looked up on an index full of projects that want to be taken for them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::case::Case;
use crate::support::git::{commit, step};
use crate::support::index::{Form, serve_text};

const README: &str = "# A paper\n\nBuilt on [zqkit](https://github.com/zq-lab/zqkit).\n";
const HOME: &str = "https://github.com/zq-lab/zqkit";

/// How a squatter goes about it: the distribution's name, its releases, and what the wheels hold.
fn squat(number: usize, index: &mut String) -> String {
    let module = format!("zqmod{number:03}");
    let name = match number % 5 {
        0 => module.clone(),
        1 => format!("python-{module}"),
        2 => format!("{module}-python"),
        3 => format!("py-{module}"),
        _ => format!("py{module}"),
    };
    let young = "uploaded = \"2026-10-30\"";
    let old = "uploaded = \"2017-01-01\"";
    // young, naming the right repository; old, naming none or another; old, but the module came late
    let releases: &[(&str, &str, bool, &str)] = match number / 5 % 4 {
        0 => &[("1.0", young, true, HOME)],
        1 => &[("1.0", old, true, "")],
        2 => &[("1.0", old, true, "https://github.com/squat/er")],
        _ => &[("1.0", old, false, HOME), ("2.0", young, true, HOME)],
    };
    for (version, uploaded, holds, url) in releases {
        let held = if *holds { &module } else { "something_else" };
        writeln!(index, "[{name}.\"{version}\"]\n{uploaded}").unwrap();
        writeln!(index, "modules = [\"{held}\"]\nurls = [\"{url}\"]").unwrap();
    }
    module
}

#[test]
fn no_squatter_is_locked() {
    let mut index = String::new();
    let modules: Vec<String> = (0..100).map(|number| squat(number, &mut index)).collect();
    let server = serve_text(Form::Json, &index);
    // as many at a time as one run looks up
    for some in modules.chunks(40) {
        let imports = format!("import {}\n", some.join(", "));
        let place = Case::of_files(&[("a.py", &imports), ("README.md", README)]).place();
        let history = commit(&place.path("tree"), "2020-01-01T00:00:00Z");
        let step = step(
            &place,
            "lock {target} --format json --verbose",
            &server.url("/simple/"),
        );
        let output = place.command(&step).output().unwrap();
        assert!(output.status.success(), "{}", said(&output.stderr));
        let lock: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(lock["targets"][0]["packages"], serde_json::json!([]));
        let stderr = said(&output.stderr);
        for module in some {
            let doubt = format!("provide `{module}`; `");
            assert!(
                stderr.contains(&doubt),
                "{module} (git: {history:?}): {stderr}"
            );
        }
    }
}

#[test]
fn what_is_beyond_doubt_is_taken() {
    let index = format!(
        r#"
[zqkit."1.0"]
uploaded = "2017-01-01"
modules = ["zqkit"]
urls = ["{HOME}/issues"]
[zqkit."2.0"]
uploaded = "2026-01-01"
modules = ["zqkit"]
urls = ["{HOME}.git"]
[python-zqtool."1.0"]
uploaded = "2026-01-01"
modules = ["zqtool"]
[zqdeclared-suite."1.0"]
uploaded = "2026-01-01"
modules = ["zqpart"]
requires = ["zqdep"]
[zqdep."1.0"]
uploaded = "2026-01-01"
[zqsource."1.0"]
uploaded = "2026-01-01"
modules = ["zqsource"]
wheels = []
sdist = true
[google-cloud-zqnew."1.0"]
uploaded = "2026-01-01"
modules = ["google.cloud.zqnew"]
"#
    );
    let server = serve_text(Form::Json, &index);
    let code = "import zqkit, zqpart, zqtool, zqdep, zqsource, zqnowhere\nfrom google.cloud import zqnew\n";
    let files = [
        ("a.py", code),
        ("README.md", README),
        ("requirements.txt", "zqdeclared-suite\n"),
    ];
    let place = Case::of_files(&files).place();
    let has_git = commit(&place.path("tree"), "2020-01-01T00:00:00Z").is_some();
    let pins = |run: &str| {
        let step = step(&place, run, &server.url("/simple/"));
        let output = place.command(&step).output().unwrap();
        assert!(output.status.success(), "{}", said(&output.stderr));
        let stdout = said(&output.stdout);
        let lines = stdout.lines().filter(|line| line.contains("=="));
        let pins: Vec<String> = lines
            .map(|line| line.trim_end_matches([' ', '\\']).to_owned())
            .collect();
        (pins.join(" "), said(&output.stderr))
    };
    let known = if has_git { " zqkit==2.0" } else { "" };
    let (found, stderr) = pins("lock {target} --dry-run -v");
    assert_eq!(
        found,
        format!("zqdeclared-suite==1.0 zqdep==1.0{known}"),
        "{stderr}"
    );
    for line in [
        "`zqpart` is in the declared `zqdeclared-suite`: its wheel holds it",
        "provide `zqtool`; `python-zqtool` 1.0 holds it, but nothing shows that it is older",
        "take it with `--accept python-zqtool`",
        "provide `zqsource`; `zqsource` 1.0 holds it, but nothing shows that it is older",
        "provide `google.cloud.zqnew`; `google-cloud-zqnew` 1.0 holds it",
        "no distribution is known to provide `zqnowhere`",
    ] {
        assert!(stderr.contains(line), "{line}\n{stderr}");
    }
    assert!(!stderr.contains("provide `zqdep`"), "{stderr}");
    let (found, _) = pins("lock {target} --dry-run --accept python-zqtool");
    assert_eq!(
        found,
        format!("python-zqtool==1.0 zqdeclared-suite==1.0 zqdep==1.0{known}")
    );
    let (found, stderr) = pins("lock {target} --dry-run --no-lookup");
    assert_eq!(found, "zqdeclared-suite==1.0 zqdep==1.0");
    assert!(
        stderr.contains("no distribution is known to provide `zqkit`"),
        "{stderr}"
    );
    // from the cache alone the answers are the same
    let (found, stderr) = pins("lock {target} --dry-run --offline");
    assert_eq!(
        found,
        format!("zqdeclared-suite==1.0 zqdep==1.0{known}"),
        "{stderr}"
    );
}

#[test]
fn an_index_that_cannot_be_asked_is_one_finding() {
    let modules: Vec<String> = (0..30).map(|number| format!("zqmod{number}")).collect();
    let imports = format!("import {}\n", modules.join(", "));
    let place = Case::of_files(&[("a.py", &imports)]).place();
    let step = step(&place, "scan --lookup", "down");
    let output = place.command(&step).output().unwrap();
    let stderr = said(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(
        stderr.matches("could not be looked up").count(),
        1,
        "{stderr}"
    );
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
