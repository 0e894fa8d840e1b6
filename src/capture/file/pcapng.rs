//! pcapng (draft-ietf-opsawg-pcapng): blocks, of which some hold frames. Others are passed over.

use crate::model::LinkType;

use super::{
    BLOCK_MAX, FRAME_MAX, INTERFACES_MAX, Order, Step,
    source::{Got, Source},
};

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET_OLD: u32 = 2;
const PACKET_SIMPLE: u32 = 3;
const PACKET: u32 = 6;
/// Blocks of somebody's own; the second kind is not to be copied.
const CUSTOM: [u32; 2] = [0x0bad, 0x4000_0bad];

/// How an interface counts time: units a second as a power of ten or two, from an offset.
#[derive(Debug, Clone, Copy)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    resolution: u8,
    offset_s: i64,
}

impl Interface {
    /// Stamps are signed here: files with a moment before 1970 exist, those of after 2262 do not.
    fn stamp_ns(&self, high: u32, low: u32) -> i128 {
        let ticks = i128::from((u64::from(high) << 32 | u64::from(low)).cast_signed());
        let power = u32::from(self.resolution & 0x7f);
        let ns = if self.resolution & 0x80 != 0 {
            (ticks * 1_000_000_000) >> power
        } else if power <= 9 {
            ticks * 10i128.pow(9 - power)
        } else {
            // 10^38 is the largest power that fits.
            ticks / 10i128.pow((power - 9).min(38))
        };
        ns + i128::from(self.offset_s) * 1_000_000_000
    }
}

/// Reader of one file.
#[derive(Default)]
pub struct Pcapng {
    order: Order,
    has_section: bool,
    interfaces: Vec<Interface>,
    /// Interfaces of sections before, so that numbers are the file's.
    base: u32,
    /// Custom blocks passed over.
    pub customs: u64,
    /// For simple packets, which have no stamp.
    last_ns: i128,
}

impl Pcapng {
    pub fn step(&mut self, source: &mut Source) -> Step {
        loop {
            match source.fill(8) {
                Got::All => {}
                Got::Nothing => return Step::End,
                Got::Part => return Step::Cut,
            }
            let kind = source.u32(0, self.order);
            if kind == SECTION {
                if self.section(source).is_none() {
                    return Step::Cut;
                }
                continue;
            }
            let total = source.u32(4, self.order) as usize;
            if !self.has_section || total < 12 {
                return Step::Cut;
            }
            // Lengths are multiples of four; some writers forget, so what is there is rounded.
            let body = total.next_multiple_of(4) - 8;
            if !matches!(kind, INTERFACE | PACKET_OLD | PACKET_SIMPLE | PACKET) || total > BLOCK_MAX {
                if source.skip(body as u64) != Got::All {
                    return Step::Cut;
                }
                self.customs += u64::from(CUSTOM.contains(&kind));
                continue;
            }
            if source.fill(body) != Got::All {
                return Step::Cut;
            }
            // Without the length that is repeated at the end.
            let body = body - 4;
            match kind {
                INTERFACE => self.interface(source, body),
                _ => match self.packet(kind, source, body) {
                    Some(step) => return step,
                    None => continue, // of an interface nobody described
                },
            }
        }
    }

    fn section(&mut self, source: &mut Source) -> Option<()> {
        // The block's length was read in an order not known yet; the mark behind it says which.
        if source.more(4) != Got::All {
            return None;
        }
        self.order = match source.u32(8, Order::Big) {
            0x1a2b_3c4d => Order::Big,
            0x4d3c_2b1a => Order::Little,
            _ => return None,
        };
        let total = source.u32(4, self.order) as usize;
        if !(28..=BLOCK_MAX).contains(&total) {
            return None;
        }
        self.base = self.base.saturating_add(u32::try_from(self.interfaces.len()).unwrap_or(0));
        self.interfaces.clear();
        self.has_section = true;
        (source.skip((total.next_multiple_of(4) - 12) as u64) == Got::All).then_some(())
    }

    fn interface(&mut self, source: &Source, body: usize) {
        if self.interfaces.len() == INTERFACES_MAX || body < 8 {
            return;
        }
        let mut interface = Interface {
            link: LinkType(source.u16(0, self.order)),
            snap_len: source.u32(4, self.order),
            resolution: 6,
            offset_s: 0,
        };
        let mut at = 8;
        while at + 4 <= body {
            let (code, len) = (source.u16(at, self.order), usize::from(source.u16(at + 2, self.order)));
            let value = at + 4;
            if code == 0 || value + len > body {
                break;
            }
            match (code, len) {
                (9, 1) => interface.resolution = source.buffer().get(value).copied().unwrap_or(6),
                (14, 8) => interface.offset_s = source.u64(value, self.order).cast_signed(),
                _ => {}
            }
            at = value + len.next_multiple_of(4);
        }
        self.interfaces.push(interface);
    }

    fn packet(&mut self, kind: u32, source: &Source, body: usize) -> Option<Step> {
        let order = self.order;
        let (number, from) = match kind {
            PACKET => (source.u32(0, order), 20),
            PACKET_OLD => (source.u16(0, order).into(), 20),
            _ => (0, 4),
        };
        let interface = *self.interfaces.get(number as usize)?;
        let Some(room) = body.checked_sub(from) else { return Some(Step::Cut) };
        let (stamp_ns, kept, wire_len) = if kind == PACKET_SIMPLE {
            let wire_len = source.u32(0, order);
            let limit = if interface.snap_len == 0 { u32::MAX } else { interface.snap_len };
            (self.last_ns, wire_len.min(limit).min(u32::try_from(room).unwrap_or(u32::MAX)), wire_len)
        } else {
            let stamp = interface.stamp_ns(source.u32(4, order), source.u32(8, order));
            (stamp, source.u32(12, order), source.u32(16, order))
        };
        let len = kept as usize;
        if len > room || len > FRAME_MAX {
            return Some(Step::Cut);
        }
        self.last_ns = stamp_ns;
        let interface_number = self.base.saturating_add(number);
        Some(Step::Frame { interface: interface_number, link: interface.link, stamp_ns, wire_len, from, len })
    }
}
