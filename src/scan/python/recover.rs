//! Imports of a text that the parser could not read, statement by statement.

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, Operator, Stmt};

use super::super::facts::{Facts, Origin};
use super::super::lines::{Lines, Piece, Shape};
use super::super::{Import, ImportContext, Label, ModuleName};

/// An import statement found without a parser.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Line from 1.
    pub(super) line: u32,
    /// Module.
    pub(super) module: ModuleName,
    /// Names of `from ... import`.
    pub(super) names: Vec<String>,
    /// Blanks before it.
    pub(super) indent: usize,
}

/// Adds the imports that the parser lost; those it found know more and stay.
pub(super) fn complete(facts: &mut Facts, lines: &Lines<'_>, origin: &Origin<'_>) {
    let found: BTreeSet<(u32, ModuleName)> = facts
        .imports
        .iter()
        .map(|import| (import.site.line, import.module.clone()))
        .collect();
    for statement in statements(lines) {
        let key = (statement.line, statement.module);
        if found.contains(&key) || is_ignored(lines.text(key.0)) {
            continue;
        }
        let context = if is_in_try(lines, key.0, statement.indent) {
            ImportContext::Optional
        } else {
            ImportContext::Runtime
        };
        let labels = (statement.indent > 0).then_some(Label::Conditional);
        facts.imports.push(Import {
            module: key.1,
            names: statement.names,
            context: context.max(origin.base),
            labels: labels.into_iter().collect(),
            local: false,
            marker: None,
            site: origin.site(key.0),
        });
    }
    facts.imports.sort_by_key(|import| import.site.line);
}

/// Whether a line ends in the comment that takes it out of the scan.
pub(in crate::scan) fn is_ignored(line: &str) -> bool {
    line.rsplit_once('#')
        .is_some_and(|(_, comment)| comment.trim_start().starts_with("pinsmith: ignore"))
}

/// Whether the nearest line before that is indented less opens a `try`.
fn is_in_try(lines: &Lines<'_>, line: u32, indent: usize) -> bool {
    /// Nobody guards an import from farther away.
    const FAR: u32 = 50;
    (line.saturating_sub(FAR).max(1)..line)
        .rev()
        .map(|number| lines.text(number))
        .find(|text| !text.trim().is_empty() && blanks(text) < indent)
        .is_some_and(|text| text.trim_start().starts_with("try:"))
}

fn blanks(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t', '\x0c']).len()
}

/// Every `import` and `from` statement that stands at the start of a line outside strings.
///
/// Brackets are not trusted: an unclosed one would swallow the rest of the file.
pub(super) fn statements(lines: &Lines<'_>) -> Vec<Statement> {
    let inside = lines_within_strings(lines);
    let mut statements = Vec::new();
    for (number, line) in lines.iter() {
        let code = line.trim_start_matches([' ', '\t', '\x0c']);
        let indent = line.len() - code.len();
        if inside.contains(&number) {
            continue;
        }
        let mut add = |module: &str, names: Vec<String>| {
            if let Some(module) = ModuleName::new(module) {
                statements.push(Statement {
                    line: number,
                    module,
                    names,
                    indent,
                });
            }
        };
        for code in code.split(';') {
            if let Some(modules) = plain_import(code.trim_start()) {
                for module in modules {
                    add(module, Vec::new());
                }
            } else if let Some((module, first)) = from_import(code.trim_start()) {
                add(module, names(first, lines, number));
            } else {
                // What follows a `;` may stand in a string.
                break;
            }
        }
    }
    statements
}

/// Lines that start within a string of several lines.
fn lines_within_strings(lines: &Lines<'_>) -> BTreeSet<u32> {
    let mut inside = BTreeSet::new();
    let text = lines.whole();
    let mut shape = Shape::new(text);
    loop {
        let Some(piece) = shape.next_piece() else {
            return inside;
        };
        if let Piece::Text { length, .. } = piece {
            let end = shape.at();
            // A string that runs to the end of the file was most likely never closed.
            if end >= text.len() && !text.trim_end().ends_with(['"', '\'']) {
                return inside;
            }
            let first = lines.number(end - length);
            inside.extend(first + 1..=lines.number(end.saturating_sub(1)));
        }
    }
}

/// The modules of `import a, b.c as d`; `None` when it is anything else, such as prose.
fn plain_import(code: &str) -> Option<Vec<&str>> {
    let rest = code.strip_prefix("import")?;
    let rest = rest.strip_prefix([' ', '\t'])?;
    let rest = rest.split('#').next().unwrap_or_default();
    let rest = rest.trim_end().trim_end_matches('\\');
    let modules = rest
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    modules.map(alias).collect()
}

/// `a.b as c` gives `a.b`.
fn alias(part: &str) -> Option<&str> {
    let mut words = part.split_ascii_whitespace();
    let name = words.next()?;
    match (words.next(), words.next(), words.next()) {
        (None, ..) | (Some("as"), Some(_), None) => Some(name),
        _ => None,
    }
}

/// The module of `from a import ...` and what follows `import`.
fn from_import(code: &str) -> Option<(&str, &str)> {
    let rest = code.strip_prefix("from")?.strip_prefix([' ', '\t'])?;
    let (module, rest) = rest.trim_start().split_once([' ', '\t'])?;
    let rest = rest.trim_start().strip_prefix("import")?;
    let follows = rest.starts_with([' ', '\t', '(', '*']);
    (follows && !module.starts_with('.')).then_some((module, rest.trim()))
}

/// The names after `import`, up to the closing parenthesis when there is one.
fn names(first: &str, lines: &Lines<'_>, line: u32) -> Vec<String> {
    /// Longer lists are cut.
    const MAX_LINES: u32 = 500;
    let mut text = first.split('#').next().unwrap_or_default().to_owned();
    if text.starts_with('(') {
        let mut next = line + 1;
        while !text.contains(')') && next < line.saturating_add(MAX_LINES) {
            let more = lines.text(next).split('#').next().unwrap_or_default();
            text.push(' ');
            text.push_str(more);
            next += 1;
        }
    }
    let list = text.trim_start_matches('(').split(')').next();
    let names = list.unwrap_or_default().split(',');
    names
        .filter_map(|part| alias(part.trim()))
        .filter(|name| *name == "*" || ModuleName::new(*name).is_some())
        .map(str::to_owned)
        .collect()
}

/// Whether a line with a syntax error is one that Python 2 accepts.
pub(in crate::scan) fn is_python_2(line: &str) -> bool {
    let code = line.trim();
    let code = code.rsplit_once("; ").map_or(code, |(_, last)| last);
    if let Some(rest) = code.strip_prefix("print") {
        let rest = rest.strip_prefix([' ', '\t']).unwrap_or_default();
        let operand = rest.trim_start();
        return operand.starts_with(|c: char| c.is_alphanumeric() || "_'\"`-".contains(c))
            || operand.starts_with(">>");
    }
    if let Some(rest) = code.strip_prefix("exec ") {
        return !rest.trim_start().starts_with(['(', '=']) || rest.contains(" in ");
    }
    if let Some(rest) = code.strip_prefix("except ") {
        let outside = rest.split('(').next().unwrap_or_default();
        let caught = rest.rsplit(')').next().unwrap_or_default();
        return (outside.contains(',') || caught.contains(',')) && rest.ends_with(':');
    }
    if let Some(rest) = code.strip_prefix("raise ") {
        return rest.split('(').next().unwrap_or_default().contains(',');
    }
    let octal = code
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| {
            let digits = word.trim_end_matches(['L', 'l']);
            digits.len() > 1
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits.len() < word.len()
                    || (digits.starts_with('0') && !digits.trim_matches('0').is_empty()))
        });
    octal
        || code.contains("<>")
        || code.matches('`').count() == 2
        || code.contains("ur'")
        || code.contains("ur\"")
}

/// `print >>file, x`, which Python 3 takes for a shift.
pub(super) fn is_print_to_file(stmt: &Stmt) -> bool {
    let Stmt::Expr(expr) = stmt else {
        return false;
    };
    let first = match &*expr.value {
        Expr::Tuple(tuple) => tuple.elts.first(),
        other => Some(other),
    };
    match first {
        Some(Expr::BinOp(shift)) => {
            shift.op == Operator::RShift
                && matches!(&*shift.left, Expr::Name(name) if name.id.as_str() == "print")
        }
        _ => false,
    }
}
