//! TCP headers and options.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::tcp::Tcp;

fuzz_target!(|bytes: &[u8]| {
    if let (Some(tcp), _) = Tcp::read(bytes) {
        assert!(tcp.payload.len() + tcp.options.len() + 20 <= bytes.len());
        assert!(tcp.options().count() <= 20);
        let _ = tcp.segment_max();
    }
});
