//! The text of `pinsmith scan`: what a tree needs, why, and what is doubtful about it.

mod layout;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pinsmith_resolver::{PackageName, specifiers_of, url_of};

use layout::{Row, flow, section};

use super::source::count;
use crate::requirements::{
    Confidence, Manifest, ManifestRequirement, MappedImport, ModuleKind, OriginKind, Provider,
    codes, lookup,
};
use crate::scan::{Hardware, ImportContext, Scan, Site, Strength};

/// Most lines of one section.
const MOST_ROWS: usize = 200;
/// Most lines about what is loaded at run time.
const MOST_ARTIFACTS: usize = 8;
/// Most names in a running list.
const MOST_NAMES: usize = 24;

/// Grouped by context, then by distribution, then what has none.
pub(super) fn report(scan: &Scan, manifest: &Manifest) -> String {
    let report = Report::new(scan, manifest);
    let mut text = format!("{}\n", report.headline());
    let contexts = [
        (ImportContext::Runtime, "runtime"),
        (ImportContext::NotebookOnly, "notebooks only"),
        (ImportContext::Optional, "optional"),
        (ImportContext::Test, "tests"),
        (ImportContext::Build, "building"),
        (ImportContext::Typing, "type checking"),
    ];
    for (context, title) in contexts {
        section(
            &mut text,
            title,
            "",
            &report.distributions(context),
            MOST_ROWS,
        );
    }
    let sections = [
        ("needed by a call, imported nowhere", "", report.implied()),
        (
            "installed on the way, imported nowhere",
            "",
            report.installed(),
        ),
        (
            "only from a repository",
            "add the line, at best with a commit",
            report.repositories(),
        ),
        (
            "unresolved",
            "say what provides it with `--map MODULE=DISTRIBUTION`",
            report.unresolved(),
        ),
        (
            "provided by the program that runs the code",
            "",
            report.hosts(),
        ),
    ];
    for (title, advice, rows) in sections {
        section(&mut text, title, advice, &rows, MOST_ROWS);
    }
    report.unused(&mut text);
    let title = "loaded at run time";
    section(&mut text, title, "", &report.artifacts(), MOST_ARTIFACTS);
    section(
        &mut text,
        "made for",
        "",
        &report.hardware(),
        MOST_ARTIFACTS,
    );
    text
}

struct Report<'a> {
    scan: &'a Scan,
    manifest: &'a Manifest,
    requirements: BTreeMap<&'a PackageName, Vec<&'a ManifestRequirement>>,
    imported: BTreeSet<&'a PackageName>,
    /// Modules with several distributions, of which one was chosen.
    ambiguous: BTreeSet<&'a str>,
    declares: bool,
}

impl<'a> Report<'a> {
    fn new(scan: &'a Scan, manifest: &'a Manifest) -> Self {
        let mut requirements: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for need in &manifest.requirements {
            let entry = requirements.entry(&need.requirement.name).or_default();
            entry.push(need);
        }
        let imports = manifest.imports.iter();
        let ambiguous = manifest.diagnostics.iter();
        let ambiguous = ambiguous.filter(|found| found.code == codes::AMBIGUOUS);
        Self {
            scan,
            manifest,
            requirements,
            imported: imports.filter_map(|i| i.distribution.as_ref()).collect(),
            ambiguous: ambiguous
                .filter_map(|found| found.message.split('`').nth(1))
                .collect(),
            declares: manifest
                .requirements
                .iter()
                .any(|need| is_from(need, OriginKind::Declared)),
        }
    }

    /// `2 Python files, 0 notebooks; 3 distributions are imported, 1 of them undeclared`
    fn headline(&self) -> String {
        let files = self.scan.files;
        let mut parts = vec![count(files.python, "Python file")];
        if files.notebook > 0 {
            parts.push(count(files.notebook, "notebook"));
        }
        if files.unreadable > 0 {
            parts.push(format!("{} unreadable", files.unreadable));
        }
        let mut text = parts.join(", ");
        let _ = write!(
            text,
            "; {} imported",
            count(self.imported.len(), "distribution")
        );
        let undeclared = self
            .imported
            .iter()
            .filter(|name| !self.is_declared(name))
            .count();
        if self.declares && undeclared > 0 {
            let _ = write!(text, ", {undeclared} of them undeclared");
        }
        text
    }

    fn is_declared(&self, name: &PackageName) -> bool {
        self.is_origin(name, OriginKind::Declared)
    }

    fn is_origin(&self, name: &PackageName, kind: OriginKind) -> bool {
        let needs = self.requirements.get(name).into_iter().flatten();
        needs.into_iter().any(|need| is_from(need, kind))
    }

    /// Distribution with its versions, its modules, the evidence, the places.
    fn distributions(&self, context: ImportContext) -> Vec<Row> {
        let mut by_name = BTreeMap::<&PackageName, Vec<&MappedImport>>::new();
        for import in &self.manifest.imports {
            if let (ModuleKind::ThirdParty, Some(name)) = (import.kind, &import.distribution)
                && import.context == context
            {
                by_name.entry(name).or_default().push(import);
            }
        }
        let rows = by_name.into_iter().map(|(name, imports)| {
            let modules = imports.iter().map(|import| import.module.as_str());
            let modules: Vec<&str> = modules
                .filter(|module| !is_same_name(module, name))
                .collect();
            [
                self.versions(name),
                modules.join(", "),
                self.evidence(name, &imports),
                self.places(&imports),
            ]
        });
        rows.collect()
    }

    /// The name with what the tree asks of its version.
    fn versions(&self, name: &PackageName) -> String {
        let needs = self.requirements.get(name).into_iter().flatten();
        let first = needs.into_iter().min_by_key(|need| need.group.is_some());
        first.map_or_else(|| name.to_string(), |need| asked(need))
    }

    fn evidence(&self, name: &PackageName, imports: &[&MappedImport]) -> String {
        if self.is_declared(name) {
            return "declared".to_owned();
        }
        let surest = imports.iter().map(|import| import.confidence).min();
        let word = match surest.unwrap_or(Confidence::None) {
            Confidence::Declared if self.is_origin(name, OriginKind::InstallLine) => "install line",
            Confidence::Declared => "named",
            Confidence::Curated => "curated",
            Confidence::Table => "table",
            Confidence::Verified => "verified",
            Confidence::None => "",
        };
        if self.declares {
            format!("undeclared, {word}")
        } else {
            word.to_owned()
        }
    }

    /// The first place, how many more there are, and what else there is to know.
    fn places(&self, imports: &[&MappedImport]) -> String {
        let mut text = sites(imports.iter().flat_map(|import| &import.sites));
        if let Some(marker) = imports.iter().find_map(|import| import.marker.as_deref()) {
            let _ = write!(text, ", only if {marker}");
        }
        let mut choices = imports.iter();
        let choice = choices.find(|import| self.ambiguous.contains(import.module.as_str()));
        if let Some(others) = choice.map(|import| &import.alternatives)
            && !others.is_empty()
        {
            let shown: Vec<&str> = others.iter().take(2).map(String::as_str).collect();
            let more = if others.len() > shown.len() {
                ", …"
            } else {
                ""
            };
            let _ = write!(text, ", not {}{more}", shown.join(", "));
            if let Some(why) = choice.and_then(|import| import.why.as_ref()) {
                let _ = write!(text, ": {}", why.replace('`', ""));
            }
        }
        text
    }

    fn implied(&self) -> Vec<Row> {
        let needs = self.manifest.requirements.iter();
        let needs = needs.filter(|need| is_from(need, OriginKind::Implied));
        let rows = needs.map(|need| {
            let places = need
                .origins
                .iter()
                .filter(|o| o.kind == OriginKind::Implied);
            let places: Vec<&Site> = places.map(|origin| &origin.site).collect();
            let name = need.requirement.name.as_ref();
            let mut uses = self.scan.implied.iter();
            let used = uses.find(|used| {
                let needs = used.needs.iter();
                let mut names = needs.map(|need| need.split(['[', '>', '=', '<']).next());
                places.first() == Some(&&used.site) && names.any(|need| need == Some(name))
            });
            [
                asked(need),
                used.map(|used| used.used.clone()).unwrap_or_default(),
                need.group.clone().unwrap_or_default(),
                sites(places),
            ]
        });
        rows.collect()
    }

    fn installed(&self) -> Vec<Row> {
        let needs = self.manifest.requirements.iter();
        let needs = needs.filter(|need| {
            let origins = &mut need.origins.iter();
            origins.all(|origin| origin.kind == OriginKind::InstallLine)
        });
        let rows = needs.map(|need| {
            let group = need.group.clone().unwrap_or_default();
            let places = need.origins.iter().map(|origin| &origin.site);
            [asked(need), String::new(), group, sites(places)]
        });
        rows.collect()
    }

    fn of_kind(&self, kind: ModuleKind) -> impl Iterator<Item = &'a MappedImport> {
        let imports = self.manifest.imports.iter();
        imports.filter(move |import| import.kind == kind)
    }

    fn repositories(&self) -> Vec<Row> {
        let imports = self.of_kind(ModuleKind::ThirdParty);
        let imports = imports.filter(|import| import.distribution.is_none());
        let rows = imports.map(|import| {
            let line = match lookup(&import.module).provider {
                Provider::GitOnly { name, url } => format!("{name} @ {url}"),
                _ => import.alternatives.first().cloned().unwrap_or_default(),
            };
            let module = import.module.to_string();
            [module, line, String::new(), sites(&import.sites)]
        });
        rows.collect()
    }

    fn unresolved(&self) -> Vec<Row> {
        let imports = self.of_kind(ModuleKind::Unresolved);
        let rows = imports.map(|import| {
            let context = match import.context {
                ImportContext::Runtime => "",
                ImportContext::NotebookOnly => "notebooks only",
                ImportContext::Optional => "optional",
                ImportContext::Test => "tests",
                ImportContext::Build => "building",
                ImportContext::Typing => "type checking",
            };
            let mut place = sites(&import.sites);
            match lookup(&import.module).note {
                "" => {}
                "namespace root" => place.push_str(", shared by many distributions"),
                "local-name trap" => place.push_str(", the name of a file that is missing?"),
                note => {
                    let _ = write!(place, ", {note}");
                }
            }
            let module = import.module.to_string();
            [module, String::new(), context.to_owned(), place]
        });
        rows.collect()
    }

    fn hosts(&self) -> Vec<Row> {
        let imports = self.of_kind(ModuleKind::Host);
        let rows = imports.map(|import| {
            let program = match lookup(&import.module).provider {
                Provider::Host { program } => program,
                _ => crate::requirements::host_beside(&import.module).unwrap_or_default(),
            };
            let module = import.module.to_string();
            [
                module,
                program.to_owned(),
                String::new(),
                sites(&import.sites),
            ]
        });
        rows.collect()
    }

    /// The hardware with its version, what says so, how much that says, where; the surest first.
    fn hardware(&self) -> Vec<Row> {
        let mut hints: Vec<_> = self.scan.hardware.iter().collect();
        hints.sort_by_key(|hint| Reverse(hint.strength));
        let mut said: BTreeSet<(Hardware, Option<&str>, &str)> = BTreeSet::new();
        hints.retain(|hint| said.insert((hint.hardware, hint.version.as_deref(), &hint.what)));
        let rows = hints.into_iter().map(|hint| {
            let version = hint.version.as_deref().unwrap_or_default();
            let strength = match hint.strength {
                Strength::Declared => "",
                Strength::Needed => "fails without",
                Strength::Possible => "can use it",
            };
            [
                format!("{} {version}", hint.hardware).trim_end().to_owned(),
                hint.what.clone(),
                strength.to_owned(),
                hint.site.to_string(),
            ]
        });
        rows.collect()
    }

    /// What is declared for runtime and imported nowhere, as a running list; of other groups the
    /// number, since tools are seldom imported.
    fn unused(&self, text: &mut String) {
        let mut names = BTreeSet::new();
        let mut elsewhere = BTreeSet::new();
        for need in &self.manifest.requirements {
            let name = &need.requirement.name;
            if self.imported.contains(name) || !is_from(need, OriginKind::Declared) {
                continue;
            }
            if need.group.is_none() {
                names.insert(name.as_ref());
            } else {
                elsewhere.insert(name.as_ref());
            }
        }
        let elsewhere = elsewhere.difference(&names).count();
        if names.is_empty() {
            return;
        }
        let more = names.len().saturating_sub(MOST_NAMES);
        let mut words: Vec<String> = names
            .iter()
            .take(MOST_NAMES)
            .map(|n| (*n).to_owned())
            .collect();
        if more > 0 {
            words.push(format!("and {more} more"));
        }
        let _ = write!(text, "\ndeclared, imported nowhere ({}", names.len());
        if elsewhere > 0 {
            let _ = write!(text, ", and {elsewhere} in other groups");
        }
        text.push_str(")\n");
        flow(text, &words);
    }

    fn artifacts(&self) -> Vec<Row> {
        let mut seen: BTreeMap<(&str, &str, Option<&str>), Vec<&Site>> = BTreeMap::new();
        for artifact in &self.scan.artifacts {
            let revision = artifact.revision.as_deref();
            let key = (artifact.kind, artifact.id.as_str(), revision);
            seen.entry(key).or_default().push(&artifact.site);
        }
        let rows = seen.into_iter().map(|((kind, id, revision), places)| {
            let revision = revision.map_or_else(|| "no revision".to_owned(), |r| format!("at {r}"));
            [id.to_owned(), kind.to_owned(), revision, sites(places)]
        });
        rows.collect()
    }
}

fn is_from(need: &ManifestRequirement, kind: OriginKind) -> bool {
    need.origins.iter().any(|origin| origin.kind == kind)
}

/// `torch[opt]>=2`; an address is named, not shown.
fn asked(need: &ManifestRequirement) -> String {
    let inner = &need.requirement;
    let mut text = inner.name.to_string();
    if !inner.extras.is_empty() {
        let extras: Vec<String> = inner.extras.iter().map(ToString::to_string).collect();
        let _ = write!(text, "[{}]", extras.join(","));
    }
    match url_of(inner) {
        Some(url) if url.as_str().starts_with("git+") => text.push_str(" @ git"),
        Some(_) => text.push_str(" @ URL"),
        None => text.push_str(&specifiers_of(inner).to_string()),
    }
    text
}

fn is_same_name(module: &str, name: &PackageName) -> bool {
    module
        .parse()
        .is_ok_and(|module: PackageName| module == *name)
}

/// The first place, and how many more there are; code comes before what configures it.
fn sites<'s>(sites: impl IntoIterator<Item = &'s Site>) -> String {
    let sites: BTreeSet<&Site> = sites.into_iter().collect();
    let is_code = |site: &&&Site| {
        let ending = site.file.rsplit_once('.').map(|(_, ending)| ending);
        !matches!(ending, Some("yaml" | "yml"))
    };
    let first = sites.iter().find(is_code).or(sites.first());
    match (first, sites.len()) {
        (None, _) => String::new(),
        (Some(only), 1) => only.to_string(),
        (Some(first), count) => format!("{first} and {} more", count - 1),
    }
}
