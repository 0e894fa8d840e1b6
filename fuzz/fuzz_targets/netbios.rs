//! NetBIOS datagrams and claims.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{dns::Message, netbios};

fuzz_target!(|bytes: &[u8]| {
    if let Some((name, _)) = netbios::datagram_source(bytes) {
        assert!(name.bytes().len() <= 15);
    }
    let _ = Message::read(bytes).as_ref().and_then(netbios::claim);
});
