//! Writes pcapng (draft-ietf-opsawg-pcapng): little-endian, nanoseconds, a comment for the whole.

use crate::model::{Captured, InterfaceId, LinkType};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
/// Options: comment; unit of time of an interface.
const COMMENT: u16 = 1;
const RESOLUTION: u16 = 9;
/// Interfaces of one file.
const INTERFACES_MAX: usize = 256;

/// Bytes that a frame takes.
pub(super) const fn frame_len(len: usize) -> usize {
    32 + len.next_multiple_of(4)
}

/// One file in memory.
pub(super) struct Writer {
    out: Vec<u8>,
    interfaces: Vec<(LinkType, InterfaceId)>,
    frames: usize,
    /// Wall time less boot time of the first frame, in nanoseconds: differences are those of the boot clock.
    offset_ns: Option<i128>,
}

impl Writer {
    pub(super) fn new(comment: &str) -> Writer {
        let mut writer = Writer { out: Vec::new(), interfaces: Vec::new(), frames: 0, offset_ns: None };
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend([0xff; 8]); // length of the section: not told
        option(&mut body, COMMENT, comment.as_bytes());
        body.extend([0; 4]);
        writer.block(SECTION, &body);
        writer
    }

    fn block(&mut self, kind: u32, body: &[u8]) {
        let padded = body.len().next_multiple_of(4);
        let total = u32::try_from(padded + 12).unwrap_or(u32::MAX).to_le_bytes();
        self.out.extend(kind.to_le_bytes());
        self.out.extend(total);
        self.out.extend_from_slice(body);
        self.out.resize(self.out.len() + padded - body.len(), 0);
        self.out.extend(total);
    }

    fn interface(&mut self, captured: &Captured<'_>) -> Option<u32> {
        let key = (captured.link, captured.interface);
        let known = self.interfaces.iter().position(|known| *known == key);
        if known.is_none() {
            if self.interfaces.len() == INTERFACES_MAX {
                return None;
            }
            let mut body = Vec::new();
            body.extend(captured.link.0.to_le_bytes());
            body.extend([0; 6]);
            option(&mut body, RESOLUTION, &[9]);
            body.extend([0; 4]);
            self.block(INTERFACE, &body);
            self.interfaces.push(key);
        }
        u32::try_from(known.unwrap_or(self.interfaces.len() - 1)).ok()
    }

    /// Adds a frame whose bytes are `bytes`.
    pub(super) fn frame(&mut self, captured: &Captured<'_>, bytes: &[u8]) {
        let Some(interface) = self.interface(captured) else { return };
        let mono = i128::from(captured.at.mono.0);
        let offset = *self.offset_ns.get_or_insert(i128::from(captured.at.wall.0) * 1_000_000 - mono);
        let stamp = u64::try_from(mono + offset).unwrap_or(0);
        let kept = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(20 + bytes.len());
        body.extend(interface.to_le_bytes());
        body.extend(u32::try_from(stamp >> 32).unwrap_or(u32::MAX).to_le_bytes());
        body.extend(((stamp & 0xffff_ffff) as u32).to_le_bytes());
        body.extend(kept.to_le_bytes());
        body.extend(captured.wire_len.max(kept).to_le_bytes());
        body.extend_from_slice(bytes);
        self.block(PACKET, &body);
        self.frames += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    pub(super) const fn frames(&self) -> usize {
        self.frames
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(len.to_le_bytes());
    body.extend_from_slice(value.get(..len.into()).unwrap_or_default());
    body.resize(body.len().next_multiple_of(4), 0);
}
