//! # Made-up names
//!
//! ## What it finds
//! A device that asks for many domains that do not exist, as malware does that looks for its master.
//! ## Why it matters
//! It is one of the surest signs that a device is infected.
//! ## How it decides
//! Per device in five minutes: 10 different registered domains that do not exist, at least 60 % of all it asked,
//! whose labels look made by a machine (few vowels, digits among letters, or all of one length). Thirty, and nine in ten of
//! all, are told at medium whatever they look like: generators that join words make those.
//! Single words do not count (browsers ask such to find out whether answers are forged), nor names with a local
//! suffix. Of names that the server does not look up at all (it refuses, or fails) it takes twenty, nine in ten of all.
//! Twenty names below one domain of which none exists are told at low. A web server that is called, without encryption,
//! by a registered name of nothing but hexadecimal digits is noted.
//! ## What fools it
//! Generators that join words and ask seldom; look-ups that are encrypted.
//! ## What to do
//! Disconnect the device and look for malware.
//!
//! Holds 1,024 devices with 128 domains each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh},
    },
    model::{Card, Category, Finding, Findings, Mono, Severity, clean_text, is_private},
    traffic::{Talkers, What, owner, registered},
};

pub static CARD: Card =
    Card { id: "dga", title: "Made-up names", needs: Some("CAP_NET_RAW"), page: include_str!("dga.rs") };

pub type Settings = Usual;

const DEVICES_MAX: usize = 1024;
const DOMAINS_MAX: usize = 128;
const SPAN: Duration = Duration::from_secs(300);
const MISSING_MIN: u32 = 10;
const MISSING_PERCENT: usize = 60;
/// Whatever they look like: no person has so many dead bookmarks and nothing else to ask.
const ALL_MIN: u32 = 30;
const ALL_PERCENT: usize = 90;
const MADE_PERCENT: usize = 60;
const BELOW_MIN: u32 = 20;
const NXDOMAIN: u8 = 3;
/// RFC 1035 §4.1.1: the server failed, or will not. Without the Internet all names fail: then only how they look says something.
const UNHELPFUL: [u8; 2] = [2, 5];
/// Of those it takes so many.
const REFUSED_MIN: u32 = 20;

#[derive(Debug, Clone)]
struct Asked {
    missing: Recent<String>,
    found: Recent<String>,
    /// What no server would look up.
    refused: Recent<String>,
    /// Names below the domain that came last, none of which exists.
    below: (String, Recent<String>),
}

impl Asked {
    /// Made-up names that no server looks up.
    fn refuses(&self, talk: &Talkers, least: usize, context: &Context<'_>) -> Option<Finding> {
        let now = context.now.mono;
        let (refused, others) =
            (self.refused.within(now, SPAN), self.found.within(now, SPAN) + self.missing.within(now, SPAN));
        let made = self.refused.keys().filter(|domain| domain.split('.').next().is_some_and(is_made)).count();
        if refused < least
            || refused * 100 < (refused + others) * ALL_PERCENT
            || made * 100 < self.refused.len() * MADE_PERCENT
        {
            return None;
        }
        let samples: Vec<String> = self.refused.keys().take(3).map(|name| clean_text(name, 64)).collect();
        let finding = Finding::new(CARD.id, Category::Dns, Severity::High, talk.client.ip.to_string(), context.now)
            .by(talk.client.party())
            .why("nx_domains", refused)
            .why("found", others)
            .why("made_up", made)
            .why("samples", samples.join(", "))
            .technique(&["T1568.002"])
            .points(5.0);
        Some(finding)
    }
}

impl Weigh for Asked {
    /// Names that do not exist, of whoever finds hardly any.
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        let (missing, found) = (self.missing.weight(now, span), self.found.weight(now, span));
        if found > missing { 0 } else { missing }
    }
}

/// See the page above.
pub struct Dga {
    bell: Bell,
    devices: Subjects<IpAddr, Asked>,
}

impl Dga {
    #[must_use]
    pub fn new(settings: Settings) -> Dga {
        Dga { bell: Bell::new(settings), devices: Subjects::new(DEVICES_MAX, SPAN, MISSING_MIN / 2) }
    }
}

/// Whether a label looks like a machine's: few vowels, digits inside, or long rows of consonants.
fn is_made(label: &str) -> bool {
    let letters = label.bytes().filter(u8::is_ascii_alphabetic).count();
    let vowels = label.bytes().filter(|byte| b"aeiouy".contains(byte)).count();
    let digits = label.bytes().filter(u8::is_ascii_digit).count();
    let (mut row, mut longest) = (0, 0);
    for byte in label.bytes() {
        row = if byte.is_ascii_alphabetic() && !b"aeiouy".contains(&byte) { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    label.len() >= 7 && (vowels * 4 < letters || longest >= 5 || (digits >= 2 && letters >= 4))
}

/// A label that was drawn: eight and more hexadecimal digits, of which some are letters and some are not.
fn is_drawn(label: &str) -> bool {
    let digits = label.bytes().filter(u8::is_ascii_digit).count();
    label.len() >= 8 && label.bytes().all(|byte| byte.is_ascii_hexdigit()) && digits >= 3 && label.len() - digits >= 2
}

impl Dga {
    fn visited(&mut self, talk: &Talkers, host: &str, context: &Context<'_>, findings: &mut Findings) {
        let host = host.to_ascii_lowercase();
        let domain = registered(host.split(':').next().unwrap_or_default());
        if !domain.contains('.')
            || !domain.split('.').next().is_some_and(is_drawn)
            || is_private(talk.server.ip)
            || self.bell.knows(&host)
        {
            return;
        }
        let key = format!("{} {domain}", talk.client.ip);
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Info, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("nx_domains", 0)
            .why("samples", clean_text(domain, 64))
            .technique(&["T1568.002"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for Dga {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Dns, Needs::Http]
    }

    fn held(&self) -> usize {
        self.devices.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        if let What::HttpRequest(http) = &noticed.what {
            return self.visited(talk, &http.host, context, findings);
        }
        let What::Dns(dns) = &noticed.what else { return };
        let domain = registered(&dns.name);
        let is_name = domain.contains('.')
            && domain.rsplit('.').next().is_some_and(|top| {
                !matches!(
                    top,
                    "local" | "lan" | "home" | "arpa" | "internal" | "localdomain" | "invalid" | "test" | "corp"
                )
            });
        if !dns.is_answer || !is_name || talk.server.port != 53 || self.bell.knows(&dns.name) {
            return;
        }
        let now = context.now.mono;
        let fresh = |left| Asked {
            missing: Recent::with(DOMAINS_MAX, left, now),
            found: Recent::new(DOMAINS_MAX),
            refused: Recent::new(DOMAINS_MAX),
            below: (String::new(), Recent::new(DOMAINS_MAX)),
        };
        let who = talk.client.mac.map_or(0, owner);
        let Some(asked) = self.devices.of(talk.client.ip, who, now, fresh) else { return };
        if UNHELPFUL.contains(&dns.code) {
            asked.refused.see(domain.to_owned(), now);
            if let Some(finding) = asked.refuses(talk, self.bell.scaled(REFUSED_MIN) as usize, context) {
                self.bell.ring(finding, findings);
            }
            return;
        }
        if dns.code != NXDOMAIN {
            if asked.below.0 == domain {
                asked.below.0.clear();
            }
            asked.found.see(domain.to_owned(), now);
            return;
        }
        asked.missing.see(domain.to_owned(), now);
        if asked.below.0 != domain {
            asked.below = (domain.to_owned(), Recent::new(DOMAINS_MAX));
        }
        asked.below.1.see(dns.name.clone(), now);
        let below = asked.below.1.within(now, SPAN);
        if below >= self.bell.scaled(BELOW_MIN) as usize && !asked.found.keys().any(|found| found == domain) {
            let finding = Finding::new(
                CARD.id,
                Category::Dns,
                Severity::Low,
                format!("{} {domain}", talk.client.ip),
                context.now,
            )
            .by(talk.client.party())
            .why("nx_domains", below)
            .why("samples", clean_text(&dns.name, 64))
            .technique(&["T1568.002"])
            .points(5.0);
            return self.bell.ring(finding, findings);
        }
        let (missing, found) = (asked.missing.within(now, SPAN), asked.found.within(now, SPAN));
        if missing < self.bell.scaled(MISSING_MIN) as usize || missing * 100 < (missing + found) * MISSING_PERCENT {
            return;
        }
        let labels = asked.missing.keys().filter_map(|domain| domain.split('.').next());
        let made = labels.clone().filter(|label| is_made(label)).count();
        let first = labels.clone().next().map(str::len);
        let one_length = first.is_some_and(|len| len >= 7 && labels.clone().all(|label| label.len() == len));
        let looks_made = made * 100 >= asked.missing.len() * MADE_PERCENT || one_length;
        let are_all = missing >= self.bell.scaled(ALL_MIN) as usize && missing * 100 >= (missing + found) * ALL_PERCENT;
        if !looks_made && !are_all {
            return;
        }
        let severity = if looks_made { Severity::High } else { Severity::Medium };
        let samples: Vec<String> = asked.missing.keys().take(3).map(|name| clean_text(name, 64)).collect();
        let finding = Finding::new(CARD.id, Category::Dns, severity, talk.client.ip.to_string(), context.now)
            .by(talk.client.party())
            .why("nx_domains", missing)
            .why("found", found)
            .why("made_up", made)
            .why("samples", samples.join(", "))
            .technique(&["T1568.002"])
            .points(if missing >= 20 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, SYN, Stage, between, dns, ip, mac, segment, udp};

    fn asked(names: &[String], code: u8) -> usize {
        let mut stage = Stage::new(Dga::new(Settings::default()));
        let mut found = 0;
        for (n, name) in names.iter().enumerate() {
            let port = 5000 + n as u16;
            stage.frame(&udp((9, port), (1, 53), &dns(1, None, name, 1)), n as u64 * 1000);
            found += stage.frame(&udp((1, 53), (9, port), &dns(1, Some(code), name, 1)), n as u64 * 1000 + 5).len();
        }
        found
    }

    #[test]
    fn a_server_with_a_drawn_name_is_noted() {
        let run = |host: &str| -> usize {
            let mut stage = Stage::new(Dga::new(Settings::default()));
            let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
            let frames = [
                between(me, far, 6, &segment(50_000, 80, SYN, 1, b"")),
                between(far, me, 6, &segment(80, 50_000, SYN | ACK, 1, b"")),
                between(me, far, 6, &segment(50_000, 80, ACK, 2, ask.as_bytes())),
            ];
            frames.iter().map(|frame| stage.frame(frame, 0).len()).sum()
        };
        assert_eq!(run("a07c91be.example"), 1);
        assert_eq!(
            (run("d111111abcdef8.cloudfront.example"), run("facade.example"), run("20250101.example")),
            (0, 0, 0)
        );
    }

    #[test]
    fn names_of_a_machine_that_do_not_exist_are_told() {
        let made: Vec<String> =
            (1..25u64).map(|n| format!("{}.com", spell(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))).collect();
        assert!(asked(&made, 3) > 0);
        assert_eq!(asked(&made, 0), 0, "they exist");
        assert!(asked(&made, 5) > 0 && asked(&made, 2) > 0, "nobody looks them up");
        assert_eq!(asked(made.get(..12).unwrap_or_default(), 5), 0, "few, while the Internet is away");
        let usual = [
            "google",
            "gstatic",
            "ytimg",
            "apple",
            "icloud",
            "whatsapp",
            "amazon",
            "netflix",
            "spotify",
            "microsoft",
            "msftncsi",
            "github",
            "fbcdn",
            "instagram",
            "akamaihd",
            "cloudflare",
            "doubleclick",
            "samsung",
            "sonos",
            "philips",
            "wikipedia",
            "debian",
            "mozilla",
            "tiktokcdn",
        ];
        assert_eq!(asked(&usual.map(|name| format!("{name}.com")), 2), 0, "a house whose Internet is away");
        let words = [
            "printer",
            "router",
            "garden",
            "window",
            "kitchen",
            "bedroom",
            "television",
            "speaker",
            "camera",
            "garage",
            "office",
            "hallway",
        ];
        assert_eq!(asked(&words.map(|word| format!("{word}.home-of-anna.com")), 3), 0, "one domain");
        assert_eq!(asked(&words.map(|word| format!("{word}.lan")), 3), 0, "a local suffix");
        assert_eq!(asked(&words.map(|word| format!("{word}.com")), 3), 0, "words that were mistyped");
    }

    fn spell(mut n: u64) -> String {
        (0..12)
            .map(|_| {
                let letter = (b'a' + (n % 26) as u8) as char;
                n /= 26;
                letter
            })
            .collect()
    }
}
