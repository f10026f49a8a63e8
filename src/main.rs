//! The `pinsmith` command.

fn main() {}
