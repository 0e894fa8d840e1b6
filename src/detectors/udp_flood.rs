//! # Flood of datagrams
//!
//! ## What it finds
//! So many datagrams to one port of one host that nothing else gets through, none of them answered.
//! ## Why it matters
//! The line is full; what was meant for it is lost.
//! ## How it decides
//! 2,000 datagrams a second to one port, or 300 to one host on many ports or each from
//! another (a stream has one at each end, and each of a swarm comes again), for two of five seconds, of which less than one in a hundred is answered. Calls of
//! telephones (SIP's INVITE) are enough at 50 a second, what else telephones ask at 300, whatever is answered. Pieces of packets count by themselves, 500 a second; packets that are neither TCP,
//! UDP nor ICMP too (GRE, ESP and whatever else), 300 a second from fifty senders or 500 from one of this network to
//! another; what routers say among themselves only from fifty. Who sends under names that nobody here has is named by
//! its hardware address, if one machine of the home puts all of them on the wire. Groups (television, discovery) are left out, and so is a receiver that has a TCP
//! connection with the sender at the same port: so do measurements of speed (iperf3).
//! ## What fools it
//! A measurement of speed without such a connection; a stream that is never answered by its receiver.
//! ## What to do
//! Look at the device that sends them.
//!
//! Leaves out: answers nobody asked for (`amplification`). Holds 2,048 targets and 1,024 connections.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Capped, Card, Category, Finding, Findings, MacAddr, Mono, Party, Port, Severity, is_private},
    traffic::{Noticed, What},
    wire::{Frame, Net, protocol},
};

pub static CARD: Card = Card {
    id: "udp_flood",
    title: "Flood of datagrams",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("udp_flood.rs"),
};

pub type Settings = Usual;

const TARGETS_MAX: usize = 2048;
const IN_A_SECOND: u32 = 2000;
// Random ports have no stream: each of them is asked once, or asks once.
const MANY_PORTS: (usize, u32) = (50, 300);
/// From so many in a second who sends is looked at; three of four are new, and so many.
const LOOKED_AT: u32 = 200;
const NEWCOMERS_MIN: u32 = 50;
const ENDS_MAX: usize = 256;
const ANSWERED_SHARE: u32 = 100;
/// Each rings a telephone (RFC 3261 §13): a company of thousands makes some tens a second.
const CALL: &[u8] = b"INVITE sip:";
const CALLS: u32 = 50;
/// Whether it is there, or that it is here: each telephone does so a few times a minute.
const ASKS: [&[u8]; 4] = [b"OPTIONS sip:", b"REGISTER sip:", b"SUBSCRIBE sip:", b"MESSAGE sip:"];
const ASKED: u32 = 300;
/// Programs make their datagrams so that they fit.
const PIECES: u32 = 500;
/// A tunnel has one other end.
const MANY_SENDERS: (usize, u32) = (50, 300);
const OTHER: u32 = 500;
/// What routers and groups say to each other: IGMP, EIGRP, OSPF, PIM, VRRP (IANA).
const ROUTING: [u8; 5] = [2, 88, 89, 103, 112];
const SPAN: Duration = Duration::from_secs(5);
const AGREED_MAX: usize = 1024;
/// A measurement takes seconds, at most some minutes.
const AGREED: Duration = Duration::from_secs(300);

#[derive(Debug, Clone)]
struct Load {
    came: Window,
    went: Window,
    sources: Recent<IpAddr>,
    ports: Recent<Port>,
    /// Who sends, with which port, and how many of them are new.
    ends: Recent<(IpAddr, Port)>,
    newcomers: Window,
    from: Party,
    /// Who put them on the wire.
    senders: Recent<MacAddr>,
}

impl Weigh for Load {
    /// What nobody answered.
    fn weight(&self, now: Mono, _span: Duration) -> u32 {
        let (came, went) = (self.came.sum(now, 2), self.went.sum(now, 2));
        if went * ANSWERED_SHARE > came { 0 } else { came }
    }
}

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Sort {
    Datagram,
    Call,
    /// What else a telephone asks.
    Ask,
    Piece,
    Other,
    /// Of [`ROUTING`], to one host.
    Routing,
}

impl Sort {
    /// Those that are answered by their like.
    const ALL: [Sort; 4] = [Sort::Datagram, Sort::Piece, Sort::Other, Sort::Routing];

    fn key(self, to: IpAddr) -> String {
        match self {
            Sort::Datagram => to.to_string(),
            Sort::Call => format!("{to} calls"),
            Sort::Ask => format!("{to} telephones"),
            Sort::Piece => format!("{to} pieces"),
            Sort::Other => format!("{to} other"),
            Sort::Routing => format!("{to} routing"),
        }
    }

    /// Of a frame; which port of its receiver, if that is known.
    fn of(frame: &Frame<'_>) -> Option<(Sort, Option<Port>)> {
        if let Some(udp) = frame.udp() {
            let sort = match udp.payload {
                payload if payload.starts_with(CALL) => Sort::Call,
                payload if ASKS.iter().any(|asks| payload.starts_with(asks)) => Sort::Ask,
                _ => Sort::Datagram,
            };
            return Some((sort, Some(udp.destination)));
        }
        let (protocol, is_piece) = match frame.net.as_ref().filter(|_| frame.transport.is_none())? {
            Net::V4(ip) => (ip.protocol, ip.is_fragment()),
            Net::V6(ip) => (ip.protocol, ip.fragment.is_some()),
            Net::Arp(_) => return None,
        };
        let is_known = [protocol::TCP, protocol::UDP, protocol::ICMP, protocol::ICMP_V6].contains(&protocol);
        match is_piece {
            true => Some((Sort::Piece, None)),
            false if is_known => None,
            false if ROUTING.contains(&protocol) => Some((Sort::Routing, None)),
            false => Some((Sort::Other, None)),
        }
    }
}

/// See the page above.
pub struct UdpFlood {
    bell: Bell,
    targets: Subjects<(IpAddr, Sort), Load>,
    /// Who had a TCP connection with whom at which port, and when it was opened.
    agreed: Capped<(IpAddr, IpAddr, Port), Mono>,
}

impl UdpFlood {
    #[must_use]
    pub fn new(settings: Settings) -> UdpFlood {
        UdpFlood {
            bell: Bell::new(settings),
            targets: Subjects::new(TARGETS_MAX, Duration::from_secs(2), MANY_PORTS.1 / 2),
            agreed: Capped::new(AGREED_MAX),
        }
    }
}

impl Detector for UdpFlood {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Udp, Needs::OtherIp, Needs::Completed]
    }

    fn held(&self) -> usize {
        self.targets.len() + self.agreed.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Traffic(Noticed { talk, what: What::Completed }) = evidence
            && talk.is_sure
        {
            self.agreed.insert((talk.client.ip, talk.server.ip, talk.server.port), context.now.mono);
        }
        let Evidence::Packet(frame) = evidence else { return };
        let (Some((sort, port)), Some((from, to))) = (Sort::of(frame), frame.addresses()) else { return };
        if to.is_multicast() || matches!(to, IpAddr::V4(ip) if ip.is_broadcast()) {
            return;
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        for sort in Sort::ALL {
            if let Some(load) = self.targets.get_mut(&(from, sort), now) {
                load.went.add(now, 1);
            }
        }
        let fresh = |left| Load {
            came: Window::with(left, now),
            went: Window::default(),
            sources: Recent::new(64),
            ports: Recent::new(64),
            ends: Recent::new(ENDS_MAX),
            newcomers: Window::default(),
            from: Party::default(),
            senders: Recent::new(4),
        };
        // Whoever the target is: a flood goes to few, all of one sender's targets together are no more its own.
        let Some(load) = self.targets.of((to, sort), tick, now, fresh) else { return };
        load.came.add(now, 1);
        let second = load.came.sum(now, 1);
        // Until there is something of a flood, who sends it is not looked at.
        let looked_at = if sort == Sort::Call { CALLS } else { LOOKED_AT };
        if second < looked_at {
            return;
        }
        let agreed = port.and_then(|port| self.agreed.get(&(from, to, port)));
        if agreed.is_some_and(|at| now.since(*at) <= AGREED) {
            return;
        }
        load.sources.see(from, now);
        if let Some(port) = port {
            load.ports.see(port, now);
        }
        // Beyond that it is a flood whoever sends.
        if let Some(udp) = frame.udp().filter(|_| sort == Sort::Datagram && second < IN_A_SECOND) {
            let is_new = load.ends.see((from, udp.source), now);
            load.newcomers.add(now, u32::from(is_new));
        }
        let newcomers = load.newcomers.sum(now, 1);
        let from_all =
            sort == Sort::Datagram && newcomers >= NEWCOMERS_MIN && newcomers * 4 >= (second - LOOKED_AT) * 3;
        load.from = context.neighbours.party(from, frame.source);
        if let Some(mac) = frame.source.filter(|mac| mac.is_station()) {
            load.senders.see(mac, now);
        }
        let least = match sort {
            Sort::Datagram if from_all || load.ports.len() >= MANY_PORTS.0 => MANY_PORTS.1,
            Sort::Datagram => IN_A_SECOND,
            Sort::Call => CALLS,
            Sort::Ask => ASKED,
            Sort::Piece => PIECES,
            Sort::Other | Sort::Routing if load.sources.len() >= MANY_SENDERS.0 => MANY_SENDERS.1,
            Sort::Other if load.from.mac.is_some() && is_private(to) => OTHER,
            Sort::Other | Sort::Routing => return,
        };
        let least = self.bell.scaled(least);
        let (five, answered) = (load.came.sum(now, 5), load.went.sum(now, 5));
        if second < least || five < least * 2 || answered * ANSWERED_SHARE > five {
            return;
        }
        // Its receiver, or the router on the way to it, is not shown by this mirror: whether it answers is not known.
        if frame.destination.is_some_and(|mac| context.neighbours.is_mute(mac)) && sort == Sort::Datagram {
            return;
        }
        let key = sort.key(to);
        if self.bell.rang(&key, Severity::High, now) {
            return;
        }
        // Forged names are many, but one machine puts them on the wire; unless that is the way in from outside.
        let attacker = match load.senders.within_keys(now, SPAN).collect::<Vec<_>>()[..] {
            _ if load.sources.len() == 1 => load.from,
            [mac] if context.neighbours.is_host(*mac) && !context.neighbours.is_way_out(*mac) => {
                Party { device: None, mac: Some(*mac), ip: None }
            }
            _ => Party::default(),
        };
        let finding = Finding::new(CARD.id, Category::Flood, Severity::High, key, context.now)
            .by(attacker)
            .against(context.neighbours.party(to, frame.destination))
            .why("pps", second)
            .why("sources", load.sources.len())
            .why("ports", load.ports.len())
            .technique(&["T1498.001"])
            .points(if second >= least * 2 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, conversation, ip, packet, udp};

    #[test]
    fn calls_are_a_flood_before_others_are() {
        let run = |gap_ms: u64, text: &[u8]| -> usize {
            let mut stage = Stage::new(UdpFlood::new(Settings::default()));
            (0..900).map(|n| stage.frame(&udp((9, 5060), (5, 5060), text), n * gap_ms).len()).sum()
        };
        let call = b"INVITE sip:21@192.168.7.5 SIP/2.0\r\n";
        assert!(run(10, call) > 0);
        assert!(run(2, b"OPTIONS sip:21@192.168.7.5 SIP/2.0\r\n") > 0);
        assert_eq!((run(100, call), run(10, b"OPTIONS sip:21@192.168.7.5 SIP/2.0\r\n")), (0, 0), "a busy telephone");
    }

    #[test]
    fn what_is_no_datagram_counts_by_itself() {
        // From `senders` of the network 198.18.0.0 or from host 9, so many a second, for four seconds.
        let run = |senders: u16, protocol: u8, piece: bool, in_a_second: u64, answered: bool| -> usize {
            let mut stage = Stage::new(UdpFlood::new(Settings::default()));
            stage.frame(&arp(9, 1, 9, 9, 5), 0);
            let frame = |n: u64| {
                let mut bytes = packet(9, 5, protocol, &[7; 200]);
                if senders > 1 {
                    let [a, b] = (n as u16 % senders).to_be_bytes();
                    bytes[26..30].copy_from_slice(&[198, 18, a, b]);
                }
                if piece {
                    bytes[20..22].copy_from_slice(&[0x20, 100]);
                }
                bytes
            };
            let back =
                |n: u64| if answered && n.is_multiple_of(9) { Some(packet(5, 9, protocol, &[1; 20])) } else { None };
            let told = (0..in_a_second * 4).map(|n| {
                let ms = 1000 + n * 1000 / in_a_second;
                stage.frame(&frame(n), ms).len() + back(n).map_or(0, |back| stage.frame(&back, ms).len())
            });
            told.sum()
        };
        assert!(run(1, 17, true, 800, false) > 0, "pieces");
        assert!(run(500, 50, false, 600, false) > 0, "ESP of everybody");
        assert!(run(1, 47, false, 900, false) > 0, "GRE of a neighbour");
        assert_eq!(run(1, 17, true, 300, false), 0, "a film in pieces");
        assert_eq!(run(1, 50, false, 900, true), 0, "a tunnel within the home");
        assert_eq!(run(2, 50, false, 900, false), 0, "two tunnels of which one side is seen");
        assert!(run(500, 2, false, 600, false) > 0, "groups of everybody, told to one host");
        assert_eq!(run(1, 89, false, 900, false), 0, "routers");
    }

    #[test]
    fn only_what_nobody_answers_is_a_flood() {
        let run = |answered: bool, gap_us: u64| {
            let mut stage = Stage::new(UdpFlood::new(Settings::default()));
            let mut found = Vec::new();
            for n in 0..12_000u64 {
                found.extend(stage.frame(&udp((9, 4000), (5, 9999), b"0123"), n * gap_us / 1000));
                if answered && n % 20 == 0 {
                    found.extend(stage.frame(&udp((5, 9999), (9, 4000), b"ok"), n * gap_us / 1000));
                }
            }
            found
        };
        assert_eq!(run(false, 300).first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))));
        assert!(run(true, 300).is_empty(), "an upload over QUIC");
        assert!(run(false, 5000).is_empty(), "a video of 200 packets a second");
        let mut stage = Stage::new(UdpFlood::new(Settings::default()));
        let from_many = (0..4000u16).flat_map(|n| stage.frame(&udp((9, 1000 + n), (5, 9999), b"0123"), u64::from(n)));
        assert!(from_many.count() > 0, "each from another port of one host");
        let mut stage = Stage::new(UdpFlood::new(Settings::default()));
        let stream = (0..4000u64).flat_map(|n| stage.frame(&udp((9, 4000), (5, 9999), b"0123"), n));
        assert_eq!(stream.count(), 0, "a stream as fast");
        let mut stage = Stage::new(UdpFlood::new(Settings::default()));
        let swarm = (0..4000u16).flat_map(|n| stage.frame(&udp((9, 1000 + n % 90), (5, 9999), b"0123"), u64::from(n)));
        assert_eq!(swarm.count(), 0, "ninety of a swarm, of which one side is seen");
        let mut stage = Stage::new(UdpFlood::new(Settings::default()));
        for frame in conversation((9, 40_000), (5, 9999), &[(true, b"test")]).iter().take(4) {
            stage.frame(frame, 0);
        }
        let measured = (0..12_000u64).flat_map(|n| stage.frame(&udp((9, 4000), (5, 9999), b"0123"), 10 + n * 3 / 10));
        assert_eq!(measured.count(), 0, "a measurement of speed");
    }
}
