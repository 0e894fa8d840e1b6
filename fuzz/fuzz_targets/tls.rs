//! TLS greetings (`ja4`), and certificates in answers (`certificate`).
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::tls::{Hello, Over, certificate, fingerprint, server_name};

fuzz_target!(|bytes: &[u8]| {
    assert!(server_name(bytes).is_none_or(|name| name.is_ascii() && name.len() < bytes.len()));
    for hello in [Hello::in_record(bytes), Hello::read(bytes)].into_iter().flatten() {
        let ja4 = fingerprint(&hello, Over::Tcp);
        assert!(ja4.is_none_or(|text| text.len() == 36 && text.is_ascii()));
    }
    assert!(certificate(bytes).is_none_or(|shown| shown.common_name.len() + shown.organization.len() < bytes.len()));
});
