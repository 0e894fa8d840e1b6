//! # Links without an Ethernet header
//!
//! Linux cooked captures (SLL), BSD loopback, PPP, NFLOG, frame relay, raw IP. Layouts as on
//! tcpdump.org's page of link types.

use crate::{
    model::MacAddr,
    wire::{
        faults::Faults,
        link::{Carries, Link},
        reader::Reader,
    },
};

const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_RADIOTAP: u16 = 803;
/// `PACKET_BROADCAST` of linux/if_packet.h.
const TO_ALL: u16 = 1;

/// `LINKTYPE_LINUX_SLL`. The second value is true if radiotap follows.
#[must_use]
pub fn sll(bytes: &[u8]) -> (Link<'_>, bool) {
    let mut reader = Reader::new(bytes);
    let header = (reader.u16(), reader.u16(), reader.u16(), reader.take::<8>(), reader.u16());
    let (Some(to), Some(hardware), Some(len), Some(address), Some(protocol)) = header else {
        return (Link::fault(Faults::LINK_CUT), false);
    };
    (cooked(to, hardware, len, address, protocol, reader), hardware == ARPHRD_RADIOTAP)
}

/// `LINKTYPE_LINUX_SLL2`. The second value is true if radiotap follows.
#[must_use]
pub fn sll2(bytes: &[u8]) -> (Link<'_>, bool) {
    let mut reader = Reader::new(bytes);
    let protocol = reader.u16();
    let _reserved_and_interface = reader.take::<6>();
    let header = (reader.u16(), reader.u8(), reader.u8(), reader.take::<8>());
    let (Some(protocol), (Some(hardware), Some(to), Some(len), Some(address))) = (protocol, header) else {
        return (Link::fault(Faults::LINK_CUT), false);
    };
    (cooked(to.into(), hardware, len.into(), address, protocol, reader), hardware == ARPHRD_RADIOTAP)
}

fn cooked<'a>(to: u16, hardware: u16, len: u16, address: [u8; 8], protocol: u16, reader: Reader<'a>) -> Link<'a> {
    let mut link = Link::default();
    let [a, b, c, d, e, f, _, _] = address;
    if matches!(hardware, ARPHRD_ETHER | ARPHRD_LOOPBACK) && len == 6 {
        link.source = Some(MacAddr([a, b, c, d, e, f]));
    }
    if to == TO_ALL {
        link.destination = Some(MacAddr::BROADCAST);
    }
    match protocol {
        // ETH_P_802_2 of linux/if_ether.h; others below 1536 are not on a home's wire.
        4 => link.llc(reader),
        0..=1535 => link.payload = reader.rest(),
        kind => link.ether(kind, reader),
    }
    link
}

/// `LINKTYPE_NULL` and `LINKTYPE_LOOP`: an address family in the byte order of whoever wrote it.
#[must_use]
pub fn loopback(bytes: &[u8]) -> Link<'_> {
    let mut reader = Reader::new(bytes);
    let Some(family) = reader.u32() else { return Link::fault(Faults::LINK_CUT) };
    let family = if family > 0xffff { family.swap_bytes() } else { family };
    // AF_INET is 2 everywhere; AF_INET6 is 10 (Linux), 24, 28 or 30 (the BSDs, macOS).
    match family {
        2 | 10 | 24 | 28 | 30 => Link::ip(reader.rest()),
        _ => Link { payload: reader.rest(), ..Link::default() },
    }
}

/// `LINKTYPE_PPP` and `LINKTYPE_PPP_HDLC`: with or without the HDLC bytes `ff 03`.
#[must_use]
pub fn ppp(bytes: &[u8]) -> Link<'_> {
    let mut link = Link::default();
    link.ppp(Reader::new(bytes.strip_prefix(&[0xff, 0x03]).unwrap_or(bytes)));
    link
}

/// `LINKTYPE_C_HDLC`: address, control, EtherType.
#[must_use]
pub fn cisco_hdlc(bytes: &[u8]) -> Link<'_> {
    let mut reader = Reader::new(bytes);
    let mut link = Link::default();
    match (reader.u16(), reader.u16()) {
        (Some(_), Some(kind)) if kind > 1500 => link.ether(kind, reader),
        (Some(_), Some(_)) => link.payload = reader.rest(),
        _ => link.faults.add(Faults::LINK_CUT),
    }
    link
}

/// `LINKTYPE_FRELAY` (RFC 2427), two address bytes.
#[must_use]
pub fn frame_relay(bytes: &[u8]) -> Link<'_> {
    let mut reader = Reader::new(bytes);
    let (Some(_address), Some(control), Some(id)) = (reader.u16(), reader.u8(), reader.u8()) else {
        return Link::fault(Faults::LINK_CUT);
    };
    match (control, id) {
        (3, 0xcc | 0x8e) => Link::ip(reader.rest()),
        (_, _) => Link { payload: reader.rest(), ..Link::default() },
    }
}

/// `LINKTYPE_NFLOG`: length and type in the writer's byte order, which is little-endian on all
/// that runs Linux at home. Attribute 9 is the packet, 8 the sender's hardware address.
#[must_use]
pub fn nflog(bytes: &[u8]) -> Link<'_> {
    let mut reader = Reader::new(bytes);
    let (Some(_family), Some(_version), Some(_resource)) = (reader.u8(), reader.u8(), reader.u16()) else {
        return Link::fault(Faults::LINK_CUT);
    };
    let mut link = Link::default();
    while let (Some(len), Some(kind)) = (reader.u16_le(), reader.u16_le()) {
        let Some(body) = usize::from(len).checked_sub(4) else {
            link.faults.add(Faults::LINK_BAD);
            break;
        };
        let value = reader.at_most(body);
        if value.len() < body {
            link.faults.add(Faults::LINK_CUT);
        }
        match kind & 0x7fff {
            8 => {
                let mut hardware = Reader::new(value);
                if let (Some(6), Some(_), address) = (hardware.u16(), hardware.u16(), hardware.mac()) {
                    link.source = address;
                }
            }
            9 => (link.carries, link.payload) = (Carries::Ip, value),
            _ => {}
        }
        // Attributes start at multiples of four.
        reader.at_most((4 - body % 4) % 4);
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Option<MacAddr> = Some(MacAddr([2, 0, 0, 0, 0, 1]));

    #[test]
    fn each_link_leads_to_ip() {
        let v1 = [0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0, 0x45];
        let v2 = [0x08, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x45];
        let tun = [0, 0, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 0x45];
        let log = [2, 0, 0, 0, 16, 0, 8, 0, 0, 6, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 5, 0, 9, 0, 0x45, 0, 0, 0];
        let ip = Carries::Ether(0x0800);
        let cases: &[(&str, Link<'_>, Option<MacAddr>, Carries)] = &[
            ("sll", sll(&v1).0, MAC, ip),
            ("sll2", sll2(&v2).0, MAC, ip),
            ("sll of a tunnel has no address", sll(&tun).0, None, ip),
            ("null, little end first", loopback(&[2, 0, 0, 0, 0x45]), None, Carries::Ip),
            ("loop", loopback(&[0, 0, 0, 30, 0x45]), None, Carries::Ip),
            ("ppp", ppp(&[0xff, 3, 0, 0x21, 0x45]), None, Carries::Ip),
            ("ppp, squeezed", ppp(&[0x21, 0x45]), None, Carries::Ip),
            ("c-hdlc", cisco_hdlc(&[0x0f, 0, 0x08, 0, 0x45]), None, ip),
            ("frame relay", frame_relay(&[0x18, 0x41, 3, 0xcc, 0x45]), None, Carries::Ip),
        ];
        for (name, link, source, carries) in cases {
            assert_eq!((link.source, link.carries, link.payload), (*source, *carries, &[0x45][..]), "{name}");
        }
        // The hardware address is padded to 8 bytes: length 4 + 4 + 8.
        let logged = nflog(&log);
        assert_eq!((logged.source, logged.carries, logged.payload), (MAC, Carries::Ip, &[0x45][..]));
        assert!(
            sll(&v1[..9]).0.faults.has(Faults::LINK_CUT)
                && nflog(&[2, 0, 0, 0, 3, 0, 9, 0]).faults.has(Faults::LINK_BAD)
        );
    }
}
