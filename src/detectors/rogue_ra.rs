//! # False router of IPv6
//!
//! ## What it finds
//! A device that says it is a router of the network, or that the real one is none any more.
//! ## Why it matters
//! All devices believe router advertisements; their traffic then goes where the forger wants, or nowhere.
//! ## How it decides
//! The first router heard is the household's, and so is the one this host itself uses; of two the first, unless clearly more
//! speaks for the other, as on the page of `nd_spoof`. Who was a router when the program was stopped, and has spoken since,
//! is one. Who has the router's address of IPv4 too may have replaced it: that is told if the other one speaks again within a
//! minute. Another hardware address that advertises itself as default router, names
//! name servers or gives out a prefix while the first is alive is told; so is an advertisement with the address of a
//! known router from another hardware address, worst if its lifetime is zero; and, whoever else is heard or not, a default
//! router that says besides that it is the way to half of all addresses (`2000::/3`): who is the way to all need not. Border routers of Thread (lifetime 0, a
//! route and a local prefix) never are. One that is the first to advertise itself, and is a host of this network while others'
//! way to the Internet is another one, is low: so begin those who take over what nobody uses.
//! ## What fools it
//! A forger that speaks first in a home that is not known yet. A zero lifetime before the real router was heard is told as what it is: one that says
//! goodbye for an address derived from another hardware address.
//! ## What to do
//! Find the device. Windows that shares its connection does this too.
//!
//! Holds 64 routers.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        kept::{Lines, next},
        rightful::{CLEARLY, inside, may_replace, owner_before, points, routes},
        usual::Bell,
        window::Recent,
    },
    model::{Capped, Category, Fact, Finding, Findings, MacAddr, Moment, Mono, Observation, Party, Severity, Source},
};

mod heard;

use heard::Heard;

card!("rogue_ra", "False router of IPv6");

const ROUTERS_MAX: usize = 64;
// Routers repeat at least each 30 min (RFC 4861 §6.2.1, MaxRtrAdvInterval 1800 s).
const ALIVE: Duration = Duration::from_secs(1800);
/// A router that was replaced is silent from then on; one that is robbed speaks within seconds.
const AWAITED: Duration = Duration::from_secs(60);
const AWAITED_MAX: usize = 16;
// Routers within ten seconds that no network has.
const MANY: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Router {
    mac: MacAddr,
    /// `None` for the way out of this host itself: it was there before all that is heard.
    first: Option<Mono>,
    last: Mono,
    /// It replaced another, which has been silent since.
    is_heir: bool,
}

/// See the page above.
pub struct RogueRa {
    bell: Bell,
    routers: Capped<Ipv6Addr, Router>,
    recent: Recent<(MacAddr, Ipv6Addr)>,
    /// This host's own way out, as it was at the first advertisement: what comes later may be the forger's work.
    own: Option<Vec<Ipv6Addr>>,
    /// Who was a router when the program was stopped.
    before: Vec<(Ipv6Addr, MacAddr)>,
    /// What is told if this one speaks again, for it may be gone.
    awaited: Capped<MacAddr, (Heard, Wrong, Mono)>,
}

impl RogueRa {
    #[must_use]
    pub fn new(settings: Settings) -> RogueRa {
        RogueRa {
            bell: Bell::new(settings),
            routers: Capped::new(ROUTERS_MAX),
            recent: Recent::new(64),
            own: None,
            before: Vec::new(),
            awaited: Capped::new(AWAITED_MAX),
        }
    }

    /// The routers this host uses are known without having been heard: they advertise but each half hour.
    fn know_own(&mut self, context: &Context<'_>) {
        let gateways = context.network.interfaces.iter().flat_map(|interface| &interface.gateways);
        let of_now: Vec<Ipv6Addr> =
            gateways.filter_map(|ip| if let IpAddr::V6(ip) = ip { Some(*ip) } else { None }).collect();
        for ip in self.own.get_or_insert_with(|| of_now.clone()).iter().filter(|ip| of_now.contains(ip)) {
            let mac = context.neighbours.holder((*ip).into()).unwrap_or(MacAddr::ZERO);
            match self.routers.get_mut(ip) {
                Some(router) => router.last = context.now.mono,
                None => {
                    self.routers.insert(*ip, Router { mac, first: None, last: context.now.mono, is_heir: false });
                }
            }
        }
    }
}

impl RogueRa {
    /// What speaks for `mac` as the router of the home, with what is remembered.
    fn weight(&self, mac: MacAddr, context: &Context<'_>) -> i32 {
        let was = if self.before.iter().any(|(_, router)| *router == mac) { 2 } else { 0 };
        was + routes(mac, context)
    }

    /// The router that was there before `mac` advertised itself from `source`, and whether it is the false one of the two.
    fn elder(&self, source: Ipv6Addr, mac: MacAddr, context: &Context<'_>) -> Option<(Ipv6Addr, MacAddr, bool)> {
        let now = context.now.mono;
        let mine = self.weight(mac, context);
        let heard = self
            .routers
            .iter()
            .filter(|(ip, router)| **ip != source && router.mac != mac && now.since(router.last) <= ALIVE);
        let heard = heard.min_by_key(|(_, router)| router.first);
        if let Some((ip, router)) = heard {
            // This host's own way out is not false, whoever else there is.
            let is_false = router.first.is_some() && mine > self.weight(router.mac, context);
            return Some((*ip, router.mac, is_false));
        }
        let spoke = |(ip, router): &&(Ipv6Addr, MacAddr)| {
            *ip != source && *router != mac && context.neighbours.is_host(*router)
        };
        let clearly = |(_, router): &&(Ipv6Addr, MacAddr)| self.weight(*router, context) - mine >= CLEARLY;
        self.before.iter().filter(spoke).find(clearly).map(|(ip, router)| (*ip, *router, false))
    }
}

/// A host of this network by which nobody goes to the Internet, though another way there is known.
fn is_beside(mac: MacAddr, context: &Context<'_>) -> bool {
    let mut gateways = context.network.interfaces.iter().flat_map(|interface| &interface.gateways);
    let is_another = |ip: &IpAddr| context.neighbours.sole_holder(*ip).is_some_and(|holder| holder != mac);
    let is_known = gateways.any(|ip| ip.is_ipv4() && is_another(ip));
    is_known && routes(mac, context) == 0 && context.neighbours.is_host(mac) && !context.neighbours.is_router(mac)
}

/// What is wrong with an advertisement.
#[derive(Clone, Copy)]
struct Wrong {
    kind: &'static str,
    severity: Severity,
    by: MacAddr,
    from: Ipv6Addr,
    victim: Option<(MacAddr, Ipv6Addr)>,
}

/// What is to be said of two that advertise with one address.
enum Verdict {
    Fine,
    /// Until the other one speaks again, or does not.
    Waits,
    Wrong(Wrong),
}

impl RogueRa {
    /// Two advertise with one address: who it is that forges, and whose it is.
    fn theft(&mut self, heard: &Heard, context: &Context<'_>) -> Verdict {
        let Heard { mac, source, lifetime_s, .. } = *heard;
        let (now, right) = (context.now.mono, points(source, mac, context));
        let known = self.routers.get(&source).copied();
        let known = known.filter(|one| one.mac != mac && one.mac.is_station() && now.since(one.last) <= ALIVE);
        if known.is_none() && self.routers.get(&source).is_some_and(|router| router.is_heir) {
            return Verdict::Fine;
        }
        // A farewell in the name of somebody who was heard to search for neighbours under that address.
        let holder = || {
            let holder = context.neighbours.holder(source.into()).filter(|holder| *holder != mac && lifetime_s == 0);
            holder.filter(|holder| right <= points(source, *holder, context))
        };
        // The address says whose it is, and that is not who sent it.
        let made_of = || inside(source).filter(|inner| *inner != mac && lifetime_s == 0 && !heard.is_thread);
        let owner = known.map(|router| router.mac).or_else(holder);
        let Some(owner) = owner.or_else(|| owner_before(source, mac, context)).or_else(made_of) else {
            return Verdict::Fine;
        };
        let is_heir = self.awaited.get(&owner).is_some_and(|(_, _, at)| now.since(*at) > AWAITED);
        let is_first_false = known.is_some_and(|router| right > points(source, router.mac, context));
        if is_heir || is_first_false {
            let first = known.map_or(Some(now), |router| router.first);
            self.routers.insert(source, Router { mac, first, last: now, is_heir });
        }
        if is_heir {
            self.awaited.remove(&owner);
            return Verdict::Fine;
        }
        let (by, of) = if is_first_false { (owner, mac) } else { (mac, owner) };
        let severity = if lifetime_s == 0 && !is_first_false { Severity::Critical } else { Severity::High };
        let wrong = Wrong { kind: "in another router's name", severity, by, from: source, victim: Some((of, source)) };
        if !may_replace(mac, context) {
            return Verdict::Wrong(wrong);
        }
        if !self.awaited.contains(&owner) {
            self.awaited.insert(owner, (heard.clone(), wrong, now));
        }
        Verdict::Waits
    }

    fn judge(&mut self, heard: &Heard, context: &Context<'_>) -> Option<Wrong> {
        let Heard { mac, source, lifetime_s, .. } = *heard;
        let now = context.now.mono;
        match self.theft(heard, context) {
            Verdict::Wrong(wrong) => return Some(wrong),
            Verdict::Waits => return None,
            Verdict::Fine => {}
        }
        let known = self.routers.get(&source).copied();
        let wrong = |kind, severity| Wrong { kind, severity, by: mac, from: source, victim: None };
        if self.recent.within(now, Duration::from_secs(10)) >= MANY {
            return Some(wrong("flood of routers", Severity::High));
        }
        // From any other address no host takes it (RFC 4861 §6.1.2).
        if lifetime_s == 0 || !source.is_unicast_link_local() {
            return None;
        }
        if heard.has_half && !context.network.is_gateway(source.into()) {
            return Some(wrong("way to half of all", Severity::Medium));
        }
        if let Some((ip, router, is_false)) = self.elder(source, mac, context).filter(|_| known.is_none()) {
            let second = wrong("second router", Severity::Medium);
            if !is_false {
                return Some(Wrong { victim: Some((router, ip)), ..second });
            }
            self.routers.remove(&ip);
            self.routers.insert(source, Router { mac, first: Some(now), last: now, is_heir: false });
            return Some(Wrong { by: router, from: ip, victim: Some((mac, source)), ..second });
        }
        let (first, is_heir) = known.map_or((Some(now), false), |router| (router.first, router.is_heir));
        self.routers.insert(source, Router { mac, first, last: now, is_heir });
        (known.is_none() && is_beside(mac, context)).then(|| wrong("router beside the way out", Severity::Low))
    }

    fn tell(&mut self, heard: &Heard, wrong: &Wrong, context: &Context<'_>, findings: &mut Findings) {
        let Wrong { kind, severity, by, from, victim } = *wrong;
        let victim = victim.map_or_else(Party::default, |(mac, ip)| Party {
            device: None,
            mac: Some(mac).filter(|mac| mac.is_station()).or_else(|| context.who.before(ip.into())),
            ip: Some(ip.into()),
        });
        let ip = (kind != "in another router's name" && kind != "flood of routers").then_some(from.into());
        // So many that each has a name of its own are made up, and none of them did it.
        let of_all: BTreeSet<MacAddr> =
            self.recent.within_keys(context.now.mono, Duration::from_secs(10)).map(|(mac, _)| *mac).collect();
        let made_up = kind == "flood of routers" && of_all.len() > MANY / 2;
        let key = if made_up { kind.to_owned() } else { format!("{by} {kind}") };
        let prefixes: Vec<String> = heard.prefixes.iter().map(|p| format!("{}/{}", p.prefix, p.len)).take(4).collect();
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, key, context.now)
            .by(Party { device: None, mac: Some(by).filter(|_| !made_up), ip })
            .against(victim)
            .why("kind", kind)
            .why("source_ll", from)
            .why("lifetime_s", heard.lifetime_s)
            .why("prefixes", prefixes.join(", "))
            .technique(&["T1557"])
            .points(if matches!(kind, "second router" | "router beside the way out") { 5.0 } else { 6.5 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for RogueRa {
    says!(self, [IcmpV6, Alive], self.routers.len() + self.recent.len() + self.awaited.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Observation(Observation { subject, fact: Fact::Alive { .. }, .. }) = evidence
            && let Some((heard, wrong, at)) = subject.mac.and_then(|mac| self.awaited.remove(&mac))
            && context.now.mono.since(at) <= AWAITED
        {
            self.tell(&heard, &wrong, context, findings);
        }
        if let Evidence::Observation(Observation { subject, source, fact: Fact::Alive { .. }, .. }) = evidence
            && *source != Source::Capture
            && let (Some(mac), Some(IpAddr::V6(ip))) = (subject.mac, subject.ip)
        {
            // The kernel, or an answer to this host's own question, says whose address it is.
            if let Some(router) = self.routers.get_mut(&ip).filter(|router| !router.mac.is_station()) {
                router.mac = mac;
            } else if context.network.is_gateway(ip.into()) && self.own.is_none() {
                self.know_own(context);
            }
        }
        let Evidence::Packet(frame) = evidence else { return };
        let Some(heard) = Heard::read(frame) else { return };
        self.know_own(context);
        self.recent.see((heard.mac, heard.source), context.now.mono);
        if let Some(wrong) = self.judge(&heard, context) {
            self.tell(&heard, &wrong, context, findings);
        }
    }

    /// Routers, so that a forger is not the first after a restart.
    fn learned(&self, now: Moment) -> Option<String> {
        let mut lines = Lines::default();
        for (ip, router) in self.routers.iter() {
            if router.mac.is_station() && now.mono.since(router.last) <= ALIVE {
                lines.add(format!("{ip} {}", router.mac));
            }
        }
        lines.done()
    }

    fn recall(&mut self, lines: &str, _now: Moment) {
        for line in lines.lines().take(ROUTERS_MAX) {
            let mut words = line.split_whitespace();
            if let (Some(ip), Some(mac)) = (next(&mut words), next(&mut words)) {
                self.before.push((ip, mac));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, ip, mac, to_global};

    /// An advertisement from hardware `from` in the name of hardware `of`.
    fn advert(from: u8, of: u8, lifetime: u16, prefix: [u8; 2]) -> Vec<u8> {
        let mut bytes = [&[0x33, 0x33, 0, 0, 0, 1][..], &mac(from), &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
        let mut icmp = vec![134, 0, 0, 0, 64, 0];
        icmp.extend(lifetime.to_be_bytes());
        icmp.extend([0; 8]);
        icmp.extend([3, 4, 64, 0xc0, 0, 0, 14, 16, 0, 0, 14, 16, 0, 0, 0, 0]);
        icmp.extend(prefix);
        icmp.extend([0; 14]);
        bytes.extend((icmp.len() as u16).to_be_bytes());
        bytes.extend([58, 255]);
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, of]);
        bytes.extend([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend(icmp);
        bytes
    }

    #[test]
    fn a_false_router_is_told_and_a_border_router_is_not() {
        let run = |adverts: &[(u8, u8, u16, [u8; 2])]| -> Vec<(Option<MacAddr>, Severity)> {
            let mut stage = Stage::new(RogueRa::new(Settings::default()));
            let found = adverts.iter().enumerate().flat_map(|(n, (from, of, lifetime, prefix))| {
                stage.frame(&advert(*from, *of, *lifetime, *prefix), n as u64 * 9000)
            });
            found.map(|f| (f.attacker.mac, f.severity)).collect()
        };
        let mut stage = Stage::new(RogueRa::new(Settings::default())).behind_v6([0xfe80, 0, 0, 0, 0, 0, 0, 1].into());
        let told = stage.frame(&advert(9, 9, 1800, [0x20, 1]), 0);
        assert_eq!(told.first().map(|f| f.attacker.mac), Some(Some(MacAddr(mac(9)))), "the own router was never heard");
        let (global, local) = ([0x20, 1], [0xfd, 0]);
        let who = |n: u8| Some(MacAddr(mac(n)));
        assert_eq!(run(&[(1, 1, 1800, global), (9, 9, 1800, global)]), [(who(9), Severity::Medium)]);
        assert_eq!(run(&[(1, 1, 1800, global), (9, 1, 0, global)]), [(who(9), Severity::Critical)]);
        assert_eq!(run(&[(9, 1, 0, global)]), [(who(9), Severity::Critical)]);
        assert!(run(&[(1, 1, 1800, global), (8, 8, 0, local), (8, 8, 0, local)]).is_empty(), "Thread");
        assert!(run(&[(1, 1, 1800, global), (1, 1, 0, global), (1, 1, 1800, global)]).is_empty(), "its own restart");
        let way = |lifetime: u16, bits: u8, first: u8| {
            let mut bytes = advert(9, 9, lifetime, global);
            let route = [&[24, 3, bits, 8, 0, 0, 14, 16, first][..], &[0; 15]].concat();
            bytes[19] += 24;
            bytes.extend(route);
            Stage::new(RogueRa::new(Settings::default())).frame(&bytes, 0).len()
        };
        assert_eq!((way(1800, 3, 0x20), way(1800, 64, 0xfd), way(1800, 0, 0), way(0, 7, 0xfc)), (1, 0, 0, 0));
    }

    #[test]
    fn who_advertises_first_after_a_start_is_not_the_router_for_it() {
        let fixed = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
        // In the name of an address that is made of nothing.
        let named = |from: u8, lifetime: u16| {
            let mut bytes = advert(from, 1, lifetime, [0x20, 1]);
            bytes[22..38].copy_from_slice(&fixed.octets());
            bytes
        };
        let own = |from: u8| advert(from, from, 1800, [0x20, 1]);
        let global = |from: u8| {
            let mut bytes = own(from);
            bytes[22..24].copy_from_slice(&[0x20, 1]);
            bytes
        };
        let knows = |lines: &str| {
            let mut detector = RogueRa::new(Settings::default());
            detector.recall(lines, Moment::default());
            Stage::new(detector)
        };
        let new = || knows("");
        let router = format!("{} {}", Ipv6Addr::from([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]), MacAddr(mac(1)));
        let (home, of_nine) = (ip(1), ip(9));
        let table = [
            ("a farewell", new().remembering(fixed, 1), vec![arp(1, 1, 1, 1, 77), named(9, 0)], Some(9)),
            ("its name", new().remembering(fixed, 1), vec![arp(1, 1, 1, 1, 77), named(9, 1800)], Some(9)),
            (
                "its name, and then it speaks",
                new().behind(home),
                vec![named(9, 1800), arp(1, 1, 1, 1, 77), named(1, 1800), named(9, 1800)],
                Some(9),
            ),
            ("a second one", knows(&router), vec![arp(1, 1, 1, 1, 77), own(9)], Some(9)),
            ("a second one, first", new().behind(home), vec![own(9), arp(1, 1, 1, 1, 77), own(1)], Some(9)),
            (
                "nobody advertised before",
                new().behind(home),
                vec![arp(1, 1, 1, 1, 77), arp(9, 1, 9, 9, 1), own(9)],
                Some(9),
            ),
            ("hosts have global addresses", new(), vec![arp(1, 1, 1, 1, 77), to_global(9), own(1)], None),
            ("the way out itself", new().behind(home), vec![arp(1, 1, 1, 1, 77), own(1)], None),
            ("replaced", knows(&router).remembering(fixed, 1), vec![named(9, 1800), own(9), named(9, 0)], None),
            (
                "replaced, and an access point now",
                knows(&router).remembering(fixed, 1).behind(of_nine),
                vec![arp(1, 1, 1, 1, 77), arp(9, 1, 9, 9, 77), own(9), named(9, 1800)],
                None,
            ),
            (
                "replaced while it is watched, and never heard to advertise",
                new().behind(home).remembering(fixed, 1),
                [vec![arp(1, 1, 1, 1, 77), arp(9, 1, 9, 1, 77)], vec![named(9, 1800); 70], vec![named(9, 0)]].concat(),
                None,
            ),
            (
                "replaced while it is watched",
                new().behind(home).remembering(fixed, 1),
                [vec![arp(1, 1, 1, 1, 77), named(1, 1800), arp(9, 1, 9, 1, 77)], vec![named(9, 1800); 70]]
                    .concat()
                    .into_iter()
                    // The old one comes back as an access point.
                    .chain([arp(1, 1, 1, 5, 77), named(9, 1800), named(9, 0)])
                    .collect(),
                None,
            ),
            ("one that no host believes", new(), vec![global(9), own(1)], None),
            ("itself", knows(&router).remembering(fixed, 1), vec![arp(1, 1, 1, 1, 77), own(1), named(1, 0)], None),
            ("nobody knows better", new(), vec![own(1), own(9)], Some(9)),
        ];
        for (name, mut stage, frames, told) in table {
            let found: Vec<_> =
                frames.iter().enumerate().flat_map(|(n, frame)| stage.frame(frame, n as u64 * 1000)).collect();
            let who = found.first().map(|finding| finding.attacker.mac);
            assert_eq!(who, told.map(|n| Some(MacAddr(mac(n)))), "{name}: {found:?}");
            assert!(found.len() < 2, "{name}: {found:?}");
        }
    }

    #[test]
    fn who_has_the_routers_address_too_is_told_if_the_router_is_still_there() {
        let named = |from: u8| advert(from, 7, 1800, [0x20, 1]);
        for (speaks, told) in [(Some(20_000), 1), (Some(90_000), 0), (None, 0)] {
            let mut stage = Stage::new(RogueRa::new(Settings::default())).behind(ip(1));
            let mut found = Vec::new();
            let frames = [(0, arp(1, 1, 1, 1, 77)), (500, named(1)), (1000, arp(9, 1, 9, 1, 77)), (2000, named(9))];
            for (ms, frame) in frames {
                found.extend(stage.frame(&frame, ms));
            }
            assert!(found.is_empty(), "{found:?}");
            if let Some(ms) = speaks {
                let alive = Fact::Alive { proof: crate::model::Proof::Frame, age: Duration::ZERO };
                found.extend(stage.saw(crate::model::Subject::mac(MacAddr(mac(1))), alive, ms));
            }
            let who: Vec<_> = found.iter().map(|finding| finding.attacker.mac).collect();
            assert_eq!(who, vec![Some(MacAddr(mac(9))); told], "{speaks:?}");
        }
    }

    #[test]
    fn routers_are_written_down_and_read_again() {
        let mut stage = Stage::new(RogueRa::new(Settings::default()));
        stage.frame(&advert(1, 1, 1800, [0x20, 1]), 1000);
        let lines = stage.detector.learned(Moment::default()).unwrap_or_default();
        let mut again = RogueRa::new(Settings::default());
        again.recall(&format!("rubbish\n{lines}fe80::2\n"), Moment::default());
        assert_eq!(again.before, [(Ipv6Addr::from([0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1]), MacAddr(mac(1)))]);
    }
}
