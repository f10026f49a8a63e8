//! `setup.py`, read and never run: literal lists, names bound to them, and files that it opens.

mod text;
mod worth;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::str::FromStr;

use pinsmith_resolver::PackageName;
use ruff_python_ast::{Expr, ExprCall, InterpolatedStringElement, Operator, Stmt};
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged, TextSize};

use self::text::{is_requirements_file, literal};
use self::worth::Worth;
use super::Declared;
use super::line::{Collector, Role, group_name};
use crate::requirements::codes;
use crate::scan::is_too_complex;

/// Largest file that is read; a setup script has no reason to be longer.
const LARGEST: usize = 128 * 1024;
/// Stack for a syntax tree as deep as such a file can make it.
const STACK: usize = 256 * 1024 * 1024;
/// How many values may be copied from one name to another; a script can double them at each line.
const MOST_COPIES: usize = 100_000;
/// Deepest expression or statement that is looked into.
const DEEPEST: usize = 32;

/// Reads a `setup.py` without running it.
pub(super) fn read(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    if text.len() > LARGEST || is_too_complex(text) {
        collector.warn(
            codes::UNREADABLE,
            0,
            "this setup script is too long or nested too deeply to be read",
            "declare the requirements in pyproject.toml",
        );
        return collector.finish();
    }
    // dropping a deeply nested tree takes as much stack as its depth
    let read = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let handle = thread.spawn_scoped(scope, || read_on_this_stack(text, file));
        handle.ok()?.join().ok()
    });
    read.unwrap_or_else(|| {
        let help = "declare the requirements in pyproject.toml";
        collector.warn(
            codes::UNREADABLE,
            0,
            "this setup script cannot be read",
            help,
        );
        collector.finish()
    })
}

fn read_on_this_stack(text: &str, file: &str) -> Declared {
    let parsed = parse_unchecked(text, ParseOptions::from(Mode::Module));
    let mut script = Script {
        text,
        copies: Cell::new(MOST_COPIES),
        names: BTreeMap::new(),
        functions: BTreeMap::new(),
        collector: Collector::new(file),
    };
    if let ruff_python_ast::Mod::Module(module) = parsed.syntax() {
        script.statements(&module.body, 0);
    }
    script.collector.finish()
}

struct Script<'a> {
    text: &'a str,
    copies: Cell<usize>,
    names: BTreeMap<String, Worth>,
    /// Files that a function of the script opens by a literal name.
    functions: BTreeMap<String, Vec<(String, u32)>>,
    collector: Collector,
}

impl Script<'_> {
    fn line(&self, offset: TextSize) -> u32 {
        let before = self.text.as_bytes().get(..offset.to_usize());
        let breaks = memchr::memchr_iter(b'\n', before.unwrap_or_default()).count();
        u32::try_from(breaks + 1).unwrap_or(u32::MAX)
    }

    fn statements(&mut self, body: &[Stmt], depth: usize) {
        if depth > DEEPEST {
            return;
        }
        for statement in body {
            self.statement(statement, depth);
        }
    }

    fn statement(&mut self, statement: &Stmt, depth: usize) {
        match statement {
            Stmt::Assign(assign) => {
                let worth = self.worth(&assign.value, depth);
                for target in &assign.targets {
                    let worth = self.copy(&worth);
                    self.bind(target, worth);
                }
                self.find_setup(&assign.value);
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    let worth = self.worth(value, depth);
                    self.bind(&assign.target, worth);
                }
            }
            Stmt::AugAssign(assign) => {
                let mut worth = self.worth(&assign.target, depth);
                worth.add(self.worth(&assign.value, depth));
                self.bind(&assign.target, worth);
            }
            Stmt::Expr(expression) => {
                self.change(&expression.value, depth);
                self.find_setup(&expression.value);
            }
            Stmt::If(branch) => {
                self.statements(&branch.body, depth + 1);
                for clause in &branch.elif_else_clauses {
                    self.statements(&clause.body, depth + 1);
                }
            }
            Stmt::Try(guarded) => {
                self.statements(&guarded.body, depth + 1);
                self.statements(&guarded.orelse, depth + 1);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    let worth = self.worth(&item.context_expr, depth);
                    if let Some(target) = &item.optional_vars {
                        self.bind(target, worth);
                    }
                }
                self.statements(&with.body, depth + 1);
            }
            Stmt::FunctionDef(function) => {
                let files = self.literal_files(function.start(), function.end());
                self.functions.insert(function.name.to_string(), files);
                if function.name.as_str().contains("main")
                    || function.name.as_str() == "setup_package"
                {
                    self.statements(&function.body, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// A copy, while the budget lasts.
    fn copy(&self, worth: &Worth) -> Worth {
        match self.copies.get().checked_sub(worth.size()) {
            Some(left) => {
                self.copies.set(left);
                worth.clone()
            }
            None => Worth::unknown(),
        }
    }

    /// `names.append("x")`, `names.extend(more)`, `extras.update(more)`
    fn change(&mut self, expression: &Expr, depth: usize) {
        let Expr::Call(call) = expression else { return };
        let Expr::Attribute(method) = &*call.func else {
            return;
        };
        let changes = ["append", "extend", "insert", "update", "add"];
        if let Expr::Name(name) = &*method.value
            && changes.contains(&method.attr.as_str())
            && let Some(mut worth) = self.names.remove(name.id.as_str())
        {
            worth.add(self.all(&call.arguments.args, depth));
            self.names.insert(name.id.to_string(), worth);
        }
    }

    /// `name = worth` and `name["key"] = worth`.
    fn bind(&mut self, target: &Expr, worth: Worth) {
        match target {
            Expr::Name(name) => {
                self.names.insert(name.id.to_string(), worth);
            }
            Expr::Subscript(subscript) => {
                if let (Expr::Name(name), Some(key)) =
                    (&*subscript.value, literal(&subscript.slice))
                {
                    let dictionary = self.names.entry(name.id.to_string()).or_default();
                    dictionary.entries.insert(key, worth);
                }
            }
            _ => {}
        }
    }

    /// String literals in a stretch of source that look like requirements files.
    fn literal_files(&self, start: TextSize, end: TextSize) -> Vec<(String, u32)> {
        let stretch = self.text.get(start.to_usize()..end.to_usize());
        let pieces = stretch.unwrap_or_default().split(['"', '\'']);
        let files = pieces.filter(|piece| is_requirements_file(piece));
        files
            .map(|file| (file.to_owned(), self.line(start)))
            .collect()
    }

    fn worth(&self, expression: &Expr, depth: usize) -> Worth {
        if depth > DEEPEST {
            return Worth::unknown();
        }
        let deeper = |expression| self.worth(expression, depth + 1);
        match expression {
            Expr::StringLiteral(string) => {
                Worth::text(string.value.to_str().to_owned(), self.line(string.start()))
            }
            Expr::FString(string) => {
                let parts = string.value.elements().map(|element| match element {
                    InterpolatedStringElement::Literal(literal) => Some(literal.value.to_string()),
                    InterpolatedStringElement::Interpolation(hole) => {
                        deeper(&hole.expression).as_text().map(str::to_owned)
                    }
                });
                text::joined(parts, self.line(string.start()))
            }
            Expr::BinOp(filled) if filled.op == Operator::Mod => {
                let values = match &*filled.right {
                    Expr::Tuple(tuple) => tuple.elts.iter().map(&deeper).collect(),
                    other => vec![deeper(other)],
                };
                text::filled(&deeper(&filled.left), "%", &values)
            }
            Expr::List(list) => self.all(&list.elts, depth),
            Expr::Tuple(tuple) => self.all(&tuple.elts, depth),
            Expr::Set(set) => self.all(&set.elts, depth),
            Expr::Starred(starred) => deeper(&starred.value),
            Expr::BinOp(sum) if sum.op == Operator::Add => {
                let (mut left, right) = (deeper(&sum.left), deeper(&sum.right));
                match (left.text, right.text) {
                    (true, true) => {
                        let line = self.line(sum.start());
                        let parts = [left.as_text(), right.as_text()].into_iter();
                        text::joined(parts.map(|part| part.map(str::to_owned)), line)
                    }
                    (true, false) if right.unknown && right.items.is_empty() => text::joined(
                        [left.as_text().map(str::to_owned), None].into_iter(),
                        self.line(sum.start()),
                    ),
                    _ => {
                        left.add(right);
                        left
                    }
                }
            }
            Expr::Name(name) => {
                let known = self.names.get(name.id.as_str());
                known.map_or_else(Worth::unknown, |worth| self.copy(worth))
            }
            Expr::Dict(dictionary) => self.dictionary(&dictionary.items, depth),
            Expr::Subscript(subscript) => {
                let worth = deeper(&subscript.value);
                let entry =
                    literal(&subscript.slice).and_then(|key| worth.entries.get(&key).cloned());
                // a slice of lines read from a file is still that file
                entry.unwrap_or_else(|| {
                    if worth.files.is_empty() {
                        Worth::unknown()
                    } else {
                        worth
                    }
                })
            }
            Expr::Attribute(attribute) => deeper(&attribute.value),
            Expr::ListComp(list) => self.comprehension(&list.generators, depth),
            Expr::Generator(list) => self.comprehension(&list.generators, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::If(choice) => deeper(&choice.body),
            _ => Worth::unknown(),
        }
    }

    fn all(&self, elements: &[Expr], depth: usize) -> Worth {
        let mut worth = Worth::default();
        for element in elements {
            worth.add(self.worth(element, depth + 1));
        }
        worth
    }

    fn dictionary(&self, items: &[ruff_python_ast::DictItem], depth: usize) -> Worth {
        let mut worth = Worth::default();
        for item in items {
            match item.key.as_ref().map(literal) {
                Some(Some(key)) => {
                    let value = self.worth(&item.value, depth + 1);
                    worth.entries.insert(key, value);
                }
                Some(None) => worth.unknown = true,
                None => worth.add(self.worth(&item.value, depth + 1)),
            }
        }
        worth
    }

    fn comprehension(&self, generators: &[ruff_python_ast::Comprehension], depth: usize) -> Worth {
        generators.first().map_or_else(Worth::unknown, |generator| {
            self.worth(&generator.iter, depth + 1)
        })
    }

    /// `open("requirements.txt").read().splitlines()`, `list(...)`, `read("requirements.txt")`.
    fn call(&self, call: &ExprCall, depth: usize) -> Worth {
        let arguments = self.all(&call.arguments.args, depth);
        let line = self.line(call.start());
        let opened = arguments
            .items
            .iter()
            .filter(|(text, _)| is_requirements_file(text));
        let opened: Vec<_> = opened.map(|(text, _)| (text.clone(), line)).collect();
        if !opened.is_empty() {
            return Worth {
                files: opened,
                ..Worth::default()
            };
        }
        match &*call.func {
            Expr::Attribute(method) => {
                // methods of what was read, and functions of a module over what was read
                let mut worth = self.worth(&method.value, depth + 1);
                match method.attr.as_str() {
                    "format" if worth.text => {
                        let values = call.arguments.args.iter();
                        let values: Vec<_> = values.map(|v| self.worth(v, depth + 1)).collect();
                        return text::filled(&worth, "{", &values);
                    }
                    "split" if worth.text => return text::split(&worth, arguments.as_text()),
                    _ => {}
                }
                if worth.unknown && worth.files.is_empty() {
                    worth = arguments;
                }
                worth
            }
            Expr::Name(name) => match self.functions.get(name.id.as_str()) {
                Some(files) if !files.is_empty() && arguments.items.is_empty() => Worth {
                    files: files.clone(),
                    ..Worth::default()
                },
                _ => {
                    let passes = [
                        "list",
                        "tuple",
                        "set",
                        "frozenset",
                        "sorted",
                        "sum",
                        "str",
                        "dict",
                        "open",
                    ];
                    let mut worth = arguments;
                    for keyword in &call.arguments.keywords {
                        if let (Some(key), "dict") = (&keyword.arg, name.id.as_str()) {
                            let value = self.worth(&keyword.value, depth + 1);
                            worth.entries.insert(key.to_string(), value);
                        }
                    }
                    let known = passes.contains(&name.id.as_str()) || !worth.files.is_empty();
                    worth.unknown |= !known;
                    worth
                }
            },
            _ => Worth::unknown(),
        }
    }

    /// Collects from `setup(...)` and `setuptools.setup(...)`.
    fn find_setup(&mut self, expression: &Expr) {
        let Expr::Call(call) = expression else { return };
        let is_setup = match &*call.func {
            Expr::Name(name) => name.id.as_str() == "setup",
            Expr::Attribute(attribute) => attribute.attr.as_str() == "setup",
            _ => false,
        };
        if !is_setup {
            return;
        }
        for keyword in &call.arguments.keywords {
            let worth = self.worth(&keyword.value, 0);
            let line = self.line(keyword.value.start());
            match keyword
                .arg
                .as_ref()
                .map(ruff_python_ast::Identifier::as_str)
            {
                Some(name) => self.keyword(name, worth, line),
                None => {
                    for (name, worth) in worth.entries {
                        self.keyword(&name, worth, line);
                    }
                }
            }
        }
    }

    fn keyword(&mut self, name: &str, worth: Worth, line: u32) {
        match name {
            "name" => {
                let name = worth.items.first().map(|(name, _)| name.as_str());
                self.collector.out.name = name.and_then(|name| PackageName::from_str(name).ok());
            }
            "version" if !worth.unknown && worth.files.is_empty() => {
                if let [(version, _)] = worth.items.as_slice() {
                    self.collector.out.version = Some(version.clone());
                }
            }
            "python_requires" => {
                if let Some((range, line)) = worth.items.first() {
                    self.collector.requires_python(range, *line);
                }
            }
            "install_requires" => self.collect(worth, &Role::default(), line),
            "tests_require" => self.collect(worth, &Role::group("test"), line),
            "setup_requires" => self.collect(worth, &Role::group("build"), line),
            "extras_require" => {
                if worth.unknown {
                    self.dynamic("extras_require", line);
                }
                for (extra, worth) in worth.entries {
                    self.extra(&extra, worth, line);
                }
            }
            _ => {}
        }
    }

    /// `extras_require` also carries markers: `"test:python_version < '3'"`.
    fn extra(&mut self, extra: &str, worth: Worth, line: u32) {
        let (extra, marker) = extra.split_once(':').unwrap_or((extra, ""));
        let role = if extra.is_empty() {
            Role::default()
        } else {
            self.collector.out.extras.insert(group_name(extra));
            Role::group(extra)
        };
        let mut worth = worth.flat();
        if !marker.is_empty() {
            for (text, _) in &mut worth.items {
                text.push_str(" ; ");
                text.push_str(marker);
            }
        }
        self.collect(worth, &role, line);
    }

    fn collect(&mut self, worth: Worth, role: &Role, line: u32) {
        let worth = worth.flat();
        for (text, line) in worth.items.iter().flat_map(|(text, line)| {
            // a multi-line string holds one requirement a line
            text.lines().map(move |text| (text, *line))
        }) {
            self.collector.requirement(text, role, line);
        }
        for (file, line) in &worth.files {
            self.collector.include(file, role, *line);
        }
        if worth.unknown {
            self.dynamic("a list of requirements", line);
        }
    }

    fn dynamic(&mut self, what: &str, line: u32) {
        self.collector.info(
            codes::DYNAMIC,
            line,
            format!("{what} is made by code, which is not run; only its literal part counts"),
            "declare the requirements in pyproject.toml",
        );
    }
}
