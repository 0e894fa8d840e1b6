//! # DHCP
//!
//! RFC 2131 and the options of RFC 2132. Options come in the order sent, because the order is the
//! fingerprint; server name and boot file hold more of them if option 52 says so.

use std::net::Ipv4Addr;

use crate::{
    model::{MacAddr, Port},
    wire::reader::Reader,
};

pub const PORT_SERVER: Port = 67;
pub const PORT_CLIENT: Port = 68;

/// Option codes (IANA bootp-dhcp-parameters).
pub mod option {
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTERS: u8 = 3;
    pub const DNS_SERVERS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN: u8 = 15;
    pub const REQUESTED_IP: u8 = 50;
    pub const LEASE_S: u8 = 51;
    pub const OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_ID: u8 = 54;
    pub const ASKED: u8 = 55;
    pub const VENDOR_CLASS: u8 = 60;
    pub const CLIENT_ID: u8 = 61;
    pub const FQDN: u8 = 81;
    /// Routes without classes (RFC 3442).
    pub const ROUTES: u8 = 121;
    pub const PROXY_AUTO_CONFIG: u8 = 252;
}

/// RFC 2132 §9.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Discover,
    Offer,
    Request,
    Decline,
    Ack,
    Nak,
    Release,
    Inform,
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dhcp<'a> {
    /// Op 1: from a client.
    pub is_request: bool,
    pub hops: u8,
    pub transaction: u32,
    pub flags: u16,
    /// `ciaddr`: what the client holds already.
    pub client_ip: Ipv4Addr,
    /// `yiaddr`: what it is given.
    pub your_ip: Ipv4Addr,
    /// `siaddr`
    pub next_server: Ipv4Addr,
    /// `giaddr`: who passed it on.
    pub relay_ip: Ipv4Addr,
    /// `chaddr`, if it is a MAC.
    pub client_mac: Option<MacAddr>,
    server_name: &'a [u8],
    file: &'a [u8],
    options: &'a [u8],
}

/// RFC 2131 §3.
const MAGIC: [u8; 4] = [99, 130, 83, 99];

impl<'a> Dhcp<'a> {
    /// `None` if the fixed part is cut or says neither request nor reply. BOOTP has no options.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Dhcp<'a>> {
        let mut reader = Reader::new(bytes);
        let (op, hardware, hardware_len, hops) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
        let (transaction, _seconds, flags) = (reader.u32()?, reader.u16()?, reader.u16()?);
        let (client_ip, your_ip) = (reader.ipv4()?, reader.ipv4()?);
        let (next_server, relay_ip) = (reader.ipv4()?, reader.ipv4()?);
        let mut address = Reader::new(reader.slice(16)?);
        let (server_name, file) = (reader.slice(64)?, reader.slice(128)?);
        let options = if reader.take() == Some(MAGIC) { reader.rest() } else { &[] };
        // Hardware 1 is Ethernet, 6 is IEEE 802, used by some Wi-Fi stacks.
        let client_mac = address.mac().filter(|_| matches!(hardware, 1 | 6) && hardware_len == 6);
        matches!(op, 1 | 2).then_some(Dhcp {
            is_request: op == 1,
            hops,
            transaction,
            flags,
            client_ip,
            your_ip,
            next_server,
            relay_ip,
            client_mac,
            server_name,
            file,
            options,
        })
    }

    /// Passed on by a relay, so the sender on this wire is not the client.
    #[must_use]
    pub const fn is_relayed(&self) -> bool {
        self.hops > 0 || !self.relay_ip.is_unspecified()
    }

    /// All options, those in the file and server name fields too.
    #[must_use]
    pub const fn options(&self) -> Options<'a> {
        Options {
            rest: Reader::new(self.options),
            more: [self.file, self.server_name],
            overload: 0,
            is_main: true,
            cut: false,
        }
    }

    /// The value of the first option with this code.
    #[must_use]
    pub fn option(&self, code: u8) -> Option<&'a [u8]> {
        self.options().find(|(found, _)| *found == code).map(|(_, value)| value)
    }

    /// An option that is one address, or the first of a list.
    #[must_use]
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        self.option(code).and_then(|value| Reader::new(value).ipv4())
    }

    /// `None` for BOOTP and for kinds of later RFCs.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Some(match self.option(option::MESSAGE_TYPE)? {
            [1] => Kind::Discover,
            [2] => Kind::Offer,
            [3] => Kind::Request,
            [4] => Kind::Decline,
            [5] => Kind::Ack,
            [6] => Kind::Nak,
            [7] => Kind::Release,
            [8] => Kind::Inform,
            _ => return None,
        })
    }

    /// The name the client gives itself: option 12, else the name in option 81 (RFC 4702). Bytes of
    /// option 81 in DNS form are told by the second value.
    #[must_use]
    pub fn host_name(&self) -> Option<(&'a [u8], bool)> {
        if let Some(name) = self.option(option::HOST_NAME).filter(|name| !name.is_empty()) {
            return Some((name, false));
        }
        let mut reader = Reader::new(self.option(option::FQDN)?);
        let [flags, _, _] = reader.take::<3>()?;
        Some((reader.rest(), flags & 0x04 != 0)).filter(|(name, _)| !name.is_empty())
    }
}

/// Options: code and value. Ends at 255, at the end, or at the first that is cut; `cut` says so.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    rest: Reader<'a>,
    /// File and server name, which follow in this order if overloaded (RFC 2131 §4.1).
    more: [&'a [u8]; 2],
    /// Which of them are still to be read.
    overload: u8,
    is_main: bool,
    pub cut: bool,
}

impl<'a> Options<'a> {
    /// Options of a list of its own, such as a vendor's.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Options<'a> {
        Options { rest: Reader::new(bytes), more: [&[], &[]], overload: 0, is_main: true, cut: false }
    }

    /// Goes on in the next field that is overloaded.
    fn next_field(&mut self) -> Option<()> {
        let [file, server_name] = self.more;
        // From here on option 52 means nothing more, or the walk could go in circles.
        self.is_main = false;
        let bit = if self.overload & 1 != 0 { 1 } else { 2 };
        if self.overload & bit == 0 {
            return None;
        }
        self.overload &= !bit;
        self.rest = Reader::new(if bit == 1 { file } else { server_name });
        Some(())
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.rest.u8() {
                Some(0) => {}
                Some(255) | None => self.next_field()?,
                Some(code) => {
                    let value = self.rest.u8().and_then(|len| self.rest.slice(len.into()));
                    let Some(value) = value else {
                        self.cut = true;
                        self.rest = Reader::new(&[]);
                        self.overload = 0;
                        return None;
                    };
                    if let (option::OVERLOAD, [bits], true) = (code, value, self.is_main) {
                        self.overload = bits & 3;
                    }
                    return Some((code, value));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_order_and_end_at_the_first_lie() {
        let cases: &[(&str, &[u8], &[u8], bool)] = &[
            // name                 bytes                     codes      cut
            ("nothing", &[], &[], false),
            ("pads are skipped", &[0, 0, 53, 1, 3, 255], &[53], false),
            ("order is kept", &[55, 1, 6, 12, 0, 255], &[55, 12], false),
            ("length past the end", &[12, 9, b'p'], &[], true),
            ("no length", &[12], &[], true),
            ("bytes after the end", &[255, 53, 1, 3], &[], false),
            ("overload without fields", &[52, 1, 3, 255], &[52], false),
        ];
        for (name, bytes, codes, cut) in cases {
            let mut options = Options::new(bytes);
            let found: Vec<u8> = options.by_ref().map(|(code, _)| code).collect();
            assert_eq!((found.as_slice(), options.cut), (*codes, *cut), "{name}");
        }
    }

    fn packet(file: &[u8], server_name: &[u8], options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0, 0, 0, 0, 9, 0, 0, 0, 0];
        bytes.extend([0; 16]);
        bytes.extend([2, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for (field, len) in [(server_name, 64), (file, 128)] {
            let mut field = field.to_vec();
            field.resize(len, 0);
            bytes.extend(field);
        }
        bytes.extend(MAGIC);
        bytes.extend(options);
        bytes
    }

    #[test]
    fn overloaded_fields_are_read_once_and_in_order() {
        let file = [12, 2, b't', b'v', 52, 1, 3, 255];
        let name = [60, 1, b'x', 52, 1, 3, 255];
        for (overload, codes) in
            [(1, &[53, 52, 12, 52][..]), (2, &[53, 52, 60, 52]), (3, &[53, 52, 12, 52, 60, 52]), (0, &[53, 52])]
        {
            let bytes = packet(&file, &name, &[53, 1, 3, 52, 1, overload, 255]);
            let dhcp = Dhcp::read(&bytes).expect("a message");
            let found: Vec<u8> = dhcp.options().map(|(code, _)| code).take(20).collect();
            assert_eq!(found, codes, "overload {overload}");
        }
    }

    #[test]
    fn a_client_is_read_from_its_request() {
        let bytes = packet(&[], &[], &[53, 1, 3, 50, 4, 10, 0, 0, 5, 81, 6, 4, 0, 0, 2, b't', b'v', 255]);
        let dhcp = Dhcp::read(&bytes).expect("a message");
        assert_eq!((dhcp.kind(), dhcp.is_request, dhcp.is_relayed()), (Some(Kind::Request), true, false));
        assert_eq!(dhcp.client_mac, Some(MacAddr([2, 0, 0, 0, 0, 5])));
        assert_eq!(dhcp.address(option::REQUESTED_IP), Some([10, 0, 0, 5].into()));
        assert_eq!(dhcp.host_name(), Some((&[2, b't', b'v'][..], true)));
        assert_eq!(Dhcp::read(&bytes[..235]), None);
        assert_eq!(Dhcp::read(&bytes[..238]).and_then(|dhcp| dhcp.kind()), None);
    }
}
