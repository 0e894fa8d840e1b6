//! # Start
//!
//! Installs the one TLS provider and hands over to the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Every TLS user of the process shares it. It fails only if somebody was faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    porchlight::cli::main()
}
