//! # Where state lives
//!
//! The flag, else the setting, else what the service manager made, else the app's private folder,
//! else the user's own. Readable by its owner alone: it holds the store and the control socket.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::Settings;

#[derive(Debug, Error)]
pub enum StateDirError {
    #[error("no place for state: neither $STATE_DIRECTORY, $XDG_STATE_HOME nor $HOME is set")]
    Nowhere,
    #[error("may not make or use the state folder {}", path.display())]
    Forbidden { path: PathBuf },
    #[error("cannot use the state folder {}", path.display())]
    Unusable { path: PathBuf, source: io::Error },
}

impl StateDirError {
    /// What the reader can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            StateDirError::Nowhere => Some("--state-dir DIR, or the setting state_dir"),
            StateDirError::Forbidden { .. } => Some("chown it to the user that runs porchlight, or --state-dir DIR"),
            StateDirError::Unusable { .. } => Some("--state-dir DIR, or the setting state_dir"),
        }
    }
}

/// Where it is. Touches nothing.
pub fn locate(
    flag: Option<&Path>,
    settings: &Settings,
    env: &BTreeMap<String, String>,
    is_app: bool,
) -> Result<PathBuf, StateDirError> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty());
    // systemd lists several folders with colons; ours is the first.
    let systemd = || var("STATE_DIRECTORY").and_then(|all| all.split(':').next()).map(PathBuf::from);
    let user = || var("XDG_STATE_HOME").map(|home| Path::new(home).join("porchlight"));
    let home = || var("HOME").map(|home| Path::new(home).join(".local/state/porchlight"));
    flag.map(Path::to_owned)
        .or_else(|| settings.state_dir.clone())
        .or_else(systemd)
        .or_else(|| is_app.then(|| "/data".into()))
        .or_else(user)
        .or_else(home)
        .ok_or(StateDirError::Nowhere)
}

/// Makes it, for its owner alone. A folder that is there is left as it is.
pub fn create(path: &Path) -> Result<(), StateDirError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| told(path, error))
}

/// Whether a file can be made there.
pub fn is_writable(path: &Path) -> Result<(), StateDirError> {
    let probe = path.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|error| told(path, error))
}

/// Others on this machine can look inside.
#[must_use]
pub fn is_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o007 != 0)
}

fn told(path: &Path, error: io::Error) -> StateDirError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StateDirError::Forbidden { path },
        _ => StateDirError::Unusable { path, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_decides_where_state_lives() {
        let env = |vars: &[(&str, &str)]| vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let said = Settings { state_dir: Some("/said".into()), ..Settings::default() };
        let all = [("STATE_DIRECTORY", "/sd:/other"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/home/anna")];
        let cases: &[(Option<&str>, &Settings, &[(&str, &str)], bool, &str)] = &[
            (Some("/flag"), &said, &all, true, "/flag"),
            (None, &said, &all, true, "/said"),
            (None, &Settings::default(), &all, true, "/sd"),
            (None, &Settings::default(), &all[1..], true, "/data"),
            (None, &Settings::default(), &all[1..], false, "/xdg/porchlight"),
            (None, &Settings::default(), &all[2..], false, "/home/anna/.local/state/porchlight"),
            (None, &Settings::default(), &[("HOME", "")], false, "nowhere"),
        ];
        for (flag, settings, vars, app, expected) in cases {
            let found = locate(flag.map(Path::new), settings, &env(vars), *app);
            assert_eq!(found.unwrap_or_else(|_| "nowhere".into()), Path::new(expected), "{flag:?} {vars:?}");
        }
    }

    #[test]
    fn it_is_made_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b");
        create(&path).expect("made");
        assert!(!is_open(&path) && is_writable(&path).is_ok());
        assert_eq!(fs::read_dir(&path).expect("a folder").count(), 0, "the probe is gone");
        create(&path).expect("once more changes nothing");
    }
}
