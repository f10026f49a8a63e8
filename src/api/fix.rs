//! What to write instead, as edits that keep everything else as it is.

use ruff_python_ast::{Alias, Expr, ExprAttribute, ExprCall, Keyword, StmtImportFrom};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Edit;
use super::lookup::removed;
use super::reader::Reader;
use super::resolve::same_path;
use super::table::{Removal, RemovalKind, Rewrite};

/// Edits for a use through a chain of names: `np.float`; `root` is what its first name stands for.
pub(super) fn of_path(
    reader: &Reader<'_, '_, '_>,
    used: &Expr,
    root: &str,
    removal: &Removal,
    then: Option<&str>,
) -> Option<Vec<Edit>> {
    if !removal.then.is_empty() && !removal.then.split('|').any(|name| Some(name) == then) {
        return None;
    }
    let Expr::Attribute(attribute) = used else {
        return None;
    };
    let new = match removal.rewrite? {
        Rewrite::Name(new) => new,
        Rewrite::Value(value) => return Some(vec![reader.edit(used.range(), value)?]),
        Rewrite::Member(_) => return None,
    };
    if let Some(builtin) = new.strip_prefix("builtins.") {
        let is_free = is_unbound(reader, builtin);
        return is_free.then(|| reader.edit(used.range(), builtin).map(|edit| vec![edit]))?;
    }
    let (old_parent, _) = removal.symbol.rsplit_once('.')?;
    let (parent, last) = new.rsplit_once('.').unwrap_or(("", new));
    if old_parent == parent {
        return Some(vec![reader.edit(attribute.attr.range, last)?]);
    }
    if old_parent == new {
        let gone = TextRange::new(attribute.value.end(), used.end());
        return Some(vec![reader.edit(gone, "")?]);
    }
    let name = first_name(used)?;
    if root == parent {
        return Some(vec![reader.edit(used.range(), &format!("{name}.{last}"))?]);
    }
    let top = new.split('.').next()?;
    let scopes = reader.resolver.scopes;
    let is_free = match scopes.of(reader.scope, top) {
        None => scopes.stars.is_empty(),
        Some((_, bindings)) => same_path(bindings) == Some(top),
    };
    if !is_free {
        return None;
    }
    let module = if removal.kind == RemovalKind::Module || parent.is_empty() {
        new
    } else {
        parent
    };
    let mut edits = vec![reader.edit(used.range(), new)?];
    if !scopes.modules.contains(module) {
        edits.push(import_beside(reader, name, module)?);
    }
    Some(edits)
}

/// Edits for a method or attribute of a value of a known class.
pub(super) fn of_member(
    reader: &Reader<'_, '_, '_>,
    attribute: &ExprAttribute,
    removal: &Removal,
) -> Option<Vec<Edit>> {
    let Rewrite::Member(new) = removal.rewrite? else {
        return None;
    };
    if !attribute.ctx.is_load() {
        return None;
    }
    Some(vec![reader.edit(attribute.attr.range, new)?])
}

/// Edits for a keyword of a call.
pub(super) fn of_keyword(
    reader: &Reader<'_, '_, '_>,
    call: &ExprCall,
    given: &Keyword,
    removal: &Removal,
) -> Option<Vec<Edit>> {
    let Rewrite::Member(new) = removal.rewrite? else {
        return None;
    };
    if call.arguments.find_keyword(new).is_some() {
        return None;
    }
    Some(vec![reader.edit(given.arg.as_ref()?.range, new)?])
}

/// Edits for `import a.b as c`.
pub(super) fn of_import(
    reader: &Reader<'_, '_, '_>,
    alias: &Alias,
    removal: &Removal,
) -> Option<Vec<Edit>> {
    // without another name, it also binds the package that it is in
    alias.asname.as_ref()?;
    let Rewrite::Name(new) = removal.rewrite? else {
        return None;
    };
    let rest = alias.name.as_str().strip_prefix(removal.symbol)?;
    Some(vec![
        reader.edit(alias.name.range, &format!("{new}{rest}"))?,
    ])
}

/// Where an imported name goes.
#[derive(Debug, PartialEq, Eq)]
enum Destination {
    /// `from module import name`
    Name { module: String, name: String },
    /// `import module`
    Module(&'static str),
    /// `name = value`
    Value(&'static str),
}

impl Destination {
    fn of(path: &str, removal: &Removal) -> Option<Self> {
        if !removal.then.is_empty() {
            return None;
        }
        let new = match removal.rewrite? {
            Rewrite::Name(new) if new.starts_with("builtins.") => return None,
            Rewrite::Name(new) => new,
            Rewrite::Value(value) => return Some(Self::Value(value)),
            Rewrite::Member(_) => return None,
        };
        if path == removal.symbol {
            return Some(match new.rsplit_once('.') {
                None => Self::Module(new),
                Some((module, name)) => Self::Name {
                    module: module.to_owned(),
                    name: name.to_owned(),
                },
            });
        }
        // the module itself moved, with all that is in it
        let inside = path.strip_prefix(removal.symbol)?.strip_prefix('.')?;
        let moved = format!("{new}.{inside}");
        let (module, name) = moved.rsplit_once('.')?;
        Some(Self::Name {
            module: module.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// Whether an import of this path is among those that [`of_import_from`] moves.
pub(super) fn moves(path: &str, removal: &Removal) -> bool {
    Destination::of(path, removal).is_some()
}

/// Edits for `from a import b, c as d`: all that moved at once.
pub(super) fn of_import_from(
    reader: &Reader<'_, '_, '_>,
    import: &StmtImportFrom,
) -> Option<Vec<Edit>> {
    let module = import.module.as_ref()?;
    let mut kept = Vec::new();
    let mut moved = Vec::new();
    for alias in &import.names {
        let name = alias.name.as_str();
        if name == "*" {
            return None;
        }
        let path = format!("{}.{name}", module.as_str());
        let destination =
            removed(&path, 0, true).and_then(|(removal, _)| Destination::of(&path, removal));
        match destination {
            Some(destination) => moved.push((alias, destination)),
            None => kept.push(alias),
        }
    }
    let Some((_, Destination::Name { module: first, .. })) = moved.first() else {
        return rebuilt(reader, import, &kept, &moved);
    };
    let together = moved
        .iter()
        .all(|(_, to)| matches!(to, Destination::Name { module, .. } if module == first));
    if !together || !(kept.is_empty() || first == module.as_str()) {
        return rebuilt(reader, import, &kept, &moved);
    }
    let mut edits = Vec::new();
    if first != module.as_str() {
        edits.push(reader.edit(module.range, first)?);
    }
    for (alias, destination) in &moved {
        if let Destination::Name { name, .. } = destination
            && name != alias.name.as_str()
        {
            let text = match &alias.asname {
                Some(_) => name.clone(),
                None => format!("{name} as {}", alias.name.as_str()),
            };
            edits.push(reader.edit(alias.name.range, &text)?);
        }
    }
    Some(edits)
}

/// The statement written anew, as several when names go to several places.
fn rebuilt(
    reader: &Reader<'_, '_, '_>,
    import: &StmtImportFrom,
    kept: &[&Alias],
    moved: &[(&Alias, Destination)],
) -> Option<Vec<Edit>> {
    let old = reader.text(import.range);
    if moved.is_empty() || old.contains('#') {
        return None;
    }
    let from =
        |module: &str, names: &[String]| format!("from {module} import {}", names.join(", "));
    let mut statements = Vec::new();
    if !kept.is_empty() {
        let names: Vec<String> = kept
            .iter()
            .map(|alias| reader.text(alias.range).to_owned())
            .collect();
        statements.push(from(import.module.as_ref()?.as_str(), &names));
    }
    let mut modules: Vec<(&str, Vec<String>)> = Vec::new();
    for (alias, destination) in moved {
        let bound = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
        match destination {
            Destination::Name { module, name } => {
                let text = renamed(name, bound);
                match modules.iter_mut().find(|(known, _)| known == module) {
                    Some((_, names)) => names.push(text),
                    None => modules.push((module, vec![text])),
                }
            }
            Destination::Module(module) => {
                statements.push(format!("import {}", renamed(module, bound)));
            }
            Destination::Value(value) => statements.push(format!("{bound} = {value}")),
        }
    }
    let all = modules.iter().map(|(module, names)| from(module, names));
    statements.extend(all);
    let separator = separator(reader, import.range)?;
    Some(vec![
        reader.edit(import.range, &statements.join(&separator))?,
    ])
}

fn renamed(name: &str, bound: &str) -> String {
    if name == bound {
        name.to_owned()
    } else {
        format!("{name} as {bound}")
    }
}

/// What stands between two statements where this one is: a line end with its blanks, or `;`.
fn separator(reader: &Reader<'_, '_, '_>, range: TextRange) -> Option<String> {
    let text = &reader.piece.code.text;
    let start = range.start().to_usize();
    let line = reader.piece.lines.start(reader.piece.lines.number(start))?;
    let before = text.get(line..start)?;
    if before.trim().is_empty() {
        Some(format!("{}{before}", line_end(text)))
    } else {
        Some("; ".to_owned())
    }
}

fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// An import of a module, beside the one that gave a name its meaning.
fn import_beside(reader: &Reader<'_, '_, '_>, name: &str, module: &str) -> Option<Edit> {
    let (_, bindings) = reader.resolver.scopes.of(reader.scope, name)?;
    let binding = bindings
        .iter()
        .find(|binding| binding.is_plain && binding.unit == reader.unit)?;
    let text = &reader.piece.code.text;
    let end = binding.range.end().to_usize();
    let rest = text.get(end..)?;
    let line = rest.split(['\n', '\r']).next().unwrap_or_default();
    let is_last = line.trim().is_empty() || line.trim_start().starts_with('#');
    let (at, text) = if is_last {
        let at = end.checked_add(line.len())?;
        (at, format!("{}import {module}", line_end(text)))
    } else {
        (end, format!("; import {module}"))
    };
    let at = TextSize::try_from(at).ok()?;
    reader.edit(TextRange::empty(at), &text)
}

/// Whether nothing in the file gives a name another meaning.
fn is_unbound(reader: &Reader<'_, '_, '_>, name: &str) -> bool {
    let scopes = reader.resolver.scopes;
    scopes.stars.is_empty() && scopes.of(reader.scope, name).is_none()
}

/// The name that a chain of attributes starts with.
fn first_name(expr: &Expr) -> Option<&str> {
    let mut expr = expr;
    loop {
        match expr {
            Expr::Attribute(attribute) => expr = &attribute.value,
            Expr::Name(name) => return Some(name.id.as_str()),
            _ => return None,
        }
    }
}
