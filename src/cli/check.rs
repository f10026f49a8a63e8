//! `pinsmith check`: do code, declarations, lock and spec still agree?

use std::path::Path;

use serde::Serialize;

use super::args::{CheckArgs, Format, GlobalArgs};
use super::json::{SCHEMA, to_text};
use super::lock::digest_of_inputs;
use super::source::{Purpose, Source, count, open_tree};
use super::terminal::Terminal;
use super::typed::typed;
use super::{Done, Failure};
use crate::check::{CheckInputs, NamedText, disagreements};
use crate::diagnostic::{Diagnostic, Severity};
use crate::environment::{EnvironmentSpec, UNREADABLE_SPEC};
use crate::render::{github, pylock_file_name, sarif};
use crate::write::existing;

pub(super) fn run(
    args: &CheckArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.source.path)?;
    let folder = args.output_dir.as_deref().unwrap_or(tree.root());
    let spec = read_spec(folder)?;
    let targets = spec.iter().flat_map(|spec| &spec.targets);
    let mut locks: Vec<String> = targets.clone().map(|target| target.lock.clone()).collect();
    let mut pinned: Vec<String> = targets.map(|target| target.requirements.clone()).collect();
    if locks.is_empty() {
        locks.push(pylock_file_name(None));
    }
    for names in [&mut locks, &mut pinned] {
        names.sort();
        names.dedup();
    }
    let locks = read_all(folder, &locks);
    let pinned = read_all(folder, &pinned);
    let locks: Vec<NamedText<'_>> = locks.iter().map(Read::named).collect();
    let pinned: Vec<NamedText<'_>> = pinned.iter().map(Read::named).collect();
    let targets = locks.iter().filter_map(|file| {
        let read = crate::lock::read(file.text?).ok()?;
        Some(read.lock.targets)
    });
    let purpose = Purpose::of(&targets.flatten().collect::<Vec<_>>());
    let source = Source::read_again(&args.source, purpose, global, terminal)?;
    let found = disagreements(&CheckInputs {
        scan: &source.scan,
        manifest: &source.manifest,
        inputs_digest: digest_of_inputs(&source),
        spec: spec.as_ref(),
        locks: &locks,
        requirements: &pinned,
    });
    let errors = found
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let errors = errors.count();
    match global.format {
        Format::Text => terminal.findings(&found)?,
        Format::Json => terminal.result(&to_text(&Report {
            schema: SCHEMA,
            agrees: errors == 0,
            disagreements: &found,
        })?)?,
        Format::Sarif => terminal.result(&sarif(&found))?,
        Format::Github => terminal.result(&github(&found))?,
    }
    if errors == 0 {
        terminal.summary("agree", "code, declarations, lock and spec");
        return Ok(Done::Yes);
    }
    terminal.summary("disagree", &count(errors, "finding"));
    terminal.next(&match args.source.path.to_str() {
        Some(".") | None => "pinsmith lock".to_owned(),
        Some(path) => format!("pinsmith lock {}", typed(path)),
    });
    Ok(Done::No)
}

/// The answer for programs.
#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    agrees: bool,
    disagreements: &'a [Diagnostic],
}

fn read_spec(folder: &Path) -> Result<Option<EnvironmentSpec>, Failure> {
    let Some(bytes) = existing(folder, EnvironmentSpec::FILE_NAME) else {
        return Ok(None);
    };
    let spec = EnvironmentSpec::read(&String::from_utf8_lossy(&bytes));
    spec.map(Some).map_err(|error| {
        let help = "mend it, or run `pinsmith lock` again";
        Failure::new(error.to_string(), help).coded(UNREADABLE_SPEC)
    })
}

/// A file of the folder, as far as it can be read.
struct Read<'a> {
    name: &'a str,
    text: Option<String>,
}

impl Read<'_> {
    fn named(&self) -> NamedText<'_> {
        NamedText {
            name: self.name,
            text: self.text.as_deref(),
        }
    }
}

fn read_all<'a>(folder: &Path, names: &'a [String]) -> Vec<Read<'a>> {
    let names = names.iter();
    names
        .map(|name| Read {
            name,
            text: existing(folder, name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        })
        .collect()
}
