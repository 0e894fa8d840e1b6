//! # Names of all addresses asked for
//!
//! ## What it finds
//! A device that asks the name server for the names of the home's addresses, one after the other.
//! ## Why it matters
//! It finds out who is there without touching anybody. Administrators' programs do it as well: it is noted.
//! ## How it decides
//! 64 different questions for names of private addresses within a minute.
//! ## What fools it
//! Slower ones.
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
    model::{Category, Finding, Findings, Severity},
    traffic::{What, owner},
    wire::dns::kind,
};

card!("ptr_sweep", "Names of all addresses asked for");

const DEVICES_MAX: usize = 512;
const QUESTIONS: u32 = 64;
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

impl Detector for PtrSweep {
    says!(self, [Dns], self.devices.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
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
    use crate::detectors::stage::{Stage, dns, udp};

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
