//! # Data hidden in name look-ups
//!
//! ## What it finds
//! A device that carries data out, or in, by asking a name server for invented names of one domain.
//! ## Why it matters
//! It passes most firewalls, and what goes through it was not meant to be seen.
//! ## How it decides
//! Per device and registered domain in five minutes: at least 30 different names that are hardly ever asked
//! twice, 2 KiB in them or 8 KiB in answers of unusual kinds, and one of: labels of 30 letters on average, unusual
//! kinds of question a fifth of the time, letters as if by chance. One long name is never told: antivirus programs and
//! block lists ask such names too. Who takes their time is told by five such spans within an hour that each have fifteen
//! names of long labels, each asked once; 150 names and 6 KiB together. Two tools say their name in what they ask, and are
//! told at once: dnscat, and dns2tcp (`=auth`, `=connect`).
//! ## What fools it
//! A tunnel slower than that; look-ups that are encrypted.
//! ## What to do
//! Look at what runs on the device.
//!
//! Holds 4,096 pairs of device and domain with 512 names each.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Card, Category, Finding, Findings, Guarded, Mono, Party, Severity},
    traffic::{Dns, Talkers, What, owner, registered},
    wire::dns::kind,
};

pub static CARD: Card = Card {
    id: "dns_tunnel",
    title: "Data hidden in name look-ups",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("dns_tunnel.rs"),
};

pub type Settings = Usual;

const PAIRS_MAX: usize = 4096;
const NAMES_MAX: usize = 512;
const SPAN: Duration = Duration::from_secs(300);
const UNIQUE_MIN: u32 = 30;
const STAYS_FROM: u32 = 4;
/// For those who take their time: spans that look like data within an hour, their names, names and bytes of all.
const SLOW_SPAN: Duration = Duration::from_secs(3600);
const SLOW_SPANS_MIN: usize = 4;
const SLOW_NAMES_MIN: u32 = 15;
const SLOW_UNIQUE_MIN: u32 = 150;
const SLOW_UP_MIN: usize = 6 * 1024;
const UP_MIN: usize = 2 * 1024;
const DOWN_MIN: usize = 8 * 1024;
const REPEAT_MAX: f64 = 0.15;
const LABEL_MEAN: f64 = 30.0;
const UNUSUAL_SHARE: f64 = 0.2;
// Of five bits that letters of base 32 carry by chance; words carry about three (Shannon 1951).
const CHANCE: f64 = 0.85;
/// Reputation look-ups of mail and virus filters: names made of hashes by design.
const REPUTATION: [&str; 12] = [
    "e5.sk",
    "sophosxl.net",
    "spamhaus.org",
    "mcafee.com",
    "trendmicro.com",
    "surbl.org",
    "uribl.com",
    "barracudacentral.org",
    "spamcop.net",
    "cymru.com",
    "avast.com",
    "avqs.mcafee.com",
];

/// A span that ended: many long names, each once.
#[derive(Debug, Clone, Copy)]
struct SlowSpan {
    since: Mono,
    unique: u32,
    up: usize,
}

#[derive(Debug)]
struct Asked {
    /// Earlier spans of the last hour.
    slow: Vec<SlowSpan>,
    names: BTreeSet<String>,
    queries: u32,
    up: usize,
    down: usize,
    labels: u64,
    longest: u64,
    unusual: u32,
    chance: f64,
    since: Mono,
    client: Party,
    sample: String,
}

/// See the page above.
pub struct DnsTunnel {
    bell: Bell,
    pairs: Guarded<(std::net::IpAddr, String), Asked>,
}

impl DnsTunnel {
    #[must_use]
    pub fn new(settings: Settings) -> DnsTunnel {
        DnsTunnel { bell: Bell::new(settings), pairs: Guarded::new(PAIRS_MAX) }
    }

    /// A tool says its name: no need to wait for more.
    fn greeted(
        &mut self,
        talk: &Talkers,
        dns: &Dns,
        tool: &'static str,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let key = format!("{} {tool}", talk.client.ip);
        let finding = Finding::new(CARD.id, Category::Dns, Severity::High, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("domain", registered(&dns.name))
            .why("tool", tool)
            .why("samples", crate::model::clean_text(&dns.name, 80))
            .technique(&["T1071.004", "T1572"])
            .points(6.5);
        self.bell.ring(finding, findings);
    }

    fn message(&mut self, talk: &Talkers, dns: &Dns, context: &Context<'_>, findings: &mut Findings) {
        let domain = registered(&dns.name);
        let below = dns.name.strip_suffix(domain).unwrap_or_default().trim_end_matches('.');
        // A tunnel straight to a server needs no domain: all its names count as one.
        let is_bare = below.is_empty() && dns.name.len() > 24;
        if (below.is_empty() && !is_bare)
            || domain == "in-addr.arpa"
            || domain == "ip6.arpa"
            || dns.name.ends_with(".local")
        {
            return;
        }
        if REPUTATION.contains(&domain) || matches!(talk.server.port, 5353 | 5355 | 137) {
            return;
        }
        if let Some(tool) = tool(&dns.name).filter(|_| !dns.is_answer && is_unusual(dns.kind)) {
            self.greeted(talk, dns, tool, context, findings);
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        let key = (talk.client.ip, if is_bare { String::new() } else { domain.to_owned() });
        let fresh = self.pairs.get(&key).is_some_and(|asked| now.since(asked.since) <= SPAN);
        if !fresh {
            // What a span that ended looked like goes on to count, for those who take their time.
            let slow = self.pairs.get(&key).map(|asked| asked.slow_after(now)).unwrap_or_default();
            let asked = Asked {
                slow,
                names: BTreeSet::new(),
                queries: 0,
                up: 0,
                down: 0,
                labels: 0,
                longest: 0,
                unusual: 0,
                chance: 0.0,
                since: now,
                client: talk.client.party(),
                sample: String::new(),
            };
            self.pairs.insert(key.clone(), asked, talk.client.mac.map_or(0, owner), tick);
        }
        let Some(asked) = self.pairs.get_mut(&key, tick) else { return };
        asked.hear(dns, if is_bare { &dns.name } else { below });
        if !asked.slow.is_empty() && is_slow(asked, self.bell.scaled(SLOW_UNIQUE_MIN)) {
            let finding =
                Finding::new(CARD.id, Category::Dns, Severity::High, format!("{} {}", key.0, key.1), context.now)
                    .by(asked.client)
                    .against(talk.server.party())
                    .why("domain", domain)
                    .why("unique", asked.slow.iter().map(|span| span.unique).sum::<u32>() + asked.names.len() as u32)
                    .why("bytes_up", asked.slow.iter().map(|span| span.up).sum::<usize>() + asked.up)
                    .why("spans", asked.slow.len() + 1)
                    .why("samples", crate::model::clean_text(&asked.sample, 80))
                    .technique(&["T1071.004", "T1572"])
                    .points(5.0);
            return self.bell.ring(finding, findings);
        }
        let unique = asked.names.len() as u32;
        if unique < self.bell.scaled(UNIQUE_MIN) || asked.queries == 0 {
            if unique == STAYS_FROM {
                // Who asks so much below one domain is not pushed out by those who ask once.
                self.pairs.prove(&key);
            }
            return;
        }
        let count = f64::from(unique);
        let repeat = 1.0 - count / f64::from(asked.queries.max(unique));
        let mean = asked.longest as f64 / count;
        let share = f64::from(asked.unusual) / f64::from(asked.queries);
        let chance = asked.chance / count;
        let volume = asked.up >= UP_MIN || asked.down >= DOWN_MIN;
        let shape = mean >= LABEL_MEAN || share >= UNUSUAL_SHARE || (chance >= CHANCE && mean >= 16.0);
        if repeat > REPEAT_MAX && asked.names.len() < NAMES_MAX || !volume || !shape {
            return;
        }
        let domain = if is_bare { "(none)" } else { domain };
        let key = format!("{} {domain}", talk.client.ip);
        if self.bell.rang(&key, Severity::High, now) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Dns, Severity::High, key, context.now)
            .by(asked.client)
            .against(talk.server.party())
            .why("domain", domain)
            .why("unique", unique)
            .why("queries", asked.queries)
            .why("bytes_up", asked.up)
            .why("bytes_down", asked.down)
            .why("label_mean", format!("{mean:.0}"))
            .why("samples", crate::model::clean_text(&asked.sample, 80))
            .technique(&["T1071.004", "T1572"])
            .points(if unique > 100 || asked.down > 65_536 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Asked {
    /// A question or an answer; `said`: the part of the name that may carry something.
    fn hear(&mut self, dns: &Dns, said: &str) {
        let unusual = is_unusual(dns.kind);
        if dns.is_answer {
            self.down += if unusual { dns.answer_bytes as usize } else { 0 };
            return;
        }
        self.queries += 1;
        self.unusual += u32::from(unusual);
        if self.names.len() < NAMES_MAX && self.names.insert(dns.name.clone()) {
            self.up += said.len();
            self.labels += said.split('.').count() as u64;
            self.longest += said.split('.').map(str::len).max().unwrap_or_default() as u64;
            self.chance += by_chance(said);
            self.sample.clone_from(&dns.name);
        }
    }

    /// Whether names are long and hardly repeated, as data is.
    fn is_data(&self) -> bool {
        let unique = self.names.len() as u32;
        unique >= SLOW_NAMES_MIN
            && 1.0 - f64::from(unique) / f64::from(self.queries.max(unique)) <= REPEAT_MAX
            && self.longest as f64 / f64::from(unique) >= LABEL_MEAN
    }

    /// The spans that count from `now` on: those of the last hour, this one included if it looked like data.
    fn slow_after(&self, now: Mono) -> Vec<SlowSpan> {
        let this = SlowSpan { since: self.since, unique: self.names.len() as u32, up: self.up };
        let spans = self.slow.iter().copied().chain(self.is_data().then_some(this));
        spans.filter(|span| now.since(span.since) <= SLOW_SPAN).collect()
    }
}

/// Long names, each once, for at least half an hour.
fn is_slow(asked: &Asked, least: u32) -> bool {
    let (unique, up) = asked.slow.iter().fold((0, 0), |(unique, up), span| (unique + span.unique, up + span.up));
    asked.slow.len() >= SLOW_SPANS_MIN
        && asked.is_data()
        && unique + asked.names.len() as u32 >= least
        && up + asked.up >= SLOW_UP_MIN
}

/// Kinds that carry more than an address.
fn is_unusual(question: u16) -> bool {
    matches!(question, kind::TXT | kind::NULL | kind::CNAME | kind::MX | kind::SRV | 65_280..) || question == 25
}

/// Whose words stand in a name: those of dnscat2 without a domain of its own begin so, and dns2tcp asks to be let in by them.
fn tool(name: &str) -> Option<&'static str> {
    let mut labels = name.split('.').take(6);
    match labels.next()? {
        "dnscat" => Some("dnscat"),
        // No host may be named so (RFC 952).
        _ if labels.any(|label| matches!(label, "=auth" | "=connect" | "=resource")) => Some("dns2tcp"),
        _ => None,
    }
}

/// How much the letters look like chance: entropy over its most for that many letters.
fn by_chance(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    let letters: Vec<u8> = text.bytes().filter(|byte| *byte != b'.').collect();
    letters.iter().for_each(|byte| {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    });
    if letters.len() < 12 {
        return 0.0;
    }
    let len = letters.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / len;
            -share * share.log2()
        })
        .sum();
    // Random digits of base 16 reach four bits, of base 32 five, as far as the length lets them.
    let is_hex = letters.iter().all(u8::is_ascii_hexdigit);
    bits / len.log2().min(if is_hex { 4.0 } else { 5.0 })
}

impl Detector for DnsTunnel {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Dns]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Traffic(noticed) = evidence
            && let What::Dns(dns) = &noticed.what
        {
            self.message(&noticed.talk, dns, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, dns, udp};

    fn ask(names: impl Iterator<Item = (String, u16)>) -> Vec<Finding> {
        let mut stage = Stage::new(DnsTunnel::new(Settings::default()));
        names
            .enumerate()
            .flat_map(|(n, (name, kind))| {
                stage.frame(&udp((9, 5000 + n as u16), (1, 53), &dns(n as u16, None, &name, kind)), n as u64 * 400)
            })
            .collect()
    }

    #[test]
    fn who_takes_their_time_is_told_too() {
        let run = |count: u64, pause_s: u64, name: &dyn Fn(u64) -> String| -> usize {
            let mut stage = Stage::new(DnsTunnel::new(Settings::default()));
            let ask = |n: u64| udp((9, 5000 + n as u16), (1, 53), &dns(n as u16, None, &name(n), kind::A));
            (0..count).map(|n| stage.frame(&ask(n), n * pause_s * 1000).len()).sum()
        };
        let code = |n: u64| format!("{:016x}{:016x}0123", n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n.wrapping_mul(77));
        let hidden = |n: u64| format!("{}.x.example.com", code(n));
        assert!(run(300, 10, &hidden) > 0, "fifty minutes");
        assert_eq!(run(100, 10, &hidden), 0, "a quarter of an hour");
        assert_eq!(run(300, 40, &hidden), 0, "seven in five minutes");
        assert_eq!(run(300, 10, &|n| format!("edge-{n}.cdn.example.net")), 0, "short names");
        assert_eq!(run(300, 10, &|n| hidden(n / 10)), 0, "each asked ten times");
    }

    #[test]
    fn a_tunnel_is_told_and_much_asking_is_not() {
        let code = |n: u64| {
            format!("{:016x}{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n.wrapping_mul(0xbf58_476d_1ce4_e5b9))
        };
        let hidden = ask((1..90).map(|n| (format!("{}.t.example.com", code(n)), kind::TXT)));
        assert_eq!(hidden.first().map(|f| f.attacker.ip), Some(Some(std::net::IpAddr::from([192, 168, 7, 9]))));
        let greets = |name: &str, kind: u16| ask([(name.to_owned(), kind)].into_iter()).len();
        assert_eq!((greets("AAAA.=auth.t.example.com", kind::TXT), greets("dnscat.01ab.02", kind::MX)), (1, 1));
        assert_eq!((greets("auth.t.example.com", kind::TXT), greets("dnscat.example.com", kind::A)), (0, 0));
        let quiet: [(&str, Vec<(String, u16)>); 4] = [
            ("one long name", vec![(format!("{}.x.example.com", code(1)), kind::TXT); 60]),
            (
                "many hosts of a content network",
                (0..200).map(|n| (format!("edge-{n}.cdn.example.net"), kind::A)).collect(),
            ),
            ("virus look-ups", (1..90).map(|n| (format!("{}.a.e.e5.sk", code(n)), kind::TXT)).collect()),
            ("reverse look-ups", (0..200).map(|n| (format!("{n}.7.168.192.in-addr.arpa"), kind::PTR)).collect()),
        ];
        for (name, names) in quiet {
            assert!(ask(names.into_iter()).is_empty(), "{name}");
        }
    }
}
