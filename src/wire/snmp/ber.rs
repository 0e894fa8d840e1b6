//! # BER, as much as SNMP uses (X.690 §8, RFC 3417 §8)
//!
//! Definite lengths, tags of one byte, integers of up to eight bytes. Reading goes through
//! [`Reader`] and never looks beyond the value it is in; writing builds small messages of our own.

use crate::wire::reader::Reader;

/// Tags of X.690.
pub const INTEGER: u8 = 0x02;
pub const OCTETS: u8 = 0x04;
pub const NULL: u8 = 0x05;
pub const OID: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;

/// The next value: its tag and what is in it. `None`, and nothing moved, if it is not whole.
pub fn next<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let mut ahead = *reader;
    let tag = ahead.u8()?;
    // Tags of several bytes are not used (RFC 3417 §8).
    if tag & 0x1f == 0x1f {
        return None;
    }
    let len = match ahead.u8()? {
        short @ 0..=0x7f => usize::from(short),
        // Four bytes count more than any datagram holds; zero of them means "until told otherwise".
        long @ 0x81..=0x84 => {
            ahead.slice(usize::from(long & 0x7f))?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))
        }
        _ => return None,
    };
    let inside = ahead.slice(len)?;
    *reader = ahead;
    Some((tag, inside))
}

/// The next value if it has this tag.
pub fn expect<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<&'a [u8]> {
    let mut ahead = *reader;
    let (tag, inside) = next(&mut ahead)?;
    (tag == wanted).then(|| {
        *reader = ahead;
        inside
    })
}

/// The next value as a reader of its own.
pub fn within<'a>(reader: &mut Reader<'a>, wanted: u8) -> Option<Reader<'a>> {
    expect(reader, wanted).map(Reader::new)
}

/// Two's complement, at most eight bytes.
#[must_use]
pub fn signed(bytes: &[u8]) -> Option<i64> {
    let first = *bytes.first().filter(|_| bytes.len() <= 8)?;
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(start, |value: i64, byte| value << 8 | i64::from(*byte)))
}

/// A counter: eight bytes, or nine that begin with zero. Some agents forget that zero, so a set top bit is
/// no sign here.
#[must_use]
pub fn unsigned(bytes: &[u8]) -> Option<u64> {
    let bytes = match bytes {
        [] => return None,
        [0, rest @ ..] if rest.len() == 8 => rest,
        all => all,
    };
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// The next value as an integer of 32 bits.
pub fn int(reader: &mut Reader<'_>) -> Option<i32> {
    signed(expect(reader, INTEGER)?)?.try_into().ok()
}

/// A value around `parts`.
#[must_use]
pub fn put(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(len + 5);
    out.push(tag);
    match u8::try_from(len) {
        Ok(short @ 0..=0x7f) => out.push(short),
        _ => {
            let bytes = len.to_be_bytes();
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            out.push(0x80 | (bytes.len() - zeros) as u8);
            out.extend(bytes.iter().skip(zeros));
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// An integer in as few bytes as hold it (X.690 §8.3.2).
#[must_use]
pub fn put_int(value: i64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    // A leading byte says nothing if it only repeats the sign of the next.
    let idle = bytes.windows(2).take_while(|pair| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff])).count();
    put(INTEGER, &[bytes.get(idle..).unwrap_or_default()])
}
