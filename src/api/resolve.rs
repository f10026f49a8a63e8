//! What an expression means: a dotted path through imports, or a value of a known class.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ruff_python_ast::{Expr, StmtClassDef};

use super::names::{Binding, Scopes, Target};
use super::types;

/// Expressions nested deeper than this are not looked into.
const MAX_DEPTH: u32 = 24;

/// What an expression means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A module or something in one, dotted.
    Path {
        /// The whole path.
        path: String,
        /// How much of it the first name stands for.
        root: usize,
    },
    /// A value of this class.
    Instance(&'static str),
    /// A method or attribute of a value of this class, dotted.
    Member(String),
    /// It depends on the name that is being looked up.
    Pending,
    /// A method or attribute of that.
    PendingMember,
}

/// Looks up what expressions of one file mean.
pub(super) struct Resolver<'s, 'a> {
    pub(super) scopes: &'s Scopes<'a>,
    /// Top-level modules that the tree itself provides.
    pub(super) locals: &'s BTreeSet<&'s str>,
    /// Names whose values are being looked up.
    pending: RefCell<Vec<(usize, String)>>,
}

impl<'s, 'a> Resolver<'s, 'a> {
    pub(super) fn new(scopes: &'s Scopes<'a>, locals: &'s BTreeSet<&'s str>) -> Self {
        Self {
            scopes,
            locals,
            pending: RefCell::default(),
        }
    }

    /// What an expression means in a scope; `None` when the file does not show it.
    pub(super) fn meaning(&self, expr: &Expr, scope: usize) -> Option<Meaning> {
        self.within(expr, scope, 0)
    }

    fn within(&self, expr: &Expr, scope: usize, depth: u32) -> Option<Meaning> {
        if depth > MAX_DEPTH {
            return None;
        }
        match expr {
            Expr::Name(name) => self.name(name.id.as_str(), scope, depth),
            Expr::Attribute(attribute) => {
                let attr = attribute.attr.as_str();
                match self.within(&attribute.value, scope, depth + 1)? {
                    Meaning::Path { mut path, root } => {
                        path.push('.');
                        path.push_str(attr);
                        Some(Meaning::Path { path, root })
                    }
                    Meaning::Instance(class) => Some(match types::of_attribute(class, attr) {
                        Some(class) => Meaning::Instance(class),
                        None => Meaning::Member(format!("{class}.{attr}")),
                    }),
                    Meaning::Pending => Some(Meaning::PendingMember),
                    Meaning::Member(_) | Meaning::PendingMember => None,
                }
            }
            Expr::Call(call) => match self.within(&call.func, scope, depth + 1)? {
                Meaning::Path { path, .. } | Meaning::Member(path) => {
                    types::of_call(&path).map(Meaning::Instance)
                }
                Meaning::PendingMember => match &*call.func {
                    Expr::Attribute(method) if types::keeps_class(method.attr.as_str()) => {
                        Some(Meaning::Pending)
                    }
                    _ => None,
                },
                Meaning::Instance(_) | Meaning::Pending => None,
            },
            _ => None,
        }
    }

    fn name(&self, name: &str, scope: usize, depth: u32) -> Option<Meaning> {
        let Some((owner, bindings)) = self.scopes.of(scope, name) else {
            return Some(Meaning::Path {
                path: format!("builtins.{name}"),
                root: "builtins".len(),
            });
        };
        if let Some(path) = same_path(bindings) {
            let top = path.split('.').next().unwrap_or(path);
            return (!self.locals.contains(top)).then(|| Meaning::Path {
                path: path.to_owned(),
                root: path.len(),
            });
        }
        let key = (owner, name.to_owned());
        if self.pending.borrow().contains(&key) {
            return Some(Meaning::Pending);
        }
        self.pending.borrow_mut().push(key);
        let class = self.class(bindings, owner, depth);
        self.pending.borrow_mut().pop();
        class.map(Meaning::Instance)
    }

    /// The class that all bindings of a name agree on.
    fn class(&self, bindings: &[Binding<'a>], scope: usize, depth: u32) -> Option<&'static str> {
        /// A name that is bound more often than this is no name of one thing.
        const MAX_BINDINGS: usize = 40;
        if bindings.len() > MAX_BINDINGS {
            return None;
        }
        let mut class = None;
        for binding in bindings {
            let found = match &binding.target {
                Target::Value(Expr::NoneLiteral(_)) => continue,
                Target::Value(value) => match self.within(value, scope, depth + 1)? {
                    Meaning::Instance(class) => class,
                    Meaning::Pending => continue,
                    _ => return None,
                },
                Target::Annotated(annotation) => {
                    match self.within(annotation, scope, depth + 1)? {
                        Meaning::Path { path, .. } => types::of_annotation(&path)?,
                        _ => return None,
                    }
                }
                Target::Instance(class) => self.base(class, scope, depth + 1)?,
                Target::Path(_) | Target::Class(_) | Target::Other => return None,
            };
            if class.is_some_and(|class| class != found) {
                return None;
            }
            class = Some(found);
        }
        class
    }

    /// The known class that a class of the file is derived from.
    fn base(&self, class: &StmtClassDef, scope: usize, depth: u32) -> Option<&'static str> {
        if depth > MAX_DEPTH {
            return None;
        }
        class.bases().iter().find_map(|base| {
            if let Expr::Name(name) = base
                && let Some((owner, [binding])) = self.scopes.of(scope, name.id.as_str())
                && let Target::Class(parent) = binding.target
                && !std::ptr::eq(parent, class)
            {
                return self.base(parent, owner, depth + 1);
            }
            match self.within(base, scope, depth + 1)? {
                Meaning::Path { path, .. } => types::of_call(&path),
                _ => None,
            }
        })
    }
}

/// The path that all bindings of a name lead to.
pub(super) fn same_path<'b>(bindings: &'b [Binding<'_>]) -> Option<&'b str> {
    let mut paths = bindings.iter().map(|binding| match &binding.target {
        Target::Path(path) => Some(path.as_ref()),
        _ => None,
    });
    let first = paths.next()??;
    paths.all(|path| path == Some(first)).then_some(first)
}
