//! Where files of evidence lie, and how long.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Pack, Settings};
use crate::model::Wall;

/// Below the state folder.
const FOLDER: &str = "evidence";
const ENDING: &str = "pcapng";

/// The file of an alert, if there is one.
#[must_use]
pub fn file_of(state_dir: &Path, alert: &str) -> Option<PathBuf> {
    let path = state_dir.join(FOLDER).join(format!("{alert}.{ENDING}"));
    path.is_file().then_some(path)
}

/// The folder of all files.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    #[must_use]
    pub fn new(state_dir: &Path) -> Shelf {
        Shelf { folder: state_dir.join(FOLDER) }
    }

    /// Writes a file for its owner alone, then makes room: what is too old or too much goes, the oldest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put(&self, pack: &Pack, settings: &Settings, now: Wall) -> io::Result<PathBuf> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.folder.join(format!("{}.{ENDING}", pack.name));
        let beside = self.folder.join(format!("{}.new", pack.name));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let done = file.write_all(&pack.bytes).and_then(|()| fs::rename(&beside, &path));
        if done.is_err() {
            let _half = fs::remove_file(&beside);
        }
        done?;
        self.tidy(settings, now, &path);
        Ok(path)
    }

    fn tidy(&self, settings: &Settings, now: Wall, newest: &Path) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or_default());
        let keep = Duration::from_secs(u64::from(settings.keep_d) * 86_400);
        let mut all: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == ENDING || end == "new"))
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        all.sort();
        let mut bytes: u64 = all.iter().map(|(_, len, _)| len).sum();
        for (at, len, path) in all {
            let is_old = now.duration_since(at).is_ok_and(|age| age > keep);
            if path.as_path() != newest && (is_old || bytes > u64::from(settings.keep_mib) << 20) {
                bytes -= if fs::remove_file(&path).is_ok() { len } else { 0 };
            }
        }
    }
}
