//! # Forged answers to name look-ups
//!
//! ## What it finds
//! Two different answers to one question, answers for names that cannot exist, one address for everything.
//! ## Why it matters
//! Who answers in the name server's place decides where everybody's connections go.
//! ## How it decides
//! A second answer to the same question within two seconds with other addresses (+5); five unrelated domains within
//! ten minutes that all lead to one address (+5); a name that nobody can own resolves, such as one under `.invalid` or
//! without a known top, or one made by chance, low by itself.
//! ## What fools it
//! Providers that answer for names that do not exist; filters that answer with their own page; content networks host
//! many names at one address: theirs are left out as far as they answer with several.
//! ## What to do
//! Check which name server the router hands out; set one you know.
//!
//! Holds 1,024 questions and 256 addresses.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Capped, Card, Category, Finding, Findings, Mono, Severity, clean_text, is_private},
    traffic::{What, registered},
};

pub static CARD: Card =
    Card { id: "dns_hijack", title: "Forged names", needs: Some("CAP_NET_RAW"), page: include_str!("dns_hijack.rs") };

pub type Settings = Usual;

const QUESTIONS_MAX: usize = 1024;
const RACE: Duration = Duration::from_secs(2);
/// RFC 2606 §2, RFC 6761: never in the root.
const NEVER: [&str; 3] = ["invalid", "test", "example"];

#[derive(Debug, Clone)]
struct Answer {
    at: Mono,
    addresses: BTreeSet<IpAddr>,
}

/// See the page above.
pub struct DnsHijack {
    bell: Bell,
    answers: Capped<(IpAddr, u16, u16, String), Answer>,
}

impl DnsHijack {
    #[must_use]
    pub fn new(settings: Settings) -> DnsHijack {
        DnsHijack { bell: Bell::new(settings), answers: Capped::new(QUESTIONS_MAX) }
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

impl Detector for DnsHijack {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Dns]
    }

    fn held(&self) -> usize {
        self.answers.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
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
        self.answers.insert(key, Answer { at: now, addresses });
        if signals.is_empty() {
            return;
        }
        let severity = if signals.contains(&"two answers") { Severity::High } else { Severity::Low };
        let finding = Finding::new(
            CARD.id,
            Category::Dns,
            severity,
            format!("{} {}", talk.server.ip, signals.join(" ")),
            context.now,
        )
        .by(talk.server.party())
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
    use crate::detectors::stage::{Stage, dns, udp};

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
}
