//! # Echo off everybody
//!
//! ## What it finds
//! Pings to all at once, in the name of one who did not send them: all answer the victim.
//! ## Why it matters
//! One small packet becomes as many as there are devices.
//! ## How it decides
//! Three echo requests within ten seconds to a broadcast address, from a hardware address that is not its sender's.
//! ## What fools it
//! A victim whose own hardware address was never heard. An administrator's own ping to all is no forgery and is silent.
//! ## What to do
//! Find the device that sends them.
//!
//! Holds 256 pairs.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Window},
    model::{Capped, Category, Finding, Findings, MacAddr, Party, Severity},
    wire::icmp::Icmp,
};

card!("smurf", "Echo off everybody");

const PAIRS_MAX: usize = 256;
const REQUESTS: u32 = 3;

/// See the page above.
pub struct Smurf {
    bell: Bell,
    pairs: Capped<(MacAddr, std::net::IpAddr), Window>,
}

impl Smurf {
    #[must_use]
    pub fn new(settings: Settings) -> Smurf {
        Smurf { bell: Bell::new(settings), pairs: Capped::new(PAIRS_MAX) }
    }
}

impl Detector for Smurf {
    says!(self, [Icmp], self.pairs.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(mac), Some((from, to))) = (frame.source, frame.addresses()) else { return };
        if frame.icmp().is_none_or(|icmp| icmp.kind != Icmp::ECHO)
            || to.is_multicast()
            || frame.destination != Some(MacAddr::BROADCAST)
        {
            return;
        }
        let Some(victim) = context.neighbours.holder(from).filter(|holder| *holder != mac) else { return };
        let (key, now) = ((mac, from), context.now.mono);
        if !self.pairs.contains(&key) {
            self.pairs.insert(key, Window::default());
        }
        let Some(window) = self.pairs.get_mut(&key) else { return };
        window.add(now, 1);
        let count = window.sum(now, 10);
        if count < self.bell.scaled(REQUESTS) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Medium, format!("{mac} {from}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: None })
            .against(Party { device: None, mac: Some(victim), ip: Some(from) })
            .why("requests", count)
            .technique(&["T1498.002"])
            .points(if count >= 6 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, between, ip, mac};

    #[test]
    fn a_forged_ping_to_all_is_told() {
        let run = |sender: u8| -> usize {
            let mut stage = Stage::new(Smurf::new(Settings::default()));
            stage.frame(&arp(5, 1, 5, 5, 1), 0);
            stage.frame(&arp(9, 1, 9, 9, 1), 0);
            let ping = between((mac(sender), ip(5)), ([0xff; 6], ip(255)), 1, &[8, 0, 0, 0, 0, 1, 0, 1]);
            (0..5).map(|n| stage.frame(&ping, 100 + n * 50).len()).sum()
        };
        assert!(run(9) > 0);
        assert_eq!(run(5), 0, "its own");
    }
}
