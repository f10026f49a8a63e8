//! What a rule asks of the arguments of a call.

use ruff_python_ast::{Expr, ExprCall, InterpolatedStringElement, Operator};

/// A condition; `docs/data.md` lists the spellings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// `name`: the keyword is given, and neither `None` nor `False`.
    Given(&'static str),
    /// `!name`: the keyword is not given.
    Absent(&'static str),
    /// `name=a|b*`, `0=a`, `0:name=a`: one of the literal texts of the argument fits.
    Is {
        place: Place,
        patterns: Vec<&'static str>,
        /// `!=`: none does.
        negated: bool,
    },
    /// `@notebook`: the call stands in a notebook.
    Notebook,
}

/// Which argument.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    position: Option<usize>,
    keyword: &'static str,
}

impl Test {
    pub(super) fn parse(word: &'static str) -> Self {
        if word == "@notebook" {
            return Self::Notebook;
        }
        let Some((place, patterns)) = word.split_once('=') else {
            return match word.strip_prefix('!') {
                Some(keyword) => Self::Absent(keyword),
                None => Self::Given(word),
            };
        };
        let (place, negated) = match place.strip_suffix('!') {
            Some(place) => (place, true),
            None => (place, false),
        };
        let (position, keyword) = place.split_once(':').unwrap_or((place, place));
        let position = position.parse().ok();
        Self::Is {
            place: Place {
                position,
                keyword: if position.is_some() && keyword == place {
                    ""
                } else {
                    keyword
                },
            },
            patterns: patterns.split('|').collect(),
            negated,
        }
    }

    /// Whether a call does it.
    pub(super) fn holds(&self, call: &ExprCall, notebook: bool) -> bool {
        let arguments = &call.arguments;
        match self {
            Self::Notebook => notebook,
            Self::Absent(keyword) => arguments.find_keyword(keyword).is_none(),
            Self::Given(keyword) => arguments
                .find_keyword(keyword)
                .is_some_and(|keyword| is_given(&keyword.value)),
            Self::Is {
                place,
                patterns,
                negated,
            } => {
                let value = match (place.position, place.keyword) {
                    (Some(position), "") => arguments.args.get(position),
                    (Some(position), keyword) => arguments.find_argument_value(keyword, position),
                    (None, keyword) => arguments.find_keyword(keyword).map(|found| &found.value),
                };
                value.map_or(*negated, |value| says(value, patterns) != *negated)
            }
        }
    }

    /// Whether the value of a keyword is what a rule about that keyword asks for.
    pub(super) fn holds_for_value(&self, value: &Expr) -> bool {
        match self {
            Self::Is {
                patterns, negated, ..
            } => says(value, patterns) != *negated,
            _ => true,
        }
    }

    /// Whether a text is what a rule about a variable asks for.
    pub(super) fn holds_for(&self, text: &str) -> bool {
        match self {
            Self::Is {
                patterns, negated, ..
            } => patterns.iter().any(|pattern| fits(pattern, text)) != *negated,
            _ => true,
        }
    }
}

/// Whether a value says anything: `None` and `False` are the same as no argument.
pub(super) fn is_given(value: &Expr) -> bool {
    match value {
        Expr::NoneLiteral(_) => false,
        Expr::BooleanLiteral(literal) => literal.value,
        _ => true,
    }
}

fn says(value: &Expr, patterns: &[&str]) -> bool {
    let mut found = Vec::new();
    texts(value, &mut found, 0);
    let mut texts = found.iter();
    texts.any(|text| patterns.iter().any(|pattern| fits(pattern, text)))
}

/// Whether a text fits a pattern with `*` at its ends.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (Some(_), Some(_)) => text.contains(pattern.trim_matches('*')),
        (None, None) => match pattern.split_once('*') {
            Some((start, end)) => {
                text.len() >= start.len() + end.len()
                    && text.starts_with(start)
                    && text.ends_with(end)
            }
            None => text == pattern,
        },
    }
}

/// The texts that a value spells, as far as they are literal: all items of a list, all parts of a
/// path. A choice between two values is left out, since either may be meant.
pub(super) fn texts(value: &Expr, out: &mut Vec<String>, depth: u32) {
    const MAX_DEPTH: u32 = 6;
    const MAX_TEXTS: usize = 64;
    if depth > MAX_DEPTH || out.len() > MAX_TEXTS {
        return;
    }
    let mut all = |values: &mut dyn Iterator<Item = &Expr>| {
        values.for_each(|value| texts(value, out, depth + 1));
    };
    match value {
        Expr::StringLiteral(literal) => out.push(literal.value.to_str().to_owned()),
        Expr::BooleanLiteral(literal) => {
            let text = if literal.value { "True" } else { "False" };
            out.push(text.to_owned());
        }
        Expr::List(list) => all(&mut list.elts.iter()),
        Expr::Tuple(tuple) => all(&mut tuple.elts.iter()),
        Expr::Set(set) => all(&mut set.elts.iter()),
        Expr::Dict(dict) => all(&mut dict.items.iter().map(|item| &item.value)),
        Expr::BinOp(sum) if matches!(sum.op, Operator::Add | Operator::Div) => {
            all(&mut [&*sum.left, &*sum.right].into_iter());
        }
        Expr::Call(call) => {
            let name = match &*call.func {
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                Expr::Name(name) => name.id.as_str(),
                _ => "",
            };
            if matches!(
                name,
                "Path" | "PurePath" | "fspath" | "join" | "joinpath" | "str"
            ) {
                all(&mut call.arguments.args.iter());
            }
        }
        Expr::FString(text) => {
            let parts = text.value.elements().map(|element| match element {
                InterpolatedStringElement::Literal(literal) => &*literal.value,
                InterpolatedStringElement::Interpolation(_) => "\0",
            });
            out.push(parts.collect());
        }
        _ => {}
    }
}
