//! What the solver decides versions for.

use std::fmt;

use pep508_rs::{ExtraName, PackageName};

/// A node of the solver's graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Package {
    /// The user's own requirements.
    Root,
    /// A project.
    Project(PackageName),
    /// An extra of a project; it always has the version of its project.
    Extra(PackageName, ExtraName),
}

impl Package {
    /// The project behind the node.
    pub(crate) fn name(&self) -> Option<&PackageName> {
        match self {
            Self::Root => None,
            Self::Project(name) | Self::Extra(name, _) => Some(name),
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("your requirements"),
            Self::Project(name) => write!(f, "{name}"),
            Self::Extra(name, extra) => write!(f, "{name}[{extra}]"),
        }
    }
}
