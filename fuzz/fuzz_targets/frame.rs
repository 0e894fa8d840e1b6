//! Whole frames on every link: the first two bytes choose it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::{
    model::LinkType,
    wire::{Frame, link_name, protocol_name},
};

fuzz_target!(|bytes: &[u8]| {
    let Some((link, bytes)) = bytes.split_first_chunk::<2>() else { return };
    let frame = Frame::decode(LinkType(u16::from_le_bytes(*link) % 300), bytes);
    assert!(frame.payload().len() <= bytes.len() && frame.link_payload.len() <= bytes.len());
    assert!(!protocol_name(&frame).is_empty() && !link_name(frame.link).is_empty());
});
