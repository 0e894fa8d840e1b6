//! # Passwords and tokens
//!
//! A secret may stand in the settings, in a file that they name, or among systemd's credentials
//! (`LoadCredential=mqtt_password:/path`). The first that is there wins, in that order. Nothing
//! here prints one. The reading itself is `mqtt::read_secret`, the daemon's own, so that `doctor`
//! judges a file as the daemon will.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;
use thiserror::Error;

use crate::{
    homeassistant,
    model::Secret,
    mqtt::{self, SecretFault},
};

/// Names of systemd credentials.
pub const MQTT_PASSWORD: &str = "mqtt_password";
pub const HOMEASSISTANT_TOKEN: &str = "homeassistant_token";

/// A secret and what may be said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub secret: Secret,
    /// `mqtt.password`, or the file.
    pub from: String,
    /// Everybody on this machine can read it.
    pub warning: Option<String>,
}

#[derive(Debug, Error)]
pub enum SecretError {
    #[error("no file {} that {key} names", path.display())]
    Missing { key: &'static str, path: PathBuf },
    #[error("may not read {} that {key} names", path.display())]
    Forbidden { key: &'static str, path: PathBuf },
    #[error("cannot read {} that {key} names: {why}", path.display())]
    Unreadable { key: &'static str, path: PathBuf, why: String },
    #[error("{} that {key} names is empty", path.display())]
    Empty { key: &'static str, path: PathBuf },
    #[error("{} that {key} names holds no single line of text", path.display())]
    NoText { key: &'static str, path: PathBuf },
}

impl SecretError {
    /// What the reader can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            SecretError::Missing { .. } => Some("write the secret into that file, one line, chmod 600"),
            SecretError::Forbidden { .. } => Some("chown it to the user that runs porchlight, or use LoadCredential="),
            SecretError::Empty { .. } | SecretError::NoText { .. } => Some("one line, the secret and nothing else"),
            SecretError::Unreadable { .. } => None,
        }
    }
}

/// The broker's password. `credentials` is `$CREDENTIALS_DIRECTORY`.
pub fn password(settings: &mqtt::Settings, credentials: Option<&Path>) -> Result<Option<Found>, SecretError> {
    let keys = ("mqtt.password", "mqtt.password_file", MQTT_PASSWORD);
    find(settings.password.as_ref(), settings.password_file.as_deref(), keys, credentials)
}

/// Home Assistant's token.
pub fn token(settings: &homeassistant::Settings, credentials: Option<&Path>) -> Result<Option<Found>, SecretError> {
    let keys = ("homeassistant.token", "homeassistant.token_file", HOMEASSISTANT_TOKEN);
    find(settings.token.as_ref(), settings.token_file.as_deref(), keys, credentials)
}

fn find(
    said: Option<&Secret>,
    file: Option<&Path>,
    (key, file_key, name): (&'static str, &'static str, &'static str),
    credentials: Option<&Path>,
) -> Result<Option<Found>, SecretError> {
    if let Some(secret) = said {
        return Ok(Some(Found { secret: secret.clone(), from: key.into(), warning: None }));
    }
    if let Some(file) = file {
        // A bare name may be that of a credential.
        let path = credentials.map(|folder| folder.join(file)).filter(|path| file.is_relative() && path.exists());
        return read(file_key, &path.unwrap_or_else(|| file.to_owned())).map(Some);
    }
    match credentials.map(|folder| folder.join(name)) {
        Some(path) if path.exists() => read("$CREDENTIALS_DIRECTORY", &path).map(Some),
        _ => Ok(None),
    }
}

fn read(key: &'static str, path: &Path) -> Result<Found, SecretError> {
    let path_of = || path.to_owned();
    let secret = mqtt::read_secret(path).map_err(|fault| match fault {
        SecretFault::Missing => SecretError::Missing { key, path: path_of() },
        SecretFault::Forbidden => SecretError::Forbidden { key, path: path_of() },
        SecretFault::Empty => SecretError::Empty { key, path: path_of() },
        SecretFault::NoText => SecretError::NoText { key, path: path_of() },
        SecretFault::Unreadable(why) => SecretError::Unreadable { key, path: path_of(), why },
    })?;
    let open = fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o004 != 0);
    let warning = open.then(|| format!("{} can be read by everybody on this machine: chmod 600 it", path.display()));
    Ok(Found { secret: Secret::new(secret.expose_secret()), from: path.display().to_string(), warning })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_its_order_or_the_error_says_which_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &[u8], mode: u32| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
            path
        };
        let good = write("good", b"s3cret\n", 0o600);
        let open = write("open", b"s3cret", 0o644);
        let empty = write("empty", b"\n", 0o600);
        let two = write("two", b"a\nb\n", 0o600);
        let bytes = write("bytes", &[0xff, 0xfe], 0o600);
        write(MQTT_PASSWORD, b"credential\n", 0o400);
        let ask = |said: Option<&str>, file: Option<&Path>, credentials: bool| {
            let settings = mqtt::Settings {
                password: said.map(Secret::new),
                password_file: file.map(Path::to_owned),
                ..mqtt::Settings::default()
            };
            match password(&settings, credentials.then_some(folder.path())) {
                Ok(Some(found)) => {
                    format!("{}{}", found.secret.expose(), if found.warning.is_some() { " open" } else { "" })
                }
                Ok(None) => "none".into(),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("mqtt.password_file") && error.advice().is_some(), "{text}");
                    text.rsplit(' ').next().unwrap_or_default().to_owned()
                }
            }
        };
        let missing = folder.path().join("missing");
        let cases: &[(Option<&str>, Option<&Path>, bool, &str)] = &[
            (None, None, false, "none"),
            (Some("said"), None, true, "said"),
            (None, Some(&good), true, "s3cret"),
            (None, Some(&open), false, "s3cret open"),
            (None, None, true, "credential"),
            (None, Some(Path::new("mqtt_password")), true, "credential"),
            (None, Some(&empty), false, "empty"),
            (None, Some(&two), false, "text"),
            (None, Some(&bytes), false, "text"),
            (None, Some(folder.path()), false, "text"),
            (None, Some(&missing), false, "names"),
        ];
        for (said, file, credentials, expected) in cases {
            assert_eq!(ask(*said, *file, *credentials), *expected, "{said:?} {file:?} {credentials}");
        }
    }
}
