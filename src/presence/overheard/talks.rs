//! # What devices say to others
//!
//! Heard only where the traffic of others can be heard: on a router, a mirror port, in a capture
//! file. What a packet shows is its sender's only if the sender itself sent it, see
//! [`Gleaned::is_own_voice`]: a router's hardware address carries the words of the whole Internet.

use std::net::IpAddr;

use crate::{
    model::MacAddr,
    wire::{Frame, quic, tcp::Tcp, udp::Udp},
};

use super::{Gleaned, greetings, stacks, wants, web};

/// A SYN, or the start of something. Most segments carry the middle of something: told apart by one byte.
pub fn over_tcp(
    gleaned: &mut Gleaned<'_>,
    frame: &Frame<'_>,
    tcp: &Tcp<'_>,
    mac: MacAddr,
    (from, to): (IpAddr, IpAddr),
) {
    if tcp.flags.is_open() {
        if gleaned.is_own_voice(frame, from) {
            stacks::glean(gleaned, frame, mac);
        }
        return;
    }
    let Some(first) = tcp.payload.first() else { return };
    // A record of TLS that carries a handshake; methods, `HTTP/1.`, and a document in its own segment.
    let is_start = matches!(first, 22 | b'A'..=b'Z' | b'<');
    // The middle of something is worth a look only while a greeting waits for its rest.
    let is_worth_it = is_start || !gleaned.ears.halves.is_empty();
    if !is_worth_it || !gleaned.is_own_voice(frame, from) || greetings::rest_over_tcp(gleaned, tcp, (from, to), mac) {
        return;
    }
    match first {
        22 => greetings::over_tcp(gleaned, tcp, (from, to), mac),
        b'A'..=b'Z' | b'<' => web::glean(gleaned, tcp.payload, mac),
        _ => {}
    }
}

/// A question of DNS, or the opening of QUIC: told by the port and by the first bits.
pub fn over_udp(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, udp: &Udp<'_>, mac: MacAddr, from: IpAddr) {
    let is_quic =
        udp.payload.len() >= quic::DATAGRAM_MIN && udp.payload.first().is_some_and(|first| first >> 6 == 0b11);
    if udp.destination == wants::DNS && gleaned.is_own_voice(frame, from) {
        wants::glean(gleaned, udp.payload, mac);
    } else if is_quic && gleaned.is_own_voice(frame, from) {
        greetings::over_quic(gleaned, udp.payload, mac);
    }
}
