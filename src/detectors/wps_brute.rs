//! # Guessing the PIN of the Wi-Fi
//!
//! ## What it finds
//! Somebody who tries PINs of Wi-Fi Protected Setup at an access point.
//! ## Why it matters
//! The PIN is told half by half whether it is right: eleven thousand guesses are all there is, a matter of hours, and it
//! gives the password away however long that is.
//! ## How it decides
//! An access point answers a wrong half with a refusal (WSC_NACK, Wi-Fi Simple Configuration 2.0.5 §7.7). Ten within
//! ten minutes at one access point are told, twenty are surer. Somebody who mistypes a PIN makes one or two.
//! ## What fools it
//! One guess every few minutes; access points that lock and say nothing; a radio that hops between channels.
//! ## What to do
//! Switch WPS off in the access point, and change the Wi-Fi password if it went on for hours.
//!
//! Who guesses makes up an address, so nobody is named; the last one is in the evidence. Holds 64 access points.

use std::time::Duration;

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Subjects, Weigh},
    },
    model::{Category, Finding, Findings, MacAddr, Mono, Party, Severity},
    traffic::owner,
    wire::{Carries, Frame, eapol, reader::Reader},
};

card!("wps_brute", "Guessing the PIN of the Wi-Fi");

const POINTS_MAX: usize = 64;
const NACKS_MIN: u32 = 10;
const SPAN: Duration = Duration::from_secs(600);
/// EAP in EAPOL (IEEE 802.1X-2020 §11.1.4); a request (RFC 3748 §4.1); an expanded type of the Wi-Fi Alliance, simple
/// configuration (§5.7 there; Wi-Fi Simple Configuration 2.0.5 §7.7).
const EAP: u8 = 0;
const REQUEST: u8 = 1;
const EXPANDED: [u8; 8] = [254, 0x00, 0x37, 0x2a, 0, 0, 0, 1];
const NACK: u8 = 3;

/// Refusals at one access point, by minute.
#[derive(Debug, Clone)]
struct Refusals {
    since: Mono,
    count: u32,
    before: u32,
}

impl Refusals {
    fn turn(&mut self, now: Mono) {
        let passed = now.since(self.since);
        if passed > SPAN {
            self.before = if passed > SPAN * 2 { 0 } else { self.count };
            (self.count, self.since) = (0, now);
        }
    }
    /// In the last span, as if those of the one before were spread evenly.
    fn lately(&self, now: Mono) -> u32 {
        let left = SPAN.saturating_sub(now.since(self.since)).as_secs_f64() / SPAN.as_secs_f64();
        self.count.saturating_add((f64::from(self.before) * left) as u32)
    }
}

impl Weigh for Refusals {
    fn weight(&self, now: Mono, _span: Duration) -> u32 {
        self.lately(now)
    }
}

/// See the page above.
pub struct WpsBrute {
    bell: Bell,
    points: Subjects<MacAddr, Refusals>,
}

impl WpsBrute {
    #[must_use]
    pub fn new(settings: Settings) -> WpsBrute {
        WpsBrute { bell: Bell::new(settings), points: Subjects::new(POINTS_MAX, SPAN, NACKS_MIN / 2) }
    }

    fn refused(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Some(wifi) = frame.wifi else { return };
        let Some(bssid) = wifi.bssid.filter(|bssid| wifi.transmitter == Some(*bssid)) else { return };
        let now = context.now.mono;
        let fresh = |left| Refusals { since: now, count: left, before: 0 };
        let Some(refusals) = self.points.of(bssid, owner(bssid), now, fresh) else { return };
        refusals.turn(now);
        refusals.count = refusals.count.saturating_add(1);
        let count = refusals.lately(now);
        let least = self.bell.scaled(NACKS_MIN);
        if count < least {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Wireless, Severity::Medium, bssid.to_string(), context.now)
            .against(Party { device: None, mac: Some(bssid), ip: None })
            .why("bssid", bssid)
            .why("attempts", count)
            .why("station", wifi.receiver)
            .technique(&["T1110"])
            .points(if count >= least * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

/// Whether what follows the type is a refusal.
fn is_nack(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Some([_version, EAP, _, _, REQUEST, _id, _, _]) = reader.take() else { return false };
    reader.take::<8>() == Some(EXPANDED) && reader.u8() == Some(NACK)
}

impl Detector for WpsBrute {
    says!(self, [Radio], self.points.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Packet(frame) = evidence
            && frame.carries == Carries::Ether(eapol::ETHER_TYPE)
            && is_nack(frame.link_payload)
        {
            self.refused(frame, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detectors::stage::{Stage, mac},
        model::LinkType,
    };

    /// A message of simple configuration in a data frame of the access point.
    fn message(point: u8, code: u8, opcode: u8) -> Vec<u8> {
        let (point, station) = (mac(point), mac(100));
        let mut bytes = vec![0x08, 2, 0, 0];
        bytes.extend([station, point, point].concat());
        bytes.extend([0, 0, 0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 1, 0, 0, 16, code, 7, 0, 16]);
        bytes.extend(EXPANDED);
        bytes.extend([opcode, 0, 0x10, 0x4a]);
        bytes
    }

    fn run(count: u64, pause_s: u64, code: u8, opcode: u8, points: u64) -> Vec<f32> {
        let mut stage = Stage::new(WpsBrute::new(Settings::default())).over(LinkType::IEEE80211);
        let frame = |n: u64| message((n % points) as u8, code, opcode);
        let found = (0..count).flat_map(|n| stage.frame(&frame(n), n * pause_s * 1000));
        found.map(|finding| finding.confidence).collect()
    }

    #[test]
    fn many_refusals_are_told_and_who_mistypes_is_not() {
        assert_eq!(run(12, 3, REQUEST, NACK, 1).len(), 1);
        assert!(run(60, 3, REQUEST, NACK, 1).iter().any(|sure| *sure > 0.9));
        assert!(run(3, 5, REQUEST, NACK, 1).is_empty());
        assert!(run(40, 5, REQUEST, 4, 1).is_empty(), "messages of a set-up that works");
        assert!(run(40, 5, 2, NACK, 1).is_empty(), "who gives up is the one that joins");
        assert!(run(40, 120, REQUEST, NACK, 1).is_empty(), "slower than the span");
        assert!(run(36, 3, REQUEST, NACK, 6).is_empty(), "six access points");
    }

    #[test]
    fn whatever_is_cut_is_no_refusal() {
        let whole = message(1, REQUEST, NACK);
        for len in 0..whole.len() {
            let mut stage = Stage::new(WpsBrute::new(Settings::default())).over(LinkType::IEEE80211);
            assert!(stage.frame(&whole[..len], 0).is_empty());
        }
    }
}
