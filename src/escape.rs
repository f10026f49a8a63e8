//! Texts from outside, made harmless before they enter an output.
//!
//! File names, markers and reasons come from strangers. [`visible`] makes what cannot be seen
//! visible, so that no text starts a new line, moves a cursor or reorders what a reviewer reads.
//! Quoting is left to the format: TOML strings are quoted by `toml_edit`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether every character is one that can be seen and stays on its line.
///
/// ```
/// use pinsmith::escape::is_plain;
/// assert!(is_plain("modèles/train 1.py"));
/// assert!(!is_plain("a.py\ntorch==0.1"));
/// assert!(!is_plain("a\u{202e}b"));
/// ```
pub fn is_plain(text: &str) -> bool {
    !text.contains(is_hidden)
}

/// The text with every hidden character written as `\u{..}`.
///
/// Applying it twice changes nothing more.
///
/// ```
/// use pinsmith::escape::visible;
/// assert_eq!(visible("a.py\ntorch==0.1"), r"a.py\u{a}torch==0.1");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// The text as the end of a comment line in a requirements file.
///
/// A line that ends in a backslash continues in the next one, which would swallow it or make a
/// comment of it.
///
/// ```
/// use pinsmith::escape::comment;
/// assert_eq!(comment(r"odd\"), r"odd\u{5c}");
/// ```
pub fn comment(text: &str) -> Cow<'_, str> {
    let shown = visible(text);
    // White space after the backslash does not help: readers trim lines before they join them.
    match shown.trim_end().strip_suffix('\\') {
        Some(head) => Cow::Owned(format!("{head}\\u{{5c}}")),
        None => shown,
    }
}

/// Control characters, line separators, and characters that are invisible or reorder text.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn everything_that_ends_a_line_somewhere_is_hidden() {
        for c in [
            '\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}',
            '\u{2029}',
        ] {
            assert!(!is_plain(&c.to_string()), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn visible_text_is_plain_and_stable(text in any::<String>()) {
            let shown = visible(&text).into_owned();
            prop_assert!(is_plain(&shown));
            prop_assert_eq!(&visible(&shown), &shown);
            let shown = comment(&text).into_owned();
            prop_assert!(is_plain(&shown) && !shown.trim_end().ends_with('\\'));
            prop_assert_eq!(&comment(&shown), &shown);
        }
    }
}
