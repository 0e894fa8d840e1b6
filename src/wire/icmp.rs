//! # ICMP
//!
//! RFC 792 and RFC 4443: one shape for both. What an error quotes is decoded by who needs it.

use crate::wire::reader::Reader;

/// An ICMP or ICMPv6 message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icmp<'a> {
    pub kind: u8,
    pub code: u8,
    /// Bytes 4 to 7: identifier and sequence, gateway, pointer or flags.
    pub rest: [u8; 4],
    /// From byte 8 on: data, or the packet that an error quotes.
    pub body: &'a [u8],
}

impl<'a> Icmp<'a> {
    pub const ECHO_REPLY: u8 = 0;
    pub const UNREACHABLE: u8 = 3;
    pub const REDIRECT: u8 = 5;
    pub const ECHO: u8 = 8;
    pub const TIME_EXCEEDED: u8 = 11;
    pub const ECHO_V6: u8 = 128;
    pub const ECHO_REPLY_V6: u8 = 129;

    /// `None` if shorter than eight bytes.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Icmp<'a>> {
        let mut reader = Reader::new(bytes);
        let (kind, code, _checksum, rest) = (reader.u8()?, reader.u8()?, reader.u16()?, reader.take()?);
        Some(Icmp { kind, code, rest, body: reader.rest() })
    }

    /// Identifier and sequence number of an echo.
    #[must_use]
    pub const fn echo(&self) -> (u16, u16) {
        let [a, b, c, d] = self.rest;
        (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_has_number_and_data() {
        let icmp = Icmp::read(&[8, 0, 0, 0, 0x12, 0x34, 0, 1, b'a']).expect("an echo");
        assert_eq!((icmp.kind, icmp.echo(), icmp.body), (Icmp::ECHO, (0x1234, 1), &b"a"[..]));
        assert_eq!(Icmp::read(&[8, 0, 0, 0, 0, 0, 0]), None);
    }
}
