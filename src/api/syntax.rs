//! What the syntax says about the Python that code is for.

use ruff_python_ast::{Expr, ModModule, Operator, Stmt};
use ruff_python_parser::{ParseError, UnsupportedSyntaxError, UnsupportedSyntaxErrorKind};
use ruff_text_size::{Ranged, TextRange};

use super::Claim;
use super::reader::Reader;
use crate::scan::code::is_python_2;

/// Something about the Python, with its place.
pub(super) struct Claimed {
    pub(super) claim: Claim,
    pub(super) what: &'static str,
    pub(super) range: TextRange,
}

fn since(reader: &mut Reader<'_, '_, '_>, version: (u8, u8), what: &'static str, range: TextRange) {
    reader.fact(&Claimed {
        claim: Claim::Since(version),
        what,
        range,
    });
}

/// What the parser could not read, and what it knows to be new.
pub(super) fn of_parser(
    reader: &mut Reader<'_, '_, '_>,
    errors: &[ParseError],
    unsupported: &[UnsupportedSyntaxError],
) {
    let mut seen = 0;
    for error in errors {
        let number = reader.piece.lines.number(error.location.start().to_usize());
        // one look at a line is enough, however much of it is wrong
        if std::mem::replace(&mut seen, number) == number {
            continue;
        }
        let line = reader.piece.lines.text(number).to_owned();
        let found = if is_python_2(&line) {
            Some(((3, 0), old_form(&line)))
        } else if is_async_name(&line) {
            Some(((3, 7), "`async` as a name"))
        } else {
            None
        };
        if let Some((version, what)) = found {
            reader.fact(&Claimed {
                claim: Claim::Before(version),
                what,
                range: error.location,
            });
        }
    }
    for error in unsupported {
        if is_caught_as(error) {
            reader.fact(&Claimed {
                claim: Claim::Before((3, 0)),
                what: "`except X, e`",
                range: error.range,
            });
        }
        if let Some((version, what)) = introduced(error.kind) {
            since(reader, version, what, error.range);
        }
    }
}

/// Whether what the parser let pass is in fact Python 2.
pub(super) fn is_python_2_only(unsupported: &[UnsupportedSyntaxError]) -> bool {
    unsupported.iter().any(is_caught_as)
}

/// `except X, e`, which Python 3.14 takes for two exceptions (PEP 758).
fn is_caught_as(error: &UnsupportedSyntaxError) -> bool {
    error.kind == UnsupportedSyntaxErrorKind::UnparenthesizedExceptionTypes
}

/// Which form of Python 2 a line has.
fn old_form(line: &str) -> &'static str {
    let code = line.trim_start();
    let starts = |word: &str| {
        code.starts_with(word)
            || code.contains(&format!("; {word}"))
            || code.contains(&format!(": {word}"))
    };
    if starts("print") {
        "a print statement"
    } else if starts("except") {
        "`except X, e`"
    } else if starts("exec") {
        "an exec statement"
    } else if starts("raise") {
        "`raise X, text`"
    } else {
        "Python 2 syntax"
    }
}

/// `x.cuda(async=True)`, which was a name before 3.7.
fn is_async_name(line: &str) -> bool {
    let code = line.split('#').next().unwrap_or_default();
    code.match_indices("async").any(|(at, word)| {
        let before = code.get(..at).unwrap_or_default().chars().next_back();
        let after = code.get(at + word.len()..).unwrap_or_default().trim_start();
        let is_word = before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        is_word && after.starts_with('=') && !after.starts_with("==")
    })
}

/// The version that a form of syntax came with, and what to call it.
fn introduced(kind: UnsupportedSyntaxErrorKind) -> Option<((u8, u8), &'static str)> {
    use UnsupportedSyntaxErrorKind as Kind;
    Some(match kind {
        Kind::Match => ((3, 10), "a match statement"),
        Kind::Walrus => ((3, 8), "an assignment expression"),
        Kind::ExceptStar => ((3, 11), "`except*`"),
        Kind::UnparenthesizedNamedExpr(_) => {
            ((3, 10), "an assignment expression without parentheses")
        }
        Kind::StarTuple(_) => ((3, 8), "unpacking in return or yield"),
        Kind::RelaxedDecorator(_) => ((3, 9), "an expression as decorator"),
        Kind::PositionalOnlyParameter => ((3, 8), "a positional-only parameter"),
        Kind::TypeParameterList => ((3, 12), "type parameters"),
        Kind::TypeAliasStatement => ((3, 12), "a type statement"),
        Kind::TypeParamDefault => ((3, 13), "a default of a type parameter"),
        Kind::Pep701FString(_) => ((3, 12), "an f-string of PEP 701"),
        Kind::ParenthesizedContextManager => ((3, 9), "context managers in parentheses"),
        Kind::StarExpressionInIndex => ((3, 11), "unpacking in an index"),
        Kind::StarAnnotation => ((3, 11), "unpacking in an annotation"),
        Kind::UnparenthesizedUnpackInFor => ((3, 9), "unpacking in a for statement"),
        Kind::TemplateStrings => ((3, 14), "a template string"),
        _ => return None,
    })
}

/// Whether annotations of a module are never evaluated.
pub(super) fn has_future_annotations(module: &ModModule) -> bool {
    module.body.iter().any(|stmt| match stmt {
        Stmt::ImportFrom(import) => {
            import
                .module
                .as_ref()
                .is_some_and(|module| module.as_str() == "__future__")
                && import
                    .names
                    .iter()
                    .any(|alias| alias.name.as_str() == "annotations")
        }
        _ => false,
    })
}

/// What a statement says.
pub(super) fn of_statement(reader: &mut Reader<'_, '_, '_>, stmt: &Stmt) {
    match stmt {
        Stmt::FunctionDef(function) => {
            if function.is_async {
                since(reader, (3, 5), "an async function", function.name.range);
            }
            let parameters = &function.parameters;
            let annotated = function.returns.is_some()
                || parameters
                    .iter()
                    .any(|parameter| parameter.annotation().is_some());
            if annotated || !parameters.kwonlyargs.is_empty() {
                since(
                    reader,
                    (3, 0),
                    "annotations or keyword-only parameters",
                    function.name.range,
                );
            }
        }
        Stmt::AnnAssign(assign) => since(reader, (3, 6), "an annotated variable", assign.range),
        Stmt::Nonlocal(nonlocal) => since(reader, (3, 0), "a nonlocal statement", nonlocal.range),
        Stmt::Raise(raise) if raise.cause.is_some() => {
            since(reader, (3, 0), "`raise ... from`", raise.range);
        }
        Stmt::ImportFrom(import) => {
            let is_future = import
                .module
                .as_ref()
                .is_some_and(|module| module.as_str() == "__future__");
            let annotations = import
                .names
                .iter()
                .any(|alias| alias.name.as_str() == "annotations");
            if is_future && annotations {
                since(
                    reader,
                    (3, 7),
                    "`from __future__ import annotations`",
                    import.range,
                );
            }
        }
        _ => {}
    }
}

/// What an expression says.
pub(super) fn of_expression(reader: &mut Reader<'_, '_, '_>, expr: &Expr) {
    match expr {
        Expr::FString(string) => since(reader, (3, 6), "an f-string", string.range),
        Expr::NumberLiteral(number) if reader.text(number.range).contains('_') => {
            since(reader, (3, 6), "a number with underscores", number.range);
        }
        Expr::YieldFrom(value) => since(reader, (3, 3), "`yield from`", value.range),
        Expr::BinOp(operation) if operation.op == Operator::MatMult => {
            since(reader, (3, 5), "the operator `@`", operation.range);
        }
        _ => {}
    }
}

/// What an annotation says that is evaluated where it stands.
pub(super) fn of_annotation(reader: &mut Reader<'_, '_, '_>, expr: &Expr) {
    match expr {
        Expr::BinOp(operation) if operation.op == Operator::BitOr => {
            let sides = [&*operation.left, &*operation.right];
            if sides
                .iter()
                .any(|side| is_builtin_type(side) || side.is_none_literal_expr())
            {
                since(reader, (3, 10), "a union written `X | Y`", operation.range);
            }
        }
        Expr::Subscript(subscript) if is_builtin_type(&subscript.value) => {
            let is_bound = |name: &str| reader.resolver.scopes.of(reader.scope, name).is_some();
            let is_own =
                matches!(&*subscript.value, Expr::Name(name) if is_bound(name.id.as_str()));
            if !is_own {
                since(
                    reader,
                    (3, 9),
                    "a builtin with type arguments",
                    subscript.range(),
                );
            }
        }
        _ => {}
    }
}

/// A builtin class that annotations name.
fn is_builtin_type(expr: &Expr) -> bool {
    match expr {
        Expr::Name(name) => matches!(
            name.id.as_str(),
            "list"
                | "dict"
                | "tuple"
                | "set"
                | "frozenset"
                | "type"
                | "int"
                | "str"
                | "float"
                | "bool"
                | "bytes"
        ),
        Expr::Subscript(subscript) => matches!(
            &*subscript.value,
            Expr::Name(name) if matches!(name.id.as_str(), "list" | "dict" | "tuple" | "set" | "frozenset" | "type")
        ),
        _ => false,
    }
}
