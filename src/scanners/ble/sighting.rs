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
        said.or_else(|| self.tag().is_some().then_some("tag")).or_else(|| {
            self.makers.iter().find_map(|(company, data)| match (*company, microsoft::read(data)) {
                (ble::MICROSOFT, Some(microsoft::Beacon::Device { kind: "windows" | "linux" | "laptop" })) => {
                    Some("computer")
                }
                (ble::MICROSOFT, Some(microsoft::Beacon::Device { kind: "xbox" })) => Some("game console"),
                (ble::MICROSOFT, Some(microsoft::Beacon::Device { kind: "iphone" | "android" })) => Some("phone"),
                _ => None,
            })
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

#[cfg(test)]
mod tests {
    use super::*;

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
