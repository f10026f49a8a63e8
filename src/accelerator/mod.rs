//! What is known of accelerators: a table, and pure functions over it.
//!
//! The table (`accelerators.toml`, described in `docs/accelerator-table.md`) says which index serves
//! which builds, what they run on, and which distributions exclude each other. It is data that a
//! user can replace, because new builds come out every few months. [`WheelLocal`] reads what the local version of a
//! wheel says. Nothing here touches the world.

mod fields;
mod findings;
mod fit;
mod local;
mod nearest;
mod route;
mod table;
#[cfg(test)]
mod tests;

pub use fit::Fitted;
pub use local::{CudaTag, TorchTag, WheelLocal};
pub use route::{Page, Route};
pub use table::{
    AcceleratorPattern, Build, Capabilities, Capability, CapabilityFloor, Companion, CudaFixed,
    DeadName, Driver, DriverVersion, Exclusive, ExtraFamily, Gpu, Index, Keep, Mark, MinorVersion,
    Pages, RawGlibc, Replaced, ReplacedFile, RocmTargets, SourceOnly, Stranger, SuffixFamily,
    Table, TableError, TorchRelease, Trap,
};

use crate::diagnostic::Code;

/// An accelerator table that cannot be used.
pub const UNUSABLE_TABLE: Code = Code("ACC001");

/// There are no builds for an accelerator on a platform.
pub const NO_SUCH_BUILD: Code = Code("ACC002");
/// A requirement names a build that is not the target's.
pub const OTHER_BUILD: Code = Code("ACC003");
/// Two distributions write the same module.
pub const SAME_MODULE: Code = Code("ACC004");
/// Libraries of two CUDA major versions are in one environment.
pub const TWO_CUDA: Code = Code("ACC005");
/// A name that is not to be installed any more.
pub const DEAD_NAME: Code = Code("ACC006");
/// A project that is another one than its name suggests.
pub const STRANGER: Code = Code("ACC007");
/// A requirement was fitted to the target's accelerator.
pub const FITTED: Code = Code("ACC008");
/// Nobody checks whether two releases belong together.
pub const UNCHECKED: Code = Code("ACC009");
/// A build is for an accelerator that the target has not.
pub const OTHER_ACCELERATOR: Code = Code("ACC010");
/// What the builds need of the driver.
pub const DRIVER_FLOOR: Code = Code("ACC011");
/// A file at an address has been replaced.
pub const REPLACED: Code = Code("ACC012");
/// A digest that an index does not give.
pub const COMPUTED_HASH: Code = Code("ACC013");
/// A page of the accelerator table is not there.
pub const NO_SUCH_PAGE: Code = Code("ACC014");
/// A page of the accelerator table could not be asked, so what it has is not known.
pub const PAGE_UNKNOWN: Code = Code("ACC015");
