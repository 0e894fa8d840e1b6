//! # What a detector wants to see
//!
//! Each piece of evidence is of exactly one word; a detector names the words it listens to, one by one or by group, and
//! is called for nothing else. A frame of a home's usual talk then costs a handful of calls, however many detectors
//! there are.

use super::Evidence;
use crate::{
    model::{Fact, Proof, Source},
    traffic::What,
    wire::{Frame, Net, Transport, ipv4::Ipv4, tcp::Flags},
};

/// A word, or a group of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Every frame but the middle of transfers.
    Packet,
    Arp,
    Tcp,
    Udp,
    Icmp,
    IcmpV6,
    /// IP without a transport that is read.
    OtherIp,
    /// 802.11 that carries no IP.
    Radio,
    /// No IP and no radio.
    Link,
    /// All that traffic makes of conversations.
    Traffic,
    Opened,
    Outcome,
    Completed,
    Said,
    /// It grew, or ended.
    Size,
    Certificate,
    Login,
    Credential,
    Http,
    Dns,
    Tls,
    Admin,
    /// All that scanners and frames say of devices.
    Observation,
    /// Proofs of life, but for the plainest: that a frame was heard.
    Alive,
    /// What is said besides.
    Fact,
    Home,
    Found,
    Blind,
}

/// Pieces of packets, and IP on an open radio: they can be anything, so all who want packets see them.
const ODD: u32 = 0;
const ALL: std::ops::Range<u32> = 0..26;
/// Plain frames are the bulk of what is observed.
const PLAIN: u32 = 25;

impl Needs {
    /// The bits of its words.
    const fn mask(self) -> u32 {
        match self {
            Needs::Packet => 0x1ff,
            Needs::Arp => 1 << 1 | 1 << ODD,
            Needs::Tcp => 1 << 2 | 1 << ODD,
            Needs::Udp => 1 << 3 | 1 << ODD,
            Needs::Icmp => 1 << 4 | 1 << ODD,
            Needs::IcmpV6 => 1 << 5 | 1 << ODD,
            Needs::OtherIp => 1 << 6 | 1 << ODD,
            Needs::Radio => 1 << 7 | 1 << ODD,
            Needs::Link => 1 << 8 | 1 << ODD,
            Needs::Traffic => 0x1f_fe00,
            Needs::Opened => 1 << 9,
            Needs::Outcome => 1 << 10,
            Needs::Completed => 1 << 11,
            Needs::Said => 1 << 12,
            Needs::Size => 1 << 13,
            Needs::Certificate => 1 << 14,
            Needs::Login => 1 << 15,
            Needs::Credential => 1 << 16,
            Needs::Http => 1 << 17,
            Needs::Dns => 1 << 18,
            Needs::Tls => 1 << 19,
            Needs::Admin => 1 << 20,
            Needs::Observation => 1 << 21 | 1 << 22 | 1 << PLAIN,
            Needs::Alive => 1 << 21,
            Needs::Fact => 1 << 22,
            Needs::Home => 1 << 23,
            Needs::Blind => 1 << 24,
            // Passed on by name, not by word.
            Needs::Found => 0,
        }
    }
}

/// The word of `evidence`; `None` for what is shown to nobody.
fn word(evidence: &Evidence<'_>) -> Option<u32> {
    let word = match evidence {
        Evidence::Packet(frame) => return packet(frame),
        Evidence::Traffic(noticed) => match noticed.what {
            What::Opened(_) => Needs::Opened,
            What::Outcome(_) => Needs::Outcome,
            What::Completed => Needs::Completed,
            What::Said { .. } | What::Joined { .. } => Needs::Said,
            What::Grew | What::Closed { .. } => Needs::Size,
            What::Certificate(_) => Needs::Certificate,
            What::Login(_) => Needs::Login,
            What::Credential(_) => Needs::Credential,
            What::HttpRequest(_) | What::HttpAnswer(_) => Needs::Http,
            What::Dns(_) => Needs::Dns,
            What::Tls(_) => Needs::Tls,
            What::Admin(_) => Needs::Admin,
        },
        Evidence::Observation(seen) => match seen.fact {
            Fact::Alive { proof: Proof::Frame, .. } if seen.source == Source::Capture => return Some(PLAIN),
            Fact::Alive { .. } => Needs::Alive,
            _ => Needs::Fact,
        },
        Evidence::Home(_) => Needs::Home,
        Evidence::Blind(_) => Needs::Blind,
        Evidence::Found(_) => return None,
    };
    Some((word.mask() & !(1 << ODD)).trailing_zeros())
}

fn packet(frame: &Frame<'_>) -> Option<u32> {
    let is_piece = match &frame.net {
        Some(Net::V4(ip)) => Ipv4::is_fragment(ip),
        Some(Net::V6(ip)) => ip.fragment.is_some(),
        _ => false,
    };
    if is_piece || frame.wifi.is_some() && frame.net.is_some() {
        return Some(ODD);
    }
    let word = match (&frame.transport, &frame.net) {
        (Some(Transport::Tcp(tcp)), _) => {
            // Four fifths of all frames are segments in the middle of a transfer: no detector wants those.
            let is_middle = tcp.flags.0 & 0x3f & !Flags::PSH == Flags::ACK;
            if is_middle && frame.addresses().is_some_and(|(from, to)| from != to) {
                return None;
            }
            Needs::Tcp
        }
        (Some(Transport::Udp(_)), _) => Needs::Udp,
        (Some(Transport::Icmp(_)), _) => Needs::Icmp,
        (Some(Transport::IcmpV6(_)), _) => Needs::IcmpV6,
        (None, Some(Net::Arp(_))) => Needs::Arp,
        (None, Some(Net::V4(_) | Net::V6(_))) => Needs::OtherIp,
        (None, None) if frame.wifi.is_some() => Needs::Radio,
        (None, None) => Needs::Link,
    };
    Some((word.mask() & !(1 << ODD)).trailing_zeros())
}

/// A word that somebody listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard(u8);

/// Who listens to which word, by number.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<Vec<u8>>);

impl Lists {
    pub fn new<'a>(needs: impl Iterator<Item = &'a [Needs]> + Clone) -> Lists {
        let listens = |needs: &[Needs], word: u32| needs.iter().any(|one| one.mask() & 1 << word != 0);
        let list = |word: u32| {
            let numbered = (0..=u8::MAX).zip(needs.clone());
            numbered.filter(|(_, needs)| listens(needs, word)).map(|(number, _)| number).collect()
        };
        Lists(ALL.map(list).collect())
    }

    /// The word of `evidence`, if anybody listens to it.
    pub fn hear(&self, evidence: &Evidence<'_>) -> Option<Heard> {
        let word = word(evidence)?;
        self.0.get(word as usize).filter(|listeners| !listeners.is_empty()).map(|_| Heard(word as u8))
    }

    pub fn of(&self, word: Heard) -> &[u8] {
        self.0.get(usize::from(word.0)).map_or(&[], Vec::as_slice)
    }
}

/// Whether a detector with these needs is shown `evidence`.
#[cfg(test)]
pub(super) fn listens(needs: &[Needs], evidence: &Evidence<'_>) -> bool {
    word(evidence).is_some_and(|word| needs.iter().any(|one| one.mask() & 1 << word != 0))
}
