//! # What this program can see
//!
//! Estimated from the frames themselves, for each interface: only what is sent to this host and to all, or what others
//! say to each other as well. Detectors that need the latter are asleep without it, and people should know.

use std::time::Duration;

use crate::{
    model::{InterfaceId, Mono, NetworkFacts, Sight, is_private},
    wire::{Frame, tcp::Flags},
};

/// Interfaces that are estimated; hosts have fewer.
const INTERFACES_MAX: usize = 64;
/// Over so long; what was found holds for as long again.
const SPAN: Duration = Duration::from_secs(600);
/// Frames below which nothing can be said.
const FRAMES_MIN: u64 = 50;
/// Beginnings of conversations between others, and acceptances of them.
const TALKS_MIN: u64 = 20;
/// Of frames to this host's own address that were meant for beyond it.
const ROUTED_MIN: u64 = 50;

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    since: Mono,
    frames: u64,
    /// From one to another, neither of which is this host.
    foreign: u64,
    asked: u64,
    accepted: u64,
    routed: u64,
    radio: u64,
}

impl Count {
    const fn verdict(&self) -> Option<Sight> {
        if self.frames < FRAMES_MIN {
            return None;
        }
        Some(if self.radio * 2 > self.frames {
            Sight::Wifi
        } else if self.routed >= ROUTED_MIN {
            Sight::Router
        } else if self.asked >= TALKS_MIN && self.accepted >= TALKS_MIN {
            Sight::Mirror
        } else if self.asked + self.accepted >= TALKS_MIN * 2 {
            // One of the two is all but missing.
            Sight::HalfMirror
        } else if self.foreign * 100 < self.frames {
            Sight::Host
        } else {
            return None;
        })
    }
}

/// See above.
#[derive(Debug, Default)]
pub struct Sights {
    /// In the order of interfaces: there are few.
    counts: Vec<(InterfaceId, Count, Option<Sight>)>,
}

impl Sights {
    /// Counts one frame.
    pub fn hear(&mut self, interface: InterfaceId, frame: &Frame<'_>, network: &NetworkFacts, now: Mono) {
        let place = self.counts.iter().position(|(known, ..)| *known >= interface).unwrap_or(self.counts.len());
        if self.counts.get(place).is_none_or(|(known, ..)| *known != interface) {
            if self.counts.len() >= INTERFACES_MAX {
                return;
            }
            self.counts.insert(place, (interface, Count::default(), None));
        }
        let Some((_, count, found)) = self.counts.get_mut(place) else { return };
        if now.since(count.since) > SPAN {
            *found = count.verdict().or(*found);
            *count = Count { since: now, ..Count::default() };
        }
        count.frames += 1;
        count.radio += u64::from(frame.wifi.is_some());
        let (Some(from), Some(to)) = (frame.source, frame.destination) else { return };
        if to.is_multicast() || network.is_own_mac(from) {
            return;
        }
        if network.is_own_mac(to) {
            let beyond = frame.addresses().is_some_and(|(_, to)| !network.is_own_ip(to) && !is_private(to));
            count.routed += u64::from(beyond);
            return;
        }
        count.foreign += 1;
        if let Some(tcp) = frame.tcp() {
            let (is_asked, is_accepted) = (tcp.flags.is_open(), tcp.flags.is_accept());
            count.asked += u64::from(is_asked && !tcp.flags.has(Flags::ACK));
            count.accepted += u64::from(is_accepted);
        }
    }

    /// What each interface sees, as far as that can be said.
    pub fn view(&self) -> impl Iterator<Item = (InterfaceId, Sight)> + '_ {
        self.counts.iter().filter_map(|(id, count, found)| Some((*id, count.verdict().or(*found)?)))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{InterfaceFacts, LinkType, MacAddr};

    const SYN: u8 = 2;
    const ACK: u8 = 16;

    fn mac(n: u8) -> [u8; 6] {
        [2, 0, 0, 0, 0, n]
    }

    fn arp(from: u8) -> Vec<u8> {
        let head = [&[0xff; 6][..], &mac(from), &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
        [&head[..], &mac(from), &[192, 168, 7, from], &[0; 6], &[192, 168, 7, 1]].concat()
    }

    fn tcp(from: u8, to: u8, address: [u8; 4], flags: u8) -> Vec<u8> {
        let ip = [&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 168, 7, from][..], &address].concat();
        let segment = [&[0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0][..]].concat();
        [&mac(to)[..], &mac(from), &[8, 0], &ip, &segment].concat()
    }

    #[test]
    fn what_is_heard_tells_where_one_listens() {
        let network = NetworkFacts {
            interfaces: vec![InterfaceFacts {
                id: InterfaceId(1),
                name: "eth0".into(),
                mac: Some(MacAddr(mac(250))),
                addresses: vec![[192, 168, 7, 250].into()],
                up: true,
                subnets: Vec::new(),
                gateways: Vec::new(),
            }],
            labels: Vec::new(),
        };
        let run = |frames: Vec<Vec<u8>>| -> Option<Sight> {
            let mut sights = Sights::default();
            for bytes in &frames {
                let frame = Frame::decode(LinkType::ETHERNET, bytes);
                sights.hear(InterfaceId(1), &frame, &network, Mono(1));
            }
            sights.view().next().map(|(_, sight)| sight)
        };
        let hello = |n: u8, flags: u8| tcp(n, 9, [192, 168, 7, 9], flags);
        assert_eq!(run((0..60).map(arp).collect()), Some(Sight::Host));
        assert_eq!(run((0..60).flat_map(|n| [hello(n, SYN), hello(n, SYN | ACK)]).collect()), Some(Sight::Mirror));
        assert_eq!(run((0..60).map(|n| hello(n, SYN)).collect()), Some(Sight::HalfMirror));
        assert_eq!(run((0..60).map(|n| tcp(n, 250, [203, 0, 113, 9], ACK)).collect()), Some(Sight::Router));
        assert_eq!(run(vec![arp(5)]), None);
    }
}
