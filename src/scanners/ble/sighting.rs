//! # One advertisement, and what it says
//!
//! Pure: what BlueZ took apart is read by the decoders of `wire::ble`, and becomes facts.

use crate::{
    model::{Fact, Heard, MacAddr, Rssi},
    wire::ble::{self, AddressKind, Tag, apple, eddystone, fast_pair, microsoft},
};

/// Data fields of one sort kept of an advertisement; an extended one holds a few dozen at most.
pub const FIELDS_MAX: usize = 16;

/// What was heard of one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sighting {
    pub address: [u8; 6],
    /// As the controller says it.
    pub random: bool,
    pub dbm: Option<i16>,
    pub name: Option<String>,
    pub appearance: Option<u16>,
    pub class: Option<u32>,
    /// Company and data.
    pub makers: Vec<(u16, Vec<u8>)>,
    /// Service and data.
    pub services: Vec<(u16, Vec<u8>)>,
    /// This host and the device have exchanged keys.
    pub paired: bool,
}

impl Sighting {
    #[must_use]
    pub const fn address(&self) -> MacAddr {
        MacAddr(self.address)
    }

    #[must_use]
    pub const fn kind(&self) -> AddressKind {
        AddressKind::of(self.address(), self.random)
    }

    /// The level; a controller that did not measure says 127.
    #[must_use]
    pub fn level(&self) -> Option<Rssi> {
        self.dbm.and_then(|dbm| i8::try_from(dbm).ok()).filter(|dbm| *dbm < 20).and_then(Rssi::new)
    }

    /// The tag it is, if it is one.
    #[must_use]
    pub fn tag(&self) -> Option<Tag> {
        let maker = self.makers.iter().find_map(|(company, data)| Tag::of_maker(*company, data));
        maker.or_else(|| self.services.iter().find_map(|(uuid, data)| Tag::of_service(*uuid, data)))
    }

    /// It offers to pair with whoever is near.
    #[must_use]
    pub fn offers_pairing(&self) -> bool {
        let swift = |(company, data): &(u16, Vec<u8>)| {
            *company == ble::MICROSOFT && matches!(microsoft::read(data), Some(microsoft::Beacon::SwiftPair { .. }))
        };
        let fast = |(uuid, data): &(u16, Vec<u8>)| {
            *uuid == ble::FAST_PAIR && matches!(fast_pair::read(data), Some(fast_pair::FastPair::Offers { .. }))
        };
        self.apple().any(|message| message.is_pairing())
            || self.makers.iter().any(swift)
            || self.services.iter().any(fast)
    }

    /// The lowest of the levels of charge that it tells, in percent.
    #[must_use]
    pub fn battery(&self) -> Option<u8> {
        let service = self.services.iter().flat_map(|(uuid, data)| match *uuid {
            ble::BATTERY => [ble::battery(data), None, None],
            ble::FAST_PAIR => match fast_pair::read(data) {
                Some(fast_pair::FastPair::Owned { left, right, case }) => [left, right, case],
                _ => [None; 3],
            },
            _ => [None; 3],
        });
        let pods = self.apple().flat_map(|message| match message {
            apple::Message::Headphones(pods) => [pods.left, pods.right, pods.case],
            _ => [None; 3],
        });
        service.chain(pods).flatten().min()
    }

    fn apple(&self) -> impl Iterator<Item = apple::Message<'_>> {
        self.makers.iter().filter(|(company, _)| *company == ble::APPLE).flat_map(|(_, data)| apple::messages(data))
    }

    /// What sort of thing it says that it is.
    fn sort(&self) -> Option<&'static str> {
        let said = self.class.and_then(ble::class_of_device).or_else(|| self.appearance.and_then(ble::appearance));
        said.or_else(|| self.tag().is_some().then_some("tag"))
            .or_else(|| {
                self.makers.iter().find_map(|(company, data)| match (*company, microsoft::read(data)) {
                    (ble::MICROSOFT, Some(microsoft::Beacon::Device { kind })) => of_microsoft(kind),
                    _ => None,
                })
            })
            // Only what is worn in the ear tells its charge in this way.
            .or_else(|| {
                self.apple().any(|message| matches!(message, apple::Message::Headphones(_))).then_some("headset")
            })
            .or_else(|| {
                let owned = |(uuid, data): &(u16, Vec<u8>)| {
                    *uuid == ble::FAST_PAIR && matches!(fast_pair::read(data), Some(fast_pair::FastPair::Owned { .. }))
                };
                self.services.iter().any(owned).then_some("headset")
            })
    }

    /// The beacon it is, as text.
    fn beacon(&self) -> Option<String> {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let apple = self.apple().find_map(|message| match message {
            apple::Message::Beacon(beacon) => {
                Some(format!("ibeacon {} {} {}", hex(&beacon.uuid), beacon.major, beacon.minor))
            }
            _ => None,
        });
        apple.or_else(|| {
            let frames = self.services.iter().filter(|(uuid, _)| *uuid == ble::EDDYSTONE);
            frames.filter_map(|(_, data)| eddystone::read(data)).find_map(|frame| match frame {
                eddystone::Frame::Uid { namespace, instance, .. } => {
                    Some(format!("eddystone {} {}", hex(&namespace), hex(&instance)))
                }
                eddystone::Frame::Url { url, .. } => Some(format!("eddystone {url}")),
                _ => None,
            })
        })
    }

    /// All it says but that it is there.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        if let Some(level) = self.level() {
            facts.push(Fact::Level(level));
        }
        // BlueZ makes a name of the address where there is none.
        if let Some(name) = self.name.as_ref().filter(|name| name.replace('-', ":").parse::<MacAddr>().is_err()) {
            facts.push(Fact::Named { name: name.clone(), by: Heard::Bluetooth });
        }
        if let Some(sort) = self.sort() {
            facts.push(Fact::Label { key: "bluetooth", value: format!("bluetooth {sort}") });
        }
        if let Some(beacon) = self.beacon() {
            facts.push(Fact::Label { key: "beacon", value: beacon });
        }
        if let Some(battery) = self.battery() {
            facts.push(Fact::Label { key: "battery", value: format!("{battery} %") });
        }
        facts
    }
}

fn of_microsoft(kind: &str) -> Option<&'static str> {
    match kind {
        "windows" | "linux" => Some("computer"),
        "laptop" => Some("laptop"),
        "tablet" | "ipad" => Some("tablet"),
        "iphone" | "android" => Some("phone"),
        "xbox" => Some("game console"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a maker's data makes of a device: label `bluetooth`, charge, beacon.
    #[test]
    fn every_makers_data_says_what_it_is() {
        const PODS: &str = "0719010e200b8f3300000000112233445566778899aabbccddeeff";
        let bytes = |hex: &str| -> Vec<u8> {
            hex.as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect()
        };
        let maker = |company: u16, hex: &str| Sighting { makers: vec![(company, bytes(hex))], ..Sighting::default() };
        let service = |uuid: u16, hex: &str| Sighting { services: vec![(uuid, bytes(hex))], ..Sighting::default() };
        let ibeacon = "ibeacon f7826da64fa24e988024bc5b71e0893e 258 772";
        let cases: &[(&str, Sighting, Option<&str>, Option<u8>, Option<&str>)] = &[
            ("AirPods", maker(ble::APPLE, PODS), Some("headset"), Some(30), None),
            ("an iPhone nearby", maker(ble::APPLE, "10055b1c000000"), None, None, None),
            (
                "a lost AirTag",
                maker(ble::APPLE, "12191000112233445566778899aabbccddeeff0011223344550000"),
                Some("tag"),
                None,
                None,
            ),
            (
                "an iBeacon",
                maker(ble::APPLE, "0215f7826da64fa24e988024bc5b71e0893e01020304c5"),
                None,
                None,
                Some(ibeacon),
            ),
            ("cut", maker(ble::APPLE, "0215f7826da6"), None, None, None),
            ("the same bytes of another maker", maker(0x1234, PODS), None, None, None),
            ("Windows", maker(ble::MICROSOFT, "01092022"), Some("computer"), None, None),
            ("an Xbox", maker(ble::MICROSOFT, "01012022"), Some("game console"), None, None),
            ("an iPad", maker(ble::MICROSOFT, "01072022"), Some("tablet"), None, None),
            ("Android", maker(ble::MICROSOFT, "01082022"), Some("phone"), None, None),
            ("a laptop", maker(ble::MICROSOFT, "010e2022"), Some("laptop"), None, None),
            ("a hub of Microsoft's", maker(ble::MICROSOFT, "010d2022"), None, None, None),
            ("Swift Pair", maker(ble::MICROSOFT, "0300804d6f757365"), None, None, None),
            (
                "Google Fast Pair earbuds",
                service(ble::FAST_PAIR, "00401122334411553340e47f"),
                Some("headset"),
                Some(64),
                None,
            ),
            ("charge as a service", service(ble::BATTERY, "5a"), None, Some(90), None),
            ("charge that cannot be", service(ble::BATTERY, "ff"), None, None, None),
            ("nothing", Sighting::default(), None, None, None),
            ("a class", Sighting { class: Some(0x5a_020c), ..maker(ble::APPLE, PODS) }, Some("phone"), Some(30), None),
        ];
        for (name, sighting, sort, battery, beacon) in cases {
            let found = (sighting.sort(), sighting.battery(), sighting.beacon());
            assert_eq!((found.0, found.1, found.2.as_deref()), (*sort, *battery, *beacon), "{name}");
        }
    }

    #[test]
    fn an_advertisement_says_name_sort_level_and_charge() {
        let pods = vec![1, 0x0e, 0x20, 0x0b, 0x8f, 0x33, 0, 0, 0];
        let mut data = vec![0x07, 9];
        data.extend(pods);
        let mut sighting = Sighting {
            address: [0xc4, 0, 0, 0, 0, 1],
            random: true,
            dbm: Some(-61),
            name: Some("Pods".into()),
            appearance: Some(0x0941),
            makers: vec![(ble::APPLE, data)],
            services: vec![(ble::BATTERY, vec![90]), (ble::EDDYSTONE, vec![0x10, 0, 3, b'a', 7])],
            ..Sighting::default()
        };
        let shown: Vec<String> = sighting.facts().iter().map(|fact| format!("{fact:?}")).collect();
        assert_eq!(
            shown,
            [
                "Level(Rssi(-61))",
                "Named { name: \"Pods\", by: Bluetooth }",
                "Label { key: \"bluetooth\", value: \"bluetooth headset\" }",
                "Label { key: \"beacon\", value: \"eddystone https://a.com\" }",
                "Label { key: \"battery\", value: \"30 %\" }",
            ]
        );
        assert_eq!(sighting.kind(), AddressKind::RandomStatic);
        sighting = Sighting { name: Some("C4-00-00-00-00-01".into()), dbm: Some(127), ..Sighting::default() };
        assert_eq!(sighting.facts(), [], "neither an address nor an unmeasured level says anything");
    }
}
