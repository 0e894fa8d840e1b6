//! # Whose an address of IPv6 is, if two say so
//!
//! Who speaks first after a start may be the forger. What the home remembers from before, what the address is made of and
//! who is the router of IPv4 tell more than who was first. Who is sent what is meant for addresses of the Internet tells
//! nothing: by IPv6 every host has such an address.

use std::net::{IpAddr, Ipv6Addr};

use crate::{detectors::Context, model::MacAddr};

/// What is remembered is believed against somebody only if that much more speaks for it: the router of before may be a mere
/// access point now, and the new one is the way out.
pub const CLEARLY: i32 = 2;

/// The hardware address in an address made from it (RFC 4291 appendix A).
#[must_use]
pub fn inside(ip: Ipv6Addr) -> Option<MacAddr> {
    match ip.octets() {
        [.., a, b, c, 0xff, 0xfe, d, e, f] => Some(MacAddr([a ^ 2, b, c, d, e, f])),
        _ => None,
    }
}

/// Addresses of IPv4 of the routers this host uses: those of IPv6 are what is quarrelled about.
fn gateways<'a>(context: &'a Context<'_>) -> impl Iterator<Item = IpAddr> + 'a {
    let all = context.network.interfaces.iter().flat_map(|interface| &interface.gateways);
    all.filter(|ip| ip.is_ipv4()).copied()
}

/// Whether `mac` was the last to say that it has the router's address of IPv4: it may be the new one, or rob that too.
#[must_use]
pub fn may_replace(mac: MacAddr, context: &Context<'_>) -> bool {
    gateways(context).any(|ip| context.neighbours.holder(ip) == Some(mac))
}

/// What speaks for `mac` as the router of the home.
#[must_use]
pub fn routes(mac: MacAddr, context: &Context<'_>) -> i32 {
    let is_gateway = gateways(context).any(|ip| match context.neighbours.holder(ip) {
        // What two say they have speaks for neither.
        Some(_) => context.neighbours.sole_holder(ip) == Some(mac),
        None => context.who.before(ip) == Some(mac),
    });
    if is_gateway { 2 } else { 0 }
}

/// What speaks for `mac` as the owner of `ip`.
#[must_use]
pub fn points(ip: Ipv6Addr, mac: MacAddr, context: &Context<'_>) -> i32 {
    let made_of = if inside(ip) == Some(mac) { 3 } else { 0 };
    let had = if context.who.before(ip.into()) == Some(mac) { 2 } else { 0 };
    made_of + had + routes(mac, context)
}

/// Who had `ip` when the program was stopped, has spoken since it runs again, and clearly has the better right to it than
/// `mac`. A router that was replaced meanwhile speaks no more; addresses that are given out go from one to the other, so
/// only what each makes for itself is remembered so, and routers'.
#[must_use]
pub fn owner_before(ip: Ipv6Addr, mac: MacAddr, context: &Context<'_>) -> Option<MacAddr> {
    if !ip.is_unicast_link_local() && !context.network.is_gateway(ip.into()) {
        return None;
    }
    let before =
        context.who.before(ip.into()).filter(|before| *before != mac && context.neighbours.is_host(*before))?;
    let device = context.who.by_mac(mac);
    let is_one = device.is_some() && device == context.who.by_mac(before);
    (!is_one && points(ip, before, context) - points(ip, mac, context) >= CLEARLY).then_some(before)
}
