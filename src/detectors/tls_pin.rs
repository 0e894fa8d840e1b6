//! # Another certificate than before
//!
//! ## What it finds
//! A router, a store or another box of the home that shows another key than before, and names of the Internet that
//! were vouched for by an authority and now vouch for themselves.
//! ## Why it matters
//! Who stands in between shows a certificate of its own. People click the warning away.
//! ## How it decides
//! The first certificate of a box and port is believed. Another key later, vouched for by the same authority, is a
//! renewal. Another key that vouches for itself is low: updates and resets make new ones. It is high while somebody
//! forges that box's address (`arp_spoof`, `nd_spoof`, `ip_conflict` within ten minutes), and medium if an authority
//! vouched before. A name that a client asked for, whose certificate came of an authority before and vouches for itself
//! now, is high.
//! ## What fools it
//! TLS 1.3 hides certificates: on such connections nothing is seen. What was first seen in the middle of an attack.
//! ## What to do
//! Do not log in. Look at the fingerprint on the box itself, or by cable.
//!
//! Needs a mirror port or the router for what others are shown. Holds 512 boxes and 1,024 names, kept over a restart.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, next},
        usual::Bell,
    },
    model::{Capped, Category, Finding, Findings, Moment, Mono, Port, Severity, clean_text, is_private},
    traffic::{Certificate, Talkers, What},
};

card!("tls_pin", "Another certificate than before");

const BOXES_MAX: usize = 512;
const NAMES_MAX: usize = 1024;
const FORGED_MAX: usize = 64;
const FRESH: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy)]
struct Pin {
    issuer: u64,
    key: u64,
    is_own: bool,
}

/// See the page above.
pub struct TlsPin {
    bell: Bell,
    boxes: Capped<(IpAddr, Port), Pin>,
    /// Names that an authority vouched for.
    names: Capped<String, ()>,
    /// Addresses that somebody forges, and since when.
    forged: Capped<IpAddr, Mono>,
}

impl TlsPin {
    #[must_use]
    pub fn new(settings: Settings) -> TlsPin {
        TlsPin {
            bell: Bell::new(settings),
            boxes: Capped::new(BOXES_MAX),
            names: Capped::new(NAMES_MAX),
            forged: Capped::new(FORGED_MAX),
        }
    }

    fn at_home(&mut self, talk: &Talkers, shown: &Certificate, context: &Context<'_>, findings: &mut Findings) {
        let Some((issuer, key)) = shown.issuer_and_key else { return };
        let (place, pin) = ((talk.server.ip, talk.server.port), Pin { issuer, key, is_own: shown.is_own });
        let Some((_, before)) = self.boxes.insert(place, pin).filter(|(old, _)| *old == place) else { return };
        if before.key == key || !before.is_own && !pin.is_own && before.issuer == issuer {
            return;
        }
        let is_forged = self.forged.get(&talk.server.ip).is_some_and(|at| context.now.mono.since(*at) <= FRESH);
        let severity = match (is_forged, before.is_own) {
            (true, _) => Severity::High,
            (false, false) => Severity::Medium,
            (false, true) => Severity::Low,
        };
        let key = format!("{}:{}", talk.server.ip, talk.server.port);
        self.tell(talk, shown, (key, severity, "another key"), context, findings);
    }

    fn beyond(&mut self, talk: &Talkers, shown: &Certificate, context: &Context<'_>, findings: &mut Findings) {
        let Some(asked) = shown.asked.clone().filter(|asked| asked.contains('.')) else { return };
        if !shown.is_own {
            self.names.insert(asked, ());
        } else if self.names.contains(&asked) {
            let key = clean_text(&asked, 80);
            self.tell(talk, shown, (key, Severity::High, "vouches for itself now"), context, findings);
        }
    }

    fn tell(
        &mut self,
        talk: &Talkers,
        shown: &Certificate,
        (key, severity, sign): (String, Severity, &'static str),
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, key, context.now)
            .by(talk.server.party())
            .against(talk.client.party())
            .why("destination", talk.server.ip)
            .why("port", talk.server.port)
            .why("sign", sign)
            .why("subject", clean_text(&format!("{} {}", shown.name, shown.organization), 80))
            .technique(&["T1557"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for TlsPin {
    says!(self, [Certificate, Found], self.boxes.len() + self.names.len() + self.forged.len());

    /// `box` address port issuer key own, or `name` and the name.
    fn learned(&self, _now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        for ((ip, port), pin) in self.boxes.iter() {
            lines.add(format!("box {ip} {port} {} {} {}", pin.issuer, pin.key, pin.is_own));
        }
        for (name, ()) in self.names.iter().filter(|(name, ())| !name.contains(char::is_whitespace)) {
            lines.add(format!("name {name}"));
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, _now: Moment) {
        for line in lines.lines().take(BOXES_MAX + NAMES_MAX) {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("box") => {
                    let place = next(&mut words).zip(next(&mut words));
                    let (Some(place), Some(issuer), Some(key), Some(is_own)) =
                        (place, next(&mut words), next(&mut words), next(&mut words))
                    else {
                        continue;
                    };
                    self.boxes.insert(place, Pin { issuer, key, is_own });
                }
                Some("name") => drop(next(&mut words).map(|name| self.names.insert(name, ()))),
                _ => {}
            }
        }
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Found(found) = evidence
            && matches!(found.detector, "arp_spoof" | "nd_spoof" | "ip_conflict")
            && let Some(ip) = found.victim.ip
        {
            self.forged.insert(ip, context.now.mono);
        }
        let Evidence::Traffic(noticed) = evidence else { return };
        let What::Certificate(shown) = &noticed.what else { return };
        let talk = &noticed.talk;
        if is_private(talk.server.ip) || context.neighbours.is_bound(talk.server.ip) {
            self.at_home(talk, shown, context, findings);
        } else {
            self.beyond(talk, shown, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, ip},
        model::{Moment, Party},
        traffic::{End, Noticed},
    };

    fn shown(server: [u8; 4], asked: &str, pin: (u64, u64), is_own: bool) -> Noticed {
        let end = |ip: [u8; 4], port| End { mac: None, ip: ip.into(), port };
        let talk = Talkers {
            protocol: 6,
            client: end(ip(9), 40_000),
            server: end(server, 443),
            began: Moment::default(),
            is_sure: true,
            packets: [0; 2],
            bytes: [0; 2],
        };
        let certificate = Certificate {
            name: "x".into(),
            organization: String::new(),
            is_own,
            asked: Some(asked.into()),
            issuer_and_key: Some(pin),
        };
        Noticed { talk, what: What::Certificate(certificate) }
    }

    #[test]
    fn another_key_is_told_and_a_renewal_is_not() {
        let run = |rows: &[Noticed], forged: bool| -> Vec<Severity> {
            let mut stage = Stage::new(TlsPin::new(Settings::default()));
            if forged {
                let party = Party { device: None, mac: None, ip: Some(ip(1).into()) };
                let found =
                    Finding::new("arp_spoof", Category::Spoofing, Severity::High, String::new(), Moment::default());
                stage.see(Evidence::Found(&found.against(party)), 0);
            }
            let rows = rows.iter().zip(1..).flat_map(|(row, s)| stage.see(Evidence::Traffic(row), s * 1000));
            rows.map(|finding| finding.severity).collect()
        };
        let router = ip(1);
        let (own, other) = (shown(router, "r.lan", (1, 1), true), shown(router, "r.lan", (2, 2), true));
        assert_eq!(run(&[own.clone(), own.clone(), other.clone()], false), [Severity::Low]);
        assert_eq!(run(&[own.clone(), other.clone()], true), [Severity::High]);
        let (signed, renewed) = (shown(router, "r.lan", (5, 1), false), shown(router, "r.lan", (5, 2), false));
        assert!(run(&[signed.clone(), renewed], false).is_empty());
        assert_eq!(run(&[signed, other], false), [Severity::Medium]);
        let far = [203, 0, 113, 9];
        let (bank, liar) = (shown(far, "bank.com", (5, 1), false), shown(far, "bank.com", (9, 9), true));
        assert_eq!(run(&[bank.clone(), liar.clone()], false), [Severity::High]);
        assert!(run(&[liar.clone(), liar], false).is_empty(), "always its own");
        assert!(run(&[bank, shown(far, "bank.com", (6, 2), false)], false).is_empty(), "another authority");
    }

    #[test]
    fn what_was_shown_before_a_restart_counts() {
        let (router, far) = (ip(1), [203, 0, 113, 9]);
        let mut before = Stage::new(TlsPin::new(Settings::default()));
        for row in [shown(router, "r.lan", (1, 1), true), shown(far, "bank.com", (5, 1), false)] {
            before.see(Evidence::Traffic(&row), 0);
        }
        let lines = before.detector.learned(Moment::default()).expect("it learned");
        let run = |lines: &str, row: Noticed| {
            let mut stage = Stage::new(TlsPin::new(Settings::default()));
            stage.detector.recall(lines, Moment::default());
            stage.see(Evidence::Traffic(&row), 1000).len()
        };
        assert_eq!(run(&lines, shown(router, "r.lan", (2, 2), true)), 1);
        assert_eq!(run(&lines, shown(router, "r.lan", (1, 1), true)), 0);
        assert_eq!(run(&lines, shown(far, "bank.com", (9, 9), true)), 1);
        for end in 0..lines.len() {
            run(&lines[..end], shown(router, "r.lan", (1, 1), true));
        }
    }
}
