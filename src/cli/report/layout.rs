//! Sections of aligned rows, and words that flow.

use std::fmt::Write as _;

use crate::escape::visible;

/// Where running lists are broken, in characters.
const WIDTH: usize = 100;
/// Columns are not made wider than this for one long entry.
const WIDEST: usize = 52;

/// Cells of a line; the first is what the line is about, the last is where it comes from.
pub(super) type Row = [String; 4];

/// A titled table with what to do about it; at most so many of its rows.
pub(super) fn section(text: &mut String, title: &str, advice: &str, rows: &[Row], most: usize) {
    if rows.is_empty() {
        return;
    }
    let _ = write!(text, "\n{title} ({})", rows.len());
    if !advice.is_empty() {
        let _ = write!(text, ": {advice}");
    }
    text.push('\n');
    // one line less to read is worth no line that says so
    let shown = if rows.len() > most + 1 {
        most
    } else {
        rows.len()
    };
    let (shown, rest) = rows.split_at(shown);
    let mut widths = [0; 4];
    for row in shown {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count().min(WIDEST));
        }
    }
    for row in shown {
        let mut line = String::from(" ");
        for (width, cell) in widths.iter().zip(row) {
            if *width > 0 {
                let _ = write!(line, " {:width$} ", visible(cell));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if !rest.is_empty() {
        let _ = writeln!(text, "  and {} more: `--format json` has all", rest.len());
    }
}

/// Words in lines of bounded width.
pub(super) fn flow(text: &mut String, words: &[String]) {
    let mut line = String::new();
    for (index, word) in words.iter().enumerate() {
        let comma = if index + 1 < words.len() { "," } else { "" };
        let word = format!(" {}{comma}", visible(word));
        if !line.is_empty() && line.chars().count() + word.chars().count() > WIDTH {
            let _ = writeln!(text, " {line}");
            line.clear();
        }
        line.push_str(&word);
    }
    let _ = writeln!(text, " {line}");
}
