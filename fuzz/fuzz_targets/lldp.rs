//! LLDP announcements, and CDP's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{cdp::Cdp, lldp::Lldp};

fuzz_target!(|bytes: &[u8]| {
    if let Some(said) = Lldp::read(bytes) {
        assert!(said.system_name.is_none_or(|name| !name.is_empty() && name.len() < bytes.len()));
        let _ = said.enabled.words().count();
    }
    if let Some(said) = Cdp::read(bytes) {
        assert!(said.device_id.is_some() || said.platform.is_some());
        let _ = said.capabilities.words().count();
    }
});
