//! # The roll of one controller
//!
//! Pure: lists go in, facts and who is missing come out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    model::{Fact, MacAddr, Mono},
    scanners::hostapd::stations::{Place, Stations},
    wire::{
        hostapd::Station,
        station_list::{POINTS_MAX, Point, STATIONS_MAX},
    },
};

/// A controller that suddenly lists less than half is given so long to find its clients again.
const SHRUNK_FOR: Duration = Duration::from_secs(300);
/// One that left alone is no sign of a restart.
const SHRUNK_FROM: usize = 2;
/// A pause this long between two looks, and it is not known when somebody new came.
const LOOKED_MAX: Duration = Duration::from_secs(60);

/// What a list shows.
#[derive(Debug, Default)]
pub struct Look {
    pub facts: Vec<(MacAddr, Fact)>,
    /// Who was listed and no longer is, at which access point, and how many that one had.
    pub gone: Vec<(MacAddr, String, usize)>,
    /// The list lost so many at once that it is not believed.
    pub is_shrunk: bool,
    /// How many there were.
    pub before: usize,
}

/// Who was listed where.
#[derive(Debug, Default)]
pub struct Roll {
    points: BTreeMap<String, (Stations, BTreeSet<MacAddr>)>,
    looked: Option<Mono>,
    shrunk: Option<Mono>,
}

impl Roll {
    /// No answer: what is listed next may have come any time since.
    pub fn missed(&mut self) {
        self.looked = None;
    }

    pub fn has(&self, mac: MacAddr) -> bool {
        self.points.values().any(|(_, listed)| listed.contains(&mac))
    }

    fn len(&self) -> usize {
        self.points.values().map(|(_, listed)| listed.len()).sum()
    }

    pub fn look(&mut self, points: &[Point], now: Mono) -> Look {
        let points = merged(points);
        let count: usize = points.values().map(|(_, listed)| listed.len()).sum();
        let mut look = Look { before: self.len(), ..Look::default() };
        let is_less = look.before >= SHRUNK_FROM && count * 2 < look.before;
        let since_shrunk = self.shrunk.map(|since| now.since(since));
        look.is_shrunk = is_less && since_shrunk.is_none_or(|since| since < SHRUNK_FOR);
        self.shrunk = look.is_shrunk.then(|| self.shrunk.unwrap_or(now));
        // Who came between two looks that are near each other has just associated; to one that starts anew all do.
        let since = self.looked.map(|last| now.since(last)).filter(|since| *since <= LOOKED_MAX);
        self.looked = (!look.is_shrunk).then_some(now);
        let here: BTreeSet<MacAddr> =
            points.values().flat_map(|(_, listed)| listed).map(|station| station.mac).collect();
        let names: BTreeSet<String> =
            self.points.keys().cloned().chain(points.keys().map(ToString::to_string)).collect();
        for name in names {
            let (ssid, mut listed) = points.get(name.as_str()).cloned().unwrap_or_default();
            let (stations, before) = self.points.entry(name.clone()).or_default();
            for station in listed.iter_mut().filter(|station| !before.contains(&station.mac)) {
                station.connected = station.connected.or(since);
            }
            look.facts.extend(stations.look(&listed, Place { point: Some(&name), ssid }, now));
            let macs: BTreeSet<MacAddr> = listed.iter().map(|station| station.mac).collect();
            if look.is_shrunk {
                // Who is listed now may be proven; the others are neither here nor gone.
                before.extend(macs);
                continue;
            }
            let gone = before.iter().filter(|mac| !here.contains(mac));
            // One after the other, as the access point would have told it.
            look.gone.extend(gone.enumerate().map(|(n, mac)| (*mac, name.clone(), before.len() - n)));
            *before = macs;
        }
        self.points.retain(|_, (_, listed)| !listed.is_empty());
        look
    }
}

/// The stations of each access point, cut to what is kept.
fn merged(points: &[Point]) -> BTreeMap<&str, (Option<&str>, Vec<Station>)> {
    let mut merged: BTreeMap<&str, (Option<&str>, Vec<Station>)> = BTreeMap::new();
    for point in points.iter().take(POINTS_MAX) {
        let (ssid, listed) = merged.entry(point.name.as_str()).or_default();
        *ssid = ssid.or(point.ssid.as_deref());
        listed.extend(point.listed.iter().map(|listed| listed.station).filter(|station| station.authorized));
        listed.truncate(STATIONS_MAX);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Proof, wire::station_list::Listed};

    const fn mac(n: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 9, n])
    }

    fn at(s: u64) -> Mono {
        Mono(0) + Duration::from_secs(1000 + s)
    }

    /// Stations of one access point: address and received packets.
    fn point(name: &str, stations: &[(u8, Option<u64>)]) -> Point {
        let each = stations.iter().map(|(n, packets)| {
            let mut listed = Listed::bare(mac(*n));
            listed.station.rx_packets = *packets;
            listed
        });
        Point { name: name.into(), ssid: None, listed: each.collect() }
    }

    fn alive(look: &Look) -> Vec<u8> {
        let each = look.facts.iter().filter(|(_, fact)| matches!(fact, Fact::Alive { proof: Proof::Frame, .. }));
        each.map(|(mac, _)| mac.0[5]).collect()
    }

    fn gone(look: &Look) -> Vec<u8> {
        look.gone.iter().map(|(mac, ..)| mac.0[5]).collect()
    }

    #[test]
    fn listed_is_not_alive_and_a_newcomer_is() {
        let mut roll = Roll::default();
        // The first look has nothing to compare with; without counters, neither has the second.
        assert!(alive(&roll.look(&[point("a", &[(1, Some(5)), (2, None)])], at(0))).is_empty());
        assert!(alive(&roll.look(&[point("a", &[(1, Some(5)), (2, None)])], at(15))).is_empty());
        assert_eq!(alive(&roll.look(&[point("a", &[(1, Some(6)), (2, None), (3, None)])], at(30))), [1, 3]);
        for round in 3..400 {
            let look = roll.look(&[point("a", &[(1, Some(6)), (2, None), (3, None)])], at(15 * round));
            assert!(alive(&look).is_empty(), "a list holds nobody home");
        }
    }

    #[test]
    fn after_a_fault_or_a_pause_nobody_is_new() {
        let mut roll = Roll::default();
        roll.look(&[point("a", &[(1, Some(5))])], at(0));
        roll.missed();
        assert!(alive(&roll.look(&[point("a", &[(1, Some(5)), (2, None)])], at(15))).is_empty());
        assert!(alive(&roll.look(&[point("a", &[(1, Some(5)), (2, None), (3, None)])], at(900))).is_empty());
    }

    #[test]
    fn who_roams_is_not_gone_and_who_vanishes_with_its_access_point_is_told_in_turn() {
        let mut roll = Roll::default();
        let both = |a: &[(u8, Option<u64>)], b: &[(u8, Option<u64>)]| [point("a", a), point("b", b)];
        roll.look(&both(&[(1, Some(1)), (2, Some(1)), (3, Some(1))], &[(4, Some(1)), (5, Some(1))]), at(0));
        let look = roll.look(&both(&[(2, Some(1)), (3, Some(1))], &[(1, Some(1)), (4, Some(1)), (5, Some(1))]), at(15));
        assert!(gone(&look).is_empty() && roll.has(mac(1)));
        // The access point is in the answer no more.
        let look = roll.look(&[point("b", &[(1, Some(1)), (4, Some(1)), (5, Some(1))])], at(30));
        assert_eq!(
            look.gone.iter().map(|(_, name, left)| (name.as_str(), *left)).collect::<Vec<_>>(),
            [("a", 2), ("a", 1)]
        );
    }

    #[test]
    fn a_list_that_lost_half_is_not_believed_at_once() {
        let full: Vec<(u8, Option<u64>)> = (1..=6).map(|n| (n, Some(1))).collect();
        let mut roll = Roll::default();
        roll.look(&[point("a", &full)], at(0));
        for s in [15, 30, 200] {
            let look = roll.look(&[], at(s));
            assert!(look.is_shrunk && gone(&look).is_empty(), "{s}");
        }
        // They come back one by one: not new, and nobody gone.
        let look = roll.look(&[point("a", &full[..2])], at(215));
        assert!(look.is_shrunk && alive(&look).is_empty());
        let look = roll.look(&[point("a", &full)], at(230));
        assert!(!look.is_shrunk && alive(&look).is_empty() && gone(&look).is_empty());
        // A family that left is believed after a while.
        roll.look(&[], at(245));
        let look = roll.look(&[], at(600));
        assert_eq!((look.is_shrunk, gone(&look).len()), (false, 6));
    }

    #[test]
    fn one_that_leaves_alone_is_believed() {
        let mut roll = Roll::default();
        roll.look(&[point("a", &[(1, Some(1))])], at(0));
        assert_eq!(gone(&roll.look(&[], at(15))), [1]);
    }
}
