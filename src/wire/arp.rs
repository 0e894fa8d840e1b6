//! # ARP
//!
//! RFC 826 for IPv4 over 48-bit addresses; anything else is a fault. Judges nothing: a probe is a
//! probe, who may send it is for others.

use std::net::Ipv4Addr;

use crate::{
    model::MacAddr,
    wire::{faults::Faults, reader::Reader},
};

/// One ARP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    pub operation: u16,
    pub sender_mac: MacAddr,
    pub sender_ip: Ipv4Addr,
    pub target_mac: MacAddr,
    pub target_ip: Ipv4Addr,
}

impl Arp {
    /// Bytes of one message.
    pub const LEN: usize = 28;
    pub const REQUEST: u16 = 1;
    pub const REPLY: u16 = 2;

    /// Reads one message; the fault says why there is none.
    ///
    /// # Errors
    /// [`Faults::NET_CUT`] if bytes are missing, [`Faults::NET_BAD`] if it is not about IPv4 and MACs.
    pub fn read(bytes: &[u8]) -> Result<Arp, Faults> {
        let mut reader = Reader::new(bytes);
        let (hardware, protocol, lens) = (reader.u16(), reader.u16(), reader.take::<2>());
        let (Some(hardware), Some(protocol), Some(lens)) = (hardware, protocol, lens) else {
            return Err(Faults::NET_CUT);
        };
        // Hardware 1 is Ethernet, 6 is IEEE 802 (IANA arp-parameters).
        if !matches!(hardware, 1 | 6) || protocol != 0x0800 || lens != [6, 4] {
            return Err(Faults::NET_BAD);
        }
        let body = |reader: &mut Reader<'_>| {
            Some(Arp {
                operation: reader.u16()?,
                sender_mac: reader.mac()?,
                sender_ip: reader.ipv4()?,
                target_mac: reader.mac()?,
                target_ip: reader.ipv4()?,
            })
        };
        body(&mut reader).ok_or(Faults::NET_CUT)
    }

    /// The message as bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; Arp::LEN] {
        let mut out = [0; Arp::LEN];
        let parts: [&[u8]; 6] = [
            &[0, 1, 8, 0, 6, 4],
            &self.operation.to_be_bytes(),
            &self.sender_mac.0,
            &self.sender_ip.octets(),
            &self.target_mac.0,
            &self.target_ip.octets(),
        ];
        for (to, from) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        out
    }

    #[must_use]
    pub const fn is_request(&self) -> bool {
        self.operation == Arp::REQUEST
    }
    #[must_use]
    pub const fn is_reply(&self) -> bool {
        self.operation == Arp::REPLY
    }
    /// Asks whether an address is free before taking it (RFC 5227 §2.1.1).
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.is_request() && self.sender_ip.is_unspecified()
    }
    /// Says "this is mine" unasked (RFC 5227 §2.3): request or reply about its own address.
    #[must_use]
    pub fn is_announcement(&self) -> bool {
        matches!(self.operation, Arp::REQUEST | Arp::REPLY)
            && self.sender_ip == self.target_ip
            && !self.sender_ip.is_unspecified()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_probes_and_announcements_are_told_apart() {
        let me = MacAddr([2, 0, 0, 0, 0, 1]);
        let cases: &[(&str, u16, [u8; 4], [u8; 4], [bool; 4])] = &[
            // name               op sender         target         request reply probe announcement
            ("request", 1, [10, 0, 0, 5], [10, 0, 0, 1], [true, false, false, false]),
            ("probe", 1, [0; 4], [10, 0, 0, 5], [true, false, true, false]),
            ("announcement", 1, [10, 0, 0, 5], [10, 0, 0, 5], [true, false, false, true]),
            ("gratuitous reply", 2, [10, 0, 0, 5], [10, 0, 0, 5], [false, true, false, true]),
            ("reply", 2, [10, 0, 0, 5], [10, 0, 0, 1], [false, true, false, false]),
            ("nobody asks for nobody", 1, [0; 4], [0; 4], [true, false, true, false]),
            ("reverse ARP", 3, [10, 0, 0, 5], [10, 0, 0, 5], [false; 4]),
        ];
        for (name, operation, sender, target, expected) in cases {
            let arp = Arp {
                operation: *operation,
                sender_mac: me,
                sender_ip: (*sender).into(),
                target_mac: MacAddr::ZERO,
                target_ip: (*target).into(),
            };
            assert_eq!([arp.is_request(), arp.is_reply(), arp.is_probe(), arp.is_announcement()], *expected, "{name}");
        }
    }

    #[test]
    fn other_hardware_and_missing_bytes_are_faults() {
        assert_eq!(Arp::read(&[0, 1, 8, 0, 6, 4, 0, 1, 2]), Err(Faults::NET_CUT));
        assert_eq!(Arp::read(&[0, 1, 8, 0, 255, 4, 0, 1, 2]), Err(Faults::NET_BAD));
        assert_eq!(Arp::read(&[0, 24, 8, 0, 8, 4]), Err(Faults::NET_BAD));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(operation: u16, a: [u8; 6], b: [u8; 4], c: [u8; 6], d: [u8; 4]) {
            let arp = Arp {
                operation, sender_mac: MacAddr(a), sender_ip: b.into(), target_mac: MacAddr(c), target_ip: d.into(),
            };
            prop_assert_eq!(Arp::read(&arp.bytes()), Ok(arp));
        }
    }
}
