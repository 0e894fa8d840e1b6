//! # Flood of IPv6 messages
//!
//! ## What it finds
//! So many router advertisements, searches for neighbours or answers to them that hosts or the router choke on them.
//! ## Why it matters
//! Systems keep each prefix and each neighbour they hear of; a flood stops them.
//! ## How it decides
//! More than 20 router advertisements in a second, or 16 prefixes in ten seconds; or 200 searches (neighbour
//! solicitations) of one hardware address in a second, or 400 of all together; or 100 different addresses in a second that
//! somebody says to have (neighbour advertisements), at least twice as many as were asked for; or 200 searches for routers
//! in a second. A router that answers those is none that floods. A router that passes on a scan from outside is
//! not named, and nobody is where more than three hardware addresses take part: those are made up.
//! Who sends less than half of all searches is not named.
//! ## What fools it
//! Nothing known.
//! ## What to do
//! Find the device; a managed switch says at which port it is.
//!
//! Holds 1,024 senders.

use std::{net::Ipv6Addr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::Bell,
        window::{Recent, Subjects, Window},
    },
    model::{Category, Finding, Findings, MacAddr, Party, Severity, hash_of},
    traffic::owner,
    wire::nd::{Nd, Prefix, is_local, option},
};

card!("ra_flood", "Flood of IPv6 messages");

const SENDERS_MAX: usize = 1024;
const ADVERTS: u32 = 20;
const PREFIXES: u32 = 16;
const SEARCHES: u32 = 200;
/// Of all hosts: when the power returns, each asks for itself and its router.
const SEARCHES_ALL: u32 = 400;
/// Different addresses. When the power returns each host says that it has its own two or three.
const CLAIMS: u32 = 100;
/// More are not kept, and nobody floods from so many.
const SENDERS_KEPT: usize = 8;
const SENDERS: usize = 3;

/// See the page above.
pub struct RaFlood {
    bell: Bell,
    adverts: Window,
    prefixes: Recent<Ipv6Addr>,
    searches: Subjects<MacAddr, Window>,
    /// Addresses that somebody says to have, as digests.
    claims: Recent<u64>,
    /// Searches of all, and who took part in each kind of flood lately.
    all: Window,
    senders: [Recent<MacAddr>; 4],
    /// Searches for routers, each of which is answered.
    asked: Window,
}

impl RaFlood {
    #[must_use]
    pub fn new(settings: Settings) -> RaFlood {
        RaFlood {
            bell: Bell::new(settings),
            adverts: Window::default(),
            prefixes: Recent::new(64),
            searches: Subjects::new(SENDERS_MAX, Duration::from_secs(1), SEARCHES / 2),
            all: Window::default(),
            claims: Recent::new(CLAIMS as usize * 2),
            senders: [const { Recent::new(SENDERS_KEPT) }; 4],
            asked: Window::default(),
        }
    }
}

impl Detector for RaFlood {
    says!(
        self,
        [IcmpV6],
        self.prefixes.len()
            + self.claims.len()
            + self.searches.len()
            + self.senders.iter().map(Recent::len).sum::<usize>()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(icmp), Some(header), Some(mac)) = (frame.icmp_v6(), frame.ipv6(), frame.source) else { return };
        let Some(nd) = Nd::read(icmp).filter(|_| is_local(header)) else { return };
        let now = context.now.mono;
        // One of those that ask when the power returns, or who answers those that a flood wakes.
        let mut is_small = false;
        let (kind, count, senders) = match nd {
            Nd::RouterSolicit { .. } => {
                self.asked.add(now, 1);
                self.senders[3].see(mac, now);
                let rate = self.asked.sum(now, 1);
                if rate < self.bell.scaled(SEARCHES) {
                    return;
                }
                ("searches for routers", rate, &self.senders[3])
            }
            // Answers, which go to one host or to all (RFC 4861 §6.2.6).
            Nd::RouterAdvert(_) if self.asked.sum(now, 2) > self.adverts.sum(now, 1) && self.asked.sum(now, 2) > 1 => {
                self.adverts.add(now, 1);
                return;
            }
            Nd::RouterAdvert(_) => {
                self.senders[0].see(mac, now);
                self.adverts.add(now, 1);
                for (_, value) in nd.options().filter(|(kind, _)| *kind == option::PREFIX).take(8) {
                    if let Some(prefix) = Prefix::read(value) {
                        self.prefixes.see(prefix.prefix, now);
                    }
                }
                let rate = self.adverts.sum(now, 1);
                let prefixes = self.prefixes.within(now, Duration::from_secs(10)) as u32;
                if rate <= self.bell.scaled(ADVERTS) && prefixes <= self.bell.scaled(PREFIXES) {
                    return;
                }
                ("router advertisements", rate.max(prefixes), &self.senders[0])
            }
            Nd::NeighbourSolicit { .. } => {
                let fresh = |left| Window::with(left, now);
                let Some(window) = self.searches.of(mac, owner(mac), now, fresh) else { return };
                window.add(now, 1);
                let rate = window.sum(now, 1);
                self.all.add(now, 1);
                self.senders[1].see(mac, now);
                let all = self.all.sum(now, 1);
                if rate < self.bell.scaled(SEARCHES) && all < self.bell.scaled(SEARCHES_ALL) {
                    return;
                }
                is_small = rate * 2 < all;
                ("searches for neighbours", all.max(rate), &self.senders[1])
            }
            Nd::NeighbourAdvert { target, .. } => {
                self.claims.see(hash_of(&target), now);
                self.senders[2].see(mac, now);
                let claims = self.claims.within(now, Duration::from_secs(1)) as u32;
                // Who answers for many to whoever searches is a router or stands in for sleepers.
                if claims < self.bell.scaled(CLAIMS) || claims < self.all.sum(now, 1) * 2 {
                    return;
                }
                ("answers nobody asked for", claims, &self.senders[2])
            }
            _ => return,
        };
        let is_router = kind != "router advertisements" && context.neighbours.is_router(mac);
        let are_many = senders.within(now, Duration::from_secs(1)) > SENDERS;
        let attacker =
            Party { device: None, mac: Some(mac).filter(|_| !is_router && !are_many && !is_small), ip: None };
        let key = if are_many || is_small { format!("many {kind}") } else { format!("{mac} {kind}") };
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, key, context.now)
            .by(attacker)
            .why("kind", kind)
            .why("rate", count)
            .technique(&["T1499.001"])
            .points(if count >= 200 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, mac};

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = [&[0x33, 0x33, 0, 0, 0, 1][..], &mac(9), &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
        bytes.extend((4 + body.len() as u16).to_be_bytes());
        bytes.extend([58, 255]);
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 9]);
        bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([kind, 0, 0, 0]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn only_floods_are_told() {
        let advert = message(134, &[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        let search = message(135, &[&[0; 4][..], &[0xfd; 16]].concat());
        let run = |bytes: &[u8], count: u64, gap_ms: u64| -> usize {
            let mut stage = Stage::new(RaFlood::new(Settings::default()));
            (0..count).map(|n| stage.frame(bytes, n * gap_ms).len()).sum()
        };
        let mut stage = Stage::new(RaFlood::new(Settings::default()));
        let made_up = (0..1000u32).flat_map(|n| {
            let mut bytes = search.clone();
            bytes[10..12].copy_from_slice(&(n as u16).to_be_bytes());
            stage.frame(&bytes, u64::from(n))
        });
        assert!(made_up.last().is_some_and(|finding| finding.attacker == Party::default()), "under made-up names");
        assert!(run(&advert, 60, 10) > 0 && run(&search, 300, 2) > 0);
        assert_eq!((run(&advert, 4, 1000), run(&search, 60, 20)), (0, 0), "a router that starts, a host that looks");
    }

    #[test]
    fn who_says_to_have_ever_other_addresses_is_told() {
        let about = |kind: u8, n: u16| {
            let mut target = [0xfd; 16];
            target[14..].copy_from_slice(&n.to_be_bytes());
            message(kind, &[&[0; 4][..], &target].concat())
        };
        // So many answers in a second about so many addresses, each asked for before or not.
        let run = |addresses: u16, asked: bool| -> usize {
            let mut stage = Stage::new(RaFlood::new(Settings::default()));
            let mut told = 0;
            for n in 0..180u16 {
                let ms = u64::from(n) * 5;
                told += if asked { stage.frame(&about(135, n % addresses), ms).len() } else { 0 };
                told += stage.frame(&about(136, n % addresses), ms + 1).len();
            }
            told
        };
        assert!(run(180, false) > 0);
        assert_eq!((run(180, true), run(3, false)), (0, 0), "who stands in for sleepers; who says the same again");
    }

    #[test]
    fn who_searches_routers_without_end_is_told_and_who_answers_is_not() {
        let mut stage = Stage::new(RaFlood::new(Settings::default()));
        let mut answer = message(134, &[64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        answer[6..12].copy_from_slice(&mac(1));
        let (mut told, search) = (Vec::new(), message(133, &[0; 4]));
        for n in 0..900u64 {
            told.extend(stage.frame(&search, n * 2));
            told.extend(stage.frame(&answer, n * 2 + 1));
        }
        let who: Vec<_> = told.iter().map(|finding| finding.attacker.mac).collect();
        assert!(!who.is_empty() && who.iter().all(|mac| *mac == Some(MacAddr([2, 0, 0, 0, 0, 9]))), "{who:?}");
        let returns: usize = (0..40u64).map(|n| stage.frame(&search, 60_000 + n * 20).len()).sum();
        assert_eq!(returns, 0, "the power returns");
    }
}
