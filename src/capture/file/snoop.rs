//! snoop (RFC 1761), as Solaris and some set-top boxes write it. Always big-endian.

use crate::model::LinkType;

use super::{
    FRAME_MAX, Order, Step,
    source::{Got, Source},
};

/// Bytes that may pad a record.
const PAD_MAX: usize = 64;

/// Reader of one file.
#[derive(Default)]
pub struct Snoop {
    link: Option<LinkType>,
}

impl Snoop {
    pub fn step(&mut self, source: &mut Source) -> Step {
        if self.link.is_none() {
            if source.fill(16) != Got::All {
                return Step::Cut;
            }
            self.link = Some(match source.u32(12, Order::Big) {
                // 802.3 and Ethernet are read alike; numbers beyond 10 came later and are not in the RFC.
                0 | 4 => LinkType::ETHERNET,
                _ => LinkType(u16::MAX),
            });
        }
        match source.fill(24) {
            Got::All => {}
            Got::Nothing => return Step::End,
            Got::Part => return Step::Cut,
        }
        let field = |at| source.u32(at, Order::Big);
        let (wire_len, kept, record) = (field(0), field(4) as usize, field(8) as usize);
        let (seconds, microseconds) = (field(16), field(20));
        let stamp_ns = i128::from(seconds) * 1_000_000_000 + i128::from(microseconds) * 1000;
        let Some(pad) = record.checked_sub(24 + kept).filter(|pad| *pad <= PAD_MAX && kept <= FRAME_MAX) else {
            return Step::Cut;
        };
        // The pad of the last frame may be missing.
        if source.fill(kept) != Got::All {
            return Step::Cut;
        }
        let _ = source.more(pad);
        Step::Frame {
            interface: 0,
            link: self.link.unwrap_or(LinkType::ETHERNET),
            stamp_ns,
            wire_len,
            from: 0,
            len: kept,
        }
    }
}
