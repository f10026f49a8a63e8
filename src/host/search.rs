//! Where interpreters are: `PATH` and pyenv, without running anything.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use pinsmith_resolver::PythonVersion;

use crate::diagnostic::Diagnostic;

use super::{HostOptions, PYTHON_IN_TREE};

/// Real programs, each once, in the order in which they should be asked.
///
/// pyenv's shims are scripts that read the current folder; in their place stand the interpreters
/// that pyenv has, its global version first.
pub(super) fn candidates(
    options: &HostOptions,
    root: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let pyenv = pyenv_root(options);
    let path = options.path.as_deref().unwrap_or("");
    for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
        if folder.ends_with("shims")
            && let Some(pyenv) = folder.parent()
        {
            found.extend(pyenv_interpreters(pyenv));
        } else {
            found.extend(names(options.python).iter().map(|name| folder.join(name)));
        }
    }
    found.extend(pyenv.iter().flat_map(|pyenv| pyenv_interpreters(pyenv)));
    let mut seen = BTreeSet::new();
    found.retain(|path| {
        let Ok(real) = path.canonicalize() else {
            return false;
        };
        if !is_program(&real) || !seen.insert(real.clone()) {
            return false;
        }
        let inside = path.starts_with(root) || real.starts_with(root);
        if inside {
            diagnostics.push(
                Diagnostic::info(
                    PYTHON_IN_TREE,
                    format!(
                        "`{}` is not asked: it lies in the scanned tree",
                        path.display()
                    ),
                )
                .help("name the Python to lock for, such as --python 3.11"),
            );
        }
        !inside
    });
    prefer_hint(&mut found, options.python);
    found
}

/// A program in one of the absolute folders of `path`, unless it lies below `scanned_root`, be it by a
/// link.
pub(super) fn program(name: &str, path: &str, scanned_root: &Path) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let root = scanned_root.canonicalize();
    let root = root.unwrap_or_else(|_| scanned_root.to_path_buf());
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(&name)).find(|program| {
        let real = program.canonicalize();
        let outside = |real: &PathBuf| real.is_file() && !real.starts_with(&root);
        real.is_ok_and(|real| outside(&real)) && !program.starts_with(&root)
    })
}

fn pyenv_root(options: &HostOptions) -> Option<PathBuf> {
    let named = options.pyenv_root.clone().filter(|dir| dir.is_absolute());
    named.or_else(|| Some(options.home.as_ref()?.join(".pyenv")))
}

/// The global version first, then the others, newest first.
fn pyenv_interpreters(pyenv: &Path) -> Vec<PathBuf> {
    let global = fs::read_to_string(pyenv.join("version")).unwrap_or_default();
    let global: Vec<&str> = global.split_whitespace().collect();
    let mut versions: Vec<(usize, std::cmp::Reverse<Vec<u32>>, PathBuf)> = Vec::new();
    for entry in fs::read_dir(pyenv.join("versions")).into_iter().flatten() {
        let Some(name) = entry
            .ok()
            .and_then(|entry| entry.file_name().into_string().ok())
        else {
            continue;
        };
        let rank = global.iter().position(|version| *version == name);
        let numbers = name
            .split('.')
            .map_while(|part| part.parse().ok())
            .collect();
        let bin = if cfg!(windows) {
            "python.exe"
        } else {
            "bin/python"
        };
        let path = pyenv.join("versions").join(&name).join(bin);
        versions.push((rank.unwrap_or(usize::MAX), std::cmp::Reverse(numbers), path));
    }
    versions.sort();
    versions.into_iter().map(|(_, _, path)| path).collect()
}

/// Program names to try in a folder, the most telling first.
fn names(python: Option<PythonVersion>) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(python) = python {
        names.push(format!("python{}.{}", python.major, python.minor));
    }
    names.push("python3".to_owned());
    names.push("python".to_owned());
    if cfg!(windows) {
        for name in &mut names {
            name.push_str(".exe");
        }
    }
    names
}

/// A path that names the wanted version is asked before the others, which saves starting them.
fn prefer_hint(found: &mut [PathBuf], python: Option<PythonVersion>) {
    let Some(python) = python else { return };
    let minor = format!("{}.{}", python.major, python.minor);
    found.sort_by_key(|path| {
        let named = path.iter().filter_map(|part| part.to_str()).any(|part| {
            let version = part.strip_prefix("python").unwrap_or(part);
            version == minor || version.starts_with(&format!("{minor}."))
        });
        !named
    });
}

/// A binary, not a script: ELF, Mach-O or PE by its first bytes.
fn is_program(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    let known = [
        [0x7f, b'E', b'L', b'F'],
        [0xcf, 0xfa, 0xed, 0xfe],
        [0xca, 0xfe, 0xba, 0xbe],
    ];
    read.is_ok() && (known.contains(&magic) || magic.starts_with(b"MZ"))
}
