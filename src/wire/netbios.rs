//! # NetBIOS names
//!
//! RFC 1001 and RFC 1002. The name service speaks DNS's form ([`crate::wire::dns`]) with names of
//! its own; the datagram service carries the sender's name.

use std::net::Ipv4Addr;

use crate::{
    model::Port,
    wire::{
        dns::{Message, Name, kind},
        reader::Reader,
    },
};

pub const PORT_NAMES: Port = 137;
pub const PORT_DATAGRAMS: Port = 138;

/// A name of 15 bytes, padded with blanks, and its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetbiosName {
    bytes: [u8; 15],
    /// 0 workstation, 0x20 file server, 0x1b to 0x1e roles of a domain or work group.
    pub suffix: u8,
}

impl NetbiosName {
    /// Reads the 32 letters of a first label: each byte as two of `A` to `P` (RFC 1001 §14.1).
    #[must_use]
    pub fn read(name: &Name<'_>) -> Option<NetbiosName> {
        let label = name.labels().next().filter(|label| label.len() == 32)?;
        let mut raw = [0u8; 16];
        for (byte, pair) in raw.iter_mut().zip(label.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            let (high, low) = (high.checked_sub(b'A')?, low.checked_sub(b'A')?);
            if high > 15 || low > 15 {
                return None;
            }
            *byte = high << 4 | low;
        }
        let [bytes @ .., suffix] = raw;
        Some(NetbiosName { bytes, suffix })
    }

    /// Without the padding.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        let end = self.bytes.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
        self.bytes.get(..end).unwrap_or(&[])
    }
}

/// A host says that a name is its own: registration or refresh (opcodes 5, 8, 9), not a group's.
/// Returns the name and the address it is claimed for.
#[must_use]
pub fn claim(message: &Message<'_>) -> Option<(NetbiosName, Ipv4Addr)> {
    if message.is_response() || !matches!(message.opcode(), 5 | 8 | 9) {
        return None;
    }
    let record = message.records().find(|record| record.kind == kind::NETBIOS)?;
    let mut reader = Reader::new(record.bytes);
    let (flags, ip) = (reader.u16()?, reader.ipv4()?);
    // The record's name is as a rule a pointer to the question's.
    let name = NetbiosName::read(&record.name)?;
    (flags & 0x8000 == 0).then_some((name, ip))
}

/// The sender of a datagram: its address as it says, and its name (RFC 1002 §4.4.1).
#[must_use]
pub fn datagram_source(bytes: &[u8]) -> Option<(NetbiosName, Ipv4Addr)> {
    let mut reader = Reader::new(bytes);
    let (kind, _flags, _id, ip) = (reader.u8()?, reader.u8()?, reader.u16()?, reader.ipv4()?);
    if !(0x10..=0x12).contains(&kind) {
        return None;
    }
    let (_port, _len, _offset) = (reader.u16()?, reader.u16()?, reader.u16()?);
    let name = NetbiosName::read(&Name::new(bytes, bytes.len() - reader.len()))?;
    Some((name, ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &str, suffix: u8) -> Vec<u8> {
        let mut raw = format!("{name:15}").into_bytes();
        raw.push(suffix);
        let mut label = vec![32];
        label.extend(raw.iter().flat_map(|byte| [b'A' + (byte >> 4), b'A' + (byte & 15)]));
        label.push(0);
        label
    }

    #[test]
    fn a_name_survives_its_odd_spelling() {
        let bytes = encoded("ANNA-PC", 0x20);
        let name = NetbiosName::read(&Name::new(&bytes, 0)).expect("a name");
        assert_eq!((name.bytes(), name.suffix), (&b"ANNA-PC"[..], 0x20));
        for bad in [&b"\x20ABCQ"[..], b"\x04ABCD\x00", b"\x00"] {
            assert_eq!(NetbiosName::read(&Name::new(bad, 0)), None);
        }
    }

    #[test]
    fn claims_are_unique_names_with_an_address() {
        let body = |group: u8| {
            [encoded("ANNA-PC", 0), vec![0, 32, 0, 1, 0xc0, 12, 0, 32, 0, 1, 0, 0, 0, 0, 0, 6, group, 0, 10, 0, 0, 5]]
                .concat()
        };
        for (flags, group, found) in
            [(0x2910u16, 0, true), (0x2910, 0x80, false), (0x0110, 0, false), (0xad80, 0, false)]
        {
            let header = [&[0, 1][..], &flags.to_be_bytes(), &[0, 1, 0, 0, 0, 0, 0, 1]].concat();
            let bytes = [header, body(group)].concat();
            let claimed = claim(&Message::read(&bytes).expect("a header"));
            assert_eq!(claimed.map(|(_, ip)| ip), found.then(|| Ipv4Addr::new(10, 0, 0, 5)), "{flags:x} {group}");
        }
        let datagram = [&[0x11, 2, 0, 1, 10, 0, 0, 5, 0, 138, 0, 0, 0, 0][..], &encoded("TV", 0)].concat();
        assert_eq!(datagram_source(&datagram).map(|(name, _)| name.bytes().to_vec()), Some(b"TV".to_vec()));
    }
}
