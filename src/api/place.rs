//! Ranges of the text that is read as places, words and edits of the file.

use ruff_text_size::TextRange;

use super::Edit;
use super::reader::Reader;
use crate::diagnostic::Site;
use crate::scan::code::is_ignored;

impl Reader<'_, '_, '_> {
    /// Where a range starts; `None` when a comment takes it out.
    pub(super) fn site(&self, range: TextRange) -> Option<Site> {
        let lines = &self.piece.lines;
        let line = lines.number(range.start().to_usize());
        if is_ignored(lines.text(line)) {
            return None;
        }
        Some(Site {
            file: self.file.to_owned(),
            line,
            cell: self.piece.code.cell,
        })
    }

    /// The text of a range, cut short.
    pub(super) fn written(&self, range: TextRange) -> String {
        const LONGEST: usize = 80;
        let text = self
            .text(range)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        match text.char_indices().nth(LONGEST) {
            None => text,
            Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        }
    }

    /// The text of a range.
    pub(super) fn text(&self, range: TextRange) -> &str {
        let (start, end) = (range.start().to_usize(), range.end().to_usize());
        self.piece.code.text.get(start..end).unwrap_or_default()
    }

    /// An edit of a range of the text; `None` where there is no way back into the file.
    pub(super) fn edit(&self, range: TextRange, text: &str) -> Option<Edit> {
        let (start, end) = (range.start().to_usize(), range.end().to_usize());
        Some(Edit {
            file: self.file.to_owned(),
            range: self.piece.code.in_file(start..end)?,
            text: self.piece.code.written(text),
        })
    }
}
