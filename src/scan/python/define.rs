//! The names that a module defines.

use ruff_python_ast::{ExceptHandler, Expr, Stmt};

use super::super::facts::Definitions;
use super::dotted;

/// The names that a module defines at its top level.
pub(super) fn definitions(body: &[Stmt]) -> Definitions {
    let mut definitions = Definitions::default();
    define(body, &mut definitions, 0);
    definitions
}

/// Collects the names that a body defines, also under conditions.
fn define(body: &[Stmt], definitions: &mut Definitions, depth: u32) {
    /// Nobody hides a definition deeper.
    const MAX_DEPTH: u32 = 8;
    if depth > MAX_DEPTH {
        definitions.open = true;
        return;
    }
    for stmt in body {
        match stmt {
            Stmt::FunctionDef(function) => {
                definitions.open |= function.name.as_str() == "__getattr__";
                definitions.names.insert(function.name.to_string());
            }
            Stmt::ClassDef(class) => {
                definitions.names.insert(class.name.to_string());
            }
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    match target {
                        Expr::Name(name) => {
                            definitions.names.insert(name.id.to_string());
                        }
                        _ => definitions.open = true,
                    }
                }
            }
            Stmt::AnnAssign(assign) => {
                definitions.names.extend(dotted(&assign.target));
            }
            Stmt::Import(import) => {
                let names = import.names.iter();
                let names = names.filter_map(|alias| match &alias.asname {
                    Some(name) => Some(name.to_string()),
                    None => alias.name.split('.').next().map(str::to_owned),
                });
                definitions.names.extend(names);
            }
            Stmt::ImportFrom(import) => {
                let names = import.names.iter();
                let names = names.map(|alias| alias.asname.as_ref().unwrap_or(&alias.name));
                definitions.names.extend(names.map(ToString::to_string));
            }
            Stmt::If(branch) => {
                define(&branch.body, definitions, depth + 1);
                for clause in &branch.elif_else_clauses {
                    define(&clause.body, definitions, depth + 1);
                }
            }
            Stmt::Try(attempt) => {
                for body in [&attempt.body, &attempt.orelse, &attempt.finalbody] {
                    define(body, definitions, depth + 1);
                }
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    define(&handler.body, definitions, depth + 1);
                }
            }
            Stmt::With(_) | Stmt::For(_) | Stmt::While(_) => definitions.open = true,
            _ => {}
        }
    }
    definitions.open |= definitions.names.contains("*");
}
