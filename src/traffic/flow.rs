//! # One conversation

use std::{
    hash::{Hash, Hasher},
    net::IpAddr,
};

use super::{
    SILENT,
    fact::{End, Outcome, Start, Talkers, What},
    stream::Stream,
    talk::Talk,
    turn::Turn,
};
use crate::{
    model::{Moment, Mono, Port},
    wire::{
        protocol,
        tcp::{Flags, Tcp},
    },
};

/// Both ends in order of address, so that both directions find it. Made, hashed and compared once a packet: as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Upper and lower half of each.
    addresses: [[u64; 2]; 2],
    ports: [Port; 2],
    protocol: u8,
    /// Addresses of version 6 (those of version 4 are numbers like others).
    is_v6: bool,
}

impl Hash for Key {
    /// In as few steps as hold it.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ([low, high], [first, second]) = (self.addresses, self.ports);
        state.write_u64(u64::from(self.protocol) << 32 | u64::from(first) << 16 | u64::from(second));
        if self.is_v6 {
            low.into_iter().chain(high).for_each(|half| state.write_u64(half));
        } else {
            state.write_u64(low[1] << 32 | high[1]);
        }
    }
}

impl Key {
    #[must_use]
    #[inline]
    pub fn new(protocol: u8, a: (IpAddr, Port), b: (IpAddr, Port)) -> Key {
        let number = |ip| match ip {
            IpAddr::V4(ip) => [0, u64::from(u32::from(ip))],
            IpAddr::V6(ip) => [(u128::from(ip) >> 64) as u64, u128::from(ip) as u64],
        };
        let (from, to) = ((number(a.0), a.1), (number(b.0), b.1));
        let (low, high) = if from <= to { (from, to) } else { (to, from) };
        Key { addresses: [low.0, high.0], ports: [low.1, high.1], protocol, is_v6: a.0.is_ipv6() }
    }
}

/// See above.
#[derive(Debug)]
pub struct Flow {
    pub talk: Talkers,
    pub start: Start,
    /// Told: how the attempt ended.
    pub outcome: Option<Outcome>,
    pub completed: bool,
    /// One side said that it says no more. The other may still answer (RFC 9293 §3.6).
    pub closed: bool,
    /// Which side did, both by a reset.
    ended: [bool; 2],
    /// Of the client's SYN: another means another connection of the same ports.
    pub first: u32,
    pub last: Mono,
    /// Where what each side says begins, if its SYN was seen.
    firsts: [Option<u32>; 2],
    pub streams: [Stream; 2],
    /// What is being said.
    pub turn: Option<Box<Turn>>,
    pub app: Option<Box<Talk>>,
}

impl Flow {
    #[must_use]
    pub fn new(talk: Talkers, start: Start, first: u32) -> Flow {
        Flow {
            talk,
            start,
            outcome: None,
            completed: false,
            closed: false,
            ended: [false; 2],
            first,
            last: talk.began.mono,
            firsts: [None; 2],
            streams: Default::default(),
            turn: None,
            app: None,
        }
    }

    /// Nobody answered yet, and it is in vain at `due`.
    #[must_use]
    pub fn waits_until(&self, due: Mono) -> bool {
        self.outcome.is_none() && self.talk.began.mono + SILENT == due
    }

    /// Reads no more of it.
    pub fn silence(&mut self) {
        self.streams = Default::default();
        self.streams.iter_mut().for_each(|stream| stream.taken = u32::MAX);
        self.turn = None;
        self.app = Some(Box::new(Talk::done()));
    }

    /// Whether a packet from `from` is the client's.
    #[must_use]
    pub fn is_client(&self, from: (IpAddr, Port)) -> bool {
        from == (self.talk.client.ip, self.talk.client.port)
    }

    /// What a side has said in all when it ends, by its own count: who is not answered any more (the other side ended
    /// before, as one does that only listens) is heard of live by nothing else.
    pub fn said_in_all(&self, tcp: &Tcp<'_>, by_client: bool, len: usize) -> u64 {
        let first = self.firsts.get(usize::from(!by_client)).copied().flatten();
        match first {
            Some(first) if self.completed && tcp.flags.has(Flags::FIN) && !tcp.flags.has(Flags::RST) => {
                let all = tcp.sequence.wrapping_sub(first);
                // Of half of all numbers nobody can say whether they are before or behind.
                if all < 1 << 31 { u64::from(all) + len as u64 } else { 0 }
            }
            _ => 0,
        }
    }

    /// How much more of the other side's words `tcp` says it received than was seen: live, transfers pass by unseen
    /// (`capture/bpf`), and only what begins, ends and answers them is heard.
    pub fn received(&mut self, tcp: &Tcp<'_>, by_client: bool) -> u64 {
        let (own, other) = if by_client { (0, 1) } else { (1, 0) };
        if tcp.flags.has(Flags::SYN) {
            if let Some(first) = self.firsts.get_mut(own) {
                *first = Some(tcp.sequence.wrapping_add(1));
            }
            return 0;
        }
        let first = self.firsts.get(other).copied().flatten();
        let (Some(first), Some(seen)) = (first, self.talk.bytes.get_mut(other)) else { return 0 };
        if !self.completed || !tcp.flags.has(Flags::ACK) || tcp.flags.has(Flags::RST) {
            return 0;
        }
        // Sequence numbers go round at 4 GiB; half of it can be told apart.
        let ahead = tcp.acknowledgment.wrapping_sub(first).wrapping_sub(*seen as u32);
        // One more than was said: the end counts as a byte (RFC 9293 §3.4).
        let ahead = if ahead <= u32::MAX / 2 { u64::from(ahead.saturating_sub(1)) } else { 0 };
        *seen += ahead;
        ahead
    }

    /// What a segment of TCP says about the state of the connection.
    pub fn segment(&mut self, tcp: &Tcp<'_>, by_client: bool, out: &mut Vec<What>) {
        let flags = tcp.flags;
        if self.outcome.is_none() && !by_client {
            // A stray that is answered by a reset went to a closed door or to one that never heard of it.
            if flags.has(Flags::RST) {
                self.tell(Outcome::Refused, out);
            } else if flags.is_accept() || self.start != Start::Syn {
                self.tell(Outcome::Answered, out);
            }
        }
        if by_client
            && !self.completed
            && self.outcome == Some(Outcome::Answered)
            // Who gives up what it made says so with an acknowledgement; who never asked sends a bare reset (RFC 9293 §3.5.2).
            && flags.has(Flags::ACK)
            && !flags.has(Flags::SYN)
        {
            self.completed = true;
            out.push(What::Completed);
        }
        if flags.0 & (Flags::FIN | Flags::RST) != 0 && self.outcome.is_some() && !flags.has(Flags::SYN) {
            if !std::mem::replace(&mut self.closed, true) {
                out.push(What::Closed { reset: flags.has(Flags::RST) });
            }
            let sides = [by_client, !by_client].map(|is_its| is_its || flags.has(Flags::RST));
            for (ended, ends) in self.ended.iter_mut().zip(sides) {
                *ended |= ends;
            }
        }
    }

    /// Nobody says anything more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended == [true; 2]
    }

    pub fn tell(&mut self, outcome: Outcome, out: &mut Vec<What>) {
        if self.outcome.is_none() {
            self.outcome = Some(outcome);
            out.push(What::Outcome(outcome));
        }
    }
}

/// Ports below are given to services (RFC 6335 §6).
const SYSTEM: Port = 1024;
/// Registered to services; above are those handed out to clients.
const EPHEMERAL: Port = 32_768;

/// Services of UDP that answer anybody.
const SERVICES: [Port; 11] = [53, 123, 161, 389, 500, 1900, 3702, 5353, 11211, 19, 111];

/// Whether the sender of a first packet is the client, told from ports where no flag says it.
#[must_use]
pub fn asks(protocol_number: u8, from: &End, to: &End) -> bool {
    let rank = |port: Port| match port {
        0..SYSTEM => 0,
        SYSTEM..EPHEMERAL => 1,
        _ => 2,
    };
    let (mine, theirs) = (rank(from.port), rank(to.port));
    // Nobody answers to a group.
    if protocol_number == protocol::UDP && to.ip.is_multicast() {
        return true;
    }
    // What comes from a service's port to another port is its answer, though both are low.
    if protocol_number == protocol::UDP
        && from.port != to.port
        && SERVICES.contains(&from.port)
        && !SERVICES.contains(&to.port)
    {
        return false;
    }
    mine >= theirs
}

/// A conversation that begins with a packet from `from` to `to`.
#[must_use]
pub fn began(protocol_number: u8, from: End, to: End, tcp: Option<&Tcp<'_>>, at: Moment) -> Flow {
    let start = match tcp.map(|tcp| tcp.flags) {
        None => Start::Datagram,
        Some(flags) if flags.is_open() => Start::Syn,
        Some(flags) if flags.is_accept() => Start::Unasked,
        Some(flags) => Start::Stray(flags),
    };
    let by_client = match start {
        Start::Syn => true,
        Start::Unasked => false,
        // Flags no stack sends are a question, whatever the ports.
        Start::Stray(flags) if !flags.has(Flags::ACK) && !flags.has(Flags::RST) => true,
        Start::Stray(flags) if flags.has(Flags::RST) => !asks(protocol_number, &from, &to) && from.port > to.port,
        _ => asks(protocol_number, &from, &to),
    };
    let (client, server) = if by_client { (from, to) } else { (to, from) };
    let is_sure = matches!(start, Start::Syn | Start::Unasked);
    let talk =
        Talkers { protocol: protocol_number, client, server, began: at, is_sure, packets: [0; 2], bytes: [0; 2] };
    Flow::new(talk, start, tcp.map_or(0, |tcp| tcp.sequence))
}
