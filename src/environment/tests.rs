use super::*;
use crate::lock::testing::{LockBuilder, example};
use crate::render;
use crate::requirements::{
    Confidence, Manifest, ManifestRequirement, MappedImport, ModuleKind, Origin, OriginKind,
};
use crate::scan::{Artifact, ImportContext, ModuleName, Scan};

fn site(file: &str, line: u32) -> Site {
    Site {
        file: file.to_owned(),
        line,
        cell: None,
    }
}

fn artifact(id: &str, revision: Option<&str>, line: u32) -> Artifact {
    Artifact {
        kind: "model",
        id: id.to_owned(),
        call: "from_pretrained",
        revision: revision.map(str::to_owned),
        site: site("train.py", line),
    }
}

fn spec(builder: LockBuilder, scan: &Scan) -> EnvironmentSpec {
    let mut manifest: Manifest = builder.manifest.clone();
    manifest.requires_python = Some((">=3.10,<3.13".parse().unwrap(), site("pyproject.toml", 5)));
    manifest.imports.push(MappedImport {
        suggestion: None,
        module: ModuleName::new("internal_tools").unwrap(),
        kind: ModuleKind::Unresolved,
        context: ImportContext::Runtime,
        labels: Vec::new(),
        marker: None,
        distribution: None,
        confidence: Confidence::None,
        alternatives: Vec::new(),
        sites: vec![site("train.py", 9)],
    });
    manifest.requirements.push(ManifestRequirement {
        requirement: "clip @ git+https://me:hunter2@github.com/openai/CLIP.git@main"
            .parse()
            .unwrap(),
        group: None,
        origins: vec![Origin {
            kind: OriginKind::Declared,
            site: site("requirements.in", 2),
        }],
    });
    let lock = builder.lock();
    let text = render::pylock(&lock);
    EnvironmentSpec::new(&SpecInputs {
        locks: &[LockFile {
            name: "pylock.toml",
            text: &text,
            lock: &lock,
        }],
        scan,
        manifest: &manifest,
        inputs_digest: inputs_digest([("train.py", &b"import torch"[..])]),
        python_evidence: &["given with --python".to_owned()],
    })
}

fn full_example() -> LockBuilder {
    example()
        .pin(
            "opencv-python==5.0.0.93",
            &["opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl"],
            &[],
        )
        .root("train.py", 4)
        .pin(
            "nvidia-cuda-runtime-cu12==12.8.90",
            &["nvidia_cuda_runtime_cu12-12.8.90-py3-none-manylinux2014_x86_64.whl"],
            &[],
        )
}

#[test]
fn the_whole_spec() {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let scan = Scan {
        artifacts: vec![
            artifact("openai/clip-vit-base-patch32", None, 20),
            artifact("openai/clip-vit-base-patch32", None, 12),
            artifact("org/pinned", Some(commit), 30),
            artifact("org/branch", Some("main"), 31),
        ],
        ..Scan::default()
    };
    let text = render::environment(&spec(full_example(), &scan));
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/lock/pinsmith.env.toml");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
    assert!(!text.contains("hunter2"));
    let mut shuffled = scan;
    shuffled.artifacts.reverse();
    assert_eq!(text, render::environment(&spec(full_example(), &shuffled)));
}

#[test]
fn what_the_code_names_cannot_break_out_of_its_string() {
    let evil = "x\"\n[meta]\nschema = \"2";
    let scan = Scan {
        artifacts: vec![artifact(evil, Some(evil), 1)],
        ..Scan::default()
    };
    let text = render::environment(&spec(full_example(), &scan));
    let parsed: toml_edit::DocumentMut = text.parse().unwrap();
    assert_eq!(parsed["meta"]["schema"].as_str(), Some("1"));
    assert_eq!(
        parsed["artifact"][0]["id"].as_str(),
        Some(r#"x"\u{a}[meta]\u{a}schema = "2"#)
    );
}

#[test]
fn system_packages_are_for_linux_only() {
    let mut builder = full_example();
    builder.resolution.target.platform = pinsmith_resolver::Platform::MacosArm64;
    assert_eq!(spec(builder, &Scan::default()).system, []);
}

#[test]
fn the_digest_depends_on_paths_and_contents() {
    let digest = |files: &[(&'static str, &'static [u8])]| inputs_digest(files.iter().copied());
    let one = digest(&[("a", b"1"), ("b", b"2")]);
    assert_ne!(one, digest(&[("a", b"2"), ("b", b"1")]));
    assert_ne!(one, digest(&[("a", b"1"), ("c", b"2")]));
    assert_ne!(one, digest(&[("a", b"1")]));
}
