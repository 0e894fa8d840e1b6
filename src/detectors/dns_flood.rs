//! # Flood of questions
//!
//! ## What it finds
//! A device that asks a name server far more than any program needs.
//! ## Why it matters
//! It slows down everybody's look-ups, and is how name servers are attacked.
//! ## How it decides
//! A thousand questions of one device within ten seconds.
//! ## What fools it
//! A name server of the home that asks for others: add it to `exempt`.
//! ## What to do
//! Look which program does that.
//!
//! Holds 1,024 devices.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Subjects, Window},
    },
    model::{Category, Finding, Findings, Severity},
    traffic::{What, owner},
};

card!("dns_flood", "Flood of questions");

const DEVICES_MAX: usize = 1024;
const QUESTIONS: u32 = 1000;

/// See the page above.
pub struct DnsFlood {
    bell: Bell,
    devices: Subjects<IpAddr, Window>,
}

impl DnsFlood {
    #[must_use]
    pub fn new(settings: Settings) -> DnsFlood {
        DnsFlood {
            bell: Bell::new(settings),
            devices: Subjects::new(DEVICES_MAX, Duration::from_secs(10), QUESTIONS / 2),
        }
    }
}

impl Detector for DnsFlood {
    says!(self, [Dns], self.devices.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let (What::Dns(dns), talk) = (&noticed.what, &noticed.talk) else { return };
        if dns.is_answer || talk.server.port != 53 {
            return;
        }
        let (client, now) = (talk.client, context.now.mono);
        let who = client.mac.map_or(0, owner);
        let Some(window) = self.devices.of(client.ip, who, now, |left| Window::with(left, now)) else { return };
        window.add(now, 1);
        let count = window.sum(now, 10);
        if count < self.bell.scaled(QUESTIONS) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Low, client.ip.to_string(), context.now)
            .by(client.party())
            .against(talk.server.party())
            .why("in_ten_s", count)
            .technique(&["T1499.002"])
            .points(if count >= QUESTIONS * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, dns, udp};

    #[test]
    fn only_floods_are_told() {
        let run = |count: u16, gap_us: u64| -> usize {
            let mut stage = Stage::new(DnsFlood::new(Settings::default()));
            let ask = |n: u16| udp((9, 20_000 + n % 4000), (1, 53), &dns(n, None, "www.example.org", 1));
            (0..count).map(|n| stage.frame(&ask(n), u64::from(n) * gap_us / 1000).len()).sum()
        };
        assert!(run(1500, 5000) > 0);
        assert_eq!(run(1500, 50_000), 0);
    }
}
