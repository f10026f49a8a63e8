//! `environment.yml`: a conda environment with its nested pip list.
//!
//! The YAML is read as a stream of events: no aliases are expanded, nothing recurses.

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

use super::conda::{Conda, match_spec};
use super::line::{Collector, Role};
use super::text::shown;
use super::{Declared, requirements_txt};
use crate::requirements::codes;

/// Deeper than any real environment file.
const DEEPEST: usize = 16;

/// Reads a conda environment file.
pub(super) fn read(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    let mut dropped: Vec<String> = Vec::new();
    for entry in entries(text, &mut collector) {
        match entry {
            Entry::Conda(text, line) => conda(&text, line, &mut dropped, &mut collector),
            Entry::Pip(text, line) => pip(&text, line, &mut collector),
        }
    }
    if !dropped.is_empty() {
        let message = format!(
            "{} conda packages have no counterpart on a Python index: {}",
            dropped.len(),
            shown(&dropped.join(", "))
        );
        collector.info(
            codes::CONDA_ONLY,
            0,
            message,
            "system libraries come from the environment; declare a distribution for the others",
        );
    }
    collector.finish()
}

enum Entry {
    Conda(String, u32),
    Pip(String, u32),
}

/// The strings of `dependencies:` and of the `pip:` list in it.
fn entries(text: &str, collector: &mut Collector) -> Vec<Entry> {
    let mut parser = Parser::new_from_str(text);
    let mut walk = Walk::default();
    loop {
        match parser.next_token() {
            Ok((Event::StreamEnd, _)) => return walk.entries,
            Ok((event, marker)) => {
                let line = u32::try_from(marker.line()).unwrap_or(u32::MAX);
                if !walk.event(event, line) {
                    collector.warn(codes::UNREADABLE, line, "this YAML is nested too deep", "");
                    return walk.entries;
                }
            }
            Err(error) => {
                let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
                let message = format!("this is no YAML: {}", shown(error.info()));
                collector.warn(codes::UNREADABLE, line, message, "correct the file");
                return walk.entries;
            }
        }
    }
}

/// Where the walk is: a container, and for a mapping the key whose value comes next.
#[derive(Default)]
struct Walk {
    stack: Vec<Container>,
    entries: Vec<Entry>,
}

struct Container {
    mapping: bool,
    key: Option<String>,
}

impl Walk {
    /// Takes an event; false when it is nested too deep.
    fn event(&mut self, event: Event, line: u32) -> bool {
        match event {
            Event::MappingStart(..) => self.open(true),
            Event::SequenceStart(..) => self.open(false),
            Event::MappingEnd | Event::SequenceEnd => {
                self.stack.pop();
                self.value_done();
            }
            Event::Alias(_) => self.value_done(),
            Event::Scalar(text, ..) => self.scalar(text, line),
            _ => {}
        }
        self.stack.len() <= DEEPEST
    }

    fn open(&mut self, mapping: bool) {
        self.stack.push(Container { mapping, key: None });
    }

    fn value_done(&mut self) {
        if let Some(container) = self.stack.last_mut() {
            // a container as key has no name; its value is then skipped like any other
            container.key = match container.key.take() {
                None if container.mapping => Some(String::new()),
                _ => None,
            };
        }
    }

    fn scalar(&mut self, text: String, line: u32) {
        match self.stack.last_mut() {
            Some(container) if container.mapping && container.key.is_none() => {
                container.key = Some(text);
            }
            _ => {
                let keys: Vec<Option<&str>> = self.stack.iter().map(|c| c.key.as_deref()).collect();
                match keys.as_slice() {
                    [Some("dependencies"), None] => self.entries.push(Entry::Conda(text, line)),
                    [Some("dependencies"), None, Some("pip"), None] => {
                        self.entries.push(Entry::Pip(text, line));
                    }
                    _ => {}
                }
                self.value_done();
            }
        }
    }
}

fn conda(text: &str, line: u32, dropped: &mut Vec<String>, collector: &mut Collector) {
    let Some((name, specifier)) = match_spec(text) else {
        let message = format!("`{}` is no conda dependency", shown(text));
        return collector.warn(codes::NOT_A_REQUIREMENT, line, message, "");
    };
    match Conda::of(&name) {
        Conda::Python => {
            if !specifier.is_empty() {
                collector.python_hint(&specifier, line);
            }
        }
        Conda::Tool => {}
        Conda::Missing => dropped.push(name),
        Conda::Distribution(name) => {
            collector.requirement(&format!("{name}{specifier}"), &Role::default(), line);
        }
    }
}

/// A line of the pip list is a line of a requirements file.
fn pip(text: &str, line: u32, collector: &mut Collector) {
    let site = collector.site(line);
    let mut read = requirements_txt::read(text, &site.file, &Role::default());
    let requirements = read.requirements.iter_mut().map(|r| &mut r.site);
    let constraints = read.constraints.iter_mut().map(|r| &mut r.site);
    let includes = read.includes.iter_mut().map(|i| &mut i.site);
    let paths = read.paths.iter_mut().map(|path| &mut path.site);
    let indexes = read.indexes.iter_mut().map(|i| &mut i.site);
    let diagnostics = read.diagnostics.iter_mut().filter_map(|d| d.site.as_mut());
    requirements
        .chain(constraints)
        .chain(includes)
        .chain(paths)
        .chain(indexes)
        .chain(diagnostics)
        .for_each(|at| at.line = line);
    collector.out.merge(read);
}
