//! The files that `compile` is given, and what of them is asked for.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pinsmith_resolver::Requirement;

use super::super::Failure;
use super::super::args::CompileArgs;
use crate::requirements::{Manifest, ManifestRequirement, read_requirement_files};
use crate::scan::Tree;

/// Most bytes that are read from standard input.
const MAX_STDIN: u64 = 8 * 1024 * 1024;

/// Reads files that the user named, wherever they are; what they name must lie in the current
/// folder, or beside them when they lie outside of it. `-` is standard input.
pub(super) fn read(files: &[PathBuf]) -> Result<Manifest, Failure> {
    let mut all = Manifest::default();
    for file in files {
        let read = if file == Path::new("-") {
            read_stdin()?
        } else {
            read_file(file)?
        };
        all.requirements.extend(read.requirements);
        all.constraints.extend(read.constraints);
        all.requires_python = all.requires_python.or(read.requires_python);
        all.extras.extend(read.extras);
        all.dependency_groups.extend(read.dependency_groups);
        all.diagnostics.extend(read.diagnostics);
    }
    Ok(all)
}

fn trouble(file: &Path, reason: &str) -> Failure {
    Failure::new(
        format!("cannot read `{}`: {reason}", file.display()),
        "give the path of a requirements file or pyproject.toml that you may read",
    )
}

fn read_file(file: &Path) -> Result<Manifest, Failure> {
    let absolute = file
        .canonicalize()
        .map_err(|error| trouble(file, &error.to_string()))?;
    if absolute.is_dir() {
        return Err(Failure::new(
            format!("`{}` is a folder, not a file", file.display()),
            "give a requirements file or pyproject.toml; to lock a repository use `pinsmith lock PATH`",
        ));
    }
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let inside = here.ok().filter(|here| absolute.starts_with(here));
    let beside = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    let root = inside.unwrap_or(beside);
    let name = absolute.strip_prefix(&root).ok().and_then(Path::to_str);
    let name = name.ok_or_else(|| trouble(file, "its name is not UTF-8"))?;
    let name = name.replace('\\', "/");
    let tree = Tree::new(&root).map_err(|error| trouble(file, &error.to_string()))?;
    tree.read(&name)
        .map_err(|error| trouble(file, &error.to_string()))?;
    Ok(read_requirement_files(&[name], &mut |path| tree.read(path)))
}

fn read_stdin() -> Result<Manifest, Failure> {
    let file = Path::new("-");
    let mut text = Vec::new();
    let mut input = std::io::stdin().lock().take(MAX_STDIN + 1);
    input
        .read_to_end(&mut text)
        .map_err(|error| trouble(file, &error.to_string()))?;
    if text.len() as u64 > MAX_STDIN {
        return Err(trouble(file, "it is too long"));
    }
    let tree = Tree::new(Path::new(".")).map_err(|error| trouble(file, &error.to_string()))?;
    let mut read = |path: &str| match path {
        "-" => Ok(text.clone()),
        path => tree.read(path),
    };
    Ok(read_requirement_files(&["-".to_owned()], &mut read))
}

/// The requirements as they stand, whatever their group.
pub(super) fn plain(manifest: &Manifest) -> Vec<Requirement> {
    let requirements = manifest.requirements.iter();
    requirements.map(|one| one.requirement.clone()).collect()
}

/// The requirements of the files with the chosen extras and groups.
pub(super) fn wanted(manifest: &Manifest, args: &CompileArgs) -> Result<Vec<Requirement>, Failure> {
    let of_files = Groups::of(manifest);
    for extra in &args.extras {
        if !of_files.extras.contains(extra.as_str()) {
            return Err(unknown("extra", extra, &of_files.extras));
        }
    }
    let mut roots: Vec<Requirement> = manifest
        .requirements
        .iter()
        .filter(|one| match &one.group {
            None => true,
            Some(group) => {
                args.extras.contains(group)
                    || args.all_extras && of_files.extras.contains(group.as_str())
            }
        })
        .map(|one| one.requirement.clone())
        .collect();
    for group in &args.groups {
        roots.extend(of_group(group, manifest)?);
    }
    Ok(roots)
}

/// `NAME` of the given files, else of the pyproject.toml that is here; or `FILE:NAME`.
fn of_group(group: &str, manifest: &Manifest) -> Result<Vec<Requirement>, Failure> {
    let of = |manifest: &Manifest, name: &str| -> Vec<Requirement> {
        let requirements = manifest.requirements.iter();
        let chosen = requirements.filter(|one| in_group(one, name));
        chosen.map(|one| one.requirement.clone()).collect()
    };
    let (file, name) = match group.rsplit_once(':') {
        Some((file, name)) => (Some(PathBuf::from(file)), name),
        None => (None, group),
    };
    if file.is_none() && Groups::of(manifest).groups.contains(name) {
        return Ok(of(manifest, name));
    }
    let file = file.unwrap_or_else(|| PathBuf::from("pyproject.toml"));
    let other = read_file(&file)?;
    let groups = Groups::of(&other);
    if groups.groups.contains(name) {
        return Ok(of(&other, name));
    }
    let known = &groups.groups | &Groups::of(manifest).groups;
    Err(unknown("group", name, &known))
}

fn in_group(one: &ManifestRequirement, name: &str) -> bool {
    one.group.as_deref() == Some(name)
}

/// The names of extras and of groups.
struct Groups<'a> {
    extras: BTreeSet<&'a str>,
    groups: BTreeSet<&'a str>,
}

impl<'a> Groups<'a> {
    fn of(manifest: &'a Manifest) -> Self {
        let extras: BTreeSet<&str> = manifest.extras.iter().map(String::as_str).collect();
        let used = manifest.requirements.iter();
        let used = used.filter_map(|one| one.group.as_deref());
        let declared = manifest.dependency_groups.iter().map(String::as_str);
        let groups = used.filter(|group| !extras.contains(group)).chain(declared);
        Self {
            groups: groups.collect(),
            extras,
        }
    }
}

fn unknown(kind: &str, name: &str, known: &BTreeSet<&str>) -> Failure {
    let names: Vec<&str> = known.iter().copied().collect();
    let help = match names.as_slice() {
        [] => format!("the given files have no {kind}s"),
        names => format!("there are: {}", names.join(", ")),
    };
    Failure::new(format!("no file has the {kind} `{name}`"), help)
}
