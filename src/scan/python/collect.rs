//! Walks a syntax tree and collects imports with the circumstances they stand under.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{
    Visitor, walk_expr, walk_interpolated_string_element, walk_pattern, walk_stmt,
};
use ruff_python_ast::{
    ExceptHandler, Expr, ExprCall, InterpolatedStringElement, ModModule, Operator, Pattern, Stmt,
    StmtIf, StmtImport, StmtImportFrom, StmtTry, StmtWith,
};
use ruff_text_size::{Ranged, TextRange};

use super::super::facts::{Facts, Origin};
use super::super::lines::Lines;
use super::super::{Import, ImportContext, Label, ModuleName, artifact, codes};
use super::define::definitions;
use super::guard::{Branches, Effect, branches, is_probe};
use super::handler::{ExceptionUse, exception_use, is_caught_as, is_import_error, is_nothing};
use super::paths::{Folders, path_of};
use super::{doctest, dotted, last_part, recover};
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
        depth: 0,
        complete: true,
        probes: BTreeSet::new(),
        folders: memchr::memmem::find(text.as_bytes(), b"sys.path").map(|_| Folders::new()),
        opaque: Opaque::default(),
        python_2: None,
        facts: Facts::default(),
    };
    collector.docstring(&module.body);
    collector.visit_body(&module.body);
    let Collector {
        mut facts,
        opaque,
        complete,
        python_2,
        ..
    } = collector;
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

struct Collector<'a> {
    text: &'a str,
    lines: &'a Lines<'a>,
    origin: &'a Origin<'a>,
    has_ignores: bool,
    /// What holds here, from all conditions around.
    state: Effect,
    deferred: bool,
    depth: u32,
    complete: bool,
    /// Names that say whether a module is there.
    probes: BTreeSet<String>,
    /// Names that stand for folders; collected only where `sys.path` occurs.
    folders: Option<Folders>,
    opaque: Opaque,
    python_2: Option<u32>,
    facts: Facts,
}

/// Imports that only running the code would name.
#[derive(Default)]
struct Opaque {
    first_line: Option<u32>,
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
                let before = std::mem::replace(&mut this.deferred, true);
                walk_stmt(this, stmt);
                this.deferred = before;
            }
            Stmt::ClassDef(class) => {
                this.docstring(&class.body);
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
                    folders.insert(name.id.to_string(), path);
                }
                walk_stmt(this, stmt);
            }
            _ => {
                if is_print_to_file(stmt) {
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
            _ => walk_expr(this, expr),
        });
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.nested(|this| walk_pattern(this, pattern));
    }

    fn visit_interpolated_string_element(&mut self, element: &'a InterpolatedStringElement) {
        self.nested(|this| walk_interpolated_string_element(this, element));
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

    fn under(&mut self, effect: Effect, walk: impl FnOnce(&mut Self)) {
        let inner = self.state.clone().and(effect);
        let outer = std::mem::replace(&mut self.state, inner);
        walk(self);
        self.state = outer;
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            self.push(alias.name.as_str(), Vec::new(), import.range, None);
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        // A relative import is the tree's own by its form.
        if import.level > 0 {
            return;
        }
        if let Some(module) = &import.module {
            let names = import.names.iter().map(|alias| alias.name.to_string());
            let names = names.filter(|name| !name.is_empty()).collect();
            self.push(module.as_str(), names, import.range, None);
        }
    }

    fn push(
        &mut self,
        module: &str,
        names: Vec<String>,
        range: TextRange,
        at_least: Option<ImportContext>,
    ) {
        let Some(module) = ModuleName::new(module) else {
            return;
        };
        let line = self.lines.number(range.start().to_usize());
        let last = self.lines.number(range.end().to_usize());
        let is_ignored = |number| recover::is_ignored(self.lines.text(number));
        if self.has_ignores && (line..=last).any(is_ignored) {
            return;
        }
        let guarded = [
            (self.state.optional, ImportContext::Optional),
            (self.state.typing, ImportContext::Typing),
        ];
        let guarded = guarded
            .into_iter()
            .filter_map(|(is, context)| is.then_some(context));
        let context = guarded.chain(at_least).fold(self.origin.base, Ord::max);
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
        // Who catches the error only to raise another one cannot do without the module.
        let effect = Effect {
            optional: caught && !rethrown,
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
            self.probes.insert(name.id.to_string());
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

    fn call(&mut self, call: &ExprCall) {
        let Some(name) = dotted(&call.func) else {
            return;
        };
        match last_part(&name) {
            "import_module" | "__import__" => self.dynamic(call, None),
            "find_spec" | "find_loader" | "importorskip" => {
                self.dynamic(call, Some(ImportContext::Optional));
            }
            "exec" if name == "exec" => self.executed(call),
            "append" if name == "sys.path.append" => self.path_entry(call, 0),
            "insert" if name == "sys.path.insert" => self.path_entry(call, 1),
            "Extension" | "CppExtension" | "CUDAExtension" | "SYCLExtension" => {
                self.extension(call);
            }
            _ => {}
        }
        let line = self.lines.number(call.range().start().to_usize());
        let artifact = artifact::in_call(&name, call, || self.origin.site(line));
        self.facts.artifacts.extend(artifact);
    }

    fn dynamic(&mut self, call: &ExprCall, at_least: Option<ImportContext>) {
        let Some(argument) = call.arguments.find_argument_value("name", 0) else {
            return;
        };
        match argument.as_string_literal_expr() {
            Some(literal) => {
                let before = self.facts.imports.len();
                self.push(literal.value.to_str(), Vec::new(), call.range(), at_least);
                for import in self.facts.imports.iter_mut().skip(before) {
                    import.labels.insert(Label::Dynamic);
                }
            }
            None if at_least.is_none() => self.opaque(call),
            None => {}
        }
    }

    /// `exec` of a text that is not known, or that imports.
    fn executed(&mut self, call: &ExprCall) {
        let literal = call.arguments.args.first();
        let literal = literal.and_then(|argument| argument.as_string_literal_expr());
        if literal.is_none_or(|literal| literal.value.to_str().contains("import")) {
            self.opaque(call);
        }
    }

    fn opaque(&mut self, call: &ExprCall) {
        let line = self.lines.number(call.range().start().to_usize());
        self.opaque.first_line.get_or_insert(line);
    }

    fn python_2(&mut self, range: TextRange) {
        let line = self.lines.number(range.start().to_usize());
        self.python_2.get_or_insert(line);
    }

    fn path_entry(&mut self, call: &ExprCall, position: usize) {
        let argument = call.arguments.args.get(position);
        let folders = self.folders.as_ref();
        let path = folders.and_then(|folders| path_of(argument?, folders));
        self.facts.path_entries.extend(path);
    }

    /// `CUDAExtension("name", ...)` of a build file.
    fn extension(&mut self, call: &ExprCall) {
        let name = call.arguments.find_argument_value("name", 0);
        let name = name.and_then(|name| name.as_string_literal_expr());
        let name = name.map(|name| name.value.to_str().to_owned());
        self.facts.extensions.extend(name);
    }

    /// Imports of the doctests in the docstring of a body.
    fn docstring(&mut self, body: &[Stmt]) {
        let Some(Stmt::Expr(first)) = body.first() else {
            return;
        };
        if !first.value.is_string_literal_expr() {
            return;
        }
        let range = first.value.range();
        let raw = self
            .text
            .get(range.start().to_usize()..range.end().to_usize());
        let Some(code) = raw.and_then(doctest::examples) else {
            return;
        };
        let offset = self
            .lines
            .number(range.start().to_usize())
            .saturating_sub(1);
        for statement in recover::statements(&Lines::new(&code)) {
            let line = statement.line + offset;
            if recover::is_ignored(self.lines.text(line)) {
                continue;
            }
            self.facts.imports.push(Import {
                module: statement.module,
                names: statement.names,
                context: ImportContext::Test.max(self.origin.base),
                labels: BTreeSet::new(),
                local: false,
                marker: None,
                site: self.origin.site(line),
            });
        }
    }
}

/// `print >>file, x`, which Python 3 takes for a shift.
fn is_print_to_file(stmt: &Stmt) -> bool {
    let Stmt::Expr(expr) = stmt else {
        return false;
    };
    let first = match &*expr.value {
        Expr::Tuple(tuple) => tuple.elts.first(),
        other => Some(other),
    };
    match first {
        Some(Expr::BinOp(shift)) => {
            shift.op == Operator::RShift
                && matches!(&*shift.left, Expr::Name(name) if name.id.as_str() == "print")
        }
        _ => false,
    }
}

/// Whether a value says that a module is there: a probe, possibly compared or combined.
fn is_guard(value: &Expr, probes: &BTreeSet<String>) -> bool {
    is_probe(value, probes) || {
        let Branches { then, otherwise } = branches(value, probes);
        then.optional || otherwise.optional
    }
}
