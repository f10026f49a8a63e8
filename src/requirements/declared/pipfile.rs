//! `Pipfile`: pipenv's TOML.

use toml_edit::{Item, TableLike};

use super::line::{Collector, Role};
use super::toml::Toml;
use super::{Declared, IndexKind, poetry};

/// Reads a `Pipfile`.
pub(super) fn read(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    let Some(toml) = Toml::parse(text, 0, &mut collector) else {
        return collector.finish();
    };
    let sources = toml.get(&["source"]).and_then(Item::as_array_of_tables);
    for table in sources.into_iter().flatten() {
        if let Some(item) = table.get("url") {
            let url = item.as_str().unwrap_or_default();
            collector.index(url, IndexKind::Default, toml.line(item));
        }
    }
    if let Some((version, line)) = toml.string(&["requires", "python_version"]) {
        collector.python_hint(&format!("=={version}.*"), line);
    }
    for (key, role) in [
        ("packages", Role::default()),
        ("dev-packages", Role::group("dev")),
    ] {
        let table = toml.table(&[key]);
        for (name, item) in table.into_iter().flat_map(TableLike::iter) {
            let line = table.map_or(0, |table| toml.key_line(table, name));
            poetry::entry(name, item, &role, line, &mut collector);
        }
    }
    collector.finish()
}
