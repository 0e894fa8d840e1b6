//! # Forged answers to name look-ups
//!
//! ## What it finds
//! Two different answers to one question, answers for names that cannot exist, one address for everything.
//! ## Why it matters
//! Who answers in the name server's place decides where everybody's connections go.
//! ## How it decides
//! A second answer to the same question within two seconds with other addresses (+5); two unrelated domains within ten
//! minutes that led elsewhere before, each to a network of its own, and now lead to one and the same (+5); a name
//! server at home that asked others for a name before, and now calls it its own and gives an address of the Internet
//! that was not among those before (+5): somebody entered it there; a name that nobody can own resolves, such as one under `.invalid` or
//! without a known top, or one made by chance, low by itself.
//! ## What fools it
//! Providers that answer for names that do not exist; filters that answer with their own page; content networks host
//! many names at one address: theirs are left out as far as they answer with several.
//! ## What to do
//! Check which name server the router hands out; set one you know.
//!
//! Whose hardware sent the second answer is named, if the other one came from the name server's own.
//!
//! Holds twice 1,024 questions, 1,024 names and 256 addresses.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    time::Duration,
};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Capped, Category, Finding, Findings, MacAddr, Mono, Party, Port, Severity, clean_text, is_private},
    traffic::{Dns, Talkers, What, registered},
    wire::Frame,
};

card!("dns_hijack", "Forged names");

const QUESTIONS_MAX: usize = 1024;
const NAMES_MAX: usize = 1024;
const PLACES_MAX: usize = 256;
/// Domains that came to one address.
const MOVED_MIN: u32 = 2;
const MOVED_SPAN: Duration = Duration::from_secs(600);
const MOVED_MAX: usize = 8;
/// Addresses kept of a name.
const LED_MAX: usize = 24;
const RACE: Duration = Duration::from_secs(2);
/// RFC 2606 §2, RFC 6761: never in the root.
const NEVER: [&str; 3] = ["invalid", "test", "example"];

#[derive(Debug, Clone)]
struct Answer {
    at: Mono,
    addresses: BTreeSet<IpAddr>,
}

/// Where a name led when it was asked for last.
#[derive(Debug, Clone)]
struct Led {
    addresses: BTreeSet<IpAddr>,
    is_own: bool,
}

/// See the page above.
pub struct DnsHijack {
    bell: Bell,
    answers: Capped<(IpAddr, u16, u16, String), Answer>,
    /// By digest of name server, kind and name.
    names: Capped<u64, Led>,
    /// From which hardware addresses the answers to a question came.
    came: Capped<(IpAddr, Port, u16), Recent<MacAddr>>,
    /// Domains that led elsewhere and now lead here.
    places: Capped<IpAddr, Recent<(u64, String)>>,
}

impl DnsHijack {
    #[must_use]
    pub fn new(settings: Settings) -> DnsHijack {
        DnsHijack {
            bell: Bell::new(settings),
            answers: Capped::new(QUESTIONS_MAX),
            names: Capped::new(NAMES_MAX),
            came: Capped::new(QUESTIONS_MAX),
            places: Capped::new(PLACES_MAX),
        }
    }

    /// What speaks for it that `dns` leads where its name never led.
    fn moved(&mut self, resolver: IpAddr, dns: &Dns, addresses: &BTreeSet<IpAddr>, now: Mono) -> Option<&'static str> {
        let mut hasher = DefaultHasher::new();
        (resolver, dns.kind, &dns.name).hash(&mut hasher);
        let key = hasher.finish();
        // What a filter answers: nothing, itself, a page at home.
        let is_filter = |ip: &IpAddr| ip.is_unspecified() || ip.is_loopback() || is_private(*ip);
        if addresses.iter().all(is_filter) || !dns.name.contains('.') {
            return None;
        }
        let Some(before) = self.names.get_mut(&key) else {
            self.names.insert(key, Led { addresses: addresses.clone(), is_own: dns.is_own });
            return None;
        };
        let is_elsewhere = before.addresses.is_disjoint(addresses);
        let was_own = before.is_own;
        if !is_elsewhere || was_own {
            // Content networks lead elsewhere each time: all of it is theirs.
            if before.addresses.len() + addresses.len() <= LED_MAX {
                before.addresses.extend(addresses.iter().copied());
            } else {
                before.addresses.clone_from(addresses);
            }
            before.is_own = dns.is_own;
            return None;
        }
        if dns.is_own && is_private(resolver) {
            // It stays what it was before: the next forged answer is one more.
            return Some("the name server calls it its own");
        }
        let origin = before.addresses.first().map(|ip| network(*ip))?;
        if before.addresses.len() + addresses.len() <= LED_MAX {
            before.addresses.extend(addresses.iter().copied());
        }
        let [only] = dns.addresses.as_slice() else { return None };
        if before.addresses.iter().any(|ip| ip != only && network(*ip) == network(*only)) {
            return None;
        }
        if self.places.get(only).is_none() {
            self.places.insert(*only, Recent::new(MOVED_MAX));
        }
        let least = self.bell.scaled(MOVED_MIN) as usize;
        let domains = self.places.get_mut(only)?;
        domains.see((origin, registered(&dns.name).to_owned()), now);
        // As many domains, each from a network of its own.
        let networks: BTreeSet<u64> = domains.keys().map(|(origin, _)| *origin).collect();
        let names: BTreeSet<&str> = domains.keys().map(|(_, domain)| domain.as_str()).collect();
        let moved = domains.within(now, MOVED_SPAN).min(networks.len()).min(names.len());
        (moved >= least).then_some("others lead there too")
    }
}

/// A /16 or a /32: content networks have whole ones, and answer from one as from another place of theirs.
fn network(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(u32::from(ip) >> 16),
        IpAddr::V6(ip) => 1 << 40 | (u128::from(ip) >> 96) as u64,
    }
}

/// A label as somebody types it who wants one that does not exist: long, letters and digits mixed again and again.
fn is_probe(label: &str) -> bool {
    let turns = label
        .as_bytes()
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count();
    label.len() >= 16 && turns >= 4 && !label.contains('-')
}

impl DnsHijack {
    /// An answer of a name server: who put it on the wire.
    fn sent(&mut self, frame: &Frame<'_>, now: Mono) {
        let Some(udp) = frame.udp().filter(|udp| udp.source == 53) else { return };
        let (Some((_, to)), Some(mac), Some([a, b])) =
            (frame.addresses(), frame.source, udp.payload.first_chunk::<2>())
        else {
            return;
        };
        let key = (to, udp.destination, u16::from_be_bytes([*a, *b]));
        if !self.came.contains(&key) {
            self.came.insert(key, Recent::new(4));
        }
        if let Some(macs) = self.came.get_mut(&key) {
            macs.see(mac, now);
        }
    }

    /// Who answered in the name server's place, as far as the wire tells: not whose address it is, nor the way to it.
    fn racer(&self, talk: &Talkers, id: u16, context: &Context<'_>) -> Party {
        let server = talk.server.party();
        let Some(macs) = self.came.get(&(talk.client.ip, talk.client.port, id)) else { return server };
        let holder = context.neighbours.holder(talk.server.ip);
        let others: Vec<MacAddr> =
            (macs.keys().copied()).filter(|mac| Some(*mac) != holder && !context.neighbours.is_way_out(*mac)).collect();
        match others.as_slice() {
            [mac] if macs.len() > 1 => Party { device: None, mac: Some(*mac), ip: None },
            _ => server,
        }
    }
}

impl Detector for DnsHijack {
    says!(self, [Dns, Udp], self.answers.len() + self.names.len() + self.places.len() + self.came.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Packet(frame) = evidence {
            return self.sent(frame, context.now.mono);
        }
        let Evidence::Traffic(noticed) = evidence else { return };
        let What::Dns(dns) = &noticed.what else { return };
        let talk = &noticed.talk;
        if !dns.is_answer || talk.server.port != 53 || dns.code != 0 || dns.addresses.is_empty() {
            return;
        }
        let now = context.now.mono;
        let addresses: BTreeSet<IpAddr> = dns.addresses.iter().copied().collect();
        let key = (talk.client.ip, talk.client.port, dns.id, dns.name.clone());
        let mut points = 0.0;
        let mut signals = Vec::new();
        if let Some(before) = self.answers.get(&key)
            && now.since(before.at) <= RACE
            && before.addresses.is_disjoint(&addresses)
            && before.addresses.iter().chain(&addresses).any(|ip| is_private(*ip))
        {
            points += 5.0;
            signals.push("two answers");
        }
        let top = dns.name.rsplit('.').next().unwrap_or_default();
        let can_not_be = NEVER.contains(&top)
            || (dns.name.contains('.') && top.len() > 1 && top.bytes().all(|b| b.is_ascii_digit()));
        if can_not_be && !addresses.iter().all(|ip| ip.is_loopback() || ip.is_unspecified() || is_private(*ip)) {
            points += 5.0;
            signals.push("impossible name");
        }
        if dns.name == registered(&dns.name) && is_probe(dns.name.split('.').next().unwrap_or_default()) {
            points += 5.0;
            signals.push("a name by chance exists");
        }
        self.answers.insert(key, Answer { at: now, addresses: addresses.clone() });
        if let Some(sign) = self.moved(talk.server.ip, dns, &addresses, now) {
            points += 5.0;
            signals.push(sign);
        }
        if signals.is_empty() {
            return;
        }
        // A household may lead a name elsewhere on purpose; two that meet, or a race, nobody means.
        let severity = match signals.as_slice() {
            signals if signals.contains(&"two answers") => Severity::High,
            signals if signals.contains(&"others lead there too") => Severity::Medium,
            _ => Severity::Low,
        };
        let finding = Finding::new(
            CARD.id,
            Category::Dns,
            severity,
            format!("{} {}", talk.server.ip, signals.join(" ")),
            context.now,
        )
        .by(if signals.contains(&"two answers") { self.racer(talk, dns.id, context) } else { talk.server.party() })
        .against(talk.client.party())
        .why("resolver", talk.server.ip)
        .why("domain", clean_text(&dns.name, 80))
        .why("signals", signals.join(", "))
        .technique(&["T1557"])
        .points(points);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, dns, mac, udp};

    fn answer(id: u16, name: &str, to: [u8; 4]) -> Vec<u8> {
        let mut bytes = dns(id, Some(0), name, 1);
        bytes[7] = 1;
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(to);
        bytes
    }

    #[test]
    fn a_second_answer_that_says_other_is_forged() {
        let run = |answers: &[(&str, [u8; 4], u64)]| -> Vec<Severity> {
            let mut stage = Stage::new(DnsHijack::new(Settings::default()));
            stage.frame(&udp((9, 5000), (1, 53), &dns(7, None, answers[0].0, 1)), 0);
            answers
                .iter()
                .flat_map(|(name, to, ms)| stage.frame(&udp((1, 53), (9, 5000), &answer(7, name, *to)), *ms))
                .map(|f| f.severity)
                .collect()
        };
        let public = [93, 184, 216, 34];
        assert_eq!(run(&[("bank.com", public, 5), ("bank.com", [192, 168, 7, 66], 9)]), [Severity::High]);
        assert_eq!(run(&[("nobody.invalid", public, 5)]), [Severity::Low]);
        assert!(run(&[("bank.com", public, 5), ("bank.com", public, 9)]).is_empty(), "heard twice");
        assert!(run(&[("bank.com", public, 5), ("bank.com", [10, 0, 0, 1], 9000)]).is_empty(), "asked again later");
        assert!(run(&[("nobody.invalid", [0, 0, 0, 0], 5)]).is_empty(), "a filter");
    }
    #[test]
    fn who_answered_in_the_name_servers_place_is_named() {
        let run = |second: u8| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(DnsHijack::new(Settings::default()));
            stage.frame(&arp(1, 2, 1, 1, 9), 0);
            stage.frame(&udp((9, 5000), (1, 53), &dns(7, None, "bank.com", 1)), 1);
            let mut forged = udp((1, 53), (9, 5000), &answer(7, "bank.com", [192, 168, 7, 66]));
            forged[6..12].copy_from_slice(&mac(second));
            let true_one = udp((1, 53), (9, 5000), &answer(7, "bank.com", [93, 184, 216, 34]));
            let found = [(forged, 5), (true_one, 9)].into_iter().flat_map(|(frame, ms)| stage.frame(&frame, ms));
            found.map(|finding| finding.attacker.mac).collect()
        };
        assert_eq!(run(66), [Some(MacAddr(mac(66)))]);
        assert!(run(1).iter().all(|who| *who != Some(MacAddr(mac(66)))), "it answered twice itself");
    }

    #[test]
    fn a_name_that_is_led_elsewhere_is_told_and_one_that_wanders_is_not() {
        // Name, address, whether the server calls it its own.
        let run = |answers: &[(&str, [u8; 4], bool)]| -> Vec<Severity> {
            let mut stage = Stage::new(DnsHijack::new(Settings::default()));
            let mut told = Vec::new();
            for (n, (name, to, own)) in answers.iter().enumerate() {
                let (id, ms) = (n as u16, n as u64 * 5000);
                let mut bytes = answer(id, name, *to);
                bytes[2] |= if *own { 4 } else { 0 };
                stage.frame(&udp((9, 5000), (1, 53), &dns(id, None, name, 1)), ms);
                told.extend(stage.frame(&udp((1, 53), (9, 5000), &bytes), ms + 5).iter().map(|f| f.severity));
            }
            told
        };
        let (bank, shop, liar) = ([193, 1, 1, 1], [104, 1, 1, 1], [45, 9, 9, 9]);
        assert_eq!(run(&[("www.bank.com", bank, false), ("www.bank.com", liar, true)]), [Severity::Low]);
        let both = [
            ("www.bank.com", bank, false),
            ("shop.org", shop, false),
            ("www.bank.com", liar, false),
            ("shop.org", liar, false),
        ];
        assert_eq!(run(&both), [Severity::Medium]);
        let wanders: Vec<_> = (0..9u8).map(|n| ("cdn.example.com", [23, 1, 1, n], false)).collect();
        assert!(run(&wanders).is_empty());
        let one_owner = [
            ("a.com", [142, 1, 1, 1], false),
            ("b.com", [142, 1, 2, 1], false),
            ("a.com", [142, 1, 3, 1], false),
            ("b.com", [142, 1, 3, 1], false),
        ];
        assert!(run(&one_owner).is_empty(), "two names of one content network");
        assert!(run(&[("ads.com", bank, false), ("ads.com", [0, 0, 0, 0], true)]).is_empty(), "a filter");
        assert!(run(&[("nas.home.org", bank, true), ("nas.home.org", liar, true)]).is_empty(), "the home's own domain");
        assert!(run(&[("bank.com", bank, false), ("bank.com", [192, 168, 7, 5], true)]).is_empty(), "led home");
    }
}
