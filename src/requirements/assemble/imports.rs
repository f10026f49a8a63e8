//! Merges imports per module, at the depth that decides the distribution, and maps each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use pinsmith_resolver::{MarkerTree, PackageName, parse_marker};

use super::AssembleOptions;
use super::evidence::Evidence;
use super::needs::group;
use crate::requirements::{
    Confidence, Lookup, MappedImport, ModuleKind, Provider, StdlibRange, host_beside, is_stdlib,
    lookup, names_of_module,
};
use crate::scan::{Import, ImportContext, Label, ModuleName, Scan, Site};

/// The OpenCV distributions; all write the same files.
pub(super) const OPENCV: [&str; 4] = [
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
];

/// A mapped import with what the later steps need to know.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) mapped: MappedImport,
    pub(super) lookup: Lookup,
    /// Sites and marker by group; `None` is runtime.
    pub(super) groups: BTreeMap<Option<&'static str>, (Vec<Site>, Option<String>)>,
    /// In which Pythons the standard library has it.
    pub(super) stdlib: Option<StdlibRange>,
}

/// One module of one owner, with the imports of it.
struct Merged<'a> {
    lookup: Lookup,
    imports: Vec<&'a Import>,
}

/// Every imported module, ordered by name.
pub(super) fn resolve(
    scan: &Scan,
    evidence: &Evidence<'_>,
    options: &AssembleOptions,
) -> Vec<Resolved> {
    let merged = merged(scan, evidence, options);
    let siblings = siblings(&merged);
    merged
        .into_iter()
        .filter_map(|((module, kind), merged)| {
            let module = ModuleName::new(module)?;
            Some(map(module, kind, merged, &siblings, evidence, options))
        })
        .collect()
}

/// The imports by module and owner. The same statement is looked up once, unless its file decides.
fn merged<'a>(
    scan: &'a Scan,
    evidence: &Evidence<'_>,
    options: &AssembleOptions,
) -> BTreeMap<(String, ModuleKind), Merged<'a>> {
    let mut numbers: BTreeMap<(String, ModuleKind), usize> = BTreeMap::new();
    let mut all: Vec<Merged<'a>> = Vec::new();
    let mut known: HashMap<(&ModuleName, &[String], bool), Vec<usize>> = HashMap::new();
    for import in &scan.imports {
        let statement = (&import.module, import.names.as_slice(), import.local);
        if let Some(known) = known.get(&statement) {
            for number in known {
                all[*number].imports.push(import);
            }
            continue;
        }
        if import.module.prefixes().any(|p| is_ignored(p, options)) {
            continue;
        }
        let mut own = Vec::new();
        let (places, anywhere) = places(import, evidence, options);
        for (kind, lookup) in places {
            let number = *numbers
                .entry((lookup.module.clone(), kind))
                .or_insert_with(|| {
                    all.push(Merged {
                        lookup,
                        imports: Vec::new(),
                    });
                    all.len() - 1
                });
            all[number].imports.push(import);
            own.push(number);
        }
        if anywhere {
            known.insert(statement, own);
        }
    }
    let mut all: Vec<Option<Merged<'a>>> = all.into_iter().map(Some).collect();
    let taken = numbers.into_iter();
    let taken = taken.filter_map(|(key, number)| Some((key, all.get_mut(number)?.take()?)));
    taken.collect()
}

/// The distributions that submodules of a module ask for: `cv2.ximgproc` decides about `cv2`.
type Siblings = BTreeMap<String, Vec<PackageName>>;

fn siblings(merged: &BTreeMap<(String, ModuleKind), Merged<'_>>) -> Siblings {
    let mut siblings = Siblings::new();
    for merged in merged.values() {
        if let (Some((top, _)), Provider::Index { name, .. }) = (
            merged.lookup.module.split_once('.'),
            &merged.lookup.provider,
        ) {
            let names = siblings.entry(top.to_owned()).or_default();
            names.push(name.clone());
        }
    }
    siblings
}

fn is_ignored(prefix: &str, options: &AssembleOptions) -> bool {
    ModuleName::new(prefix).is_some_and(|module| options.ignore.contains(&module))
}

/// The modules that an import statement really asks for, each with its owner, and whether the same
/// statement asks for the same in any file.
fn places(
    import: &Import,
    evidence: &Evidence<'_>,
    options: &AssembleOptions,
) -> (Vec<(ModuleKind, Lookup)>, bool) {
    let top = import.module.top_level();
    if import.local {
        return (vec![(ModuleKind::Local, bare(top))], true);
    }
    if is_stdlib(top, options.python) || is_stdlib_elsewhere(top) {
        return (vec![(ModuleKind::Stdlib, bare(top))], true);
    }
    let base = deciding(&import.module, evidence, options);
    let anywhere = base.provider != Provider::Unknown;
    if !anywhere && is_own(import, evidence, options) {
        return (vec![(ModuleKind::Local, bare(top))], false);
    }
    let mut found: Vec<Lookup> = Vec::new();
    for name in &import.names {
        let dotted = ModuleName::new(format!("{}.{name}", import.module));
        let deeper = dotted.map(|module| deciding(&module, evidence, options));
        let place = deeper.filter(|deeper| deeper.module.len() > base.module.len());
        found.push(place.unwrap_or_else(|| base.clone()));
    }
    if found.is_empty() {
        found.push(base);
    }
    let mut seen = BTreeSet::new();
    let found = found
        .into_iter()
        .filter(|lookup| seen.insert(lookup.module.clone()))
        .map(|lookup| (kind_of(&lookup), lookup));
    (found.collect(), anywhere)
}

/// Whether a module that nobody knows is the importing file itself, or a missing part of a package
/// whose other parts are in the tree.
fn is_own(import: &Import, evidence: &Evidence<'_>, options: &AssembleOptions) -> bool {
    let top = import.module.top_level();
    let name = import.site.file.rsplit('/').next().unwrap_or_default();
    let is_itself = name.strip_suffix(".py") == Some(top);
    let by_user = ModuleName::new(top).is_some_and(|top| options.said_of(&top).is_some());
    let named = same_name(top).is_some_and(|name| names(evidence, &name));
    // an entry point names what the project itself installs
    let is_entry_point = matches!(name, "pyproject.toml" | "setup.cfg")
        || (name == "setup.py" && import.labels.contains(&Label::Dynamic));
    (is_itself || is_entry_point || evidence.local.contains(top)) && !by_user && !named
}

/// The lookup, cut at the depth at which the user or a declared distribution decides.
fn deciding(module: &ModuleName, evidence: &Evidence<'_>, options: &AssembleOptions) -> Lookup {
    let by_user = module
        .prefixes()
        .find(|prefix| ModuleName::new(*prefix).is_some_and(|m| options.said_of(&m).is_some()));
    if let Some(prefix) = by_user {
        return bare(prefix);
    }
    let found = lookup(module);
    if let Some(program) = host_beside(module)
        && evidence.programs.contains(program)
    {
        return Lookup {
            provider: Provider::Host { program },
            note: "",
            ..found
        };
    }
    if !matches!(found.provider, Provider::Never | Provider::Unknown) {
        return found;
    }
    // a declared `google-cloud-foo` provides google.cloud.foo; a bare namespace root is nobody's
    let named = module.prefixes().find(|prefix| {
        let root = found.note == "namespace root" && *prefix == found.module;
        !root && same_name(prefix).is_some_and(|name| names(evidence, &name))
    });
    named.map_or_else(|| below_namespace(module, found), bare)
}

/// `google.cloud.new.part` is told apart from its neighbours as `google.cloud.new`.
fn below_namespace(module: &ModuleName, found: Lookup) -> Lookup {
    let rest = module.as_str().strip_prefix(found.module.as_str());
    let next = rest.and_then(|rest| rest.strip_prefix('.')?.split('.').next());
    match next {
        Some(next) if found.note == "namespace root" => Lookup {
            module: format!("{}.{next}", found.module),
            ..found
        },
        _ => found,
    }
}

fn names(evidence: &Evidence<'_>, name: &PackageName) -> bool {
    evidence.declared.contains_key(name)
        || evidence.installed.contains_key(name)
        || evidence.accepted.contains(name)
}

fn same_name(module: &str) -> Option<PackageName> {
    PackageName::from_str(&module.replace('.', "-")).ok()
}

fn bare(module: &str) -> Lookup {
    Lookup {
        module: module.to_owned(),
        provider: Provider::Unknown,
        alternatives: Vec::new(),
        ambiguous: false,
        note: "",
    }
}

/// Standard library of another Python than the one in question, and no distribution instead.
fn is_stdlib_elsewhere(top: &str) -> bool {
    let provided = ModuleName::new(top)
        .is_some_and(|module| matches!(lookup(&module).provider, Provider::Index { .. }));
    StdlibRange::of(top).is_some() && !provided
}

fn kind_of(lookup: &Lookup) -> ModuleKind {
    match lookup.provider {
        Provider::Index { .. } | Provider::GitOnly { .. } => ModuleKind::ThirdParty,
        Provider::Host { .. } => ModuleKind::Host,
        Provider::Never | Provider::Unknown => ModuleKind::Unresolved,
    }
}

fn map(
    module: ModuleName,
    kind: ModuleKind,
    merged: Merged<'_>,
    siblings: &Siblings,
    evidence: &Evidence<'_>,
    options: &AssembleOptions,
) -> Resolved {
    let mut names = candidates(&merged.lookup, siblings);
    if merged.lookup.provider == Provider::Unknown {
        // by the user's word another spelling counts too
        let spellings = names_of_module(&module).into_iter();
        names.extend(spellings.filter(|name| evidence.accepted.contains(name)));
    }
    let only_from = match &merged.lookup.provider {
        Provider::GitOnly { name, .. } => Some(name),
        _ => None,
    };
    let by_user = options.said_of(&module).cloned();
    let is_said = by_user.is_some();
    let choice = if matches!(kind, ModuleKind::Stdlib | ModuleKind::Local) {
        None
    } else {
        by_user
            .or_else(|| evidence.first_declared(&names))
            .or_else(|| evidence.first_named(&names, only_from))
            .map(|name| (name, Confidence::Declared))
            .or_else(|| provided(&merged.lookup, &names))
    };
    let own = choice
        .as_ref()
        .is_some_and(|(name, _)| evidence.own == Some(name));
    let kind = match (&choice, kind) {
        _ if own => ModuleKind::Local,
        (Some(_), _) => ModuleKind::ThirdParty,
        (None, kind) => kind,
    };
    let choice = choice.filter(|_| !own);
    let distribution = choice.as_ref().map(|(name, _)| name.clone());
    let mut alternatives: Vec<String> = names
        .iter()
        .filter(|name| {
            Some(*name) != distribution.as_ref() && kind == ModuleKind::ThirdParty && !is_said
        })
        .map(ToString::to_string)
        .collect();
    if let (Provider::GitOnly { name, url }, None) = (&merged.lookup.provider, &distribution) {
        // the name on the index belongs to somebody else
        alternatives.retain(|other| other != name.as_ref());
        alternatives.insert(0, (*url).to_owned());
    }
    Resolved {
        mapped: MappedImport {
            kind,
            context: strongest_context(&merged.imports),
            labels: common_labels(&merged.imports),
            marker: strongest_marker(&merged.imports),
            distribution,
            confidence: choice.map_or(Confidence::None, |(_, confidence)| confidence),
            alternatives,
            why: None,
            suggestion: None,
            sites: sites(&merged.imports),
            module,
        },
        groups: groups(&merged.imports),
        stdlib: StdlibRange::of(&merged.lookup.module),
        lookup: merged.lookup,
    }
}

/// Every distribution that may provide it, the default first.
fn candidates(lookup: &Lookup, siblings: &Siblings) -> Vec<PackageName> {
    let mut texts: Vec<String> = Vec::new();
    if lookup.ambiguous {
        let asked = siblings.get(&lookup.module).into_iter().flatten();
        let fits = |name: &&PackageName| lookup.alternatives.contains(&name.as_ref());
        texts.extend(asked.filter(fits).map(ToString::to_string));
    }
    match &lookup.provider {
        Provider::Index { name, .. } | Provider::GitOnly { name, .. } => {
            texts.push(name.to_string());
        }
        Provider::Host { .. } => {}
        Provider::Never | Provider::Unknown => {
            texts.extend(same_name(&lookup.module).map(|name| name.to_string()));
        }
    }
    texts.extend(lookup.alternatives.iter().map(ToString::to_string));
    if lookup.module.starts_with("cv2") {
        texts.extend(OPENCV.map(str::to_owned));
    }
    let mut names: Vec<PackageName> = Vec::new();
    for name in texts.iter().filter_map(|t| PackageName::from_str(t).ok()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What policy or table say, when the tree says nothing.
fn provided(lookup: &Lookup, names: &[PackageName]) -> Option<(PackageName, Confidence)> {
    match &lookup.provider {
        Provider::Index { confidence, .. } => Some((names.first()?.clone(), *confidence)),
        _ => None,
    }
}

fn is_notebook(import: &Import) -> bool {
    import.site.cell.is_some()
}

/// The context of one import; what a notebook runs is notebook-only.
fn context_of(import: &Import) -> ImportContext {
    match import.context {
        ImportContext::Runtime if is_notebook(import) => ImportContext::NotebookOnly,
        context => context,
    }
}

/// The strongest context; that of notebooks counts only where no other file imports the module.
fn strongest_context(imports: &[&Import]) -> ImportContext {
    let files = imports.iter().filter(|import| !is_notebook(import));
    files
        .map(|import| context_of(import))
        .min()
        .or_else(|| imports.iter().map(|import| context_of(import)).min())
        .unwrap_or(ImportContext::Runtime)
}

fn strongest_marker(imports: &[&Import]) -> Option<String> {
    let context = strongest_context(imports);
    let strongest: Vec<&Import> = imports
        .iter()
        .copied()
        .filter(|import| context_of(import) == context)
        .collect();
    common_marker(&strongest)
}

/// A marker that covers every import; `None` when one of them has none.
fn common_marker(imports: &[&Import]) -> Option<String> {
    let markers: Option<BTreeSet<&str>> = imports
        .iter()
        .map(|import| import.marker.as_deref())
        .collect();
    let mut all: Option<MarkerTree> = None;
    for text in markers? {
        let marker = parse_marker(text)?;
        all = Some(match all {
            None => marker,
            Some(mut all) => {
                all.or(marker);
                all
            }
        });
    }
    all?.contents().map(|contents| contents.to_string())
}

fn common_labels(imports: &[&Import]) -> Vec<Label> {
    let mut all = imports.iter().map(|import| import.labels.clone());
    let first = all.next().unwrap_or_default();
    let common = all.fold(first, |common, labels| {
        common.intersection(&labels).copied().collect()
    });
    common.into_iter().collect()
}

fn sites(imports: &[&Import]) -> Vec<Site> {
    let mut sites: Vec<&Site> = imports.iter().map(|import| &import.site).collect();
    // they are nearly in order
    sites.sort();
    sites.dedup();
    sites.into_iter().cloned().collect()
}

/// In which groups the module is needed: runtime alone, or each weaker one by itself.
fn groups(imports: &[&Import]) -> BTreeMap<Option<&'static str>, (Vec<Site>, Option<String>)> {
    let mut by_group: BTreeMap<Option<&'static str>, Vec<&Import>> = BTreeMap::new();
    for import in imports {
        let group = group(context_of(import));
        by_group.entry(group).or_default().push(import);
    }
    if by_group.contains_key(&None) {
        by_group.retain(|group, _| group.is_none());
    } else if by_group.len() > 1 {
        by_group.remove(&Some("typing"));
    }
    let runtime = by_group.contains_key(&None);
    by_group
        .into_iter()
        .map(|(group, own)| {
            // a runtime need cites every place, the weaker ones too
            let cited = if runtime { sites(imports) } else { sites(&own) };
            (group, (cited, common_marker(&own)))
        })
        .collect()
}
