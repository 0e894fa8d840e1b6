//! ARP: what reads, writes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::arp::Arp;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(arp) = Arp::read(bytes) {
        assert_eq!(arp.bytes()[8..], bytes[8..Arp::LEN]);
    }
});
