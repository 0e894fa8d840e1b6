//! # CDP
//!
//! Cisco's discovery protocol, spoken by switches, access points and phones of several makers. Not
//! a standard; fields as Cisco's "Catalyst LAN Switching" frame format and Wireshark's dissector
//! have them.

use std::net::IpAddr;

use crate::{
    model::MacAddr,
    wire::{link::Carries, reader::Reader},
};

/// Who listens.
pub const GROUP: MacAddr = MacAddr([0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcc]);
/// Behind 802.2 SNAP.
pub const CARRIED: Carries = Carries::Snap { oui: [0, 0, 0x0c], id: 0x2000 };

const TLVS_MAX: usize = 64;
/// Addresses looked at in one list.
const ADDRESSES_MAX: usize = 8;

mod kind {
    pub const DEVICE_ID: u16 = 1;
    pub const ADDRESSES: u16 = 2;
    pub const PORT: u16 = 3;
    pub const CAPABILITIES: u16 = 4;
    pub const SOFTWARE: u16 = 5;
    pub const PLATFORM: u16 = 6;
    pub const MANAGEMENT: u16 = 0x16;
}

/// What a system can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(pub u32);

impl Capabilities {
    pub const ROUTER: u32 = 1;
    pub const BRIDGE: u32 = 1 << 1 | 1 << 2;
    pub const SWITCH: u32 = 1 << 3;
    pub const HOST: u32 = 1 << 4;
    pub const PHONE: u32 = 1 << 7;

    const WORDS: [(u32, &'static str); 5] = [
        (Capabilities::SWITCH, "switch"),
        (Capabilities::ROUTER, "router"),
        (Capabilities::BRIDGE, "bridge"),
        (Capabilities::PHONE, "telephone"),
        (Capabilities::HOST, "host"),
    ];

    /// Any of `bits` is set.
    #[must_use]
    pub const fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }
    /// One word each, what says most first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Capabilities::WORDS.into_iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, word)| word)
    }
}

/// One announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cdp<'a> {
    pub time_to_live_s: u8,
    pub device_id: Option<&'a [u8]>,
    pub port: Option<&'a [u8]>,
    pub capabilities: Capabilities,
    pub software: Option<&'a [u8]>,
    pub platform: Option<&'a [u8]>,
    /// For management if it says one, else the first of its addresses.
    pub address: Option<IpAddr>,
}

impl<'a> Cdp<'a> {
    /// `None` if it is another version, or names neither device nor platform.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Cdp<'a>> {
        let mut reader = Reader::new(bytes);
        let [version, time_to_live_s, _, _] = reader.take()?;
        if !matches!(version, 1 | 2) {
            return None;
        }
        let mut found = Cdp { time_to_live_s, ..Cdp::default() };
        for _ in 0..TLVS_MAX {
            let Some((kind, value)) = tlv(&mut reader) else { break };
            let text = |field: &mut Option<&'a [u8]>| {
                if field.is_none() && !value.is_empty() {
                    *field = Some(value);
                }
            };
            match kind {
                kind::DEVICE_ID => text(&mut found.device_id),
                kind::PORT => text(&mut found.port),
                kind::SOFTWARE => text(&mut found.software),
                kind::PLATFORM => text(&mut found.platform),
                kind::CAPABILITIES => {
                    found.capabilities = Capabilities(Reader::new(value).u32().unwrap_or_default());
                }
                kind::ADDRESSES => found.address = found.address.or(address(value)),
                kind::MANAGEMENT => found.address = address(value).or(found.address),
                _ => {}
            }
        }
        (found.device_id.is_some() || found.platform.is_some()).then_some(found)
    }
}

/// The length counts kind and length themselves.
fn tlv<'a>(reader: &mut Reader<'a>) -> Option<(u16, &'a [u8])> {
    let (kind, len) = (reader.u16()?, reader.u16()?);
    Some((kind, reader.slice(usize::from(len).checked_sub(4)?)?))
}

/// The first IP address of a list: protocol kind, protocol, address, each with its length.
fn address(list: &[u8]) -> Option<IpAddr> {
    let mut reader = Reader::new(list);
    let count = reader.u32()?;
    for _ in 0..ADDRESSES_MAX.min(usize::try_from(count).unwrap_or(usize::MAX)) {
        let [_kind, len] = reader.take()?;
        let protocol = reader.slice(len.into())?;
        let len = reader.u16()?;
        let mut value = Reader::new(reader.slice(len.into())?);
        // NLPID 0xcc is IPv4; IPv6 comes as 802.2 with its EtherType at the end.
        match (protocol, len) {
            ([0xcc], 4) => return value.ipv4().map(IpAddr::from),
            ([.., 0x86, 0xdd], 16) => return value.ipv6().map(IpAddr::from),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(kind: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len() + 4).expect("short");
        [&kind.to_be_bytes()[..], &len.to_be_bytes(), value].concat()
    }

    fn switch() -> Vec<u8> {
        [
            vec![2, 180, 0, 0],
            piece(1, b"switch-cellar.lan"),
            piece(2, &[0, 0, 0, 1, 1, 1, 0xcc, 0, 4, 10, 0, 0, 2]),
            piece(3, b"GigabitEthernet0/7"),
            piece(4, &[0, 0, 0, 0x29]),
            piece(6, b"Acme GS-8"),
            piece(0x16, &[0, 0, 0, 1, 1, 1, 0xcc, 0, 4, 10, 0, 0, 3]),
        ]
        .concat()
    }

    #[test]
    fn a_switch_says_who_it_is_and_through_which_port() {
        let bytes = switch();
        let found = Cdp::read(&bytes).expect("an announcement");
        assert_eq!((found.device_id, found.platform), (Some(&b"switch-cellar.lan"[..]), Some(&b"Acme GS-8"[..])));
        assert_eq!((found.port, found.address), (Some(&b"GigabitEthernet0/7"[..]), Some([10, 0, 0, 3].into())));
        assert_eq!(found.capabilities.words().collect::<Vec<_>>(), ["switch", "router"]);
    }

    #[test]
    fn lengths_are_believed_only_as_far_as_there_are_bytes() {
        let cases: &[(&str, Vec<u8>, Option<Option<IpAddr>>)] = &[
            ("another version", [vec![9], switch()[1..].to_vec()].concat(), None),
            ("names nobody", [vec![2, 9, 0, 0], piece(3, b"1")].concat(), None),
            ("no length", [vec![2, 9, 0, 0], piece(1, b"a"), vec![0, 6, 0, 3]].concat(), Some(None)),
            (
                "more addresses than there are",
                [vec![2, 9, 0, 0], piece(1, b"a"), piece(2, &[0xff; 4])].concat(),
                Some(None),
            ),
            (
                "an address that is too short",
                [vec![2, 9, 0, 0], piece(1, b"a"), piece(2, &[0, 0, 0, 1, 1, 1, 0xcc, 0, 4, 9])].concat(),
                Some(None),
            ),
            ("nothing", vec![], None),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(Cdp::read(bytes).map(|found| found.address), *expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(cut in 0usize..120, at in any::<prop::sample::Index>(), byte: u8, tail in proptest::collection::vec(any::<u8>(), 0..60)) {
            let whole = switch();
            if let Some(found) = Cdp::read(&whole[..cut.min(whole.len())]) {
                prop_assert!(found.device_id.is_none_or(|id| id == b"switch-cellar.lan"));
            }
            let mut spoiled = whole.clone();
            spoiled[at.index(whole.len())] = byte;
            let _any_answer = Cdp::read(&spoiled);
            let _any_answer = Cdp::read(&[&[2, 9, 0, 0][..], &tail].concat());
        }
    }
}
