//! Examples in docstrings.

use std::collections::BTreeSet;

use ruff_python_ast::Stmt;
use ruff_text_size::Ranged as _;

use super::super::lines::Lines;
use super::super::{Import, ImportContext};
use super::collect::Collector;
use super::recover;

impl Collector<'_> {
    /// Imports of the doctests in the docstring of a body.
    pub(super) fn docstring(&mut self, body: &[Stmt]) {
        let Some(Stmt::Expr(first)) = body.first() else {
            return;
        };
        if !first.value.is_string_literal_expr() {
            return;
        }
        let range = first.value.range();
        let raw = self
            .text
            .get(range.start().to_usize()..range.end().to_usize());
        let Some(code) = raw.and_then(examples) else {
            return;
        };
        let offset = self
            .lines
            .number(range.start().to_usize())
            .saturating_sub(1);
        for statement in recover::statements(&Lines::new(&code)) {
            let line = statement.line + offset;
            if recover::is_ignored(self.lines.text(line)) {
                continue;
            }
            self.facts.imports.push(Import {
                module: statement.module,
                names: statement.names,
                context: ImportContext::Test.max(self.origin.base),
                labels: BTreeSet::new(),
                local: false,
                marker: None,
                site: self.origin.site(line),
            });
        }
    }
}

/// The code of the doctest examples in a docstring, every other line blank, so that line numbers
/// stay those of the docstring. `None` when there is none that could import something.
fn examples(docstring: &str) -> Option<String> {
    if !docstring.contains(">>>") || !docstring.contains("import") {
        return None;
    }
    let mut code = String::with_capacity(docstring.len());
    for line in docstring.split('\n') {
        let line = line.trim();
        let example = line
            .strip_prefix(">>> ")
            .or_else(|| line.strip_prefix("... "));
        code.push_str(example.unwrap_or_default());
        code.push('\n');
    }
    Some(code)
}
