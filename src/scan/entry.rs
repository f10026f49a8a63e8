//! Entry points: modules that the installed scripts and plugins of a project start from.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall, ModModule};
use ruff_text_size::Ranged;
use toml_edit::{Document, Item, TableLike};

use super::decode::decode;
use super::facts::Origin;
use super::lines::Lines;
use super::{Import, ImportContext, Label, ModuleName, Site, Tree, base_context};

/// Tables of `pyproject.toml` whose values are entry points, or tables of them.
const TABLES: [&[&str]; 5] = [
    &["project", "scripts"],
    &["project", "gui-scripts"],
    &["project", "entry-points"],
    &["tool", "poetry", "scripts"],
    &["tool", "poetry", "plugins"],
];

/// The entry points in a `pyproject.toml` or `setup.cfg`; nothing for other files.
pub(super) fn read(tree: &Tree, file: &str) -> Vec<Import> {
    let name = file.rsplit('/').next().unwrap_or(file);
    if !matches!(name, "pyproject.toml" | "setup.cfg") {
        return Vec::new();
    }
    let Ok(bytes) = tree.read(file) else {
        return Vec::new();
    };
    let text = decode(bytes).text;
    let found = match name {
        "setup.cfg" => in_setup_cfg(&text),
        _ => in_pyproject(&text),
    };
    let context = base_context(tree, file, "");
    let imports = found.into_iter().map(|(target, line)| Import {
        site: Site {
            file: file.to_owned(),
            line,
            cell: None,
        },
        context,
        ..target
    });
    imports.collect()
}

fn in_pyproject(text: &str) -> Vec<(Import, u32)> {
    let Ok(document) = Document::parse(text) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in TABLES {
        let item = path
            .iter()
            .try_fold(document.as_item(), |item, key| item.get(key));
        if let Some(table) = item.and_then(Item::as_table_like) {
            values(table, text, 2, &mut found);
        }
    }
    found
}

/// The strings of a table and of the tables in it.
fn values(table: &dyn TableLike, text: &str, depth: u8, found: &mut Vec<(Import, u32)>) {
    for (key, item) in table.iter() {
        // `old = { reference = "pkg.old:main", type = "console" }` of Poetry
        if matches!(key, "type" | "extras") {
            continue;
        }
        if let Some(value) = item.as_str() {
            let start = item.span().map_or(0, |span| span.start);
            let before = text.as_bytes().get(..start).unwrap_or_default();
            let line = memchr::memchr_iter(b'\n', before).count() + 1;
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            found.extend(target(value).map(|target| (target, line)));
        } else if let (Some(inner), Some(depth)) = (item.as_table_like(), depth.checked_sub(1)) {
            values(inner, text, depth, found);
        }
    }
}

/// `[options.entry_points]`, whose values are lines.
fn in_setup_cfg(text: &str) -> Vec<(Import, u32)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if text.starts_with('[') {
            inside = text.trim() == "[options.entry_points]";
        } else if inside {
            found.extend(entry(text).map(|target| (target, line)));
        }
    }
    found
}

/// The entry points of a `setup(entry_points=...)`, which are read and not run.
pub(super) fn in_setup(module: &ModModule, lines: &Lines<'_>, origin: &Origin<'_>) -> Vec<Import> {
    let mut finder = Finder {
        lines,
        inside: false,
        depth: 0,
        found: Vec::new(),
    };
    finder.visit_body(&module.body);
    let found = finder.found.into_iter();
    let imports = found.map(|(target, line)| Import {
        site: origin.site(line),
        ..target
    });
    imports.collect()
}

/// As deep as the syntax tree is looked into.
const DEEPEST: u32 = 100;

struct Finder<'a> {
    lines: &'a Lines<'a>,
    inside: bool,
    depth: u32,
    found: Vec<(Import, u32)>,
}

impl<'a> Visitor<'a> for Finder<'a> {
    fn visit_stmt(&mut self, stmt: &'a ruff_python_ast::Stmt) {
        self.deeper(|this| ruff_python_ast::visitor::walk_stmt(this, stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.deeper(|this| match expr {
            Expr::Call(call) if is_setup(call) => {
                for keyword in &call.arguments.keywords {
                    let name = keyword
                        .arg
                        .as_ref()
                        .map(ruff_python_ast::Identifier::as_str);
                    let before = std::mem::replace(&mut this.inside, name == Some("entry_points"));
                    this.visit_expr(&keyword.value);
                    this.inside = before;
                }
            }
            Expr::StringLiteral(string) if this.inside => {
                let first = this.lines.number(string.range().start().to_usize());
                for (line, text) in (first..).zip(string.value.to_str().lines()) {
                    this.found.extend(entry(text).map(|target| (target, line)));
                }
            }
            _ => walk_expr(this, expr),
        });
    }
}

impl Finder<'_> {
    fn deeper(&mut self, walk: impl FnOnce(&mut Self)) {
        if self.depth < DEEPEST {
            self.depth += 1;
            walk(self);
            self.depth -= 1;
        }
    }
}

fn is_setup(call: &ExprCall) -> bool {
    match &*call.func {
        Expr::Name(name) => name.id.as_str() == "setup",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "setup",
        _ => false,
    }
}

/// `name = package.module:function [extra]`
fn entry(line: &str) -> Option<Import> {
    target(line.split_once('=')?.1)
}

/// `package.module:function [extra]`; the place is filled in by whoever knows it.
fn target(text: &str) -> Option<Import> {
    let text = text.split('[').next().unwrap_or(text).trim();
    let (module, attribute) = text.split_once(':').unwrap_or((text, ""));
    let first = attribute.trim().split('.').next().unwrap_or_default();
    Some(Import {
        module: ModuleName::new(module.trim())?,
        names: Some(first.to_owned())
            .filter(|name| !name.is_empty())
            .into_iter()
            .collect(),
        context: ImportContext::Runtime,
        labels: [Label::Dynamic].into(),
        local: false,
        marker: None,
        site: Site {
            file: String::new(),
            line: 0,
            cell: None,
        },
    })
}
