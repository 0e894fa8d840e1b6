//! The last frames, in one piece of memory that is written round and round.

use std::{collections::VecDeque, time::Duration};

use crate::model::{Captured, InterfaceId, LinkType, Moment};

/// Older frames make room before more memory is taken: a quiet home need not hold a day of its own talk.
pub(super) const REACH: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy)]
struct Slot {
    at: Moment,
    start: usize,
    len: usize,
    wire_len: u32,
    link: LinkType,
    interface: InterfaceId,
}

/// See above. Frames and what is known of them fit in the bytes it was made with.
#[derive(Debug)]
pub(super) struct Ring {
    arena: Vec<u8>,
    cap: usize,
    head: usize,
    slots: VecDeque<Slot>,
    slots_max: usize,
}

impl Ring {
    /// Memory is taken as frames come.
    pub(super) fn new(bytes: usize) -> Ring {
        // Of a home's own talk a frame is some 120 bytes: a quarter for slots lets neither run out long before the other.
        let for_slots = bytes / 4;
        let (cap, slots_max) = (bytes - for_slots, for_slots / size_of::<Slot>());
        Ring { arena: Vec::new(), cap, head: 0, slots: VecDeque::new(), slots_max }
    }

    pub(super) fn push(&mut self, captured: &Captured<'_>) {
        let len = captured.bytes.len();
        if len == 0 || len > self.cap || self.slots_max == 0 {
            return;
        }
        while self.slots.front().is_some_and(|slot| captured.at.mono.since(slot.at.mono) > REACH) {
            self.slots.pop_front();
        }
        // Where it would grow, the start may have room again.
        let is_free = |until| self.slots.front().is_none_or(|slot| slot.start >= until);
        let is_due = self.head + len > self.arena.len() && is_free(len) && self.head > 0;
        if self.head + len > self.cap || is_due {
            // What lies behind is the oldest there is.
            while self.slots.front().is_some_and(|slot| slot.start >= self.head) {
                self.slots.pop_front();
            }
            self.head = 0;
        }
        let end = self.head + len;
        while self.slots.front().is_some_and(|slot| slot.start < end && slot.start + slot.len > self.head)
            || self.slots.len() >= self.slots_max
        {
            self.slots.pop_front();
        }
        if self.arena.len() < end {
            self.arena.resize(end, 0);
        }
        if let Some(room) = self.arena.get_mut(self.head..end) {
            room.copy_from_slice(captured.bytes);
        }
        self.slots.push_back(Slot {
            at: captured.at,
            start: self.head,
            len,
            wire_len: captured.wire_len,
            link: captured.link,
            interface: captured.interface,
        });
        self.head = end;
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = Captured<'_>> {
        self.slots.iter().rev().map(|slot| Captured {
            link: slot.link,
            interface: slot.interface,
            at: slot.at,
            wire_len: slot.wire_len,
            bytes: self.arena.get(slot.start..slot.start + slot.len).unwrap_or_default(),
        })
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.arena.len() + self.slots.len() * size_of::<Slot>()
    }
}
