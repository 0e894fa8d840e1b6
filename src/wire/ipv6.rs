//! # IPv6
//!
//! RFC 8200, with its chain of extension headers, followed so far and no further.

use std::net::Ipv6Addr;

use crate::wire::{faults::Faults, reader::Reader};

/// Honest packets have at most a handful (RFC 8504 §5.3 lets a host limit them to 8).
const EXTENSIONS_MAX: u8 = 8;

/// Where a fragment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// In bytes.
    pub offset: u16,
    pub more: bool,
    pub id: u32,
}

/// An IPv6 header, its extensions, and what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6<'a> {
    pub source: Ipv6Addr,
    pub destination: Ipv6Addr,
    /// Of what is behind the extensions; of the first that cannot be followed otherwise.
    pub protocol: u8,
    pub hop_limit: u8,
    pub traffic_class: u8,
    pub flow_label: u32,
    pub fragment: Option<Fragment>,
    /// How many extension headers.
    pub extensions: u8,
    /// The sender says by which hosts it is to go, which is forbidden (RFC 5095).
    pub is_source_routed: bool,
    /// Options for each hop where nobody looks for them (RFC 8200 §4.1).
    pub is_misplaced: bool,
    /// Options for the receiver (RFC 8200 §4.6).
    pub has_options: bool,
    /// Bytes at the end that were sent and are not here: captures are cut.
    pub missing: u16,
    pub payload: &'a [u8],
}

impl<'a> Ipv6<'a> {
    /// Reads a header; the faults say what is missing or why there is nothing.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> (Option<Ipv6<'a>>, Faults) {
        let mut faults = Faults::NONE;
        let mut reader = Reader::new(bytes);
        let header = (reader.u32(), reader.u16(), reader.take::<2>(), reader.ipv6(), reader.ipv6());
        let (Some(first), Some(len), Some([next, hop_limit]), Some(source), Some(destination)) = header else {
            // A wrong version is worth saying even of a cut header.
            let is_other = bytes.first().is_some_and(|byte| byte >> 4 != 6);
            return (None, if is_other { Faults::NET_BAD } else { Faults::NET_CUT });
        };
        if first >> 28 != 6 {
            return (None, Faults::NET_BAD);
        }
        // Zero: a jumbogram (RFC 2675) or segmentation offload; both run to the end.
        let wanted = if len == 0 && next != 59 { reader.len() } else { usize::from(len) };
        if reader.len() < wanted {
            faults.add(Faults::NET_CUT);
        }
        let mut header = Ipv6 {
            source,
            destination,
            protocol: next,
            hop_limit,
            traffic_class: (first >> 20 & 0xff) as u8,
            flow_label: first & 0x000f_ffff,
            fragment: None,
            extensions: 0,
            is_source_routed: false,
            is_misplaced: false,
            has_options: false,
            // Less than the length, which has sixteen bits.
            missing: wanted.saturating_sub(reader.len()) as u16,
            payload: &[],
        };
        let mut body = Reader::new(reader.at_most(wanted));
        header.follow(&mut body, &mut faults);
        header.payload = body.rest();
        (Some(header), faults)
    }

    fn follow(&mut self, body: &mut Reader<'a>, faults: &mut Faults) {
        loop {
            // Hop-by-hop, routing, fragment, authentication, destination, mobility, HIP, shim6 (IANA).
            if !matches!(self.protocol, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140) {
                return;
            }
            // What follows a first fragment's header is whole; behind others is the middle of something.
            if self.fragment.is_some_and(|fragment| fragment.offset != 0) {
                return;
            }
            if self.extensions == EXTENSIONS_MAX {
                return faults.add(Faults::TOO_DEEP);
            }
            let mut ahead = *body;
            let Some(next) = self.extension(&mut ahead) else { return faults.add(Faults::NET_CUT) };
            (self.protocol, *body) = (next, ahead);
            self.extensions += 1;
        }
    }

    fn extension(&mut self, reader: &mut Reader<'a>) -> Option<u8> {
        let [next, len] = reader.take()?;
        self.is_misplaced |= self.protocol == 0 && self.extensions > 0;
        self.has_options |= self.protocol == 60;
        // Type 0 with hops left to go.
        self.is_source_routed |= self.protocol == 43 && matches!(reader.rest(), [0, left, ..] if *left > 0);
        match self.protocol {
            44 => {
                let (offset, id) = (reader.u16()?, reader.u32()?);
                self.fragment = Some(Fragment { offset: offset & 0xfff8, more: offset & 1 != 0, id });
            }
            51 => reader.skip(usize::from(len) * 4 + 6)?, // in words of four, less two (RFC 4302 §2.2)
            _ => reader.skip(usize::from(len) * 8 + 6)?,
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(next: u8, len: u16, rest: &[u8]) -> Vec<u8> {
        let [a, b] = len.to_be_bytes();
        let mut bytes = vec![0x60, 0, 0, 0, a, b, next, 255];
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn what_is_missing_is_counted() {
        for (len, there, missing) in [(8, 8, 0), (8, 3, 5), (8, 0, 8), (0, 3, 0), (3, 8, 0), (u16::MAX, 0, u16::MAX)] {
            let bytes = packet(17, len, &vec![0; there]);
            assert_eq!(Ipv6::read(&bytes).0.map(|ip| ip.missing), Some(missing), "{there} of {len}");
        }
    }

    #[test]
    fn the_chain_is_followed_to_its_end_or_to_the_limit() {
        let hop = |next: u8| vec![next, 0, 5, 2, 0, 0, 1, 0];
        let many: Vec<u8> = (0..9).flat_map(|_| hop(60)).collect();
        let cases: &[(&str, Vec<u8>, u8, usize, Faults)] = &[
            ("plain", packet(58, 2, &[1, 2]), 58, 2, Faults::NONE),
            ("multicast listener report", packet(0, 9, &[hop(58), vec![143]].concat()), 58, 1, Faults::NONE),
            ("first fragment", packet(44, 9, &[58, 0, 0, 1, 0, 0, 0, 9, 135]), 58, 1, Faults::NONE),
            ("later fragment of options", packet(44, 9, &[60, 0, 0, 8, 0, 0, 0, 9, 1]), 60, 1, Faults::NONE),
            ("authentication", packet(51, 13, &[&[6, 1][..], &[0; 10], &[9]].concat()), 6, 1, Faults::NONE),
            ("no next header", packet(59, 0, &[]), 59, 0, Faults::NONE),
            ("cut in an extension", packet(0, 8, &[58, 9, 0, 0, 0, 0, 0, 0]), 0, 8, Faults::NET_CUT),
            ("endless", packet(60, 72, &many), 60, 8, Faults::TOO_DEEP),
            ("cut by capture", packet(17, 200, &[1]), 17, 1, Faults::NET_CUT),
        ];
        for (name, bytes, protocol, payload, faults) in cases {
            let (header, found) = Ipv6::read(bytes);
            let header = header.expect(name);
            assert_eq!((header.protocol, header.payload.len(), found), (*protocol, *payload, *faults), "{name}");
        }
        assert_eq!(Ipv6::read(&[0x45]).1, Faults::NET_BAD);
        assert_eq!(Ipv6::read(&[0x60]).1, Faults::NET_CUT);
    }
}
