//! Which row of the tables a path or a call is about.

use ruff_python_ast::{Expr, ExprCall};

use super::table::{self, Addition, Condition, Removal, RemovalKind};

/// The removal that the longest part of a path names, beyond its root, and how long that part is.
pub(super) fn removed(
    path: &str,
    root: usize,
    is_import: bool,
) -> Option<(&'static Removal, usize)> {
    let first = if is_import {
        RemovalKind::Module
    } else {
        RemovalKind::Attribute
    };
    prefixes(path, root).find_map(|part| {
        let named = |removal: &&'static Removal| {
            let is_plain = removal.keyword().is_none() && removal.when.conditions.is_empty();
            is_plain
                && matches!(
                    removal.kind,
                    RemovalKind::Module | RemovalKind::Attribute | RemovalKind::Method
                )
        };
        let rows: Vec<_> = table::index().of(part).filter(named).collect();
        let chosen = rows.iter().find(|row| row.kind == first).or(rows.first());
        chosen.map(|removal| (*removal, part.len()))
    })
}

/// The addition that a path names, beyond its root.
pub(super) fn added(path: &str, root: usize) -> Option<&'static Addition> {
    prefixes(path, root).find_map(table::addition_of)
}

/// A path and what it is in, from the whole to the first part beyond the root.
fn prefixes(path: &str, root: usize) -> impl Iterator<Item = &str> {
    let shorter = |path: &&'_ str| path.rsplit_once('.').map(|(head, _)| head.len());
    let mut next = Some(path.len());
    std::iter::from_fn(move || {
        let end = next.filter(|end| *end > root)?;
        let part = path.get(..end)?;
        next = shorter(&part);
        Some(part)
    })
}

/// The part of a chain of attributes that stands for the first bytes of a path.
pub(super) fn part<'e>(expr: &'e Expr, path: &str, length: usize) -> Option<&'e Expr> {
    let more = path.get(length..)?.matches('.').count();
    let mut part = expr;
    for _ in 0..more {
        let Expr::Attribute(attribute) = part else {
            return None;
        };
        part = &attribute.value;
    }
    Some(part)
}

/// Whether an expression is names and dots only.
pub(super) fn is_chain(expr: &Expr) -> bool {
    let mut expr = expr;
    loop {
        match expr {
            Expr::Attribute(attribute) => expr = &attribute.value,
            Expr::Name(_) => return true,
            _ => return false,
        }
    }
}

/// Whether a call is of the form that a removal is about.
pub(super) fn applies(removal: &Removal, call: &ExprCall, unpacked: Option<usize>) -> bool {
    let conditions = &removal.when.conditions;
    let is_about_calls = matches!(removal.kind, RemovalKind::Call | RemovalKind::Behaviour);
    if !is_about_calls && conditions.is_empty() {
        return false;
    }
    conditions.iter().all(|condition| match *condition {
        Condition::Unpacked(count) => unpacked == Some(count),
        Condition::Without(keyword) => {
            let keywords = &call.arguments.keywords;
            // `**options` may hold it
            keywords.iter().all(|given| {
                given
                    .arg
                    .as_ref()
                    .is_some_and(|arg| arg.as_str() != keyword)
            })
        }
        Condition::Text {
            position,
            keyword,
            pattern,
            fits,
        } => {
            let by_name = keyword.and_then(|keyword| call.arguments.find_keyword(keyword));
            let value = match by_name {
                Some(given) => Some(&given.value),
                None => call.arguments.args.get(position),
            };
            match value {
                Some(Expr::StringLiteral(literal)) => {
                    is_like(literal.value.to_str(), pattern) == fits
                }
                _ => false,
            }
        }
    })
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        if part.is_empty() {
            continue;
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(part) => part.is_empty() || rest.is_empty() || text.ends_with(part),
    }
}
