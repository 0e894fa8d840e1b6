//! # Own Wi-Fi with a weak lock
//!
//! ## What it finds
//! The home's own network without a password, with WEP or the first WPA, or with the push-button way in that can be
//! guessed.
//! ## Why it matters
//! Whoever is near gets in, and then is a device like all others.
//! ## How it decides
//! Of the access points of the network this host is in: no protection, or WEP (which is broken in minutes since 2007),
//! is medium; WPA without a second version (TKIP) is low; Wi-Fi Protected Setup that is set up and takes a PIN, as its
//! beacons say, is noted. It is resolved when all the home's access points are better.
//! ## What fools it
//! An open network that lets nobody in before a login page.
//! ## What to do
//! Set WPA2 or WPA3 in the access point, and switch WPS off.
//!
//! Leaves out: neighbours' networks. Holds 64 access points.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{
        AccessPoint, Capped, Category, Fact, Finding, Findings, MacAddr, Observation, Party, Severity, clean_text,
    },
    wire::{
        Wifi,
        wifi::{elements, wps_takes_pin},
    },
};

card!("weak_wifi", "Own Wi-Fi with a weak lock", None);

const POINTS_MAX: usize = 64;
// Time, interval, capabilities (IEEE 802.11-2020 §9.3.3.2).
const FIXED: usize = 12;

/// See the page above.
pub struct WeakWifi {
    bell: Bell,
    /// Own access points: what is weak about each, and the network's name.
    own: Capped<MacAddr, (Option<&'static str>, String)>,
}

impl WeakWifi {
    #[must_use]
    pub fn new(settings: Settings) -> WeakWifi {
        WeakWifi { bell: Bell::new(settings), own: Capped::new(POINTS_MAX) }
    }

    fn listed(&mut self, bssid: MacAddr, point: &AccessPoint, context: &Context<'_>, findings: &mut Findings) {
        if !point.own {
            return;
        }
        let weak = weakness(&point.security);
        let ssid = clean_text(&point.ssid, 64);
        self.own.insert(bssid, (weak.map(|(word, _)| word), ssid.clone()));
        let finding = |severity| {
            Finding::new(CARD.id, Category::Wireless, severity, ssid.clone(), context.now)
                .against(Party { device: None, mac: Some(bssid), ip: None })
                .why("ssid", &ssid)
                .why("bssid", bssid)
                .points(5.0)
        };
        match weak {
            Some((word, severity)) => self.bell.ring(finding(severity).why("security", word), findings),
            None if self.own.iter().all(|(_, (weak, name))| weak.is_none() || *name != ssid) => {
                findings.push(finding(Severity::Low).ended());
            }
            None => {}
        }
    }
}

/// What is weak about it; of several ways in the weakest counts.
fn weakness(security: &str) -> Option<(&'static str, Severity)> {
    let has = |word: &str| security.split('+').any(|known| known == word);
    match () {
        () if has("open") => Some(("open", Severity::Medium)),
        () if has("wep") => Some(("WEP", Severity::Medium)),
        // Both versions at once are there for old devices; what is new uses the second.
        () if has("wpa") && !has("wpa2") => Some(("WPA", Severity::Low)),
        () => None,
    }
}

impl Detector for WeakWifi {
    says!(self, [Fact, Radio], self.own.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(Observation { subject, fact: Fact::AccessPoint(point), .. }) = evidence
            && let Some(bssid) = subject.mac
        {
            return self.listed(bssid, point, context, findings);
        }
        let Evidence::Packet(frame) = evidence else { return };
        let says = |wifi: &Wifi| wifi.is_management(Wifi::BEACON) || wifi.is_management(Wifi::PROBE_RESPONSE);
        let Some(bssid) = frame.wifi.filter(says).and_then(|wifi| wifi.bssid) else { return };
        let Some((_, ssid)) = self.own.get(&bssid) else { return };
        let is_open = frame.link_payload.get(FIXED..).is_some_and(|bytes| wps_takes_pin(elements(bytes)));
        if is_open {
            let finding = Finding::new(CARD.id, Category::Wireless, Severity::Info, format!("{ssid} wps"), context.now)
                .against(Party { device: None, mac: Some(bssid), ip: None })
                .why("ssid", ssid)
                .why("bssid", bssid)
                .why("security", "WPS with a PIN")
                .points(5.0);
            self.bell.ring(finding, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::Stage,
        model::{LinkType, Subject},
    };

    fn point(security: &str, own: bool) -> Fact {
        let (ssid, security) = ("home".into(), security.into());
        Fact::AccessPoint(AccessPoint { ssid, channel: None, level: None, security, own })
    }

    #[test]
    fn the_own_network_is_told_and_the_neighbours_is_not() {
        let run = |security: &str, own: bool| -> Vec<Severity> {
            let mut stage = Stage::new(WeakWifi::new(Settings::default()));
            let found = stage.saw(Subject::mac(MacAddr([2; 6])), point(security, own), 0);
            found.iter().filter(|finding| !finding.over).map(|finding| finding.severity).collect()
        };
        assert_eq!(run("open", true), [Severity::Medium]);
        assert_eq!(run("wep", true), [Severity::Medium]);
        assert_eq!(run("wpa", true), [Severity::Low]);
        for (security, own) in [("wpa+wpa2", true), ("wpa2", true), ("wpa3", true), ("owe", true), ("open", false)] {
            assert!(run(security, own).is_empty(), "{security}");
        }
    }

    #[test]
    fn it_is_over_when_all_access_points_are_better() {
        let mut stage = Stage::new(WeakWifi::new(Settings::default()));
        let mut hear = |point_n: u8, security: &str, s: u64| -> Vec<bool> {
            let found = stage.saw(Subject::mac(MacAddr([2, 0, 0, 0, 0, point_n])), point(security, true), s * 1000);
            found.iter().map(|finding| finding.over).collect()
        };
        assert_eq!(hear(1, "wep", 0), [false]);
        assert!(hear(2, "wpa2", 100).is_empty(), "one of two");
        assert_eq!(hear(1, "wpa2", 200), [true]);
    }

    #[test]
    fn a_pin_is_noted_of_own_access_points_alone() {
        let beacon = |attributes: &[u8]| {
            let bssid = [2, 0, 0, 0, 0, 1];
            let mut bytes = vec![0x80, 0, 0, 0];
            bytes.extend([[0xff; 6], bssid, bssid].concat());
            bytes.extend([0, 0]);
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0x11, 0, 0, 4]);
            bytes.extend(b"home");
            bytes.extend([221, 4 + attributes.len() as u8, 0, 0x50, 0xf2, 4]);
            bytes.extend(attributes);
            bytes
        };
        let told = |attributes: &[u8], own: bool| -> usize {
            let mut stage = Stage::new(WeakWifi::new(Settings::default())).over(LinkType::IEEE80211);
            stage.saw(Subject::mac(MacAddr([2, 0, 0, 0, 0, 1])), point("wpa2", own), 0);
            stage.frame(&beacon(attributes), 1000).len()
        };
        let (pin, button, locked): (&[u8], &[u8], &[u8]) = (
            &[0x10, 0x44, 0, 1, 2, 0x10, 0x08, 0, 2, 0x01, 0x0c],
            &[0x10, 0x44, 0, 1, 2, 0x10, 0x08, 0, 2, 0x06, 0x80],
            &[0x10, 0x44, 0, 1, 2, 0x10, 0x57, 0, 1, 1, 0x10, 0x08, 0, 2, 0x01, 0x0c],
        );
        assert_eq!(told(pin, true), 1);
        assert_eq!((told(pin, false), told(button, true), told(locked, true), told(&[0x10], true)), (0, 0, 0, 0));
    }
}
