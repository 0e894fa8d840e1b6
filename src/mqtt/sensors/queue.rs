//! # What the broker does not have yet
//!
//! Batches in order, in memory or on the disk: one small file each, written whole or not at all. Bounded in bytes and
//! in age; the oldest go first and are counted. What a crash leaves is found again at the next start.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    model::{Moment, Wall},
    wire::remote::{self, Batch},
};

/// Older news are none (`docs/PRESENCE.md`).
const AGE_MAX_MS: i64 = 24 * 3600 * 1000;
/// Files, whatever their size: a folder of a million is slow.
const FILES_MAX: usize = 100_000;
const FILE_MAX: u64 = 2 * remote::PAYLOAD_MAX as u64;

/// A batch, and when it was closed.
#[derive(Debug, Clone)]
struct Stored {
    batch: Batch,
    /// The run of the kernel whose clock `batch.sent` is of.
    host: String,
    wall: Wall,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    held: Option<Stored>,
    on_disk: bool,
    flies: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub confirmed: u64,
    /// For want of room, or because they were too old or unreadable.
    pub dropped: u64,
}

/// The queue.
#[derive(Debug)]
pub struct Queue {
    folder: PathBuf,
    bytes_max: u64,
    host: String,
    entries: BTreeMap<u64, Entry>,
    bytes: u64,
    last: u64,
    counts: Counts,
    /// The disk refused; said once.
    is_refused: bool,
}

impl Queue {
    /// Finds what an earlier run left.
    pub fn open(folder: &Path, bytes_max: u64, host: &str) -> io::Result<Queue> {
        fs::create_dir_all(folder)?;
        let mut queue = Queue {
            folder: folder.to_owned(),
            bytes_max,
            host: host.to_owned(),
            entries: BTreeMap::new(),
            bytes: 0,
            last: 0,
            counts: Counts::default(),
            is_refused: false,
        };
        for entry in fs::read_dir(folder)?.take(FILES_MAX) {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let Some(number) = name.strip_suffix(".json").and_then(|number| number.parse::<u64>().ok()) else {
                // Half a file, of a crash.
                if name.ends_with(".part") {
                    let _gone = fs::remove_file(entry.path());
                }
                continue;
            };
            let bytes = entry.metadata().map_or(0, |meta| meta.len());
            queue.last = queue.last.max(number);
            queue.bytes += bytes;
            queue.entries.insert(number, Entry { bytes, held: None, on_disk: true, flies: false });
        }
        queue.trim();
        Ok(queue)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    pub fn push(&mut self, batch: Batch, now: Moment) {
        self.last += 1;
        let stored = Stored { batch, host: self.host.clone(), wall: now.wall };
        let bytes = written(&stored).len() as u64;
        self.bytes += bytes;
        self.entries.insert(self.last, Entry { bytes, held: Some(stored), on_disk: false, flies: false });
        self.trim();
    }

    /// The oldest batch that does not fly yet, as it is said now.
    pub fn next(&mut self, now: Moment) -> Option<(u64, String)> {
        loop {
            let (number, entry) = self.entries.iter().find(|(_, entry)| !entry.flies)?;
            let number = *number;
            let stored = match &entry.held {
                Some(stored) => Some(stored.clone()),
                None => self.read(number),
            };
            match stored {
                Some(stored) if now.wall.0.saturating_sub(stored.wall.0) <= AGE_MAX_MS => {
                    return Some((number, remote::write(&self.aged(stored, now))));
                }
                _ => self.drop_one(number),
            }
        }
    }

    /// It is on its way.
    pub fn flies(&mut self, number: u64) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.flies = true;
        }
    }

    /// One that flew is sent again.
    pub fn lands(&mut self, number: u64) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.flies = false;
        }
    }

    /// What flew is sent again.
    pub fn land(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.flies = false);
    }

    /// The broker has it.
    pub fn confirmed(&mut self, number: u64) {
        if self.remove(number) {
            self.counts.confirmed += 1;
        }
    }

    /// Whatever is in memory alone goes to the disk.
    pub fn spill(&mut self) {
        let waiting: Vec<u64> =
            self.entries.iter().filter(|(_, entry)| !entry.on_disk).map(|(number, _)| *number).collect();
        for number in waiting {
            let Some(stored) = self.entries.get(&number).and_then(|entry| entry.held.as_ref()) else { continue };
            let (path, part) = (self.path(number), self.folder.join(format!("{number:020}.part")));
            match fs::write(&part, written(stored)).and_then(|()| fs::rename(&part, &path)) {
                Ok(()) => {
                    self.is_refused = false;
                    if let Some(entry) = self.entries.get_mut(&number) {
                        entry.on_disk = true;
                        entry.held = None;
                    }
                }
                Err(error) => {
                    // Kept in memory, within the same bound.
                    if !std::mem::replace(&mut self.is_refused, true) {
                        tracing::warn!(%error, folder = %self.folder.display(), "the queue cannot be written");
                    }
                    return;
                }
            }
        }
    }

    /// With the ages of now. Another run of the kernel: by the wall clock, which is all there is.
    fn aged(&self, stored: Stored, now: Moment) -> Batch {
        let Stored { mut batch, host, wall } = stored;
        let now_ms = now.mono.0 / 1_000_000;
        let waited = if host == self.host && batch.sent <= now_ms {
            now_ms - batch.sent
        } else {
            now.wall.0.saturating_sub(wall.0).max(0).unsigned_abs()
        };
        for seen in &mut batch.seen {
            seen.age = seen.age.saturating_add(Duration::from_millis(waited));
        }
        batch.sent = now_ms;
        batch
    }

    fn trim(&mut self) {
        while self.bytes > self.bytes_max || self.entries.len() > FILES_MAX {
            let Some(oldest) = self.entries.keys().next().copied() else { return };
            self.drop_one(oldest);
        }
    }

    fn drop_one(&mut self, number: u64) {
        if self.remove(number) {
            self.counts.dropped += 1;
        }
    }

    fn remove(&mut self, number: u64) -> bool {
        let Some(entry) = self.entries.remove(&number) else { return false };
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        if entry.on_disk {
            // What cannot be removed comes again after a start, and is known by its number.
            let _gone = fs::remove_file(self.path(number));
        }
        true
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:020}.json"))
    }

    fn read(&self, number: u64) -> Option<Stored> {
        let path = self.path(number);
        if fs::metadata(&path).ok()?.len() > FILE_MAX {
            return None;
        }
        let value: Value = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        let batch = remote::read(value.get("batch")?.as_str()?.as_bytes())?;
        Some(Stored { batch, host: value.get("host")?.as_str()?.to_owned(), wall: Wall(value.get("wall")?.as_i64()?) })
    }
}

fn written(stored: &Stored) -> String {
    json!({"host": stored.host, "wall": stored.wall.0, "batch": remote::write(&stored.batch)}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Fact, MacAddr, Mono, Proof, Source},
        wire::remote::Seen,
    };

    fn at(s: u64) -> Moment {
        Moment { mono: Mono(s * 1_000_000_000), wall: Wall(1_795_000_000_000 + i64::try_from(s).unwrap() * 1000) }
    }

    fn batch(seq: u64, s: u64) -> Batch {
        let facts = vec![Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO }];
        let mac = Some(MacAddr([2, 0, 0, 0, 8, 1]));
        let seen = Seen { age: Duration::from_secs(1), source: Source::Ble, mac, ip: None, count: 1, facts };
        Batch { boot: "a".into(), seq, sent: s * 1000, seen: vec![seen] }
    }

    fn numbers(queue: &mut Queue, now: Moment) -> Vec<(u64, u64)> {
        let mut told = Vec::new();
        while let Some((number, payload)) = queue.next(now) {
            let batch = remote::read(payload.as_bytes()).unwrap();
            told.push((batch.seq, batch.seen[0].age.as_secs()));
            queue.flies(number);
        }
        told
    }

    #[test]
    fn what_a_crash_leaves_is_found_again_in_order_and_with_its_age() {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = Queue::open(folder.path(), 1 << 20, "host").unwrap();
        for seq in 1..=5 {
            queue.push(batch(seq, seq), at(seq));
        }
        assert_eq!(numbers(&mut queue, at(10)), [(1, 10), (2, 9), (3, 8), (4, 7), (5, 6)]);
        queue.confirmed(2);
        queue.spill();
        drop(queue);
        fs::write(folder.path().join("00000000000000000009.part"), "half").unwrap();
        fs::write(folder.path().join("00000000000000000007.json"), "broken").unwrap();
        let mut again = Queue::open(folder.path(), 1 << 20, "host").unwrap();
        assert_eq!(numbers(&mut again, at(20)), [(1, 20), (3, 18), (4, 17), (5, 16)]);
        assert_eq!(again.counts().dropped, 1, "the broken one");
        again.land();
        assert_eq!(numbers(&mut again, at(21)).len(), 4, "not confirmed: again");
        // New ones come after the old.
        again.push(batch(6, 22), at(22));
        assert_eq!(numbers(&mut again, at(22)), [(6, 1)]);
        // After a start of the machine only the wall clock tells.
        again.spill();
        drop(again);
        let mut other = Queue::open(folder.path(), 1 << 20, "another").unwrap();
        let early = Moment { mono: Mono(5_000_000_000), ..at(30) };
        assert_eq!(numbers(&mut other, early).first(), Some(&(1, 30)));
    }

    #[test]
    fn the_oldest_go_for_want_of_room_and_old_news_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut queue = Queue::open(folder.path(), 2000, "host").unwrap();
        for seq in 1..=100 {
            queue.push(batch(seq, seq), at(seq));
            queue.spill();
        }
        assert!(queue.bytes() <= 2000 && queue.len() > 3, "{} of {}", queue.bytes(), queue.len());
        let files = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, queue.len());
        assert_eq!(queue.counts().dropped as usize + queue.len(), 100);
        assert_eq!(numbers(&mut queue, at(101)).last(), Some(&(100, 2)));
        queue.land();
        assert_eq!(queue.next(at(2 * 24 * 3600)), None);
        assert_eq!((queue.len(), queue.counts().dropped), (0, 100));
    }
}
