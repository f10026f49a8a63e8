//! Which modules of the tree itself are imported on request; pure.
//!
//! Only those that do no more than define things, as far as their text shows. Each is named as
//! Python would find it: from the folder above its outermost package.

use std::collections::{BTreeMap, BTreeSet};

use super::{Need, Wanted};
use crate::scan::{ImportContext, Scan, Site, effect_of_import};

/// Modules with the folders that have to be searched for them, all root-relative with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalModules {
    /// In the order of `sys.path`; the tree itself is the empty text.
    pub folders: Vec<String>,
    /// The modules, ordered.
    pub wanted: Vec<Wanted>,
}

/// The tree's own modules, in groups that share a `sys.path`; `read` gives the text of a file.
pub fn local_modules(scan: &Scan, read: impl Fn(&str) -> Option<String>) -> Vec<LocalModules> {
    let files: BTreeSet<&str> = scan.source_files.iter().map(String::as_str).collect();
    let mut groups: BTreeMap<&str, Vec<Wanted>> = BTreeMap::new();
    for file in &files {
        let Some((root, module)) = place(file, &files) else {
            continue;
        };
        let need = match reason(file, &module, &read) {
            Some(reason) => Need::Skipped(reason),
            None => Need::Required,
        };
        groups.entry(root).or_default().push(Wanted {
            module,
            names: BTreeMap::new(),
            distribution: None,
            version: None,
            context: ImportContext::Runtime,
            site: Site {
                file: (*file).to_owned(),
                cell: None,
                line: 1,
            },
            need,
        });
    }
    let source = files.iter().any(|file| file.starts_with("src/"));
    let groups = groups.into_iter();
    groups
        .map(|(root, wanted)| {
            let mut folders = vec![root.to_owned()];
            for other in ["", "src"] {
                if other != root && (other.is_empty() || source) {
                    folders.push(other.to_owned());
                }
            }
            LocalModules { folders, wanted }
        })
        .collect()
}

/// The folder that has to be on `sys.path`, and the module's name from there; `None` for what is no
/// module, such as a notebook or a script whose name is no identifier.
fn place<'f>(file: &'f str, files: &BTreeSet<&str>) -> Option<(&'f str, String)> {
    let path = file.strip_suffix(".py")?;
    let mut root = parent(path);
    while !root.is_empty() && files.contains(format!("{root}/__init__.py").as_str()) {
        root = parent(root);
    }
    let inside = path.strip_prefix(root)?.trim_start_matches('/');
    let inside = inside.strip_suffix("/__init__").unwrap_or(inside);
    let parts: Vec<&str> = inside.split('/').collect();
    let is_name = |part: &&str| {
        part.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !part.starts_with(|c: char| c.is_ascii_digit())
    };
    let is_module = parts.iter().all(is_name) && !inside.is_empty() && inside != "__init__";
    is_module.then(|| (root, parts.join(".")))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Why a module is not imported.
fn reason(file: &str, module: &str, read: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let last = module.rsplit('.').next().unwrap_or(module);
    let folders = file.split('/').rev().skip(1);
    let of_tests = |name: &str| matches!(name, "tests" | "test" | "testing");
    if last.starts_with("test_") || last == "conftest" || folders.into_iter().any(of_tests) {
        return Some("it belongs to the tests".to_owned());
    }
    if matches!(last, "setup" | "noxfile" | "__main__") {
        return Some("it is there to be run".to_owned());
    }
    let Some(text) = read(file) else {
        return Some("it cannot be read".to_owned());
    };
    let effect = effect_of_import(&text)?;
    Some(format!(
        "when it is imported, line {} {}",
        effect.line, effect.what
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_as_python_finds_them() {
        let files = [
            "notebooks/a.ipynb",
            "scripts/train.py",
            "setup.py",
            "src/pkg/__init__.py",
            "src/pkg/models/__init__.py",
            "src/pkg/models/unet.py",
            "tests/test_a.py",
            "tools/1st-step.py",
            "utils.py",
        ];
        let scan = Scan {
            source_files: files.map(str::to_owned).to_vec(),
            ..Scan::default()
        };
        let read = |file: &str| {
            let text = if file == "scripts/train.py" {
                "\nmain()\n"
            } else {
                ""
            };
            Some(text.to_owned())
        };
        let lines = |group: LocalModules| {
            let folders = group.folders.join(":");
            let wanted = group.wanted.into_iter();
            wanted
                .map(|one| match one.need {
                    Need::Skipped(reason) => format!("{folders} {} ({reason})", one.module),
                    _ => format!("{folders} {}", one.module),
                })
                .collect::<Vec<_>>()
        };
        let groups = local_modules(&scan, read).into_iter();
        let lines: Vec<String> = groups.flat_map(lines).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        :src setup (it is there to be run)
        :src utils
        scripts::src train (when it is imported, line 2 calls `main`)
        src: pkg
        src: pkg.models
        src: pkg.models.unet
        tests::src test_a (it belongs to the tests)
        ");
    }
}
