//! # The frames scanners send
//!
//! Built byte by byte; pure. What comes back is read in `wire/`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::MacAddr;

/// Length of an ARP request on Ethernet (RFC 826): 14 + 28. The card pads it.
pub const ARP_LEN: usize = 42;
const ICMPV6: u8 = 58;
/// `ff02::1`, everybody on the link (RFC 4291 §2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// "Who has `target`? Tell `own`." To everybody, or to `to` alone, which an access point buffers for a sleeper.
#[must_use]
pub fn arp_request(own: (MacAddr, Ipv4Addr), to: MacAddr, target: Ipv4Addr) -> [u8; ARP_LEN] {
    let mut frame = [0; ARP_LEN];
    frame[..6].copy_from_slice(&to.0);
    frame[6..12].copy_from_slice(&own.0.0);
    // EtherType ARP; hardware Ethernet (1), protocol IPv4, lengths 6 and 4, operation request (1).
    frame[12..22].copy_from_slice(&[0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&own.0.0);
    frame[28..32].copy_from_slice(&own.1.octets());
    frame[38..].copy_from_slice(&target.octets());
    frame
}

/// A neighbour solicitation (RFC 4861 §4.3): to the solicited-node group, or to `to` alone.
#[must_use]
pub fn neighbour_solicitation(own: (MacAddr, Ipv6Addr), to: Option<MacAddr>, target: Ipv6Addr) -> Vec<u8> {
    let (mac, destination) = match to {
        Some(mac) => (mac, target),
        None => {
            let group = solicited_node(target);
            (group_mac(group), group)
        }
    };
    let mut body = vec![135, 0, 0, 0, 0, 0, 0, 0];
    body.extend(target.octets());
    // Option 1, source link-layer address, one unit of 8 bytes.
    body.extend([1, 1]);
    body.extend(own.0.0);
    // Hop limit 255: neighbours drop anything less (RFC 4861 §7.1.1).
    ipv6((own.0, mac), (own.1, destination), 255, &[], body)
}

/// An echo request to everybody on the link (RFC 4443 §4.1).
#[must_use]
pub fn echo_all(own: (MacAddr, Ipv6Addr), id: u16, sequence: u16) -> Vec<u8> {
    ipv6((own.0, group_mac(ALL_NODES)), (own.1, ALL_NODES), 1, &[], echo_body(id, sequence))
}

/// The same behind a destination option nobody knows. Its type begins with the bits `10`: "discard, and
/// say so even to a group" (RFC 8200 §4.2), so hosts that answer no echo to a group answer this.
#[must_use]
pub fn unknown_option_all(own: (MacAddr, Ipv6Addr), id: u16, sequence: u16) -> Vec<u8> {
    // Next header ICMPv6, length one unit; option 0x80 of four bytes.
    let option = [ICMPV6, 0, 0x80, 4, 0, 0, 0, 0];
    ipv6((own.0, group_mac(ALL_NODES)), (own.1, ALL_NODES), 1, &option, echo_body(id, sequence))
}

fn echo_body(id: u16, sequence: u16) -> Vec<u8> {
    let mut body = vec![128, 0, 0, 0];
    body.extend(id.to_be_bytes());
    body.extend(sequence.to_be_bytes());
    body
}

/// `ff02::1:ffXX:XXXX` (RFC 4291 §2.7.1).
#[must_use]
pub fn solicited_node(ip: Ipv6Addr) -> Ipv6Addr {
    let [.., high, low] = ip.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (high & 0xff), low)
}

/// `33:33` and the last four bytes (RFC 2464 §7).
#[must_use]
pub fn group_mac(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr([0x33, 0x33, a, b, c, d])
}

/// `options` is a destination options header, or empty. The checksum of `body` is filled in.
fn ipv6(macs: (MacAddr, MacAddr), ips: (Ipv6Addr, Ipv6Addr), hops: u8, options: &[u8], mut body: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&pseudo(ips, body.len()), &body);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = Vec::with_capacity(54 + options.len() + body.len());
    frame.extend(macs.1.0);
    frame.extend(macs.0.0);
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend(u16::try_from(options.len() + body.len()).unwrap_or(u16::MAX).to_be_bytes());
    // 60: a destination options header follows.
    frame.extend([if options.is_empty() { ICMPV6 } else { 60 }, hops]);
    frame.extend(ips.0.octets());
    frame.extend(ips.1.octets());
    frame.extend(options);
    frame.extend(body);
    frame
}

/// The pseudo header of RFC 8200 §8.1.
fn pseudo(ips: (Ipv6Addr, Ipv6Addr), len: usize) -> [u8; 40] {
    let mut header = [0; 40];
    header[..16].copy_from_slice(&ips.0.octets());
    header[16..32].copy_from_slice(&ips.1.octets());
    header[32..36].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    header[39] = ICMPV6;
    header
}

/// The Internet checksum (RFC 1071) over both parts; `first` must be of even length.
#[must_use]
pub fn checksum(first: &[u8], second: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in first.chunks(2).chain(second.chunks(2)) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use pnet::packet::{
        Packet,
        arp::{ArpOperations, ArpPacket},
        ethernet::{EtherTypes, EthernetPacket},
        icmpv6::{self, Icmpv6Packet},
        ip::IpNextHeaderProtocols,
        ipv6::Ipv6Packet,
    };

    use super::*;

    const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const PEER: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

    #[test]
    fn another_reader_understands_our_arp() {
        let frame = arp_request((OWN, Ipv4Addr::new(10, 0, 0, 1)), PEER, Ipv4Addr::new(10, 0, 0, 9));
        let ethernet = EthernetPacket::new(&frame).unwrap();
        assert_eq!((ethernet.get_destination().octets(), ethernet.get_source().octets()), (PEER.0, OWN.0));
        assert_eq!(ethernet.get_ethertype(), EtherTypes::Arp);
        let arp = ArpPacket::new(ethernet.payload()).unwrap();
        assert_eq!(arp.get_operation(), ArpOperations::Request);
        assert_eq!(arp.get_sender_hw_addr().octets(), OWN.0);
        assert_eq!(arp.get_sender_proto_addr(), Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(arp.get_target_hw_addr().octets(), [0; 6]);
        assert_eq!(arp.get_target_proto_addr(), Ipv4Addr::new(10, 0, 0, 9));
    }

    #[test]
    fn another_reader_understands_our_icmpv6() {
        let own: Ipv6Addr = "fe80::1".parse().unwrap();
        let target: Ipv6Addr = "fe80::abcd:1234:5678:9abc".parse().unwrap();
        let group: Ipv6Addr = "ff02::1:ff78:9abc".parse().unwrap();
        let cases = [
            ("solicit all", neighbour_solicitation((OWN, own), None, target), group, 255, 135, 0),
            ("solicit one", neighbour_solicitation((OWN, own), Some(PEER), target), target, 255, 135, 0),
            ("echo", echo_all((OWN, own), 7, 1), ALL_NODES, 1, 128, 0),
            ("unknown option", unknown_option_all((OWN, own), 7, 1), ALL_NODES, 1, 128, 8),
        ];
        for (name, frame, destination, hops, kind, skipped) in cases {
            let ethernet = EthernetPacket::new(&frame).unwrap();
            let ip = Ipv6Packet::new(ethernet.payload()).unwrap();
            assert_eq!((ip.get_source(), ip.get_destination(), ip.get_hop_limit()), (own, destination, hops), "{name}");
            assert_eq!(usize::from(ip.get_payload_length()), frame.len() - 54, "{name}");
            let next = if skipped == 0 { IpNextHeaderProtocols::Icmpv6 } else { IpNextHeaderProtocols::Ipv6Opts };
            assert_eq!(ip.get_next_header(), next, "{name}");
            let icmp = Icmpv6Packet::new(&frame[54 + skipped..]).unwrap();
            assert_eq!(icmp.get_icmpv6_type(), icmpv6::Icmpv6Type(kind), "{name}");
            assert_eq!(icmp.get_checksum(), icmpv6::checksum(&icmp, &own, &destination), "{name}");
        }
    }
}
