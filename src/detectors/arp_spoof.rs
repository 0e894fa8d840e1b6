//! # Address forged by another device
//!
//! ## What it finds
//! A device that says "this address is mine" of an address that belongs to another, so that what is meant for that
//! one comes to it: the way to read and change what others send in a local network.
//! ## Why it matters
//! Whoever stands between a device and the router sees all that is not encrypted and can cut off the rest.
//! ## How it decides
//! Every ARP request and reply is a claim. Two hardware addresses that claim one address within three minutes are a
//! conflict; what speaks for a forger adds up: the claims alternate (+3), the address is the router's (+2), replies
//! nobody asked for (+1, three of them +2), they come steadily as tools send them (+2), the same device claims other
//! contested addresses too (+3), the frame's sender is not the one that is claimed (+2), the claimant has an address
//! of its own besides (+2), it says so unasked to one host while the owner had just spoken (+2), it sends the owner's
//! claim too, as tools put things back when they end (+3). A lease handed on (−6), answers only when asked and never
//! for the router (−5), a single address announced as new hosts do (−4), a claimant that offers to answer for those
//! asleep (−4, never for the router), one that stands in for a router that fell silent, by VRRP, or takes turns with it
//! where both say so (−8), and what routers
//! say that share the address of a virtual one (−8: who has no other address, or does not insist) speak against. A
//! virtual router itself is never the forger. Five points are told, eight are critical. A device that has its own
//! address, tells one other host alone that it stands for several, never for the router and never for that host to
//! those, is told as low, and so is one that says so less than six times: so does a repeater for what is connected to
//! it. Who listens in wants both sides, or insists. Low, too, are two that answer each for both of two addresses, none of them
//! a router's, when they are asked: one machine with a cable and Wi-Fi does.
//! Where the owners are not heard at all: one that tells a host, unasked, that it has an address, and tells the holder of
//! that address, whom it knows by hardware address, that it has the host's. One that tells a single host the same six
//! times in step, unasked, and never asks under that address itself, is low.
//! ## What fools it
//! On a plain host only claims that are broadcast, or aimed at this host, are heard. A forger that speaks VRRP to one that
//! does. A forger that was there before
//! the first frame looks like the owner until the owner speaks; then the one with other addresses is named.
//! ## What to do
//! Find the device by its hardware address and disconnect it. Change passwords used meanwhile.
//!
//! Leaves out: two devices with one fixed address (`ip_conflict`). Holds 4,096 addresses, 4 claimants each.

use std::{net::IpAddr, net::Ipv4Addr, time::Duration};

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell, window::Recent},
    model::{Capped, Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Severity, holds},
    traffic::owner,
    wire::{
        Frame,
        arp::Arp,
        dhcp::{Dhcp, Kind, PORT_CLIENT},
        mdns, protocol,
    },
};

mod claimant;

use claimant::{Binding, Claimant, RecentChanges, STEADY_MIN, Told, speaks_for};

card!("arp_spoof", "Forged address");

const ADDRESSES_MAX: usize = 4096;
const CLAIMANTS_MAX: usize = 4;
const PROXIES_MAX: usize = 64;
const AIMS_MAX: usize = 1024;
/// Such a device takes over addresses by design; that alone is no forgery. It never excuses the router's.
const SLEEP_PROXY: f32 = 4.0;
const REDUNDANT: f32 = 8.0;
// An owner silent for longer may have left.
const ALIVE: Duration = Duration::from_secs(180);
// An owner heard so long ago is there: nobody took over.
const JUST: Duration = Duration::from_secs(10);
// A reply within this time of a question answers it.
const ASKED: Duration = Duration::from_secs(2);
// RFC 2131 §4.4.1: a server that hands on an address did so just before.
const LEASE_FRESH: Duration = Duration::from_secs(600);
// Replies nobody asked for, from which on one claim alone is meant.
const INSISTS: u32 = 6;
// Once may be what a host said before it was given the address.
const BOTH_MIN: u32 = 2;
/// As a label of DNS.
const SERVICE: &[u8] = b"\x0c_sleep-proxy";
const TOLD_FROM: f32 = 5.0;
const CRITICAL_FROM: f32 = 8.0;

/// See the page above.
pub struct ArpSpoof {
    bell: Bell,
    bindings: Guarded<Ipv4Addr, Binding>,
    /// Who was asked for, by whom.
    asked: Capped<(MacAddr, Ipv4Addr), Mono>,
    /// Leases just given.
    leases: Capped<Ipv4Addr, (MacAddr, Mono)>,
    /// What each claims.
    claims: Guarded<MacAddr, Recent<Ipv4Addr>>,
    /// To whom, at which hardware address, each spoke unasked.
    aims: Capped<(MacAddr, Ipv4Addr), (MacAddr, Mono)>,
    /// Devices that offer to answer for those asleep (Bonjour Sleep Proxy).
    proxies: Capped<MacAddr, ()>,
    /// Routers that stand in for each other (VRRP, CARP).
    redundant: Capped<MacAddr, ()>,
}

impl ArpSpoof {
    #[must_use]
    pub fn new(settings: Settings) -> ArpSpoof {
        ArpSpoof {
            bell: Bell::new(settings),
            bindings: Guarded::new(ADDRESSES_MAX),
            asked: Capped::new(1024),
            leases: Capped::new(1024),
            claims: Guarded::new(2048),
            aims: Capped::new(AIMS_MAX),
            proxies: Capped::new(PROXIES_MAX),
            redundant: Capped::new(PROXIES_MAX),
        }
    }

    /// Whoever announces `_sleep-proxy._udp` by mDNS.
    fn offers(&mut self, frame: &Frame<'_>) {
        if let Some(mac) = frame.source.filter(|_| frame.protocol() == Some(protocol::VRRP)) {
            self.redundant.insert(mac, ());
        }
        let Some(udp) = frame.udp().filter(|udp| udp.source == mdns::PORT) else { return };
        let is_answer = udp.payload.get(2).is_some_and(|flags| flags & 0x80 != 0);
        let (Some(mac), true) = (frame.source, is_answer) else { return };
        if holds(udp.payload, SERVICE) {
            self.proxies.insert(mac, ());
        }
    }

    fn lease(&mut self, frame: &Frame<'_>, now: Mono) {
        let Some(udp) = frame.udp().filter(|udp| udp.destination == PORT_CLIENT) else { return };
        if let Some(dhcp) = Dhcp::read(udp.payload)
            && dhcp.kind() == Some(Kind::Ack)
            && let Some(mac) = dhcp.client_mac
        {
            self.leases.insert(dhcp.your_ip, (mac, now));
        }
    }

    fn claim(&mut self, frame: &Frame<'_>, arp: &Arp, context: &Context<'_>, findings: &mut Findings) {
        let source = frame.source;
        let (mac, ip, now) = (arp.sender_mac, arp.sender_ip, context.now.mono);
        let tick = now.0 / 1_000_000_000;
        // This host asks for everybody all the time, and does not hear its own questions.
        let to_us = context.network.is_own_mac(arp.target_mac) && !context.network.is_gateway(IpAddr::V4(ip));
        let asked = arp.is_reply()
            && (to_us || self.asked.get(&(arp.target_mac, ip)).is_some_and(|at| now.since(*at) <= ASKED));
        if arp.is_request() && arp.target_ip != ip {
            self.asked.insert((mac, arp.target_ip), now);
        }
        if self.claims.get(&mac).is_none() {
            self.claims.insert(mac, Recent::new(64), owner(mac), tick);
        }
        if let Some(claims) = self.claims.get_mut(&mac, tick) {
            claims.see(ip, now);
        }
        if self.bindings.get(&ip).is_none() {
            self.bindings.insert(ip, Binding::default(), owner(mac), tick);
        }
        let Some(binding) = self.bindings.get_mut(&ip, tick) else { return };
        let known = binding.claimants.iter().position(|claimant| claimant.mac == mac);
        let owner_spoke = binding.claimants.iter().any(|other| other.mac != mac && now.since(other.last) <= JUST);
        let owner_alive = binding.claimants.iter().any(|other| other.mac != mac && now.since(other.last) <= ALIVE);
        if known.is_none() {
            if binding.claimants.len() >= CLAIMANTS_MAX {
                // The first stays: it is the owner until something says otherwise.
                binding.claimants.remove(1);
            }
            binding.claimants.push(Claimant {
                mac,
                first: now,
                last: now,
                unasked: 0,
                asked: 0,
                requests: 0,
                steps: (0, 0.0, 0.0),
                foreign: None,
                aimed: false,
                told: Told::Nobody,
            });
        }
        let at = known.unwrap_or(binding.claimants.len() - 1);
        if let Some(claimant) = binding.claimants.get_mut(at) {
            if arp.is_reply() && !asked {
                claimant.told = claimant.told.and(arp.target_ip, arp.target_ip != ip);
                claimant.aimed |= owner_spoke && arp.target_ip != ip && arp.target_mac.is_station();
                if claimant.unasked > 0 {
                    let step = now.since(claimant.last).as_secs_f64();
                    let (count, sum, squares) = claimant.steps;
                    claimant.steps = (count + 1, sum + step, squares + step * step);
                }
                claimant.unasked += 1;
            } else if arp.is_reply() {
                claimant.asked += 1;
            } else {
                claimant.requests += 1;
                // Told to all, against an owner who is there: as good as a reply nobody asked for.
                if arp.is_announcement() && owner_alive {
                    claimant.unasked += 1;
                    claimant.told = Told::Several;
                }
            }
            if source.is_some_and(|source| source != mac && !source.is_virtual_router() && source.is_station()) {
                claimant.foreign = source;
            }
            claimant.last = now;
        }
        let other_alive =
            binding.claimants.iter().any(|claimant| claimant.mac != mac && now.since(claimant.last) <= ALIVE);
        if binding.holder.is_some_and(|holder| holder != mac) && other_alive {
            if now.since(binding.changes.last) > Duration::from_secs(60) {
                binding.changes.count = 0;
            }
            binding.changes = RecentChanges { count: binding.changes.count + 1, last: now };
        }
        binding.holder = Some(mac);
        let claimant = binding.claimants.get(at).copied();
        let is_alone = binding.claimants.len() == 1;
        if other_alive && !is_alone {
            let binding = binding.clone();
            self.judge(ip, &binding, context, findings);
        }
        let whom = [Some(arp.target_mac), frame.destination].into_iter().flatten().find(|mac| mac.is_station());
        if let (Some(claimant), Some(whom)) = (claimant, whom)
            && arp.is_reply()
            && !asked
            && arp.target_ip != ip
            && whom != mac
        {
            self.aims.insert((mac, arp.target_ip), (whom, now));
            self.alone(ip, &claimant, is_alone, context, findings);
        }
    }

    /// Of what a claimant says itself: the owner need not be heard.
    fn alone(
        &mut self,
        ip: Ipv4Addr,
        claimant: &Claimant,
        is_alone: bool,
        context: &Context<'_>,
        findings: &mut Findings,
    ) {
        let (now, mac) = (context.now.mono, claimant.foreign.unwrap_or(claimant.mac));
        let owner = self.aims.get(&(claimant.mac, ip)).filter(|(_, at)| now.since(*at) <= ALIVE).map(|(mac, _)| *mac);
        let both = owner.is_some_and(|owner| owner != mac) && claimant.unasked >= BOTH_MIN;
        let insists = is_alone
            && claimant.unasked >= INSISTS
            && claimant.requests + claimant.asked == 0
            && matches!(claimant.told, Told::One(_))
            && claimant.step().is_some_and(|step| step <= JUST.as_secs_f64());
        if !both && !insists || claimant.mac.is_virtual_router() || context.network.is_own_mac(mac) {
            return;
        }
        let own_ip = self.own_ip(claimant);
        let severity = if both { Severity::High } else { Severity::Low };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, format!("{mac} {ip}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: own_ip.map(IpAddr::V4) })
            .against(Party { device: None, mac: owner, ip: Some(IpAddr::V4(ip)) })
            .why("ip", ip)
            .why("old_mac", owner.map_or_else(String::new, |mac| mac.to_string()))
            .why("new_mac", claimant.mac)
            .why("unasked", claimant.unasked)
            .technique(&["T1557.002"])
            .points(if both { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }

    /// An address nobody else claims, and that it asks under or answers for. What it tells one host unasked may be
    /// another's who was not heard yet.
    fn own_ip(&self, claimant: &Claimant) -> Option<Ipv4Addr> {
        let is_own = |ip: &&Ipv4Addr| match self.bindings.get(ip).map(|binding| binding.claimants.as_slice()) {
            Some([only]) => only.requests + only.asked > 0,
            _ => false,
        };
        self.claims.get(&claimant.mac)?.keys().find(is_own).copied()
    }

    /// Points that `claimant` forges what is another's.
    fn points(&self, ip: Ipv4Addr, claimant: &Claimant, binding: &Binding, context: &Context<'_>) -> f32 {
        let now = context.now.mono;
        let mut points = 0.0;
        let mut others = binding.claimants.iter().filter(|other| other.mac != claimant.mac);
        let is_virtual = others.clone().any(|other| other.mac.is_virtual_router());
        let is_gateway = context.network.is_gateway(IpAddr::V4(ip))
            || is_virtual
            || others.any(|other| context.neighbours.is_router(other.mac));
        points += if binding.changes.count >= 2 { 3.0 } else { 0.0 };
        points += if is_gateway { 2.0 } else { 0.0 };
        points += match claimant.unasked {
            0 => 0.0,
            1..=2 => 1.0,
            _ => 2.0,
        };
        points += if claimant.step().is_some() { 2.0 } else { 0.0 };
        let (mut contested, mut own) = (0, 0);
        if let Some(claims) = self.claims.get(&claimant.mac) {
            for other in claims.keys().filter(|other| **other != ip) {
                let others = self.bindings.get(other).map_or(0, |binding| {
                    let mut living = binding.claimants.iter().filter(|c| c.mac != claimant.mac);
                    usize::from(living.any(|c| now.since(c.last) <= ALIVE * 2))
                });
                if others > 0 { contested += 1 } else { own += 1 }
            }
        }
        points += if contested > 0 { 3.0 } else { 0.0 };
        points += if own > 0 { 2.0 } else { 0.0 };
        points += if claimant.foreign.is_some() { 2.0 } else { 0.0 };
        points += if claimant.aimed && own > 0 { 2.0 } else { 0.0 };
        points += if speaks_for(claimant, binding) { 3.0 } else { 0.0 };
        let leased =
            self.leases.get(&ip).is_some_and(|(mac, at)| *mac == claimant.mac && now.since(*at) <= LEASE_FRESH);
        points -= if leased { 6.0 } else { 0.0 };
        points -= if self.proxies.contains(&claimant.mac) && !is_gateway { SLEEP_PROXY } else { 0.0 };
        // Takes over from a router that fell silent, as redundant routers do (VRRP without its own hardware address).
        let is_deaf =
            !binding.claimants.iter().any(|other| other.mac != claimant.mac && other.last.since(claimant.first) > JUST);
        // And all who take turns say that they do.
        let take_turns = binding.claimants.iter().all(|claimant| self.redundant.contains(&claimant.mac));
        let stands_in = is_deaf && self.redundant.contains(&claimant.mac) || take_turns;
        points -= if stands_in { REDUNDANT } else { 0.0 };
        // The router that serves a virtual one may have no other address, and speaks from it as itself (RFC 5798 §8.1.2).
        let serves = is_virtual && (own + contested == 0 || claimant.unasked < STEADY_MIN);
        points -= if serves { REDUNDANT } else { 0.0 };
        points -= if claimant.unasked == 0 && claimant.requests == 0 && !is_gateway { 5.0 } else { 0.0 };
        let is_only_its_own = own == 0 && contested == 0 && !speaks_for(claimant, binding);
        points -= if is_only_its_own && !is_gateway { 4.0 } else { 0.0 };
        points
    }

    /// Stands for several others, to one host only and in one direction only; never for the router, nor for this host.
    fn is_proxy(&self, ip: Ipv4Addr, claimant: &Claimant, binding: &Binding, context: &Context<'_>) -> bool {
        let offers = self.proxies.contains(&claimant.mac);
        let told = match claimant.told {
            Told::One(told) => Some(told),
            _ if offers => None,
            _ => return false,
        };
        let Some(claims) = self.claims.get(&claimant.mac) else { return false };
        let is_free = |ip: &Ipv4Addr, binding: &Binding| {
            let mut others = binding.claimants.iter().filter(|other| other.mac != claimant.mac);
            let mine = binding.claimants.iter().find(|other| other.mac == claimant.mac);
            !context.network.is_gateway(IpAddr::V4(*ip))
                && !context.network.is_own_ip(IpAddr::V4(*ip))
                && mine.is_some_and(|mine| {
                    let to_one = told.is_some_and(|told| mine.told == Told::One(told));
                    mine.foreign.is_none() && (to_one || mine.unasked == 0 || offers && mine.unasked < INSISTS)
                })
                && others.all(|other| !context.neighbours.is_router(other.mac) && !other.mac.is_virtual_router())
        };
        if speaks_for(claimant, binding) {
            return false;
        }
        let contested: Vec<(&Ipv4Addr, &Binding)> = claims
            .keys()
            .filter_map(|other| Some((other, self.bindings.get(other)?)))
            .filter(|(other, binding)| **other != ip && binding.claimants.len() > 1)
            .collect();
        (!contested.is_empty() || claimant.unasked < INSISTS)
            && !claims.keys().any(|claimed| Some(*claimed) == told)
            && is_free(&ip, binding)
            && contested.iter().all(|(other, binding)| is_free(other, binding))
    }

    /// Two hardware addresses that answer for two addresses, each for both, and for no router's: one machine with two cards in
    /// one network, whose kernel answers on either for all it has (Linux' `arp_ignore` of 0,
    /// Documentation/networking/ip-sysctl.rst). Nobody who is listened in on answers for who listens.
    fn is_one_machine(&self, ip: Ipv4Addr, macs: [MacAddr; 2], context: &Context<'_>) -> bool {
        let shares = |ip: &Ipv4Addr| {
            let claimants = self.bindings.get(ip).map(|binding| binding.claimants.as_slice()).unwrap_or_default();
            let is_plain = |mac: &MacAddr| claimants.iter().any(|one| one.mac == *mac && one.is_plain());
            let is_routers = |one: &Claimant| one.mac.is_virtual_router() || context.neighbours.is_router(one.mac);
            let is_gateway = context.network.is_gateway(IpAddr::V4(*ip)) || claimants.iter().any(is_routers);
            !is_gateway && macs.iter().all(is_plain)
        };
        let claims = macs.first().and_then(|mac| self.claims.get(mac));
        shares(&ip) && claims.is_some_and(|claims| claims.keys().any(|other| *other != ip && shares(other)))
    }

    fn judge(&mut self, ip: Ipv4Addr, binding: &Binding, context: &Context<'_>, findings: &mut Findings) {
        let now = context.now.mono;
        let real = binding.claimants.iter().filter(|claimant| !claimant.mac.is_virtual_router());
        let scored = real.map(|claimant| (self.points(ip, claimant, binding, context), claimant));
        // Of equals the later one came to what was another's.
        let Some((points, forger)) = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.first.cmp(&b.1.first))) else {
            return;
        };
        if points < TOLD_FROM {
            return;
        }
        let (forger, mac) = (*forger, forger.foreign.unwrap_or(forger.mac));
        let Some(owner) = binding.claimants.iter().find(|c| c.mac != forger.mac && now.since(c.last) <= ALIVE) else {
            return;
        };
        // Several addresses of one machine are no theft.
        let device = context.who.by_mac(mac);
        if device.is_some() && device == context.who.by_mac(owner.mac) {
            return;
        }
        let own_ip = self.own_ip(&forger);
        let severity = match points {
            _ if self.is_proxy(ip, &forger, binding, context) => Severity::Low,
            _ if self.is_one_machine(ip, [forger.mac, owner.mac], context) => Severity::Low,
            points if points >= CRITICAL_FROM => Severity::Critical,
            _ => Severity::High,
        };
        let finding = Finding::new(CARD.id, Category::Spoofing, severity, format!("{mac} {ip}"), context.now)
            .by(Party { device: None, mac: Some(mac), ip: own_ip.map(IpAddr::V4) })
            .against(Party { device: None, mac: Some(owner.mac), ip: Some(IpAddr::V4(ip)) })
            .why("ip", ip)
            .why("old_mac", owner.mac)
            .why("new_mac", forger.mac)
            .why("unasked", forger.unasked)
            .why("changes", binding.changes.count)
            .technique(&["T1557.002"])
            .points(points);
        self.bell.ring(finding, findings);
    }
}

impl Detector for ArpSpoof {
    says!(
        self,
        [Arp, Udp, OtherIp],
        self.bindings.len()
            + self.asked.len()
            + self.leases.len()
            + self.claims.len()
            + self.aims.len()
            + self.proxies.len()
            + self.redundant.len()
    );

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some(arp) = frame.arp() else {
            self.offers(frame);
            return self.lease(frame, context.now.mono);
        };
        let is_claim =
            (arp.is_request() || arp.is_reply()) && !arp.sender_ip.is_unspecified() && arp.sender_mac.is_station();
        if is_claim {
            self.claim(frame, arp, context, findings);
        } else if arp.is_probe() {
            self.asked.insert((arp.sender_mac, arp.target_ip), context.now.mono);
        }
    }
}

#[cfg(test)]
mod tests;
