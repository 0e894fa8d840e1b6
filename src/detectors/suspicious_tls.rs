//! # Odd encryption
//!
//! ## What it finds
//! Encrypted connections to the Internet that look like those of malware rather than of a browser or a maker's cloud.
//! ## Why it matters
//! Remote control is encrypted as well; what shows is whom it pretends to be.
//! ## How it decides
//! Certificates that tools for remote control make by default are told as high. A certificate that vouches for itself,
//! shown by a host that was called by address alone, is low. An old version of TLS to an address nobody looked up, no
//! name in the greeting, is noted.
//! ## What fools it
//! TLS 1.3 hides certificates. Certificates of the home's own boxes vouch for themselves, and are left out with all
//! connections within the home.
//! ## What to do
//! Look which program it is and whose host.
//!
//! Holds 1,024 pairs.

use std::net::IpAddr;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Finding, Findings, Party, Severity, clean_text, is_private},
    traffic::{Certificate, Talkers, What},
};

card!("suspicious_tls", "Odd encryption");

const TOLD_MAX: usize = 1024;
/// What tools write into the certificates they make by themselves; names in public reports and their own sources.
const TOOLS: [(&str, &str); 6] = [
    ("major cobalt strike", "Cobalt Strike"),
    ("cobaltstrike", "Cobalt Strike"),
    ("asyncrat server", "AsyncRAT"),
    ("dcrat", "DcRat"),
    ("quasar server ca", "Quasar"),
    ("multiplayer.it", "Sliver"),
];

/// See the page above.
pub struct SuspiciousTls {
    bell: Bell,
    told: Capped<(IpAddr, IpAddr, &'static str), ()>,
}

impl SuspiciousTls {
    #[must_use]
    pub fn new(settings: Settings) -> SuspiciousTls {
        SuspiciousTls { bell: Bell::new(settings), told: Capped::new(TOLD_MAX) }
    }

    fn tell(
        &mut self,
        talk: &Talkers,
        (sign, severity): (&'static str, Severity),
        shown: &Certificate,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let (client, server) = (talk.client, talk.server);
        if self
            .told
            .insert((client.ip, server.ip, sign), ())
            .is_some_and(|(key, ())| key == (client.ip, server.ip, sign))
        {
            return;
        }
        let key = format!("{} {} {sign}", client.ip, server.ip);
        let finding = Finding::new(CARD.id, Category::Malware, severity, key, context.now)
            .by(client.party())
            .against(Party { device: None, mac: None, ip: Some(server.ip) })
            .why("destination", server.ip)
            .why("port", server.port)
            .why("sign", sign)
            .why("subject", clean_text(&format!("{} {}", shown.name, shown.organization), 80))
            .technique(&["T1573.002"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for SuspiciousTls {
    says!(self, [Certificate, Tls], self.told.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        let (client, server) = (talk.client, talk.server);
        let is_ours = client.mac.is_some() || is_private(client.ip);
        let beyond = !is_private(server.ip) && !server.ip.is_loopback() && !context.neighbours.is_bound(server.ip);
        let goes_out = is_ours && beyond;
        if !goes_out {
            return;
        }
        match &noticed.what {
            What::Certificate(shown) => {
                let text = format!("{} {}", shown.name, shown.organization).to_ascii_lowercase();
                let tool = TOOLS.iter().find(|(part, _)| text.contains(part));
                let sign = match tool {
                    Some((_, tool)) => (*tool, Severity::High),
                    None if shown.is_own && shown.asked.is_none() => ("vouches for itself", Severity::Low),
                    None => return,
                };
                self.tell(talk, sign, shown, context, findings);
            }
            What::Tls(tls)
                if tls.name.is_none()
                    && tls.is_old
                    && context.neighbours.is_looked_up(client.ip, server.ip) != Some(true) =>
            {
                let sign = ("no name, an address nobody looked up", Severity::Info);
                self.tell(talk, sign, &Certificate::default(), context, findings);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::Stage,
        model::{MacAddr, Moment},
        traffic::{End, Noticed, Tls},
    };

    #[test]
    fn tools_are_told_and_boxes_of_the_home_are_not() {
        let run = |server: [u8; 4], what: What| -> Vec<Severity> {
            let mut stage = Stage::new(SuspiciousTls::new(Settings::default()));
            let end = |ip: [u8; 4], mac, port| End { mac, ip: ip.into(), port };
            let talk = Talkers {
                protocol: 6,
                client: end([192, 168, 7, 9], Some(MacAddr([2, 0, 0, 0, 0, 9])), 40_000),
                server: end(server, None, 443),
                began: Moment::default(),
                is_sure: true,
                packets: [0; 2],
                bytes: [0; 2],
            };
            let noticed = Noticed { talk, what };
            stage.see(Evidence::Traffic(&noticed), 0).iter().map(|finding| finding.severity).collect()
        };
        let shown = |name: &str, is_own, asked: Option<&str>| {
            What::Certificate(Certificate {
                name: name.into(),
                organization: String::new(),
                is_own,
                asked: asked.map(str::to_owned),
                issuer_and_key: None,
            })
        };
        let (far, near) = ([203, 0, 113, 9], [192, 168, 7, 5]);
        assert_eq!(run(far, shown("Major Cobalt Strike", true, None)), [Severity::High]);
        assert_eq!(run(far, shown("localhost", true, None)), [Severity::Low]);
        assert!(run(far, shown("example.org", false, None)).is_empty());
        assert!(run(far, shown("nas.example.org", true, Some("nas.example.org"))).is_empty());
        assert!(run(near, shown("router", true, None)).is_empty(), "within the home");
        assert_eq!(run(far, What::Tls(Tls { name: None, is_old: true })), [Severity::Info]);
        assert!(run(far, What::Tls(Tls { name: Some("example.org".into()), is_old: true })).is_empty());
    }
}
