//! A source tree becomes a [`Scan`]: what is imported where, what is declared, what else is needed.
//!
//! Scanning never fails as a whole: a bad file is a diagnostic and the rest of the work goes on.
//! Nothing of the tree is executed, and nothing outside its root is read.

mod artifact;
pub(crate) mod code;
pub mod codes;
mod command;
mod config;
mod decode;
mod effect;
mod entry;
mod facts;
mod gpu;
mod ignored;
mod implied;
mod import;
mod lines;
mod local;
mod memory;
mod notebook;
mod own;
mod python;
mod script;
mod shell;
mod tree;
mod uses;
mod variable;
mod walk;

#[cfg(test)]
pub(crate) mod cases;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;

use std::collections::BTreeMap;

use rayon::prelude::*;

pub use crate::diagnostic::Site;
pub use effect::{Effect, effect_of_import};
pub use gpu::{Hardware, HardwareHint, Strength};
pub use implied::ImpliedNeed;
pub use import::{Import, ImportContext, Label, ModuleName};
pub(crate) use lines::is_too_complex;
pub use memory::Memory;
pub(crate) use memory::{Keyed, Known};
pub use own::{GENERATED_HEADER_PREFIX, is_generated};
pub use tree::{ReadError, Tree};
pub use uses::{Use, UseKind};
pub(crate) use walk::says_requirements;

use self::decode::decode;
use self::facts::{Facts, Origin};
use self::local::Locals;
use self::memory::Kept;
use self::walk::{Source, SourceKind};
use crate::diagnostic::Diagnostic;

/// Scans a source tree.
///
/// Files are read in parallel; the result is in the order of their names, whatever the timing.
///
/// ```
/// # use pinsmith::scan::{scan, ScanOptions, Tree};
/// # let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("train.py"), "import torch\n")?;
/// let scan = scan(&Tree::new(folder.path())?, &ScanOptions::default());
/// assert_eq!(scan.imports[0].module.as_str(), "torch");
/// # std::io::Result::Ok(())
/// ```
pub fn scan(tree: &Tree, options: &ScanOptions) -> Scan {
    scan_again(tree, options, None)
}

/// The same, with what an earlier run read of files that are still the same.
///
/// `memory` comes with the name of the program: what another one read does not count.
pub fn scan_again(tree: &Tree, options: &ScanOptions, memory: Option<(&dyn Memory, &str)>) -> Scan {
    let listing = walk::list(tree, options);
    let (read, news) = read_sources(tree, &listing.sources, memory);
    // what is kept for the next run is written meanwhile
    let keep = || news.into_iter().for_each(News::keep);
    let (scan, ()) = rayon::join(|| joined(tree, listing, read), keep);
    scan
}

/// Joins what the files told.
fn joined(
    tree: &Tree,
    mut listing: walk::Listing,
    mut read: Vec<Result<Facts, Diagnostic>>,
) -> Scan {
    let mut scripts: Vec<_> = listing
        .scripts
        .par_iter()
        .map(|script| script::read(tree, script))
        .collect();
    let mut locals = locals(&listing, &mut read);
    for (script, facts) in listing.scripts.iter().zip(&mut scripts) {
        for entry in facts.path_entries.drain(..) {
            locals.add_path_entry(&script.path, &entry);
        }
    }
    let mut scan = Scan {
        declaration_files: listing.declarations,
        diagnostics: std::mem::take(&mut listing.diagnostics),
        ..Scan::default()
    };
    scan.files.unreadable = listing.unreadable;
    let sources = listing.sources.par_iter().zip(&mut read);
    sources.for_each(|(source, facts)| {
        if let Ok(facts) = facts {
            locals.mark(&source.path, &mut facts.imports);
            facts.drop_own_needs();
        }
    });
    for (source, facts) in listing.sources.into_iter().zip(read) {
        match facts {
            Ok(facts) => scan.add(source, facts),
            Err(diagnostic) => {
                scan.files.unreadable += 1;
                scan.diagnostics.push(diagnostic);
            }
        }
    }
    let configs: Vec<_> = listing
        .configs
        .par_iter()
        .map(|file| config::read(tree, file))
        .collect();
    for (file, mut imports) in listing.configs.iter().zip(configs) {
        locals.mark(file, &mut imports);
        scan.imports.extend(imports);
    }
    for file in &scan.declaration_files {
        let mut imports = entry::read(tree, file);
        locals.mark(file, &mut imports);
        scan.imports.extend(imports);
    }
    for facts in scripts {
        scan.install_lines.extend(facts.install_lines);
        scan.implied.extend(facts.implied);
        scan.artifacts.extend(facts.artifacts);
        scan.hardware.extend(facts.hardware);
    }
    for script in &listing.scripts {
        let commands = script::commands(tree, script, &scan.source_files);
        scan.commands.extend(commands);
    }
    scan.declaration_files.sort();
    scan.declaration_files.dedup();
    scan.hardware
        .extend(declared_hardware(tree, &scan, &listing.scripts));
    scan.hardware.extend(gpu::in_imports(&scan.imports));
    scan.hardware.sort_by(|a, b| a.site.cmp(&b.site));
    scan
}

/// What to scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// Patterns of files and folders to leave out, in the syntax of `.gitignore`: `data/**`.
    pub exclude: Vec<String>,
}

/// What the declared files say of hardware; scripts have been read for it already, and locks and code
/// say it in other ways.
fn declared_hardware(tree: &Tree, scan: &Scan, scripts: &[walk::Script]) -> Vec<HardwareHint> {
    let read = |file: &String| {
        let other = matches!(file.rsplit_once('.'), Some((_, "lock" | "py")));
        if other || scripts.iter().any(|script| script.path == *file) {
            return Vec::new();
        }
        let bytes = tree.read(file).unwrap_or_default();
        let text = decode(bytes).text;
        // a lock says what was chosen, not what the tree is for
        if is_generated(&text) {
            return Vec::new();
        }
        gpu::in_text(&text, file)
    };
    let files = scan.declaration_files.par_iter();
    files.flat_map_iter(read).collect()
}

/// What this run learnt, for the next one.
struct News<'a> {
    known: Known<Kept>,
    read: BTreeMap<String, Kept>,
    memory: &'a dyn Memory,
}

impl News<'_> {
    fn keep(self) {
        self.known.replace(self.read, self.memory);
    }
}

fn read_sources<'a>(
    tree: &Tree,
    sources: &[Source],
    memory: Option<(&'a dyn Memory, &str)>,
) -> (Vec<Result<Facts, Diagnostic>>, Option<News<'a>>) {
    let memory = memory.filter(|(memory, _)| sources.len() >= memory.least());
    let known = memory.map(|(memory, reader)| Known::recall(memory, reader));
    let read: Vec<_> = sources
        .par_iter()
        .map(|source| read_source(tree, source, known.as_ref()))
        .collect();
    let mut keep = BTreeMap::new();
    let mut all = Vec::with_capacity(read.len());
    for (source, read) in sources.iter().zip(read) {
        all.push(read.map(|(facts, kept)| {
            keep.extend(kept.map(|kept| (source.path.clone(), kept)));
            facts
        }));
    }
    let news = known.zip(memory).map(|(known, (memory, _))| News {
        known,
        read: keep,
        memory,
    });
    (all, news)
}

fn read_source(
    tree: &Tree,
    source: &Source,
    known: Option<&Known<Kept>>,
) -> Result<(Facts, Option<Kept>), Diagnostic> {
    let file = source.path.as_str();
    let bytes = tree.read(file).map_err(|error| {
        Diagnostic::warning(codes::UNREADABLE, error.to_string())
            .at(Site {
                file: file.to_owned(),
                line: 0,
                cell: None,
            })
            .help("it was left out; check its permissions and its size")
    })?;
    let definitions = local::wants_definitions(file);
    // what a build file is depends on more than its name
    let digest = known.filter(|_| !is_build_name(file)).map(|known| {
        let origin = Origin {
            file,
            cell: None,
            base: base_context(tree, file, ""),
            definitions,
        };
        let digest = memory::digest(&bytes);
        (known.of(&digest, &origin), digest)
    });
    let digest = match digest {
        Some((Some((facts, kept)), _)) => return Ok((facts, Some(kept))),
        Some((None, digest)) => Some(digest),
        None => None,
    };
    let decoded = decode(bytes);
    let origin = Origin {
        file,
        cell: None,
        base: base_context(tree, file, &decoded.text),
        definitions,
    };
    let mut facts = match source.kind {
        SourceKind::Python => python::read(&decoded.text, &origin),
        SourceKind::Notebook => notebook::read(&decoded.text, file),
    };
    if let Some((line, problem)) = decoded.problem {
        let diagnostic = Diagnostic::warning(codes::ENCODING, format!("`{file}` {problem}"))
            .at(origin.site(line))
            .help("it was read all the same; save it as UTF-8");
        facts.diagnostics.insert(0, diagnostic);
    }
    let kept = digest.and_then(|digest| Kept::new(digest, &facts, &origin));
    Ok((facts, kept))
}

/// Whether a file has the name of one that builds or checks a project.
fn is_build_name(file: &str) -> bool {
    matches!(
        file.rsplit('/').next().unwrap_or(file),
        "setup.py"
            | "noxfile.py"
            | "toxfile.py"
            | "fabfile.py"
            | "versioneer.py"
            | "hatch_build.py"
    )
}

/// The context of an import that nothing guards, judging by where the file is.
fn base_context(tree: &Tree, file: &str, text: &str) -> ImportContext {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let is_build = is_build_name(name);
    // A package may have a module of the name `setup`, or an extension that is built on its own.
    let builds = || text.contains("setuptools") || text.contains("distutils");
    if is_build && (builds() || !tree.root().join(folder).join("__init__.py").exists()) {
        return ImportContext::Build;
    }
    let is_test_folder = |part: &str| {
        matches!(
            part,
            "test" | "tests" | "doc" | "docs" | "example" | "examples"
        )
    };
    let is_test = name == "conftest.py"
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || folder.split('/').any(is_test_folder);
    if is_test {
        ImportContext::Test
    } else {
        ImportContext::Runtime
    }
}

/// Knows what the tree itself provides.
fn locals(listing: &walk::Listing, read: &mut [Result<Facts, Diagnostic>]) -> Locals {
    let mut locals = Locals::new(listing);
    for (source, facts) in listing.sources.iter().zip(read) {
        let Ok(facts) = facts else { continue };
        for entry in facts.path_entries.drain(..) {
            locals.add_path_entry(&source.path, &entry);
        }
        facts
            .extensions
            .drain(..)
            .for_each(|name| locals.add_extension(name));
        if let Some(definitions) = facts.definitions.take() {
            locals.add_definitions(&source.path, definitions);
        }
    }
    locals
}

impl Scan {
    /// Every file that the result depends on, each once, in order.
    pub fn input_files(&self) -> impl Iterator<Item = &str> {
        let files = self.source_files.iter().chain(&self.declaration_files);
        let files: std::collections::BTreeSet<&str> = files.map(String::as_str).collect();
        files.into_iter()
    }

    fn add(&mut self, source: Source, facts: Facts) {
        match source.kind {
            SourceKind::Python => self.files.python += 1,
            SourceKind::Notebook => self.files.notebook += 1,
        }
        if facts.inline_metadata {
            self.declaration_files.push(source.path.clone());
        }
        self.source_files.push(source.path);
        self.imports.extend(facts.imports);
        self.install_lines.extend(facts.install_lines);
        self.implied.extend(facts.implied);
        self.artifacts.extend(facts.artifacts);
        self.opaque_loads.extend(facts.opaque_loads);
        self.variables.extend(facts.variables);
        self.uses.extend(facts.uses);
        self.hardware.extend(facts.hardware);
        self.diagnostics.extend(facts.diagnostics);
    }
}

/// What a source tree needs, with the evidence for it.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    /// How many files were read.
    pub files: FileCounts,
    /// Every import, in the order of files and lines, those that configuration files name last;
    /// nothing is merged or mapped yet.
    pub imports: Vec<Import>,
    /// `pip install` and similar lines of notebooks, Dockerfiles, shell scripts and the README:
    /// evidence, never an import by itself.
    pub install_lines: Vec<InstallLine>,
    /// Needs that no import shows, such as openpyxl for `pandas.read_excel()`.
    pub implied: Vec<ImpliedNeed>,
    /// Files that declare requirements, root-relative with `/`, in order; Python files with a
    /// PEP 723 block are among them.
    pub declaration_files: Vec<String>,
    /// Python files and notebooks that were read, root-relative with `/`, in order.
    pub source_files: Vec<String>,
    /// Models, datasets and files that the code loads.
    pub artifacts: Vec<Artifact>,
    /// Calls that load a model, dataset or file whose name only running them would tell, tests left out.
    pub opaque_loads: Vec<OpaqueLoad>,
    /// Uses that tell the distributions of a module apart, such as `cv2.imshow`.
    pub uses: Vec<Use>,
    /// Environment variables that the code reads, tests left out.
    pub variables: Vec<Variable>,
    /// What code and declared files say of the hardware they are for, in the order of places.
    pub hardware: Vec<HardwareHint>,
    /// Commands by which a README runs code of the tree.
    pub commands: Vec<Command>,
    /// What went wrong on the way.
    pub diagnostics: Vec<Diagnostic>,
}

/// How many files were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileCounts {
    /// Python files.
    pub python: usize,
    /// Notebooks.
    pub notebook: usize,
    /// Files that could not be read at all.
    pub unreadable: usize,
}

/// A requirement that a notebook or a script installs on the way, such as `!pip install einops==0.6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallLine {
    /// The requirement as written, without options: `einops==0.6`, `git+https://...`.
    pub requirement: String,
    /// Where it stands.
    pub site: Site,
    /// True when it stands under a condition or after a shell operator, hence weak evidence.
    pub weak: bool,
    /// Whose names the requirement is in.
    pub tool: InstallTool,
}

/// Whose names an [`InstallLine`] is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstallTool {
    /// pip or uv: a PEP 508 requirement or an address.
    Pip,
    /// conda or mamba: a match specification such as `faiss-gpu=1.7`.
    Conda,
    /// `git clone`, and nothing shows that anything is installed from it: an address, which may be
    /// that of a module that no index has.
    Clone,
}

/// An environment variable that the code reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether the code fails without it: `os.environ["X"]`.
    pub required: bool,
    /// Where.
    pub site: Site,
}

/// A command that runs code of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Command {
    /// The program and its arguments; it means the same without a shell.
    pub run: Vec<String>,
    /// Where it is shown.
    pub site: Site,
}

/// A call that loads what a variable names: no one knows what without running it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpaqueLoad {
    /// The call, such as `from_pretrained`.
    pub call: &'static str,
    /// Where.
    pub site: Site,
}

/// Something that the code loads at run time: a model, a dataset, a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Artifact {
    /// `model`, `dataset`, `file`, `git`, `nltk`, `spacy`.
    pub kind: &'static str,
    /// Identifier as written in the code, such as `openai/clip-vit-base-patch32`.
    pub id: String,
    /// The call that loads it, such as `from_pretrained`.
    pub call: &'static str,
    /// Revision, if the code gives one.
    pub revision: Option<String>,
    /// Where.
    #[serde(flatten)]
    pub site: Site,
}
