//! # Address conflict
//!
//! ## What it finds
//! Two devices that use one IP address at the same time.
//! ## Why it matters
//! Both lose connections at random, and nobody suspects the address.
//! ## How it decides
//! Both hardware addresses claim the address *by themselves* (ARP requests, announcements, duplicate address
//! detection) while the other was heard within 3 minutes, and the claims alternate: four changes of hands at once, or
//! two that lie 30 s apart. Or one announces the address as its own, and another answers it at once that it has it
//! (RFC 5227 §2.4, which calls that defending). Or two answer the same question within a second, three times in three
//! minutes (low). Whoever says twice, two seconds apart, that it has an address of this very host is in conflict with it:
//! a host does not hear what it says itself.
//! ## What fools it
//! Little: virtual routers (VRRP, HSRP) are left out, hosts that both speak VRRP (they hand an address to and fro on
//! purpose), and devices that only *answer* for others (sleep proxies, Wi-Fi
//! extenders, access points with proxy ARP) never claim; one that answers beside the device it stands for is low. A lease handed on changes hands once, which is silent.
//! ## What to do
//! Give one of the two another address: remove its fixed address, or reserve one for it in the router.
//!
//! Leaves out: one device answering for the gateway on purpose (`arp_spoof`). Holds at most 1,024 addresses of
//! each kind.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    detectors::{Context, Detector, Evidence, Mode, Needs},
    model::{Capped, Card, Category, Fact, Finding, Findings, MacAddr, Mono, Party, Proof, Severity},
    wire::{arp::Arp, protocol},
};

pub static CARD: Card = Card {
    id: "ip_conflict",
    title: "Address conflict",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("ip_conflict.rs"),
};

const ADDRESSES_MAX: usize = 1024;
const REDUNDANT_MAX: usize = 64;
// An owner silent for longer may have left; whoever takes the address then is its next owner.
const ALIVE: Duration = Duration::from_secs(180);
const APART: Duration = Duration::from_secs(30);
const QUICK_CHANGES: u32 = 4;
// An owner answers an announcement at once.
const ANSWER: Duration = Duration::from_secs(2);
// Two answers to one question.
const TWICE: Duration = Duration::from_secs(1);
const TWICE_MIN: u32 = 3;
/// An address handed on to another node is announced in one go (RFC 5227 §1.1, ANNOUNCE_INTERVAL two seconds at most);
/// who has it on purpose takes it away from this host.
const OWN: Duration = Duration::from_secs(2);

/// `detectors.ip_conflict`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// off: not run. observe: recorded, never told. alert: told.
    pub mode: Mode,
}

#[derive(Debug, Clone, Copy)]
struct Claim {
    holder: MacAddr,
    at: Mono,
    /// The holder before, and when it last claimed.
    before: Option<(MacAddr, Mono)>,
    changes: u32,
    first_change: Mono,
}

/// Who answers for an address.
#[derive(Debug, Clone, Copy)]
struct Answers {
    /// The first that did.
    owner: MacAddr,
    /// Who answered whom last.
    last: (MacAddr, MacAddr, Mono),
    twice: u32,
    since: Mono,
}

/// See the page above.
pub struct IpConflict {
    claims: Capped<IpAddr, Claim>,
    /// Who announced an address just now.
    announced: Capped<Ipv4Addr, (MacAddr, Mono)>,
    answers: Capped<Ipv4Addr, Answers>,
    /// Conflicts told by answers, with when.
    defended: Capped<(Ipv4Addr, MacAddr), Mono>,
    /// Who claims an address of this host, since when, and when it did last.
    own: Capped<(Ipv4Addr, MacAddr), (Mono, Mono)>,
    /// Who says that it stands in for others (VRRP, CARP).
    redundant: Capped<MacAddr, ()>,
}

impl IpConflict {
    #[must_use]
    pub fn new(_settings: Settings) -> IpConflict {
        IpConflict {
            claims: Capped::new(ADDRESSES_MAX),
            announced: Capped::new(ADDRESSES_MAX),
            answers: Capped::new(ADDRESSES_MAX),
            defended: Capped::new(ADDRESSES_MAX),
            own: Capped::new(ADDRESSES_MAX),
            redundant: Capped::new(REDUNDANT_MAX),
        }
    }

    /// Whether the sender says again that it has an address which this host has.
    fn claims_own(&mut self, arp: &Arp, context: &Context<'_>) -> bool {
        let (mac, ip, now) = (arp.sender_mac, arp.sender_ip, context.now.mono);
        let is_other = mac.is_station() && !mac.is_virtual_router() && !context.network.is_own_mac(mac);
        if !is_other || self.redundant.contains(&mac) || !context.network.is_own_ip(ip.into()) {
            return false;
        }
        let since =
            self.own.get(&(ip, mac)).filter(|(_, last)| now.since(*last) <= ALIVE).map_or(now, |(first, _)| *first);
        self.own.insert((ip, mac), (since, now));
        let known = self.defended.get(&(ip, mac)).is_some_and(|at| now.since(*at) <= ALIVE);
        let tells = now.since(since) >= OWN && !known;
        if tells {
            self.defended.insert((ip, mac), now);
        }
        tells
    }

    /// Two that take turns with one address: both say that they do.
    fn take_turns(&self, one: MacAddr, other: MacAddr) -> bool {
        self.redundant.contains(&one) && self.redundant.contains(&other)
    }

    /// Whose announcement `arp` contradicts.
    fn contradicts(&mut self, arp: &Arp, now: Mono) -> Option<MacAddr> {
        let (mac, ip) = (arp.sender_mac, arp.sender_ip);
        if ip.is_unspecified() || !mac.is_station() || mac.is_virtual_router() {
            return None;
        }
        if ip == arp.target_ip && !(arp.is_reply() && arp.target_mac.is_station() && arp.target_mac != mac) {
            self.announced.insert(ip, (mac, now));
            return None;
        }
        let (other, at) = *self.announced.get(&ip).filter(|_| arp.is_reply())?;
        let is_answer = other != mac && arp.target_mac == other && now.since(at) <= ANSWER;
        let known = self.defended.get(&(ip, mac)).is_some_and(|at| now.since(*at) <= ALIVE);
        (is_answer && !known).then(|| {
            self.defended.insert((ip, mac), now);
            other
        })
    }

    /// Who answers, and who answered before, if both answer the same questions.
    fn answers_twice(&mut self, arp: &Arp, now: Mono) -> Option<(MacAddr, MacAddr)> {
        let (mac, ip, asker) = (arp.sender_mac, arp.sender_ip, arp.target_mac);
        let is_answer = arp.is_reply() && asker.is_station() && arp.target_ip != ip;
        if !is_answer || ip.is_unspecified() || !mac.is_station() || mac.is_virtual_router() {
            return None;
        }
        let Some(answers) = self.answers.get_mut(&ip) else {
            self.answers.insert(ip, Answers { owner: mac, last: (mac, asker, now), twice: 0, since: now });
            return None;
        };
        let (other, asked, at) = std::mem::replace(&mut answers.last, (mac, asker, now));
        if other == mac || asked != asker || now.since(at) > TWICE {
            return None;
        }
        if now.since(answers.since) > ALIVE {
            (answers.twice, answers.since) = (0, now);
        }
        answers.twice += 1;
        let pair = if mac == answers.owner { (other, mac) } else { (mac, other) };
        let known = self.defended.get(&(ip, pair.0)).is_some_and(|at| now.since(*at) <= ALIVE);
        (answers.twice >= TWICE_MIN && !known).then(|| {
            self.defended.insert((ip, pair.0), now);
            pair
        })
    }

    fn tell(&self, ip: IpAddr, (newer, older): (MacAddr, MacAddr), changes: u32, context: &Context<'_>) -> Finding {
        Finding {
            detector: CARD.id,
            category: Category::Spoofing,
            severity: if context.network.is_gateway(ip) { Severity::Medium } else { Severity::Low },
            key: ip.to_string(),
            at: context.now,
            // The address is as much the other's: only hardware tells them apart.
            attacker: Party { device: None, mac: Some(newer), ip: None },
            victim: Party { device: None, mac: Some(older), ip: Some(ip) },
            evidence: vec![
                ("ip", ip.to_string()),
                ("macs", format!("{newer}, {older}")),
                ("changes", changes.to_string()),
            ],
            technique: &[],
            confidence: 0.9,
            over: false,
            observe_only: false,
        }
    }

    /// Notes that `mac` claims `ip`; the other holder and the changes so far if they conflict.
    fn claim(&mut self, ip: IpAddr, mac: MacAddr, now: Mono) -> Option<(MacAddr, u32)> {
        let Some(claim) = self.claims.get_mut(&ip) else {
            self.claims.insert(ip, Claim { holder: mac, at: now, before: None, changes: 0, first_change: now });
            return None;
        };
        if claim.holder == mac {
            claim.at = now;
            return None;
        }
        let other = claim.holder;
        // The one who claims now must have been alive before as well: only then two are alive.
        let both_alive = now.since(claim.at) <= ALIVE;
        let returns = claim.before.is_some_and(|(old, at)| old == mac && now.since(at) <= ALIVE);
        *claim = Claim {
            holder: mac,
            at: now,
            before: Some((other, claim.at)),
            changes: if !both_alive {
                0
            } else if returns {
                claim.changes + 1
            } else {
                1
            },
            first_change: if returns && both_alive { claim.first_change } else { now },
        };
        let conflict = claim.changes >= QUICK_CHANGES || (claim.changes >= 2 && now.since(claim.first_change) >= APART);
        conflict.then_some((other, claim.changes))
    }
}

impl Detector for IpConflict {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Arp, Needs::OtherIp, Needs::Alive]
    }

    fn held(&self) -> usize {
        self.claims.len()
            + self.announced.len()
            + self.answers.len()
            + self.defended.len()
            + self.own.len()
            + self.redundant.len()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Packet(frame) = evidence
            && let Some(mac) = frame.source.filter(|_| frame.protocol() == Some(protocol::VRRP))
        {
            self.redundant.insert(mac, ());
        }
        if let Evidence::Packet(frame) = evidence
            && let Some(arp) = frame.arp()
            && let Some(newer) = self.contradicts(arp, context.now.mono)
        {
            let device = context.who.by_mac(newer);
            if device.is_none() || device != context.who.by_mac(arp.sender_mac) {
                findings.push(self.tell(arp.sender_ip.into(), (newer, arp.sender_mac), 1, context));
            }
        }
        if let Evidence::Packet(frame) = evidence
            && let Some(arp) = frame.arp()
            && let Some(pair) = self.answers_twice(arp, context.now.mono)
        {
            let device = context.who.by_mac(pair.0);
            if device.is_none() || device != context.who.by_mac(pair.1) {
                let finding = self.tell(arp.sender_ip.into(), pair, TWICE_MIN, context);
                findings.push(Finding { severity: Severity::Low, ..finding });
            }
        }
        if let Evidence::Packet(frame) = evidence
            && let Some(arp) = frame.arp()
            && self.claims_own(arp, context)
        {
            let own = context.network.interfaces.iter().find(|one| one.addresses.contains(&arp.sender_ip.into()));
            let own = own.and_then(|interface| interface.mac).unwrap_or(MacAddr::ZERO);
            let finding = self.tell(arp.sender_ip.into(), (arp.sender_mac, own), 1, context);
            findings.push(Finding { severity: Severity::Medium, ..finding });
        }
        let Evidence::Observation(observation) = evidence else { return };
        let (Some(mac), Some(ip)) = (observation.subject.mac, observation.subject.ip) else { return };
        let Fact::Alive { proof, .. } = observation.fact else { return };
        if mac.is_virtual_router() || !matches!(proof, Proof::ArpRequest | Proof::ArpAnnounce | Proof::NdDad) {
            return;
        }
        let Some((other, changes)) = self.claim(ip, mac, context.now.mono) else { return };
        // Two addresses of one machine (docks, bonds, virtual bridges) are no conflict.
        if context.who.by_mac(mac).is_some() && context.who.by_mac(mac) == context.who.by_mac(other)
            || self.take_turns(mac, other)
        {
            return;
        }
        let pair = if context.who.by_mac(mac).is_some() { (mac, other) } else { (other, mac) };
        findings.push(self.tell(ip, pair, changes, context));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, ip, mac};

    const A: MacAddr = MacAddr([0x3c, 0, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([0x3c, 0, 0, 0, 0, 2]);

    #[test]
    fn one_answer_to_an_announcement_is_enough() {
        let run = |frames: &[(u64, Vec<u8>)]| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(IpConflict::new(Settings::default()));
            frames.iter().flat_map(|(ms, frame)| stage.frame(frame, *ms)).map(|finding| finding.attacker.mac).collect()
        };
        let announce = |who: u8| arp(who, 1, who, 50, 50);
        let answer = |who: u8, to: u8| {
            let mut bytes = arp(who, 2, who, 50, to);
            bytes[38..42].copy_from_slice(&ip(50));
            bytes
        };
        let who = Some(MacAddr(mac(9)));
        assert_eq!(run(&[(0, announce(9)), (5, answer(5, 9)), (100, announce(9)), (105, answer(5, 9))]), [who]);
        assert!(run(&[(0, announce(9)), (9000, answer(5, 9))]).is_empty(), "handed on");
        assert!(run(&[(0, announce(9)), (5, answer(5, 7))]).is_empty(), "an answer to another");
        assert!(run(&[(0, announce(5)), (5, announce(5))]).is_empty());
    }

    #[test]
    fn whoever_claims_an_address_of_this_host_is_told() {
        let run = |frames: &[(u64, Vec<u8>)]| -> Vec<(Option<MacAddr>, Severity)> {
            let mut stage = Stage::new(IpConflict::new(Settings::default())).behind(ip(1));
            let found = frames.iter().flat_map(|(ms, frame)| stage.frame(frame, *ms));
            found.map(|finding| (finding.attacker.mac, finding.severity)).collect()
        };
        let announces = |who: u8, of: u8| arp(who, 1, who, of, of);
        let asks = |who: u8, of: u8| arp(who, 1, who, of, 1);
        let told = [(Some(MacAddr(mac(9))), Severity::Medium)];
        assert_eq!(run(&[(0, announces(9, 250)), (3000, announces(9, 250)), (6000, asks(9, 250))]), told);
        assert_eq!(run(&[(0, asks(9, 250)), (60_000, asks(9, 250))]), told, "it only uses it");
        assert!(run(&[(0, announces(9, 250)), (300, announces(9, 250))]).is_empty(), "handed on in one go");
        assert!(run(&[(0, announces(9, 250)), (900_000, announces(9, 250))]).is_empty(), "twice in a day");
        assert!(run(&[(0, announces(250, 250)), (9000, announces(250, 250))]).is_empty(), "this host itself");
        assert!(run(&[(0, announces(9, 9)), (9000, announces(9, 9))]).is_empty(), "its own");
        let tries = |who: u8| {
            let mut bytes = arp(who, 1, who, 0, 250);
            bytes[28..32].fill(0);
            bytes
        };
        assert!(run(&[(0, tries(9)), (9000, tries(9))]).is_empty(), "it asks whether it is free");
    }

    #[test]
    fn two_answers_to_each_question_are_noted() {
        let run = |questions: u64, gap_ms: u64, who: u8| -> Vec<(Option<MacAddr>, Severity)> {
            let mut stage = Stage::new(IpConflict::new(Settings::default()));
            let mut told = Vec::new();
            for n in 0..questions {
                let ms = n * 20_000;
                let frames = [(0, arp(7, 1, 7, 7, 5)), (1, arp(5, 2, 5, 5, 7)), (1 + gap_ms, arp(who, 2, who, 5, 7))];
                told.extend(frames.iter().flat_map(|(after, frame)| stage.frame(frame, ms + after)));
            }
            told.iter().map(|finding| (finding.attacker.mac, finding.severity)).collect()
        };
        assert_eq!(run(5, 2, 9), [(Some(MacAddr(mac(9))), Severity::Low)]);
        assert!(run(2, 2, 9).is_empty() && run(9, 3000, 9).is_empty() && run(9, 2, 5).is_empty());
    }

    #[test]
    fn two_that_both_speak_vrrp_take_turns_and_one_that_does_not_is_told() {
        let run = |speakers: &[u8]| -> usize {
            let mut stage = Stage::new(IpConflict::new(Settings::default()));
            for who in speakers {
                stage.frame(&crate::detectors::stage::packet(*who, 18, 112, &[0x21, 51, 100, 1, 0, 1, 0, 0]), 0);
            }
            let subject = |who: u8| crate::model::Subject { mac: Some(MacAddr(mac(who))), ip: Some(ip(53).into()) };
            let alive = || Fact::Alive { proof: Proof::ArpAnnounce, age: Duration::ZERO };
            (1..8u64).map(|n| stage.saw(subject(5 + (n % 2) as u8), alive(), n * 9000).len()).sum()
        };
        assert_eq!(run(&[5, 6]), 0);
        assert!(run(&[5]) > 0 && run(&[]) > 0 && run(&[6, 7]) > 0);
    }

    #[test]
    fn only_alternating_claims_of_two_living_devices_conflict() {
        let cases: &[(&str, &[(u64, MacAddr)], bool)] = &[
            ("one owner", &[(0, A), (5, A), (90, A)], false),
            ("a lease handed on", &[(0, A), (400, B), (405, B)], false),
            ("handed on quickly", &[(0, A), (10, B), (50, B)], false),
            ("two alternate at once", &[(0, A), (1, B), (2, A), (3, B), (4, A), (5, B)], true),
            ("two alternate slowly", &[(0, A), (20, B), (40, A), (60, B)], true),
            ("swapped twice in one day", &[(0, A), (4000, B), (9000, A)], false),
        ];
        for (name, script, expected) in cases {
            let mut detector = IpConflict::new(Settings::default());
            let ip = IpAddr::from([192, 168, 7, 9]);
            let fired =
                script.iter().filter(|(s, mac)| detector.claim(ip, *mac, Mono(s * 1_000_000_000)).is_some()).count();
            assert_eq!(fired > 0, *expected, "{name}");
        }
    }
}
