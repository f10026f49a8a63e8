//! The diagnostic codes of this stage, in one place.

use crate::diagnostic::Code;

/// A declared distribution is on no index.
pub const NOT_ON_INDEX: Code = Code("REPAIR001");
/// No release fits what is declared.
pub const NO_SUCH_RELEASE: Code = Code("REPAIR002");
/// Every release that fits was yanked.
pub const YANKED: Code = Code("REPAIR003");
/// No release that fits can be installed on this Python and platform.
pub const NOT_FOR_TARGET: Code = Code("REPAIR004");
/// The releases that fit have to be built, although others of the project have wheels.
pub const NO_WHEEL: Code = Code("REPAIR005");
/// What is declared cannot hold together.
pub const CONTRADICTION: Code = Code("REPAIR006");
/// A project is dead or renamed, or only for another system.
pub const DEAD: Code = Code("REPAIR007");
/// An address that no longer works.
pub const DEAD_ADDRESS: Code = Code("REPAIR008");
/// A requirement that follows from others and was frozen.
pub const FROZEN: Code = Code("REPAIR009");
/// Something that the code uses is gone from the releases that are taken today.
pub const REMOVED_API: Code = Code("REPAIR012");
/// A file that has to be changed by hand.
pub const BY_HAND: Code = Code("REPAIR010");
/// The files that are to be changed have changes that are not committed.
pub const DIRTY: Code = Code("REPAIR011");
