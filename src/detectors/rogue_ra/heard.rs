//! # What a router says of itself

use std::net::Ipv6Addr;

use crate::{
    model::MacAddr,
    wire::{
        Frame,
        nd::{Nd, Prefix, is_local, option},
    },
};

/// One advertisement.
#[derive(Clone)]
pub struct Heard {
    pub mac: MacAddr,
    pub source: Ipv6Addr,
    /// Zero: it is no default router, or none any more.
    pub lifetime_s: u16,
    /// A border router of Thread: a route and a local prefix, no default.
    pub is_thread: bool,
    pub has_half: bool,
    pub prefixes: Vec<Prefix>,
}

impl Heard {
    pub fn read(frame: &Frame<'_>) -> Option<Heard> {
        let (icmp, header, mac) = (frame.icmp_v6()?, frame.ipv6()?, frame.source?);
        let nd = Nd::read(icmp).filter(|_| is_local(header) && mac.is_station() && !mac.is_virtual_router())?;
        let Nd::RouterAdvert(advert) = nd else { return None };
        let of = |wanted: u8| nd.options().filter(move |(kind, _)| *kind == wanted).map(|(_, value)| value);
        let prefixes: Vec<Prefix> = of(option::PREFIX).filter_map(Prefix::read).collect();
        let is_global = prefixes.iter().any(|prefix| crate::model::is_global_v6(prefix.prefix));
        let is_empty = prefixes.is_empty() && of(option::ROUTE).next().is_none();
        let is_more = advert.lifetime_s > 0 || of(option::DNS_SERVERS).next().is_some() || is_global;
        Some(Heard {
            mac,
            source: header.source,
            lifetime_s: advert.lifetime_s,
            is_thread: !is_more && !is_empty,
            has_half: of(option::ROUTE).any(is_way_to_half),
            prefixes,
        })
    }
}

/// A route (RFC 4191 §2.3) to more than any provider has, and to less than all: length of the prefix, preference, lifetime,
/// prefix.
fn is_way_to_half(route: &[u8]) -> bool {
    matches!(route, [1..=15, _, a, b, c, d, ..] if [a, b, c, d].iter().any(|byte| **byte > 0))
}
