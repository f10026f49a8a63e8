//! A logical line while its tokens are read.

use super::super::words::{ALWAYS, When, Word, word};

/// What stood before a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Anything may follow.
    Free,
    /// An operator that needs a value.
    Operator,
    Value,
    Text,
}

/// A logical line as far as it is read.
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Logical {
    pub(super) is_empty: bool,
    pub(super) first: Word,
    pub(super) is_decorator: bool,
    pub(super) before: Before,
    pub(super) has_colon: bool,
    pub(super) ends_in_colon: bool,
    pub(super) matters: When,
    pub(super) brings: When,
    pub(super) imports: bool,
    /// When the last token matters.
    pub(super) last: When,
    pub(super) after_dot: bool,
    pub(super) after_index: bool,
    pub(super) only_text: bool,
    pub(super) has_prompt: bool,
    pub(super) has_import: bool,
    pub(super) raises: bool,
    pub(super) lambdas: u32,
}

impl Logical {
    pub(super) fn new(is_decorator: bool) -> Self {
        Self {
            is_empty: true,
            first: Word::Name,
            is_decorator,
            before: Before::Free,
            has_colon: false,
            ends_in_colon: false,
            matters: 0,
            brings: 0,
            imports: false,
            last: 0,
            after_dot: false,
            after_index: false,
            only_text: true,
            has_prompt: false,
            has_import: false,
            raises: false,
            lambdas: 0,
        }
    }

    /// Any token but a string.
    pub(super) fn token(&mut self) {
        self.is_empty = false;
        self.only_text = false;
        self.ends_in_colon = false;
        self.last = 0;
        self.after_dot = false;
        self.after_index = false;
    }

    /// Two values never stand side by side.
    pub(super) fn value(&mut self) -> Option<()> {
        let fits = matches!(self.before, Before::Free | Before::Operator);
        self.before = Before::Value;
        fits.then_some(())
    }

    /// A string, which may follow another.
    pub(super) fn text(&mut self, text: &[u8], formatted: bool) -> Option<()> {
        let fits = self.before != Before::Value;
        if self.after_index {
            // `os.environ["NAME"] = "value"`
            self.matters |= word(text).when & ALWAYS;
        }
        self.after_index = false;
        self.after_dot = false;
        self.last = 0;
        self.before = Before::Text;
        self.is_empty = false;
        self.ends_in_colon = false;
        self.only_text &= !formatted;
        if self.only_text {
            let has = |what: &[u8]| memchr::memmem::find(text, what).is_some();
            self.has_prompt |= has(b">>>");
            self.has_import |= has(b"import");
        }
        fits.then_some(())
    }
}
