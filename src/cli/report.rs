//! # How a failure is told
//!
//! What, where, what to try; and the exit code. The advice is that of the room's own error: a new
//! error type with `advice()` gets a line in `advice_of`.

use std::{
    fmt,
    io::{self, Write as _},
};

use super::control::ControlError;
pub use super::exit::Exit;
use crate::settings::{SettingsError, secret::SecretError, state_dir::StateDirError};

/// A failure whose exit code the verb itself knows.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub what: String,
    pub advice: Option<String>,
}

impl Failure {
    #[must_use]
    pub fn new(exit: Exit, what: impl Into<String>) -> Failure {
        Failure { exit, what: what.into(), advice: None }
    }
    /// Exit 2.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, what)
    }
    /// Exit 3.
    #[must_use]
    pub fn missing(what: impl Into<String>) -> Failure {
        Failure::new(Exit::Missing, what)
    }
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Failure {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// The text for stderr and the exit code.
#[must_use]
pub fn render(error: &anyhow::Error) -> (String, Exit) {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // Some libraries repeat their source in their own text.
        if !lines.iter().any(|line| line.contains(&text)) {
            lines.push(text);
        }
    }
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let line = line.trim_end().replace('\n', "\n  ");
        out.push_str(if index == 0 { "error: " } else { "  because: " });
        out.push_str(&line);
        out.push('\n');
    }
    if let Some(advice) = error.chain().find_map(advice_of) {
        out.push_str(&format!("  try: {advice}\n"));
    }
    (out, error.chain().find_map(exit_of).unwrap_or(Exit::Failed))
}

type Cause = dyn std::error::Error + 'static;

fn advice_of(cause: &Cause) -> Option<String> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return failure.advice.clone();
    }
    macro_rules! rooms {
        ($($error:ty),+ $(,)?) => {
            $(if let Some(error) = cause.downcast_ref::<$error>() { return error.advice().map(str::to_owned) })+
        };
    }
    rooms!(SettingsError, SecretError, StateDirError, ControlError);
    None
}

fn exit_of(cause: &Cause) -> Option<Exit> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.exit);
    }
    if let Some(error) = cause.downcast_ref::<SettingsError>() {
        return Some(match error {
            SettingsError::Missing { .. } => Exit::Missing,
            SettingsError::Forbidden { .. } => Exit::NotPermitted,
            SettingsError::Unreadable { .. } | SettingsError::Invalid { .. } => Exit::Usage,
        });
    }
    if let Some(error) = cause.downcast_ref::<SecretError>() {
        return Some(if matches!(error, SecretError::Forbidden { .. }) { Exit::NotPermitted } else { Exit::Usage });
    }
    if let Some(error) = cause.downcast_ref::<StateDirError>() {
        return Some(match error {
            StateDirError::Nowhere => Exit::Usage,
            StateDirError::Forbidden { .. } => Exit::NotPermitted,
            StateDirError::Unusable { .. } => Exit::Failed,
        });
    }
    if let Some(error) = cause.downcast_ref::<ControlError>() {
        return Some(error.exit());
    }
    let io = cause.downcast_ref::<io::Error>()?;
    (io.kind() == io::ErrorKind::PermissionDenied).then_some(Exit::NotPermitted)
}

/// Writes a result to stdout. A reader that closed early (`| head`) has all it wants.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes JSON to stdout, for people if they look at it.
pub fn say_json(json: &serde_json::Value) -> io::Result<()> {
    let looked_at = io::IsTerminal::is_terminal(&io::stdout());
    let text = if looked_at { format!("{json:#}\n") } else { format!("{json}\n") };
    say(&text)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_says_what_why_and_what_to_try() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let cases: Vec<(anyhow::Error, &str, Exit)> = vec![
            (
                Failure::missing("no device d-aaaaaa").advise("porchlight devices").into(),
                "error: no device d-aaaaaa\n  try: porchlight devices\n",
                Exit::Missing,
            ),
            (
                anyhow::Error::from(denied()).context("cannot write out.csv"),
                "error: cannot write out.csv\n  because: permission denied\n",
                Exit::NotPermitted,
            ),
            (anyhow::anyhow!("broken"), "error: broken\n", Exit::Failed),
            (
                Err::<(), _>(StateDirError::Nowhere).context("cannot start").unwrap_err(),
                "error: cannot start\n  because: no place for state: neither $STATE_DIRECTORY, $XDG_STATE_HOME nor $HOME is set\n  \
                 try: --state-dir DIR, or the setting state_dir\n",
                Exit::Usage,
            ),
        ];
        for (error, text, exit) in cases {
            assert_eq!(render(&error), (text.to_owned(), exit));
        }
    }
}
