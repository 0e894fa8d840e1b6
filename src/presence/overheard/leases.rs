//! # What DHCP shows
//!
//! A client's message is about `chaddr`. It is believed if `chaddr` sent it, or if a relay says that
//! it passed it on; otherwise somebody speaks for another, and only the speaker was here.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    model::{Fact, Goodbye, Heard, MacAddr, Proof, Subject, clean_text, is_link_local, is_unicast},
    wire::{
        Frame,
        dhcp::{self, Dhcp, Kind, option},
        dhcp6::{self, Dhcp6},
        dns::Name,
        udp::Udp,
    },
};

use super::{Gleaned, TEXT_MAX, is_device, subject, text};

/// Options whose order is noted; clients send about ten.
const OPTIONS_MAX: usize = 32;
/// Server, rapid commit and reconfiguration stand only in some of a DHCPv6 client's messages.
const NOT_ALWAYS_V6: [u16; 3] = [dhcp6::option::SERVER_ID, 14, 20];

/// False if it is no DHCP.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, udp: &Udp<'_>, sender: Option<MacAddr>) -> bool {
    let Some((from, to)) = frame.addresses() else { return false };
    match (udp.source, udp.destination) {
        // Relays send from 67 to 67 (RFC 1542 §4.1.1).
        (dhcp::PORT_CLIENT | dhcp::PORT_SERVER, dhcp::PORT_SERVER) | (dhcp::PORT_SERVER, dhcp::PORT_CLIENT) => {
            let Some(message) = Dhcp::read(udp.payload) else { return false };
            if message.is_request {
                request(gleaned, &message, from, sender);
            } else {
                reply(gleaned, &message, from, to, sender);
            }
            true
        }
        (dhcp6::PORT_CLIENT, dhcp6::PORT_SERVER) => {
            let message = Dhcp6::read(udp.payload).filter(Dhcp6::is_request);
            let (Some(message), Some(mac)) = (message, sender) else { return false };
            request_v6(gleaned, &message, from, mac);
            true
        }
        _ => false,
    }
}

fn request(gleaned: &mut Gleaned<'_>, message: &Dhcp<'_>, from: IpAddr, sender: Option<MacAddr>) {
    let client = message.client_mac.filter(|mac| is_device(*mac));
    let is_own = client.is_some() && client == sender;
    if let Some(mac) = sender.filter(|_| !is_own) {
        gleaned.alive(Subject::mac(mac), Proof::Frame);
    }
    let Some(mac) = client.filter(|_| is_own || message.is_relayed()) else { return };
    // Renewing, it speaks from the address it holds; ciaddr alone is only what it says.
    let holds = is_own && from == IpAddr::V4(message.client_ip);
    let client = subject(mac, from, holds);
    match message.kind() {
        Some(Kind::Release) => {
            if is_own {
                gleaned.alive(client, Proof::Frame);
            }
            return gleaned.fact(client, Fact::Gone(Goodbye::DhcpRelease));
        }
        Some(Kind::Discover | Kind::Request | Kind::Inform) | None => gleaned.alive(client, Proof::DhcpRequest),
        // It is here, and found its address taken.
        Some(_) => return gleaned.alive(client, Proof::Frame),
    }
    let asked = message.option(option::ASKED).map(<[u8]>::to_vec);
    let vendor_class = message.option(option::VENDOR_CLASS).map(text).filter(|class| !class.is_empty());
    let client_id = message.option(option::CLIENT_ID).map(<[u8]>::to_vec);
    if asked.is_some() || vendor_class.is_some() || client_id.is_some() {
        let asked = asked.unwrap_or_default();
        gleaned.fact(client, Fact::Dhcp { asked, vendor_class, client_id });
    }
    // In which order a client writes its options is its program's habit. Server and address stand only
    // in some of its messages.
    let order = message.options().map(|(code, _)| code);
    let order = order.filter(|code| !matches!(*code, option::SERVER_ID | option::REQUESTED_IP));
    let order = order.take(OPTIONS_MAX).map(|code| code.to_string());
    gleaned.label(client, "dhcp_fingerprint", order.collect::<Vec<_>>().join(",").as_bytes());
    // The server it chose, and the address that it wants back or was offered: both its own word.
    for (key, code) in [("dhcp_server", option::SERVER_ID), ("dhcp_wants", option::REQUESTED_IP)] {
        if let Some(ip) = message.address(code).filter(|ip| is_unicast(IpAddr::V4(*ip))) {
            gleaned.label(client, key, ip.to_string().as_bytes());
        }
    }
    if let Some((raw, is_dns)) = message.host_name() {
        named(gleaned, client, raw, is_dns);
    }
}

fn reply(gleaned: &mut Gleaned<'_>, message: &Dhcp<'_>, from: IpAddr, to: IpAddr, sender: Option<MacAddr>) {
    if let Some(mac) = sender {
        // A broadcast is not routed, so whoever sent it from this address is here.
        let is_here = to == IpAddr::V4(Ipv4Addr::BROADCAST) && !message.is_relayed();
        gleaned.alive(subject(mac, from, is_here), Proof::Frame);
    }
    let address = IpAddr::V4(message.your_ip);
    if let Some(client) = message.client_mac.filter(|mac| is_device(*mac))
        && message.kind() == Some(Kind::Ack)
        && is_unicast(address)
    {
        gleaned.fact(Subject::mac(client), Fact::Address(address));
    }
}

fn request_v6(gleaned: &mut Gleaned<'_>, message: &Dhcp6<'_>, from: IpAddr, mac: MacAddr) {
    let client = subject(mac, from, is_link_local(from));
    match message.kind {
        dhcp6::kind::RELEASE => {
            gleaned.alive(client, Proof::Frame);
            return gleaned.fact(client, Fact::Gone(Goodbye::DhcpRelease));
        }
        dhcp6::kind::DECLINE => return gleaned.alive(client, Proof::Frame),
        _ => gleaned.alive(client, Proof::DhcpRequest),
    }
    if let Some(duid) = message.option(dhcp6::option::CLIENT_ID) {
        let value: String = duid.iter().take(TEXT_MAX / 2).map(|byte| format!("{byte:02x}")).collect();
        gleaned.label(client, "duid", value.as_bytes());
        // Made at another of its interfaces, or before it took to random addresses.
        if let Some(made_at) = dhcp6::duid_mac(duid).filter(|made_at| *made_at != mac && is_device(*made_at)) {
            gleaned.label(client, "duid_mac", made_at.to_string().as_bytes());
        }
    }
    if let Some((_enterprise, class)) = dhcp6::vendor_class(message)
        && let vendor_class = text(class)
        && !vendor_class.is_empty()
    {
        let vendor_class = Some(vendor_class);
        gleaned.fact(client, Fact::Dhcp { asked: Vec::new(), vendor_class, client_id: None });
    }
    let order = message.options().map(|(code, _)| code).filter(|code| !NOT_ALWAYS_V6.contains(code));
    let order = order.take(OPTIONS_MAX).map(|code| code.to_string());
    gleaned.label(client, "dhcp6_fingerprint", order.collect::<Vec<_>>().join(",").as_bytes());
    if let Some(raw) = message.host_name() {
        named(gleaned, client, raw, true);
    }
}

/// A host name, without its domain. Addresses and `localhost` name nobody.
fn named(gleaned: &mut Gleaned<'_>, subject: Subject, raw: &[u8], is_dns: bool) {
    let name = if is_dns {
        // In DNS form but without pointers; a partial name has no root label (RFC 4704 §4.2).
        let padded = [raw, &[0]].concat();
        Name::new(&padded, 0).labels().next().map(text).unwrap_or_default()
    } else {
        let whole = text(raw);
        if whole.parse::<IpAddr>().is_ok() {
            return;
        }
        clean_text(whole.split('.').next().unwrap_or_default(), TEXT_MAX)
    };
    if !name.is_empty() && !name.eq_ignore_ascii_case("localhost") {
        gleaned.fact(subject, Fact::Named { name, by: Heard::Dhcp });
    }
}
