//! Leaves out function bodies that cannot matter, so that the parser need not read them.
//!
//! Most of a source is the inside of functions that import nothing. A light lexer goes over the
//! text once and finds the functions in whose bodies no word stands that a collector looks at
//! ([`words`](super::words)); each becomes `pass`. It knows strings, brackets, indentation and
//! which tokens may stand side by side, so that what it leaves out is all but certainly free of
//! syntax errors and of Python 2. Wherever it is not sure, nothing is left out.

mod line;
mod logical;
#[cfg(test)]
mod tests;

use super::super::lines::{Gap, MAX_TEXT};
use super::call;
use super::words::{ALWAYS, INSTALLS, When, Word};
use line::{Lexer, Statement};

/// A text as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// It is honest, and all of it matters.
    Whole,
    /// It is honest, and this is left of it, with the lines that are missing.
    Cut(String, Vec<Gap>),
    /// The lexer does not understand it.
    Unsure,
}

/// Leaves out of a text the functions that cannot matter; with `names`, their names stay.
///
/// What is left parses without an error if the text does, and tells the collector the same.
pub(super) fn shorten(text: &str, names: bool) -> Short {
    let bytes = text.as_bytes();
    let is_plain = bytes.len() <= MAX_TEXT
        && memchr::memchr_iter(b'\r', bytes).all(|at| bytes.get(at + 1) == Some(&b'\n'));
    let mut pass = Pass::new(bytes, names);
    if !is_plain || pass.statements().is_none() {
        return Short::Unsure;
    }
    let cuts = pass.cuts();
    if cuts.is_empty() {
        return Short::Whole;
    }
    join(text, &cuts)
}

/// What is left between the cuts, each of which becomes `pass`.
fn join(text: &str, cuts: &[Cut]) -> Short {
    let count = |part: &str| memchr::memchr_iter(b'\n', part.as_bytes()).count();
    let mut left = String::with_capacity(text.len() / 4);
    let mut gaps = Vec::with_capacity(cuts.len());
    let mut done = 0;
    let (mut line, mut shift) = (1, 0);
    for cut in cuts {
        let (Some(kept), Some(lost)) = (text.get(done..cut.from), text.get(cut.from..cut.to))
        else {
            return Short::Unsure;
        };
        left.push_str(kept);
        left.extend(std::iter::repeat_n(' ', cut.indent));
        left.push_str("pass\n");
        line += count(kept) + 1;
        let lost = count(lost) + usize::from(!lost.ends_with('\n'));
        shift += lost.saturating_sub(1);
        gaps.push(Gap { line, shift });
        done = cut.to;
    }
    left.push_str(text.get(done..).unwrap_or_default());
    Short::Cut(left, gaps)
}

/// Lines that are left out.
#[derive(Debug)]
struct Cut {
    from: usize,
    to: usize,
    indent: usize,
}

/// A function with a body of its own lines.
#[derive(Debug)]
struct Function {
    /// Where its `def` line starts.
    start: usize,
    indent: usize,
    /// Where what may be left out starts: after the header, or after a docstring that counts.
    from: usize,
    /// Where the next statement after it starts.
    to: usize,
    /// Indentation of the body, once it is known.
    body: Option<usize>,
    /// Whether the header stays when the body goes.
    keeps_header: bool,
    /// When something in it matters.
    matters: When,
}

struct Pass<'a> {
    lexer: Lexer<'a>,
    names: bool,
    indents: Vec<usize>,
    /// All functions, outer ones first.
    functions: Vec<Function>,
    /// Those whose bodies are being read.
    open: Vec<usize>,
    /// What the imports of the file bring about.
    brings: When,
}

/// Blocks nested deeper are left to the parser.
const MAX_BLOCKS: usize = 60;

impl<'a> Pass<'a> {
    fn new(bytes: &'a [u8], names: bool) -> Self {
        Self {
            lexer: Lexer::new(bytes),
            names,
            indents: vec![0],
            functions: Vec::new(),
            open: Vec::new(),
            brings: ALWAYS,
        }
    }

    /// Reads all statements; `None` when one is not understood.
    fn statements(&mut self) -> Option<()> {
        let mut opened = false;
        let mut decorated = false;
        while let Some((start, indent)) = self.lexer.next_line()? {
            self.block(start, indent, opened)?;
            let inside = self.open.last().and_then(|last| self.functions.get(*last));
            let starts_body = inside.is_some_and(|function| function.body.is_none());
            if starts_body && self.lexer.peek() == Some(b'(') {
                // a docstring may stand in parentheses
                return None;
            }
            let statement = self.lexer.statement()?;
            self.brings |= statement.brings;
            self.count(statement, indent, opened);
            opened = statement.opens;
            if opened && statement.first == Word::Def {
                self.open.push(self.functions.len());
                self.functions.push(Function {
                    start,
                    indent,
                    from: self.lexer.at,
                    to: self.lexer.bytes.len(),
                    body: None,
                    keeps_header: decorated || statement.matters != 0 || self.names,
                    matters: 0,
                });
            }
            decorated = statement.is_decorator;
        }
        self.close(self.lexer.bytes.len(), 0);
        (!opened && !decorated).then_some(())
    }

    /// Counts a statement for the function that it is in; the first of a block may be a docstring.
    fn count(&mut self, statement: Statement, indent: usize, is_first: bool) {
        let inside = self.open.last();
        let Some(function) = inside.and_then(|last| self.functions.get_mut(*last)) else {
            return;
        };
        function.matters |= statement.matters;
        if function.body.is_none() {
            function.body = Some(indent);
            if statement.has_examples {
                function.from = self.lexer.at;
                function.keeps_header = true;
            }
        } else if is_first && statement.has_examples {
            // that of a class in the function
            function.matters = ALWAYS;
        }
    }

    /// Opens and closes blocks at the start of a statement.
    fn block(&mut self, start: usize, indent: usize, opened: bool) -> Option<()> {
        let current = *self.indents.last()?;
        if opened {
            self.indents.push(indent);
            return (indent > current && self.indents.len() <= MAX_BLOCKS).then_some(());
        }
        if indent < current {
            while *self.indents.last()? > indent {
                self.indents.pop();
            }
            self.close(start, indent);
        }
        (*self.indents.last()? == indent).then_some(())
    }

    /// Ends the functions that a statement with such an indentation ends.
    fn close(&mut self, to: usize, indent: usize) {
        while let Some(last) = self.open.last().copied() {
            let Some(function) = self.functions.get_mut(last) else {
                return;
            };
            if function.indent < indent {
                return;
            }
            function.to = to;
            // examples in a docstring count wherever the function stands
            let examples = if function.keeps_header { ALWAYS } else { 0 };
            let matters = function.matters | examples;
            self.open.pop();
            // what is in it is in the one around it, too
            let around = self.open.last();
            if let Some(around) = around.and_then(|last| self.functions.get_mut(*last)) {
                around.matters |= matters;
            }
        }
    }

    /// What can be left out of a text with such functions.
    fn cuts(&self) -> Vec<Cut> {
        let installs = call::PROGRAMS
            .iter()
            .any(|program| memchr::memmem::find(self.lexer.bytes, program.as_bytes()).is_some());
        let circumstances = self.brings | if installs { INSTALLS } else { 0 };
        let mut cuts: Vec<Cut> = Vec::new();
        for function in &self.functions {
            let is_gone = cuts.last().is_some_and(|last| function.start < last.to);
            if is_gone || function.matters & circumstances != 0 {
                continue;
            }
            let (from, indent) = match function.body {
                Some(body) if function.keeps_header => (function.from, body),
                _ => (function.start, function.indent),
            };
            let to = function.to;
            match cuts.last_mut() {
                Some(last) if last.to == from && last.indent == indent => last.to = to,
                _ if from < to => cuts.push(Cut { from, to, indent }),
                _ => {}
            }
        }
        cuts
    }
}
