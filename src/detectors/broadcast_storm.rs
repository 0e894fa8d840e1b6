//! # Frames that go round in circles
//!
//! ## What it finds
//! One and the same frame, sent to all, again and again: a cable that leads back into the same network.
//! ## Why it matters
//! The network stands still, and everything in it seems broken.
//! ## How it decides
//! One frame to all or to a group, byte for byte the same, 50 times within a second; or more than 1,000 frames to all, of
//! whatever kind, in each of three seconds of five.
//! ## What fools it
//! A program that sends the same as fast; then look at that device. Television and other streams to
//! groups are left out.
//! ## What to do
//! Look for a cable that was plugged in twice, or a second way between two switches or access points (mesh).
//!
//! Holds 64 frames.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Window},
    },
    model::{Capped, Category, Finding, Findings, MacAddr, Party, Severity, hash_of},
    wire::Frame,
};

card!("broadcast_storm", "Frames that go round in circles");

const FRAMES_MAX: usize = 64;
const SAME: u32 = 50;
/// A network of hundreds of hosts has some tens.
const TO_ALL: u32 = 1000;

/// See the page above.
pub struct BroadcastStorm {
    bell: Bell,
    /// In which second how often.
    frames: Capped<u64, (u64, u32)>,
    to_all: Window,
    /// Who sends to all.
    senders: Recent<MacAddr>,
}

impl BroadcastStorm {
    #[must_use]
    pub fn new(settings: Settings) -> BroadcastStorm {
        BroadcastStorm {
            bell: Bell::new(settings),
            frames: Capped::new(FRAMES_MAX),
            to_all: Window::default(),
            senders: Recent::new(8),
        }
    }
}

impl BroadcastStorm {
    /// One more frame to all.
    fn all(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        self.to_all.add(now, 1);
        let (one, five) = (self.to_all.sum(now, 1), self.to_all.sum(now, 5));
        if one < 100 {
            return;
        }
        if let Some(mac) = frame.source {
            self.senders.see(mac, now);
        }
        let least = self.bell.scaled(TO_ALL);
        if one < least || five < least * 3 {
            return;
        }
        let alone = frame.source.filter(|_| self.senders.within(now, Duration::from_secs(5)) == 1);
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, "to all".into(), context.now)
            .by(Party { device: None, mac: alone, ip: None })
            .why("frames_to_all_in_a_second", one)
            .points(if one >= least * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for BroadcastStorm {
    says!(self, [Packet], self.frames.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        if frame.wifi.is_some() || !frame.destination.is_some_and(|mac| mac.is_multicast()) {
            return;
        }
        // Streams to a group may well repeat themselves. What stays on the link does not stream (RFC 5771 §4, RFC 4291
        // §2.7).
        let is_stream = frame.addresses().is_some_and(|(_, to)| match to {
            IpAddr::V4(to) => to.is_multicast() && !matches!(to.octets(), [224, 0, 0, _]),
            IpAddr::V6(to) => to.is_multicast() && to.octets()[1] & 0x0f > 2,
        });
        if is_stream {
            return;
        }
        if frame.destination == Some(MacAddr::BROADCAST) {
            self.all(frame, context, findings);
        }
        let (key, second) = (hash_of(frame.bytes), context.now.mono.0 / 1_000_000_000);
        let same = match self.frames.get_mut(&key) {
            Some(seen) => {
                *seen = if seen.0 == second { (second, seen.1 + 1) } else { (second, 1) };
                seen.1
            }
            None => {
                self.frames.insert(key, (second, 1));
                1
            }
        };
        if same < self.bell.scaled(SAME) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, "loop".into(), context.now)
            .by(Party { device: None, mac: frame.source, ip: None })
            .why("repeated_frame", same)
            .points(if same >= SAME * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, between, datagram, ip, mac};

    #[test]
    fn a_loop_is_told_and_a_busy_network_is_not() {
        let run = |frame: &dyn Fn(u64) -> Vec<u8>, gap_ms: u64| -> usize {
            let mut stage = Stage::new(BroadcastStorm::new(Settings::default()));
            (0..300).map(|n| stage.frame(&frame(n), n * gap_ms).len()).sum()
        };
        assert!(run(&|_| arp(9, 1, 9, 9, 9), 2) > 0);
        let mut stage = Stage::new(BroadcastStorm::new(Settings::default()));
        let other = |n: u64| {
            let to = ([0xff; 6], [192, 168, 7, 255]);
            between((mac(9), ip(9)), to, 17, &datagram(9, 9, &n.to_be_bytes()))
        };
        let found: Vec<Finding> = (0..6000).flat_map(|n| stage.frame(&other(n), n / 2)).collect();
        assert_eq!(found.first().and_then(|found| found.attacker.mac), Some(MacAddr(mac(9))), "to all, each another");
        let told: usize = (0..6000).map(|n| stage.frame(&other(n), 60_000 + n * 5).len()).sum();
        assert_eq!(told, 0, "two hundred a second");
        assert_eq!(run(&|n| arp(9, 1, 9, 9, n as u8), 2), 0, "each asks for another");
        let film =
            between((mac(9), ip(9)), ([1, 0, 0x5e, 1, 2, 3], [239, 1, 2, 3]), 17, &datagram(5004, 5004, &[0; 900]));
        assert_eq!(run(&|_| film.clone(), 2), 0, "television");
        assert_eq!(run(&|_| arp(9, 1, 9, 9, 1), 200), 0, "asked again and again");
    }
}
