//! The `replank` command: parse, run, exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    replank::cli::main(std::env::args_os())
}
