//! # Greetings of TLS
//!
//! A client's greeting tells which program speaks (JA4) and whose service it wants, over TCP and over
//! QUIC; a server's answer up to TLS 1.2 shows its certificate.

use std::net::IpAddr;

use crate::{
    intel::clouds,
    model::{Fact, MacAddr, Subject},
    wire::{
        quic::Initial,
        tcp::Tcp,
        tls::{self, Hello, Over, Shape},
    },
};

use super::{Gleaned, halves::Key, text, wants};

/// Shapes of greetings whose fingerprint is kept: a home's programs have some dozens, a few of which speak at a time.
const SHAPES_MAX: usize = 16;

/// Fingerprints made last, by the shapes that they are of.
#[derive(Debug, Default)]
pub struct Shapes {
    known: Vec<(Shape, String)>,
    /// Whose place the next takes.
    next: usize,
}

impl Shapes {
    fn fingerprint(&mut self, shape: Shape) -> String {
        if let Some((_, known)) = self.known.iter().find(|(known, _)| *known == shape) {
            return known.clone();
        }
        let made = shape.fingerprint();
        let one = (shape, made.clone());
        match self.known.get_mut(self.next) {
            Some(place) => *place = one,
            None => self.known.push(one),
        }
        self.next = (self.next + 1) % SHAPES_MAX;
        made
    }
}

/// The start of a handshake over TCP.
pub fn over_tcp(gleaned: &mut Gleaned<'_>, tcp: &Tcp<'_>, (from, to): (IpAddr, IpAddr), mac: MacAddr) {
    let payload = tcp.payload;
    if let Some(hello) = Hello::in_record(payload) {
        greeting(gleaned, &hello, Over::Tcp, mac);
        if !hello.is_whole {
            let (key, at) = (key(tcp, (from, to), mac), gleaned.captured.at.mono);
            gleaned.ears.halves.begin(key, tcp.sequence, at);
            gleaned.ears.halves.add(key, 0, payload, at);
        }
    } else if let Some(shown) = tls::certificate(payload) {
        let names = [shown.common_name, shown.organization].map(text);
        let value = names.iter().filter(|name| !name.is_empty()).map(String::as_str).collect::<Vec<_>>().join(", ");
        gleaned.label(Subject::mac(mac), "tls_certificate", value.as_bytes());
    }
}

/// False if this segment is not the rest of a greeting.
pub fn rest_over_tcp(gleaned: &mut Gleaned<'_>, tcp: &Tcp<'_>, addresses: (IpAddr, IpAddr), mac: MacAddr) -> bool {
    let (key, at) = (key(tcp, addresses, mac), gleaned.captured.at.mono);
    // The first segment once more is no rest.
    let place = gleaned.ears.halves.place(&key, tcp.sequence, at).filter(|place| *place > 0);
    let Some(place) = place else { return false };
    gleaned.ears.halves.add(key, place, tcp.payload, at);
    let whole = gleaned.ears.halves.whole(&key);
    if let Some(hello) = Hello::in_record(&whole).filter(|hello| hello.is_whole) {
        gleaned.ears.halves.done(&key);
        greeting(gleaned, &hello, Over::Tcp, mac);
    }
    true
}

const fn key(tcp: &Tcp<'_>, (from, to): (IpAddr, IpAddr), mac: MacAddr) -> Key {
    Key::tcp(mac, from, to, (tcp.source, tcp.destination))
}

/// The first packets of QUIC, which anybody can open.
pub fn over_quic(gleaned: &mut Gleaned<'_>, datagram: &[u8], mac: MacAddr) {
    let at = gleaned.captured.at.mono;
    for initial in Initial::all(datagram) {
        if !gleaned.may_work() {
            return;
        }
        let Some(opened) = initial.open() else { continue };
        let key = Key::quic(mac, initial.id);
        for (place, piece) in opened.pieces() {
            gleaned.ears.halves.add(key, place, piece, at);
        }
        let whole = gleaned.ears.halves.whole(&key);
        if let Some(hello) = Hello::read(&whole).filter(|hello| hello.is_whole) {
            gleaned.ears.halves.done(&key);
            greeting(gleaned, &hello, Over::Quic, mac);
        }
    }
}

/// What a client opens with.
fn greeting(gleaned: &mut Gleaned<'_>, hello: &Hello<'_>, over: Over, mac: MacAddr) {
    let sender = Subject::mac(mac);
    if let Some(cloud) = hello.server_name().and_then(clouds::known) {
        wants::note(gleaned, sender, cloud);
    }
    if hello.is_whole
        && gleaned.may_work()
        && let Some(shape) = Shape::of(hello, over)
    {
        let value = gleaned.ears.shapes.fingerprint(shape);
        gleaned.fact(sender, Fact::Label { key: "ja4", value });
    }
}
