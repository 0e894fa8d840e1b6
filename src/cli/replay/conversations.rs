//! Who spoke with whom, in bytes.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hash, Hasher},
    net::IpAddr,
};

use crate::{
    model::{MacAddr, Port, Seeded},
    wire::Frame,
};

/// Conversations told at the end.
const TOLD_MAX: usize = 50;
/// Conversations counted at a time. When full, the smaller half goes: a flood of tiny ones pushes
/// out no large one.
const COUNTED_MAX: usize = 65_536;

/// One end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    Ip(IpAddr),
    /// Where there is no IP.
    Mac(MacAddr),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(ip) => ip.fmt(f),
            Peer::Mac(mac) => mac.fmt(f),
        }
    }
}

/// All frames between two ends about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The lower address.
    pub a: Peer,
    pub b: Peer,
    pub protocol: &'static str,
    /// The server's, as a rule: the lower of the two.
    pub port: Option<Port>,
    pub packets: u64,
    /// On the wire.
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    a: Peer,
    b: Peer,
    protocol: &'static str,
    port: Option<Port>,
}

impl Hash for Key {
    /// The protocol follows from the port, nearly always.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match (self.a, self.b) {
            // Nearly all: in as few steps as hold them.
            (Peer::Ip(IpAddr::V4(a)), Peer::Ip(IpAddr::V4(b))) => {
                state.write_u64(u64::from(u32::from(a)) << 32 | u64::from(u32::from(b)));
                state.write_u16(self.port.unwrap_or_default());
            }
            others => (others, self.port).hash(state),
        }
    }
}

/// Counts them.
#[derive(Debug, Clone, Default)]
pub struct Conversations {
    counted: HashMap<Key, (u64, u64), BuildHasherDefault<Seeded>>,
    /// The last one, not yet counted there: most frames belong to the same as the one before.
    last: Option<(Key, (u64, u64))>,
}

impl Conversations {
    pub fn frame(&mut self, frame: &Frame<'_>, protocol: &'static str, wire_len: u32) {
        let ends = match (frame.addresses(), frame.source, frame.destination) {
            (Some((from, to)), _, _) => Some((Peer::Ip(from), Peer::Ip(to))),
            (None, Some(from), Some(to)) => Some((Peer::Mac(from), Peer::Mac(to))),
            _ => None,
        };
        let Some((from, to)) = ends else { return };
        let port = frame.ports().map(|(from, to)| from.min(to));
        if let Some((last, (packets, bytes))) = &mut self.last
            && last.port == port
            && (last.a == from && last.b == to || last.a == to && last.b == from)
            && std::ptr::eq(last.protocol, protocol)
        {
            (*packets, *bytes) = (*packets + 1, *bytes + u64::from(wire_len));
            return;
        }
        self.count();
        let (a, b) = if from <= to { (from, to) } else { (to, from) };
        self.last = Some((Key { a, b, protocol, port }, (1, u64::from(wire_len))));
    }

    /// Counts the last one.
    fn count(&mut self) {
        let Some((key, (packets, bytes))) = self.last.take() else { return };
        let known = self.counted.entry(key).or_default();
        *known = (known.0 + packets, known.1 + bytes);
        if self.counted.len() > COUNTED_MAX {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let mut sizes: Vec<u64> = self.counted.values().map(|(_, bytes)| *bytes).collect();
        let middle = sizes.len() / 2;
        let (_, median, _) = sizes.select_nth_unstable(middle);
        let median = *median;
        self.counted.retain(|_, (_, bytes)| *bytes > median);
    }

    /// The largest, largest first.
    pub fn top(mut self) -> Vec<Conversation> {
        self.count();
        let mut all: Vec<Conversation> = self
            .counted
            .into_iter()
            .map(|(Key { a, b, protocol, port }, (packets, bytes))| Conversation {
                a,
                b,
                protocol,
                port,
                packets,
                bytes,
            })
            .collect();
        all.sort_unstable_by_key(|one| (std::cmp::Reverse(one.bytes), one.a, one.b, one.protocol, one.port));
        all.truncate(TOLD_MAX);
        all
    }
}

#[cfg(test)]
mod tests {
    use crate::model::LinkType;

    use super::*;

    #[test]
    fn a_flood_of_small_talk_pushes_out_no_large_one() {
        let mut conversations = Conversations::default();
        let frame = |from: u32| {
            let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0];
            bytes.extend(from.to_be_bytes());
            bytes.extend([0x88, 0xe1]);
            bytes
        };
        let mut hear = |from: u32, len: u32| {
            conversations.frame(&Frame::decode(LinkType::ETHERNET, &frame(from)), "other", len);
        };
        hear(7, 1_000_000);
        for from in 1000..COUNTED_MAX as u32 * 2 {
            hear(from, 60);
        }
        hear(7, 1_000_000);
        assert!(conversations.counted.len() <= COUNTED_MAX);
        let top = conversations.top();
        assert_eq!((top.len(), top[0].packets, top[0].bytes), (TOLD_MAX, 2, 2_000_000));
    }
}
