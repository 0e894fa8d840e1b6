//! # What can go wrong with Home Assistant's side, and what to do about it

use std::path::PathBuf;

use thiserror::Error;

/// Never holds a token, nor text that Home Assistant sent beyond a code.
#[derive(Debug, Error)]
pub enum HaError {
    #[error("homeassistant.url: `{url}` is not an address such as http://homeassistant.local:8123")]
    Url { url: String },
    #[error("homeassistant.ca_file: {path} cannot be read as PEM certificates: {why}")]
    Authority { path: PathBuf, why: String },
    #[error("no token for {url}")]
    NoToken { url: String },
    #[error("token refused: expired or revoked")]
    Refused,
    #[error("Home Assistant at {url} is starting (status {status})")]
    Starting { url: String, status: u16 },
    #[error("{url} answers with status {status}, not with a websocket")]
    NoWebsocket { url: String, status: u16 },
    #[error("{url} moved to {to}")]
    Moved { url: String, to: String },
    #[error("{url} is not reached: {why}")]
    Unreachable { url: String, why: String },
    #[error("connection lost: {why}")]
    Lost { why: String },
    #[error("no answer to {asked} within {seconds} s")]
    Silent { asked: &'static str, seconds: u64 },
    #[error("Supervisor: {call} gave {why}")]
    Supervisor { call: &'static str, why: String },
}

impl HaError {
    /// What the reader can do about it, as one command or one setting.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        match self {
            HaError::Url { .. } => Some("set homeassistant.url to the address the browser uses".into()),
            HaError::Authority { .. } => {
                Some("set homeassistant.ca_file to the PEM file of the authority that signed its certificate".into())
            }
            HaError::NoToken { .. } | HaError::Refused => Some(
                "make a new token in Home Assistant (your profile → Security → Long-lived access tokens; a user without \
                 admin rights will do) and write it into the file of homeassistant.token_file"
                    .into(),
            ),
            HaError::Moved { to, .. } => Some(format!("set homeassistant.url to {to}")),
            HaError::NoWebsocket { .. } => {
                Some("set homeassistant.url to Home Assistant itself; a proxy between must pass websockets".into())
            }
            HaError::Unreachable { .. } => Some("check homeassistant.url and that Home Assistant runs".into()),
            HaError::Supervisor { .. } => Some("check that the app's configuration has homeassistant_api: true".into()),
            HaError::Starting { .. } | HaError::Lost { .. } | HaError::Silent { .. } => None,
        }
    }

    /// Trying again cannot help until the settings change.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        matches!(self, HaError::Url { .. } | HaError::Authority { .. })
    }
}
