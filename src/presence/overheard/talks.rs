//! # What devices say to others over TCP
//!
//! Heard only where the traffic of others can be heard: on a router, a mirror port, in a capture
//! file. What a packet shows is its sender's only if the sender itself sent it, see
//! [`Gleaned::is_own_voice`]: a router's hardware address carries the words of the whole Internet.

use std::net::IpAddr;

use crate::{
    model::MacAddr,
    wire::{Frame, tcp::Tcp},
};

use super::{Gleaned, greetings, stacks, web};

/// A SYN, or the start of something. Most segments carry the middle of something: told apart by one byte.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, tcp: &Tcp<'_>, mac: MacAddr, from: IpAddr) {
    if tcp.flags.is_open() {
        if gleaned.is_own_voice(frame, from) {
            stacks::glean(gleaned, frame, mac);
        }
        return;
    }
    match tcp.payload.first() {
        // A record of TLS that carries a handshake.
        Some(22) if gleaned.is_own_voice(frame, from) => greetings::over_tcp(gleaned, tcp.payload, mac),
        // Methods, `HTTP/1.`, and a document that comes in its own segment.
        Some(b'A'..=b'Z' | b'<') if gleaned.is_own_voice(frame, from) => web::glean(gleaned, tcp.payload, mac),
        _ => {}
    }
}
