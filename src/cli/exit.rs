//! # Exit codes

use std::process::ExitCode;

/// The exit codes, as other programs rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// Failed while working.
    Failed = 1,
    /// The command line or the settings are wrong; nothing was started.
    Usage = 2,
    /// What was asked for is not there.
    Missing = 3,
    /// A right is missing.
    NotPermitted = 4,
    /// By a signal; state was saved.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
