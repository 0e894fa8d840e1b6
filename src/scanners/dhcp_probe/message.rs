//! # DISCOVER, and the OFFER that answers it
//!
//! RFC 2131 §4.4.1. Pure.

use std::net::Ipv4Addr;

use crate::{
    model::{DhcpOffer, MacAddr, clean_text, is_unicast},
    scanners::frames::checksum,
    wire::{
        dhcp::{Dhcp, Kind, PORT_CLIENT, PORT_SERVER, option},
        reader::Reader,
    },
};

/// BOOTP's fixed part; some servers drop less than this and 64 bytes of options (RFC 1542 §2.1).
const FIXED: usize = 236;
const WHOLE: usize = FIXED + 64;
/// Addresses kept of one option.
const ADDRESSES_MAX: usize = 8;
const TEXT_MAX: usize = 120;
const UDP: u8 = 17;

/// "Who gives addresses here?" `own` is the address this host has already.
#[must_use]
pub fn discover(transaction: u32, mac: MacAddr, own: Option<Ipv4Addr>) -> Vec<u8> {
    // Request, Ethernet, six bytes, no hops.
    let mut message = vec![1, 1, 6, 0];
    message.extend(transaction.to_be_bytes());
    // No seconds; answer to everybody, as nobody here listens at an address it has not taken.
    message.extend([0, 0, 0x80, 0]);
    message.resize(28, 0);
    message.extend(mac.0);
    message.resize(FIXED, 0);
    message.extend([99, 130, 83, 99]);
    message.extend([option::MESSAGE_TYPE, 1, 1]);
    if let Some(own) = own {
        message.extend([option::REQUESTED_IP, 4]);
        message.extend(own.octets());
    }
    let wanted = [
        option::SUBNET_MASK,
        option::ROUTERS,
        option::DNS_SERVERS,
        option::DOMAIN,
        option::LEASE_S,
        option::SERVER_ID,
        option::ROUTES,
        option::PROXY_AUTO_CONFIG,
    ];
    message.extend([option::ASKED, wanted.len() as u8]);
    message.extend(wanted);
    message.push(255);
    message.resize(message.len().max(WHOLE), 0);
    message
}

/// `message` as a frame to everybody, from nobody's address.
#[must_use]
pub fn frame(mac: MacAddr, message: &[u8]) -> Vec<u8> {
    let udp_len = 8 + message.len() as u16;
    let mut ip = vec![0x45, 0];
    ip.extend((20 + udp_len).to_be_bytes());
    // No fragments, 64 hops.
    ip.extend([0, 0, 0, 0, 64, UDP, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]);
    let sum = checksum(&ip, &[]);
    ip.splice(10..12, sum.to_be_bytes());
    let mut udp = Vec::with_capacity(udp_len.into());
    for word in [PORT_CLIENT, PORT_SERVER, udp_len, 0] {
        udp.extend(word.to_be_bytes());
    }
    udp.extend(message);
    // The pseudo header of RFC 768: both addresses, protocol, length.
    let mut pseudo = vec![0, 0, 0, 0, 255, 255, 255, 255, 0, UDP];
    pseudo.extend(udp_len.to_be_bytes());
    // Zero would mean "none".
    let sum = match checksum(&pseudo, &udp) {
        0 => u16::MAX,
        sum => sum,
    };
    udp.splice(6..8, sum.to_be_bytes());
    let mut frame = vec![0xff; 6];
    frame.extend(mac.0);
    frame.extend([0x08, 0]);
    frame.extend(ip);
    frame.extend(udp);
    frame
}

/// What is offered, if `bytes` answers the question `transaction` of `mac`.
#[must_use]
pub fn offer(bytes: &[u8], from: Ipv4Addr, transaction: u32, mac: MacAddr) -> Option<DhcpOffer> {
    let message = Dhcp::read(bytes).filter(|message| !message.is_request && message.kind() == Some(Kind::Offer))?;
    if message.transaction != transaction || message.client_mac != Some(mac) {
        return None;
    }
    let text = |code| {
        let text = clean_text(&String::from_utf8_lossy(message.option(code)?).replace('\0', ""), TEXT_MAX);
        (!text.is_empty()).then_some(text)
    };
    Some(DhcpOffer {
        // Some name everybody's address here, which is nobody's.
        server: message.address(option::SERVER_ID).filter(|ip| is_unicast((*ip).into())),
        from,
        relay: Some(message.relay_ip).filter(|ip| !ip.is_unspecified()),
        transaction,
        offered: message.your_ip,
        mask: message.address(option::SUBNET_MASK),
        lease_s: message.option(option::LEASE_S).and_then(|value| Reader::new(value).u32()),
        routers: addresses(message.option(option::ROUTERS)),
        dns: addresses(message.option(option::DNS_SERVERS)),
        domain: text(option::DOMAIN),
        proxy_config: text(option::PROXY_AUTO_CONFIG),
        has_routes: message.option(option::ROUTES).is_some_and(|value| !value.is_empty()),
    })
}

fn addresses(value: Option<&[u8]>) -> Vec<Ipv4Addr> {
    let mut reader = Reader::new(value.unwrap_or_default());
    std::iter::from_fn(|| reader.ipv4()).take(ADDRESSES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use pnet::packet::{Packet, ethernet::EthernetPacket, ipv4::Ipv4Packet, udp::UdpPacket};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::LinkType,
        wire::{Frame, Transport},
    };

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 5]);
    const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    #[test]
    fn others_understand_our_question() {
        let own = Ipv4Addr::new(10, 0, 0, 5);
        let frame = frame(MAC, &discover(0x0102_0304, MAC, Some(own)));
        let ethernet = EthernetPacket::new(&frame).unwrap();
        let ip = Ipv4Packet::new(ethernet.payload()).unwrap();
        let udp = UdpPacket::new(ip.payload()).unwrap();
        assert_eq!(ip.get_checksum(), pnet::packet::ipv4::checksum(&ip));
        let sum = pnet::packet::udp::ipv4_checksum(&udp, &ip.get_source(), &ip.get_destination());
        assert_eq!(udp.get_checksum(), sum);
        assert_eq!((ip.get_source(), ip.get_destination()), (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST));
        assert_eq!(usize::from(ip.get_total_length()), frame.len() - 14);

        let ours = Frame::decode(LinkType::ETHERNET, &frame);
        assert!(ours.faults.is_empty() && matches!(ours.transport, Some(Transport::Udp(_))));
        let asked = Dhcp::read(udp.payload()).unwrap();
        assert_eq!((asked.kind(), asked.transaction, asked.flags), (Some(Kind::Discover), 0x0102_0304, 0x8000));
        assert_eq!((asked.client_mac, asked.address(option::REQUESTED_IP)), (Some(MAC), Some(own)));
        assert_eq!(asked.option(option::CLIENT_ID), None, "the MAC is who asks");
        assert_eq!(asked.option(option::HOST_NAME), None, "no name is given away");
        assert!(discover(1, MAC, None).len() >= WHOLE);
    }

    fn answer(options: &[u8]) -> Vec<u8> {
        let mut bytes = discover(7, MAC, None);
        bytes[0] = 2;
        bytes[16..20].copy_from_slice(&[10, 0, 0, 77]);
        bytes.truncate(FIXED + 4);
        bytes.extend(options);
        bytes.push(255);
        bytes
    }

    #[test]
    fn an_offer_answers_our_question_or_is_none() {
        let options = [
            &[53u8, 1, 2, 54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 14, 16, 3, 4, 10, 0, 0, 1, 15, 4][..],
            b"l\x1bn\0",
            &[6, 8],
            &[9, 9, 9, 9, 8, 8, 8, 8, 121, 5, 0, 10, 0, 0, 9],
        ]
        .concat();
        let found = offer(&answer(&options), SERVER, 7, MAC).unwrap();
        assert_eq!(
            (found.server, found.offered, found.lease_s),
            (Some(SERVER), Ipv4Addr::new(10, 0, 0, 77), Some(3600))
        );
        assert_eq!((found.routers.len(), found.dns.len(), found.domain.as_deref()), (1, 2, Some("l n")));
        assert!(found.has_routes && found.relay.is_none() && found.proxy_config.is_none());

        assert_eq!(offer(&answer(&options), SERVER, 8, MAC), None, "another question");
        assert_eq!(offer(&answer(&options), SERVER, 7, MacAddr([2; 6])), None, "another device");
        assert_eq!(offer(&answer(&[53, 1, 5]), SERVER, 7, MAC), None, "an ACK");
        assert_eq!(offer(&discover(7, MAC, None), SERVER, 7, MAC), None, "a question");
        let odd = offer(&answer(&[53, 1, 2, 54, 4, 255, 255, 255, 255, 51, 2, 0, 1]), SERVER, 7, MAC).unwrap();
        assert_eq!((odd.server, odd.lease_s), (None, None));
        let many = [&[53, 1, 2, 6, 252][..], &[1; 252]].concat();
        assert_eq!(offer(&answer(&many), SERVER, 7, MAC).unwrap().dns.len(), ADDRESSES_MAX);
    }

    proptest! {
        #[test]
        fn whatever_is_offered_stays_small(options in proptest::collection::vec(any::<u8>(), 0..600)) {
            let bytes = answer(&[&[53, 1, 2][..], &options].concat());
            if let Some(found) = offer(&bytes, SERVER, 7, MAC) {
                prop_assert!(found.routers.len() <= ADDRESSES_MAX && found.dns.len() <= ADDRESSES_MAX);
                prop_assert!(found.domain.is_none_or(|text| text.len() <= TEXT_MAX && !text.chars().any(char::is_control)));
            }
        }
    }
}
