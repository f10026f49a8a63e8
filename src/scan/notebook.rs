//! One notebook becomes the imports and install lines of its cells; pure.
//!
//! Reads nbformat 3 and 4. Every cell recovers alone: whatever stands in one, the others count.

mod json;
mod magic;

use serde_json::Value;

use self::json::{Cell, Notebook};
use self::magic::Prepared;
use super::facts::{Facts, Origin};
use super::shell::Session;
use super::{ImportContext, Site, codes, implied, python, uses};
use crate::diagnostic::Diagnostic;

/// Reads a notebook.
pub(super) fn read(text: &str, file: &str) -> Facts {
    let whole = Site {
        file: file.to_owned(),
        line: 0,
        cell: None,
    };
    let mut facts = Facts::default();
    let notebook = match json::parse(text) {
        Ok(notebook) => notebook,
        Err((problem, line)) => {
            let site = Site { line, ..whole };
            let message = format!("`{file}` {problem}");
            let diagnostic = Diagnostic::warning(codes::BAD_NOTEBOOK, message).at(site);
            facts
                .diagnostics
                .push(diagnostic.help("open and save it in Jupyter, or exclude it"));
            return facts;
        }
    };
    if let Some(language) = other_language(&notebook.metadata) {
        let message = format!("`{file}` is a notebook in {language}, not in Python");
        let diagnostic = Diagnostic::info(codes::OTHER_LANGUAGE, message).at(whole);
        facts.diagnostics.push(diagnostic);
        return facts;
    }
    if notebook.nbformat.as_u64().is_some_and(|major| major < 4) {
        let message = format!("`{file}` is in an old notebook format");
        let diagnostic = Diagnostic::info(codes::OLD_NOTEBOOK, message).at(whole);
        facts
            .diagnostics
            .push(diagnostic.help("`jupyter nbconvert --to notebook` brings it up to date"));
    }
    let Notebook {
        cells, worksheets, ..
    } = notebook;
    let old = worksheets.into_iter().flatten().flatten();
    let old = old.flat_map(|sheet| sheet.cells.unwrap_or_default());
    let cells = cells.unwrap_or_default().into_iter().chain(old);
    let mut session = Session::default();
    let mut texts = Vec::new();
    for (number, cell) in (1..).zip(cells) {
        match cell {
            Some(cell) if cell.kind == "code" => {
                let text = text_of(&cell);
                read_cell(&text, file, number, &mut session, &mut facts);
                texts.push((number, text));
            }
            Some(_) => {}
            None => facts.diagnostics.push(no_cell(file, number)),
        }
    }
    for (number, text) in &texts {
        let found = uses::in_text(text, &facts.imports, &origin_of(file, *number));
        facts.uses.extend(found);
    }
    let cloned = session.finish(&facts.path_entries);
    facts.install_lines.extend(cloned);
    // One finding of a kind is enough for a notebook.
    let mut seen = std::collections::BTreeSet::new();
    facts
        .diagnostics
        .retain(|diagnostic| seen.insert(diagnostic.code));
    facts
}

/// The code cells of a notebook with their numbers, as they are, and its metadata; nothing of what is
/// no notebook in Python.
pub(super) fn code_cells(text: &str) -> (Vec<(u32, String)>, Value) {
    let Ok(notebook) = json::parse(text) else {
        return (Vec::new(), Value::Null);
    };
    if other_language(&notebook.metadata).is_some() {
        return (Vec::new(), Value::Null);
    }
    let Notebook {
        cells,
        worksheets,
        metadata,
        ..
    } = notebook;
    let old = worksheets.into_iter().flatten().flatten();
    let old = old.flat_map(|sheet| sheet.cells.unwrap_or_default());
    let cells = (1..).zip(cells.unwrap_or_default().into_iter().chain(old));
    let code = cells.filter_map(|(number, cell)| {
        let cell = cell.filter(|cell| cell.kind == "code")?;
        Some((number, text_of(&cell)))
    });
    (code.collect(), metadata)
}

/// The Python of a cell, line for line; what is none is `pass` or blank.
pub(super) fn python_of(source: &str) -> String {
    magic::prepare(source).python
}

/// The source, which may be one string or a list of lines.
fn text_of(cell: &Cell) -> String {
    let source = if cell.source.is_null() {
        &cell.input
    } else {
        &cell.source
    };
    match source {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn no_cell(file: &str, number: u32) -> Diagnostic {
    let message = format!("cell {number} of `{file}` is no cell");
    let site = Site {
        file: file.to_owned(),
        line: 1,
        cell: Some(number),
    };
    Diagnostic::warning(codes::BAD_NOTEBOOK, message)
        .at(site)
        .help("the other cells were read; open and save the notebook in Jupyter")
}

/// The language of a notebook that is not Python; most that name none are Python.
fn other_language(metadata: &Value) -> Option<String> {
    let named = [
        metadata.pointer("/kernelspec/language"),
        metadata.pointer("/language_info/name"),
    ];
    let language = named.into_iter().flatten().find_map(Value::as_str)?;
    let plain = |c: &char| c.is_alphanumeric() || " .+#-_".contains(*c);
    let name: String = language.chars().filter(plain).take(32).collect();
    let is_python = name.is_empty() || name.to_lowercase().contains("python");
    (!is_python).then_some(name)
}

fn origin_of(file: &str, number: u32) -> Origin<'_> {
    Origin {
        file,
        cell: Some(number),
        base: ImportContext::NotebookOnly,
        definitions: false,
    }
}

fn read_cell(source: &str, file: &str, number: u32, session: &mut Session, facts: &mut Facts) {
    let origin = origin_of(file, number);
    let Prepared {
        python,
        shell,
        magics,
    } = magic::prepare(source);
    for piece in shell {
        let site = |line: u32| origin.site(piece.line.saturating_add(line));
        let seen = if piece.stays {
            session.run(&piece.text, piece.conditional, site)
        } else {
            session.run_apart(&piece.text, piece.conditional, site)
        };
        facts.install_lines.extend(seen.installed);
        facts.artifacts.extend(seen.artifacts);
        facts.path_entries.extend(seen.path_entries);
        let implied = seen.implied.into_iter();
        let needs = implied.map(|(found, line)| found.at(origin.base, None, site(line)));
        facts.implied.extend(needs);
    }
    for (line, magic) in magics {
        let needs = implied::by_magic(&magic);
        let needs = needs.map(|found| found.at(origin.base, None, origin.site(line)));
        facts.implied.extend(needs);
    }
    facts.extend(python::read(&python, &origin));
}
