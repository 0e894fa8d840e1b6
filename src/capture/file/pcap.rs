//! pcap, as libpcap has written it since 1998: a header, then records.

use crate::model::LinkType;

use super::{
    FRAME_MAX, Order, Step,
    source::{Got, Source},
};

/// Reader of one file.
pub struct Pcap {
    order: Order,
    nanoseconds: bool,
    /// Records carry 8 bytes more (the patched libpcap of Red Hat 6, still found in old archives).
    is_patched: bool,
    link: Option<LinkType>,
}

impl Pcap {
    /// `None` if `magic` is not pcap's.
    pub const fn new(magic: [u8; 4]) -> Option<Pcap> {
        let (order, nanoseconds, is_patched) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, false, false),
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, false, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, true, false),
            [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, false, true),
            [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, false, true),
            _ => return None,
        };
        Some(Pcap { order, nanoseconds, is_patched, link: None })
    }

    pub fn step(&mut self, source: &mut Source) -> Step {
        let Some(link) = self.link(source) else { return Step::Cut };
        match source.fill(if self.is_patched { 24 } else { 16 }) {
            Got::All => {}
            Got::Nothing => return Step::End,
            Got::Part => return Step::Cut,
        }
        let Some(head) = source.buffer().first_chunk::<16>() else { return Step::Cut };
        let [s0, s1, s2, s3, f0, f1, f2, f3, k0, k1, k2, k3, w0, w1, w2, w3] = *head;
        let (seconds, fraction) = (self.order.u32([s0, s1, s2, s3]), self.order.u32([f0, f1, f2, f3]));
        let (kept, wire_len) = (self.order.u32([k0, k1, k2, k3]), self.order.u32([w0, w1, w2, w3]));
        let len = kept as usize;
        if len > FRAME_MAX || source.fill(len) != Got::All {
            return Step::Cut;
        }
        let unit = if self.nanoseconds { 1 } else { 1000 };
        // Unsigned: good until 2106.
        let stamp_ns = i128::from(seconds) * 1_000_000_000 + i128::from(fraction) * unit;
        Step::Frame { interface: 0, link, stamp_ns, wire_len, from: 0, len }
    }

    /// The file header, read before the first record.
    fn link(&mut self, source: &mut Source) -> Option<LinkType> {
        if self.link.is_none() && source.fill(24) == Got::All {
            // The upper bits tell of a checksum behind each frame; the lower 16 are the link type.
            self.link = u16::try_from(source.u32(20, self.order) & 0xffff).ok().map(LinkType);
        }
        self.link
    }
}
