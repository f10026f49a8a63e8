//! Folders that code spells out from its own place: `os.path.join(os.path.dirname(__file__), "x")`.

use std::collections::BTreeMap;

use ruff_python_ast::{Expr, ExprCall, Operator};

use super::{dotted, last_part};

/// Names that stand for folders, each with a path relative to its file.
pub(super) type Folders = BTreeMap<String, String>;

/// Expressions are followed to this depth.
const MAX_DEPTH: u32 = 12;

/// The path that an expression spells, relative to the file or to where Python was started.
pub(super) fn path_of(expr: &Expr, folders: &Folders) -> Option<String> {
    path(expr, folders, 0)
}

fn path(expr: &Expr, folders: &Folders, depth: u32) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let inner = |expr: &Expr| path(expr, folders, depth + 1);
    match expr {
        Expr::StringLiteral(literal) => Some(literal.value.to_str().to_owned()),
        // the file itself, by any name
        Expr::Name(name) if name.id.as_str() == "__file__" => Some("./file".to_owned()),
        Expr::Name(name) => folders.get(name.id.as_str()).cloned(),
        Expr::BinOp(division) if division.op == Operator::Div => {
            let (left, right) = (inner(&division.left)?, inner(&division.right)?);
            Some(format!("{left}/{right}"))
        }
        Expr::Attribute(attribute) if attribute.attr.as_str() == "parent" => {
            Some(format!("{}/..", inner(&attribute.value)?))
        }
        Expr::Call(call) => called(call, &inner),
        _ => None,
    }
}

fn called(call: &ExprCall, inner: &dyn Fn(&Expr) -> Option<String>) -> Option<String> {
    // `Path(__file__).resolve()` has no dotted name, but its method says enough
    if let Expr::Attribute(method) = &*call.func
        && matches!(method.attr.as_str(), "resolve" | "absolute" | "as_posix")
    {
        return inner(&method.value);
    }
    let name = dotted(&call.func)?;
    let arguments = &call.arguments.args;
    match last_part(&name) {
        "join" if name.ends_with("path.join") => {
            let (first, rest) = arguments.split_first()?;
            // what the first part is may be unknown; the others count from there
            let mut whole = inner(first).unwrap_or_else(|| ".".to_owned());
            for part in rest {
                whole = format!("{whole}/{}", inner(part)?);
            }
            (!rest.is_empty()).then_some(whole)
        }
        "dirname" => Some(format!("{}/..", inner(arguments.first()?)?)),
        "abspath" | "realpath" | "normpath" | "fspath" | "str" | "Path" => {
            inner(arguments.first()?)
        }
        "getcwd" => Some(".".to_owned()),
        _ => None,
    }
}
