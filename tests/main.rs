//! One test binary; a module a subject. Cases are data under `fixtures/`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod accelerators;
mod architecture;
mod artifacts;
mod checker;
mod cli;
mod direct;
mod documents;
mod failures;
mod faults;
mod held_back;
mod interrupt;
mod lookup;
mod proof;
mod properties;
mod repair;
mod scenarios;
mod support;
mod targets;
mod verify;
