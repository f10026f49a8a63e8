//! What is known of accelerators: a table, and pure functions over it.
//!
//! The table (`accelerators.toml`, described in `docs/accelerator-table.md`) says which index serves
//! which builds, what they run on, and which distributions exclude each other. It is data that a
//! user can replace, because new builds come out every few months. [`WheelLocal`] reads what the local version of a
//! wheel says. Nothing here touches the world.

mod fields;
mod local;
mod table;
#[cfg(test)]
mod tests;

pub use local::{CudaTag, TorchTag, WheelLocal};
pub use table::{
    AcceleratorPattern, Build, Capabilities, Capability, CapabilityFloor, Companion, CudaFixed,
    DeadName, Driver, DriverVersion, Exclusive, ExtraFamily, Gpu, Index, Keep, Mark, MinorVersion,
    Pages, RawGlibc, Replaced, ReplacedFile, RocmTargets, SourceOnly, Stranger, SuffixFamily,
    Table, TableError, TorchRelease,
};

use crate::diagnostic::Code;

/// An accelerator table that cannot be used.
pub const UNUSABLE_TABLE: Code = Code("ACC001");
