//! Whole frames on every link: the first two bytes choose it. Here all that lies below the packet is read (`ethernet`,
//! `cooked`, `link`, `ieee80211`, `radiotap`; `frame` puts it together, `faults` are counted, `names` are given), and what
//! tunnels carry.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::LinkType,
    wire::{Frame, link_name, protocol_name, tunnel},
};

fuzz_target!(|bytes: &[u8]| {
    let Some((link, bytes)) = bytes.split_first_chunk::<2>() else { return };
    let frame = Frame::decode(LinkType(u16::from_le_bytes(*link) % 300), bytes);
    assert!(frame.payload().len() <= bytes.len() && frame.link_payload.len() <= bytes.len());
    // Packets within packets end, since each takes bytes, and all are of who put the outer one on the wire.
    let mut inner = tunnel::inside(&frame);
    let mut left = frame.payload().len();
    while let Some(carried) = inner {
        assert_eq!((carried.source, carried.destination), (frame.source, frame.destination));
        assert!(carried.payload().len() < left);
        left = carried.payload().len();
        inner = tunnel::inside(&carried);
    }
    assert!(!protocol_name(&frame).is_empty() && !link_name(frame.link).is_empty());
});
