//! # Frames become observations
//!
//! What a frame shows of its sender, by the table of `docs/PRESENCE.md`. Nothing that is said depends on what was heard
//! before, so only what the frame itself proves is said; the same words of a device are told once a second:
//! * The Ethernet source was on the wire just now. That is the one proof nobody but a forger can make
//!   wrong, and all others add to it.
//! * An address belongs to that source only if the protocol stays on the link and the frame does not
//!   contradict itself: an ARP reply whose sender is somebody else is a proxy's, a multicast DNS
//!   record for another address is a reflector's or a sleep proxy's. A packet from beyond a router
//!   carries the router's MAC, so ordinary IP says nothing about addresses.
//! * Groups, zeros and virtual routers are nobody.
//! * What programs say inside IP is their host's own word only if no router passed it on.
//!
//! Leaves out: whether an address is attached here, and whose a MAC is; presence knows.

use std::{hash::Hash, net::IpAddr, time::Duration};

use crate::{
    model::{
        Captured, Fact, MacAddr, Mono, NetworkFacts, Observation, Proof, Source, Subject, clean_text, hash_of,
        is_link_local, is_private, is_unicast,
    },
    wire::{Faults, Frame, Net, arp::Arp, llmnr, mdns, nd, netbios, ssdp},
};

mod greetings;
mod halves;
mod leases;
mod names;
mod spoken;
mod stacks;
mod switches;
mod talks;
mod wants;
mod web;
mod wireless;

/// Observations of one frame.
const OBSERVATIONS_MAX: usize = 64;
/// Answer to an echo request, and the complaint about an option (RFC 4443 §4.2, §3.4).
const ECHO_REPLY_V6: u8 = 129;
const PARAMETER_PROBLEM_V6: u8 = 4;
/// What hosts begin with (IANA ip-parameters; Linux and Apple, Windows, routers and small firmware). A router on the
/// way takes one off: one less shows a host behind a host, or a phone that shares its connection.
const HOP_LIMITS: [u8; 3] = [64, 128, 255];
/// Bytes of a name or label.
const TEXT_MAX: usize = 64;
/// Bytes of what programs and systems call themselves.
const LONG_TEXT_MAX: usize = 120;
/// Costly looks in a second: reading a document, undoing a cipher. A home with forty people opens
/// fewer connections; a flood of more costs no more.
const WORK_MAX: u32 = 200;
/// A device says the same of itself with each connection. It is told again after so long.
const AGAIN: Duration = Duration::from_secs(1);
/// Of so many things it is known when they were told.
const TOLD_MAX: usize = 256;

/// What overhears. Keeps a budget of work, greetings that came in pieces, and the hashes of what was told just now.
#[derive(Debug, Default)]
pub struct Overheard {
    /// In this second since the start so much was done.
    work: (u64, u32),
    passed_over: u64,
    halves: halves::Halves,
    shapes: greetings::Shapes,
    /// What was told just now, by hash, and when. Who shares a place is told twice: nothing more.
    told: Vec<(u64, Mono)>,
}

impl Overheard {
    /// What a frame shows of its sender, pushed to `out`.
    pub fn glean(
        &mut self,
        captured: &Captured<'_>,
        frame: &Frame<'_>,
        network: &NetworkFacts,
        out: &mut Vec<Observation>,
    ) {
        let plain = self.hear(captured, frame, network, out);
        out.extend(plain.map(|subject| plainly(subject, captured)));
    }

    /// The same, but for the last thing that most packets show, and nearly all nothing but that: whose frame it was. That
    /// is returned, see [`plainly`].
    pub fn hear(
        &mut self,
        captured: &Captured<'_>,
        frame: &Frame<'_>,
        network: &NetworkFacts,
        out: &mut Vec<Observation>,
    ) -> Option<Subject> {
        let (source, left) = (Source::Capture, OBSERVATIONS_MAX);
        glean(&mut Gleaned { captured, source, left, out, network, ears: self }, frame)
    }

    /// Costly looks that were not taken, because too many came at once.
    #[must_use]
    pub const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Greetings that wait for their rest.
    #[must_use]
    pub fn half_heard(&self) -> usize {
        self.halves.len()
    }

    /// The same was told less than [`AGAIN`] ago. If not, it is from now on.
    fn was_told(&mut self, what: &impl Hash, at: Mono) -> bool {
        if self.told.is_empty() {
            self.told = vec![(0, Mono::default()); TOLD_MAX];
        }
        let hash = hash_of(what);
        let Some(place) = self.told.get_mut(hash as usize % TOLD_MAX) else { return false };
        if place.0 == hash && at.since(place.1) < AGAIN {
            return true;
        }
        *place = (hash, at);
        false
    }

    fn may_work(&mut self, at: Mono) -> bool {
        let second = at.since(Mono::default()).as_secs();
        if self.work.0 != second {
            self.work = (second, 0);
        }
        self.work.1 += 1;
        let may = self.work.1 <= WORK_MAX;
        self.passed_over += u64::from(!may);
        may
    }
}

/// It sent this frame: all that is said of it.
#[must_use]
pub const fn plainly(subject: Subject, captured: &Captured<'_>) -> Observation {
    Observation {
        source: Source::Capture,
        interface: Some(captured.interface),
        at: captured.at,
        subject,
        fact: Fact::Alive { proof: Proof::Frame, age: Duration::ZERO },
    }
}

/// Of two values for one label the old one stays, because the new one says no more: a browser and a
/// clock program of one phone, or ten thousand made-up ones, do not push each other out.
pub fn stays(key: &str, old: &str, new: &str) -> bool {
    match key {
        "user_agent" => web::weight(old) >= web::weight(new),
        "ja4" | "http_server" | "tls_certificate" => true,
        // A hint replaces nothing.
        "os" => stacks::is_hint(new),
        _ => false,
    }
}

fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>) -> Option<Subject> {
    // The radio says the bytes are wrong: whose they are is wrong too.
    if frame.faults.has(Faults::CHECKSUM) {
        return None;
    }
    // What the 802.11 header shows is taken by `air`.
    if frame.wifi.is_some() && frame.net.is_none() {
        return None;
    }
    let sender = frame.source.filter(|mac| is_device(*mac));
    if let Some(udp) = frame.udp()
        && leases::glean(gleaned, frame, udp, sender)
    {
        return None;
    }
    let mac = sender?;
    let mut plain = None;
    match &frame.net {
        Some(Net::Arp(arp)) => self::arp(gleaned, mac, arp),
        Some(Net::V4(_) | Net::V6(_)) => plain = packet(gleaned, frame, mac),
        None if switches::glean(gleaned, frame, mac) => {}
        None => {
            wireless::glean(gleaned, frame, mac);
            gleaned.alive(Subject::mac(mac), Proof::Frame);
        }
    }
    // Something follows.
    if is_to_all(frame)
        && let Some(subject) = plain.take()
    {
        gleaned.alive(subject, Proof::Frame);
    }
    tagged(gleaned, frame, mac);
    plain.filter(|_| gleaned.left > 0)
}

/// Sent to a group, or by ARP, which all hosts hear.
fn is_to_all(frame: &Frame<'_>) -> bool {
    frame.destination.is_some_and(MacAddr::is_multicast) || matches!(frame.net, Some(Net::Arp(_)))
}

/// The VLAN it is in, as a trunk or a mirror port shows (IEEE 802.1Q §9.6). Taken from what hosts say to all, and all
/// hosts do: one more word for each frame of a download would tell nothing more.
fn tagged(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr) {
    // Of several tags the inner is the home's, the outer its provider's. 0 is a priority alone, 4095 is reserved.
    let id = frame.vlans.ids().last().filter(|id| (1..0xfff).contains(*id));
    if let (true, Some(id)) = (is_to_all(frame), id) {
        gleaned.fact(Subject::mac(mac), Fact::Label { key: "vlan", value: id.to_string() });
    }
}

/// Can be one device's own.
fn is_device(mac: MacAddr) -> bool {
    mac.is_station() && !mac.is_virtual_router()
}

/// Where observations of one frame go: so many and no more.
struct Gleaned<'a> {
    captured: &'a Captured<'a>,
    source: Source,
    left: usize,
    out: &'a mut Vec<Observation>,
    network: &'a NetworkFacts,
    ears: &'a mut Overheard,
}

impl Gleaned<'_> {
    fn fact(&mut self, subject: Subject, fact: Fact) {
        // A new address takes the VLAN away: what comes next tells it.
        if let Fact::Label { key, value } = &fact
            && *key != "vlan"
            && self.was_told(subject, (key, value))
        {
            return;
        }
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        self.out.push(Observation {
            source: self.source,
            interface: Some(self.captured.interface),
            at: self.captured.at,
            subject,
            fact,
        });
    }

    fn alive(&mut self, subject: Subject, proof: Proof) {
        self.fact(subject, Fact::Alive { proof, age: Duration::ZERO });
    }

    /// The frame's source wrote this packet itself and passed it on for nobody: it is as fresh as
    /// hosts make them, and from an address of this network. Without a known network, as in a
    /// capture file, and on an interface without addresses, as at a mirror port, any address that
    /// homes use will do.
    fn is_own_voice(&self, frame: &Frame<'_>, from: IpAddr) -> bool {
        if !frame.ttl().is_some_and(|ttl| HOP_LIMITS.contains(&ttl)) || !is_unicast(from) {
            return false;
        }
        let own = self.network.interface(self.captured.interface);
        let is_bare = own.is_none_or(crate::model::InterfaceFacts::only_listens);
        is_link_local(from) || self.network.is_attached(from) || (is_bare && is_private(from))
    }

    /// It was told of `subject` just now.
    fn was_told(&mut self, subject: Subject, what: impl Hash) -> bool {
        self.ears.was_told(&(subject, self.captured.interface, what), self.captured.at.mono)
    }

    /// There is time for a costly look.
    fn may_work(&mut self) -> bool {
        self.ears.may_work(self.captured.at.mono)
    }

    /// Longer text of the wire. What was told just now is not even read.
    fn long_label(&mut self, subject: Subject, key: &'static str, raw: &[u8]) {
        if self.was_told(subject, (key, raw)) {
            return;
        }
        let value = long_text(raw);
        if !value.is_empty() {
            self.fact(subject, Fact::Label { key, value });
        }
    }

    fn label(&mut self, subject: Subject, key: &'static str, raw: &[u8]) {
        let value = text(raw);
        if !value.is_empty() {
            self.fact(subject, Fact::Label { key, value });
        }
    }
}

/// Text from the wire, cleaned and cut.
fn text(raw: &[u8]) -> String {
    clean_text(&String::from_utf8_lossy(raw), TEXT_MAX)
}

/// The same for what may be longer.
fn long_text(raw: &[u8]) -> String {
    clean_text(&String::from_utf8_lossy(raw), LONG_TEXT_MAX)
}

/// `mac` with `ip`, if `ip` can be a host's and `is_vouched`.
fn subject(mac: MacAddr, ip: IpAddr, is_vouched: bool) -> Subject {
    if is_vouched && is_unicast(ip) { Subject::both(mac, ip) } else { Subject::mac(mac) }
}

fn arp(gleaned: &mut Gleaned<'_>, mac: MacAddr, arp: &Arp) {
    let proof = if arp.is_probe() || arp.is_announcement() {
        Proof::ArpAnnounce
    } else if arp.is_request() {
        Proof::ArpRequest
    } else if arp.is_reply() {
        Proof::ArpReply
    } else {
        Proof::Frame
    };
    let is_vouched = arp.sender_mac == mac && proof != Proof::Frame;
    gleaned.alive(subject(mac, arp.sender_ip.into(), is_vouched), proof);
}

/// The subject of which nothing more is said but that the frame is its own.
fn packet(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr) -> Option<Subject> {
    if let (Some(header), Some(icmp)) = (frame.ipv6(), frame.icmp_v6())
        && icmp.code == 0
        && let Some(message) = nd::Nd::read(icmp)
        && (nd::is_local(header) || message == nd::Nd::ListenerReport)
    {
        neighbour(gleaned, mac, header.source.into(), &message);
        return None;
    }
    let (from, to) = frame.addresses()?;
    if let (Some(header), Some(icmp)) = (frame.ipv6(), frame.icmp_v6())
        && matches!(icmp.kind, ECHO_REPLY_V6 | PARAMETER_PROBLEM_V6)
    {
        let is_its_own = is_link_local(from) || HOP_LIMITS.contains(&header.hop_limit);
        gleaned.alive(subject(mac, from, is_its_own), Proof::IcmpReply);
        return None;
    }
    if let Some(udp) = frame.udp() {
        let is_taken = match (udp.source, udp.destination) {
            (mdns::PORT, _) | (_, mdns::PORT) => names::multicast_dns(gleaned, mac, from, to, udp),
            (llmnr::PORT, _) | (_, llmnr::PORT) => names::llmnr(gleaned, mac, from, to, udp),
            (ssdp::PORT, _) | (_, ssdp::PORT) => names::ssdp(gleaned, mac, from, udp.payload),
            (_, netbios::PORT_NAMES | netbios::PORT_DATAGRAMS) => names::netbios(gleaned, mac, from, udp),
            _ => false,
        };
        if is_taken {
            return None;
        }
    }
    // What is said to all on this wire is not passed on by routers, however old it is.
    let is_its_own = |gleaned: &Gleaned<'_>| {
        frame.destination.is_some_and(MacAddr::is_multicast) && is_private(from) || gleaned.is_own_voice(frame, from)
    };
    if spoken::may_tell(frame) && is_its_own(gleaned) {
        spoken::glean(gleaned, frame, mac);
    }
    match (frame.udp(), frame.tcp()) {
        (Some(udp), _) => talks::over_udp(gleaned, frame, udp, mac, from),
        (_, Some(tcp)) => talks::over_tcp(gleaned, frame, tcp, mac, (from, to)),
        _ => {}
    }
    // Routers pass on nothing from a link-local address (RFC 3927 §7, RFC 4291 §2.5.6).
    Some(subject(mac, from, is_link_local(from)))
}

fn neighbour(gleaned: &mut Gleaned<'_>, mac: MacAddr, from: IpAddr, message: &nd::Nd<'_>) {
    let said = |kind| message.link_address(kind).is_none_or(|said| said == mac);
    match message {
        nd::Nd::NeighbourSolicit { .. } if from.is_unspecified() => gleaned.alive(Subject::mac(mac), Proof::NdDad),
        nd::Nd::NeighbourSolicit { .. } => {
            gleaned.alive(subject(mac, from, said(nd::option::SOURCE_LINK)), Proof::NdSolicit);
        }
        nd::Nd::NeighbourAdvert { target, .. } => {
            // Without the option the advertiser vouches only for the address it speaks from (RFC 4861 §4.4).
            let is_own = match message.link_address(nd::option::TARGET_LINK) {
                Some(said) => said == mac,
                None => from == IpAddr::from(*target),
            };
            gleaned.alive(subject(mac, (*target).into(), is_own), Proof::NdAdvert);
        }
        nd::Nd::RouterSolicit { .. } => {
            gleaned.alive(subject(mac, from, said(nd::option::SOURCE_LINK)), Proof::RouterSolicit);
        }
        nd::Nd::RouterAdvert(advert) => {
            let router = subject(mac, from, is_link_local(from) && said(nd::option::SOURCE_LINK));
            gleaned.alive(router, Proof::RouterAdvert);
            // A lifetime of zero: it tells prefixes, but is not the way out (RFC 4861 §4.2).
            if advert.lifetime_s > 0 {
                gleaned.fact(router, Fact::Routes);
                let words = [
                    (advert.is_managed, "addresses by DHCPv6"),
                    (!advert.is_managed, "addresses made by hosts"),
                    (advert.has_other || advert.is_managed, "settings by DHCPv6"),
                    (advert.preference == 1, "preferred"),
                    (advert.preference == 3, "not preferred"),
                ];
                let words = words.iter().filter(|(is_so, _)| *is_so).map(|(_, word)| *word);
                gleaned.label(router, "router_says", words.collect::<Vec<_>>().join(", ").as_bytes());
            }
        }
        nd::Nd::Redirect { .. } | nd::Nd::ListenerReport => {
            gleaned.alive(subject(mac, from, is_link_local(from)), Proof::Frame);
        }
    }
}

#[cfg(test)]
mod tests;
