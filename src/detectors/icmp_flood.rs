//! # Flood of pings
//!
//! ## What it finds
//! Echo requests without end from one host to another, or to a whole group so that all answer.
//! ## Why it matters
//! They take the line and the time of who must answer.
//! ## How it decides
//! 100 requests of an echo (or of the time, or of the mask of the network) in a second, in two seconds of five, to one address (answers belong to who asked, and are
//! not counted); or 20 in ten seconds to a group or broadcast address. Whoever sends under names that nobody here has is
//! counted under all of them together, and named by its hardware address unless it is the way to the Internet. Complaints
//! (unreachable, too big, time exceeded) are counted as well, five times as many.
//! ## What fools it
//! A test of the line with a flood of pings is the same thing.
//! ## What to do
//! Look at the device that sends them.
//!
//! Holds three times 2,048 pairs.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Card, Category, Finding, Findings, MacAddr, Mono, Party, Severity},
    traffic::owner,
    wire::{Frame, icmp::Icmp},
};

pub static CARD: Card =
    Card { id: "icmp_flood", title: "Flood of pings", needs: Some("CAP_NET_RAW"), page: include_str!("icmp_flood.rs") };

pub type Settings = Usual;

const PAIRS_MAX: usize = 2048;
const IN_A_SECOND: u32 = 100;
const IN_FIVE: u32 = 180;
const TO_A_GROUP: u32 = 20;
/// Whoever looks through ports or talks to a swarm gets some hundred; systems hold them back (RFC 1812 §4.3.2.8,
/// RFC 4443 §2.4).
const COMPLAINTS: u32 = 500;
/// Unreachable, slow down, time exceeded, parameters; of version 6: unreachable, too big, time exceeded, parameters.
const COMPLAINS: [u8; 4] = [3, 4, 11, 12];
const COMPLAINS_V6: [u8; 4] = [1, 2, 3, 4];
/// An echo; the time, information, the mask of the network (RFC 792, RFC 950).
const ASKS: [u8; 4] = [Icmp::ECHO, 13, 15, 17];

#[derive(Debug, Clone)]
struct Forged {
    asked: Window,
    names: Recent<IpAddr>,
}

impl Weigh for Forged {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        self.asked.weight(now, span)
    }
}

/// See the page above.
pub struct IcmpFlood {
    bell: Bell,
    pairs: Subjects<(Option<MacAddr>, IpAddr, IpAddr), Window>,
    /// Under whatever names: who put it on the wire, and for whom.
    forged: Subjects<(MacAddr, IpAddr), Forged>,
    complaints: Subjects<(Option<MacAddr>, IpAddr), Window>,
}

impl IcmpFlood {
    #[must_use]
    pub fn new(settings: Settings) -> IcmpFlood {
        IcmpFlood {
            bell: Bell::new(settings),
            pairs: Subjects::new(PAIRS_MAX, Duration::from_secs(5), IN_A_SECOND / 2),
            forged: Subjects::new(PAIRS_MAX, Duration::from_secs(5), IN_A_SECOND / 2),
            complaints: Subjects::new(PAIRS_MAX, Duration::from_secs(5), COMPLAINTS / 2),
        }
    }

    /// A complaint, whoever it says to be from: who put it on the wire counts.
    fn complained(&mut self, frame: &Frame<'_>, context: &Context<'_>, findings: &mut Findings) {
        let (Some((from, to)), now) = (frame.addresses(), context.now.mono) else { return };
        let (key, who) = ((frame.source, to), frame.source.map_or(0, owner));
        let Some(window) = self.complaints.of(key, who, now, |left| Window::with(left, now)) else { return };
        window.add(now, 1);
        let (second, five, least) = (window.sum(now, 1), window.sum(now, 5), self.bell.scaled(COMPLAINTS));
        let key = format!("complaints {to}");
        if second < least || five < least * 2 || self.bell.rang(&key, Severity::Medium, now) {
            return;
        }
        let sender = frame.source.filter(|mac| !context.neighbours.is_way_out(*mac));
        let attacker = match sender {
            Some(mac) if context.neighbours.own(from, Some(mac)).is_none() => {
                Party { device: None, mac: Some(mac), ip: None }
            }
            _ => context.neighbours.party(from, frame.source),
        };
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Medium, key, context.now)
            .by(attacker)
            .against(context.neighbours.party(to, frame.destination))
            .why("kind", "complaints")
            .why("pps", second)
            .technique(&["T1498.001"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

impl Detector for IcmpFlood {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Icmp, Needs::IcmpV6]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.forged.len() + self.complaints.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let complains = frame.icmp().is_some_and(|icmp| COMPLAINS.contains(&icmp.kind))
            || frame.icmp_v6().is_some_and(|icmp| COMPLAINS_V6.contains(&icmp.kind));
        if complains {
            return self.complained(frame, context, findings);
        }
        let is_echo = frame.icmp().is_some_and(|icmp| ASKS.contains(&icmp.kind))
            || frame.icmp_v6().is_some_and(|icmp| icmp.kind == Icmp::ECHO_V6);
        let Some((from, to)) = frame.addresses().filter(|_| is_echo) else { return };
        let now = context.now.mono;
        let is_group = to.is_multicast()
            || matches!(to, IpAddr::V4(ip) if ip.is_broadcast())
            || frame.destination == Some(MacAddr::BROADCAST);
        // A forged source differs from packet to packet or names the victim: to a group the sender's hardware counts.
        let key = if is_group { (frame.source, to, to) } else { (frame.source, from, to) };
        let who = frame.source.map_or(0, owner);
        // Names that nobody has here, each used once or twice: the machine that sends under all of them counts.
        let own = context.neighbours.own(from, frame.source);
        let is_forged = !is_group && own.is_none();
        let mut names = 1;
        let window = match frame.source.filter(|_| is_forged) {
            Some(mac) => {
                let fresh = |left| Forged { asked: Window::with(left, now), names: Recent::new(4) };
                let Some(forged) = self.forged.of((mac, to), who, now, fresh) else { return };
                forged.names.see(from, now);
                names = forged.names.len();
                &mut forged.asked
            }
            None => {
                let Some(window) = self.pairs.of(key, who, now, |left| Window::with(left, now)) else { return };
                window
            }
        };
        window.add(now, 1);
        let (second, five, ten) = (window.sum(now, 1), window.sum(now, 5), window.sum(now, 10));
        let (least, least_five) = (self.bell.scaled(IN_A_SECOND), self.bell.scaled(IN_FIVE));
        let fires = second >= least && five >= least_five || is_group && ten >= self.bell.scaled(TO_A_GROUP);
        if !fires {
            return;
        }
        let sender = frame.source.filter(|mac| !context.neighbours.is_way_out(*mac));
        let (attacker, key) = match () {
            () if is_group => (Party { device: None, mac: frame.source, ip: None }, format!("{from} {to}")),
            () if names > 1 => (Party { device: None, mac: sender, ip: None }, format!("forged {to}")),
            () => (context.neighbours.party(from, frame.source), format!("{from} {to}")),
        };
        if self.bell.rang(&key, Severity::Medium, now) {
            return;
        }
        let finding = Finding::new(CARD.id, Category::Flood, Severity::Medium, key, context.now)
            .by(attacker)
            .against(context.neighbours.party(to, frame.destination))
            .why("pps", second)
            .why("in_ten_s", ten)
            .technique(&["T1498.001"])
            .points(if second >= least * 2 || is_group && ten > 100 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, between, echo, ip, mac};

    #[test]
    fn who_sends_under_many_names_is_known_by_its_hardware() {
        let mut stage = Stage::new(IcmpFlood::new(Settings::default()));
        stage.frame(&arp(9, 1, 9, 9, 1), 0);
        let found: Vec<Finding> = (0..1000u64)
            .flat_map(|n| {
                let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
                let ask = [8, 0, 0, 0, 0, 1, 0, 1];
                stage.frame(&between((mac(9), from), (mac(5), ip(5)), 1, &ask), n * 4)
            })
            .collect();
        let who = Party { device: None, mac: Some(MacAddr(mac(9))), ip: None };
        assert_eq!(found.last().map(|f| f.attacker), Some(who));
    }

    #[test]
    fn questions_for_the_time_count_too() {
        let run = |kind: u8, gap_ms: u64| -> usize {
            let mut stage = Stage::new(IcmpFlood::new(Settings::default()));
            (0..1000u64).map(|n| stage.frame(&echo(9, 5, kind, &[0; 12]), n * gap_ms).len()).sum()
        };
        assert!(run(13, 4) > 0 && run(17, 4) > 0);
        assert_eq!((run(13, 200), run(14, 4)), (0, 0), "a few; answers");
    }

    #[test]
    fn who_asks_is_named_and_who_answers_is_not() {
        let mut stage = Stage::new(IcmpFlood::new(Settings::default()));
        let mut found = Vec::new();
        for n in 0..1000u64 {
            found.extend(stage.frame(&echo(9, 5, 8, b"0123456789"), n * 4));
            found.extend(stage.frame(&echo(5, 9, 0, b"0123456789"), n * 4));
        }
        assert!(!found.is_empty() && found.iter().all(|f| f.attacker.ip == Some(IpAddr::from(ip(9)))));
        let mut stage = Stage::new(IcmpFlood::new(Settings::default()));
        let usual: Vec<_> = (0..600u64).flat_map(|n| stage.frame(&echo(9, 5, 8, b"x"), n * 200)).collect();
        assert!(usual.is_empty(), "five a second");
    }

    #[test]
    fn complaints_without_end_are_told_and_those_of_a_search_are_not() {
        let run = |in_a_second: u64, kind: u8| -> usize {
            let mut stage = Stage::new(IcmpFlood::new(Settings::default()));
            let frame = echo(9, 5, kind, &[0; 28]);
            (0..in_a_second * 3).map(|n| stage.frame(&frame, 1000 + n * 1000 / in_a_second).len()).sum()
        };
        assert!(run(1500, 3) > 0 && run(1500, 11) > 0);
        assert_eq!((run(300, 3), run(1500, 0)), (0, 0), "ports that are looked through; answers");
    }
}
