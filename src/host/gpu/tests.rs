use std::fs;

use super::*;

/// What files of systems say, as trees of a table.
#[test]
fn systems_as_their_files_show_them() {
    #[derive(serde::Deserialize)]
    struct Systems {
        system: Vec<System>,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(clippy::struct_excessive_bools, reason = "each is a column")]
    struct System {
        name: String,
        files: std::collections::BTreeMap<String, String>,
        #[serde(default)]
        nvidia: Option<String>,
        #[serde(default)]
        amd: Vec<String>,
        #[serde(default)]
        discrete_intel: bool,
        #[serde(default)]
        intel: bool,
        #[serde(default)]
        wsl: bool,
        #[serde(default)]
        tegra: bool,
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/host/systems.toml");
    let systems: Systems = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for system in systems.system {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in &system.files {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let found = Gpus::of_files(root.path());
        let name = &system.name;
        let nvidia = found.nvidia.as_ref().map(|nvidia| match &nvidia.driver {
            Some(driver) => driver.to_string(),
            None => "no driver".to_owned(),
        });
        assert_eq!(nvidia, system.nvidia, "{name}");
        let amd: Vec<&str> = found.amd.iter().map(Gfx::as_str).collect();
        assert_eq!(amd, system.amd, "{name}");
        assert_eq!(
            [
                found.has_discrete_intel(),
                found.has_intel(),
                found.wsl,
                found.tegra
            ],
            [
                system.discrete_intel,
                system.intel,
                system.wsl,
                system.tegra
            ],
            "{name}: discrete Intel, Intel, WSL, Tegra"
        );
    }
}

#[test]
fn nvidia_smi_as_it_prints() {
    #[derive(serde::Deserialize)]
    struct Prints {
        said: Vec<Said>,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        fields: String,
        text: String,
        #[serde(default)]
        driver: Option<String>,
        #[serde(default)]
        gpus: Vec<String>,
    }
    let text = include_str!("../../../fixtures/host/nvidia-smi.toml");
    let prints: Prints = toml::from_str(text).unwrap();
    for said in prints.said {
        let found = nvidia::rows(&said.text, &said.fields);
        let driver = found.as_ref().and_then(|found| found.driver.as_ref());
        let driver = driver.map(ToString::to_string);
        assert_eq!(driver, said.driver, "{}", said.text);
        let gpus = found.iter().flat_map(|found| &found.gpus);
        let gpus: Vec<String> = gpus
            .map(|gpu| {
                let capability = gpu.capability.map(|it| it.to_string());
                format!("{} {}", gpu.name, capability.as_deref().unwrap_or("?"))
            })
            .collect();
        assert_eq!(gpus, said.gpus, "{}", said.text);
    }
}

#[test]
fn names_and_versions_that_are_none() {
    for text in ["", "535.x", "535.1.2.3.4", "-1", "+5", "0.1", "5e3"] {
        assert!(text.parse::<DriverVersion>().is_err(), "{text}");
    }
    for text in ["8", "8.", "8.10", "x.y", "0.5", "+8.0"] {
        assert!(text.parse::<Capability>().is_err(), "{text}");
    }
    for text in ["gfx000", "gfx0", "gfx12345x", "1100", "gfx-11", ""] {
        assert!(text.parse::<Gfx>().is_err(), "{text}");
    }
    let gfx = |version| Gfx::of_version(version).map(|gfx| gfx.to_string());
    for (version, name) in [
        (90_010, Some("gfx90a")),
        (90_402, Some("gfx942")),
        (100_300, Some("gfx1030")),
        (120_001, Some("gfx1201")),
        (0, None),
    ] {
        assert_eq!(gfx(version).as_deref(), name);
    }
    assert_eq!(agents("gfx000\ngfx942\ngfx942\n").len(), 2);
    assert_eq!(
        "gfx90a:sramecc+:xnack-".parse::<Gfx>().unwrap().as_str(),
        "gfx90a"
    );
}

/// The driver's programs are never those of the scanned tree.
#[test]
#[cfg(unix)]
fn programs_of_the_tree_say_nothing() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = tempfile::tempdir().unwrap();
    let tree = place.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let file = tree.join("rocm_agent_enumerator");
    let ran = place.path().join("ran");
    fs::write(&file, format!("#!/bin/sh\n: > {}\n", ran.display())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let asking = |path: &str| {
        by_agents(Asking {
            path,
            scanned_root: &tree,
        })
    };
    asking(tree.to_str().unwrap());
    asking(".:tree");
    assert!(!ran.exists());
    let own = place.path().join("own");
    fs::create_dir(&own).unwrap();
    let file = own.join("rocm_agent_enumerator");
    fs::write(&file, "#!/bin/sh\necho gfx000; echo gfx1201\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let said = asking(&format!("{}:{}", tree.display(), own.display())).unwrap();
    assert_eq!(said, ["gfx1201".parse().unwrap()]);
}
