//! Answers of routers to actions, and their lists of doors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::soap;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(soap::Answer::Values(values)) = soap::Answer::read(bytes, "X") {
        assert!(values.len() <= 32);
        if let Some(door) = soap::entry(&values) {
            assert!(door.description.len() <= 120 && !door.description.chars().any(char::is_control));
        }
    }
    if let Ok((doors, _)) = soap::list(&String::from_utf8_lossy(bytes)) {
        assert!(doors.len() <= soap::LIST_MAX);
    }
});
