//! What the code says about its Python, kept between runs: `lock` asks for it each time.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{
    Certainty, Claim, Finding, Locals, News, Owner, PythonFact, Usage, additions, joined, locals,
    of_sources, removals,
};
use crate::diagnostic::Site;
use crate::scan::{ImportContext, Keyed, Known, Memory, Scan, Tree, code};

/// What [`super::usage`] finds that concerns Python itself, without edits, and with what an earlier run read of files that
/// are still the same.
///
/// `memory` comes with the name of the program: what another one read does not count.
pub fn usage_of_python(tree: &Tree, scan: &Scan, memory: Option<(&dyn Memory, &str)>) -> Usage {
    let memory = memory.filter(|(memory, _)| scan.source_files.len() >= memory.least());
    let known = memory.map(|(memory, reader)| Known::recall(memory, reader));
    let locals = locals(scan);
    let read = scan.source_files.par_iter().filter_map(|file| {
        let bytes = tree.read(file).ok()?;
        let known = known.as_ref();
        Some((file, of_file(tree, file, bytes, &locals, known)))
    });
    let read: Vec<(&String, OfFile)> = read.collect();
    let mut keep = BTreeMap::new();
    let mut all = Vec::with_capacity(read.len());
    for (file, of_file) in read {
        keep.extend(of_file.kept.map(|kept| (file.clone(), kept)));
        all.push((of_file.usage, of_file.patched));
    }
    if let (Some(known), Some((memory, _))) = (known, memory) {
        known.replace(keep, memory);
    }
    joined(all)
}

/// What one file told, and what of it is kept.
struct OfFile {
    usage: Usage,
    patched: Vec<String>,
    kept: Option<Kept>,
}

fn of_file(
    tree: &Tree,
    file: &str,
    bytes: Vec<u8>,
    locals: &Locals<'_>,
    known: Option<&Known<Kept>>,
) -> OfFile {
    let locals = locals.of(file);
    let key = known.and_then(|_| code::key(tree, file, &bytes));
    let key = key.map(|key| format!("{key} {locals:?}"));
    let before = known.and_then(|known| known.get(file));
    let before = before.filter(|kept| Some(&kept.key) == key.as_ref());
    if let Some((kept, usage)) = before.and_then(|kept| Some((kept, kept.usage(file)?))) {
        return OfFile {
            usage,
            patched: kept.patched.clone(),
            kept: Some(kept.clone()),
        };
    }
    let (mut usage, patched) = of_sources(file, &code::of_bytes(Some(tree), file, bytes), locals);
    usage
        .findings
        .retain(|finding| finding.removal.owner == Owner::Python);
    usage
        .findings
        .iter_mut()
        .for_each(|finding| finding.fix = None);
    usage
        .news
        .retain(|news| news.addition.owner == Owner::Python);
    OfFile {
        kept: key.and_then(|key| Kept::new(key, &usage, &patched)),
        usage,
        patched,
    }
}

/// A row of a table by its number, what is written in the code, its line and cell, its circumstances, and how sure it is.
type KeptUse = (usize, String, u32, Option<u32>, ImportContext, Certainty);

/// What one file told.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<KeptUse>,
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    added: Vec<KeptUse>,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    python: Vec<(Claim, String, u32, Option<u32>, ImportContext)>,
    #[serde(rename = "n", default, skip_serializing_if = "Vec::is_empty")]
    kernels: Vec<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    patched: Vec<String>,
}

/// The number of a row in its table.
fn number<T>(table: &'static [T], row: &'static T) -> Option<usize> {
    table.iter().position(|one| std::ptr::eq(one, row))
}

impl Keyed for Kept {
    fn key(&self) -> &str {
        &self.key
    }
}

impl Kept {
    fn new(key: String, usage: &Usage, patched: &[String]) -> Option<Self> {
        let kept = |row: Option<usize>, written: &str, site: &Site, context, certainty| {
            Some((
                row?,
                written.to_owned(),
                site.line,
                site.cell,
                context,
                certainty,
            ))
        };
        let removed = usage.findings.iter().map(|one| {
            let row = number(removals(), one.removal);
            kept(row, &one.written, &one.site, one.context, one.certainty)
        });
        let added = usage.news.iter().map(|one| {
            let row = number(additions(), one.addition);
            kept(row, &one.written, &one.site, one.context, one.certainty)
        });
        let python = usage.python.iter().map(|one| {
            let Site { line, cell, .. } = one.site;
            (one.claim, one.what.clone(), line, cell, one.context)
        });
        Some(Self {
            key,
            removed: removed.collect::<Option<_>>()?,
            added: added.collect::<Option<_>>()?,
            python: python.collect(),
            kernels: usage
                .kernels
                .iter()
                .map(|(version, _)| version.clone())
                .collect(),
            patched: patched.to_vec(),
        })
    }

    /// `None` where a row is not in its table.
    fn usage(&self, file: &str) -> Option<Usage> {
        let site = |line: u32, cell: Option<u32>| Site {
            file: file.to_owned(),
            line,
            cell,
        };
        let findings = self.removed.iter().cloned();
        let findings = findings.map(|(row, written, line, cell, context, certainty)| {
            Some(Finding {
                removal: removals().get(row)?,
                written,
                site: site(line, cell),
                context,
                certainty,
                fix: None,
            })
        });
        let news = self.added.iter().cloned();
        let news = news.map(|(row, written, line, cell, context, certainty)| {
            Some(News {
                addition: additions().get(row)?,
                written,
                site: site(line, cell),
                context,
                certainty,
            })
        });
        let python = self.python.iter().cloned();
        let python = python.map(|(claim, what, line, cell, context)| PythonFact {
            claim,
            what,
            site: site(line, cell),
            context,
        });
        let kernels = self.kernels.iter().cloned();
        Some(Usage {
            findings: findings.collect::<Option<_>>()?,
            news: news.collect::<Option<_>>()?,
            python: python.collect(),
            kernels: kernels.map(|version| (version, site(0, None))).collect(),
        })
    }
}
