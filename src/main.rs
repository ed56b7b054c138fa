//! The program: parses, calls the library, maps the outcome to an exit number.

use std::process::ExitCode;

fn main() -> ExitCode {
    evalscope::cli::main(std::env::args_os())
}
