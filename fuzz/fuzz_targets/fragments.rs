//! Pieces of packets in any order, over one another, without end: joined packets are what their pieces say.
//!
//! Input: pieces of a byte of id and flags, two bytes of offset, a byte of length and a byte of seconds. A packet whose
//! pieces do not contradict each other carries, at each place, the place's own number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Captured, InterfaceId, LinkType, Moment, Mono, Wall},
    traffic::Traffic,
    wire::Frame,
};

fuzz_target!(|bytes: &[u8]| {
    let (mut traffic, mut second, mut out) = (Traffic::new(7), 1_u64, Vec::new());
    for piece in bytes.chunks_exact(5) {
        let [kind, high, low, len, pause] = *piece else { return };
        second += u64::from(pause);
        let (id, more, is_false) = (kind & 7, kind & 8 != 0, kind & 16 != 0);
        let offset = u16::from_be_bytes([high, low]) & 0x1fff;
        let start = usize::from(offset) * 8;
        let body: Vec<u8> = (start..start + usize::from(len) * 4).map(|at| at as u8 ^ u8::from(is_false)).collect();
        let total = (20 + body.len() as u16).to_be_bytes();
        let place = (offset | if more { 0x2000 } else { 0 }).to_be_bytes();
        // A protocol that nobody reads.
        let mut packet = vec![0x45, 0, total[0], total[1], 0, id, place[0], place[1], 64, 253, 0, 0];
        packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend(&body);
        let now = Moment { mono: Mono(second * 1_000_000_000), wall: Wall(second as i64 * 1000) };
        let captured = Captured {
            link: LinkType::RAW_IP,
            interface: InterfaceId(1),
            at: now,
            wire_len: packet.len() as u32,
            bytes: &packet,
        };
        traffic.take(&captured, &Frame::decode(LinkType::RAW_IP, &packet), now, &mut out);
        if let Some(whole) = traffic.joined() {
            assert!(whole.len() <= 65_535);
            // Each byte is the place's, or that of a piece that says otherwise: never one nobody sent.
            assert!(whole.iter().enumerate().all(|(at, byte)| byte ^ at as u8 <= 1), "{whole:?}");
        }
        out.clear();
    }
});
