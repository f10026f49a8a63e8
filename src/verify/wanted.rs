//! What has to be imported, and what is left out and why; pure.

use std::collections::BTreeMap;

use pinsmith_resolver::{MarkerEnvironment, PackageName, parse_marker};

use crate::lock::{Lock, Selection};
use crate::requirements::{Manifest, MappedImport, ModuleKind, OriginKind};
use crate::scan::{Import, ImportContext, Scan, Site};

/// One module that the code imports, with the names that it takes from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The module as the code writes it: `torchvision.transforms`.
    pub module: String,
    /// Names taken from it, each with the first place that does, ordered.
    pub names: BTreeMap<String, Site>,
    /// The distribution that provides it.
    pub distribution: Option<PackageName>,
    /// Its locked version.
    pub version: Option<String>,
    /// The strongest circumstances it is imported under.
    pub context: ImportContext,
    /// The first place that imports it.
    pub site: Site,
    /// Whether it has to import.
    pub need: Need,
}

/// Whether an import has to work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The code does not work without it.
    Required,
    /// The code asks before, or only some machines need it.
    Guarded,
    /// It is not even tried; why, in lower case.
    Skipped(String),
}

/// Every module that the scan found and that is not of the tree or the standard library, ordered.
///
/// What one statement takes from a module counts with its own circumstances, so that a guarded
/// name does not weaken a module, nor the reverse.
pub fn wanted(
    scan: &Scan,
    manifest: &Manifest,
    (lock, selection): (&Lock, &Selection),
    markers: &MarkerEnvironment,
) -> Vec<Wanted> {
    let owners: BTreeMap<&str, &MappedImport> = manifest
        .imports
        .iter()
        .filter(|mapped| mapped.kind != ModuleKind::Local)
        .map(|mapped| (mapped.module.as_str(), mapped))
        .collect();
    let elsewhere = only_in_groups(manifest);
    let mut found: BTreeMap<(String, Need), Wanted> = BTreeMap::new();
    for import in scan.imports.iter().filter(|import| !import.local) {
        let names: Vec<&String> = import.names.iter().filter(|name| *name != "*").collect();
        let statements: Vec<Option<&String>> = match names.as_slice() {
            [] => vec![None],
            names => names.iter().map(|name| Some(*name)).collect(),
        };
        for name in statements {
            let Some(owner) = owner(&owners, import, name.map(String::as_str)) else {
                continue;
            };
            let Some(need) = need(import, owner, (lock, selection), (markers, &elsewhere)) else {
                continue;
            };
            let key = (import.module.as_str().to_owned(), need.clone());
            let wanted = found.entry(key).or_insert_with(|| Wanted {
                module: import.module.as_str().to_owned(),
                names: BTreeMap::new(),
                distribution: owner.distribution.clone(),
                version: version(owner, (lock, selection), markers),
                context: import.context,
                site: import.site.clone(),
                need,
            });
            wanted.context = wanted.context.min(import.context);
            if let Some(name) = name {
                let site = || import.site.clone();
                wanted.names.entry(name.clone()).or_insert_with(site);
            }
        }
    }
    without_repetition(found)
}

/// What has to import is not tried a second time because some place guards it.
fn without_repetition(found: BTreeMap<(String, Need), Wanted>) -> Vec<Wanted> {
    let mut kept: Vec<Wanted> = Vec::new();
    for wanted in found.into_values() {
        let stronger = kept.last().filter(|last| last.module == wanted.module);
        let names = wanted.names.keys();
        let covered = stronger
            .is_some_and(|last| names.into_iter().all(|name| last.names.contains_key(name)));
        if !covered {
            kept.push(wanted);
        }
    }
    kept
}

/// Whose module it is, at the depth that decides it.
fn owner<'m>(
    owners: &BTreeMap<&str, &'m MappedImport>,
    import: &Import,
    name: Option<&str>,
) -> Option<&'m MappedImport> {
    let dotted = name.map(|name| format!("{}.{name}", import.module));
    let deep = dotted.as_deref().and_then(|dotted| owners.get(dotted));
    let found = deep.or_else(|| {
        import
            .module
            .prefixes()
            .find_map(|prefix| owners.get(prefix))
    })?;
    // a plain module of this name may be of the tree in one file and of a distribution in another
    found.sites.contains(&import.site).then_some(*found)
}

/// Distributions that are declared, but in groups only, each with the first: what an extra is for is imported by the
/// modules that need it, and a lock without that extra is not asked for it.
fn only_in_groups(manifest: &Manifest) -> BTreeMap<&PackageName, &str> {
    let mut groups: BTreeMap<&PackageName, Option<&str>> = BTreeMap::new();
    for wanted in &manifest.requirements {
        let mut kinds = wanted.origins.iter().map(|origin| origin.kind);
        if kinds.any(|kind| kind == OriginKind::Declared) {
            let group = wanted.group.as_deref();
            let first = groups.entry(&wanted.requirement.name).or_insert(group);
            // `None` is runtime, which counts more
            *first = group.and(*first);
        }
    }
    let only = groups.into_iter();
    only.filter_map(|(name, group)| Some((name, group?)))
        .collect()
}

/// Whether it has to import; `None` when that is nobody's question.
fn need(
    import: &Import,
    owner: &MappedImport,
    (lock, selection): (&Lock, &Selection),
    (markers, elsewhere): (&MarkerEnvironment, &BTreeMap<&PackageName, &str>),
) -> Option<Need> {
    match owner.kind {
        ModuleKind::Local | ModuleKind::Stdlib => return None,
        ModuleKind::Host => {
            return Some(Need::Skipped(
                "the program that runs this code provides it".to_owned(),
            ));
        }
        ModuleKind::ThirdParty | ModuleKind::Unresolved => {}
    }
    if let Some(marker) = &import.marker {
        let tree = parse_marker(marker);
        if tree.is_some_and(|tree| !tree.evaluate(markers, &[])) {
            return Some(Need::Skipped(format!("only where {marker}")));
        }
    }
    let group = match import.context {
        ImportContext::Runtime => None,
        ImportContext::NotebookOnly => Some("notebook"),
        ImportContext::Optional => Some("optional"),
        ImportContext::Test => Some("test"),
        ImportContext::Build => Some("build"),
        ImportContext::Typing => Some("typing"),
    };
    let entries = owner.distribution.as_ref().map(|name| lock.entries(name));
    let entries = entries.unwrap_or_default();
    let here = entries.iter().any(|entry| {
        let marker = entry.marker.as_ref();
        marker.is_none_or(|marker| marker.holds(markers, selection))
    });
    let declared_in = owner.distribution.as_ref();
    let declared_in = declared_in.and_then(|name| elsewhere.get(name));
    Some(match group {
        Some(group) if !here => Need::Skipped(format!("the lock is without the group `{group}`")),
        Some(group) if !lock.has_group(group) => Need::Guarded,
        Some("optional" | "typing") => Need::Guarded,
        None if !here && let Some(group) = declared_in => Need::Skipped(format!(
            "it is declared in the group `{group}` only, which is left out"
        )),
        None if !here && !entries.is_empty() => {
            Need::Skipped("the lock has it for other platforms".to_owned())
        }
        _ if import.marker.is_some() => Need::Guarded,
        _ => Need::Required,
    })
}

fn version(
    owner: &MappedImport,
    (lock, selection): (&Lock, &Selection),
    markers: &MarkerEnvironment,
) -> Option<String> {
    let entries = lock.entries(owner.distribution.as_ref()?).iter();
    let mut here = entries.filter(|entry| {
        let marker = entry.marker.as_ref();
        marker.is_none_or(|marker| marker.holds(markers, selection))
    });
    here.next().map(|entry| entry.version.to_string())
}
