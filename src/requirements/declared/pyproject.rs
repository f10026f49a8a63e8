//! `pyproject.toml`: PEP 621, dependency groups (PEP 735) and the tables of poetry, pdm and uv.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pinsmith_resolver::PackageName;
use toml_edit::{Item, TableLike, Value};

use super::line::{Collector, Role, group_name, parse};
use super::text::shown;
use super::toml::Toml;
use super::uv::Sources;
use super::{Declared, EntryPoint, poetry};
use crate::requirements::codes;
use crate::scan::Site;

/// Reads a `pyproject.toml`.
///
/// ```
/// use pinsmith::requirements::read_pyproject;
/// let text = "[project]\nname = 'x'\ndependencies = ['torch>=2']\n[dependency-groups]\ndev = ['ruff']\n";
/// let declared = read_pyproject(text, "pyproject.toml");
/// assert_eq!(declared.requirements[0].requirement.to_string(), "torch>=2");
/// assert_eq!(declared.requirements[1].group.as_deref(), Some("dev"));
/// ```
pub fn read_pyproject(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    let Some(toml) = Toml::parse(text, 0, &mut collector) else {
        return collector.finish();
    };
    let name = [&["project", "name"][..], &["tool", "poetry", "name"]]
        .iter()
        .find_map(|path| toml.string(path))
        .and_then(|(name, _)| PackageName::from_str(name).ok());
    collector.out.name.clone_from(&name);
    collector.out.version = [&["project", "version"][..], &["tool", "poetry", "version"]]
        .iter()
        .find_map(|path| Some(toml.string(path)?.0.to_owned()));
    if let Some((range, line)) = toml.string(&["project", "requires-python"]) {
        collector.requires_python(range, line);
    }
    let sources = Sources::read(&toml, &mut collector);
    project(&toml, &sources, name.as_ref(), &mut collector);
    dynamic(&toml, &mut collector);
    groups(&toml, &sources, &mut collector);
    development_lists(&toml, &sources, &mut collector);
    poetry::read(&toml, &mut collector);
    entry_points(&toml, file, &mut collector);
    collector.finish()
}

/// `[project.scripts]`, `[tool.poetry.scripts]`.
fn entry_points(toml: &Toml<'_>, file: &str, collector: &mut Collector) {
    for path in [&["project", "scripts"][..], &["tool", "poetry", "scripts"]] {
        let Some(table) = toml.table(path) else {
            continue;
        };
        for (name, item) in table.iter() {
            let full = [path, &[name]].concat();
            let line = toml.string(&full).map_or(0, |(_, line)| line);
            let site = Site {
                file: file.to_owned(),
                cell: None,
                line,
            };
            let reference = item.as_str().unwrap_or_default();
            let found = EntryPoint::parse(name, reference, site);
            collector.out.entry_points.extend(found);
        }
    }
}

/// One entry of a group: a requirement or another group by name.
enum Entry {
    Requirement(String, u32),
    Group(String, u32),
}

/// Groups by normal name.
type Groups = BTreeMap<String, Vec<Entry>>;

/// `[project]`: dependencies and extras.
fn project(
    toml: &Toml<'_>,
    sources: &Sources,
    name: Option<&PackageName>,
    collector: &mut Collector,
) {
    if let Some(item) = toml.get(&["project", "dependencies"]) {
        for (text, line) in toml.strings(item) {
            sources.requirement(text, &Role::default(), line, collector);
        }
    }
    let mut extras = Groups::new();
    if let Some(table) = toml.table(&["project", "optional-dependencies"]) {
        for (extra, item) in table.iter() {
            collector.out.extras.insert(group_name(extra));
            let entries = toml.strings(item).into_iter();
            extras.insert(
                group_name(extra),
                entries
                    .flat_map(|(text, line)| own_extras(text, line, name))
                    .collect(),
            );
        }
    }
    flatten(&extras, sources, collector);
}

/// `mypkg[a,b]` inside mypkg's own extras stands for its extras a and b.
fn own_extras(text: &str, line: u32, name: Option<&PackageName>) -> Vec<Entry> {
    let own = name.and_then(|name| {
        let stem = text.split(['[', ';', ' ']).next()?;
        (PackageName::from_str(stem).ok()? == *name).then_some(())?;
        let requirement = parse(text).ok()?.requirement;
        Some(requirement.extras)
    });
    match own {
        Some(extras) => extras
            .iter()
            .map(|extra| Entry::Group(extra.to_string(), line))
            .collect(),
        None => vec![Entry::Requirement(text.to_owned(), line)],
    }
}

/// `[dependency-groups]` (PEP 735).
fn groups(toml: &Toml<'_>, sources: &Sources, collector: &mut Collector) {
    let Some(table) = toml.table(&["dependency-groups"]) else {
        return;
    };
    let mut groups = Groups::new();
    for (name, item) in table.iter() {
        collector.out.dependency_groups.insert(group_name(name));
        let entries = item.as_array().into_iter().flatten();
        groups
            .entry(group_name(name))
            .or_default()
            .extend(entries.filter_map(|value| entry(toml, value)));
    }
    flatten(&groups, sources, collector);
}

fn entry(toml: &Toml<'_>, value: &Value) -> Option<Entry> {
    let line = toml.value_line(value);
    if let Some(text) = value.as_str() {
        return Some(Entry::Requirement(text.to_owned(), line));
    }
    let included = value.as_inline_table()?.get("include-group")?.as_str()?;
    Some(Entry::Group(group_name(included), line))
}

/// Every group with what its includes hold; each group counts once, so cycles end.
fn flatten(groups: &Groups, sources: &Sources, collector: &mut Collector) {
    for name in groups.keys() {
        let role = Role::group(name);
        let mut seen = BTreeSet::from([name.as_str()]);
        let mut waiting = vec![name.as_str()];
        while let Some(current) = waiting.pop() {
            for entry in groups.get(current).into_iter().flatten() {
                match entry {
                    Entry::Requirement(text, line) => {
                        sources.requirement(text, &role, *line, collector);
                    }
                    Entry::Group(included, line) if !groups.contains_key(included) => {
                        let message = format!("no group `{}` to include", shown(included));
                        collector.warn(codes::INCLUDE_REFUSED, *line, message, "");
                    }
                    Entry::Group(included, _) => {
                        if seen.insert(included) {
                            waiting.push(included);
                        }
                    }
                }
            }
        }
    }
}

/// `[tool.setuptools.dynamic]`: requirements that stand in other files.
fn dynamic(toml: &Toml<'_>, collector: &mut Collector) {
    let base = ["tool", "setuptools", "dynamic"];
    if let Some(item) = toml.get(&[&base[..], &["dependencies", "file"]].concat()) {
        include_files(toml, item, &Role::default(), collector);
    }
    if let Some(table) = toml.table(&[&base[..], &["optional-dependencies"]].concat()) {
        for (extra, item) in table.iter() {
            collector.out.extras.insert(group_name(extra));
            if let Some(file) = item.get("file") {
                include_files(toml, file, &Role::group(extra), collector);
            }
        }
    }
}

fn include_files(toml: &Toml<'_>, item: &Item, role: &Role, collector: &mut Collector) {
    if let Some(path) = item.as_str() {
        collector.include(path, role, toml.line(item));
    }
    for (path, line) in toml.strings(item) {
        collector.include(path, role, line);
    }
}

/// Development and constraint lists of uv and pdm.
fn development_lists(toml: &Toml<'_>, sources: &Sources, collector: &mut Collector) {
    let lists = [
        (&["tool", "uv", "dev-dependencies"], Role::group("dev")),
        (
            &["tool", "uv", "constraint-dependencies"],
            Role::constraint(),
        ),
    ];
    for (path, role) in lists {
        if let Some(item) = toml.get(path) {
            for (text, line) in toml.strings(item) {
                sources.requirement(text, &role, line, collector);
            }
        }
    }
    if let Some(item) = toml.get(&["tool", "uv", "override-dependencies"]) {
        collector.info(
            codes::OPTION_IGNORED,
            toml.line(item),
            "`override-dependencies` of uv are not used",
            "pass them with `--override FILE` if you want them",
        );
    }
    for (environment, item) in toml
        .table(&["tool", "hatch", "envs"])
        .into_iter()
        .flat_map(TableLike::iter)
    {
        let role = match environment {
            // what hatch runs commands in when nothing else is asked for
            "default" => Role::group("dev"),
            other => Role::group(other),
        };
        for key in ["dependencies", "extra-dependencies"] {
            for (text, line) in item
                .get(key)
                .map(|list| toml.strings(list))
                .unwrap_or_default()
            {
                sources.requirement(text, &role, line, collector);
            }
        }
    }
    if let Some(table) = toml.table(&["tool", "pdm", "dev-dependencies"]) {
        for (name, item) in table.iter() {
            for (text, line) in toml.strings(item) {
                let text = text.trim_start_matches("-e ");
                sources.requirement(text, &Role::group(name), line, collector);
            }
        }
    }
}
