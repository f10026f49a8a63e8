//! The scanned repository, as far as the commands share it.

use std::path::Path;

use pinsmith_resolver::{Accelerator, PythonVersion, Target};

use super::Failure;
use super::args::{GlobalArgs, SourceArgs, TargetArgs};
use super::remembered::{Remembered, this_program};
use super::terminal::Terminal;
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::requirements::{AssembleOptions, Manifest, assemble};
use crate::scan::{Memory, Scan, ScanOptions, Tree, scan_again};

/// What a repository is read for; the project's own wishes stand for what is missing.
#[derive(Debug, Default)]
pub(super) struct Purpose {
    /// Whose standard library counts.
    pub(super) python: Option<PythonVersion>,
    /// Which of several distributions of a module counts.
    pub(super) accelerators: Vec<Accelerator>,
}

impl Purpose {
    /// One Python, with the accelerators of the flags.
    pub(super) fn new(python: Option<PythonVersion>, flags: &TargetArgs) -> Self {
        Self {
            python,
            accelerators: flags.accelerators(),
        }
    }

    /// The oldest Python of some targets, and all their accelerators.
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut accelerators: Vec<_> = targets.iter().map(|one| one.accelerator).collect();
        accelerators.sort();
        accelerators.dedup();
        Self {
            python: targets.iter().map(|target| target.python).min(),
            accelerators,
        }
    }
}

/// A repository with what was found in it.
pub(super) struct Source {
    pub(super) tree: Tree,
    pub(super) scan: Scan,
    pub(super) manifest: Manifest,
    pub(super) config: Config,
}

impl Source {
    /// Scans a repository and puts its requirements together, by the flags and by its own
    /// configuration.
    pub(super) fn read(
        args: &SourceArgs,
        purpose: Purpose,
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        Self::with_memory(args, purpose, None, terminal)
    }

    /// The same, with what an earlier run read of files that are still the same.
    pub(super) fn read_again(
        args: &SourceArgs,
        purpose: Purpose,
        global: &GlobalArgs,
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        Self::with_memory(args, purpose, Some(global), terminal)
    }

    fn with_memory(
        args: &SourceArgs,
        purpose: Purpose,
        global: Option<&GlobalArgs>,
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        let tree = open_tree(&args.path)?;
        let progress = terminal.progress("scanning");
        progress.say(args.path.display().to_string());
        let mut config = Config::of_tree(&tree);
        let exclude = args.exclude.iter().chain(&config.exclude);
        let options = ScanOptions {
            exclude: exclude.cloned().collect(),
        };
        let memory = global.map(|global| Remembered::new(&tree, global));
        let program = this_program().filter(|_| !args.rescan);
        let memory = memory.as_ref().zip(program.as_deref());
        let memory = memory.map(|(memory, program)| (memory as &dyn Memory, program));
        let scan = scan_again(&tree, &options, memory);
        let Purpose {
            python,
            accelerators,
        } = purpose;
        let accelerators = if accelerators.is_empty() {
            config.accelerators.clone()
        } else {
            accelerators.iter().map(ToString::to_string).collect()
        };
        let options = AssembleOptions {
            python: python.or_else(|| config.python.iter().min().copied()),
            accept: args.accept.iter().cloned().collect(),
            modules: args.map.iter().cloned().collect(),
            project_modules: config.modules.clone(),
            accelerators,
            ignore: config.ignore.clone(),
        };
        let mut manifest = assemble(&scan, &tree, &options);
        manifest
            .diagnostics
            .splice(0..0, config.diagnostics.drain(..));
        progress.finish();
        let source = Self {
            tree,
            scan,
            manifest,
            config,
        };
        if source.is_empty() {
            terminal.diagnostics(source.diagnostics());
            return Err(Failure::new(
                format!(
                    "nothing to scan in `{}`: no Python file, no notebook and no declared requirement",
                    args.path.display()
                ),
                "give the path of a repository, as in `pinsmith lock ~/paper`; ignored files do not count",
            ));
        }
        Ok(source)
    }

    fn is_empty(&self) -> bool {
        self.scan.files.python + self.scan.files.notebook == 0
            && self.manifest.requirements.is_empty()
    }

    /// Everything that scanning and assembling have to say.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.scan
            .diagnostics
            .iter()
            .chain(&self.manifest.diagnostics)
    }
}

/// Opens a folder for scanning.
pub(super) fn open_tree(path: &Path) -> Result<Tree, Failure> {
    let shown = path.display();
    let tree = Tree::new(path).map_err(|error| {
        Failure::new(
            format!("cannot open `{shown}`: {error}"),
            "give the path of an existing folder that you may read",
        )
    })?;
    if !tree.root().is_dir() {
        return Err(Failure::new(
            format!("`{shown}` is a file, not a folder"),
            "give its folder; to pin a requirements file use `pinsmith compile FILE`",
        ));
    }
    Ok(tree)
}

/// `1 notebook`, `3 notebooks`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}
