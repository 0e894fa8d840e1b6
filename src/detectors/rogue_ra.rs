//! # False router of IPv6
//!
//! ## What it finds
//! A device that says it is a router of the network, or that the real one is none any more.
//! ## Why it matters
//! All devices believe router advertisements; their traffic then goes where the forger wants, or nowhere.
//! ## How it decides
//! The first router heard is the household's, and so is the one this host itself uses; of two the first, unless clearly more
//! speaks for the other, as on the page of `nd_spoof`. Who was a router when the program was stopped, and has spoken since,
//! is one. Who has the router's address of IPv4 too may have replaced it, be it with its address of IPv6 or one of its own:
//! that is told if the other one speaks again within a minute. Another hardware address that advertises itself as default router, names
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
                let second = Wrong { victim: Some((router, ip)), ..second };
                if !may_replace(mac, context) && !context.neighbours.took_over(mac, router) {
                    return Some(second);
                }
                self.succeeds(heard, router, second, context);
                return None;
            }
            self.routers.remove(&ip);
            self.routers.insert(source, Router { mac, first: Some(now), last: now, is_heir: false });
            return Some(Wrong { by: router, from: ip, victim: Some((mac, source)), ..second });
        }
        let (first, is_heir) = known.map_or((Some(now), false), |router| (router.first, router.is_heir));
        self.routers.insert(source, Router { mac, first, last: now, is_heir });
        (known.is_none() && is_beside(mac, context)).then(|| wrong("router beside the way out", Severity::Low))
    }

    /// Has the other router's address of IPv4 and one of its own of IPv6: a new one, if the other is silent from now on.
    fn succeeds(&mut self, heard: &Heard, elder: MacAddr, wrong: Wrong, context: &Context<'_>) {
        let now = context.now.mono;
        match self.awaited.get(&elder) {
            Some((_, _, at)) if now.since(*at) > AWAITED => {
                self.awaited.remove(&elder);
                let heir = Router { mac: heard.mac, first: Some(now), last: now, is_heir: true };
                self.routers.insert(heard.source, heir);
            }
            Some(_) => {}
            None => {
                self.awaited.insert(elder, (heard.clone(), wrong, now));
            }
        }
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
        // What plain frames say of life is handed on late: only what was said since counts.
        if let Evidence::Observation(Observation { subject, at, fact: Fact::Alive { .. }, .. }) = evidence
            && let Some(mac) = subject.mac
            && self.awaited.get(&mac).is_some_and(|(_, _, since)| at.mono > *since)
            && let Some((heard, wrong, since)) = self.awaited.remove(&mac)
            && at.mono.since(since) <= AWAITED
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
mod tests;
