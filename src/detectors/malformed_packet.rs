//! # Packets no system sends
//!
//! ## What it finds
//! Fragments that overlap, are tiny, or are nested; packets from a host to itself; the odd probes by which programs
//! tell systems apart.
//! ## Why it matters
//! They are made to pass a firewall, to crash a host, or to find out what it is.
//! ## How it decides
//! In a minute, of one sender: two fragments that overlap (RFC 5722 forbids it), or one that ends the packet before
//! another ends, or beyond what a packet may hold (65,535 bytes, RFC 791 §3.1), or 20 fragments too small for any link
//! (below 600 bytes though more follow, RFC 8200 §5 lets no link be below 1,280), or one packet with two fragment
//! headers, one from an address to itself, or three that name the hosts they are to go by (IPv6, RFC 5095 forbids it) or
//! whose options for each hop are not the first, or three probes of kinds that only fingerprinting sends, or one packet for all with options for its receiver (IPv6:
//! who does not know one has to say so, and is found by that; nothing else sends any to a group), or a question to a
//! name server whose first name points to another place in the message, of which there is none yet (RFC 1035 §4.1.4). Of any size: a packet
//! whose sender twice waits half a second or more between its pieces, which systems send all at once.
//! ## What fools it
//! Fragments that are lost and sent again look like overlaps if they were cut elsewhere.
//! ## What to do
//! Look at the sender.
//!
//! Leaves out: wrong checksums, which network cards make. Holds 1,024 senders and 256 half packets.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::Window,
    },
    model::{Capped, Card, Category, Finding, Findings, Guarded, MacAddr, Mono, Party, Port, Severity},
    traffic::owner,
    wire::{Frame, Net, icmp::Icmp, protocol, tcp::Flags},
};

pub static CARD: Card = Card {
    id: "malformed_packet",
    title: "Packets no system sends",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("malformed_packet.rs"),
};

pub type Settings = Usual;

const SENDERS_MAX: usize = 1024;
const DNS: Port = 53;
const HALVES_MAX: usize = 256;
const PIECES_MAX: usize = 64;
const SPAN: Duration = Duration::from_secs(60);
const OVERLAPS_MIN: u32 = 2;
/// Without the shortest header.
const LONGEST: u32 = 65_535 - 20;
const TINY_MIN: u32 = 20;
const TINY_BYTES: usize = 600;
const PROBES_MIN: u32 = 3;
/// Pieces of one packet leave together; some wait so long to outlast a patience (RFC 8200 §4.5: 60 s at most).
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(60);
const PAUSES_MIN: u32 = 2;

#[derive(Debug, Clone, Default)]
struct Sender {
    overlaps: Window,
    tiny: Window,
    probes: u32,
    probes_at: Mono,
}

/// See the page above.
pub struct MalformedPacket {
    bell: Bell,
    senders: Guarded<(Option<MacAddr>, IpAddr), Sender>,
    halves: Capped<(IpAddr, IpAddr, u32), Half>,
}

/// A packet that came in pieces, as far as it came.
#[derive(Debug, Clone, Default)]
struct Half {
    /// Begin, end and digest of each.
    pieces: Vec<(u32, u32, u64)>,
    last: Mono,
    end: u32,
    /// Times its sender waited before the next piece.
    pauses: u32,
}

impl MalformedPacket {
    #[must_use]
    pub fn new(settings: Settings) -> MalformedPacket {
        MalformedPacket {
            bell: Bell::new(settings),
            senders: Guarded::new(SENDERS_MAX),
            halves: Capped::new(HALVES_MAX),
        }
    }

    /// How often the sender of a packet in pieces waited between them. A system sends all of them at once.
    fn paused(&mut self, key: (IpAddr, IpAddr, u32), from: u32, len: usize, now: Mono) -> u32 {
        let Some(half) = self.halves.get_mut(&key) else { return 0 };
        let waited = now.since(std::mem::replace(&mut half.last, now));
        if from == 0 || from < half.end || waited > PAUSE_MAX {
            // Another packet under the same number.
            half.pauses = 0;
        } else if waited >= PAUSE {
            half.pauses += 1;
        }
        half.end = from + u32::try_from(len).unwrap_or_default();
        half.pauses
    }

    /// Whether a piece lies over one that came before and is not the same; worse if it takes just its place.
    fn overlaps(&mut self, key: (IpAddr, IpAddr, u32), from: u32, bytes: &[u8], more: bool) -> u32 {
        let len = u32::try_from(bytes.len()).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let digest = hasher.finish();
        if !self.halves.contains(&key) {
            self.halves.insert(key, Half::default());
        }
        let Some(Half { pieces, .. }) = self.halves.get_mut(&key) else { return 0 };
        let replaced = pieces.iter().any(|(start, end, old)| (*start, *end) == (from, from + len) && *old != digest);
        let over = pieces
            .iter()
            .any(|(start, end, _)| from < *end && *start < from + len && (*start, *end) != (from, from + len));
        // The end of the packet lies within what came: no sender cuts so, also if it sends anew.
        let is_short = !more && over && pieces.iter().any(|(_, end, _)| from + len < *end);
        if pieces.len() < PIECES_MAX {
            pieces.push((from, from + len, digest));
        }
        if replaced || is_short || from + len > LONGEST { OVERLAPS_MIN } else { u32::from(over) }
    }

    fn probe(frame: &Frame<'_>) -> bool {
        if let Some(tcp) = frame.tcp() {
            let flags = tcp.flags.0 & 0x3f;
            // SYN with FIN or RST; all of FIN, SYN, PSH, URG: probes T3 of nmap's second generation (nmap.org/book).
            return flags & (Flags::SYN | Flags::FIN) == Flags::SYN | Flags::FIN
                || flags & (Flags::SYN | Flags::RST) == Flags::SYN | Flags::RST
                || flags == 0x29 && tcp.payload.is_empty();
        }
        if let Some(icmp) = frame.icmp() {
            // An echo with a code, a mask or information request: nobody has asked for those since RFC 6918.
            return icmp.kind == Icmp::ECHO && icmp.code != 0 || matches!(icmp.kind, 13 | 15 | 17);
        }
        false
    }
}

/// A question to a name server whose first name begins with a pointer, or points further on after its first label: before it
/// stands nothing that could be pointed to.
fn points_on(port: Port, message: &[u8]) -> bool {
    let Some([_, _, flags, _, 0, 1..=4, ..]) = message.get(..12).filter(|_| port == DNS) else { return false };
    let label = message.get(12).copied().unwrap_or(0);
    let next = if label < 0x40 { message.get(13 + usize::from(label)).copied().unwrap_or(0) } else { label };
    flags & 0x80 == 0 && next >= 0xc0
}

impl Detector for MalformedPacket {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Tcp, Needs::Udp, Needs::Icmp, Needs::IcmpV6, Needs::OtherIp]
    }

    fn held(&self) -> usize {
        self.senders.len() + self.halves.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let Some((from, to)) = frame.addresses() else { return };
        let piece = match &frame.net {
            Some(Net::V4(ip)) if ip.is_fragment() => {
                Some((u32::from(ip.id), u32::from(ip.fragment_offset), ip.payload, ip.more_fragments))
            }
            Some(Net::V6(ip)) => ip.fragment.map(|piece| (piece.id, u32::from(piece.offset), ip.payload, piece.more)),
            _ => None,
        };
        let nested = frame.ipv6().is_some_and(|ip| ip.fragment.is_some() && ip.protocol == 44);
        let is_odd = frame.ipv6().is_some_and(|ip| ip.is_source_routed || ip.is_misplaced);
        let to_itself = from == to
            && !from.is_loopback()
            && !from.is_unspecified()
            && [protocol::TCP, protocol::UDP, protocol::ICMP].map(Some).contains(&frame.protocol());
        let is_loop = frame.udp().is_some_and(|udp| points_on(udp.destination, udp.payload));
        let is_probe = Self::probe(frame) || is_odd;
        let asks_all = to.is_multicast() && frame.ipv6().is_some_and(|ip| ip.has_options);
        if asks_all {
            // Whatever follows: one is enough.
        } else if piece.is_none() && !nested && !to_itself && !is_probe && !is_loop {
            return;
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        // A cut frame's fragment is shorter than it was.
        let whole = !frame.faults.has(crate::wire::Faults::NET_CUT);
        let over = piece
            .filter(|_| whole)
            .map_or(0, |(id, offset, bytes, more)| self.overlaps((from, to, id), offset, bytes, more));
        let pauses = piece.map_or(0, |(id, offset, bytes, _)| self.paused((from, to, id), offset, bytes.len(), now));
        let key = (frame.source, from);
        if self.senders.get(&key).is_none() {
            self.senders.insert(key, Sender::default(), frame.source.map_or(0, owner), tick);
        }
        let Some(sender) = self.senders.get_mut(&key, tick) else { return };
        if over > 0 {
            sender.overlaps.add(now, over);
        }
        if whole && piece.is_some_and(|(_, _, bytes, more)| more && bytes.len() < TINY_BYTES) {
            sender.tiny.add(now, 1);
        }
        if is_probe {
            sender.probes = if now.since(sender.probes_at) > SPAN { 1 } else { sender.probes + 1 };
            sender.probes_at = now;
        }
        let kind = if nested {
            "nested fragments"
        } else if to_itself {
            "from an address to itself"
        } else if asks_all {
            "options for all"
        } else if is_loop {
            "a name that points on"
        } else if sender.overlaps.sum(now, SPAN.as_secs()) >= self.bell.scaled(OVERLAPS_MIN) {
            "overlapping fragments"
        } else if sender.tiny.sum(now, SPAN.as_secs()) >= self.bell.scaled(TINY_MIN) {
            "tiny fragments"
        } else if pauses >= self.bell.scaled(PAUSES_MIN) {
            "pauses between fragments"
        } else if sender.probes >= self.bell.scaled(PROBES_MIN) {
            if is_odd { "forbidden headers" } else { "probes of a fingerprint" }
        } else {
            return;
        };
        // Nobody sends to itself over a wire: the sender's address is the victim's, and forged.
        let attacker = match frame.source.filter(|mac| mac.is_station() && !context.neighbours.is_way_out(*mac)) {
            Some(mac) if to_itself => Party { device: None, mac: Some(mac), ip: None },
            _ if to_itself => Party::default(),
            _ => context.neighbours.party(from, frame.source),
        };
        let finding = Finding::new(CARD.id, Category::Scan, Severity::Low, format!("{from} {kind}"), context.now)
            .by(attacker)
            .against(context.neighbours.party(to, frame.destination))
            .why("kind", kind)
            .technique(&["T1499.004"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, packet, tcp, udp};

    fn piece(id: u8, offset: u8, more: bool, len: usize) -> Vec<u8> {
        let mut bytes = packet(9, 5, 17, &vec![0; len]);
        bytes[19] = id;
        bytes[20] = if more { 0x20 } else { 0 };
        bytes[21] = offset;
        bytes
    }

    #[test]
    fn odd_packets_are_told_and_honest_fragments_are_not() {
        let run = |frames: Vec<Vec<u8>>| -> usize {
            let mut stage = Stage::new(MalformedPacket::new(Settings::default()));
            frames.iter().enumerate().map(|(n, frame)| stage.frame(frame, n as u64 * 50).len()).sum()
        };
        assert!(run((0..3).flat_map(|id| [piece(id, 0, true, 64), piece(id, 4, false, 64)]).collect()) > 0, "overlaps");
        assert!(run((0..30).map(|id| piece(id, 0, true, 64)).collect()) > 0, "tiny ones");
        assert!(run((0..4).map(|n| tcp((9, 100), (5, n), 3, 1, b"")).collect()) > 0, "SYN and FIN");
        let honest =
            (0..30).flat_map(|id| [piece(id, 0, true, 1480), piece(id, 185, true, 1480), piece(id, 0, true, 1480)]);
        assert_eq!(run(honest.collect()), 0, "repeated whole");
        assert!(run(vec![piece(1, 0, true, 36), piece(1, 3, false, 4)]) > 0, "it ends before it ended");
        assert!(
            run(vec![piece(1, 0, true, 1480), {
                let mut last = piece(1, 255, false, 400);
                last[20] = 0x1f;
                last
            }]) > 0
        );
        assert_eq!(run(vec![piece(1, 185, false, 40), piece(1, 0, true, 1480)]), 0, "the last comes first");
        let question = |name: &[u8]| {
            let head = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            vec![udp((9, 5000), (5, 53), &[&head[..], name, &[0, 1, 0, 1]].concat())]
        };
        assert!(run(question(&[0xc0, 12])) > 0 && run(question(b"\x01a\xc0\x0c")) > 0, "a name in a circle");
        assert_eq!(run(question(b"\x01a\x02de\0")), 0);
        // Of version 6, by these extension headers, then an echo.
        let v6 = |first: u8, headers: &[u8]| {
            let mut bytes = vec![2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 9, 0x86, 0xdd, 0x60, 0, 0, 0, 0];
            bytes.extend([headers.len() as u8 + 8, first, 64, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
            bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
            bytes.extend(headers);
            bytes.extend([128, 0, 0, 0, 0, 1, 0, 1]);
            bytes
        };
        let pad = |next: u8| [next, 0, 1, 4, 0, 0, 0, 0];
        let routed = |left: u8| [&[58, 2, 0, left, 0, 0, 0, 0][..], &[0xfe; 16]].concat();
        assert!(run(vec![v6(43, &routed(1)); 4]) > 0, "it says by whom it goes");
        assert!(run(vec![v6(60, &[pad(0), pad(58)].concat()); 4]) > 0, "options of each hop come second");
        assert_eq!(run(vec![v6(43, &routed(0)); 9]), 0, "it has arrived");
        assert_eq!(run(vec![v6(0, &[pad(60), pad(58)].concat()); 9]), 0, "in the order of RFC 8200");
        let mut stage = Stage::new(MalformedPacket::new(Settings::default()));
        let mixed = [(0, 0), (1000, 200), (1001, 100), (2000, 250)];
        let told: usize = mixed.iter().map(|(ms, at)| stage.frame(&piece(1, *at, true, 400), *ms).len()).sum();
        assert_eq!(told, 0, "out of order is no pause");
        let mut stage = Stage::new(MalformedPacket::new(Settings::default()));
        let told: usize = [(0, 0), (1000, 100), (2000, 200)]
            .map(|(ms, at)| stage.frame(&piece(1, at, true, 800), ms).len())
            .iter()
            .sum();
        assert!(told > 0, "a second between two pieces, twice");
    }

    #[test]
    fn options_that_all_must_refuse_are_told() {
        // An echo to a group or to one, behind a header of such a kind with an option nobody knows.
        let run = |header: u8, to: [u8; 2]| -> usize {
            let mut bytes =
                [&[0x33, 0x33, 0, 0, 0, 1][..], &[2, 0, 0, 0, 0, 9], &[0x86, 0xdd, 0x60, 0, 0, 0, 0, 16]].concat();
            bytes.extend([header, 255]);
            bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 9]);
            bytes.extend([to[0], to[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
            bytes.extend([58, 0, 0x80, 4, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1, 0, 1]);
            Stage::new(MalformedPacket::new(Settings::default())).frame(&bytes, 0).len()
        };
        assert_eq!(run(60, [0xff, 2]), 1);
        assert_eq!((run(60, [0xfe, 0x80]), run(0, [0xff, 2])), (0, 0), "to one host; for each hop, as MLD has it");
    }
}
