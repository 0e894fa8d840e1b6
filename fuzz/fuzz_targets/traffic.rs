//! Any frames, one after the other: tables of conversations stay in step with each other.
//!
//! Input: pieces of two bytes of length, a byte of milliseconds, and a frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::{Captured, InterfaceId, LinkType, Moment, Mono, Wall},
    traffic::{FLOWS_MAX, Traffic, WAITING_MAX},
    wire::Frame,
};

fuzz_target!(|bytes: &[u8]| {
    let (mut traffic, mut at, mut out, mut rest) = (Traffic::new(7), 1_u64, Vec::new(), bytes);
    while let [high, low, pause, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (bytes, next) = after.split_at(len);
        at += u64::from(*pause) * u64::from(*pause);
        let now = Moment { mono: Mono(at * 1_000_000), wall: Wall(at as i64) };
        let link = if pause & 1 == 0 { LinkType::ETHERNET } else { LinkType::RAW_IP };
        let captured = Captured { link, interface: InterfaceId(1), at: now, wire_len: len as u32, bytes };
        traffic.wake(now, &mut out);
        traffic.take(&captured, &Frame::decode(link, bytes), now, &mut out);
        assert!(traffic.next_wake().is_none_or(|due| due > now.mono));
        let [_, (_, flows), (_, waiting), _] = traffic.sizes();
        // An attempt that was made anew stands in the queue twice until its first time is up.
        assert!(flows <= FLOWS_MAX && waiting <= WAITING_MAX, "{flows} {waiting}");
        // Each frame tells a handful of things.
        assert!(out.len() < 4_096);
        out.clear();
        rest = next;
    }
});
