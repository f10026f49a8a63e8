//! Which declaration files of a tree count, and the names in them that mean another project.

use std::str::FromStr;

use pinsmith_resolver::{PackageName, specifiers_of, url_of};

use super::AssembleOptions;
use super::conflicts::contradict;
use crate::diagnostic::Diagnostic;
use crate::requirements::declared::line::{Role, group_name};
use crate::requirements::declared::load::{
    Format, Loader, Reader, group_of, is_development, is_root_level,
};
use crate::requirements::declared::locked::is_lock;
use crate::requirements::declared::{Declared, DeclaredRequirement};
use crate::requirements::{Provider, codes, lookup};
use crate::scan::{ModuleName, Scan, Site};

/// Declared names that are module names of another project: the index holds a stub or nothing.
const MISNAMED: [(&str, &str); 6] = [
    ("cv2", "opencv-python"),
    ("opencv", "opencv-python"),
    ("pil", "pillow"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("yaml", "pyyaml"),
];

/// Reads the files that count: those of the root, else those of subfolders, with a note.
pub(super) fn read(scan: &Scan, read: &mut Reader<'_>) -> Declared {
    let mut files: Vec<(&str, Format)> = scan
        .declaration_files
        .iter()
        .filter_map(|path| Some((path.as_str(), Format::of(path)?)))
        .collect();
    files.sort_by_key(|(path, format)| {
        (
            *format,
            path.matches('/').count(),
            rank(path, *format),
            *path,
        )
    });
    let (scripts, files): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(_, format)| *format == Format::Script);
    let (root, nested): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(path, _)| is_root_level(path));
    let mut loader = Loader::new(read);
    load_all(&mut loader, &root);
    let mut declares = !loader.out.requirements.is_empty();
    if declares {
        note_skipped(&mut loader, &nested);
    } else if !nested.is_empty() {
        load_all(&mut loader, &nested);
        declares = !loader.out.requirements.is_empty();
        if declares {
            note_nested(&mut loader, &nested);
        }
    }
    let locks = scan.declaration_files.iter().filter(|path| is_lock(path));
    for path in locks {
        loader.lock(path);
    }
    let single = scripts.len() == 1 && !declares;
    for (path, _) in scripts {
        let role = if single {
            Role::default()
        } else {
            Role::group(&script_group(path))
        };
        let outer = loader.out.requires_python.clone();
        loader.load(path, role);
        if !single {
            // the Python of one script is not that of the project
            loader.out.requires_python = outer;
        }
    }
    loader.out
}

/// Which of several requirements files is meant when nothing else says so: the plain one, then
/// those for any machine, then those for few, and last those for work on the project.
fn rank(path: &str, format: Format) -> u8 {
    const FEW: [&str; 13] = [
        "amd", "arm", "arm64", "colab", "directml", "mac", "macos", "mps", "npu", "osx", "rocm",
        "win", "windows",
    ];
    match group_of(path).filter(|_| format == Format::Requirements) {
        None => 0,
        Some(group) if is_development(&group) => 3,
        Some(group) => 1 + u8::from(group.split('-').any(|word| FEW.contains(&word))),
    }
}

/// The group of a script's own requirements.
pub(super) fn script_group(path: &str) -> String {
    let stem = path.rsplit('/').next().unwrap_or(path);
    group_name(&format!("script-{}", stem.trim_end_matches(".py")))
}

fn load_all(loader: &mut Loader<'_>, files: &[(&str, Format)]) {
    let requirements = || files.iter().filter(|(_, f)| *f == Format::Requirements);
    let has_main = requirements().any(|(path, _)| group_of(path).is_none());
    for (path, format) in files {
        if *format == Format::Requirements && is_compiled_beside_source(path, files) {
            let message = "compiled from the `.in` file beside it, which is read instead";
            let diagnostic = Diagnostic::info(codes::FILE_SKIPPED, message).at(whole(path));
            loader.out.diagnostics.push(diagnostic);
            continue;
        }
        if *format == Format::Requirements && has_project(loader) && loader.is_compiled(path) {
            let message = "compiled from what the project declares, which is read instead";
            let diagnostic = Diagnostic::info(codes::FILE_SKIPPED, message).at(whole(path));
            loader.out.diagnostics.push(diagnostic);
            continue;
        }
        let group = match format {
            Format::Requirements => group_of(path).filter(|group| {
                // without a plain requirements.txt a `requirements-gpu.txt` is the main one
                has_main || is_development(group)
            }),
            _ => None,
        };
        let role = Role {
            group,
            constraint: is_constraints(path),
        };
        let may_vary = matches!(
            format,
            Format::Requirements | Format::Environment | Format::Cog
        );
        if may_vary && !role.is_development() {
            load_variant(loader, path, *format, role);
        } else {
            loader.load(path, role);
        }
    }
}

/// Reads a file unless it is another way to the same environment: `requirements_cu118.txt` is there
/// instead of `requirements.txt`, a frozen environment and the image of `cog.yaml` instead of the ranges of the
/// project. The two together ask for nothing that exists.
fn load_variant(loader: &mut Loader<'_>, path: &str, format: Format, role: Role) {
    let before = loader.out.clone();
    loader.load(path, role);
    let count = before.requirements.len();
    let Some((known, new)) = loader.out.requirements.split_at_checked(count) else {
        return;
    };
    if rank(path, format) == 0 && format != Format::Cog && !is_frozen(new) {
        return;
    }
    let rival = new.iter().find_map(|new| {
        let differs = |known: &&DeclaredRequirement| {
            contradict(known, new) || is_pinned_otherwise(known, new)
        };
        let known = known.iter().filter(|known| {
            known.site.file != new.site.file && known.requirement.name == new.requirement.name
        });
        Some((known.into_iter().find(differs)?, new))
    });
    let Some((known, new)) = rival else { return };
    let message = format!(
        "an alternative to `{}`, which is read: `{}` here is `{}` there (line {})",
        known.site.file, new.requirement, known.requirement, known.site.line
    );
    let mut diagnostic = Diagnostic::info(codes::FILE_SKIPPED, message).at(new.site.clone());
    if format != Format::Cog {
        diagnostic = diagnostic.help(format!("`pinsmith compile {path}` locks this one"));
    }
    loader.out = before;
    loader.out.diagnostics.push(diagnostic);
}

/// Whether these are the exact versions of a whole environment, as `pip freeze` and
/// `conda env export` write them.
fn is_frozen(requirements: &[DeclaredRequirement]) -> bool {
    const MANY: usize = 30;
    let pinned = requirements.iter().filter(|entry| {
        let specifiers = specifiers_of(&entry.requirement).to_string();
        specifiers.starts_with("==")
    });
    requirements.len() >= MANY && pinned.count() * 10 >= requirements.len() * 9
}

fn is_pinned_otherwise(a: &DeclaredRequirement, b: &DeclaredRequirement) -> bool {
    let pin = |entry: &DeclaredRequirement| {
        let specifiers = specifiers_of(&entry.requirement).to_string();
        specifiers.starts_with("==").then_some(specifiers)
    };
    let meet = !a.requirement.marker.is_disjoint(&b.requirement.marker);
    meet && matches!((pin(a), pin(b)), (Some(a), Some(b)) if a != b)
}

/// Whether the project itself declares what it needs at run time.
fn has_project(loader: &Loader<'_>) -> bool {
    let mut declared = loader.out.requirements.iter();
    declared.any(|entry| {
        let format = Format::of(&entry.site.file);
        let is_project = format.is_some_and(|format| format < Format::Requirements);
        is_project && entry.group.is_none()
    })
}

fn is_constraints(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("constraint")
}

fn is_compiled_beside_source(path: &str, files: &[(&str, Format)]) -> bool {
    path.strip_suffix(".txt").is_some_and(|stem| {
        files
            .iter()
            .any(|(other, _)| other.strip_suffix(".in") == Some(stem))
    })
}

/// One note for all files of subfolders that are left alone.
fn note_skipped(loader: &mut Loader<'_>, nested: &[(&str, Format)]) {
    let Some((first, _)) = nested.first() else {
        return;
    };
    let message = match nested.len() {
        1 => "not read: the root of the tree declares its own requirements".to_owned(),
        count => format!(
            "not read, nor are {} more files of subfolders: the root of the tree declares its own requirements",
            count - 1
        ),
    };
    let diagnostic = Diagnostic::info(codes::FILE_SKIPPED, message)
        .at(whole(first))
        .help("give the folder as PATH to work on it alone");
    loader.out.diagnostics.push(diagnostic);
}

/// One note for each file of a subfolder that declares something.
fn note_nested(loader: &mut Loader<'_>, nested: &[(&str, Format)]) {
    for (path, _) in nested {
        let mut declared = loader.out.requirements.iter();
        if declared.any(|entry| entry.site.file == *path) {
            let message = "read as declared, because the root of the tree declares nothing";
            let diagnostic = Diagnostic::info(codes::FILE_SKIPPED, message).at(whole(path));
            loader.out.diagnostics.push(diagnostic);
        }
    }
}

fn whole(path: &str) -> Site {
    Site {
        file: path.to_owned(),
        line: 0,
        cell: None,
    }
}

/// Rewrites names that only look right, and warns about those that belong to somebody else.
pub(super) fn correct_names(declared: &mut Declared) {
    let mut diagnostics = Vec::new();
    let all = declared
        .requirements
        .iter_mut()
        .chain(&mut declared.constraints);
    for entry in all {
        let name = entry.requirement.name.clone();
        let right = MISNAMED.iter().find(|(wrong, _)| *wrong == name.as_ref());
        if let Some((_, right)) = right {
            let Ok(right) = PackageName::from_str(right) else {
                continue;
            };
            let message = format!("`{name}` is not the project that is meant: read as `{right}`");
            let help = format!("write `{right}`");
            let diagnostic = Diagnostic::warning(codes::UNRELATED_NAME, message);
            diagnostics.push(diagnostic.at(entry.site.clone()).help(help));
            // versions of the stub say nothing about the real project
            if !specifiers_of(&entry.requirement).is_empty() {
                entry.requirement.version_or_url = None;
            }
            entry.requirement.name = right;
        } else if url_of(&entry.requirement).is_none()
            && let Some(url) = repository_only(&name)
        {
            let help = format!("write `{name} @ {url}` if that is meant");
            diagnostics.push(unrelated(&name, entry.site.clone()).help(help));
        }
    }
    declared.diagnostics.extend(diagnostics);
}

/// Of the distributions that the project's configuration names, those that are not what their
/// module comes from.
pub(super) fn unrelated_names(options: &AssembleOptions) -> Vec<Diagnostic> {
    let named = options.project_modules.values();
    let found = named.filter_map(|(name, site)| {
        let url = repository_only(name)?;
        let help = format!("declare `{name} @ {url}` if that is meant");
        Some(unrelated(name, site.clone()).help(help))
    });
    found.collect()
}

fn unrelated(name: &PackageName, site: Site) -> Diagnostic {
    let message =
        format!("the index project `{name}` is not what the module of that name comes from");
    Diagnostic::warning(codes::UNRELATED_NAME, message).at(site)
}

/// The source of a distribution that is not on the index, although its name may be.
fn repository_only(name: &PackageName) -> Option<&'static str> {
    let module = ModuleName::new(name.as_ref().replace('-', "_"))?;
    match lookup(&module).provider {
        Provider::GitOnly { name: built, url } if built == *name => Some(url),
        _ => None,
    }
}
