use super::*;
use crate::lock::testing::{LockBuilder, example};
use crate::render;
use crate::requirements::{
    Confidence, Manifest, ManifestRequirement, MappedImport, ModuleKind, Origin, OriginKind,
};
use crate::scan::{Artifact, Hardware, HardwareHint, ImportContext, ModuleName, Scan, Strength};

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

fn hint(version: Option<&str>, strength: Strength, what: &str, line: u32) -> HardwareHint {
    HardwareHint {
        hardware: Hardware::Cuda,
        version: version.map(str::to_owned),
        strength,
        what: what.to_owned(),
        site: site("a.py", line),
    }
}

/// What the hints of a tree make of it: the surest hardware, the highest version that the surest
/// places name, its driver.
#[test]
fn the_accelerator_that_a_tree_is_for() {
    let found = |hints: Vec<HardwareHint>| {
        let scan = Scan {
            hardware: hints,
            ..Scan::default()
        };
        let spec = spec(full_example(), &scan).accelerator?;
        let texts = [
            Some(spec.hardware.as_str().to_owned()),
            spec.version,
            spec.driver_min,
        ];
        Some(texts.map(Option::unwrap_or_default).join(" "))
    };
    let on = |hardware, hint: HardwareHint| HardwareHint { hardware, ..hint };
    let asks = || hint(None, Strength::Possible, ".cuda()", 1);
    let declared = |version| hint(Some(version), Strength::Declared, "x", 1);
    for (hints, expected) in [
        (vec![], None),
        (vec![asks()], None),
        (
            vec![
                asks(),
                hint(Some("11.3"), Strength::Possible, "CUDA 11.3", 3),
            ],
            Some("cuda 11.3 450.80.02"),
        ),
        (
            vec![hint(None, Strength::Needed, ".cuda()", 1)],
            Some("cuda  "),
        ),
        (
            vec![declared("11.8"), declared("12"), declared("9.2")],
            Some("cuda 12 525.60.13"),
        ),
        (vec![declared("13.7")], Some("cuda 13.7 580")),
        (
            vec![
                on(Hardware::Mps, hint(None, Strength::Needed, "mps", 1)),
                asks(),
            ],
            Some("mps  "),
        ),
        (
            vec![
                on(Hardware::Cpu, hint(None, Strength::Declared, "cpuonly", 1)),
                asks(),
            ],
            Some("cpu  "),
        ),
        (vec![on(Hardware::Rocm, declared("6.2"))], Some("rocm 6.2 ")),
    ] {
        assert_eq!(found(hints).as_deref(), expected);
    }
}

fn spec(builder: LockBuilder, scan: &Scan) -> EnvironmentSpec {
    let mut manifest: Manifest = builder.manifest.clone();
    manifest.requires_python = Some((">=3.10,<3.13".parse().unwrap(), site("pyproject.toml", 5)));
    manifest.imports.push(MappedImport {
        why: None,
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
            requirements_name: "requirements.txt",
            requirements: "six==1.17.0\n",
        }],
        scan,
        manifest: &manifest,
        inputs_digest: inputs_digest([("train.py", &b"import torch"[..])]),
        pins: &pins(),
        python_evidence: &["given with --python".to_owned()],
        python_inferred: None,
    })
}

/// What a hub said of `org/branch`.
fn pins() -> ArtifactPins {
    let file = |path: &str, sha256: Option<&str>, git_blob: Option<&str>| ArtifactFile {
        path: path.to_owned(),
        size: Some(700),
        sha256: sha256.map(|text| text.repeat(32).parse().unwrap()),
        git_blob: git_blob.map(|text| text.repeat(20)),
    };
    let pin = ArtifactPin {
        commit: Some("89abcdef".repeat(5)),
        files: vec![
            file("config.json", None, Some("1f")),
            file("model.safetensors", Some("ab"), None),
        ],
        more_files: 2,
    };
    let key = (
        "model".to_owned(),
        "org/branch".to_owned(),
        Some("main".to_owned()),
    );
    [(key, pin)].into()
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
        hardware: vec![
            hint(None, Strength::Needed, ".cuda()", 14),
            hint(Some("11.3"), Strength::Possible, "CUDA 11.3", 3),
            hint(Some("12.1"), Strength::Declared, "cudatoolkit=12.1", 7),
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
    assert_eq!(spec(builder, &Scan::default()).system, None);
}

#[test]
fn the_digest_depends_on_paths_and_contents() {
    let digest = |files: &[(&'static str, &'static [u8])]| inputs_digest(files.iter().copied());
    let one = digest(&[("a", b"1"), ("b", b"2")]);
    assert_ne!(one, digest(&[("a", b"2"), ("b", b"1")]));
    assert_ne!(one, digest(&[("a", b"1"), ("c", b"2")]));
    assert_ne!(one, digest(&[("a", b"1")]));
}

#[test]
fn a_spec_that_is_read_is_written_the_same() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for name in ["lock/pinsmith.env.toml", "environment/pinsmith.env.toml"] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let spec = EnvironmentSpec::read(&text).unwrap();
        assert_eq!(render::environment(&spec), text, "{name}");
    }
}

#[test]
fn what_a_person_filled_in_survives() {
    let fresh = || spec(full_example(), &Scan::default());
    let written = render::environment(&fresh());
    let edited = written
        .replace("driver-min = \"unknown\"", "driver-min = \"525.60.13\"")
        .replace("snapshot = \"unknown\"", "snapshot = \"20240311T000000Z\"")
        .replace("extra = []", "extra = [\"sox\"]")
        .replace(
            "\"libgl1\", version = \"unknown\"",
            "\"libgl1\", version = \"1.6.0-1\"",
        )
        .replace("set = {}", "set = { A = \"1\" }")
        + "\n[[command]]\nname = \"train\"\nrun = [\"python\", \"train.py\"]\n";
    assert_ne!(edited, written);
    let older = EnvironmentSpec::read(&edited).unwrap();
    let kept = fresh().keeping(&older);
    assert_eq!(
        kept,
        EnvironmentSpec::read(&render::environment(&kept)).unwrap()
    );
    assert_eq!(
        EnvironmentSpec {
            inputs_digest: kept.inputs_digest,
            ..older
        },
        kept
    );
}

#[test]
fn a_spec_that_would_break_out_is_refused() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("fixtures/environment/pinsmith.env.toml");
    let text = std::fs::read_to_string(path).unwrap();
    for (before, after, place) in [
        ("\"sox\"", "\"sox; rm -rf /\"", "system.extra[0]"),
        ("\"sox\"", "\"-o=x\"", "system.extra[0]"),
        ("\"1.6.0-1\"", "\"1 && x\"", "system.packages[1]"),
        ("20240311T000000Z\"", "2024#e ls\"", "system.snapshot"),
        (
            "digest = \"sha256:0123456789abcdef",
            "digest = \"sha256:x",
            "system.digest",
        ),
        ("\"pylock.toml\"", "\"../pylock.toml\"", "target[0].lock"),
        ("\"requirements.txt\"", "\"-e .\"", "target[0].requirements"),
        (
            "name = \"linux-x86_64\"",
            "name = \"a\\nRUN x\"",
            "target[0].name",
        ),
        ("525.60.13", "1\\nRUN x", "target[0].driver-min"),
        ("GREETING", "\"A=1\\nRUN x\"", "env.set"),
        ("\"false\"", "\"a\\nRUN x\"", "env.set"),
        ("\"train.py\", \"--config\"", "\"a\\nRUN x\"", "command[1]"),
        ("\"OPENAI_API_KEY\"", "\"A\\nRUN x\"", "env.read[1]"),
        ("schema = \"1\"", "schema = \"2\"", "meta.schema"),
        ("[python]", "[python", "line 8"),
        (
            "python = \"3.11\"",
            "python = \"three\"",
            "target[0].python",
        ),
    ] {
        let changed = text.replace(before, after);
        assert_ne!(changed, text, "{before}");
        let error = EnvironmentSpec::read(&changed).unwrap_err();
        assert_eq!(error.place, place, "{after}");
        assert!(escape_free(&error.to_string()), "{error}");
    }
}

fn escape_free(text: &str) -> bool {
    crate::escape::is_plain(text)
}
