//! # Start
//!
//! Installs the one TLS provider and hands over to the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    porchlight::cli::main()
}
