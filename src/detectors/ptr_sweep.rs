//! # Names of all addresses asked for
//!
//! ## What it finds
//! A device that asks the name server for the names of the home's addresses, one after the other, or for all names of a
//! zone at once.
//! ## Why it matters
//! It finds out who is there without touching anybody. Administrators' programs do it as well: it is noted.
//! ## How it decides
//! 64 different questions for names of private addresses within a minute; or one for a whole zone (AXFR, RFC 5936), of a
//! server of the home.
//! ## What fools it
//! Slower ones. A second name server fetches the zone from the first, and is noted.
//! ## What to do
//! If it is a scanner of yours, add it to `exempt`.
//!
//! Holds 512 devices with 128 questions each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Subjects},
    },
    model::{Category, Finding, Findings, Port, Severity, is_private},
    traffic::{Talkers, What, owner},
    wire::dns::kind,
};

card!("ptr_sweep", "Names of all addresses asked for");

const DEVICES_MAX: usize = 512;
const QUESTIONS: u32 = 64;
const DNS: Port = 53;
/// RFC 5936 §2.
const AXFR: [u8; 2] = [0, 252];
const SPAN: Duration = Duration::from_secs(60);
/// Reverse zones of private addresses (RFC 6303 §4), as far as homes use them.
const ZONES: [&str; 4] = [".168.192.in-addr.arpa", ".10.in-addr.arpa", ".172.in-addr.arpa", ".d.f.ip6.arpa"];

/// See the page above.
pub struct PtrSweep {
    bell: Bell,
    devices: Subjects<IpAddr, Recent<String>>,
}

impl PtrSweep {
    #[must_use]
    pub fn new(settings: Settings) -> PtrSweep {
        PtrSweep { bell: Bell::new(settings), devices: Subjects::new(DEVICES_MAX, SPAN, QUESTIONS / 2) }
    }
}

/// A question for all of a zone: behind its length (RFC 1035 §4.2.2), no answer, one question, of that kind.
fn asks_for_all(bytes: &[u8]) -> bool {
    let Some([_, _, _, _, flags, _, 0, 1, ..]) = bytes.get(..14).filter(|_| bytes.len() <= 2 + 512) else {
        return false;
    };
    let mut at = 14;
    // At most so many labels (RFC 1035 §2.3.4).
    for _ in 0..128 {
        match bytes.get(at) {
            Some(0) => break,
            Some(len @ 1..64) => at += usize::from(*len) + 1,
            _ => return false,
        }
    }
    flags & 0xf8 == 0 && at > 14 && bytes.get(at + 1..at + 3) == Some(&AXFR)
}

impl PtrSweep {
    fn asked_all(&mut self, talk: &Talkers, context: &Context<'_>, findings: &mut Findings) {
        let key = format!("{} zone {}", talk.client.ip, talk.server.ip);
        let finding = Finding::new(CARD.id, Category::Scan, Severity::Info, key, context.now)
            .by(talk.client.party())
            .against(talk.server.party())
            .why("kind", "a whole zone")
            .technique(&["T1018"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for PtrSweep {
    says!(self, [Dns, Said], self.devices.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        if let What::Said { by_client: true, from: 0, bytes } = &noticed.what
            && noticed.talk.server.port == DNS
            && is_private(noticed.talk.server.ip)
            && asks_for_all(bytes)
        {
            return self.asked_all(&noticed.talk, context, findings);
        }
        let (What::Dns(dns), talk) = (&noticed.what, &noticed.talk) else { return };
        if dns.is_answer || dns.kind != kind::PTR || !ZONES.iter().any(|zone| dns.name.ends_with(zone)) {
            return;
        }
        let (client, now) = (talk.client, context.now.mono);
        let fresh = |left| Recent::with(128, left, now);
        let Some(asked) = self.devices.of(client.ip, client.mac.map_or(0, owner), now, fresh) else { return };
        if !asked.see(dns.name.clone(), now) {
            return;
        }
        let count = asked.within(now, SPAN);
        if count < self.bell.scaled(QUESTIONS) as usize {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Scan, Severity::Info, client.ip.to_string(), context.now)
            .by(client.party())
            .why("targets", count)
            .technique(&["T1018"])
            .points(if count >= 120 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation, dns, udp};

    #[test]
    fn who_asks_for_a_whole_zone_is_noted() {
        let run = |kind: u16, port: u16, cut: usize| -> usize {
            let message = dns(7, None, "home.example", kind);
            let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
            let said = framed.get(..framed.len() - cut).unwrap_or_default();
            let mut stage = Stage::new(PtrSweep::new(Settings::default()));
            conversation((9, 40_000), (1, port), &[(true, said)]).iter().map(|frame| stage.frame(frame, 0).len()).sum()
        };
        assert_eq!(run(252, 53, 0), 1);
        assert_eq!((run(1, 53, 0), run(252, 5300, 0), run(252, 53, 6)), (0, 0, 0), "a name; no name server; cut");
    }

    #[test]
    fn a_search_by_names_is_noted() {
        let run = |count: u16, zone: &str| -> usize {
            let mut stage = Stage::new(PtrSweep::new(Settings::default()));
            let ask = |n: u16| udp((9, 20_000 + n), (1, 53), &dns(n, None, &format!("{n}.{zone}"), 12));
            (0..count).map(|n| stage.frame(&ask(n), u64::from(n) * 100).len()).sum()
        };
        assert!(run(100, "7.168.192.in-addr.arpa") > 0);
        assert_eq!(run(40, "7.168.192.in-addr.arpa"), 0);
        assert_eq!(run(100, "113.0.203.in-addr.arpa"), 0, "addresses of the Internet");
    }
}
