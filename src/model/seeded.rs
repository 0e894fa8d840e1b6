//! # Finding by hash what a sender chose
//!
//! The index below tells where a key lies in a table. It is not a map: keys and values stay with their keeper, nothing
//! here is iterated, and what comes out of a table in which order is never the hash's doing. So the seed, which is of
//! this run and unknown to senders, changes no result; it only keeps them from choosing keys that collide.
//!
//! One copy of this code serves all tables, whatever their keys are.

use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// No place.
pub(super) const NONE: u32 = u32::MAX;

/// Of tables made from now on. Until somebody sets it, as in a replay, it is the same each time.
static SEED: AtomicU64 = AtomicU64::new(0x243f_6a88_85a3_08d3);

/// Sets what senders cannot know. Called once, before the first table is made.
pub fn set_seed(seed: u64) {
    SEED.store(seed, Relaxed);
}

// Fractions of pi: no bit pattern stands out.
const FOLD: u64 = 0x1319_8a2e_0370_7345;

/// Both halves of the product, folded: each bit of the result depends on all of both factors (as in wyhash and its kin).
#[inline]
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ (product >> 64) as u64
}

/// A fast hash. Not for secrets: only for places in a table.
#[derive(Debug, Clone, Copy)]
pub struct Seeded {
    state: u64,
    seed: u64,
}

impl Seeded {
    #[inline]
    fn mix(&mut self, value: u64) {
        self.state = fold(self.state ^ value, FOLD ^ self.seed);
    }
}

impl Default for Seeded {
    #[inline]
    fn default() -> Seeded {
        let seed = SEED.load(Relaxed);
        Seeded { state: seed, seed: seed.rotate_left(32) }
    }
}

impl Hasher for Seeded {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, self.seed | 1)
    }
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        // Addresses of version 4 have four bytes.
        if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            self.state ^= rest.len() as u64;
            self.mix(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
        } else if !rest.is_empty() {
            let tail = rest.iter().fold(rest.len() as u64, |sum, byte| sum << 8 | u64::from(*byte));
            self.mix(tail);
        }
    }
    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }
    #[inline]
    fn write_u16(&mut self, n: u16) {
        self.mix(u64::from(n));
    }
    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.mix(u64::from(n));
    }
    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }
    #[inline]
    fn write_u128(&mut self, n: u128) {
        self.mix(n as u64);
        self.mix((n >> 64) as u64);
    }
    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }
}

/// The hash of anything, for places in a table.
#[inline]
#[must_use]
pub fn hash_of(key: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = Seeded::default();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Where keys lie: open addressing, linear probing, at most three quarters full.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Hash and place; [`NONE`] is free.
    slots: Vec<(u32, u32)>,
    used: usize,
}

impl Index {
    /// The place for which `is_it` holds, among those with this hash.
    #[inline]
    pub fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            let (held, place) = *self.slots.get(at)?;
            if place == NONE {
                return None;
            }
            if held == hash && is_it(place) {
                return Some(place);
            }
            at = (at + 1) & mask;
        }
    }

    pub fn insert(&mut self, hash: u32, place: u32) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![(0, NONE); (old.len() * 2).max(8)];
            for (hash, place) in old {
                if place != NONE {
                    self.put(hash, place);
                }
            }
        }
        self.put(hash, place);
        self.used += 1;
    }

    fn put(&mut self, hash: u32, place: u32) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.1 == NONE {
                *slot = (hash, place);
                return;
            }
            at = (at + 1) & mask;
        }
    }

    /// Takes a place out; what lies behind it moves up, so that no search ends too soon.
    pub fn remove(&mut self, hash: u32, place: u32) {
        let Some(mask) = self.slots.len().checked_sub(1) else { return };
        let mut hole = hash as usize & mask;
        loop {
            match self.slots.get(hole) {
                Some((_, held)) if *held == place => break,
                Some((_, NONE)) | None => return,
                Some(_) => hole = (hole + 1) & mask,
            }
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some((hash, held)) = self.slots.get(at).copied().filter(|(_, held)| *held != NONE) else { break };
            // It may move if its own place is not between the hole and where it is.
            let home = hash as usize & mask;
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                if let Some(slot) = self.slots.get_mut(hole) {
                    *slot = (hash, held);
                }
                hole = at;
            }
        }
        if let Some(slot) = self.slots.get_mut(hole) {
            *slot = (0, NONE);
        }
        self.used -= 1;
    }
}

/// Neighbours of each place in a list.
#[derive(Debug, Clone, Default)]
pub(super) struct Links(Vec<(u32, u32)>);

/// First and last of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub first: u32,
    last: u32,
}

impl Default for Ends {
    fn default() -> Ends {
        Ends { first: NONE, last: NONE }
    }
}

impl Links {
    /// Puts `place` at the end of the list.
    pub fn push(&mut self, ends: &mut Ends, place: u32) {
        if self.0.len() <= place as usize {
            self.0.resize(place as usize + 1, (NONE, NONE));
        }
        if let Some(link) = self.0.get_mut(place as usize) {
            *link = (ends.last, NONE);
        }
        match self.0.get_mut(ends.last as usize) {
            Some(last) => last.1 = place,
            None => ends.first = place,
        }
        ends.last = place;
    }

    pub fn remove(&mut self, ends: &mut Ends, place: u32) {
        let Some((before, after)) = self.0.get(place as usize).copied() else { return };
        match self.0.get_mut(before as usize) {
            Some(link) => link.1 = after,
            None => ends.first = after,
        }
        match self.0.get_mut(after as usize) {
            Some(link) => link.0 = before,
            None => ends.last = before,
        }
    }

    /// What comes behind `place`.
    #[cfg(test)]
    pub fn after(&self, place: u32) -> u32 {
        self.0.get(place as usize).map_or(NONE, |link| link.1)
    }
}

/// Sorts places. Not generic, so that there is one copy of the sort.
pub(super) fn sort(places: &mut [u32], compare: &mut dyn FnMut(u32, u32) -> Ordering) {
    places.sort_unstable_by(|a, b| compare(*a, *b));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Few different hashes: everything collides.
        #[test]
        fn what_was_put_in_is_found_and_nothing_else(steps in proptest::collection::vec((any::<bool>(), 0u32..40, 0u32..12), 0..400)) {
            let (mut index, mut known) = (Index::default(), BTreeMap::new());
            for (put, place, hash) in steps {
                if put && !known.contains_key(&place) {
                    index.insert(hash, place);
                    known.insert(place, hash);
                } else if let Some(hash) = known.remove(&place) {
                    index.remove(hash, place);
                }
                for place in 0..40 {
                    let hash = known.get(&place).copied().unwrap_or(7);
                    prop_assert_eq!(index.find(hash, |at| at == place).is_some(), known.contains_key(&place));
                }
                prop_assert_eq!(index.used, known.len());
            }
        }
    }

    #[test]
    fn hashes_spread_over_all_bits() {
        // 4,096 counters fall into 4,096 buckets by their low bits as thrown at random: 36.8 % stay empty.
        let mut full = vec![false; 4096];
        (0..4096u64).for_each(|n| full[hash_of(&n) as usize & 4095] = true);
        let empty = full.iter().filter(|full| !**full).count();
        assert!((1300..1720).contains(&empty), "{empty}");
        assert_ne!(hash_of(&[1u8, 0][..]), hash_of(&[1u8][..]));
    }
}
