//! A lock as `pylock.toml` (PEP 751), with pinsmith's evidence under `tool.pinsmith`.

use pinsmith_resolver::{HeldBackBy, Target, Trust, VersionSpecifiers};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::toml::{Braces, item, list, short_list, text, time};
use crate::lock::{
    Dependency, DirectSource, Evidence, FileLocation, Lock, LockedFile, LockedFileKind,
    LockedPackage, floor_kind, origin_kind_name,
};
use crate::requirements::Origin;

/// The value of `created-by`. It carries no version, so that a patch release of pinsmith changes
/// no lock.
pub const PYLOCK_CREATED_BY: &str = "pinsmith";

/// The file name for a lock: `pylock.toml`, or `pylock.NAME.toml` with a name of
/// [`crate::lock::target_names`], dots to `-` (PEP 751 forbids them).
///
/// ```
/// use pinsmith::render::pylock_file_name;
/// assert_eq!(pylock_file_name(None), "pylock.toml");
/// assert_eq!(pylock_file_name(Some("rocm6.4")), "pylock.rocm6-4.toml");
/// ```
pub fn pylock_file_name(name: Option<&str>) -> String {
    match name {
        None => "pylock.toml".to_owned(),
        Some(name) => {
            let keep = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let name: String = name
                .chars()
                .map(|c| if keep(c) { c } else { '-' })
                .collect();
            format!("pylock.{name}.toml")
        }
    }
}

/// Renders a lock in the order of keys that PEP 751 lists.
///
/// Every list has one line per item and nothing depends on the length of anything else, so a
/// change of one pin changes only its lines.
pub fn pylock(lock: &Lock) -> String {
    let mut document = DocumentMut::new();
    let root = document.as_table_mut();
    root.insert("lock-version", item("1.0"));
    if !lock.environments.is_empty() {
        root.insert(
            "environments",
            item(list(lock.environments.iter().map(text))),
        );
    }
    if let Some(specifiers) = &lock.requires_python {
        root.insert("requires-python", item(specifier_text(specifiers)));
    }
    for (key, names) in [
        ("extras", &lock.extras),
        ("dependency-groups", &lock.groups),
    ] {
        if !names.is_empty() {
            root.insert(key, item(short_list(names.iter().cloned())));
        }
    }
    root.insert("created-by", item(PYLOCK_CREATED_BY));
    if lock.packages.is_empty() {
        root.insert("packages", item(list([])));
    } else {
        let packages: ArrayOfTables = lock.packages.iter().map(package).collect();
        root.insert("packages", Item::ArrayOfTables(packages));
    }
    if let Some(own) = own_lock(lock) {
        root.insert("tool", tool(own));
    }
    document.to_string()
}

fn package(package: &LockedPackage) -> Table {
    let mut table = Table::new();
    table.insert("name", item(text(&package.name)));
    if package
        .direct
        .as_ref()
        .is_none_or(|direct| direct.version_known)
    {
        table.insert("version", item(text(&package.version)));
    }
    if let Some(marker) = &package.marker {
        table.insert("marker", item(text(marker)));
    }
    if let Some(specifiers) = &package.requires_python {
        table.insert("requires-python", item(specifier_text(specifiers)));
    }
    if !package.dependencies.is_empty() {
        table.insert(
            "dependencies",
            item(list(package.dependencies.iter().map(dependency))),
        );
    }
    if let Some(index) = &package.index {
        table.insert("index", item(index.as_str()));
    }
    match &package.direct {
        Some(found) => {
            let (key, source) = direct(&found.source);
            table.insert(key, Item::Table(source));
        }
        None => insert_files(&mut table, package),
    }
    if let Some(own) = evidence(&package.evidence) {
        table.insert("tool", tool(own));
    }
    table
}

fn insert_files(table: &mut Table, package: &LockedPackage) {
    if let Some(sdist) = package.sdist() {
        table.insert("sdist", item(file(sdist)));
    }
    let is_wheel = |file: &&LockedFile| matches!(file.kind, LockedFileKind::Wheel(_));
    let wheels: Vec<Value> = package.files.iter().filter(is_wheel).map(file).collect();
    if !wheels.is_empty() {
        table.insert("wheels", item(list(wheels)));
    }
}

/// `[packages.vcs]`, `[packages.archive]` or `[packages.directory]`.
fn direct(source: &DirectSource) -> (&'static str, Table) {
    let mut table = Table::new();
    let mut insert = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            table.insert(key, item(value));
        }
    };
    let kind = match source {
        DirectSource::Git {
            url,
            requested_revision,
            commit,
            subdirectory,
        } => {
            insert("type", Some("git".into()));
            insert("url", Some(url.into()));
            insert(
                "requested-revision",
                requested_revision.as_ref().map(Value::from),
            );
            insert("commit-id", Some(commit.into()));
            insert("subdirectory", subdirectory.as_ref().map(Value::from));
            "vcs"
        }
        DirectSource::Archive {
            url,
            sha256,
            size,
            subdirectory,
        } => {
            insert("url", Some(url.into()));
            let size = size.and_then(|size| i64::try_from(size).ok());
            insert("size", size.map(Value::from));
            let hashes = Braces::default().with("sha256", text(sha256)).value();
            insert("hashes", Some(hashes));
            insert("subdirectory", subdirectory.as_ref().map(Value::from));
            "archive"
        }
        DirectSource::Directory { path, editable } => {
            insert("path", Some(path.into()));
            insert("editable", editable.then(|| true.into()));
            "directory"
        }
    };
    (kind, table)
}

/// `[tool.pinsmith]` or `[packages.tool.pinsmith]`.
fn tool(own: Table) -> Item {
    let mut tool = Table::new();
    tool.set_implicit(true);
    tool.insert("pinsmith", Item::Table(own));
    Item::Table(tool)
}

fn dependency(dependency: &Dependency) -> Value {
    Braces::default()
        .with("name", text(&dependency.name))
        .with_some("version", dependency.version.as_ref().map(text))
        .value()
}

fn file(file: &LockedFile) -> Value {
    let (key, place) = match &file.location {
        FileLocation::Url(url) => ("url", url),
        FileLocation::Path(path) => ("path", path),
    };
    Braces::default()
        .with("name", file.filename.as_str())
        .with_some("upload-time", file.uploaded.and_then(time))
        .with(key, place.as_str())
        .with_some("size", file.size.and_then(|size| i64::try_from(size).ok()))
        .with(
            "hashes",
            Braces::default().with("sha256", text(file.sha256)).value(),
        )
        .value()
}

fn evidence(evidence: &Evidence) -> Option<Table> {
    let mut table = Table::new();
    if evidence.root {
        table.insert("root", item(true));
    }
    if evidence.explicit_index {
        table.insert("explicit-index", item(true));
    }
    if !evidence.extras.is_empty() {
        table.insert(
            "extras",
            item(short_list(evidence.extras.iter().map(ToString::to_string))),
        );
    }
    if !evidence.origins.is_empty() {
        table.insert("origins", item(list(evidence.origins.iter().map(origin))));
    }
    if let Some(days) = evidence.lag_days {
        table.insert("lag-days", item(i64::from(days)));
    }
    if let Some(newest) = &evidence.newest {
        table.insert("newest", item(text(newest)));
    }
    if !evidence.held_back_by.is_empty() {
        table.insert(
            "held-back-by",
            item(list(evidence.held_back_by.iter().map(held_back_by))),
        );
    }
    match evidence.trust {
        Trust::Static => None,
        Trust::Built => table.insert("metadata", item("built")),
        Trust::Guessed => table.insert("metadata", item("guessed")),
    };
    (!table.is_empty()).then_some(table)
}

fn origin(origin: &Origin) -> Value {
    Braces::default()
        .with("kind", origin_kind_name(origin.kind))
        .with("file", origin.site.file.as_str())
        .with_some("cell", origin.site.cell.map(i64::from))
        .with_some(
            "line",
            (origin.site.line > 0).then(|| i64::from(origin.site.line)),
        )
        .value()
}

fn held_back_by(held: &HeldBackBy) -> Value {
    let braces = Braces::default();
    let braces = match held {
        HeldBackBy::User { specifier } => braces.with("specifier", specifier.as_str()),
        HeldBackBy::Requirement {
            package,
            version,
            specifier,
        } => braces
            .with("package", text(package))
            .with("version", text(version))
            .with("specifier", specifier.as_str()),
        HeldBackBy::OwnRequirement {
            requires,
            package,
            version,
        } => braces
            .with("package", text(package))
            .with("version", text(version))
            .with("requires", requires.as_str()),
        HeldBackBy::Lock => braces.with("same-as", "lock"),
        HeldBackBy::OtherTargets => braces.with("same-as", "targets"),
        HeldBackBy::Unusable { reason } => braces.with("reason", reason.as_str()),
    };
    braces.value()
}

fn own_lock(lock: &Lock) -> Option<Table> {
    let mut table = Table::new();
    if let Some(time) = lock.as_of.and_then(time) {
        table.insert("as-of", item(time));
    }
    let own = lock.as_of_packages.iter();
    let own = own.filter_map(|(package, instant)| Some((package, time(*instant)?)));
    let own = own.fold(Braces::default(), |own, (package, time)| {
        own.with(package.as_ref(), time)
    });
    if !lock.as_of_packages.is_empty() {
        table.insert("as-of-packages", item(own.value()));
    }
    if !lock.targets.is_empty() {
        table.insert("targets", item(list(lock.targets.iter().map(target))));
    }
    (!table.is_empty()).then_some(table)
}

fn target(target: &Target) -> Value {
    let (major, minor) = target.floor;
    let floor = floor_kind(target.platform).map(|_| format!("{major}.{minor}"));
    Braces::default()
        .with("python", text(target.python))
        .with("platform", text(target.platform))
        .with_some("floor", floor)
        .with("accelerator", text(target.accelerator))
        .value()
}

/// Specifiers without the spaces that their `Display` puts after commas.
pub(super) fn specifier_text(specifiers: &VersionSpecifiers) -> String {
    specifiers.to_string().replace(", ", ",")
}
