//! An environment spec as `pinsmith.env.toml`.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::pylock::specifier_text;
use super::toml::{Braces, item, list, short_list, text, time};
use crate::environment::{
    AcceleratorSpec, ArtifactFile, ArtifactSpec, CommandSpec, EnvironmentSpec, Floor, Gap,
    SourceSpec, SystemPackage, SystemSpec, TargetSpec, UNKNOWN, VariableRead, VariableSpec,
};
use crate::lock::floor_kind;
use crate::scan::Site;

/// Stands before what a person may fill in.
const YOURS: &str = "\n# yours to fill in; kept when this file is written again\n";

/// Renders a spec; `docs/environment-spec.md` explains every key.
pub fn environment(spec: &EnvironmentSpec) -> String {
    let mut document = DocumentMut::new();
    let root = document.as_table_mut();
    root.insert("meta", Item::Table(meta(spec)));
    root.insert("python", Item::Table(python(spec)));
    if let Some(spec) = &spec.accelerator {
        root.insert("accelerator", Item::Table(accelerator(spec)));
    }
    tables(root, "target", spec.targets.iter().map(target));
    if let Some(system_spec) = &spec.system {
        root.insert("system", Item::Table(system(system_spec)));
    }
    root.insert("env", Item::Table(variables(&spec.variables)));
    tables(root, "command", spec.commands.iter().map(command));
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
    table.insert(
        "project",
        spec.project
            .as_ref()
            .map_or_else(|| item(UNKNOWN), |name| item(text(name))),
    );
    if spec.project.is_none() {
        yours(&mut table, "project");
    }
    table
}

fn python(spec: &EnvironmentSpec) -> Table {
    let python = &spec.python;
    let mut table = Table::new();
    table.insert("version", item(text(python.version)));
    table.insert("implementation", item(EnvironmentSpec::IMPLEMENTATION));
    if let Some(specifiers) = &python.requires {
        table.insert("requires", item(specifier_text(specifiers)));
    }
    if let Some(specifiers) = &python.inferred {
        table.insert("inferred", item(specifier_text(specifiers)));
    }
    table.insert("evidence", item(list(python.evidence.iter().map(text))));
    table
}

fn accelerator(spec: &AcceleratorSpec) -> Table {
    let mut table = Table::new();
    table.insert("default", item(spec.hardware.as_str()));
    if let Some(version) = &spec.version {
        table.insert("version", item(version.as_str()));
    }
    if let Some(driver) = &spec.driver_min {
        table.insert("driver-min", item(driver.as_str()));
    }
    table.insert("evidence", item(list(spec.evidence.iter().map(text))));
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
        table.insert("driver-min", known(spec.driver_min.as_deref()));
        if spec.driver_min.is_none() {
            yours(&mut table, "driver-min");
        }
    }
    table.insert("lock", item(spec.lock.as_str()));
    table.insert("lock-sha256", item(text(spec.lock_sha256)));
    table.insert("requirements", item(spec.requirements.as_str()));
    table.insert("requirements-sha256", item(text(spec.requirements_sha256)));
    table
}

fn known(value: Option<&str>) -> Item {
    item(value.unwrap_or(UNKNOWN))
}

fn yours(table: &mut Table, key: &str) {
    if let Some(mut key) = table.key_mut(key) {
        key.leaf_decor_mut().set_prefix(YOURS.trim_start());
    }
}

/// Names are inferred; what would fix their versions is a person's to fill in.
fn system(spec: &SystemSpec) -> Table {
    let package = |package: &SystemPackage| {
        Braces::default()
            .with("name", package.name.as_str())
            .with("version", package.version.as_deref().unwrap_or(UNKNOWN))
            .with_some("build-only", package.build_only.then_some(true))
            .with("why", short_list(package.needed_by.iter().cloned()))
            .value()
    };
    let mut table = Table::new();
    table.insert("base", item(EnvironmentSpec::BASE));
    table.insert("packages", item(list(spec.packages.iter().map(package))));
    table.insert("digest", known(spec.digest.as_deref()));
    table.insert("snapshot", known(spec.snapshot.as_deref()));
    table.insert("extra", item(short_list(spec.extra.iter().cloned())));
    yours(&mut table, "digest");
    table
}

fn variables(spec: &VariableSpec) -> Table {
    let read = |variable: &VariableRead| {
        Braces::default()
            .with("name", variable.name.as_str())
            .with_some("secret", variable.secret.then_some(true))
            .with_some("required", variable.required.then_some(true))
            .with(
                "uses",
                short_list(variable.uses.iter().map(ToString::to_string)),
            )
            .value()
    };
    let mut set = Braces::default();
    for (name, value) in &spec.set {
        set = set.with(name, value.as_str());
    }
    let mut table = Table::new();
    table.insert("read", item(list(spec.read.iter().map(read))));
    table.insert("set", item(set.value()));
    yours(&mut table, "set");
    table
}

fn command(spec: &CommandSpec) -> Table {
    let mut table = Table::new();
    table.insert("name", item(spec.name.as_str()));
    table.insert("run", item(short_list(spec.run.iter().cloned())));
    if let Some(site) = &spec.site {
        table.insert("from", item(text(site)));
    }
    table
}

fn artifact(spec: &ArtifactSpec) -> Table {
    let mut table = Table::new();
    table.insert("kind", item(spec.kind.as_str()));
    table.insert("id", item(spec.id.as_str()));
    table.insert(
        "revision",
        item(spec.revision.as_deref().unwrap_or(UNKNOWN)),
    );
    let pinned = spec.pinned() || spec.pin.is_some();
    table.insert("status", item(if pinned { "pinned" } else { "floating" }));
    if let Some(pin) = &spec.pin {
        if let Some(commit) = &pin.commit {
            table.insert("commit", item(commit.as_str()));
        }
        if !pin.files.is_empty() {
            table.insert("files", item(list(pin.files.iter().map(artifact_file))));
        }
        if let Ok(more @ 1..) = i64::try_from(pin.more_files) {
            table.insert("more-files", item(more));
        }
    }
    table.insert("calls", item(short_list(spec.calls.iter().cloned())));
    table.insert("uses", item(sites(&spec.uses)));
    table
}

fn artifact_file(file: &ArtifactFile) -> Value {
    Braces::default()
        .with("path", file.path.as_str())
        .with_some("size", file.size.and_then(|size| i64::try_from(size).ok()))
        .with_some("sha256", file.sha256.map(text))
        .with_some("git-blob", file.git_blob.as_deref())
        .value()
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
