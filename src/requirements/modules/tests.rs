use super::*;

fn find(module: &str) -> Lookup {
    lookup(&ModuleName::new(module).unwrap())
}

/// `name`, `git name`, `host program`, `never` or `unknown`, after the deciding module.
fn story(module: &str) -> String {
    let found = find(module);
    let provider = match found.provider {
        Provider::Index { name, .. } => name.to_string(),
        Provider::GitOnly { name, .. } => format!("git {name}"),
        Provider::Host { program } => format!("host {program}"),
        Provider::Never => "never".to_owned(),
        Provider::Unknown => "unknown".to_owned(),
    };
    format!("{} {provider}", found.module)
}

#[test]
fn modules_map_as_the_policy_says() {
    for (module, expected) in [
        ("cv2", "cv2 opencv-python"),
        (
            "cv2.ximgproc.segmentation",
            "cv2.ximgproc opencv-contrib-python",
        ),
        ("PIL.Image", "PIL pillow"),
        ("sklearn.svm", "sklearn scikit-learn"),
        ("yaml", "yaml pyyaml"),
        ("skimage", "skimage scikit-image"),
        ("torch.nn", "torch torch"),
        ("functorch", "functorch torch"),
        (
            "google.cloud.storage",
            "google.cloud.storage google-cloud-storage",
        ),
        (
            "google.cloud.speech_v1p1beta1",
            "google.cloud.speech_v1p1beta1 google-cloud-speech",
        ),
        ("google.cloud.evil", "google.cloud never"),
        ("google.protobuf.message", "google.protobuf protobuf"),
        ("google.colab.drive", "google.colab host Google Colab"),
        ("google", "google never"),
        ("ruamel.yaml", "ruamel.yaml ruamel-yaml"),
        (
            "azure.storage.blob.BlobClient",
            "azure.storage.blob azure-storage-blob",
        ),
        ("azure.identity", "azure.identity azure-identity"),
        ("azure", "azure never"),
        (
            "opentelemetry.trace",
            "opentelemetry.trace opentelemetry-api",
        ),
        (
            "opentelemetry.sdk.trace",
            "opentelemetry.sdk opentelemetry-sdk",
        ),
        (
            "opentelemetry.exporter.otlp.proto.grpc.trace_exporter",
            "opentelemetry.exporter.otlp.proto.grpc opentelemetry-exporter-otlp-proto-grpc",
        ),
        (
            "llama_index.llms.openai",
            "llama_index.llms.openai llama-index-llms-openai",
        ),
        ("llama_index.core", "llama_index.core llama-index-core"),
        ("llama_index", "llama_index llama-index"),
        ("zope.interface", "zope.interface zope-interface"),
        ("mpl_toolkits.mplot3d", "mpl_toolkits.mplot3d matplotlib"),
        ("clip", "clip git clip"),
        ("apex.amp", "apex git apex"),
        ("sam2", "sam2 git sam-2"),
        ("utils.metrics", "utils never"),
        ("models", "models never"),
        ("attr", "attr attrs"),
        ("fitz", "fitz pymupdf"),
        ("whisper", "whisper openai-whisper"),
        ("hydra", "hydra hydra-core"),
        ("pynvml", "pynvml nvidia-ml-py"),
        ("umap", "umap umap-learn"),
        ("datasets", "datasets datasets"),
        ("wandb", "wandb wandb"),
        ("langchain_openai", "langchain_openai langchain-openai"),
        ("bpy", "bpy host Blender"),
        ("folder_paths", "folder_paths host ComfyUI"),
        ("server", "server never"),
        ("surely_nobody_made_this", "surely_nobody_made_this unknown"),
    ] {
        assert_eq!(story(module), expected, "{module}");
    }
}

#[test]
fn every_policy_row_is_whole() {
    POLICY.check_sorted();
    NAMESPACED.check_sorted();
    let known = [
        "ambiguous",
        "curated",
        "extra-index",
        "git-only",
        "host",
        "host-beside",
        "manual",
        "namespace",
        "never",
        "sdist-only",
    ];
    for row in POLICY.rows() {
        let (module, policy, distribution) = (row.key(), row.column(1), row.column(2));
        assert!(known.contains(&policy), "{module}: {policy}");
        if let Some(stem) = module.strip_suffix(".*") {
            assert!(ModuleName::new(stem).is_some(), "{module}");
            let stem = distribution.strip_suffix('*').unwrap();
            assert!(
                NAMESPACED.rows().any(|row| row.key().starts_with(stem)),
                "{module} needs names"
            );
            continue;
        }
        assert!(ModuleName::new(module).is_some(), "{module}");
        assert!(provider_of(&row).is_some(), "{module}");
        let installable = !matches!(policy, "never" | "host" | "host-beside" | "manual");
        assert_eq!(!distribution.is_empty(), installable, "{module}");
        for item in std::iter::once(distribution).chain(row.list(3)) {
            if !item.is_empty() && !item.contains("://") {
                assert_eq!(name(item).unwrap().as_ref(), item, "{module}");
            }
        }
    }
}

#[test]
fn every_ranked_row_is_whole_and_leaves_policy_its_names() {
    RANKED.check_sorted();
    for row in RANKED.rows() {
        let module = row.key();
        assert!(ModuleName::new(module).is_some(), "{module}");
        assert!(POLICY.row(module).is_none(), "{module} is in the policy");
        assert!(
            matches!(module, "dataclasses" | "contextvars")
                || !crate::requirements::is_stdlib(module, None),
            "{module} is in the standard library"
        );
        let distribution = row.column(1);
        if distribution.is_empty() {
            assert!(name(module).is_some(), "{module}");
        } else {
            assert_eq!(name(distribution).unwrap().as_ref(), distribution);
            assert_ne!(
                name(module).map(|n| n.to_string()).as_deref(),
                Some(distribution)
            );
        }
        for other in row.list(2) {
            assert_eq!(name(other).unwrap().as_ref(), other, "{module}");
        }
    }
}

#[test]
fn data_stay_small() {
    let bytes: usize = [
        include_str!("../../data/import-policy.tsv"),
        include_str!("../../data/modules.tsv"),
        include_str!("../../data/namespace-distributions.txt"),
        include_str!("../../data/stdlib.tsv"),
    ]
    .iter()
    .map(|text| text.len())
    .sum();
    assert!(bytes < 400_000, "{bytes}");
}

#[test]
fn repositories_name_their_distribution() {
    for (url, expected) in [
        ("git+https://github.com/openai/CLIP.git", Some("clip")),
        (
            "git+https://github.com/openai/CLIP.git@main#egg=x",
            Some("clip"),
        ),
        ("git+ssh://git@github.com/NVIDIA/apex", Some("apex")),
        ("https://github.com/somebody/else", None),
        ("git+https://github.com/Dao-AILab/flash-attention", None),
        ("no url", None),
    ] {
        let found = distribution_of_repository(url).map(|name| name.to_string());
        assert_eq!(found.as_deref(), expected, "{url}");
    }
}

#[test]
fn known_distributions_exclude_squatted_names() {
    for (name, expected) in [
        ("opencv-python-headless", true),
        ("google-cloud-storage", true),
        ("numpy", true),
        ("clip", false),
        ("sklearn", false),
        ("scikit-learn", true),
        ("surely-nobody-made-this", false),
    ] {
        assert_eq!(
            is_known_distribution(&name.parse().unwrap()),
            expected,
            "{name}"
        );
    }
}
