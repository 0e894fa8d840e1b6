//! # Forged address of IPv6
//!
//! ## What it finds
//! A device that says another device's IPv6 address is its own.
//! ## Why it matters
//! As with forged ARP: what is meant for the other one goes to the forger first.
//! ## How it decides
//! Neighbour advertisements that replace what others know (the override flag of RFC 4861 §4.4) or solicitations from an
//! address, while its owner was heard within ten minutes under another hardware address: +3. The address of a router
//! (+2), unasked again and again (+2), or of several owners (+3), or made from another hardware address (+2); all of one
//! owner, who was not heard since and is no router, or the other has the router's address of IPv4 too (−3): so moves a phone
//! that changes its hardware address, and so is a router replaced. Five are
//! told. A device that answers for a sleeping one does not override, and says so once. Also: three addresses that nobody
//! had within ten minutes, each tried by a device that is new to it (RFC 4862 §5.4) and each claimed by another at once: so
//! nobody gets an address; two within ten seconds are enough if another one claims each. Whoever claims under many hardware addresses is not named.
//! Of two the first who speaks is the owner, unless more speaks for the other: the address is made from its hardware
//! address (3), it had it when the program was stopped (2), it has the IPv4 address of the router (2). Who had it before and has spoken at all since the start needs two more to be believed unheard.
//! ## What fools it
//! On a switch without a mirror port only what is sent to groups is heard. A forger that speaks first in a home that is not
//! known yet, for an address that is not the router's.
//! ## What to do
//! Disconnect the device if you do not know it.
//!
//! Holds 4,096 addresses, and 256 that are tried.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        rightful::{inside, may_replace, owner_before, points},
        usual::Bell,
        window::Recent,
    },
    model::{Capped, Category, Fact, Finding, Findings, Guarded, MacAddr, Mono, Observation, Party, Severity, Source},
    traffic::owner,
    wire::nd::{Nd, is_local, option},
};

card!("nd_spoof", "Forged address of IPv6");

const ADDRESSES_MAX: usize = 4096;
const FORGERS_MAX: usize = 256;
// Routers advertise at least each 30 min, hosts keep what they know for minutes (RFC 4861 §6.2.1, §10).
const ALIVE: Duration = Duration::from_secs(1800);
const TOLD_FROM: f32 = 5.0;
const TRIED_MAX: usize = 256;
/// An answer to a try comes within its second (RFC 4862 §5.1, RetransTimer).
const TRIED: Duration = Duration::from_secs(2);
/// One is a conflict, two may be its second try.
const DENIED_MIN: u32 = 3;
const DENIED: Duration = Duration::from_secs(600);
/// A host that is denied one address tries another within seconds (RFC 4862 §5.4.5, RFC 7217 §6).
const AT_ONCE: Duration = Duration::from_secs(10);

/// What somebody says of an address.
#[derive(Debug, Clone, Copy)]
struct Claim {
    ip: Ipv6Addr,
    mac: MacAddr,
    /// Who sent it.
    by: MacAddr,
    is_router: bool,
    /// What others know shall no longer count.
    replaces: bool,
    was_asked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    mac: MacAddr,
    /// Who said so last.
    by: MacAddr,
    first: Mono,
    last: Mono,
    is_router: bool,
    /// How often it said that it replaces whoever others know, and how often of these unasked.
    said: u32,
    unasked: u32,
    /// It is remembered from before the start, and did not say so since.
    is_unheard: bool,
}

impl Holder {
    fn new(claim: &Claim, now: Mono) -> Holder {
        let Claim { mac, by, is_router, .. } = *claim;
        let is_unheard = false;
        Holder { mac, by, first: now, last: now, is_router, said: 0, unasked: 0, is_unheard }.heard(claim, now)
    }

    fn heard(mut self, claim: &Claim, now: Mono) -> Holder {
        (self.by, self.last, self.is_router) = (claim.by, now, self.is_router || claim.is_router);
        self.is_unheard = false;
        self.said = self.said.saturating_add(claim.replaces.into());
        self.unasked = self.unasked.saturating_add((claim.replaces && !claim.was_asked).into());
        self
    }
}

/// Whose an address is, and who claims it.
#[derive(Debug, Clone, Copy)]
struct Theft {
    owner: Holder,
    forger: Holder,
}

#[derive(Debug, Clone, Default)]
struct Forger {
    claimed: Vec<Ipv6Addr>,
    /// Whose they were.
    owners: Vec<MacAddr>,
    first: Mono,
    times: u32,
    last: Mono,
}

/// See the page above.
pub struct NdSpoof {
    bell: Bell,
    holders: Guarded<Ipv6Addr, Holder>,
    forgers: Capped<MacAddr, Forger>,
    /// Addresses that nobody has and a device tries.
    tried: Capped<Ipv6Addr, (MacAddr, Mono)>,
    /// Of those, which others said they have, and under which hardware addresses.
    denied: Recent<Ipv6Addr>,
    deniers: Recent<MacAddr>,
}

impl NdSpoof {
    #[must_use]
    pub fn new(settings: Settings) -> NdSpoof {
        NdSpoof {
            bell: Bell::new(settings),
            holders: Guarded::new(ADDRESSES_MAX),
            forgers: Capped::new(FORGERS_MAX),
            tried: Capped::new(TRIED_MAX),
            denied: Recent::new(16),
            deniers: Recent::new(16),
        }
    }

    /// `ip` is tried by `mac`: so does who has no address yet.
    fn tries(&mut self, ip: Ipv6Addr, mac: MacAddr, now: Mono) {
        if self.holders.get(&ip).is_none() {
            self.tried.insert(ip, (mac, now));
        }
    }

    /// `mac` says that it has `ip`: whether that was just tried by another, and time and again.
    fn denies(&mut self, ip: Ipv6Addr, mac: MacAddr, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let Some((victim, at)) = self.tried.get(&ip).copied() else { return };
        if victim == mac || now.since(at) > TRIED {
            return;
        }
        self.denied.see(ip, now);
        self.deniers.see(mac, now);
        let count = self.denied.within(now, DENIED);
        // Each by somebody else who never spoke of it before: made up for the answer.
        let made_up = self.denied.within(now, AT_ONCE) >= 2 && self.deniers.within(now, AT_ONCE) >= 2;
        if count < self.bell.scaled(DENIED_MIN) as usize && !made_up {
            return;
        }
        let one = (self.deniers.within(now, DENIED) == 1).then_some(mac);
        let finding = Finding::new(CARD.id, Category::Spoofing, Severity::High, "tries".into(), context.now)
            .by(Party { device: None, mac: one, ip: None })
            .against(Party { device: None, mac: Some(victim), ip: None })
            .why("kind", "new addresses denied")
            .why("denied", count)
            .technique(&["T1499.002"])
            .points(if count >= 6 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// Somebody speaks for an address: whether that is a theft, by whom it is and from whom.
    fn claim(&mut self, claim: &Claim, context: &Context<'_>) -> Option<Theft> {
        let Claim { ip, mac, .. } = *claim;
        let now = context.now.mono;
        let tick = now.0 / 1_000_000_000;
        let speaks = Holder::new(claim, now);
        let known = self.holders.get(&ip).copied().filter(|holder| now.since(holder.last) <= ALIVE);
        // The owner keeps its place: a forger that repeats itself would take it over.
        let (stays, theft) = match known {
            Some(holder) if holder.mac != mac && points(ip, mac, context) > points(ip, holder.mac, context) => {
                (speaks, (holder.said > 0).then_some(Theft { owner: speaks, forger: holder }))
            }
            Some(holder) if holder.mac != mac => {
                (holder, claim.replaces.then_some(Theft { owner: holder, forger: speaks }))
            }
            _ => {
                let speaks = known.map_or(speaks, |holder| holder.heard(claim, now));
                match owner_before(ip, mac, context) {
                    Some(mac) => {
                        let is_router = context.network.is_gateway(ip.into());
                        let owner = Holder { mac, by: mac, is_router, said: 0, unasked: 0, is_unheard: true, ..speaks };
                        (owner, claim.replaces.then_some(Theft { owner, forger: speaks }))
                    }
                    None => (speaks, None),
                }
            }
        };
        match self.holders.get_mut(&ip, tick) {
            Some(holder) => *holder = stays,
            None => drop(self.holders.insert(ip, stays, owner(mac), tick)),
        }
        theft
    }

    fn judge(&mut self, ip: Ipv6Addr, theft: &Theft, context: &Context<'_>, findings: &mut Findings) {
        let (holder, source, now) = (theft.owner, theft.forger.by, context.now.mono);
        let device = context.who.by_mac(theft.forger.mac);
        if device.is_some() && device == context.who.by_mac(holder.mac) {
            return;
        }
        if !self.forgers.contains(&source) {
            self.forgers.insert(source, Forger::default());
        }
        let Some(forger) = self.forgers.get_mut(&source) else { return };
        if forger.times == 0 || now.since(forger.last) > Duration::from_secs(300) {
            (forger.times, forger.first) = (0, theft.forger.first);
        }
        forger.times = forger.times.saturating_add(theft.forger.said);
        forger.last = now;
        if !forger.claimed.contains(&ip) && forger.claimed.len() < 16 {
            forger.claimed.push(ip);
        }
        if !forger.owners.contains(&holder.mac) && forger.owners.len() < 4 {
            forger.owners.push(holder.mac);
        }
        let is_routers = holder.is_router || context.network.is_gateway(ip.into());
        // A router that was replaced has its address of IPv4 too: told if the old one speaks again.
        let replaces = may_replace(theft.forger.mac, context);
        let moved = match holder.is_unheard {
            true => replaces,
            false => (!is_routers || replaces) && holder.last < forger.first,
        };
        let moved = moved && forger.owners.len() == 1;
        let mut points = 3.0;
        points += if is_routers { 2.0 } else { 0.0 };
        points += if theft.forger.unasked > 0 && forger.times >= 3 { 2.0 } else { 0.0 };
        points += if forger.owners.len() >= 2 { 3.0 } else { 0.0 };
        points -= if moved { 3.0 } else { 0.0 };
        points += if inside(ip).is_some_and(|inner| inner == holder.mac) { 2.0 } else { 0.0 };
        // One advertisement of an address that is no router's: two interfaces, or an address handed on.
        if points < TOLD_FROM || (forger.times < 2 && points < 7.0) {
            return;
        }
        let (claimed, times) = (forger.claimed.len(), forger.times);
        let severity = if points >= 8.0 { Severity::Critical } else { Severity::High };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, format!("{source} {ip}"), context.now)
            .by(Party { device: None, mac: Some(source), ip: None })
            .against(Party { device: None, mac: Some(holder.mac), ip: Some(ip.into()) })
            .why("ip", ip)
            .why("old_mac", holder.mac)
            .why("new_mac", theft.forger.mac)
            .why("claimed", claimed)
            .why("times", times)
            .technique(&["T1557"])
            .points(points);
        self.bell.ring(finding, findings);
    }
}

impl Detector for NdSpoof {
    says!(self, [IcmpV6, Alive], self.holders.len() + self.forgers.len() + self.tried.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(Observation { subject, source, fact: Fact::Alive { .. }, .. }) = evidence
            && *source != Source::Capture
            && let (Some(mac), Some(IpAddr::V6(ip))) = (subject.mac, subject.ip)
        {
            // The kernel, or an answer to this host's own question, says whose it is: a forger may be the first to
            // speak of it to all.
            let is_router = context.network.is_gateway(ip.into());
            let claim = Claim { ip, mac, by: mac, is_router, replaces: false, was_asked: true };
            if let Some(theft) = self.claim(&claim, context) {
                self.judge(ip, &theft, context, findings);
            }
            return;
        }
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(icmp), Some(header), Some(source)) = (frame.icmp_v6(), frame.ipv6(), frame.source) else { return };
        let Some(nd) = Nd::read(icmp).filter(|_| is_local(header) && source.is_station()) else { return };
        let (ip, linked, is_router, replaces, asked) = match nd {
            Nd::NeighbourSolicit { target, .. } if header.source.is_unspecified() => {
                return self.tries(target, source, context.now.mono);
            }
            Nd::NeighbourAdvert { target, is_router, is_solicited, is_override, .. } => {
                self.denies(target, source, context, findings);
                (target, nd.link_address(option::TARGET_LINK), is_router, is_override, is_solicited)
            }
            Nd::NeighbourSolicit { .. } if !header.source.is_unspecified() => {
                (header.source, nd.link_address(option::SOURCE_LINK), false, true, false)
            }
            Nd::RouterAdvert(advert) => (header.source, None, advert.lifetime_s > 0, false, false),
            _ => return,
        };
        let mac = linked.unwrap_or(source);
        if ip.is_multicast() || ip.is_unspecified() || !mac.is_station() || mac.is_virtual_router() {
            return;
        }
        let claim = Claim { ip, mac, by: source, is_router, replaces, was_asked: asked };
        if let Some(theft) = self.claim(&claim, context) {
            self.judge(ip, &theft, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, ip, mac, to_global};

    /// An advertisement of hardware `from` for the address of host `of`.
    fn advert(from: u8, of: u8, flags: u8) -> Vec<u8> {
        let target = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, of];
        let mut bytes =
            [&[0x33, 0x33, 0, 0, 0, 1][..], &mac(from), &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]].concat();
        bytes.extend(target);
        bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([136, 0, 0, 0, flags, 0, 0, 0]);
        bytes.extend(target);
        bytes.extend([2, 1]);
        bytes.extend(mac(from));
        bytes
    }

    #[test]
    fn a_forger_is_named_and_a_proxy_is_not() {
        let run = |lines: &[(u64, u8, u8, u8)]| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(NdSpoof::new(Settings::default()));
            let found =
                lines.iter().flat_map(|(s, from, of, flags)| stage.frame(&advert(*from, *of, *flags), s * 1000));
            found.map(|finding| finding.attacker.mac).collect()
        };
        let who = |n: u8| Some(MacAddr(mac(n)));
        assert_eq!(run(&[(0, 1, 1, 0xa0), (5, 9, 1, 0xa0), (6, 9, 1, 0xa0)]), [who(9)], "the router's");
        let two = [(0, 5, 5, 0x20), (1, 6, 6, 0x20), (5, 9, 5, 0x20), (6, 9, 6, 0x20)];
        assert!(run(&two).contains(&who(9)), "two hosts'");
        let mut stage =
            Stage::new(NdSpoof::new(Settings::default())).behind_v6([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1].into());
        let router = Ipv6Addr::from([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]);
        let alive = Fact::Alive { proof: crate::model::Proof::NeighbourReachable, age: Duration::ZERO };
        stage.saw(crate::model::Subject::both(MacAddr(mac(1)), router.into()), alive, 0);
        let told: Vec<_> = (0..3).flat_map(|n| stage.frame(&advert(9, 1, 0xa0), 1000 + n * 1000)).collect();
        assert!(
            told.iter().all(|f| f.attacker.mac == who(9)) && !told.is_empty(),
            "the kernel knew the router: {told:?}"
        );
        let mut moved = vec![(0, 5, 5, 0x20), (0, 5, 6, 0x20)];
        moved.extend((60..66).map(|s| (s, 9, 5 + (s % 2) as u8, 0x20)));
        assert!(run(&moved).is_empty(), "a phone under another hardware address");
        moved.extend([(70, 5, 5, 0x20), (71, 9, 5, 0x20), (72, 9, 6, 0x20)]);
        assert!(run(&moved).contains(&who(9)), "the owner is still there");
        assert!(run(&[(0, 5, 5, 0x20), (9, 7, 5, 0x40), (19, 7, 5, 0x40), (29, 7, 5, 0)]).is_empty(), "a sleep proxy");
        assert!(run(&[(0, 5, 5, 0x20), (4000, 6, 5, 0x20), (4001, 6, 5, 0x20)]).is_empty(), "handed on");
        assert!(run(&[(0, 1, 1, 0xa0), (9, 1, 1, 0xa0)]).is_empty(), "its own");
    }

    /// A try of the address of host `of` by hardware `from`.
    fn tries(from: u8, of: u8) -> Vec<u8> {
        let mut bytes = advert(from, of, 0);
        bytes[22..38].fill(0);
        bytes[54] = 135;
        bytes.truncate(78);
        bytes[19] = 24;
        bytes
    }

    #[test]
    fn who_lets_nobody_have_an_address_is_told_and_one_conflict_is_not() {
        let run = |denied: u8, by: &dyn Fn(u8) -> u8| -> Vec<Option<MacAddr>> {
            let mut stage = Stage::new(NdSpoof::new(Settings::default()));
            let mut found = Vec::new();
            for n in 0..denied {
                found.extend(stage.frame(&tries(5, 100 + n), u64::from(n) * 5000));
                found.extend(stage.frame(&advert(by(n), 100 + n, 0x20), u64::from(n) * 5000 + 3));
            }
            found.iter().map(|finding| finding.attacker.mac).collect()
        };
        assert_eq!(run(4, &|_| 9), [Some(MacAddr(mac(9)))]);
        assert_eq!(run(4, &|n| 20 + n), [None], "each time under another name");
        assert!(run(2, &|_| 9).is_empty(), "a conflict, tried twice");
        assert_eq!(run(2, &|n| 20 + n), [None], "both times by somebody new");
        assert!(run(9, &|_| 5).is_empty(), "it announces what it tried");
    }

    #[test]
    fn who_speaks_first_after_a_start_is_not_the_owner_for_it() {
        // The address of a router is often made of nothing: fe80::1.
        let router = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        let says = |from: u8, flags: u8| {
            let mut bytes = advert(from, 1, flags);
            for at in [22, 62] {
                bytes[at..at + 16].copy_from_slice(&router.octets());
            }
            bytes
        };
        let new = || Stage::new(NdSpoof::new(Settings::default()));
        let forges = |n: u64| (n * 1000, says(9, 0xa0));
        let owner = (9000, says(1, 0xa0));
        let one = std::slice::from_ref(&owner);
        let all = |first: &[(u64, Vec<u8>)], last: &[(u64, Vec<u8>)]| -> Vec<(u64, Vec<u8>)> {
            let forged: Vec<_> = (1..=8).map(forges).collect();
            [first, &forged, last].concat()
        };
        // What is known, what is heard, who is told, and when the first time.
        let heard = [(500, arp(1, 1, 1, 1, 77))];
        let table = [
            ("known before, and alive", new().remembering(router, 1), all(&heard, &[]), Some((9, 3000))),
            (
                "known before, alive later",
                new().remembering(router, 1),
                all(&[], &[(4500, arp(1, 1, 1, 1, 77))]),
                Some((9, 5000)),
            ),
            ("known before, told by itself", new().remembering(router, 1), all(&[], one), Some((9, 9000))),
            ("the router of IPv4", new().behind(ip(1)), all(&heard, one), Some((9, 9000))),
            ("nobody knows better", new(), all(&[], &[owner.clone(), (9500, says(1, 0xa0))]), Some((1, 9500))),
            (
                "the forger has a global address, as every host",
                new(),
                all(&[(100, to_global(9)), (400, says(1, 0xa0))], &[]),
                Some((9, 2000)),
            ),
            ("a new router, the old one is gone", new().remembering(router, 1), all(&[], &[]), None),
            (
                "a new router, the old one is an access point now",
                new().remembering(router, 1).behind(ip(9)),
                all(&[(400, arp(1, 1, 1, 1, 77)), (500, arp(9, 1, 9, 9, 77))], &[]),
                None,
            ),
            (
                "replaced while it is watched",
                new().behind(ip(1)),
                all(&[(300, arp(1, 1, 1, 1, 77)), (400, says(1, 0xa0)), (500, arp(9, 1, 9, 1, 77))], &[]),
                None,
            ),
            (
                "replaced by one that has the old one's address of IPv4, as it was known before",
                new().behind(ip(1)).remembering(router, 1),
                all(&[(300, arp(1, 1, 1, 1, 77)), (500, arp(9, 1, 9, 1, 77))], &[]),
                None,
            ),
            (
                "it has both, and the router is still there",
                new().behind(ip(1)),
                all(
                    &[(300, arp(1, 1, 1, 1, 77)), (400, says(1, 0xa0)), (500, arp(9, 1, 9, 1, 77))],
                    &[(5500, says(1, 0xa0))],
                ),
                Some((9, 6000)),
            ),
            ("itself", new().remembering(router, 9), all(&heard, &[]), None),
        ];
        for (name, mut stage, mut frames, told) in table {
            frames.sort_by_key(|(ms, _)| *ms);
            let found: Vec<_> = frames
                .iter()
                .flat_map(|(ms, frame)| stage.frame(frame, *ms).into_iter().map(move |f| (*ms, f)))
                .collect();
            let first = found.first().map(|(ms, finding)| (finding.attacker.mac, *ms));
            assert_eq!(first, told.map(|(n, ms)| (Some(MacAddr(mac(n))), ms)), "{name}: {found:?}");
        }
    }
}
