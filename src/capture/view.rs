//! # A frame as the ring holds it
//!
//! The kernel's header before each frame, read with every length checked.

use crate::model::{Captured, InterfaceId, LinkType, Moment};

use super::{Batch, stamps::Stamps};

// Places in the frame header (linux/if_packet.h: tpacket3_hdr).
const FRAME_SEC: usize = 4;
const FRAME_NSEC: usize = 8;
const FRAME_KEPT: usize = 12;
const FRAME_LEN: usize = 16;
const FRAME_STATUS: usize = 20;
const FRAME_MAC: usize = 24;
const FRAME_TAG: usize = 32;
const FRAME_TPID: usize = 36;
// The frame header, rounded up to 16, is followed by a sockaddr_ll, whose packet type is its byte 10.
const FRAME_DIRECTION: usize = 48 + 10;

/// Whether this host sent it.
pub fn is_ours(frame: &[u8]) -> bool {
    frame.get(FRAME_DIRECTION) == Some(&libc::PACKET_OUTGOING)
}

impl Stamps {
    /// Puts one frame (its header first) into `batch`; `false` if there is no room. Frames whose header does not add
    /// up are passed over.
    pub fn copy(&mut self, frame: &[u8], from: (InterfaceId, LinkType), now: Moment, batch: &mut Batch) -> bool {
        let Some(view) = View::read(frame) else { return true };
        let at = self.moment(view.stamp_ns, now);
        let (interface, link) = from;
        let mut head = [0u8; 16];
        let captured = |bytes, wire_len| Captured { link, interface, at, wire_len, bytes };
        match view.tag {
            // The kernel took the VLAN tag out (IEEE 802.1Q): it belongs after the two addresses.
            Some(tag) if link == LinkType::ETHERNET && view.bytes.len() >= 12 => {
                head[..12].copy_from_slice(&view.bytes[..12]);
                head[12..].copy_from_slice(&tag);
                batch.push_parts(captured(&head, view.wire_len + 4), &view.bytes[12..])
            }
            _ => batch.push(captured(view.bytes, view.wire_len)),
        }
    }
}

/// One frame in a block.
struct View<'a> {
    stamp_ns: i128,
    wire_len: u32,
    tag: Option<[u8; 4]>,
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    fn read(frame: &'a [u8]) -> Option<View<'a>> {
        let status = u32_at(frame, FRAME_STATUS)?;
        let start = usize::from(u16_at(frame, FRAME_MAC)?);
        let kept = u32_at(frame, FRAME_KEPT)? as usize;
        let tag = (status & libc::TP_STATUS_VLAN_VALID != 0).then(|| {
            let kind = if status & libc::TP_STATUS_VLAN_TPID_VALID == 0 { 0x8100 } else { u16_at(frame, FRAME_TPID)? };
            let [a, b] = kind.to_be_bytes();
            let [c, d] = (u32_at(frame, FRAME_TAG)? as u16).to_be_bytes();
            Some([a, b, c, d])
        });
        Some(View {
            stamp_ns: i128::from(u32_at(frame, FRAME_SEC)?) * 1_000_000_000 + i128::from(u32_at(frame, FRAME_NSEC)?),
            wire_len: u32_at(frame, FRAME_LEN)?,
            tag: tag.flatten(),
            bytes: frame.get(start..start.checked_add(kept)?)?,
        })
    }
}

pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}
