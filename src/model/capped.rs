//! # A map that cannot grow without end
//!
//! Everything that grows from the network lives in one of these: a cap, the least recently
//! touched entry goes first, and what was dropped is counted.

use std::collections::{BTreeMap, BTreeSet};

/// Map with a cap. Touching an entry (insert, [`Capped::get_mut`]) makes it the youngest.
#[derive(Debug, Clone)]
pub struct Capped<K, V> {
    cap: usize,
    clock: u64,
    dropped: u64,
    entries: BTreeMap<K, (u64, V)>,
    order: BTreeSet<(u64, K)>,
}

impl<K: Ord + Clone, V> Capped<K, V> {
    /// At most `cap` entries (at least one).
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Capped { cap: cap.max(1), clock: 0, dropped: 0, entries: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Puts `value` at `key`. Returns what had to go for it: the old value of the same key, or
    /// the least recently touched entry.
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        self.clock += 1;
        self.order.insert((self.clock, key.clone()));
        if let Some((stamp, old)) = self.entries.insert(key.clone(), (self.clock, value)) {
            self.order.remove(&(stamp, key.clone()));
            return Some((key, old));
        }
        if self.entries.len() <= self.cap {
            return None;
        }
        let (_, oldest) = self.order.pop_first()?;
        self.dropped += 1;
        self.entries.remove(&oldest).map(|(_, value)| (oldest, value))
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value at `key`, which becomes the youngest.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (stamp, value) = self.entries.get_mut(key)?;
        self.clock += 1;
        self.order.remove(&(*stamp, key.clone()));
        self.order.insert((self.clock, key.clone()));
        *stamp = self.clock;
        Some(value)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (stamp, value) = self.entries.remove(key)?;
        self.order.remove(&(stamp, key.clone()));
        Some(value)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    /// In key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (_, value))| (key, value))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries went for want of room.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_touched_goes_first() {
        let mut map = Capped::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        map.get_mut(&"a");
        assert_eq!(map.insert("c", 3), Some(("b", 2)));
        assert_eq!(map.insert("a", 4), Some(("a", 1)));
        assert_eq!((map.len(), map.dropped(), map.get(&"a")), (2, 1, Some(&4)));
        assert_eq!(map.remove(&"a"), Some(4));
        assert_eq!(map.insert("d", 5), None);
    }
}
