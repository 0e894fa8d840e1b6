//! TLS greetings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::tls::server_name;

fuzz_target!(|bytes: &[u8]| {
    assert!(server_name(bytes).is_none_or(|name| name.is_ascii() && name.len() < bytes.len()));
});
