//! NetBIOS datagrams, claims and status answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{dns::Message, netbios};

fuzz_target!(|bytes: &[u8]| {
    if let Some((name, _)) = netbios::datagram_source(bytes) {
        assert!(name.bytes().len() <= 15);
    }
    let message = Message::read(bytes);
    let _ = message.as_ref().and_then(netbios::claim);
    if let Some(names) = message.and_then(|message| netbios::status_answer(bytes, message.id)) {
        assert!(names.count() <= 255);
    }
});
