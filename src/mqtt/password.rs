//! # The password, and the files secrets are kept in
//!
//! Read at each connect, so that a file that is written anew works, and never shown. `doctor` and
//! the settings read secrets by the same function.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::MqttError;

// A long-lived token has about 180 bytes. More is some other file.
const BYTES_MAX: u64 = 16 << 10;

/// Why a file is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    #[error("there is no such file")]
    Missing,
    #[error("it may not be read")]
    Forbidden,
    #[error("{0}")]
    Unreadable(String),
    #[error("it is empty")]
    Empty,
    #[error("it holds no single line of text")]
    NoText,
}

impl From<io::Error> for SecretFault {
    fn from(error: io::Error) -> SecretFault {
        match error.kind() {
            io::ErrorKind::NotFound => SecretFault::Missing,
            io::ErrorKind::PermissionDenied => SecretFault::Forbidden,
            io::ErrorKind::InvalidData => SecretFault::NoText,
            _ => SecretFault::Unreadable(error.to_string()),
        }
    }
}

/// The one line in `path`. Blocking, but a few bytes of a local file.
pub fn read_secret(path: &Path) -> Result<SecretString, SecretFault> {
    let meta = std::fs::metadata(path)?;
    if !meta.is_file() || meta.len() > BYTES_MAX {
        return Err(SecretFault::NoText);
    }
    let text = std::fs::read_to_string(path)?;
    // Editors end a file with a line break; no secret does.
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(SecretFault::Empty);
    }
    if secret.contains(['\n', '\r', '\0']) {
        return Err(SecretFault::NoText);
    }
    Ok(SecretString::from(secret.to_owned()))
}

/// Where the password comes from.
#[derive(Clone, Default)]
pub enum Password {
    #[default]
    None,
    Given(SecretString),
    /// Read at each connect.
    File(PathBuf),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Password::None => "none",
            Password::Given(_) => "given",
            Password::File(_) => "in a file",
        })
    }
}

impl Password {
    /// As of now. Blocking.
    pub fn read(&self) -> Result<Option<SecretString>, MqttError> {
        match self {
            Password::None => Ok(None),
            Password::Given(secret) => Ok(Some(secret.clone())),
            Password::File(path) => {
                read_secret(path).map(Some).map_err(|fault| MqttError::Password { path: path.clone(), fault })
            }
        }
    }
}
