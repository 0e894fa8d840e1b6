//! # Invented access points
//!
//! ## What it finds
//! More new access points within a minute than can be.
//! ## Why it matters
//! Devices find no network any more; mostly it is somebody's joke.
//! ## How it decides
//! 50 radio addresses within a minute that were never heard before. In the first minute of listening everybody is new:
//! then it takes 150, of which fewer than a quarter were heard a second time; real ones send ten times a second. 300 are told at once.
//! ## What fools it
//! A train or a bus that passes by brings a few, not fifty.
//! ## What to do
//! Nothing lasting. It ends when whoever does it goes away.
//!
//! Holds 2,048 access points.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Window},
    model::{Category, Finding, Findings, Guarded, MacAddr, Mono, Severity},
    wire::Wifi,
};

card!("beacon_flood", "Invented access points");

const POINTS_MAX: usize = 2048;
const NEW: u32 = 50;
const START: Duration = Duration::from_secs(60);
/// Seconds in which a real one is heard again, also by a radio that hops between channels.
const HEARD_WITHIN: u64 = 5;
/// More than there is room for in the air, if each sends ten times a second.
const NEW_AT_ONCE: u32 = 300;
/// More than a block of flats has on one channel.
const NEW_AT_START: u32 = 150;

/// See the page above.
pub struct BeaconFlood {
    bell: Bell,
    /// Whether each was heard again.
    known: Guarded<MacAddr, bool>,
    fresh: Window,
    /// Those that were heard again.
    again: Window,
    started: Option<Mono>,
}

impl BeaconFlood {
    #[must_use]
    pub fn new(settings: Settings) -> BeaconFlood {
        BeaconFlood {
            bell: Bell::new(settings),
            known: Guarded::new(POINTS_MAX),
            fresh: Window::default(),
            again: Window::default(),
            started: None,
        }
    }
}

impl Detector for BeaconFlood {
    says!(self, [Radio], self.known.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(wifi) = frame.wifi.filter(|wifi| wifi.is_management(Wifi::BEACON)) else { return };
        let (Some(bssid), now) = (wifi.bssid, context.now.mono) else { return };
        let tick = now.0 / 1_000_000_000;
        let started = *self.started.get_or_insert(now);
        if let Some(again) = self.known.get_mut(&bssid, tick) {
            if !std::mem::replace(again, true) {
                self.again.add(now, 1);
                self.known.prove(&bssid);
            }
            return;
        }
        self.known.insert(bssid, false, u64::from(bssid.0[5]), tick);
        self.fresh.add(now, 1);
        let count = self.fresh.sum(now, 60);
        let is_start = now.since(started) < START * 2;
        if is_start {
            // Those that came just now had no time to be heard again.
            let older = count - self.fresh.sum(now, HEARD_WITHIN).min(count);
            let all_at_once = count >= self.bell.scaled(NEW_AT_ONCE) && self.again.sum(now, 60) * 4 < count;
            if !all_at_once && (older < self.bell.scaled(NEW_AT_START) || self.again.sum(now, 60) * 4 >= older) {
                return;
            }
        } else if count < self.bell.scaled(NEW) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Wireless, Severity::Low, "beacons".into(), context.now)
            .why("new_points", count)
            .why("latest", bssid)
            .technique(&["T1498"])
            .points(if count >= NEW * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::stage::Stage, model::LinkType};

    #[test]
    fn only_invented_ones_are_told() {
        let beacon = |n: u16| {
            let [a, b] = n.to_be_bytes();
            let bssid = [2, 1, 2, 3, a, b];
            let mut bytes = vec![0x80, 0, 0, 0];
            bytes.extend([[0xff; 6], bssid, bssid].concat());
            bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 1, 0, 0, 1, 65]);
            bytes
        };
        let run = |count: u16, from_ms: u64, gap_ms: u64| -> usize {
            let mut stage = Stage::new(BeaconFlood::new(Settings::default())).over(LinkType::IEEE80211);
            stage.frame(&beacon(0), 0);
            (1..count).map(|n| stage.frame(&beacon(n), from_ms + u64::from(n) * gap_ms).len()).sum()
        };
        assert!(run(200, 130_000, 10) > 0);
        assert!(run(400, 0, 40) > 0, "it begins with the flood");
        assert!(run(400, 0, 5) > 0, "and ends with it");
        assert!(run(300, 100_000, 40) > 0, "the second minute");
        assert_eq!(run(120, 0, 10), 0, "a block of flats at the start, each heard once");
        let mut stage = Stage::new(BeaconFlood::new(Settings::default())).over(LinkType::IEEE80211);
        let flats = (0..80).flat_map(|round| (1..250).map(move |n| (n, round)));
        let told: usize = flats.map(|(n, round)| stage.frame(&beacon(n), round * 100 + u64::from(n) / 3).len()).sum();
        assert_eq!(told, 0, "each heard again");
        assert_eq!(run(200, 100_000, 5000), 0);
    }
}
