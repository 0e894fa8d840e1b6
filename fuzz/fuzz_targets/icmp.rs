//! ICMP, neighbour discovery and its options.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{icmp::Icmp, nd};

fuzz_target!(|bytes: &[u8]| {
    let Some(message) = Icmp::read(bytes).as_ref().and_then(nd::Nd::read) else { return };
    for (_, value) in message.options() {
        assert!(value.len() < bytes.len());
        let _ = nd::Prefix::read(value);
    }
});
