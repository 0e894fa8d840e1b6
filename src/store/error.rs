//! # What can go wrong with the store
//!
//! Each variant says what, where and, by [`StoreError::advice`], what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the state folder {} cannot be used: {source}", .dir.display())]
    Dir { dir: PathBuf, source: io::Error },
    #[error("another porchlight already runs on {}{}", .dir.display(), .pid.map_or_else(String::new, |pid| format!(" (process {pid})")))]
    Locked { dir: PathBuf, pid: Option<u32> },
    #[error("{} has schema {found}, written by a newer porchlight; this one knows schema {known}", .file.display())]
    Newer { file: PathBuf, found: u32, known: u32 },
    #[error("{} has schema {found}, which this porchlight (schema {known}) must upgrade first", .file.display())]
    Older { file: PathBuf, found: u32, known: u32 },
    #[error("nothing is recorded in {}", .dir.display())]
    Nothing { dir: PathBuf },
    #[error("{} is not readable as a database of porchlight: {why}", .file.display())]
    Broken { file: PathBuf, why: String },
    #[error("{} could not be set aside: {source}", .file.display())]
    Aside { file: PathBuf, source: io::Error },
    #[error("schema {from} of {} could not become schema {to}: {source}", .file.display())]
    Upgrade { file: PathBuf, from: u32, to: u32, source: rusqlite::Error },
    #[error("{what} failed in {}: {source}", .file.display())]
    Sqlite { what: &'static str, file: PathBuf, source: rusqlite::Error },
    #[error("the store's thread could not start: {0}")]
    Thread(io::Error),
    #[error("the store's thread ended early; what it had not written is lost")]
    Ended,
}

impl StoreError {
    pub(super) fn sqlite(what: &'static str, file: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError {
        let file = file.to_owned();
        move |source| StoreError::Sqlite { what, file, source }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            StoreError::Dir { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Some("run it as the user who owns that folder, or name another with --state-dir")
            }
            StoreError::Dir { .. } | StoreError::Aside { .. } => {
                Some("name a folder that can be written with --state-dir")
            }
            StoreError::Locked { .. } => Some("stop the other one, or give this one its own --state-dir"),
            StoreError::Newer { .. } => Some(
                "install that version again, or use another --state-dir; an upgrade leaves a backup of the older file beside it",
            ),
            StoreError::Older { .. } => Some("start `porchlight run` once: it upgrades the file and keeps a backup"),
            StoreError::Nothing { .. } => {
                Some("start it with `porchlight run`; `porchlight scan` looks once, and stores nothing")
            }
            StoreError::Broken { .. } => Some("restart `porchlight run`: it sets the file aside and begins a new one"),
            StoreError::Upgrade { .. } => Some("nothing was changed; report this with the two schema numbers"),
            StoreError::Sqlite { source, .. } => advice(source),
            StoreError::Thread(_) | StoreError::Ended => None,
        }
    }

    /// Whether a right is missing (exit code 4 of the command line).
    #[must_use]
    pub fn is_not_permitted(&self) -> bool {
        match self {
            StoreError::Dir { source, .. } | StoreError::Aside { source, .. } => {
                source.kind() == io::ErrorKind::PermissionDenied
            }
            StoreError::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    rusqlite::ErrorCode::PermissionDenied
                        | rusqlite::ErrorCode::ReadOnly
                        | rusqlite::ErrorCode::CannotOpen
                )
            ),
            _ => false,
        }
    }
}

/// What to do about an error of SQLite itself.
pub(super) fn advice(error: &rusqlite::Error) -> Option<&'static str> {
    use rusqlite::ErrorCode as Code;
    match error.sqlite_error_code()? {
        Code::DiskFull => Some("free some space on the disk of the state folder; writing goes on by itself"),
        Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen => {
            Some("make the state folder writable for the user that runs porchlight")
        }
        Code::SystemIoFailure => Some("check the disk of the state folder; writing goes on by itself"),
        Code::DatabaseBusy | Code::DatabaseLocked => Some("another program holds the file; close it"),
        Code::DatabaseCorrupt | Code::NotADatabase => {
            Some("restart porchlight: it sets the broken file aside and begins a new one")
        }
        _ => None,
    }
}

/// The file itself is damaged, as opposed to out of reach.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase))
}

/// One row is at fault, not the file.
pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            rusqlite::ErrorCode::ConstraintViolation | rusqlite::ErrorCode::TypeMismatch | rusqlite::ErrorCode::TooBig
        )
    )
}
