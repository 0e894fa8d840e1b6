//! Lease files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::leases;

fuzz_target!(|bytes: &[u8]| {
    let found = leases::read(&String::from_utf8_lossy(bytes), 1_700_000_000);
    assert!(found.len() <= leases::LEASES_MAX);
});
