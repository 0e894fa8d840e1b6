//! Laws that hold for every byte string on every link.

use proptest::{collection::vec, prelude::*};

use crate::{
    model::LinkType,
    wire::{
        Faults, Frame, Net, Transport,
        arp::Arp,
        dhcp, dhcp6,
        dns::{self, Data},
        icmp::Icmp,
        link_name, mdns, nd, netbios, protocol_name, ssdp,
    },
};

const LINKS: [u16; 24] =
    [0, 1, 8, 9, 12, 50, 51, 101, 104, 105, 107, 108, 113, 119, 127, 163, 192, 195, 228, 229, 239, 276, 283, 999];

/// Walks everything that a frame's bytes could be taken for; returns how much there was.
fn walk(frame: &Frame<'_>) -> usize {
    let bytes = frame.payload();
    let mut seen = frame.vlans.ids().len() + frame.faults.words().count();
    seen += frame.tcp().map_or(0, |tcp| tcp.options().count() + usize::from(tcp.segment_max().unwrap_or(0)));
    if let Some(nd) = frame.icmp_v6().and_then(nd::Nd::read) {
        seen += nd.options().filter_map(|(_, value)| nd::Prefix::read(value)).count();
    }
    seen + walk_bytes(bytes) + protocol_name(frame).len() + link_name(frame.link).len()
}

fn walk_bytes(bytes: &[u8]) -> usize {
    let mut seen = 0;
    if let Some(message) = dns::Message::read(bytes) {
        seen += message.questions().map(|q| q.name.to_string().len()).sum::<usize>();
        for record in message.records() {
            seen += record.name.to_string().len() + usize::from(mdns::service(&record.name).is_some());
            seen += match record.data() {
                Data::Name(name) | Data::Srv { target: name, .. } => name.to_string().len(),
                Data::Txt(strings) => mdns::pairs(strings).count(),
                Data::A(_) | Data::Aaaa(_) | Data::Other(_) => 1,
            };
        }
        seen += usize::from(netbios::claim(&message).is_some());
    }
    if let Some(dhcp) = dhcp::Dhcp::read(bytes) {
        seen += dhcp.options().count() + usize::from(dhcp.kind().is_some() && dhcp.host_name().is_some());
    }
    if let Some(dhcp) = dhcp6::Dhcp6::read(bytes) {
        seen += dhcp.options().filter_map(|(_, value)| dhcp6::duid_mac(value)).count();
        seen += dhcp.relayed().map_or(0, |inner| inner.options().count());
    }
    if let Some(ssdp) = ssdp::Ssdp::read(bytes) {
        seen += ssdp.headers().filter_map(|(_, value)| ssdp::url_host(value)).count();
    }
    seen + usize::from(netbios::datagram_source(bytes).is_some())
}

/// Ethernet, IPv4 or IPv6, UDP around a payload, so that random bytes reach the upper decoders.
fn wrapped(payload: &[u8], port: u16, v6: bool) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend([2, 0, 0, 0, 0, 1]);
    let len = u16::try_from(payload.len() + 8).unwrap_or(u16::MAX);
    if v6 {
        bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        bytes.extend(len.to_be_bytes());
        bytes.extend([17, 255]);
        bytes.extend([0xfe; 32]);
    } else {
        bytes.extend([8, 0, 0x45, 0]);
        bytes.extend((len + 20).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 255, 17, 0, 0, 10, 0, 0, 5, 224, 0, 0, 251]);
    }
    bytes.extend(port.to_be_bytes());
    bytes.extend(port.to_be_bytes());
    bytes.extend(len.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Views never reach beyond the frame, and every walk ends.
    #[test]
    fn any_bytes_on_any_link_are_survived(link in proptest::sample::select(&LINKS[..]), bytes in vec(any::<u8>(), 0..400)) {
        let frame = Frame::decode(LinkType(link), &bytes);
        prop_assert!(frame.payload().len() <= bytes.len());
        prop_assert!(frame.link_payload.len() <= bytes.len());
        // No finding without a frame: an empty frame decodes to nothing but faults.
        if bytes.is_empty() {
            prop_assert!(frame.net.is_none() && frame.transport.is_none());
        }
        walk(&frame);
        walk_bytes(&bytes);
    }

    #[test]
    fn any_payload_is_survived(port in proptest::sample::select(&[53u16, 67, 137, 138, 546, 1900, 5353][..]), v6: bool, payload in vec(any::<u8>(), 0..600)) {
        let bytes = wrapped(&payload, port, v6);
        let frame = Frame::decode(LinkType::ETHERNET, &bytes);
        prop_assert_eq!(frame.payload(), &payload[..]);
        prop_assert!(frame.faults.is_empty(), "{:?}", frame.faults);
        walk(&frame);
    }

    /// Cutting a frame short never changes what was whole: the addresses that are still there are the same.
    #[test]
    fn a_cut_frame_says_less_but_nothing_else(payload in vec(any::<u8>(), 0..64), v6: bool, keep in 0usize..120) {
        let bytes = wrapped(&payload, 5353, v6);
        let whole = Frame::decode(LinkType::ETHERNET, &bytes);
        let keep = keep.min(bytes.len());
        let cut = Frame::decode(LinkType::ETHERNET, &bytes[..keep]);
        prop_assert!(cut.source.is_none() || cut.source == whole.source);
        prop_assert!(cut.addresses().is_none() || cut.addresses() == whole.addresses());
        prop_assert!(cut.ports().is_none() || cut.ports() == whole.ports());
        prop_assert_eq!(cut.faults.is_empty(), keep == bytes.len());
        prop_assert!(whole.payload().starts_with(cut.payload()) || cut.transport.is_none());
    }
}

#[test]
fn a_frame_is_decoded_down_to_its_transport() {
    let arp = Arp {
        operation: 1,
        sender_mac: crate::model::MacAddr([2, 0, 0, 0, 0, 1]),
        sender_ip: [10, 0, 0, 5].into(),
        target_mac: crate::model::MacAddr::ZERO,
        target_ip: [10, 0, 0, 1].into(),
    };
    let eth = |kind: [u8; 2], rest: &[u8]| [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1], &kind, rest].concat();
    let v4 = |protocol: u8, fragment: [u8; 2], rest: &[u8]| {
        let [a, b] = u16::try_from(rest.len() + 20).expect("short").to_be_bytes();
        let head = [0x45, 0, a, b, 0, 1, fragment[0], fragment[1], 64, protocol, 0, 0, 10, 0, 0, 5, 10, 0, 0, 1];
        eth([8, 0], &[&head[..], rest].concat())
    };
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("arp", eth([8, 6], &arp.bytes()), "arp"),
        ("arp in a VLAN", eth([0x81, 0], &[&[0, 9, 8, 6][..], &arp.bytes()].concat()), "arp"),
        ("echo", v4(1, [0, 0], &[8, 0, 0, 0, 0, 1, 0, 1]), "icmp"),
        ("dns", v4(17, [0, 0], &[0xc0, 0, 0, 53, 0, 8, 0, 0]), "dns"),
        ("first fragment", v4(17, [0x20, 0], &[0xc0, 0, 0, 53, 5, 8, 0, 0]), "dns"),
        ("later fragment", v4(17, [0, 1], &[0xc0, 0, 0, 53, 0, 8, 0, 0]), "ip"),
        ("six in four", v4(41, [0, 0], &[0x60, 0, 0, 0]), "6in4"),
        ("gre", v4(47, [0, 0], &[0, 0, 8, 0]), "gre"),
        ("vxlan", v4(17, [0, 0], &[0xc0, 0, 0x12, 0xb5, 0, 8, 0, 0]), "vxlan"),
        ("lldp", eth([0x88, 0xcc], &[2, 7]), "lldp"),
    ];
    for (name, bytes, protocol) in cases {
        let frame = Frame::decode(LinkType::ETHERNET, bytes);
        assert_eq!((protocol_name(&frame), frame.faults), (*protocol, Faults::NONE), "{name}");
    }
    let later = Frame::decode(LinkType::ETHERNET, &cases[5].1);
    assert!(matches!((later.net, later.transport), (Some(Net::V4(_)), None)));
    let echo = Frame::decode(LinkType::ETHERNET, &cases[2].1);
    assert!(matches!(echo.transport, Some(Transport::Icmp(Icmp { kind: Icmp::ECHO, .. }))));
    // The same packet on a link without addresses.
    let raw = Frame::decode(LinkType::RAW_IP, &cases[2].1[14..]);
    assert_eq!((raw.transport, raw.source), (echo.transport, None));
}
