//! # False router of IPv6
//!
//! ## What it finds
//! A device that says it is a router of the network, or that the real one is none any more.
//! ## Why it matters
//! All devices believe router advertisements; their traffic then goes where the forger wants, or nowhere.
//! ## How it decides
//! The first router heard is the household's, and so is the one this host itself uses. Another hardware address that advertises itself as default router, names
//! name servers or gives out a prefix while the first is alive is told; so is an advertisement with the address of a
//! known router from another hardware address, worst if its lifetime is zero; and, whoever else is heard or not, a default
//! router that says besides that it is the way to half of all addresses (`2000::/3`): who is the way to all need not. Border routers of Thread (lifetime 0, a
//! route and a local prefix) never are.
//! ## What fools it
//! A forger that speaks first. A zero lifetime before the real router was heard is told as what it is: one that says
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
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::Recent,
    },
    model::{Capped, Card, Category, Fact, Finding, Findings, MacAddr, Mono, Observation, Party, Severity, Source},
    wire::nd::{Nd, Prefix, is_local, option},
};

pub static CARD: Card = Card {
    id: "rogue_ra",
    title: "False router of IPv6",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("rogue_ra.rs"),
};

pub type Settings = Usual;

const ROUTERS_MAX: usize = 64;
// Routers repeat at least each 30 min (RFC 4861 §6.2.1, MaxRtrAdvInterval 1800 s).
const ALIVE: Duration = Duration::from_secs(1800);
// Routers within ten seconds that no network has.
const MANY: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Router {
    mac: MacAddr,
    first: Mono,
    last: Mono,
}

/// See the page above.
pub struct RogueRa {
    bell: Bell,
    routers: Capped<Ipv6Addr, Router>,
    recent: Recent<(MacAddr, Ipv6Addr)>,
    /// This host's own way out, as it was at the first advertisement: what comes later may be the forger's work.
    own: Option<Vec<Ipv6Addr>>,
}

impl RogueRa {
    #[must_use]
    pub fn new(settings: Settings) -> RogueRa {
        RogueRa { bell: Bell::new(settings), routers: Capped::new(ROUTERS_MAX), recent: Recent::new(64), own: None }
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
                None => drop(self.routers.insert(*ip, Router { mac, first: Mono::default(), last: context.now.mono })),
            }
        }
    }
}

/// A route (RFC 4191 §2.3) to more than any provider has, and to less than all: length of the prefix, preference, lifetime,
/// prefix.
fn is_way_to_half(route: &[u8]) -> bool {
    matches!(route, [1..=15, _, a, b, c, d, ..] if [a, b, c, d].iter().any(|byte| **byte > 0))
}

/// The hardware address in a link-local address made from it (RFC 4291 appendix A).
fn inside(ip: Ipv6Addr) -> Option<MacAddr> {
    match ip.octets() {
        [.., a, b, c, 0xff, 0xfe, d, e, f] => Some(MacAddr([a ^ 2, b, c, d, e, f])),
        _ => None,
    }
}

impl Detector for RogueRa {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::IcmpV6, Needs::Alive]
    }

    fn held(&self) -> usize {
        self.routers.len() + self.recent.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
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
        let (Some(icmp), Some(header), Some(mac)) = (frame.icmp_v6(), frame.ipv6(), frame.source) else { return };
        let Some(Nd::RouterAdvert(advert)) = Nd::read(icmp).filter(|_| is_local(header)) else { return };
        if mac.is_virtual_router() || !mac.is_station() {
            return;
        }
        self.know_own(context);
        let (now, source) = (context.now.mono, header.source);
        let nd = Nd::RouterAdvert(advert);
        let has_dns = nd.options().any(|(kind, _)| kind == option::DNS_SERVERS);
        let prefixes: Vec<Prefix> = nd
            .options()
            .filter(|(kind, _)| *kind == option::PREFIX)
            .filter_map(|(_, value)| Prefix::read(value))
            .collect();
        let is_global = prefixes.iter().any(|prefix| crate::model::is_global_v6(prefix.prefix));
        let is_thread = advert.lifetime_s == 0
            && !has_dns
            && !is_global
            && (!prefixes.is_empty() || nd.options().any(|(kind, _)| kind == option::ROUTE));
        self.recent.see((mac, source), now);
        let known = self.routers.get(&source).copied();
        let elder = self
            .routers
            .iter()
            .filter(|(ip, router)| **ip != source && router.mac != mac && now.since(router.last) <= ALIVE)
            .min_by_key(|(_, router)| router.first)
            .map(|(ip, router)| (*ip, *router));
        let stolen = known
            .filter(|router| router.mac != mac && router.mac.is_station() && now.since(router.last) <= ALIVE)
            .map(|router| router.mac)
            // A farewell in the name of somebody who was heard to search for neighbours under that address.
            .or_else(|| {
                context.neighbours.holder(source.into()).filter(|holder| *holder != mac && advert.lifetime_s == 0)
            });
        // The address says whose it is, and that is not who sent it.
        let foreign = inside(source).filter(|inner| *inner != mac && advert.lifetime_s == 0 && !is_thread);
        let (kind, severity, victim) = if let Some(owner) = stolen.or(foreign) {
            let severity = if advert.lifetime_s == 0 { Severity::Critical } else { Severity::High };
            ("in another router's name", severity, Some((owner, source)))
        } else if self.recent.within(now, Duration::from_secs(10)) >= MANY {
            ("flood of routers", Severity::High, None)
        } else if advert.lifetime_s > 0
            && nd.options().any(|(kind, value)| kind == option::ROUTE && is_way_to_half(value))
            && !context.network.is_gateway(source.into())
        {
            ("way to half of all", Severity::Medium, None)
        } else if let Some((ip, router)) = elder.filter(|_| advert.lifetime_s > 0 && known.is_none() && !is_thread) {
            ("second router", Severity::Medium, Some((router.mac, ip)))
        } else {
            if stolen.is_none() && foreign.is_none() && advert.lifetime_s > 0 {
                let first = known.map_or(now, |router| router.first);
                self.routers.insert(source, Router { mac, first, last: now });
            }
            return;
        };
        let victim = victim.map_or_else(Party::default, |(mac, ip)| Party {
            device: None,
            mac: Some(mac).filter(|mac| mac.is_station()),
            ip: Some(ip.into()),
        });
        let ip = matches!(kind, "second router" | "way to half of all").then_some(source.into());
        // So many that each has a name of its own are made up, and none of them did it.
        let of_all: BTreeSet<MacAddr> =
            self.recent.within_keys(now, Duration::from_secs(10)).map(|(mac, _)| *mac).collect();
        let made_up = kind == "flood of routers" && of_all.len() > MANY / 2;
        let key = if made_up { kind.to_owned() } else { format!("{mac} {kind}") };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, key, context.now)
            .by(Party { device: None, mac: Some(mac).filter(|_| !made_up), ip })
            .against(victim)
            .why("kind", kind)
            .why("source_ll", source)
            .why("lifetime_s", advert.lifetime_s)
            .why(
                "prefixes",
                prefixes.iter().map(|p| format!("{}/{}", p.prefix, p.len)).take(4).collect::<Vec<_>>().join(", "),
            )
            .technique(&["T1557"])
            .points(if kind == "second router" { 5.0 } else { 6.5 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, mac};

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
}
