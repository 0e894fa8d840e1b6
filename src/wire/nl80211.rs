//! # What the kernel says of Wi-Fi
//!
//! Attributes of generic netlink (linux/netlink.h) and the messages of `nl80211` (linux/nl80211.h): cards, and
//! the stations of an access point that this host is. The numbers are the kernel's; bytes are in its own order.

use std::time::Duration;

use super::reader::Reader;
use crate::model::MacAddr;

/// Attributes of a message (`enum nl80211_attrs`).
pub mod attribute {
    pub const IFINDEX: u16 = 3;
    pub const IFNAME: u16 = 4;
    pub const IFTYPE: u16 = 5;
    pub const MAC: u16 = 6;
    pub const STA_INFO: u16 = 21;
    pub const WIPHY_FREQ: u16 = 38;
    pub const SSID: u16 = 52;
    pub const CHANNEL_WIDTH: u16 = 159;
    pub const CENTER_FREQ1: u16 = 160;
}

/// Of a station (`enum nl80211_sta_info`).
mod station {
    pub const INACTIVE_MS: u16 = 1;
    pub const RX_BYTES: u16 = 2;
    pub const SIGNAL: u16 = 7;
    pub const SIGNAL_AVERAGE: u16 = 13;
    pub const CONNECTED_S: u16 = 16;
    pub const FLAGS: u16 = 17;
    pub const RX_BYTES_64: u16 = 23;
}

/// Bit of `NL80211_STA_FLAG_AUTHORIZED`: it knows the key.
const AUTHORIZED: u32 = 1 << 1;

/// Type and value, without the flag bits of the type; ends at the first that is cut short.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = Reader::new(bytes);
    std::iter::from_fn(move || {
        let length = usize::from(rest.take().map(u16::from_ne_bytes)?);
        let kind = rest.take().map(u16::from_ne_bytes)?;
        let value = rest.slice(length.checked_sub(4)?)?;
        rest.at_most(length.next_multiple_of(4) - length);
        Some((kind & 0x3fff, value))
    })
}

/// The first attribute of this type.
#[must_use]
pub fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

#[must_use]
pub fn number16(value: &[u8]) -> Option<u16> {
    Reader::new(value).take().map(u16::from_ne_bytes)
}

#[must_use]
pub fn number32(value: &[u8]) -> Option<u32> {
    Reader::new(value).take().map(u32::from_ne_bytes)
}

fn number64(value: &[u8]) -> Option<u64> {
    Reader::new(value).take().map(u64::from_ne_bytes)
}

/// An interface of a card, as answers to NL80211_CMD_GET_INTERFACE have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface<'a> {
    pub index: u32,
    pub mac: Option<MacAddr>,
    /// `enum nl80211_iftype`.
    pub kind: u32,
    /// Of the network that it is an access point of, or joined to.
    pub ssid: Option<&'a [u8]>,
    pub mhz: Option<u32>,
}

impl<'a> Interface<'a> {
    /// NL80211_IFTYPE_AP, _AP_VLAN and _P2P_GO.
    #[must_use]
    pub const fn is_access_point(&self) -> bool {
        matches!(self.kind, 3 | 4 | 9)
    }
    /// NL80211_IFTYPE_MONITOR.
    #[must_use]
    pub const fn is_monitor(&self) -> bool {
        self.kind == 6
    }

    #[must_use]
    pub fn read(body: &'a [u8]) -> Option<Interface<'a>> {
        Some(Interface {
            index: find(body, attribute::IFINDEX).and_then(number32)?,
            mac: find(body, attribute::MAC).and_then(|mac| Reader::new(mac).mac()).filter(|mac| mac.is_station()),
            kind: find(body, attribute::IFTYPE).and_then(number32).unwrap_or(0),
            ssid: find(body, attribute::SSID).filter(|name| name.len() <= 32 && name.iter().any(|byte| *byte != 0)),
            mhz: find(body, attribute::WIPHY_FREQ).and_then(number32),
        })
    }
}

/// One who is connected to this host's access point, as answers to NL80211_CMD_GET_STATION have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Station {
    pub mac: MacAddr,
    /// Since it was last heard.
    pub inactive: Option<Duration>,
    /// Bytes it sent since it is connected. Those that count in 32 bits begin anew at 4 GiB.
    pub received: Option<u64>,
    pub connected: Option<Duration>,
    pub dbm: Option<i8>,
    /// It proved that it knows the key. `None`: the driver does not say.
    pub authorized: Option<bool>,
}

impl Station {
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Station> {
        let mac = find(body, attribute::MAC).and_then(|mac| Reader::new(mac).mac()).filter(|mac| mac.is_station())?;
        let info = find(body, attribute::STA_INFO).unwrap_or_default();
        let level = find(info, station::SIGNAL).or_else(|| find(info, station::SIGNAL_AVERAGE));
        // A mask of the flags that are known, then the flags (struct nl80211_sta_flag_update).
        let flags = find(info, station::FLAGS).and_then(|value| {
            let mut reader = Reader::new(value);
            Some((reader.take().map(u32::from_ne_bytes)?, reader.take().map(u32::from_ne_bytes)?))
        });
        Some(Station {
            mac,
            inactive: find(info, station::INACTIVE_MS).and_then(number32).map(|ms| Duration::from_millis(ms.into())),
            received: find(info, station::RX_BYTES_64)
                .and_then(number64)
                .or_else(|| find(info, station::RX_BYTES).and_then(number32).map(u64::from)),
            connected: find(info, station::CONNECTED_S).and_then(number32).map(|s| Duration::from_secs(s.into())),
            // Drivers that measure nothing say 0.
            dbm: level.and_then(|value| value.first()).map(|dbm| dbm.cast_signed()).filter(|dbm| *dbm < 0),
            authorized: flags.filter(|(mask, _)| mask & AUTHORIZED != 0).map(|(_, set)| set & AUTHORIZED != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attr(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(4 + value.len()).expect("short");
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// As `iw dev wlan0 station dump` gets it, in the order of net/wireless/nl80211.c, nl80211_send_station.
    fn station(info: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let nested: Vec<u8> = info.iter().flat_map(|(kind, value)| attr(*kind, value)).collect();
        [
            attr(attribute::IFINDEX, &3u32.to_ne_bytes()),
            attr(attribute::MAC, &[0xda, 1, 2, 3, 4, 5]),
            attr(46, &7u32.to_ne_bytes()),
            attr(attribute::STA_INFO | 0x8000, &nested),
        ]
        .concat()
    }

    #[test]
    fn stations_are_read_as_the_kernel_lays_them_out() {
        let whole = station(&[
            (station::CONNECTED_S, 3_600u32.to_ne_bytes().to_vec()),
            (station::INACTIVE_MS, 1_250u32.to_ne_bytes().to_vec()),
            (station::RX_BYTES, 100u32.to_ne_bytes().to_vec()),
            (station::RX_BYTES_64, 0x1_0000_0064u64.to_ne_bytes().to_vec()),
            (station::SIGNAL, vec![0xc8]),
            (station::FLAGS, [AUTHORIZED | 4, AUTHORIZED].iter().flat_map(|word| word.to_ne_bytes()).collect()),
        ]);
        let expected = Station {
            mac: MacAddr([0xda, 1, 2, 3, 4, 5]),
            inactive: Some(Duration::from_millis(1_250)),
            received: Some(0x1_0000_0064),
            connected: Some(Duration::from_secs(3_600)),
            dbm: Some(-56),
            authorized: Some(true),
        };
        assert_eq!(Station::read(&whole), Some(expected));
        let bare = Station { inactive: None, received: None, connected: None, dbm: None, authorized: None, ..expected };
        assert_eq!(Station::read(&station(&[])), Some(bare));
        let cases: &[(&str, u16, Vec<u8>, Station)] = &[
            ("a short counter", station::RX_BYTES, 9u32.to_ne_bytes().to_vec(), Station { received: Some(9), ..bare }),
            ("a mean level", station::SIGNAL_AVERAGE, vec![0xb0], Station { dbm: Some(-80), ..bare }),
            ("no level", station::SIGNAL, vec![0], bare),
            ("a flag that is not known", station::FLAGS, vec![4, 0, 0, 0, 2, 0, 0, 0], bare),
            (
                "a knock",
                station::FLAGS,
                [2u32, 0].iter().flat_map(|word| word.to_ne_bytes()).collect(),
                Station { authorized: Some(false), ..bare },
            ),
            ("cut", station::INACTIVE_MS, vec![1, 2], bare),
        ];
        for (name, kind, value, expected) in cases {
            assert_eq!(Station::read(&station(&[(*kind, value.clone())])), Some(*expected), "{name}");
        }
        assert_eq!(Station::read(&attr(attribute::MAC, &[1, 0, 0x5e, 0, 0, 1])), None, "a group is no station");
    }

    #[test]
    fn interfaces_say_what_they_are() {
        let body = |kind: u32| {
            [
                attr(attribute::IFINDEX, &5u32.to_ne_bytes()),
                attr(attribute::IFNAME, b"ap0\0"),
                attr(attribute::IFTYPE, &kind.to_ne_bytes()),
                attr(attribute::MAC, &[0, 1, 2, 3, 4, 5]),
                attr(attribute::SSID, b"Home"),
                attr(attribute::WIPHY_FREQ, &2_437u32.to_ne_bytes()),
            ]
            .concat()
        };
        // station, access point, its VLAN, monitor, mesh, group owner
        for (kind, is_point, is_monitor) in [
            (2, false, false),
            (3, true, false),
            (4, true, false),
            (6, false, true),
            (7, false, false),
            (9, true, false),
        ] {
            let bytes = body(kind);
            let found = Interface::read(&bytes).expect("whole");
            assert_eq!((found.is_access_point(), found.is_monitor()), (is_point, is_monitor), "{kind}");
            assert_eq!((found.index, found.ssid, found.mhz), (5, Some(&b"Home"[..]), Some(2_437)));
        }
        assert_eq!(Interface::read(&[]), None);
    }

    proptest! {
        /// Whatever the bytes: it ends, and nothing is read beyond them.
        #[test]
        fn no_bytes_are_too_odd(data in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..200) {
            let _whatever = (Station::read(&data), Interface::read(&data));
            prop_assert!(attributes(&data).count() * 4 <= data.len());
            let whole = station(&[(station::RX_BYTES_64, vec![1; 8]), (station::INACTIVE_MS, vec![1; 4])]);
            let cut = whole.get(..at.min(whole.len())).unwrap_or_default();
            prop_assert!(Station::read(cut).is_none_or(|station| station.mac == MacAddr([0xda, 1, 2, 3, 4, 5])));
        }
    }
}
