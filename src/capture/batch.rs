//! # A batch of frames in one recycled arena
//!
//! One allocation serves thousands of frames: a batch that is dropped gives its memory back to the
//! pool it came from. Holds: at most [`ARENA_MAX`] bytes and [`FRAMES_MAX`] frames.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use crate::model::{Captured, InterfaceId, LinkType, Moment};

/// Bytes of frames a batch may hold: large enough to spare the channel, small enough for 64 of them.
pub const ARENA_MAX: usize = 256 * 1024;
/// Frames a batch may hold, so that the core comes up for air under a flood of tiny frames.
pub const FRAMES_MAX: usize = 4096;

/// Frames in the order heard, and what could not be heard before them.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Held>,
    /// Frames lost since the batch before: by the kernel for want of room, or by us because the core was behind.
    pub lost: u64,
    /// For how long before this batch frames were lost. Silence in that time proves nothing.
    pub blind: Duration,
    home: Option<SyncSender<Storage>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    link: LinkType,
    interface: InterfaceId,
    at: Moment,
    wire_len: u32,
    start: usize,
    len: usize,
    /// By this host.
    sent: bool,
}

type Storage = (Vec<u8>, Vec<Held>);

impl Batch {
    /// An empty batch that belongs to no pool.
    #[must_use]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Takes a copy of `frame`. `false`: no room, hand this batch on first. An empty batch has room
    /// for any frame; one longer than the whole arena is cut.
    #[must_use]
    pub fn push(&mut self, frame: Captured<'_>) -> bool {
        self.push_parts(frame, &[])
    }

    /// As [`Batch::push`], with `tail` after `frame.bytes`.
    #[must_use]
    pub fn push_parts(&mut self, frame: Captured<'_>, tail: &[u8]) -> bool {
        let room = ARENA_MAX.saturating_sub(self.bytes.len());
        let fits = frame.bytes.len() + tail.len() <= room && self.frames.len() < FRAMES_MAX;
        if !fits && !self.frames.is_empty() {
            return false;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(frame.bytes);
        self.bytes.extend_from_slice(tail);
        self.bytes.truncate(ARENA_MAX);
        self.frames.push(Held {
            link: frame.link,
            interface: frame.interface,
            at: frame.at,
            wire_len: frame.wire_len,
            start,
            len: self.bytes.len() - start,
            sent: false,
        });
        true
    }

    /// The frame that was taken last is one that this host sent.
    pub fn was_ours(&mut self) {
        if let Some(held) = self.frames.last_mut() {
            held.sent = true;
        }
    }

    /// Whether this host sent the frame of this number.
    #[must_use]
    pub fn is_ours(&self, number: usize) -> bool {
        self.frames.get(number).is_some_and(|held| held.sent)
    }

    /// The frames, in the order heard.
    pub fn frames(&self) -> impl Iterator<Item = Captured<'_>> {
        self.frames.iter().map(|held| Captured {
            link: held.link,
            interface: held.interface,
            at: held.at,
            wire_len: held.wire_len,
            bytes: self.bytes.get(held.start..held.start + held.len).unwrap_or_default(),
        })
    }

    #[must_use]
    pub const fn len(&self) -> usize {
        self.frames.len()
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            let mut storage = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.frames));
            storage.0.clear();
            storage.1.clear();
            // A full or vanished pool means that the memory is not needed.
            drop(home.try_send(storage));
        }
    }
}

/// Memory of batches that came back.
#[derive(Debug)]
pub struct Pool {
    give: SyncSender<Storage>,
    take: Receiver<Storage>,
}

impl Pool {
    /// Keeps the memory of at most `size` batches.
    #[must_use]
    pub fn new(size: usize) -> Pool {
        let (give, take) = sync_channel(size);
        Pool { give, take }
    }

    /// An empty batch, of used memory if there is any.
    #[must_use]
    pub fn batch(&self) -> Batch {
        let (bytes, frames) = self.take.try_recv().unwrap_or_default();
        Batch { bytes, frames, home: Some(self.give.clone()), ..Batch::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: &[u8]) -> Captured<'_> {
        Captured {
            link: LinkType::ETHERNET,
            interface: InterfaceId(2),
            at: Moment::default(),
            wire_len: u32::try_from(bytes.len()).unwrap(),
            bytes,
        }
    }

    #[test]
    fn frames_come_out_as_they_went_in_until_there_is_no_room() {
        let mut batch = Batch::new();
        assert!(batch.push(frame(b"one")) && batch.push_parts(frame(b"tw"), b"o"));
        batch.was_ours();
        assert_eq!([0, 1, 2].map(|number| batch.is_ours(number)), [false, true, false]);
        assert!(!batch.push(frame(&vec![0; ARENA_MAX])), "a full batch refuses");
        let seen: Vec<&[u8]> = batch.frames().map(|f| f.bytes).collect();
        assert_eq!(seen, [b"one", b"two"]);
        let mut giant = Batch::new();
        assert!(giant.push(frame(&vec![7; ARENA_MAX + 9])));
        assert_eq!(giant.frames().next().map(|f| f.bytes.len()), Some(ARENA_MAX));
        let mut tiny = Batch::new();
        assert_eq!((0..FRAMES_MAX * 2).take_while(|_| tiny.push(frame(b"x"))).count(), FRAMES_MAX);
    }

    #[test]
    fn memory_comes_home_empty_and_is_used_again() {
        let pool = Pool::new(1);
        let mut first = pool.batch();
        assert!(first.push(frame(b"abc")));
        let kept = first.bytes.capacity();
        drop(first);
        let again = pool.batch();
        assert!(again.is_empty() && again.bytes.capacity() == kept);
        drop((again, pool.batch()));
        drop(pool);
    }
}
