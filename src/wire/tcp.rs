//! # TCP
//!
//! The header of RFC 9293 and its options.

use crate::{
    model::Port,
    wire::{faults::Faults, reader::Reader},
};

/// The nine flag bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Flags(pub u16);

impl Flags {
    pub const FIN: u16 = 1;
    pub const SYN: u16 = 2;
    pub const RST: u16 = 4;
    pub const PSH: u16 = 8;
    pub const ACK: u16 = 16;
    pub const URG: u16 = 32;
    pub const ECE: u16 = 64;
    pub const CWR: u16 = 128;
    pub const AE: u16 = 256;

    /// All of `bits` are set.
    #[must_use]
    pub const fn has(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
    /// Opens a connection: SYN without ACK, RST or FIN.
    #[must_use]
    pub const fn is_open(self) -> bool {
        self.0 & (Flags::SYN | Flags::ACK | Flags::RST | Flags::FIN) == Flags::SYN
    }
    /// Accepts a connection.
    #[must_use]
    pub const fn is_accept(self) -> bool {
        self.0 & (Flags::SYN | Flags::ACK | Flags::RST | Flags::FIN) == Flags::SYN | Flags::ACK
    }
}

/// A TCP header and its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tcp<'a> {
    pub source: Port,
    pub destination: Port,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: Flags,
    pub window: u16,
    pub urgent: u16,
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

impl<'a> Tcp<'a> {
    /// Reads a header.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> (Option<Tcp<'a>>, Faults) {
        let mut faults = Faults::NONE;
        // All that is fixed, at once: this is read of nearly every frame.
        let Some((fixed, rest)) = bytes.split_first_chunk::<20>() else { return (None, Faults::TRANSPORT_CUT) };
        let [p0, p1, p2, p3, s0, s1, s2, s3, a0, a1, a2, a3, b0, b1, w0, w1, _, _, u0, u1] = *fixed;
        // One by one: a program made small calls what maps an array for each of its items.
        let bits = u16::from_be_bytes([b0, b1]);
        let mut reader = Reader::new(rest);
        let Some(options_len) = (usize::from(bits >> 12) * 4).checked_sub(20) else {
            return (None, Faults::TRANSPORT_BAD);
        };
        let options = reader.at_most(options_len);
        if options.len() < options_len {
            faults.add(Faults::TRANSPORT_CUT);
        }
        let tcp = Tcp {
            source: u16::from_be_bytes([p0, p1]),
            destination: u16::from_be_bytes([p2, p3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: Flags(bits & 0x1ff),
            window: u16::from_be_bytes([w0, w1]),
            urgent: u16::from_be_bytes([u0, u1]),
            options,
            payload: reader.rest(),
        };
        (Some(tcp), faults)
    }

    /// Options in the order sent, without padding.
    #[must_use]
    pub const fn options(&self) -> Options<'a> {
        Options { rest: Reader::new(self.options), cut: false }
    }

    /// The largest segment it takes (RFC 9293 §3.7.1), from a SYN.
    #[must_use]
    pub fn segment_max(&self) -> Option<u16> {
        self.options().find(|(kind, _)| *kind == 2).and_then(|(_, value)| Reader::new(value).u16())
    }
}

/// Options: kind and value. Ends at kind 0, at the end, or at the first that is cut; `cut` says so.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    rest: Reader<'a>,
    pub cut: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rest.u8()? {
                0 => {
                    self.rest = Reader::new(&[]);
                    return None;
                }
                1 => {}
                kind => {
                    let len = self.rest.u8().and_then(|len| usize::from(len).checked_sub(2));
                    let value = len.and_then(|len| self.rest.slice(len));
                    if value.is_none() {
                        self.cut = true;
                        self.rest = Reader::new(&[]);
                    }
                    return value.map(|value| (kind, value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(words: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
        [&[0xc0, 1, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, words << 4, flags, 0xff, 0xff, 0, 0, 0, 0], rest].concat()
    }

    #[test]
    fn options_come_in_order_and_end_at_the_first_lie() {
        let cases: &[(&str, &[u8], &[u8], bool)] = &[
            ("linux", &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7], &[2, 4, 8, 3], false),
            ("ended", &[1, 1, 0, 2], &[], false),
            ("length of nothing", &[5, 0, 0, 0], &[], true),
            ("length past the end", &[2, 9, 0, 0], &[], true),
        ];
        for (name, options, kinds, cut) in cases {
            let bytes = segment(5 + options.len() as u8 / 4, 2, options);
            let tcp = Tcp::read(&bytes).0.expect(name);
            let mut found = tcp.options();
            assert_eq!(
                (found.by_ref().map(|(kind, _)| kind).collect::<Vec<_>>(), found.cut),
                (kinds.to_vec(), *cut),
                "{name}"
            );
        }
    }

    #[test]
    fn header_lengths_and_flags_are_checked() {
        let cases: &[(&str, Vec<u8>, Option<usize>, Faults)] = &[
            ("data", segment(5, 0x18, &[1, 2]), Some(2), Faults::NONE),
            ("four words", segment(4, 0x18, &[1, 2]), None, Faults::TRANSPORT_BAD),
            ("options cut", segment(15, 0x02, &[1, 2]), Some(0), Faults::TRANSPORT_CUT),
            ("nineteen bytes", segment(5, 0, &[])[..19].to_vec(), None, Faults::TRANSPORT_CUT),
        ];
        for (name, bytes, payload, faults) in cases {
            let (tcp, found) = Tcp::read(bytes);
            assert_eq!((tcp.map(|t| t.payload.len()), found), (*payload, *faults), "{name}");
        }
        let open = segment(6, 0x02, &[2, 4, 5, 0xb4]);
        let open = Tcp::read(&open).0.expect("a SYN");
        assert!(open.flags.is_open() && !open.flags.is_accept() && Flags(0x12).is_accept() && !Flags(0x03).is_open());
        assert_eq!((open.segment_max(), open.destination), (Some(1460), 80));
    }
}
