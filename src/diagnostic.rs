//! Findings are values; words are chosen here, colour and format in `cli::report`.

use std::fmt;

use serde::Serialize;

/// Something a person should know: a stable code, how bad it is, what and where, and the remedy.
///
/// Every code is listed in `docs/diagnostics.md`; a test holds the two together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// Stable code such as `SCAN003`.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, lower case, no full stop; names the thing.
    pub message: String,
    /// Where it is, if it is in a file of the tree.
    #[serde(flatten)]
    pub site: Option<Site>,
    /// What to do about it, if there is something to do.
    pub help: Option<String>,
}

/// A stable diagnostic code: the stage in letters and three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The answer is incomplete or wrong until this is dealt with.
    Error,
    /// The work went on, but a person should look.
    Warning,
    /// Good to know.
    Info,
}

impl Diagnostic {
    /// A warning without place and remedy; add them with [`Self::at`] and [`Self::help`].
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    /// An error without place and remedy.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    /// A note without place and remedy.
    pub fn info(code: Code, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Info, message)
    }

    fn new(code: Code, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            site: None,
            help: None,
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(self, site: Site) -> Self {
        Self {
            site: Some(site),
            ..self
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

/// A place in a file of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Site {
    /// Path relative to the root, with `/`.
    pub file: String,
    /// Line from 1; within the cell for a notebook. 0 when the whole file is meant.
    pub line: u32,
    /// Cell from 1, for a notebook.
    pub cell: Option<u32>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(cell) = self.cell {
            write!(f, "#cell{cell}")?;
        }
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        Ok(())
    }
}
