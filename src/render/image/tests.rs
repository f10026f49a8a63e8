use super::*;

/// The spec of the fixtures, with what a person can fill in.
fn spec() -> EnvironmentSpec {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path.join("fixtures/environment/pinsmith.env.toml"));
    EnvironmentSpec::read(&text.unwrap()).unwrap()
}

/// Compares with a file under `fixtures/environment`; `UPDATE_FIXTURES=1` writes it.
#[track_caller]
fn matches_fixture(name: &str, rendered: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/environment")
        .join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    assert_eq!(
        rendered,
        std::fs::read_to_string(&path).unwrap_or_default(),
        "{name}"
    );
}

#[test]
fn every_format_of_the_example() {
    let spec = spec();
    for format in ImageFormat::ALL {
        for target in &spec.targets {
            let name = format!(
                "{}.{}",
                target.name,
                format.file_name().trim_start_matches('.')
            );
            let text = match image(&spec, Sha256([7; 32]), target, format) {
                Ok(image) => image.text,
                Err(error) => format!("{error}\n"),
            };
            matches_fixture(&name, &text);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_package_archive_is_switched_to_its_snapshot() {
    // what the official images have, of today's and of the older form
    let deb822 = "Types: deb\n# http://snapshot.test/debian/20240812T000000Z\nURIs: http://live.test/debian\n\
        Suites: bookworm\n";
    let list = "# deb http://snapshot.test/debian/20230101T000000Z buster main\n\
        deb http://live.test/debian buster main\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sources.list.d")).unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("sources.list.d/debian.sources"), deb822).unwrap();
    std::fs::write(at("sources.list"), list).unwrap();
    let spec = spec();
    let recipe = Recipe {
        spec: &spec,
        target: &spec.targets[0],
    };
    let steps = steps::install_packages(&recipe, &[], "");
    let switch: Vec<&str> = steps
        .split("; \\\n")
        .filter(|line| !line.contains("apt"))
        .collect();
    assert_eq!(switch.len(), 3, "{steps}");
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    for _ in 0..2 {
        let done = std::process::Command::new("sh")
            .args(["-c", &switch.join("; \\\n")])
            .current_dir(folder.path())
            .status();
        assert!(done.unwrap().success());
        assert_eq!(
            read("sources.list.d/debian.sources"),
            "Types: deb\nURIs: http://snapshot.test/debian/20240311T000000Z\nSuites: bookworm\n"
        );
        assert_eq!(
            read("sources.list"),
            "deb http://snapshot.test/debian/20240311T000000Z buster main\n"
        );
    }
}
