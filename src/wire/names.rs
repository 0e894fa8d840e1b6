//! # Words for links and protocols
//!
//! For people and counts. A port is a custom, not a proof; whoever must know looks inside.

use crate::{
    model::{LinkType, Port},
    wire::{
        frame::{Frame, Net, Transport, protocol},
        link::{Carries, ether_type},
    },
};

/// The link type's usual name, as tcpdump spells it.
#[must_use]
pub const fn link_name(link: LinkType) -> &'static str {
    match link.0 {
        0 => "null",
        1 => "ethernet",
        8 => "slip",
        9 | 50 => "ppp",
        51 => "pppoe",
        101 | 12 | 14 => "raw",
        104 => "c_hdlc",
        105 => "ieee802_11",
        107 => "frame_relay",
        108 => "loop",
        113 => "linux_sll",
        119 => "prism",
        127 => "ieee802_11_radiotap",
        163 => "ieee802_11_avs",
        192 => "ppi",
        195 | 230 => "ieee802_15_4",
        228 => "ipv4",
        229 => "ipv6",
        239 => "nflog",
        276 => "linux_sll2",
        283 => "ieee802_15_4_tap",
        _ => "other",
    }
}

/// The innermost protocol that can be told without looking into the payload.
#[must_use]
pub fn protocol_name(frame: &Frame<'_>) -> &'static str {
    match (&frame.transport, &frame.net) {
        (Some(Transport::Tcp(tcp)), _) => port_name(tcp.source.min(tcp.destination), true)
            .or(port_name(tcp.source.max(tcp.destination), true))
            .unwrap_or("tcp"),
        (Some(Transport::Udp(udp)), _) => port_name(udp.source.min(udp.destination), false)
            .or(port_name(udp.source.max(udp.destination), false))
            .unwrap_or("udp"),
        (Some(Transport::Icmp(_)), _) => "icmp",
        (Some(Transport::IcmpV6(_)), _) => "icmpv6",
        (None, Some(Net::Arp(_))) => "arp",
        (None, Some(Net::V4(_) | Net::V6(_))) => match frame.protocol() {
            Some(protocol::IGMP) => "igmp",
            Some(protocol::SIX_IN_FOUR) => "6in4",
            Some(protocol::GRE) => "gre",
            Some(protocol::ESP) => "esp",
            Some(protocol::VRRP) => "vrrp",
            Some(132) => "sctp",
            Some(89) => "ospf",
            _ => "ip",
        },
        (None, None) => match frame.carries {
            Carries::Ether(ether_type::LLDP) => "lldp",
            Carries::Ether(ether_type::EAPOL) => "eapol",
            Carries::Ether(ether_type::PPPOE_DISCOVERY) => "pppoe",
            Carries::Snap { oui: [0, 0, 0x0c], .. } => "cisco",
            Carries::Llc(0x42) => "stp",
            _ if frame.wifi.is_some() => "wifi",
            _ => "other",
        },
    }
}

/// IANA's registry, and what homes use besides.
const fn port_name(port: Port, tcp: bool) -> Option<&'static str> {
    Some(match (port, tcp) {
        (53, _) => "dns",
        (22, true) => "ssh",
        (21, true) => "ftp",
        (23, true) => "telnet",
        (25 | 587 | 465, true) => "smtp",
        (80 | 8080, true) => "http",
        (110 | 995, true) => "pop3",
        (143 | 993, true) => "imap",
        (443 | 8443, true) => "tls",
        (443, false) => "quic",
        (139 | 445, true) => "smb",
        (554, true) => "rtsp",
        (1883 | 8883, true) => "mqtt",
        (3389, true) => "rdp",
        (5900, true) => "vnc",
        (67 | 68, false) => "dhcp",
        (69, false) => "tftp",
        (123, false) => "ntp",
        (137 | 138, false) => "netbios",
        (161 | 162, false) => "snmp",
        (546 | 547, false) => "dhcp6",
        (1900, false) => "ssdp",
        (3544, false) => "teredo",
        (3702, false) => "wsd",
        (4789, false) => "vxlan",
        (5060, _) => "sip",
        (5353, false) => "mdns",
        (5355, _) => "llmnr",
        (5683, false) => "coap",
        (6081, false) => "geneve",
        (51820, false) => "wireguard",
        _ => return None,
    })
}
