//! # Data hidden in pings
//!
//! ## What it finds
//! Pings whose answers are not what was asked, and so carry something else.
//! ## Why it matters
//! Pings pass most firewalls; what is in them is looked at by nobody.
//! ## How it decides
//! RFC 792 and RFC 4443 (IPv6) demand that a reply gives back the data of its request. Ten replies to a host of which half do not, or
//! replies nobody asked for with ever other data, are told; much data (16 KiB) and changing sizes make it surer. So
//! are twenty requests in a row that each carry other data, of 16 KiB together: programs that ping repeat themselves.
//! ## What fools it
//! A tunnel in which both sides only send requests, a few of them.
//! ## What to do
//! Look at what runs on both hosts.
//!
//! Holds 1,024 pairs with 64 requests each.

use std::{collections::VecDeque, net::IpAddr};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Card, Category, Finding, Findings, Guarded, Party, Severity, hash_of},
    traffic::owner,
    wire::icmp::Icmp,
};

pub static CARD: Card = Card {
    id: "icmp_tunnel",
    title: "Data hidden in pings",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("icmp_tunnel.rs"),
};

pub type Settings = Usual;

const PAIRS_MAX: usize = 1024;
const ASKED_MAX: usize = 64;
const REPLIES_MIN: u32 = 10;
const MUCH: u64 = 16 * 1024;
/// What `ping` of Linux and BSD writes its time into.
const STAMP: usize = 16;
const TAIL_MIN: usize = 64;
const FRESH_MIN: u32 = 20;

#[derive(Debug, Clone)]
struct Pings {
    /// Questions, and digests of what they say, the oldest first.
    asked: VecDeque<((u16, u16), u64)>,
    replies: u32,
    other: u32,
    bytes: u64,
    sizes: [usize; 2],
    asker: Party,
    /// Of the last request's data, behind the stamp.
    tail: u64,
    /// Requests in a row that each said something else, and how much they said.
    fresh: (u32, u64),
}

/// See the page above.
pub struct IcmpTunnel {
    bell: Bell,
    pairs: Guarded<(IpAddr, IpAddr), Pings>,
}

impl IcmpTunnel {
    #[must_use]
    pub fn new(settings: Settings) -> IcmpTunnel {
        IcmpTunnel { bell: Bell::new(settings), pairs: Guarded::new(PAIRS_MAX) }
    }
}

impl Detector for IcmpTunnel {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Icmp, Needs::IcmpV6]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Packet(frame) = evidence else { return };
        let (Some(icmp), Some((from, to))) = (frame.icmp().or(frame.icmp_v6()), frame.addresses()) else { return };
        let is_piece =
            frame.ipv4().is_some_and(|ip| ip.is_fragment()) || frame.ipv6().is_some_and(|ip| ip.fragment.is_some());
        let asks = match (icmp.kind, frame.ipv6().is_some()) {
            (Icmp::ECHO, false) | (Icmp::ECHO_V6, true) => true,
            (Icmp::ECHO_REPLY, false) | (Icmp::ECHO_REPLY_V6, true) => false,
            _ => return,
        };
        if is_piece || frame.faults.has(crate::wire::Faults::NET_CUT) {
            return;
        }
        let (now, tick) = (context.now.mono, context.now.mono.0 / 1_000_000_000);
        // What it asked this mirror does not show.
        if !asks && frame.destination.is_some_and(|mac| context.neighbours.is_mute(mac)) {
            return;
        }
        let key = if asks { (from, to) } else { (to, from) };
        if self.pairs.get(&key).is_none() {
            let asker = if asks {
                context.neighbours.party(from, frame.source)
            } else {
                context.neighbours.party(to, frame.destination)
            };
            let pings = Pings {
                asked: VecDeque::new(),
                replies: 0,
                other: 0,
                bytes: 0,
                sizes: [usize::MAX, 0],
                asker,
                tail: 0,
                fresh: (0, 0),
            };
            self.pairs.insert(key, pings, frame.source.map_or(0, owner), tick);
        }
        let Some(pings) = self.pairs.get_mut(&key, tick) else { return };
        if asks {
            // Programs that ping repeat themselves, but for a stamp in front.
            let tail = icmp.body.get(STAMP..).filter(|tail| tail.len() >= TAIL_MIN);
            let said = tail.map(hash_of).unwrap_or_default();
            let is_fresh = tail.is_some() && std::mem::replace(&mut pings.tail, said) != said;
            let (count, bytes) = pings.fresh;
            pings.fresh = if is_fresh { (count + 1, bytes + icmp.body.len() as u64) } else { (0, 0) };
            let (count, bytes) = pings.fresh;
            if count >= self.bell.scaled(FRESH_MIN) && bytes >= MUCH {
                let key = format!("{from} {to}");
                if self.bell.rang(&key, Severity::High, now) {
                    return;
                }
                let finding = Finding::new(CARD.id, Category::Malware, Severity::High, key, context.now)
                    .by(pings.asker)
                    .against(context.neighbours.party(to, frame.destination))
                    .why("other_data", count)
                    .why("replies", count)
                    .why("bytes", bytes)
                    .technique(&["T1095", "T1572"])
                    .points(if bytes >= MUCH * 4 { 6.5 } else { 5.0 });
                return self.bell.ring(finding, findings);
            }
            pings.asked.retain(|(echo, _)| *echo != icmp.echo());
            if pings.asked.len() >= ASKED_MAX {
                pings.asked.pop_front();
            }
            pings.asked.push_back((icmp.echo(), hash_of(icmp.body)));
            return;
        }
        pings.replies = pings.replies.saturating_add(1);
        let mut asked = pings.asked.iter().rev();
        let asked = asked.find(|(echo, _)| *echo == icmp.echo()).map(|(_, said)| *said);
        let same = asked == Some(hash_of(icmp.body));
        if !same && !icmp.body.is_empty() {
            pings.other += 1;
            pings.bytes += icmp.body.len() as u64;
            let [least, most] = &mut pings.sizes;
            (*least, *most) = ((*least).min(icmp.body.len()), (*most).max(icmp.body.len()));
        }
        if pings.other < self.bell.scaled(REPLIES_MIN) || pings.other * 2 < pings.replies {
            return;
        }
        let [least, most] = pings.sizes;
        let points = 5.0 + if pings.bytes >= MUCH { 2.0 } else { 0.0 } + if most > least { 1.0 } else { 0.0 };
        // A wire on which only answers are seen shows none that fits: without a change of size it says nothing.
        if pings.asked.is_empty() && most == least {
            return;
        }
        let finding =
            Finding::new(CARD.id, Category::Malware, Severity::High, format!("{} {}", key.0, key.1), context.now)
                .by(pings.asker)
                .against(context.neighbours.party(from, frame.source))
                .why("replies", pings.replies)
                .why("other_data", pings.other)
                .why("bytes", pings.bytes)
                .technique(&["T1095", "T1572"])
                .points(points);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, echo};

    /// The same by IPv6.
    fn six(bytes: &[u8]) -> Vec<u8> {
        let mut icmp = bytes[34..].to_vec();
        icmp[0] = if icmp[0] == 8 { 128 } else { 129 };
        let address = |last: &[u8]| [&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], last].concat();
        let mut out = [&bytes[..12], &[0x86, 0xdd, 0x60, 0, 0, 0]].concat();
        out.extend((icmp.len() as u16).to_be_bytes());
        out.extend([58, 64]);
        out.extend([address(&bytes[26..30]), address(&bytes[30..34]), icmp].concat());
        out
    }

    #[test]
    fn requests_that_never_repeat_themselves_are_told() {
        let run = |data: &dyn Fn(u64) -> Vec<u8>| -> usize {
            let mut stage = Stage::new(IcmpTunnel::new(Settings::default()));
            let told = (0..60).map(|n| stage.frame(&echo(9, 5, 8, &data(n)), n * 100).len()).sum::<usize>();
            let mut stage = Stage::new(IcmpTunnel::new(Settings::default()));
            let v6 = (0..60).map(|n| stage.frame(&six(&echo(9, 5, 8, &data(n))), n * 100).len()).sum::<usize>();
            assert_eq!(told, v6, "by IPv6");
            told
        };
        assert!(run(&|n| vec![n as u8; 900]) > 0);
        let stamped = |n: u64| [&[n as u8; 16][..], &[0x55; 900]].concat();
        assert_eq!(run(&stamped), 0, "an ordinary ping, large");
        assert_eq!(run(&|n| vec![n as u8; 40]), 0, "small ones");
    }

    #[test]
    fn replies_with_other_data_are_told_and_pings_are_not() {
        let run = |honest: bool, by: &dyn Fn(&[u8]) -> Vec<u8>| -> usize {
            let mut stage = Stage::new(IcmpTunnel::new(Settings::default()));
            let mut count = 0;
            for n in 0..60u64 {
                let (ask, answer) = (format!("question {n}"), format!("a longer answer {}", n * n));
                count += stage.frame(&by(&echo(9, 5, 8, ask.as_bytes())), n * 1000).len();
                let reply = if honest { &ask } else { &answer };
                count += stage.frame(&by(&echo(5, 9, 0, reply.as_bytes())), n * 1000 + 5).len();
            }
            count
        };
        for by in [&<[u8]>::to_vec as &dyn Fn(&[u8]) -> Vec<u8>, &six] {
            assert!(run(false, by) > 0);
            assert_eq!(run(true, by), 0);
        }
    }
}
