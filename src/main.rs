//! The `pinsmith` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    pinsmith::cli::run()
}
