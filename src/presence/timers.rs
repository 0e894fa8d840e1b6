//! # When presence wants to be woken
//!
//! One entry a key. A proof moves no timer: it fires at its old time, finds that nothing is due,
//! and is set anew. So the common case, a known device heard again, costs nothing here.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::model::{Capped, DeviceId, InterfaceId, Mono};

/// Four times as many as devices are kept (`identity`), each of which has one: none is ever pushed out.
const TIMERS_MAX: usize = 16_384;
/// Entries of the heap that are no longer true, beside as many as there are timers.
const STALE_MAX: usize = 64;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// This host itself is to be found.
    Own,
    /// A segment is dark: look whether it is back.
    Dark(Option<InterfaceId>),
    /// Something may be due for a device.
    Device(DeviceId),
    /// Old guests are forgotten.
    Sweep,
    /// The home is empty for so long that it is no errand.
    Mode,
    /// Somebody was not heard in any room.
    Rooms,
}

#[derive(Debug)]
pub struct Timers {
    /// When each fires.
    due: Capped<Key, Mono>,
    /// First come first, ties by key. What `due` does not say is no longer true, and never lies on top.
    order: BinaryHeap<Reverse<(Mono, Key)>>,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers { due: Capped::new(TIMERS_MAX), order: BinaryHeap::new() }
    }
}

impl Timers {
    /// Fires at `at`, and at no other time.
    pub fn set(&mut self, key: Key, at: Mono) {
        if self.due.insert(key, at) != Some((key, at)) {
            self.order.push(Reverse((at, key)));
            self.tidy();
        }
    }

    /// Fires at `at` or sooner.
    pub fn by(&mut self, key: Key, at: Mono) {
        if self.due.get(&key).is_none_or(|due| *due > at) {
            self.set(key, at);
        }
    }

    pub fn cancel(&mut self, key: Key) {
        if self.due.remove(&key).is_some() {
            self.tidy();
        }
    }

    /// What was to be judged of devices before `until` is judged then.
    pub fn postpone(&mut self, until: Mono) {
        for Reverse((at, key)) in self.order.clone() {
            if at < until && matches!(key, Key::Dark(_) | Key::Device(_)) && self.due.get(&key) == Some(&at) {
                self.set(key, until);
            }
        }
    }

    /// The device whose timer is the first of all and due.
    pub fn first(&self, now: Mono) -> Option<DeviceId> {
        match self.order.peek() {
            Some(Reverse((at, Key::Device(id)))) if *at <= now => Some(*id),
            _ => None,
        }
    }

    /// The first of all fires at `at` instead.
    pub fn put_off(&mut self, at: Mono) {
        let Some(mut first) = self.order.peek_mut() else { return };
        let Reverse((due, key)) = &mut *first;
        if let Some(held) = self.due.get_mut(key) {
            (*held, *due) = (at, at);
        }
        drop(first);
        self.tidy();
    }

    pub fn next(&self) -> Option<Mono> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    pub fn len(&self) -> usize {
        self.order.len().max(self.due.len())
    }

    /// Takes the first that is due.
    pub fn pop(&mut self, now: Mono) -> Option<Key> {
        let key = self.order.peek().filter(|Reverse((at, _))| *at <= now).map(|Reverse((_, key))| *key)?;
        self.order.pop();
        self.due.remove(&key);
        self.tidy();
        Some(key)
    }

    /// Drops from the top what is no longer true, and all of that if there is much.
    fn tidy(&mut self) {
        while let Some(Reverse((at, key))) = self.order.peek()
            && self.due.get(key) != Some(at)
        {
            self.order.pop();
        }
        if self.order.len() > 2 * self.due.len() + STALE_MAX {
            let is_true = |Reverse((at, key)): &Reverse<(Mono, Key)>| self.due.get(key) == Some(at);
            let mut held: Vec<_> = self.order.drain().filter(is_true).collect();
            held.sort_unstable();
            held.dedup();
            self.order = held.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list that is looked through.
        #[test]
        fn the_first_comes_first(steps in proptest::collection::vec((0u8..8, 0u32..12, 0u64..60), 0..600)) {
            let (mut timers, mut model) = (Timers::default(), BTreeMap::new());
            for (what, which, at) in steps {
                let (key, at) = (if which == 0 { Key::Sweep } else { Key::Device(DeviceId::mint(1, which)) }, Mono(at));
                match what {
                    0 => {
                        timers.cancel(key);
                        model.remove(&key);
                    }
                    1 => {
                        timers.postpone(at);
                        for (key, due) in &mut model {
                            if *key != Key::Sweep {
                                *due = at.max(*due);
                            }
                        }
                    }
                    2 | 3 => {
                        timers.by(key, at);
                        let due = model.entry(key).or_insert(at);
                        *due = at.min(*due);
                    }
                    4 | 5 => {
                        timers.set(key, at);
                        model.insert(key, at);
                    }
                    _ => {
                        let first = model.iter().map(|(key, due)| (*due, *key)).min().filter(|(due, _)| *due <= at);
                        prop_assert_eq!(timers.pop(at), first.map(|(_, key)| key));
                        model.retain(|key, _| first.is_none_or(|(_, popped)| popped != *key));
                    }
                }
                prop_assert_eq!(timers.next(), model.values().min().copied());
                prop_assert!(timers.len() <= 2 * model.len() + STALE_MAX);
            }
        }
    }
}
