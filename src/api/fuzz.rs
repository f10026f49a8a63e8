//! The second reading for `crate::fuzz`.

use std::collections::BTreeSet;

use super::{Edit, apply, of_sources, parse};
use crate::scan::code;

/// Reads bytes as a Python file and as a notebook.
///
/// # Panics
/// When edits touch the same bytes, or make what could be parsed unreadable.
pub(crate) fn usage(bytes: &[u8]) {
    for file in ["a.py", "a.ipynb"] {
        let sources = code::of_bytes(None, file, bytes.to_vec());
        let (usage, _) = of_sources(file, &sources, &BTreeSet::new());
        let fixes = usage.findings.into_iter().filter_map(|found| found.fix);
        let edits: Vec<Edit> = fixes.flatten().collect();
        if edits.is_empty() {
            continue;
        }
        let fixed = apply(bytes, &edits);
        assert!(fixed.is_some(), "edits overlap: {edits:?}");
        let fixed = code::of_bytes(None, file, fixed.unwrap_or_default());
        assert_eq!(fixed.pieces.len(), sources.pieces.len(), "{edits:?}");
        for (before, after) in sources.pieces.iter().zip(&fixed.pieces) {
            let is_valid =
                |text: &str| parse(text).is_some_and(|parsed| parsed.errors().is_empty());
            assert!(
                !is_valid(&before.text) || is_valid(&after.text),
                "{edits:?}"
            );
        }
    }
}
