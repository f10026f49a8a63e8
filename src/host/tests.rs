use std::fs;

use super::*;

/// Options that see nothing of this machine but what the test names.
fn only(path: &str) -> HostOptions {
    HostOptions {
        path: Some(path.to_owned()),
        ..HostOptions::default()
    }
}

fn any_python() -> Option<PathBuf> {
    let env = |name: &str| std::env::var(name).ok();
    let found = Host::detect(
        &HostOptions::from_env(&env, None),
        Path::new("/nonexistent"),
    );
    found.python.map(|python| python.path)
}

/// `pinsmith` run in a tree that carries a `python3` along never starts it.
#[test]
#[cfg(unix)]
fn a_python_of_the_tree_is_not_used() {
    let tree = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let root = tree.path().canonicalize().unwrap();
    // a real program, so that only its place speaks against it
    let program = root.join("python3");
    fs::copy("/bin/sh", &program).unwrap();
    std::os::unix::fs::symlink(&program, outside.path().join("python3")).unwrap();
    for path in [root.as_path(), outside.path()] {
        let host = Host::detect(&only(path.to_str().unwrap()), tree.path());
        assert_eq!(host.interpreters, []);
        let codes: Vec<Code> = host.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(
            codes[..2],
            [PYTHON_IN_TREE, NO_PYTHON],
            "{}",
            path.display()
        );
    }
}

#[test]
fn relative_entries_and_scripts_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("python3"), "#!/bin/sh\ntouch ran\n").unwrap();
    let path = format!(".:bin:..:{}", folder.path().display());
    let host = Host::detect(&only(&path), Path::new("/nonexistent"));
    assert_eq!(host.interpreters, []);
    assert_eq!(host.diagnostics[0].code, NO_PYTHON);
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn a_relative_program_is_never_started() {
    let error = process::run(Path::new("python3"), &[], Duration::from_secs(1)).unwrap_err();
    assert_eq!(error, "its path is relative");
}

#[test]
#[cfg(unix)]
fn a_program_that_hangs_is_stopped() {
    let started = std::time::Instant::now();
    let error = process::run(Path::new("/bin/sleep"), &["60"], Duration::from_millis(50));
    assert_eq!(error.unwrap_err(), "it does not answer in time");
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Isolated mode: neither the working folder nor the environment puts a `pip` folder in front.
#[test]
#[cfg(unix)]
fn a_pip_folder_is_not_imported() {
    let Some(python) = any_python() else { return };
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("pip")).unwrap();
    fs::write(
        tree.path().join("pip/__init__.py"),
        "raise SystemExit('ran')",
    )
    .unwrap();
    let question = "import os, sys; print(os.listdir('.'), '' in sys.path, sorted(os.environ))";
    let said = process::run(&python, &["-I", "-c", question], Duration::from_secs(10)).unwrap();
    assert!(said.starts_with("[] False"), "{said}");
    assert!(!said.contains("HOME") && !said.contains("PATH'"), "{said}");
}

#[test]
fn target_takes_the_hosts_patch_only_for_its_own_minor() {
    let python = |minor, patch| PythonVersion {
        major: 3,
        minor,
        patch,
    };
    let own = Interpreter {
        path: "/usr/bin/python3".into(),
        version: python(11, Some(7)),
        implementation: "cpython".into(),
        platform: "linux".into(),
        machine: "x86_64".into(),
        libc: "glibc 2.36".into(),
        macos: String::new(),
    };
    let mut host = Host {
        interpreters: vec![own.clone()],
        python: Some(own),
        platform: Some(Platform::LinuxX86_64),
        floor: (2, 36),
        musl: false,
        gpus: Gpus::default(),
        diagnostics: Vec::new(),
    };
    let version = |wanted| host.target(wanted).unwrap().python;
    assert_eq!(version(None), python(11, Some(7)));
    assert_eq!(version(Some(python(11, None))), python(11, Some(7)));
    assert_eq!(version(Some(python(12, None))), python(12, None));
    assert_eq!(version(Some(python(11, Some(2)))), python(11, Some(2)));
    assert_eq!(host.target(None).unwrap().floor, (2, 36));
    host.python = None;
    assert_eq!(host.target(None).unwrap_err().code, NO_PYTHON);
    host.platform = None;
    assert_eq!(host.target(None).unwrap_err().code, UNKNOWN_PLATFORM);
}

/// A memory for one test.
#[derive(Debug, Default)]
struct Notes(std::sync::Mutex<std::collections::BTreeMap<String, String>>);

impl Memory for Notes {
    fn recall(&self, key: &str) -> Option<String> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn remember(&self, key: &str, text: &str) {
        let mut notes = self.0.lock().unwrap();
        notes.insert(key.to_owned(), text.to_owned());
    }
}

/// The second run starts nothing: what was kept counts, until the program changes.
#[test]
#[cfg(unix)]
fn an_interpreter_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("python3");
    fs::copy("/bin/false", &program).unwrap();
    let notes = Arc::new(Notes::default());
    let options = HostOptions {
        memory: Some(Arc::clone(&notes) as Arc<dyn Memory>),
        ..only(folder.path().to_str().unwrap())
    };
    let detect = || Host::detect(&options, Path::new("/nonexistent")).python;
    assert_eq!(detect(), None);
    assert!(notes.0.lock().unwrap().is_empty(), "failures are not kept");
    let key = interpreter::identity(&program).unwrap();
    let answer = r#"{"version": [3, 11, 7], "implementation": "cpython", "platform": "linux",
        "machine": "x86_64", "libc": "glibc 2.36", "macos": ""}"#;
    notes.remember(&key, answer);
    assert_eq!(detect().unwrap().version.to_string(), "3.11.7");
    notes.0.lock().unwrap().clear();
    notes.remember(&key, "nonsense");
    assert_eq!(detect(), None);
    fs::write(&program, "changed").unwrap();
    assert_ne!(interpreter::identity(&program), Some(key));
}
