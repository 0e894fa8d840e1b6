//! # Look-ups nobody can see
//!
//! ## What it finds
//! A device that asks name servers by an encrypted way.
//! ## Why it matters
//! Nothing is wrong with it. But what it looks up cannot be seen, so everything that is judged by names is blind on that
//! device; this says why. Where children's filters or a home's own name server matter, it is a way around them.
//! ## How it decides
//! A connection to port 853 (RFC 7858, RFC 9250) that was accepted, or TLS to a name that only such name servers have
//! (those of the browsers and phones, and every name that begins with `dns.` or `doh.`), or to Apple's Private Relay. Once a day for each device and server.
//! ## What fools it
//! A name server behind a name that says nothing.
//! ## What to do
//! Nothing. Set `mode: alert` where it is not allowed.
//!
//! It is noted, not told, unless set otherwise. Holds what its bell holds.

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::{Bell, Noted},
    },
    model::{Card, Category, Finding, Findings, Port, Severity, clean_text, is_private},
    traffic::{Outcome, Talkers, What},
};

pub static CARD: Card = Card {
    id: "encrypted_dns",
    title: "Look-ups nobody can see",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("encrypted_dns.rs"),
};

pub type Settings = Noted;

/// DNS over TLS and over QUIC (RFC 7858 §3.1, RFC 9250 §4.1.1).
const PORT: Port = 853;
/// Names of name servers that browsers and systems come with, and ends of such names, as their makers publish them.
const SERVERS: [&str; 13] = [
    "cloudflare-dns.com",
    "one.one.one.one",
    "dns.google",
    "dns.quad9.net",
    "dns.nextdns.io",
    "doh.opendns.com",
    "doh.cleanbrowsing.org",
    "dns.adguard-dns.com",
    "dns0.eu",
    "mask.icloud.com",
    "mask-h2.icloud.com",
    "mask-api.icloud.com",
    "doh.dns.apple.com",
];

/// See the page above.
pub struct EncryptedDns {
    bell: Bell,
}

impl EncryptedDns {
    #[must_use]
    pub fn new(settings: Settings) -> EncryptedDns {
        EncryptedDns { bell: Bell::new(settings.into()) }
    }

    fn tell(&mut self, talk: &Talkers, way: &str, server: &str, context: &Context<'_>, findings: &mut Findings) {
        let key = format!("{} {server}", talk.client.mac.map_or_else(|| talk.client.ip.to_string(), |m| m.to_string()));
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Info, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("resolver", server)
            .why("kind", way)
            .technique(&["T1071.004"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// By what way `name` is asked, if it is a name server's.
fn way(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let known = SERVERS
        .iter()
        .find(|known| name.strip_suffix(**known).is_some_and(|before| before.is_empty() || before.ends_with('.')));
    match known {
        Some(known) if known.starts_with("mask") => Some("Private Relay"),
        Some(_) => Some("DNS over HTTPS"),
        None if name.starts_with("dns.") || name.starts_with("doh.") || name.starts_with("dot.") => {
            Some("DNS over HTTPS")
        }
        None => None,
    }
}

impl Detector for EncryptedDns {
    says!(self, [Completed, Outcome, Tls], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        match &noticed.what {
            What::Completed | What::Outcome(Outcome::Answered) if talk.server.port == PORT && talk.is_sure => {
                let way = if talk.protocol == crate::wire::protocol::UDP { "DNS over QUIC" } else { "DNS over TLS" };
                self.tell(talk, way, &talk.server.ip.to_string(), context, findings);
            }
            What::Tls(tls) if talk.server.port != PORT && !is_private(talk.server.ip) => {
                let Some(name) = &tls.name else { return };
                if let Some(way) = way(name) {
                    self.tell(talk, way, &clean_text(name, 80), context, findings);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, SYN, Stage, between, ip, mac, segment};

    #[test]
    fn names_of_name_servers_are_known() {
        for (name, expected) in [
            ("mozilla.cloudflare-dns.com", Some("DNS over HTTPS")),
            ("DNS.google.", Some("DNS over HTTPS")),
            ("dns.example.net", Some("DNS over HTTPS")),
            ("mask.icloud.com", Some("Private Relay")),
            ("notcloudflare-dns.com", None),
            ("www.dns.example", None),
            ("icloud.com", None),
        ] {
            assert_eq!(way(name), expected, "{name}");
        }
    }

    #[test]
    fn port_853_is_noted_once_a_day_for_each_device() {
        let mut stage = Stage::new(EncryptedDns::new(Settings::default()));
        let mut call = |who: u8, port: u16, from: u16, s: u64| -> usize {
            let (me, far) = ((mac(who), ip(who)), (mac(1), [9, 9, 9, 9]));
            [
                between(me, far, 6, &segment(from, port, SYN, 1, b"")),
                between(far, me, 6, &segment(port, from, SYN | ACK, 1, b"")),
                between(me, far, 6, &segment(from, port, ACK, 2, b"")),
            ]
            .iter()
            .map(|frame| stage.frame(frame, s * 1000).len())
            .sum()
        };
        assert_eq!((call(9, 853, 5001, 0), call(9, 853, 5002, 3600), call(8, 853, 5003, 3700)), (1, 0, 1));
        assert_eq!((call(9, 853, 5004, 90_000), call(7, 443, 5005, 90_100)), (1, 0));
    }
}
