//! WS-Discovery messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::wsd::{Match, Metadata};

fuzz_target!(|bytes: &[u8]| {
    if let Some(found) = Match::read(bytes) {
        assert!(found.types.len() <= 16 && found.addresses.len() <= 8 && found.name.len() <= 120);
    }
    if let Ok(found) = Metadata::read(bytes) {
        assert!(found.name.len() <= 120 && found.computer.len() <= 120);
    }
});
