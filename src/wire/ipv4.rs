//! # IPv4
//!
//! RFC 791. Checksums are not verified: the card does it, and frames this host sends have none yet.

use std::net::Ipv4Addr;

use crate::wire::{faults::Faults, reader::Reader};

/// An IPv4 header and what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv4<'a> {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub protocol: u8,
    pub ttl: u8,
    /// DSCP and ECN.
    pub service: u8,
    pub id: u16,
    pub dont_fragment: bool,
    pub more_fragments: bool,
    /// In bytes.
    pub fragment_offset: u16,
    pub options: &'a [u8],
    /// As claimed.
    pub total_len: u16,
    /// Without Ethernet's padding.
    pub payload: &'a [u8],
}

impl<'a> Ipv4<'a> {
    /// Reads a header; the faults say what is missing or why there is nothing.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> (Option<Ipv4<'a>>, Faults) {
        let mut faults = Faults::NONE;
        match Ipv4::header(bytes, &mut faults) {
            Some(header) => (Some(header), faults),
            None => {
                faults.add(if faults.is_empty() { Faults::NET_CUT } else { Faults::NONE });
                (None, faults)
            }
        }
    }

    fn header(bytes: &'a [u8], faults: &mut Faults) -> Option<Ipv4<'a>> {
        let first = *bytes.first()?;
        let header_len = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || header_len < 20 {
            faults.add(Faults::NET_BAD);
            return None;
        }
        // All that is fixed, at once: this is read of nearly every frame.
        let (fixed, rest) = bytes.split_first_chunk::<20>()?;
        let [_, service, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *fixed;
        let (total_len, fragment) = (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([f0, f1]));
        let (source, destination) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
        let mut reader = Reader::new(rest);
        let options = reader.at_most(header_len - 20);
        // Zero: the card will cut a large segment into packets and fill it in (segmentation offload).
        let wanted = match usize::from(total_len) {
            0 => reader.len(),
            len => len.saturating_sub(header_len),
        };
        if total_len != 0 && usize::from(total_len) < header_len {
            faults.add(Faults::NET_BAD);
        }
        if options.len() < header_len - 20 || reader.len() < wanted {
            faults.add(Faults::NET_CUT);
        }
        Some(Ipv4 {
            source,
            destination,
            protocol,
            ttl,
            service,
            id: u16::from_be_bytes([i0, i1]),
            dont_fragment: fragment & 0x4000 != 0,
            more_fragments: fragment & 0x2000 != 0,
            fragment_offset: (fragment & 0x1fff) << 3,
            options,
            total_len,
            payload: reader.at_most(wanted),
        })
    }

    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, total: u16, fragment: u16, rest: &[u8]) -> Vec<u8> {
        let [a, b] = total.to_be_bytes();
        let [c, d] = fragment.to_be_bytes();
        [&[first, 0, a, b, 0, 1, c, d, 64, 17, 0, 0, 10, 0, 0, 5, 10, 0, 0, 1], rest].concat()
    }

    #[test]
    fn lengths_are_believed_only_as_far_as_there_are_bytes() {
        let cases: &[(&str, Vec<u8>, Option<&[u8]>, Faults)] = &[
            ("whole", packet(0x45, 22, 0, &[1, 2]), Some(&[1, 2]), Faults::NONE),
            ("padding is cut off", packet(0x45, 21, 0, &[1, 0, 0]), Some(&[1]), Faults::NONE),
            ("cut by capture", packet(0x45, 90, 0, &[1]), Some(&[1]), Faults::NET_CUT),
            ("offloaded", packet(0x45, 0, 0, &[1]), Some(&[1]), Faults::NONE),
            ("options", packet(0x46, 25, 0, &[7, 7, 7, 7, 1]), Some(&[1]), Faults::NONE),
            ("options cut", packet(0x4f, 60, 0, &[7]), Some(&[]), Faults::NET_CUT),
            ("shorter than its header", packet(0x45, 19, 0, &[1]), Some(&[]), Faults::NET_BAD),
            ("header of four words", packet(0x44, 20, 0, &[]), None, Faults::NET_BAD),
            ("version 5", packet(0x55, 20, 0, &[]), None, Faults::NET_BAD),
            ("nineteen bytes", packet(0x45, 20, 0, &[])[..19].to_vec(), None, Faults::NET_CUT),
            ("nothing", vec![], None, Faults::NET_CUT),
        ];
        for (name, bytes, payload, faults) in cases {
            let (header, found) = Ipv4::read(bytes);
            assert_eq!((header.map(|h| h.payload), found), (*payload, *faults), "{name}");
        }
    }

    #[test]
    fn fragments_are_known_by_offset_or_by_more_to_come() {
        for (fragment, offset, is_fragment) in
            [(0x4000, 0, false), (0x2000, 0, true), (0x0001, 8, true), (0x3fff, 65528, true)]
        {
            let bytes = packet(0x45, 20, fragment, &[]);
            let header = Ipv4::read(&bytes).0.expect("a header");
            assert_eq!((header.fragment_offset, header.is_fragment()), (offset, is_fragment), "{fragment:x}");
        }
    }
}
