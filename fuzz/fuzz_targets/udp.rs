//! UDP headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::udp::Udp;

fuzz_target!(|bytes: &[u8]| {
    if let (Some(udp), _) = Udp::read(bytes) {
        assert!(udp.payload.len() + 8 <= bytes.len());
    }
});
