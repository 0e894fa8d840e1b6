//! Conversations cut anywhere, over TCP or in datagrams: whatever either side says, no reader of protocols stumbles, what
//! is kept of it is short, and users are masked.
//!
//! Input: a byte for the port, a byte for the protocol, then pieces: one byte with the side (highest bit) and how many
//! bytes it says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Captured, InterfaceId, LinkType, Moment, Mono, Wall},
    traffic::{Noticed, PATH_MAX, Traffic, What},
    wire::Frame,
};

/// Those by which readers are chosen; the rest go by content.
const PORTS: [u16; 16] = [21, 22, 23, 25, 53, 80, 110, 143, 161, 389, 445, 135, 1433, 3306, 5060, 6379];
const CALLER: u16 = 40_000;
const SYN: u8 = 2;
const ACK: u8 = 16;

fuzz_target!(|bytes: &[u8]| {
    let [port, protocol, rest @ ..] = bytes else { return };
    let port = PORTS[usize::from(*port) % PORTS.len()];
    let (mut wire, mut rest) = (Wire { traffic: Traffic::new(7), at: 1, out: Vec::new() }, rest);
    if protocol & 1 == 0 {
        wire.tcp(true, port, SYN, [0, 0], &[]);
        wire.tcp(false, port, SYN | ACK, [0, 1], &[]);
    }
    let mut said = [1u32, 1];
    while let Some((head, after)) = rest.split_first() {
        let (is_client, len) = (head & 0x80 == 0, usize::from(head & 0x7f).min(after.len()));
        let (piece, next) = after.split_at(len);
        let [own, other] = if is_client { said } else { [said[1], said[0]] };
        if protocol & 1 == 0 {
            wire.tcp(is_client, port, ACK, [own, other], piece);
        } else {
            wire.udp(is_client, port, piece);
        }
        said[usize::from(!is_client)] = own.wrapping_add(len as u32);
        rest = next;
    }
    wire.at += 3_600_000;
    wire.traffic.wake(wire.now(), &mut wire.out);
    for noticed in &wire.out {
        match &noticed.what {
            What::Credential(credential) => is_masked(&credential.user),
            What::Login(login) => is_masked(&login.user),
            What::HttpRequest(http) | What::HttpAnswer(http) => {
                // Bytes that are no letters became signs of three.
                assert!(http.path.len() <= 3 * PATH_MAX && http.host.len() <= PATH_MAX && http.body.len() <= 64 * 1024);
            }
            What::Tls(tls) => assert!(tls.name.as_ref().is_none_or(|name| name.len() <= 255)),
            _ => {}
        }
    }
    // Whoever is looked up is a neighbour's; an answer names many.
    let most = |name: &str| if name == "traffic.neighbours" { 128 } else { 4 };
    assert!(wire.traffic.sizes().iter().all(|(name, size)| *size <= most(name)), "{:?}", wire.traffic.sizes());
});

/// What is left of a user's name is its first letter.
fn is_masked(user: &str) {
    assert!(user.is_empty() || (user.ends_with("***") && user.chars().count() == 4), "{user:?}");
}

struct Wire {
    traffic: Traffic,
    /// Milliseconds.
    at: u64,
    out: Vec<Noticed>,
}

impl Wire {
    fn now(&self) -> Moment {
        Moment { mono: Mono(self.at * 1_000_000), wall: Wall(self.at as i64) }
    }

    fn tcp(&mut self, is_client: bool, port: u16, flags: u8, [sequence, acknowledgment]: [u32; 2], said: &[u8]) {
        let (from, to) = if is_client { (CALLER, port) } else { (port, CALLER) };
        let mut body = [from.to_be_bytes(), to.to_be_bytes()].concat();
        body.extend(sequence.to_be_bytes());
        body.extend(acknowledgment.to_be_bytes());
        body.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        body.extend(said);
        self.packet(is_client, 6, &body);
    }

    fn udp(&mut self, is_client: bool, port: u16, said: &[u8]) {
        let (from, to) = if is_client { (CALLER, port) } else { (port, CALLER) };
        let len = (said.len() + 8) as u16;
        let head = [from.to_be_bytes(), to.to_be_bytes(), len.to_be_bytes(), [0; 2]].concat();
        self.packet(is_client, 17, &[&head, said].concat());
    }

    fn packet(&mut self, is_client: bool, protocol: u8, body: &[u8]) {
        let [a, b] = ((body.len() + 20) as u16).to_be_bytes();
        let (from, to) = if is_client { (5, 9) } else { (9, 5) };
        let head = [0x45, 0, a, b, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, from, 10, 0, 0, to];
        let bytes = [&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0][..], &head, body].concat();
        self.at += 1;
        let (link, at) = (LinkType::ETHERNET, self.now());
        let captured = Captured { link, interface: InterfaceId(1), at, wire_len: bytes.len() as u32, bytes: &bytes };
        self.traffic.take(&captured, &Frame::decode(link, &bytes), at, &mut self.out);
    }
}
