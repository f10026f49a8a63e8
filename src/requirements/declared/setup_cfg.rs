//! `setup.cfg`: setuptools' declarative options.
//!
//! The format is Python's `configparser`, whose indented continuation lines the `ini` crates read
//! otherwise, and none of them tells lines; hence these few lines of its own.

use std::str::FromStr;

use pinsmith_resolver::PackageName;

use super::line::{Collector, Role, group_name};
use super::{Declared, EntryPoint};
use crate::scan::Site;

/// Reads a `setup.cfg`.
pub(super) fn read(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    for entry in entries(text) {
        let section = entry.section.as_str();
        match (section, entry.key.as_str()) {
            ("metadata", "name") => {
                let name = entry.values.first().map(|(text, _)| text.as_str());
                collector.out.name = name.and_then(|name| PackageName::from_str(name).ok());
            }
            ("metadata", "version") => {
                let version = entry.values.first().map(|(text, _)| text.clone());
                collector.out.version = version.filter(|text| !text.contains(':'));
            }
            ("options", "python_requires") => {
                if let Some((text, line)) = entry.values.first() {
                    collector.requires_python(text, *line);
                }
            }
            ("options", "install_requires") => each(&entry, &Role::default(), &mut collector),
            ("options", "tests_require") => each(&entry, &Role::group("test"), &mut collector),
            ("options.entry_points", "console_scripts") => {
                let found = entry.values.iter().filter_map(|(text, line)| {
                    let (name, reference) = text.split_once('=')?;
                    let site = Site {
                        file: file.to_owned(),
                        cell: None,
                        line: *line,
                    };
                    EntryPoint::parse(name, reference, site)
                });
                collector.out.entry_points.extend(found);
            }
            ("options.extras_require", extra) => {
                collector.out.extras.insert(group_name(extra));
                each(&entry, &Role::group(extra), &mut collector);
            }
            _ => {}
        }
    }
    collector.finish()
}

/// `file: a.txt, b.txt` includes, everything else is a list of requirements.
fn each(entry: &Entry, role: &Role, collector: &mut Collector) {
    for (text, line) in &entry.values {
        if let Some(files) = text.strip_prefix("file:") {
            for path in files.split(',').filter(|path| !path.trim().is_empty()) {
                collector.include(path, role, *line);
            }
            continue;
        }
        collector.requirement(text, role, *line);
    }
}

/// One option with its value lines.
struct Entry {
    section: String,
    key: String,
    values: Vec<(String, u32)>,
}

fn entries(text: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut section = String::new();
    for (index, raw) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let line = raw.split(" #").next().unwrap_or(raw).trim_end();
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(entry) = entries.last_mut() {
                entry.values.push((content.to_owned(), number));
            }
        } else if let Some(name) = content.strip_prefix('[') {
            name.trim_end_matches(']').trim().clone_into(&mut section);
        } else if let Some((key, value)) = content.split_once(['=', ':']) {
            let value = value.trim();
            let values = (!value.is_empty()).then(|| (value.to_owned(), number));
            entries.push(Entry {
                section: section.clone(),
                key: key.trim().replace('-', "_").to_lowercase(),
                values: values.into_iter().collect(),
            });
        }
    }
    entries
}
