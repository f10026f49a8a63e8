//! `pinsmith compile`: requirements files in, pins out.

mod inputs;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pinsmith_resolver::{PackageName, Request, Resolution, ResolvedPackage};

use self::inputs::{plain, read, wanted};
use super::accelerators::{fit, refuse, table};
use super::args::{AnnotationArg, CompileArgs, GlobalArgs, PrereleaseArg};
use super::auto::{keep_to_bound, settle};
use super::json::{ResolutionJson, to_text};
use super::strict::Unknown;
use super::summary::{differences, kept, locked};
use super::targets::{Before, admitted, targets};
use super::terminal::Terminal;
use super::typed::{resolve_flags, typed};
use super::unsatisfiable::all_or_failure;
use super::world::{OpenIndex, World, detect_host, location, read_direct};
use super::{Done, Failure};
use crate::lock::{Lock, LockOptions};
use crate::render::{Annotations, PinStyle, pins};
use crate::requirements::Manifest;
use crate::scan::Tree;
use crate::write::{Guard, Output, existing, write_all};

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
    let mut args = args.clone();
    let manifests = || Ok(vec![read(&args.files)?, read(&args.constraints)?]);
    let mut flags = args.resolve.targets.clone();
    if let Some(done) = settle(&mut flags, manifests, &here, global, terminal)? {
        return Ok(done);
    }
    args.resolve.targets = flags;
    if args.pre {
        args.resolve.prerelease = PrereleaseArg::Allow;
    }
    compile(&args, &here, global, terminal)
}

fn compile(
    args: &CompileArgs,
    here: &Path,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let flags = &args.resolve.targets;
    let host = detect_host(flags.python.first().copied(), here, global);
    let manifest = read(&args.files)?;
    let declared = manifest.requires_python.as_ref();
    let accelerators = table(flags.accelerator_table.as_deref())?;
    let targets = targets(flags, &host, &[], &accelerators)?;
    let targets = admitted(targets, flags, declared.map(|(python, _)| python))?;
    let constraints = read(&args.constraints)?;
    let overrides = read(&args.overrides)?;
    let request = Request {
        roots: wanted(&manifest, args)?,
        constraints: [manifest.constraints.clone(), plain(&constraints)].concat(),
        overrides: plain(&overrides),
        no_deps: args.no_deps,
        ..Request::default()
    };
    let before = before(args)?;
    let mut asked = before.asked(&request, &targets, &args.resolve.upgrade);
    keep_to_bound(&mut asked, flags);
    let fitted = fit(&mut asked, &accelerators);
    if let Some(done) = refuse(&fitted, terminal)? {
        return Ok(done);
    }
    let location = location(&args.resolve.index, global, &host, here)?;
    let world = World {
        location,
        host: &host,
        tree: here,
        accelerators,
    };
    let index = OpenIndex::for_resolution(&args.resolve, global, world, &targets, terminal)?;
    let tree = Tree::new(here).ok();
    let direct = read_direct(
        &mut asked,
        &[&manifest, &overrides],
        // folders are named relative to where pip runs
        tree.as_ref().filter(|_| lie_here(&args.files)),
        here,
        &index.index,
        args.resolve.index.offline,
    );
    let resolved = index.resolve(&asked, &args.resolve, args.generate_hashes);
    let read = [&manifest, &constraints, &overrides];
    terminal.diagnostics(
        read.into_iter()
            .flat_map(|read| &read.diagnostics)
            .chain(&fitted)
            .chain(&direct.diagnostics)
            .chain(&host.diagnostics)
            .chain(&resolved.diagnostics),
    );
    let (answers, advice) = (resolved.answers, &resolved.advice);
    let resolutions = match all_or_failure(answers, advice, &targets, &read, terminal)? {
        Ok(resolutions) => resolutions,
        Err(done) => return Ok(done),
    };
    let unknown = Unknown::of(&resolutions, &args.resolve);
    if let Some(done) = unknown.refuse(&args.resolve, terminal)? {
        return Ok(done);
    }
    terminal.diagnostics(&before.not_kept(&resolutions));
    let indexes = index.index.index_names().into_iter().collect();
    let places = LockOptions {
        direct: direct.sources,
        indexes,
        ..LockOptions::default()
    };
    let text = text(args, &resolutions, &manifest, &places, terminal)?;
    let file = output_file(args).filter(|_| !args.dry_run);
    match file {
        Some(file) => write(file, text, terminal)?,
        None if terminal.json() => {}
        None => terminal.result(&text)?,
    }
    if terminal.json() {
        let stats = args.resolve.stats.then_some(resolved.stats);
        terminal.result(&to_text(&ResolutionJson::new(&resolutions, stats))?)?;
    }
    if file.is_some() {
        terminal.summary("pinned", &locked(&resolutions));
        let kept = kept(&resolutions, &before, &args.resolve.upgrade);
        if let Some(kept) = kept {
            terminal.summary("kept", &kept);
        }
        for (number, line) in differences(&resolutions).iter().enumerate() {
            terminal.summary(if number == 0 { "differs" } else { "" }, line);
        }
    }
    for line in unknown.lines() {
        terminal.summary("unknown", &line);
    }
    Ok(Done::Yes)
}

/// Where the pins go; `-o -` is standard output.
fn output_file(args: &CompileArgs) -> Option<&Path> {
    let file = args.output_file.as_deref();
    file.filter(|file| *file != Path::new("-"))
}

/// The pins of the output file that is there already.
fn before(args: &CompileArgs) -> Result<Before, Failure> {
    let Some(file) = output_file(args) else {
        return Ok(Before::default());
    };
    let (folder, name) = folder_and_name(file)?;
    let there = existing(folder, name);
    let before = there.and_then(|bytes| Before::of_text(name, &String::from_utf8_lossy(&bytes)));
    Ok(before.unwrap_or_default())
}

/// Whether all files lie in the current folder, so that folders in them are relative to it.
fn lie_here(files: &[PathBuf]) -> bool {
    let here = |file: &PathBuf| {
        file.parent()
            .is_none_or(|parent| parent.as_os_str().is_empty())
    };
    files.iter().all(here)
}

fn text(
    args: &CompileArgs,
    resolutions: &[Resolution],
    manifest: &Manifest,
    places: &LockOptions,
    terminal: Terminal,
) -> Result<String, Failure> {
    if args.generate_hashes {
        // refuses what cannot be hashed, and targets that no marker tells apart
        let locked = Lock::from_resolutions(resolutions, manifest, places)?;
        terminal.diagnostics(&locked.diagnostics);
    }
    let style = PinStyle {
        header: !args.no_header,
        annotations: match (args.no_annotate, args.annotation_style) {
            (true, _) => None,
            (false, AnnotationArg::Split) => Some(Annotations::Split),
            (false, AnnotationArg::Line) => Some(Annotations::Line),
        },
        extras: args.no_strip_extras,
        hashes: args.generate_hashes,
    };
    let mut shown = resolutions.to_vec();
    for resolution in &mut shown {
        let emitted = |package: &ResolvedPackage| !args.no_emit_package.contains(&package.name);
        resolution.packages.retain(emitted);
    }
    let mut text = pins(
        &shown,
        &places.direct,
        &places.indexes,
        manifest,
        &command_line(args),
        style,
    );
    let left_out: BTreeSet<String> = args.no_emit_package.iter().map(comment_of).collect();
    if !left_out.is_empty() {
        text.push_str("\n# left out, as asked:\n");
        text.extend(left_out);
    }
    Ok(text)
}

fn comment_of(package: &PackageName) -> String {
    format!("# {package}\n")
}

/// The command as typed, with file names but no folders of this machine.
fn command_line(args: &CompileArgs) -> String {
    if let Some(command) = &args.custom_compile_command {
        return command.clone();
    }
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
    let groups = args.groups.iter();
    command.extend(groups.map(|group| format!("--group {}", typed(group))));
    for (given, flag) in [
        (args.all_extras, "--all-extras"),
        (args.no_deps, "--no-deps"),
        (args.generate_hashes, "--generate-hashes"),
        (args.no_annotate, "--no-annotate"),
        (
            args.annotation_style == AnnotationArg::Line,
            "--annotation-style line",
        ),
        (args.no_strip_extras, "--no-strip-extras"),
    ] {
        if given {
            command.push(flag.to_owned());
        }
    }
    let left_out = args.no_emit_package.iter();
    command.extend(left_out.map(|package| format!("--no-emit-package {package}")));
    command.extend(resolve_flags(&args.resolve));
    command.join(" ")
}

fn folder_and_name(file: &Path) -> Result<(&Path, &str), Failure> {
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Failure::new(
            format!("`{}` is no file name", file.display()),
            "name a file in an existing folder with -o FILE",
        )
    })?;
    Ok((folder, name))
}

fn write(file: &Path, text: String, terminal: Terminal) -> Result<(), Failure> {
    let (folder, name) = folder_and_name(file)?;
    if !folder.is_dir() {
        let message = format!(
            "cannot write `{}`: there is no folder `{}`",
            file.display(),
            folder.display()
        );
        return Err(Failure::new(
            message,
            "name a file in an existing folder with -o FILE",
        ));
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
