//! # A map that cannot grow without end
//!
//! Everything that grows from the network lives in one of these: a cap, the least recently
//! touched entry goes first, and what was dropped is counted.

use std::hash::Hash;

use super::seeded::{Ends, Index, Links, hash_of, sort};

/// Map with a cap. Touching an entry (insert, [`Capped::get_mut`]) makes it the youngest.
#[derive(Debug, Clone)]
pub struct Capped<K, V> {
    cap: usize,
    dropped: u64,
    index: Index,
    ends: Ends,
    by_age: Links,
    free: Vec<u32>,
    cells: Vec<Option<(K, V)>>,
}

impl<K: Ord + Hash + Clone, V> Capped<K, V> {
    /// At most `cap` entries (at least one).
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Capped {
            cap: cap.max(1),
            dropped: 0,
            index: Index::default(),
            ends: Ends::default(),
            by_age: Links::default(),
            free: Vec::new(),
            cells: Vec::new(),
        }
    }

    #[inline]
    fn find(&self, key: &K) -> Option<u32> {
        self.index.find(hash_of(key) as u32, |place| {
            self.cells.get(place as usize).and_then(Option::as_ref).is_some_and(|(known, _)| known == key)
        })
    }

    /// Puts `value` at `key`. Returns what had to go for it: the old value of the same key, or
    /// the least recently touched entry.
    pub fn insert(&mut self, key: K, value: V) -> Option<(K, V)> {
        if let Some(place) = self.find(&key) {
            self.youngest(place);
            let cell = self.cells.get_mut(place as usize)?;
            return cell.replace((key, value));
        }
        let gone = if self.len() >= self.cap {
            let oldest = self.ends.first;
            self.dropped += 1;
            self.take_out(oldest)
        } else {
            None
        };
        let hash = hash_of(&key) as u32;
        let place = self.free.pop().unwrap_or_else(|| {
            if self.cells.len() == self.cells.capacity() {
                self.cells.reserve_exact((self.cells.len() / 2).max(4));
            }
            self.cells.push(None);
            u32::try_from(self.cells.len() - 1).unwrap_or_default()
        });
        if let Some(cell) = self.cells.get_mut(place as usize) {
            *cell = Some((key, value));
        }
        self.index.insert(hash, place);
        self.by_age.push(&mut self.ends, place);
        gone
    }

    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.cells.get(self.find(key)? as usize)?.as_ref().map(|(_, value)| value)
    }

    /// The value at `key`, which becomes the youngest.
    #[inline]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.find(key)?;
        self.youngest(place);
        self.cells.get_mut(place as usize)?.as_mut().map(|(_, value)| value)
    }

    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.find(key)?;
        self.take_out(place).map(|(_, value)| value)
    }

    #[inline]
    pub fn contains(&self, key: &K) -> bool {
        self.find(key).is_some()
    }

    /// In key order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let cell = |place: u32| self.cells.get(place as usize).and_then(Option::as_ref);
        let mut places: Vec<u32> = (0..self.cells.len() as u32).filter(|place| cell(*place).is_some()).collect();
        sort(&mut places, &mut |a, b| cell(a).map(|cell| &cell.0).cmp(&cell(b).map(|cell| &cell.0)));
        places.into_iter().filter_map(move |place| cell(place).map(|(key, value)| (key, value)))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len() - self.free.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn youngest(&mut self, place: u32) {
        self.by_age.remove(&mut self.ends, place);
        self.by_age.push(&mut self.ends, place);
    }

    fn take_out(&mut self, place: u32) -> Option<(K, V)> {
        let (key, value) = self.cells.get_mut(place as usize)?.take()?;
        self.index.remove(hash_of(&key) as u32, place);
        self.by_age.remove(&mut self.ends, place);
        self.free.push(place);
        Some((key, value))
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
