//! `requirements.txt` and `requirements.in`: pip's requirements file format.

use super::line::{Collector, Role};
use super::text::shown;
use super::{Declared, IndexKind};
use crate::requirements::codes;

/// Reads a requirements file; every requirement gets the given group.
///
/// ```
/// use pinsmith::requirements::read_requirements_txt;
/// let declared = read_requirements_txt("numpy>=1.20  # arrays\n-r more.txt\n", "requirements.txt", None);
/// assert_eq!(declared.requirements[0].requirement.to_string(), "numpy>=1.20");
/// assert_eq!(declared.includes[0].path, "more.txt");
/// ```
pub fn read_requirements_txt(text: &str, file: &str, group: Option<&str>) -> Declared {
    let role = Role {
        group: group.map(str::to_owned),
        constraint: false,
    };
    read(text, file, &role)
}

pub(super) fn read(text: &str, file: &str, role: &Role) -> Declared {
    let mut collector = Collector::new(file);
    for (number, line) in logical_lines(text) {
        logical_line(&line, role, number, &mut collector);
    }
    collector.finish()
}

/// Reads what stands as one line of a requirements file inside another file.
pub(super) fn read_line(text: &str, role: &Role, number: u32, collector: &mut Collector) {
    for (_, line) in logical_lines(text) {
        logical_line(&line, role, number, collector);
    }
}

fn logical_line(line: &str, role: &Role, number: u32, collector: &mut Collector) {
    let line = line.trim();
    if line.starts_with('-') {
        option(collector, line, role, number);
    } else if !line.is_empty() {
        requirement(collector, line, role, number);
    }
}

/// Joins continued lines and takes comments away; the number is that of the first line.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut pending: Option<(u32, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let is_comment = line.trim_start().starts_with('#');
        let (number, mut joined) = pending.take().unwrap_or((number, String::new()));
        match line.strip_suffix('\\') {
            Some(head) if !is_comment => {
                joined.push_str(head);
                pending = Some((number, joined));
            }
            _ => {
                joined.push_str(if is_comment { "" } else { line });
                lines.push((number, without_comment(&joined).to_owned()));
            }
        }
    }
    lines.extend(pending.map(|(number, line)| (number, without_comment(&line).to_owned())));
    lines
}

/// A `#` begins a comment at the start of a line or after a blank; elsewhere it is part of a URL.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return line.get(..at).unwrap_or(line);
        }
        before = c;
    }
    line
}

/// A line that begins with an option.
fn option(collector: &mut Collector, line: &str, role: &Role, number: u32) {
    let (name, value) = split_option(line);
    match name {
        "-r" | "--requirement" => collector.include(value, role, number),
        "-c" | "--constraint" => collector.include(value, &Role::constraint(), number),
        "-e" | "--editable" => {
            collector.editable = true;
            requirement(collector, unquoted(value), role, number);
            collector.editable = false;
        }
        _ if index_option(collector, name, value, number) => {}
        "--pre" | "--prefer-binary" | "--require-hashes" | "--no-index" | "--trusted-host"
        | "--only-binary" | "--no-binary" | "--use-feature" => collector.info(
            codes::OPTION_IGNORED,
            number,
            format!("the option `{name}` of a requirements file is not used"),
            "pass the option on the command line if you want it",
        ),
        _ => collector.warn(
            codes::OPTION_IGNORED,
            number,
            format!(
                "`{}` is no known option of a requirements file",
                shown(name)
            ),
            "",
        ),
    }
}

fn index_option(collector: &mut Collector, name: &str, value: &str, number: u32) -> bool {
    let kind = match name {
        "-i" | "--index-url" | "--pypi-url" => IndexKind::Default,
        "--extra-index-url" => IndexKind::Extra,
        "-f" | "--find-links" => IndexKind::FindLinks,
        _ => return false,
    };
    collector.index(value, kind, number);
    true
}

/// `--name=value`, `--name value`, `-r value` and `-rvalue`.
fn split_option(line: &str) -> (&str, &str) {
    if line.starts_with("--") {
        let end = line
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(line.len());
        let (name, value) = line.split_at(end);
        return (name, value.trim_start_matches('=').trim());
    }
    let end = line.char_indices().nth(2).map_or(line.len(), |(at, _)| at);
    let (name, value) = line.split_at(end);
    (name, value.trim_start_matches('=').trim())
}

/// A text without the quotes around it; a quote at one end alone belongs to a marker.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inside = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// A requirement, with options such as `--hash=...` or `-f URL` behind it.
fn requirement(collector: &mut Collector, line: &str, role: &Role, number: u32) {
    let end = [" -", "\t-"]
        .iter()
        .filter_map(|option| line.find(option))
        .min()
        .unwrap_or(line.len());
    let (text, options) = line.split_at(end);
    collector.requirement(unquoted(text), role, number);
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let (name, value) = split_option(word);
        if name.starts_with('-') && !name.starts_with("--hash") {
            let value = if value.is_empty() {
                words.next().unwrap_or_default()
            } else {
                value
            };
            index_option(collector, name, value, number);
        }
    }
}
