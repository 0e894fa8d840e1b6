//! # Flood of switch announcements
//!
//! ## What it finds
//! More devices that introduce themselves by LLDP or CDP than any network has.
//! ## Why it matters
//! Switches and telephones keep each in memory, and some stop when it is full.
//! ## How it decides
//! More than 50 different senders within a minute.
//! ## What fools it
//! A very large network behind one mirror port.
//! ## What to do
//! Find the port at a managed switch; the senders are invented.
//!
//! Holds 256 senders.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Category, Finding, Findings, MacAddr, Severity},
    wire::{Carries, cdp, ether_type},
};

card!("discovery_flood", "Flood of switch announcements");

const SENDERS: u32 = 50;
const SPAN: Duration = Duration::from_secs(60);

/// See the page above.
pub struct DiscoveryFlood {
    bell: Bell,
    senders: Recent<MacAddr>,
}

impl DiscoveryFlood {
    #[must_use]
    pub fn new(settings: Settings) -> DiscoveryFlood {
        DiscoveryFlood { bell: Bell::new(settings), senders: Recent::new(256) }
    }
}

impl Detector for DiscoveryFlood {
    says!(self, [Link], self.senders.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        if frame.carries != Carries::Ether(ether_type::LLDP) && frame.carries != cdp::CARRIED {
            return;
        }
        let (Some(mac), now) = (frame.source, context.now.mono) else { return };
        self.senders.see(mac, now);
        let count = self.senders.within(now, SPAN);
        if count <= self.bell.scaled(SENDERS) as usize {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Low, "announcements".into(), context.now)
            .why("senders", count)
            .why("latest", mac)
            .technique(&["T1499"])
            .points(if count >= 100 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::Stage;

    #[test]
    fn many_invented_switches_are_told() {
        let run = |count: u8| -> usize {
            let mut stage = Stage::new(DiscoveryFlood::new(Settings::default()));
            let frame =
                |n: u8| [&[1, 0x80, 0xc2, 0, 0, 0x0e][..], &[2, 0, 0, 0, 1, n], &[0x88, 0xcc], &[0; 46]].concat();
            (0..count).map(|n| stage.frame(&frame(n), u64::from(n) * 100).len()).sum()
        };
        assert!(run(120) > 0);
        assert_eq!(run(40), 0);
    }
}
