//! # One frame of views
//!
//! Everything up to the transport header, decoded once and borrowed by all. `Copy`, on the stack,
//! no allocation. What applications say is decoded by who needs it, from [`Frame::payload`].

use std::net::IpAddr;

use crate::{
    model::{LinkType, MacAddr, Port},
    wire::{
        arp::Arp,
        cooked, ethernet,
        faults::Faults,
        icmp::Icmp,
        ieee80211,
        ipv4::Ipv4,
        ipv6::Ipv6,
        link::{Carries, Link, Tags, Wifi, ether_type},
        radiotap,
        tcp::Tcp,
        udp::Udp,
    },
};

/// IP protocol numbers (IANA protocol-numbers).
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const IGMP: u8 = 2;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const SIX_IN_FOUR: u8 = 41;
    pub const GRE: u8 = 47;
    pub const ESP: u8 = 50;
    pub const ICMP_V6: u8 = 58;
    pub const VRRP: u8 = 112;
}

/// The network layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Net<'a> {
    Arp(Arp),
    V4(Ipv4<'a>),
    V6(Ipv6<'a>),
}

/// The transport layer. A later fragment has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    Tcp(Tcp<'a>),
    Udp(Udp<'a>),
    Icmp(Icmp<'a>),
    IcmpV6(Icmp<'a>),
}

/// A frame, decoded up to its transport header.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub link: LinkType,
    pub bytes: &'a [u8],
    /// Who sent it on this link. On 802.11: the source, which is not always the transmitter.
    pub source: Option<MacAddr>,
    pub destination: Option<MacAddr>,
    pub vlans: Tags,
    pub carries: Carries,
    /// Behind the link header.
    pub link_payload: &'a [u8],
    pub wifi: Option<Wifi>,
    pub net: Option<Net<'a>>,
    pub transport: Option<Transport<'a>>,
    pub faults: Faults,
}

impl<'a> Frame<'a> {
    /// Reads one frame. Never fails: what cannot be read is a fault, what was whole is kept.
    #[must_use]
    pub fn decode(link: LinkType, bytes: &'a [u8]) -> Frame<'a> {
        let read = read_link(link, bytes);
        let mut frame = Frame {
            link,
            bytes,
            source: read.source,
            destination: read.destination,
            vlans: read.tags,
            carries: read.carries,
            link_payload: read.payload,
            wifi: read.wifi,
            net: None,
            transport: None,
            faults: read.faults,
        };
        frame.read_net();
        frame
    }

    fn read_net(&mut self) {
        let kind = match self.carries {
            Carries::Ether(kind) => kind,
            Carries::Ip => match self.link_payload.first().map(|byte| byte >> 4) {
                Some(4) => ether_type::IPV4,
                Some(6) => ether_type::IPV6,
                Some(_) => return self.faults.add(Faults::NET_BAD),
                None => return self.faults.add(Faults::NET_CUT),
            },
            Carries::Snap { .. } | Carries::Llc(_) | Carries::Ppp(_) | Carries::Nothing => return,
        };
        match kind {
            ether_type::ARP => match Arp::read(self.link_payload) {
                Ok(arp) => self.net = Some(Net::Arp(arp)),
                Err(fault) => self.faults.add(fault),
            },
            ether_type::IPV4 => {
                let (header, faults) = Ipv4::read(self.link_payload);
                self.faults.add(faults);
                self.net = header.map(Net::V4);
                if let Some(header) = header.filter(|header| header.fragment_offset == 0) {
                    self.read_transport(header.protocol, header.payload);
                }
            }
            ether_type::IPV6 => {
                let (header, faults) = Ipv6::read(self.link_payload);
                self.faults.add(faults);
                self.net = header.map(Net::V6);
                if let Some(header) = header.filter(|header| header.fragment.is_none_or(|f| f.offset == 0)) {
                    self.read_transport(header.protocol, header.payload);
                }
            }
            _ => {}
        }
    }

    fn read_transport(&mut self, protocol: u8, bytes: &'a [u8]) {
        let (transport, faults) = match protocol {
            protocol::TCP => {
                let (tcp, faults) = Tcp::read(bytes);
                (tcp.map(Transport::Tcp), faults)
            }
            protocol::UDP => {
                let (udp, faults) = Udp::read(bytes);
                (udp.map(Transport::Udp), faults)
            }
            protocol::ICMP | protocol::ICMP_V6 => {
                let icmp = Icmp::read(bytes);
                let wrap = if protocol == protocol::ICMP { Transport::Icmp } else { Transport::IcmpV6 };
                (icmp.map(wrap), if icmp.is_none() { Faults::TRANSPORT_CUT } else { Faults::NONE })
            }
            _ => return,
        };
        // A first fragment is shorter than what UDP claims; that is no fault of its own.
        let is_fragment = match self.net {
            Some(Net::V4(header)) => header.is_fragment(),
            Some(Net::V6(header)) => header.fragment.is_some(),
            _ => false,
        };
        if !is_fragment || transport.is_none() {
            self.faults.add(faults);
        }
        self.transport = transport;
    }

    /// The packet whose last piece this frame was: `payload` is what all pieces carry, behind the headers of IP.
    #[must_use]
    pub fn joined(&self, payload: &'a [u8]) -> Frame<'a> {
        let mut whole = Frame { transport: None, ..*self };
        let protocol = match &mut whole.net {
            Some(Net::V4(ip)) => {
                (ip.more_fragments, ip.fragment_offset, ip.payload) = (false, 0, payload);
                ip.total_len = u16::try_from(20 + ip.options.len() + payload.len()).unwrap_or_default();
                ip.protocol
            }
            Some(Net::V6(ip)) => {
                (ip.fragment, ip.missing, ip.payload) = (None, 0, payload);
                ip.protocol
            }
            _ => return whole,
        };
        whole.read_transport(protocol, payload);
        whole
    }

    #[must_use]
    pub const fn arp(&self) -> Option<&Arp> {
        if let Some(Net::Arp(arp)) = &self.net { Some(arp) } else { None }
    }
    #[must_use]
    pub const fn ipv4(&self) -> Option<&Ipv4<'a>> {
        if let Some(Net::V4(header)) = &self.net { Some(header) } else { None }
    }
    #[must_use]
    pub const fn ipv6(&self) -> Option<&Ipv6<'a>> {
        if let Some(Net::V6(header)) = &self.net { Some(header) } else { None }
    }
    #[must_use]
    pub const fn tcp(&self) -> Option<&Tcp<'a>> {
        if let Some(Transport::Tcp(tcp)) = &self.transport { Some(tcp) } else { None }
    }
    #[must_use]
    pub const fn udp(&self) -> Option<&Udp<'a>> {
        if let Some(Transport::Udp(udp)) = &self.transport { Some(udp) } else { None }
    }
    #[must_use]
    pub const fn icmp(&self) -> Option<&Icmp<'a>> {
        if let Some(Transport::Icmp(icmp)) = &self.transport { Some(icmp) } else { None }
    }
    #[must_use]
    pub const fn icmp_v6(&self) -> Option<&Icmp<'a>> {
        if let Some(Transport::IcmpV6(icmp)) = &self.transport { Some(icmp) } else { None }
    }

    /// Source and destination of IP.
    #[must_use]
    pub const fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match &self.net {
            Some(Net::V4(header)) => Some((IpAddr::V4(header.source), IpAddr::V4(header.destination))),
            Some(Net::V6(header)) => Some((IpAddr::V6(header.source), IpAddr::V6(header.destination))),
            Some(Net::Arp(_)) | None => None,
        }
    }
    /// Of TCP or UDP.
    #[must_use]
    pub const fn ports(&self) -> Option<(Port, Port)> {
        match &self.transport {
            Some(Transport::Tcp(tcp)) => Some((tcp.source, tcp.destination)),
            Some(Transport::Udp(udp)) => Some((udp.source, udp.destination)),
            Some(Transport::Icmp(_) | Transport::IcmpV6(_)) | None => None,
        }
    }
    /// Of IP, behind extension headers.
    #[must_use]
    pub const fn protocol(&self) -> Option<u8> {
        match &self.net {
            Some(Net::V4(header)) => Some(header.protocol),
            Some(Net::V6(header)) => Some(header.protocol),
            Some(Net::Arp(_)) | None => None,
        }
    }
    /// Time to live, or hop limit.
    #[must_use]
    pub const fn ttl(&self) -> Option<u8> {
        match &self.net {
            Some(Net::V4(header)) => Some(header.ttl),
            Some(Net::V6(header)) => Some(header.hop_limit),
            Some(Net::Arp(_)) | None => None,
        }
    }
    /// What the transport carries; without one, what IP carries.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        match (&self.transport, &self.net) {
            (Some(Transport::Tcp(tcp)), _) => tcp.payload,
            (Some(Transport::Udp(udp)), _) => udp.payload,
            (Some(Transport::Icmp(icmp) | Transport::IcmpV6(icmp)), _) => icmp.body,
            (None, Some(Net::V4(header))) => header.payload,
            (None, Some(Net::V6(header))) => header.payload,
            (None, _) => &[],
        }
    }
}

fn read_link(link: LinkType, bytes: &[u8]) -> Link<'_> {
    // Link types without a name in the model: numbers of tcpdump.org/linktypes.html.
    match link {
        LinkType::ETHERNET => ethernet::read(bytes),
        LinkType::NULL | LinkType::LOOP => cooked::loopback(bytes),
        LinkType::PPP | LinkType(50) => cooked::ppp(bytes),
        LinkType(51) => {
            let mut inner = Link::default();
            inner.ether(ether_type::PPPOE_SESSION, crate::wire::reader::Reader::new(bytes));
            inner
        }
        LinkType(104) => cooked::cisco_hdlc(bytes),
        LinkType(107) => cooked::frame_relay(bytes),
        // 12 and 14 are raw IP of one system's header file written as is; 8 is SLIP.
        LinkType::RAW_IP | LinkType::IPV4 | LinkType::IPV6 | LinkType(8 | 12 | 14) => Link::ip(bytes),
        LinkType::NFLOG => cooked::nflog(bytes),
        LinkType::LINUX_SLL => cooked_or_radio(cooked::sll(bytes)),
        LinkType::LINUX_SLL2 => cooked_or_radio(cooked::sll2(bytes)),
        LinkType::IEEE80211 => ieee80211::read(&radiotap::Radio { frame: bytes, ..radiotap::Radio::default() }),
        LinkType::RADIOTAP => with_radio(radiotap::radiotap(bytes)),
        LinkType(119 | 163) => with_radio(radiotap::prism(bytes)),
        LinkType(192) => match radiotap::ppi(bytes) {
            Some((105, frame)) => with_radio(Some(radiotap::Radio { frame, ..radiotap::Radio::default() })),
            Some((1, frame)) => ethernet::read(frame),
            Some(_) => Link::fault(Faults::LINK_UNKNOWN),
            None => Link::fault(Faults::LINK_CUT),
        },
        _ => Link::fault(Faults::LINK_UNKNOWN),
    }
}

fn with_radio(radio: Option<radiotap::Radio<'_>>) -> Link<'_> {
    radio.map_or(Link::fault(Faults::LINK_CUT), |radio| ieee80211::read(&radio))
}

fn cooked_or_radio((link, has_radio): (Link<'_>, bool)) -> Link<'_> {
    if has_radio { with_radio(radiotap::radiotap(link.payload)) } else { link }
}
