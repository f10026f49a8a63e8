//! `pinsmith compile`: requirements files in, pins out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pinsmith_resolver::{Request, Resolution, url_of};

use super::args::{CompileArgs, GlobalArgs};
use super::json::{ResolutionJson, to_text};
use super::source::count;
use super::terminal::Terminal;
use super::world::{OpenIndex, World, detect_host, location, resolve_flags, target, typed};
use super::{Done, Failure, answer_or_failure};
use crate::diagnostic::Diagnostic;
use crate::environment::OUTSIDE_THE_LOCK;
use crate::lock::{Lock, LockOptions};
use crate::render::{pins, requirements_txt};
use crate::requirements::{Manifest, read_requirement_files};
use crate::scan::Tree;
use crate::write::{Guard, Output, write_all};

pub(super) fn run(
    args: &CompileArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let here = std::env::current_dir().map_err(|error| {
        Failure::new(
            format!("cannot tell the current folder: {error}"),
            "change to a folder that exists",
        )
    })?;
    let host = detect_host(args.resolve.python, &here, global);
    let target = target(&args.resolve, &host)?;
    let manifest = read(&args.files)?;
    let constraints = read(&args.constraints)?;
    let overrides = read(&args.overrides)?;
    let request = Request {
        roots: wanted(&manifest, args)?,
        constraints: [manifest.constraints.clone(), plain(&constraints)].concat(),
        overrides: plain(&overrides),
        ..Request::default()
    };
    let location = location(&args.resolve.index, global, &host, &here)?;
    let world = World {
        location,
        host: &host,
        tree: &here,
    };
    let index = OpenIndex::for_resolution(&args.resolve, global, world, &target, terminal)?;
    let resolved = index.resolve(&request, &target, &args.resolve);
    let read = [&manifest, &constraints, &overrides];
    let unpinned = not_pinned(&request, &manifest);
    terminal.diagnostics(
        read.into_iter()
            .flat_map(|read| &read.diagnostics)
            .chain(&unpinned)
            .chain(&host.diagnostics)
            .chain(&resolved.diagnostics),
    );
    let resolution = match resolved.answer {
        Ok(resolution) => resolution,
        Err(error) => return answer_or_failure(error, &read, terminal),
    };
    let text = text(args, &resolution, &manifest)?;
    match &args.output_file {
        Some(file) => write(file, text, terminal)?,
        None if terminal.json() => {}
        None => terminal.result(&text)?,
    }
    if terminal.json() {
        let stats = args.resolve.stats.then_some(resolved.stats);
        terminal.result(&to_text(&ResolutionJson::new(&resolution, stats))?)?;
    }
    if args.output_file.is_some() {
        let number = count(resolution.packages.len(), "distribution");
        terminal.summary("pinned", &format!("{number} for {target}"));
    }
    Ok(Done::Yes)
}

/// Reads files that the user named, wherever they are; what they name must lie beside them.
fn read(files: &[PathBuf]) -> Result<Manifest, Failure> {
    let mut all = Manifest::default();
    for file in files {
        let trouble = |reason: String| {
            Failure::new(
                format!("cannot read `{}`: {reason}", file.display()),
                "give the path of a requirements file or pyproject.toml that you may read",
            )
        };
        let absolute = file
            .canonicalize()
            .map_err(|error| trouble(error.to_string()))?;
        if absolute.is_dir() {
            return Err(Failure::new(
                format!("`{}` is a folder, not a file", file.display()),
                "give a requirements file or pyproject.toml; to lock a repository use `pinsmith lock PATH`",
            ));
        }
        let folder = absolute.parent().unwrap_or(Path::new("/"));
        let name = absolute.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| trouble("its name is not UTF-8".to_owned()))?;
        let tree = Tree::new(folder).map_err(|error| trouble(error.to_string()))?;
        tree.read(name)
            .map_err(|error| trouble(error.to_string()))?;
        let read = read_requirement_files(&[name.to_owned()], &mut |path| tree.read(path));
        all.requirements.extend(read.requirements);
        all.constraints.extend(read.constraints);
        all.diagnostics.extend(read.diagnostics);
    }
    Ok(all)
}

/// Requirements with an address: they come from no index, so they are in no answer.
fn not_pinned(request: &Request, manifest: &Manifest) -> Vec<Diagnostic> {
    let with_address = request.roots.iter().filter(|root| url_of(root).is_some());
    with_address
        .map(|root| {
            let message = format!(
                "`{}` has an address of its own and is not pinned",
                root.name
            );
            let help = "install it by hand, or ask for a release of the index instead";
            let diagnostic = Diagnostic::warning(OUTSIDE_THE_LOCK, message).help(help);
            let stands = manifest.requirements.iter();
            let stands = stands.filter(|one| one.requirement == *root);
            match stands.flat_map(|one| &one.origins).next() {
                Some(origin) => diagnostic.at(origin.site.clone()),
                None => diagnostic,
            }
        })
        .collect()
}

/// The requirements as they stand, whatever their group.
fn plain(manifest: &Manifest) -> Vec<pinsmith_resolver::Requirement> {
    let requirements = manifest.requirements.iter();
    requirements.map(|one| one.requirement.clone()).collect()
}

/// The requirements of the chosen extras and groups.
fn wanted(
    manifest: &Manifest,
    args: &CompileArgs,
) -> Result<Vec<pinsmith_resolver::Requirement>, Failure> {
    let requirements = manifest.requirements.iter();
    let known: BTreeSet<&String> = requirements.filter_map(|one| one.group.as_ref()).collect();
    if let Some(extra) = args.extras.iter().find(|extra| !known.contains(extra)) {
        let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
        let help = match names.as_slice() {
            [] => "the given files have no extras and no groups".to_owned(),
            names => format!("there are: {}", names.join(", ")),
        };
        let message = format!("no file has an extra or group `{extra}`");
        return Err(Failure::new(message, help));
    }
    let chosen = manifest.requirements.iter().filter(|one| {
        let group = one.group.as_ref();
        args.all_extras || group.is_none_or(|group| args.extras.contains(group))
    });
    Ok(chosen.map(|one| one.requirement.clone()).collect())
}

fn text(
    args: &CompileArgs,
    resolution: &Resolution,
    manifest: &Manifest,
) -> Result<String, Failure> {
    let command = command_line(args);
    if !args.generate_hashes {
        return Ok(pins(resolution, manifest, &command));
    }
    let options = LockOptions {
        groups: args.extras.clone(),
        as_of: args.resolve.as_of.as_ref().map(|as_of| as_of.instant),
    };
    let locked = Lock::from_resolutions(std::slice::from_ref(resolution), manifest, &options)?;
    Ok(requirements_txt(&locked.lock, &command))
}

/// The command as typed, with file names but no folders of this machine.
fn command_line(args: &CompileArgs) -> String {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        typed(&name.to_string_lossy())
    };
    let mut command = vec!["pinsmith compile".to_owned()];
    command.extend(args.files.iter().map(name));
    command.extend(
        args.constraints
            .iter()
            .map(|file| format!("-c {}", name(file))),
    );
    let overrides = args.overrides.iter();
    command.extend(overrides.map(|file| format!("--override {}", name(file))));
    let extras = args.extras.iter();
    command.extend(extras.map(|extra| format!("--extra {}", typed(extra))));
    for (given, flag) in [
        (args.all_extras, "--all-extras"),
        (args.generate_hashes, "--generate-hashes"),
    ] {
        if given {
            command.push(flag.to_owned());
        }
    }
    command.extend(resolve_flags(&args.resolve));
    command.join(" ")
}

fn write(file: &Path, text: String, terminal: Terminal) -> Result<(), Failure> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let help = "name a file in an existing folder with -o FILE";
    let name = file.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| Failure::new(format!("`{}` is no file name", file.display()), help))?;
    if !folder.is_dir() {
        let message = format!(
            "cannot write `{}`: there is no folder `{}`",
            file.display(),
            folder.display()
        );
        return Err(Failure::new(message, help));
    }
    let outputs = [Output {
        name: name.to_owned(),
        text,
        guard: Guard::Any,
    }];
    write_all(folder, &outputs)?;
    terminal.summary("wrote", &file.display().to_string());
    Ok(())
}
