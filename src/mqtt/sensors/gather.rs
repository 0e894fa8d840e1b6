//! # Sightings become batches
//!
//! Pure. A batch closes a second after its first sighting, or when it is full; at once for an address that was silent
//! for a minute, since that may be an arrival. Equal ones fold into one: how many, the newest, the strongest.

use std::{
    collections::{BTreeMap, VecDeque},
    mem::discriminant,
    net::IpAddr,
    time::Duration,
};

use crate::{
    model::{Capped, Fact, MacAddr, Mono, Observation, Proof, Source},
    wire::remote::{Batch, Seen, is_told},
};

const OPEN_FOR: Duration = Duration::from_secs(1);
const ENTRIES_MAX: usize = 64;
/// Bytes of a batch, roughly.
const BYTES_MAX: usize = 16 << 10;
/// What an entry takes, and each fact of it.
const ENTRY_BYTES: usize = 110;
const FACT_BYTES: usize = 60;
const FACTS_MAX: usize = 12;
/// Silent for so long, its next proof is sent at once.
const NEWS: Duration = Duration::from_secs(60);
const KNOWN_MAX: usize = 4096;
/// Full batches that nobody took yet.
const CLOSED_MAX: usize = 64;

type Key = (Source, Option<MacAddr>, Option<IpAddr>);

#[derive(Debug)]
struct Entry {
    newest: Mono,
    count: u32,
    facts: Vec<Fact>,
}

/// The open batch.
#[derive(Debug)]
pub struct Gather {
    boot: String,
    seq: u64,
    open: BTreeMap<Key, Entry>,
    bytes: usize,
    due: Option<Mono>,
    full: VecDeque<BTreeMap<Key, Entry>>,
    known: Capped<Key, Mono>,
    folded: u64,
    dropped: u64,
}

impl Gather {
    pub fn new(boot: String) -> Gather {
        Gather {
            boot,
            seq: 0,
            open: BTreeMap::new(),
            bytes: 0,
            due: None,
            full: VecDeque::new(),
            known: Capped::new(KNOWN_MAX),
            folded: 0,
            dropped: 0,
        }
    }

    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Sightings that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub fn add(&mut self, seen: &Observation, now: Mono) {
        let own = matches!(seen.fact, Fact::Alive { proof: Proof::OwnHost | Proof::Told, .. });
        if own || !is_told(&seen.fact) || (seen.subject.mac.is_none() && seen.subject.ip.is_none()) {
            return;
        }
        let key = (seen.source, seen.subject.mac, seen.subject.ip);
        let (at, is_proof) = match &seen.fact {
            Fact::Alive { age, .. } => (Mono(seen.at.mono.0.saturating_sub(nanoseconds(*age))), true),
            _ => (seen.at.mono, false),
        };
        let is_news = is_proof && self.known.get(&key).is_none_or(|last| now.since(*last) >= NEWS);
        if is_proof {
            self.known.insert(key, now);
        }
        let due = if is_news { now } else { now + OPEN_FOR };
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
        match self.open.get_mut(&key) {
            Some(entry) => {
                self.folded += u64::from(is_proof);
                self.bytes += fold(entry, &seen.fact, at, is_proof);
            }
            None => {
                self.bytes += ENTRY_BYTES + FACT_BYTES;
                self.open.insert(key, Entry { newest: at, count: 1, facts: vec![seen.fact.clone()] });
            }
        }
        if self.open.len() >= ENTRIES_MAX || self.bytes >= BYTES_MAX {
            if self.full.len() >= CLOSED_MAX {
                self.dropped += self.full.pop_front().map_or(0, |oldest| oldest.len() as u64);
            }
            self.full.push_back(std::mem::take(&mut self.open));
            self.bytes = 0;
            self.due = Some(now);
        }
    }

    /// When there is a batch to close.
    pub fn due(&self) -> Option<Mono> {
        self.due
    }

    /// A batch that is due; `at_end`: whatever is open.
    pub fn close(&mut self, now: Mono, at_end: bool) -> Option<Batch> {
        if !at_end && self.due.is_none_or(|due| due > now) {
            return None;
        }
        let entries = self.full.pop_front().or_else(|| {
            self.due = None;
            self.bytes = 0;
            Some(std::mem::take(&mut self.open)).filter(|open| !open.is_empty())
        })?;
        self.seq += 1;
        let seen = entries.into_iter().map(|((source, mac, ip), entry)| Seen {
            age: now.since(entry.newest),
            source,
            mac,
            ip,
            count: entry.count,
            facts: entry.facts,
        });
        Some(Batch { boot: self.boot.clone(), seq: self.seq, sent: now.0 / 1_000_000, seen: seen.collect() })
    }
}

/// Adds a fact to what is known; how many bytes that takes.
fn fold(entry: &mut Entry, fact: &Fact, at: Mono, is_proof: bool) -> usize {
    entry.count = entry.count.saturating_add(u32::from(is_proof));
    let is_newer = at >= entry.newest;
    entry.newest = entry.newest.max(at);
    let alone = matches!(fact, Fact::Alive { .. } | Fact::Level(_) | Fact::Gone(_));
    let is_same = |known: &&mut Fact| **known == *fact || (alone && discriminant::<Fact>(known) == discriminant(fact));
    let has_room = entry.facts.len() < FACTS_MAX;
    match (entry.facts.iter_mut().find(is_same), fact) {
        (Some(Fact::Level(known)), Fact::Level(level)) => {
            if level.dbm() > known.dbm() {
                *known = *level;
            }
            0
        }
        (Some(known), _) => {
            if is_newer {
                *known = fact.clone();
            }
            0
        }
        (None, _) if !has_room => 0,
        (None, _) => {
            entry.facts.push(fact.clone());
            FACT_BYTES
        }
    }
}

fn nanoseconds(age: Duration) -> u64 {
    u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, Rssi, Subject};

    fn at(ms: u64) -> Mono {
        Mono((1_000_000 + ms) * 1_000_000)
    }

    fn seen(n: u8, fact: Fact, ms: u64) -> Observation {
        let at = Moment { mono: at(ms), ..Moment::default() };
        let subject = Subject::mac(MacAddr([2, 0, 0, 0, 7, n]));
        Observation { source: Source::Ble, interface: None, at, subject, fact }
    }

    fn alive() -> Fact {
        Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO }
    }

    #[test]
    fn equal_sightings_fold_and_the_first_after_a_silence_goes_out_at_once() {
        let mut gather = Gather::new("a".into());
        gather.add(&seen(1, alive(), 0), at(0));
        let first = gather.close(at(0), false).unwrap();
        assert_eq!((first.seq, first.seen.len()), (1, 1));
        for ms in [100, 300, 700] {
            gather.add(&seen(1, alive(), ms), at(ms));
            gather.add(&seen(1, Fact::Level(Rssi::new(-70 + i8::try_from(ms / 100).unwrap()).unwrap()), ms), at(ms));
        }
        assert_eq!(gather.close(at(900), false), None, "it is open for a second");
        let batch = gather.close(at(1100), false).unwrap();
        assert_eq!((batch.seq, batch.seen.len(), gather.folded()), (2, 1, 2));
        let one = &batch.seen[0];
        assert_eq!((one.count, one.age, one.facts.len()), (3, Duration::from_millis(400), 2));
        assert!(one.facts.contains(&Fact::Level(Rssi::new(-63).unwrap())));
        assert_eq!(gather.close(at(5000), false), None);
        gather.add(&seen(1, alive(), 90_000), at(90_000));
        assert!(gather.close(at(90_000), false).is_some(), "silent for more than a minute");
    }

    #[test]
    fn a_batch_is_full_at_sixty_four_and_what_concerns_the_sensor_alone_is_not_sent() {
        let mut gather = Gather::new("a".into());
        for n in 0..200 {
            gather.add(&seen(n, alive(), 0), at(0));
        }
        let own = Fact::Alive { proof: Proof::OwnHost, age: Duration::ZERO };
        gather.add(&seen(250, own, 0), at(0));
        gather.add(&seen(251, Fact::Unanswered { probe: crate::model::Probe::Arp }, 0), at(0));
        let mut sizes = Vec::new();
        while let Some(batch) = gather.close(at(2000), false) {
            assert_eq!(batch.seq, sizes.len() as u64 + 1);
            sizes.push(batch.seen.len());
        }
        assert_eq!(sizes, [64, 64, 64, 8]);
    }
}
