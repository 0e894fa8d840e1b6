//! # False access point
//!
//! ## What it finds
//! An access point with the name of another one that is less protected, or that appears while devices are thrown off.
//! ## Why it matters
//! Devices connect to the stronger one of a name they know.
//! ## How it decides
//! A second access point of a name: weaker protection than the first (+4), of another maker or a made-up address (+2),
//! while the first's clients are thrown off (+3), other elements in its beacons (+1). Five are told. Repeaters and the
//! radios of one access point have the same protection, and mostly neighbouring addresses.
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
    model::{Capped, Card, Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Severity, clean_text},
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
const NEAR_THROW: Duration = Duration::from_secs(120);
// Fixed fields of a beacon: time, interval, capabilities (IEEE 802.11-2020 §9.3.3.2).
const FIXED: usize = 12;

#[derive(Debug, Clone, Copy)]
struct Point {
    bssid: MacAddr,
    strength: u8,
    elements: usize,
    first: Mono,
}

/// See the page above.
pub struct EvilTwin {
    bell: Bell,
    names: Guarded<Vec<u8>, Vec<Point>>,
    thrown: Capped<MacAddr, (Mono, u32)>,
}

impl EvilTwin {
    #[must_use]
    pub fn new(settings: Settings) -> EvilTwin {
        EvilTwin { bell: Bell::new(settings), names: Guarded::new(NAMES_MAX), thrown: Capped::new(256) }
    }
}

/// From nothing to WPA3.
fn strength(security: Security) -> u8 {
    match security {
        s if s.wpa3 => 4,
        s if s.wpa2 => 3,
        s if s.wpa => 2,
        s if s.wep => 1,
        _ => 0,
    }
}

/// Radios of one access point count up in the last byte, or set the local bit of the first.
fn is_kin(a: MacAddr, b: MacAddr) -> bool {
    let ([a0, a1, a2, a3, a4, _], [b0, b1, b2, b3, b4, _]) = (a.0, b.0);
    a1 == b1 && a2 == b2 && (a0 | 2) == (b0 | 2) || (a3, a4) == (b3, b4) && (a1, a2) == (b1, b2)
}

impl Detector for EvilTwin {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Packet]
    }

    fn held(&self) -> usize {
        self.names.len() + self.thrown.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
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
        let (strength, tick) = (strength(Security::read(capabilities & 0x10 != 0, elements)), now.0 / 1_000_000_000);
        let count = crate::wire::wifi::elements(elements).count();
        let name = name.to_vec();
        if self.names.get(&name).is_none() {
            self.names.insert(name.clone(), Vec::new(), crate::traffic::owner(bssid), tick);
        }
        let Some(points) = self.names.get_mut(&name, tick) else { return };
        if points.iter().any(|point| point.bssid == bssid) {
            return;
        }
        let newcomer = Point { bssid, strength, elements: count, first: now };
        if points.len() < POINTS_MAX {
            points.push(newcomer);
        }
        let Some(first) = points.iter().filter(|point| point.bssid != bssid).min_by_key(|point| point.first).copied()
        else {
            return;
        };
        // Whichever is the weaker one is the twin: it may have been heard first.
        let (first, bssid, strength, count) = if first.strength < strength && first.strength <= 2 {
            (Point { bssid, strength, elements: count, first: now }, first.bssid, first.strength, first.elements)
        } else {
            (first, bssid, strength, count)
        };
        let thrown =
            self.thrown.get(&first.bssid).is_some_and(|(at, count)| now.since(*at) <= NEAR_THROW && *count >= 5);
        let mut points = 0.0;
        points += if strength < first.strength { 4.0 } else { 0.0 };
        points += if !is_kin(first.bssid, bssid) { 2.0 } else { 0.0 };
        points += if thrown { 3.0 } else { 0.0 };
        points += if count.abs_diff(first.elements) >= 3 { 1.0 } else { 0.0 };
        // WPA2 beside WPA3 is a house that changes over.
        points -= if strength >= 3 { 2.0 } else { 0.0 };
        if points < 5.0 {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Wireless, Severity::Medium, bssid.to_string(), context.now)
            .by(Party { device: None, mac: Some(bssid), ip: None })
            .against(Party { device: None, mac: Some(first.bssid), ip: None })
            .why("ssid", clean_text(&String::from_utf8_lossy(&name), 64))
            .why("bssid", bssid)
            .why("security_own", first.strength)
            .why("security_seen", strength)
            .technique(&["T1557.004"])
            .points(points);
        self.bell.ring(finding, findings);
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
    }
}
