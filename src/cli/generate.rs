//! `pinsmith generate`: direct requirements with bounds, for people to edit from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinsmith_resolver::{PackageName, PythonVersion, Version, VersionSpecifiers};
use serde::Serialize;

use super::accelerators::{fit, refuse, table};
use super::args::{BoundsArg, GenerateArgs, GlobalArgs};
use super::auto::{keep_to_bound, settle};
use super::configured::{self, configured};
use super::json::{SCHEMA, to_text};
use super::lock::{chosen_groups, pythons_of, request, shorten};
use super::lookup::look_up;
use super::source::{Purpose, Source, count, open_tree};
use super::targets::{Before, admitted, targets};
use super::terminal::Terminal;
use super::typed::typed;
use super::unsatisfiable::all_or_failure;
use super::world::{OpenIndex, World, detect_host, location};
use super::{Done, Failure};
use crate::config::Config;
use crate::generate::{
    Bounds, CANNOT_EDIT, Direct, Layout, PyprojectError, add_to_requirements, direct_requirements,
    edit_pyproject, init,
};
use crate::requirements::{codes, is_generated, read_pyproject, read_requirements_txt};
use crate::write::{Guard, Output, existing, write_all};

const PYPROJECT: &str = "pyproject.toml";

pub(super) fn run(
    args: &GenerateArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.source.path)?;
    let config = Config::of_tree(&tree);
    let mut resolve = configured(&args.resolve, &config);
    let manifests = || {
        Ok(vec![
            Source::read(&args.source, Purpose::default(), terminal)?.manifest,
        ])
    };
    let auto = &mut resolve.targets;
    if let Some(done) = settle(auto, manifests, tree.root(), global, terminal)? {
        return Ok(done);
    }
    let wanted = &resolve.targets;
    let host = detect_host(wanted.python.first().copied(), tree.root(), global);
    let accelerators = table(wanted.accelerator_table.as_deref())?;
    let targets = targets(wanted, &host, &[], &accelerators)?;
    let purpose = Purpose::of(&targets);
    let oldest = purpose.python;
    let mut source = Source::read_again(&args.source, purpose, global, terminal)?;
    let declared = source.manifest.requires_python.as_ref();
    let targets = admitted(targets, wanted, declared.map(|(python, _)| python))?;
    let bounds = match args.bounds {
        BoundsArg::Lower => Bounds::Lower,
        BoundsArg::Compatible => Bounds::Compatible,
        BoundsArg::Exact => Bounds::Exact,
        BoundsArg::None => Bounds::None,
    };
    let mut versions: BTreeMap<PackageName, Version> = BTreeMap::new();
    let mut notes = Vec::new();
    let wished = configured::groups(&args.groups, &config);
    let groups;
    if bounds == Bounds::None {
        // nothing has to be asked
        groups = chosen_groups(wished, args.all_groups, &source.manifest)?;
    } else {
        let location = location(&resolve.index, global, &host, tree.root())?;
        let world = World {
            location,
            host: &host,
            tree: tree.root(),
            accelerators: Arc::clone(&accelerators),
        };
        let index = OpenIndex::for_resolution(&resolve, global, world, &targets, terminal)?;
        let until = resolve.as_of.as_ref().map(|as_of| as_of.instant);
        look_up(&mut source, &args.source, &index.index, until);
        groups = chosen_groups(wished, args.all_groups, &source.manifest)?;
        let request = request(&source.manifest, &groups);
        let mut asked = Before::default().asked(&request, &targets, &resolve.upgrade);
        keep_to_bound(&mut asked, wanted);
        let fitted = fit(&mut asked, &accelerators);
        if let Some(done) = refuse(&fitted, terminal)? {
            return Ok(done);
        }
        let resolved = index.resolve(&asked, &resolve, false);
        notes = resolved.diagnostics;
        if resolved.answers.iter().any(Result::is_err) {
            terminal.diagnostics(source.diagnostics().chain(&notes));
        }
        let (answers, advice) = (resolved.answers, &resolved.advice);
        let read = [&source.manifest];
        let resolutions = match all_or_failure(answers, advice, &targets, &read, terminal)? {
            Ok(resolutions) => resolutions,
            Err(done) => return Ok(done),
        };
        // bounds hold on every target when they are made of the lowest version
        for package in resolutions.into_iter().flat_map(|answer| answer.packages) {
            // bounds name releases, not their builds
            let public = package.version.without_local();
            let version = versions
                .entry(package.name)
                .or_insert_with(|| public.clone());
            if public < *version {
                *version = public;
            }
        }
    }
    let direct = direct_requirements(&source.manifest, &groups, &versions, bounds);
    let change = if args.pyproject {
        of_pyproject(args, &source, direct, oldest)?
    } else {
        of_requirements(args, &source, direct)?
    };
    // what nobody declared is just what is written here
    let said = source
        .diagnostics()
        .filter(|said| said.code != codes::UNDECLARED);
    terminal.diagnostics(said.chain(&notes));
    finish(&change, args, terminal)
}

/// One file and what is new in it.
struct Change {
    folder: PathBuf,
    name: String,
    before: Option<String>,
    after: String,
    added: Vec<Direct>,
}

fn of_requirements(
    args: &GenerateArgs,
    source: &Source,
    direct: Vec<Direct>,
) -> Result<Change, Failure> {
    let (folder, name) = if let Some(path) = &args.output_file {
        split(path)?
    } else {
        let root = source.tree.root().to_owned();
        let locked = read(&root, "requirements.txt")?.is_some_and(|text| is_generated(&text));
        // pins of `pinsmith lock` stand there; what they are made from stands beside it
        let name = if locked {
            "requirements.in"
        } else {
            "requirements.txt"
        };
        (root, name.to_owned())
    };
    let before = read(&folder, &name)?;
    let known: BTreeSet<PackageName> = before.iter().flat_map(|text| names(text, false)).collect();
    let added: Vec<Direct> = direct
        .into_iter()
        .filter(|direct| !known.contains(&direct.name))
        .collect();
    Ok(Change {
        after: add_to_requirements(before.as_deref(), &added),
        folder,
        name,
        before,
        added,
    })
}

fn of_pyproject(
    args: &GenerateArgs,
    source: &Source,
    direct: Vec<Direct>,
    python: Option<PythonVersion>,
) -> Result<Change, Failure> {
    let folder = source.tree.root().to_owned();
    let before = read(&folder, PYPROJECT)?;
    let wrong = |error: PyprojectError| {
        Failure::new(
            format!("`{PYPROJECT}` is left as it is: {error}"),
            error.help(),
        )
        .coded(CANNOT_EDIT)
    };
    let text = match &before {
        Some(text) if !args.init => text.clone(),
        None if !args.init => {
            return Err(Failure::new(
                format!("there is no `{PYPROJECT}`"),
                "make one with `--init`",
            ));
        }
        before => {
            if folder.join("setup.py").exists() || folder.join("setup.cfg").exists() {
                return Err(Failure::new(
                    "setup.py or setup.cfg describes this project already",
                    "add the requirements there, or write a requirements.txt instead",
                ));
            }
            let files = source.scan.source_files.iter().map(String::as_str);
            let python = python
                .ok_or_else(|| Failure::new("no Python is named", "name one with --python"))?;
            let declared = source.manifest.requires_python.as_ref();
            let requires = declared.map(|(specifiers, _)| specifiers.clone());
            let requires = requires.or_else(|| inferred_python(source, python));
            let python = (requires.as_ref(), python);
            let readme = ["README.md", "README.rst", "README.txt"];
            let readme = readme.into_iter().find(|name| folder.join(name).is_file());
            let name = project_name(source)?;
            init(before.as_deref(), &name, python, readme, &Layout::of(files)).map_err(wrong)?
        }
    };
    let known: BTreeSet<PackageName> = names(&text, true).collect();
    let added: Vec<Direct> = direct
        .into_iter()
        .filter(|direct| !known.contains(&direct.name))
        // what builds the project stands in `[build-system]`
        .filter(|direct| direct.group.as_deref() != Some("build"))
        .collect();
    Ok(Change {
        after: edit_pyproject(&text, &added).map_err(wrong)?,
        folder,
        name: PYPROJECT.to_owned(),
        before,
        added,
    })
}

/// The Pythons that the code can run on, from the one that its requirements are for.
fn inferred_python(source: &Source, python: PythonVersion) -> Option<VersionSpecifiers> {
    pythons_of(source, None).requires_python(python.minor_pair())
}

/// The declared name, else that of the folder, as far as it can be one.
fn project_name(source: &Source) -> Result<PackageName, Failure> {
    let folder = source.tree.root().file_name().unwrap_or_default();
    let plain: String = folder
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let of_folder = || plain.trim_matches('-').parse().ok();
    let name = source.manifest.name.clone().or_else(of_folder);
    name.ok_or_else(|| {
        Failure::new(
            "the name of the folder is no name for a project",
            "write a pyproject.toml with `[project]` and its `name`, and run without `--init`",
        )
    })
}

/// What a file requires already.
fn names(text: &str, pyproject: bool) -> impl Iterator<Item = PackageName> + use<> {
    let declared = if pyproject {
        read_pyproject(text, PYPROJECT)
    } else {
        read_requirements_txt(text, "requirements.txt", None)
    };
    declared
        .requirements
        .into_iter()
        .map(|declared| declared.requirement.name)
}

/// The text of a file that will be added to.
fn read(folder: &Path, name: &str) -> Result<Option<String>, Failure> {
    let Some(bytes) = existing(folder, name) else {
        return Ok(None);
    };
    String::from_utf8(bytes).map(Some).map_err(|_| {
        Failure::new(
            format!("`{name}` is not UTF-8 and is left as it is"),
            "save it as UTF-8, or write to another file with -o FILE",
        )
    })
}

/// Folder and file name of `-o FILE`.
fn split(path: &Path) -> Result<(PathBuf, String), Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name else {
        return Err(Failure::new(
            format!("`{}` is no file name", path.display()),
            "name a file with -o FILE",
        ));
    };
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
}

/// Shows what is new, and writes it.
fn finish(change: &Change, args: &GenerateArgs, terminal: Terminal) -> Result<Done, Failure> {
    if terminal.json() {
        terminal.result(&to_text(&Report::new(change, args.dry_run))?)?;
    } else if args.dry_run {
        terminal.result(&change.after)?;
    }
    if args.dry_run {
        terminal.summary("wrote", "nothing, as asked with --dry-run");
        return Ok(Done::Yes);
    }
    for direct in &change.added {
        let group = direct.group.as_deref();
        let group = group.map_or(String::new(), |group| format!(" (group {group})"));
        terminal.summary("added", &format!("{}{group}", direct.text));
    }
    let output = Output {
        name: change.name.clone(),
        text: change.after.clone(),
        // all that was there is still in it
        guard: Guard::Any,
    };
    for written in write_all(&change.folder, &[output])? {
        let unchanged = if written.changed { "" } else { " (unchanged)" };
        let text = format!("{}{unchanged}", shorten(&written.path).display());
        terminal.summary("wrote", &text);
    }
    if change.added.is_empty() {
        let text = format!("`{}` names everything that is needed", change.name);
        terminal.summary("complete", &text);
    } else {
        terminal.summary("in all", &count(change.added.len(), "new requirement"));
    }
    terminal.next(&match args.source.path.to_str() {
        Some(".") | None => "pinsmith lock".to_owned(),
        Some(path) => format!("pinsmith lock {}", typed(path)),
    });
    Ok(Done::Yes)
}

/// The answer for programs.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    file: &'a str,
    new: bool,
    written: bool,
    added: Vec<Added<'a>>,
}

#[derive(Serialize)]
struct Added<'a> {
    requirement: &'a str,
    group: Option<&'a str>,
    sites: Vec<String>,
}

impl<'a> Report<'a> {
    fn new(change: &'a Change, dry_run: bool) -> Self {
        let added = change.added.iter().map(|direct| Added {
            requirement: &direct.text,
            group: direct.group.as_deref(),
            sites: direct.sites.iter().map(ToString::to_string).collect(),
        });
        Self {
            schema: SCHEMA,
            file: &change.name,
            new: change.before.is_none(),
            written: !dry_run,
            added: added.collect(),
        }
    }
}
