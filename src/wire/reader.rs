//! # A cursor that only moves forward
//!
//! Every read from the wire goes through here: `None` on the first byte that is missing, and what
//! follows a failed read is left as it was.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::MacAddr;

/// Bytes not read yet.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    /// The next `len` bytes, borrowed.
    #[inline]
    pub fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    /// The next `len` bytes, or as many as there are.
    #[inline]
    pub fn at_most(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, &[]));
        self.rest = rest;
        head
    }

    /// Passes over `len` bytes.
    #[inline]
    pub fn skip(&mut self, len: usize) -> Option<()> {
        self.slice(len).map(|_| ())
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }
    /// Network byte order.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }
    /// Network byte order.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }
    #[inline]
    pub fn u16_le(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }
    #[inline]
    pub fn u32_le(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
    #[inline]
    pub fn mac(&mut self) -> Option<MacAddr> {
        self.take().map(MacAddr)
    }
    #[inline]
    pub fn ipv4(&mut self) -> Option<Ipv4Addr> {
        self.take::<4>().map(Ipv4Addr::from)
    }
    #[inline]
    pub fn ipv6(&mut self) -> Option<Ipv6Addr> {
        self.take::<16>().map(Ipv6Addr::from)
    }

    /// All that is left.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.rest
    }
    #[must_use]
    pub const fn len(self) -> usize {
        self.rest.len()
    }
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_read_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!((reader.u8(), reader.u32(), reader.slice(3), reader.u16()), (Some(1), None, None, Some(0x0203)));
        assert_eq!((reader.u8(), reader.is_empty(), reader.at_most(9)), (None, true, &[][..]));
    }
}
