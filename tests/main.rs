//! One test binary; a module a subject. Cases are data under `fixtures/`.

mod checker;
mod scenarios;
