//! # Frames become conversations
//!
//! Who spoke with whom, who began it, what became of it, and what was said at its beginning: made once here,
//! for all detectors. Holds a bounded table ([`Guarded`]) in which a flood of new conversations cannot push out
//! those that were answered, and at most [`BUFFERED_MAX`] bytes of what was said.
//!
//! Packets that come in pieces are joined first (`fragments`). Leaves out: ICMP is no conversation here, only its
//! complaints about others.

use std::{collections::VecDeque, net::IpAddr, time::Duration};

use crate::{
    model::{Captured, Guarded, Moment, Mono, Pieces, Port},
    wire::{Frame, Net, Transport, icmp::Icmp, ipv4::Ipv4, ipv6::Ipv6, protocol, tcp::Tcp, udp::Udp},
};

mod fact;
mod flow;
mod fragments;
mod names;
mod neighbours;
mod reading;
mod sight;
mod stream;
mod talk;
mod turn;

pub use fact::{
    Certificate, Credential, Dns, End, Http, Login, MANAGED, NAMES, Noticed, Outcome, Start, Talkers, Tls, What,
};
pub use names::registered;
pub use neighbours::{Neighbours, owner};
pub use sight::Sights;
pub use talk::is_factory;

use flow::{Flow, Key};
use fragments::{Fragments, Piece};
use reading::{Reading, Segment, held, torn};

/// Conversations at a time.
pub const FLOWS_MAX: usize = 65_536;
/// An attempt without any answer for so long was in vain (RFC 6298 §2: the first repeat comes after 1 s; three
/// of them are gone by then).
pub const SILENT: Duration = Duration::from_secs(5);
/// Bytes of a path of HTTP that are kept.
pub const PATH_MAX: usize = 1024;
/// Bytes of the head of a request that are told: browsers send less than a thousand, and cookies.
pub const HEADS_MAX: usize = 2048;
/// Bytes of streams and of half-read messages, of all conversations.
pub const BUFFERED_MAX: usize = 32 << 20;
/// Attempts that wait for an answer, or stand in the queue behind one that does.
pub const WAITING_MAX: usize = 32_768;
/// A conversation of UDP that was silent so long is over; another begins.
const UDP_OVER: Duration = Duration::from_secs(120);

/// See the page above.
#[derive(Debug)]
pub struct Traffic {
    seed: u64,
    flows: Guarded<Key, Flow>,
    /// Attempts in the order in which they began, with when each is in vain. Who was answered stays in the queue until
    /// those before are gone: the first is always one that waits.
    waiting: VecDeque<(Mono, Key)>,
    neighbours: Neighbours,
    fragments: Fragments,
    /// A packet that was joined just now, if none of its pieces showed its transport.
    joined: Option<Vec<u8>>,
    buffered: usize,
    /// Of streams: holes and repeats.
    torn: (u64, u64),
    /// Conversations whose words were not read, for want of room.
    shed: u64,
    said: Vec<u8>,
    whats: Vec<What>,
}

impl Traffic {
    /// `seed` is of this run: tags of secrets of two runs cannot be compared.
    #[must_use]
    pub fn new(seed: u64) -> Traffic {
        Traffic {
            seed,
            flows: Guarded::new(FLOWS_MAX),
            waiting: VecDeque::new(),
            neighbours: Neighbours::default(),
            fragments: Fragments::default(),
            joined: None,
            buffered: 0,
            torn: (0, 0),
            shed: 0,
            said: Vec::new(),
            whats: Vec::new(),
        }
    }

    /// Who is on this wire.
    #[must_use]
    pub const fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// Takes one frame; pushes what it shows to `out`.
    pub fn take(&mut self, _captured: &Captured<'_>, frame: &Frame<'_>, now: Moment, out: &mut Vec<Noticed>) {
        self.neighbours.hear(frame, tick(now));
        match self.fragments.take(frame, now.mono) {
            Piece::Alone => self.packet(frame, now, out),
            Piece::Kept => {}
            Piece::Whole(payload, is_shown) => {
                self.packet(&frame.joined(&payload), now, out);
                self.joined = Some(payload).filter(|_| !is_shown);
            }
        }
    }

    /// Whether a frame belongs to a conversation that its destination began.
    #[must_use]
    pub fn is_answer(&self, frame: &Frame<'_>) -> bool {
        let (protocol, ports) = match &frame.transport {
            Some(Transport::Tcp(tcp)) => (protocol::TCP, (tcp.source, tcp.destination)),
            Some(Transport::Udp(udp)) => (protocol::UDP, (udp.source, udp.destination)),
            _ => return false,
        };
        let Some((from, to)) = frame.addresses() else { return false };
        let (from, to) = ((from, ports.0), (to, ports.1));
        self.flows.get(&Key::new(protocol, from, to)).is_some_and(|flow| !flow.is_client(from))
    }

    /// Takes a packet that another one carries (`wire::tunnel`). Of who is on this wire it says nothing.
    pub fn inside(&mut self, inner: &Frame<'_>, now: Moment, out: &mut Vec<Noticed>) {
        self.packet(inner, now, out);
    }

    /// What the packet carries that the last frame completed, behind the headers of IP, if none of its pieces showed its
    /// transport; told once.
    pub fn joined(&mut self) -> Option<Vec<u8>> {
        self.joined.take()
    }

    /// What came in pieces.
    #[must_use]
    pub const fn pieces(&self) -> Pieces {
        let (gaps, repeated) = self.torn;
        Pieces { gaps, repeated, ..self.fragments.counts() }
    }

    fn packet(&mut self, frame: &Frame<'_>, now: Moment, out: &mut Vec<Noticed>) {
        match &frame.transport {
            Some(Transport::Tcp(tcp)) => self.segment(frame, tcp, now, out),
            Some(Transport::Udp(udp)) => self.datagram(frame, udp, now, out),
            Some(Transport::Icmp(icmp)) if icmp.kind == Icmp::UNREACHABLE => self.complaint(icmp, now, out),
            // RFC 4443 §3.1: destination unreachable.
            Some(Transport::IcmpV6(icmp)) if icmp.kind == 1 => self.complaint(icmp, now, out),
            _ => {}
        }
    }

    /// Tells which attempts were in vain.
    pub fn wake(&mut self, now: Moment, out: &mut Vec<Noticed>) {
        while let Some((due, key)) = self.waiting.front().copied().filter(|(due, _)| *due <= now.mono) {
            self.waiting.pop_front();
            let mut whats = std::mem::take(&mut self.whats);
            if let Some(flow) = self.flows.get_mut(&key, 0).filter(|flow| flow.waits_until(due)) {
                flow.tell(Outcome::Silent, &mut whats);
                tell(&flow.talk, &mut whats, out);
            }
            self.whats = whats;
            self.answered();
        }
    }

    /// Somebody was answered, or is gone: those at the head of the queue who do not wait any more leave it.
    fn answered(&mut self) {
        while let Some((due, key)) = self.waiting.front()
            && !self.flows.get(key).is_some_and(|flow| flow.waits_until(*due))
        {
            self.waiting.pop_front();
        }
    }

    #[must_use]
    pub fn next_wake(&self) -> Option<Mono> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Entries of each table.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 4] {
        [
            ("traffic.fragments", self.fragments.len()),
            ("traffic.flows", self.flows.len()),
            ("traffic.waiting", self.waiting.len()),
            ("traffic.neighbours", self.neighbours.len()),
        ]
    }

    /// Evicted from probation, evicted of those proven, and conversations whose words were not read.
    #[must_use]
    pub const fn pressure(&self) -> (u64, u64, u64) {
        let [young, old] = self.flows.evicted();
        (young, old, self.shed)
    }

    fn ends(&self, frame: &Frame<'_>, ports: (Port, Port)) -> Option<(End, End)> {
        let (from, to) = frame.addresses()?;
        let from = End { mac: self.neighbours.own(from, frame.source), ip: from, port: ports.0 };
        let to = End { mac: self.neighbours.own(to, frame.destination), ip: to, port: ports.1 };
        Some((from, to))
    }

    fn segment(&mut self, frame: &Frame<'_>, tcp: &Tcp<'_>, now: Moment, out: &mut Vec<Noticed>) {
        let Some((source, destination)) = frame.addresses() else { return };
        let (from, to) = ((source, tcp.source), (destination, tcp.destination));
        let key = Key::new(protocol::TCP, from, to);
        let mut place = self.flows.place(&key);
        let known = place.and_then(|place| self.flows.at(place));
        // The same ports again: another connection, as of a program that always uses one port.
        let is_again = known.is_some_and(|flow| {
            tcp.flags.is_open()
                && (flow.first != tcp.sequence || !flow.is_client(from))
                && (flow.closed
                    || flow.start != Start::Syn
                    || matches!(flow.outcome, Some(Outcome::Refused | Outcome::Silent)))
        });
        if is_again || known.is_none() {
            let Some((from, to)) = self.ends(frame, (tcp.source, tcp.destination)) else { return };
            self.forget(&key);
            self.begin(key, flow::began(protocol::TCP, from, to, Some(tcp), now), now, out);
            place = self.flows.place(&key);
        }
        let mut whats = std::mem::take(&mut self.whats);
        let (mut is_proven, mut is_answered) = (false, false);
        if let Some(flow) = place.and_then(|place| self.flows.at_mut(place, tick(now))) {
            let was_open = flow.outcome.is_none();
            flow.last = now.mono;
            let was_completed = flow.completed;
            let by_client = flow.is_client(from);
            let side = usize::from(!by_client);
            if flow.talk.packets.get(side) == Some(&0) {
                // Seen first from the other side, it is known only now whose hardware address this is.
                let end = if by_client { &mut flow.talk.client } else { &mut flow.talk.server };
                end.mac = end.mac.or_else(|| self.neighbours.own(end.ip, frame.source));
            }
            let whole = flow.said_in_all(tcp, by_client, real_len(frame, tcp));
            if let (Some(packets), Some(bytes)) = (flow.talk.packets.get_mut(side), flow.talk.bytes.get_mut(side)) {
                let before = *bytes;
                (*packets, *bytes) = (*packets + 1, whole.max(before + real_len(frame, tcp) as u64));
                if has_grown(before, *bytes) {
                    whats.push(What::Grew);
                }
            }
            let more = flow.received(tcp, by_client);
            let all = flow.talk.bytes.get(1 - side).copied().unwrap_or_default();
            if more > 0 && has_grown(all - more, all) {
                whats.push(What::Grew);
            }
            flow.segment(tcp, by_client, &mut whats);
            is_proven = flow.completed && !was_completed;
            if reading::is_due(flow, tcp, by_client) {
                self.buffered = self.buffered.saturating_sub(held(flow));
                let before = torn(flow);
                let segment = Segment { tcp, real: real_len(frame, tcp), by_client };
                Reading { seed: self.seed, said: &mut self.said, whats: &mut whats }.read(flow, &segment);
                let after = torn(flow);
                self.torn.0 += u64::from(after.0.saturating_sub(before.0));
                self.torn.1 += u64::from(after.1.saturating_sub(before.1));
                self.buffered += held(flow);
                if self.buffered > BUFFERED_MAX {
                    self.buffered -= held(flow);
                    flow.silence();
                    self.shed += 1;
                }
            }
            if flow.is_over() {
                Reading { seed: self.seed, said: &mut self.said, whats: &mut whats }.pause(flow);
            }
            if flow.closed
                && let Some(app) = flow.app.as_mut().filter(|app| !app.is_done())
            {
                app.end(&flow.talk, &mut whats);
                if flow.is_over() {
                    self.buffered = self.buffered.saturating_sub(held(flow));
                    flow.silence();
                    self.buffered += held(flow);
                }
            }
            is_answered = was_open && flow.outcome.is_some();
            tell(&flow.talk, &mut whats, out);
        }
        if is_answered {
            self.answered();
        }
        if is_proven {
            let gone = self.flows.prove(&key);
            self.gone(gone);
        }
        self.whats = whats;
    }

    fn datagram(&mut self, frame: &Frame<'_>, udp: &Udp<'_>, now: Moment, out: &mut Vec<Noticed>) {
        let (ports, payload) = ((udp.source, udp.destination), udp.payload);
        // As claimed: captures are cut short, and what is counted is what was sent.
        let said = usize::from(udp.len).saturating_sub(8).max(payload.len());
        let Some((source, destination)) = frame.addresses() else { return };
        let source = (source, ports.0);
        let key = Key::new(protocol::UDP, source, (destination, ports.1));
        let mut place = self.flows.place(&key);
        let known = place.and_then(|place| self.flows.at(place));
        if known.is_none_or(|flow| now.mono.since(flow.last) > UDP_OVER) {
            let Some((from, to)) = self.ends(frame, ports) else { return };
            self.forget(&key);
            self.begin(key, flow::began(protocol::UDP, from, to, None, now), now, out);
            place = self.flows.place(&key);
        }
        let mut whats = std::mem::take(&mut self.whats);
        let mut answered = false;
        if let Some(flow) = place.and_then(|place| self.flows.at_mut(place, tick(now))) {
            flow.last = now.mono;
            let by_client = flow.is_client(source);
            let side = usize::from(!by_client);
            if flow.talk.packets.get(side) == Some(&0) {
                // Seen first from the other side, it is known only now whose hardware address this is.
                let end = if by_client { &mut flow.talk.client } else { &mut flow.talk.server };
                end.mac = end.mac.or_else(|| self.neighbours.own(end.ip, frame.source));
            }
            if let (Some(packets), Some(bytes)) = (flow.talk.packets.get_mut(side), flow.talk.bytes.get_mut(side)) {
                let before = *bytes;
                (*packets, *bytes) = (*packets + 1, before + said as u64);
                if has_grown(before, *bytes) {
                    whats.push(What::Grew);
                }
            }
            if !by_client && flow.outcome.is_none() {
                flow.tell(Outcome::Answered, &mut whats);
                answered = true;
            }
            talk::datagram(&flow.talk, by_client, payload, self.seed, &mut whats);
            for what in &whats {
                if let What::Dns(dns) = what {
                    self.neighbours.told(flow.talk.client.ip, registered(&dns.name), &dns.addresses);
                }
            }
            tell(&flow.talk, &mut whats, out);
        }
        if answered {
            self.answered();
            let gone = self.flows.prove(&key);
            self.gone(gone);
        }
        self.whats = whats;
    }

    /// ICMP quotes the packet it complains about (RFC 792; RFC 4443 §3.1).
    fn complaint(&mut self, icmp: &Icmp<'_>, now: Moment, out: &mut Vec<Noticed>) {
        let (ends, number, rest) = match icmp.body.first().map(|byte| byte >> 4) {
            Some(4) => match Ipv4::read(icmp.body).0 {
                Some(h) => ((IpAddr::V4(h.source), IpAddr::V4(h.destination)), h.protocol, h.payload),
                None => return,
            },
            Some(6) => match Ipv6::read(icmp.body).0 {
                Some(h) => ((IpAddr::V6(h.source), IpAddr::V6(h.destination)), h.protocol, h.payload),
                None => return,
            },
            _ => return,
        };
        let [Some(a), Some(b), Some(c), Some(d)] = [0, 1, 2, 3].map(|at| rest.get(at).copied()) else { return };
        let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let key = Key::new(number, (ends.0, source), (ends.1, destination));
        let mut whats = std::mem::take(&mut self.whats);
        if let Some(flow) = self.flows.get_mut(&key, tick(now)) {
            // Only who was asked, or a router on the way, can complain to who asked.
            if flow.is_client((ends.0, source)) && flow.outcome.is_none() {
                flow.tell(Outcome::Unreachable(icmp.code), &mut whats);
                tell(&flow.talk, &mut whats, out);
            }
        }
        self.whats = whats;
        self.answered();
    }

    fn begin(&mut self, key: Key, flow: Flow, now: Moment, out: &mut Vec<Noticed>) {
        out.push(Noticed { talk: flow.talk, what: What::Opened(flow.start) });
        let owner = flow.talk.client.mac.map_or_else(|| beyond(flow.talk.client.ip), owner);
        let gone = self.flows.insert(key, flow, owner, tick(now));
        self.gone(gone);
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back((now.mono + SILENT, key));
        }
    }

    fn forget(&mut self, key: &Key) {
        let gone = self.flows.remove(key).map(|flow| (*key, flow));
        self.gone(gone);
    }

    fn gone(&mut self, gone: Option<(Key, Flow)>) {
        if let Some((_, flow)) = gone {
            self.buffered = self.buffered.saturating_sub(held(&flow));
            if flow.outcome.is_none() {
                self.answered();
            }
        }
    }
}

#[inline]
fn tell(talk: &Talkers, whats: &mut Vec<What>, out: &mut Vec<Noticed>) {
    if !whats.is_empty() {
        out.extend(whats.drain(..).map(|what| Noticed { talk: *talk, what }));
    }
}

/// Whether a count of bytes passed a mebibyte, two, four …
const fn has_grown(before: u64, after: u64) -> bool {
    let (before, after) = (before >> 20, after >> 20);
    after.leading_zeros() < before.leading_zeros()
}

/// The clock of tables: seconds.
fn tick(now: Moment) -> u64 {
    now.mono.0 / 1_000_000_000
}

/// Hosts beyond the router share a quota by network: a /24, a /48.
fn beyond(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(u32::from(ip) >> 8),
        IpAddr::V6(ip) => (u128::from(ip) >> 80) as u64,
    }
}

/// How long a segment was on the wire, also where the capture cut it.
fn real_len(frame: &Frame<'_>, tcp: &Tcp<'_>) -> usize {
    let header = 20 + tcp.options.len();
    let real = match &frame.net {
        Some(Net::V4(ip)) if ip.total_len > 0 => {
            usize::from(ip.total_len).saturating_sub(20 + ip.options.len() + header)
        }
        Some(Net::V6(ip)) => tcp.payload.len() + usize::from(ip.missing),
        _ => tcp.payload.len(),
    };
    real.max(tcp.payload.len())
}

#[cfg(test)]
mod tests;
