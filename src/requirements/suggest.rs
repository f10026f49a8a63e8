//! Modules that nobody knows, looked up on the index: what is asked, and what follows from the answers.
//!
//! That a wheel holds the module proves nothing, for whoever uploads it controls it. So an answer is
//! a suggestion, and only evidence that an uploader cannot make up lets it be locked unattended
//! (`docs/security.md`). Pure: the answers come from whoever asks the index.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use pinsmith_resolver::{PackageName, Timestamp, parse_requirement};
use serde::Serialize;

use super::modules::{LOCAL_NAME, lookup, repository_key};
use super::{
    Confidence, Manifest, ManifestRequirement, MappedImport, ModuleKind, Origin, OriginKind,
    Provider, codes,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::scan::{ImportContext, ModuleName};

/// Most modules of one tree that are looked up.
pub const MAX_MODULES: usize = 40;

/// Most declared distributions whose contents are looked at.
const MAX_DECLARED: usize = 40;

/// How much older than the import a release must be to be no reaction to it.
const SETTLED_DAYS: i64 = 90;

/// What to ask the index about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Enquiry {
    /// Modules with the distributions that may provide them, most likely first.
    pub modules: BTreeMap<ModuleName, Vec<PackageName>>,
    /// Declared distributions that no import is mapped to; each may provide any of the modules.
    pub declared: BTreeSet<PackageName>,
}

impl Enquiry {
    /// Asks nothing about some modules, since their names are nobody's business.
    pub fn leave_out(&mut self, private: impl Fn(&ModuleName) -> bool) {
        self.modules.retain(|module, _| !private(module));
    }

    /// Every distribution to look into, with the modules that it may hold.
    pub fn questions(&self) -> BTreeMap<PackageName, BTreeSet<ModuleName>> {
        let mut questions = BTreeMap::<PackageName, BTreeSet<ModuleName>>::new();
        for (module, names) in &self.modules {
            for name in names.iter().chain(&self.declared) {
                let asked = questions.entry(name.clone()).or_default();
                asked.insert(module.clone());
            }
        }
        questions
    }
}

/// What the newest wheel of a distribution says about one module that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The distribution.
    pub name: PackageName,
    /// Its newest release with a wheel, as text.
    pub version: String,
    /// When the distribution's first release was uploaded.
    pub first_uploaded: Option<Timestamp>,
    /// Addresses that the wheel's metadata names.
    pub urls: Vec<String>,
    /// Whether a release that is [`settled`] before the import already held the module.
    pub settled: bool,
}

/// A distribution that may be meant by an import; shown beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The distribution.
    pub name: PackageName,
    /// The release whose wheel holds the module.
    pub version: String,
    /// When the distribution's first release was uploaded, as far as the index tells.
    pub first_uploaded: Option<String>,
    /// Why it is not taken; `None` when it is.
    pub doubt: Option<&'static str>,
}

/// The instant up to which a release counts as older than an import.
///
/// ```
/// use pinsmith::requirements::settled;
/// let import = "2026-06-01T00:00:00Z".parse().unwrap();
/// assert_eq!(settled(import).unwrap().to_string(), "2026-03-03T00:00:00Z");
/// ```
pub fn settled(first_import: Timestamp) -> Option<Timestamp> {
    let seconds = first_import
        .as_second()
        .checked_sub(SETTLED_DAYS * 86_400)?;
    Timestamp::from_second(seconds).ok()
}

/// The distributions that a module may come from by its name alone, most likely first.
///
/// The rules: the module's own name; `python-NAME`; `NAME-python`; `py-NAME`; `pyNAME`. A dotted
/// module is spelt with hyphens, under a namespace root also without its last part.
///
/// ```
/// use pinsmith::requirements::names_of_module;
/// use pinsmith::scan::ModuleName;
/// let names = names_of_module(&ModuleName::new("pose_tools").unwrap());
/// assert_eq!(names[0].as_ref(), "pose-tools");
/// assert_eq!(names[1].as_ref(), "python-pose-tools");
/// ```
pub fn names_of_module(module: &ModuleName) -> Vec<PackageName> {
    let spelt = module.as_str().replace('.', "-");
    let mut texts = vec![spelt.clone()];
    if module.as_str().contains('.') {
        texts.extend(spelt.rsplit_once('-').map(|(head, _)| head.to_owned()));
        // the root of a namespace is nobody's name
        texts.retain(|text| text.contains('-'));
    } else {
        texts.push(format!("python-{spelt}"));
        texts.push(format!("{spelt}-python"));
        texts.push(format!("py-{spelt}"));
        texts.push(format!("py{spelt}"));
    }
    let names = texts
        .iter()
        .filter_map(|text| PackageName::from_str(text).ok());
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(name.clone())).collect()
}

impl Manifest {
    /// What the index may know about the modules that nobody does; empty when all are known.
    ///
    /// Names of the policy's git-only and never rows, private modules and what the user maps are not
    /// asked about. Runtime imports come first when there are too many.
    pub fn enquiry(&self) -> Enquiry {
        let mut unknown: Vec<&MappedImport> = self
            .imports
            .iter()
            .filter(|import| is_open(import))
            .collect();
        unknown.sort_by_key(|import| import.context);
        let modules: BTreeMap<_, _> = unknown
            .into_iter()
            .take(MAX_MODULES)
            .map(|import| (import.module.clone(), names_of_module(&import.module)))
            .collect();
        if modules.is_empty() {
            return Enquiry::default();
        }
        let used: BTreeSet<&PackageName> = self
            .imports
            .iter()
            .filter_map(|import| import.distribution.as_ref())
            .collect();
        let declared = self.requirements.iter().filter(|need| {
            let by_tree = need.origins.iter().any(|o| o.kind == OriginKind::Declared);
            let name = &need.requirement.name;
            by_tree
                && !used.contains(name)
                && pinsmith_resolver::url_of(&need.requirement).is_none()
        });
        let declared = declared.map(|need| need.requirement.name.clone());
        Enquiry {
            modules,
            declared: declared.take(MAX_DECLARED).collect(),
        }
    }

    /// Works the answers in: what is declared or beyond doubt is taken, the rest is suggested.
    ///
    /// `named` are addresses that the tree names; `accepted` what the user takes whatever the doubt.
    pub fn learn(
        &mut self,
        holdings: &BTreeMap<ModuleName, Vec<Holding>>,
        named: &[String],
        accepted: &BTreeSet<PackageName>,
    ) {
        let declared = self.declared_groups();
        let named: BTreeSet<String> = named.iter().filter_map(|url| repository(url)).collect();
        for (module, found) in holdings {
            let best = found
                .iter()
                .find(|holding| declared.contains_key(&holding.name))
                .or_else(|| found.iter().find(|h| accepted.contains(&h.name)))
                .or_else(|| found.first());
            let Some(best) = best else { continue };
            let doubt = if declared.contains_key(&best.name) || accepted.contains(&best.name) {
                None
            } else {
                doubt(best, &named)
            };
            let others = found.iter().filter(|other| other.name != best.name);
            let others = others.map(|other| other.name.to_string()).collect();
            self.suggest(
                module,
                best,
                doubt,
                others,
                declared.contains_key(&best.name),
            );
        }
        self.drop_settled_findings();
    }

    /// Takes what a lock holds anyway: a suggestion that some locked distribution requires.
    pub fn confirm(&mut self, locked: &BTreeSet<PackageName>) {
        let confirmed: Vec<ModuleName> = self
            .imports
            .iter()
            .filter(|import| {
                let suggestion = import.suggestion.as_ref();
                import.kind == ModuleKind::Unresolved
                    && suggestion.is_some_and(|suggestion| locked.contains(&suggestion.name))
            })
            .map(|import| import.module.clone())
            .collect();
        for module in confirmed {
            self.take(&module, Confidence::Verified);
        }
        self.drop_settled_findings();
    }

    fn declared_groups(&self) -> BTreeMap<PackageName, Option<String>> {
        let declared = self.requirements.iter().filter(|need| {
            let mut origins = need.origins.iter();
            origins.any(|origin| origin.kind == OriginKind::Declared)
        });
        declared
            .map(|need| (need.requirement.name.clone(), need.group.clone()))
            .collect()
    }

    fn suggest(
        &mut self,
        module: &ModuleName,
        best: &Holding,
        doubt: Option<&'static str>,
        others: Vec<String>,
        declared: bool,
    ) {
        let open = |import: &&mut MappedImport| import.module == *module && is_open(import);
        let Some(import) = self.imports.iter_mut().find(open) else {
            return;
        };
        import.suggestion = Some(Suggestion {
            name: best.name.clone(),
            version: best.version.clone(),
            first_uploaded: best.first_uploaded.map(|time| time.to_string()),
            doubt,
        });
        import.alternatives = others;
        let site = import.sites.first().cloned();
        let weight = if import.context > ImportContext::NotebookOnly {
            Severity::Info
        } else {
            Severity::Warning
        };
        let Suggestion { name, version, .. } = match &import.suggestion {
            Some(suggestion) => suggestion.clone(),
            None => return,
        };
        let mut diagnostic = match doubt {
            Some(doubt) => {
                let message = format!(
                    "no distribution is known to provide `{module}`; `{name}` {version} holds it, but {doubt}"
                );
                let help = format!(
                    "look at `{name}`, and take it with `--accept {name}` or say `--map {module}=DISTRIBUTION`"
                );
                Diagnostic::warning(codes::SUGGESTED, message).help(help)
            }
            None if declared => {
                let message = format!("`{module}` is in the declared `{name}`: its wheel holds it");
                Diagnostic::info(codes::SUGGESTED, message)
            }
            None => {
                let message = format!("`{module}` is taken from `{name}`: {version} holds it");
                Diagnostic::info(codes::SUGGESTED, message)
            }
        };
        if diagnostic.severity == Severity::Warning {
            diagnostic.severity = weight;
        }
        diagnostic.site = site;
        self.diagnostics.push(diagnostic);
        if doubt.is_none() {
            let confidence = if declared {
                Confidence::Declared
            } else {
                Confidence::Verified
            };
            self.take(module, confidence);
        }
    }

    /// Makes a suggestion the module's distribution and, unless it is one already, a requirement.
    fn take(&mut self, module: &ModuleName, confidence: Confidence) {
        let open = |import: &&mut MappedImport| import.module == *module && is_open(import);
        let Some(import) = self.imports.iter_mut().find(open) else {
            return;
        };
        let Some(suggestion) = &mut import.suggestion else {
            return;
        };
        suggestion.doubt = None;
        let name = suggestion.name.clone();
        import.kind = ModuleKind::ThirdParty;
        import.distribution = Some(name.clone());
        import.confidence = confidence;
        let origins: Vec<Origin> = import
            .sites
            .iter()
            .map(|site| Origin {
                kind: OriginKind::Import,
                site: site.clone(),
            })
            .collect();
        let group = group_of(import.context).map(str::to_owned);
        let text = match &import.marker {
            Some(marker) => format!("{name} ; {marker}"),
            None => name.to_string(),
        };
        let mut same = self.requirements.iter_mut();
        if let Some(need) = same.find(|need| need.requirement.name == name) {
            need.origins.extend(origins);
            need.order_origins();
        } else if let Ok(parsed) = parse_requirement(&text) {
            self.requirements.push(ManifestRequirement {
                requirement: parsed.requirement,
                group,
                origins,
            });
            self.requirements.sort_by_cached_key(|need| {
                let name = need.requirement.name.clone();
                (need.group.clone(), name, need.requirement.to_string())
            });
        }
    }

    /// Removes what is said better by a suggestion, and what is no longer true.
    fn drop_settled_findings(&mut self) {
        let known: BTreeSet<String> = self
            .imports
            .iter()
            .filter(|import| import.suggestion.is_some())
            .map(|import| format!("no distribution is known to provide `{}`", import.module))
            .collect();
        let taken: BTreeSet<String> = self
            .imports
            .iter()
            .filter(|import| import.suggestion.is_some() && import.distribution.is_some())
            .map(|import| format!("no distribution is known to provide `{}`;", import.module))
            .collect();
        self.diagnostics.retain(|diagnostic| {
            let message = &diagnostic.message;
            let replaced = diagnostic.code == codes::UNRESOLVED && known.contains(message);
            let settled = diagnostic.code == codes::SUGGESTED
                && taken.iter().any(|start| message.starts_with(start));
            !replaced && !settled
        });
        self.diagnostics
            .sort_by(|a, b| (&a.site, a).cmp(&(&b.site, b)));
    }
}

/// Why a distribution that nobody names is not taken unattended.
fn doubt(holding: &Holding, named: &BTreeSet<String>) -> Option<&'static str> {
    if !holding.settled {
        return Some("nothing shows that it is older than the import");
    }
    let mut urls = holding.urls.iter().filter_map(|url| repository(url));
    if urls.any(|key| named.contains(&key)) {
        None
    } else {
        Some("it names no repository that this tree names too")
    }
}

/// `host/owner/name` of an address on a forge, whatever follows it.
fn repository(url: &str) -> Option<String> {
    const FORGES: [&str; 4] = ["bitbucket.org", "codeberg.org", "github.com", "gitlab.com"];
    let key = repository_key(url)?;
    let mut parts = key.splitn(4, '/');
    let (host, owner, name) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = FORGES.contains(&host) && !owner.is_empty() && !name.is_empty();
    let name = name.strip_suffix(".git").unwrap_or(name);
    whole.then(|| format!("{host}/{owner}/{name}"))
}

/// A module that nobody knows and that may be asked about.
fn is_open(import: &MappedImport) -> bool {
    if import.kind != ModuleKind::Unresolved || import.module.as_str().starts_with('_') {
        return false;
    }
    let found = lookup(&import.module);
    match found.provider {
        Provider::Unknown => found.note != LOCAL_NAME,
        Provider::Never => found.note == "namespace root" && found.module != import.module.as_str(),
        _ => false,
    }
}

fn group_of(context: ImportContext) -> Option<&'static str> {
    match context {
        ImportContext::Runtime => None,
        ImportContext::NotebookOnly => Some("notebook"),
        ImportContext::Optional => Some("optional"),
        ImportContext::Test => Some("test"),
        ImportContext::Build => Some("build"),
        ImportContext::Typing => Some("typing"),
    }
}
