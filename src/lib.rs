//! pinsmith turns a Python AI repository in any state into an environment that anyone can rebuild.
//!
//! Data flows one way, and the modules below stand in that order: a repository is scanned into a
//! [`scan::Scan`], which together with the declared files becomes a [`requirements::Manifest`],
//! which the resolver turns into a resolution, which becomes a lock, which is rendered into
//! files. Only `cli`, `host`, `git`, `index`, `write` and `install` touch the world outside the tree.
//! `docs/architecture.md` tells the whole story.

pub mod diagnostic;

pub mod escape;

pub mod scan;

pub mod config;

pub mod requirements;

pub mod api;

pub mod host;

pub mod auto;

pub mod git;

pub mod era;

pub mod accelerator;

pub mod index;

pub mod lock;

pub mod direct;

pub mod environment;

pub mod render;

pub mod write;

pub mod failure;

pub mod check;

pub mod generate;

pub mod install;

pub mod verify;

pub mod repair;

pub mod cli;

#[cfg(any(test, fuzzing))]
pub mod fuzz;
