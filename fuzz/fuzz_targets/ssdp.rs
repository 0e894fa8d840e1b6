//! SSDP start lines, headers and URLs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::ssdp::{Ssdp, url_host};

fuzz_target!(|bytes: &[u8]| {
    if let Some(message) = Ssdp::read(bytes) {
        assert!(message.headers().count() <= 64);
        for (_, value) in message.headers() {
            let _ = url_host(value);
        }
    }
});
