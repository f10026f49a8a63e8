//! A `pyproject.toml` for a repository that has none.

use std::collections::BTreeSet;

use pinsmith_resolver::{PackageName, PythonVersion, VersionSpecifiers};
use toml_edit::{Array, DocumentMut, Item, Table, Value, value};

use super::PyprojectError;
use super::pyproject::refuse_other_tools;

/// What of a tree can be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The folder that packages lie in, such as `src`; empty for the root.
    pub folder: String,
    /// Every package, dotted, ordered.
    pub packages: Vec<String>,
}

/// Folders of the root that are nobody's package.
const NOT_PACKAGES: &[&str] = &[
    "bin",
    "benchmark",
    "benchmarks",
    "data",
    "dataset",
    "datasets",
    "demo",
    "demos",
    "doc",
    "docs",
    "example",
    "examples",
    "experiments",
    "notebook",
    "notebooks",
    "results",
    "script",
    "scripts",
    "test",
    "tests",
    "third_party",
    "tools",
];

impl Layout {
    /// Finds packages among the Python files of a tree: folders with `__init__.py`, at the root or
    /// below `src`.
    ///
    /// ```
    /// use pinsmith::generate::Layout;
    /// let files = ["nerf/__init__.py", "nerf/models/__init__.py", "tests/__init__.py", "train.py"];
    /// assert_eq!(Layout::of(files).packages, ["nerf", "nerf.models"]);
    /// ```
    pub fn of<'f>(files: impl IntoIterator<Item = &'f str>) -> Self {
        let folders: BTreeSet<&str> = files
            .into_iter()
            .filter_map(|file| file.strip_suffix("/__init__.py"))
            .collect();
        let below = |root: &str| -> Vec<String> {
            let inside = folders.iter().filter_map(|folder| {
                let folder = if root.is_empty() {
                    folder
                } else {
                    folder.strip_prefix(root)?.strip_prefix('/')?
                };
                let parts: Vec<&str> = folder.split('/').collect();
                let is_name = |part: &&str| crate::scan::ModuleName::new(*part).is_some();
                let known = !NOT_PACKAGES.contains(parts.first()?);
                // each part has to be a package itself
                let whole = (1..parts.len()).all(|end| {
                    let parent = parts[..end].join("/");
                    let parent = if root.is_empty() {
                        parent
                    } else {
                        format!("{root}/{parent}")
                    };
                    folders.contains(parent.as_str())
                });
                (known && whole && parts.iter().all(is_name)).then(|| parts.join("."))
            });
            inside.collect()
        };
        let in_src = below("src");
        if in_src.is_empty() {
            Self {
                folder: String::new(),
                packages: below(""),
            }
        } else {
            Self {
                folder: "src".to_owned(),
                packages: in_src,
            }
        }
    }
}

/// The text of a `pyproject.toml` with a `[project]` table and a build backend, without requirements;
/// what there was already stays, a `[project]` too.
///
/// Scripts that lie flat in the root are no package: then the project installs its requirements
/// and nothing else, instead of whatever a backend would guess.
///
/// # Errors
///
/// When the text is no TOML, or another tool's table describes the project.
pub fn init(
    existing: Option<&str>,
    name: &PackageName,
    python: (Option<&VersionSpecifiers>, PythonVersion),
    readme: Option<&str>,
    layout: &Layout,
) -> Result<String, PyprojectError> {
    let mut document: DocumentMut =
        existing
            .unwrap_or_default()
            .parse()
            .map_err(|error: toml_edit::TomlError| {
                PyprojectError::NotToml(error.message().to_owned())
            })?;
    refuse_other_tools(&document)?;
    if document.contains_key("project") {
        return Ok(document.to_string());
    }
    let mut project = Table::new();
    project.insert("name", value(name.to_string()));
    project.insert("version", value("0.1.0"));
    if let Some(readme) = readme {
        project.insert("readme", value(readme));
    }
    let requires = match python {
        (Some(specifiers), _) => specifiers.to_string().replace(", ", ","),
        (None, python) => format!(">={}.{}", python.major, python.minor),
    };
    project.insert("requires-python", value(requires));
    project.insert("dependencies", value(Array::new()));
    document.insert("project", Item::Table(project));
    if !document.contains_key("build-system") {
        let mut system = Table::new();
        system.insert("requires", value(Array::from_iter(["setuptools>=61"])));
        system.insert("build-backend", value("setuptools.build_meta"));
        document.insert("build-system", Item::Table(system));
        document.as_table_mut().entry("tool").or_insert_with(|| {
            let mut tool = Table::new();
            tool.set_implicit(true);
            Item::Table(tool)
        });
        if let Some(tool) = document["tool"].as_table_like_mut() {
            tool.entry("setuptools")
                .or_insert(Item::Table(setuptools(layout)));
        }
    }
    Ok(document.to_string())
}

fn setuptools(layout: &Layout) -> Table {
    let mut table = Table::new();
    if layout.packages.is_empty() {
        table.insert("py-modules", value(Array::new()));
        return table;
    }
    let mut packages = Array::new();
    for package in &layout.packages {
        let mut item = Value::from(package.as_str());
        if layout.packages.len() > 4 {
            item.decor_mut().set_prefix("\n    ");
        }
        packages.push_formatted(item);
    }
    if layout.packages.len() > 4 {
        packages.set_trailing("\n");
        packages.set_trailing_comma(true);
    } else {
        packages.fmt();
    }
    table.insert("packages", value(packages));
    if !layout.folder.is_empty() {
        let mut folder = toml_edit::InlineTable::new();
        folder.insert("", Value::from(layout.folder.as_str()));
        table.insert("package-dir", value(folder));
    }
    table
}
