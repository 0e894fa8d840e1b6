//! # Packets inside packets
//!
//! What a tunnel carries between two hosts: IP in IP (RFC 2003, RFC 4213), GRE (RFC 2784, RFC 2890), VXLAN (RFC 7348) and
//! GENEVE (RFC 8926). An attack that is wrapped so is one all the same.
//!
//! Whoever put the outer packet on the wire answers for the inner one: it keeps the outer hardware addresses. Leaves out what
//! belongs to a network of its own inside: its address servers, its routers, its names, all that is sent to groups. Also left
//! out are mirrors (ERSPAN, TZSP): anybody can send one, and the frames in it would be believed.

use crate::{
    model::{LinkType, Port, is_unicast},
    wire::{Frame, Transport, icmp::Icmp, ipv4::Ipv4, link::ether_type, protocol, reader::Reader},
};

const IP_IN_IP: u8 = 4;
/// IANA: vxlan, what Linux had before that was given, geneve.
const VXLAN: [Port; 2] = [4789, 8472];
const GENEVE: Port = 6081;
/// Ethernet inside (RFC 1701's list; IANA: transparent Ethernet bridging).
const BRIDGED: u16 = 0x6558;
/// Address servers, names, discovery: of the inner network only.
const INNER: [Port; 9] = [67, 68, 137, 138, 546, 547, 1900, 5353, 5355];

/// The packet that `frame` carries for somebody else, if it is one to be judged.
#[must_use]
pub fn inside<'a>(frame: &Frame<'a>) -> Option<Frame<'a>> {
    let (link, bytes) = wrapped(frame)?;
    let inner = Frame::decode(link, bytes);
    let inner = Frame { source: frame.source, destination: frame.destination, vlans: frame.vlans, ..inner };
    is_judged(&inner).then_some(inner)
}

fn wrapped<'a>(frame: &Frame<'a>) -> Option<(LinkType, &'a [u8])> {
    if let Some(Transport::Udp(udp)) = &frame.transport {
        return match udp.destination {
            port if VXLAN.contains(&port) => vxlan(udp.payload),
            GENEVE => geneve(udp.payload),
            _ => None,
        };
    }
    if frame.transport.is_some() || frame.ipv4().is_some_and(Ipv4::is_fragment) {
        return None;
    }
    match frame.protocol()? {
        IP_IN_IP | protocol::SIX_IN_FOUR => Some((LinkType::RAW_IP, frame.payload())),
        protocol::GRE => gre(frame.payload()),
        _ => None,
    }
}

fn by_type(kind: u16, bytes: &[u8]) -> Option<(LinkType, &[u8])> {
    match kind {
        ether_type::IPV4 | ether_type::IPV6 => Some((LinkType::RAW_IP, bytes)),
        BRIDGED => Some((LinkType::ETHERNET, bytes)),
        _ => None,
    }
}

fn gre(bytes: &[u8]) -> Option<(LinkType, &[u8])> {
    let mut reader = Reader::new(bytes);
    let (flags, kind) = (reader.u16()?, reader.u16()?);
    // Checksum, key and number take four bytes each; version 1 is PPTP's, and routing is of before 2000.
    if flags & 0x4007 != 0 {
        return None;
    }
    reader.skip(4 * [0x8000, 0x2000, 0x1000].iter().filter(|bit| flags & **bit != 0).count())?;
    by_type(kind, reader.rest())
}

fn vxlan(bytes: &[u8]) -> Option<(LinkType, &[u8])> {
    // The bit that says that the network's number is there; all others of the first byte are nought.
    let ([0x08, ..], inner) = bytes.split_at_checked(8)? else { return None };
    Some((LinkType::ETHERNET, inner))
}

fn geneve(bytes: &[u8]) -> Option<(LinkType, &[u8])> {
    let mut reader = Reader::new(bytes);
    let (first, _flags, kind) = (reader.u8()?, reader.u8()?, reader.u16()?);
    // Version nought, and the options' length in words.
    (first >> 6 == 0).then_some(())?;
    reader.skip(4 + usize::from(first & 0x3f) * 4)?;
    by_type(kind, reader.rest())
}

fn is_judged(inner: &Frame<'_>) -> bool {
    let Some((from, to)) = inner.addresses() else { return false };
    let is_piece = inner.ipv4().is_some_and(Ipv4::is_fragment) || inner.ipv6().is_some_and(|ip| ip.fragment.is_some());
    if is_piece || !is_unicast(from) || !is_unicast(to) {
        return false;
    }
    match &inner.transport {
        Some(Transport::Tcp(_)) => true,
        Some(Transport::Udp(udp)) => ![udp.source, udp.destination].iter().any(|port| INNER.contains(port)),
        Some(Transport::Icmp(icmp)) => matches!(icmp.kind, 0 | Icmp::ECHO | Icmp::UNREACHABLE),
        Some(Transport::IcmpV6(icmp)) => matches!(icmp.kind, 1 | 128 | 129),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let len = (20 + payload.len() as u16).to_be_bytes();
        let head = [0x45, 0, len[0], len[1], 0, 7, 0x40, 0, 64, protocol, 0, 0];
        [&head[..], &from, &to, payload].concat()
    }

    fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
        [&[2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 9][..], &kind.to_be_bytes(), payload].concat()
    }

    fn syn() -> Vec<u8> {
        [&[0x9c, 0x40, 0, 80][..], &[0; 8], &[0x50, 2, 0xff, 0xff, 0, 0, 0, 0]].concat()
    }

    fn datagram(port: u16, payload: &[u8]) -> Vec<u8> {
        let len = (8 + payload.len() as u16).to_be_bytes();
        [&[0xc0, 0][..], &port.to_be_bytes(), &len, &[0, 0], payload].concat()
    }

    fn of(outer: &[u8]) -> Option<String> {
        let bytes = ethernet(ether_type::IPV4, outer);
        let frame = Frame::decode(LinkType::ETHERNET, &bytes);
        inside(&frame).map(|inner| {
            assert_eq!(inner.source, frame.source, "who put it on the wire answers for it");
            let (from, to) = inner.addresses().expect("a packet");
            format!("{from} {to} {:?}", inner.ports())
        })
    }

    #[test]
    fn what_is_wrapped_is_found() {
        let (a, b) = ([10, 0, 0, 9], [10, 0, 0, 5]);
        let inner = ip(6, [172, 16, 0, 9], [172, 16, 0, 5], &syn());
        let bridged = ethernet(ether_type::IPV4, &inner);
        let found = Some("172.16.0.9 172.16.0.5 Some((40000, 80))".to_owned());
        assert_eq!(of(&ip(4, a, b, &inner)), found);
        assert_eq!(of(&ip(47, a, b, &[&[0, 0, 8, 0][..], &inner].concat())), found);
        assert_eq!(of(&ip(47, a, b, &[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7][..], &bridged].concat())), found);
        let vxlan = [&[8, 0, 0, 0, 0, 0, 42, 0][..], &bridged].concat();
        assert_eq!(of(&ip(17, a, b, &datagram(4789, &vxlan))), found);
        let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 4][..], &bridged].concat();
        assert_eq!(of(&ip(17, a, b, &datagram(6081, &geneve))), found);
        assert_eq!(of(&ip(17, a, b, &datagram(4788, &vxlan))), None);
        assert_eq!(of(&ip(47, a, b, &[&[0, 1, 0x88, 0x0b][..], &inner].concat())), None, "PPTP");
    }

    #[test]
    fn what_is_of_the_inner_network_only_is_left_to_it() {
        let (a, b) = ([10, 0, 0, 9], [10, 0, 0, 5]);
        for (inner, name) in [
            (ip(17, [172, 16, 0, 9], [172, 16, 0, 5], &datagram(67, &[0; 300])), "an address server"),
            (ip(17, [172, 16, 0, 9], [224, 0, 0, 251], &datagram(5353, &[0; 30])), "a group"),
            (ip(1, [172, 16, 0, 9], [172, 16, 0, 5], &[5, 0, 0, 0, 0, 0, 0, 0]), "a redirect"),
        ] {
            assert_eq!(of(&ip(4, a, b, &inner)), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100), kind in 0u8..60) {
            let _ = of(&ip(kind, [10, 0, 0, 9], [10, 0, 0, 5], &bytes));
            let _ = of(&ip(17, [10, 0, 0, 9], [10, 0, 0, 5], &datagram(4789, &bytes)));
        }
    }
}
