//! # Who is on this wire
//!
//! A packet carries the hardware address of whoever put it on the wire last. For a neighbour that is its own;
//! for a host beyond a router it is the router's, and a finding that blamed the router for it would be wrong.
//!
//! An address belongs to its Ethernet source if ARP or neighbour discovery said so, or if that source never
//! speaks for more than a few addresses. A router is known by speaking for many.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{
    model::{Capped, Guarded, MacAddr, Party, is_private, is_unicast},
    wire::{Frame, Net, nd::Nd, tcp::Flags},
};

const STATIONS_MAX: usize = 8192;
const BOUND_MAX: usize = 8192;
const LOOKED_UP_MAX: usize = 8192;
const ASKERS_MAX: usize = 1024;
/// Networks of IPv6 of which hosts here have addresses: a home has one or two, and one of its own.
const ON_LINK_MAX: usize = 16;
/// Addresses of one family that are one host's: more, and it passes on what others say.
const OWN_MAX: usize = 3;

#[derive(Debug, Clone, Default)]
struct Station {
    /// Addresses it spoke for that nobody bound; at most one more than [`OWN_MAX`].
    spoke: BTreeSet<IpAddr>,
    bound: bool,
    router: bool,
    /// Others send it what is meant for the Internet: the first two addresses that it was sent something for.
    hops: [Option<IpAddr>; 2],
}

/// Whether somebody was heard to send to somebody, not to all; until then, frames to it of conversations that it takes part
/// in, at most [`MUTE_MIN`].
#[derive(Debug, Clone, Copy, Default)]
struct Voice {
    heard: bool,
    spoken_to: u8,
}

/// So many acknowledgements to somebody who is never heard: this wire shows but one direction of what it says.
const MUTE_MIN: u8 = 8;

/// Frames of which it is remembered that they tell nothing new.
const QUIET_MAX: usize = 16;

/// Who sent it to whom, on this link and beyond.
type Ends = (MacAddr, Option<MacAddr>, IpAddr, IpAddr);

/// See above.
#[derive(Debug)]
pub struct Neighbours {
    /// Such frames told nothing new when this number stood, which is another whenever anything is. Most frames are of a few
    /// transfers.
    quiet: [Option<(Ends, u64)>; QUIET_MAX],
    news: u64,
    stations: Guarded<MacAddr, Station>,
    voices: Guarded<MacAddr, Voice>,
    /// Who claimed it last, and who did before, if that was another.
    bound: Guarded<IpAddr, (MacAddr, Option<MacAddr>)>,
    /// Addresses that a name server gave, and a digest of the domain it gave them for.
    looked_up: Capped<IpAddr, u64>,
    /// Whose name servers' answers are heard.
    askers: Capped<IpAddr, ()>,
    has_way_out: bool,
    /// Networks of IPv6 that are no way off: every host here has an address that the Internet can reach.
    on_link: Capped<u64, ()>,
}

impl Default for Neighbours {
    fn default() -> Self {
        Neighbours {
            quiet: [None; QUIET_MAX],
            news: 0,
            stations: Guarded::new(STATIONS_MAX),
            voices: Guarded::new(STATIONS_MAX),
            bound: Guarded::new(BOUND_MAX),
            looked_up: Capped::new(LOOKED_UP_MAX),
            askers: Capped::new(ASKERS_MAX),
            has_way_out: false,
            on_link: Capped::new(ON_LINK_MAX),
        }
    }
}

impl Neighbours {
    /// Learns from one frame.
    pub fn hear(&mut self, frame: &Frame<'_>, tick: u64) {
        let Some(mac) = frame.source.filter(|mac| mac.is_station()) else { return };
        // Neighbour discovery says more than between whom it is.
        let ends = frame.addresses().filter(|_| frame.icmp_v6().is_none());
        let ends = ends.map(|(from, to)| (mac, frame.destination, from, to));
        let quiet = ends.map(|(_, _, from, to)| (low(from) ^ low(to).rotate_left(2)) as usize % QUIET_MAX);
        let now = ends.map(|ends| (ends, self.news));
        if quiet.is_some_and(|place| self.quiet.get(place) == Some(&now)) {
            return;
        }
        let (is_news, is_younger) = self.learn(frame, mac, tick);
        self.news += u64::from(is_news);
        if let Some(quiet) = quiet.and_then(|place| self.quiet.get_mut(place)).filter(|_| !is_news && !is_younger) {
            *quiet = now;
        }
    }

    /// Whether anything is known now that was not, and whether what was known was heard again and keeps its place.
    fn learn(&mut self, frame: &Frame<'_>, mac: MacAddr, tick: u64) -> (bool, bool) {
        let (mut is_news, mut is_younger) = self.voices(frame, mac, tick);
        if let (Some(to), Some((_, ip))) = (frame.destination.filter(|to| to.is_station()), frame.addresses())
            && !is_private(ip)
            && is_unicast(ip)
            && !self.is_on_link(ip)
        {
            let hops = self.hops(to);
            if hops[1].is_none() {
                (is_younger, is_news) = (true, hops[0] != Some(ip));
                self.station(to, tick, |station| {
                    station.hops = match hops {
                        // A host that has such an address itself is sent nothing for others.
                        [Some(known), None] if known != ip => [Some(known), Some(ip)],
                        _ => [Some(ip), None],
                    };
                });
                self.has_way_out = true;
            }
        }
        match &frame.net {
            Some(Net::Arp(arp)) if !arp.sender_ip.is_unspecified() && arp.sender_mac == mac => {
                self.bind(IpAddr::V4(arp.sender_ip), mac, tick);
                is_news = true;
            }
            Some(Net::V4(header)) => is_news |= self.spoke(mac, IpAddr::V4(header.source), tick),
            Some(Net::V6(header)) => {
                if let Some(icmp) = frame.icmp_v6()
                    && matches!(Nd::read(icmp), Some(Nd::NeighbourAdvert { .. } | Nd::NeighbourSolicit { .. }))
                    && !header.source.is_unspecified()
                {
                    self.bind(IpAddr::V6(header.source), mac, tick);
                    is_news = true;
                }
                is_news |= self.spoke(mac, IpAddr::V6(header.source), tick);
            }
            _ => {}
        }
        (is_news, is_younger)
    }

    /// Who is heard, and who is only spoken to. Whether that is news, and whether the next frame of the same ends may be.
    fn voices(&mut self, frame: &Frame<'_>, mac: MacAddr, tick: u64) -> (bool, bool) {
        let Some(to) = frame.destination.filter(|to| to.is_station() && frame.addresses().is_some()) else {
            return (false, false);
        };
        let is_new = !self.voices.get(&mac).is_some_and(|voice| voice.heard);
        if is_new {
            self.voice(mac, tick, |voice| voice.heard = true);
        }
        let Some(tcp) = frame.tcp() else { return (is_new, false) };
        if self.voices.get(&to).is_some_and(|voice| voice.heard || voice.spoken_to >= MUTE_MIN) {
            return (is_new, false);
        }
        if tcp.flags.has(Flags::ACK) && !tcp.flags.has(Flags::SYN) && !tcp.flags.has(Flags::RST) {
            self.voice(to, tick, |voice| voice.spoken_to += 1);
        }
        (is_new, true)
    }

    fn voice(&mut self, mac: MacAddr, tick: u64, change: impl FnOnce(&mut Voice)) {
        if self.voices.get(&mac).is_none() {
            self.voices.insert(mac, Voice::default(), owner(mac), tick);
        }
        if let Some(voice) = self.voices.get_mut(&mac, tick) {
            change(voice);
        }
    }

    /// A name server gave `client` these addresses for a name of `domain`.
    pub(super) fn told(&mut self, client: IpAddr, domain: &str, addresses: &[IpAddr]) {
        if !addresses.is_empty() {
            self.askers.insert(client, ());
        }
        let mut hasher = DefaultHasher::new();
        domain.hash(&mut hasher);
        let domain = hasher.finish();
        for ip in addresses {
            self.looked_up.insert(*ip, domain);
        }
    }

    /// Whether somebody looked `server` up by a name; `None` if `client`'s look-ups are not heard at all.
    #[must_use]
    pub fn is_looked_up(&self, client: IpAddr, server: IpAddr) -> Option<bool> {
        let known = self.looked_up.contains(&server);
        (known || self.askers.contains(&client)).then_some(known)
    }

    /// Whether answers of name servers are heard here at all.
    #[must_use]
    pub fn hears_names(&self) -> bool {
        !self.askers.is_empty()
    }

    /// A digest of the domain that somebody looked up when `server` was the answer last.
    #[must_use]
    pub fn domain(&self, server: IpAddr) -> Option<u64> {
        self.looked_up.get(&server).copied()
    }

    /// The hardware address of `ip`, of which a frame with source `mac` was seen.
    #[must_use]
    pub fn own(&self, ip: IpAddr, mac: Option<MacAddr>) -> Option<MacAddr> {
        if let Some((bound, _)) = self.bound.get(&ip) {
            // Whoever claims an address last may be a forger; only its own source is believed.
            return mac.filter(|mac| mac == bound);
        }
        let mac = mac.filter(|mac| mac.is_station() && !mac.is_virtual_router())?;
        let station = self.stations.get(&mac)?;
        // No router passes those on (RFC 4291 §2.5.6).
        if matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()) {
            return Some(mac);
        }
        // Whoever others send what is meant for the Internet has what comes back from there.
        let through = self.hops(mac)[1].is_some();
        let passes_on = station.router || (station.bound || through) && !is_private(ip);
        (!passes_on).then_some(mac)
    }

    /// Who claimed `ip` last, by ARP or neighbour discovery.
    #[must_use]
    pub fn holder(&self, ip: IpAddr) -> Option<MacAddr> {
        self.bound.get(&ip).map(|(mac, _)| *mac)
    }

    /// Who claimed `ip`, if nobody else ever did.
    #[must_use]
    pub fn sole_holder(&self, ip: IpAddr) -> Option<MacAddr> {
        self.bound.get(&ip).filter(|(_, before)| before.is_none()).map(|(mac, _)| *mac)
    }

    /// Whether `mac` is the last to claim an address of IPv4 that was `other`'s before. Looks through all: for rare questions.
    #[must_use]
    pub fn took_over(&self, mac: MacAddr, other: MacAddr) -> bool {
        self.bound.iter().any(|(ip, of)| ip.is_ipv4() && *of == (mac, Some(other)))
    }

    /// Whether `mac` has an address on this wire.
    #[must_use]
    pub fn is_host(&self, mac: MacAddr) -> bool {
        self.stations.get(&mac).is_some_and(|station| station.bound)
    }

    /// Whether ARP or neighbour discovery showed that somebody has `ip`.
    #[must_use]
    pub fn is_bound(&self, ip: IpAddr) -> bool {
        self.bound.get(&ip).is_some()
    }

    /// Whether `mac` was seen to pass on what hosts beyond it say.
    #[must_use]
    pub fn is_router(&self, mac: MacAddr) -> bool {
        self.stations.get(&mac).is_some_and(|station| {
            station.router || (station.bound && station.spoke.iter().any(|ip| ip.is_ipv4() && !is_private(*ip)))
        })
    }

    /// Whether others send `mac` what is meant for the Internet. Who sends under many addresses and is no such way
    /// forges them.
    #[must_use]
    pub fn is_way_out(&self, mac: MacAddr) -> bool {
        self.hops(mac)[0].is_some()
    }

    /// Whether others converse with `mac`, and this wire never shows what it says itself (a mirror of one direction): that
    /// it did not ask, or does not answer, is not known then.
    #[must_use]
    pub fn is_mute(&self, mac: MacAddr) -> bool {
        self.voices.get(&mac).is_some_and(|voice| !voice.heard && voice.spoken_to >= MUTE_MIN)
    }

    /// Whether anybody was seen to be such a way.
    #[must_use]
    pub const fn has_way_out(&self) -> bool {
        self.has_way_out
    }

    /// Its own hardware address and `ip` for a finding about who sent `frame` from `ip`.
    #[must_use]
    pub fn party(&self, ip: IpAddr, mac: Option<MacAddr>) -> Party {
        Party { device: None, mac: self.own(ip, mac), ip: Some(ip) }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stations.is_empty()
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.stations.len() + self.voices.len() + self.bound.len() + self.looked_up.len() + self.askers.len()
    }

    /// Whether `ip` is of a network in which somebody here has an address.
    fn is_on_link(&self, ip: IpAddr) -> bool {
        matches!(ip, IpAddr::V6(ip) if self.on_link.contains(&network(ip)))
    }

    /// What others sent `mac` for the Internet. What was taken for that before its network was known is left out.
    fn hops(&self, mac: MacAddr) -> [Option<IpAddr>; 2] {
        let hops = self.stations.get(&mac).map_or([None; 2], |station| station.hops);
        match hops.map(|hop| hop.filter(|ip| !self.is_on_link(*ip))) {
            [None, second] => [second, None],
            hops => hops,
        }
    }

    fn bind(&mut self, ip: IpAddr, mac: MacAddr, tick: u64) {
        if let IpAddr::V6(v6) = ip
            && !is_private(ip)
            && !self.on_link.contains(&network(v6))
        {
            self.on_link.insert(network(v6), ());
        }
        match self.bound.get_mut(&ip, tick) {
            Some((holder, before)) if *holder != mac => {
                *before = Some(*holder);
                *holder = mac;
            }
            Some(_) => {}
            None => drop(self.bound.insert(ip, (mac, None), owner(mac), tick)),
        }
        self.station(mac, tick, |station| {
            station.spoke.remove(&ip);
            station.bound = true;
        });
    }

    /// Whether that is news.
    fn spoke(&mut self, mac: MacAddr, ip: IpAddr, tick: u64) -> bool {
        let nobody = match ip {
            IpAddr::V4(ip) => ip == Ipv4Addr::UNSPECIFIED || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_unicast_link_local(),
        };
        if nobody || self.bound.get(&ip).is_some() {
            return false;
        }
        let known = self.stations.get(&mac).is_some_and(|s| s.router || s.spoke.contains(&ip));
        if known {
            return false;
        }
        self.station(mac, tick, |station| {
            station.spoke.insert(ip);
            let family = station.spoke.iter().filter(|known| known.is_ipv4() == ip.is_ipv4()).count();
            // Privacy extensions give a host several of version 6 (RFC 8981).
            if family > if ip.is_ipv4() { OWN_MAX } else { OWN_MAX * 3 } {
                station.router = true;
                station.spoke.clear();
            }
        });
        true
    }

    fn station(&mut self, mac: MacAddr, tick: u64, change: impl FnOnce(&mut Station)) {
        if self.stations.get(&mac).is_none() {
            self.stations.insert(mac, Station::default(), owner(mac), tick);
        }
        if let Some(station) = self.stations.get_mut(&mac, tick) {
            change(station);
        }
    }
}

/// The half that says where (RFC 4291 §2.5.4).
const fn network(ip: Ipv6Addr) -> u64 {
    (ip.to_bits() >> 64) as u64
}

/// Its last bits.
const fn low(ip: IpAddr) -> u32 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits(),
        IpAddr::V6(ip) => ip.to_bits() as u32,
    }
}

/// Whose quota a key of `mac` counts to.
#[must_use]
pub fn owner(mac: MacAddr) -> u64 {
    mac.0.iter().fold(1, |sum, byte| sum << 8 | u64::from(*byte))
}
