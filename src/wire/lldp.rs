//! # LLDP
//!
//! IEEE 802.1AB-2016 clause 8, with the inventory of LLDP-MED (ANSI/TIA-1057): a switch, an access
//! point, a phone on the desk says who it is and through which of its ports. Bridges do not pass
//! these frames on, so the sender is the neighbour on the cable; cheap switches do, and then it is
//! some neighbour.

use std::net::IpAddr;

use crate::{model::MacAddr, wire::reader::Reader};

/// Who listens: the nearest bridge (IEEE 802.1AB-2016 table 7-1). The two other groups are for
/// bridges of providers.
pub const GROUP: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0, 0, 0x0e]);

/// TLVs looked at; talkative switches send about 30.
const TLVS_MAX: usize = 64;

/// TLV kinds (table 8-1).
mod kind {
    pub const END: u16 = 0;
    pub const CHASSIS: u16 = 1;
    pub const PORT: u16 = 2;
    pub const TIME_TO_LIVE: u16 = 3;
    pub const PORT_DESCRIPTION: u16 = 4;
    pub const SYSTEM_NAME: u16 = 5;
    pub const SYSTEM_DESCRIPTION: u16 = 6;
    pub const CAPABILITIES: u16 = 7;
    pub const MANAGEMENT: u16 = 8;
    pub const ORGANIZATION: u16 = 127;
}

/// Of TIA, for LLDP-MED.
const MED: [u8; 3] = [0x00, 0x12, 0xbb];

/// What a system can do, of which only what is switched on counts (table 8-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(pub u16);

impl Capabilities {
    pub const REPEATER: u16 = 1 << 1;
    pub const BRIDGE: u16 = 1 << 2;
    pub const ACCESS_POINT: u16 = 1 << 3;
    pub const ROUTER: u16 = 1 << 4;
    pub const TELEPHONE: u16 = 1 << 5;
    pub const CABLE_MODEM: u16 = 1 << 6;
    pub const STATION: u16 = 1 << 7;

    const WORDS: [(u16, &'static str); 7] = [
        (Capabilities::BRIDGE, "bridge"),
        (Capabilities::ROUTER, "router"),
        (Capabilities::ACCESS_POINT, "access point"),
        (Capabilities::REPEATER, "repeater"),
        (Capabilities::TELEPHONE, "telephone"),
        (Capabilities::CABLE_MODEM, "cable modem"),
        (Capabilities::STATION, "station"),
    ];

    /// Any of `bits` is on.
    #[must_use]
    pub const fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }
    /// One word each, what says most first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Capabilities::WORDS.into_iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, word)| word)
    }
}

/// An identifier of a chassis or of a port, as its subtype says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id<'a> {
    Mac(MacAddr),
    Ip(IpAddr),
    /// An interface name, alias or component, or what the maker likes.
    Text(&'a [u8]),
}

/// One announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lldp<'a> {
    pub chassis: Id<'a>,
    pub port: Id<'a>,
    /// Seconds; zero: what was said before holds no longer.
    pub time_to_live_s: u16,
    pub port_description: Option<&'a [u8]>,
    pub system_name: Option<&'a [u8]>,
    pub system_description: Option<&'a [u8]>,
    pub enabled: Capabilities,
    /// The first address that is IP.
    pub management: Option<IpAddr>,
    /// Manufacturer, model and serial number of the LLDP-MED inventory.
    pub maker: Option<&'a [u8]>,
    pub model: Option<&'a [u8]>,
    pub serial: Option<&'a [u8]>,
}

impl<'a> Lldp<'a> {
    /// `None` unless it starts with chassis, port and time to live, in this order (§8.2). What is
    /// cut later keeps what came before.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Lldp<'a>> {
        let mut reader = Reader::new(bytes);
        let mut next = |wanted: u16| tlv(&mut reader).filter(|(kind, _)| *kind == wanted).map(|(_, value)| value);
        // Subtypes of tables 8-2 and 8-3: MAC and network address have different numbers for each.
        let chassis = id(next(kind::CHASSIS)?, 4, 5)?;
        let port = id(next(kind::PORT)?, 3, 4)?;
        let time_to_live_s = Reader::new(next(kind::TIME_TO_LIVE)?).u16()?;
        let mut found = Lldp {
            chassis,
            port,
            time_to_live_s,
            port_description: None,
            system_name: None,
            system_description: None,
            enabled: Capabilities::default(),
            management: None,
            maker: None,
            model: None,
            serial: None,
        };
        for _ in 0..TLVS_MAX {
            match tlv(&mut reader) {
                None | Some((kind::END, _)) => break,
                Some((kind, value)) => found.take(kind, value),
            }
        }
        Some(found)
    }

    fn take(&mut self, kind: u16, value: &'a [u8]) {
        // Each may stand once (§8.4); the first counts.
        let text = |field: &mut Option<&'a [u8]>| {
            if field.is_none() && !value.is_empty() {
                *field = Some(value);
            }
        };
        match kind {
            kind::PORT_DESCRIPTION => text(&mut self.port_description),
            kind::SYSTEM_NAME => text(&mut self.system_name),
            kind::SYSTEM_DESCRIPTION => text(&mut self.system_description),
            kind::CAPABILITIES => {
                let mut reader = Reader::new(value);
                if let (Some(system), Some(enabled)) = (reader.u16(), reader.u16()) {
                    self.enabled = Capabilities(system & enabled);
                }
            }
            kind::MANAGEMENT if self.management.is_none() => {
                let mut reader = Reader::new(value);
                let address = reader.u8().and_then(|len| reader.slice(len.into()));
                self.management = address.and_then(address_of);
            }
            kind::ORGANIZATION => {
                let mut reader = Reader::new(value);
                let (Some(MED), Some(subtype)) = (reader.take::<3>(), reader.u8()) else { return };
                let rest = Some(reader.rest()).filter(|rest| !rest.is_empty());
                // TIA-1057 §10.2.6: 8 serial number, 9 manufacturer, 10 model.
                match subtype {
                    8 => self.serial = self.serial.or(rest),
                    9 => self.maker = self.maker.or(rest),
                    10 => self.model = self.model.or(rest),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Seven bits of kind, nine of length (§8.4.1).
fn tlv<'a>(reader: &mut Reader<'a>) -> Option<(u16, &'a [u8])> {
    let head = reader.u16()?;
    Some((head >> 9, reader.slice(usize::from(head & 0x1ff))?))
}

fn id(value: &[u8], mac: u8, network: u8) -> Option<Id<'_>> {
    let (&subtype, rest) = value.split_first()?;
    Some(match Reader::new(rest).mac() {
        Some(found) if subtype == mac && rest.len() == 6 => Id::Mac(found),
        _ => match address_of(rest) {
            Some(found) if subtype == network => Id::Ip(found),
            _ => Id::Text(rest),
        },
    })
}

/// Address family numbers of IANA: 1 IPv4, 2 IPv6.
fn address_of(value: &[u8]) -> Option<IpAddr> {
    let mut reader = Reader::new(value);
    match reader.u8()? {
        1 => reader.ipv4().map(IpAddr::from),
        2 => reader.ipv6().map(IpAddr::from),
        _ => None,
    }
    .filter(|_| reader.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(kind: u16, value: &[u8]) -> Vec<u8> {
        let head = kind << 9 | u16::try_from(value.len()).expect("short");
        [&head.to_be_bytes()[..], value].concat()
    }

    fn switch() -> Vec<u8> {
        [
            piece(1, &[4, 2, 0, 0, 0, 0, 5]),
            piece(2, b"\x05gi7"),
            piece(3, &[0, 120]),
            piece(4, b"to the attic"),
            piece(5, b"switch-cellar"),
            piece(6, b"Acme 8 port switch, 1.2.3"),
            piece(7, &[0, 0x14, 0, 0x04]),
            piece(8, &[5, 1, 10, 0, 0, 2, 2, 0, 0, 0, 9, 0]),
            piece(127, &[&MED[..], &[9], b"Acme"].concat()),
            piece(127, &[&MED[..], &[10], b"GS-8"].concat()),
            piece(127, &[0, 0x80, 0xc2, 1, 0, 1]),
            piece(0, &[]),
            piece(5, b"behind the end"),
        ]
        .concat()
    }

    #[test]
    fn a_switch_says_who_it_is_and_through_which_port() {
        let bytes = switch();
        let found = Lldp::read(&bytes).expect("an announcement");
        assert_eq!(found.chassis, Id::Mac(MacAddr([2, 0, 0, 0, 0, 5])));
        assert_eq!((found.port, found.time_to_live_s), (Id::Text(b"gi7"), 120));
        assert_eq!(
            (found.system_name, found.port_description),
            (Some(&b"switch-cellar"[..]), Some(&b"to the attic"[..]))
        );
        assert_eq!(found.enabled.words().collect::<Vec<_>>(), ["bridge"]);
        assert_eq!(found.management, Some([10, 0, 0, 2].into()));
        assert_eq!((found.maker, found.model, found.serial), (Some(&b"Acme"[..]), Some(&b"GS-8"[..]), None));
    }

    #[test]
    fn what_does_not_start_as_it_must_is_no_announcement() {
        let (chassis, port, life) = (piece(1, &[7, b'x']), piece(2, &[7, b'y']), piece(3, &[0, 9]));
        let cases: &[(&str, Vec<u8>, bool)] = &[
            ("least of all", [&chassis[..], &port, &life].concat(), true),
            ("wrong order", [&port[..], &chassis, &life].concat(), false),
            ("no time to live", [&chassis[..], &port].concat(), false),
            ("chassis of nothing", [&piece(1, &[])[..], &port, &life].concat(), false),
            ("a length past the end", [&chassis[..], &port, &life, &[0x0b, 0xff, b'n']].concat(), true),
            ("nothing", vec![], false),
        ];
        for (name, bytes, is_one) in cases {
            let found = Lldp::read(bytes);
            assert_eq!(found.is_some(), *is_one, "{name}");
            assert_eq!(found.and_then(|found| found.system_name), None, "{name}");
        }
        let v6 = [&[5u8, 2][..], &[0xfe; 16]].concat();
        let v6 = [piece(1, &v6), piece(2, &[3, 1, 2]), life].concat();
        let found = Lldp::read(&v6).expect("an announcement");
        assert_eq!((found.chassis, found.port), (Id::Ip([0xfe; 16].into()), Id::Text(&[1, 2])));
    }

    proptest! {
        #[test]
        fn a_cut_announcement_says_less_but_nothing_else(cut in 0usize..200, at in any::<prop::sample::Index>(), byte: u8) {
            let whole = switch();
            let found = Lldp::read(&whole[..cut.min(whole.len())]);
            if let (Some(cut), Some(whole)) = (found, Lldp::read(&whole)) {
                prop_assert!(cut.system_name.is_none() || cut.system_name == whole.system_name);
                prop_assert!(cut.management.is_none() || cut.management == whole.management);
            }
            let mut spoiled = whole.clone();
            spoiled[at.index(whole.len())] = byte;
            let _any_answer = Lldp::read(&spoiled);
        }
    }
}
