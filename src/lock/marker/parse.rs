//! Reads a marker that may ask for extras and groups.

use std::collections::BTreeSet;
use std::str::FromStr;

use pinsmith_resolver::{MarkerEnvironment, MarkerTree, parse_marker};

use super::Selection;

/// A marker, taken apart where extras and groups demand it.
#[derive(Debug, Clone)]
pub(in crate::lock) enum Expression {
    /// A part that PEP 508 knows.
    Plain(MarkerTree),
    /// `'NAME' in extras`; `wanted` is false for `not in`.
    Extra {
        name: String,
        wanted: bool,
    },
    /// `'NAME' in dependency_groups`.
    Group {
        name: String,
        wanted: bool,
    },
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

impl Expression {
    /// `None` for what is no marker.
    pub(in crate::lock) fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let asks = |token: &Token| matches!(token.text, "extras" | "dependency_groups");
        if !tokens.iter().any(asks) {
            return parse_marker(text).map(Self::Plain);
        }
        let mut parser = Parser {
            text,
            tokens: &tokens,
            at: 0,
        };
        let tree = parser.any_of()?;
        (parser.at == tokens.len()).then_some(tree)
    }

    pub(super) fn selects_groups(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Extra { .. } | Self::Group { .. } => true,
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::selects_groups),
        }
    }

    pub(super) fn holds(&self, environment: &MarkerEnvironment, selection: &Selection) -> bool {
        match self {
            Self::Plain(tree) => tree.evaluate(environment, &[]),
            Self::Extra { name, wanted } => selection.has_extra(name) == *wanted,
            Self::Group { name, wanted } => selection.has_group(name) == *wanted,
            Self::And(parts) => parts.iter().all(|part| part.holds(environment, selection)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(environment, selection)),
        }
    }

    /// Adds the extras and the groups that it names.
    pub(super) fn collect_names(&self, names: &mut (BTreeSet<String>, BTreeSet<String>)) {
        match self {
            Self::Plain(_) => {}
            Self::Extra { name, .. } => drop(names.0.insert(name.clone())),
            Self::Group { name, .. } => drop(names.1.insert(name.clone())),
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.collect_names(names);
                }
            }
        }
    }
}

/// A word, a string with its quotes, an operator or a parenthesis.
#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    start: usize,
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else {
            return Some(tokens);
        };
        let length = match first {
            '(' | ')' => 1,
            '\'' | '"' => rest.get(1..)?.find(first)? + 2,
            c if is_operator(c) => rest.find(|c| !is_operator(c)).unwrap_or(rest.len()),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            _ => return None,
        };
        let (token, tail) = rest.split_at(length);
        tokens.push(Token {
            text: token,
            start: text.len() - rest.len(),
        });
        rest = tail;
    }
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '!' | '~')
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn takes(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn any_of(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all_of()?];
        while self.takes("or") {
            parts.push(self.all_of()?);
        }
        Some(single_or(parts, Expression::Or))
    }

    fn all_of(&mut self) -> Option<Expression> {
        let mut parts = vec![self.part()?];
        while self.takes("and") {
            parts.push(self.part()?);
        }
        Some(single_or(parts, Expression::And))
    }

    fn part(&mut self) -> Option<Expression> {
        if self.takes("(") {
            let inner = self.any_of()?;
            return self.takes(")").then_some(inner);
        }
        let left = self.next()?;
        let operator = self.next()?;
        let negated = operator.text == "not" && self.takes("in");
        let right = self.next()?;
        let wanted = match operator.text {
            "in" => true,
            "not" if negated => false,
            _ => return self.plain(left, right),
        };
        match right.text {
            "extras" => Some(Expression::Extra {
                name: name_in(left.text)?,
                wanted,
            }),
            "dependency_groups" => Some(Expression::Group {
                name: name_in(left.text)?,
                wanted,
            }),
            _ => self.plain(left, right),
        }
    }

    fn plain(&self, left: Token<'_>, right: Token<'_>) -> Option<Expression> {
        let text = self.text.get(left.start..right.end())?;
        parse_marker(text).map(Expression::Plain)
    }
}

fn single_or(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        join(parts)
    }
}

/// The name within quotes, in its normal form (PEP 685, PEP 735).
fn name_in(string: &str) -> Option<String> {
    let inner = string
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.strip_suffix(['\'', '"']))?;
    if inner.is_empty() {
        return None;
    }
    pinsmith_resolver::ExtraName::from_str(inner)
        .ok()
        .map(|name| name.to_string())
}
