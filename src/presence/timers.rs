//! # When presence wants to be woken
//!
//! One entry a key. A proof moves no timer: it fires at its old time, finds that nothing is due,
//! and is set anew. So the common case, a known device heard again, costs nothing here.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{DeviceId, InterfaceId, Mono};

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

#[derive(Debug, Default)]
pub struct Timers {
    due: BTreeMap<Key, Mono>,
    order: BTreeSet<(Mono, Key)>,
}

impl Timers {
    /// Fires at `at`, and at no other time.
    pub fn set(&mut self, key: Key, at: Mono) {
        if let Some(old) = self.due.insert(key, at) {
            self.order.remove(&(old, key));
        }
        self.order.insert((at, key));
    }

    /// Fires at `at` or sooner.
    pub fn by(&mut self, key: Key, at: Mono) {
        if self.due.get(&key).is_none_or(|due| *due > at) {
            self.set(key, at);
        }
    }

    pub fn cancel(&mut self, key: Key) {
        if let Some(old) = self.due.remove(&key) {
            self.order.remove(&(old, key));
        }
    }

    /// What was to be judged of devices before `until` is judged then.
    pub fn postpone(&mut self, until: Mono) {
        let early = self.order.iter().take_while(|(at, _)| *at < until);
        let early: Vec<Key> =
            early.map(|(_, key)| *key).filter(|k| matches!(k, Key::Dark(_) | Key::Device(_))).collect();
        for key in early {
            self.set(key, until);
        }
    }

    pub fn next(&self) -> Option<Mono> {
        self.order.first().map(|(at, _)| *at)
    }

    pub fn len(&self) -> usize {
        self.order.len().max(self.due.len())
    }

    /// Takes the first that is due.
    pub fn pop(&mut self, now: Mono) -> Option<Key> {
        let (at, key) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.order.pop_first();
        self.due.remove(&key);
        Some(key)
    }
}
