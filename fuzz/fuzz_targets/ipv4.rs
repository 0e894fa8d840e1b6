//! IPv4 headers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::ipv4::Ipv4;

fuzz_target!(|bytes: &[u8]| {
    if let (Some(header), _) = Ipv4::read(bytes) {
        assert!(header.payload.len() + header.options.len() + 20 <= bytes.len());
    }
});
