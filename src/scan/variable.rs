//! Environment variables that the code reads.

use ruff_python_ast::{Expr, ExprCall, ExprSubscript};

use super::{Site, Variable};

/// The words by which code reads a variable.
pub(super) const WATCHED: [&str; 2] = ["environ", "getenv"];

/// `os.environ["X"]`: the code fails without it.
pub(super) fn in_subscript(subscript: &ExprSubscript, site: impl Fn() -> Site) -> Option<Variable> {
    is_environ(&subscript.value)
        .then(|| variable(&subscript.slice, true, site))
        .flatten()
}

/// `os.environ.get("X")`, `os.getenv("X")`: the code goes on without it.
pub(super) fn in_call(name: &str, call: &ExprCall, site: impl Fn() -> Site) -> Option<Variable> {
    let reads = matches!(
        name,
        "os.getenv" | "getenv" | "os.environ.get" | "environ.get"
    );
    let argument = call.arguments.args.first().filter(|_| reads)?;
    variable(argument, false, site)
}

fn is_environ(value: &Expr) -> bool {
    match value {
        Expr::Attribute(attribute) => {
            attribute.attr.as_str() == "environ"
                && matches!(&*attribute.value, Expr::Name(name) if name.id.as_str() == "os")
        }
        Expr::Name(name) => name.id.as_str() == "environ",
        _ => false,
    }
}

fn variable(name: &Expr, required: bool, site: impl Fn() -> Site) -> Option<Variable> {
    let name = name.as_string_literal_expr()?.value.to_str();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| Variable {
        name: name.to_owned(),
        required,
        site: site(),
    })
}
