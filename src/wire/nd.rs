//! # Neighbour discovery and multicast listeners
//!
//! RFC 4861 and RFC 3810. Whether a message may be believed (hop limit 255, §6.1 and §7.1) is
//! asked with [`is_local`], because the reader of a forged one wants to see it too.

use std::net::Ipv6Addr;

use crate::{
    model::MacAddr,
    wire::{icmp::Icmp, ipv6::Ipv6, reader::Reader},
};

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nd<'a> {
    RouterSolicit {
        options: &'a [u8],
    },
    RouterAdvert(RouterAdvert<'a>),
    NeighbourSolicit {
        target: Ipv6Addr,
        options: &'a [u8],
    },
    NeighbourAdvert {
        target: Ipv6Addr,
        is_router: bool,
        is_solicited: bool,
        is_override: bool,
        options: &'a [u8],
    },
    Redirect {
        target: Ipv6Addr,
        destination: Ipv6Addr,
        options: &'a [u8],
    },
    /// A multicast listener report, of version 1 or 2.
    ListenerReport,
}

/// What a router says of itself and of the network (RFC 4861 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouterAdvert<'a> {
    pub hop_limit: u8,
    /// Addresses, or other settings, come by DHCPv6.
    pub is_managed: bool,
    pub has_other: bool,
    /// 1 high, 0 medium, 3 low (RFC 4191 §2.1).
    pub preference: u8,
    /// Seconds; zero: not a default router.
    pub lifetime_s: u16,
    pub options: &'a [u8],
}

/// Option kinds (IANA icmpv6-parameters).
pub mod option {
    pub const SOURCE_LINK: u8 = 1;
    pub const TARGET_LINK: u8 = 2;
    pub const PREFIX: u8 = 3;
    pub const MTU: u8 = 5;
    pub const ROUTE: u8 = 24;
    pub const DNS_SERVERS: u8 = 25;
    pub const DNS_SEARCH: u8 = 31;
}

impl<'a> Nd<'a> {
    /// `None` if it is another kind of ICMPv6, or cut.
    #[must_use]
    pub fn read(icmp: &Icmp<'a>) -> Option<Nd<'a>> {
        let mut reader = Reader::new(icmp.body);
        let [first, second, third, fourth] = icmp.rest;
        Some(match icmp.kind {
            133 => Nd::RouterSolicit { options: icmp.body },
            134 => {
                reader.skip(8)?; // reachable time, retransmission timer
                Nd::RouterAdvert(RouterAdvert {
                    hop_limit: first,
                    is_managed: second & 0x80 != 0,
                    has_other: second & 0x40 != 0,
                    preference: second >> 3 & 3,
                    lifetime_s: u16::from_be_bytes([third, fourth]),
                    options: reader.rest(),
                })
            }
            135 => Nd::NeighbourSolicit { target: reader.ipv6()?, options: reader.rest() },
            136 => Nd::NeighbourAdvert {
                target: reader.ipv6()?,
                is_router: first & 0x80 != 0,
                is_solicited: first & 0x40 != 0,
                is_override: first & 0x20 != 0,
                options: reader.rest(),
            },
            137 => Nd::Redirect { target: reader.ipv6()?, destination: reader.ipv6()?, options: reader.rest() },
            131 | 143 => Nd::ListenerReport,
            _ => return None,
        })
    }

    /// Its options, in order.
    #[must_use]
    pub const fn options(&self) -> Options<'a> {
        let bytes: &[u8] = match self {
            Nd::RouterSolicit { options }
            | Nd::RouterAdvert(RouterAdvert { options, .. })
            | Nd::NeighbourSolicit { options, .. }
            | Nd::NeighbourAdvert { options, .. }
            | Nd::Redirect { options, .. } => options,
            Nd::ListenerReport => &[],
        };
        Options { rest: Reader::new(bytes), cut: false }
    }

    /// The link-layer address in the first option of `kind`.
    #[must_use]
    pub fn link_address(&self, kind: u8) -> Option<MacAddr> {
        self.options().find(|(found, _)| *found == kind).and_then(|(_, value)| Reader::new(value).mac())
    }
}

/// Sent on this link and not routed here: routers lower the hop limit, and nobody can raise it.
#[must_use]
pub const fn is_local(header: &Ipv6<'_>) -> bool {
    header.hop_limit == 255
}

/// Options: kind and value. Ends at the end or at the first that is cut or has length zero (RFC
/// 4861 §4.6); `cut` says so.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    rest: Reader<'a>,
    pub cut: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let kind = self.rest.u8();
        // In units of eight bytes, kind and length counted.
        let len = self.rest.u8().and_then(|len| (usize::from(len) * 8).checked_sub(2));
        let value = len.and_then(|len| self.rest.slice(len));
        if value.is_none() {
            self.cut = true;
            self.rest = Reader::new(&[]);
        }
        Some((kind?, value?))
    }
}

/// The fixed part of a prefix option (RFC 4861 §4.6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    pub prefix: Ipv6Addr,
    pub len: u8,
    pub is_on_link: bool,
    pub is_autonomous: bool,
    pub valid_s: u32,
}

impl Prefix {
    /// Reads the value of a prefix option.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Prefix> {
        let mut reader = Reader::new(value);
        let (len, flags, valid_s) = (reader.u8()?, reader.u8()?, reader.u32()?);
        reader.skip(8)?;
        let prefix = reader.ipv6()?;
        let (is_on_link, is_autonomous) = (flags & 0x80 != 0, flags & 0x40 != 0);
        (len <= 128).then_some(Prefix { prefix, len, is_on_link, is_autonomous, valid_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(kind: u8, rest: [u8; 4], body: &'a [u8]) -> Option<Nd<'a>> {
        Nd::read(&Icmp { kind, code: 0, rest, body })
    }

    #[test]
    fn messages_and_their_options_are_read() {
        let target = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
        let mac = MacAddr([2, 0, 0, 0, 0, 5]);
        let advert = [&target[..], &[2, 1], &mac.0].concat();
        let found = message(136, [0xe0, 0, 0, 0], &advert).expect("an advertisement");
        assert_eq!(found.link_address(option::TARGET_LINK), Some(mac));
        assert!(
            matches!(found, Nd::NeighbourAdvert { target: t, is_router: true, is_solicited: true, is_override: true, .. }
            if t == Ipv6Addr::from(target))
        );

        let prefix = [
            &[3, 4, 64, 0xc0][..],
            &[0, 0, 0x0e, 0x10, 0, 0, 0, 9, 0, 0, 0, 0],
            &[0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let router = [&[0; 8][..], &prefix, &[1, 1], &mac.0].concat();
        let found = message(134, [64, 0xc0, 7, 8], &router).expect("a router");
        let Nd::RouterAdvert(advert) = found else { panic!("not a router: {found:?}") };
        assert_eq!(
            (advert.lifetime_s, advert.is_managed, found.link_address(option::SOURCE_LINK)),
            (1800, true, Some(mac))
        );
        let (_, value) = found.options().next().expect("a prefix");
        assert_eq!(Prefix::read(value).map(|p| (p.len, p.is_on_link, p.valid_s)), Some((64, true, 3600)));

        assert_eq!(message(135, [0; 4], &target[..15]), None);
        assert_eq!(message(128, [0; 4], &target), None);
        assert_eq!(message(143, [0, 0, 0, 1], &[]), Some(Nd::ListenerReport));
    }

    #[test]
    fn an_option_of_no_length_ends_the_list() {
        for lie in [&[1, 0, 2, 0, 0, 0, 0, 5][..], &[1, 2, 2, 0, 0, 0, 0, 5], &[1]] {
            let mut options = Nd::RouterSolicit { options: lie }.options();
            assert_eq!((options.next(), options.cut), (None, true), "{lie:?}");
        }
    }
}
