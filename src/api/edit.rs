//! Edits of bytes: a value until somebody applies it.

use std::ops::Range;

/// A replacement of some bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file, root-relative with `/`.
    pub file: String,
    /// Which bytes of it, as it is on disk; nothing is replaced where it is empty.
    pub range: Range<usize>,
    /// What stands there instead, ready for this file: escaped where it is a notebook.
    pub text: String,
}

/// The content of a file after its edits; equal edits count once, for several uses may need the
/// same one. `None` when two edits touch the same bytes, or some are beyond the end.
///
/// ```
/// use pinsmith::api::{Edit, apply};
/// let edit = |range, text: &str| Edit { file: "a.py".into(), range, text: text.into() };
/// let edits = [edit(4..12, "float"), edit(0..0, "y = "), edit(4..12, "float")];
/// assert_eq!(apply(b"x = np.float", &edits).unwrap(), b"y = x = float");
/// ```
pub fn apply(content: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|edit| (edit.range.start, edit.range.end, &edit.text));
    ordered.dedup_by_key(|edit| (&edit.range, &edit.text));
    let mut result = Vec::with_capacity(content.len());
    let mut at = 0;
    for edit in ordered {
        result.extend(content.get(at..edit.range.start)?);
        result.extend(edit.text.as_bytes());
        at = edit.range.end;
    }
    result.extend(content.get(at..)?);
    Some(result)
}
