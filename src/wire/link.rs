//! # What a link header says
//!
//! The common form of all link layers: who sent it to whom, through which VLANs, and what the
//! payload is.

use crate::{
    model::MacAddr,
    wire::{faults::Faults, reader::Reader},
};

/// EtherTypes (IANA ieee-802-numbers).
pub mod ether_type {
    pub const IPV4: u16 = 0x0800;
    pub const ARP: u16 = 0x0806;
    pub const RARP: u16 = 0x8035;
    pub const VLAN: u16 = 0x8100;
    pub const IPV6: u16 = 0x86dd;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_MULTICAST: u16 = 0x8848;
    pub const PPPOE_DISCOVERY: u16 = 0x8863;
    pub const PPPOE_SESSION: u16 = 0x8864;
    pub const EAPOL: u16 = 0x888e;
    /// Service tag of 802.1ad.
    pub const QINQ: u16 = 0x88a8;
    pub const LLDP: u16 = 0x88cc;
    /// Tags of before 802.1ad, still sent by switches.
    pub const QINQ_OLD: u16 = 0x9100;
    pub const QINQ_OLDER: u16 = 0x9200;
}

/// What lies behind a link header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carries {
    /// By EtherType.
    Ether(u16),
    /// IPv4 or IPv6, as its first four bits say.
    Ip,
    /// 802.2 with a SNAP header of somebody's own (Cisco's CDP is `00:00:0c`, `0x2000`).
    Snap { oui: [u8; 3], id: u16 },
    /// PPP that carries no IP: by its protocol (IANA ppp-numbers).
    Ppp(u16),
    /// 802.2 without SNAP: destination service access point (`0x42` is spanning tree).
    Llc(u8),
    /// Nothing that we read.
    #[default]
    Nothing,
}

/// VLAN ids, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tags {
    ids: [u16; Tags::MAX],
    count: usize,
}

impl Tags {
    /// Providers use two; a frame with more than four is made to confuse.
    pub const MAX: usize = 4;

    /// False if there is no room.
    pub fn push(&mut self, id: u16) -> bool {
        let Some(slot) = self.ids.get_mut(self.count) else { return false };
        *slot = id;
        self.count += 1;
        true
    }
    #[must_use]
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..self.count).unwrap_or(&[])
    }
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// What the radio and the 802.11 header say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wifi {
    /// 0 management, 1 control, 2 data (802.11 §9.2.4.1.3).
    pub class: u8,
    pub subtype: u8,
    pub receiver: MacAddr,
    /// Whose radio sent it; some control frames do not say.
    pub transmitter: Option<MacAddr>,
    pub bssid: Option<MacAddr>,
    pub to_ds: bool,
    pub from_ds: bool,
    pub retry: bool,
    pub is_protected: bool,
    /// dBm, from radiotap.
    pub signal: Option<i8>,
    /// Centre frequency, from radiotap.
    pub mhz: Option<u16>,
}

impl Wifi {
    pub const MANAGEMENT: u8 = 0;
    pub const CONTROL: u8 = 1;
    pub const DATA: u8 = 2;
    pub const ASSOCIATION_REQUEST: u8 = 0;
    pub const PROBE_REQUEST: u8 = 4;
    pub const PROBE_RESPONSE: u8 = 5;
    pub const BEACON: u8 = 8;
    pub const DISASSOCIATION: u8 = 10;
    pub const AUTHENTICATION: u8 = 11;
    pub const DEAUTHENTICATION: u8 = 12;
    /// Of control frames: a sleeper asks for what was kept for it.
    pub const PS_POLL: u8 = 10;

    #[must_use]
    pub const fn is_management(&self, subtype: u8) -> bool {
        self.class == Wifi::MANAGEMENT && self.subtype == subtype
    }
}

/// A link header, read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Link<'a> {
    pub source: Option<MacAddr>,
    pub destination: Option<MacAddr>,
    pub tags: Tags,
    pub carries: Carries,
    pub payload: &'a [u8],
    pub wifi: Option<Wifi>,
    pub faults: Faults,
}

impl<'a> Link<'a> {
    #[must_use]
    pub fn fault(faults: Faults) -> Link<'a> {
        Link { faults, ..Link::default() }
    }
    #[must_use]
    pub fn ip(payload: &'a [u8]) -> Link<'a> {
        Link { carries: Carries::Ip, payload, ..Link::default() }
    }

    /// Follows an EtherType through tags, PPPoE, MPLS and 802.2 to what it carries.
    pub fn ether(&mut self, mut kind: u16, mut reader: Reader<'a>) {
        loop {
            match kind {
                ether_type::VLAN | ether_type::QINQ | ether_type::QINQ_OLD | ether_type::QINQ_OLDER => {
                    let (Some(tag), Some(inner)) = (reader.u16(), reader.u16()) else {
                        return self.end(Faults::LINK_CUT, reader);
                    };
                    if !self.tags.push(tag & 0x0fff) {
                        return self.end(Faults::TOO_DEEP, reader);
                    }
                    kind = inner;
                }
                // A value up to 1500 is a length and 802.2 follows (IEEE 802.3 §3.2.6).
                0..=1500 => {
                    let body = reader.at_most(kind.into());
                    if body.len() < usize::from(kind) {
                        self.faults.add(Faults::LINK_CUT);
                    }
                    return self.llc(Reader::new(body));
                }
                ether_type::PPPOE_SESSION => return self.pppoe(reader),
                ether_type::MPLS | ether_type::MPLS_MULTICAST => return self.mpls(reader),
                _ => {
                    self.carries = Carries::Ether(kind);
                    self.payload = reader.rest();
                    return;
                }
            }
        }
    }

    /// 802.2, also below 802.11.
    pub fn llc(&mut self, mut reader: Reader<'a>) {
        let (Some(dsap), Some(ssap), Some(control)) = (reader.u8(), reader.u8(), reader.u8()) else {
            return self.end(Faults::LINK_CUT, reader);
        };
        self.carries = Carries::Llc(dsap);
        match (dsap, ssap, control) {
            (0xaa, 0xaa, 0x03) => {
                let (Some(oui), Some(id)) = (reader.take::<3>(), reader.u16()) else {
                    return self.end(Faults::LINK_CUT, reader);
                };
                // Zeros: RFC 1042. 00:00:f8: 802.1H bridge tunnel, same meaning.
                let inner = Reader::new(reader.rest());
                match oui {
                    [0, 0, 0] | [0, 0, 0xf8] if id > 1500 => return self.ether(id, inner),
                    _ => self.carries = Carries::Snap { oui, id },
                }
            }
            (0x06, 0x06, 0x03) => self.carries = Carries::Ip,
            _ => {}
        }
        self.payload = reader.rest();
    }

    /// PPPoE session (RFC 2516 §4).
    fn pppoe(&mut self, mut reader: Reader<'a>) {
        let header = (reader.u8(), reader.u8(), reader.u16(), reader.u16());
        let (Some(version), Some(code), Some(_session), Some(len)) = header else {
            return self.end(Faults::LINK_CUT, reader);
        };
        if version != 0x11 || code != 0 {
            return self.end(Faults::LINK_BAD, reader);
        }
        let body = reader.at_most(len.into());
        if body.len() < usize::from(len) {
            self.faults.add(Faults::LINK_CUT);
        }
        self.ppp(Reader::new(body));
    }

    /// From the PPP protocol field on, which may be squeezed to one byte (RFC 1661 §6.5).
    pub fn ppp(&mut self, mut reader: Reader<'a>) {
        let Some(first) = reader.u8() else { return self.end(Faults::LINK_CUT, reader) };
        let protocol = if first & 1 == 1 {
            u16::from(first)
        } else {
            let Some(second) = reader.u8() else { return self.end(Faults::LINK_CUT, reader) };
            u16::from_be_bytes([first, second])
        };
        self.carries = match protocol {
            0x0021 | 0x0057 => Carries::Ip,
            other => Carries::Ppp(other),
        };
        self.payload = reader.rest();
    }

    /// MPLS labels (RFC 3032): bit 8 marks the last.
    fn mpls(&mut self, mut reader: Reader<'a>) {
        for _ in 0..8 {
            let Some(label) = reader.u32() else { return self.end(Faults::LINK_CUT, reader) };
            if label & 0x100 != 0 {
                // A pseudowire has a zero here; only IP is followed.
                let is_ip = matches!(reader.rest().first().map(|byte| byte >> 4), Some(4 | 6));
                self.carries = if is_ip { Carries::Ip } else { Carries::Nothing };
                self.payload = reader.rest();
                return;
            }
        }
        self.end(Faults::TOO_DEEP, reader);
    }

    fn end(&mut self, fault: Faults, reader: Reader<'a>) {
        self.faults.add(fault);
        self.carries = Carries::Nothing;
        self.payload = reader.rest();
    }
}
