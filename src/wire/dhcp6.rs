//! # DHCPv6
//!
//! RFC 8415: message type, transaction and options. What a relay wraps is read one level deep.

use std::net::Ipv6Addr;

use crate::{
    model::{MacAddr, Port},
    wire::reader::Reader,
};

pub const PORT_CLIENT: Port = 546;
pub const PORT_SERVER: Port = 547;

/// Message types (RFC 8415 §7.3).
pub mod kind {
    pub const SOLICIT: u8 = 1;
    pub const ADVERTISE: u8 = 2;
    pub const REQUEST: u8 = 3;
    pub const CONFIRM: u8 = 4;
    pub const RENEW: u8 = 5;
    pub const REBIND: u8 = 6;
    pub const REPLY: u8 = 7;
    pub const RELEASE: u8 = 8;
    pub const DECLINE: u8 = 9;
    pub const INFORMATION: u8 = 11;
    pub const RELAY_FORWARD: u8 = 12;
    pub const RELAY_REPLY: u8 = 13;
}

/// Option codes (IANA dhcpv6-parameters).
pub mod option {
    pub const CLIENT_ID: u16 = 1;
    pub const SERVER_ID: u16 = 2;
    pub const IA_NA: u16 = 3;
    pub const IA_ADDRESS: u16 = 5;
    pub const ASKED: u16 = 6;
    pub const RELAYED: u16 = 9;
    pub const VENDOR_CLASS: u16 = 16;
    pub const DNS_SERVERS: u16 = 23;
    pub const FQDN: u16 = 39;
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dhcp6<'a> {
    pub kind: u8,
    /// 24 bits; zero for a relay's message, which has none.
    pub transaction: u32,
    /// The client, as the relay saw it.
    pub peer: Option<Ipv6Addr>,
    options: &'a [u8],
}

impl<'a> Dhcp6<'a> {
    /// `None` if the fixed part is cut.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Dhcp6<'a>> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8()?;
        if matches!(kind, kind::RELAY_FORWARD | kind::RELAY_REPLY) {
            let (_hops, _link, peer) = (reader.u8()?, reader.ipv6()?, reader.ipv6()?);
            return Some(Dhcp6 { kind, transaction: 0, peer: Some(peer), options: reader.rest() });
        }
        let [a, b, c] = reader.take()?;
        let transaction = u32::from_be_bytes([0, a, b, c]);
        Some(Dhcp6 { kind, transaction, peer: None, options: reader.rest() })
    }

    #[must_use]
    pub const fn options(&self) -> Options<'a> {
        Options { rest: Reader::new(self.options), cut: false }
    }

    /// The value of the first option with this code.
    #[must_use]
    pub fn option(&self, code: u16) -> Option<&'a [u8]> {
        self.options().find(|(found, _)| *found == code).map(|(_, value)| value)
    }

    /// What a relay passes on.
    #[must_use]
    pub fn relayed(&self) -> Option<Dhcp6<'a>> {
        Dhcp6::read(self.option(option::RELAYED)?)
    }

    /// From a client to servers.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(
            self.kind,
            kind::SOLICIT
                | kind::REQUEST
                | kind::CONFIRM
                | kind::RENEW
                | kind::REBIND
                | kind::RELEASE
                | kind::DECLINE
                | kind::INFORMATION
        )
    }

    /// The client's own name in DNS form (RFC 4704), behind its flags.
    #[must_use]
    pub fn host_name(&self) -> Option<&'a [u8]> {
        self.option(option::FQDN).and_then(|value| value.get(1..)).filter(|name| !name.is_empty())
    }
}

/// What a client says of its maker (RFC 8415 §21.16): an enterprise number of IANA, and the first text.
#[must_use]
pub fn vendor_class<'a>(message: &Dhcp6<'a>) -> Option<(u32, &'a [u8])> {
    let mut reader = Reader::new(message.option(option::VENDOR_CLASS)?);
    let enterprise = reader.u32()?;
    let text = reader.u16().and_then(|len| reader.slice(len.into())).unwrap_or_default();
    Some((enterprise, text))
}

/// The MAC inside a DUID of type 1 or 3 (RFC 8415 §11.2, §11.4). Where the DUID was made, which may
/// be another interface or another machine's disk image: a hint, not the sender.
#[must_use]
pub fn duid_mac(duid: &[u8]) -> Option<MacAddr> {
    let mut reader = Reader::new(duid);
    match (reader.u16()?, reader.u16()?) {
        (1, 1) => {
            reader.skip(4)?; // time
            reader.mac()
        }
        (3, 1) => reader.mac(),
        _ => None,
    }
}

/// Options: code and value. Ends at the end or at the first that is cut; `cut` says so.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    rest: Reader<'a>,
    pub cut: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let code = self.rest.u16();
        let value = self.rest.u16().and_then(|len| self.rest.slice(len.into()));
        if value.is_none() {
            self.cut = true;
            self.rest = Reader::new(&[]);
        }
        Some((code?, value?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_read_through_a_relay() {
        let solicit = [
            &[1, 0, 0, 7][..],
            &[0, 1, 0, 14, 0, 1, 0, 1, 1, 2, 3, 4, 2, 0, 0, 0, 0, 5],
            &[0, 39, 0, 5, 0, 2, b't', b'v', 0],
        ]
        .concat();
        let direct = Dhcp6::read(&solicit).expect("a message");
        assert_eq!((direct.kind, direct.transaction, direct.is_request()), (kind::SOLICIT, 7, true));
        assert_eq!(direct.option(option::CLIENT_ID).and_then(duid_mac), Some(MacAddr([2, 0, 0, 0, 0, 5])));
        assert_eq!(direct.host_name(), Some(&[2, b't', b'v', 0][..]));

        let len = u8::try_from(solicit.len()).expect("short");
        let relay = [&[12, 0][..], &[0; 16], &[0xfe; 16], &[0, 9, 0, len], &solicit].concat();
        let relay = Dhcp6::read(&relay).expect("a message");
        assert_eq!((relay.is_request(), relay.relayed()), (false, Some(direct)));

        let classed = |option: &[u8]| {
            let bytes = [&[1, 0, 0, 7, 0, 16, 0, u8::try_from(option.len()).expect("short")][..], option].concat();
            Dhcp6::read(&bytes).and_then(|message| vendor_class(&message).map(|(id, text)| (id, text.to_vec())))
        };
        assert_eq!(classed(b"\0\0\x01\x37\0\x08MSFT 5.0"), Some((311, b"MSFT 5.0".to_vec())));
        assert_eq!(classed(b"\0\0\x01\x37\0\x09MSFT 5.0"), Some((311, vec![])));
        assert_eq!(classed(b"\0\0\x01"), None);

        let mut cut = Dhcp6::read(&[1, 0, 0, 7, 0, 1, 0, 9, 1]).expect("a message").options();
        assert_eq!((cut.next(), cut.cut), (None, true));
        assert_eq!(Dhcp6::read(&[1, 0, 0]), None);
    }
}
