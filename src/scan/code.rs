//! The Python of a file, for a second reading that wants all of it and knows where it stands.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::decode;
use super::lines::Lines;
use super::memory::digest;
use super::notebook;
use super::{ImportContext, ReadError, Tree, base_context, is_build_name};

/// The Python of one file.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The whole of a Python file, or each code cell of a notebook.
    pub(crate) pieces: Vec<Code>,
    /// The metadata of a notebook.
    pub(crate) metadata: serde_json::Value,
}

/// A text that is Python, with the way back to the bytes of its file.
#[derive(Debug)]
pub(crate) struct Code {
    /// The text.
    pub(crate) text: String,
    /// The cell, from 1, of a notebook.
    pub(crate) cell: Option<u32>,
    /// Under which circumstances it runs, judging by its file.
    pub(crate) context: ImportContext,
    place: Place,
}

/// How a text stands in its file.
#[derive(Debug)]
enum Place {
    /// As it is, so many bytes after the start.
    Plain(usize),
    /// In the strings of a JSON document.
    Cell(Cell),
    /// In another encoding: no way back.
    Elsewhere,
}

/// A cell, as it stands in the JSON.
#[derive(Debug)]
struct Cell {
    /// Its source before `IPython`'s escapes are taken out.
    source: String,
    /// Its strings: where each starts in the source and in the file, and what is written there.
    literals: Vec<(usize, usize, String)>,
}

/// What the reading of a file depends on; `None` where that is more than its content and its name.
pub(crate) fn key(tree: &Tree, file: &str, bytes: &[u8]) -> Option<String> {
    if is_build_name(file) {
        return None;
    }
    let context = base_context(tree, file, "");
    Some(format!("{context:?} {}", digest(bytes)))
}

/// Reads the Python of a file of the tree.
pub(crate) fn read(tree: &Tree, file: &str) -> Result<Sources, ReadError> {
    let bytes = tree.read(file)?;
    Ok(of_bytes(Some(tree), file, bytes))
}

/// The Python of the bytes of a file; the tree only tells what stands beside it.
pub(crate) fn of_bytes(tree: Option<&Tree>, file: &str, bytes: Vec<u8>) -> Sources {
    let original = bytes.clone();
    let text = decode(bytes).text;
    let mark = usize::from(original.starts_with(b"\xef\xbb\xbf")) * 3;
    let is_plain = original.get(mark..) == Some(text.as_bytes());
    if is_notebook(file) {
        let offset = is_plain.then_some(mark);
        let (cells, metadata) = notebook::code_cells(&text);
        let places = offset.and_then(|offset| strings(&text, offset));
        return Sources {
            pieces: of_cells(cells, places.unwrap_or_default()),
            metadata,
        };
    }
    let place = if is_plain {
        Place::Plain(mark)
    } else {
        Place::Elsewhere
    };
    Sources {
        pieces: vec![Code {
            context: tree.map_or(ImportContext::Runtime, |tree| {
                base_context(tree, file, &text)
            }),
            text,
            cell: None,
            place,
        }],
        metadata: serde_json::Value::Null,
    }
}

fn is_notebook(file: &str) -> bool {
    file.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("ipynb"))
}

/// Python of each cell, and where the strings of all cells stand, by their number.
fn of_cells(
    cells: Vec<(u32, String)>,
    mut places: std::collections::BTreeMap<u32, Vec<(usize, String)>>,
) -> Vec<Code> {
    let code = |(number, source): (u32, String)| {
        let literals = places.remove(&number);
        let place = literals.and_then(|strings| Cell::new(&source, strings));
        Code {
            text: notebook::python_of(&source),
            cell: Some(number),
            context: ImportContext::NotebookOnly,
            place: place.map_or(Place::Elsewhere, Place::Cell),
        }
    };
    cells.into_iter().map(code).collect()
}

#[derive(Deserialize)]
struct RawNotebook<'a> {
    #[serde(borrow)]
    cells: Vec<RawCell<'a>>,
}

#[derive(Deserialize)]
struct RawCell<'a> {
    #[serde(borrow)]
    source: Option<&'a RawValue>,
}

/// The strings of each cell's source with their places; `None` for other forms than nbformat 4.
fn strings(
    text: &str,
    offset: usize,
) -> Option<std::collections::BTreeMap<u32, Vec<(usize, String)>>> {
    let notebook: RawNotebook<'_> = serde_json::from_str(text).ok()?;
    let place = |raw: &RawValue| {
        let inside = raw
            .get()
            .as_ptr()
            .addr()
            .checked_sub(text.as_ptr().addr())?;
        Some((offset.checked_add(inside)?, raw.get().to_owned()))
    };
    let numbered = (1..).zip(&notebook.cells);
    let all = numbered.filter_map(|(number, cell)| {
        let source = cell.source?;
        let literals = if source.get().starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(source.get()).ok()?;
            items.into_iter().map(place).collect::<Option<Vec<_>>>()?
        } else {
            vec![place(source)?]
        };
        Some((number, literals))
    });
    Some(all.collect())
}

impl Cell {
    /// `None` when the strings together are not the source.
    fn new(source: &str, strings: Vec<(usize, String)>) -> Option<Self> {
        let mut at = 0_usize;
        let mut literals = Vec::new();
        let mut whole = String::new();
        for (place, raw) in strings {
            let text: String = serde_json::from_str(&raw).ok()?;
            literals.push((at, place, raw));
            at += text.len();
            whole.push_str(&text);
        }
        (whole == source).then_some(Self {
            source: whole,
            literals,
        })
    }

    /// Where an offset of the source is in the file.
    fn in_file(&self, offset: usize, is_end: bool) -> Option<usize> {
        // the end of a range belongs to the string that it ends in
        let is_before = |(start, ..): &(usize, usize, String)| {
            *start < offset || (*start == offset && !is_end) || *start == 0
        };
        let last = self.literals.partition_point(is_before).checked_sub(1)?;
        let (start, place, raw) = self.literals.get(last)?;
        let inside = in_literal(raw, offset.checked_sub(*start)?)?;
        place.checked_add(inside)
    }
}

/// Where a byte of a JSON string's value is in its literal.
fn in_literal(raw: &str, offset: usize) -> Option<usize> {
    let mut decoded = 0_usize;
    let mut at = 1_usize;
    while decoded < offset {
        let rest = raw.get(at..)?;
        let first = rest.chars().next()?;
        if first == '"' {
            return None;
        }
        if first != '\\' {
            at += first.len_utf8();
            decoded += first.len_utf8();
            continue;
        }
        let length = escape_length(rest)?;
        let escape = rest.get(..length)?;
        let value: String = serde_json::from_str(&format!("\"{escape}\"")).ok()?;
        at += length;
        decoded += value.len();
    }
    (decoded == offset).then_some(at)
}

/// How long the escape at the start of a text is: `\n`, `\u00e9`, a pair of surrogates.
fn escape_length(text: &str) -> Option<usize> {
    if text.as_bytes().get(1) != Some(&b'u') {
        return Some(2);
    }
    let code = u32::from_str_radix(text.get(2..6)?, 16).ok()?;
    let is_high = (0xd800..0xdc00).contains(&code);
    Some(if is_high { 12 } else { 6 })
}

impl Code {
    /// The line of an offset, from 1.
    pub(crate) fn lines(&self) -> CodeLines<'_> {
        CodeLines(Lines::new(&self.text))
    }

    /// The bytes of the file that a range of the text stands for; `None` where that is not certain.
    pub(crate) fn in_file(&self, range: Range<usize>) -> Option<Range<usize>> {
        match &self.place {
            Place::Plain(offset) => {
                Some(range.start.checked_add(*offset)?..range.end.checked_add(*offset)?)
            }
            Place::Cell(cell) => {
                let start = same_line(&self.text, &cell.source, range.start)?;
                let end = same_line(&self.text, &cell.source, range.end)?;
                if self.text.get(range) != cell.source.get(start..end) {
                    return None;
                }
                Some(cell.in_file(start, false)?..cell.in_file(end, true)?)
            }
            Place::Elsewhere => None,
        }
    }

    /// A text as it has to be written into the file.
    pub(crate) fn written(&self, text: &str) -> String {
        match &self.place {
            Place::Cell(_) => {
                let quoted = serde_json::Value::from(text).to_string();
                let inside = quoted
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                inside.unwrap_or_default().to_owned()
            }
            _ => text.to_owned(),
        }
    }
}

/// The same column of the same line in another text, when that line is the same in both.
fn same_line(text: &str, other: &str, offset: usize) -> Option<usize> {
    let (lines, others) = (Lines::new(text), Lines::new(other));
    let number = lines.number(offset);
    if lines.text(number) != others.text(number) {
        return None;
    }
    others
        .start(number)?
        .checked_add(offset.checked_sub(lines.start(number)?)?)
}

/// The lines of a text.
pub(crate) struct CodeLines<'a>(Lines<'a>);

impl CodeLines<'_> {
    /// The line of an offset, from 1.
    pub(crate) fn number(&self, offset: usize) -> u32 {
        self.0.number(offset)
    }

    /// A line by its number, without its end.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.0.text(number)
    }

    /// Where a line starts.
    pub(crate) fn start(&self, number: u32) -> Option<usize> {
        self.0.start(number)
    }
}

/// Whether a line ends in the comment that takes it out of the scan.
pub(crate) fn is_ignored(line: &str) -> bool {
    super::python::is_ignored(line)
}

/// Whether a line with a syntax error is one that Python 2 accepts.
pub(crate) fn is_python_2(line: &str) -> bool {
    super::python::is_python_2(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notebook(json: &str) -> Sources {
        of_bytes(None, "a.ipynb", json.as_bytes().to_vec())
    }

    #[test]
    fn ranges_lead_back_into_the_file() {
        let json = r#"{"cells": [{"cell_type": "markdown", "source": "x"}, {"cell_type": "code", "source": ["%matplotlib inline\n", "s = \"\u00e9\\n\"; np.float\n", "np.int"]}, {"cell_type": "code", "source": "a\tb\nnp.bool"}], "metadata": {"a": 1}}"#;
        let sources = notebook(json);
        assert_eq!(sources.metadata.pointer("/a").unwrap(), 1);
        for (cell, word) in [
            (0, "np.float"),
            (0, "np.int"),
            (1, "np.bool"),
            (0, "float\nnp"),
        ] {
            let code = &sources.pieces[cell];
            let start = code.text.find(word).unwrap();
            let range = code.in_file(start..start + word.len());
            match word {
                // over the edge of two strings: what stands between is JSON
                "float\nnp" => {
                    assert_eq!(range.map(|range| &json[range]), Some(r#"float\n", "np"#));
                }
                word => assert_eq!(&json[range.unwrap()], word),
            }
        }
        // what is no Python has no way back
        assert_eq!(sources.pieces[0].in_file(0..4), None);
        assert_eq!(sources.pieces[0].written("a\n\"b\""), "a\\n\\\"b\\\"");
    }

    #[test]
    fn a_mark_moves_all_and_an_encoding_has_no_way_back() {
        let cases: [(&[u8], Option<Range<usize>>); 4] = [
            (b"np.int", Some(3..6)),
            (b"\xef\xbb\xbfnp.int", Some(6..9)),
            (b"np.int # \xe9", None),
            (b"np.int\0", None),
        ];
        for (bytes, expected) in cases {
            let sources = of_bytes(None, "a.py", bytes.to_vec());
            assert_eq!(sources.pieces[0].in_file(3..6), expected, "{bytes:?}");
        }
    }
}
