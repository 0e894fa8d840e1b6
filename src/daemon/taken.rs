//! # Which batches of remote sensors were taken
//!
//! A line for each, written before anything is done with the batch: a hub that was killed knows them when it runs again,
//! and what the broker sends once more counts once. The lines are folded into marks at each start and whenever they
//! have grown. Kept from a kill of the program, not from a loss of power: it is not worth a disk's sync a batch.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::scanners::mqtt::Ear;

/// Lines are folded when there are so many bytes of them: some ten thousand batches.
const FOLD_AT: u64 = 1 << 20;
/// What is read at a start; the rest is no file of ours.
const READ_MAX: u64 = 4 << 20;

/// The file.
#[derive(Debug)]
pub struct Taken {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    fold_at: u64,
    /// It cannot be written; said once.
    is_refused: bool,
}

impl Taken {
    /// Tells `ear` what an earlier run took.
    pub fn open(path: &Path, ear: &mut Ear) -> Taken {
        let is_ours = fs::metadata(path).is_ok_and(|meta| meta.len() <= READ_MAX);
        if is_ours && let Ok(text) = fs::read_to_string(path) {
            ear.recall(&text);
        }
        let mut taken = Taken { path: path.to_owned(), file: None, bytes: 0, fold_at: FOLD_AT, is_refused: false };
        if ear.hears_sensors() {
            taken.fold(ear);
        }
        taken
    }

    /// Writes down what `ear` took since the last call.
    pub fn keep(&mut self, ear: &mut Ear) {
        let lines = ear.accepted();
        if lines.is_empty() {
            return;
        }
        if self.bytes >= self.fold_at || self.file.is_none() {
            // The marks hold these lines too.
            self.fold(ear);
            return;
        }
        let written = self.file.as_mut().map(|file| file.write_all(lines.as_bytes()));
        self.bytes += lines.len() as u64;
        if let Some(Err(error)) = written {
            self.refused(&error);
        }
    }

    fn fold(&mut self, ear: &Ear) {
        match self.folded(&ear.remotes().marks()) {
            Ok(file) => {
                (self.file, self.bytes, self.is_refused) = (Some(file), 0, false);
            }
            Err(error) => self.refused(&error),
        }
    }

    fn folded(&self, marks: &str) -> io::Result<File> {
        let part = self.path.with_extension("part");
        fs::write(&part, marks)?;
        fs::rename(&part, &self.path)?;
        OpenOptions::new().append(true).open(&self.path)
    }

    fn refused(&mut self, error: &io::Error) {
        self.file = None;
        if !std::mem::replace(&mut self.is_refused, true) {
            let file = self.path.display();
            tracing::warn!(%error, %file, "what sensors sent may count twice after a start: it cannot be written down");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Moment,
        scanners::mqtt::{Message, Settings},
    };

    const EACH: u64 = 2_000;

    fn ear() -> Ear {
        Ear::new(&Settings { sensors: vec!["garage".into()], ..Settings::default() }, "porchlight")
    }

    fn give(ear: &mut Ear, seq: u64) -> usize {
        let payload = format!(
            r#"{{"boot":"a1","seq":{seq},"sent":1,"obs":[{{"age_ms":1,"source":"ble","address":"c4:7c:8d:6a:11:22","data":{{"proof":"ble_advert"}}}}]}}"#
        );
        let message = Message { topic: "porchlight/sensor/garage/obs", payload: payload.as_bytes(), retained: false };
        ear.take(&message, |_| true, Moment::default()).len()
    }

    #[test]
    fn a_run_that_was_killed_left_what_it_took_and_the_file_stays_small() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        for run in 0..3_u64 {
            let mut ear = ear();
            let mut taken = Taken::open(&path, &mut ear);
            taken.fold_at = 4096;
            for seq in 0..run * EACH {
                assert_eq!(give(&mut ear, seq), 0, "run {run} took {seq} twice");
                taken.keep(&mut ear);
            }
            for seq in run * EACH..(run + 1) * EACH {
                assert_eq!(give(&mut ear, seq), 1, "run {run} lost {seq}");
                taken.keep(&mut ear);
            }
            assert!(fs::metadata(&path).unwrap().len() < 4096 + 1024);
        }
        // Half a line, of a crash; then something that is none of ours.
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"garage a1 9999999").unwrap();
        let mut ear = ear();
        drop(Taken::open(&path, &mut ear));
        assert_eq!((give(&mut ear, 3 * EACH - 1), give(&mut ear, 3 * EACH)), (0, 1));
        fs::write(&path, vec![0xff; 100]).unwrap();
        drop(Taken::open(&path, &mut self::ear()));
    }

    #[test]
    fn without_a_folder_it_runs_all_the_same() {
        let mut ear = ear();
        let mut taken = Taken::open(Path::new("/nonexistent/taken"), &mut ear);
        assert_eq!(give(&mut ear, 1), 1);
        taken.keep(&mut ear);
        assert!(taken.is_refused);
    }
}
