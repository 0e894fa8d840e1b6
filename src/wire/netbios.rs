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

/// "Which names are yours?" (node status request, RFC 1002 §4.2.17), for the name `*`.
#[must_use]
pub fn status_question(id: u16) -> Vec<u8> {
    let mut message = Vec::with_capacity(50);
    message.extend(id.to_be_bytes());
    // A question, one, no recursion.
    message.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 32]);
    // `*` and fifteen zeros, each byte as two letters.
    message.extend(b"CK");
    message.extend([b'A'; 30]);
    // Root; type NBSTAT (33); class IN.
    message.extend([0, 0, 33, 0, 1]);
    message
}

/// One name of a node status answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub name: NetbiosName,
    /// A work group or domain rather than the host itself.
    pub is_group: bool,
}

/// The names of a node status answer to question `id`, as far as they are whole (RFC 1002 §4.2.18).
pub fn status_answer(bytes: &[u8], id: u16) -> Option<impl Iterator<Item = Held>> {
    let message = Message::read(bytes).filter(|message| message.is_response() && message.id == id)?;
    // NBSTAT has the number that DNS gives to SRV.
    let record = message.answers().find(|record| record.kind == kind::SRV)?;
    let mut reader = Reader::new(record.bytes);
    let count = reader.u8()?;
    Some((0..count).map_while(move |_| {
        let (bytes, suffix, flags) = (reader.take::<15>()?, reader.u8()?, reader.u16()?);
        Some(Held { name: NetbiosName { bytes, suffix }, is_group: flags & 0x8000 != 0 })
    }))
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

    fn status(id: u16, flags: u16, count: u8, names: &[(&str, u8, u16)]) -> Vec<u8> {
        let mut data = vec![count];
        for (name, suffix, flags) in names {
            data.extend(format!("{name:15}").bytes());
            data.push(*suffix);
            data.extend(flags.to_be_bytes());
        }
        let mut bytes = [id.to_be_bytes(), flags.to_be_bytes()].concat();
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        bytes.extend(encoded("*", 0));
        bytes.extend([0, 33, 0, 1, 0, 0, 0, 0]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_status_answer_names_host_and_group() {
        let question = status_question(7);
        assert_eq!((question.len(), &question[..2]), (50, &[0, 7][..]));
        let names: &[_] = &[("ANNA-PC", 0, 0x0400), ("HOME", 0, 0x8400), ("ANNA-PC", 0x20, 0x0400)];
        let cases: &[(&str, Vec<u8>, Option<usize>)] = &[
            ("whole", status(7, 0x8400, 3, names), Some(3)),
            ("claims more than there is", status(7, 0x8400, 255, names), Some(3)),
            ("claims less", status(7, 0x8400, 1, names), Some(1)),
            ("another question's", status(8, 0x8400, 3, names), None),
            ("a question", status(7, 0, 3, names), None),
            ("empty", Vec::new(), None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(status_answer(bytes, 7).map(Iterator::count), *expected, "{name}");
            for end in 0..bytes.len() {
                let _ = status_answer(&bytes[..end], 7).map(Iterator::count);
            }
        }
        let held: Vec<Held> = status_answer(&cases[0].1, 7).expect("an answer").collect();
        assert_eq!((held[0].name.bytes(), held[0].is_group, held[1].is_group), (&b"ANNA-PC"[..], false, true));
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
