//! # Flood of questions
//!
//! ## What it finds
//! A device that asks a name server far more than any program needs.
//! ## Why it matters
//! It slows down everybody's look-ups, and is how name servers are attacked.
//! ## How it decides
//! A thousand questions of one device within ten seconds; or a hundred different names below one domain within a minute, of
//! which fewer than a fifth lead anywhere: so is a name server worn out by names made up.
//! ## What fools it
//! A name server of the home that asks for others: add it to `exempt`.
//! ## What to do
//! Look which program does that.
//!
//! Holds 1,024 devices and as many domains.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Subjects, Window},
    },
    model::{Category, Finding, Findings, Guarded, Severity, clean_text, hash_of},
    traffic::{Dns, Talkers, What, owner, registered},
};

card!("dns_flood", "Flood of questions");

const DEVICES_MAX: usize = 1024;
const QUESTIONS: u32 = 1000;
/// Lists of names that are tried begin at a hundred; a page needs some tens of one domain, and they lead somewhere.
const NAMES: u32 = 100;
const NAMES_MAX: usize = 256;
const LEADS_SHARE: u32 = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// See the page above.
pub struct DnsFlood {
    bell: Bell,
    devices: Subjects<IpAddr, Window>,
    /// Names, as digests, that each asked for below a domain; and answers that led somewhere.
    domains: Guarded<(IpAddr, u64), (Recent<u64>, Window)>,
}

impl DnsFlood {
    #[must_use]
    pub fn new(settings: Settings) -> DnsFlood {
        DnsFlood {
            bell: Bell::new(settings),
            devices: Subjects::new(DEVICES_MAX, Duration::from_secs(10), QUESTIONS / 2),
            domains: Guarded::new(DEVICES_MAX),
        }
    }
}

impl DnsFlood {
    /// One more question about a domain, or an answer.
    fn below(&mut self, dns: &Dns, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let (client, now) = (talk.client, context.now.mono);
        let domain = registered(&dns.name);
        // Names of the domain itself, and where addresses are looked up backwards.
        if domain == dns.name || dns.name.ends_with(".arpa") {
            return;
        }
        let (key, tick) = ((client.ip, hash_of(&domain)), now.0 / 1_000_000_000);
        if dns.is_answer {
            if let Some((_, led)) = self.domains.get_mut(&key, tick).filter(|_| dns.answer_count > 0) {
                led.add(now, 1);
            }
            return;
        }
        if self.domains.get(&key).is_none() {
            let fresh = (Recent::new(NAMES_MAX), Window::default());
            self.domains.insert(key, fresh, client.mac.map_or(0, owner), tick);
        }
        let Some((names, led)) = self.domains.get_mut(&key, tick) else { return };
        names.see(hash_of(&dns.name), now);
        if names.len() < self.bell.scaled(NAMES) as usize {
            return;
        }
        // In a flood each question finds it again: not counted anew for each.
        let key = format!("{} {domain}", client.ip);
        if self.bell.rang(&key, Severity::Low, now) {
            return;
        }
        let count = u32::try_from(names.within(now, MINUTE)).unwrap_or(u32::MAX);
        if count < self.bell.scaled(NAMES) || led.sum(now, 60) * LEADS_SHARE >= count {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Low, key, context.now)
            .by(client.party())
            .against(talk.server.party())
            .why("domain", clean_text(domain, 80))
            .why("names_in_a_minute", count)
            .technique(&["T1499.002"])
            .points(5.5);
        self.bell.ring(finding, findings);
    }
}

impl Detector for DnsFlood {
    says!(self, [Dns], self.devices.len() + self.domains.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let (What::Dns(dns), talk) = (&noticed.what, &noticed.talk) else { return };
        if talk.server.port != 53 {
            return;
        }
        self.below(dns, talk, context, findings);
        if dns.is_answer {
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
        let below = |domain: &str, leads: bool, count: u16| -> usize {
            let mut stage = Stage::new(DnsFlood::new(Settings::default()));
            let mut told = 0;
            for n in 0..count {
                let (name, at) = (format!("x{n}.{domain}"), u64::from(n) * 100);
                told += stage.frame(&udp((9, 20_000 + n), (1, 53), &dns(n, None, &name, 1)), at).len();
                let mut answer = dns(n, Some(if leads { 0 } else { 2 }), &name, 1);
                if leads {
                    answer[7] = 1;
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 5]);
                }
                told += stage.frame(&udp((1, 53), (9, 20_000 + n), &answer), at + 5).len();
            }
            told
        };
        assert!(below("shop.com", false, 300) > 0, "names made up");
        assert_eq!((below("cdn.com", true, 300), below("shop.com", false, 90)), (0, 0), "a content network; a few");
        assert!(run(1500, 5000) > 0);
        assert_eq!(run(1500, 50_000), 0);
    }
}
