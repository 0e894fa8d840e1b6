//! The last frames, in blocks. On a quiet wire a block that is full is packed: hours of ARP are much alike.

use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    time::Duration,
};

use crate::model::{Captured, InterfaceId, LinkType, Moment, Mono, Wall};

/// Older frames make room before more memory is taken: a quiet home need not hold a day of its own talk.
pub(super) const REACH: Duration = Duration::from_secs(600);

/// Of a block; a longer frame has one of its own.
const BLOCK: usize = 32 << 10;
/// A block that took so long to fill is packed: a millisecond of work each. A flood has no time for that.
const QUIET: Duration = Duration::from_secs(5);

/// Before each frame: boot time, wall time, length kept, length on the wire, interface, link.
const HEAD: usize = 8 + 8 + 4 + 4 + 4 + 2;

#[derive(Debug)]
struct Block {
    bytes: Bytes,
    frames: usize,
    first: Mono,
    last: Mono,
}

#[derive(Debug)]
enum Bytes {
    Plain(Vec<u8>),
    /// Deflated (RFC 1951), of so many bytes.
    Packed(Box<[u8]>, usize),
}

/// See above. Frames and what is known of them fit in the bytes it was made with.
#[derive(Debug)]
pub(super) struct Ring {
    /// The last is being written.
    blocks: VecDeque<Block>,
    held: usize,
    cap: usize,
}

impl Ring {
    /// Memory is taken as frames come.
    pub(super) fn new(bytes: usize) -> Ring {
        Ring { blocks: VecDeque::new(), held: 0, cap: bytes }
    }

    pub(super) fn push(&mut self, captured: &Captured<'_>) {
        let len = HEAD + captured.bytes.len();
        if captured.bytes.is_empty() || len + size_of::<Block>() > self.cap {
            return;
        }
        // Several blocks in the least of rings, so that what goes is not all there is.
        let block = BLOCK.min(self.cap / 8);
        let has_room = self.blocks.back().is_some_and(|last| last.len() + len <= block);
        if !has_room {
            self.close();
            self.blocks.push_back(Block::new(captured.at.mono));
            self.held += size_of::<Block>();
        }
        while self.blocks.len() > 1
            && (self.held + len > self.cap || self.blocks.front().is_some_and(|b| is_past(b.last, captured.at.mono)))
        {
            let gone = self.blocks.pop_front().map_or(0, |block| block.held());
            self.held = self.held.saturating_sub(gone);
        }
        let Some(Block { bytes: Bytes::Plain(bytes), frames, last, .. }) = self.blocks.back_mut() else { return };
        if bytes.capacity() == 0 {
            bytes.reserve_exact(block.max(len));
        }
        bytes.extend(captured.at.mono.0.to_le_bytes());
        bytes.extend(captured.at.wall.0.to_le_bytes());
        bytes.extend(u32::try_from(captured.bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(captured.wire_len.to_le_bytes());
        bytes.extend(captured.interface.0.to_le_bytes());
        bytes.extend(captured.link.0.to_le_bytes());
        bytes.extend_from_slice(captured.bytes);
        (*frames, *last) = (*frames + 1, captured.at.mono);
        self.held += len;
    }

    /// The block in hand is full.
    fn close(&mut self) {
        let Some(block) = self.blocks.back_mut() else { return };
        let before = block.held();
        if let Bytes::Plain(bytes) = &mut block.bytes {
            if block.last.since(block.first) < QUIET {
                bytes.shrink_to_fit();
            } else if let Some(packed) = pack(bytes).filter(|packed| packed.len() < bytes.len()) {
                block.bytes = Bytes::Packed(packed, bytes.len());
            }
        }
        self.held = self.held.saturating_sub(before) + block.held();
    }

    /// Until `visit` has enough.
    pub(super) fn newest_first(&self, mut visit: impl FnMut(&Captured<'_>) -> bool) {
        let Some(newest) = self.blocks.back().map(|block| block.last) else { return };
        for block in self.blocks.iter().rev() {
            let bytes = block.unpacked();
            let all: Vec<Captured<'_>> = Frames(&bytes).collect();
            for captured in all.iter().rev() {
                if is_past(captured.at.mono, newest) || !visit(captured) {
                    return;
                }
            }
        }
    }

    /// The newest `count`, the oldest of them first.
    pub(super) fn newest(&self, count: usize, mut visit: impl FnMut(&Captured<'_>)) {
        let mut left_out = self.blocks.iter().map(|block| block.frames).sum::<usize>().saturating_sub(count);
        for block in &self.blocks {
            if left_out >= block.frames {
                left_out -= block.frames;
                continue;
            }
            let bytes = block.unpacked();
            Frames(&bytes).skip(std::mem::take(&mut left_out)).for_each(|captured| visit(&captured));
        }
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        assert_eq!(self.held, self.blocks.iter().map(Block::held).sum::<usize>());
        self.held
    }
}

fn is_past(at: Mono, newest: Mono) -> bool {
    newest.since(at) > REACH
}

impl Block {
    const fn new(at: Mono) -> Block {
        Block { bytes: Bytes::Plain(Vec::new()), frames: 0, first: at, last: at }
    }

    /// Of frames and their heads.
    const fn len(&self) -> usize {
        match &self.bytes {
            Bytes::Plain(bytes) => bytes.len(),
            Bytes::Packed(_, len) => *len,
        }
    }

    const fn held(&self) -> usize {
        size_of::<Block>()
            + match &self.bytes {
                Bytes::Plain(bytes) => bytes.len(),
                Bytes::Packed(bytes, _) => bytes.len(),
            }
    }

    fn unpacked(&self) -> std::borrow::Cow<'_, [u8]> {
        match &self.bytes {
            Bytes::Plain(bytes) => bytes.into(),
            Bytes::Packed(bytes, len) => {
                let mut plain = Vec::with_capacity(*len);
                // We packed it ourselves: it unpacks.
                drop(flate2::read::DeflateDecoder::new(bytes.as_ref()).take(*len as u64).read_to_end(&mut plain));
                plain.into()
            }
        }
    }
}

fn pack(bytes: &[u8]) -> Option<Box<[u8]>> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).ok()?;
    packer.finish().ok().map(Vec::into_boxed_slice)
}

/// The frames of a block, in the order heard.
struct Frames<'a>(&'a [u8]);

impl<'a> Iterator for Frames<'a> {
    type Item = Captured<'a>;

    fn next(&mut self) -> Option<Captured<'a>> {
        let mono = u64::from_le_bytes(self.take()?);
        let wall = i64::from_le_bytes(self.take()?);
        let len = u32::from_le_bytes(self.take()?);
        let wire_len = u32::from_le_bytes(self.take()?);
        let interface = InterfaceId(u32::from_le_bytes(self.take()?));
        let link = LinkType(u16::from_le_bytes(self.take()?));
        let (bytes, rest) = self.0.split_at_checked(len as usize)?;
        self.0 = rest;
        Some(Captured { link, interface, at: Moment { mono: Mono(mono), wall: Wall(wall) }, wire_len, bytes })
    }
}

impl Frames<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }
}
