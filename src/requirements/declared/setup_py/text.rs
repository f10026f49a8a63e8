//! Strings that a setup script puts together.

use ruff_python_ast::Expr;

use super::worth::Worth;

/// Longest string that is put together.
const LONGEST: usize = 64 * 1024;

/// Parts one after another. After a part that cannot be read only the name of a requirement is
/// kept, not a version without its end: `f"torch>={found}"` is `torch`.
pub(super) fn joined(parts: impl Iterator<Item = Option<String>>, line: u32) -> Worth {
    let mut text = String::new();
    for part in parts {
        match part {
            Some(part) if text.len() + part.len() <= LONGEST => text.push_str(&part),
            _ => return cut(&text, line),
        }
    }
    Worth::text(text, line)
}

/// What stands before a hole, without the comparison that leads into it.
fn cut(text: &str, line: u32) -> Worth {
    let operator = |c: char| "=<>!~ ".contains(c);
    let name = text.trim_end_matches(operator);
    let end = name.find(operator).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default();
    let whole = name.len() < text.len() && !name.is_empty();
    Worth {
        items: whole.then(|| (name.to_owned(), line)).into_iter().collect(),
        unknown: true,
        text: true,
        ..Worth::default()
    }
}

/// `"a==%s" % v` and `"a=={}".format(v)`: the holes begin with `%` or `{`.
pub(super) fn filled(pattern: &Worth, hole: &str, values: &[Worth]) -> Worth {
    let (Some(text), Some((_, line))) = (pattern.as_text(), pattern.items.first()) else {
        return Worth {
            unknown: true,
            ..Worth::default()
        };
    };
    let mut values = values.iter();
    let mut pieces = text.split(hole);
    let mut parts = vec![pieces.next().map(str::to_owned)];
    for piece in pieces {
        // `%s`, `{}` and `{0}`; anything else is a hole that cannot be filled
        let rest = match hole {
            "%" => piece.strip_prefix('s').or_else(|| piece.strip_prefix('d')),
            _ => piece
                .split_once('}')
                .filter(|(inside, _)| inside.chars().all(|c| c.is_ascii_digit()))
                .map(|(_, rest)| rest),
        };
        let value = values.next().and_then(Worth::as_text);
        parts.push(rest.and(value).map(str::to_owned));
        parts.push(rest.map(str::to_owned));
    }
    joined(parts.into_iter(), *line)
}

/// `"a b".split()`
pub(super) fn split(whole: &Worth, separator: Option<&str>) -> Worth {
    let items = whole.items.iter().flat_map(|(text, line)| {
        let parts: Vec<&str> = match separator {
            Some(separator) if !separator.is_empty() => text.split(separator).collect(),
            _ => text.split_whitespace().collect(),
        };
        parts.into_iter().map(|part| (part.to_owned(), *line))
    });
    Worth {
        items: items.collect(),
        unknown: whole.unknown,
        ..Worth::default()
    }
}

/// The text of a string literal.
pub(super) fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::StringLiteral(string) => Some(string.value.to_str().to_owned()),
        _ => None,
    }
}

/// `requirements.txt`, `requirements/base.in` and the like.
pub(super) fn is_requirements_file(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let ending = [".txt", ".in", ".pip"].iter().any(|e| lower.ends_with(e));
    ending && lower.contains("req") && text.len() < 200 && !text.contains(['\n', ' '])
}
