//! # Tor
//!
//! ## What it finds
//! A device that uses the Tor network.
//! ## Why it matters
//! On a computer that is its owner's choice; on a camera or a plug it is a way out for somebody else.
//! ## How it decides
//! Relays are called by TLS with invented names (`www.`, letters and digits by chance, `.com` or `.net`) that nobody
//! looked up before: three different ones of one device within ten minutes, at three different hosts. Only noted.
//! ## What fools it
//! Bridges; look-ups that are encrypted make every name look invented, which is why those must also look made by chance.
//! ## What to do
//! Nothing, if the device's owner wants it.
//!
//! Holds 1,024 devices with 16 names each, and 4,096 names that were looked up.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::Recent,
    },
    model::{Capped, Card, Category, Finding, Findings, Guarded, Severity, clean_text, is_private},
    traffic::{What, owner},
};

pub static CARD: Card = Card { id: "tor", title: "Tor", needs: Some("CAP_NET_RAW"), page: include_str!("tor.rs") };

pub type Settings = Usual;

const SPAN: Duration = Duration::from_secs(600);
const NAMES_MIN: u32 = 3;

/// See the page above.
pub struct Tor {
    bell: Bell,
    looked_up: Capped<String, ()>,
    devices: Guarded<IpAddr, (Recent<String>, Recent<IpAddr>)>,
}

impl Tor {
    #[must_use]
    pub fn new(settings: Settings) -> Tor {
        Tor { bell: Bell::new(settings), looked_up: Capped::new(4096), devices: Guarded::new(1024) }
    }
}

/// As Tor makes them (tor-spec, "crypto_random_hostname": 4 to 25 letters of base 32).
fn is_invented(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("www.") else { return false };
    let Some(label) = rest.strip_suffix(".com").or_else(|| rest.strip_suffix(".net")) else { return false };
    let vowels = label.bytes().filter(|byte| b"aeiou".contains(byte)).count();
    let digits = label.bytes().filter(u8::is_ascii_digit).count();
    (4..=25).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte))
        && (digits > 0 || vowels * 4 < label.len())
}

impl Detector for Tor {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Dns, Needs::Tls]
    }

    fn held(&self) -> usize {
        self.looked_up.len() + self.devices.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let (talk, now) = (&noticed.talk, context.now.mono);
        let name = match &noticed.what {
            What::Dns(dns) => {
                self.looked_up.insert(dns.name.clone(), ());
                return;
            }
            What::Tls(tls) => match &tls.name {
                Some(name) if is_invented(name) && !self.looked_up.contains(name) && !is_private(talk.server.ip) => {
                    name
                }
                _ => return,
            },
            _ => return,
        };
        let (key, tick) = (talk.client.ip, now.0 / 1_000_000_000);
        if self.devices.get(&key).is_none() {
            self.devices.insert(key, (Recent::new(16), Recent::new(16)), talk.client.mac.map_or(0, owner), tick);
        }
        let Some((names, hosts)) = self.devices.get_mut(&key, tick) else { return };
        names.see(name.clone(), now);
        hosts.see(talk.server.ip, now);
        let least = self.bell.scaled(NAMES_MIN) as usize;
        if names.within(now, SPAN) < least || hosts.within(now, SPAN) < least {
            return;
        }
        let samples: Vec<String> = names.keys().take(3).map(|name| clean_text(name, 40)).collect();
        let finding = Finding::new(CARD.id, Category::Malware, Severity::Info, key.to_string(), context.now)
            .by(talk.client.party())
            .why("relays", hosts.len())
            .why("samples", samples.join(", "))
            .technique(&["T1090.003"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, dns, ip, mac, udp},
        model::{MacAddr, Moment},
        traffic::{End, Noticed, Talkers, Tls},
    };

    #[test]
    fn names_by_chance_are_told_from_names() {
        for (name, expected) in [
            ("www.q4cyamnc6mtokjurvdclt.com", true),
            ("www.t3i3ru.net", true),
            ("www.example.com", false),
            ("www.wikipedia.net", false),
            ("q4cyamnc6mtokjurvdclt.com", false),
            ("www.abc-2.com", false),
            ("www.q4cyamnc6mtokjurvdclt.org", false),
        ] {
            assert_eq!(is_invented(name), expected, "{name}");
        }
    }

    /// Device 9 looks up some names, and greets hosts by TLS with others.
    fn told(looked_up: &[&str], greets: &[(&str, [u8; 4])]) -> Vec<Severity> {
        let mut stage = Stage::new(Tor::new(Settings::default()));
        for name in looked_up {
            stage.frame(&udp((9, 5000), (1, 53), &dns(7, None, name, 1)), 1);
        }
        let end = |ip: [u8; 4], mac, port| End { mac, ip: ip.into(), port };
        let greet = |(name, to): &(&str, [u8; 4])| Noticed {
            talk: Talkers {
                protocol: 6,
                client: end(ip(9), Some(MacAddr(mac(9))), 40_000),
                server: end(*to, None, 443),
                began: Moment::default(),
                is_sure: true,
                packets: [0; 2],
                bytes: [0; 2],
            },
            what: What::Tls(Tls { name: Some((*name).to_owned()), is_old: false }),
        };
        let greetings: Vec<Noticed> = greets.iter().map(greet).collect();
        let found = greetings.iter().zip(1..).flat_map(|(noticed, n)| stage.see(Evidence::Traffic(noticed), n * 1000));
        found.map(|finding| finding.severity).collect()
    }

    #[test]
    fn three_invented_names_at_three_hosts_are_noted_and_less_is_not() {
        let names = ["www.q4cyamnc6mtokjurvdclt.com", "www.t3i3ru.net", "www.x7k2qpzr5mwv.com"];
        let far = |n: u8| [203, 0, 113, n];
        let three: Vec<(&str, [u8; 4])> = names.iter().zip(1..).map(|(name, n)| (*name, far(n))).collect();
        assert_eq!(told(&[], &three), [Severity::Info]);
        assert!(told(&names, &three).is_empty(), "looked up, however odd");
        assert!(told(&[], &three[..2]).is_empty(), "two");
        assert!(told(&[], &names.map(|name| (name, far(1)))).is_empty(), "one host with odd names");
        assert!(told(&[], &names.map(|name| (name, ip(5)))).is_empty(), "within the home");
        let sites = ["www.example.com", "www.wikipedia.net", "cdn.q4cyamnc6mtokjurvdclt.com", "www.nature.com"];
        let sites: Vec<(&str, [u8; 4])> = sites.iter().zip(1..).map(|(name, n)| (*name, far(n))).collect();
        assert!(told(&[], &sites).is_empty(), "its look-ups are encrypted");
    }
}
