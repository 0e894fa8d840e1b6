//! DHCPv6, relayed or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::dhcp6::{Dhcp6, duid_mac};

fuzz_target!(|bytes: &[u8]| {
    let Some(message) = Dhcp6::read(bytes) else { return };
    assert!(message.options().map(|(_, value)| value.len() + 4).sum::<usize>() <= bytes.len());
    let _ = (message.host_name(), message.option(1).and_then(duid_mac), message.relayed());
});
