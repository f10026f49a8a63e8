//! Which API the code uses that some version of a distribution, or of Python, does not have.
//!
//! A second reading of the sources, of whole files with all function bodies: [`usage`] makes a
//! [`Usage`] of a tree, [`bounds`] makes version ranges of that. Names are resolved through imports
//! and aliases; a name that is shadowed, bound again or guarded gives no bound, and a method counts
//! only where the code shows what it is a method of. A false finding is worse than a missed one.

mod again;
mod bounds;
mod edit;
mod fix;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod guard;
mod lookup;
mod names;
mod place;
mod reader;
mod resolve;
mod syntax;
mod table;
mod types;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use ruff_python_ast::{ModModule, PythonVersion};
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};
use serde::{Deserialize, Serialize};

pub use again::usage_of_python;
pub use bounds::{Bound, Clause, Conflict, Needs, bounds};
pub use edit::{Edit, apply};
pub use table::{Addition, Owner, Removal, RemovalKind, Rewrite, additions, removals};

use crate::diagnostic::Site;
use crate::scan::code::{Code, Sources};
use crate::scan::{ImportContext, Scan, Tree, code, is_too_complex};

/// Syntax trees are walked to this depth, as when they are scanned.
const MAX_DEPTH: u32 = 400;

/// What the code uses, as far as versions matter.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Uses of what is gone in some version, in the order of files and lines.
    pub findings: Vec<Finding>,
    /// Uses of what some earlier version does not have, in the same order.
    pub news: Vec<News>,
    /// What the syntax says about the Python, the first of each kind in each file.
    pub python: Vec<PythonFact>,
    /// The Python that each notebook was last run with, as written there: `3.7.3`.
    pub kernels: Vec<(String, Site)>,
}

/// Something that the code says about the Python that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonFact {
    /// Which versions it leaves.
    pub claim: Claim,
    /// What says so: `an f-string`.
    pub what: String,
    /// Where.
    pub site: Site,
    /// Under which circumstances that code runs.
    pub context: ImportContext,
}

/// Which versions of Python something leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Claim {
    /// This one and later ones.
    Since((u8, u8)),
    /// Only earlier ones.
    Before((u8, u8)),
}

/// One use of something that came with some version.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// What came, and when.
    pub addition: &'static Addition,
    /// The use as written: `torch.compile`.
    pub written: String,
    /// Where.
    pub site: Site,
    /// Under which circumstances it runs.
    pub context: ImportContext,
    /// How sure it is that this is meant.
    pub certainty: Certainty,
}

/// One use of something that is gone in some version.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What is gone, from when on, and what to do instead.
    pub removal: &'static Removal,
    /// The use as written: `np.float`.
    pub written: String,
    /// Where.
    pub site: Site,
    /// Under which circumstances it runs.
    pub context: ImportContext,
    /// How sure it is that this is meant.
    pub certainty: Certainty,
    /// Edits after which it works in today's versions; `None` where no edit is certain. Equal edits of
    /// several findings count once, as in [`apply`].
    pub fix: Option<Vec<Edit>>,
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The name leads there through imports, or the receiver is known.
    Certain,
    /// The code copes with versions that lack it: `try`, a test of a version, `hasattr`.
    Guarded,
    /// It looks like it, but nothing shows what it is a method of, or a star import hides it.
    Likely,
}

/// Reads what the sources of a tree use; the result depends on nothing but their bytes.
///
/// ```
/// # use pinsmith::scan::{scan, ScanOptions, Tree};
/// # let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("train.py"), "import numpy as np\nx = np.float(1)\n")?;
/// let tree = Tree::new(folder.path())?;
/// let usage = pinsmith::api::usage(&tree, &scan(&tree, &ScanOptions::default()));
/// assert_eq!(usage.findings[0].removal.symbol, "numpy.float");
/// assert_eq!(usage.findings[0].site.line, 2);
/// # std::io::Result::Ok(())
/// ```
pub fn usage(tree: &Tree, scan: &Scan) -> Usage {
    let locals = locals(scan);
    let read = scan.source_files.par_iter().filter_map(|file| {
        // what cannot be read was reported by the scan
        let sources = code::read(tree, file).ok()?;
        Some(of_sources(file, &sources, locals.of(file)))
    });
    joined(read.collect())
}

/// The modules of the tree's own that each file imports.
struct Locals<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Locals<'a> {
    fn of(&self, file: &str) -> &BTreeSet<&'a str> {
        const NONE: &BTreeSet<&str> = &BTreeSet::new();
        self.0.get(file).unwrap_or(NONE)
    }
}

fn locals(scan: &Scan) -> Locals<'_> {
    let mut locals = BTreeMap::<&str, BTreeSet<&str>>::new();
    for import in scan.imports.iter().filter(|import| import.local) {
        let of_file = locals.entry(&import.site.file).or_default();
        of_file.insert(import.module.top_level());
    }
    Locals(locals)
}

/// Joins what was read of each file.
fn joined(read: Vec<(Usage, Vec<String>)>) -> Usage {
    let mut usage = Usage::default();
    let mut patched = BTreeSet::new();
    for (of_file, own) in read {
        usage.findings.extend(of_file.findings);
        usage.news.extend(of_file.news);
        usage.python.extend(of_file.python);
        usage.kernels.extend(of_file.kernels);
        patched.extend(own);
    }
    // `np.float = float` anywhere gives the name back
    for finding in &mut usage.findings {
        if patched.contains(finding.removal.symbol) {
            finding.certainty = Certainty::Guarded;
            finding.fix = None;
        }
    }
    usage
}

/// Reads one file; with it come the symbols that it sets itself.
fn of_sources(file: &str, sources: &Sources, locals: &BTreeSet<&str>) -> (Usage, Vec<String>) {
    let parsed: Vec<(&Code, Parsed<ModModule>)> = sources
        .pieces
        .iter()
        .filter_map(|code| Some((code, parse(&code.text)?)))
        .collect();
    let (usage, patched, complete) = {
        let modules = parsed.iter().map(|(_, parsed)| parsed.syntax());
        let scopes = names::Scopes::new(modules);
        let resolver = resolve::Resolver::new(&scopes, locals);
        let pieces: Vec<reader::Piece<'_>> = parsed
            .iter()
            .map(|(code, parsed)| reader::Piece {
                code,
                module: parsed.syntax(),
                lines: code.lines(),
                errors: parsed.errors(),
                unsupported: parsed.unsupported_syntax_errors(),
            })
            .collect();
        let read = reader::read(file, &pieces, &resolver);
        (read.usage, read.patched, read.complete)
    };
    if !complete {
        // freeing a tree recurses as deep as the tree is: the scan has the same care
        std::mem::forget(parsed);
    }
    let mut usage = usage;
    usage.kernels.extend(kernel(file, &sources.metadata));
    usage
        .findings
        .sort_by(|left, right| left.site.cmp(&right.site));
    usage.news.sort_by(|left, right| left.site.cmp(&right.site));
    usage
        .python
        .sort_by(|left, right| left.site.cmp(&right.site));
    (usage, patched)
}

fn parse(text: &str) -> Option<Parsed<ModModule>> {
    if is_too_complex(text) {
        return None;
    }
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY37);
    parse_unchecked(text, options).try_into_module()
}

/// The Python that a notebook was run with.
fn kernel(file: &str, metadata: &serde_json::Value) -> Option<(String, Site)> {
    let version = metadata.pointer("/language_info/version")?.as_str()?;
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    let version: String = version.chars().take_while(|c| plain(*c)).take(16).collect();
    let site = Site {
        file: file.to_owned(),
        line: 0,
        cell: None,
    };
    (!version.is_empty()).then_some((version, site))
}
