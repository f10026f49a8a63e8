//! Adding to a `pyproject.toml` that somebody wrote.

use std::collections::BTreeMap;

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::Direct;

/// Why a `pyproject.toml` is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PyprojectError {
    /// It is no TOML.
    #[error("it is no valid TOML: {0}")]
    NotToml(String),
    /// It has no `[project]`.
    #[error("it has no `[project]` table")]
    NoProject,
    /// Another tool's table says what is required.
    #[error("its requirements stand in `{0}`")]
    OtherTool(&'static str),
    /// Another file says what is required.
    #[error("its `{0}` is dynamic: another file or program says what it holds")]
    Dynamic(String),
    /// A key is not what PEP 621 or PEP 735 says.
    #[error("its `{0}` is not what the standard says")]
    NotStandard(String),
}

impl PyprojectError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoProject => "add the table with `--init`",
            Self::OtherTool(_) => "add them with that tool, or write a requirements.txt instead",
            Self::Dynamic(_) => "add the requirements to the file that it names",
            Self::NotToml(_) | Self::NotStandard(_) => {
                "mend it, or write a requirements.txt instead"
            }
        }
    }
}

/// The text with requirements added; comments, order and formatting of the rest stay.
///
/// Runtime requirements go to `project.dependencies`, those of the group `optional` to the extra of
/// that name, and the others to `dependency-groups` (PEP 735), unless there is an extra of the name.
///
/// # Errors
///
/// [`PyprojectError`]; the text is not touched then.
pub fn edit_pyproject(text: &str, added: &[Direct]) -> Result<String, PyprojectError> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        PyprojectError::NotToml(error.message().to_owned())
    })?;
    refuse_other_tools(&document)?;
    let mut groups: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for direct in added {
        groups
            .entry(direct.group.as_deref())
            .or_default()
            .push(&direct.text);
    }
    for (group, texts) in groups {
        let array = match group {
            None => dependencies(&mut document)?,
            Some(group) => of_group(&mut document, group)?,
        };
        for text in texts {
            append(array, text);
        }
    }
    Ok(document.to_string())
}

/// Refuses a project whose requirements are those of Poetry.
pub(super) fn refuse_other_tools(document: &DocumentMut) -> Result<(), PyprojectError> {
    let poetry = document
        .get("tool")
        .and_then(|tool| tool.get("poetry")?.get("dependencies"));
    let standard = document
        .get("project")
        .and_then(|project| project.get("dependencies"));
    match (poetry, standard) {
        (Some(_), None) => Err(PyprojectError::OtherTool("tool.poetry.dependencies")),
        _ => Ok(()),
    }
}

fn project(document: &mut DocumentMut) -> Result<&mut dyn TableLike, PyprojectError> {
    let project = document
        .get_mut("project")
        .ok_or(PyprojectError::NoProject)?;
    let wrong = || PyprojectError::NotStandard("project".to_owned());
    project.as_table_like_mut().ok_or_else(wrong)
}

fn dependencies(document: &mut DocumentMut) -> Result<&mut Array, PyprojectError> {
    let project = project(document)?;
    refuse_dynamic(project, "dependencies")?;
    array(project, "dependencies", "project.dependencies")
}

fn of_group<'d>(
    document: &'d mut DocumentMut,
    group: &str,
) -> Result<&'d mut Array, PyprojectError> {
    let extras = project(document)?.get("optional-dependencies");
    let is_extra = extras
        .and_then(Item::as_table_like)
        .is_some_and(|extras| extras.contains_key(group));
    if is_extra || group == "optional" {
        let project = project(document)?;
        refuse_dynamic(project, "optional-dependencies")?;
        let extras = table(project, "optional-dependencies")?;
        return array(extras, group, "project.optional-dependencies");
    }
    let groups = table(document.as_table_mut(), "dependency-groups")?;
    array(groups, group, "dependency-groups")
}

fn refuse_dynamic(project: &dyn TableLike, key: &str) -> Result<(), PyprojectError> {
    let dynamic = project.get("dynamic").and_then(Item::as_array);
    let mut names = dynamic.into_iter().flatten().filter_map(Value::as_str);
    if names.any(|name| name == key) {
        return Err(PyprojectError::Dynamic(format!("project.{key}")));
    }
    Ok(())
}

/// A table within another, made when it is missing.
fn table<'t>(
    parent: &'t mut dyn TableLike,
    key: &str,
) -> Result<&'t mut dyn TableLike, PyprojectError> {
    let wrong = || PyprojectError::NotStandard(key.to_owned());
    let item = parent.entry(key).or_insert(Item::Table(Table::new()));
    item.as_table_like_mut().ok_or_else(wrong)
}

/// A list of requirements, made when it is missing.
fn array<'t>(
    parent: &'t mut dyn TableLike,
    key: &str,
    shown: &str,
) -> Result<&'t mut Array, PyprojectError> {
    let wrong = || PyprojectError::NotStandard(shown.to_owned());
    let item = parent
        .entry(key)
        .or_insert(Item::Value(Value::Array(Array::new())));
    item.as_array_mut().ok_or_else(wrong)
}

/// Adds at the end, in the style of the list: one line an item when it has several lines or none.
fn append(array: &mut Array, text: &str) {
    let mut value = Value::from(text);
    let of = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(|raw| raw.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let trailing = of(Some(array.trailing()));
    let last = array.len().checked_sub(1).and_then(|last| array.get(last));
    let prefix = last.map_or(String::new(), |last| of(last.decor().prefix()));
    let in_lines = last.is_none() || prefix.contains('\n');
    if !in_lines {
        array.push(value);
        return;
    }
    let indent = prefix.rsplit('\n').next().unwrap_or_default();
    let indent = if last.is_none() { "    " } else { indent };
    // what follows the last item, a comment perhaps, stays on its line
    let after = if array.trailing_comma() {
        trailing
    } else {
        let last = array
            .len()
            .checked_sub(1)
            .and_then(|last| array.get_mut(last));
        let suffix = last.map_or(String::new(), |last| {
            let suffix = of(last.decor().suffix());
            last.decor_mut().set_suffix("");
            suffix
        });
        suffix + &trailing
    };
    let after = after.trim_end_matches([' ', '\t']);
    let line_end = if after.ends_with('\n') { "" } else { "\n" };
    value
        .decor_mut()
        .set_prefix(format!("{after}{line_end}{indent}"));
    array.push_formatted(value);
    array.set_trailing("\n");
    array.set_trailing_comma(true);
}
