//! A look at the index for modules that nobody knows.

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, SourceError, Timestamp, url_of};

use super::args::SourceArgs;
use super::source::Source;
use crate::diagnostic::Diagnostic;
use crate::git::Git;
use crate::index::{Contents, ContentsQuestion, Index};
use crate::requirements::{Enquiry, Holding, MAX_MODULES, codes, settled};
use crate::scan::ModuleName;

/// Files of the root in which a tree names other repositories, in whatever case.
const README: [&str; 4] = ["readme.md", "readme.rst", "readme.txt", "readme"];

/// Asks about every module that nobody knows and works the answers into the manifest.
pub(super) fn look_up(
    source: &mut Source,
    args: &SourceArgs,
    index: &Index,
    until: Option<Timestamp>,
) {
    let private = &source.config.private;
    let mut enquiry = source.manifest.enquiry();
    enquiry.leave_out(|module| private.iter().any(|pattern| pattern.matches(module)));
    if enquiry.modules.is_empty() {
        return;
    }
    let holdings = match holdings(source, &enquiry, index, until) {
        Ok(holdings) => holdings,
        Err(error) => {
            let message = format!(
                "{} could not be looked up: {}",
                super::source::count(enquiry.modules.len(), "module"),
                error.message
            );
            let mut diagnostic = Diagnostic::warning(codes::NOT_LOOKED_UP, message);
            diagnostic.help = error.help;
            source.manifest.diagnostics.push(diagnostic);
            return;
        }
    };
    if enquiry.modules.len() == MAX_MODULES {
        let message = format!("no more than {MAX_MODULES} modules are looked up");
        let help = "say what the others are with `--map MODULE=DISTRIBUTION`";
        let diagnostic = Diagnostic::info(codes::NOT_LOOKED_UP, message).help(help);
        source.manifest.diagnostics.push(diagnostic);
    }
    let accepted: BTreeSet<PackageName> = args.accept.iter().cloned().collect();
    let named = named_addresses(source);
    source.manifest.learn(&holdings, &named, &accepted);
}

/// For every module the distributions that hold it, the declared ones first, then by the rules.
fn holdings(
    source: &Source,
    enquiry: &Enquiry,
    index: &Index,
    until: Option<Timestamp>,
) -> Result<BTreeMap<ModuleName, Vec<Holding>>, SourceError> {
    let now = contents(index, enquiry, until)?;
    let mut older = BTreeMap::new();
    if now.values().any(|contents| !contents.holds.is_empty())
        && let Some(first) = first_commit(source)
        && let Some(before) = settled(first)
    {
        let before = until.map_or(before, |until| before.min(until));
        older = contents(index, enquiry, Some(before))?;
    }
    let holds = |all: &BTreeMap<PackageName, Contents>, name: &PackageName, module: &ModuleName| {
        let found = all.get(name);
        found.is_some_and(|contents| contents.holds.contains(module.as_str()))
    };
    let mut holdings = BTreeMap::new();
    for (module, names) in &enquiry.modules {
        let candidates = enquiry.declared.iter().chain(names);
        let mut seen = BTreeSet::new();
        let found: Vec<Holding> = candidates
            .filter(|name| seen.insert(*name) && holds(&now, name, module))
            .filter_map(|name| {
                let contents = now.get(name)?;
                Some(Holding {
                    name: name.clone(),
                    version: contents.version.to_string(),
                    first_uploaded: contents.first_uploaded,
                    urls: contents.urls.clone(),
                    settled: holds(&older, name, module),
                })
            })
            .collect();
        if !found.is_empty() {
            holdings.insert(module.clone(), found);
        }
    }
    Ok(holdings)
}

fn contents(
    index: &Index,
    enquiry: &Enquiry,
    until: Option<Timestamp>,
) -> Result<BTreeMap<PackageName, Contents>, SourceError> {
    let questions: Vec<ContentsQuestion> = enquiry
        .questions()
        .into_iter()
        .map(|(name, modules)| ContentsQuestion {
            name,
            modules: modules.iter().map(ToString::to_string).collect(),
            until,
        })
        .collect();
    let found = index.contents(&questions)?.into_iter().flatten();
    Ok(found
        .map(|contents| (contents.name.clone(), contents))
        .collect())
}

/// A lower bound for the first appearance of any import of the tree.
fn first_commit(source: &Source) -> Option<Timestamp> {
    let root = source.tree.root();
    Git::find(&std::env::vars_os().collect(), root)?.first_commit(root)
}

/// Addresses that the tree names: in its README, in install lines and in what it declares.
fn named_addresses(source: &Source) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    let folder = std::fs::read_dir(source.tree.root()).into_iter().flatten();
    let mut files: Vec<String> = folder
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| README.contains(&name.to_ascii_lowercase().as_str()))
        .collect();
    files.sort();
    for file in files {
        let bytes = source.tree.read(&file).unwrap_or_default();
        addresses.extend(addresses_in(&String::from_utf8_lossy(&bytes)));
    }
    let lines = source.scan.install_lines.iter();
    addresses.extend(lines.flat_map(|line| addresses_in(&line.requirement)));
    let declared = source.manifest.requirements.iter();
    let urls = declared.filter_map(|need| url_of(&need.requirement));
    addresses.extend(urls.map(|url| url.as_str().to_owned()));
    addresses
}

/// `https://` addresses in a text, cut at what cannot be part of one.
fn addresses_in(text: &str) -> Vec<String> {
    let ends = |c: char| c.is_whitespace() || "()[]<>{}\"'`|,;".contains(c);
    text.match_indices("https://")
        .map(|(start, _)| text[start..].split(ends).next().unwrap_or_default())
        .map(|address| address.trim_end_matches(['.', ':', '!']).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::addresses_in;

    #[test]
    fn addresses_end_where_the_text_goes_on() {
        let text =
            "See [it](https://github.com/a/b), or <https://github.com/c/d>. https://x.test/e.";
        assert_eq!(
            addresses_in(text),
            [
                "https://github.com/a/b",
                "https://github.com/c/d",
                "https://x.test/e"
            ]
        );
    }
}
