//! What a person should know about the mapping.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::PackageName;

use super::AssembleOptions;
use super::evidence::Evidence;
use super::imports::{OPENCV, Resolved};
use crate::diagnostic::{Diagnostic, Severity};
use crate::requirements::declared::Declared;
use crate::requirements::modules::LOCAL_NAME;
use crate::requirements::{Availability, Confidence, ModuleKind, Provider, codes, lookup};
use crate::scan::{ImportContext, Site};

/// Distributions that write the same files: never two of them in one environment.
const EXCLUSIVE: [&[&str]; 3] = [
    &OPENCV,
    &[
        "onnxruntime",
        "onnxruntime-gpu",
        "onnxruntime-directml",
        "onnxruntime-openvino",
    ],
    &["faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12"],
];

/// Most names in one message.
const SHOWN: usize = 20;

/// All findings, in no particular order.
pub(super) fn findings(
    resolved: &[Resolved],
    evidence: &Evidence<'_>,
    declared: &Declared,
    options: &AssembleOptions,
) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut reported = BTreeSet::new();
    for import in resolved {
        let Some(site) = import.mapped.sites.first().cloned() else {
            continue;
        };
        let found = match import.mapped.kind {
            ModuleKind::ThirdParty => {
                third_party(import, &mut reported, &site, &mut out);
                None
            }
            ModuleKind::Unresolved => Some(unresolved(import)),
            ModuleKind::Stdlib => stdlib(import, options),
            ModuleKind::Local | ModuleKind::Host => None,
        };
        out.extend(found.map(|diagnostic| diagnostic.at(site)));
    }
    out.extend(undeclared(resolved, evidence));
    if !resolved.is_empty() {
        out.extend(unused(resolved, declared));
    }
    out.extend(exclusive(declared));
    out
}

fn third_party<'a>(
    import: &'a Resolved,
    reported: &mut BTreeSet<(&'static str, &'a PackageName)>,
    site: &Site,
    out: &mut Vec<Diagnostic>,
) {
    let module = &import.mapped.module;
    let Some(name) = &import.mapped.distribution else {
        if let Provider::GitOnly { name, url } = &import.lookup.provider {
            let message =
                format!("`{module}` comes from a repository, not from an index: nothing is taken");
            let help = format!("add the line `{name} @ {url}`, at best with a commit");
            let diagnostic = weight(codes::GIT_ONLY, message, import);
            out.push(diagnostic.at(site.clone()).help(help));
        }
        return;
    };
    let guessed = import.mapped.confidence != Confidence::Declared;
    if guessed && import.lookup.ambiguous && reported.insert(("ambiguous", name)) {
        let others = &import.mapped.alternatives;
        let others = if others.is_empty() {
            String::new()
        } else {
            format!(" rather than {}", others.join(", "))
        };
        let message = format!("`{module}` is taken from `{name}`{others}");
        let mut diagnostic = Diagnostic::info(codes::AMBIGUOUS, message).at(site.clone());
        if let Some(why) = &import.mapped.why {
            diagnostic = diagnostic.help(format!("{why}; declare another if you want it"));
        } else if !import.lookup.note.is_empty() {
            diagnostic = diagnostic.help(import.lookup.note);
        }
        out.push(diagnostic);
    }
    if let Provider::Index {
        name: usual,
        availability,
        ..
    } = &import.lookup.provider
        && usual == name
        && *availability != Availability::Wheels
        && reported.insert(("availability", name))
    {
        let what = match availability {
            Availability::ExtraIndex => "has its wheels on another index",
            _ => "is on the index as source only",
        };
        let message = format!("`{name}` {what}");
        let diagnostic = Diagnostic::info(codes::AVAILABILITY, message).at(site.clone());
        out.push(diagnostic.help(import.lookup.note));
    }
}

/// Imported at run time although the tree declares other things: one by one if they are few, else
/// all in one finding.
fn undeclared(resolved: &[Resolved], evidence: &Evidence<'_>) -> Vec<Diagnostic> {
    /// More than this would bury the other findings.
    const FEW: usize = 3;
    if !evidence.declares() {
        return Vec::new();
    }
    let mut imports: BTreeMap<&PackageName, &Resolved> = BTreeMap::new();
    for import in resolved {
        if let Some(name) = &import.mapped.distribution
            && import.groups.contains_key(&None)
            && !evidence.declared.contains_key(name)
        {
            imports.entry(name).or_insert(import);
        }
    }
    let at = |import: &Resolved| import.mapped.sites.first().cloned();
    if imports.len() > FEW {
        let first = imports.values().filter_map(|import| at(import)).min();
        let names: Vec<&str> = imports.keys().map(|&name| name.as_ref()).collect();
        let message = format!(
            "{} distributions are imported but not declared: {}",
            names.len(),
            names.join(", ")
        );
        let mut diagnostic = Diagnostic::warning(codes::UNDECLARED, message)
            .help("declare them, or let `pinsmith lock` add what it found");
        diagnostic.site = first;
        return vec![diagnostic];
    }
    let one = |(name, import): (&PackageName, &Resolved)| {
        let module = &import.mapped.module;
        let message = if module.as_str() == name.as_ref() {
            format!("`{module}` is imported but not declared")
        } else {
            format!("`{module}` is imported but its distribution `{name}` is not declared")
        };
        let diagnostic = Diagnostic::warning(codes::UNDECLARED, message);
        Some(diagnostic.at(at(import)?).help(format!("declare `{name}`")))
    };
    imports.into_iter().filter_map(one).collect()
}

/// A warning for what runs, a note for what is guarded, tested or typed.
fn weight(code: crate::diagnostic::Code, message: String, import: &Resolved) -> Diagnostic {
    let mut diagnostic = Diagnostic::warning(code, message);
    if import.mapped.context > ImportContext::NotebookOnly {
        diagnostic.severity = Severity::Info;
    }
    diagnostic
}

fn unresolved(import: &Resolved) -> Diagnostic {
    let module = &import.mapped.module;
    let (message, help) = match import.lookup.note {
        "namespace root" if lookup(module).module != module.as_str() => (
            format!("no distribution is known to provide `{module}`"),
            format!("say which one does with `--map {module}=DISTRIBUTION`"),
        ),
        "namespace root" => (
            format!(
                "`{module}` is shared by many distributions, and none is known for this import"
            ),
            format!(
                "declare the distribution that provides it, or say which one with `--map {module}.NAME=DISTRIBUTION`"
            ),
        ),
        LOCAL_NAME => (
            format!(
                "`{module}` is not in this tree, and its name says nothing about where it is from"
            ),
            format!(
                "add the missing file, or say which distribution it is with `--map {module}=DISTRIBUTION`"
            ),
        ),
        "" => (
            format!("no distribution is known to provide `{module}`"),
            format!("say which one does with `--map {module}=DISTRIBUTION`"),
        ),
        note => (
            format!("`{module}` is not installed with pip"),
            note.to_owned(),
        ),
    };
    weight(codes::UNRESOLVED, message, import).help(help)
}

/// A module that the standard library has in other Pythons only.
fn stdlib(import: &Resolved, options: &AssembleOptions) -> Option<Diagnostic> {
    let module = &import.mapped.module;
    let range = import.stdlib?;
    let guarded = import.mapped.context != ImportContext::Runtime || import.mapped.marker.is_some();
    if guarded {
        return None;
    }
    let Some((first, _)) = range.python3 else {
        let message = format!("`{module}` is in the standard library of Python 2 only");
        let help = "port the code to Python 3";
        return Some(Diagnostic::warning(codes::STDLIB_VERSION, message).help(help));
    };
    let python = options.python.filter(|python| !range.contains(*python))?;
    let message = match range.removed_in() {
        Some(removed) if python.major == 3 && python.minor >= removed => {
            format!("`{module}` left the standard library in Python 3.{removed}")
        }
        _ => format!("`{module}` is in the standard library from Python 3.{first} on"),
    };
    Some(
        Diagnostic::warning(codes::STDLIB_VERSION, message).help(format!(
            "choose another Python than {python}, or change the code"
        )),
    )
}

/// Declared for runtime and imported nowhere, one note a file.
fn unused(resolved: &[Resolved], declared: &Declared) -> Vec<Diagnostic> {
    let used: BTreeSet<&PackageName> = resolved
        .iter()
        .filter_map(|import| import.mapped.distribution.as_ref())
        .collect();
    let mut by_file: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in &declared.requirements {
        if entry.group.is_none() && !used.contains(&entry.requirement.name) {
            let file = by_file.entry(&entry.site.file).or_default();
            file.insert(entry.requirement.name.as_ref());
        }
    }
    by_file
        .into_iter()
        .map(|(file, names)| {
            let more = names.len().saturating_sub(SHOWN);
            let mut list: Vec<&str> = names.into_iter().take(SHOWN).collect();
            let rest = format!("{more} more");
            if more > 0 {
                list.push(&rest);
            }
            let message = format!("declared but imported nowhere: {}", list.join(", "));
            Diagnostic::info(codes::UNUSED, message).at(Site {
                file: file.to_owned(),
                line: 0,
                cell: None,
            })
        })
        .collect()
}

fn exclusive(declared: &Declared) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    for family in EXCLUSIVE {
        let members = declared.requirements.iter().filter(|entry| {
            entry.group.is_none() && family.contains(&entry.requirement.name.as_ref())
        });
        let members: Vec<_> = members.collect();
        let names: BTreeSet<&str> = members
            .iter()
            .map(|entry| entry.requirement.name.as_ref())
            .collect();
        if let (true, Some(last)) = (names.len() > 1, members.last()) {
            let list: Vec<&str> = names.into_iter().collect();
            let message = format!("{} write the same files", list.join(" and "));
            out.push(
                Diagnostic::warning(codes::EXCLUSIVE, message)
                    .at(last.site.clone())
                    .help("declare one of them"),
            );
        }
    }
    out
}
