//! # What devices want of the Internet
//!
//! Questions for names tell whose services a device uses, and that tells who made it. Greetings of TLS
//! and requests of HTTP name them too, see [`note`]. Only domains of the list in [`clouds`] are noted, one of each sort; all else is passed
//! over unread. Heard only where the traffic of others can be heard: on a router, a mirror port, in
//! a capture file.

use std::net::IpAddr;

use crate::{
    intel::clouds::{self, Cloud},
    model::{Fact, MacAddr, Subject},
    wire::{Frame, dns::Message, udp::Udp},
};

use super::Gleaned;

const DNS: u16 = 53;

/// Nothing is said of a sender from beyond a router: the MAC would be the router's.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, udp: &Udp<'_>, mac: MacAddr, from: IpAddr) {
    if udp.destination != DNS || !gleaned.is_own_voice(frame, from) {
        return;
    }
    if let Some(cloud) = question(udp.payload).and_then(|name| clouds::known(&name)) {
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
