//! What exception handlers say about the imports in their `try`.

use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtTry};

use super::{dotted, last_part};

/// What a `try` does with a missing module.
pub(super) struct ExceptionUse {
    /// Some handler catches it.
    pub(super) caught: bool,
    /// The handler that catches it ends in `raise` or an exit.
    pub(super) rethrown: bool,
}

/// Reads the handlers of a `try`.
pub(super) fn exception_use(attempt: &StmtTry) -> ExceptionUse {
    let handlers = attempt.handlers.iter();
    let mut handlers = handlers.map(|ExceptHandler::ExceptHandler(handler)| handler);
    let handler = handlers.find(|handler| match handler.type_.as_deref() {
        None => true,
        Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(is_import_error),
        Some(type_) => is_import_error(type_),
    });
    ExceptionUse {
        caught: handler.is_some(),
        rethrown: handler.is_some_and(|handler| handler.body.last().is_some_and(leaves)),
    }
}

/// Whether an exception covers a missing module.
pub(super) fn is_import_error(expr: &Expr) -> bool {
    dotted(expr).is_some_and(|name| {
        matches!(
            last_part(&name),
            "ImportError" | "ModuleNotFoundError" | "Exception" | "BaseException"
        )
    })
}

/// `except ImportError, e:`, which Python 3.14 takes for two exceptions (PEP 758).
pub(super) fn is_caught_as(type_: &Expr) -> bool {
    match type_ {
        Expr::Tuple(tuple) if !tuple.parenthesized => match tuple.elts.as_slice() {
            [_, Expr::Name(name)] => name.id.starts_with(char::is_lowercase),
            _ => false,
        },
        _ => false,
    }
}

fn leaves(stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Raise(_) => true,
        Stmt::Expr(expr) => match &*expr.value {
            Expr::Call(call) => dotted(&call.func).is_some_and(|name| {
                matches!(name.as_str(), "sys.exit" | "exit" | "quit" | "os._exit")
            }),
            _ => false,
        },
        _ => false,
    }
}

/// What a handler puts in the place of a missing module.
pub(super) fn is_nothing(expr: &Expr) -> bool {
    match expr {
        Expr::NoneLiteral(_) => true,
        Expr::BooleanLiteral(literal) => !literal.value,
        _ => false,
    }
}
