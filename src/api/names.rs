//! Which name means what where: the bindings of every scope.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_pattern, walk_stmt};
use ruff_python_ast::{
    ExceptHandler, Expr, Identifier, ModModule, Parameters, Pattern, Stmt, StmtClassDef,
    StmtImportFrom,
};
use ruff_text_size::{Ranged, TextRange};

use super::MAX_DEPTH;

/// All scopes of a file; the first is the module, which the cells of a notebook share.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a> {
    all: Vec<Scope<'a>>,
    by_node: BTreeMap<Node, usize>,
    /// Modules whose names are all imported, anywhere in the file.
    pub(super) stars: Vec<String>,
    /// Modules that are imported under their own name, under no condition.
    pub(super) modules: BTreeSet<&'a str>,
    /// Top-level modules that are imported in any way.
    pub(super) tops: BTreeSet<&'a str>,
}

/// A node that opens a scope: its piece of the file, where it stands, and whether it is a function.
type Node = (usize, u32, u32, bool);

#[derive(Debug)]
struct Scope<'a> {
    parent: Option<usize>,
    is_class: bool,
    names: BTreeMap<&'a str, Vec<Binding<'a>>>,
    /// Names that are those of the module, or of a scope around.
    outer: Vec<&'a str>,
}

/// One place that gives a name its meaning.
#[derive(Debug, Clone)]
pub(super) struct Binding<'a> {
    pub(super) target: Target<'a>,
    /// The statement, and the piece of the file that it is in.
    pub(super) range: TextRange,
    pub(super) unit: usize,
    /// Whether it stands in the module itself, under no condition.
    pub(super) is_plain: bool,
}

/// What a name is bound to.
#[derive(Debug, Clone)]
pub(super) enum Target<'a> {
    /// An imported module or name, dotted.
    Path(Cow<'a, str>),
    /// The value of an expression.
    Value(&'a Expr),
    /// Something of an annotated type.
    Annotated(&'a Expr),
    /// A class of this file.
    Class(&'a StmtClassDef),
    /// The first argument of a method of this class.
    Instance(&'a StmtClassDef),
    /// Anything else.
    Other,
}

impl<'a> Scopes<'a> {
    /// Collects the bindings of the pieces of a file.
    pub(super) fn new(pieces: impl IntoIterator<Item = &'a ModModule>) -> Self {
        let mut scopes = Self::default();
        scopes.all.push(Scope::new(None, false));
        for (unit, module) in pieces.into_iter().enumerate() {
            let mut binder = Binder {
                scopes: &mut scopes,
                unit,
                scope: 0,
                depth: 0,
                class: None,
            };
            binder.visit_body(&module.body);
        }
        scopes
    }

    /// The scope that a node opens.
    pub(super) fn opened_by(&self, unit: usize, node: &impl Ranged, is_function: bool) -> usize {
        let key = key(unit, node.range(), is_function);
        self.by_node.get(&key).copied().unwrap_or_default()
    }

    /// The bindings of a name as seen from a scope; `None` when the file does not bind it.
    pub(super) fn of(&self, scope: usize, name: &str) -> Option<(usize, &[Binding<'a>])> {
        let mut at = Some(scope);
        while let Some(number) = at {
            let here = self.all.get(number)?;
            let is_seen = number == scope || !here.is_class;
            if is_seen && let Some(bindings) = here.names.get(name) {
                return Some((number, bindings));
            }
            at = here.parent;
        }
        None
    }
}

impl Scope<'_> {
    fn new(parent: Option<usize>, is_class: bool) -> Self {
        Self {
            parent,
            is_class,
            names: BTreeMap::new(),
            outer: Vec::new(),
        }
    }
}

fn key(unit: usize, range: TextRange, is_function: bool) -> Node {
    let (start, end) = (range.start().to_u32(), range.end().to_u32());
    (unit, start, end, is_function)
}

struct Binder<'s, 'a> {
    scopes: &'s mut Scopes<'a>,
    unit: usize,
    scope: usize,
    depth: u32,
    /// The class whose body this is.
    class: Option<&'a StmtClassDef>,
}

impl<'a> Binder<'_, 'a> {
    fn bind(&mut self, name: &'a str, target: Target<'a>, range: TextRange) {
        let binding = Binding {
            target,
            range,
            unit: self.unit,
            is_plain: self.depth == 1 && self.scope == 0,
        };
        let mut scope = self.scope;
        let declared = |scope: &Scope<'_>| scope.outer.contains(&name);
        while let Some(here) = self.scopes.all.get(scope) {
            match here.parent {
                Some(parent) if declared(here) => scope = parent,
                _ => break,
            }
        }
        if let Some(here) = self.scopes.all.get_mut(scope) {
            here.names.entry(name).or_default().push(binding);
        }
    }

    fn nested(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            walk(self);
            self.depth -= 1;
        }
    }

    /// Walks what is in a scope of its own.
    fn within(
        &mut self,
        range: TextRange,
        is_function: bool,
        class: Option<&'a StmtClassDef>,
        walk: impl FnOnce(&mut Self),
    ) {
        let number = self.scopes.all.len();
        let scope = Scope::new(Some(self.scope), class.is_some());
        self.scopes.all.push(scope);
        let key = key(self.unit, range, is_function);
        self.scopes.by_node.insert(key, number);
        let before = std::mem::replace(&mut self.scope, number);
        let outer = std::mem::replace(&mut self.class, class);
        walk(self);
        self.class = outer;
        self.scope = before;
    }

    fn parameters(&mut self, parameters: &'a Parameters, class: Option<&'a StmtClassDef>) {
        for (position, parameter) in parameters.iter().enumerate() {
            let name = parameter.name().as_str();
            let target = match (class, parameter.annotation()) {
                (Some(class), None) if position == 0 => Target::Instance(class),
                (_, Some(annotation)) if !parameter.is_variadic() => Target::Annotated(annotation),
                _ => Target::Other,
            };
            self.bind(name, target, parameter.range());
        }
    }

    fn import_from(&mut self, import: &'a StmtImportFrom) {
        for alias in &import.names {
            let name = alias.name.as_str();
            let module = import.module.as_ref().filter(|_| import.level == 0);
            if let Some(module) = module {
                let top = module.as_str().split('.').next();
                self.scopes.tops.extend(top);
            }
            if name == "*" {
                let module = module.map(ToString::to_string);
                self.scopes.stars.push(module.unwrap_or_default());
                continue;
            }
            let bound = alias.asname.as_ref().map_or(name, |name| name.as_str());
            let target = match module {
                Some(module) => Target::Path(format!("{module}.{name}").into()),
                None => Target::Other,
            };
            self.bind(bound, target, import.range);
        }
    }

    fn target(&mut self, target: &'a Expr, value: Target<'a>, range: TextRange) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), value, range),
            other => self.visit_expr(other),
        }
    }
}

impl<'a> Visitor<'a> for Binder<'_, 'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.nested(|this| match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.name.as_str();
                    let top = name.split('.').next().unwrap_or(name);
                    let asname = alias.asname.as_ref();
                    let (bound, path) = asname.map_or((top, top), |bound| (bound.as_str(), name));
                    this.scopes.tops.insert(top);
                    if alias.asname.is_none() && this.depth == 1 && this.scope == 0 {
                        this.scopes.modules.insert(name);
                    }
                    this.bind(bound, Target::Path(path.into()), import.range);
                }
            }
            Stmt::ImportFrom(import) => this.import_from(import),
            Stmt::FunctionDef(function) => {
                this.bind(function.name.as_str(), Target::Other, function.range);
                let is_static = function.decorator_list.iter().any(|decorator| {
                    matches!(&decorator.expression, Expr::Name(name) if name.id.as_str().ends_with("method"))
                });
                let class = this.class.filter(|_| !is_static);
                for decorator in &function.decorator_list {
                    this.visit_decorator(decorator);
                }
                this.within(function.range, true, None, |this| {
                    this.parameters(&function.parameters, class);
                    this.visit_parameters(&function.parameters);
                    this.visit_body(&function.body);
                });
            }
            Stmt::ClassDef(class) => {
                this.bind(class.name.as_str(), Target::Class(class), class.range);
                this.within(class.range, false, Some(class), |this| walk_stmt(this, stmt));
            }
            Stmt::Global(global) => {
                let names = global.names.iter().map(Identifier::as_str);
                if let Some(scope) = this.scopes.all.get_mut(this.scope) {
                    scope.outer.extend(names);
                }
            }
            Stmt::Nonlocal(nonlocal) => {
                let names = nonlocal.names.iter().map(Identifier::as_str);
                if let Some(scope) = this.scopes.all.get_mut(this.scope) {
                    scope.outer.extend(names);
                }
            }
            Stmt::Assign(assign) => {
                this.visit_expr(&assign.value);
                for target in &assign.targets {
                    this.target(target, Target::Value(&assign.value), assign.range);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    this.visit_expr(value);
                }
                let annotated = Target::Annotated(&assign.annotation);
                this.target(&assign.target, annotated, assign.range);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    this.visit_expr(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        let value = Target::Value(&item.context_expr);
                        this.target(target, value, with.range);
                    }
                }
                this.visit_body(&with.body);
            }
            _ => walk_stmt(this, stmt),
        });
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name.as_str(), Target::Other, inner.range);
        }
        ruff_python_ast::visitor::walk_except_handler(self, handler);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.nested(|this| match expr {
            Expr::Name(name) => {
                if !name.ctx.is_load() {
                    this.bind(name.id.as_str(), Target::Other, name.range);
                }
            }
            Expr::Lambda(lambda) => this.within(lambda.range, true, None, |this| {
                if let Some(parameters) = &lambda.parameters {
                    this.parameters(parameters, None);
                }
                walk_expr(this, expr);
            }),
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                this.within(expr.range(), true, None, |this| walk_expr(this, expr));
            }
            _ => walk_expr(this, expr),
        });
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(pattern) => pattern.name.as_ref(),
            Pattern::MatchStar(pattern) => pattern.name.as_ref(),
            Pattern::MatchMapping(pattern) => pattern.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name.as_str(), Target::Other, pattern.range());
        }
        self.nested(|this| walk_pattern(this, pattern));
    }
}
