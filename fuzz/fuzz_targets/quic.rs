//! Datagrams that open QUIC connections.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::quic::Initial;

fuzz_target!(|bytes: &[u8]| {
    for initial in Initial::all(bytes) {
        assert!(initial.id.len() <= 20);
        if let Some(opened) = initial.open() {
            assert!(opened.pieces().all(|(_, piece)| piece.len() < bytes.len()));
        }
    }
});
