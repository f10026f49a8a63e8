//! `pixi.toml`: Python and libraries from conda-forge, wheels by a task that requires hashes.

use pinsmith_resolver::Platform;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use super::super::toml::item;
use super::system_names::{Names, others};
use super::{Body, Recipe, shell_words};

pub(super) fn render(recipe: &Recipe<'_>) -> Body {
    let names = others(recipe, |names: &Names| names.conda);
    let mut document = DocumentMut::new();
    let root = document.as_table_mut();
    root.insert("workspace", Item::Table(workspace(recipe)));
    let requirements = system_requirements(recipe);
    if !requirements.is_empty() {
        root.insert("system-requirements", Item::Table(requirements));
    }
    let mut dependencies = Table::new();
    dependencies.insert("python", item(format!("{}.*", recipe.python())));
    dependencies.insert("pip", item("*"));
    for name in names.run.union(&names.build) {
        dependencies.insert(name, item("*"));
    }
    root.insert("dependencies", Item::Table(dependencies));
    if !recipe.spec.variables.set.is_empty() {
        let mut activation = Table::new();
        let set = recipe.spec.variables.set.iter();
        let set: InlineTable = set
            .map(|(name, value)| (name.as_str(), Value::from(value.as_str())))
            .collect();
        activation.insert("env", item(set));
        root.insert("activation", Item::Table(activation));
    }
    root.insert("tasks", Item::Table(tasks(recipe)));
    let mut not_expressible = vec![
        "builds and hashes of what comes from conda-forge: pixi writes them into pixi.lock"
            .to_owned(),
    ];
    not_expressible.extend(names.unknown);
    not_expressible.extend(recipe.driver());
    not_expressible.extend(recipe.beyond());
    Body {
        text: document.to_string(),
        not_expressible,
    }
}

fn workspace(recipe: &Recipe<'_>) -> Table {
    let platform = match recipe.target.target.platform {
        Platform::LinuxX86_64 => "linux-64",
        Platform::LinuxAarch64 => "linux-aarch64",
        Platform::MacosArm64 => "osx-arm64",
        Platform::MacosX86_64 => "osx-64",
        Platform::WindowsX86_64 => "win-64",
        Platform::WindowsArm64 => "win-arm64",
    };
    let mut table = Table::new();
    table.insert("name", item(recipe.name()));
    table.insert(
        "channels",
        item(["conda-forge"].into_iter().collect::<Array>()),
    );
    table.insert("platforms", item([platform].into_iter().collect::<Array>()));
    table
}

/// What the machine must have; pixi asserts it and installs none of it.
fn system_requirements(recipe: &Recipe<'_>) -> Table {
    let mut table = Table::new();
    if let Some((major, minor)) = recipe.glibc() {
        let mut libc = InlineTable::new();
        libc.insert("family", "glibc".into());
        libc.insert("version", format!("{major}.{minor}").into());
        table.insert("libc", item(libc));
    }
    table
}

fn tasks(recipe: &Recipe<'_>) -> Table {
    let mut table = Table::new();
    let install = format!(
        "python -m pip install --no-deps --require-hashes -r {}",
        recipe.target.requirements
    );
    table.insert("install", item(install));
    for command in &recipe.spec.commands {
        let mut task = InlineTable::new();
        task.insert("cmd", shell_words(&command.run).into());
        task.insert(
            "depends-on",
            ["install"].into_iter().collect::<Array>().into(),
        );
        table.insert(&command.name, item(task));
    }
    table
}
