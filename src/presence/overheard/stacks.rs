//! # Which system opens a connection
//!
//! The shape of a SYN, by signatures in the notation of p0f 3 (README, §5.4). A hint and no more: a
//! family of systems, and only while nothing better told it. A packet that a router passed on shows
//! the system of whoever sits behind it, so only a host's own voice is looked at.

use crate::{
    model::{Fact, MacAddr, Subject},
    wire::{Frame, stack::Shape},
};

use super::Gleaned;

/// Time to live; window, `*` for any, `small` for one to eight segments; order of options; system.
/// The orders are those of each system's source: Linux `tcp_options_write`, FreeBSD
/// `tcp_addoptions` (game consoles run it too), Apple's of the same with padding, OpenBSD `tcp_output`, lwIP `tcp_enqueue_flags`.
const SYSTEMS: [(u8, &str, &str, &str); 11] = [
    (64, "*", "mss,sok,ts,nop,ws", "Linux"),
    (64, "*", "mss,nop,nop,sok,nop,ws", "Linux"),
    (128, "*", "mss,nop,ws,nop,nop,sok", "Windows"),
    (128, "*", "mss,nop,ws,sok,ts", "Windows"),
    (128, "*", "mss,nop,nop,sok", "Windows"),
    (64, "*", "mss,nop,ws,nop,nop,ts,sok,eol+1", "macOS or iOS"),
    (64, "*", "mss,nop,ws,sok,ts", "BSD"),
    (64, "*", "mss,nop,nop,sok,nop,ws,nop,nop,ts", "BSD"),
    (255, "small", "mss", "small embedded system"),
    (64, "small", "mss", "small embedded system"),
    (128, "small", "mss", "small embedded system"),
];

/// `frame` opens a connection, and is its source's own.
pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr) {
    let Some(shape) = Shape::read(frame) else { return };
    // A host opens all its connections alike.
    if gleaned.was_told(Subject::mac(mac), shape) {
        return;
    }
    if let Some(system) = system(&shape) {
        gleaned.fact(Subject::mac(mac), Fact::Label { key: "os", value: system.to_owned() });
    }
}

/// It is what a SYN tells, not somebody who knows.
pub fn is_hint(value: &str) -> bool {
    SYSTEMS.iter().any(|(.., system)| *system == value)
}

fn system(shape: &Shape<'_>) -> Option<&'static str> {
    let layout = shape.layout();
    let is_small = shape.segments().is_some_and(|count| (1..=8).contains(&count));
    SYSTEMS
        .iter()
        .find(|(ttl, window, order, _)| *ttl == shape.ttl && *order == layout && (*window == "*" || is_small))
        .map(|(.., system)| *system)
}
