//! # What devices want of the Internet
//!
//! Questions for names and greetings of TLS tell whose services a device uses, and that tells who
//! made it. Only domains of the list in [`clouds`] are noted, one of each sort; all else is passed
//! over unread. Heard only where the traffic of others can be heard: on a router, a mirror port, in
//! a capture file. The same is done with ports that belong to one sort of machine ([`ports`]).

use std::net::IpAddr;

use crate::{
    intel::{
        clouds,
        ports::{Talk, Way},
    },
    model::{Fact, MacAddr, Subject, is_private},
    wire::{
        Frame,
        dns::Message,
        tcp::{Flags, Tcp},
        tls,
        udp::Udp,
    },
};

use super::Gleaned;

const DNS: u16 = 53;
const HTTPS: u16 = 443;
/// Systems draw the ports of callers from here on (Linux `ip_local_port_range`; RFC 6335 §6 from 49152 on): what
/// comes from there need not be a service.
const DRAWN_FROM: u16 = 32_768;
/// Below this nobody but services listens (RFC 6335 §6).
const SERVICES_END: u16 = 1_024;

/// Nothing is said of a sender from beyond a router: the MAC would be the router's.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr, from: IpAddr) {
    if !is_private(from) {
        return;
    }
    let known = match (frame.udp(), frame.tcp()) {
        (Some(udp), _) if udp.destination == DNS => question(udp.payload).and_then(|name| clouds::known(&name)),
        (_, Some(tcp)) if tcp.destination == HTTPS => tls::server_name(tcp.payload).and_then(clouds::known),
        _ => None,
    };
    if let Some(cloud) = known {
        let key = if cloud.is_general() { "asks_as_system" } else { "asks" };
        gleaned.fact(Subject::mac(mac), Fact::Label { key, value: cloud.what.to_owned() });
    }
    let talks = match (frame.udp(), frame.tcp()) {
        (Some(udp), _) => datagram(frame, udp),
        (_, Some(tcp)) => stream(tcp),
        _ => [None, None],
    };
    for talk in talks.into_iter().flatten().filter(|talk| talk.is_listed()) {
        gleaned.fact(Subject::mac(mac), Fact::Label { key: "speaks", value: talk.to_string() });
    }
}

/// An answer or a call to all within the home. A port drawn by chance must not look like a service's: what goes out
/// to servers does not count.
fn datagram(frame: &Frame<'_>, udp: &Udp<'_>) -> [Option<Talk>; 2] {
    let to_all = frame.destination.is_some_and(MacAddr::is_multicast);
    let is_local = to_all || frame.addresses().is_some_and(|(_, to)| is_private(to));
    let from = is_local && udp.destination >= SERVICES_END;
    [
        from.then_some(Talk { way: Way::From, tcp: false, port: udp.source }),
        to_all.then_some(Talk { way: Way::To, tcp: false, port: udp.destination }),
    ]
}

/// Begin and end of what it serves; what it says to whom it calls. Scans open or refuse, they do not talk.
fn stream(tcp: &Tcp<'_>) -> [Option<Talk>; 2] {
    let has_talked = tcp.flags.has(Flags::ACK) && !tcp.flags.has(Flags::RST) && !tcp.flags.has(Flags::SYN);
    let ends = has_talked && tcp.flags.has(Flags::FIN) && tcp.source < DRAWN_FROM && tcp.destination >= DRAWN_FROM;
    let says = has_talked && !tcp.payload.is_empty() && tcp.source >= SERVICES_END;
    [
        (tcp.flags.is_accept() || ends).then_some(Talk { way: Way::From, tcp: true, port: tcp.source }),
        says.then_some(Talk { way: Way::To, tcp: true, port: tcp.destination }),
    ]
}

fn question(payload: &[u8]) -> Option<String> {
    let message = Message::read(payload).filter(|message| !message.is_response() && message.opcode() == 0)?;
    message.questions().next().map(|question| question.name.to_string())
}
