//! The diagnostic codes of the project's configuration, in one place.

use crate::diagnostic::Code;

/// The configuration cannot be read at all.
pub const UNREADABLE: Code = Code("CFG001");
/// A key that the schema does not know.
pub const UNKNOWN_KEY: Code = Code("CFG002");
/// A value that is not what its key takes.
pub const BAD_VALUE: Code = Code("CFG003");
/// A key that only the user may set, by a flag or in the own configuration.
pub const NOT_FOR_TREES: Code = Code("CFG004");
/// `[tool.pinsmith]` beside a `pinsmith.toml`.
pub const SHADOWED: Code = Code("CFG005");
