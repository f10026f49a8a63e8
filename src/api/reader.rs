//! Walks the sources of one file and reports what they use.

use ruff_python_ast::visitor::{
    Visitor, walk_expr, walk_interpolated_string_element, walk_pattern, walk_stmt,
};
use ruff_python_ast::{
    Alias, ExceptHandler, Expr, ExprAttribute, ExprCall, Identifier, InterpolatedStringElement,
    ModModule, Pattern, Stmt, StmtIf, StmtImportFrom, StmtTry,
};
use ruff_python_parser::{ParseError, UnsupportedSyntaxError};
use ruff_text_size::{Ranged, TextRange};

use super::guard::{self, Test, last_name};
use super::lookup::{added, applies, is_chain, part, removed};
use super::resolve::{Meaning, Resolver};
use super::table::{self, Removal};
use super::{Certainty, Edit, Finding, MAX_DEPTH, News, PythonFact, Usage, fix, syntax};
use crate::scan::ImportContext;
use crate::scan::code::{Code, CodeLines};

/// A parsed piece of a file.
pub(super) struct Piece<'a> {
    pub(super) code: &'a Code,
    pub(super) module: &'a ModModule,
    pub(super) lines: CodeLines<'a>,
    /// What could not be parsed: then no edit is safe.
    pub(super) errors: &'a [ParseError],
    /// What came with some version of Python.
    pub(super) unsupported: &'a [UnsupportedSyntaxError],
}

/// What a file uses, and the names of modules that it sets itself.
pub(super) struct Read {
    pub(super) usage: Usage,
    /// Symbols that the file gives a value: `np.float = float`.
    pub(super) patched: Vec<String>,
    /// False when it is nested too deeply.
    pub(super) complete: bool,
}

/// Reads the pieces of a file.
pub(super) fn read(file: &str, pieces: &[Piece<'_>], resolver: &Resolver<'_, '_>) -> Read {
    let mut read = Read {
        usage: Usage::default(),
        patched: Vec::new(),
        complete: true,
    };
    for (unit, piece) in pieces.iter().enumerate() {
        let mut reader = Reader {
            file,
            piece,
            unit,
            resolver,
            scope: 0,
            depth: 0,
            guarded: false,
            typing: false,
            then: None,
            unpacked: None,
            future_annotations: syntax::has_future_annotations(piece.module),
            read: &mut read,
        };
        syntax::of_parser(&mut reader, piece.errors, piece.unsupported);
        reader.visit_body(&piece.module.body);
    }
    read
}

pub(super) struct Reader<'r, 's, 'a> {
    pub(super) file: &'r str,
    pub(super) piece: &'r Piece<'a>,
    pub(super) unit: usize,
    pub(super) resolver: &'r Resolver<'s, 'a>,
    pub(super) scope: usize,
    depth: u32,
    guarded: bool,
    typing: bool,
    /// The attribute that is read of the result of the call that comes next.
    then: Option<&'r str>,
    /// Into how many names the result of the call that comes next goes.
    unpacked: Option<usize>,
    /// Whether annotations are not evaluated.
    pub(super) future_annotations: bool,
    read: &'r mut Read,
}

impl<'r> Visitor<'r> for Reader<'r, '_, '_> {
    fn visit_body(&mut self, body: &'r [Stmt]) {
        let before = self.guarded;
        for stmt in body {
            self.visit_stmt(stmt);
            // what follows `if version < x: return` is for the other versions
            if let Stmt::If(branch) = stmt
                && guard::test(&branch.test) == Test::Guard
                && guard::leaves(&branch.body)
            {
                self.guarded = true;
            }
        }
        self.guarded = before;
    }

    fn visit_stmt(&mut self, stmt: &'r Stmt) {
        self.nested(|this| {
            syntax::of_statement(this, stmt);
            match stmt {
                Stmt::Import(import) => {
                    for alias in &import.names {
                        this.import(alias);
                    }
                }
                Stmt::ImportFrom(import) => this.import_from(import),
                Stmt::If(branch) => this.branch(branch),
                Stmt::Try(attempt) => this.attempt(attempt),
                Stmt::With(with) => {
                    let suppresses = with.items.iter().any(|item| {
                        matches!(&item.context_expr, Expr::Call(call) if last_name(&call.func) == Some("suppress"))
                    });
                    for item in &with.items {
                        this.visit_with_item(item);
                    }
                    this.under(suppresses, |this| this.visit_body(&with.body));
                }
                Stmt::FunctionDef(_) => this.opened(stmt, true, |this| walk_stmt(this, stmt)),
                Stmt::ClassDef(_) => this.opened(stmt, false, |this| walk_stmt(this, stmt)),
                Stmt::Assign(assign) => {
                    if let [Expr::Tuple(tuple)] = assign.targets.as_slice() {
                        let starred = tuple.elts.iter().any(Expr::is_starred_expr);
                        this.unpacked = (!starred).then_some(tuple.elts.len());
                    }
                    walk_stmt(this, stmt);
                    this.unpacked = None;
                }
                _ => walk_stmt(this, stmt),
            }
        });
    }

    fn visit_annotation(&mut self, expr: &'r Expr) {
        if !self.future_annotations {
            syntax::of_annotation(self, expr);
        }
        self.visit_expr(expr);
    }

    fn visit_expr(&mut self, expr: &'r Expr) {
        self.nested(|this| {
            syntax::of_expression(this, expr);
            match expr {
                Expr::Name(name) if name.ctx.is_load() => this.name(expr),
                Expr::Attribute(attribute) => this.attribute(expr, attribute),
                Expr::Call(call) => {
                    let (then, unpacked) = (this.then.take(), this.unpacked.take());
                    this.call(call, unpacked);
                    this.then = then;
                    this.visit_expr(&call.func);
                    this.then = None;
                    this.visit_arguments(&call.arguments);
                }
                Expr::Lambda(_)
                | Expr::ListComp(_)
                | Expr::SetComp(_)
                | Expr::DictComp(_)
                | Expr::Generator(_) => this.opened(expr, true, |this| walk_expr(this, expr)),
                Expr::If(choice) => {
                    this.visit_expr(&choice.test);
                    let is_guard = guard::test(&choice.test) == Test::Guard;
                    this.under(is_guard, |this| {
                        this.visit_expr(&choice.body);
                        this.visit_expr(&choice.orelse);
                    });
                }
                Expr::BoolOp(operation) => {
                    let before = this.guarded;
                    for value in &operation.values {
                        this.visit_expr(value);
                        this.guarded |= guard::test(value) == Test::Guard;
                    }
                    this.guarded = before;
                }
                _ => walk_expr(this, expr),
            }
        });
    }

    fn visit_pattern(&mut self, pattern: &'r Pattern) {
        self.nested(|this| walk_pattern(this, pattern));
    }

    fn visit_interpolated_string_element(&mut self, element: &'r InterpolatedStringElement) {
        self.nested(|this| walk_interpolated_string_element(this, element));
    }
}

impl<'r> Reader<'r, '_, '_> {
    fn nested(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.depth == MAX_DEPTH {
            self.read.complete = false;
            return;
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    /// Walks what a node has in a scope of its own.
    fn opened(&mut self, node: &impl Ranged, is_function: bool, walk: impl FnOnce(&mut Self)) {
        let scopes = self.resolver.scopes;
        let inner = scopes.opened_by(self.unit, node, is_function);
        let outer = std::mem::replace(&mut self.scope, inner);
        walk(self);
        self.scope = outer;
    }

    fn under(&mut self, guarded: bool, walk: impl FnOnce(&mut Self)) {
        let before = self.guarded;
        self.guarded |= guarded;
        walk(self);
        self.guarded = before;
    }

    fn branch(&mut self, branch: &'r StmtIf) {
        self.visit_expr(&branch.test);
        let test = guard::test(&branch.test);
        let typing = self.typing;
        self.typing |= test == Test::Typing;
        self.under(test == Test::Guard, |this| this.visit_body(&branch.body));
        self.typing = typing;
        let mut guarded = test == Test::Guard;
        for clause in &branch.elif_else_clauses {
            if let Some(test) = &clause.test {
                self.under(guarded, |this| this.visit_expr(test));
                guarded |= guard::test(test) == Test::Guard;
            }
            self.under(guarded, |this| this.visit_body(&clause.body));
        }
    }

    fn attempt(&mut self, attempt: &'r StmtTry) {
        let copes = guard::copes(attempt);
        self.under(copes, |this| this.visit_body(&attempt.body));
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            if let Some(type_) = &handler.type_ {
                self.visit_expr(type_);
            }
            self.under(copes, |this| this.visit_body(&handler.body));
        }
        self.under(copes, |this| this.visit_body(&attempt.orelse));
        self.visit_body(&attempt.finalbody);
    }

    fn import(&mut self, alias: &'r Alias) {
        let path = alias.name.as_str();
        if self.is_local(path) {
            return;
        }
        if let Some((removal, _)) = removed(path, 0, true) {
            let fix = fix::of_import(self, alias, removal);
            self.found(removal, alias.range, fix, self.certainty());
        }
        self.news(path, 0, alias.range);
    }

    fn import_from(&mut self, import: &'r StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0) else {
            return;
        };
        let module = module.as_str();
        if self.is_local(module) {
            return;
        }
        let mut fix = None;
        for alias in &import.names {
            let name = alias.name.as_str();
            let path = match name {
                "*" => module.to_owned(),
                name => format!("{module}.{name}"),
            };
            if let Some((removal, _)) = removed(&path, 0, true) {
                let fix = fix
                    .get_or_insert_with(|| fix::of_import_from(self, import))
                    .clone();
                let fix = fix.filter(|_| fix::moves(&path, removal));
                self.found(removal, alias.range, fix, self.certainty());
            }
            self.news(&path, 0, alias.range);
        }
    }

    fn name(&mut self, expr: &'r Expr) {
        let Expr::Name(name) = expr else { return };
        let is_bound = self
            .resolver
            .scopes
            .of(self.scope, name.id.as_str())
            .is_some();
        if is_bound {
            return;
        }
        let name = name.id.as_str();
        let stars = &self.resolver.scopes.stars;
        let path = format!("builtins.{name}");
        if let Some((removal, _)) = removed(&path, "builtins".len(), false) {
            let certainty = if stars.is_empty() {
                self.certainty()
            } else {
                Certainty::Likely
            };
            self.found(removal, expr.range(), None, certainty);
        }
        if stars.is_empty() {
            self.news(&path, "builtins".len(), expr.range());
        }
        let mut hidden = stars.iter().filter(|module| !self.is_local(module));
        let hidden =
            hidden.find_map(|module| removed(&format!("{module}.{name}"), module.len(), false));
        if let Some((removal, _)) = hidden {
            self.found(removal, expr.range(), None, Certainty::Likely);
        }
    }

    fn attribute(&mut self, expr: &'r Expr, attribute: &'r ExprAttribute) {
        let then = self.then.take();
        match self.resolver.meaning(expr, self.scope) {
            Some(Meaning::Path { path, root }) => {
                if attribute.ctx.is_load() {
                    self.path(expr, &path, root, then);
                } else {
                    self.read.patched.push(path);
                }
                // a chain of names says nothing more
                if is_chain(expr) {
                    return;
                }
            }
            Some(Meaning::Member(path)) => {
                if let Some((removal, _)) = removed(&path, 0, false) {
                    let fix = fix::of_member(self, attribute, removal);
                    self.found(removal, attribute.range, fix, self.certainty());
                }
            }
            Some(Meaning::Instance(_) | Meaning::Pending | Meaning::PendingMember) => {}
            None => self.unknown_method(attribute),
        }
        if let Expr::Call(_) = &*attribute.value {
            self.then = Some(attribute.attr.as_str());
        }
        self.visit_expr(&attribute.value);
        self.then = None;
    }

    /// A use of a dotted path.
    fn path(&mut self, expr: &'r Expr, path: &str, root: usize, then: Option<&str>) {
        if let Some((removal, length)) = removed(path, root, false) {
            let Some(used) = part(expr, path, length) else {
                return;
            };
            let fix = fix::of_path(self, used, path.get(..root).unwrap_or(path), removal, then);
            self.found(removal, used.range(), fix, self.certainty());
        }
        self.news(path, root, expr.range());
    }

    /// A method whose name says enough, of something unknown.
    fn unknown_method(&mut self, attribute: &'r ExprAttribute) {
        let name = attribute.attr.as_str();
        if !attribute.ctx.is_load() {
            return;
        }
        let Some(removal) = table::index().distinct(name) else {
            return;
        };
        let top = removal.symbol.split('.').next().unwrap_or_default();
        if self.resolver.scopes.tops.contains(top) && !self.resolver.locals.contains(top) {
            let range = attribute.attr.range;
            self.found(removal, range, None, Certainty::Likely);
        }
    }

    fn call(&mut self, call: &'r ExprCall, unpacked: Option<usize>) {
        let called = self.resolver.meaning(&call.func, self.scope);
        let Some(Meaning::Path { path, .. } | Meaning::Member(path)) = called else {
            return;
        };
        for removal in table::index().of(&path) {
            if let Some(keyword) = removal.keyword() {
                let mut keywords = call.arguments.keywords.iter();
                let is_it = |name: Option<&str>| name == Some(keyword);
                let given =
                    keywords.find(|given| is_it(given.arg.as_ref().map(Identifier::as_str)));
                if let Some(given) = given {
                    let fix = fix::of_keyword(self, call, given, removal);
                    self.found(removal, given.range, fix, self.certainty());
                }
            } else if applies(removal, call, unpacked) {
                self.found(removal, call.range(), None, self.certainty());
            }
        }
    }

    fn news(&mut self, path: &str, root: usize, range: TextRange) {
        let Some(addition) = added(path, root) else {
            return;
        };
        let Some(site) = self.site(range) else { return };
        self.read.usage.news.push(News {
            addition,
            written: self.written(range),
            site,
            context: self.context(),
            certainty: self.certainty(),
        });
    }

    fn found(
        &mut self,
        removal: &'static Removal,
        range: TextRange,
        fix: Option<Vec<Edit>>,
        certainty: Certainty,
    ) {
        let Some(site) = self.site(range) else { return };
        // who copes with versions without it wrote what is wanted
        let is_whole =
            self.piece.errors.is_empty() && !syntax::is_python_2_only(self.piece.unsupported);
        let fix = fix.filter(|_| certainty == Certainty::Certain && is_whole);
        self.read.usage.findings.push(Finding {
            removal,
            written: self.written(range),
            site,
            context: self.context(),
            certainty,
            fix,
        });
    }

    /// Notes what says something about the Python that the code is for.
    pub(super) fn fact(&mut self, fact: &syntax::Claimed) {
        let Some(site) = self.site(fact.range) else {
            return;
        };
        let python = &mut self.read.usage.python;
        let is_known = |known: &&PythonFact| known.what == fact.what && known.claim == fact.claim;
        if python.iter().any(|known| is_known(&known)) {
            return;
        }
        let context = self.context();
        self.read.usage.python.push(PythonFact {
            claim: fact.claim,
            what: fact.what.to_owned(),
            site,
            context,
        });
    }

    fn certainty(&self) -> Certainty {
        if self.guarded {
            Certainty::Guarded
        } else {
            Certainty::Certain
        }
    }

    fn context(&self) -> ImportContext {
        if self.typing {
            ImportContext::Typing
        } else {
            self.piece.code.context
        }
    }

    fn is_local(&self, path: &str) -> bool {
        let top = path.split('.').next().unwrap_or(path);
        top.is_empty() || self.resolver.locals.contains(top)
    }
}
