//! Lines of a text: numbers for offsets, and a look at its shape before it is parsed.

/// Where the lines of a text start.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// Where lines of the file are missing in the text, in order.
    gaps: Vec<Gap>,
}

/// Lines of a file that its text does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// The line of the text after them, from 1.
    pub(super) line: usize,
    /// How many are missing up to there.
    pub(super) shift: usize,
}

impl<'a> Lines<'a> {
    /// Splits at `\n`, `\r\n` and `\r`, as Python does.
    pub(super) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let is_crlf = bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n');
            if !is_crlf {
                starts.push(at + 1);
            }
        }
        Self {
            text,
            starts,
            gaps: Vec::new(),
        }
    }

    /// Splits what is left of a file; the numbers stay those of the file.
    pub(super) fn with_gaps(text: &'a str, gaps: Vec<Gap>) -> Self {
        Self {
            gaps,
            ..Self::new(text)
        }
    }

    /// The whole text.
    pub(super) fn whole(&self) -> &'a str {
        self.text
    }

    /// The line of an offset, from 1.
    pub(super) fn number(&self, offset: usize) -> u32 {
        let line = self.starts.partition_point(|start| *start <= offset);
        let before = self.gaps.partition_point(|gap| gap.line <= line);
        let gap = before.checked_sub(1).and_then(|last| self.gaps.get(last));
        let number = line + gap.map_or(0, |gap| gap.shift);
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Offset of a line by its number from 1.
    pub(super) fn start(&self, number: u32) -> Option<usize> {
        self.starts.get(self.index(number)?).copied()
    }

    /// A line by its number from 1, without its end; empty when there is none.
    pub(super) fn text(&self, number: u32) -> &'a str {
        let Some(index) = self.index(number) else {
            return "";
        };
        let Some(start) = self.starts.get(index) else {
            return "";
        };
        let end = self.starts.get(index + 1).copied();
        let line = self.text.get(*start..end.unwrap_or(self.text.len()));
        line.unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// Where a line of the file is in [`Self::starts`].
    fn index(&self, number: u32) -> Option<usize> {
        let number = number as usize;
        let is_before = |gap: &Gap| gap.line + gap.shift <= number;
        let before = self.gaps.partition_point(is_before);
        let gap = before.checked_sub(1).and_then(|last| self.gaps.get(last));
        let line = number.checked_sub(gap.map_or(0, |gap| gap.shift))?;
        let is_missing = self.gaps.get(before).is_some_and(|next| next.line <= line);
        line.checked_sub(1).filter(|_| !is_missing)
    }

    /// All lines with their numbers, without their ends.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &'a str)> {
        (1..)
            .take(self.starts.len())
            .map(|number| (number, self.text(number)))
    }
}

/// Brackets nested deeper than this are not parsed; CPython refuses more than 200.
const MAX_BRACKETS: u32 = 1_000;
/// Longest code without a comma or the end of a statement, in bytes without blanks and strings.
const MAX_RUN: usize = 20_000;
/// Largest text that is parsed as a whole, in bytes.
pub(super) const MAX_TEXT: usize = 8 * 1024 * 1024;

/// Whether a text is so large or so deeply nested that a recursive parser would need more memory
/// than any honest source does.
pub(crate) fn is_too_complex(text: &str) -> bool {
    text.len() > MAX_TEXT || (!is_surely_shallow(text) && is_too_deep(text))
}

/// Whether counting bytes is enough to tell that a text is honest, as it is for most files.
fn is_surely_shallow(text: &str) -> bool {
    let opening = |byte: &&u8| matches!(**byte, b'(' | b'[' | b'{');
    text.len() <= MAX_RUN && text.as_bytes().iter().filter(opening).count() <= MAX_BRACKETS as usize
}

fn is_too_deep(text: &str) -> bool {
    let mut shape = Shape::new(text);
    let mut brackets = 0_u32;
    let mut run = 0_usize;
    while let Some(piece) = shape.next_piece() {
        match piece {
            Piece::Open => brackets += 1,
            Piece::Close => brackets = brackets.saturating_sub(1),
            Piece::Comma => run = 0,
            Piece::LineEnd if brackets == 0 => run = 0,
            // Nested replacement fields look like text here: they count a little.
            Piece::Text {
                formatted: true,
                length,
            } => run += length / 16,
            Piece::LineEnd | Piece::Text { .. } => {}
            Piece::Other => run += 1,
        }
        if brackets > MAX_BRACKETS || run > MAX_RUN {
            return true;
        }
    }
    false
}

/// A piece of source text, as far as it matters where strings and statements end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// `(`, `[` or `{`
    Open,
    /// `)`, `]` or `}`
    Close,
    /// `,`
    Comma,
    /// The end of a line that no backslash continues.
    LineEnd,
    /// A whole string literal, with its length in bytes and whether it is an f-string.
    Text {
        /// Has an `f` or `t` before the quote.
        formatted: bool,
        /// Bytes.
        length: usize,
    },
    /// Any other byte that is not blank, a continuation or in a comment.
    Other,
}

/// A light lexer that knows strings, comments, brackets and continuations.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Shape<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            at: 0,
        }
    }

    /// Offset of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next piece; `None` at the end.
    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            return Some(match byte {
                b' ' | b'\t' | b'\x0c' => continue,
                b'\\' => {
                    if !self.skip_line_end() {
                        return Some(Piece::Other);
                    }
                    continue;
                }
                b'#' => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    let end = memchr::memchr2(b'\n', b'\r', rest);
                    self.at += end.unwrap_or(rest.len());
                    continue;
                }
                b'\n' | b'\r' => {
                    self.at -= 1;
                    self.skip_line_end();
                    Piece::LineEnd
                }
                b'(' | b'[' | b'{' => Piece::Open,
                b')' | b']' | b'}' => Piece::Close,
                b',' => Piece::Comma,
                b'"' | b'\'' => self.string(byte),
                _ => Piece::Other,
            });
        }
    }

    fn skip_line_end(&mut self) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        };
        self.at += length;
        length > 0
    }

    /// The rest of a string whose first quote was just read.
    fn string(&mut self, quote: u8) -> Piece {
        let start = self.at - 1;
        let formatted = self.has_format_prefix(start);
        let triple = self.bytes.get(self.at..self.at + 2) == Some(&[quote, quote]);
        if triple {
            self.at += 2;
        }
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => {
                    self.at += 1;
                    if !self.skip_line_end() {
                        self.at += 1;
                    }
                    continue;
                }
                // A line end closes a short string that nobody closed.
                b'\n' | b'\r' if !triple => break,
                byte if *byte == quote => {
                    if !triple {
                        self.at += 1;
                        break;
                    }
                    if self.bytes.get(self.at..self.at + 3) == Some(&[quote; 3]) {
                        self.at += 3;
                        break;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.bytes.len());
        Piece::Text {
            formatted,
            length: self.at.saturating_sub(start),
        }
    }

    fn has_format_prefix(&self, quote: usize) -> bool {
        let before = self.bytes.get(quote.saturating_sub(2)..quote);
        before.is_some_and(|prefix| {
            prefix
                .iter()
                .rev()
                .take_while(|byte| byte.is_ascii_alphabetic())
                .any(|byte| matches!(byte, b'f' | b'F' | b't' | b'T'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_every_line_end() {
        let lines = Lines::new("a\nb\r\nc\rd");
        let all: Vec<_> = lines.iter().collect();
        assert_eq!(all, [(1, "a"), (2, "b"), (3, "c"), (4, "d")]);
        assert_eq!(lines.number(0), 1);
        assert_eq!(lines.number(5), 3);
        assert_eq!(lines.text(9), "");
    }

    #[test]
    fn numbers_step_over_gaps() {
        let gaps = [(2, 3), (4, 13)].map(|(line, shift)| Gap { line, shift });
        let lines = Lines::with_gaps("a\nb\nc\nd\n", gaps.to_vec());
        assert_eq!([0, 2, 4, 6].map(|at| lines.number(at)), [1, 5, 6, 17]);
        let texts = [1, 2, 4, 5, 6, 7, 16, 17, 18].map(|number| lines.text(number));
        assert_eq!(texts, ["a", "", "", "b", "c", "", "", "d", ""]);
    }

    #[test]
    fn only_dishonest_texts_are_too_complex() {
        let honest = "x = [\n".to_owned() + &"    1, 2, 3,\n".repeat(50_000) + "]\n";
        assert!(!is_too_complex(&honest));
        let prose = format!("'''{}'''\n", "it ( is not ( closed (".repeat(5_000));
        assert!(!is_too_complex(&prose));
        assert!(is_too_complex(&"(".repeat(10_000)));
        assert!(is_too_complex(&format!("x = {}1", "-".repeat(100_000))));
        assert!(is_too_complex(&format!("x = a{}", ".b".repeat(50_000))));
        assert!(is_too_complex(&format!("f'{{{}", "-".repeat(1_000_000))));
    }
}
