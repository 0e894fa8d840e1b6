//! # QUIC's first packets
//!
//! RFC 9000 §17.2.2, RFC 9001 §5, and version 2 of RFC 9369. A client's Initial packet carries its TLS
//! greeting. It is encrypted with keys made of a public salt and the connection's id, so that anybody
//! on the path can read it and nobody by accident; that is what happens here. Later packets are
//! encrypted for real.

use rustls::{
    SupportedCipherSuite,
    crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256,
    quic::{Suite, Version},
};

use crate::wire::reader::Reader;

/// A client fills its first datagrams up to this (RFC 9000 §14.1): what is shorter opens nothing.
pub const DATAGRAM_MIN: usize = 1200;
/// Bytes of a connection id (RFC 9000 §17.2).
pub const ID_MAX: usize = 20;
/// Packets in one datagram, and frames in one packet, that are looked at.
const PACKETS_MAX: usize = 4;
const FRAMES_MAX: usize = 128;
/// Of encrypted bytes, for the header's mask (RFC 9001 §5.4.2).
const SAMPLE_LEN: usize = 16;
/// Longest packet number; the sample starts behind it, whatever its length.
const NUMBER_MAX: usize = 4;

/// Versions, and the two bits that mark an Initial packet in each (RFC 9369 §3.2).
const VERSION_1: (u32, u8) = (1, 0b00);
const VERSION_2: (u32, u8) = (0x6b33_43cf, 0b01);

/// An Initial packet, still closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Initial<'a> {
    is_second: bool,
    /// The id that the client chose for the server, of which the keys are made.
    pub id: &'a [u8],
    /// From its first byte to the end that it claims.
    packet: &'a [u8],
    number_at: usize,
}

impl<'a> Initial<'a> {
    /// The Initial packets of a datagram. Looks at headers alone.
    pub fn all(datagram: &'a [u8]) -> impl Iterator<Item = Initial<'a>> {
        let mut rest = datagram;
        std::iter::from_fn(move || {
            let (initial, after) = Initial::read(rest)?;
            rest = after;
            Some(initial)
        })
        .take(PACKETS_MAX)
    }

    fn read(bytes: &'a [u8]) -> Option<(Initial<'a>, &'a [u8])> {
        let mut reader = Reader::new(bytes);
        let (first, version) = (reader.u8()?, reader.u32()?);
        let is_second = match version {
            version if version == VERSION_1.0 => false,
            version if version == VERSION_2.0 => true,
            _ => return None,
        };
        let kind = if is_second { VERSION_2.1 } else { VERSION_1.1 };
        // Long header and fixed bit, then the kind.
        if first >> 4 != 0b1100 | kind {
            return None;
        }
        let len = usize::from(reader.u8()?);
        let id = reader.slice(len).filter(|_| len <= ID_MAX)?;
        let source = reader.u8()?;
        reader.skip(source.into())?;
        let token = number(&mut reader)?;
        reader.skip(usize::try_from(token).ok()?)?;
        let len = usize::try_from(number(&mut reader)?).ok()?;
        let number_at = bytes.len() - reader.len();
        reader.skip(len)?;
        let (packet, after) = bytes.split_at_checked(number_at + len)?;
        Some((Initial { is_second, id, packet, number_at }, after))
    }

    /// What is inside, if it is a client's. Costs some microseconds.
    #[must_use]
    pub fn open(&self) -> Option<Opened> {
        let keys = suite()?.keys(self.id, rustls::Side::Server, self.version());
        let mut header = Reader::new(self.packet);
        let mut first = header.u8()?;
        header.skip(self.number_at.checked_sub(1)?)?;
        let mut number: [u8; NUMBER_MAX] = header.take()?;
        let sample = header.slice(SAMPLE_LEN)?;
        keys.remote.header.decrypt_in_place(sample, &mut first, &mut number).ok()?;
        let number = number.get(..usize::from(first & 3) + 1)?;
        let value = number.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let payload_at = self.number_at + number.len();
        let mut header = vec![first];
        header.extend_from_slice(self.packet.get(1..self.number_at)?);
        header.extend_from_slice(number);
        let mut payload = self.packet.get(payload_at..)?.to_vec();
        let len = keys.remote.packet.decrypt_in_place(value, &header, &mut payload).ok()?.len();
        payload.truncate(len);
        Some(Opened { frames: payload })
    }

    const fn version(&self) -> Version {
        if self.is_second { Version::V2 } else { Version::V1 }
    }
}

/// An Initial packet's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    frames: Vec<u8>,
}

impl Opened {
    /// Pieces of the TLS handshake and where each belongs; clients send them in any order. Ends at the
    /// first frame that an Initial packet may not have (RFC 9000 §12.4) or that is cut.
    pub fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = Reader::new(&self.frames);
        std::iter::from_fn(move || {
            for _ in 0..FRAMES_MAX {
                // Padding is a frame of one byte, of which there are hundreds.
                let padding = rest.rest().iter().take_while(|byte| **byte == 0).count();
                rest.skip(padding)?;
                match rest.u8()? {
                    1 => {}
                    kind @ (2 | 3) => acknowledgement(&mut rest, kind == 3)?,
                    6 => {
                        let (at, len) = (number(&mut rest)?, number(&mut rest)?);
                        return Some((at, rest.slice(usize::try_from(len).ok()?)?));
                    }
                    _ => return None,
                }
            }
            None
        })
        .take(FRAMES_MAX)
    }
}

/// RFC 9000 §19.3.
fn acknowledgement(rest: &mut Reader<'_>, has_counts: bool) -> Option<()> {
    let (_largest, _delay, ranges, _first) = (number(rest)?, number(rest)?, number(rest)?, number(rest)?);
    // Each range takes two bytes at least.
    let ranges = usize::try_from(ranges).ok().filter(|count| *count <= rest.len() / 2)?;
    for _ in 0..ranges * 2 + if has_counts { 3 } else { 0 } {
        number(rest)?;
    }
    Some(())
}

/// A number of one, two, four or eight bytes (RFC 9000 §16).
fn number(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let more = (1usize << (first >> 6)) - 1;
    let mut value = u64::from(first & 0x3f);
    for byte in reader.slice(more)? {
        value = value << 8 | u64::from(*byte);
    }
    Some(value)
}

/// Initial packets are always in this suite (RFC 9001 §5.2).
fn suite() -> Option<Suite> {
    match TLS13_AES_128_GCM_SHA256 {
        SupportedCipherSuite::Tls13(suite) => suite.quic_suite(),
        SupportedCipherSuite::Tls12(_) => None,
    }
}

/// For tests: the packet that a client makes of these frames.
#[cfg(test)]
pub fn closed(is_second: bool, id: &[u8], value: u32, frames: &[u8]) -> Vec<u8> {
    let (version, kind) = if is_second { VERSION_2 } else { VERSION_1 };
    let mut packet = vec![0xc3 | kind << 4];
    packet.extend(version.to_be_bytes());
    packet.push(u8::try_from(id.len()).expect("an id"));
    packet.extend(id);
    packet.extend([0, 0]);
    let len = u16::try_from(frames.len() + NUMBER_MAX + 16).expect("short");
    packet.extend((len | 0x4000).to_be_bytes());
    let number_at = packet.len();
    packet.extend(value.to_be_bytes());
    let initial = Initial { is_second, id, packet: &[], number_at };
    let keys = suite().expect("the suite").keys(id, rustls::Side::Client, initial.version());
    let mut payload = frames.to_vec();
    let tag = keys.local.packet.encrypt_in_place(value.into(), &packet, &mut payload).expect("encrypted");
    payload.extend(tag.as_ref());
    let (first, rest) = packet.split_at_mut(1);
    let number = &mut rest[number_at - 1..];
    keys.local.header.encrypt_in_place(&payload[..SAMPLE_LEN], &mut first[0], number).expect("masked");
    packet.extend(payload);
    packet
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::tls::{Hello, Over, fingerprint};

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("digits")).collect()
    }

    const ID: &str = "8394c8f03e515708";

    /// The frames of RFC 9001 appendix A.2 and RFC 9369 appendix A.2, padding and all.
    fn sample() -> Vec<u8> {
        let mut frames = hex("060040f1010000ed0303ebf8fa56f129 39b9584a3896472ec40bb863cfd3e868
            04fe3a47f06a2b69484c000004130113 02010000c000000010000e00000b6578 616d706c652e636f6dff01000100000a
            00080006001d00170018001000070005 04616c706e0005000501000000000033 00260024001d00209370b2c9caa47fba
            baf4559fedba753de171fa71f50f1ce1 5d43e994ec74d748002b000302030400 0d0010000e0403050306030203080408
            050806002d00020101001c0002400100 3900320408ffffffffffffffff050480 00ffff07048000ffff08011001048000
            75300901100f088394c8f03e51570806 048000ffff");
        frames.resize(1162, 0);
        frames
    }

    #[test]
    fn the_samples_of_the_standards_open() {
        let cases = [
            (
                false,
                "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
                "e221af44860018ab0856972e194cd934",
            ),
            (true, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485", ""),
        ];
        for (is_second, start, end) in cases {
            let packet = closed(is_second, &hex(ID), 2, &sample());
            assert!(packet.starts_with(&hex(start)) && packet.ends_with(&hex(end)) && packet.len() == DATAGRAM_MIN);
            let initial = Initial::all(&packet).next().expect("an Initial packet");
            assert_eq!(initial.id, hex(ID));
            let opened = initial.open().expect("open");
            let pieces: Vec<_> = opened.pieces().collect();
            assert_eq!((pieces.len(), pieces[0].0, pieces[0].1.len()), (1, 0, 241));
            let hello = Hello::read(pieces[0].1).expect("a greeting");
            assert_eq!((hello.server_name(), hello.is_whole), (Some("example.com"), true));
            assert!(fingerprint(&hello, Over::Quic).is_some_and(|ja4| ja4.starts_with("q13d0211an_")));
        }
    }

    #[test]
    fn what_is_no_clients_initial_stays_closed() {
        let whole = closed(false, &hex(ID), 2, &sample());
        let changed = |at: usize, byte: u8| {
            let mut packet = whole.clone();
            packet[at] = byte;
            packet
        };
        let cases: &[(&str, Vec<u8>, bool)] = &[
            ("another version", changed(4, 9), false),
            ("the second version's mark", changed(0, 0xd0), false),
            ("a short header", changed(0, 0x40), false),
            ("an id that is too long", changed(5, 21), false),
            ("a token past the end", changed(15, 0xff), false),
            ("a length past the end", changed(16, 0x7f), false),
            ("another id", changed(6, 0), true),
            ("one byte of it changed", changed(700, 0), true),
            ("nothing", vec![], false),
        ];
        for (name, bytes, is_initial) in cases {
            let found = Initial::all(bytes).next();
            assert_eq!(found.is_some(), *is_initial, "{name}");
            assert_eq!(found.and_then(|initial| initial.open()), None, "{name}");
        }
        let two = [whole.clone(), whole.clone(), vec![0x40; 9]].concat();
        assert_eq!(Initial::all(&two).filter_map(|initial| initial.open()).count(), 2);
    }

    #[test]
    fn pieces_come_in_any_order_between_other_frames() {
        let frames = [
            &[0, 0, 1][..],
            &[2, 0, 0, 1, 0, 0, 0],
            &[6, 5, 2, b'c', b'd'],
            &[3, 0, 0, 0, 0, 1, 2, 3],
            &[6, 0x40, 0, 1, b'a'],
            &[0, 0],
        ]
        .concat();
        let opened = Opened { frames };
        assert_eq!(opened.pieces().collect::<Vec<_>>(), [(5, &b"cd"[..]), (0, b"a")]);
        for frames in [&[6, 0, 9, 1][..], &[0x1c, 6, 0, 1, 1], &[2, 0, 0, 0xbf, 0xff, 0xff, 0xff, 0], &[6, 0xff]] {
            assert_eq!(Opened { frames: frames.to_vec() }.pieces().count(), 0, "{frames:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn nothing_from_the_wire_stops_it(at in any::<prop::sample::Index>(), byte: u8, cut in 0usize..1200, frames in proptest::collection::vec(any::<u8>(), 20..200)) {
            let mut packet = closed(false, &hex(ID), 2, &frames);
            let opened = Opened { frames: frames.clone() };
            prop_assert!(opened.pieces().count() <= FRAMES_MAX);
            let cut_off = &packet[..cut.min(packet.len() - 1)];
            prop_assert!(Initial::all(cut_off).next().is_none());
            let at = at.index(packet.len());
            packet[at] = byte;
            for initial in Initial::all(&packet) {
                let _any_answer = initial.open();
            }
            let _any_answer = Initial::all(&frames).count();
        }
    }
}
