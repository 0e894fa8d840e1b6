//! # A map that cannot be used to blind its keeper
//!
//! A plain bounded map either refuses what comes when it is full, or forgets what was: whoever can
//! invent keys then acts unseen, or wipes out their own traces. This one has two areas. A new key is on
//! *probation* (a quarter of the room) and can push out only others on probation; a key that was *proven*,
//! by an answer or by staying, lives in the other three quarters. One owner holds at most its quota.
//! Pinned keys stay. What is evicted is handed back, so that its keeper can leave a trace in a [`Sketch`],
//! and counted: many evictions in a short time are a sign of their own.
//!
//! Ordered maps only: nothing here depends on a hash that a sender could aim at.

use std::collections::{BTreeMap, BTreeSet};

// Of the room, for keys on probation and for one owner.
const PROBATION: usize = 4;
const QUOTA: usize = 16;
const QUOTA_MIN: usize = 64;
/// Keys that may be pinned.
const PINNED_MAX: usize = 512;

#[derive(Debug, Clone)]
struct Entry<V> {
    value: V,
    owner: u64,
    stamp: u64,
    proven: bool,
}

/// The map. Time is in ticks of the caller's choice; a touch within one tick costs one look-up.
#[derive(Debug, Clone)]
pub struct Guarded<K, V> {
    cap: usize,
    entries: BTreeMap<K, Entry<V>>,
    /// By area and age.
    order: BTreeSet<(bool, u64, K)>,
    /// By owner: those on probation first, then by age.
    owned: BTreeSet<(u64, bool, u64, K)>,
    counts: BTreeMap<u64, usize>,
    young: usize,
    pinned: BTreeSet<K>,
    evicted: [u64; 2],
}

impl<K: Ord + Clone, V> Guarded<K, V> {
    /// At most `cap` entries (at least eight).
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Guarded {
            cap: cap.max(8),
            entries: BTreeMap::new(),
            order: BTreeSet::new(),
            owned: BTreeSet::new(),
            counts: BTreeMap::new(),
            young: 0,
            pinned: BTreeSet::new(),
            evicted: [0; 2],
        }
    }

    /// The value at `key`.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The value at `key`, touched at `tick`.
    pub fn get_mut(&mut self, key: &K, tick: u64) -> Option<&mut V> {
        let entry = self.entries.get_mut(key)?;
        if entry.stamp < tick {
            self.order.remove(&(entry.proven, entry.stamp, key.clone()));
            self.owned.remove(&(entry.owner, entry.proven, entry.stamp, key.clone()));
            entry.stamp = tick;
            self.order.insert((entry.proven, tick, key.clone()));
            self.owned.insert((entry.owner, entry.proven, tick, key.clone()));
        }
        Some(&mut entry.value)
    }

    /// Puts a new key on probation, or replaces the value of a known one. What had to go for it.
    pub fn insert(&mut self, key: K, value: V, owner: u64, tick: u64) -> Option<(K, V)> {
        if let Some(entry) = self.entries.get_mut(&key) {
            let old = std::mem::replace(&mut entry.value, value);
            return Some((key, old));
        }
        let quota = (self.cap / QUOTA).max(QUOTA_MIN).min(self.cap / 2);
        let out = if self.counts.get(&owner).is_some_and(|held| *held >= quota) {
            self.oldest_of(owner)
        } else if self.young >= self.cap / PROBATION {
            self.oldest(false)
        } else {
            None
        };
        let gone = out.and_then(|old| self.evict(&old));
        self.order.insert((false, tick, key.clone()));
        self.owned.insert((owner, false, tick, key.clone()));
        *self.counts.entry(owner).or_default() += 1;
        self.young += 1;
        self.entries.insert(key, Entry { value, owner, stamp: tick, proven: false });
        gone
    }

    /// Moves `key` out of probation. What had to go for it.
    pub fn prove(&mut self, key: &K) -> Option<(K, V)> {
        let entry = self.entries.get(key).filter(|entry| !entry.proven)?;
        let (owner, stamp) = (entry.owner, entry.stamp);
        let room = self.cap - self.cap / PROBATION;
        let gone = if self.entries.len() - self.young >= room {
            self.oldest(true).and_then(|old| self.evict(&old))
        } else {
            None
        };
        self.order.remove(&(false, stamp, key.clone()));
        self.owned.remove(&(owner, false, stamp, key.clone()));
        self.order.insert((true, stamp, key.clone()));
        self.owned.insert((owner, true, stamp, key.clone()));
        self.young = self.young.saturating_sub(1);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.proven = true;
        }
        gone
    }

    /// Never evicts `key`, while there is room for pins.
    pub fn pin(&mut self, key: K) -> bool {
        let may = self.pinned.len() < PINNED_MAX.min(self.cap / PROBATION);
        may && self.pinned.insert(key)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.take_out(key).map(|entry| entry.value)
    }

    /// In key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (key, &entry.value))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// Evicted so far: from probation, and of those proven.
    #[must_use]
    pub const fn evicted(&self) -> [u64; 2] {
        self.evicted
    }

    fn oldest(&self, proven: bool) -> Option<K> {
        // No key is smaller than the first: the range begins before all of the area.
        let first = self.entries.keys().next()?.clone();
        let area = self.order.range((proven, 0, first)..).take_while(|(area, _, _)| *area == proven);
        area.map(|(_, _, key)| key).find(|key| !self.pinned.contains(*key)).cloned()
    }

    fn oldest_of(&self, owner: u64) -> Option<K> {
        let first = self.entries.keys().next()?.clone();
        let own = self.owned.range((owner, false, 0, first)..).take_while(|(held, _, _, _)| *held == owner);
        own.map(|(_, _, _, key)| key).find(|key| !self.pinned.contains(*key)).cloned()
    }

    fn evict(&mut self, key: &K) -> Option<(K, V)> {
        let entry = self.take_out(key)?;
        let [young, old] = &mut self.evicted;
        *(if entry.proven { old } else { young }) += 1;
        Some((key.clone(), entry.value))
    }

    fn take_out(&mut self, key: &K) -> Option<Entry<V>> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&(entry.proven, entry.stamp, key.clone()));
        self.owned.remove(&(entry.owner, entry.proven, entry.stamp, key.clone()));
        self.young -= usize::from(!entry.proven);
        if let Some(held) = self.counts.get_mut(&entry.owner) {
            *held -= 1;
            if *held == 0 {
                self.counts.remove(&entry.owner);
            }
        }
        Some(entry)
    }
}

const ROWS: usize = 4;
const COLUMNS: usize = 4096;

/// A count-min sketch: how much was counted for a key, never less than true. Fixed size, whatever comes.
#[derive(Debug, Clone)]
pub struct Sketch {
    seed: u64,
    cells: Vec<u16>,
}

impl Sketch {
    /// `seed` is unknown to senders, so that they cannot choose keys that share cells.
    #[must_use]
    pub fn new(seed: u64) -> Sketch {
        Sketch { seed, cells: vec![0; ROWS * COLUMNS] }
    }
    pub fn add(&mut self, key: u64, weight: u16) {
        for row in 0..ROWS {
            let at = self.cell(key, row);
            if let Some(cell) = self.cells.get_mut(at) {
                *cell = cell.saturating_add(weight);
            }
        }
    }
    #[must_use]
    pub fn count(&self, key: u64) -> u16 {
        (0..ROWS).filter_map(|row| self.cells.get(self.cell(key, row)).copied()).min().unwrap_or_default()
    }
    /// Old counts lose half their weight.
    pub fn halve(&mut self) {
        self.cells.iter_mut().for_each(|cell| *cell /= 2);
    }
    fn cell(&self, key: u64, row: usize) -> usize {
        // The finalizer of splitmix64 (Steele, Lea, Flood 2014).
        let mut x = key ^ self.seed.rotate_left(row as u32 * 17);
        x = x.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(row as u64 + 1));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        row * COLUMNS + ((x ^ (x >> 31)) as usize % COLUMNS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flood_of_new_keys_pushes_out_no_proven_one() {
        let mut map = Guarded::new(400);
        for key in 0..50u32 {
            map.insert(key, (), u64::from(key), 1);
            map.prove(&key);
        }
        for key in 1000..100_000u32 {
            map.insert(key, (), u64::from(key), u64::from(key));
        }
        assert_eq!((map.len(), (0..50).filter(|key| map.get(key).is_some()).count()), (150, 50));
        assert_eq!(map.evicted(), [98_900, 0]);
    }

    #[test]
    fn one_owner_pushes_out_its_own() {
        let mut map = Guarded::new(4096);
        map.insert(1u32, (), 7, 1);
        for key in 10..5000u32 {
            map.insert(key, (), 9, u64::from(key));
        }
        assert_eq!((map.len(), map.get(&1).is_some(), map.get(&4999).is_some()), (257, true, true));
    }

    #[test]
    fn pinned_keys_stay_and_the_touched_outlive_the_others() {
        let mut map = Guarded::new(40);
        for key in 0..10u32 {
            map.insert(key, (), u64::from(key), u64::from(key));
        }
        assert!(map.pin(0));
        map.get_mut(&1, 50);
        for key in 100..108u32 {
            map.insert(key, (), u64::from(key), 60);
        }
        assert!(map.get(&0).is_some() && map.get(&1).is_some() && map.get(&2).is_none());
    }

    proptest! {
        #[test]
        fn books_agree_whatever_is_done(steps in proptest::collection::vec((0u8..4, 0u16..60, 0u64..4), 0..300)) {
            let mut map = Guarded::new(32);
            for (tick, (what, key, owner)) in steps.into_iter().enumerate() {
                match what {
                    0 => { map.insert(key, tick, owner, tick as u64); }
                    1 => { map.prove(&key); }
                    2 => { map.get_mut(&key, tick as u64); }
                    _ => { map.remove(&key); }
                }
                prop_assert!(map.len() <= 32);
                prop_assert_eq!(map.order.len(), map.len());
                prop_assert_eq!(map.owned.len(), map.len());
                prop_assert_eq!(map.counts.values().sum::<usize>(), map.len());
            }
        }

        #[test]
        fn a_sketch_never_counts_too_little(keys in proptest::collection::vec(any::<u64>(), 1..50)) {
            let mut sketch = Sketch::new(9);
            keys.iter().for_each(|key| sketch.add(*key, 2));
            prop_assert!(keys.iter().all(|key| sketch.count(*key) >= 2));
        }
    }
}
