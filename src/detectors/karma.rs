//! # Access point of all names
//!
//! ## What it finds
//! An access point that answers for whatever network a device looks for.
//! ## Why it matters
//! Phones connect by themselves to a name they know, and then to whoever uses it.
//! ## How it decides
//! One radio address with three different names within a minute. Access points with several networks have an address
//! for each.
//! ## What fools it
//! One that uses a new address for each name.
//! ## What to do
//! Look for it; remove open networks from your devices.
//!
//! Holds 512 access points with 16 names each.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Category, Finding, Findings, Guarded, MacAddr, Party, Severity, clean_text},
    traffic::owner,
    wire::{Wifi, wifi::ssid},
};

card!("karma", "Access point of all names");

const POINTS_MAX: usize = 512;
const NAMES: u32 = 3;
const SPAN: Duration = Duration::from_secs(60);
// Time, interval, capabilities (IEEE 802.11-2020 §9.3.3.2).
const FIXED: usize = 12;

/// See the page above.
pub struct Karma {
    bell: Bell,
    points: Guarded<MacAddr, Recent<Vec<u8>>>,
}

impl Karma {
    #[must_use]
    pub fn new(settings: Settings) -> Karma {
        Karma { bell: Bell::new(settings), points: Guarded::new(POINTS_MAX) }
    }
}

impl Detector for Karma {
    says!(self, [Radio], self.points.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(wifi) = frame.wifi.filter(|w| w.is_management(Wifi::BEACON) || w.is_management(Wifi::PROBE_RESPONSE))
        else {
            return;
        };
        let Some(name) = frame.link_payload.get(FIXED..).and_then(ssid) else { return };
        let Some(bssid) = wifi.bssid.filter(|_| name.iter().any(|byte| *byte != 0)) else { return };
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if self.points.get(&bssid).is_none() {
            self.points.insert(bssid, Recent::new(16), owner(bssid), tick);
        }
        let Some(names) = self.points.get_mut(&bssid, tick) else { return };
        if !names.see(name.to_vec(), now) {
            return;
        }
        let count = names.within(now, SPAN);
        if count < self.bell.scaled(NAMES) as usize {
            return;
        }
        let samples: Vec<String> =
            names.keys().take(4).map(|name| clean_text(&String::from_utf8_lossy(name), 32)).collect();
        let finding = Finding::new(CARD.id, Category::Wireless, Severity::High, bssid.to_string(), context.now)
            .by(Party { device: None, mac: Some(bssid), ip: None })
            .why("bssid", bssid)
            .why("names", count)
            .why("samples", samples.join(", "))
            .technique(&["T1557.004"])
            .points(if count >= 6 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::stage::Stage, model::LinkType};

    #[test]
    fn one_radio_with_many_names_is_told() {
        let answer = |bssid: u8, name: &str| {
            let bssid = [0x3c, 1, 2, 3, 4, bssid];
            let mut bytes = vec![0x50, 0, 0, 0];
            bytes.extend([[2, 0, 0, 0, 0, 7], bssid, bssid].concat());
            bytes.extend([0, 0]);
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 1, 0, 0, name.len() as u8]);
            bytes.extend(name.as_bytes());
            bytes
        };
        let run = |bssids: [u8; 4]| -> usize {
            let mut stage = Stage::new(Karma::new(Settings::default())).over(LinkType::IEEE80211);
            let names = ["cafe", "airport", "home", "hotel"];
            bssids.iter().zip(names).map(|(bssid, name)| stage.frame(&answer(*bssid, name), 1000).len()).sum()
        };
        assert!(run([5; 4]) > 0);
        assert_eq!(run([5, 6, 7, 8]), 0, "one address for each network");
    }
}
