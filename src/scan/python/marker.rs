//! Tests of Python version and platform as PEP 508 markers.

use std::fmt;

/// A PEP 508 marker that can be negated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Marker {
    /// `variable op "value"`.
    Atom(&'static str, Operator, String),
    /// All of them.
    All(Vec<Self>),
    /// Any of them.
    Any(Vec<Self>),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// The operator that holds exactly when this one does not.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Less => Self::GreaterEqual,
            Self::LessEqual => Self::Greater,
            Self::Greater => Self::LessEqual,
            Self::GreaterEqual => Self::Less,
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
        }
    }

    /// The operator with its sides exchanged.
    pub(super) fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            same => same,
        }
    }
}

impl Marker {
    /// More atoms than this are no marker that a person wrote.
    const MAX_ATOMS: usize = 16;

    /// An atom; `None` when the value could not stand between quotes.
    pub(super) fn atom(variable: &'static str, operator: Operator, value: &str) -> Option<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-+ ".contains(c);
        let fits = !value.is_empty() && value.len() <= 64 && value.chars().all(plain);
        fits.then(|| Self::Atom(variable, operator, value.to_owned()))
    }

    /// Holds exactly when this one does not.
    pub(super) fn negated(&self) -> Self {
        match self {
            Self::Atom(variable, operator, value) => {
                Self::Atom(variable, operator.negated(), value.clone())
            }
            Self::All(parts) => Self::Any(parts.iter().map(Self::negated).collect()),
            Self::Any(parts) => Self::All(parts.iter().map(Self::negated).collect()),
        }
    }

    /// Both; `None` when that becomes too long.
    pub(super) fn and(self, other: Self) -> Option<Self> {
        Self::join(self, other, true)
    }

    /// Either; `None` when that becomes too long.
    pub(super) fn or(self, other: Self) -> Option<Self> {
        Self::join(self, other, false)
    }

    fn join(left: Self, right: Self, all: bool) -> Option<Self> {
        let mut parts = Vec::new();
        for side in [left, right] {
            let inner = match (side, all) {
                (Self::All(inner), true) | (Self::Any(inner), false) => inner,
                (other, _) => vec![other],
            };
            for part in inner {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        if parts.iter().map(Self::atoms).sum::<usize>() > Self::MAX_ATOMS {
            return None;
        }
        match parts.len() {
            0 | 1 => parts.pop(),
            _ if all => Some(Self::All(parts)),
            _ => Some(Self::Any(parts)),
        }
    }

    fn atoms(&self) -> usize {
        match self {
            Self::Atom(..) => 1,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::atoms).sum(),
        }
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::Atom(variable, operator, value) => {
                return write!(f, "{variable} {operator} \"{value}\"");
            }
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                f.write_str(word)?;
            }
            match part {
                Self::Atom(..) => write!(f, "{part}")?,
                _ => write!(f, "({part})")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        })
    }
}
