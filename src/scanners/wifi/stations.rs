//! # Who is connected to this host's own access point
//!
//! The kernel keeps a station in its list until it times out, minutes after it left. So being listed proves
//! nothing: what it sent since the round before does, or that it was heard a moment ago.

use std::time::Duration;

use super::SSID_MAX;
use crate::{
    model::{AccessPoint, Capped, Fact, MacAddr, Mono, Proof, Rssi, clean_text},
    scanners::nl80211::Kernel,
    wire::{
        nl80211::{Interface, Station},
        wifi::channel,
    },
};

/// Stations remembered from the round before. Cards serve a few hundred at most.
const STATIONS_MAX: usize = 1024;
/// Heard within this time, it is there, whatever its counter says.
const JUST_NOW: Duration = Duration::from_secs(10);

/// What each had sent at the round before.
#[derive(Debug)]
pub struct Stations {
    known: Capped<MacAddr, Known>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    received: Option<u64>,
    at: Mono,
}

/// Whom a fact is about.
pub type Told = (MacAddr, Fact);

impl Default for Stations {
    fn default() -> Self {
        Stations { known: Capped::new(STATIONS_MAX) }
    }
}

impl Stations {
    /// What all access points of this host tell, and how many stations they list.
    pub async fn round(&mut self, kernel: Option<&mut Kernel>, now: Mono) -> (Vec<Told>, u64) {
        let mut told = Vec::new();
        let mut listed = 0;
        let Some(kernel) = kernel else { return (told, listed) };
        let interfaces = kernel.interfaces().await.unwrap_or_default();
        for interface in interfaces.iter().filter_map(|body| Interface::read(body)).filter(Interface::is_access_point) {
            if let Some(mac) = interface.mac {
                told.push((mac, Fact::AccessPoint(own(&interface))));
            }
            // One that went away meanwhile has nobody.
            let stations = kernel.stations(interface.index).await.unwrap_or_default();
            for station in stations.iter().filter_map(|body| Station::read(body)).take(STATIONS_MAX) {
                listed += 1;
                self.take(&station, now, &mut told);
            }
        }
        (told, listed)
    }

    fn take(&mut self, station: &Station, now: Mono, told: &mut Vec<Told>) {
        // Whoever does not know the key is nobody of the home.
        if station.authorized == Some(false) {
            return;
        }
        let before = self.known.get(&station.mac).copied();
        self.known.insert(station.mac, Known { received: station.received, at: now });
        let Some(age) = alive(before.map(|known| (known.received, now.since(known.at))), station) else { return };
        told.push((station.mac, Fact::Alive { proof: Proof::Frame, age }));
        if let Some(level) = station.dbm.and_then(Rssi::new) {
            told.push((station.mac, Fact::Level(level)));
        }
    }
}

/// How old its last sign of life is. `None`: it is merely listed.
fn alive(before: Option<(Option<u64>, Duration)>, station: &Station) -> Option<Duration> {
    if let Some((Some(sent), since)) = before
        && let Some(sends) = station.received
    {
        // It grew, or began anew with a new connection. Some drivers count idle time badly, so the
        // counter has the last word.
        return (sends != sent).then(|| station.inactive.unwrap_or(since).min(since));
    }
    station
        .inactive
        .filter(|inactive| *inactive <= JUST_NOW)
        .or_else(|| station.connected.filter(|since| *since <= JUST_NOW))
}

fn own(interface: &Interface<'_>) -> AccessPoint {
    AccessPoint {
        ssid: clean_text(&String::from_utf8_lossy(interface.ssid.unwrap_or_default()), SSID_MAX),
        channel: interface.mhz.and_then(channel),
        level: None,
        // What it asks of its stations is hostapd's to tell.
        security: String::new(),
        own: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_merely_listed_shows_no_life() {
        let s = Duration::from_secs;
        let station = |received: Option<u64>, inactive: Option<u64>, connected: u64| Station {
            mac: MacAddr([0xda, 0, 0, 0, 0, 1]),
            inactive: inactive.map(s),
            received,
            connected: Some(s(connected)),
            dbm: None,
            authorized: None,
        };
        let minute = |sent: u64| Some((Some(sent), s(60)));
        let cases = [
            ("sent since", minute(10), station(Some(11), Some(3), 900), Some(3)),
            ("sent since, idle time not known", minute(10), station(Some(11), None, 900), Some(60)),
            ("sent since, idle time that cannot be", minute(10), station(Some(11), Some(500), 900), Some(60)),
            ("connected anew", minute(10), station(Some(2), Some(1), 5), Some(1)),
            ("merely listed", minute(10), station(Some(10), Some(70), 900), None),
            ("a driver without idle time", minute(10), station(Some(10), Some(0), 900), None),
            ("new to us, heard just now", None, station(Some(10), Some(4), 900), Some(4)),
            ("new to us, silent", None, station(Some(10), Some(40), 900), None),
            ("new to us, just connected", None, station(Some(10), None, 2), Some(2)),
            ("no counter, heard just now", Some((None, s(60))), station(None, Some(4), 900), Some(4)),
            ("no counter, silent", Some((None, s(60))), station(None, Some(40), 900), None),
            ("nothing said", Some((None, s(60))), station(None, None, 900), None),
        ];
        for (name, before, station, expected) in cases {
            assert_eq!(alive(before, &station), expected.map(s), "{name}");
        }
    }

    #[test]
    fn strangers_at_the_door_and_floods_are_nobody() {
        let mut stations = Stations::default();
        let mut told = Vec::new();
        let station = |n: u32, authorized| {
            let [a, b, c, d] = n.to_be_bytes();
            Station {
                mac: MacAddr([2, 0, a, b, c, d]),
                inactive: Some(Duration::ZERO),
                received: Some(1),
                connected: None,
                dbm: Some(-50),
                authorized,
            }
        };
        stations.take(&station(1, Some(false)), Mono(1), &mut told);
        assert!(told.is_empty());
        stations.take(&station(1, Some(true)), Mono(1), &mut told);
        assert_eq!(told.len(), 2);
        for n in 0..10_000 {
            stations.take(&station(n, None), Mono(2), &mut told);
        }
        assert_eq!(stations.known.len(), STATIONS_MAX);
    }
}
