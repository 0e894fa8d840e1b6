//! What is asked of a router's doors, and what it answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porchlight::wire::{natpmp, pcp};

fuzz_target!(|bytes: &[u8]| {
    let (asked, answered) = (natpmp::Request::read(bytes), natpmp::Answer::read(bytes));
    assert!(asked.is_none() || answered.is_none());
    if let Some(found) = pcp::Pcp::read(bytes) {
        assert_eq!(found.result.is_some(), found.epoch_s.is_some());
    }
});
