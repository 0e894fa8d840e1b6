//! IPv6 headers and their chains.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::ipv6::Ipv6;

fuzz_target!(|bytes: &[u8]| {
    if let (Some(header), _) = Ipv6::read(bytes) {
        assert!(header.payload.len() + 40 <= bytes.len() && header.extensions <= 8);
    }
});
