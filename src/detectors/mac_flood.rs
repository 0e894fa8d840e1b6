//! # Flood of hardware addresses
//!
//! ## What it finds
//! Frames from hundreds of hardware addresses that nobody ever heard of and that never speak again.
//! ## Why it matters
//! A switch whose table is full sends everything to everybody: then one device hears all others.
//! ## How it decides
//! 64 new senders within two seconds, or 500 in a minute, of which fewer than a quarter speak a second time; the quick
//! ones with hardly two of one maker. In the first seconds after a start, when everybody is new, it takes 256 of that
//! kind. It waits a second and a half for the second word, also when nothing follows.
//! ## What fools it
//! A flood slower than that. Who sends it cannot be told: the addresses are invented.
//! ## What to do
//! A managed switch says at which port it is, and can limit addresses a port.
//!
//! Holds 8,192 addresses.

use std::time::Duration;

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Window},
    },
    model::{Category, Finding, Findings, Guarded, MacAddr, Mono, Severity},
};

card!("mac_flood", "Flood of hardware addresses");

const KNOWN_MAX: usize = 8192;
const IN_ONE: u32 = 64;
const IN_SIXTY: u32 = 500;
const ECHO: Duration = Duration::from_millis(100);
const START: Duration = Duration::from_secs(2);
/// No home has so many that speak within two seconds.
const AT_START: u32 = 256;
const WAITS: Duration = Duration::from_millis(1500);

/// See the page above.
pub struct MacFlood {
    bell: Bell,
    /// When each spoke first, and whether it did again.
    known: Guarded<MacAddr, (Mono, bool)>,
    fresh: Window,
    /// New ones that spoke again.
    again: Window,
    started: Option<Mono>,
    latest: MacAddr,
    fresh_at: Mono,
    /// When those that came last have had their time to speak again.
    waits: Option<Mono>,
    /// First halves of new ones: makers, where they are real.
    makers: Recent<[u8; 3]>,
}

impl MacFlood {
    #[must_use]
    pub fn new(settings: Settings) -> MacFlood {
        MacFlood {
            bell: Bell::new(settings),
            known: Guarded::new(KNOWN_MAX),
            fresh: Window::default(),
            again: Window::default(),
            started: None,
            latest: MacAddr::ZERO,
            fresh_at: Mono::default(),
            waits: None,
            makers: Recent::new(256),
        }
    }
}

impl MacFlood {
    fn judge(&mut self, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        if now.since(self.fresh_at) > Duration::from_secs(3) {
            return;
        }
        let three = self.fresh.sum(now, 3);
        // Whoever is real speaks again within a second or so: judged is who came before that.
        let (older, sixty) = (three - self.fresh.sum(now, 1).min(three), self.fresh.sum(now, 60));
        let is_burst = older >= self.bell.scaled(IN_ONE) && self.again.sum(now, 3) * 4 < three;
        let is_start = self.started.is_some_and(|started| now.since(started) < START + Duration::from_secs(3));
        let is_burst = is_burst && (!is_start || older >= self.bell.scaled(AT_START));
        // A house that wakes up, or answers a search, has things of one maker.
        let is_flood = is_burst && self.makers.within(now, Duration::from_secs(3)) * 10 >= three.min(256) as usize * 9
            || sixty >= self.bell.scaled(IN_SIXTY) && self.again.sum(now, 60) * 4 < sixty;
        if !is_flood {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::High, "addresses".into(), context.now)
            .why("in_three_s", three)
            .why("in_sixty_s", sixty)
            .why("latest", self.latest)
            .technique(&["T1040"])
            .points(if older >= IN_ONE * 2 || sixty >= IN_SIXTY * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for MacFlood {
    says!(self, [Packet], self.known.len() + self.makers.len());

    fn next_wake(&self) -> Option<Mono> {
        self.waits
    }

    fn wake(&mut self, context: &Context<'_>, findings: &mut Findings) {
        if self.waits.is_some_and(|due| due <= context.now.mono) {
            self.waits = None;
            self.judge(context, findings);
        }
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(mac) = frame.source.filter(|mac| mac.is_station() && frame.wifi.is_none()) else { return };
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        if let Some((first, again)) = self.known.get_mut(&mac, tick) {
            // One frame heard at two interfaces is one frame.
            if now.since(*first) >= ECHO && !std::mem::replace(again, true) {
                self.again.add(now, 1);
                self.known.prove(&mac);
            }
            return self.judge(context, findings);
        }
        // One owner for all that is new: those that spoke twice are safe from it.
        self.known.insert(mac, (now, false), u64::from(mac.0[5]), tick);
        self.started.get_or_insert(now);
        self.fresh.add(now, 1);
        (self.latest, self.fresh_at) = (mac, now);
        let [a, b, c, ..] = mac.0;
        self.makers.see([a, b, c], now);
        // Only where there are many, and not anew for each of them.
        if self.waits.is_none() && self.fresh.sum(now, 3) >= self.bell.scaled(IN_ONE) {
            self.waits = Some(now + WAITS);
        }
        self.judge(context, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::Stage;

    fn from(n: u32) -> Vec<u8> {
        let [a, b, c, d] = n.wrapping_mul(2_654_435_761).to_be_bytes();
        [&[0xff; 6][..], &[2, a, b, c, d, 9], &[8, 0], &[0; 46]].concat()
    }

    #[test]
    fn invented_addresses_are_told_and_a_full_house_is_not() {
        let run = |frames: &mut dyn Iterator<Item = (u32, u64)>| -> usize {
            let mut stage = Stage::new(MacFlood::new(Settings::default()));
            stage.frame(&from(0), 0);
            let told: usize = frames.map(|(who, ms)| stage.frame(&from(who), 10_000 + ms).len()).sum();
            told + stage.frame(&from(0), 11_500).len()
        };
        assert!(run(&mut (1..400).map(|n| (n, u64::from(n)))) > 0);
        assert!(run(&mut (1..700).map(|n| (n, u64::from(n) * 80))) > 0, "slower");
        assert_eq!(run(&mut (1..60).flat_map(|n| [(n, 0), (n, 200)])), 0, "power returns");
        // From the first frame on, and nothing after it.
        let at_once = |frames: &mut dyn Iterator<Item = (u32, u64)>| -> usize {
            let mut stage = Stage::new(MacFlood::new(Settings::default()));
            let told: usize = frames.map(|(who, ms)| stage.frame(&from(who), 400 + ms).len()).sum();
            let due = stage.detector.next_wake().map_or(9000, |due| due.0 / 1_000_000);
            told + stage.frame(&from(1), due.max(1500)).len()
        };
        assert!(at_once(&mut (1..900).map(|n| (n, u64::from(n)))) > 0, "it begins with the flood");
        assert_eq!(at_once(&mut (1..200).map(|n| (n, u64::from(n)))), 0, "a large network, at the start");
        let house =
            |n: u32| [&[0xff; 6][..], &[0xac, 0xde, 0x48, 0, (n >> 8) as u8, n as u8], &[8, 0], &[0; 46]].concat();
        let mut stage = Stage::new(MacFlood::new(Settings::default()));
        stage.frame(&from(0), 0);
        let told: usize = (1..150).map(|n| stage.frame(&house(n), 10_000 + u64::from(n) * 20).len()).sum();
        assert_eq!(told, 0, "things of one maker answer a search");
        assert_eq!(run(&mut (1..3000).map(|n| (n % 100, u64::from(n)))), 0, "a hundred that go on");
    }
}
