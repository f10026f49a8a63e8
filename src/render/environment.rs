//! An environment spec as `pinsmith.env.toml`.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::pylock::specifier_text;
use super::toml::{Braces, item, list, short_list, text, time};
use crate::environment::{
    ArtifactSpec, EnvironmentSpec, Floor, Gap, SourceSpec, SystemPackage, TargetSpec,
};
use crate::lock::floor_kind;
use crate::scan::Site;

/// What stands for a fact that nobody knows; never left out silently.
const UNKNOWN: &str = "unknown";

/// Renders a spec; `docs/environment-spec.md` explains every key.
pub fn environment(spec: &EnvironmentSpec) -> String {
    let mut document = DocumentMut::new();
    let root = document.as_table_mut();
    root.insert("meta", Item::Table(meta(spec)));
    root.insert("python", Item::Table(python(spec)));
    tables(root, "target", spec.targets.iter().map(target));
    if let Some(system) = system(&spec.system) {
        root.insert("system", Item::Table(system));
    }
    tables(root, "artifact", spec.artifacts.iter().map(artifact));
    tables(root, "source", spec.sources.iter().map(source));
    if !spec.gaps.is_empty() {
        let mut gaps = Table::new();
        gaps.insert("unresolved", item(list(spec.gaps.iter().map(gap))));
        root.insert("gaps", Item::Table(gaps));
    }
    // The first table would start with an empty line.
    document.to_string().trim_start().to_owned()
}

fn tables(root: &mut Table, key: &str, values: impl Iterator<Item = Table>) {
    let tables: ArrayOfTables = values.collect();
    if !tables.is_empty() {
        root.insert(key, Item::ArrayOfTables(tables));
    }
}

fn meta(spec: &EnvironmentSpec) -> Table {
    let mut table = Table::new();
    table.insert("schema", item(EnvironmentSpec::SCHEMA));
    table.insert("generated-by", item(EnvironmentSpec::GENERATED_BY));
    if let Some(time) = spec.as_of.and_then(time) {
        table.insert("as-of", item(time));
    }
    table.insert(
        "inputs-digest",
        item(format!("sha256:{}", spec.inputs_digest)),
    );
    table
}

fn python(spec: &EnvironmentSpec) -> Table {
    let python = &spec.python;
    let mut table = Table::new();
    table.insert("version", item(text(python.version)));
    table.insert("implementation", item(python.implementation));
    if let Some(specifiers) = &python.requires {
        table.insert("requires", item(specifier_text(specifiers)));
    }
    table.insert("evidence", item(list(python.evidence.iter().map(text))));
    table
}

fn target(spec: &TargetSpec) -> Table {
    let mut table = Table::new();
    table.insert("name", item(spec.name.as_str()));
    table.insert("python", item(text(spec.target.python)));
    table.insert("platform", item(text(spec.target.platform)));
    if let Some(kind) = floor_kind(spec.target.platform) {
        let floor = match spec.floor {
            Floor::AtLeast(major, minor) => format!(">={major}.{minor}"),
            other => other.to_string(),
        };
        table.insert(kind, item(floor));
    }
    table.insert("accelerator", item(text(spec.target.accelerator)));
    if spec.needs_driver {
        table.insert("driver-min", item(UNKNOWN));
    }
    table.insert("lock", item(spec.lock.as_str()));
    table.insert("lock-sha256", item(text(spec.lock_sha256)));
    table
}

/// Names are known, versions and snapshot are not: nothing is pinned here yet, and that is said.
fn system(packages: &[SystemPackage]) -> Option<Table> {
    if packages.is_empty() {
        return None;
    }
    let package = |package: &SystemPackage| {
        let mut why: Vec<String> = Vec::new();
        for (name, reason) in &package.needed_by {
            why.push(format!("{name}: {reason}"));
        }
        Braces::default()
            .with("name", package.name.as_str())
            .with("version", UNKNOWN)
            .with_some("build-only", package.build_only.then_some(true))
            .with("why", short_list(why))
            .value()
    };
    let mut table = Table::new();
    table.insert("base", item("debian"));
    table.insert("digest", item(UNKNOWN));
    table.insert("snapshot", item(UNKNOWN));
    table.insert("packages", item(list(packages.iter().map(package))));
    Some(table)
}

fn artifact(spec: &ArtifactSpec) -> Table {
    let mut table = Table::new();
    table.insert("kind", item(spec.kind));
    table.insert("id", item(spec.id.as_str()));
    table.insert(
        "revision",
        item(spec.revision.as_deref().unwrap_or(UNKNOWN)),
    );
    let status = if spec.pinned() { "pinned" } else { "floating" };
    table.insert("status", item(status));
    table.insert(
        "calls",
        item(short_list(spec.calls.iter().map(ToString::to_string))),
    );
    table.insert("uses", item(sites(&spec.uses)));
    table
}

fn source(spec: &SourceSpec) -> Table {
    let mut table = Table::new();
    table.insert("name", item(text(&spec.name)));
    table.insert("kind", item(spec.kind.as_str()));
    table.insert("url", item(spec.url.as_deref().unwrap_or(UNKNOWN)));
    if let Some(reference) = spec
        .reference
        .as_deref()
        .filter(|_| spec.commit().is_none())
    {
        table.insert("ref", item(reference));
    }
    if let crate::environment::SourceKind::Vcs(_) = spec.kind {
        table.insert("commit", item(spec.commit().unwrap_or(UNKNOWN)));
    } else {
        table.insert("sha256", item(spec.sha256.as_deref().unwrap_or(UNKNOWN)));
    }
    if let Some(subdirectory) = &spec.subdirectory {
        table.insert("subdir", item(subdirectory.as_str()));
    }
    table.insert("uses", item(sites(&spec.uses)));
    table
}

fn sites(sites: &[Site]) -> Value {
    list(sites.iter().map(text))
}

fn gap(gap: &Gap) -> Value {
    Braces::default()
        .with("rule", gap.rule.0)
        .with_some("at", gap.site.as_ref().map(text))
        .with("why", gap.why.as_str())
        .value()
}
