//! What verifying found.

use serde::Serialize;

use super::{CommandReport, RunOutcome};
use crate::failure::LikelyCause;
use crate::install::SyncReport;
use crate::scan::{ImportContext, Site};

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The environment that was made.
    pub environment: SyncReport,
    /// Every module, ordered.
    pub imports: Vec<ImportReport>,
    /// What `pip check` says against the installed distributions.
    pub problems: Vec<String>,
    /// The tree's own modules, ordered; empty unless they were asked for.
    pub local: Vec<ImportReport>,
    /// Commands, in order; empty unless they were asked for.
    pub commands: Vec<CommandReport>,
}

impl VerifyReport {
    /// Whether everything that has to work does.
    pub fn holds(&self) -> bool {
        let mut local = self.local.iter();
        let mut commands = self.commands.iter();
        self.count(Outcome::Failed) == 0
            && local.all(|import| import.outcome != Outcome::Failed)
            && commands.all(|command| command.outcome != RunOutcome::Failed)
    }

    /// How many imports ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        let imports = self.imports.iter();
        imports.filter(|import| import.outcome == outcome).count()
    }
}

/// One module and how its import went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// The module as the code writes it.
    pub module: String,
    /// The distribution that provides it.
    pub distribution: Option<String>,
    /// Its locked version.
    pub version: Option<String>,
    /// The strongest circumstances it is imported under.
    pub context: ImportContext,
    /// The first place that imports it, or that takes the name that is missing.
    #[serde(flatten)]
    pub site: Site,
    /// How it went.
    pub outcome: Outcome,
    /// Why it was left out, or what it needed to import, in lower case.
    pub reason: Option<String>,
    /// How it failed.
    pub failure: Option<ImportFailure>,
}

/// How an import went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It works.
    Imported,
    /// It does not, and the code needs it.
    Failed,
    /// It does not, and the code can do without, or it does by itself only.
    Warned,
    /// It was not tried.
    Skipped,
}

/// How an import failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportFailure {
    /// The exception: the line of its traceback that names it.
    pub error: String,
    /// The file and line that raised it, within the environment.
    pub raised_at: Option<String>,
    /// Whether it fails only after other modules were imported.
    pub only_together: bool,
    /// What it probably means.
    pub cause: Option<LikelyCause>,
}
