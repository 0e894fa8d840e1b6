//! # A name that moves all the time
//!
//! ## What it finds
//! A domain whose addresses change every few minutes and lie all over the Internet.
//! ## Why it matters
//! Who hides a server behind thousands of infected homes gives it such a name. So do a few honest services; it is noted.
//! ## How it decides
//! Addresses that a domain's names led to within an hour: ten different networks (the first 16 bits, of version 6 the
//! first 32) with answers that hold for five minutes at most, of which each answer brought new ones. Time servers,
//! peer-to-peer and content networks, by the ends of their names, are left out.
//! ## What fools it
//! Content networks that are not known here; flux within few networks.
//! ## What to do
//! Look which program asks for that name.
//!
//! Needs a mirror port, the router, or a name server at home. Holds 512 domains with 16 networks each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Category, Finding, Findings, Guarded, Severity, clean_text, is_private, is_unicast},
    traffic::{Dns, Talkers, What, owner, registered},
};

card!("fast_flux", "A name that moves all the time");

const DOMAINS_MAX: usize = 512;
const NETWORKS_MAX: usize = 16;
const NETWORKS_MIN: u32 = 10;
const SPAN: Duration = Duration::from_secs(3600);
const TTL_MAX_S: u32 = 300;
/// Answers that brought something new: more than a long answer read once.
const ANSWERS_MIN: u32 = 4;
/// Content networks, time servers and name services that answer by place, by their own pages.
const SPREAD: [&str; 22] = [
    "ntp.org",
    "akamai.net",
    "akamaiedge.net",
    "akadns.net",
    "cloudfront.net",
    "fastly.net",
    "amazonaws.com",
    "azure.com",
    "trafficmanager.net",
    "google.com",
    "gvt1.com",
    "googlevideo.com",
    "apple.com",
    "aaplimg.com",
    "cdn77.org",
    "llnwd.net",
    "edgecastcdn.net",
    "netflix.com",
    "nflxvideo.net",
    "bittorrent.com",
    "steamserver.net",
    "signal.org",
];

#[derive(Debug, Clone)]
struct Led {
    networks: Recent<u32>,
    answers: u32,
}

/// See the page above.
pub struct FastFlux {
    bell: Bell,
    domains: Guarded<String, Led>,
}

impl FastFlux {
    #[must_use]
    pub fn new(settings: Settings) -> FastFlux {
        FastFlux { bell: Bell::new(settings), domains: Guarded::new(DOMAINS_MAX) }
    }

    fn answered(&mut self, talk: &Talkers, dns: &Dns, context: &Context<'_>, findings: &mut Findings) {
        let domain = registered(&dns.name);
        if dns.ttl_s > TTL_MAX_S || !domain.contains('.') || SPREAD.contains(&domain) {
            return;
        }
        let (now, tick, domain) = (context.now.mono, context.now.mono.0 / 1_000_000_000, domain.to_owned());
        if self.domains.get(&domain).is_none() {
            let led = Led { networks: Recent::new(NETWORKS_MAX), answers: 0 };
            self.domains.insert(domain.clone(), led, talk.client.mac.map_or(0, owner), tick);
        }
        let Some(led) = self.domains.get_mut(&domain, tick) else { return };
        if led.networks.within(now, SPAN) == 0 {
            led.answers = 0;
        }
        let outside = dns.addresses.iter().filter(|ip| is_unicast(**ip) && !is_private(**ip));
        let mut fresh = false;
        for ip in outside {
            fresh |= led.networks.see(network(*ip), now);
        }
        led.answers = led.answers.saturating_add(u32::from(fresh));
        let networks = led.networks.within(now, SPAN);
        if networks < self.bell.scaled(NETWORKS_MIN) as usize || led.answers < ANSWERS_MIN {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Info, domain.clone(), context.now)
            .by(talk.client.party())
            .why("domain", clean_text(&domain, 80))
            .why("networks", networks)
            .why("answers", led.answers)
            .technique(&["T1568.001"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

fn network(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip) >> 16,
        IpAddr::V6(ip) => (u128::from(ip) >> 96) as u32,
    }
}

impl Detector for FastFlux {
    says!(self, [Dns], self.domains.iter().map(|(_, led)| 1 + led.networks.len()).sum::<usize>());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Traffic(noticed) = evidence
            && let What::Dns(dns) = &noticed.what
            && dns.is_answer
            && !dns.addresses.is_empty()
        {
            self.answered(&noticed.talk, dns, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, dns, udp};

    /// The answer with these addresses.
    fn answer(id: u16, name: &str, ttl: u32, addresses: &[[u8; 4]]) -> Vec<u8> {
        let mut bytes = dns(id, Some(0), name, 1);
        bytes[7] = addresses.len() as u8;
        for address in addresses {
            bytes.extend([0xc0, 12, 0, 1, 0, 1]);
            bytes.extend(ttl.to_be_bytes());
            bytes.extend([0, 4]);
            bytes.extend(address);
        }
        udp((1, 53), (9, 50_000), &bytes)
    }

    fn run(name: &str, ttl: u32, networks: u8, pause_s: u64) -> usize {
        let mut stage = Stage::new(FastFlux::new(Settings::default()));
        let mut told = 0;
        for n in 0..20u8 {
            let at = [[20 + n % networks, 7, 1, n], [60 + n % networks, 9, 1, n]];
            told += stage.frame(&answer(n.into(), name, ttl, &at), u64::from(n) * pause_s * 1000).len();
        }
        told
    }

    #[test]
    fn a_name_all_over_the_internet_is_noted() {
        assert!(run("a.flux.example", 60, 20, 90) > 0);
        assert_eq!(run("a.flux.example", 3600, 20, 90), 0, "it stays where it is");
        assert_eq!(run("a.flux.example", 60, 2, 90), 0, "four networks in turn");
        assert_eq!(run("2.pool.ntp.org", 60, 20, 90), 0, "time servers");
        assert_eq!(run("a.flux.example", 60, 20, 1200), 0, "a few in an hour");
        let mut stage = Stage::new(FastFlux::new(Settings::default()));
        let many: Vec<[u8; 4]> = (0..14).map(|n| [20 + n, 7, 1, n]).collect();
        let same: usize = (0..20).map(|n| stage.frame(&answer(n, "a.big.example", 60, &many), 1000).len()).sum();
        assert_eq!(same, 0, "one long answer, again and again");
    }
}
