//! `pinsmith env`: the environment spec in another tool's format.

use std::path::{Path, PathBuf};

use pinsmith_resolver::Sha256;
use serde::Serialize;
use sha2::{Digest, Sha256 as Hasher};

use super::args::{EnvArgs, GlobalArgs};
use super::json::to_text;
use super::terminal::Terminal;
use super::typed::typed;
use super::{Done, Failure};
use crate::diagnostic::{Code, Diagnostic};
use crate::environment::{EnvironmentSpec, TargetSpec, UNREADABLE_SPEC};
use crate::render::{Image, ImageFormat, image};
use crate::write::{Guard, Output, existing, write_all};

/// A part of the environment that the format cannot hold.
pub(super) const NOT_EXPRESSIBLE: Code = Code("ENV009");
/// A rendered file is not what the spec says now.
pub(super) const OUT_OF_DATE: Code = Code("ENV010");

/// The JSON that `env` prints.
#[derive(Debug, Serialize)]
struct EnvJson<'a> {
    schema: u32,
    to: String,
    target: &'a str,
    file: Option<String>,
    changed: bool,
    not_expressible: &'a [String],
}

pub(super) fn run(
    args: &EnvArgs,
    _global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let (spec, digest) = read_spec(&args.path)?;
    let target = chosen(&spec, args)?;
    let rendered = image(&spec, digest, target, args.to).map_err(|error| {
        let help = "choose another target with --target, or another format with --to";
        Failure::new(error.to_string(), help)
    })?;
    if args.output.as_deref() == Some(Path::new("-")) && !args.check {
        terminal.result(&rendered.text)?;
        return Ok(Done::Yes);
    }
    let (folder, name) = place(args)?;
    if args.check {
        return check(&folder, &name, &rendered, args, terminal);
    }
    let output = Output {
        name,
        text: rendered.text.clone(),
        guard: Guard::Rendered,
    };
    let ignored = ignored(args, &folder, &output.name);
    let outputs: Vec<Output> = [output].into_iter().chain(ignored).collect();
    let written = write_all(&folder, &outputs)?;
    let notes: Vec<Diagnostic> = rendered
        .not_expressible
        .iter()
        .map(|missing| {
            Diagnostic::info(
                NOT_EXPRESSIBLE,
                format!("{} cannot hold {missing}", args.to),
            )
        })
        .collect();
    terminal.diagnostics(&notes);
    let file = written
        .first()
        .map(|written| written.path.display().to_string());
    let changed = written.iter().any(|written| written.changed);
    if terminal.json() {
        let json = EnvJson {
            schema: 1,
            to: args.to.to_string(),
            target: &target.name,
            file,
            changed,
            not_expressible: &rendered.not_expressible,
        };
        terminal.result(&to_text(&json)?)?;
        return Ok(Done::Yes);
    }
    for written in &written {
        let unchanged = if written.changed { "" } else { " (unchanged)" };
        let path = super::lock::shorten(&written.path);
        terminal.summary("wrote", &format!("{}{unchanged}", path.display()));
    }
    let open = rendered.not_expressible.len();
    if open > 0 {
        let text = format!(
            "{} that it cannot hold, as comments in its head",
            super::source::count(open, "fact")
        );
        terminal.summary("left open", &text);
    }
    terminal.next(&next_command(args));
    Ok(Done::Yes)
}

/// What to type next: an image is built in the repository, from whatever file was written.
fn next_command(args: &EnvArgs) -> String {
    let command = args.to.next_command();
    if args.to != ImageFormat::Dockerfile {
        return command.to_owned();
    }
    let command = command.trim_end_matches(" .");
    let file = args.output.as_ref();
    let file = file.map(|file| format!(" -f {}", typed(&file.to_string_lossy())));
    let folder = match args.path.parent() {
        Some(parent) if args.path.is_file() => parent,
        _ => &args.path,
    };
    let folder = typed(&folder.to_string_lossy());
    format!("{command}{} {folder}", file.unwrap_or_default())
}

/// What an image gets no copy of, beside the Dockerfile, unless the tree says so itself.
fn ignored(args: &EnvArgs, folder: &Path, dockerfile: &str) -> Option<Output> {
    let own = existing(folder, ".dockerignore").is_some();
    (args.to == ImageFormat::Dockerfile && !own).then(|| Output {
        name: format!("{dockerfile}.dockerignore"),
        text: "# made by pinsmith; delete it to use a .dockerignore of your own\n\
               .git\n**/.venv\n**/__pycache__\n**/*.pyc\n**/.ipynb_checkpoints\n"
            .to_owned(),
        guard: Guard::Rendered,
    })
}

pub(super) fn read_spec(path: &Path) -> Result<(EnvironmentSpec, Sha256), Failure> {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let name = EnvironmentSpec::FILE_NAME;
    let Some(bytes) = existing(folder, name) else {
        let message = format!("there is no `{name}` in `{}`", path.display());
        return Err(Failure::new(message, "run `pinsmith lock` first"));
    };
    let unreadable = |message: String| {
        Failure::new(message, "mend it, or run `pinsmith lock` again").coded(UNREADABLE_SPEC)
    };
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| unreadable(format!("`{name}` is not UTF-8: {error}")))?;
    let spec = EnvironmentSpec::read(text).map_err(|error| unreadable(error.to_string()))?;
    Ok((spec, Sha256(Hasher::digest(&bytes).into())))
}

fn chosen<'a>(spec: &'a EnvironmentSpec, args: &EnvArgs) -> Result<&'a TargetSpec, Failure> {
    let names = || {
        let names: Vec<&str> = spec
            .targets
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        names.join(", ")
    };
    match (&args.target, spec.targets.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::new(
            format!("the spec has several targets: {}", names()),
            "choose one with --target NAME",
        )),
        (Some(wanted), targets) => targets
            .iter()
            .find(|target| target.name == *wanted)
            .ok_or_else(|| {
                let message = format!("there is no target `{wanted}` in the spec");
                Failure::new(message, format!("its targets are: {}", names()))
            }),
    }
}

/// The folder and the name of the file.
fn place(args: &EnvArgs) -> Result<(PathBuf, String), Failure> {
    let Some(output) = &args.output else {
        return Ok((args.path.clone(), args.to.file_name().to_owned()));
    };
    let name = output.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|_| !output.is_dir()) else {
        let message = format!("`{}` names no file", output.display());
        return Err(Failure::new(message, "name a file with -o FILE"));
    };
    let folder = output
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")).to_owned(), name.to_owned()))
}

/// Whether the file is what the spec says now.
fn check(
    folder: &Path,
    name: &str,
    rendered: &Image,
    args: &EnvArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let same = existing(folder, name).is_some_and(|bytes| bytes == rendered.text.as_bytes());
    if terminal.json() {
        terminal.result(&to_text(
            &serde_json::json!({"schema": 1, "up_to_date": same}),
        )?)?;
    }
    if same {
        terminal.summary("checked", &format!("{name} is what the spec says"));
        return Ok(Done::Yes);
    }
    let message = format!(
        "`{name}` is not what `{}` says now",
        EnvironmentSpec::FILE_NAME
    );
    let help = format!("run `pinsmith env --to {}` and commit the file", args.to);
    terminal.failure(Some(OUT_OF_DATE), &message, &[help]);
    Ok(Done::No)
}
