//! # False access point
//!
//! ## What it finds
//! An access point with the name of another one that is less protected, or that appears while devices are thrown off.
//! ## Why it matters
//! Devices connect to the stronger one of a name they know.
//! ## How it decides
//! A second access point of a name: weaker protection than the first (+4), of another maker or a made-up address (+2),
//! while the first's clients are thrown off (+3), other elements in its beacons (+1). Five are told. Repeaters and the
//! radios of one access point have the same protection, and mostly neighbouring addresses. Also told: one address that is
//! heard on two channels, or with two protections, by turns; an access point that moves does so once. A list of access points (of
//! a card that is no monitor) is judged alike. Once it is known which network the home is in, a twin of it is high and
//! one of a neighbour's is low.
//! ## What fools it
//! A twin that copies the protection without knowing the password; names that everybody uses.
//! ## What to do
//! Look for it with a phone: the signal grows as you come near.
//!
//! Holds 256 names with 8 access points each.

use std::time::Duration;

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{
        AccessPoint, Capped, Card, Category, Fact, Finding, Findings, Guarded, MacAddr, Mono, Observation, Party,
        Severity, clean_text,
    },
    wire::{
        Wifi,
        wifi::{Security, ssid},
    },
};

pub static CARD: Card = Card {
    id: "evil_twin",
    title: "False access point",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("evil_twin.rs"),
};

pub type Settings = Usual;

const NAMES_MAX: usize = 256;
const POINTS_MAX: usize = 8;
const OWN_MAX: usize = 16;
/// Times that another channel was heard between beacons of the first.
const TURNS_MIN: u32 = 4;
const NEAR_THROW: Duration = Duration::from_secs(120);
// Fixed fields of a beacon: time, interval, capabilities (IEEE 802.11-2020 §9.3.3.2).
const FIXED: usize = 12;

#[derive(Debug, Clone, Copy)]
struct Point {
    bssid: MacAddr,
    strength: u8,
    /// Elements in its beacon, if that was heard.
    elements: Option<usize>,
    /// As its beacon says.
    channel: Option<u8>,
    first: Mono,
    /// Another channel or protection under the same address, and how often it was heard after this one.
    other: Option<(Looks, u32)>,
    /// That other one was heard last.
    is_other: bool,
}

/// Channel and protection.
type Looks = (Option<u8>, u8);

impl Point {
    const fn new(bssid: MacAddr, first: Mono) -> Point {
        Point { bssid, strength: 0, elements: None, channel: None, first, other: None, is_other: false }
    }

    /// Heard again, as it was or otherwise: how often by turns.
    fn again(&mut self, looks: Looks) -> u32 {
        let is_other = looks != (self.channel, self.strength);
        match &mut self.other {
            Some((other, turns)) if is_other && *other == looks => *turns += u32::from(!self.is_other),
            _ if is_other => self.other = Some((looks, 1)),
            _ => {}
        }
        self.is_other = is_other;
        self.other.filter(|_| is_other).map_or(0, |(_, turns)| turns)
    }
}

/// See the page above.
pub struct EvilTwin {
    bell: Bell,
    names: Guarded<Vec<u8>, Vec<Point>>,
    thrown: Capped<MacAddr, (Mono, u32)>,
    /// Names of the networks that this home is in.
    own: Capped<Vec<u8>, ()>,
}

impl EvilTwin {
    #[must_use]
    pub fn new(settings: Settings) -> EvilTwin {
        EvilTwin {
            bell: Bell::new(settings),
            names: Guarded::new(NAMES_MAX),
            thrown: Capped::new(256),
            own: Capped::new(OWN_MAX),
        }
    }

    /// An access point of `name` was heard.
    fn heard(&mut self, name: &[u8], newcomer: Point, context: &Context<'_>, findings: &mut Findings) {
        let (now, bssid) = (context.now.mono, newcomer.bssid);
        let tick = now.0 / 1_000_000_000;
        let name = name.to_vec();
        if self.names.get(&name).is_none() {
            self.names.insert(name.clone(), Vec::new(), crate::traffic::owner(bssid), tick);
        }
        let Some(points) = self.names.get_mut(&name, tick) else { return };
        if let Some(point) = points.iter_mut().find(|point| point.bssid == bssid) {
            // A list, or what was concluded from this very beacon, says less: the first beacon is the measure.
            if point.elements.is_none() {
                if newcomer.elements.is_some() {
                    *point = Point { first: point.first, ..newcomer };
                }
                return;
            }
            let looks = (newcomer.channel, newcomer.strength);
            if newcomer.elements.is_some() && point.again(looks) >= self.bell.scaled(TURNS_MIN) {
                let severity = self.severity(&name);
                let finding = Finding::new(CARD.id, Category::Wireless, severity, bssid.to_string(), context.now)
                    .against(Party { device: None, mac: Some(bssid), ip: None })
                    .why("ssid", clean_text(&String::from_utf8_lossy(&name), 64))
                    .why("bssid", bssid)
                    .why("sign", "one address on two channels or with two protections")
                    .technique(&["T1557.004"])
                    .points(5.5);
                self.bell.ring(finding, findings);
            }
            return;
        }
        if points.len() < POINTS_MAX {
            points.push(newcomer);
        }
        let Some(first) = points.iter().filter(|point| point.bssid != bssid).min_by_key(|point| point.first).copied()
        else {
            return;
        };
        // Whichever is the weaker one is the twin: it may have been heard first.
        let (first, twin) = if first.strength < newcomer.strength && first.strength <= 2 {
            (newcomer, first)
        } else {
            (first, newcomer)
        };
        let thrown =
            self.thrown.get(&first.bssid).is_some_and(|(at, count)| now.since(*at) <= NEAR_THROW && *count >= 5);
        let other_elements = first.elements.zip(twin.elements).is_some_and(|(first, twin)| first.abs_diff(twin) >= 3);
        let mut points = 0.0;
        points += if twin.strength < first.strength { 4.0 } else { 0.0 };
        // The radios of one access point, whatever they have in front; one that is weaker must be one of them.
        let is_weaker = twin.strength < first.strength;
        let is_near = if is_weaker { is_one_box } else { is_kin };
        points += if !is_near(first.bssid, twin.bssid) { 2.0 } else { 0.0 };
        points += if thrown { 3.0 } else { 0.0 };
        points += if other_elements { 1.0 } else { 0.0 };
        // WPA2 beside WPA3 is a house that changes over.
        points -= if twin.strength >= 3 { 2.0 } else { 0.0 };
        if points < 5.0 {
            return;
        }
        let severity = self.severity(&name);
        let finding = Finding::new(CARD.id, Category::Wireless, severity, twin.bssid.to_string(), context.now)
            .by(Party { device: None, mac: Some(twin.bssid), ip: None })
            .against(Party { device: None, mac: Some(first.bssid), ip: None })
            .why("ssid", clean_text(&String::from_utf8_lossy(&name), 64))
            .why("bssid", twin.bssid)
            .why("security_own", first.strength)
            .why("security_seen", twin.strength)
            .technique(&["T1557.004"])
            .points(points);
        self.bell.ring(finding, findings);
    }

    fn is_known(&self, name: &[u8], bssid: MacAddr) -> bool {
        self.names.get(&name.to_vec()).is_some_and(|points| points.iter().any(|point| point.bssid == bssid))
    }

    fn severity(&self, name: &Vec<u8>) -> Severity {
        match (self.own.is_empty(), self.own.contains(name)) {
            (true, _) => Severity::Medium,
            (false, true) => Severity::High,
            (false, false) => Severity::Low,
        }
    }

    /// A list of a card that is no monitor.
    fn listed(&mut self, bssid: MacAddr, point: &AccessPoint, context: &Context<'_>, findings: &mut Findings) {
        let name = point.ssid.as_bytes();
        if name.is_empty() {
            return;
        }
        if point.own {
            self.own.insert(name.to_vec(), ());
        }
        let strength = listed_strength(&point.security);
        let newcomer = Point { bssid, strength, ..Point::new(bssid, context.now.mono) };
        self.heard(name, newcomer, context, findings);
    }
}

/// As [`strength`], from the words of a list: the strongest counts.
fn listed_strength(security: &str) -> u8 {
    let of = |word: &str| match word {
        "wpa3" | "enterprise" => 4,
        "wpa2" => 3,
        "wpa" | "owe" => 2,
        "wep" => 1,
        _ => 0,
    };
    security.split('+').map(of).max().unwrap_or_default()
}

/// From nothing to WPA3.
fn strength(security: Security) -> u8 {
    match security {
        // As in a list, below: a firm's network, where each has a login of its own, is none without protection.
        s if s.wpa3 || s.enterprise => 4,
        s if s.wpa2 => 3,
        s if s.wpa || s.owe => 2,
        s if s.wep => 1,
        _ => 0,
    }
}

/// DSSS Parameter Set, or the primary channel of HT Operation (IEEE 802.11-2020 §9.4.2.3, §9.4.2.56).
fn channel(elements: &[u8]) -> Option<u8> {
    let of = |id: u8| {
        crate::wire::wifi::elements(elements).find(|(kind, _)| *kind == id).and_then(|(_, body)| body.first().copied())
    };
    of(3).or_else(|| of(61))
}

/// Radios of one access point count up in the last byte, or set the local bit of the first.
fn is_one_box(a: MacAddr, b: MacAddr) -> bool {
    a.0.get(1..5) == b.0.get(1..5)
}

fn is_kin(a: MacAddr, b: MacAddr) -> bool {
    let ([a0, a1, a2, a3, a4, _], [b0, b1, b2, b3, b4, _]) = (a.0, b.0);
    a1 == b1 && a2 == b2 && (a0 | 2) == (b0 | 2) || (a3, a4) == (b3, b4) && (a1, a2) == (b1, b2)
}

impl Detector for EvilTwin {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Radio, Needs::Fact]
    }

    fn held(&self) -> usize {
        self.names.len() + self.thrown.len() + self.own.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(Observation { subject, fact: Fact::AccessPoint(point), .. }) = evidence
            && let Some(bssid) = subject.mac
        {
            return self.listed(bssid, point, context, findings);
        }
        let Evidence::Packet(frame) = evidence else { return };
        let Some(wifi) = frame.wifi else { return };
        let (Some(bssid), now) = (wifi.bssid, context.now.mono) else { return };
        if wifi.is_management(Wifi::DEAUTHENTICATION) || wifi.is_management(Wifi::DISASSOCIATION) {
            let count =
                self.thrown.get(&bssid).filter(|(at, _)| now.since(*at) < NEAR_THROW).map_or(0, |(_, count)| *count);
            self.thrown.insert(bssid, (now, count.saturating_add(1)));
            return;
        }
        if !wifi.is_management(Wifi::BEACON) && !wifi.is_management(Wifi::PROBE_RESPONSE) {
            return;
        }
        let body = frame.link_payload;
        let (Some(capabilities), Some(elements)) = (body.get(10), body.get(FIXED..)) else { return };
        let Some(name) = ssid(elements).filter(|name| !name.is_empty() && name.iter().any(|byte| *byte != 0)) else {
            return;
        };
        let strength = strength(Security::read(capabilities & 0x10 != 0, elements));
        let count = crate::wire::wifi::elements(elements).count();
        let newcomer = Point { strength, elements: Some(count), channel: channel(elements), ..Point::new(bssid, now) };
        // Answers may leave out what beacons say.
        if wifi.is_management(Wifi::BEACON) || !self.is_known(name, bssid) {
            self.heard(name, newcomer, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::stage::Stage, model::LinkType};

    const WPA2: [u8; 22] = [48, 20, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 2, 0, 0];

    fn beacon(bssid: [u8; 6], name: &str, protected: bool) -> Vec<u8> {
        let mut bytes = vec![0x80, 0, 0, 0];
        bytes.extend([[0xff; 6], bssid, bssid].concat());
        bytes.extend([0, 0]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 100, 0, if protected { 0x11 } else { 1 }, 0, 0, name.len() as u8]);
        bytes.extend(name.as_bytes());
        if protected {
            bytes.extend(WPA2);
        }
        bytes
    }

    #[test]
    fn a_twin_of_the_home_counts_more_than_a_neighbours() {
        let point = |ssid: &str, security: &str, own| {
            let (ssid, security) = (ssid.to_owned(), security.to_owned());
            Fact::AccessPoint(AccessPoint { ssid, channel: None, level: None, security, own })
        };
        let at = |n: u8| crate::model::Subject::mac(MacAddr([n, 0x11, 0x22, n, n, n]));
        let mut stage = Stage::new(EvilTwin::new(Settings::default()));
        let mut tell = |n: u8, fact: Fact| -> Vec<Severity> {
            stage.saw(at(n), fact, 1000).iter().map(|finding| finding.severity).collect()
        };
        assert!(
            tell(4, point("home", "wpa2", true)).is_empty() && tell(8, point("cafe", "wpa2+wpa3", false)).is_empty()
        );
        assert_eq!(tell(12, point("home", "open", false)), [Severity::High]);
        assert_eq!(tell(16, point("cafe", "open", false)), [Severity::Low]);
        assert!(tell(20, point("home", "wpa2+wpa3", false)).is_empty(), "a new extender");
    }

    #[test]
    fn a_weaker_one_of_the_same_name_is_told_and_a_repeater_is_not() {
        let run = |second: Vec<u8>| -> usize {
            let mut stage = Stage::new(EvilTwin::new(Settings::default())).over(LinkType::IEEE80211);
            stage.frame(&beacon([0x3c, 1, 2, 3, 4, 5], "home", true), 0);
            stage.frame(&second, 5000).len()
        };
        assert_eq!(run(beacon([0x00, 0x11, 0x22, 9, 9, 9], "home", false)), 1);
        assert_eq!(run(beacon([0x3c, 1, 2, 3, 4, 6], "home", true)), 0, "the other radio");
        assert_eq!(run(beacon([0x70, 1, 2, 3, 4, 6], "home", true)), 0, "a repeater of another maker");
        assert_eq!(run(beacon([0x00, 0x11, 0x22, 9, 9, 9], "cafe", false)), 0, "another name");
        assert_eq!(run(beacon([0x3e, 1, 2, 9, 9, 9], "home", false)), 1, "of the same maker, as it says");
        assert_eq!(run(beacon([0x3e, 1, 2, 3, 4, 5], "home", false)), 0, "a box that changes over");
        // A firm's network (IEEE 802.11-2020 table 9-151: 1 and 3), of which the points say it in two ways.
        let firm = |bssid, kind: u8| {
            let mut bytes = beacon(bssid, "home", true);
            let at = bytes.len() - 3;
            bytes[at] = kind;
            bytes
        };
        let two = |first: Vec<u8>, second: Vec<u8>| -> usize {
            let mut stage = Stage::new(EvilTwin::new(Settings::default())).over(LinkType::IEEE80211);
            stage.frame(&first, 0);
            stage.frame(&second, 5000).len()
        };
        let (near, far) = ([0x3c, 1, 2, 3, 4, 5], [0x00, 0x11, 0x22, 9, 9, 9]);
        assert_eq!(two(firm(near, 1), firm(far, 3)), 0, "access points of a firm");
        assert_eq!(two(firm(near, 1), beacon(far, "home", true)), 0, "one that also takes a common password");
        assert_eq!(two(firm(near, 3), beacon(far, "home", false)), 1, "a firm's name without protection");
    }

    #[test]
    fn one_address_on_two_channels_by_turns_is_told_and_one_that_moves_is_not() {
        let at = |channel: u8| [beacon([0x3c, 1, 2, 3, 4, 5], "home", true), vec![3, 1, channel]].concat();
        let run = |channels: &[u8]| -> usize {
            let mut stage = Stage::new(EvilTwin::new(Settings::default())).over(LinkType::IEEE80211);
            channels.iter().enumerate().map(|(n, channel)| stage.frame(&at(*channel), n as u64 * 100).len()).sum()
        };
        assert!(run(&[6, 1, 6, 1, 6, 6, 1, 6, 1, 1, 6]) > 0);
        assert_eq!(run(&[6, 6, 6, 1, 1, 1, 1, 1, 1, 11, 11, 11]), 0, "it moves, twice");
        assert_eq!(run(&[6, 1, 6, 2, 6, 3, 6, 4, 6, 5, 6]), 0, "broken on the way");
    }
}
