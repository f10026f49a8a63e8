//! What one file tells; the readers make it and [`super::scan`] joins it.

use std::collections::BTreeSet;

use super::{
    Artifact, HardwareHint, ImpliedNeed, Import, ImportContext, InstallLine, Label, OpaqueLoad,
    Site, Use, Variable,
};
use crate::diagnostic::Diagnostic;

/// What one file, or one cell of a notebook, tells.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Imports, in order of lines.
    pub(super) imports: Vec<Import>,
    /// Install lines.
    pub(super) install_lines: Vec<InstallLine>,
    /// Needs that no import shows.
    pub(super) implied: Vec<ImpliedNeed>,
    /// Artifacts.
    pub(super) artifacts: Vec<Artifact>,
    /// Calls that load what only running them would tell.
    pub(super) opaque_loads: Vec<OpaqueLoad>,
    /// Environment variables.
    pub(super) variables: Vec<Variable>,
    /// What is said of hardware.
    pub(super) hardware: Vec<HardwareHint>,
    /// Literal folders that the code adds to `sys.path`.
    pub(super) path_entries: Vec<String>,
    /// Compiled modules that a build file makes.
    pub(super) extensions: Vec<String>,
    /// What a module defines at its top level, if [`Origin::definitions`] asked for it.
    pub(super) definitions: Option<Definitions>,
    /// Whether it declares its own requirements (PEP 723).
    pub(super) inline_metadata: bool,
    /// Uses that tell distributions of a module apart.
    pub(super) uses: Vec<Use>,
    /// What went wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The names that a module defines at its top level.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Definitions {
    /// Functions, classes, variables and imported names.
    pub(super) names: BTreeSet<String>,
    /// True when there may be more: a star import or a module `__getattr__`.
    pub(super) open: bool,
}

/// Where a text comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Root-relative path.
    pub(super) file: &'a str,
    /// Cell from 1, for a notebook.
    pub(super) cell: Option<u32>,
    /// Context of an import that nothing guards.
    pub(super) base: ImportContext,
    /// Whether to collect [`Definitions`].
    pub(super) definitions: bool,
}

impl Origin<'_> {
    /// A line of it.
    pub(super) fn site(&self, line: u32) -> Site {
        Site {
            file: self.file.to_owned(),
            line,
            cell: self.cell,
        }
    }
}

impl Facts {
    /// Leaves out what modules of the tree itself would need: their imports show it.
    pub(super) fn drop_own_needs(&mut self) {
        let imports = self.imports.iter().filter(|import| import.local);
        let own: BTreeSet<&str> = imports.map(|import| import.module.top_level()).collect();
        self.implied.retain(|need| !own.contains(need.module));
        self.uses.retain(|found| !own.contains(found.module));
    }

    /// What a file does without at its top is no need of a function either that imports it under a
    /// condition.
    pub(super) fn follow_guards(&mut self) {
        let is_guarded = |import: &&Import| {
            import.context == ImportContext::Optional && !import.labels.contains(&Label::Deferred)
        };
        let guarded = self.imports.iter().filter(is_guarded);
        let guarded: BTreeSet<String> = guarded
            .map(|import| import.module.top_level().to_owned())
            .collect();
        if guarded.is_empty() {
            return;
        }
        for import in &mut self.imports {
            let is_runtime = import.context == ImportContext::Runtime;
            let is_late = [Label::Deferred, Label::Conditional]
                .iter()
                .all(|label| import.labels.contains(label));
            if is_runtime && is_late && guarded.contains(import.module.top_level()) {
                import.context = ImportContext::Optional;
            }
        }
    }

    /// Adds what another part of the same file tells.
    pub(super) fn extend(&mut self, other: Self) {
        self.imports.extend(other.imports);
        self.install_lines.extend(other.install_lines);
        self.implied.extend(other.implied);
        self.artifacts.extend(other.artifacts);
        self.opaque_loads.extend(other.opaque_loads);
        self.variables.extend(other.variables);
        self.hardware.extend(other.hardware);
        self.path_entries.extend(other.path_entries);
        self.extensions.extend(other.extensions);
        self.uses.extend(other.uses);
        self.diagnostics.extend(other.diagnostics);
    }
}
