//! Documents of devices.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::upnp::Description;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(found) = Description::read(bytes) {
        assert!(found.services.len() <= 32 && found.name.len() <= 120);
        assert!(!found.name.chars().any(char::is_control));
    }
});
