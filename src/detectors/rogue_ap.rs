//! # A way in by Wi-Fi that a device opens
//!
//! ## What it finds
//! A device of the home that opens a Wi-Fi network without a lock.
//! ## Why it matters
//! Whoever is near comes in through it, past the password of the home's own Wi-Fi.
//! ## How it decides
//! An access point without protection, or with WEP, whose address is that of a device of this network or within eight
//! of it in the last byte (radios of one box count up, or set the local bit). A computer, phone or unknown device is
//! medium; a thing, a printer or a screen that shows its set-up network is low, and so is whom a person trusts. Routers
//! and access points are left out: an open guest network is their business.
//! ## What fools it
//! An address made up for the radio; a network with a password that everybody knows.
//! ## What to do
//! Switch the hotspot or the set-up network of that device off.
//!
//! Looks at each access point once a day. Holds 128 of them.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{
        Capped, Category, DeviceId, Fact, Finding, Findings, Kind, KindGroup, MacAddr, Mono, Party, Role, Severity,
        Trust, clean_text,
    },
    wire::{
        Wifi,
        wifi::{Security, ssid},
    },
};

card!("rogue_ap", "A way in by Wi-Fi that a device opens", None);

const POINTS_MAX: usize = 128;
const KIN: u8 = 8;
const AGAIN: Duration = Duration::from_secs(86_400);
// Time, interval, capabilities (IEEE 802.11-2020 §9.3.3.2).
const FIXED: usize = 12;

/// See the page above.
pub struct RogueAp {
    bell: Bell,
    /// Open ones, and when whose they are was looked up.
    open: Capped<MacAddr, Mono>,
}

impl RogueAp {
    #[must_use]
    pub fn new(settings: Settings) -> RogueAp {
        RogueAp { bell: Bell::new(settings), open: Capped::new(POINTS_MAX) }
    }

    /// An access point without a lock.
    fn heard(&mut self, bssid: MacAddr, name: &str, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        if self.open.get(&bssid).is_some_and(|at| now.since(*at) < AGAIN) {
            return;
        }
        let Some((mac, device)) = whose(bssid, context) else { return };
        self.open.insert(bssid, now);
        let kind = context.who.kind(device);
        if context.who.role(device) != Role::Other || kind.group() == KindGroup::Network {
            return;
        }
        let sets_up = matches!(kind.group(), KindGroup::Home | KindGroup::Security | KindGroup::Media)
            || matches!(kind, Kind::Printer | Kind::Scanner);
        let severity =
            if sets_up || context.who.trust(device) == Trust::Trusted { Severity::Low } else { Severity::Medium };
        let finding = Finding::new(CARD.id, Category::Wireless, severity, format!("{device} {bssid}"), context.now)
            .by(Party { device: Some(device), mac: Some(mac), ip: None })
            .why("ssid", clean_text(name, 64))
            .why("bssid", bssid)
            .why("device_kind", kind.noun())
            .technique(&["T1669"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// Whose radio it is, as far as its address tells: the same one first.
fn whose(bssid: MacAddr, context: &Context<'_>) -> Option<(MacAddr, DeviceId)> {
    let [first, b, c, d, e, last] = bssid.0;
    let bytes = (0..=KIN).flat_map(|step| [last.checked_add(step), last.checked_sub(step)]).flatten();
    let near = bytes.flat_map(|last| [first, first & !2].map(|first| MacAddr([first, b, c, d, e, last])));
    near.filter_map(|mac| context.who.by_mac(mac).map(|device| (mac, device))).next()
}

impl Detector for RogueAp {
    says!(self, [Fact, Radio], self.open.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        match evidence {
            Evidence::Observation(seen) => {
                let (Fact::AccessPoint(point), Some(bssid)) = (&seen.fact, seen.subject.mac) else { return };
                if !point.own && matches!(point.security.as_str(), "open" | "wep") {
                    self.heard(bssid, &point.ssid, context, findings);
                }
            }
            Evidence::Packet(frame) => {
                let says = |wifi: &Wifi| wifi.is_management(Wifi::BEACON);
                let Some(bssid) = frame.wifi.filter(says).and_then(|wifi| wifi.bssid) else { return };
                let body = frame.link_payload;
                let (Some(capabilities), Some(elements)) = (body.get(10), body.get(FIXED..)) else { return };
                let security = Security::read(capabilities & 0x10 != 0, elements);
                if security == Security::default() || security.wep {
                    let name = ssid(elements).map(String::from_utf8_lossy).unwrap_or_default();
                    self.heard(bssid, &name, context, findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, mac},
        model::{AccessPoint, LinkType, Subject},
    };

    fn listed(bssid: [u8; 6], kind: Kind, trust: Trust, security: &str) -> Vec<Severity> {
        let (ssid, security) = ("Free".into(), security.into());
        let fact = Fact::AccessPoint(AccessPoint { ssid, channel: None, level: None, security, own: false });
        let mut stage = Stage::new(RogueAp::new(Settings::default())).with(9, kind, trust);
        let found = [0, 60_000].map(|ms| stage.saw(Subject::mac(MacAddr(bssid)), fact.clone(), ms));
        found.iter().flatten().map(|finding| finding.severity).collect()
    }

    #[test]
    fn a_hotspot_of_a_device_is_told_once_and_a_neighbours_is_not() {
        let [a, b, c, d, e, last] = mac(9);
        let radio = [a, b, c, d, e, last + 1];
        assert_eq!(listed(mac(9), Kind::Unknown, Trust::Unknown, "open"), [Severity::Medium]);
        assert_eq!(listed(radio, Kind::Laptop, Trust::Unknown, "wep"), [Severity::Medium]);
        assert_eq!(listed(radio, Kind::Laptop, Trust::Trusted, "open"), [Severity::Low]);
        assert_eq!(listed(radio, Kind::Plug, Trust::Unknown, "open"), [Severity::Low], "its set-up network");
        assert!(listed(radio, Kind::Laptop, Trust::Unknown, "wpa2").is_empty());
        assert!(listed(radio, Kind::AccessPoint, Trust::Unknown, "open").is_empty(), "a guest network");
        assert!(listed([a, b, c, d, e, last + 30], Kind::Laptop, Trust::Unknown, "open").is_empty());
        assert!(listed([a, b, c, d, 7, last], Kind::Laptop, Trust::Unknown, "open").is_empty());
    }

    #[test]
    fn a_beacon_says_the_same() {
        let beacon = |capabilities: u8| {
            let mut bytes = vec![0x80, 0, 0, 0];
            bytes.extend([[0xff; 6], mac(9), mac(9)].concat());
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, capabilities, 0, 0, 4]);
            bytes.extend(b"Free");
            bytes
        };
        let run = |bytes: &[u8]| {
            let stage = Stage::new(RogueAp::new(Settings::default())).over(LinkType::IEEE80211);
            stage.with(9, Kind::Laptop, Trust::Unknown).frame(bytes, 0).len()
        };
        assert_eq!(run(&beacon(1)), 1);
        let mut locked = beacon(0x11);
        locked.extend([48, 20, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 4, 1, 0, 0, 0x0f, 0xac, 2, 0, 0]);
        assert_eq!(run(&locked), 0);
        assert_eq!(run(&locked[..30]), 0, "cut short");
    }
}
