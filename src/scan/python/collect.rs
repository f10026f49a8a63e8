//! Walks a syntax tree and collects imports with the circumstances they stand under.

use std::collections::BTreeSet;
use std::rc::Rc;

use ruff_python_ast::visitor::{
    Visitor, walk_expr, walk_interpolated_string_element, walk_pattern, walk_stmt,
};
use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, InterpolatedStringElement, ModModule, Pattern, Stmt,
    StmtIf, StmtImport, StmtImportFrom, StmtTry, StmtWith,
};
use ruff_text_size::{Ranged, TextRange};

use super::super::facts::{Facts, Origin};
use super::super::implied::{self, Found, Names};
use super::super::lines::Lines;
use super::super::shell::Session;
use super::super::{Import, ImportContext, Label, ModuleName, codes, variable};
use super::define::definitions;
use super::guard::{Branches, Effect, branches, is_guard};
use super::handler::{ExceptionUse, exception_use, is_caught_as, is_import_error, is_nothing};
use super::paths::{Folders, path_of};
use super::strings::{self, Strings};
use super::{dotted, last_part, recover};
use crate::diagnostic::Diagnostic;

/// Everything that a module tells.
pub(super) struct Collected {
    /// What counts.
    pub(super) facts: Facts,
    /// False when parts of it were nested too deeply.
    pub(super) complete: bool,
    /// A line that means something only in Python 2, although Python 3 accepts it.
    pub(super) python_2: Option<u32>,
}

/// Collects everything that a module tells.
pub(super) fn collect(
    module: &ModModule,
    text: &str,
    lines: &Lines<'_>,
    origin: &Origin<'_>,
) -> Collected {
    let mut collector = Collector {
        text,
        lines,
        origin,
        has_ignores: memchr::memmem::find(text.as_bytes(), b"pinsmith: ignore").is_some(),
        state: Effect::default(),
        deferred: false,
        in_part: false,
        depth: 0,
        complete: true,
        probes: Rc::default(),
        folders: memchr::memmem::find(text.as_bytes(), b"sys.path").map(|_| Rc::default()),
        strings: memchr::memmem::find(text.as_bytes(), b"import_").map(|_| Rc::default()),
        globals: BTreeSet::new(),
        names: Names::default(),
        session: Session::default(),
        opaque: Opaque::default(),
        python_2: None,
        facts: Facts::default(),
    };
    collector.docstring(&module.body);
    collector.visit_body(&module.body);
    let Collector {
        mut facts,
        session,
        opaque,
        complete,
        python_2,
        ..
    } = collector;
    facts
        .install_lines
        .extend(session.finish(&facts.path_entries));
    facts.diagnostics.extend(opaque.diagnostic(origin));
    facts.imports.sort_by_key(|import| import.site.line);
    if origin.definitions {
        facts.definitions = Some(definitions(&module.body));
    }
    Collected {
        facts,
        complete,
        python_2,
    }
}

/// Syntax trees are walked to this depth: enough for what people write, little enough for any
/// stack. CPython refuses more than 200 nested brackets and 100 nested blocks.
const MAX_DEPTH: u32 = 400;

/// Functions that are the whole of a program.
const MAIN: [&str; 5] = ["__init__", "cli", "main", "run", "setup"];

#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Collector<'a> {
    pub(super) text: &'a str,
    pub(super) lines: &'a Lines<'a>,
    pub(super) origin: &'a Origin<'a>,
    has_ignores: bool,
    /// What holds here, from all conditions around.
    pub(super) state: Effect,
    deferred: bool,
    /// Inside a function that a program may do without: any but its main one.
    in_part: bool,
    depth: u32,
    complete: bool,
    /// Names that say whether a module is there.
    probes: Rc<BTreeSet<String>>,
    /// Names that stand for folders; collected only where `sys.path` occurs.
    pub(super) folders: Option<Rc<Folders>>,
    /// Names that stand for literal strings; collected only where modules are imported by name.
    pub(super) strings: Option<Strings>,
    /// Names that the function sets for the whole module.
    globals: BTreeSet<String>,
    /// What the file calls the modules that calls may need something for.
    pub(super) names: Names,
    /// Commands that the code runs.
    pub(super) session: Session,
    pub(super) opaque: Opaque,
    python_2: Option<u32>,
    pub(super) facts: Facts,
}

/// Imports that only running the code would name.
#[derive(Default)]
pub(super) struct Opaque {
    pub(super) first_line: Option<u32>,
}

impl Opaque {
    fn diagnostic(&self, origin: &Origin<'_>) -> Option<Diagnostic> {
        let line = self.first_line?;
        let message = format!("`{}` imports what only running it would tell", origin.file);
        let diagnostic = Diagnostic::info(codes::DYNAMIC_IMPORT, message)
            .at(origin.site(line))
            .help("declare the distributions that it needs");
        Some(diagnostic)
    }
}

impl<'a> Visitor<'a> for Collector<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.nested(|this| match stmt {
            Stmt::Import(import) => this.import(import),
            Stmt::ImportFrom(import) => this.import_from(import),
            Stmt::If(branch) => this.branch(branch),
            Stmt::Try(attempt) => this.attempt(attempt),
            Stmt::With(with) => this.with(with),
            Stmt::FunctionDef(function) => {
                this.docstring(&function.body);
                let before = (this.deferred, this.in_part);
                this.deferred = true;
                this.in_part |= !MAIN.contains(&function.name.as_str());
                this.scope(|this| walk_stmt(this, stmt));
                (this.deferred, this.in_part) = before;
            }
            Stmt::Global(global) => {
                let names = global.names.iter().map(ToString::to_string);
                this.globals.extend(names);
            }
            Stmt::ClassDef(class) => {
                this.docstring(&class.body);
                walk_stmt(this, stmt);
            }
            Stmt::For(each) => {
                if let Some(strings) = &mut this.strings {
                    strings::bind(&each.target, &each.iter, strings);
                }
                walk_stmt(this, stmt);
            }
            Stmt::AnnAssign(assign) => {
                if let (Some(strings), Some(value)) = (&mut this.strings, &assign.value) {
                    strings::assign(&assign.target, value, strings);
                }
                walk_stmt(this, stmt);
            }
            Stmt::Match(_) => this.under(Effect::conditional(), |this| walk_stmt(this, stmt)),
            Stmt::Assign(assign) => {
                if is_guard(&assign.value, &this.probes) {
                    assign
                        .targets
                        .iter()
                        .for_each(|target| this.probe_name(target));
                }
                if let (Some(folders), [Expr::Name(name)]) =
                    (&mut this.folders, assign.targets.as_slice())
                    && let Some(path) = path_of(&assign.value, folders)
                {
                    Rc::make_mut(folders).insert(name.id.to_string(), path);
                }
                if let Some(strings) = &mut this.strings {
                    let targets = assign.targets.iter();
                    targets.for_each(|one| strings::assign(one, &assign.value, strings));
                }
                if let [Expr::Subscript(place)] = assign.targets.as_slice() {
                    let found = implied::by_assignment(&place.slice, &assign.value);
                    this.implied(found, assign.range);
                }
                walk_stmt(this, stmt);
            }
            _ => {
                if recover::is_print_to_file(stmt) {
                    this.python_2(stmt.range());
                }
                walk_stmt(this, stmt);
            }
        });
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.nested(|this| match expr {
            Expr::Call(call) => {
                this.call(call);
                walk_expr(this, expr);
            }
            Expr::Subscript(subscript)
                if subscript.ctx.is_load() && this.origin.base == ImportContext::Runtime =>
            {
                let line = || this.lines.number(subscript.range().start().to_usize());
                let variable = variable::in_subscript(subscript, || this.origin.site(line()));
                this.facts.variables.extend(variable);
                walk_expr(this, expr);
            }
            Expr::Lambda(_) => {
                let before = std::mem::replace(&mut this.deferred, true);
                walk_expr(this, expr);
                this.deferred = before;
            }
            Expr::If(choice) => {
                let Branches { then, otherwise } = branches(&choice.test, &this.probes);
                this.visit_expr(&choice.test);
                this.under(then, |this| this.visit_expr(&choice.body));
                this.under(otherwise, |this| this.visit_expr(&choice.orelse));
            }
            _ => {
                if let (Some(strings), Some(loops)) = (&mut this.strings, loops_of(expr)) {
                    strings::bind_all(loops, strings);
                }
                walk_expr(this, expr);
            }
        });
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.nested(|this| walk_pattern(this, pattern));
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        self.nested(|this| walk_interpolated_string_element(this, element));
    }
}

/// The loops of a comprehension.
fn loops_of(expr: &Expr) -> Option<&[Comprehension]> {
    match expr {
        Expr::ListComp(one) => Some(&one.generators),
        Expr::SetComp(one) => Some(&one.generators),
        Expr::DictComp(one) => Some(&one.generators),
        Expr::Generator(one) => Some(&one.generators),
        _ => None,
    }
}

impl Collector<'_> {
    fn nested(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.depth == MAX_DEPTH {
            self.complete = false;
            return;
        }
        self.depth += 1;
        walk(self);
        self.depth -= 1;
    }

    /// What a function names is gone after it, except for globals.
    fn scope(&mut self, walk: impl FnOnce(&mut Self)) {
        let (probes, folders) = (Rc::clone(&self.probes), self.folders.clone());
        let strings = self.strings.clone();
        let outer = std::mem::take(&mut self.globals);
        walk(self);
        self.strings = strings;
        let globals = std::mem::replace(&mut self.globals, outer);
        let inner = std::mem::replace(&mut self.probes, probes);
        for name in globals.intersection(&inner) {
            if !self.probes.contains(name) {
                Rc::make_mut(&mut self.probes).insert(name.clone());
            }
        }
        let inner = std::mem::replace(&mut self.folders, folders);
        if let (Some(outer), Some(inner)) = (&mut self.folders, inner) {
            for (name, path) in inner.iter().filter(|(name, _)| globals.contains(*name)) {
                Rc::make_mut(outer).insert(name.clone(), path.clone());
            }
        }
    }

    fn under(&mut self, effect: Effect, walk: impl FnOnce(&mut Self)) {
        let inner = self.state.clone().and(effect);
        let outer = std::mem::replace(&mut self.state, inner);
        walk(self);
        self.state = outer;
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let found = self.names.import(alias);
            self.implied(found, import.range);
            self.push(alias.name.as_str(), Vec::new(), import.range, None);
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        // A relative import is the tree's own by its form.
        if import.level > 0 {
            return;
        }
        if let Some(module) = &import.module {
            let found = self.names.import_from(module.as_str(), &import.names);
            self.implied(found, import.range);
            let names = import.names.iter().map(|alias| alias.name.to_string());
            let names = names.filter(|name| !name.is_empty()).collect();
            self.push(module.as_str(), names, import.range, None);
        }
    }

    pub(super) fn push(
        &mut self,
        module: &str,
        names: Vec<String>,
        range: TextRange,
        at_least: Option<ImportContext>,
    ) {
        let Some(module) = ModuleName::new(module) else {
            return;
        };
        let Some(line) = self.counting_line(range) else {
            return;
        };
        let context = self.context().max(at_least.unwrap_or(self.origin.base));
        let labels = [
            (self.deferred, Label::Deferred),
            (self.state.conditional, Label::Conditional),
        ];
        let labels = labels
            .into_iter()
            .filter_map(|(is, label)| is.then_some(label));
        self.facts.imports.push(Import {
            module,
            names,
            context,
            labels: labels.collect(),
            local: false,
            marker: self.state.marker.as_ref().map(ToString::to_string),
            site: self.origin.site(line),
        });
    }

    /// The first line of a statement; `None` when a comment takes the statement out of the scan.
    fn counting_line(&self, range: TextRange) -> Option<u32> {
        let line = self.lines.number(range.start().to_usize());
        if self.has_ignores {
            let last = self.lines.number(range.end().to_usize());
            let is_ignored = |number| recover::is_ignored(self.lines.text(number));
            return (!(line..=last).any(is_ignored)).then_some(line);
        }
        Some(line)
    }

    /// The circumstances here, from all conditions around.
    fn context(&self) -> ImportContext {
        let guarded = [
            (self.state.optional, ImportContext::Optional),
            (self.state.typing, ImportContext::Typing),
        ];
        let guarded = guarded
            .into_iter()
            .filter_map(|(is, context)| is.then_some(context));
        guarded.fold(self.origin.base, Ord::max)
    }

    /// Adds what a use needs without importing it.
    pub(super) fn implied(&mut self, found: Vec<Found>, range: TextRange) {
        if found.is_empty() {
            return;
        }
        let Some(line) = self.counting_line(range) else {
            return;
        };
        let marker = self.state.marker.as_ref().map(ToString::to_string);
        let needs = found
            .into_iter()
            .map(|found| found.at(self.context(), marker.clone(), self.origin.site(line)));
        self.facts.implied.extend(needs.collect::<Vec<_>>());
    }

    fn branch(&mut self, branch: &StmtIf) {
        self.visit_expr(&branch.test);
        let mut here = branches(&branch.test, &self.probes);
        self.under(here.then, |this| this.visit_body(&branch.body));
        for clause in &branch.elif_else_clauses {
            let otherwise = here.otherwise;
            here = match &clause.test {
                Some(test) => {
                    self.under(otherwise.clone(), |this| this.visit_expr(test));
                    branches(test, &self.probes)
                }
                None => Branches::default(),
            };
            let then = otherwise.clone().and(here.then);
            self.under(then, |this| this.visit_body(&clause.body));
            here.then = Effect::default();
            here.otherwise = otherwise.and(here.otherwise);
        }
    }

    fn attempt(&mut self, attempt: &StmtTry) {
        let ExceptionUse { caught, rethrown } = exception_use(attempt);
        // Who catches the error only to raise another one cannot do without the module, except that a
        // function may say what it takes to call it.
        let effect = Effect {
            optional: caught && (!rethrown || self.in_part),
            ..Effect::default()
        };
        if caught {
            self.handler_probes(attempt);
        }
        self.under(effect.clone(), |this| this.visit_body(&attempt.body));
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            if let Some(type_) = &handler.type_ {
                if is_caught_as(type_) {
                    self.python_2(type_.range());
                }
                self.visit_expr(type_);
            }
            self.under(Effect::conditional(), |this| this.visit_body(&handler.body));
        }
        self.under(effect, |this| this.visit_body(&attempt.orelse));
        self.visit_body(&attempt.finalbody);
    }

    /// `except ImportError: wandb = None` makes `wandb` a name to ask.
    fn handler_probes(&mut self, attempt: &StmtTry) {
        for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
            for stmt in &handler.body {
                if let Stmt::Assign(assign) = stmt
                    && is_nothing(&assign.value)
                {
                    assign
                        .targets
                        .iter()
                        .for_each(|target| self.probe_name(target));
                }
            }
        }
    }

    fn probe_name(&mut self, target: &Expr) {
        if let Expr::Name(name) = target {
            Rc::make_mut(&mut self.probes).insert(name.id.to_string());
        }
    }

    fn with(&mut self, with: &StmtWith) {
        let suppresses = with.items.iter().any(|item| match &item.context_expr {
            Expr::Call(call) => {
                dotted(&call.func).is_some_and(|name| last_part(&name) == "suppress")
                    && call.arguments.args.iter().any(is_import_error)
            }
            _ => false,
        });
        for item in &with.items {
            self.visit_with_item(item);
        }
        let effect = Effect {
            optional: suppresses,
            ..Effect::default()
        };
        self.under(effect, |this| this.visit_body(&with.body));
    }

    fn python_2(&mut self, range: TextRange) {
        let line = self.lines.number(range.start().to_usize());
        self.python_2.get_or_insert(line);
    }
}
