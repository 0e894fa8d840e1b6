//! # What devices want of the Internet
//!
//! Questions for names and greetings of TLS tell whose services a device uses, and that tells who
//! made it. Only domains of the list in [`clouds`] are noted, one of each sort; all else is passed
//! over unread. Heard only where the traffic of others can be heard: on a router, a mirror port, in
//! a capture file.

use std::net::IpAddr;

use crate::{
    intel::clouds::{self, Cloud},
    model::{Fact, MacAddr, Subject},
    wire::{Frame, dns::Message, tls},
};

use super::Gleaned;

const DNS: u16 = 53;
const HTTPS: u16 = 443;

/// Nothing is said of a sender from beyond a router: the MAC would be the router's.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr, from: IpAddr) {
    let known = match (frame.udp(), frame.tcp()) {
        (Some(udp), _) if udp.destination == DNS => question(udp.payload).and_then(|name| clouds::known(&name)),
        (_, Some(tcp)) if tcp.destination == HTTPS => tls::server_name(tcp.payload).and_then(clouds::known),
        _ => None,
    };
    if let Some(cloud) = known.filter(|_| gleaned.is_own_voice(frame, from)) {
        note(gleaned, Subject::mac(mac), cloud);
    }
}

/// Its sender uses this service.
pub fn note(gleaned: &mut Gleaned<'_>, sender: Subject, cloud: &Cloud) {
    let key = if cloud.is_general() { "asks_as_system" } else { "asks" };
    gleaned.fact(sender, Fact::Label { key, value: cloud.what.to_owned() });
}

fn question(payload: &[u8]) -> Option<String> {
    let message = Message::read(payload).filter(|message| !message.is_response() && message.opcode() == 0)?;
    message.questions().next().map(|question| question.name.to_string())
}
