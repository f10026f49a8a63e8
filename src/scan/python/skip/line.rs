//! One logical line, token by token, without a grammar.

use super::super::words::{ALWAYS, When, Word, capital, word};
use super::logical::{Before, Logical};

/// What one logical line is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Statement {
    pub(super) first: Word,
    pub(super) is_decorator: bool,
    /// It ends in the colon that a block follows.
    pub(super) opens: bool,
    /// When it matters.
    pub(super) matters: When,
    /// What its imports bring about.
    pub(super) brings: When,
    /// It is a string with examples that import something, and nothing else.
    pub(super) has_examples: bool,
}

/// A light lexer; its methods are `None` where it is not sure.
pub(super) struct Lexer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Brackets that are open, each with the tokens since the last comma around it.
    brackets: Vec<(u8, u32)>,
    /// Tokens since the last comma within all open brackets: no expression is nested deeper.
    tokens: u32,
    /// Of these, those before the innermost bracket.
    outer: u32,
}

/// Expressions with more tokens that may nest are left to the parser.
const MAX_TOKENS: u32 = 250;
/// Longer names are left to the parser.
const MAX_WORD: usize = 80;
/// Longer formatted strings are left to the parser.
const MAX_FORMATTED: usize = 100_000;
/// More in one statement are left to the parser.
const MAX_LAMBDAS: u32 = 20;

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            brackets: Vec::new(),
            tokens: 0,
            outer: 0,
        }
    }

    /// The next byte.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes to the next line with code; `Some(None)` at the end of the text.
    #[expect(clippy::option_option, reason = "not understood, or the end")]
    pub(super) fn next_line(&mut self) -> Option<Option<(usize, usize)>> {
        loop {
            let start = self.at;
            while self.peek() == Some(b' ') {
                self.at += 1;
            }
            match self.peek() {
                None => return Some(None),
                Some(b'\n' | b'\r') => self.at += 1,
                Some(b'#') => self.comment(),
                Some(b'\t' | b'\x0c' | b'\\') => return None,
                Some(_) => return Some(Some((start, self.at - start))),
            }
        }
    }

    fn comment(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    /// Reads one logical line, up to and with its end.
    pub(super) fn statement(&mut self) -> Option<Statement> {
        let mut line = Logical::new(self.peek() == Some(b'@'));
        self.tokens = 0;
        loop {
            let Some(byte) = self.peek() else {
                return self.finish(&line);
            };
            match byte {
                b' ' | b'\t' => self.at += 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(&mut line)?,
                b'"' | b'\'' => self.string(&mut line, false)?,
                b'0'..=b'9' => self.number(&mut line)?,
                b'(' | b'[' | b'{' => self.open(&mut line, byte)?,
                b')' | b']' | b'}' => self.close_bracket(&mut line, byte)?,
                b',' | b':' | b';' => self.separator(&mut line, byte)?,
                b'.' => self.dot(&mut line)?,
                b'\n' | b'\r' => {
                    self.at += 1;
                    // `\r` is always followed by `\n`
                    if self.brackets.is_empty() && byte == b'\n' {
                        return self.finish(&line);
                    }
                }
                b'#' => self.comment(),
                b'\\' => self.continuation()?,
                _ => self.operator(&mut line)?,
            }
        }
    }

    fn finish(&self, line: &Logical) -> Option<Statement> {
        let is_block = matches!(
            line.first,
            Word::Opener | Word::Def | Word::Async | Word::Except
        );
        let is_sound = self.brackets.is_empty()
            && line.before != Before::Operator
            && (!is_block || line.has_colon)
            && (!line.ends_in_colon || is_block || line.first == Word::Soft);
        is_sound.then_some(Statement {
            first: line.first,
            is_decorator: line.is_decorator,
            opens: line.ends_in_colon,
            matters: line.matters,
            brings: if line.imports { line.brings } else { 0 },
            has_examples: line.only_text && line.has_prompt && line.has_import,
        })
    }

    /// Counts what may nest.
    fn count(&mut self, tokens: u32) -> Option<()> {
        self.tokens += tokens;
        (self.outer + self.tokens <= MAX_TOKENS).then_some(())
    }

    fn word(&mut self, line: &mut Logical) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| !is_part(*byte));
        let length = length.unwrap_or(rest.len());
        let (text, after) = rest.split_at_checked(length)?;
        if length > MAX_WORD {
            return None;
        }
        self.count(1)?;
        self.at += length;
        if let Some(b'"' | b'\'') = after.first() {
            let formatted = prefix(text)?;
            return self.string(line, formatted);
        }
        let is_first = line.is_empty;
        let known = word(text);
        let kind = known.kind;
        let mut when = known.when;
        if line.after_dot && text.first().is_some_and(u8::is_ascii_uppercase) {
            when |= capital(text);
        }
        let last = line.last;
        line.token();
        line.last = when;
        line.matters |= when;
        line.brings |= known.brings;
        if is_first || (line.first == Word::Async && kind == Word::Def) {
            line.first = kind;
        }
        let is_value = match kind {
            Word::Name => true,
            Word::Sys => {
                let other = after.first() == Some(&b'.')
                    && after.get(1).is_some_and(|byte| is_part(*byte))
                    && !after.starts_with(b".path");
                line.matters |= if other { 0 } else { ALWAYS };
                true
            }
            Word::Soft => !is_first,
            Word::Print => {
                let next = after.iter().find(|byte| !byte.is_ascii_whitespace());
                if next == Some(&b'>') {
                    return None;
                }
                true
            }
            Word::Import => {
                line.imports = true;
                false
            }
            // what goes by another name is not known by its word
            Word::As if line.first == Word::From && last != 0 => return None,
            Word::Lambda => {
                line.lambdas += 1;
                let next = after.iter().find(|byte| **byte != b' ');
                if line.lambdas > MAX_LAMBDAS || next == Some(&b'(') {
                    return None;
                }
                false
            }
            Word::Async => {
                let next = after.iter().find(|byte| **byte != b' ');
                if !matches!(next, Some(b'd' | b'w' | b'f')) {
                    return None;
                }
                false
            }
            Word::Raise => {
                line.raises = true;
                false
            }
            Word::Keyword
            | Word::Opener
            | Word::Def
            | Word::Except
            | Word::From
            | Word::As
            | Word::Global => false,
        };
        if is_value {
            return line.value();
        }
        line.before = Before::Free;
        Some(())
    }

    fn number(&mut self, line: &mut Logical) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'_' | b'.');
        let length = rest.iter().position(|byte| !is_part(byte));
        let text = rest.get(..length.unwrap_or(rest.len()))?;
        let is_known = |byte: &u8| {
            byte.is_ascii_hexdigit()
                || matches!(byte, b'x' | b'X' | b'o' | b'O' | b'j' | b'J')
                || matches!(byte, b'_' | b'.')
        };
        // `0777` and `10L` are Python 2
        let is_old = matches!(text, [b'0', b'0'..=b'9', ..]);
        if is_old || text.len() > MAX_WORD || !text.iter().all(is_known) {
            return None;
        }
        self.count(1)?;
        self.at += text.len();
        line.token();
        line.value()
    }

    fn open(&mut self, line: &mut Logical, byte: u8) -> Option<()> {
        let after_value = matches!(line.before, Before::Value | Before::Text);
        // `def f(a, (b, c))` is Python 2
        let in_parameters = line.first == Word::Def && self.brackets.len() == 1;
        let is_bad = (byte == b'{' && after_value)
            || (in_parameters && byte == b'(' && line.before == Before::Free);
        if is_bad {
            return None;
        }
        self.count(1)?;
        self.brackets.push((byte, self.tokens));
        self.outer += self.tokens;
        self.tokens = 0;
        self.at += 1;
        line.token();
        line.before = Before::Free;
        line.after_index = byte == b'[';
        Some(())
    }

    fn close_bracket(&mut self, line: &mut Logical, byte: u8) -> Option<()> {
        let (opening, tokens) = self.brackets.pop()?;
        let fits = matches!((opening, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
        if !fits || line.before == Before::Operator {
            return None;
        }
        self.outer -= tokens;
        self.tokens = tokens;
        self.at += 1;
        line.token();
        line.before = Before::Value;
        Some(())
    }

    fn separator(&mut self, line: &mut Logical, byte: u8) -> Option<()> {
        if line.before == Before::Operator {
            return None;
        }
        self.at += 1;
        let is_text = line.only_text;
        line.token();
        let outside = self.brackets.is_empty();
        match byte {
            b':' if self.peek() == Some(b'=') => {
                self.at += 1;
                line.before = Before::Operator;
                return self.count(1);
            }
            b':' => {
                line.has_colon |= outside;
                line.ends_in_colon = outside;
                self.count(1)?;
            }
            // `except E, e:` and `raise E, "text"` are Python 2
            b',' if outside && (line.raises || line.first == Word::Except) => return None,
            // what stands before it may be a docstring
            b';' if !outside || is_text => return None,
            _ => self.tokens = 0,
        }
        line.before = Before::Free;
        Some(())
    }

    fn dot(&mut self, line: &mut Logical) -> Option<()> {
        self.count(1)?;
        line.token();
        if self.bytes.get(self.at..self.at + 3) == Some(b"...") {
            self.at += 3;
            line.before = Before::Free;
        } else {
            self.at += 1;
            line.before = Before::Operator;
            line.after_dot = true;
        }
        Some(())
    }

    fn operator(&mut self, line: &mut Logical) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest
            .iter()
            .position(|byte| !b"+-*/%@&|^~<>=!".contains(byte));
        let text = rest.get(..length.unwrap_or(rest.len()))?;
        let is_triple = |three: &[u8]| matches!(three, b"<<<" | b">>>" | b"===");
        let is_known = match text {
            [] => false,
            [_] => text != b"!",
            _ => {
                // conflict markers, `<>` of Python 2, a lonely `!`
                !text.windows(3).any(is_triple)
                    && !text.windows(2).any(|two| two == b"<>")
                    && (text.starts_with(b"!=") || !text.contains(&b'!'))
            }
        };
        if !is_known {
            return None;
        }
        self.count(u32::try_from(text.len()).ok()?)?;
        self.at += text.len();
        line.token();
        line.before = match text {
            // as in `def f(a, /, *, b)`
            b"*" | b"/" => Before::Free,
            _ => Before::Operator,
        };
        Some(())
    }

    fn continuation(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at + 1..)?;
        self.at += match rest {
            [b'\n', _, ..] => 2,
            [b'\r', b'\n', _, ..] => 3,
            _ => return None,
        };
        Some(())
    }

    /// A string from its first quote on.
    fn string(&mut self, line: &mut Logical, formatted: bool) -> Option<()> {
        let quote = self.peek()?;
        let triple = self.bytes.get(self.at..self.at + 3) == Some(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..)?;
            // a short string ends on its line
            let found = if triple {
                memchr::memchr2(quote, b'\\', rest)?
            } else {
                memchr::memchr3(quote, b'\\', b'\n', rest)?
            };
            self.at += found;
            match self.peek()? {
                b'\\' => self.at += 2,
                b'\n' => return None,
                _ if !triple => break,
                _ if self.bytes.get(self.at..self.at + 3) == Some(&[quote; 3]) => break,
                _ => self.at += 1,
            }
        }
        let text = self.bytes.get(start..self.at)?;
        self.at += if triple { 3 } else { 1 };
        self.count(1)?;
        if formatted {
            self.formatted(line, text)?;
        }
        line.text(text, formatted)
    }

    /// What stands in the braces of a formatted string.
    fn formatted(&mut self, line: &mut Logical, text: &[u8]) -> Option<()> {
        let count = |byte: u8| memchr::memchr_iter(byte, text).count();
        let braces = count(b'{');
        if braces == 0 {
            return Some(());
        }
        // from Python 3.12 on, strings within may have the same quotes
        if braces != count(b'}') || text.len() > MAX_FORMATTED {
            return None;
        }
        let fields = text.split(|byte| *byte == b'{').skip(1);
        let longest = fields.map(|field| memchr::memchr(b'}', field).unwrap_or(field.len()));
        self.count(u32::try_from(longest.max()?).ok()?)?;
        for text in text.split(|byte| !is_part(*byte)) {
            let known = word(text);
            line.matters |= known.when;
            if known.kind == Word::Sys {
                line.matters |= ALWAYS;
            }
            if text.first().is_some_and(u8::is_ascii_uppercase) {
                line.matters |= capital(text);
            }
        }
        Some(())
    }
}

/// Whether a string with such a prefix is formatted; `None` when there is no such prefix.
fn prefix(text: &[u8]) -> Option<bool> {
    let mut lower = [0; 2];
    let lower = lower.get_mut(..text.len())?;
    for (lower, byte) in lower.iter_mut().zip(text) {
        *lower = byte.to_ascii_lowercase();
    }
    match &*lower {
        b"r" | b"b" | b"u" | b"rb" | b"br" => Some(false),
        b"f" | b"t" | b"fr" | b"rf" | b"tr" | b"rt" => Some(true),
        _ => None,
    }
}

/// Whether a byte may stand in a name.
fn is_part(byte: u8) -> bool {
    const PARTS: [bool; 256] = {
        let mut parts = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            parts[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_';
            byte += 1;
        }
        parts
    };
    PARTS[byte as usize]
}
