//! # Somebody else's traffic through a device
//!
//! ## What it finds
//! A television, a camera or another thing without a browser that suddenly speaks with the whole Internet: its line is
//! sold as a way out for strangers.
//! ## Why it matters
//! What strangers do then carries the home's address.
//! ## How it decides
//! Of things whose kind is known: different domains that one looked up, or named in the greeting of TLS, within an hour
//! and that it did not name in the days before. Of lamps, plugs, cameras, printers 40 are high; of televisions, players
//! and consoles, on which people may browse, 100 are low and 250 medium.
//! ## What fools it
//! Names hidden by encryption (DNS over HTTPS together with an encrypted greeting); one that works through a fixed
//! server and resolves nothing itself.
//! ## What to do
//! Remove free applications of that device, or reset it; boxes that came with it are best thrown away.
//!
//! Needs a mirror port or the router. Holds 128 things with 512 domains each.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, DeviceId, Finding, Findings, Kind, KindGroup, Mono, Severity},
    traffic::{What, registered},
};

card!("proxyware", "Somebody else's traffic through a device");

const THINGS_MAX: usize = 128;
const DOMAINS_MAX: usize = 512;
const SPAN: Duration = Duration::from_secs(3600);
const SIMPLE: u32 = 40;
const BROWSES: u32 = 100;
const BROWSES_MUCH: u32 = 250;

/// See the page above.
pub struct Proxyware {
    bell: Bell,
    /// Domains of a thing, by digest, and when each was named first.
    things: Capped<DeviceId, BTreeMap<u64, Mono>>,
}

impl Proxyware {
    #[must_use]
    pub fn new(settings: Settings) -> Proxyware {
        Proxyware { bell: Bell::new(settings), things: Capped::new(THINGS_MAX) }
    }
}

/// From how many domains on, and how bad that is.
fn rule(kind: Kind) -> Option<[(u32, Severity); 2]> {
    match kind.group() {
        KindGroup::Home | KindGroup::Security => Some([(SIMPLE, Severity::High), (SIMPLE * 2, Severity::High)]),
        _ if matches!(kind, Kind::Printer | Kind::Scanner | Kind::Ups) => {
            Some([(SIMPLE, Severity::High), (SIMPLE * 2, Severity::High)])
        }
        KindGroup::Media => Some([(BROWSES, Severity::Low), (BROWSES_MUCH, Severity::Medium)]),
        _ => None,
    }
}

impl Detector for Proxyware {
    says!(self, [Dns, Tls], self.things.iter().map(|(_, domains)| 1 + domains.len()).sum::<usize>());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let name = match &noticed.what {
            What::Dns(dns) if dns.is_answer && !dns.addresses.is_empty() => dns.name.as_str(),
            What::Tls(tls) => tls.name.as_deref().unwrap_or_default(),
            _ => return,
        };
        let client = &noticed.talk.client;
        let Some(device) = client.mac.and_then(|mac| context.who.by_mac(mac)) else { return };
        let Some(rule) = rule(context.who.kind(device)).filter(|_| name.contains('.')) else { return };
        let mut hasher = DefaultHasher::new();
        registered(name).hash(&mut hasher);
        let now = context.now.mono;
        if self.things.get(&device).is_none() {
            self.things.insert(device, BTreeMap::new());
        }
        let Some(domains) = self.things.get_mut(&device) else { return };
        // What was named long ago makes room: it would count as new once more.
        if domains.len() >= DOMAINS_MAX {
            domains.retain(|_, first| now.since(*first) <= SPAN);
        }
        if domains.len() >= DOMAINS_MAX || domains.contains_key(&hasher.finish()) {
            return;
        }
        domains.insert(hasher.finish(), now);
        let count = domains.values().filter(|first| now.since(**first) <= SPAN).count();
        let Some((least, severity)) = rule.iter().rev().find(|(least, _)| count >= self.bell.scaled(*least) as usize)
        else {
            return;
        };
        let finding = Finding::new(CARD.id, Category::Malware, *severity, device.to_string(), context.now)
            .by(client.party())
            .why("device_kind", context.who.kind(device).noun())
            .why("domains", count)
            .technique(&["T1496.002"])
            .points(if count >= *least as usize * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, dns, udp},
        model::Trust,
    };

    #[test]
    fn a_thing_that_knows_everybody_is_told_and_a_browser_is_not() {
        let run = |kind: Kind, domains: u32, pause_ms: u64| -> Option<Severity> {
            let mut stage = Stage::new(Proxyware::new(Settings::default())).with(9, kind, Trust::Unknown);
            let mut worst = None;
            for n in 0..domains {
                let (id, name, ms) = (n as u16, format!("www.site{n}.com"), u64::from(n) * pause_ms);
                let mut answer = dns(id, Some(0), &name, 1);
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, n as u8]);
                stage.frame(&udp((9, 5000), (1, 53), &dns(id, None, &name, 1)), ms);
                let found = stage.frame(&udp((1, 53), (9, 5000), &answer), ms + 1);
                worst = worst.max(found.iter().map(|finding| finding.severity).max());
            }
            worst
        };
        assert_eq!(run(Kind::Camera, 60, 20_000), Some(Severity::High));
        assert_eq!(run(Kind::Camera, 12, 20_000), None);
        assert_eq!(run(Kind::Camera, 60, 400_000), None, "over a day");
        assert_eq!(run(Kind::Tv, 120, 10_000), Some(Severity::Low), "somebody browses");
        assert_eq!(run(Kind::Tv, 300, 5_000), Some(Severity::Medium));
        assert_eq!(run(Kind::Laptop, 300, 5_000), None);
    }
}
