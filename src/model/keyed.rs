//! # A map that is found by hash and read in order
//!
//! For what is looked up with every frame and listed now and then. In which order it is listed is the keys' doing, never
//! the hash's. It has no bound of its own: who keeps one says how many come in.

use std::{
    collections::BTreeMap,
    hash::Hash,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use super::seeded::{Index, hash_of};

/// Map without a cap, listed in key order.
#[derive(Debug)]
pub struct Keyed<K, V> {
    index: Index,
    /// Where something was found last: the same is mostly wanted many times in a row.
    last: AtomicU32,
    order: BTreeMap<K, u32>,
    free: Vec<u32>,
    cells: Vec<Option<(K, V)>>,
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Keyed {
            index: Index::default(),
            last: AtomicU32::new(0),
            order: BTreeMap::new(),
            free: Vec::new(),
            cells: Vec::new(),
        }
    }
}

impl<K: Ord + Hash + Copy, V> Keyed<K, V> {
    #[inline]
    fn find(&self, key: K) -> Option<usize> {
        let is_it = |place: u32| matches!(self.cells.get(place as usize), Some(Some((known, _))) if *known == key);
        let last = self.last.load(Relaxed);
        if is_it(last) {
            return Some(last as usize);
        }
        let place = self.index.find(hash_of(&key) as u32, is_it)?;
        self.last.store(place, Relaxed);
        Some(place as usize)
    }

    #[inline]
    pub fn get(&self, key: K) -> Option<&V> {
        self.cells.get(self.find(key)?)?.as_ref().map(|(_, value)| value)
    }

    #[inline]
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let place = self.find(key)?;
        self.cells.get_mut(place)?.as_mut().map(|(_, value)| value)
    }

    #[inline]
    pub fn contains(&self, key: K) -> bool {
        self.find(key).is_some()
    }

    /// Puts `value` at `key`; returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(held) = self.get_mut(key) {
            return Some(std::mem::replace(held, value));
        }
        let place = self.free.pop().unwrap_or_else(|| {
            self.cells.push(None);
            u32::try_from(self.cells.len() - 1).unwrap_or_default()
        });
        if let Some(cell) = self.cells.get_mut(place as usize) {
            *cell = Some((key, value));
        }
        self.index.insert(hash_of(&key) as u32, place);
        self.order.insert(key, place);
        None
    }

    pub fn remove(&mut self, key: K) -> Option<V> {
        let place = self.order.remove(&key)?;
        self.index.remove(hash_of(&key) as u32, place);
        self.free.push(place);
        self.cells.get_mut(place as usize)?.take().map(|(_, value)| value)
    }

    /// In order.
    pub fn keys(&self) -> impl Iterator<Item = K> + '_ {
        self.order.keys().copied()
    }

    /// In the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.order.values().filter_map(|place| self.cells.get(*place as usize)?.as_ref().map(|(_, value)| value))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0u8..3, 0u16..40, any::<u32>()), 0..400)) {
            let (mut map, mut model) = (Keyed::default(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                    _ => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                }
                prop_assert_eq!(map.get(key), model.get(&key));
                prop_assert_eq!(map.get_mut(key), model.get_mut(&key));
                prop_assert_eq!(map.contains(key), model.contains_key(&key));
            }
            prop_assert!(map.keys().eq(model.keys().copied()) && map.values().eq(model.values()));
            prop_assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
            prop_assert!(map.cells.len() <= 40);
        }
    }
}
