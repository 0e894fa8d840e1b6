//! # AD structures
//!
//! Length, type, data, until the end or a length of zero (Core 5.4 Vol 3 Part C §11). Types are those of the
//! Assigned Numbers §2.3.

use crate::wire::reader::Reader;

/// One structure, read as far as its type is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ad<'a> {
    Flags(u8),
    /// 16-bit service UUIDs, two bytes each, little endian; see [`uuid16`].
    Services(&'a [u8]),
    Name {
        text: &'a [u8],
        whole: bool,
    },
    /// In dBm.
    TxPower(i8),
    Appearance(u16),
    ServiceData {
        uuid: u16,
        data: &'a [u8],
    },
    Manufacturer {
        company: u16,
        data: &'a [u8],
    },
    Other {
        kind: u8,
        data: &'a [u8],
    },
}

/// The structures of one advertisement.
#[derive(Debug, Clone)]
pub struct Structures<'a> {
    rest: Reader<'a>,
    /// The last one was cut short.
    pub cut: bool,
}

/// Reads advertising data: 31 bytes in the legacy form, up to 1650 in the extended one.
#[must_use]
pub const fn structures(bytes: &[u8]) -> Structures<'_> {
    Structures { rest: Reader::new(bytes), cut: false }
}

impl<'a> Iterator for Structures<'a> {
    type Item = Ad<'a>;

    fn next(&mut self) -> Option<Ad<'a>> {
        let len = self.rest.u8()?;
        // "Early termination": the rest is zeros.
        if len == 0 {
            self.rest = Reader::new(&[]);
            return None;
        }
        let Some(body) = self.rest.slice(len.into()) else {
            self.cut = true;
            self.rest = Reader::new(&[]);
            return None;
        };
        let (kind, data) = body.split_first()?;
        Some(read(*kind, data))
    }
}

fn read(kind: u8, data: &[u8]) -> Ad<'_> {
    let mut reader = Reader::new(data);
    let known = match kind {
        0x01 => reader.u8().map(Ad::Flags),
        0x02 | 0x03 => Some(Ad::Services(data)),
        0x08 | 0x09 => Some(Ad::Name { text: data, whole: kind == 0x09 }),
        0x0a => reader.take::<1>().map(|byte| Ad::TxPower(i8::from_le_bytes(byte))),
        0x16 => reader.u16_le().map(|uuid| Ad::ServiceData { uuid, data: reader.rest() }),
        0x19 => reader.u16_le().map(Ad::Appearance),
        0xff => reader.u16_le().map(|company| Ad::Manufacturer { company, data: reader.rest() }),
        _ => None,
    };
    known.unwrap_or(Ad::Other { kind, data })
}

/// The short form of a UUID on the Bluetooth base (Core 5.4 Vol 3 Part B §2.5.1), given big endian.
#[must_use]
pub fn uuid16(uuid: &[u8; 16]) -> Option<u16> {
    const BASE: [u8; 12] = [0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0x80, 0x5f, 0x9b, 0x34, 0xfb];
    match uuid {
        [0, 0, high, low, base @ ..] if *base == BASE => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}
