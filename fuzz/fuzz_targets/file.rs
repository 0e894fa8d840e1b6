//! Capture files, packed or not: whatever comes, there is an end to it.
#![no_main]

use std::{io::Cursor, path::Path};

use libfuzzer_sys::fuzz_target;
use porchlight::capture::file;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = file::read(Cursor::new(bytes.to_vec()), Path::new("fuzzed")) else { return };
    let mut timeline = file::Timeline::default();
    let mut last = timeline.at(0).mono;
    while let Some(frame) = reader.next() {
        assert!(frame.bytes.len() <= 256 * 1024 && frame.wire_len as usize >= frame.bytes.len());
        let now = timeline.at(frame.stamp_ns).mono;
        assert!(now >= last, "the boot clock went back");
        last = now;
    }
});
