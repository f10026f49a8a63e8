//! One Python text becomes its imports with their circumstances; pure.
//!
//! The parser recovers from errors, so one bad line never loses the others. What it loses all the
//! same is read line by line (`recover`).

mod call;
mod collect;
mod define;
mod doctest;
mod guard;
mod handler;
mod marker;
mod paths;
mod recover;
mod skip;
mod strings;
mod words;

#[cfg(any(test, fuzzing))]
pub(super) mod same;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, ModModule, PySourceType};
use ruff_python_parser::{ParseError, Parsed, parse_unchecked_source};

use self::collect::Collected;
pub(super) use self::recover::{is_ignored, is_python_2};
use self::skip::Short;
use super::codes;
use super::facts::{Facts, Origin};
use super::gpu;
use super::lines::{self, Gap, Lines};
use super::{ImportContext, entry, uses};
use crate::diagnostic::Diagnostic;

/// Reads Python source.
///
/// Every import stands with its context, labels and marker; [`super::Import::local`] is left
/// false, since one text cannot know.
pub(super) fn read(text: &str, origin: &Origin<'_>) -> Facts {
    let inline_metadata = has_inline_metadata(text);
    let hardware = gpu::in_python(text, origin);
    if !origin.definitions && memchr::memmem::find(text.as_bytes(), b"import").is_none() {
        return Facts {
            hardware,
            inline_metadata,
            ..Facts::default()
        };
    }
    // a build file calls `setup`, wherever that stands
    let quickly = (origin.base != ImportContext::Build).then(|| read_quickly(text, origin));
    let mut facts = quickly.flatten().unwrap_or_else(|| read_all(text, origin));
    facts.inline_metadata = inline_metadata;
    facts.follow_guards();
    if origin.cell.is_none() {
        facts.uses = uses::in_text(text, &facts.imports, origin);
    }
    facts.hardware = hardware;
    facts
}

/// Reads a text without the functions that cannot matter; `None` when that is not safe.
fn read_quickly(text: &str, origin: &Origin<'_>) -> Option<Facts> {
    match skip::shorten(text, origin.definitions) {
        Short::Cut(left, gaps) => parse_shortened(&left, gaps, origin),
        Short::Whole => Some(parse(text, &Lines::new(text), origin)),
        Short::Unsure => None,
    }
}

/// Reads a text without leaving out anything.
fn read_all(text: &str, origin: &Origin<'_>) -> Facts {
    let lines = Lines::new(text);
    if !lines::is_too_complex(text) {
        return parse(text, &lines, origin);
    }
    let mut facts = Facts::default();
    recover::complete(&mut facts, &lines, origin);
    facts.diagnostics.push(too_complex(origin));
    facts
}

/// Reads what matters of a text; `None` when that has a syntax error.
fn parse_shortened(left: &str, gaps: Vec<Gap>, origin: &Origin<'_>) -> Option<Facts> {
    let parsed = parse_unchecked_source(left, PySourceType::Python);
    if parsed.has_syntax_errors() {
        return None;
    }
    let lines = Lines::with_gaps(left, gaps);
    Some(collected(parsed, left, &lines, origin))
}

fn parse(text: &str, lines: &Lines<'_>, origin: &Origin<'_>) -> Facts {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    collected(parsed, text, lines, origin)
}

fn collected(
    parsed: Parsed<ModModule>,
    text: &str,
    lines: &Lines<'_>,
    origin: &Origin<'_>,
) -> Facts {
    let Collected {
        mut facts,
        complete,
        python_2,
    } = collect::collect(parsed.syntax(), text, lines, origin);
    if origin.base == ImportContext::Build {
        facts
            .imports
            .extend(entry::in_setup(parsed.syntax(), lines, origin));
    }
    if let Some(first) = parsed.errors().first() {
        recover::complete(&mut facts, lines, origin);
        let diagnostic = syntax_error(parsed.errors(), first, lines, origin);
        facts.diagnostics.push(diagnostic);
    } else if let Some(line) = python_2 {
        facts.diagnostics.push(python_2_source(line, origin));
    }
    if !complete {
        facts.diagnostics.push(too_complex(origin));
        // Freeing a tree recurses as deep as the tree is, and this one is too deep for the stack:
        // losing the memory of a dishonest file is better than losing the run.
        std::mem::forget(parsed);
    }
    facts
}
fn too_complex(origin: &Origin<'_>) -> Diagnostic {
    let message = format!(
        "`{}` is too large or nested too deeply to be parsed",
        origin.file
    );
    Diagnostic::warning(codes::TOO_COMPLEX, message)
        .at(origin.site(0))
        .help("its imports were read line by line, without the conditions they stand under")
}

fn syntax_error(
    errors: &[ParseError],
    first: &ParseError,
    lines: &Lines<'_>,
    origin: &Origin<'_>,
) -> Diagnostic {
    let line_of = |error: &ParseError| lines.number(error.location.start().to_usize());
    // a line may have thousands of errors
    let numbers: BTreeSet<u32> = errors.iter().map(line_of).collect();
    let mut numbers = numbers.into_iter();
    if let Some(number) = numbers.find(|number| is_python_2(lines.text(*number))) {
        return python_2_source(number, origin);
    }
    let what = first.error.to_string().replace(char::is_control, " ");
    let mut chars = what.chars();
    let initial = chars.next().map(|c| c.to_lowercase().to_string());
    let what = initial.unwrap_or_default() + chars.as_str();
    let message = format!("syntax error in `{}`: {what}", origin.file);
    Diagnostic::warning(codes::SYNTAX_ERROR, message)
        .at(origin.site(line_of(first)))
        .help("the imports around it were kept; correct the line or exclude the file")
}

fn python_2_source(line: u32, origin: &Origin<'_>) -> Diagnostic {
    let message = format!("`{}` is Python 2 source", origin.file);
    Diagnostic::warning(codes::PYTHON_2, message)
        .at(origin.site(line))
        .help("its imports were kept; port it to Python 3 or exclude it")
}

/// Whether a text holds a PEP 723 `script` block.
fn has_inline_metadata(text: &str) -> bool {
    memchr::memmem::find_iter(text.as_bytes(), b"# /// script").any(|at| {
        let starts_line = at == 0 || matches!(text.as_bytes().get(at - 1), Some(b'\n' | b'\r'));
        let after = text.get(at + "# /// script".len()..).unwrap_or_default();
        let ends_line = after.lines().next().unwrap_or_default().trim().is_empty();
        starts_line && ends_line
    })
}

/// The dotted name that a chain of attributes spells: `importlib.util.find_spec`.
fn dotted(expr: &Expr) -> Option<String> {
    const MAX_PARTS: usize = 8;
    let mut parts = Vec::new();
    let mut expr = expr;
    while parts.len() < MAX_PARTS {
        match expr {
            Expr::Attribute(attribute) => {
                parts.push(attribute.attr.as_str());
                expr = &attribute.value;
            }
            Expr::Name(name) => {
                parts.push(name.id.as_str());
                parts.reverse();
                return Some(parts.join("."));
            }
            _ => return None,
        }
    }
    None
}

/// The part of a dotted name after the last dot.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
