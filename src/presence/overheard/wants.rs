//! # What devices want of the Internet
//!
//! Questions for names and greetings of TLS tell whose services a device uses, and that tells who
//! made it. Only domains of the list in [`clouds`] are noted, one of each sort; all else is passed
//! over unread. Heard only where the traffic of others can be heard: on a router, a mirror port, in
//! a capture file.

use std::net::IpAddr;

use crate::{
    intel::clouds,
    model::{Fact, MacAddr, Subject, is_private},
    wire::{Frame, dns::Message, tls},
};

use super::{Gleaned, spoken};

const DNS: u16 = 53;
const HTTPS: u16 = 443;

/// Nothing is said of a sender from beyond a router: the MAC would be the router's.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr, from: IpAddr) {
    if !is_private(from) {
        return;
    }
    spoken::glean(gleaned, frame, mac);
    let known = match (frame.udp(), frame.tcp()) {
        (Some(udp), _) if udp.destination == DNS => question(udp.payload).and_then(|name| clouds::known(&name)),
        (_, Some(tcp)) if tcp.destination == HTTPS => tls::server_name(tcp.payload).and_then(clouds::known),
        _ => None,
    };
    if let Some(cloud) = known {
        let key = if cloud.is_general() { "asks_as_system" } else { "asks" };
        gleaned.fact(Subject::mac(mac), Fact::Label { key, value: cloud.what.to_owned() });
    }
}

fn question(payload: &[u8]) -> Option<String> {
    let message = Message::read(payload).filter(|message| !message.is_response() && message.opcode() == 0)?;
    message.questions().next().map(|question| question.name.to_string())
}
