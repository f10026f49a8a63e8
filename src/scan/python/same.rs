//! Reading a text quickly tells what reading all of it does: checked on any text.

use super::super::facts::{Facts, Origin};
use super::super::{ImportContext, codes};
use super::{read_all, read_quickly};

/// Reads a text both ways and panics where they differ; true when the quick way was taken.
///
/// The quick way does not look for syntax errors in what it leaves out, so a text that has some
/// need only be read without a panic.
pub(crate) fn check(text: &str) -> bool {
    let mut is_quick = false;
    for definitions in [false, true] {
        let origin = Origin {
            file: "a.py",
            cell: None,
            base: ImportContext::Runtime,
            definitions,
        };
        let Some(quick) = read_quickly(text, &origin) else {
            continue;
        };
        let all = read_all(text, &origin);
        if !has_errors(&all) || has_errors(&quick) {
            let (quick, all) = (format!("{quick:#?}"), format!("{all:#?}"));
            let differs = quick
                .lines()
                .zip(all.lines())
                .find(|(one, other)| one != other);
            assert!(quick == all, "{differs:?} in\n{text}");
            is_quick = true;
        }
    }
    is_quick
}

fn has_errors(facts: &Facts) -> bool {
    let mut codes = facts.diagnostics.iter().map(|diagnostic| diagnostic.code);
    codes.any(|code| matches!(code, codes::SYNTAX_ERROR | codes::PYTHON_2))
}
