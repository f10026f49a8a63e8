//! Which conditions and handlers show that the code copes with versions that lack something.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{ExceptHandler, Expr, Stmt, StmtTry};

/// What a condition says about the code under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// It asks for a version, a platform or whether something is there.
    Guard,
    /// Only a type checker goes there.
    Typing,
    /// Anything else.
    Other,
}

/// Reads a condition.
pub(super) fn test(expr: &Expr) -> Test {
    if last_name(expr) == Some("TYPE_CHECKING") {
        return Test::Typing;
    }
    let mut asking = Asking {
        found: false,
        depth: 0,
    };
    asking.visit_expr(expr);
    if asking.found {
        Test::Guard
    } else {
        Test::Other
    }
}

/// Whether a `try` copes with something that is missing: in its body, or in its handlers, which
/// are the way for versions that lack it.
pub(super) fn copes(attempt: &StmtTry) -> bool {
    let handlers = attempt.handlers.iter();
    let mut handlers = handlers.map(|ExceptHandler::ExceptHandler(handler)| handler);
    let is_short = attempt.body.len() <= 3;
    handlers.any(|handler| {
        let covers = |expr: &Expr| match last_name(expr) {
            Some("ImportError" | "ModuleNotFoundError" | "AttributeError" | "NameError") => true,
            Some("Exception" | "BaseException" | "TypeError" | "ValueError" | "KeyError") => {
                is_short
            }
            _ => false,
        };
        let caught = match handler.type_.as_deref() {
            None => is_short,
            Some(Expr::Tuple(tuple)) => tuple.elts.iter().any(covers),
            Some(other) => covers(other),
        };
        caught && !matches!(handler.body.last(), Some(Stmt::Raise(_)))
    })
}

/// Whether a block never ends by going on after it.
pub(super) fn leaves(body: &[Stmt]) -> bool {
    matches!(
        body.last(),
        Some(Stmt::Return(_) | Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_))
    )
}

/// The last part of a name or attribute chain.
pub(super) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

/// Looks for what asks for a version.
struct Asking {
    found: bool,
    depth: u32,
}

impl<'a> Visitor<'a> for Asking {
    fn visit_expr(&mut self, expr: &'a Expr) {
        const MAX_DEPTH: u32 = 32;
        if self.found || self.depth > MAX_DEPTH {
            return;
        }
        self.depth += 1;
        self.found = match expr {
            Expr::Name(name) => is_version_name(name.id.as_str()),
            Expr::Attribute(attribute) => {
                let is_own = matches!(
                    &*attribute.value,
                    Expr::Name(name) if matches!(name.id.as_str(), "args" | "self" | "opt" | "cfg" | "config" | "hparams")
                );
                !is_own && is_version_name(attribute.attr.as_str())
                    || matches!(attribute.attr.as_str(), "platform" | "PY2" | "PY3")
            }
            Expr::Call(call) => matches!(
                last_name(&call.func),
                Some("hasattr" | "find_spec" | "find_loader" | "getattr" | "system")
            ),
            _ => false,
        };
        if !self.found {
            walk_expr(self, expr);
        }
        self.depth -= 1;
    }
}

/// `__version__`, `version_info`, `TORCH_VERSION`, `LooseVersion`, `PY3`, `HAS_APEX`,
/// `is_torch_available`.
fn is_version_name(name: &str) -> bool {
    let plain = name.trim_start_matches('_');
    let lower = plain.to_ascii_lowercase();
    let is_version = match lower.find("version") {
        None => false,
        // a plain `version` is most often one of the program's own data
        Some(_) => name.contains('_') || plain.starts_with(char::is_uppercase),
    };
    is_version
        || matches!(
            name,
            "PY2" | "PY3" | "PY34" | "PY36" | "PY37" | "IS_PY2" | "IS_PY3"
        )
        || plain.starts_with("HAS_")
        || plain.starts_with("HAVE_")
        || ["_available", "_installed"].iter().any(|suffix| {
            lower.ends_with(suffix) && lower.trim_start_matches("is_").len() > suffix.len()
        })
}
