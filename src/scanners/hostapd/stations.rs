//! # Who lives, who is merely listed, who has left
//!
//! Pure: looks and events go in, facts come out.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    model::{Capped, Fact, MacAddr, Mono, Proof},
    wire::hostapd::Station,
};

/// Stations of one access point; an association id ends at 2007, a home's access point at some hundred.
pub const STATIONS_MAX: usize = 512;
/// A station that is served again within this roamed (`docs/PRESENCE.md`).
const ROAMS: Duration = Duration::from_secs(30);
/// So many that leave one access point within [`TOGETHER`], and nobody stays: it is the access point that went.
const MANY: usize = 3;
const TOGETHER: Duration = Duration::from_secs(3);
/// At the first look, before there is anything to compare: activity as old as this still counts.
const FIRST: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
struct Last {
    at: Mono,
    /// Packets, bytes. `None` right after it joined, or if the driver does not count.
    rx: (Option<u64>, Option<u64>),
    is_named: bool,
}

/// Which access point it is that lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place<'a> {
    pub point: Option<&'a str>,
    pub ssid: Option<&'a str>,
}

/// The stations of one access point.
#[derive(Debug, Default)]
pub struct Stations {
    known: BTreeMap<MacAddr, Last>,
}

impl Stations {
    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn has(&self, mac: MacAddr) -> bool {
        self.known.contains_key(&mac)
    }

    pub fn joined(&mut self, mac: MacAddr, now: Mono) {
        if self.known.len() < STATIONS_MAX || self.known.contains_key(&mac) {
            self.known.insert(mac, Last { at: now, rx: (None, None), is_named: false });
        }
    }

    pub fn left(&mut self, mac: MacAddr) {
        self.known.remove(&mac);
    }

    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// What the list of now shows: who lives, and who is merely listed, which is a hint. Replaces what was known.
    /// Who has come is told at which of our access points, and in which network.
    pub fn look(&mut self, listed: &[Station], place: Place<'_>, now: Mono) -> Vec<(MacAddr, Fact)> {
        let mut facts = Vec::new();
        let before = std::mem::take(&mut self.known);
        // Without the right to send data it is not served: only a radio with this address is about.
        for station in listed.iter().filter(|station| station.authorized).take(STATIONS_MAX) {
            let last = before.get(&station.mac);
            let age = alive(station, last, now);
            let mut is_named = last.is_some_and(|last| last.is_named);
            if let Some(age) = age {
                facts.push((station.mac, Fact::Alive { proof: Proof::Frame, age }));
                if let Some(level) = station.level {
                    facts.push((station.mac, Fact::Level(level)));
                }
                if !std::mem::replace(&mut is_named, true) {
                    let names = [("access_point", place.point), ("wifi_network", place.ssid)];
                    let known = names.into_iter().filter_map(|(key, name)| Some((key, name?.to_owned())));
                    facts.extend(known.map(|(key, value)| (station.mac, Fact::Label { key, value })));
                }
            } else {
                facts.push((station.mac, Fact::Listed));
            }
            let rx = (station.rx_packets, station.rx_bytes);
            self.known.insert(station.mac, Last { at: now, rx, is_named });
        }
        facts
    }
}

/// How long ago it was heard at most; `None`: it is merely listed.
fn alive(station: &Station, last: Option<&Last>, now: Mono) -> Option<Duration> {
    let idle = station.inactive;
    let Some(last) = last else {
        // Nothing to compare with: just connected, or heard lately by the access point's own clock.
        let new = station.connected.filter(|connected| *connected <= FIRST);
        return match (new, idle.filter(|idle| *idle <= FIRST)) {
            (Some(new), Some(idle)) => Some(new.min(idle)),
            (new, idle) => new.or(idle),
        };
    };
    let since = now.since(last.at);
    let grew = |now: Option<u64>, before: Option<u64>| match (now, before) {
        // Less than before: it connected anew, and what it sent since counts.
        (Some(now), Some(before)) => Some(now > before || (now < before && now > 0)),
        _ => None,
    };
    match (grew(station.rx_packets, last.rx.0), grew(station.rx_bytes, last.rx.1)) {
        (Some(true), _) | (_, Some(true)) => Some(idle.unwrap_or(since).min(since)),
        // The counters stand still: a ghost, whatever the time of inactivity says.
        (Some(false), _) | (_, Some(false)) => None,
        // No counters: the access point's clock is all there is.
        (None, None) => idle.filter(|idle| *idle < since),
    }
}

/// Stations that disconnected and may come back.
#[derive(Debug)]
pub struct Leaving {
    waiting: Capped<MacAddr, (Mono, PathBuf)>,
}

impl Default for Leaving {
    fn default() -> Self {
        Leaving { waiting: Capped::new(STATIONS_MAX) }
    }
}

impl Leaving {
    /// It disconnected from `point`, which had `before` stations then.
    pub fn leaves(&mut self, mac: MacAddr, point: &Path, before: usize, now: Mono) {
        self.waiting.insert(mac, (now + ROAMS, point.to_owned()));
        // The last one of several that all went at once.
        let together = |(due, from): &(Mono, PathBuf)| from == point && (now + ROAMS).since(*due) <= TOGETHER;
        if before <= 1 && self.waiting.iter().filter(|(_, left)| together(left)).count() >= MANY {
            self.stops(point);
        }
    }

    /// It is served, here or elsewhere.
    pub fn back(&mut self, mac: MacAddr) {
        self.waiting.remove(&mac);
    }

    /// The access point went, not its stations.
    pub fn stops(&mut self, point: &Path) {
        let theirs: Vec<MacAddr> =
            self.waiting.iter().filter(|(_, (_, from))| from == point).map(|(mac, _)| *mac).collect();
        for mac in theirs {
            self.waiting.remove(&mac);
        }
    }

    /// When the next has been away long enough.
    pub fn due(&self) -> Option<Mono> {
        self.waiting.iter().map(|(_, (due, _))| *due).min()
    }

    /// Who has been.
    pub fn left(&mut self, now: Mono) -> Vec<MacAddr> {
        let left: Vec<MacAddr> = self.waiting.iter().filter(|(_, (due, _))| *due <= now).map(|(mac, _)| *mac).collect();
        for mac in &left {
            self.waiting.remove(mac);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rssi;

    const fn mac(n: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 1, n])
    }

    fn at(s: u64) -> Mono {
        Mono(0) + Duration::from_secs(1000 + s)
    }

    fn station(rx: Option<u64>, idle_s: Option<u64>, connected_s: Option<u64>) -> Station {
        Station {
            mac: mac(1),
            authorized: true,
            rx_packets: rx,
            rx_bytes: rx.map(|packets| packets * 100),
            inactive: idle_s.map(Duration::from_secs),
            connected: connected_s.map(Duration::from_secs),
            level: Rssi::new(-60),
        }
    }

    fn ages(facts: &[(MacAddr, Fact)]) -> Vec<u64> {
        let age = |fact: &Fact| match fact {
            Fact::Alive { age, .. } => Some(age.as_secs()),
            _ => None,
        };
        facts.iter().filter_map(|(_, fact)| age(fact)).collect()
    }

    #[test]
    fn a_station_lives_if_more_was_received_and_not_because_it_is_listed() {
        // What was known 15 s ago (packets), what is listed now, and the age told.
        type Case = (&'static str, Option<Option<u64>>, Station, Option<u64>);
        let cases: &[Case] = &[
            ("more packets", Some(Some(5)), station(Some(9), Some(2), Some(900)), Some(2)),
            ("more packets, no clock", Some(Some(5)), station(Some(9), None, None), Some(15)),
            ("a clock that is wrong", Some(Some(5)), station(Some(9), Some(600), None), Some(15)),
            ("a ghost that is asked", Some(Some(5)), station(Some(5), Some(0), Some(900)), None),
            ("a ghost", Some(Some(5)), station(Some(5), Some(300), Some(900)), None),
            ("connected anew", Some(Some(500)), station(Some(3), Some(1), Some(4)), Some(1)),
            ("connected anew, silent", Some(Some(500)), station(Some(0), Some(1), Some(4)), None),
            ("no counters, heard", Some(None), station(None, Some(3), Some(900)), Some(3)),
            ("no counters, silent", Some(None), station(None, Some(40), Some(900)), None),
            ("nothing known, heard", None, station(Some(9), Some(2), Some(900)), Some(2)),
            ("nothing known, silent", None, station(Some(9), Some(300), Some(900)), None),
            ("nothing known, new", None, station(None, None, Some(4)), Some(4)),
            ("nothing known, nothing said", None, station(Some(9), None, None), None),
        ];
        for (name, before, now, expected) in cases {
            let mut stations = Stations::default();
            if let Some(packets) = before {
                stations.look(&[station(*packets, Some(600), Some(880))], Place::default(), at(0));
            }
            let facts = stations.look(&[*now], Place::default(), at(15));
            assert_eq!(ages(&facts).first().copied(), *expected, "{name}");
            assert_eq!(facts.contains(&(mac(1), Fact::Listed)), expected.is_none(), "{name}: listed, or alive");
            assert_eq!(facts.iter().any(|(_, fact)| matches!(fact, Fact::Level(_))), expected.is_some(), "{name}");
        }
        let mut half = station(Some(9), Some(0), Some(0));
        half.authorized = false;
        let mut stations = Stations::default();
        stations.joined(mac(1), at(0));
        assert!(
            stations.look(&[half], Place::default(), at(1)).is_empty() && !stations.has(mac(1)),
            "no key, no proof"
        );
    }

    #[test]
    fn its_access_point_and_network_are_told_once() {
        let mut stations = Stations::default();
        let attic = Place { point: Some("attic"), ssid: Some("home") };
        let named = |facts: Vec<(MacAddr, Fact)>| -> Vec<String> {
            let labels = facts.into_iter().filter_map(|(_, fact)| match fact {
                Fact::Label { key, value } => Some(format!("{key} {value}")),
                _ => None,
            });
            labels.collect()
        };
        let both = ["access_point attic", "wifi_network home"];
        assert_eq!(named(stations.look(&[station(Some(1), Some(0), Some(1))], attic, at(0))), both);
        assert!(named(stations.look(&[station(Some(2), Some(0), Some(9))], attic, at(15))).is_empty());
        stations.joined(mac(1), at(16));
        assert_eq!(named(stations.look(&[station(None, Some(0), Some(1))], attic, at(20))), both);
    }

    #[test]
    fn who_roams_has_not_left_and_a_point_that_stops_takes_nobody_away() {
        let (one, two) = (Path::new("/a/wlan0"), Path::new("/a/wlan1"));
        let mut leaving = Leaving::default();
        leaving.leaves(mac(1), one, 5, at(0));
        leaving.leaves(mac(2), one, 4, at(1));
        assert_eq!(leaving.due(), Some(at(30)));
        assert!(leaving.left(at(29)).is_empty());
        leaving.back(mac(2));
        assert_eq!(leaving.left(at(60)), [mac(1)]);
        assert_eq!(leaving.due(), None);

        leaving.leaves(mac(3), two, 1, at(61));
        leaving.leaves(mac(1), one, 2, at(61));
        leaving.stops(one);
        assert_eq!(leaving.left(at(100)), [mac(3)], "the only one of the other");

        for n in 1..=4 {
            leaving.leaves(mac(n), one, 5 - usize::from(n), at(200));
        }
        assert!(leaving.left(at(300)).is_empty(), "all at once is the access point's doing");
        for n in 1..=4 {
            leaving.leaves(mac(n), one, 5 - usize::from(n), at(300 + u64::from(n) * 60));
        }
        assert_eq!(leaving.left(at(900)).len(), 4, "one after the other is not");
    }
}
