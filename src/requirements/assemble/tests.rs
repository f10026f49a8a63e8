//! Runs the cases of `fixtures/requirements/*.toml`; each is a small tree and what it needs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::requirements::{Confidence, ModuleKind};
use crate::scan::{ImpliedNeed, Import, ImportContext, InstallLine, Site, Use, UseKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// `CONTEXT MODULE [NAME,NAME] @FILE:LINE [if MARKER]`; context `local` for the tree's own.
    #[serde(default)]
    imports: Vec<String>,
    /// `REQUIREMENT @FILE:LINE`, with a leading `weak `.
    #[serde(default)]
    install_lines: Vec<String>,
    /// `CONTEXT NEED,NEED [instead NAME,NAME] <- USE @FILE:LINE`
    #[serde(default)]
    implied: Vec<String>,
    /// `KIND WHAT @FILE:LINE`
    #[serde(default)]
    uses: Vec<String>,
    #[serde(default)]
    accelerators: Vec<String>,
    #[serde(default)]
    python: Option<String>,
    #[serde(default)]
    accept: Vec<String>,
    #[serde(default)]
    modules: BTreeMap<String, String>,
    /// `GROUP: REQUIREMENT <- KIND FILE:LINE, ...`; the group of runtime is `-`.
    requirements: Vec<String>,
    /// `MODULE KIND CONTEXT DISTRIBUTION CONFIDENCE`; absent means not looked at.
    #[serde(default)]
    mapped: Option<Vec<String>>,
    /// `CODE FILE:LINE MESSAGE`, every one of them.
    #[serde(default)]
    diagnostics: Vec<String>,
    /// `MODULE: WHY`, for each choice that has a reason; absent means not looked at.
    #[serde(default)]
    why: Option<Vec<String>>,
    #[serde(default)]
    constraints: Vec<String>,
    #[serde(default)]
    requires_python: Option<String>,
}

#[test]
fn fixtures_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/requirements");
    let mut failures = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let suite: Suite = toml::from_str(&std::fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in suite.case {
            count += 1;
            failures.extend(check(&case));
        }
    }
    assert!(count > 20, "only {count} cases");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// The rows of the acceptance list from the files to what is needed.
#[test]
fn every_row_is_as_stated() {
    use crate::scan::{ScanOptions, cases, scan};
    let mut wrong = Vec::new();
    for case in cases::Cases::all().case {
        let Some(row) = &case.row else { continue };
        let folder = tempfile::tempdir().unwrap();
        cases::write_tree(folder.path(), &case);
        let tree = Tree::new(folder.path()).unwrap();
        let options = ScanOptions {
            exclude: case.exclude.clone(),
        };
        let found = scan(&tree, &options);
        let options = AssembleOptions {
            python: Some("3.11".parse().unwrap()),
            ..AssembleOptions::default()
        };
        let manifest = assemble(&found, &tree, &options);
        let mut needs: Vec<String> = manifest
            .requirements
            .iter()
            .map(|need| {
                let group = need.group.as_deref().unwrap_or("-");
                format!("{group}: {}", need.requirement)
            })
            .collect();
        let others = manifest.imports.iter();
        let others = others.filter(|import| import.distribution.is_none());
        needs.extend(others.map(|import| {
            let kind = serde_json::to_value(import.kind).unwrap();
            format!("{} {}", kind.as_str().unwrap(), import.module)
        }));
        if case.needs.as_ref() != Some(&needs) {
            wrong.push(format!("{row} needs = {needs:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn check(case: &Case) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in &case.files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let scan = Scan {
        imports: case.imports.iter().map(|text| import(text)).collect(),
        install_lines: case.install_lines.iter().map(|t| install_line(t)).collect(),
        implied: case.implied.iter().map(|text| implied(text)).collect(),
        uses: case.uses.iter().map(|text| used(text)).collect(),
        declaration_files: case.files.keys().cloned().collect(),
        ..Scan::default()
    };
    let options = AssembleOptions {
        python: case.python.as_ref().map(|python| python.parse().unwrap()),
        accept: case
            .accept
            .iter()
            .map(|name| name.parse().unwrap())
            .collect(),
        modules: case
            .modules
            .iter()
            .map(|(module, name)| (ModuleName::new(module).unwrap(), name.parse().unwrap()))
            .collect(),
        accelerators: case.accelerators.clone(),
        ..AssembleOptions::default()
    };
    let tree = Tree::new(folder.path()).unwrap();
    let manifest = assemble(&scan, &tree, &options);
    let mut failures = Vec::new();
    let mut compare = |what: &str, found: Vec<String>, expected: &[String]| {
        if found != expected {
            let found = found.join("\n    ");
            let expected = expected.join("\n    ");
            failures.push(format!(
                "{}: {what}\n  found\n    {found}\n  expected\n    {expected}",
                case.name
            ));
        }
    };
    compare("requirements", needs(&manifest), &case.requirements);
    if let Some(expected) = &case.mapped {
        compare("mapped", mapped(&manifest), expected);
    }
    compare("diagnostics", diagnostics(&manifest), &case.diagnostics);
    if let Some(expected) = &case.why {
        let imports = manifest.imports.iter();
        let whys = imports.filter_map(|one| Some(format!("{}: {}", one.module, one.why.as_ref()?)));
        compare("why", whys.collect(), expected);
    }
    let constraints = manifest.constraints.iter().map(ToString::to_string);
    compare("constraints", constraints.collect(), &case.constraints);
    let python = manifest.requires_python.map(|(range, _)| range.to_string());
    let expected = case.requires_python.clone();
    compare(
        "requires-python",
        python.into_iter().collect(),
        &expected.into_iter().collect::<Vec<_>>(),
    );
    failures
}

fn used(text: &str) -> Use {
    let (text, place) = text.split_once(" @").unwrap();
    let (kind, what) = text.split_once(' ').unwrap();
    Use {
        module: ["cv2", "faiss"]
            .into_iter()
            .find(|module| what.contains(module))
            .unwrap_or("onnxruntime"),
        what: what.to_owned(),
        kind: match kind {
            "window" => UseKind::Window,
            "contrib" => UseKind::Contrib,
            "rocm" => UseKind::Rocm,
            "openvino" => UseKind::OpenVino,
            "directml" => UseKind::DirectMl,
            "any" => UseKind::AnyDevice,
            _ => UseKind::Cuda,
        },
        site: site(place),
    }
}

fn site(text: &str) -> Site {
    let (file, line) = text.rsplit_once(':').unwrap();
    Site {
        file: file.to_owned(),
        line: line.parse().unwrap(),
        cell: file.contains(".ipynb").then_some(1),
    }
}

fn import(text: &str) -> Import {
    let (text, marker) = match text.split_once(" if ") {
        Some((text, marker)) => (text, Some(marker.to_owned())),
        None => (text, None),
    };
    let (what, at) = text.split_once('@').unwrap();
    let words: Vec<&str> = what.split_whitespace().collect();
    let context = context(words[0]);
    let names = words.get(2).into_iter().flat_map(|names| names.split(','));
    Import {
        module: ModuleName::new(words[1]).unwrap(),
        names: names.map(str::to_owned).collect(),
        context,
        labels: BTreeSet::new(),
        local: words[0] == "local",
        marker,
        site: site(at.trim()),
    }
}

fn context(word: &str) -> ImportContext {
    match word {
        "runtime" | "local" => ImportContext::Runtime,
        "notebook" => ImportContext::NotebookOnly,
        "optional" => ImportContext::Optional,
        "test" => ImportContext::Test,
        "build" => ImportContext::Build,
        "typing" => ImportContext::Typing,
        other => panic!("no context {other}"),
    }
}

fn implied(text: &str) -> ImpliedNeed {
    let (what, used) = text.split_once(" <- ").unwrap();
    let (used, at) = used.rsplit_once(" @").unwrap();
    let words: Vec<&str> = what.split_whitespace().collect();
    // the table lives as long as the program, and so do these
    let list = |index: usize| -> &'static [&'static str] {
        let text: &'static str = words.get(index).map_or("", |text| text.to_string().leak());
        let items = text
            .split(',')
            .filter(|item| !item.is_empty() && *item != "-");
        items.collect::<Vec<_>>().leak()
    };
    ImpliedNeed {
        needs: list(1),
        instead: list(3),
        used: used.to_owned(),
        module: "",
        context: context(words[0]),
        marker: None,
        site: site(at),
    }
}

fn install_line(text: &str) -> InstallLine {
    let (requirement, at) = text.rsplit_once(" @").unwrap();
    let strong = requirement.strip_prefix("weak ");
    let mut site = site(at);
    site.cell = site.file.contains(".ipynb").then_some(1);
    InstallLine {
        requirement: strong.unwrap_or(requirement).to_owned(),
        site,
        weak: strong.is_some(),
        tool: crate::scan::InstallTool::Pip,
    }
}

fn needs(manifest: &Manifest) -> Vec<String> {
    let needs = manifest.requirements.iter().map(|need| {
        let origins = need.origins.iter().map(|origin| {
            let kind = serde_json::to_value(origin.kind).unwrap();
            let site = Site {
                cell: None,
                ..origin.site.clone()
            };
            format!("{} {site}", kind.as_str().unwrap())
        });
        let origins: Vec<String> = origins.collect();
        let group = need.group.as_deref().unwrap_or("-");
        format!("{group}: {} <- {}", need.requirement, origins.join(", "))
    });
    needs.collect()
}

fn mapped(manifest: &Manifest) -> Vec<String> {
    let word = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    let imports = manifest.imports.iter().map(|import| {
        let distribution = import.distribution.as_ref();
        [
            import.module.to_string(),
            word(serde_json::to_value(import.kind).unwrap()),
            word(serde_json::to_value(import.context).unwrap()),
            distribution.map_or("-".to_owned(), ToString::to_string),
            word(serde_json::to_value(import.confidence).unwrap()),
        ]
        .join(" ")
    });
    imports.collect()
}

fn diagnostics(manifest: &Manifest) -> Vec<String> {
    let found = manifest.diagnostics.iter().map(|diagnostic| {
        let site = diagnostic.site.as_ref().map(ToString::to_string);
        format!(
            "{} {} {}",
            diagnostic.code.0,
            site.unwrap_or_default(),
            diagnostic.message
        )
    });
    found.collect()
}

#[test]
fn alternatives_of_an_opencv_import_are_shown() {
    let scan = Scan {
        imports: vec![import("runtime cv2 @a.py:1")],
        ..Scan::default()
    };
    let manifest = assemble_declared(&scan, Declared::default(), &AssembleOptions::default());
    let found = &manifest.imports[0];
    assert_eq!(found.kind, ModuleKind::ThirdParty);
    assert_eq!(found.confidence, Confidence::Curated);
    assert_eq!(
        found.alternatives,
        [
            "opencv-python",
            "opencv-contrib-python",
            "opencv-contrib-python-headless"
        ]
    );
}

#[test]
fn named_files_are_read_whatever_they_are_called() {
    let files: BTreeMap<&str, &str> = [
        ("requirements-dev.in", "-r base.in\n-c pins.txt\npytest\n"),
        (
            "base.in",
            "# made by pinsmith\nnumpy\n-r requirements-dev.in\n",
        ),
        ("pins.txt", "numpy==1.26.4\n"),
    ]
    .into();
    let mut read = |path: &str| {
        let text = files.get(path).copied();
        text.map(|text| text.as_bytes().to_vec())
            .ok_or_else(|| crate::scan::ReadError::Outside(path.to_owned()))
    };
    let names = ["requirements-dev.in".to_owned(), "missing.txt".to_owned()];
    let manifest = read_requirement_files(&names, &mut read);
    assert_eq!(
        needs(&manifest),
        [
            "-: numpy <- declared base.in:2",
            "-: pytest <- declared requirements-dev.in:3"
        ]
    );
    assert_eq!(manifest.constraints[0].to_string(), "numpy==1.26.4");
    assert_eq!(manifest.diagnostics.len(), 1);
    assert_eq!(
        manifest.diagnostics[0].severity,
        crate::diagnostic::Severity::Error
    );
}
