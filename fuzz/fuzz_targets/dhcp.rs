//! DHCP: the options, overloaded or not, end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::dhcp::Dhcp;

fuzz_target!(|bytes: &[u8]| {
    if let Some(message) = Dhcp::read(bytes) {
        assert!(message.options().map(|(_, value)| value.len() + 2).sum::<usize>() <= bytes.len());
        let _ = (message.kind(), message.host_name(), message.is_relayed());
    }
});
