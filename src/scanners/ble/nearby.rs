//! # Who of all that is nearby is somebody
//!
//! Pure. A radio becomes a device if its owner's key is known, if settings name it, if this host is paired
//! with it, or if a maker's address stayed near for a while: the neighbours' things, the street's and
//! everything that changes its address are only counted.
//!
//! Holds: [`CROWD_MAX`] addresses of the crowd and [`KNOWN_MAX`] devices, apart, so that invented addresses
//! push out only one another.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    owners::{Owners, Whose},
    sighting::Sighting,
};
use crate::{
    model::{Capped, Fact, Heard, MacAddr, Mono, Proof},
    wire::ble::AddressKind,
};

pub const CROWD_MAX: usize = 4096;
pub const KNOWN_MAX: usize = 512;
/// A device is told so often; its advertisements come up to ten times a second.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// Who was heard within this time is nearby now. Longer than the slowest advertisement by far (10 s, Core 5.4
/// Vol 6 Part B §4.4.2.2), shorter than an address lasts, so nobody is counted twice for long.
const NEARBY: Duration = Duration::from_secs(120);
/// A stay is over when nothing was heard for so long.
const GAP: Duration = Duration::from_secs(180);

/// Labels (sort, charge, beacon) change no oftener: each change is a row in somebody's history, and nobody's
/// charge or beacon moves faster unless it is a game.
const CALM: Duration = Duration::from_secs(600);

/// When a stranger's fixed address becomes a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    pub known: BTreeSet<MacAddr>,
    pub near_dbm: i8,
    pub near_for: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Stay {
    since: Mono,
    /// Last time it was near enough.
    near: Option<Mono>,
    last: Mono,
}

/// Who offered to pair is counted so long.
const OFFERS: Duration = Duration::from_secs(10);
pub const OFFERS_MAX: usize = 256;
/// So many from one place are one transmitter: headphones do not come by the dozen.
const OFFERS_MIN: usize = 30;
/// Levels of one transmitter that does not move differ less than this, in dB (standard deviation).
const ONE_PLACE: f64 = 4.0;
/// A tag that is near is told so often.
const TAG_EVERY: Duration = Duration::from_secs(60);

/// Everything heard of late.
#[derive(Debug)]
pub struct Nearby {
    /// Who offers to pair, since when, at what level.
    offers: Capped<MacAddr, (Mono, i8)>,
    told_offers: Option<Mono>,
    /// Networks of tags whose owner is away, and when each was told.
    tags: BTreeMap<&'static str, Mono>,
    rules: Rules,
    owners: Owners,
    crowd: Capped<MacAddr, Stay>,
    devices: Capped<MacAddr, Known>,
}

/// A device that was told.
#[derive(Debug, Clone, Default)]
struct Known {
    at: Mono,
    /// Its labels and since when they stand; there are three keys.
    labels: BTreeMap<&'static str, (String, Mono)>,
}

impl Known {
    /// Whether `fact` may be told: a label that stands for less than [`CALM`] stays as it is.
    fn is_calm(&mut self, fact: &Fact, now: Mono) -> bool {
        let Fact::Label { key, value } = fact else { return true };
        match self.labels.get(key) {
            Some((stands, _)) if stands == value => true,
            Some((_, since)) if now.since(*since) < CALM => false,
            _ => {
                self.labels.insert(key, (value.clone(), now));
                true
            }
        }
    }
}

/// A device, and what to say of it.
pub type Told = (MacAddr, Vec<Fact>);

impl Nearby {
    #[must_use]
    pub fn new(rules: Rules, owners: Owners) -> Nearby {
        Nearby {
            offers: Capped::new(OFFERS_MAX),
            told_offers: None,
            tags: BTreeMap::new(),
            rules,
            owners,
            crowd: Capped::new(CROWD_MAX),
            devices: Capped::new(KNOWN_MAX),
        }
    }

    /// People rest something on what is heard here.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.owners.is_empty() || !self.rules.known.is_empty() || !self.devices.is_empty()
    }

    /// What `sighting` shows. `None`: nobody, or nothing new.
    pub fn take(&mut self, sighting: &Sighting, now: Mono) -> Option<Told> {
        let address = sighting.address();
        if !address.is_station() && !sighting.random {
            return None;
        }
        if sighting.kind() == AddressKind::RandomResolvable {
            match self.owners.whose(address, now) {
                Whose::Surely(owner) => {
                    self.crowd.remove(&address);
                    let mut facts = self.tell(owner.address, sighting, now)?;
                    // The name people gave is better than what the phone calls itself.
                    if let Some(name) = owner.name {
                        facts.retain(|fact| !matches!(fact, Fact::Named { .. }));
                        facts.push(Fact::Named { name, by: Heard::Bluetooth });
                    }
                    return Some((owner.address, facts));
                }
                Whose::Perhaps(_) | Whose::Nobodys => {}
            }
        }
        if !self.is_somebody(sighting, now) {
            return None;
        }
        self.crowd.remove(&address);
        Some((address, self.tell(address, sighting, now)?))
    }

    /// What `sighting` shows of nobody's radios: a flood of offers to pair, a tag whose owner is away.
    pub fn odd(&mut self, sighting: &Sighting, now: Mono) -> Option<Fact> {
        if let Some(tag) = sighting.tag().filter(|tag| tag.separated == Some(true)) {
            let network = tag.kind.word();
            let is_told = self.tags.get(network).is_some_and(|at| now.since(*at) < TAG_EVERY);
            if !is_told {
                // There are five networks.
                self.tags.insert(network, now);
                return Some(Fact::LostTag { network });
            }
        }
        let level = sighting.level().filter(|_| sighting.offers_pairing())?.dbm();
        self.offers.insert(sighting.address(), (now, level));
        let levels: Vec<f64> = self
            .offers
            .iter()
            .filter(|(_, (at, _))| now.since(*at) <= OFFERS)
            .map(|(_, (_, level))| f64::from(*level))
            .collect();
        if levels.len() < OFFERS_MIN || self.told_offers.is_some_and(|at| now.since(at) < OFFERS) {
            return None;
        }
        let count = levels.len() as f64;
        let mean = levels.iter().sum::<f64>() / count;
        let spread = (levels.iter().map(|level| (level - mean).powi(2)).sum::<f64>() / count).sqrt();
        if spread > ONE_PLACE {
            return None;
        }
        self.told_offers = Some(now);
        Some(Fact::PairingOffers(u32::try_from(levels.len()).unwrap_or(u32::MAX)))
    }

    /// How many are nearby that are no devices.
    #[must_use]
    pub fn crowd(&self, now: Mono) -> u32 {
        let here = self.crowd.iter().filter(|(_, stay)| now.since(stay.last) <= NEARBY).count();
        u32::try_from(here).unwrap_or(u32::MAX)
    }

    /// How many devices are nearby.
    #[must_use]
    pub fn devices(&self, now: Mono) -> u64 {
        self.devices.iter().filter(|(_, known)| now.since(known.at) <= NEARBY).count() as u64
    }

    fn is_somebody(&mut self, sighting: &Sighting, now: Mono) -> bool {
        let address = sighting.address();
        if self.devices.contains(&address) || self.rules.known.contains(&address) {
            return true;
        }
        if sighting.paired && sighting.kind().is_lasting() {
            return true;
        }
        let near = sighting.level().is_some_and(|level| level.dbm() >= self.rules.near_dbm);
        let stay = match self.crowd.get_mut(&address) {
            Some(stay) => stay,
            None => {
                self.crowd.insert(address, Stay { since: now, near: None, last: now });
                match self.crowd.get_mut(&address) {
                    Some(stay) => stay,
                    None => return false,
                }
            }
        };
        if now.since(stay.last) > GAP {
            (stay.since, stay.near) = (now, None);
        }
        stay.last = now;
        if near {
            // From the first time that it was near: something far that comes near has not stayed near.
            if stay.near.is_none() {
                stay.since = now;
            }
            stay.near = Some(now);
        } else if stay.near.is_some_and(|near| now.since(near) > GAP) {
            stay.near = None;
        }
        near && sighting.kind() == AddressKind::Public && now.since(stay.since) >= self.rules.near_for
    }

    fn tell(&mut self, device: MacAddr, sighting: &Sighting, now: Mono) -> Option<Vec<Fact>> {
        if self.devices.get(&device).is_some_and(|known| now.since(known.at) < TELL_EVERY) {
            return None;
        }
        let mut known = self.devices.remove(&device).unwrap_or_default();
        known.at = now;
        let mut facts = vec![Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO }];
        facts.extend(sighting.facts().into_iter().filter(|fact| known.is_calm(fact, now)));
        self.devices.insert(device, known);
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: MacAddr = MacAddr([0xc4, 1, 1, 1, 1, 1]);

    fn nearby() -> Nearby {
        let rules = Rules { known: BTreeSet::from([NAMED]), near_dbm: -70, near_for: Duration::from_secs(600) };
        Nearby::new(rules, Owners::new(Vec::new()))
    }

    fn at(seconds: u64) -> Mono {
        Mono(1_000_000_000_000 + seconds * 1_000_000_000)
    }

    fn seen(top: u8, random: bool, dbm: i16) -> Sighting {
        Sighting { address: [top, 1, 1, 1, 1, 1], random, dbm: Some(dbm), ..Sighting::default() }
    }

    #[test]
    fn only_who_is_known_or_stays_near_is_somebody() {
        let cases: &[(&str, Sighting, bool)] = &[
            // name                                     sighting               after ten minutes
            ("named in settings", seen(0xc4, true, -90), true),
            ("a maker's address nearby", seen(0x00, false, -60), true),
            ("a maker's address next door", seen(0x00, false, -80), false),
            ("a maker's address, level not known", Sighting { dbm: None, ..seen(0x00, false, 0) }, false),
            ("random and fixed, but nobody's", seen(0xc8, true, -50), false),
            ("random and changing", seen(0x48, true, -50), false),
            ("paired", Sighting { paired: true, ..seen(0xc8, true, -90) }, true),
            ("paired, but under a changing address", Sighting { paired: true, ..seen(0x48, true, -90) }, false),
        ];
        for (name, sighting, expected) in cases {
            let mut nearby = nearby();
            let told = (0..=60).filter(|tick| nearby.take(sighting, at(tick * 10)).is_some()).count();
            assert_eq!(told > 0, *expected, "{name}");
            assert_eq!(nearby.crowd(at(601)), u32::from(!expected), "{name}: who is no device is counted");
        }
    }

    #[test]
    fn a_flood_of_offers_is_from_one_place_and_a_lost_tag_is_told_each_minute() {
        let offer = |n: u8, dbm: i16| Sighting {
            address: [0x40, 1, 1, 1, 1, n],
            random: true,
            dbm: Some(dbm),
            makers: vec![(crate::wire::ble::APPLE, vec![0x0f, 5, 0xc0, 1, 2, 3, 4])],
            ..Sighting::default()
        };
        let run = |spread: i16| -> Vec<Fact> {
            let mut nearby = nearby();
            (0..60u8).filter_map(|n| nearby.odd(&offer(n, -50 - i16::from(n) % 3 * spread), at(1))).collect()
        };
        assert_eq!(run(1), [Fact::PairingOffers(30)]);
        assert!(run(15).is_empty(), "a shop");
        let mut tag = offer(1, -60);
        tag.makers = vec![(crate::wire::ble::APPLE, [&[0x12, 25, 0x10][..], &[7; 24]].concat())];
        let mut nearby = nearby();
        let told = (0..20).filter(|tick| nearby.odd(&tag, at(tick * 6)).is_some()).count();
        assert_eq!(told, 2);
    }

    #[test]
    fn who_walks_past_or_only_comes_near_now_has_not_stayed() {
        let mut passing = nearby();
        assert!((0..12).all(|hour| passing.take(&seen(0, false, -50), at(hour * 3600)).is_none()), "daily van");
        let mut coming = nearby();
        assert!((0..=60).all(|tick| coming.take(&seen(0, false, -85), at(tick * 10)).is_none()));
        assert!(coming.take(&seen(0, false, -50), at(610)).is_none(), "near only now");
        assert_eq!(coming.crowd(at(900)), 0, "gone");
    }

    /// A tag that broadcasts another beacon, charge and name each time: its labels change six times an hour.
    #[test]
    fn a_beacon_that_plays_games_is_told_seldom() {
        let mut nearby = nearby();
        let mut told: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for n in 0..360u16 {
            let url = [&[0x10, 0, 3][..], n.to_string().as_bytes(), &[7]].concat();
            let services = vec![(crate::wire::ble::BATTERY, vec![(n % 101) as u8]), (crate::wire::ble::EDDYSTONE, url)];
            let sighting = Sighting { services, ..seen(0xc4, true, -50) };
            for fact in nearby.take(&sighting, at(u64::from(n) * 10)).into_iter().flat_map(|(_, facts)| facts) {
                if let Fact::Label { key, value } = fact {
                    told.entry(key).or_default().push(value);
                }
            }
        }
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), ["battery", "beacon"]);
        assert!(told.values().all(|values| values.len() == 6), "{told:?}");
        // What stands is told each time, so that a core that restarted knows it.
        let still = Sighting { services: vec![(crate::wire::ble::BATTERY, vec![77])], ..seen(0xc4, true, -50) };
        let again = (0..10u64).filter_map(|n| nearby.take(&still, at(7_200 + n * 10)));
        assert_eq!(again.filter(|(_, facts)| facts.iter().any(|fact| matches!(fact, Fact::Label { .. }))).count(), 10);
    }

    #[test]
    fn a_device_is_told_every_ten_seconds_and_a_flood_pushes_nobody_out() {
        let mut nearby = nearby();
        let told = (0..100u64).filter(|n| nearby.take(&seen(0xc4, true, -50), at(n / 4)).is_some()).count();
        assert_eq!(told, 3);
        for n in 0..20_000u32 {
            let [a, b, c, d] = n.to_be_bytes();
            let sighting = Sighting { address: [0x40, 0, a, b, c, d], random: true, ..Sighting::default() };
            assert_eq!(nearby.take(&sighting, at(30)), None);
        }
        assert_eq!((nearby.crowd.len(), nearby.crowd(at(30))), (CROWD_MAX, CROWD_MAX as u32));
        assert_eq!((nearby.devices(at(30)), nearby.crowd.dropped()), (1, 20_000 - CROWD_MAX as u64));
    }
}
